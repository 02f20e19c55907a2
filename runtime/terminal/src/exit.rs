//! The exit codes.

use std::process::ExitCode;

/// How a program ended, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// It was done.
    pub const DONE: Self = Self(0);
    /// It failed, or the person said no.
    pub const FAILED: Self = Self(1);
    /// The command line was wrong.
    pub const USAGE: Self = Self(2);

    /// A code that another program gave.
    pub fn from_code(code: u8) -> Self {
        Self(code)
    }

    /// The number.
    pub fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
