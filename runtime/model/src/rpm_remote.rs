//! A remote that is a repository of RPMs: the file `rpm-remotes.d/NAME.conf` of an installation, and the `.repo` files of yum and dnf.
//!
//! Source: `docs/format/rpm-remote.md`; `dnf.conf(5)`, "Repo options".

use crate::{Arch, Hint, Keyfile, KeyfileError, RemoteName};

/// The group of the file.
const GROUP: &str = "RPM Remote";

/// Where packages come from, and how far they are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmRemote {
    /// The name, which is the file's.
    pub name: RemoteName,
    /// Words for people.
    pub title: Option<String>,
    /// Where it lies.
    pub source: RpmSource,
    /// What `$releasever` stands for; it also makes the branch of what is built: `42` gives `f42`.
    pub release: Option<String>,
    /// What `$basearch` stands for.
    pub arch: Arch,
    /// Whether each package must be signed by a key of `NAME.gpg`.
    pub verify_packages: bool,
    /// Whether `repomd.xml` must be signed by a key of `NAME.gpg`.
    pub verify_metadata: bool,
}

/// How the repository is found. Texts as they were written, variables and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpmSource {
    /// Its directory: `file://`, `http://` or `https://`; several are copies of one.
    Urls(Vec<String>),
    /// A list of mirrors with the checksum of `repomd.xml`.
    Metalink(String),
    /// A list of mirrors, a line each.
    MirrorList(String),
}

/// A text that is no remote of RPMs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpmRemoteError {
    /// Not a keyfile.
    #[error("it is not a keyfile: {0}")]
    Keyfile(#[from] KeyfileError),
    /// Nothing says where the packages are.
    #[error("it says neither url, metalink nor mirrorlist")]
    NoSource,
    /// Not a url that can be used.
    #[error("'{0}' is not a file://, http:// or https:// url")]
    Url(String),
    /// A variable that nothing gives a value.
    #[error("'{0}' has a variable without a value")]
    Variable(String),
    /// Not a release.
    #[error("'{0}' is not a release: it is like 42 or rawhide")]
    Release(String),
    /// Not an architecture.
    #[error("'{0}' is not an architecture")]
    Arch(String),
    /// No section that could be used.
    #[error("there is no repository '{0}' in the file")]
    NoSection(String),
    /// No section at all, or none that is enabled.
    #[error("the file has no enabled repository")]
    NothingEnabled,
}

impl Hint for RpmRemoteError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Variable(text) if text.contains("releasever") => {
                Some("say what `$releasever` stands for: `--release=42`".into())
            }
            Self::Variable(_) => {
                Some("`$releasever` and `$basearch` have values; write others out in the url".into())
            }
            Self::NoSection(_) => Some("`--repo-id` takes what stands between [ and ] in the file".into()),
            Self::NothingEnabled => Some("`--repo-id=ID` takes one that is not enabled, too".into()),
            _ => None,
        }
    }
}

impl RpmRemote {
    /// Reads the file of a remote.
    ///
    /// # Errors
    /// When something is missing or wrong.
    pub fn parse(name: &RemoteName, text: &str) -> Result<Self, RpmRemoteError> {
        let file = Keyfile::parse(text)?;
        let get = |key: &str| file.get(GROUP, key).filter(|value| !value.is_empty());
        let arch = get("arch").map_or(Ok(Arch::native()), |text| parse_arch(&text))?;
        let remote = Self {
            name: name.clone(),
            title: get("title"),
            source: RpmSource::from_parts(file.list(GROUP, "url"), get("metalink"), get("mirrorlist"))?,
            release: get("release"),
            arch,
            // What is missing or misspelt means more checks, not fewer.
            verify_packages: file.bool(GROUP, "verify-packages") != Some(false),
            verify_metadata: file.bool(GROUP, "verify-metadata") == Some(true),
        };
        remote.check()?;
        Ok(remote)
    }

    /// The file of the remote.
    pub fn to_keyfile(&self) -> Keyfile {
        let mut file = Keyfile::new();
        if let Some(title) = &self.title {
            file.set(GROUP, "title", title);
        }
        match &self.source {
            RpmSource::Urls(urls) => file.set_list(GROUP, "url", urls),
            RpmSource::Metalink(url) => file.set(GROUP, "metalink", url),
            RpmSource::MirrorList(url) => file.set(GROUP, "mirrorlist", url),
        }
        if let Some(release) = &self.release {
            file.set(GROUP, "release", release);
        }
        file.set(GROUP, "arch", self.arch.as_str());
        file.set(GROUP, "verify-packages", if self.verify_packages { "true" } else { "false" });
        file.set(GROUP, "verify-metadata", if self.verify_metadata { "true" } else { "false" });
        file
    }

