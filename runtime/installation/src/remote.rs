//! The remotes that an installation knows: ostree ones in `repo/config`, repositories of RPMs in `rpm-remotes.d`.

use std::path::Path;

use aril_model::{Keyfile, RemoteName, RpmRemote, RpmSource};

use crate::{Installation, InstallationError, Result};

/// Largest file that describes remotes, in bytes.
const LIMIT: u64 = 1 << 20;

/// What kind of repository a remote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// An ostree repository, as Flatpak has them.
    Ostree,
    /// A registry of OCI images, as Fedora's Flatpaks come from.
    Oci,
    /// A repository of RPMs.
    Rpm,
}

impl RemoteKind {
    /// The word for people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ostree => "ostree",
            Self::Oci => "oci",
            Self::Rpm => "rpm",
        }
    }
}

/// Where apps and runtimes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name in this installation.
    pub name: RemoteName,
    /// What it is.
    pub kind: RemoteKind,
    /// Where it is; for a repository of RPMs with `rpm+` before it.
    pub url: String,
    /// Words for people, as the remote gives them: a title, a comment...
    pub title: Option<String>,
    /// A line about it.
    pub comment: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// A page about it.
    pub homepage: Option<String>,
    /// A picture of it.
    pub icon: Option<String>,
    /// The collection that its refs belong to.
    pub collection: Option<String>,
    /// The subset of its refs that is used.
    pub subset: Option<String>,
    /// The file that says which refs are hidden.
    pub filter: Option<String>,
    /// The branch that is meant when none is named.
    pub default_branch: Option<String>,
    /// Higher comes first.
    pub priority: i32,
    /// Whether it is switched off.
    pub is_disabled: bool,
    /// Whether its refs are not to be listed.
    pub is_unlisted: bool,
    /// Whether dependencies of others' apps are not taken from it.
    pub is_not_for_dependencies: bool,
    /// Whether what comes from it must be signed.
    pub is_verified: bool,
}

impl Remote {
    fn new(name: RemoteName, kind: RemoteKind, url: String) -> Self {
        Self {
            name,
            kind,
            url,
            title: None,
            comment: None,
            description: None,
            homepage: None,
            icon: None,
            collection: None,
            subset: None,
            filter: None,
            default_branch: None,
            priority: 1,
            is_disabled: false,
            is_unlisted: false,
            is_not_for_dependencies: false,
            is_verified: true,
        }
    }

    fn from_group(file: &Keyfile, group: &str, name: RemoteName) -> Self {
        let get = |key: &str| file.get(group, key).filter(|value| !value.is_empty());
        let is_set = |key: &str| file.bool(group, key) == Some(true);
        let url = get("url").unwrap_or_default();
        let kind = if url.starts_with("oci+") { RemoteKind::Oci } else { RemoteKind::Ostree };
        Self {
            title: get("xa.title"),
            comment: get("xa.comment"),
            description: get("xa.description"),
            homepage: get("xa.homepage"),
            icon: get("xa.icon"),
            collection: get("collection-id"),
            subset: get("xa.subset"),
            filter: get("xa.filter"),
            default_branch: get("xa.default-branch"),
            priority: get("xa.prio").and_then(|text| text.trim().parse().ok()).unwrap_or(1),
            is_disabled: is_set("xa.disable"),
            is_unlisted: is_set("xa.noenumerate"),
            is_not_for_dependencies: is_set("xa.nodeps"),
            // ostree's own default: what does not say no is verified.
            is_verified: file.bool(group, "gpg-verify") != Some(false),
            ..Self::new(name, kind, url)
        }
    }

    fn from_rpm(remote: RpmRemote) -> Self {
        let url = match &remote.source {
            RpmSource::Urls(urls) => urls.first().cloned().unwrap_or_default(),
            RpmSource::Metalink(url) | RpmSource::MirrorList(url) => url.clone(),
        };
        Self {
            title: remote.title,
            default_branch: remote.release.map(|release| format!("f{release}")),
            is_verified: remote.verify_packages,
            ..Self::new(remote.name, RemoteKind::Rpm, format!("rpm+{url}"))
        }
    }
}

