//! `aril history`.

use aril_model::PartialRef;

use super::{ListingArgs, ScopeFilter};

const EXAMPLES: &str = "\
Examples:
  aril history                             All changes, the newest last
  aril history org.gnome.Calculator        The changes of one app";

/// The options of `history`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct History {
    /// Which app or runtime; all, if none is named
    #[arg(value_name = "NAME")]
    pub name: Option<PartialRef>,
    /// Whose installations.
    #[command(flatten)]
    pub scope: ScopeFilter,
    /// How it is shown.
    #[command(flatten)]
    pub listing: ListingArgs,
}
