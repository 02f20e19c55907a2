//! `aril run`: for help, manual pages and completion.
//!
//! The line is handed on untouched to `aril-launch`, which parses it by hand, since it must be small and start fast. What is said here must be
//! what is understood there; a test compares them.

use std::ffi::OsString;

use aril_model::{Arch, Branch};

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
    /// Use this branch
    #[arg(long)]
    pub branch: Option<Branch>,
    /// Use this architecture
    #[arg(long, hide_short_help = true)]
    pub arch: Option<Arch>,
    /// Print its sandbox, and start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: print JSON
    #[arg(long, hide_short_help = true)]
    pub json: bool,
    /// Permissions for this run.
    #[command(flatten)]
    pub context: ContextArgs,
}
