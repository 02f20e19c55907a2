//! Options of commands that list something.

/// How a list is shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ListingArgs {
    /// What to show of each: names of columns, `all`, or `help` for a list of them
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', display_order = 700)]
    pub columns: Vec<String>,
    /// Print JSON
    #[arg(long, display_order = 701)]
    pub json: bool,
}
