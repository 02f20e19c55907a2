//! Remotes that are repositories of RPMs: `rpm-remotes.d/NAME.conf` and `NAME.gpg`, and for the field's programs an ostree remote of the same
//! name that leads to our own repository, where what is built from it lies.
//!
//! Source: `docs/format/rpm-remote.md`.

use std::path::{Path, PathBuf};

use aril_model::{Arch, RemoteName, RepoSection, RpmRemote, RpmSource};
use aril_store::Remote;

use super::{Described, IfThere, NewRemote, Trust, not_a_remote, web};
use crate::{LockedInstallation, Result, TransactionError};

const DIR: &str = "rpm-remotes.d";

/// Whether there is a remote of RPMs of this name.
pub(super) fn is_there(at: &LockedInstallation, name: &RemoteName) -> Result<bool> {
    Ok(at.dir().exists(conf(name))?)
}

/// Adds a remote that is known by its url.
pub(super) fn add(
    at: &LockedInstallation,
    new: &NewRemote,
    name: &RemoteName,
    source: RpmSource,
) -> Result<()> {
    let remote = RpmRemote {
        name: name.clone(),
        title: new.title.clone(),
        source,
        release: new.release.clone(),
        arch: Arch::native(),
        verify_packages: new.trust != Trust::Anything,
        verify_metadata: false,
    };
    let keys = if let Trust::Keys(keys) = &new.trust { Some(keys.clone()) } else { None };
    write(at, new, &remote, keys)
}

/// Adds one of the repositories of a `.repo` file.
pub(super) fn add_from_file(
    at: &LockedInstallation,
    new: &NewRemote,
    text: &str,
    id: Option<&str>,
    if_there: IfThere,
) -> Result<(RemoteName, bool)> {
    let what = match &new.described {
        Described::Url(url) => url.clone(),
        Described::File(path, _) => path.display().to_string(),
    };
    let section = RepoSection::choose(text, id).map_err(|error| not_a_remote(&what, &error.to_string()))?;
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
        name: name.clone(),
        title: new.title.clone().or_else(|| section.title.clone()),
        source: section.source.clone(),
        release: new.release.clone().or_else(host_release),
        arch: Arch::native(),
        // A file that switches its checks off does not do so here: that is said to us, not by whoever wrote the file.
        verify_packages: !is_anything,
        verify_metadata: section.verify_metadata && !is_anything,
    };
    let remote = RpmRemote { title: remote.title.as_deref().map(|title| expand(&remote, title)), ..remote };
    let keys = match &new.trust {
        Trust::Keys(keys) => Some(keys.clone()),
        Trust::Anything => None,
        Trust::AsDescribed => described_keys(&remote, &section)?,
    };
    write(at, new, &remote, keys)?;
    Ok((name, true))
}

/// The keys that a `.repo` file names.
fn described_keys(remote: &RpmRemote, section: &RepoSection) -> Result<Option<Vec<u8>>> {
    let mut keys = Vec::new();
    for url in &section.keys {
        let url = expand(remote, url);
        keys.extend(web::fetch(&url)?);
        keys.push(b'\n');
    }
    Ok((!keys.is_empty()).then_some(keys))
}

fn expand(remote: &RpmRemote, text: &str) -> String {
    let mut out = text.to_owned();
    let values = [("releasever", remote.release.as_deref()), ("basearch", Some(remote.arch.as_str()))];
    for (name, value) in values {
        if let Some(value) = value {
            out = out.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
    }
    out
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

/// Writes the remote: the key first, and last what makes it a remote.
fn write(at: &LockedInstallation, new: &NewRemote, remote: &RpmRemote, keys: Option<Vec<u8>>) -> Result<()> {
    let name = &remote.name;
    remote.check().map_err(|source| TransactionError::RpmRemote { name: name.clone(), source })?;
    if keys.is_none() && (remote.verify_packages || remote.verify_metadata) {
        return Err(TransactionError::NoKey(name.clone()));
    }
    at.dir().create_dir(DIR, 0o755)?;
    if let Some(keys) = keys {
        if !looks_like_keys(&keys) {
            return Err(not_a_remote(name.as_str(), "what was given as its key is no OpenPGP key"));
        }
        at.dir().write_atomic(Path::new(DIR).join(format!("{name}.gpg")), &keys, 0o644)?;
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
