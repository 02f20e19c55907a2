//! What a person types and sees: the command line of the three programs, tables, JSON, progress, questions, failures and their exit codes.
//!
//! Knows nothing of installations and repositories, and decides nothing about them.
mod exit; // the exit codes
mod failure; // an error as a person reads it: message, causes, hint
mod listing; // many things of one kind: a table, tab-separated lines or JSON, with `--columns`
mod log; // what `-v` and `ARIL_LOG` show
mod paint; // colours, where they are wanted
mod progress; // bars on a terminal, lines elsewhere
mod question; // yes or no, or one of several
mod stream; // the output, as wide and as colourful as it is
mod terminal; // the person, as a value that is handed around
mod units; // bytes and times in words
mod width; // how many columns a text takes

pub mod args; // what can be typed
pub mod program; // the frame of each `main`: parse, run, print, exit code

pub use exit::Exit;
pub use failure::Failure;
pub use listing::{Cell, Column, Listing, Shorten};
pub use progress::{Bar, Progress, Unit};
pub use question::{Answer, Answers};
pub use terminal::{Terminal, Verbosity};
pub use units::{ago, bytes, rfc3339, time};
