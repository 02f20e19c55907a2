//! Who the user is, and where their directories are. Names come from the environment and `/etc/passwd`: a static program has no NSS.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aril_model::UserDirectory;

use super::{is_plain, read_text, variable};
use crate::LaunchError;
use crate::spec::Ids;

/// The user, as their programs know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The name.
    pub(crate) name: String,
    /// The full name; may be empty.
    pub(crate) full_name: String,
    /// The name of the group.
    pub(crate) group: String,
    /// The home directory, as the session names it; on some systems a link leads there.
    pub(crate) home: PathBuf,
}

impl User {
    pub(crate) fn find(ids: Ids, environment: &BTreeMap<OsString, OsString>) -> Result<Self, LaunchError> {
        let passwd = read_text("/etc/passwd").unwrap_or_default();
        let entry =
            passwd.lines().map(fields).find(|entry| entry.get(2) == Some(&ids.uid.to_string().as_str()));
        let field = |at: usize| entry.as_ref().and_then(|entry| entry.get(at)).copied().unwrap_or_default();
        let home = variable(environment, "HOME").map(PathBuf::from).filter(|home| is_plain(home));
        let home = home.or_else(|| Some(PathBuf::from(field(5))).filter(|home| is_plain(home)));
        let name = [field(0), variable(environment, "USER").unwrap_or_default(), "user"]
            .into_iter()
            .find(|name| is_name(name))
            .unwrap_or("user");
        let groups = read_text("/etc/group").unwrap_or_default();
        let group =
            groups.lines().map(fields).find(|entry| entry.get(2) == Some(&ids.gid.to_string().as_str()));
        let group =
            group.and_then(|entry| entry.first().copied()).filter(|group| is_name(group)).unwrap_or(name);
        Ok(Self {
            name: name.to_owned(),
            full_name: field(4).chars().filter(|c| !c.is_control() && *c != ':').collect(),
            group: group.to_owned(),
            home: home.ok_or(aril_installation::InstallationError::NoHome)?,
        })
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

/// Whether a name can stand in a line of `/etc/passwd`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == ':' || c.is_control() || c.is_whitespace())
}

/// The user's own directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserDirs {
    /// By the name in `user-dirs.dirs`; what is not set there, or set to the home directory itself, is missing.
    named: BTreeMap<UserDirectory, PathBuf>,
    /// `user-dirs.dirs`, as it stands.
    pub(crate) file: Option<String>,
    /// `XDG_DATA_HOME` or its default.
    pub(crate) data: PathBuf,
    /// `XDG_CONFIG_HOME` or its default.
    pub(crate) config: PathBuf,
    /// `XDG_CACHE_HOME` or its default.
    pub(crate) cache: PathBuf,
    /// `XDG_STATE_HOME` or its default.
    pub(crate) state: PathBuf,
    /// The directory of fonts that is there of the two that may be.
    pub(crate) fonts: PathBuf,
    /// The cache for them.
    pub(crate) font_cache: PathBuf,
    /// The user's icons.
    pub(crate) icons: PathBuf,
}

impl UserDirs {
    pub(crate) fn find(home: &Path, environment: &BTreeMap<OsString, OsString>) -> Self {
        let or_default = |name: &str, default: &str| {
            let named = variable(environment, name).map(PathBuf::from).filter(|path| is_plain(path));
            named.unwrap_or_else(|| home.join(default))
        };
        let data = or_default("XDG_DATA_HOME", ".local/share");
        let config = or_default("XDG_CONFIG_HOME", ".config");
        let cache = or_default("XDG_CACHE_HOME", ".cache");
        let file = read_text(config.join("user-dirs.dirs"));
        let own_fonts = data.join("fonts");
        let fonts = if super::is_there(&own_fonts) { own_fonts } else { home.join(".fonts") };
        let mut named = file.as_deref().map(|text| named_directories(text, home)).unwrap_or_default();
        named.insert(UserDirectory::Data, data.clone());
        named.insert(UserDirectory::Config, config.clone());
        named.insert(UserDirectory::Cache, cache.clone());
        Self {
            named,
            file,
            state: or_default("XDG_STATE_HOME", ".local/state"),
            font_cache: cache.join("fontconfig"),
            icons: data.join("icons"),
            fonts,
            data,
            config,
            cache,
        }
    }

    /// Where a directory is; `None` if the user has none of that kind.
    pub(crate) fn path(&self, directory: UserDirectory) -> Option<&Path> {
        self.named.get(&directory).map(PathBuf::as_path)
    }
}

/// The lines `XDG_…_DIR="$HOME/…"` of `user-dirs.dirs`.
///
/// Source: `user-dirs.dirs(5)`: paths are `$HOME/…` or absolute, nothing else is expanded.
fn named_directories(text: &str, home: &Path) -> BTreeMap<UserDirectory, PathBuf> {
    let names = [
        ("XDG_DESKTOP_DIR", UserDirectory::Desktop),
        ("XDG_DOCUMENTS_DIR", UserDirectory::Documents),
        ("XDG_DOWNLOAD_DIR", UserDirectory::Download),
        ("XDG_MUSIC_DIR", UserDirectory::Music),
        ("XDG_PICTURES_DIR", UserDirectory::Pictures),
        ("XDG_PUBLICSHARE_DIR", UserDirectory::PublicShare),
        ("XDG_TEMPLATES_DIR", UserDirectory::Templates),
        ("XDG_VIDEOS_DIR", UserDirectory::Videos),
    ];
    let mut named = BTreeMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.trim().split_once('=') else { continue };
        let Some((_, directory)) = names.iter().find(|(known, _)| *known == name.trim_end()) else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        let path = match value.strip_prefix("$HOME") {
            Some(rest) => home.join(rest.trim_matches('/')),
            None => PathBuf::from(value),
        };
        // "There is no such directory" is written as the home directory itself.
        if is_plain(&path) && path.components().ne(home.components()) {
            named.insert(*directory, path.components().collect());
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_dirs() {
        let text = "# comment\nXDG_DESKTOP_DIR=\"$HOME/Desk top\"\nXDG_MUSIC_DIR=\"/data/music/\"\nXDG_VIDEOS_DIR=\"$HOME/\"\nXDG_TEMPLATES_DIR=\"../x\"\n";
        let named = named_directories(text, Path::new("/home/u"));
        assert_eq!(named.len(), 2);
        assert_eq!(named[&UserDirectory::Desktop], PathBuf::from("/home/u/Desk top"));
        assert_eq!(named[&UserDirectory::Music], PathBuf::from("/data/music"));
    }
}
