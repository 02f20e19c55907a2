//! What can be typed: the command lines of `aril`, `aril-change` and `aril-build`, as types.
//!
//! `aril` and `aril-change` parse the same line with the same definitions, so a command may move from one to the other without anybody
//! noticing. What was typed is turned into types here; what it means is found out by the program that does it.

mod build; // `aril build`, and what else `aril-build` is asked for
mod change; // how changes are confirmed
mod completion;
mod context; // permissions: `--share=network`
mod derive;
mod enter;
mod help; // the commands on one screen
mod history;
mod info;
mod install;
mod kill;
mod list;
mod listing; // `--columns`, `--json`
mod r#override;
mod parse; // a command line into these types; mistakes into failures with hints
mod ps;
mod remote_add;
mod remote_delete;
mod remotes;
mod repair;
mod rollback;
mod run;
mod scope; // whose installation is meant
mod uninstall;
mod update;

pub use build::{
    BuildApp, BuildCheck, BuildCli, BuildCommand, BuildLayout, BuildPlace, BuildPlan, BuildProbe,
    BuildRuntime,
};
pub use change::ChangeArgs;
pub use completion::{Completion, Shell};
pub use context::ContextArgs;
pub use derive::Derive;
pub use enter::Enter;
pub use history::History;
pub use info::Info;
pub use install::Install;
pub use kill::Kill;
pub use list::List;
pub use listing::ListingArgs;
pub use r#override::Override;
pub use parse::CommandLine;
pub use ps::Ps;
pub use remote_add::RemoteAdd;
pub use remote_delete::RemoteDelete;
pub use remotes::Remotes;
pub use repair::Repair;
pub use rollback::Rollback;
pub use run::{Run, RunStarter, RunVersion};
pub use scope::{ScopeArgs, ScopeChoice, ScopeFilter};
pub use uninstall::Uninstall;
pub use update::Update;

use crate::{Answers, Verbosity};

/// Install, run, update and undo apps made from Fedora RPMs, each in a sandbox
#[derive(Debug, clap::Parser)]
#[command(name = "aril", version, max_term_width = 100, before_long_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  aril remote-add --from /etc/yum.repos.d/fedora.repo fedora
                                         Know a repository of RPMs
  aril install fedora gnome-calculator   Make an app of one of its packages
  aril run org.gnome.Calculator          Start it in its sandbox
  aril update                            Bring everything up to date
  aril rollback org.gnome.Calculator     Take the last update back";

/// Options that every command has.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Globals {
    /// Tell what is done inside; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 900)]
    verbose: u8,
    /// Tell failures only
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 901)]
    quiet: bool,
}

impl Globals {
    pub(crate) fn verbosity(self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Everything,
        }
    }
}

/// The commands of `aril`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Install apps and runtimes, from remotes or files
    ///
    /// From a repository of RPMs, the package's own dependencies come with it as far as the runtime has them not, and all becomes one app. What an
    /// app may do is shown before anything is installed, and what you accept is kept: an update never gets more without being asked for.
    Install(Install),
    /// Start an app in its sandbox
    Run(Run),
    /// List what is installed
    List(List),
    /// Show what an app is, holds and may do
    ///
    /// Without an option it prints what is known, and what the permissions mean. With -r, -c, -o, -s, -l and the like it prints only that, in one
    /// line, for scripts.
    Info(Info),
    /// Bring apps and runtimes up to date
    ///
    /// The new version is put beside the old one and switched to in one step, so that a lost connection or a full disk leaves what you have. Apps
    /// that run keep the old version until they end. A runtime never goes to a version that one of its apps cannot run on.
    #[command(visible_alias = "upgrade")]
    Update(Update),
    /// Remove apps and runtimes
    ///
    /// What an app kept in your home, in ~/.var/app, stays unless you say otherwise. Runtimes stay, too, until `--unused` removes those that no app
    /// needs.
    #[command(visible_alias = "remove")]
    Uninstall(Uninstall),
    /// Take the last update of an app back
    ///
    /// The last versions stay on your disk, so this needs no network. `aril info` shows which ones there are.
    Rollback(Rollback),
    /// Show or change what apps may do
    ///
    /// What you change here holds from the next start of the app, and over what the app asks for. A file that is named hidden is hidden even inside
    /// a folder that is shared.
    Override(Override),
    /// List the sandboxes that run now
    ///
    /// Apps that stock Flatpak started are listed, too.
    Ps(Ps),
    /// Run a command in a sandbox that runs already
    ///
    /// The command gets no more rights than the app has.
    Enter(Enter),
    /// Stop running sandboxes
    ///
    /// All processes in the sandbox end at once, without being asked to save anything.
    Kill(Kill),
    /// List the remotes that apps come from
    #[command(visible_alias = "remote-list")]
    Remotes(Remotes),
    /// Add a remote: an RPM or an ostree repository
    ///
    /// A repository of RPMs, as Fedora and many vendors have it, becomes a remote like any other: `aril install REMOTE PACKAGE` makes an app of its
    /// packages. What comes from a remote must be signed with a key that you imported, unless you say otherwise.
    RemoteAdd(RemoteAdd),
    /// Remove a remote
    ///
    /// Apps that came from it stay only with --force, and get no updates any more.
    RemoteDelete(RemoteDelete),
    /// Make runtimes and apps of RPMs, also to publish
    Build {
        /// What is to be built.
        #[command(subcommand)]
        what: BuildCommand,
    },
    /// Show what was installed, updated and removed
    ///
    /// The record is aril's own, and goes back to the first installation.
    History(History),
    /// Find and mend damage in an installation
    ///
    /// Each object in the store is compared with its checksum, each deploy with its commit; what is damaged is fetched again, what a killed program
    /// left behind is removed.
    Repair(Repair),
    /// Print the completion script for a shell
    Completion(Completion),
    /// Make the caches of an app that are missing
    #[command(hide = true)]
    Derive(Derive),
}

impl CommandLine for Cli {
    fn verbosity(&self) -> Verbosity {
        self.globals.verbosity()
    }

    fn answers(&self) -> Answers {
        match &self.command {
            Command::Install(Install { change, .. })
            | Command::Update(Update { change, .. })
            | Command::Uninstall(Uninstall { change, .. })
            | Command::Rollback(Rollback { change, .. })
            | Command::Repair(Repair { change, .. })
            | Command::RemoteDelete(RemoteDelete { change, .. }) => change.answers(),
            Command::Build { what } => what.answers(),
            _ => Answers::Ask,
        }
    }

    fn adjust(command: clap::Command) -> clap::Command {
        help::group_commands(command)
    }
}
