//! New objects, refs and commits: written aside, flushed once, then published by renames.
//!
//! An object that has its name before its bytes are on the disk would be taken for whole after a power cut, and never be written again. So
//! everything waits in `tmp/aril-PID-N` until [`Writer::publish`] has flushed the file system.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aril_beneath::{Dir, LockKind, NewFile};
use aril_model::CommitId;
use rustix::fs::{AtFlags, Mode as Permissions, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::content::{FileWriter, file_checksum, link_checksum, metadata_checksum};
use crate::error::Doing;
use crate::object::{ObjectKind, Objects};
use crate::{
    Checksum, CommitDetails, FileNode, LinkNode, Mode, Node, RefName, Repo, RepoLock, RepoMode, Result,
    Scratch, StoreError, Tree, variant,
};

/// Files up to this size are hashed before they are written: mostly they are there already.
const SMALL: u64 = 1 << 20;
/// How much is read at once.
const PIECE: usize = 256 << 10;
/// Objects that are being written. Many threads may use one; nothing is seen by others until [`Self::publish`], and nothing is left if that
/// is never called.
#[derive(Debug)]
pub struct Writer {
    objects: Objects,
    repo: Dir,
    scratch: Scratch,
    failed: AtomicBool,
    written: AtomicU64,
    // Held as long as this lives: so that no object vanishes.
    _repo_lock: RepoLock,
}

impl Repo {
    /// Begins to write objects.
    ///
    /// # Errors
    /// When nothing can be written to the repository.
    pub fn writer(&self) -> Result<Writer> {
        let repo_lock = self.lock(LockKind::Shared)?;
        Ok(Writer {
            objects: self.objects().try_clone()?,
            repo: self.dir().try_clone()?,
            scratch: self.scratch()?,
            failed: AtomicBool::new(false),
            written: AtomicU64::new(0),
            _repo_lock: repo_lock,
        })
    }
}

impl Writer {
    pub(crate) fn mode(&self) -> RepoMode {
        self.objects.mode()
    }

    /// How many bytes of contents were new to the store.
    pub fn new_bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Keeps a file whose contents are at hand.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, contents: &[u8], mode: Mode) -> Result<FileNode> {
        let checksum = self.keep(contents, mode.bits())?;
        Ok(FileNode { checksum, size: contents.len() as u64, mode })
    }

    /// Keeps a file that is read from a stream of a known length.
    ///
    /// # Errors
    /// [`StoreError::Length`] when the stream is shorter; what comes after `size` bytes is not read.
    pub fn file_from(&self, stream: &mut dyn Read, size: u64, mode: Mode) -> Result<FileNode> {
        Ok(FileNode { checksum: self.keep_from(stream, size, mode.bits())?, size, mode })
    }

    /// Begins a file of a known length that comes in pieces.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn new_file(&self, size: u64, mode: Mode) -> Result<FileWriter<'_>> {
        FileWriter::new(self, size, mode.bits())
    }

    fn keep(&self, contents: &[u8], mode: u32) -> Result<Checksum> {
        let checksum = file_checksum(contents, mode);
        if self.is_known(checksum, ObjectKind::File)? {
            return Ok(checksum);
        }
        match self.mode() {
            RepoMode::BareUserOnly => self.stage_bytes(checksum, ObjectKind::File, contents, mode & 0o777)?,
            RepoMode::Archive => {
                let mut file = FileWriter::new(self, contents.len() as u64, mode)?;
                file.write_all(contents).map_err(|source| self.fail("write an object", source))?;
                file.stage()?;
            }
        }
        Ok(checksum)
    }

    /// Keeps a file that is read from a stream, with its permissions and file type as they are.
    pub(crate) fn keep_from(&self, stream: &mut dyn Read, size: u64, mode: u32) -> Result<Checksum> {
        if size <= SMALL {
            let mut contents = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            let read = stream.take(size).read_to_end(&mut contents);
            read.map_err(|source| StoreError::Stream { action: "read a file", source })?;
            if contents.len() as u64 != size {
                return Err(StoreError::Length { wanted: size, got: contents.len() as u64 });
            }
            return self.keep(&contents, mode);
        }
        let mut file = FileWriter::new(self, size, mode)?;
        let mut piece = vec![0; PIECE];
        let mut rest = size;
        while rest > 0 {
            let wanted = usize::try_from(rest).unwrap_or(PIECE).min(PIECE);
            let got = match stream.read(&mut piece[..wanted]) {
                Ok(0) => return Err(StoreError::Length { wanted: size, got: size - rest }),
                Ok(got) => got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreError::Stream { action: "read a file", source }),
            };
            let written = file.write_all(&piece[..got]);
            written.map_err(|source| StoreError::Stream { action: "write an object", source })?;
            rest -= got as u64;
        }
        file.stage()
    }

    /// Whether the file or link of this checksum is kept already.
    pub(crate) fn has_file(&self, checksum: Checksum) -> Result<bool> {
        self.is_known(checksum, ObjectKind::File)
    }

    /// Keeps a symbolic link.
    ///
    /// # Errors
    /// When it cannot be written, or leads nowhere that could be written down.
    pub fn link(&self, target: &str) -> Result<LinkNode> {
        if target.is_empty() || target.contains('\0') {
            return Err(StoreError::Text("a link's target".into()));
        }
        let checksum = link_checksum(target);
        if !self.is_known(checksum, ObjectKind::File)? {
            match self.mode() {
                RepoMode::BareUserOnly => self.stage_link(checksum, target)?,
                RepoMode::Archive => {
                    let header = variant::archive_link_header(target);
                    self.stage_bytes(checksum, ObjectKind::File, &header, 0o644)?;
                }
            }
        }
        Ok(LinkNode { checksum, target: target.into() })
    }

    /// Writes the directories of a tree and returns the object of the uppermost. Files and links must have been kept before.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn tree(&self, tree: &Tree) -> Result<Checksum> {
        let properties = variant::directory_properties();
        let properties_checksum = metadata_checksum(&properties);
        self.metadata(ObjectKind::DirMeta, &properties)?;
        self.directory(tree, properties_checksum)
    }

    fn directory(&self, tree: &Tree, properties: Checksum) -> Result<Checksum> {
        let mut contents = variant::DirTree::default();
        for (name, node) in tree.entries() {
            match node {
                Node::File(FileNode { checksum, .. }) | Node::Link(LinkNode { checksum, .. }) => {
                    contents.0.push((name.to_owned(), checksum.as_bytes().to_vec()));
                }
                Node::Dir(inner) => {
                    let inner = self.directory(inner, properties)?;
                    let inner = inner.as_bytes().to_vec();
                    contents.1.push((name.to_owned(), inner, properties.as_bytes().to_vec()));
                }
            }
        }
        self.metadata(ObjectKind::DirTree, &variant::directory(&contents))
    }

    /// Writes a tree and a commit of it. The same tree and details give the same id, on every machine and every day.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn commit(&self, tree: &Tree, details: &CommitDetails) -> Result<CommitId> {
        details.check()?;
        let root = self.tree(tree)?;
        let properties = metadata_checksum(&variant::directory_properties());
        let commit = details.serialise(root, properties);
        Ok(self.metadata(ObjectKind::Commit, &commit)?.to_commit())
    }

    /// Writes an object that is no file.
    pub(crate) fn metadata(&self, kind: ObjectKind, bytes: &[u8]) -> Result<Checksum> {
        let checksum = metadata_checksum(bytes);
        if !self.is_known(checksum, kind)? {
            self.stage_bytes(checksum, kind, bytes, 0o644)?;
        }
        Ok(checksum)
    }

    /// Flushes all that was written, gives the objects their names, then moves the refs.
    ///
    /// A kill or a power cut at any moment leaves each ref at its old or its new commit, with all objects of either.
    /// # Errors
    /// When a write failed before, or the disk is full.
    pub fn publish(self, refs: &[(RefName, CommitId)]) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Incomplete);
        }
        for (index, (_, commit)) in refs.iter().enumerate() {
            let mut file = self.scratch.dir().create_file(format!("ref-{index}"), 0o644)?;
            file.write_all(format!("{commit}\n").as_bytes()).doing("write a ref")?;
        }
        self.scratch.dir().sync_file_system()?;
        self.move_objects()?;
        for (index, (name, _)) in refs.iter().enumerate() {
            name.replace(&self.repo, self.scratch.dir(), &format!("ref-{index}"))?;
        }
        Ok(())
    }

    fn move_objects(&self) -> Result<()> {
        for entry in self.scratch.dir().entries("")? {
            let Some(name) = entry.name.to_str().filter(|name| name.len() > 64) else { continue };
            let (first, rest) = name.split_at(2);
            let target = format!("{first}/{rest}");
            let rename = || {
                rustix::fs::renameat_with(
                    self.scratch.dir(),
                    name,
                    self.objects.dir(),
                    &*target,
                    RenameFlags::NOREPLACE,
                )
            };
            let renamed = match rename() {
                Err(Errno::NOENT) => {
                    self.objects.dir().create_dir(first, 0o755)?;
                    rename()
                }
                other => other,
            };
            match renamed {
                // Another process was faster with the same object; ours goes with the directory.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => {
                    return Err(std::io::Error::from(error)).doing(format!("publish the object {name}"));
                }
            }
        }
        Ok(())
    }

    fn is_known(&self, checksum: Checksum, kind: ObjectKind) -> Result<bool> {
        Ok(self.objects.has(checksum, kind)? || self.is_staged(checksum, kind))
    }

    fn is_staged(&self, checksum: Checksum, kind: ObjectKind) -> bool {
        rustix::fs::statat(self.scratch.dir(), &*self.staged_name(checksum, kind), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok()
    }

    fn staged_name(&self, checksum: Checksum, kind: ObjectKind) -> String {
        format!("{checksum}.{}", self.objects.suffix(kind))
    }

    pub(crate) fn unnamed_file(&self) -> Result<NewFile> {
        Ok(self.scratch.dir().new_file(0o644)?)
    }

    /// Gives a file that was written without a name its own, unless the object is known.
    pub(crate) fn stage_file(&self, mut file: NewFile, checksum: Checksum, permissions: u32) -> Result<()> {
        if self.is_known(checksum, ObjectKind::File)? {
            return Ok(());
        }
        let finished = finish_file(file.file(), permissions);
        finished.map_err(|source| self.fail("write an object", source))?;
        self.count(file.file());
        match file.publish(self.scratch.dir(), self.staged_name(checksum, ObjectKind::File)) {
            Err(error) if !error.is_already_there() => {
                self.failed.store(true, Ordering::Release);
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    fn stage_bytes(
        &self,
        checksum: Checksum,
        kind: ObjectKind,
        bytes: &[u8],
        permissions: u32,
    ) -> Result<()> {
        let name = self.staged_name(checksum, kind);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let opened =
            rustix::fs::openat(self.scratch.dir(), &*name, flags, Permissions::from_raw_mode(permissions));
        let mut file = match opened {
            // Another thread is writing the same bytes.
            Err(Errno::EXIST) => return Ok(()),
            Err(error) => return Err(self.fail("write an object", error.into())),
            Ok(fd) => std::fs::File::from(fd),
        };
        let written = file.write_all(bytes).and_then(|()| finish_file(&file, permissions));
        written.map_err(|source| self.fail("write an object", source))?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn stage_link(&self, checksum: Checksum, target: &str) -> Result<()> {
        let name = self.staged_name(checksum, ObjectKind::File);
        match rustix::fs::symlinkat(target, self.scratch.dir(), &*name) {
            Ok(()) => Ok(self.scratch.dir().set_modified(Path::new(&name), 0)?),
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(self.fail("write a link", error.into())),
        }
    }

    fn count(&self, file: &std::fs::File) {
        let size = rustix::fs::fstat(file).map(|stat| u64::try_from(stat.st_size).unwrap_or(0));
        self.written.fetch_add(size.unwrap_or(0), Ordering::Relaxed);
    }

    /// What failed may have left half an object under its name: nothing of this writer may be published any more.
    fn fail(&self, action: &'static str, source: std::io::Error) -> StoreError {
        self.failed.store(true, Ordering::Release);
        StoreError::Stream { action, source }
    }
}

/// Permissions and time as every object has them.
fn finish_file(file: &std::fs::File, permissions: u32) -> std::io::Result<()> {
    rustix::fs::fchmod(file, Permissions::from_raw_mode(permissions))?;
    let zero = rustix::fs::Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: zero, last_modification: zero };
    Ok(rustix::fs::futimens(file, &times)?)
}
