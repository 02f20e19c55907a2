//! Names of refs, and what they point to.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aril_beneath::{Dir, EntryKind, Step};
use aril_model::{Arch, CommitId, Ref, RemoteName};

use crate::{Repo, Result, StoreError};

/// The name of a ref in a repository: `fedora:app/org.gnome.Maps/x86_64/stable`, `rpm/bash/5.2.37-1.fc42.x86_64/0123456789abcdef`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName {
    remote: Option<RemoteName>,
    name: Box<str>,
}

impl RefName {
    /// A ref as it was pulled from a remote, or built from one.
    pub fn of_remote(remote: &RemoteName, reference: &Ref) -> Self {
        Self { remote: Some(remote.clone()), name: reference.to_string().into() }
    }

    /// A ref of the repository itself.
    pub fn local(reference: &Ref) -> Self {
        Self { remote: None, name: reference.to_string().into() }
    }

    /// The ref that keeps the active commit of a deployed ref: `deploy/app/…`, as Flatpak has it.
    pub fn deployed(reference: &Ref) -> Self {
        Self { remote: None, name: format!("deploy/{reference}").into() }
    }

    /// The ref of an imported package: `rpm/NAME/EVR.ARCH/DIGEST`, with odd bytes of name and EVR escaped.
    ///
    /// # Errors
    /// When a part is empty or digest or architecture hold odd bytes.
    pub fn package(name: &str, evr: &str, arch: &Arch, digest: &str) -> Result<Self> {
        if evr.is_empty() {
            return Err(StoreError::RefName(String::new()));
        }
        format!("rpm/{}/{}.{arch}/{digest}", escape(name), escape(evr)).parse()
    }

    /// The remote's name, if it is one of a remote.
    pub fn remote(&self) -> Option<&RemoteName> {
        self.remote.as_ref()
    }

    /// The name without the remote.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The app or runtime that it names, if it does.
    pub fn reference(&self) -> Option<Ref> {
        self.name.parse().ok()
    }

    /// Where it lies in the repository.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.remote {
            Some(remote) => Path::new("refs/remotes").join(remote.as_str()).join(&*self.name),
            None => Path::new("refs/heads").join(&*self.name),
        }
    }

    /// Puts a prepared file in the place of this ref.
    pub(crate) fn replace(&self, repo: &Dir, from: &Dir, file: &str) -> Result<()> {
        let path = self.path();
        let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        // Again when another process removes the directory as empty in between.
        for _ in 0..8 {
            let dir = repo.create_dir_all(parent, 0o755)?;
            match from.rename(file, &dir, name) {
                Err(error) if error.is_not_found() => {}
                renamed => return Ok(renamed?),
            }
        }
        Err(StoreError::Library { action: format!("set the ref '{self}'"), problem: "it vanishes".into() })
    }
}

impl FromStr for RefName {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || StoreError::RefName(aril_model::printable(text).into_owned());
        let (remote, name) = match text.split_once(':') {
            Some((remote, name)) => (Some(remote.parse().map_err(|_| wrong())?), name),
            None => (None, text),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_part = |part: &str| {
            !part.is_empty() && part.len() <= 255 && !part.starts_with('.') && part.chars().all(allowed)
        };
        if name.len() > 2048 || !name.split('/').all(is_part) {
            return Err(wrong());
        }
        Ok(Self { remote, name: name.into() })
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remote {
            Some(remote) => f.pad(&format!("{remote}:{}", self.name)),
            None => f.pad(&self.name),
        }
    }
}

/// Writes a text as a part of a ref: each byte outside `[A-Za-z0-9.-]`, and a dot at the beginning, as `_XX`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' && index > 0 {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("_{byte:02X}"));
        }
    }
    out
}

impl Repo {
    /// All refs whose names begin with `prefix`, such as `rpm/`; all of them with an empty one. Those of remotes have the remote in front.
    ///
    /// # Errors
    /// When a directory or ref cannot be read. What is no ref is passed over.
    pub fn refs(&self, prefix: &str) -> Result<BTreeMap<RefName, CommitId>> {
        let mut refs = BTreeMap::new();
        for (base, is_remote) in [("refs/heads", false), ("refs/remotes", true)] {
            let dir = match self.dir().open_dir(base) {
                Err(error) if error.is_not_found() => continue,
                opened => opened?,
            };
            dir.walk::<StoreError>("", &mut |path, kind| {
                if kind == EntryKind::File
                    && let Some(name) = name_of(path, is_remote)
                    && name.to_string().starts_with(prefix)
                    && let Some(commit) = self.resolve(&name)?
                {
                    refs.insert(name, commit);
                }
                Ok(Step::Into)
            })?;
        }
        Ok(refs)
    }