impl Installation {
    /// The remotes, the highest priority first and then by name. A repository of RPMs is listed once, though it also has a group in `repo/config`.
    ///
    /// The second value holds what is wrong with remotes that are left out.
    /// # Errors
    /// When a file is there and cannot be read.
    ///
    /// Source: `flatpak-remote(5)`; `docs/format/rpm-remote.md`.
    pub fn remotes(&self) -> Result<(Vec<Remote>, Vec<String>)> {
        let mut remotes = Vec::new();
        let mut problems = Vec::new();
        self.add_rpm_remotes(&mut remotes, &mut problems)?;
        self.add_ostree_remotes(&mut remotes, &mut problems)?;
        remotes.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
        Ok((remotes, problems))
    }

    fn add_rpm_remotes(&self, remotes: &mut Vec<Remote>, problems: &mut Vec<String>) -> Result<()> {
        let dir = Path::new("rpm-remotes.d");
        let entries = match self.dir().entries(dir) {
            Err(error) if error.is_not_found() => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let Some(stem) = entry.name.to_str().and_then(|name| name.strip_suffix(".conf")) else {
                continue;
            };
            let Ok(name) = stem.parse::<RemoteName>() else { continue };
            let text = self.dir().read_to_string(dir.join(&entry.name), LIMIT)?;
            match RpmRemote::parse(&name, &text) {
                Ok(remote) => remotes.push(Remote::from_rpm(remote)),
                Err(error) => problems.push(format!("rpm-remotes.d/{stem}.conf: {error}")),
            }
        }
        Ok(())
    }

    fn add_ostree_remotes(&self, remotes: &mut Vec<Remote>, problems: &mut Vec<String>) -> Result<()> {
        let text = match self.dir().read_to_string("repo/config", LIMIT) {
            Err(error) if error.is_not_found() => return Ok(()),
            text => text?,
        };
        let file = Keyfile::parse(&text).map_err(|error| InstallationError::Damaged {
            what: self.dir().path().join("repo/config").display().to_string(),
            problem: error.to_string(),
        })?;
        for group in file.group_names() {
            let quoted = group.strip_prefix("remote \"").and_then(|rest| rest.strip_suffix('"'));
            let Some(text) = quoted else { continue };
            match text.parse::<RemoteName>() {
                Ok(name) if remotes.iter().any(|remote| remote.name == name) => {}
                Ok(name) => remotes.push(Remote::from_group(&file, group, name)),
                Err(error) => problems.push(format!("repo/config: {error}")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aril_beneath::Dir;

    use super::*;
    use crate::Scope;

    fn installation(files: &[(&str, &str)]) -> (tempfile::TempDir, Installation) {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        for (path, text) in files {
            dir.create_dir_all(Path::new(path).parent().unwrap(), 0o755).unwrap();
            dir.write_atomic(path, text.as_bytes(), 0o644).unwrap();
        }
        let installation = Installation::open(Scope::User, place.path()).unwrap().unwrap();
        (place, installation)
    }

    #[test]
    fn both_kinds_once_each_in_their_order() {
        let (_place, installation) = installation(&[
            (
                "repo/config",
                "[core]\nmode=bare-user-only\n[remote \"hub\"]\nurl=https://hub/\ngpg-verify=true\nxa.title=Hub\nxa.prio=5\n[remote \"fedora\"]\nurl=file:///x\n[remote \"oci\"]\nurl=oci+https://registry/\ngpg-verify=false\nxa.disable=true\n[remote \"../x\"]\nurl=x\n",
            ),
            ("rpm-remotes.d/fedora.conf", "[RPM Remote]\nurl=https://a/$releasever/;\nrelease=42\n"),
            ("rpm-remotes.d/broken.conf", "[RPM Remote]\n"),
            ("rpm-remotes.d/fedora.gpg", "not for us"),
        ]);
        let (remotes, problems) = installation.remotes().unwrap();
        let shown: Vec<_> = remotes.iter().map(|r| (r.name.as_str(), r.kind, r.url.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("hub", RemoteKind::Ostree, "https://hub/"),
                ("fedora", RemoteKind::Rpm, "rpm+https://a/$releasever/"),
                ("oci", RemoteKind::Oci, "oci+https://registry/"),
            ]
        );
        assert!(remotes[0].is_verified && remotes[1].is_verified && !remotes[2].is_verified);
        assert_eq!((remotes[0].title.as_deref(), remotes[0].priority), (Some("Hub"), 5));
        assert!(remotes[2].is_disabled);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(problems[0], "rpm-remotes.d/broken.conf: it says neither url, metalink nor mirrorlist");
    }

    #[test]
    fn an_installation_without_a_repository_has_none() {
        let (_place, installation) = installation(&[]);
        assert_eq!(installation.remotes().unwrap(), (Vec::new(), Vec::new()));
    }
}
