//! How changes are confirmed.

use crate::Answers;

/// Options of all commands that change an installation.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct ChangeArgs {
    /// Answer all questions with yes
    #[arg(short, long, alias = "assumeyes", display_order = 800)]
    yes: bool,
    /// Ask nothing, and print as little as can be
    #[arg(long, display_order = 801)]
    noninteractive: bool,
    /// Show what would be done, and change nothing
    #[arg(long, display_order = 802)]
    pub dry_run: bool,
    /// Print the plan, or what was done, as JSON
    #[arg(long, display_order = 803)]
    pub json: bool,
}

impl ChangeArgs {
    /// How questions are answered.
    pub fn answers(self) -> Answers {
        match (self.noninteractive, self.yes) {
            (true, _) => Answers::Noninteractive,
            (false, true) => Answers::Yes,
            (false, false) => Answers::Ask,
        }
    }
}
