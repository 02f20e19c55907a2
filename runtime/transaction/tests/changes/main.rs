//! `aril-change` as a person uses it, on real repositories.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests look at what was made by other ways"
)]

mod kit;

mod crashes; // killed at any moment, out of space, cut off
mod flatpak; // stock flatpak on the same directory
mod installing;
mod packages; // what is built from RPMs
mod refusals; // what must not be installed
mod remotes;
mod removing;
mod updating; // and rolling back