    /// The commit that a ref points to; `None` if there is no such ref.
    ///
    /// # Errors
    /// When it cannot be read or names no commit.
    pub fn resolve(&self, name: &RefName) -> Result<Option<CommitId>> {
        let text = match self.dir().read_to_string(name.path(), 4096) {
            Ok(text) => text,
            Err(error)
                if error.is_not_found() || error.source.kind() == std::io::ErrorKind::NotADirectory =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let commit = text.trim_end().parse();
        commit.map(Some).map_err(|_| StoreError::Damaged {
            object: format!("ref {name}"),
            problem: "it names no commit".into(),
        })
    }

    /// Like [`Self::resolve`] where the ref must be there.
    ///
    /// # Errors
    /// [`StoreError::NoRef`] if it is not.
    pub fn require(&self, name: &RefName) -> Result<CommitId> {
        self.resolve(name)?.ok_or_else(|| StoreError::NoRef(name.clone()))
    }

    /// Points a ref to a commit that is in the repository.
    ///
    /// # Errors
    /// When the commit is missing or the ref cannot be written.
    pub fn set_ref(&self, name: &RefName, commit: &CommitId) -> Result<()> {
        self.commit(commit)?;
        self.writer()?.publish(&[(name.clone(), commit.clone())])
    }

    /// Removes a ref; one that is not there is no error: `false` then. Its objects stay until they are pruned.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_ref(&self, name: &RefName) -> Result<bool> {
        let path = name.path();
        match self.dir().remove_file(&path) {
            Err(error) if error.is_not_found() => return Ok(false),
            removed => removed?,
        }
        // Directories that are empty now go, too, up to the ones that every repository has.
        for parent in path.ancestors().skip(1).take_while(|parent| parent.components().count() > 2) {
            if self.dir().remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(true)
    }
}

impl Repo {
    /// Removes directories of refs in which there is none; a removal that was cut leaves them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn remove_empty_ref_dirs(&self) -> Result<()> {
        for base in ["refs/heads", "refs/remotes"] {
            let mut dirs = Vec::new();
            self.dir().walk::<StoreError>(base, &mut |path, kind| {
                dirs.extend((kind == EntryKind::Dir).then(|| path.to_owned()));
                Ok(Step::Into)
            })?;
            // The innermost first; one that has a ref is not empty and stays.
            for dir in dirs.into_iter().rev() {
                let _ = self.dir().remove_dir(dir);
            }
        }
        Ok(())
    }
}

/// The ref that lies at a path below `refs/heads` or `refs/remotes`.
fn name_of(path: &Path, is_remote: bool) -> Option<RefName> {
    let path = path.to_str()?;
    if is_remote { path.replacen('/', ":", 1).parse().ok() } else { path.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["fedora:app/org.gnome.Maps/x86_64/stable", "rpm/a/1-2.x86_64/00", "appstream2/x86_64"] {
            assert_eq!(good.parse::<RefName>().unwrap().to_string(), good);
        }
        for bad in ["", "a//b", "/a", "a/", "../x", "a/../b", "a/.b", "a b", "r:", "a:b:c", "..:x", "x\n"] {
            assert!(bad.parse::<RefName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn packages_are_escaped() {
        let package = |name, evr, arch: &str, digest| {
            RefName::package(name, evr, &arch.parse().unwrap(), digest).map(|name| name.to_string()).ok()
        };
        let name = package("libstdc++", "1:2~rc^3-1.fc42", "x86_64", "0123456789abcdef");
        assert_eq!(name.unwrap(), "rpm/libstdc_2B_2B/1_3A2_7Erc_5E3-1.fc42.x86_64/0123456789abcdef");
        assert_eq!(package(".hidden_x", "1-1", "noarch", "0").unwrap(), "rpm/_2Ehidden_5Fx/1-1.noarch/0");
        for (name, evr, digest) in [("", "1-1", "0"), ("a", "", "0"), ("a", "1-1", "../x"), ("a", "1-1", "")]
        {
            assert_eq!(package(name, evr, "noarch", digest), None, "{name} {evr} {digest}");
        }
    }
}
