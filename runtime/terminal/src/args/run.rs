//! `aril run`: for help, manual pages and completion.
//!
//! The line is handed on untouched to `aril-launch`, which parses it by hand, since it must be small and start fast. What is said here must be
//! what is understood there; a test compares them.

use std::ffi::OsString;

use aril_model::{Arch, Branch, CommitId, PartialRef};

use super::ContextArgs;

const EXAMPLES: &str = "\
Examples:
  aril run org.gnome.Calculator            Start an app
  aril run --command=sh org.gnome.Maps     Look around in its sandbox
  aril run --unshare=network org.gnome.Maps
                                           Start it with less, this once
  aril run --dry-run org.gnome.Maps        Show the sandbox that it would get";

/// The options of `run`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Run {
    /// Which app: its id
    #[arg(value_name = "APP")]
    pub app: String,
    /// What the app gets as arguments
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
    /// Start this program of the app
    #[arg(long, value_name = "PROGRAM")]
    pub command: Option<OsString>,
    /// Start it in this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub cwd: Option<OsString>,
    /// Start it with no permissions at all
    #[arg(long)]
    pub sandbox: bool,
    /// Limit what it takes: mem=2G,pids=500
    #[arg(long, value_name = "LIMIT,…", hide_short_help = true)]
    pub limit: Vec<String>,
    /// Print its sandbox, and start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: print JSON
    #[arg(long, hide_short_help = true)]
    pub json: bool,
    /// Which version of it.
    #[command(flatten)]
    pub version: RunVersion,
    /// Permissions for this run.
    #[command(flatten)]
    pub context: ContextArgs,
    /// What starts apps for a person.
    #[command(flatten)]
    pub starter: RunStarter,
}

/// Which version of an app is run, on what.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Versions")]
pub struct RunVersion {
    /// Use this branch
    #[arg(long, hide_short_help = true)]
    pub branch: Option<Branch>,
    /// Use this architecture
    #[arg(long, hide_short_help = true)]
    pub arch: Option<Arch>,
    /// Use this commit, of those that are kept
    #[arg(long, hide_short_help = true)]
    pub commit: Option<CommitId>,
    /// Use your own installation only
    #[arg(short, long, hide_short_help = true)]
    pub user: bool,
    /// Use the system's installation only
    #[arg(long, hide_short_help = true)]
    pub system: bool,
    /// Use the installation of this name only
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub installation: Option<String>,
    /// Run on the SDK, with its compilers and debuggers
    #[arg(short = 'd', long, hide_short_help = true)]
    pub devel: bool,
    /// Run on this runtime
    #[arg(long, value_name = "REF", hide_short_help = true)]
    pub runtime: Option<PartialRef>,
    /// Run on this branch of the runtime
    #[arg(long, value_name = "BRANCH", hide_short_help = true)]
    pub runtime_version: Option<Branch>,
    /// Run on this commit of the runtime
    #[arg(long, value_name = "COMMIT", hide_short_help = true)]
    pub runtime_commit: Option<CommitId>,
}

/// Options for programs that start apps, and for finding out.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "For programs that start apps")]
pub struct RunStarter {
    /// Share the files between @@ or @@u and @@ by the document portal
    #[arg(long, hide_short_help = true)]
    pub file_forwarding: bool,
    /// Share no files among the arguments
    #[arg(long, hide_short_help = true)]
    pub no_argv_files: bool,
    /// End the app when what started it ends
    #[arg(short = 'p', long, hide_short_help = true)]
    pub die_with_parent: bool,
    /// Start it in the sandbox of this process
    #[arg(long, value_name = "PID", hide_short_help = true)]
    pub parent_pid: Option<i32>,
    /// Let it see the processes of that sandbox
    #[arg(long, hide_short_help = true)]
    pub parent_expose_pids: bool,
    /// Give it the process ids of that sandbox
    #[arg(long, hide_short_help = true)]
    pub parent_share_pids: bool,
    /// Write the number of the instance to this descriptor
    #[arg(long, value_name = "FD", hide_short_help = true)]
    pub instance_id_fd: Option<i32>,
    /// Give it none of your environment
    #[arg(long, hide_short_help = true)]
    pub clear_env: bool,
    /// Read variables from this descriptor: NAME=VALUE, a NUL after each
    #[arg(long, value_name = "FD", hide_short_help = true)]
    pub env_fd: Vec<i32>,
    /// Give it a session bus
    #[arg(long, hide_short_help = true)]
    pub session_bus: bool,
    /// Give it no session bus
    #[arg(long, hide_short_help = true)]
    pub no_session_bus: bool,
    /// Give it an accessibility bus
    #[arg(long, hide_short_help = true)]
    pub a11y_bus: bool,
    /// Give it no accessibility bus
    #[arg(long, hide_short_help = true)]
    pub no_a11y_bus: bool,
    /// Give it no documents
    #[arg(long, hide_short_help = true)]
    pub no_documents_portal: bool,
    /// Print how long each step took
    #[arg(long, hide_short_help = true)]
    pub timings: bool,
    #[arg(long, hide = true)]
    log_session_bus: bool,
    #[arg(long, hide = true)]
    log_system_bus: bool,
    #[arg(long, hide = true)]
    log_a11y_bus: bool,
}
