//! Where objects lie, and reading them.
//!
//! Names below `objects` are made of checksums, never of what a package chose; so they are opened by name, in one call each.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use aril_beneath::{Dir, EntryKind};
use flate2::read::DeflateDecoder;
use rustix::fs::{AtFlags, FileType, Mode as Permissions, OFlags};
use rustix::io::Errno;

use crate::error::Doing;
use crate::variant::{self, FileHeader};
use crate::{Checksum, FileNode, LinkNode, Mode, Node, RepoMode, Result, StoreError};

/// Largest object that is not a file's contents, in bytes: libostree's own limit.
const METADATA_LIMIT: u64 = 128 << 20;
/// Largest header of an archive's file: a link's target and no attributes.
const HEADER_LIMIT: u32 = 1 << 20;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ObjectKind {
    File,
    DirTree,
    DirMeta,
    Commit,
}

/// The contents of a file in the store.
#[derive(Debug)]
pub struct Content(Stored);

#[derive(Debug)]
enum Stored {
    Plain(File),
    Deflated(DeflateDecoder<File>),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.0 {
            Stored::Plain(file) => file.read(buffer),
            Stored::Deflated(file) => file.read(buffer),
        }
    }
}

/// The directory `objects` of a repository.
#[derive(Debug)]
pub(crate) struct Objects {
    dir: Dir,
    mode: RepoMode,
}

