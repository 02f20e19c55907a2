//! What a person means by a name: installed refs, and refs of remotes.

use aril_installation::{Installation, RemoteKind};
use aril_model::{Arch, Kind, PartialRef, Ref, RemoteName, nearest};
use aril_store::Summary;

use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError};

/// Which refs are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Of one kind only.
    pub kind: Option<Kind>,
    /// Of one architecture only.
    pub arch: Option<Arch>,
}

impl Narrowing {
    fn allows(&self, reference: &Ref) -> bool {
        self.kind.is_none_or(|kind| kind == reference.kind)
            && self.arch.as_ref().is_none_or(|arch| *arch == reference.arch)
    }
}

/// The other installations of the machine that exist.
///
/// # Errors
/// When one exists and cannot be read.
pub(crate) fn other_installations(host: &Host) -> Result<Vec<Installation>> {
    let mut found = Vec::new();
    for (scope, path) in &host.others {
        found.extend(Installation::open(scope.clone(), path)?);
    }
    Ok(found)
}

/// The installed refs that a name stands for: those of exactly this id, else those whose id ends with it.
///
/// # Errors
/// [`TransactionError::NotInstalled`] when there is none.
pub fn installed(at: &LockedInstallation, name: &PartialRef, narrowing: &Narrowing) -> Result<Vec<Ref>> {
    let refs = at.installation().refs()?;
    let fits = |by: fn(&PartialRef, &Ref) -> bool| {
        let found = refs.iter().filter(|reference| narrowing.allows(reference) && by(name, reference));
        found.cloned().collect::<Vec<_>>()
    };
    let exact = fits(PartialRef::matches);
    let found = if exact.is_empty() { fits(PartialRef::matches_loosely) } else { exact };
    if found.is_empty() {
        let near = nearest(&name.name, refs.iter().map(|reference| reference.id.as_str())).map(str::to_owned);
        return Err(TransactionError::NotInstalled { name: name.name.clone(), nearest: near });
    }
    Ok(found)
}

/// Exactly one installed ref.
///
/// # Errors
/// [`TransactionError::Ambiguous`] when several fit.
pub fn one_installed(at: &LockedInstallation, name: &PartialRef, narrowing: &Narrowing) -> Result<Ref> {
    one(&name.name, installed(at, name, narrowing)?)
}

/// The refs of a remote that a name stands for. Without an architecture the machine's own is meant; without a branch the remote's default
/// one, if it has the ref.
pub(crate) fn in_summary(
    summary: &Summary,
    name: &PartialRef,
    narrowing: &Narrowing,
    default_branch: Option<&str>,
) -> Vec<Ref> {
    let arch = name.arch.clone().or_else(|| narrowing.arch.clone()).unwrap_or_else(Arch::native);
    let all: Vec<Ref> = summary
        .refs
        .keys()
        .filter_map(|name| name.parse::<Ref>().ok())
        .filter(|reference| reference.arch == arch && narrowing.allows(reference))
        .collect();
    let exact: Vec<Ref> = all.iter().filter(|reference| name.matches(reference)).cloned().collect();
    let mut found = if exact.is_empty() {
        all.into_iter().filter(|reference| name.matches_loosely(reference)).collect()
    } else {
        exact
    };
    // An app is meant before a runtime of the same name.
    if found.iter().any(|reference| reference.kind == Kind::App) {
        found.retain(|reference| reference.kind == Kind::App);
    }
    let is_default = |reference: &Ref| Some(reference.branch.as_str()) == default_branch;
    if found.len() > 1 && found.iter().any(is_default) {
        found.retain(is_default);
    }
    found
}

/// One ref of several.
pub(crate) fn one(name: &str, mut found: Vec<Ref>) -> Result<Ref> {
    match found.len() {
        1 => Ok(found.remove(0)),
        _ => {
            let candidates: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(TransactionError::Ambiguous { name: name.to_owned(), candidates: candidates.join(", ") })
        }
    }
}

/// The remote of a name.
///
/// # Errors
/// [`TransactionError::NoRemote`] if there is none.
pub(crate) fn remote(at: &LockedInstallation, name: &RemoteName) -> Result<aril_installation::Remote> {
    let (remotes, _) = at.installation().remotes()?;
    if let Some(remote) = remotes.iter().find(|remote| remote.name == *name) {
        return Ok(remote.clone());
    }
    let near = nearest(name.as_str(), remotes.iter().map(|remote| remote.name.as_str())).map(str::to_owned);
    Err(TransactionError::NoRemote { name: name.to_string(), nearest: near })
}

/// The kind of the remote that something came from; `None` if there is no such remote any more.
pub(crate) fn kind_of_origin(
    at: &LockedInstallation,
    origin: &str,
) -> Result<Option<(RemoteName, RemoteKind)>> {
    let Ok(name) = origin.parse::<RemoteName>() else { return Ok(None) };
    let (remotes, _) = at.installation().remotes()?;
    Ok(remotes.into_iter().find(|remote| remote.name == name).map(|remote| (name, remote.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(names: &[&str]) -> Summary {
        let entry = |name: &&str| {
            let reference = aril_store::RemoteRef {
                commit: "0".repeat(64).parse().unwrap(),
                installed_size: None,
                download_size: None,
                metadata: None,
                end_of_life: None,
                end_of_life_rebase: None,
            };
            (name.replace("ARCH", Arch::native().as_str()), reference)
        };
        Summary { refs: names.iter().map(entry).collect(), ..Summary::default() }
    }

    #[test]
    fn names_in_a_remote() {
        let summary = summary(&[
            "app/org.test.Hello/ARCH/stable",
            "app/org.test.Hello/ARCH/beta",
            "app/org.test.Hello/sparc/stable",
            "runtime/org.other.Hello/ARCH/1",
            "runtime/org.test.Platform/ARCH/f1",
            "appstream2/ARCH",
        ]);
        let find = |name: &str, default: Option<&str>| {
            let found = in_summary(&summary, &name.parse().unwrap(), &Narrowing::default(), default);
            found
                .iter()
                .map(|reference| format!("{}//{}", reference.id, reference.branch))
                .collect::<Vec<_>>()
        };
        assert_eq!(find("org.test.Hello", None), ["org.test.Hello//beta", "org.test.Hello//stable"]);
        assert_eq!(find("org.test.Hello", Some("stable")), ["org.test.Hello//stable"]);
        assert_eq!(find("org.test.Hello//beta", Some("stable")), ["org.test.Hello//beta"]);
        assert_eq!(find("hello//stable", None), ["org.test.Hello//stable"]);
        assert_eq!(find("runtime/platform", None), ["org.test.Platform//f1"]);
        assert_eq!(find("none", None), Vec::<String>::new());
        assert_eq!(find("org.test.Hello/sparc", None), ["org.test.Hello//stable"]);
    }
}
