//! Copying a commit from one repository on this machine to another, on all cores; each object is checked on the way.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aril_beneath::LockKind;
use aril_model::CommitId;

use crate::content::metadata_checksum;
use crate::error::Doing;
use crate::object::{ObjectKind, Objects};
use crate::pull::{OnProgress, PullProgress};
use crate::variant::{self, FileHeader};
use crate::{Checksum, Repo, Result, StoreError, Writer};

/// More objects than any sound commit has.
const OBJECT_LIMIT: usize = 4_000_000;

impl Repo {
    /// Copies a commit with all its objects. No ref is set.
    ///
    /// Every object is checked against its name, so that a damaged or hostile source is refused.
    /// # Errors
    /// When an object is missing, damaged, or of a kind that this repository cannot keep.
    pub fn copy_commit(&self, source: &Self, id: &CommitId, progress: Option<OnProgress>) -> Result<()> {
        let _lock = source.lock_if_possible(LockKind::Shared);
        let writer = self.writer()?;
        let commit = verified(source.objects(), Checksum::from(id), ObjectKind::Commit)?;
        let root = crate::Commit::parse(id.clone(), &commit)?;
        let mut files = BTreeSet::new();
        copy_directories(source.objects(), &writer, &root, &mut files)?;
        let files: Vec<Checksum> = files.into_iter().collect();
        copy_files(source.objects(), &writer, &files, progress)?;
        writer.metadata(ObjectKind::Commit, &commit)?;
        writer.publish(&[])?;
        if self.dir().exists(format!("state/{id}.commitpartial"))? {
            self.library()?.mark_commit_partial(id.as_str(), false).doing("note that a commit is whole")?;
        }
        Ok(())
    }

    /// A lock on a repository that may be somebody else's, where nothing can be written.
    fn lock_if_possible(&self, kind: LockKind) -> Option<crate::RepoLock> {
        self.lock(kind).ok()
    }
}

/// Copies the directories of a commit and collects the files that are missing.
fn copy_directories(
    source: &Objects,
    writer: &Writer,
    commit: &crate::Commit,
    files: &mut BTreeSet<Checksum>,
) -> Result<()> {
    let mut properties = BTreeSet::from([commit.root_properties]);
    let mut seen = BTreeSet::from([commit.root]);
    let mut waiting = vec![commit.root];
    while let Some(dir) = waiting.pop() {
        let bytes = verified(source, dir, ObjectKind::DirTree)?;
        let (inner_files, dirs) = variant::parse_directory(&bytes, dir)?;
        let sum = |bytes: &[u8]| {
            Checksum::from_bytes(bytes)
                .ok_or_else(|| source.damaged(dir, ObjectKind::DirTree, "a checksum in it is not one"))
        };
        for (_, file) in inner_files {
            let file = sum(&file)?;
            if !writer.has_file(file)? {
                files.insert(file);
            }
        }
        for (_, inner, inner_properties) in dirs {
            properties.insert(sum(&inner_properties)?);
            let inner = sum(&inner)?;
            if seen.insert(inner) {
                waiting.push(inner);
            }
        }
        if seen.len() + files.len() > OBJECT_LIMIT {
            return Err(StoreError::TooLarge { what: "a commit", limit: format!("{OBJECT_LIMIT} objects") });
        }
        writer.metadata(ObjectKind::DirTree, &bytes)?;
    }
    for checksum in properties {
        writer.metadata(ObjectKind::DirMeta, &verified(source, checksum, ObjectKind::DirMeta)?)?;
    }
    Ok(())
}

fn copy_files(
    source: &Objects,
    writer: &Writer,
    files: &[Checksum],
    progress: Option<OnProgress>,
) -> Result<()> {
    let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let failure = Mutex::new(None);
    let work = |report: Option<&OnProgress>| {
        while let Some(checksum) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            match copy_file(source, writer, *checksum) {
                Ok(size) => drop(bytes.fetch_add(size, Ordering::Relaxed)),
                Err(error) => {
                    next.store(files.len(), Ordering::Relaxed);
                    failure.lock().expect("no thread panics with it").get_or_insert(error);
                }
            }
            if let Some(report) = report {
                report(PullProgress {
                    bytes: bytes.load(Ordering::Relaxed),
                    objects: next.load(Ordering::Relaxed).min(files.len()) as u64,
                    wanted_objects: files.len() as u64,
                });
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len() / 16);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(None));
        }
        work(progress.as_ref());
    });
    failure.into_inner().expect("no thread panics with it").map_or(Ok(()), Err)
}

/// Copies one file or link and returns its size.
fn copy_file(source: &Objects, writer: &Writer, checksum: Checksum) -> Result<u64> {
    let (header, content) = source.open_content(checksum)?;
    let wrong = |problem| source.damaged(checksum, ObjectKind::File, problem);
    let (written, size) = match header {
        FileHeader::Link { target } => (writer.link(&target)?.checksum, 0),
        FileHeader::File { size, mode } => {
            let mut content = content.ok_or_else(|| wrong("it has no contents"))?;
            let written = writer.keep_from(&mut content, size, mode).map_err(|error| match error {
                StoreError::Length { .. } => wrong("its contents are not as long as it says"),
                other => other,
            })?;
            if content.read(&mut [0]).doing(format!("read the object {checksum}"))? != 0 {
                return Err(wrong("its contents are longer than it says"));
            }
            (written, size)
        }
    };
    if written != checksum {
        // It was staged under its true name, where it does no harm.
        return Err(wrong("its contents have another checksum"));
    }
    Ok(size)
}

/// The bytes of an object that is no file, checked against its name.
fn verified(source: &Objects, checksum: Checksum, kind: ObjectKind) -> Result<Vec<u8>> {
    let bytes = source.read_metadata(checksum, kind)?;
    if metadata_checksum(&bytes) != checksum {
        return Err(source.damaged(checksum, kind, "its contents have another checksum"));
    }
    Ok(bytes)
}
