//! The files that a header lists: what they are, and how they should lie on a disk.

use std::path::{Component, Path, PathBuf};

use super::header::Header;
use super::{RpmError, tag};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Longest path that is taken, in bytes: the kernel's limit.
const MAX_PATH: usize = 4096;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, and where it leads.
    Link(PathBuf),
    /// A device, a pipe or a socket: never taken.
    Special,
}

/// Marks that a package gives its files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFlags(u32);

impl FileFlags {
    /// The user may change it, and an update keeps the change.
    pub fn is_config(self) -> bool {
        self.0 & 1 != 0
    }

    /// It belongs to the package and is not in it: made by a script or at run time.
    pub fn is_ghost(self) -> bool {
        self.0 & 1 << 6 != 0
    }

    /// Documentation.
    pub fn is_doc(self) -> bool {
        self.0 & 1 << 1 != 0
    }

    /// A licence's text.
    pub fn is_license(self) -> bool {
        self.0 & 1 << 7 != 0
    }

    /// The number, as rpm has it.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// A file's content, by its digest in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// Which function.
    pub algorithm: DigestAlgorithm,
    /// Its value.
    pub value: Vec<u8>,
}

/// Digest functions that packages use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// Broken: compared, never trusted.
    Md5,
    /// Broken: compared, never trusted.
    Sha1,
    /// SHA-2 of 224, 256, 384 or 512 bits.
    Sha2(u16),
    /// SHA-3 of 256 or 512 bits.
    Sha3(u16),
}

impl DigestAlgorithm {
    /// By OpenPGP's number, which rpm uses.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Md5,
            2 => Self::Sha1,
            8 => Self::Sha2(256),
            9 => Self::Sha2(384),
            10 => Self::Sha2(512),
            11 => Self::Sha2(224),
            12 => Self::Sha3(256),
            14 => Self::Sha3(512),
            _ => return None,
        })
    }

    /// Whether two contents with the same digest can be taken for the same.
    pub fn is_strong(self) -> bool {
        !matches!(self, Self::Md5 | Self::Sha1)
    }
}

/// One path of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Absolute, without `.`, `..` or empty parts.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub mode: u16,
    /// In bytes; of a link the length of its target.
    pub size: u64,
    /// Of regular files that are in the payload.
    pub digest: Option<FileDigest>,
    /// Marks.
    pub flags: FileFlags,
    /// Who should own it.
    pub user: String,
    /// Which group should own it.
    pub group: String,
    /// Seconds since 1970.
    pub modified: u64,
    /// Capabilities as text: `cap_net_raw=p`; empty for none.
    pub capabilities: String,
    /// 1 for 32-bit, 2 for 64-bit programs, 0 for what is neither: where two packages differ in one, rpm takes the wider.
    pub color: u32,
    /// Device and inode where it was built: files of the same pair are one.
    pub inode: (u64, u64),
}

impl PackageFile {
    /// All files of a header, in its order.
    ///
    /// # Errors
    /// When the lists are not equally long, or a path is not as it must be.
    pub(super) fn read_all(header: &Header) -> Result<Vec<Self>, RpmError> {
        let paths = paths(header)?;
        let lists = Lists::read(header, paths.len())?;
        let files: Result<Vec<Self>, RpmError> =
            paths.into_iter().enumerate().map(|(index, path)| lists.file(index, path)).collect();
        let files = files?;
        let mut sorted: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(RpmError::Path { path: pair[0].to_owned(), problem: "it is listed twice" }),
            None => Ok(files),
        }
    }

    /// Whether its content or name is in the payload.
    pub fn is_in_payload(&self) -> bool {
        !self.flags.is_ghost()
    }
}

fn paths(header: &Header) -> Result<Vec<PathBuf>, RpmError> {
    let old = header.strings(tag::OLDFILENAMES);
    if !old.is_empty() {
        return old.into_iter().map(|path| checked_path(path.to_vec())).collect();
    }
    let (names, dirs) = (header.strings(tag::BASENAMES), header.strings(tag::DIRNAMES));
    let indexes = header.numbers(tag::DIRINDEXES);
    if names.len() != indexes.len() {
        return Err(RpmError::Lists { what: "files" });
    }
    let mut paths = Vec::with_capacity(names.len());
    for (name, index) in names.into_iter().zip(indexes) {
        let dir = usize::try_from(index).ok().and_then(|index| dirs.get(index));
        let dir = dir.ok_or(RpmError::Lists { what: "directories" })?;
        if name.contains(&b'/') || !dir.ends_with(b"/") {
            let path = PathBuf::from(OsStr::from_bytes(&[dir, name].concat()));
            return Err(RpmError::Path { path, problem: "its name holds a /" });
        }
        paths.push(checked_path([dir, name].concat())?);
    }
    Ok(paths)
}

