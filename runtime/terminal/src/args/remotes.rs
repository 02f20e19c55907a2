//! `aril remotes`.

use super::{ListingArgs, ScopeFilter};

const EXAMPLES: &str = "\
Examples:
  aril remotes -d                          All that is known of each
  aril remotes --columns=name,kind,url     These columns; tabs when piped";

/// The options of `remotes`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Remotes {
    /// Show more of each
    #[arg(short = 'd', long)]
    pub show_details: bool,
    /// List the ones that are switched off, too
    #[arg(long)]
    pub show_disabled: bool,
    /// Whose installations.
    #[command(flatten)]
    pub scope: ScopeFilter,
    /// How it is shown.
    #[command(flatten)]
    pub listing: ListingArgs,
}
