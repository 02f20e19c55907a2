//! `aril list`.

use aril_model::{Arch, PartialRef};

use super::{ListingArgs, ScopeFilter};

const EXAMPLES: &str = "\
Examples:
  aril list --app                          Apps only
  aril list --columns=application,size     These columns; tabs when piped
  aril list --json                         For programs";

/// The options of `list`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct List {
    /// List apps
    #[arg(long)]
    pub app: bool,
    /// List runtimes
    #[arg(long)]
    pub runtime: bool,
    /// List everything, also translations, debug information and other extensions
    #[arg(short, long)]
    pub all: bool,
    /// List this architecture only
    #[arg(long)]
    pub arch: Option<Arch>,
    /// List apps that use this runtime
    #[arg(long, value_name = "RUNTIME")]
    pub app_runtime: Option<PartialRef>,
    /// Show more of each
    #[arg(short = 'd', long)]
    pub show_details: bool,
    /// Whose installations.
    #[command(flatten)]
    pub scope: ScopeFilter,
    /// How it is shown.
    #[command(flatten)]
    pub listing: ListingArgs,
}
