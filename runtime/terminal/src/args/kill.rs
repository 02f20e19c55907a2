//! `aril kill`.

const EXAMPLES: &str = "\
Examples:
  aril kill org.gnome.Calculator           All sandboxes of the app
  aril kill 2384729811                     One, by its number in `aril ps`";

/// The options of `kill`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Kill {
    /// Which: instances or apps
    #[arg(value_name = "INSTANCE|APP", required = true)]
    pub names: Vec<String>,
}
