//! One package becomes one commit, once: its payload streamed into the store, its header kept beside it.
//!
//! The tree is the package's own: every path where the package has it. Where it lands in a merged tree is decided later, since that depends
//! on what else is there. Owners, set-id bits, capabilities, times and ghosts, which a tree in the store cannot have, stay in the header.
//! The one change to contents is that the time in compiled Python files becomes 0, as the time of every file in a deploy is.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use aril_model::{Arch, CommitId};
use aril_store::{Commit, CommitDetails, Mode, Node, RefName, Repo, StoreError, Tree, Value, Writer};

use crate::report::{Note, Topic};
use crate::rpm::{
    Facts, FileKind, Header, HeaderKind, Item, Nevra, Package, PackageFile, RpmError, SignaturePolicy,
    WholeFile,
};

/// Headers up to this size are kept as they are, larger ones packed: libostree takes metadata of at most 10 MiB.
const PLAIN_HEADER: usize = 6 << 20;
const PACKED_HEADER: usize = 9 << 20;
/// Largest header that is unpacked, in bytes.
const MAX_HEADER: u64 = 64 << 20;

/// A package in the store.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What its header says.
    pub facts: Facts,
    /// The SHA-256 of its header, in hex.
    pub header_digest: String,
    /// Its commit.
    pub commit: CommitId,
    /// The ref that keeps it.
    pub reference: RefName,
    /// Its payload, at the paths that the package has.
    pub tree: Tree,
    /// The fingerprint of the certificate that vouches for it, if one was asked for.
    pub key: Option<String>,
    /// What of it is not in the tree, and why.
    pub left_out: Vec<Note>,
}

/// Why a package cannot be brought into the store.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The package itself.
    #[error("the package {package} is refused: {source}")]
    Package {
        /// Which one.
        package: String,
        /// Why.
        source: RpmError,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A header that no store can keep.
    #[error("the header of {0} is too large to be kept")]
    HeaderSize(Nevra),
}

/// The ref of a package.
///
/// # Errors
/// When its architecture cannot be a part of one.
pub fn reference(nevra: &Nevra, header_digest: &str) -> Result<RefName, StoreError> {
    let arch: Arch = nevra.arch.parse().map_err(|_| StoreError::RefName(nevra.to_string()))?;
    let digest = header_digest.get(..16).unwrap_or(header_digest);
    RefName::package(&nevra.name, &nevra.evr(), &arch, digest)
}

/// Brings a package into the store. The ref is not moved yet: the caller publishes all at once.
///
/// `file_digest` is what the repository says of the whole file, if it was compared.
/// # Errors
/// When the package is not vouched for as the policy demands, is damaged, or cannot be written.
pub fn import(
    package: &Package,
    file_digest: Option<&str>,
    policy: SignaturePolicy<'_>,
    writer: &Writer,
) -> Result<Imported, ImportError> {
    let facts = package.facts();
    let refused = |source| ImportError::Package { package: facts.nevra.to_string(), source };
    let whole_file = if file_digest.is_some() { WholeFile::Compared } else { WholeFile::Unknown };
    let vouched = package.verify(policy, whole_file).map_err(refused)?;
    let (tree, left_out) = payload(package, writer).map_err(refused)?;
    let header_digest = package.header_digest();
    let details = CommitDetails {
        subject: facts.nevra.to_string(),
        timestamp: facts.build_time,
        metadata: metadata(package, file_digest)
            .ok_or_else(|| ImportError::HeaderSize(facts.nevra.clone()))?,
        ..CommitDetails::default()
    };
    Ok(Imported {
        commit: writer.commit(&tree, &details)?,
        reference: reference(&facts.nevra, &header_digest)?,
        facts: facts.clone(),
        header_digest,
        tree,
        key: vouched.key,
        left_out,
    })
}

