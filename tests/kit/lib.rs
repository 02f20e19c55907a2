//! The kit that the end-to-end tests use: a repository of real RPMs, an ordinary user with an empty home, a private X server and bus.
// The kit works in directories of its own on packages that Debian signed; no path in it is chosen by someone else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod apps; //      what the apps of the repository do
pub mod bus; //       a private session bus
pub mod display; //   a private X server, its windows and pictures
pub mod home; //      an empty home for one test, and programs run in it
pub mod keeper; //    programs that never outlive the tests
pub mod outcome; //   what a program did
pub mod picture; //   pixels
pub mod programs; //  where the programs under test are
pub mod repo; //      makes the repository
pub mod session; //   a home with a display, a bus, a remote and apps
pub mod test_repo; // what a test asks it for
pub mod tracer; //    a run that is killed at one of its calls
pub mod user; //      whom tests run as
