//! `aril ps`.

use super::ListingArgs;

const EXAMPLES: &str = "\
Examples:
  aril ps                                  What runs now
  aril ps --columns=instance,application   These columns; tabs when piped";

/// The options of `ps`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Ps {
    /// How it is shown.
    #[command(flatten)]
    pub listing: ListingArgs,
}
