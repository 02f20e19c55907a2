//! The filter before real buses, with real clients. Each test starts private buses in a directory of its own.
// Tests make their own directories, and start programs there.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, clippy::print_stderr)]
#![allow(missing_docs, unreachable_pub)]

mod client;
mod clients;
mod fuzz;
mod holes;
mod limits;
mod oracle;
mod policy;
mod support;
