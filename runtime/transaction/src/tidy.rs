//! Putting in order what a killed change has left, before the next one begins.
//!
//! Cheap when there is nothing to do: one look for each place where something can be left. Only the mark of a change that had begun to count
//! makes it look through everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind, Step};
use aril_model::{AppId, Kind, Ref};
use aril_store::RefName;

use crate::deploy::STAGING;
use crate::host::Host;
use crate::switch::{UNFINISHED, settle};
use crate::{LockedInstallation, Result, TransactionError, derive, kept, links, switch, trigger};

impl LockedInstallation {
    /// Puts in order what a killed change has left; returns whether there was anything.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn tidy(&self, host: &Host) -> Result<bool> {
        let was_cut = self.dir().exists(UNFINISHED)?;
        if self.dir().exists(STAGING)? {
            self.dir().remove_tree(STAGING)?;
        }
        self.repo().remove_leftovers()?;
        // Where single files are written without the mark of a change.
        for place in ["", "repo", "rpm-remotes.d", "grants"] {
            remove_temporary_in(self.dir(), Path::new(place))?;
        }
        if was_cut {
            self.look_through(host)?;
            self.dir().remove_file(UNFINISHED)?;
        }
        kept::reap(self)?;
        Ok(was_cut)
    }

    /// Makes refs, links, notes and caches agree with the deploys that are active; returns what went wrong with caches.
    ///
    /// # Errors
    /// When something cannot be read, made or removed.
    pub(crate) fn look_through(&self, host: &Host) -> Result<Vec<String>> {
        remove_temporary(self.dir())?;
        self.remove_half_deploys()?;
        for (name, _) in self.repo().refs("deploy/")?.into_iter().chain(self.repo().refs("kept/")?) {
            let path = name.name().trim_start_matches("deploy/").trim_start_matches("kept/");
            let mut parts: Vec<&str> = path.split('/').collect();
            parts.truncate(4);
            if let Ok(reference) = parts.join("/").parse() {
                settle(self, &reference)?;
            }
        }
        self.forget_what_is_not_installed()?;
        let mut apps: BTreeSet<AppId> = self.all_app_ids()?;
        for reference in self.installation().refs()? {
            let Some(active) = self.installation().active(&reference)? else { continue };
            let name = RefName::deployed(&reference);
            if self.repo().has_commit(active.commit())?
                && self.repo().resolve(&name)?.as_ref() != Some(active.commit())
            {
                self.repo().set_ref(&name, active.commit())?;
            }
            switch::make_current(self, &reference)?;
            settle(self, &reference)?;
            apps.insert(reference.id);
        }
        self.repo().remove_empty_ref_dirs()?;
        let mut touched = links::renew(self, host, &apps)?;
        // Links may be right and their caches not.
        touched.all();
        links::remove_dangling(self, host)?;
        let notes = trigger::run(self, host, &touched);
        derive::remove_orphans(self, host)?;
        switch::tell(self)?;
        Ok(notes)
    }

    /// Removes deploys of refs that are not installed, as a cut install or removal leaves them, and deploys without a record.
    fn remove_half_deploys(&self) -> Result<()> {
        for reference in self.all_refs()? {
            let active = self.installation().active(&reference)?;
            for deploy in self.installation().deploys(&reference)? {
                let is_active = active.as_ref().is_some_and(|active| active.name() == deploy.name());
                let is_whole = self.dir().exists(switch::record_path(&reference, deploy.commit()))?;
                if !is_active && (active.is_none() || !is_whole) {
                    kept::put_away(self, &reference, &deploy)?;
                }
            }
            settle(self, &reference)?;
        }
        self.remove_half_removed()
    }

    /// Removes what stands for an app of which no version is installed.
    fn remove_half_removed(&self) -> Result<()> {
        for entry in self.dir().entries("app").unwrap_or_default() {
            let Some(id) = entry.name.to_str().and_then(|name| name.parse::<AppId>().ok()) else { continue };
            let place = Path::new("app").join(id.as_str());
            if self.installation().current(&id)?.is_none() && self.dir().exists(place.join("current"))? {
                self.dir().remove_file(place.join("current"))?;
                // Something else in it is none of ours.
                let _ = self.dir().remove_dir(place);
            }
        }
        Ok(())
    }

    /// Removes what was noted of refs that are not installed any more, or not yet: a cut removal or install leaves it.
    fn forget_what_is_not_installed(&self) -> Result<()> {
        let refs = self.installation().refs()?;
        for (name, _) in self.repo().refs("")? {
            let is_installed = |reference: &Ref| refs.contains(reference);
            if name.remote().is_some() && name.reference().is_some_and(|reference| !is_installed(&reference))
            {
                self.repo().remove_ref(&name)?;
            }
        }
        for entry in self.dir().entries("grants").unwrap_or_default() {
            let is_installed = |id: &str| refs.iter().any(|reference| reference.id.as_str() == id);
            if !entry.name.to_str().is_some_and(is_installed) {
                self.dir().remove_file(Path::new("grants").join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// All refs that have a directory, installed or not.
    fn all_refs(&self) -> Result<Vec<Ref>> {
        let mut found = Vec::new();
        for kind in ["app", "runtime"].into_iter().filter(|kind| self.dir().exists(kind).unwrap_or(false)) {
            self.dir().walk::<TransactionError>(kind, &mut |path, entry| {
                if entry == EntryKind::Dir
                    && let Some(reference) = path.to_str().and_then(|text| text.parse::<Ref>().ok())
                {
                    found.push(reference);
                    return Ok(Step::Over);
                }
                Ok(Step::Into)
            })?;
        }
        Ok(found)
    }

    /// All apps of which there is a trace: a directory or a link.
    fn all_app_ids(&self) -> Result<BTreeSet<AppId>> {
        let mut ids = BTreeSet::new();
        if self.dir().exists(Kind::App.as_str())? {
            ids.extend(
                self.dir().entries(Kind::App.as_str())?.iter().filter_map(|e| e.name.to_str()?.parse().ok()),
            );
        }
        ids.extend(links::owners(self)?);
        Ok(ids)
    }
}

/// Removes what writes and links in one step leave when they are killed: `.NAME.PID-N.tmp`, outside of deploys and objects.
pub(crate) fn remove_temporary(dir: &Dir) -> Result<()> {
    let mut found: Vec<PathBuf> = Vec::new();
    dir.walk::<TransactionError>("", &mut |path, kind| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if kind != EntryKind::Dir && is_temporary(&name) {
            found.push(path.to_owned());
        }
        // Nothing is written in place inside of deploys, layers and the repository's objects; there is much of it, too.
        let below = path.components().count();
        let is_deploy = below >= 5 && (path.starts_with("app") || path.starts_with("runtime"));
        let is_other =
            path.starts_with("repo/objects") || path.starts_with("derived") || path.starts_with(".removed");
        Ok(if is_deploy && !path.ends_with(".runtime") || is_other { Step::Over } else { Step::Into })
    })?;
    for path in found {
        dir.remove_file(path)?;
    }
    Ok(())
}

fn remove_temporary_in(dir: &Dir, place: &Path) -> Result<()> {
    if !dir.exists(place)? {
        return Ok(());
    }
    for entry in dir.entries(place)? {
        if entry.kind != EntryKind::Dir && is_temporary(&entry.name.to_string_lossy()) {
            dir.remove_file(place.join(&entry.name))?;
        }
    }
    Ok(())
}

/// Whether a name is one that `aril_beneath` makes for the time of a write.
fn is_temporary(name: &str) -> bool {
    let Some(inner) = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp")) else { return false };
    let Some((_, last)) = inner.rsplit_once('.') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    last.split_once('-').is_some_and(|(pid, number)| is_number(pid) && is_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names() {
        for yes in [".active.123-0.tmp", ".org.test.Hello.desktop.7-12.tmp"] {
            assert!(is_temporary(yes), "{yes}");
        }
        for no in ["active", ".active.tmp", ".x.1-.tmp", "x.1-2.tmp", ".x.1-2", ".1-2.tmp"] {
            assert!(!is_temporary(no), "{no}");
        }
    }

    #[test]
    fn only_temporary_files_go() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        let deploy = "app/org.test.Hello/x86_64/stable/0/files";
        dir.create_dir_all(deploy, 0o755).unwrap();
        dir.create_dir_all("app/org.test.Hello/x86_64/stable/.runtime", 0o755).unwrap();
        let temporary = [
            ".x.1-2.tmp",
            "app/org.test.Hello/x86_64/stable/.active.1-2.tmp",
            "app/org.test.Hello/x86_64/stable/.runtime/.0.1-2.tmp",
        ];
        for path in temporary {
            dir.symlink("y", path).unwrap();
        }
        let inside = format!("{deploy}/.its.own.1-2.tmp");
        dir.write_atomic(&inside, b"", 0o644).unwrap();
        remove_temporary(&dir).unwrap();
        assert!(temporary.iter().all(|path| !dir.exists(path).unwrap()));
        assert!(dir.exists(inside).unwrap());
    }
}
