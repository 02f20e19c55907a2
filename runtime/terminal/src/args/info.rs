//! `aril info`.

use aril_model::{Arch, Branch, PartialRef};

use super::ScopeFilter;

const EXAMPLES: &str = "\
Examples:
  aril info org.gnome.Calculator           What it is, holds and may do
  aril info -M org.gnome.Calculator        The permissions that hold for it";

/// The options of `info`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Info {
    /// Which app or runtime: an id, its last part, or a ref
    #[arg(value_name = "NAME")]
    pub name: PartialRef,
    /// Its branch
    #[arg(value_name = "BRANCH")]
    pub branch: Option<Branch>,
    /// Its architecture
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Print the ref
    #[arg(short = 'r', long)]
    pub show_ref: bool,
    /// Print the active commit
    #[arg(short = 'c', long)]
    pub show_commit: bool,
    /// Print the remote it came from
    #[arg(short = 'o', long)]
    pub show_origin: bool,
    /// Print its size in bytes
    #[arg(short = 's', long)]
    pub show_size: bool,
    /// Print its runtime
    #[arg(long)]
    pub show_runtime: bool,
    /// Print its SDK
    #[arg(long)]
    pub show_sdk: bool,
    /// Print its metadata
    #[arg(short = 'm', long)]
    pub show_metadata: bool,
    /// Print the permissions that hold for it, in the form of metadata
    #[arg(short = 'M', long)]
    pub show_permissions: bool,
    /// Print the packages that it was made of, a line each
    #[arg(long)]
    pub show_packages: bool,
    /// Print where it lies
    #[arg(short = 'l', long)]
    pub show_location: bool,
    /// Whose installations.
    #[command(flatten)]
    pub scope: ScopeFilter,
    /// Print everything as JSON
    #[arg(long, display_order = 701)]
    pub json: bool,
}
