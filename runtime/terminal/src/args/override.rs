//! `aril override`.

use aril_model::AppId;

use super::{ContextArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril override --filesystem=xdg-download org.gnome.Maps
                                           Let an app use one more folder
  aril override --unshare=network org.gnome.Maps
                                           Keep it off the network
  aril override --show org.gnome.Maps      What you changed
  aril override --reset org.gnome.Maps     Forget what you changed";

/// The options of `override`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Override {
    /// Which app; all apps, if none is named
    #[arg(value_name = "APP")]
    pub app: Option<AppId>,
    /// Print what was changed, and change nothing
    #[arg(long, conflicts_with = "reset")]
    pub show: bool,
    /// Forget all that was changed
    #[arg(long)]
    pub reset: bool,
    /// With --show: print JSON
    #[arg(long, requires = "show", display_order = 701)]
    pub json: bool,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// The changes.
    #[command(flatten)]
    pub context: ContextArgs,
}
