//! Adding and removing remotes: ostree repositories in `repo/config`, repositories of RPMs in `rpm-remotes.d`.

mod description; // .flatpakrepo and .flatpakref files
mod rpm; // repositories of RPMs
mod web; // files by url, for descriptions and keys

use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_model::{Branch, Ref, RemoteName, RpmSource};
use aril_store::Remote;

pub use description::FlatpakRef;

use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError, resolve};
use description::FlatpakRepo;

/// Largest file with keys or a description, in bytes.
pub(crate) const FILE_LIMIT: u64 = 8 << 20;

/// Where a new remote is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// By its url.
    Url(String),
    /// In a `.repo` or `.flatpakrepo` file; the second is which one of several.
    File(PathBuf, Option<String>),
}

/// How a new remote is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// As it describes itself, with the keys that it names.
    AsDescribed,
    /// By these keys.
    Keys(Vec<u8>),
    /// Whatever it sends.
    Anything,
}

/// A remote that is to be added.
#[derive(Debug, Clone)]
pub struct NewRemote {
    /// Its name; without one the description gives it.
    pub name: Option<RemoteName>,
    /// Where it is described.
    pub described: Described,
    /// How it is believed.
    pub trust: Trust,
    /// For which release its packages are, and what `$releasever` stands for; for repositories of RPMs.
    pub release: Option<String>,
    /// A title for people.
    pub title: Option<String>,
    /// The branch that is meant when none is named.
    pub default_branch: Option<Branch>,
    /// Higher is looked in earlier.
    pub priority: Option<i32>,
    /// Keys of its group that are set to `true`: `xa.noenumerate`, `xa.nodeps`, `xa.disable`.
    pub flags: Vec<&'static str>,
}

/// Whether a remote of the same name is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// It is.
    Refuse,
    /// It is what is wanted.
    Keep,
}

/// What became of a remote that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its name.
    pub name: RemoteName,
    /// Whether it was not there before.
    pub is_new: bool,
    /// Lines for people: what was found out of it.
    pub notes: Vec<String>,
}

impl Added {
    fn new(name: RemoteName) -> Self {
        Self { name, is_new: true, notes: Vec::new() }
    }
}

/// Adds a remote. A repository of RPMs is asked what it says of itself.
///
/// # Errors
/// When the description is none, nobody signs what comes from it, or the name is taken.
pub fn add(at: &LockedInstallation, host: &Host, new: &NewRemote, if_there: IfThere) -> Result<Added> {
    if let Some(name) = &new.name
        && is_there(at, name)?
    {
        return refuse_or_keep(name, if_there);
    }
    let text = match &new.described {
        Described::File(path, _) => Some(read_file(path)?),
        Described::Url(url) if is_description(url) => Some(web::fetch_text(url)?),
        Described::Url(_) => None,
    };
    match (&text, &new.described) {
        (Some(text), described) if text.contains(description::REPO_GROUP) => {
            let repo = FlatpakRepo::parse(&shown(described), text)?;
            let name = named(new, &repo.suggested_name(described_path(described)))?;
            if is_there(at, &name)? {
                return refuse_or_keep(&name, if_there);
            }
            add_ostree(at, new, &name, repo.to_remote(&name), repo.keys.clone())?;
            Ok(Added::new(name))
        }
        (Some(text), described) => {
            let id = if let Described::File(_, id) = described { id.as_deref() } else { None };
            rpm::add_from_file(at, host, new, (text, id), if_there)
        }
        (None, Described::Url(url)) => {
            let name = named(new, "")?;
            match RpmSource::from_typed(url) {
                Some(source) => rpm::add(at, host, new, &name, source),
                None => {
                    let remote = Remote::new(name.clone(), &checked_url(url)?);
                    add_ostree(at, new, &name, remote, None)?;
                    Ok(Added::new(name))
                }
            }
        }
        (None, described) => Err(not_a_remote(&shown(described), "it cannot be read")),
    }
}

/// Adds the remote that a `.flatpakrepo` at a url describes; one that is there already is taken as it is.
///
/// # Errors
/// Like [`add`].
pub fn add_described(at: &LockedInstallation, host: &Host, url: &str) -> Result<Added> {
    let new = NewRemote {
        name: None,
        described: Described::Url(url.to_owned()),
        trust: Trust::AsDescribed,
        release: None,
        title: None,
        default_branch: None,
        priority: None,
        flags: Vec::new(),
    };
    add(at, host, &new, IfThere::Keep)
}

/// Adds an ostree remote, with its keys.
fn add_ostree(
    at: &LockedInstallation,
    new: &NewRemote,
    name: &RemoteName,
    mut remote: Remote,
    described_keys: Option<Vec<u8>>,
) -> Result<()> {
    let keys = match &new.trust {
        Trust::Keys(keys) => Some(keys.clone()),
        Trust::AsDescribed => described_keys,
        Trust::Anything => None,
    };
    if keys.is_none() && new.trust != Trust::Anything {
        return Err(TransactionError::NoKey(name.clone()));
    }
    if new.trust == Trust::Anything {
        remote.set("gpg-verify", "false");
        remote.set("gpg-verify-summary", "false");
    }
    set_options(new, &mut remote);
    at.repo().set_remote(&remote)?;
    if let Some(keys) = keys
        && let Err(error) = at.repo().import_keys(name, &keys)
    {
        // Without its keys it would be there and of no use.
        at.repo().remove_remote(name)?;
        return Err(error.into());
    }
    Ok(())
}

pub(crate) fn set_options(new: &NewRemote, remote: &mut Remote) {
    if let Some(title) = &new.title {
        remote.set("xa.title", title);
    }
    if let Some(branch) = &new.default_branch {
        remote.set("xa.default-branch", branch.as_str());
    }
    if let Some(priority) = new.priority {
        remote.set("xa.prio", &priority.to_string());
    }
    for flag in &new.flags {
        remote.set(flag, "true");
    }
}

