//! Scriptlets as Fedora's packages have them, for what Debian does in its own scripts: users, alternatives, services.

use anyhow::Result;

use super::maintainer::Alternative;
use super::tree::{Kind, Tree};

/// The scriptlets of a package, with what belongs to them.
#[derive(Debug, Default)]
pub struct Scriptlets {
    post: Vec<String>,
    preun: Vec<String>,
    postun: Vec<String>,
    /// Paths that the package owns but does not hold.
    pub ghosts: Vec<String>,
    /// Lines for the preamble.
    pub dependencies: Vec<String>,
}

impl Scriptlets {
    /// System users, as a file for sysusers; rpm makes them from it.
    pub fn add_users(&mut self, tree: &mut Tree, package: &str, users: &[String]) -> Result<()> {
        for user in users {
            let path = format!("/usr/lib/sysusers.d/{package}-{user}.conf");
            let line = format!("u {user} - \"{package} user\" /var/lib/{user} /usr/sbin/nologin\n");
            tree.add_file(&path, line.as_bytes())?;
        }
        let files: Vec<String> =
            tree.files().filter(|path| path.starts_with("/usr/lib/sysusers.d/")).map(str::to_owned).collect();
        for path in files {
            let text = std::fs::read_to_string(tree.on_disk(&path))?;
            for line in text.lines() {
                self.add_provided_user(line);
            }
        }
        Ok(())
    }

    fn add_provided_user(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(kind), Some(name)) = (words.next(), words.next()) else { return };
        if kind == "u" {
            self.dependencies.push(format!("Provides: user({name})"));
        }
        if kind == "u" || kind == "g" {
            self.dependencies.push(format!("Provides: group({name})"));
        }
    }

    /// Alternatives: the links are %ghost, and made when the package is installed.
    pub fn add_alternatives(&mut self, tree: &mut Tree, alternatives: &[Alternative]) -> Result<()> {
        for one in alternatives {
            let Alternative { link, name, path, priority } = one;
            let choice = format!("/etc/alternatives/{name}");
            if tree.has(link) || !tree.has(path) || self.ghosts.contains(link) {
                continue;
            }
            // rpmbuild wants a ghost to be there.
            for (at, target) in [(link, &choice), (&choice, path)] {
                std::os::unix::fs::symlink(target, tree.make_room(at)?)?;
                self.ghosts.push(at.clone());
            }
            let program = "/usr/sbin/update-alternatives";
            self.post.push(format!("{program} --install {link} {name} {path} {priority} || :"));
            self.preun.push(format!("[ $1 -gt 0 ] || {program} --remove {name} {path} || :"));
            self.dependencies.push(format!("Requires(post): {program}"));
        }
        Ok(())
    }

    /// What `%systemd_post`, `%systemd_preun` and `%systemd_postun_with_restart` become on Fedora.
    pub fn add_services(&mut self, tree: &Tree) {
        let names: Vec<&str> = tree
            .entries()
            .iter()
            .filter(|(_, entry)| entry.kind == Kind::File)
            .filter_map(|(path, _)| path.strip_prefix("/usr/lib/systemd/system/"))
            .filter(|name| !name.contains(['/', '@']))
            .filter(|name| [".service", ".socket", ".timer", ".path"].iter().any(|end| name.ends_with(end)))
            .collect();
        if names.is_empty() {
            return;
        }
        let call = |test: &str, why: &str, verb: &str| {
            let helper = "/usr/lib/systemd/systemd-update-helper";
            let units = names.join(" ");
            format!(
                "if [ {test} ] && [ -x \"{helper}\" ]; then\n    # {why}\n    {helper} {verb} {units} || :\nfi"
            )
        };
        self.post.push(call("$1 -eq 1", "Initial installation", "install-system-units"));
        self.preun.push(call("$1 -eq 0", "Package removal, not upgrade", "remove-system-units"));
        self.postun.push(call("$1 -ge 1", "Package upgrade, not uninstall", "mark-restart-system-units"));
    }

    /// As a spec file has them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (tag, lines) in [("%post", &self.post), ("%preun", &self.preun), ("%postun", &self.postun)] {
            if !lines.is_empty() {
                text.push_str(&format!("{tag}\n{}\n\n", lines.join("\n")));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_alternatives_have_fedoras_scriptlets() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(dir.path(), 0).unwrap();
        tree.add_file("/usr/lib/systemd/system/a.service", b"").unwrap();
        tree.add_file("/usr/lib/systemd/system/a@.service", b"").unwrap();
        tree.add_file("/usr/bin/nano", b"").unwrap();
        let mut scriptlets = Scriptlets::default();
        scriptlets.add_services(&tree);
        let editor = Alternative {
            link: "/usr/bin/editor".into(),
            name: "editor".into(),
            path: "/usr/bin/nano".into(),
            priority: "40".into(),
        };
        scriptlets.add_alternatives(&mut tree, &[editor]).unwrap();
        scriptlets.add_users(&mut tree, "a", &["a".to_owned()]).unwrap();
        let text = scriptlets.text();
        assert!(text.contains("install-system-units a.service || :\n"), "{text}");
        assert!(
            text.contains("update-alternatives --install /usr/bin/editor editor /usr/bin/nano 40 || :"),
            "{text}"
        );
        assert_eq!(scriptlets.ghosts, ["/usr/bin/editor", "/etc/alternatives/editor"]);
        assert!(scriptlets.dependencies.contains(&"Provides: user(a)".to_owned()));
    }
}
