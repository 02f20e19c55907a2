//! `aril build`, and what else `aril-build` is asked for by `aril-change`.
//!
//! `aril-build` understands the same lines without the word `build`.

use std::path::PathBuf;

use aril_model::{CommitId, Ref, RemoteName};

use super::{CommandLine, Globals};
use crate::{Answers, Verbosity};

/// Make runtimes and apps of RPMs
#[derive(Debug, clap::Parser)]
#[command(name = "aril build", bin_name = "aril build", version, max_term_width = 100)]
pub struct BuildCli {
    #[command(flatten)]
    globals: Globals,
    /// What is to be done.
    #[command(subcommand)]
    pub command: BuildCommand,
}

/// The commands of `aril-build`.
#[derive(Debug, clap::Subcommand)]
pub enum BuildCommand {
    /// Make a runtime of the packages that a manifest names
    Runtime(BuildRuntime),
    /// Make an app of packages
    App(BuildApp),
    /// Say what would be made, and of what
    #[command(hide = true)]
    Plan(BuildPlan),
    /// Say which apps would not run on a runtime
    #[command(hide = true)]
    Check(BuildCheck),
    /// Say what a repository says of itself
    #[command(hide = true)]
    Probe(BuildProbe),
}

const RUNTIME_EXAMPLES: &str = "\
Examples:
  aril build runtime f42/platform.toml --from fedora
                                           Build a runtime, and install it
  aril build runtime f42/platform.toml --from fedora --repo ./repo
                                           Build it into a repository";

/// The options of `build runtime`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = RUNTIME_EXAMPLES)]
pub struct BuildRuntime {
    /// The file that says what the runtime is called and which packages make it
    #[arg(value_name = "MANIFEST", required_unless_present = "reference")]
    pub manifest: Option<PathBuf>,
    /// Build what is installed under this ref again, from the manifest that its commit holds
    #[arg(long = "ref", value_name = "REF", hide = true, conflicts_with = "manifest")]
    pub reference: Option<Ref>,
    /// The remote of RPMs that the packages come from
    #[arg(long, value_name = "REMOTE")]
    pub from: RemoteName,
    /// Commit to this ostree repository, and do not install
    #[arg(long, value_name = "DIRECTORY")]
    pub repo: Option<PathBuf>,
    /// The installation that knows the remote.
    #[command(flatten)]
    pub place: BuildPlace,
    /// How it is shown and confirmed.
    #[command(flatten)]
    pub change: super::ChangeArgs,
}

const APP_EXAMPLES: &str = "\
Examples:
  aril build app gnome-calculator --from fedora --repo ./repo
                                           An app in the merged layout, for aril
  aril build app gnome-calculator --from fedora --repo ./repo --layout=app
                                           An app for stock Flatpak, too";

/// How the files of an app lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum BuildLayout {
    /// As Fedora built it, laid over the runtime; for aril.
    #[default]
    Merged,
    /// Moved to /app, for aril and stock Flatpak.
    App,
}

/// The options of `build app`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = APP_EXAMPLES)]
pub struct BuildApp {
    /// The packages; the first one is the app
    #[arg(value_name = "PACKAGE", required_unless_present_any = ["file", "reference"])]
    pub packages: Vec<String>,
    /// Build what is installed under this ref again, from the packages that were asked for then
    #[arg(long = "ref", value_name = "REF", hide = true, conflicts_with_all = ["packages", "file"])]
    pub reference: Option<Ref>,
    /// The remote of RPMs that the packages come from
    #[arg(long, value_name = "REMOTE", visible_alias = "remote")]
    pub from: RemoteName,
    /// A package that is a file
    #[arg(long, value_name = "FILE.rpm")]
    pub file: Vec<PathBuf>,
    /// Commit to this ostree repository
    #[arg(long, value_name = "DIRECTORY")]
    pub repo: Option<PathBuf>,
    /// Solve against this commit of the runtime, and not the one that its ref points to
    #[arg(long, value_name = "COMMIT", hide = true)]
    pub runtime: Option<CommitId>,
    /// How the files of the app lie
    #[arg(long, value_enum, default_value_t)]
    pub layout: BuildLayout,
    /// Bring own copies of packages that are too old in the runtime
    #[arg(long)]
    pub shadow: bool,
    /// The installation that knows the remote.
    #[command(flatten)]
    pub place: BuildPlace,
    /// How it is shown and confirmed.
    #[command(flatten)]
    pub change: super::ChangeArgs,
}

/// Which installation is built for: what a person says, or the directory that `aril-change` names.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BuildPlace {
    /// The installation's directory
    #[arg(long, value_name = "DIRECTORY", hide = true)]
    pub installation: Option<PathBuf>,
    /// Use your own installation (the default)
    #[arg(short, long, conflicts_with = "installation", display_order = 600)]
    pub user: bool,
    /// Use the system's installation
    #[arg(long, conflicts_with_all = ["installation", "user"], display_order = 601)]
    pub system: bool,
}

/// The options of `plan`.
#[derive(Debug, clap::Args)]
pub struct BuildPlan {
    /// The packages
    #[arg(value_name = "PACKAGE", required_unless_present_any = ["file", "reference"])]
    pub packages: Vec<String>,
    /// What is installed under this ref, again
    #[arg(long = "ref", value_name = "REF", conflicts_with_all = ["packages", "file"])]
    pub reference: Option<Ref>,
    /// The installation's directory
    #[arg(long, value_name = "DIRECTORY")]
    pub installation: PathBuf,
    /// The remote of RPMs
    #[arg(long, value_name = "REMOTE")]
    pub remote: RemoteName,
    /// A package that is a file
    #[arg(long, value_name = "FILE.rpm")]
    pub file: Vec<PathBuf>,
    /// Solve against this commit of the runtime, and not the one that its ref points to
    #[arg(long, value_name = "COMMIT")]
    pub runtime: Option<CommitId>,
    /// Bring own copies of packages that are too old in the runtime
    #[arg(long)]
    pub shadow: bool,
}

/// The options of `check`.
#[derive(Debug, clap::Args)]
pub struct BuildCheck {
    /// The apps, by their whole refs
    #[arg(value_name = "REF", required = true)]
    pub apps: Vec<Ref>,
    /// The installation's directory
    #[arg(long, value_name = "DIRECTORY")]
    pub installation: PathBuf,
    /// The commit of the runtime that they would run on
    #[arg(long, value_name = "COMMIT")]
    pub runtime: CommitId,
}

/// The options of `probe`.
#[derive(Debug, clap::Args)]
pub struct BuildProbe {
    /// The directory that holds the remote's files
    #[arg(long, value_name = "DIRECTORY")]
    pub remotes: PathBuf,
    /// The remote of RPMs
    #[arg(long, value_name = "REMOTE")]
    pub remote: RemoteName,
    /// Do not look whether its state is signed
    #[arg(long)]
    pub unsigned: bool,
}

impl BuildCommand {
    pub(crate) fn answers(&self) -> Answers {
        match self {
            Self::Runtime(BuildRuntime { change, .. }) | Self::App(BuildApp { change, .. }) => {
                change.answers()
            }
            Self::Plan(_) | Self::Check(_) | Self::Probe(_) => Answers::Noninteractive,
        }
    }
}

impl CommandLine for BuildCli {
    fn verbosity(&self) -> Verbosity {
        self.globals.verbosity()
    }

    fn answers(&self) -> Answers {
        self.command.answers()
    }
}
