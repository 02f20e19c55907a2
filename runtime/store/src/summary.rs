//! Which refs a remote has, and what is known of them before they are pulled.
//!
//! Source: ostree's `OSTREE_SUMMARY_GVARIANT_FORMAT`; Flatpak's `flatpak-variants.gv` for `xa.cache`.

use std::collections::BTreeMap;

use aril_model::{CommitId, RemoteName};
use ostree::{gio, glib};

use crate::error::Doing;
use crate::{Checksum, Repo, Result, StoreError, variant};

/// Largest summary that is read, in bytes.
const LIMIT: usize = 128 << 20;

/// A ref and its size, its commit, its metadata.
type SummaryRef = (String, (u64, Vec<u8>, BTreeMap<String, glib::Variant>));
/// A whole summary.
type SummaryTuple = (Vec<SummaryRef>, BTreeMap<String, glib::Variant>);
/// Of each ref its sizes, installed and to download, and its metadata.
type Cache = BTreeMap<String, (u64, u64, String)>;

/// What a remote says of one of its refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// Its newest commit.
    pub commit: CommitId,
    /// Bytes when installed, if known.
    pub installed_size: Option<u64>,
    /// Bytes to download at most, if known.
    pub download_size: Option<u64>,
    /// Its metadata file, if known: for showing and searching; what is installed is judged by the commit itself.
    pub metadata: Option<String>,
    /// Why it is no longer kept up, if so.
    pub end_of_life: Option<String>,
    /// What to use in its place.
    pub end_of_life_rebase: Option<String>,
}

/// The refs of a remote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Each ref with what is said of it.
    pub refs: BTreeMap<String, RemoteRef>,
    /// Words for people, if the remote has any for itself.
    pub title: Option<String>,
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Its collection.
    pub collection_id: Option<String>,
}

impl Summary {
    /// Reads a summary; `None` when it is something else. Refs with wrong commits are left out.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let variant = variant::parse::<SummaryTuple>(bytes)?;
        let (refs, metadata): SummaryTuple = variant.get()?;
        let text = |key: &str| metadata.get(key).and_then(|value| value.get::<String>());
        let cache =
            metadata.get("xa.cache").map(unwrap).and_then(|value| value.get::<Cache>()).unwrap_or_default();
        let sparse = metadata.get("xa.sparse-cache").map(unwrap);
        let sparse: BTreeMap<String, BTreeMap<String, glib::Variant>> =
            sparse.and_then(|value| value.get()).unwrap_or_default();
        let mut found = BTreeMap::new();
        for (name, (_, commit, _)) in refs {
            let Some(commit) = Checksum::from_bytes(&commit) else { continue };
            let cached = cache.get(&name);
            let note = |key: &str| sparse.get(&name).and_then(|notes| notes.get(key)?.get::<String>());
            let reference = RemoteRef {
                commit: commit.to_commit(),
                installed_size: cached.map(|(size, ..)| u64::from_be(*size)),
                download_size: cached.map(|(_, size, _)| u64::from_be(*size)),
                metadata: cached.map(|(.., metadata)| metadata.clone()),
                end_of_life: note("eol"),
                end_of_life_rebase: note("eolr"),
            };
            found.insert(name, reference);
        }
        Some(Self {
            refs: found,
            title: text("xa.title"),
            default_branch: text("xa.default-branch"),
            collection_id: text("ostree.summary.collection-id"),
        })
    }
}

/// The value inside a value: some writers wrap it once more.
fn unwrap(value: &glib::Variant) -> glib::Variant {
    if value.is_type(glib::VariantTy::VARIANT) {
        value.as_variant().unwrap_or_else(|| value.clone())
    } else {
        value.clone()
    }
}

impl Repo {
    /// Asks a remote which refs it has; its signature is checked if the configuration asks for it.
    ///
    /// # Errors
    /// When the remote cannot be reached, has no summary, or it is not signed as it must be.
    pub fn fetch_summary(&self, remote: &RemoteName) -> Result<Summary> {
        let action = || format!("read which refs the remote '{remote}' has");
        let summary = crate::sys::fetch_summary(self.library()?, remote.as_str()).map_err(|error| {
            let missing = error.matches(gio::IOErrorEnum::NotFound);
            if missing { no_summary(remote) } else { crate::error::classify(&error, action()) }
        })?;
        let summary = summary.filter(|bytes| !bytes.is_empty()).ok_or_else(|| no_summary(remote))?;
        if summary.len() > LIMIT {
            return Err(StoreError::TooLarge { what: "a summary", limit: "128 MiB".into() });
        }
        Summary::parse(&summary).ok_or_else(|| StoreError::Library {
            action: action(),
            problem: "what it sends is not a summary".into(),
        })
    }

    /// Writes the summary of a repository that is served: its refs, and for each the sizes and metadata that Flatpak shows before a pull.
    ///
    /// # Errors
    /// When a ref is damaged or the file cannot be written.
    pub fn update_summary(&self) -> Result<()> {
        use glib::prelude::ToVariant;
        let mut cache = Cache::new();
        for (name, id) in self.refs("")? {
            if name.remote().is_some() || name.reference().is_none() {
                continue;
            }
            let commit = self.commit(&id)?;
            let size = |key| commit.size(key).unwrap_or(0).to_be();
            let metadata = commit.text("xa.metadata").unwrap_or_default().to_owned();
            cache.insert(
                name.name().to_owned(),
                (size("xa.installed-size"), size("xa.download-size"), metadata),
            );
        }
        let extra: BTreeMap<String, glib::Variant> = [
            ("xa.cache".to_owned(), glib::Variant::from_variant(&cache.to_variant())),
            ("xa.cache-version".to_owned(), 2_u32.to_le().to_variant()),
        ]
        .into();
        self.library()?
            .regenerate_summary(Some(&extra.to_variant()), gio::Cancellable::NONE)
            .doing("write the summary of the repository")
    }
}

fn no_summary(remote: &RemoteName) -> StoreError {
    StoreError::Library {
        action: format!("read which refs the remote '{remote}' has"),
        problem: "it has no summary, or is no ostree repository".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_summary_is_refused() {
        for bytes in [&b""[..], b"x", &[0xff; 64], &[0; 100]] {
            let read = Summary::parse(bytes);
            assert!(read.is_none_or(|summary| summary.refs.is_empty()), "{bytes:?}");
        }
    }
}
