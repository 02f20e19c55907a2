//! What has to be done to an upper directory before and after: directories for layers of somebody else, bits that must not stay.
//!
//! A directory that belongs to another user (a runtime of the system's installation) cannot be copied up by the kernel, since nobody in the
//! sandbox may own the copy. So it is made in the upper directory beforehand, owned by us, and files can be made in it; what was not needed
//! is removed afterwards.

use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind, Step};

use super::plan::{ToolRequest, ToolWrites};
use crate::LaunchError;

/// Set-user-ID and set-group-ID.
const SET_ID: u32 = 0o6000;

/// Makes the directories of layers that belong to others in the upper directory. Returns those that were made, those above before those
/// below.
pub(crate) fn mirror_foreign_directories(
    request: &ToolRequest,
    writes: &ToolWrites,
) -> Result<Vec<PathBuf>, LaunchError> {
    let me = rustix::process::geteuid().as_raw();
    let upper = Dir::open(&writes.upper)?;
    let mut made = Vec::new();
    for layer in &request.layers {
        for part in ["usr", "etc", "opt", "var"] {
            let Some((base, path)) = layer.part(part) else { continue };
            let base = Dir::open(base)?;
            match base.stat(&path) {
                Ok(properties) if properties.kind == EntryKind::Dir && properties.uid != me => {
                    let wanted = |to: &Path| is_wanted(&request.mirrored, to);
                    mirror(&base.open_dir(&path)?, Path::new(part), &upper, &wanted, &mut made)?;
                }
                Ok(_) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(made)
}

/// Whether a directory (relative to the root) lies in, or on the way to, one that was named.
fn is_wanted(mirrored: &[PathBuf], directory: &Path) -> bool {
    let at = Path::new("/").join(directory);
    mirrored.is_empty() || mirrored.iter().any(|named| at.starts_with(named) || named.starts_with(&at))
}

fn mirror(
    from: &Dir,
    part: &Path,
    upper: &Dir,
    wanted: &dyn Fn(&Path) -> bool,
    made: &mut Vec<PathBuf>,
) -> Result<(), LaunchError> {
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let entries = match from.entries(&path) {
            Ok(entries) => entries,
            // What we cannot look into, the program could not either.
            Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Dir) {
            let inner = path.join(entry.name);
            let to = part.join(&inner);
            if !wanted(&to) {
                continue;
            }
            match upper.create_dir(&to, 0o755) {
                Ok(true) => made.push(to),
                Ok(false) => {}
                // An upper layer has something else there, which hides the directory.
                Err(_) => continue,
            }
            waiting.push(inner);
        }
    }
    Ok(())
}

/// Removes those of the directories that are still empty.
pub(crate) fn remove_empty(writes: &ToolWrites, made: &[PathBuf]) -> Result<(), LaunchError> {
    let upper = Dir::open(&writes.upper)?;
    for path in made.iter().rev() {
        match upper.remove_dir(path) {
            Ok(()) => {}
            Err(error) if error.is_not_found() => {}
            Err(error)
                if matches!(
                    error.source.raw_os_error(),
                    Some(libc::ENOTEMPTY | libc::ENOTDIR | libc::ELOOP)
                ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes set-id bits away from all that was written: they would be the user's own, for everyone on this machine. Directories that their owner
/// may not enter are opened.
pub(crate) fn strip_set_id(writes: &ToolWrites) -> Result<(), LaunchError> {
    let upper = Dir::open(&writes.upper)?;
    upper.walk::<LaunchError>("", &mut |path, kind| {
        if matches!(kind, EntryKind::File | EntryKind::Dir) {
            let mode = upper.stat(path)?.mode;
            // What a program has closed to its own user could not be walked, nor removed by most.
            let opened = if kind == EntryKind::Dir { mode | 0o700 } else { mode };
            if opened & !SET_ID != mode {
                upper.set_mode(path, opened & !SET_ID)?;
            }
        }
        Ok(Step::Into)
    })
}

/// Removes what the kernel left in its work directory: without a mode, so that an ordinary removal fails.
pub(crate) fn remove_work(writes: &ToolWrites) -> Result<(), LaunchError> {
    let work = Dir::open(&writes.work)?;
    for entry in work.entries("")? {
        work.remove_tree(&entry.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_on_the_way_are_wanted_too() {
        let named = [PathBuf::from("/usr/share/icons")];
        for (directory, wanted) in [
            ("usr", true),
            ("usr/share/icons/hicolor", true),
            ("usr/lib", false),
            ("usr/share/iconsx", false),
        ] {
            assert_eq!(is_wanted(&named, Path::new(directory)), wanted, "{directory}");
        }
        assert!(is_wanted(&[], Path::new("usr/lib")));
    }
}
