//! Caches of exported files: which programs of the host make them, each in a sandbox in which only the exports can be written.
//!
//! A cache that cannot be made is told and is no failure: the apps are installed, and menus read the files themselves, more slowly.
//! Source: Flatpak's triggers `desktop-database`, `gtk-icon-cache` and `mime-database`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aril_beneath::Dir;

use crate::LockedInstallation;
use crate::host::Host;
use crate::links::Touched;

/// Where the host's programs are.
const PROGRAMS: &[&str] = &["/usr/bin", "/usr/local/bin", "/bin"];

/// Renews the caches of all directories in which something changed; returns what went wrong.
pub(crate) fn run(at: &LockedInstallation, host: &Host, touched: &Touched) -> Vec<String> {
    let mut notes = Vec::new();
    let exports = at.dir().path().join("exports/share");
    for (base, dirs) in [(Some(&exports), &touched.exports), (host.data_home.as_ref(), &touched.own)] {
        let Some(base) = base else { continue };
        let is_exports = base == &exports;
        let has = |part: &str| {
            dirs.iter().any(|dir| {
                dir.strip_prefix(if is_exports { "share" } else { "" }).is_ok_and(|dir| dir.starts_with(part))
            })
        };
        let mut run = |program: &str, arguments: &[&str], dir: PathBuf| {
            notes.extend(run_one(at, host, program, arguments, &dir));
        };
        let is_there = |dir: &str| Dir::open(base.join(dir)).is_ok();
        if has("applications") && is_there("applications") {
            run("update-desktop-database", &["-q"], base.join("applications"));
        }
        if has("mime") && is_there("mime/packages") {
            run("update-mime-database", &[], base.join("mime"));
        }
        if has("icons/hicolor") && prepare_icons(&base.join("icons/hicolor"), is_exports) {
            run("gtk-update-icon-cache", &["--quiet", "--force"], base.join("icons/hicolor"));
        }
    }
    notes
}

/// Whether an icon theme is to have a cache. In our own directory the theme's index is put there, without which there is none; in the
/// user's a cache is renewed if there is one, since a stale one hides icons.
fn prepare_icons(theme: &Path, is_exports: bool) -> bool {
    let Ok(dir) = Dir::open(theme) else { return false };
    if !is_exports {
        return dir.exists("icon-theme.cache").unwrap_or(false);
    }
    if dir.exists("index.theme").unwrap_or(false) {
        return true;
    }
    let index = Dir::open("/usr/share/icons/hicolor").and_then(|host| host.read("index.theme", 1 << 20));
    index.and_then(|index| dir.write_atomic("index.theme", &index, 0o644)).is_ok()
}

fn run_one(
    at: &LockedInstallation,
    host: &Host,
    program: &str,
    arguments: &[&str],
    dir: &Path,
) -> Option<String> {
    let found = PROGRAMS.iter().map(|place| Path::new(place).join(program));
    // A host without the program has nothing that reads its cache.
    let path =
        found.into_iter().find(|path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())?;
    let Some(launcher) = &host.launcher else {
        return Some(format!("'{program}' was not run: aril-launch is missing, which gives it its sandbox"));
    };
    let apps = at.dir().path().join("app");
    let exports = at.dir().path().join("exports");
    let mut command = Command::new(launcher);
    command.args(["--tool", "--lower", "/"]);
    // The links lead through the exports to the deploys.
    command.arg("--ro-bind").arg(&apps).arg(&apps).arg("--ro-bind").arg(&exports).arg(&exports);
    // The cache can be made again at any time, so nothing of it need be on the disk at once.
    command.args(["--setenv", "PKGSYSTEM_ENABLE_FSYNC", "0"]);
    command.arg("--bind").arg(dir).arg(dir).arg("--").arg(&path).args(arguments).arg(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    match command.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().last().unwrap_or_default();
            Some(format!("'{program}' failed: {}", aril_model::printable(line)))
        }
        Err(error) => Some(format!("'{program}' was not run: {error}")),
    }
}
