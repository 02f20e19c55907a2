//! The contents of a package's files, each checked against what the header says of it.
//!
//! An entry that the header does not list, one that comes twice, one of another kind, size, target or digest, and one that is missing all
//! make the package unusable. How much is unpacked is limited by the sizes in the header, so a bomb stops where it stops being what it claims.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use super::cpio::{Archive, Entry, unreadable};
use super::decompress::Compressor;
use super::digest::Hasher;
use super::{DigestAlgorithm, FileKind, Header, Package, PackageFile, RpmError, tag};

/// What an archive takes for an entry besides name and content, in bytes; and what follows the last.
const ENTRY_OVERHEAD: u64 = 110 + 16 + 4;
const END_OVERHEAD: u64 = 64 << 10;

/// Reads the payload of a package, entry by entry.
pub struct Payload<'a> {
    package: &'a Package,
    archive: Archive<Box<dyn Read + Send + 'a>>,
    packed: Packed,
    by_path: HashMap<&'a [u8], usize>,
    seen: Vec<bool>,
    /// Names whose content comes with a later name of the same file.
    waiting: HashMap<(u64, u64), Vec<usize>>,
    /// The last name of each file with several.
    last_names: HashMap<(u64, u64), usize>,
}

/// The content of a file, under all the names that it has by now.
pub struct Item<'p, 'a> {
    /// Which files of the header it is: more than one for hard links.
    pub files: Vec<usize>,
    package: &'a Package,
    archive: &'p mut Archive<Box<dyn Read + Send + 'a>>,
    left: u64,
    hasher: Option<Hasher>,
}

impl Package {
    /// Begins to read the payload.
    ///
    /// # Errors
    /// When it cannot be unpacked.
    pub fn payload(&self) -> Result<Payload<'_>, RpmError> {
        let packed = Packed::new(self);
        let unpacked = self.compressor()?.unpack(packed.clone()).map_err(unreadable)?;
        let files = &self.facts().files;
        let budget = files.iter().fold(END_OVERHEAD, |sum, file| {
            let content =
                if matches!(file.kind, FileKind::Directory | FileKind::Special) { 0 } else { file.size };
            sum.saturating_add(content).saturating_add(ENTRY_OVERHEAD + file.path.as_os_str().len() as u64)
        });
        let budgeted: Box<dyn Read + Send> = Box::new(Budgeted { inner: unpacked, left: budget });
        let mut last_names = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            if file.kind == FileKind::Regular && file.is_in_payload() {
                last_names.insert(file.inode, index);
            }
        }
        Ok(Payload {
            package: self,
            archive: Archive::new(budgeted),
            packed,
            by_path: files
                .iter()
                .enumerate()
                .map(|(at, file)| (file.path.as_os_str().as_bytes(), at))
                .collect(),
            seen: vec![false; files.len()],
            waiting: HashMap::new(),
            last_names,
        })
    }

    /// A package that does not say what its payload is packed with has it packed by gzip or not at all.
    fn compressor(&self) -> Result<Compressor, RpmError> {
        if let Some(compressor) = self.facts().compressor {
            return Ok(compressor);
        }
        let mut magic = [0; 2];
        self.file.read_exact_at(&mut magic, self.payload_start).map_err(unreadable)?;
        Ok(if magic == [0x1f, 0x8b] { Compressor::Gzip } else { Compressor::None })
    }
}

