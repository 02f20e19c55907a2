//! Repositories of RPMs: their state fetched and verified, their packages loaded for the solver, and fetched.
//!
//! What a repository says is believed as far as it is signed: `repomd.xml` by a key of the remote or by the metalink's checksum, all other
//! metadata and the packages by the checksums in it, which are compared before anything is parsed.
mod cache; // what is kept between runs
mod fetch; // files by url
mod repomd; // which files there are, and where copies of them are

use std::fs::File;
use std::path::Path;

use aril_beneath::Dir;
use aril_model::{Hint, RpmRemote, RpmRemoteError, RpmSource};
use aril_terminal::{Bar, Progress, Unit};

use crate::rpm::{Compressor, Keyring, SignatureError};
use crate::solve::{Description, RepositoryId, Universe};

use cache::Cache;
pub use fetch::{Expected, Fetcher};
use repomd::{Checksum, MetadataFile};
pub use repomd::{Metalink, Repomd};

/// Largest `repomd.xml`, metalink or signature, in bytes.
const SMALL_LIMIT: u64 = 4 << 20;
/// Largest file of metadata, packed, in bytes: Fedora's file lists have 60 MB.
const METADATA_LIMIT: u64 = 1 << 30;
/// Largest file of metadata, unpacked, in bytes.
const OPEN_LIMIT: u64 = 8 << 30;
/// Largest package, in bytes.
const PACKAGE_LIMIT: u64 = 64 << 30;

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Nothing came.
    #[error("cannot fetch {what}: {problem}")]
    Fetch {
        /// What was wanted.
        what: String,
        /// The last reason.
        problem: String,
        /// That whoever would have it said that it is not there.
        is_missing: bool,
    },
    /// Its state is not signed as the remote demands.
    #[error("the state of the repository '{remote}' is not believed: its signature: {source}")]
    Signature {
        /// The remote.
        remote: String,
        /// Why.
        source: SignatureError,
    },
    /// Metadata that does not add up.
    #[error("the metadata of the repository '{remote}' is damaged: {problem}")]
    Metadata {
        /// The remote.
        remote: String,
        /// What is wrong.
        problem: String,
    },
    /// The remote's file says something that cannot be used.
    #[error("the remote '{remote}' cannot be used: {source}")]
    Remote {
        /// The remote.
        remote: String,
        /// What is wrong.
        source: RpmRemoteError,
    },
    /// A file of the cache.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// Reading the cache.
    #[error("cannot read the cache: {0}")]
    Cache(#[source] std::io::Error),
}

impl Hint for RepositoryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Signature { source: SignatureError::Missing, remote } => Some(format!(
                "it was signed when the remote was added, and `repodata/repomd.xml.asc` is gone: somebody may be in between; if its owner says otherwise, `aril remote-delete --force {remote}` and add it again"
            )),
            Self::Signature { source: SignatureError::UnknownKey(_), remote } => Some(format!(
                "give the key of whoever signs it: `aril remote-add --gpg-import=KEY {remote} …`"
            )),
            Self::Signature { source: SignatureError::Wrong, remote } => Some(format!(
                "it is being renewed just now, or somebody is in between: try again later; nothing is taken from '{remote}' until then"
            )),
            _ => None,
        }
    }
}

/// A repository in the state in which it was found.
#[derive(Debug)]
pub struct Repository {
    remote: RpmRemote,
    /// Directories, each ending in `/`.
    mirrors: Vec<String>,
    repomd: Repomd,
    cache: Cache,
    fetcher: Fetcher,
    /// That the state is an old one, since no new one could be fetched.
    stale: Option<String>,
}

/// What is at hand for opening a repository.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Where metadata is kept.
    pub cache: &'a Path,
    /// Fetches files.
    pub fetcher: &'a Fetcher,
    /// Seconds since 1970.
    pub now: u64,
}

