//! The spec file of a package that was unpacked from Debian: a list of what is in the build root, and the words around it. Pure.

use std::fmt::Write;

use super::depends::DIST;
use super::tree::{Entry, Kind};
use crate::repo::control::Paragraph;
use crate::repo::version::Evr;

/// What a spec file says.
#[derive(Debug)]
pub struct Spec<'a> {
    /// Fedora's name.
    pub name: &'a str,
    /// Debian's fields.
    pub fields: &'a Paragraph,
    /// Put between Debian's revision and the distribution's tag; `.1` for a rebuild.
    pub bump: &'a str,
    /// Dependency lines.
    pub dependencies: Vec<String>,
    /// Automatic requires that are left out, as regular expressions.
    pub excluded_requires: &'a [String],
    /// Scriptlets and triggers.
    pub scriptlets: String,
    /// Lines of `%files`.
    pub files: Vec<String>,
    /// Whether there is a file at all; without one rpm looks for no dependencies.
    pub has_files: bool,
    /// The build root that was made.
    pub root: &'a str,
}

impl Spec<'_> {
    /// The whole file.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.preamble(&mut text);
        let (summary, body) = description(self.fields.get("Description"));
        let body = if body.is_empty() { summary } else { body };
        let _ = write!(text, "\n%description\n{}\n\n%install\n", escape(&body));
        let _ = write!(text, "rm -rf %{{buildroot}}\nmv {} %{{buildroot}}\n\n", self.root);
        let _ = write!(text, "{}\n%files\n{}\n", self.scriptlets, self.files.join("\n"));
        let evr = self.evr();
        let release = evr.release.unwrap_or_default();
        let _ = write!(
            text,
            "\n%changelog\n* Wed Jan 01 2025 Aril tests <tests@aril.invalid> - {}-{release}\n- From Debian's {} {}\n",
            evr.version,
            self.fields.get("Package"),
            self.fields.get("Version"),
        );
        text
    }

    /// Version and release with the bump and the tag.
    pub fn evr(&self) -> Evr {
        let mut evr = Evr::from_debian(self.fields.get("Version"));
        let release = evr.release.take().unwrap_or_else(|| "1".to_owned());
        evr.release = Some(format!("{release}{}{DIST}", self.bump));
        evr
    }

    fn preamble(&self, text: &mut String) {
        if !self.excluded_requires.is_empty() {
            let patterns = self.excluded_requires.join("|");
            let _ = writeln!(text, "%global __requires_exclude ^({patterns})$");
        }
        let evr = self.evr();
        let debian = self.fields.get("Package");
        let (summary, _) = description(self.fields.get("Description"));
        let _ = writeln!(text, "Name: {}\nVersion: {}", self.name, evr.version);
        let _ = writeln!(text, "Release: {}", evr.release.clone().unwrap_or_default());
        if evr.epoch > 0 {
            let _ = writeln!(text, "Epoch: {}", evr.epoch);
        }
        let home = match self.fields.get("Homepage") {
            "" => format!("https://packages.debian.org/{debian}"),
            home => home.to_owned(),
        };
        let _ = writeln!(text, "Summary: {}\nLicense: LicenseRef-See-Copyright-File", escape(&summary));
        let _ = writeln!(
            text,
            "URL: {}\nVendor: Aril tests (Debian's programs in Fedora's shape)",
            escape(&home)
        );
        if self.fields.get("Architecture") == "all" {
            let _ = writeln!(text, "BuildArch: noarch");
        }
        if !self.has_files {
            let _ = writeln!(text, "AutoReqProv: no");
        }
        let _ = writeln!(text, "Provides: deb({debian}) = {}", evr.with_tag(""));
        for line in &self.dependencies {
            let _ = writeln!(text, "{line}");
        }
    }
}