/// Finds a package that was imported before, by the digest of its file, if its signature satisfies the policy.
///
/// # Errors
/// When the store cannot be read; damage of a commit counts as if it were not there.
pub fn find(
    repo: &Repo,
    nevra: &Nevra,
    file_digest: &str,
    policy: SignaturePolicy<'_>,
) -> Result<Option<Imported>, StoreError> {
    let prefix = reference(nevra, "0")?.name().trim_end_matches('0').to_owned();
    for (name, id) in repo.refs(&prefix)? {
        let Ok(commit) = repo.commit(&id) else { continue };
        if commit.text("aril.file-digest") == Some(file_digest)
            && let Some(found) = read(repo, name, &commit, policy)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn read(repo: &Repo, reference: RefName, commit: &Commit, policy: SignaturePolicy<'_>) -> Option<Imported> {
    let header = stored_header(commit)?;
    let signature = Header::parse(commit.bytes("aril.signature")?.to_vec(), HeaderKind::Signature).ok()?;
    let key = crate::rpm::verify_headers(&signature, &header, policy).ok()?.key;
    let facts = Facts::from_header(&header).ok()?;
    let left_out = notes(&facts);
    Some(Imported {
        header_digest: crate::rpm::sha256_hex(header.bytes()),
        commit: commit.id.clone(),
        tree: repo.tree(&commit.id).ok()?,
        facts,
        reference,
        key,
        left_out,
    })
}

/// The header that a package's commit keeps; `None` when it is missing or damaged.
pub fn stored_header(commit: &Commit) -> Option<Header> {
    let bytes = match commit.bytes("aril.header") {
        Some(bytes) => bytes.to_vec(),
        None => {
            let mut bytes = Vec::new();
            let decoder = zstd::Decoder::new(commit.bytes("aril.header-zstd")?).ok()?;
            decoder.take(MAX_HEADER).read_to_end(&mut bytes).ok()?;
            bytes
        }
    };
    Header::parse(bytes, HeaderKind::Main).ok()
}

fn metadata(package: &Package, file_digest: Option<&str>) -> Option<BTreeMap<String, Value>> {
    let mut metadata = BTreeMap::new();
    let header = package.header().bytes();
    if header.len() <= PLAIN_HEADER {
        metadata.insert("aril.header".to_owned(), Value::Bytes(header.to_vec()));
    } else {
        let packed = zstd::bulk::compress(header, 19).ok().filter(|packed| packed.len() <= PACKED_HEADER)?;
        metadata.insert("aril.header-zstd".to_owned(), Value::Bytes(packed));
    }
    metadata.insert("aril.signature".to_owned(), Value::Bytes(package.signature_header().bytes().to_vec()));
    if let Some(digest) = file_digest {
        metadata.insert("aril.file-digest".to_owned(), Value::Text(digest.to_owned()));
    }
    Some(metadata)
}

fn payload(package: &Package, writer: &Writer) -> Result<(Tree, Vec<Note>), RpmError> {
    let files = &package.facts().files;
    let mut tree = Tree::new();
    for file in files.iter().filter(|file| why_left_out(file).is_none()) {
        place_without_content(&mut tree, file, writer)?;
    }
    let mut payload = package.payload()?;
    while let Some(mut item) = payload.next_item()? {
        let stored = store(&mut item, writer)?;
        for &index in &item.files {
            let file = &files[index];
            if why_left_out(file).is_none() {
                put(&mut tree, file, stored.clone())?;
            }
        }
    }
    Ok((tree, notes(package.facts())))
}

/// What of a package is not in its tree: files, and rights that they would have on a host.
fn notes(facts: &Facts) -> Vec<Note> {
    let name = &facts.nevra.name;
    let mut notes = Vec::new();
    for file in facts.files.iter().filter(|file| file.is_in_payload()) {
        let path = aril_model::printable(&file.path.to_string_lossy()).into_owned();
        notes.extend(why_left_out(file).map(|reason| Note::new(Topic::File, reason)));
        if file.kind == FileKind::Regular && file.mode & 0o6000 != 0 {
            notes.push(Note::new(
                Topic::Privilege,
                format!("{path} of {name} is not set-id: its mode is {:o}", file.mode),
            ));
        }
        if !file.capabilities.is_empty() {
            let capabilities = aril_model::printable(&file.capabilities);
            notes.push(Note::new(Topic::Privilege, format!("{path} of {name} does not get {capabilities}")));
        }
        let is_root = |owner: &str| matches!(owner, "root" | "");
        if !is_root(&file.user) || !is_root(&file.group) {
            let owner =
                format!("{}:{}", aril_model::printable(&file.user), aril_model::printable(&file.group));
            notes.push(Note::routine(Topic::User, format!("{path} of {name} does not belong to {owner}")));
        }
    }
    notes
}

/// Why a path of a package cannot be in the store; `None` for those that can, and for ghosts, which are nowhere.
fn why_left_out(file: &PackageFile) -> Option<String> {
    let shown = || aril_model::printable(&file.path.to_string_lossy()).into_owned();
    if !file.is_in_payload() {
        return None;
    }
    if file.path.to_str().is_none() {
        return Some(format!("{} is left out: its name is not UTF-8", shown()));
    }
    match &file.kind {
        FileKind::Special => Some(format!("{} is left out: it is a device, a pipe or a socket", shown())),
        FileKind::Link(target) if target.to_str().is_none() => {
            Some(format!("{} is left out: it leads to a name that is not UTF-8", shown()))
        }
        _ => None,
    }
}

fn place_without_content(tree: &mut Tree, file: &PackageFile, writer: &Writer) -> Result<(), RpmError> {
    if !file.is_in_payload() {
        return Ok(());
    }
    match &file.kind {
        FileKind::Directory => {
            let path = relative(&file.path);
            tree.make_dir(path).map(drop).map_err(|source| stored_wrong(file, source.into()))
        }
        FileKind::Link(target) => {
            let target = target.to_str().unwrap_or_default();
            let link = writer.link(target).map_err(|source| stored_wrong(file, source))?;
            put(tree, file, Node::Link(link))
        }
        FileKind::Regular | FileKind::Special => Ok(()),
    }
}

fn store(item: &mut Item<'_, '_>, writer: &Writer) -> Result<Node, RpmError> {
    let (path, size, mode) = (item.file().path.clone(), item.file().size, item.file().mode);
    let mode = Mode::from_bits(u32::from(mode));
    let stored = if path.extension().is_some_and(|end| end == "pyc") {
        let mut stamped = ZeroedTime::new(item).map_err(RpmError::from)?;
        writer.file_from(&mut stamped, size, mode)
    } else {
        writer.file_from(item, size, mode)
    };
    match stored {
        Ok(file) => Ok(Node::File(file)),
        // What the payload's reader found wrong is the package's fault, and it says so itself.
        Err(StoreError::Stream { action: "read a file", source }) => {
            Err(RpmError::Payload(source.to_string()))
        }
        Err(source) => Err(RpmError::Store { path, source: source.into() }),
    }
}

fn put(tree: &mut Tree, file: &PackageFile, node: Node) -> Result<(), RpmError> {
    tree.insert(relative(&file.path), node).map(drop).map_err(|source| stored_wrong(file, source.into()))
}

fn stored_wrong(file: &PackageFile, source: StoreError) -> RpmError {
    RpmError::Store { path: file.path.clone(), source: source.into() }
}

/// A package's path as a tree has it. It is UTF-8: others were left out.
fn relative(path: &Path) -> &str {
    path.to_str().unwrap_or_default().trim_start_matches('/')
}

/// A compiled Python file with the time of its source set to 0.
///
/// Source: PEP 552; CPython's `Lib/importlib/_bootstrap_external.py`.
struct ZeroedTime<R> {
    head: std::io::Cursor<Vec<u8>>,
    rest: R,
}

/// The first magic number of Python 3.7, whose files have flags before the time.
const WITH_FLAGS: u16 = 3390;
/// Magic numbers from here on are those of Python 2.
const PYTHON_2: u16 = 20_000;

impl<R: Read> ZeroedTime<R> {
    fn new(mut file: R) -> std::io::Result<Self> {
        let mut head = Vec::new();
        file.by_ref().take(16).read_to_end(&mut head)?;
        zero_time(&mut head);
        Ok(Self { head: std::io::Cursor::new(head), rest: file })
    }
}

fn zero_time(head: &mut [u8]) {
    let Some(&[low, high, b'\r', b'\n']) = head.first_chunk::<4>() else { return };
    let magic = u16::from_le_bytes([low, high]);
    let has_flags = (WITH_FLAGS..PYTHON_2).contains(&magic);
    // A file that is checked by its source's hash has no time.
    if has_flags && head.get(4).is_none_or(|flags| flags & 1 != 0) {
        return;
    }
    let start = if has_flags { 8 } else { 4 };
    if let Some(time) = head.get_mut(start..start + 4) {
        time.fill(0);
    }
}

impl<R: Read> Read for ZeroedTime<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self.head.read(bytes)? {
            0 => self.rest.read(bytes),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeroed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ZeroedTime::new(bytes).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn times_in_compiled_python() {
        let with = |magic: u16, rest: &[u8]| [&magic.to_le_bytes()[..], b"\r\n", rest].concat();
        // Python 3.13, by time.
        let timed = with(3571, b"\0\0\0\0TIMESIZEcode and more than sixteen bytes");
        assert_eq!(zeroed(&timed), with(3571, b"\0\0\0\0\0\0\0\0SIZEcode and more than sixteen bytes"));
        // By hash: nothing changes.
        let hashed = with(3571, b"\x01\0\0\0HASHHASHcode");
        assert_eq!(zeroed(&hashed), hashed);
        // Python 3.6 and 2.7.
        assert_eq!(zeroed(&with(3379, b"TIMESIZEcode")), with(3379, b"\0\0\0\0SIZEcode"));
        assert_eq!(zeroed(&with(62211, b"TIMEcode")), with(62211, b"\0\0\0\0code"));
        for odd in [&b""[..], b"x", b"no python at all", &with(3571, b"\0")] {
            assert_eq!(zeroed(odd), odd);
        }
    }
}
