//! The rules that the style guide and `docs/architecture.md` give, as tests: they are kept because breaking one fails here.
//!
//! Rule 1 and 2: who uses whom. Rule 3: what stands in the sources. Rule 4: what each command has.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[path = "architecture/commands.rs"]
mod commands; // each command has its page, its session, its JSON
#[path = "architecture/graph.rs"]
mod graph; // which crate uses which, as cargo knows it
#[path = "architecture/sources.rs"]
mod sources; // what is written where
