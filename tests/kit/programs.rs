//! The programs under test: where they were built, or a copy of them that an ordinary user can reach.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, ensure};

use crate::repo::cache::{Cache, key_of};
use crate::user::TestUser;

/// The directory with `aril` and all others, beside each other, which the test user can reach.
///
/// `ARIL_BIN_DIR` names where they were built; else it is the directory of the test program's own build.
pub fn directory() -> Result<&'static Path> {
    static DIRECTORY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = DIRECTORY.get_or_init(|| find().map_err(|why| format!("{why:#}")));
    found.as_deref().map_err(|why| anyhow::anyhow!("the programs under test: {why}"))
}

fn find() -> Result<PathBuf> {
    let built = match std::env::var_os("ARIL_BIN_DIR") {
        Some(dir) => {
            fs::canonicalize(&dir).with_context(|| format!("ARIL_BIN_DIR={}", Path::new(&dir).display()))?
        }
        None => beside_tests()?,
    };
    let programs = programs_in(&built)?;
    let Some(first) = programs.first() else { return Ok(built) };
    let user = TestUser::get()?;
    if !user.is_other() || user.can_run(first)? {
        return Ok(built);
    }
    stage(&programs, &Cache::usual()?)
}

/// `target/debug` for a test in `target/debug/deps`.
fn beside_tests() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let dir = own.parent().context("a program without a directory")?;
    let above = if dir.ends_with("deps") { dir.parent() } else { Some(dir) };
    Ok(above.context("a program without a directory")?.to_owned())
}

fn programs_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = fs::metadata(&path)?;
        let is_program = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
        if is_program && (name == "aril" || name.starts_with("aril-")) {
            programs.push(path);
        }
    }
    programs.sort();
    Ok(programs)
}

/// Copies the programs to where everybody can run them; a copy is never changed, so that a running test keeps its own.
fn stage(programs: &[PathBuf], cache: &Path) -> Result<PathBuf> {
    let mut seen = Vec::new();
    for program in programs {
        let metadata = fs::metadata(program)?;
        let time = metadata.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
        seen.push(format!("{} {} {time}", program.display(), metadata.len()));
    }
    let parts: Vec<&[u8]> = seen.iter().map(String::as_bytes).collect();
    let cache = Cache::open(cache)?;
    let dir = cache.path("programs").join(key_of(&parts));
    if dir.exists() {
        return Ok(dir);
    }
    fs::create_dir_all(cache.path("programs"))?;
    remove_old(&cache.path("programs"))?;
    let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(cache.path("programs"))?;
    for program in programs {
        let to = beside.path().join(program.file_name().context("a program without a name")?);
        fs::copy(program, &to)?;
        fs::set_permissions(&to, PermissionsExt::from_mode(0o755))?;
    }
    fs::set_permissions(beside.path(), PermissionsExt::from_mode(0o755))?;
    let beside = beside.keep();
    if fs::rename(&beside, &dir).is_err() {
        // Another test process was faster.
        fs::remove_dir_all(&beside)?;
        ensure!(dir.exists(), "{} cannot be made", dir.display());
    }
    Ok(dir)
}

/// No test takes six hours.
fn remove_old(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age.as_secs() > 6 * 3600 {
            // Another test process may remove it, too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
