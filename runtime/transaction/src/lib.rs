//! Changes an installation: the only writer, one at a time. Network and repositories are used here, and nowhere in the programs that are
//! started often.
//!
//! A change goes through types that each allow one thing: what is wanted → [`Plan`] (read only) → [`Fetched`] (everything is there, nothing
//! counts) → [`Report`]. Until the last step what is installed stays as it was, whatever happens.
mod error; // why a change was not made
mod host; // what is known of the machine and the person
mod locked; // an installation that nobody else changes

mod plan; // what a change would do
mod resolve; // what a person means by a name

mod builder; // asking aril-build
mod fetch; // a plan whose commits are brought

mod appdata; // what an app says of itself
mod deploy; // a commit checked out for use
mod export; // what an app shows of itself to the host

mod derive; // caches of an app on a runtime
mod history; // what was done
mod kept; // which deploys stay
mod links; // where the host sees the exports
mod prune; // objects that nothing needs
mod switch; // the moment in which a change counts
mod tidy; // what a killed change has left
mod trigger; // caches of the host

pub mod remote; // where refs come from
pub mod repair; // damage found and mended
pub mod rollback; // back to a kept version
pub mod uninstall; // removing

pub use builder::PlannedPackage;
pub use derive::derive_missing;
pub use error::{Result, TransactionError};
pub use fetch::{Fetched, Report};
pub use history::{Done, HistoryEntry, read as read_history};
pub use host::Host;
pub use locked::LockedInstallation;
pub use plan::{Action, InstallOptions, Plan, Planner, Step, UpdateOptions, Wanted, Why};
pub use resolve::{Narrowing, installed, one_installed};
