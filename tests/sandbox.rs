//! What the sandbox promises, a promise a file: on the real kernel, as an ordinary user, in an app that was installed by hand.
//!
//! What must fail inside is tried outside first, where it must work: else the test says which setting of this machine forbids it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
#[path = "sandbox/installed.rs"]
mod installed; // an app in an installation made by hand, and a program that tries things

#[path = "sandbox/devices.rs"]
mod devices; // only harmless devices, and those that were granted
#[path = "sandbox/display.rs"]
mod display; // displays only where granted, the X server with one cookie
#[path = "sandbox/entering.rs"]
mod entering; // who enters has no more rights than the app
#[path = "sandbox/files.rs"]
mod files; // files of the host only where granted, and read-only where so
#[path = "sandbox/identity.rs"]
mod identity; // portals know the app, not the launcher
#[path = "sandbox/kernel.rs"]
mod kernel; // calls of the kernel that no app needs
#[path = "sandbox/network.rs"]
mod network; // no network, no loopback of the host, no abstract sockets
#[path = "sandbox/processes.rs"]
mod processes; // other processes are not seen, signalled or traced
#[path = "sandbox/session_bus.rs"]
mod session_bus; // names on the bus only where granted
#[path = "sandbox/supervisor.rs"]
mod supervisor; // small, confined, and gone with the app
#[path = "sandbox/terminal.rs"]
mod terminal; // nothing is typed into the caller's terminal
