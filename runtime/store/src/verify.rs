//! Finding damaged objects, on all cores.

use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aril_beneath::LockKind;
use aril_model::CommitId;
use sha2::{Digest, Sha256};

use crate::content::metadata_checksum;
use crate::error::Doing;
use crate::object::{ObjectKind, Objects};
use crate::variant::{self, FileHeader};
use crate::{Checksum, Repo, Result};

/// An object that is not what its name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// Its file, relative to the repository.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Repo {
    /// Reads every object and checks it against its name, and that each commit of a ref has all that it needs.
    ///
    /// # Errors
    /// When a directory of the repository cannot be read.
    pub fn verify(&self) -> Result<Vec<Damage>> {
        let _lock = self.lock(LockKind::Shared)?;
        let objects = self.objects();
        let names = objects.names()?;
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let work = || {
            while let Some((first, name)) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Some((checksum, kind)) = objects.parse_name(first, name) else { continue };
                if let Err(error) = verify_object(objects, checksum, kind) {
                    let damage =
                        Damage { path: format!("objects/{first}/{name}"), problem: error.to_string() };
                    found.lock().expect("no thread panics with it").push(damage);
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut found = found.into_inner().expect("no thread panics with it");
        for (name, commit) in self.refs("")? {
            if let Err(error) = self.verify_reachable(&commit) {
                found.push(Damage { path: format!("ref {name}"), problem: error.to_string() });
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes a damaged object, so that a pull or an import brings it again.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_damaged(&self, damage: &Damage) -> Result<()> {
        let _lock = self.lock(LockKind::Exclusive)?;
        let Some(path) = damage.path.strip_prefix("objects/") else { return Ok(()) };
        match self.objects().dir().remove_file(path) {
            Err(error) if error.is_not_found() => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Whether all objects of a commit are there; their contents are not read.
    ///
    /// # Errors
    /// Names the first that is missing.
    pub fn verify_reachable(&self, commit: &CommitId) -> Result<()> {
        self.tree(commit).map(drop)
    }
}

fn verify_object(objects: &Objects, checksum: Checksum, kind: ObjectKind) -> Result<()> {
    let actual = match kind {
        ObjectKind::File => file_checksum(objects, checksum)?,
        _ => metadata_checksum(&objects.read_metadata(checksum, kind)?),
    };
    if actual == checksum {
        Ok(())
    } else {
        Err(objects.damaged(checksum, kind, "its contents have another checksum"))
    }
}

fn file_checksum(objects: &Objects, checksum: Checksum) -> Result<Checksum> {
    let (header, content) = objects.open_content(checksum)?;
    let mut hash = Sha256::new();
    match header {
        FileHeader::Link { target } => hash.update(variant::link_header(&target)),
        FileHeader::File { mode, .. } => hash.update(variant::file_header(mode)),
    }
    if let Some(mut content) = content {
        let mut piece = vec![0; 128 << 10];
        loop {
            match content.read(&mut piece).doing(format!("read the object {checksum}"))? {
                0 => break,
                length => hash.update(&piece[..length]),
            }
        }
    }
    Ok(<[u8; 32]>::from(hash.finalize()).into())
}