impl Objects {
    pub(crate) fn new(dir: Dir, mode: RepoMode) -> Self {
        Self { dir, mode }
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self { dir: self.dir.try_clone()?, mode: self.mode })
    }

    pub(crate) fn mode(&self) -> RepoMode {
        self.mode
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The end of an object's name.
    pub(crate) fn suffix(&self, kind: ObjectKind) -> &'static str {
        match (kind, self.mode) {
            (ObjectKind::File, RepoMode::BareUserOnly) => "file",
            (ObjectKind::File, RepoMode::Archive) => "filez",
            (ObjectKind::DirTree, _) => "dirtree",
            (ObjectKind::DirMeta, _) => "dirmeta",
            (ObjectKind::Commit, _) => "commit",
        }
    }

    /// Where an object lies, relative to `objects`.
    pub(crate) fn path(&self, checksum: Checksum, kind: ObjectKind) -> String {
        let hex = checksum.to_string();
        let (first, rest) = hex.split_at(2);
        format!("{first}/{rest}.{}", self.suffix(kind))
    }

    pub(crate) fn has(&self, checksum: Checksum, kind: ObjectKind) -> Result<bool> {
        let path = self.path(checksum, kind);
        match rustix::fs::statat(&self.dir, &*path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(std::io::Error::from(error)).doing(format!("look at the object '{path}'")),
        }
    }

    /// The bytes of a commit or of a directory.
    pub(crate) fn read_metadata(&self, checksum: Checksum, kind: ObjectKind) -> Result<Vec<u8>> {
        let file = self.open(checksum, kind)?;
        let mut bytes = Vec::new();
        let read = file.take(METADATA_LIMIT + 1).read_to_end(&mut bytes);
        read.doing(format!("read the object {checksum}"))?;
        if bytes.len() as u64 > METADATA_LIMIT {
            return Err(StoreError::TooLarge { what: "an object", limit: "128 MiB".into() });
        }
        Ok(bytes)
    }

    fn open(&self, checksum: Checksum, kind: ObjectKind) -> Result<File> {
        let path = self.path(checksum, kind);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, &*path, flags, Permissions::empty())
            .map(File::from)
            .map_err(|error| self.missing(checksum, kind, error))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.missing(checksum, kind, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.damaged(checksum, kind, "it is not a regular file"));
        }
        Ok(file)
    }

    /// What an object of a file's contents is: a file with its size and mode, or a link with its target.
    pub(crate) fn describe(&self, checksum: Checksum) -> Result<Node> {
        let header = match self.mode {
            RepoMode::BareUserOnly => self.describe_plain(checksum)?,
            RepoMode::Archive => self.open_archived(checksum)?.0,
        };
        Ok(match header {
            FileHeader::File { size, mode } => {
                Node::File(FileNode { checksum, size, mode: Mode::from_bits(mode) })
            }
            FileHeader::Link { target } => Node::Link(LinkNode { checksum, target: target.into() }),
        })
    }

    fn describe_plain(&self, checksum: Checksum) -> Result<FileHeader> {
        let path = self.path(checksum, ObjectKind::File);
        let missing = |error| self.missing(checksum, ObjectKind::File, error);
        let stat = rustix::fs::statat(&self.dir, &*path, AtFlags::SYMLINK_NOFOLLOW).map_err(missing)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return self.plain_header(checksum, &stat);
        }
        let target = rustix::fs::readlinkat(&self.dir, &*path, Vec::new()).map_err(missing)?;
        let target = target
            .into_string()
            .map_err(|_| self.damaged(checksum, ObjectKind::File, "the link's target is not UTF-8"))?;
        Ok(FileHeader::Link { target })
    }

    fn plain_header(&self, checksum: Checksum, stat: &rustix::fs::Stat) -> Result<FileHeader> {
        FileHeader::file(u64::try_from(stat.st_size).unwrap_or(0), stat.st_mode).ok_or_else(|| {
            self.damaged(checksum, ObjectKind::File, "it is no file or link, or has an odd mode")
        })
    }

    /// The contents of a regular file.
    pub(crate) fn content(&self, checksum: Checksum) -> Result<Content> {
        let (_, content) = self.open_content(checksum)?;
        content.ok_or_else(|| self.damaged(checksum, ObjectKind::File, "it is a link"))
    }

    /// What an object of a file's contents is, with the contents of a regular file.
    pub(crate) fn open_content(&self, checksum: Checksum) -> Result<(FileHeader, Option<Content>)> {
        if self.mode == RepoMode::Archive {
            let (header, file) = self.open_archived(checksum)?;
            let is_file = matches!(header, FileHeader::File { .. });
            return Ok((header, is_file.then(|| Content(Stored::Deflated(DeflateDecoder::new(file))))));
        }
        let header = self.describe_plain(checksum)?;
        if matches!(header, FileHeader::Link { .. }) {
            return Ok((header, None));
        }
        let file = self.open(checksum, ObjectKind::File)?;
        let stat =
            rustix::fs::fstat(&file).map_err(|error| self.missing(checksum, ObjectKind::File, error))?;
        Ok((self.plain_header(checksum, &stat)?, Some(Content(Stored::Plain(file)))))
    }

    /// The header of an archive's file, and the file behind it.
    fn open_archived(&self, checksum: Checksum) -> Result<(FileHeader, File)> {
        let damaged = || self.damaged(checksum, ObjectKind::File, "its header is wrong");
        let mut file = self.open(checksum, ObjectKind::File)?;
        let mut prefix = [0; 8];
        file.read_exact(&mut prefix).map_err(|_| damaged())?;
        let length = u32::from_be_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]);
        if length > HEADER_LIMIT {
            return Err(damaged());
        }
        let mut header = Vec::new();
        let read = (&mut file).take(u64::from(length)).read_to_end(&mut header);
        if read.map_err(|_| damaged())? as u64 != u64::from(length) {
            return Err(damaged());
        }
        Ok((variant::parse_archive_header(&header).ok_or_else(damaged)?, file))
    }

    /// Gives a stored file or link a second name. `false` when the file system has no more names for it.
    pub(crate) fn link_to(&self, checksum: Checksum, dir: impl AsFd, name: &str) -> Result<bool> {
        let path = self.path(checksum, ObjectKind::File);
        match rustix::fs::linkat(&self.dir, &*path, dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::MLINK | Errno::XDEV) => Ok(false),
            Err(Errno::NOENT) => Err(self.missing(checksum, ObjectKind::File, Errno::NOENT)),
            Err(error) => Err(std::io::Error::from(error)).doing(format!("link the object '{path}'")),
        }
    }

    /// The names of all files below `objects`: the directory and the name in it.
    pub(crate) fn names(&self) -> Result<Vec<(String, String)>> {
        let mut names = Vec::new();
        for dir in self.dir.entries("")? {
            let Some(first) = dir.name.to_str().filter(|name| name.len() == 2 && dir.kind == EntryKind::Dir)
            else {
                continue;
            };
            for entry in self.dir.entries(first)? {
                let name = entry.name.into_string().ok();
                names.extend(name.map(|name| (first.to_owned(), name)));
            }
        }
        Ok(names)
    }

    /// The object behind a name below `objects`; `None` for what is not one, such as signatures.
    pub(crate) fn parse_name(&self, first: &str, rest: &str) -> Option<(Checksum, ObjectKind)> {
        let (rest, suffix) = rest.split_once('.')?;
        let kinds = [ObjectKind::File, ObjectKind::DirTree, ObjectKind::DirMeta, ObjectKind::Commit];
        let kind = kinds.into_iter().find(|kind| self.suffix(*kind) == suffix)?;
        Some((Checksum::from_hex(&format!("{first}{rest}")).ok()?, kind))
    }

    pub(crate) fn damaged(&self, checksum: Checksum, kind: ObjectKind, problem: &str) -> StoreError {
        StoreError::Damaged {
            object: format!("{checksum}.{}", self.suffix(kind)),
            problem: problem.to_owned(),
        }
    }

    fn missing(&self, checksum: Checksum, kind: ObjectKind, error: Errno) -> StoreError {
        match (error, kind) {
            (Errno::NOENT, ObjectKind::Commit) => StoreError::NoCommit(checksum.to_commit()),
            (Errno::NOENT, _) => self.damaged(checksum, kind, "it is missing"),
            (error, _) => StoreError::Library {
                action: format!("read the object {checksum}"),
                problem: std::io::Error::from(error).to_string(),
            },
        }
    }
}

impl crate::Repo {
    /// The contents of a file in the store.
    ///
    /// # Errors
    /// When the object is missing or damaged.
    pub fn content(&self, file: &FileNode) -> Result<Content> {
        self.objects().content(file.checksum)
    }
}