impl<'a> Payload<'a> {
    /// The next regular file's content. Directories, links and special files have none: they are checked, and left to the header.
    ///
    /// The content must be read to its end before this is called again. At the end of the archive all that the header lists has been there.
    /// # Errors
    /// When anything is not as the header says.
    pub fn next_item(&mut self) -> Result<Option<Item<'_, 'a>>, RpmError> {
        loop {
            let (index, size) = match self.archive.next_entry()? {
                Entry::End => return self.finish().map(|()| None),
                Entry::Named { name, mode, size } => {
                    let index = self.index_of(&name)?;
                    self.check_mode(index, mode)?;
                    (index, size)
                }
                Entry::Numbered(number) => self.numbered(number)?,
            };
            self.mark_seen(index)?;
            let file = &self.package.facts().files[index];
            match &file.kind {
                FileKind::Link(target) => self.check_link(target.as_os_str().as_bytes(), size)?,
                FileKind::Directory | FileKind::Special if size != 0 => {
                    return Err(self.wrong(index, "it is no file and has content"));
                }
                FileKind::Directory | FileKind::Special => {}
                FileKind::Regular if size == 0 && file.size > 0 && self.last_names[&file.inode] != index => {
                    self.waiting.entry(file.inode).or_default().push(index);
                }
                FileKind::Regular => return self.item(index, size).map(Some),
            }
        }
    }

    fn index_of(&self, name: &[u8]) -> Result<usize, RpmError> {
        // Written as `./usr/bin/x`, by old tools as `/usr/bin/x` or `usr/bin/x`.
        let relative = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")).unwrap_or(name);
        let path = match relative {
            b"." | b"" => b"/".to_vec(),
            other => [b"/", other].concat(),
        };
        self.by_path.get(path.as_slice()).copied().ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            RpmError::Payload(format!("'{}' is not in the header", aril_model::printable(&name)))
        })
    }

    fn numbered(&self, number: u32) -> Result<(usize, u64), RpmError> {
        let index = number as usize;
        let file = self.package.facts().files.get(index);
        let file =
            file.ok_or_else(|| RpmError::Payload(format!("there is no file {number} in the header")))?;
        let has_content = match file.kind {
            FileKind::Regular => self.last_names.get(&file.inode) == Some(&index),
            FileKind::Link(_) => true,
            FileKind::Directory | FileKind::Special => false,
        };
        Ok((index, if has_content { file.size } else { 0 }))
    }

    fn check_mode(&self, index: usize, mode: u32) -> Result<(), RpmError> {
        let expected = match self.package.facts().files[index].kind {
            FileKind::Regular => 0o100_000,
            FileKind::Directory => 0o040_000,
            FileKind::Link(_) => 0o120_000,
            FileKind::Special => return Ok(()),
        };
        if mode & 0o170_000 == expected { Ok(()) } else { Err(self.wrong(index, "it is of another kind")) }
    }

    fn mark_seen(&mut self, index: usize) -> Result<(), RpmError> {
        if !self.package.facts().files[index].is_in_payload() {
            return Err(self.wrong(index, "it is in the payload though it should not be"));
        }
        if std::mem::replace(&mut self.seen[index], true) {
            return Err(self.wrong(index, "it is there twice"));
        }
        Ok(())
    }

    fn check_link(&mut self, target: &[u8], size: u64) -> Result<(), RpmError> {
        let mut written = vec![0; target.len()];
        let mut filled = 0;
        while size == target.len() as u64 && filled < written.len() {
            match self.archive.read(&mut written[filled..]).map_err(unreadable)? {
                0 => break,
                read => filled += read,
            }
        }
        if written != target {
            return Err(RpmError::Payload("a link leads elsewhere than the header says".into()));
        }
        Ok(())
    }

    fn item(&mut self, index: usize, size: u64) -> Result<Item<'_, 'a>, RpmError> {
        let files = &self.package.facts().files;
        let file = &files[index];
        if size != file.size {
            return Err(self.wrong(index, "its size is another"));
        }
        let mut names = self.waiting.remove(&file.inode).unwrap_or_default();
        if names.iter().any(|&other| files[other].digest != file.digest || files[other].size != file.size) {
            return Err(self.wrong(index, "its names disagree about its content"));
        }
        names.push(index);
        Ok(Item {
            hasher: file.digest.as_ref().map(|digest| Hasher::new(digest.algorithm)),
            files: names,
            package: self.package,
            archive: &mut self.archive,
            left: size,
        })
    }

    fn finish(&mut self) -> Result<(), RpmError> {
        self.archive.read_end()?;
        if let Some(index) = self.waiting.values().flatten().next() {
            return Err(self.wrong(*index, "its content is missing"));
        }
        let files = &self.package.facts().files;
        let missing = self.seen.iter().zip(files).position(|(seen, file)| !seen && file.is_in_payload());
        if let Some(index) = missing {
            return Err(self.wrong(index, "it is missing"));
        }
        self.packed.check_digests()
    }

    fn wrong(&self, index: usize, problem: &str) -> RpmError {
        wrong(&self.package.facts().files[index], problem)
    }
}