    /// Where the repository is found, with `$releasever` and `$basearch` (also as `${…}`) replaced.
    ///
    /// # Errors
    /// When a variable has no value, or the result is no url.
    pub fn resolved(&self) -> Result<RpmSource, RpmRemoteError> {
        let one = |text: &str| self.expand(text);
        Ok(match &self.source {
            RpmSource::Urls(urls) => {
                RpmSource::Urls(urls.iter().map(|url| one(url)).collect::<Result<_, _>>()?)
            }
            RpmSource::Metalink(url) => RpmSource::Metalink(one(url)?),
            RpmSource::MirrorList(url) => RpmSource::MirrorList(one(url)?),
        })
    }

    /// Checks what [`Self::parse`] checks: a remote that was put together passes it before it is written.
    ///
    /// # Errors
    /// When the release or a url is wrong.
    pub fn check(&self) -> Result<(), RpmRemoteError> {
        if let Some(release) = &self.release {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if !release.chars().all(allowed) || release.starts_with('.') || release.len() > 64 {
                return Err(RpmRemoteError::Release(shown(release)));
            }
        }
        self.resolved().map(drop)
    }

    /// A text with `$releasever` and `$basearch` replaced, as far as they have values.
    pub fn with_values(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in [("releasever", self.release.as_deref()), ("basearch", Some(self.arch.as_str()))]
        {
            if let Some(value) = value {
                out = out.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
            }
        }
        out
    }

    fn expand(&self, text: &str) -> Result<String, RpmRemoteError> {
        let out = self.with_values(text);
        if out.contains('$') {
            return Err(RpmRemoteError::Variable(shown(text)));
        }
        let known = ["file:///", "http://", "https://"].iter().any(|scheme| out.starts_with(scheme));
        if !known || out.chars().any(|c| c.is_control() || c == ' ') {
            return Err(RpmRemoteError::Url(shown(text)));
        }
        Ok(out)
    }
}

impl RpmSource {
    /// Whether where it lies depends on the release.
    pub fn names_release(&self) -> bool {
        let names = |text: &String| text.contains("$releasever") || text.contains("${releasever}");
        match self {
            Self::Urls(urls) => urls.iter().any(names),
            Self::Metalink(url) | Self::MirrorList(url) => names(url),
        }
    }

    /// The directory behind a remote's url as it is typed: `rpm+file:///srv/fedora`, `rpm+https://…`; `None` if it is not of this kind.
    pub fn from_typed(url: &str) -> Option<Self> {
        let url = url.strip_prefix("rpm+")?;
        Some(Self::Urls(vec![url.to_owned()]))
    }

    fn from_parts(
        urls: Vec<String>,
        metalink: Option<String>,
        mirrorlist: Option<String>,
    ) -> Result<Self, RpmRemoteError> {
        match (metalink, urls, mirrorlist) {
            (Some(metalink), ..) => Ok(Self::Metalink(metalink)),
            (None, urls, _) if !urls.is_empty() => Ok(Self::Urls(urls)),
            (None, _, Some(mirrorlist)) => Ok(Self::MirrorList(mirrorlist)),
            _ => Err(RpmRemoteError::NoSource),
        }
    }
}

/// One repository of a `.repo` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoSection {
    /// The text between the brackets.
    pub id: String,
    /// `name`.
    pub title: Option<String>,
    /// `baseurl`, `metalink` or `mirrorlist`.
    pub source: RpmSource,
    /// `gpgkey`: urls of keys, variables and all.
    pub keys: Vec<String>,
    /// `gpgcheck`; missing means yes.
    pub verify_packages: bool,
    /// `repo_gpgcheck`, if it is said.
    pub verify_metadata: Option<bool>,
}

impl RepoSection {
    /// Reads a `.repo` file and takes the repository `id` of it, else the first that is enabled.
    ///
    /// # Errors
    /// When there is none, or it does not say where it lies.
    pub fn choose(text: &str, id: Option<&str>) -> Result<Self, RpmRemoteError> {
        let sections = sections(text);
        let is_enabled =
            |section: &&Section| section.get("enabled").is_none_or(|value| flag(value) != Some(false));
        let section = match id {
            Some(id) => sections.iter().find(|section| section.id == id),
            None => sections.iter().find(is_enabled),
        };
        let section = section.ok_or_else(|| match id {
            Some(id) => RpmRemoteError::NoSection(shown(id)),
            None => RpmRemoteError::NothingEnabled,
        })?;
        let get = |key: &str| section.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
        Ok(Self {
            id: section.id.clone(),
            title: get("name"),
            source: RpmSource::from_parts(section.words("baseurl"), get("metalink"), get("mirrorlist"))?,
            keys: section.words("gpgkey"),
            verify_packages: section.get("gpgcheck").and_then(flag) != Some(false),
            verify_metadata: section.get("repo_gpgcheck").and_then(flag),
        })
    }
}