/// The refs that came from a remote and are installed.
///
/// # Errors
/// When the installation cannot be read.
pub fn refs_from(at: &LockedInstallation, name: &RemoteName) -> Result<Vec<Ref>> {
    let mut found = Vec::new();
    for reference in at.installation().refs()? {
        if at.origin(&reference)?.as_deref() == Some(name.as_str()) {
            found.push(reference);
        }
    }
    Ok(found)
}

/// Removes a remote with its keys.
///
/// # Errors
/// When there is none of this name, or something from it is installed and that is not accepted.
pub fn remove(at: &LockedInstallation, name: &RemoteName, force: crate::uninstall::Force) -> Result<()> {
    resolve::remote(at, name)?;
    let refs = refs_from(at, name)?;
    if !refs.is_empty() && force == crate::uninstall::Force::No {
        let refs: Vec<String> = refs.iter().map(|reference| reference.id.to_string()).collect();
        return Err(TransactionError::RemoteInUse { remote: name.clone(), refs: refs.join(", ") });
    }
    rpm::remove(at, name)?;
    at.repo().remove_remote(name)?;
    Ok(())
}

/// The remote that a `.flatpakref` means: one with its url, or a new one.
///
/// # Errors
/// When a new one cannot be added.
pub fn for_flatpakref(at: &LockedInstallation, described: &FlatpakRef) -> Result<RemoteName> {
    let same = |remote: &&Remote| remote.url().trim_end_matches('/') == described.url.trim_end_matches('/');
    if let Some(remote) = at.repo().remotes()?.iter().find(same) {
        return Ok(remote.name.clone());
    }
    let mut name = described.suggested_name();
    let mut number = 1;
    while is_there(at, &name)? {
        number += 1;
        name = format!("{}-{number}", described.suggested_name())
            .parse()
            .map_err(|_| not_a_remote(&described.url, "no name is left for it"))?;
    }
    let mut remote = Remote::new(name.clone(), &checked_url(&described.url)?);
    // Only what the file names is wanted of it, unless it is a remote of its own.
    remote.set("xa.noenumerate", "true");
    let trust = match &described.keys {
        Some(keys) => Trust::Keys(keys.clone()),
        None => Trust::AsDescribed,
    };
    let new = NewRemote {
        name: Some(name.clone()),
        described: Described::Url(described.url.clone()),
        trust,
        release: None,
        title: described.title.clone(),
        default_branch: None,
        priority: None,
        flags: Vec::new(),
    };
    add_ostree(at, &new, &name, remote, None)?;
    Ok(name)
}

fn named(new: &NewRemote, described: &str) -> Result<RemoteName> {
    match &new.name {
        Some(name) => Ok(name.clone()),
        None => described.parse().map_err(|_| not_a_remote(described, "it does not say its name; give one")),
    }
}

fn is_there(at: &LockedInstallation, name: &RemoteName) -> Result<bool> {
    Ok(rpm::is_there(at, name)? || at.repo().remotes()?.iter().any(|remote| remote.name == *name))
}

fn refuse_or_keep(name: &RemoteName, if_there: IfThere) -> Result<Added> {
    match if_there {
        IfThere::Keep => Ok(Added { is_new: false, ..Added::new(name.clone()) }),
        IfThere::Refuse => Err(TransactionError::RemoteThere(name.clone())),
    }
}

fn is_description(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    [".flatpakrepo", ".repo"].iter().any(|suffix| path.ends_with(suffix))
}

/// A url that libostree understands.
fn checked_url(url: &str) -> Result<String> {
    let known = ["https://", "http://", "file:///"].iter().any(|scheme| url.starts_with(scheme));
    if url.starts_with("oci+") {
        return Err(not_a_remote(url, "registries of OCI images are not supported yet"));
    }
    if !known || url.chars().any(|c| c.is_control() || c == ' ') {
        return Err(not_a_remote(
            url,
            "it is not a https://, http://, file:///, rpm+https:// or rpm+file:/// url",
        ));
    }
    Ok(url.to_owned())
}

/// Reads a file that the user named: a key, a description.
///
/// # Errors
/// When it cannot be read, or is larger than 8 MiB.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name =
        path.file_name().ok_or_else(|| not_a_remote(&path.display().to_string(), "it is not a file"))?;
    // The user may name a link: `in_root` would take its target for one below the directory, so the whole path is opened.
    match Dir::open(parent)?.read(name, FILE_LIMIT) {
        Err(error) if error.is_escape() => {
            let target = Dir::open(parent)?.read_link(name)?;
            let target = parent.join(target);
            let parent = target.parent().unwrap_or(Path::new("/"));
            Ok(Dir::open(parent)?.read(target.file_name().unwrap_or_default(), FILE_LIMIT)?)
        }
        read => Ok(read?),
    }
}

fn read_file(path: &Path) -> Result<String> {
    if let Some(url) = path.to_str().filter(|text| text.contains("://")) {
        return web::fetch_text(url);
    }
    String::from_utf8(read_bytes(path)?)
        .map_err(|_| not_a_remote(&path.display().to_string(), "it is not text"))
}

fn described_path(described: &Described) -> &Path {
    match described {
        Described::Url(url) => Path::new(url.split(['?', '#']).next().unwrap_or(url)),
        Described::File(path, _) => path,
    }
}

fn shown(described: &Described) -> String {
    aril_model::printable(&described_path(described).display().to_string()).into_owned()
}

pub(crate) fn not_a_remote(what: &str, problem: &str) -> TransactionError {
    TransactionError::NotARemote {
        what: aril_model::printable(what).into_owned(),
        problem: problem.to_owned(),
    }
}