fn wrong(file: &PackageFile, problem: &str) -> RpmError {
    RpmError::Payload(format!("'{}': {problem}", aril_model::printable(&file.path.to_string_lossy())))
}

impl Item<'_, '_> {
    /// The file, by the last of its names.
    pub fn file(&self) -> &PackageFile {
        // The list is made with an entry in `Payload::item`.
        &self.package.facts().files[self.files[self.files.len() - 1]]
    }

    fn check_digest(&mut self) -> std::io::Result<()> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let value = hasher.finish();
        match &self.file().digest {
            Some(digest) if digest.value != value => Err(std::io::Error::other(
                wrong(self.file(), "its content is not what the header says").to_string(),
            )),
            _ => Ok(()),
        }
    }
}

impl Read for Item<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let most = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.archive.read(&mut bytes[..most])?;
        if read == 0 && most > 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..read]);
        }
        // With the last byte, not at the end: who knows the size does not ask again.
        if self.left == 0 {
            self.check_digest()?;
        }
        Ok(read)
    }
}

/// Stops when more is unpacked than the header can account for.
struct Budgeted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| std::io::Error::other("it unpacks to more than the header says"))?;
        Ok(read)
    }
}

/// The payload as it lies in the file; hashed while it is read.
#[derive(Clone)]
struct Packed {
    file: Arc<File>,
    state: Arc<Mutex<PackedState>>,
}

struct PackedState {
    position: u64,
    left: u64,
    digests: Vec<(Hasher, Vec<u8>)>,
}

impl Packed {
    fn new(package: &Package) -> Self {
        let digests = payload_digests(&package.header).into_iter();
        let state = PackedState {
            position: package.payload_start,
            left: package.payload_size,
            digests: digests.map(|(algorithm, value)| (Hasher::new(algorithm), value)).collect(),
        };
        Self { file: package.file.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// Reads what the unpacker left, and compares.
    fn check_digests(&mut self) -> Result<(), RpmError> {
        std::io::copy(self, &mut std::io::sink())?;
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (hasher, value) in state.digests.drain(..) {
            if hasher.finish() != value {
                return Err(RpmError::Digest("payload"));
            }
        }
        Ok(())
    }
}

impl Read for Packed {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let most = bytes.len().min(usize::try_from(state.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut bytes[..most], state.position)?;
        state.position += read as u64;
        state.left -= read as u64;
        for (hasher, _) in &mut state.digests {
            hasher.update(&bytes[..read]);
        }
        Ok(read)
    }
}

/// The digests of the packed payload that the header has: the strongest is enough, and only it is worked out.
pub(super) fn payload_digests(header: &Header) -> Option<(DigestAlgorithm, Vec<u8>)> {
    let algorithm = header.number(tag::PAYLOADDIGESTALGO).unwrap_or(8);
    let candidates = [
        (tag::PAYLOADDIGEST, DigestAlgorithm::from_number(algorithm)),
        (tag::PAYLOAD_SHA512, Some(DigestAlgorithm::Sha2(512))),
        (tag::PAYLOAD_SHA3_256, Some(DigestAlgorithm::Sha3(256))),
    ];
    candidates.into_iter().find_map(|(tag, algorithm)| {
        let algorithm = algorithm.filter(|algorithm| algorithm.is_strong())?;
        let text = header.strings(tag).into_iter().next()?;
        super::from_hex(text).map(|value| (algorithm, value))
    })
}