struct Section {
    id: String,
    entries: Vec<(String, String)>,
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A value as a list: separated by white space, commas or new lines.
    fn words(&self, key: &str) -> Vec<String> {
        let value = self.get(key).unwrap_or_default();
        let words = value.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }
}

/// The sections of an INI file; a line that begins with white space continues the value above it.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(id) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { id: id.trim().to_owned(), entries: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        match (line.starts_with(char::is_whitespace), section.entries.last_mut(), trimmed.split_once('=')) {
            (true, Some((_, value)), _) => value.extend(["\n", trimmed]),
            (_, _, Some((key, value))) => {
                section.entries.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            _ => {}
        }
    }
    sections
}

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn parse_arch(text: &str) -> Result<Arch, RpmRemoteError> {
    text.parse().map_err(|_| RpmRemoteError::Arch(shown(text)))
}

fn shown(text: &str) -> String {
    crate::printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> RemoteName {
        "fedora".parse().unwrap()
    }

    fn urls(items: &[&str]) -> RpmSource {
        RpmSource::Urls(items.iter().map(|&item| item.to_owned()).collect())
    }

    #[test]
    fn file_round_trip() {
        let remote = RpmRemote {
            name: name(),
            title: Some("Fedora 42".into()),
            source: urls(&["https://a/$releasever/$basearch/os/", "https://b/${releasever}/"]),
            release: Some("42".into()),
            arch: "x86_64".parse().unwrap(),
            verify_packages: true,
            verify_metadata: false,
        };
        assert_eq!(RpmRemote::parse(&name(), &remote.to_keyfile().to_string()), Ok(remote.clone()));
        assert_eq!(remote.resolved(), Ok(urls(&["https://a/42/x86_64/os/", "https://b/42/"])));
    }

    #[test]
    fn checks_stay_on_when_nothing_is_said() {
        let remote =
            RpmRemote::parse(&name(), "[RPM Remote]\nurl=file:///srv/r;\nverify-packages=flase\n").unwrap();
        assert!(remote.verify_packages && !remote.verify_metadata);
        let off =
            RpmRemote::parse(&name(), "[RPM Remote]\nurl=file:///srv/r;\nverify-packages=false\n").unwrap();
        assert!(!off.verify_packages);
    }

    #[test]
    fn refused() {
        let table = [
            ("", RpmRemoteError::NoSource),
            ("url=ftp://x/;", RpmRemoteError::Url("ftp://x/".into())),
            ("url=file://relative;", RpmRemoteError::Url("file://relative".into())),
            ("url=https://x/$releasever;", RpmRemoteError::Variable("https://x/$releasever".into())),
            ("url=https://x/$uuid;\nrelease=42", RpmRemoteError::Variable("https://x/$uuid".into())),
            ("url=https://x/;\nrelease=../42", RpmRemoteError::Release("../42".into())),
            ("url=https://x/;\narch=x/y", RpmRemoteError::Arch("x/y".into())),
        ];
        for (text, error) in table {
            assert_eq!(RpmRemote::parse(&name(), &format!("[RPM Remote]\n{text}\n")), Err(error), "{text}");
        }
    }

    #[test]
    fn repo_files() {
        let text = "# made by hand\n[off]\nname=Off\nbaseurl=http://off/\nenabled=0\n\n[fedora]\nname=Fedora $releasever - $basearch\n#baseurl=http://old/\nbaseurl = http://a/,\n          http://b/\nenabled=1\nrepo_gpgcheck=0\ngpgcheck=1\ngpgkey=file:///etc/pki/k1 file:///etc/pki/k2\n[updates]\nmetalink=https://m/?repo=updates&arch=$basearch\nbaseurl=http://a/\ngpgcheck=no\n";
        let fedora = RepoSection::choose(text, None).unwrap();
        assert_eq!((fedora.id.as_str(), fedora.source), ("fedora", urls(&["http://a/", "http://b/"])));
        assert_eq!(fedora.keys, ["file:///etc/pki/k1", "file:///etc/pki/k2"]);
        assert!(fedora.verify_packages && fedora.verify_metadata == Some(false));
        let updates = RepoSection::choose(text, Some("updates")).unwrap();
        assert_eq!(updates.source, RpmSource::Metalink("https://m/?repo=updates&arch=$basearch".into()));
        assert!(!updates.verify_packages && updates.verify_metadata.is_none());
        assert_eq!(RepoSection::choose(text, Some("x")), Err(RpmRemoteError::NoSection("x".into())));
        assert_eq!(RepoSection::choose("[a]\nenabled=0\n", None), Err(RpmRemoteError::NothingEnabled));
        assert_eq!(RepoSection::choose("[a]\n", None), Err(RpmRemoteError::NoSource));
    }
}
