//! From a specification to a running process.
//!
//! ```text
//! launch()  parent                          child, first process of the new pid namespace        second: the app
//!           │ clone3(namespaces) ─────────► │ maps its user to 0 of the outer user namespace
//!           │ writes down who runs          │ opens and copies what is to be mounted
//!           │ `Go` ───────────────────────► │ enters an empty root, lets the host go, puts the copies in place
//!           │                               │ forbids further namespaces, enters the app's own user namespace
//!           │                               │ drops rights, Landlock, seccomp
//!           │ ◄──────────────────── Running │ fork ───────────────────────────────────────────► │ own session, execve
//!           │ supervises                    │ reaps
//!           │ ◄────────────────────── Ended │ ◄──────────────────────────────────────────────── │
//! ```
mod child; // the child's steps
mod exec; // the app's process, up to the moment in which it becomes the app
mod init; // what the child does afterwards, as pid 1
mod join; // enters a sandbox that runs already
mod message; // what both tell each other
mod namespaces; // who the processes are: two user namespaces
mod own_root; // the same for the supervisor, with much less
mod parent; // the parent's steps
mod place; // places beneath the new root
mod privileges; // rights that are given up
mod root; // builds the file system and enters it
mod source; // opens what is mounted
mod step; // what can fail, in words
mod tree; // mounts that are not attached yet

pub(crate) use join::join;
pub(crate) use message::{Message, Others};
pub(crate) use own_root::{drop_all_rights, enter_own_root};
pub(crate) use parent::{Running, launch};
pub use step::SetupError;
pub(crate) use step::Step;
