//! `/var` of an app that we built from packages: the user's own copy of what the packages brought, filled at the first start of each version.
//!
//! What is there stays: it is the app's, which may have changed it. So it is also opened beneath its directory, over no link.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind, Step};
use aril_model::Layout;

use crate::LaunchError;
use crate::app::App;

/// Says for which commit the copy was made.
const MARK: &str = ".aril-var";
/// Directories that programs expect.
const USUAL: [&str; 6] = ["cache", "lib", "log", "opt", "spool", "tmp"];
/// Links that programs expect.
const LINKS: [(&str, &str); 2] = [("run", "../run"), ("lock", "../run/lock")];

/// Fills what is missing, if this version of the app was not started before. `data` is the app's own directory.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn fill(app: &App, data: &Path) -> Result<(), LaunchError> {
    let Some(part) = app.app.as_ref().filter(|_| app.layout() == Layout::Merged) else { return Ok(()) };
    let data = Dir::open_or_create(data, 0o700)?;
    if data.read_to_string(MARK, 128).is_ok_and(|commit| commit == part.commit.as_str()) {
        return Ok(());
    }
    let to = data.create_dir_all("var", 0o700)?;
    if part.tops.has("var") {
        let from = Dir::open(&part.path)?.open_dir("files/var")?;
        copy_missing(&from, &to)?;
    }
    for name in USUAL {
        if !to.exists(name)? {
            to.create_dir(name, 0o755)?;
        }
    }
    for (name, target) in LINKS {
        if !to.exists(name)? {
            to.symlink(target, name)?;
        }
    }
    data.write_atomic(MARK, part.commit.as_str().as_bytes(), 0o644)?;
    Ok(())
}

fn copy_missing(from: &Dir, to: &Dir) -> Result<(), LaunchError> {
    from.walk::<LaunchError>("", &mut |path, kind| {
        // A directory of the app's in the place of a file, a link in the place of a directory: the app's word counts.
        let there = match to.stat(path) {
            Ok(properties) => Some(properties.kind),
            Err(error) if error.is_not_found() => None,
            Err(_) => return Ok(Step::Over),
        };
        match (kind, there) {
            (EntryKind::Dir, None) => drop(to.create_dir(path, 0o755)?),
            (EntryKind::Dir, Some(EntryKind::Dir)) => {}
            (EntryKind::File, None) => copy_file(from, to, path)?,
            (EntryKind::Link, None) => to.symlink(from.read_link(path)?, path)?,
            _ => return Ok(Step::Over),
        }
        Ok(Step::Into)
    })
}

/// A copy and no second name: the deploy's own file must not be written.
fn copy_file(from: &Dir, to: &Dir, path: &Path) -> Result<(), LaunchError> {
    let mut source = from.open_file(path)?;
    let mode = source.metadata()?.permissions().mode() & 0o777;
    let mut target = to.create_file(PathBuf::from(path), mode | 0o600)?;
    let mut piece = vec![0; 64 << 10];
    loop {
        match source.read(&mut piece)? {
            0 => return Ok(()),
            length => target.write_all(&piece[..length])?,
        }
    }
}
