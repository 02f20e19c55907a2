//! What the launcher promises, tried on the real kernel: trees are made of the host's own programs, and each test looks at the effect.
//!
//! Runs as root and as an ordinary user. A test that cannot run says why.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]
mod app; // starting an app
mod kit; // a user, an installation and apps in it
mod tool; // programs of packages
mod tree; // small file trees with real programs in them
