//! Removing objects that nothing refers to.

use std::collections::HashSet;

use aril_beneath::LockKind;
use aril_model::CommitId;

use crate::object::ObjectKind;
use crate::{Checksum, Repo, Result, variant};

/// What a prune removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many objects.
    pub objects: u64,
    /// How many bytes they took, as far as no checkout still has them.
    pub bytes: u64,
}

impl Repo {
    /// Removes all objects that no ref and none of `keep` needs; a commit's parents are not needed. What pulls that were cut have fetched
    /// goes, too.
    ///
    /// Waits until nobody writes. What is damaged so that its contents cannot be known stops it before anything is removed.
    /// # Errors
    /// When a commit of a ref is missing or damaged, or something cannot be removed.
    pub fn prune(&self, keep: &[CommitId]) -> Result<Pruned> {
        let _lock = self.lock(LockKind::Exclusive)?;
        let mut needed = HashSet::new();
        let mut commits: HashSet<CommitId> = self.refs("")?.into_values().collect();
        commits.extend(keep.iter().cloned());
        for commit in &commits {
            if self.has_commit(commit)? {
                self.reach(commit, &mut needed)?;
            } else if self.objects().has(Checksum::from(commit), ObjectKind::Commit)? {
                // Pulled in part: only what it says is needed, and what is there of it may go.
                needed.insert((Checksum::from(commit), ObjectKind::Commit));
            }
        }
        let mut pruned = Pruned::default();
        for (first, name) in self.objects().names()? {
            let (checksum, kind) = match self.objects().parse_name(&first, &name) {
                Some(object) => object,
                None => continue,
            };
            if needed.contains(&(checksum, kind)) {
                continue;
            }
            let path = format!("{first}/{name}");
            let properties = self.objects().dir().stat(&path)?;
            self.objects().dir().remove_file(&path)?;
            pruned.objects += 1;
            pruned.bytes += properties.disk_size;
            if kind == ObjectKind::Commit {
                self.forget_commit(checksum)?;
            }
        }
        self.remove_cut_pulls()?;
        Ok(pruned)
    }

    /// Removes what pulls that were cut have left in `tmp`: nobody pulls, since the repository is locked.
    fn remove_cut_pulls(&self) -> Result<()> {
        for entry in self.dir().entries("tmp")? {
            if entry.name.to_str().is_some_and(|name| name.starts_with("staging-")) {
                self.dir().remove_tree(std::path::Path::new("tmp").join(&entry.name))?;
            }
        }
        Ok(())
    }

    fn reach(&self, commit: &CommitId, needed: &mut HashSet<(Checksum, ObjectKind)>) -> Result<()> {
        let commit = self.commit(commit)?;
        needed.insert((Checksum::from(&commit.id), ObjectKind::Commit));
        needed.insert((commit.root_properties, ObjectKind::DirMeta));
        let mut waiting = vec![commit.root];
        while let Some(dir) = waiting.pop() {
            if !needed.insert((dir, ObjectKind::DirTree)) {
                continue;
            }
            let bytes = self.objects().read_metadata(dir, ObjectKind::DirTree)?;
            let (files, dirs) = variant::parse_directory(&bytes, dir)?;
            let files = files.iter().filter_map(|(_, file)| Checksum::from_bytes(file));
            needed.extend(files.map(|file| (file, ObjectKind::File)));
            for (_, inner, properties) in dirs {
                waiting.extend(Checksum::from_bytes(&inner));
                needed.extend(Checksum::from_bytes(&properties).map(|sum| (sum, ObjectKind::DirMeta)));
            }
        }
        Ok(())
    }

    /// Removes what is kept beside a commit: signatures, and the note that only a part of it is there.
    fn forget_commit(&self, commit: Checksum) -> Result<()> {
        let hex = commit.to_string();
        let (first, rest) = hex.split_at(2);
        for path in [format!("objects/{first}/{rest}.commitmeta"), format!("state/{hex}.commitpartial")] {
            match self.dir().remove_file(&path) {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}
