//! `aril install`.

use aril_model::{Arch, RemoteName};

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril install fedora gnome-calculator       From a repository of RPMs
  aril install ./vendor-app.x86_64.rpm       From a file and your RPM remotes
  aril install flathub org.gnome.Maps        From a Flatpak remote
  aril install --dry-run fedora inkscape     Show what would come, from where";

/// The options of `install`.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = EXAMPLES,
    override_usage = "aril install [OPTIONS] [REMOTE] NAME…\n       aril install [OPTIONS] FILE.rpm…"
)]
pub struct Install {
    /// A remote and names in it, names alone, or files
    ///
    /// In a repository of RPMs a name is a package's name, or what a package provides. In other remotes it is an id or its last part, with
    /// architecture and branch if wanted: `org.gnome.Maps`, `maps`, `org.gnome.Maps//stable`.
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Where the dependencies of an RPM file come from
    #[arg(long, value_name = "REMOTE")]
    pub remote: Option<RemoteName>,
    /// Bring own copies of packages that are too old in the runtime
    #[arg(long)]
    pub shadow: bool,
    /// Install for this architecture
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Look for apps only
    #[arg(long, conflicts_with = "runtime")]
    pub app: bool,
    /// Look for runtimes only
    #[arg(long)]
    pub runtime: bool,
    /// Do not install the runtime that an app needs
    #[arg(long)]
    pub no_deps: bool,
    /// Update what is installed already
    #[arg(long)]
    pub or_update: bool,
    /// Install anew what is installed already
    #[arg(long, conflicts_with = "or_update")]
    pub reinstall: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub change: ChangeArgs,
}