fn checked_path(bytes: Vec<u8>) -> Result<PathBuf, RpmError> {
    let path = PathBuf::from(OsStr::from_bytes(&bytes));
    let wrong = |problem| Err(RpmError::Path { path: path.clone(), problem });
    if bytes.len() > MAX_PATH {
        return wrong("it is longer than 4096 bytes");
    }
    if bytes == b"/" {
        return Ok(path);
    }
    let Some(relative) = bytes.strip_prefix(b"/") else { return wrong("it is not absolute") };
    if relative.split(|&byte| byte == b'/').any(|part| matches!(part, b"" | b"." | b"..") || part.len() > 255)
    {
        return wrong("a part of it is empty, . or .., or longer than 255 bytes");
    }
    debug_assert!(path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_))));
    Ok(path)
}

/// The parallel lists of a header.
struct Lists<'a> {
    modes: Vec<u64>,
    sizes: Vec<u64>,
    digests: Vec<&'a [u8]>,
    algorithm: Option<DigestAlgorithm>,
    links: Vec<&'a [u8]>,
    flags: Vec<u64>,
    users: Vec<&'a [u8]>,
    groups: Vec<&'a [u8]>,
    times: Vec<u64>,
    capabilities: Vec<&'a [u8]>,
    colors: Vec<u64>,
    devices: Vec<u64>,
    inodes: Vec<u64>,
}

impl<'a> Lists<'a> {
    fn read(header: &'a Header, count: usize) -> Result<Self, RpmError> {
        let long = header.numbers(tag::LONGFILESIZES);
        let lists = Self {
            modes: header.numbers(tag::FILEMODES),
            sizes: if long.is_empty() { header.numbers(tag::FILESIZES) } else { long },
            digests: header.strings(tag::FILEDIGESTS),
            algorithm: DigestAlgorithm::from_number(header.number(tag::FILEDIGESTALGO).unwrap_or(1)),
            links: header.strings(tag::FILELINKTOS),
            flags: header.numbers(tag::FILEFLAGS),
            users: header.strings(tag::FILEUSERNAME),
            groups: header.strings(tag::FILEGROUPNAME),
            times: header.numbers(tag::FILEMTIMES),
            capabilities: header.strings(tag::FILECAPS),
            colors: header.numbers(tag::FILECOLORS),
            devices: header.numbers(tag::FILEDEVICES),
            inodes: header.numbers(tag::FILEINODES),
        };
        let must =
            [lists.modes.len(), lists.sizes.len(), lists.digests.len(), lists.links.len(), lists.flags.len()];
        let may = [
            lists.users.len(),
            lists.groups.len(),
            lists.times.len(),
            lists.capabilities.len(),
            lists.colors.len(),
            lists.devices.len(),
            lists.inodes.len(),
        ];
        if must.iter().any(|&len| len != count) || may.iter().any(|&len| len != count && len != 0) {
            return Err(RpmError::Lists { what: "files" });
        }
        Ok(lists)
    }

    fn file(&self, index: usize, path: PathBuf) -> Result<PackageFile, RpmError> {
        let mode = self.modes[index] as u16;
        let kind = match mode & 0o170_000 {
            0o100_000 => FileKind::Regular,
            0o040_000 => FileKind::Directory,
            0o120_000 => FileKind::Link(PathBuf::from(OsStr::from_bytes(self.links[index]))),
            _ => FileKind::Special,
        };
        if matches!(&kind, FileKind::Link(target) if target.as_os_str().is_empty() || target.as_os_str().len() > MAX_PATH)
        {
            return Err(RpmError::Path { path, problem: "the link leads nowhere" });
        }
        let text = |list: &[&[u8]]| {
            list.get(index).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
        };
        let number = |list: &[u64]| list.get(index).copied().unwrap_or_default();
        // Without inodes no two files are one.
        let inode = if self.inodes.is_empty() {
            (u64::MAX, index as u64)
        } else {
            (number(&self.devices), number(&self.inodes))
        };
        Ok(PackageFile {
            digest: self.digest(index, &path)?,
            kind,
            mode: mode & 0o7777,
            size: self.sizes[index],
            flags: FileFlags(self.flags[index] as u32),
            user: text(&self.users),
            group: text(&self.groups),
            modified: number(&self.times),
            capabilities: text(&self.capabilities),
            color: number(&self.colors) as u32,
            inode,
            path,
        })
    }

    fn digest(&self, index: usize, path: &Path) -> Result<Option<FileDigest>, RpmError> {
        let text = self.digests[index];
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || RpmError::Path { path: path.to_owned(), problem: "its digest is not one" };
        let algorithm = self.algorithm.ok_or_else(wrong)?;
        let value = super::digest::from_hex(text).ok_or_else(wrong)?;
        if value.len() != super::digest::length(algorithm) {
            return Err(wrong());
        }
        Ok(Some(FileDigest { algorithm, value }))
    }
}
