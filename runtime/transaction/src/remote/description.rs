//! `.flatpakrepo` and `.flatpakref` files: where a remote or one app is, and whose signatures count.
//!
//! Source: `flatpak-flatpakrepo(5)`, `flatpak-flatpakref(5)`.

use std::path::Path;

use aril_model::{Keyfile, Kind, PartialRef, RemoteName};
use aril_store::Remote;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::not_a_remote;
use crate::Result;

/// The head of a `.flatpakrepo`.
pub(super) const REPO_GROUP: &str = "[Flatpak Repo]";

/// A remote as a `.flatpakrepo` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FlatpakRepo {
    url: String,
    options: Vec<(&'static str, String)>,
    pub(super) keys: Option<Vec<u8>>,
}

impl FlatpakRepo {
    /// Reads the file; `what` is its name, for messages.
    pub(super) fn parse(what: &str, text: &str) -> Result<Self> {
        const GROUP: &str = "Flatpak Repo";
        let file = Keyfile::parse(text).map_err(|error| not_a_remote(what, &error.to_string()))?;
        let get = |key: &str| file.get(GROUP, key).filter(|value| !value.is_empty());
        if get("Version").is_some_and(|version| version.trim() != "1") {
            return Err(not_a_remote(what, "it is of a newer kind"));
        }
        let url = get("Url").ok_or_else(|| not_a_remote(what, "it has no Url"))?;
        let url = super::checked_url(url.trim())?;
        let mut options = Vec::new();
        for (key, option) in [
            ("Title", "xa.title"),
            ("Comment", "xa.comment"),
            ("Description", "xa.description"),
            ("Homepage", "xa.homepage"),
            ("Icon", "xa.icon"),
            ("DefaultBranch", "xa.default-branch"),
            ("Subset", "xa.subset"),
        ] {
            options.extend(get(key).map(|value| (option, value)));
        }
        if file.bool(GROUP, "NoDeps") == Some(true) {
            options.push(("xa.nodeps", "true".into()));
        }
        let keys = get("GPGKey").map(|text| key_bytes(what, &text)).transpose()?;
        if let Some(collection) = get("DeployCollectionID").or_else(|| get("CollectionID")) {
            // Within a collection each commit is bound to its ref and signed, so the summary need not be.
            options.push(("collection-id", collection));
            options.push(("gpg-verify-summary", "false".into()));
        }
        Ok(Self { url, options, keys })
    }

    pub(super) fn to_remote(&self, name: &RemoteName) -> Remote {
        let mut remote = Remote::new(name.clone(), &self.url);
        for (key, value) in &self.options {
            remote.set(key, value);
        }
        remote
    }

    /// The file's name without its end.
    pub(super) fn suggested_name(&self, path: &Path) -> String {
        path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// One app or runtime as a `.flatpakref` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatpakRef {
    /// What is to be installed.
    pub name: PartialRef,
    /// The remote's url.
    pub url: String,
    /// Words for people.
    pub title: Option<String>,
    /// The keys of the remote.
    pub keys: Option<Vec<u8>>,
    /// Where its runtime comes from: the url of a `.flatpakrepo`.
    pub runtime_repo: Option<String>,
    suggested: Option<String>,
}

impl FlatpakRef {
    /// Reads it from a file or by its url.
    ///
    /// # Errors
    /// When nothing comes, or it is none.
    pub fn read(place: &str) -> Result<Self> {
        Self::parse(place, &super::read_file(Path::new(place))?)
    }

    /// Reads the file; `what` is its name, for messages.
    ///
    /// # Errors
    /// When it is none, or lacks a name or url.
    pub fn parse(what: &str, text: &str) -> Result<Self> {
        const GROUP: &str = "Flatpak Ref";
        let file = Keyfile::parse(text).map_err(|error| not_a_remote(what, &error.to_string()))?;
        let get = |key: &str| {
            file.get(GROUP, key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let missing = |key: &str| not_a_remote(what, &format!("it has no {key}"));
        let id = get("Name").ok_or_else(|| missing("Name"))?;
        let kind = if file.bool(GROUP, "IsRuntime") == Some(true) { Kind::Runtime } else { Kind::App };
        let branch = get("Branch").unwrap_or_else(|| "master".into());
        let name: PartialRef = format!("{kind}/{id}//{branch}")
            .parse()
            .map_err(|error| not_a_remote(what, &format!("{error}")))?;
        Ok(Self {
            name,
            url: super::checked_url(&get("Url").ok_or_else(|| missing("Url"))?)?,
            title: get("Title"),
            keys: get("GPGKey").map(|text| key_bytes(what, &text)).transpose()?,
            runtime_repo: get("RuntimeRepo"),
            suggested: get("SuggestRemoteName"),
        })
    }

    /// The name that a remote of it has: what it suggests, else one made of the app's.
    pub(super) fn suggested_name(&self) -> RemoteName {
        let own = format!("{}-origin", self.name.name.rsplit('.').next().unwrap_or("app").to_lowercase());
        let suggested = self.suggested.as_deref().and_then(|name| name.parse().ok());
        suggested
            .or_else(|| own.parse().ok())
            .unwrap_or_else(|| "flatpakref-origin".parse().expect("it is made of letters and a dash"))
    }
}

/// The bytes behind a key in base64; white space counts for nothing.
fn key_bytes(what: &str, text: &str) -> Result<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|_| not_a_remote(what, "its GPGKey is not base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote() {
        let text = "[Flatpak Repo]\nTitle=Test\nUrl=https://test/repo/\nGPGKey=aGVsbG8=\nDefaultBranch=stable\nNoDeps=true\n";
        let repo = FlatpakRepo::parse("x", text).unwrap();
        assert_eq!(repo.keys.as_deref(), Some(&b"hello"[..]));
        let remote = repo.to_remote(&"test".parse().unwrap());
        assert_eq!((remote.url(), remote.option("xa.nodeps")), ("https://test/repo/", Some("true")));
        assert!(remote.verifies_commits());
        for bad in [
            "",
            "[Flatpak Repo]\n",
            "[Flatpak Repo]\nUrl=ftp://x\n",
            "[Flatpak Repo]\nUrl=https://x\nGPGKey=!\n",
            "[Flatpak Repo]\nUrl=https://x\nVersion=2\n",
        ] {
            assert!(FlatpakRepo::parse("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_app() {
        let text = "[Flatpak Ref]\nName=org.test.Hello\nBranch=stable\nUrl=https://test/repo\nSuggestRemoteName=test\nIsRuntime=false\n";
        let app = FlatpakRef::parse("x", text).unwrap();
        assert_eq!((app.name.kind, app.name.name.as_str()), (Some(Kind::App), "org.test.Hello"));
        assert_eq!(app.suggested_name().as_str(), "test");
        let bare = FlatpakRef::parse(
            "x",
            "[Flatpak Ref]\nName=org.test.Hello\nUrl=https://test/repo\nSuggestRemoteName=../x\n",
        )
        .unwrap();
        assert_eq!(
            (bare.name.branch.as_ref().unwrap().as_str(), bare.suggested_name().as_str()),
            ("master", "hello-origin")
        );
        for bad in [
            "",
            "[Flatpak Ref]\nName=a.b.c\n",
            "[Flatpak Ref]\nUrl=https://x\n",
            "[Flatpak Ref]\nName=../x\nUrl=https://x\n",
        ] {
            assert!(FlatpakRef::parse("x", bad).is_err(), "{bad}");
        }
    }
}
