//! The kit that the end-to-end tests use: a repository of real RPMs, an ordinary user with an empty home, a private X server and bus.
// The kit works in directories of its own on packages that Debian signed; no path in it is chosen by someone else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod repo; //      makes the repository
pub mod test_repo; // what a test asks it for
