//! Remotes that are repositories of RPMs: `rpm-remotes.d/NAME.conf` and `NAME.gpg`, and for the field's programs an ostree remote of the same
//! name that leads to our own repository, where what is built from it lies.
//!
//! Source: `docs/format/rpm-remote.md`.

use std::path::{Path, PathBuf};

use aril_model::{Arch, RemoteName, RepoSection, RpmRemote, RpmSource};
use aril_store::Remote;

use super::{Added, IfThere, NewRemote, Trust, not_a_remote, web};
use crate::builder::{Builder, Probe};
use crate::deploy::STAGING;
use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError};

const DIR: &str = "rpm-remotes.d";

/// Whether there is a remote of RPMs of this name.
pub(super) fn is_there(at: &LockedInstallation, name: &RemoteName) -> Result<bool> {
    Ok(at.dir().exists(conf(name))?)
}

/// A remote before its repository was asked.
struct Draft {
    remote: RpmRemote,
    keys: Option<Vec<u8>>,
    /// Whether its state may be signed although nobody says so.
    look: bool,
}

/// Adds a remote that is known by its url.
pub(super) fn add(
    at: &LockedInstallation,
    host: &Host,
    new: &NewRemote,
    name: &RemoteName,
    source: RpmSource,
) -> Result<Added> {
    let remote = RpmRemote {
        name: name.clone(),
        title: new.title.clone(),
        release: release(new, &source),
        source,
        arch: Arch::native(),
        verify_packages: new.trust != Trust::Anything,
        verify_metadata: false,
    };
    let keys = if let Trust::Keys(keys) = &new.trust { Some(keys.clone()) } else { None };
    ask_and_write(at, host, new, Draft { remote, keys, look: true })
}

/// Adds one of the repositories of a `.repo` file: its text, and the one that is wanted.
pub(super) fn add_from_file(
    at: &LockedInstallation,
    host: &Host,
    new: &NewRemote,
    (text, id): (&str, Option<&str>),
    if_there: IfThere,
) -> Result<Added> {
    let what = super::shown(&new.described);
    let section = RepoSection::choose(text, id)
        .map_err(|source| TransactionError::RepoFile { what: what.clone(), source })?;
    let name = match &new.name {
        Some(name) => name.clone(),
        None => {
            section.id.parse().map_err(|_| not_a_remote(&what, "its name cannot be a remote's; give one"))?
        }
    };
    if super::is_there(at, &name)? {
        return super::refuse_or_keep(&name, if_there);
    }
    let is_anything = new.trust == Trust::Anything;
    let remote = RpmRemote {
        name,
        title: new.title.clone().or_else(|| section.title.clone()),
        source: section.source.clone(),
        release: release(new, &section.source),
        arch: Arch::native(),
        // A file that switches its checks off does not do so here: that is said to us, not by whoever wrote the file.
        verify_packages: !is_anything,
        verify_metadata: section.verify_metadata == Some(true) && !is_anything,
    };
    let (keys, look) = match &new.trust {
        Trust::Keys(keys) => (Some(keys.clone()), true),
        Trust::Anything => (None, false),
        // Where the file says that the state is not to be checked, it may be signed by others than the packages.
        Trust::AsDescribed => (described_keys(&remote, &section)?, section.verify_metadata != Some(false)),
    };
    ask_and_write(at, host, new, Draft { remote, keys, look })
}

/// The keys that a `.repo` file names.
fn described_keys(remote: &RpmRemote, section: &RepoSection) -> Result<Option<Vec<u8>>> {
    let mut keys = Vec::new();
    for url in &section.keys {
        keys.extend(web::fetch(&remote.with_values(url))?);
        keys.push(b'\n');
    }
    Ok((!keys.is_empty()).then_some(keys))
}

/// The release that is said, or that of the host where urls are made of it.
fn release(new: &NewRemote, source: &RpmSource) -> Option<String> {
    new.release.clone().or_else(|| source.names_release().then(host_release).flatten())
}

/// The release of the host, where that is a Fedora: what its `.repo` files mean by `$releasever`.
fn host_release() -> Option<String> {
    let text = super::read_bytes(Path::new("/etc/os-release")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned())
    };
    (value("ID")? == "fedora").then(|| value("VERSION_ID")).flatten()
}