impl Repository {
    /// Finds out the state of a remote's repository. If nothing can be fetched, the last one that was believed counts.
    ///
    /// # Errors
    /// When there is none, or it is not signed as the remote demands.
    pub fn open(remote: &RpmRemote, keys: &Keyring, access: Access<'_>) -> Result<Self, RepositoryError> {
        let wrong = |source| RepositoryError::Remote { remote: remote.name.to_string(), source };
        let source = remote.resolved().map_err(wrong)?;
        // What was kept without a signature must not stand in for what has to have one.
        let signed = if remote.verify_metadata { " signed" } else { "" };
        let cache = Cache::open(access.cache, &format!("{source:?}{signed}"))?;
        let damaged = |problem| RepositoryError::Metadata { remote: remote.name.to_string(), problem };
        let fetched = find_mirrors(&source, access.fetcher, &damaged)
            .and_then(|link| fetch_repomd(remote, keys, access, &link).map(|bytes| (link.mirrors, bytes)));
        let (mirrors, bytes, stale) = match fetched {
            Ok((mirrors, bytes)) => {
                cache.dir().write_atomic("repomd.xml", &bytes, 0o600)?;
                (mirrors, bytes, None)
            }
            Err(error @ RepositoryError::Fetch { .. }) => match cache.dir().read("repomd.xml", SMALL_LIMIT) {
                Ok(bytes) => (fallback_mirrors(&source), bytes, Some(error.to_string())),
                Err(_) => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let repomd = Repomd::parse(&bytes).map_err(damaged)?;
        let current: Vec<String> = repomd.files.iter().map(|file| file.checksum.value.clone()).collect();
        cache.remove_others(&current)?;
        Ok(Self { remote: remote.clone(), mirrors, repomd, cache, fetcher: access.fetcher.clone(), stale })
    }

    /// The remote.
    pub fn remote(&self) -> &RpmRemote {
        &self.remote
    }

    /// What stood in the way of a newer state, if an old one is used.
    pub fn stale(&self) -> Option<&str> {
        self.stale.as_deref()
    }

    /// Loads its packages, without their file lists but for those in `bin` and `etc`.
    ///
    /// # Errors
    /// When the metadata cannot be fetched or read.
    pub fn load(
        &self,
        universe: &mut Universe,
        progress: &Progress,
    ) -> Result<RepositoryId, RepositoryError> {
        let repository = universe.add_repository(self.remote.name.as_str(), 0);
        let file =
            self.repomd.file("primary").ok_or_else(|| self.damaged("it names no primary metadata".into()))?;
        let name = format!("primary-{}.solv", file.checksum.value);
        if let Some(body) = self.cache.solv(&name) {
            if universe.read_cache(repository, &mut body.as_slice()).is_ok() {
                return Ok(repository);
            }
            return Err(self.damaged("the cache cannot be read".into()));
        }
        self.read_metadata(file, progress, &mut |xml| universe.read_primary(repository, xml))?;
        let mut body = Vec::new();
        if universe.write_cache(repository, &mut body).is_ok() {
            self.cache.keep_solv(&name, &body)?;
        }
        Ok(repository)
    }

    /// Loads the file lists of packages that are loaded.
    ///
    /// # Errors
    /// When there are none, or they cannot be fetched or read.
    pub fn load_filelists(
        &self,
        universe: &mut Universe,
        repository: RepositoryId,
        progress: &Progress,
    ) -> Result<(), RepositoryError> {
        let Some(file) = self.repomd.file("filelists") else {
            return Err(self.damaged("it has no file lists".into()));
        };
        self.read_metadata(file, progress, &mut |xml| universe.read_filelists(repository, xml))
    }

    /// Fetches a file of metadata, compares its digest, and hands out what is in it.
    fn read_metadata(
        &self,
        file: &MetadataFile,
        progress: &Progress,
        read: &mut dyn FnMut(&mut dyn std::io::Read) -> Result<(), String>,
    ) -> Result<(), RepositoryError> {
        let compressor = Compressor::from_extension(&file.location).ok_or_else(|| {
            self.damaged(format!("'{}' is packed in an unknown way", aril_model::printable(&file.location)))
        })?;
        let end = file.location.rsplit_once('/').map_or(file.location.as_str(), |(_, name)| name);
        let end = end.split_once('.').map_or("", |(_, end)| end);
        let name = format!("{}-{}.{end}", file.kind, file.checksum.value);
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
            return Err(self.damaged("the kind of a file is no word".into()));
        }
        let what = format!("the {} metadata of '{}'", file.kind, self.remote.name);
        let expected =
            Expected { what: &what, size: file.size, limit: METADATA_LIMIT, checksum: Some(&file.checksum) };
        let bar = progress.bar(&format!("fetching {}", file.kind), Unit::Bytes, file.size);
        let packed =
            self.fetcher.download(&self.urls(&file.location), expected, (self.cache.dir(), &name), &bar)?;
        drop(bar);
        let _working = progress.bar(&format!("reading {}", file.kind), Unit::Bytes, None);
        let unpacked = compressor.unpack(packed).map_err(RepositoryError::Cache)?;
        let limit = file.open_size.unwrap_or(OPEN_LIMIT).min(OPEN_LIMIT);
        read(&mut std::io::Read::take(unpacked, limit)).map_err(|problem| self.damaged(problem))
    }

    /// Fetches a package into the cache, or opens it where it lies, with its digest compared.
    ///
    /// # Errors
    /// When it cannot be had, or is another than the metadata says.
    pub fn package(&self, package: &Description, bar: &Bar) -> Result<File, RepositoryError> {
        let location = package.location.as_str();
        let (Some((function, value)), true) = (&package.checksum, repomd::is_relative(location)) else {
            return Err(self.damaged(format!("it does not say where {} is, or what", package.nevra)));
        };
        let checksum = Checksum { function: function.clone(), value: value.clone() };
        let what = format!("the package {}", package.nevra);
        let size = Some(package.download_size).filter(|size| *size > 0);
        let expected = Expected { what: &what, size, limit: PACKAGE_LIMIT, checksum: Some(&checksum) };
        let name = format!("{value}.rpm");
        self.fetcher.download(&self.urls(location), expected, (&self.cache.packages()?, &name), bar)
    }

    /// Removes a fetched package from the cache.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn forget_package(&self, package: &Description) -> Result<(), RepositoryError> {
        let Some((_, value)) = &package.checksum else { return Ok(()) };
        match self.cache.packages()?.remove_file(format!("{value}.rpm")) {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn urls(&self, location: &str) -> Vec<String> {
        self.mirrors.iter().map(|mirror| format!("{mirror}{}", encode_percent(location))).collect()
    }

    fn damaged(&self, problem: String) -> RepositoryError {
        RepositoryError::Metadata { remote: self.remote.name.to_string(), problem }
    }
}

/// The keys of a remote: the file `NAME.gpg` beside its own. None when there is no such file.
///
/// # Errors
/// When it is there and holds no key.
pub fn read_keys(remotes: &Dir, remote: &RpmRemote) -> Result<Keyring, RepositoryError> {
    match remotes.read(format!("{}.gpg", remote.name), SMALL_LIMIT) {
        Ok(bytes) => Keyring::parse(&bytes)
            .map_err(|source| RepositoryError::Signature { remote: remote.name.to_string(), source }),
        Err(error) if error.is_not_found() => Ok(Keyring::default()),
        Err(error) => Err(error.into()),
    }
}

fn find_mirrors(
    source: &RpmSource,
    fetcher: &Fetcher,
    damaged: &dyn Fn(String) -> RepositoryError,
) -> Result<Metalink, RepositoryError> {
    let expected = |what| Expected { what, size: None, limit: SMALL_LIMIT, checksum: None };
    let mut link = match source {
        RpmSource::Urls(urls) => Metalink { mirrors: urls.clone(), checksums: Vec::new() },
        RpmSource::Metalink(url) => {
            let bytes = fetcher.read(std::slice::from_ref(url), expected("the metalink"))?;
            Metalink::parse(&bytes).map_err(|problem| damaged(format!("the metalink: {problem}")))?
        }
        RpmSource::MirrorList(url) => {
            let bytes = fetcher.read(std::slice::from_ref(url), expected("the list of mirrors"))?;
            let text = String::from_utf8_lossy(&bytes);
            Metalink::parse_mirror_list(&text)
                .map_err(|problem| damaged(format!("the mirror list: {problem}")))?
        }
    };
    for mirror in &mut link.mirrors {
        if !mirror.ends_with('/') {
            mirror.push('/');
        }
    }
    Ok(link)
}

/// Where to look for files of a cached state when nothing could be fetched.
fn fallback_mirrors(source: &RpmSource) -> Vec<String> {
    match source {
        RpmSource::Urls(urls) => urls.iter().map(|url| format!("{}/", url.trim_end_matches('/'))).collect(),
        RpmSource::Metalink(_) | RpmSource::MirrorList(_) => Vec::new(),
    }
}

fn fetch_repomd(
    remote: &RpmRemote,
    keys: &Keyring,
    access: Access<'_>,
    link: &Metalink,
) -> Result<Vec<u8>, RepositoryError> {
    let urls: Vec<String> =
        link.mirrors.iter().map(|mirror| format!("{mirror}repodata/repomd.xml")).collect();
    let what = format!("the state of the repository '{}'", remote.name);
    let expected = |checksum| Expected { what: &what, size: None, limit: SMALL_LIMIT, checksum };
    let bytes = if link.checksums.is_empty() {
        access.fetcher.read(&urls, expected(None))?
    } else {
        // The newest state first; then those that mirrors may still have.
        let mut tries =
            link.checksums.iter().rev().map(|checksum| access.fetcher.read(&urls, expected(Some(checksum))));
        let first = tries.next().unwrap_or_else(|| access.fetcher.read(&urls, expected(None)));
        match first {
            Ok(bytes) => bytes,
            Err(error) => tries.find_map(Result::ok).ok_or(error)?,
        }
    };
    if remote.verify_metadata {
        let urls: Vec<String> = urls.iter().map(|url| format!("{url}.asc")).collect();
        let fail = |source| RepositoryError::Signature { remote: remote.name.to_string(), source };
        let what = "the signature of the repository";
        let signature = access
            .fetcher
            .read(&urls, Expected { what, size: None, limit: SMALL_LIMIT, checksum: None })
            .map_err(|error| match error {
                RepositoryError::Fetch { is_missing: true, .. } => fail(SignatureError::Missing),
                other => other,
            })?;
        keys.verify(&signature, access.now, &mut || bytes.as_slice()).map_err(fail)?;
    }
    Ok(bytes)
}

/// A location as a part of a url: file names of packages may hold `+`, `^` and `~`, which some servers take for something else.
fn encode_percent(location: &str) -> String {
    use std::fmt::Write;
    location.bytes().fold(String::with_capacity(location.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
