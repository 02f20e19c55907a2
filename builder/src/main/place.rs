//! Where things are on this machine, as command line and environment say.

use std::path::{Path, PathBuf};

use aril_builder::session::Settings;
use aril_terminal::args::BuildPlace;
use aril_terminal::{Failure, program};

/// The settings for an installation, and for another repository to commit to.
pub(super) fn settings(place: &BuildPlace, repo: Option<&Path>) -> Result<Settings, Failure> {
    let installation = match &place.installation {
        Some(path) => path.clone(),
        None if place.system => variable("ARIL_SYSTEM_DIR").unwrap_or_else(|| "/var/lib/aril".into()),
        None => user_installation()?,
    };
    Ok(Settings {
        installation,
        repo: repo.map(Path::to_owned),
        cache: cache(),
        manifests: manifests(),
        tool: program::find("aril-launch").ok(),
        now: now(),
    })
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

fn user_installation() -> Result<PathBuf, Failure> {
    let in_home = || variable("HOME").map(|home| home.join(".local/share"));
    let data = || variable("XDG_DATA_HOME").or_else(in_home).map(|data| data.join("aril"));
    variable("ARIL_USER_DIR").or_else(data).ok_or_else(|| {
        Failure::new("there is no home directory to keep apps in")
            .with_hint("set HOME, or name a place by ARIL_USER_DIR")
    })
}

/// The user's cache; root's is the system's.
pub(super) fn cache() -> PathBuf {
    let in_home = || variable("HOME").map(|home| home.join(".cache"));
    let is_root = rustix::process::geteuid().is_root();
    let own = variable("XDG_CACHE_HOME").or_else(|| if is_root { None } else { in_home() });
    own.map_or_else(|| "/var/cache/aril".into(), |cache| cache.join("aril"))
}

/// Where manifests lie: what a test names, what the user has, what came with the program.
fn manifests() -> Vec<PathBuf> {
    if let Some(dir) = variable("ARIL_MANIFEST_DIR") {
        return vec![dir];
    }
    let config = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    let installed = std::env::current_exe().ok().and_then(|own| {
        let above = own.parent()?.parent()?;
        // From PREFIX/libexec/aril or PREFIX/bin, or from a build's target directory.
        Some([
            above.join("share/aril/sdk-manifests"),
            above.parent()?.join("share/aril/sdk-manifests"),
            above.parent()?.join("sdk-manifests"),
        ])
    });
    config
        .map(|config| config.join("aril/sdk-manifests"))
        .into_iter()
        .chain(["/etc/aril/sdk-manifests".into()])
        .chain(installed.into_iter().flatten())
        .chain(["/usr/share/aril/sdk-manifests".into()])
        .collect()
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