/// Asks the repository what it says of itself, and writes the remote.
fn ask_and_write(at: &LockedInstallation, host: &Host, new: &NewRemote, mut draft: Draft) -> Result<Added> {
    let name = draft.remote.name.clone();
    draft.remote.check().map_err(|source| TransactionError::RpmRemote { name: name.clone(), source })?;
    match &draft.keys {
        None if draft.remote.verify_packages || draft.remote.verify_metadata => {
            return Err(TransactionError::NoKey(name));
        }
        Some(keys) if !looks_like_keys(keys) => {
            return Err(not_a_remote(name.as_str(), "what was given as its key is no OpenPGP key"));
        }
        _ => {}
    }
    let found = ask(at, host, &draft)?;
    let mut added = Added::new(name);
    let remote = &mut draft.remote;
    match (&remote.release, found.release) {
        (Some(said), Some(own)) if *said != own => added.notes.push(format!(
            "its packages are for the release {own}, as far as they say, and not for {said}, as you say"
        )),
        (None, Some(own)) => {
            added.notes.push(format!("its packages are for the release {own}"));
            remote.release = Some(own);
        }
        (None, None) => {
            remote.release = host_release();
            added.notes.push(match &remote.release {
                Some(own) => {
                    format!("its packages are taken for those of the release {own}, which this host has")
                }
                None => "it does not say for which release its packages are; `--release=42` would".into(),
            });
        }
        _ => {}
    }
    remote.verify_metadata |= found.is_signed;
    if draft.keys.is_some() {
        added.notes.push(if remote.verify_metadata {
            "its state is signed, and from now on has to be, as well as each package".into()
        } else {
            "each package has to be signed; its state is not".into()
        });
    }
    remote.title = remote.title.as_deref().map(|title| remote.with_values(title));
    write(at, new, &draft)?;
    Ok(added)
}

/// Asks `aril-build`, which reads repositories; it is shown the remote as it would be written.
fn ask(at: &LockedInstallation, host: &Host, draft: &Draft) -> Result<Probe> {
    let place = at.dir().create_dir_all(Path::new(STAGING).join("remote"), 0o700)?;
    let name = &draft.remote.name;
    if let Some(keys) = &draft.keys {
        place.write_atomic(format!("{name}.gpg"), keys, 0o600)?;
    }
    place.write_atomic(format!("{name}.conf"), draft.remote.to_keyfile().to_string().as_bytes(), 0o600)?;
    let found = Builder::new(at, host).probe(name, place.path(), draft.look);
    at.dir().remove_tree(STAGING)?;
    found
}

/// Writes the remote: the key first, and last what makes it a remote.
fn write(at: &LockedInstallation, new: &NewRemote, draft: &Draft) -> Result<()> {
    let Draft { remote, keys, .. } = draft;
    let name = &remote.name;
    at.dir().create_dir(DIR, 0o755)?;
    if let Some(keys) = keys {
        at.dir().write_atomic(Path::new(DIR).join(format!("{name}.gpg")), keys, 0o644)?;
    }
    let mut own = Remote::new(name.clone(), &format!("file://{}", at.repo().path().display()));
    own.set("gpg-verify", "false");
    own.set("gpg-verify-summary", "false");
    own.set("xa.noenumerate", "true");
    super::set_options(new, &mut own);
    if let Some(title) = &remote.title {
        own.set("xa.title", title);
    }
    at.repo().set_remote(&own)?;
    Ok(at.dir().write_atomic(conf(name), remote.to_keyfile().to_string().as_bytes(), 0o644)?)
}

/// Whether bytes begin as OpenPGP keys do; whether they are any is found out by those who check signatures.
fn looks_like_keys(bytes: &[u8]) -> bool {
    let armored = bytes.windows(27).any(|part| part == b"-----BEGIN PGP PUBLIC KEY B");
    // The first byte of a packet of a public key, in the old and in the new form.
    let binary = matches!(bytes.first(), Some(0x98..=0x9b | 0xc6));
    armored || binary
}

/// Removes what makes a remote one of RPMs; nothing there is no error.
pub(super) fn remove(at: &LockedInstallation, name: &RemoteName) -> Result<()> {
    for path in [conf(name), Path::new(DIR).join(format!("{name}.gpg"))] {
        match at.dir().remove_file(path) {
            Err(error) if error.is_not_found() => {}
            removed => removed?,
        }
    }
    Ok(())
}

fn conf(name: &RemoteName) -> PathBuf {
    Path::new(DIR).join(format!("{name}.conf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_other_files() {
        assert!(looks_like_keys(b"# comment\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n"));
        assert!(looks_like_keys(&[0x99, 0x01, 0x0d]));
        for other in [&b""[..], b"<html>", b"-----BEGIN PGP SIGNATURE-----", b"[fedora]\n"] {
            assert!(!looks_like_keys(other), "{other:?}");
        }
    }
}
