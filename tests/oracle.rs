//! The same on stock `flatpak`: it reads what we install, and what is built with it installs and runs here as there.
// The kit works in directories of its own; no path in it is chosen by someone else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

#[path = "oracle/built.rs"]
mod built; //   an app and a runtime that flatpak's own tools made
#[path = "oracle/exported.rs"]
mod exported; // what others' validators say of what is exported
#[path = "oracle/merged.rs"]
mod merged; //  our apps in flatpak's eyes
#[path = "oracle/stock.rs"]
mod stock; //   flatpak, and both programs beside each other
