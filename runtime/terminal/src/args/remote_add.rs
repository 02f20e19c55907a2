//! `aril remote-add`.

use std::path::PathBuf;

use aril_model::{Branch, RemoteName};

use super::ScopeArgs;

const EXAMPLES: &str = "\
Examples:
  aril remote-add --from /etc/yum.repos.d/fedora.repo fedora
                                           Fedora's RPMs, and its keys
  aril remote-add --gpg-import=KEY vendor rpm+https://rpm.example.org/f42
                                           Any other repository of RPMs
  aril remote-add flathub https://dl.flathub.org/repo/flathub.flatpakrepo
                                           A Flatpak remote";

/// The options of `remote-add`.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = EXAMPLES,
    override_usage = "aril remote-add [OPTIONS] NAME URL\n       aril remote-add [OPTIONS] --from FILE [NAME]"
)]
pub struct RemoteAdd {
    /// What to call it; with --from, the file may say it
    #[arg(value_name = "NAME", required_unless_present = "from")]
    pub name: Option<RemoteName>,
    /// Where it is
    ///
    /// `rpm+https://…` and `rpm+file:///…` are repositories of RPMs, `https://…` and `file:///…` ostree repositories, as Flatpak has them.
    #[arg(value_name = "URL", required_unless_present = "from", conflicts_with = "from")]
    pub url: Option<String>,
    /// Read a .repo file (RPMs) or a .flatpakrepo
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Which one of several in a .repo file
    #[arg(long, value_name = "ID", requires = "from")]
    pub repo_id: Option<String>,
    /// For which Fedora release its packages are
    ///
    /// A number, such as 42. Without it the repository is asked. It is also what $releasever in urls stands for.
    #[arg(long, value_name = "NUMBER", alias = "releasever")]
    pub release: Option<String>,
    /// Trust this key: a file, or - for standard input
    #[arg(long, value_name = "KEY")]
    pub gpg_import: Vec<PathBuf>,
    /// Accept what is not signed, or with any key
    #[arg(long, conflicts_with = "gpg_import")]
    pub no_gpg_verify: bool,
    /// Do nothing if it is there already
    #[arg(long)]
    pub if_not_exists: bool,
    /// How early to look in it: higher is earlier (1)
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub prio: Option<i32>,
    /// A title for people
    #[arg(long)]
    pub title: Option<String>,
    /// The branch that is meant when none is named
    #[arg(long, value_name = "BRANCH")]
    pub default_branch: Option<Branch>,
    /// Do not list what it has
    #[arg(long, hide_short_help = true)]
    pub no_enumerate: bool,
    /// Do not take runtimes from it for others' apps
    #[arg(long)]
    pub no_use_for_deps: bool,
    /// Add it switched off
    #[arg(long)]
    pub disable: bool,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
}