/// One `%files` line.
pub fn file_line(path: &str, entry: &Entry) -> String {
    let place = glob(path);
    let attributes = format!("%attr({:04o},{},{})", entry.mode, entry.user, entry.group);
    match entry.kind {
        Kind::Directory => return format!("%dir {attributes} {place}"),
        Kind::Link => return place,
        Kind::File => {}
    }
    let mut line = attributes;
    if entry.is_configuration {
        line.push_str(" %config(noreplace)");
    }
    if path.starts_with("/usr/share/licenses/") {
        line.push_str(" %license");
    } else if ["/usr/share/doc/", "/usr/share/man/", "/usr/share/info/"]
        .iter()
        .any(|top| path.starts_with(top))
    {
        line.push_str(" %doc");
    }
    if let Some(language) = language(path) {
        let _ = write!(line, " %lang({language})");
    }
    if let Some(capabilities) = &entry.capabilities {
        let _ = write!(line, " %caps({capabilities})");
    }
    format!("{line} {place}")
}

fn language(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/usr/share/locale/").or_else(|| path.strip_prefix("/usr/share/help/"))?;
    let (first, _) = rest.split_once('/')?;
    let end = first.find(['@', '.']).unwrap_or(first.len());
    (first != "C").then_some(&first[..end])
}

/// A path as a `%files` line takes it: rpm's own characters match themselves by `?`.
fn glob(path: &str) -> String {
    let plain: String = path.chars().map(|c| if "[]*?{}\\\"".contains(c) { '?' } else { c }).collect();
    let plain = plain.replace('%', "%%");
    if plain.contains(' ') { format!("\"{plain}\"") } else { plain }
}

/// Debian's description as a summary and the text below it.
fn description(field: &str) -> (String, String) {
    let (summary, body) = field.split_once('\n').unwrap_or((field, ""));
    let lines = body.lines().map(|line| match line.trim() {
        "." => "",
        line => line,
    });
    let summary = if summary.is_empty() { "No description" } else { summary };
    (summary.to_owned(), lines.collect::<Vec<_>>().join("\n"))
}

fn escape(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_a_file_is() {
        let file = |path: &str, kind, mode| file_line(path, &Entry::of_root(kind, mode, 0));
        let mut edited = Entry::of_root(Kind::File, 0o644, 0);
        edited.is_configuration = true;
        edited.capabilities = Some("cap_net_raw=ep".to_owned());
        let line = "%attr(0644,root,root) %config(noreplace) %caps(cap_net_raw=ep) /etc/a";
        assert_eq!(file_line("/etc/a", &edited), line);
        assert_eq!(file("/usr/a", Kind::Directory, 0o2775), "%dir %attr(2775,root,root) /usr/a");
        assert_eq!(file("/usr/a", Kind::Link, 0o777), "/usr/a");
        assert_eq!(file("/usr/[ %", Kind::File, 0o755), "%attr(0755,root,root) \"/usr/? %%\"");
        let translated = "/usr/share/locale/sr@latin/LC_MESSAGES/a.mo";
        assert_eq!(
            file(translated, Kind::File, 0o644),
            format!("%attr(0644,root,root) %lang(sr) {translated}")
        );
    }

    #[test]
    fn a_bump_is_newer_in_the_release() {
        let fields =
            Paragraph::parse_all("Package: a\nVersion: 1:2.0-3+b1\nDescription: A\n b\n .\n c\n").remove(0);
        let spec = Spec {
            name: "a",
            fields: &fields,
            bump: ".1",
            dependencies: vec![],
            excluded_requires: &[],
            scriptlets: String::new(),
            files: vec![],
            has_files: false,
            root: "/r",
        };
        assert_eq!(spec.evr().with_tag(""), "1:2.0-3+b1.1.fc42");
        let text = spec.text();
        assert!(text.contains("Name: a\nVersion: 2.0\nRelease: 3+b1.1.fc42\nEpoch: 1\n"), "{text}");
        assert!(text.contains("%description\nb\n\nc\n"), "{text}");
    }
}
