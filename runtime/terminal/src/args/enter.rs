//! `aril enter`.

use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  aril enter org.gnome.Calculator sh       Look around in its sandbox";

/// The options of `enter`. `aril-launch` does it and parses them itself.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Enter {
    /// Which: an instance, as `aril ps` shows it, or an app of which one sandbox runs
    #[arg(value_name = "INSTANCE|APP")]
    pub name: String,
    /// What to run there, with its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}
