//! What a change needs to know of the machine and of the person: found out once, in `main`.

use std::path::PathBuf;

/// Programs and places outside the installation.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// What exported files start: a program by its absolute path, and its first arguments.
    pub starter: Vec<String>,
    /// Where menus look for the user's own files, `~/.local/share`; `None` where nothing is linked there.
    pub data_home: Option<PathBuf>,
    /// Where apps keep what is theirs: `~/.var/app`.
    pub app_data: Option<PathBuf>,
    /// `aril-launch`, which runs triggers in a sandbox.
    pub launcher: Option<PathBuf>,
    /// `aril-build`, which makes apps of RPMs.
    pub builder: Option<PathBuf>,
    /// The other installations, in which a runtime may be.
    pub others: Vec<(aril_installation::Scope, PathBuf)>,
}
