//! What a repository says of itself, asked once when its remote is added: whether its state is signed, and for which release its packages are.
//!
//! Nothing is built or kept here but caches; the installation may not even exist yet.

use std::collections::BTreeMap;

use aril_beneath::Dir;
use aril_model::{RemoteName, RpmRemote};
use aril_terminal::Progress;
use serde::Serialize;

use crate::BuildError;
use crate::repository::{Access, Repository, RepositoryError};
use crate::rpm::{Keyring, Nevra, SignatureError};
use crate::session::read_remote;
use crate::solve::{RepositoryId, Universe};

/// What was found, as `docs/format/build.md` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// For which release its packages are made, as far as they say.
    pub release: Option<String>,
    /// Whether its state is signed by one of the remote's keys.
    pub is_signed: bool,
    /// How many packages it has.
    pub packages: usize,
}

/// Whether to look for a signature of the repository's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is, and if there is one, it must be right.
    Signed,
    /// It is not.
    Unsigned,
}

/// Asks the repository of a remote whose files `NAME.conf` and `NAME.gpg` are in `remotes`.
///
/// # Errors
/// When it cannot be had; when its state is signed, and not by a key of the remote; when it has to be signed and is not.
pub fn probe(
    remotes: &Dir,
    name: &RemoteName,
    look: Look,
    access: Access<'_>,
    progress: &Progress,
) -> Result<Probe, BuildError> {
    let (remote, keys) = read_remote(remotes, name)?;
    let (repository, is_signed) = open(&remote, &keys, look, access)?;
    if let Some(problem) = repository.stale() {
        // An older state would do for building, not for finding out whom to believe.
        let problem = problem.to_owned();
        return Err(BuildError::Remote { name: name.to_string(), problem });
    }
    let mut universe = Universe::new(remote.arch.as_str());
    let id = repository.load(&mut universe, progress)?;
    universe.prepare();
    let packages: Vec<Nevra> = universe.packages_of(id);
    let release = named_release(&universe, id).or_else(|| release_of_most(&packages));
    Ok(Probe { release, is_signed, packages: packages.len() })
}

/// Opens it as one that is signed and, if it has no signature and need not have one, as it is.
fn open(
    remote: &RpmRemote,
    keys: &Keyring,
    look: Look,
    access: Access<'_>,
) -> Result<(Repository, bool), RepositoryError> {
    if !remote.verify_metadata && (keys.is_empty() || look == Look::Unsigned) {
        return Ok((Repository::open(remote, keys, access)?, false));
    }
    let signed = RpmRemote { verify_metadata: true, ..remote.clone() };
    match Repository::open(&signed, keys, access) {
        Err(RepositoryError::Signature { source: SignatureError::Missing, .. })
            if !remote.verify_metadata =>
        {
            Ok((Repository::open(remote, keys, access)?, false))
        }
        opened => Ok((opened?, true)),
    }
}

/// The release that its package of the system's own names says: `system-release(42)`, by a package of version 42.
fn named_release(universe: &Universe, id: RepositoryId) -> Option<String> {
    let packages = universe.matching("system-release").into_iter();
    let versions = packages
        .filter(|package| universe.repository(*package) == Some(id))
        .filter_map(|package| universe.nevra(package))
        .map(|nevra| nevra.version)
        .filter(|version| is_number(version));
    versions
        .filter(|version| !universe.matching(&format!("system-release({version})")).is_empty())
        .max_by_key(|version| version.parse::<u32>().unwrap_or(0))
}

/// The release whose mark (`.fc42`) most of the packages bear that bear any.
fn release_of_most(packages: &[Nevra]) -> Option<String> {
    let mut counts = BTreeMap::<u32, usize>::new();
    for package in packages {
        if let Some(number) = marked_release(&package.release) {
            *counts.entry(number).or_default() += 1;
        }
    }
    // Of two that as many bear, the newer one.
    counts.into_iter().max_by_key(|&(number, count)| (count, number)).map(|(number, _)| number.to_string())
}

fn marked_release(release: &str) -> Option<u32> {
    let mark = release.split('.').find_map(|part| part.strip_prefix("fc"))?;
    mark.parse().ok().filter(|_| is_number(mark))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_release() {
        let table = [
            ("1.fc42", Some(42)),
            ("3.20240101git.fc9", Some(9)),
            ("1.fc42.remi.2", Some(42)),
            ("1", None),
            ("1.fc", None),
            ("1.fcx", None),
            ("1.fc123456", None),
            ("1.el9", None),
        ];
        for (release, number) in table {
            assert_eq!(marked_release(release), number, "{release}");
        }
    }

    #[test]
    fn most_packages_decide() {
        let package = |release: &str| Nevra::new("x", 0, "1", release, "noarch").unwrap();
        let packages =
            |releases: &[&str]| release_of_most(&releases.iter().map(|r| package(r)).collect::<Vec<_>>());
        assert_eq!(packages(&["1.fc41", "1.fc42", "2.fc42", "1"]), Some("42".into()));
        assert_eq!(packages(&["1.fc41", "1.fc42"]), Some("42".into()));
        assert_eq!(packages(&["1", "1.el9"]), None);
        assert_eq!(packages(&[]), None);
    }
}
