//! Files beneath a directory descriptor: what an app, a package or a repository calls a path is resolved here and nowhere else.
//!
//! A [`Dir`] is an open directory. Relative paths are resolved by the kernel (`openat2`) beneath it: by default no symbolic link is
//! followed at all; the functions whose names end in `_in_root` follow links as if the directory were `/`. No function joins strings and
//! hands them to the kernel as an absolute path.
mod dir; // an open directory, and opening what lies beneath it
mod entry; // what lies in a directory, and whole trees
mod error; // what was tried, where, and why it failed
mod lock; // locks that the field's tools respect, too
mod read; // contents, links, properties
mod write; // making, replacing, renaming, removing

pub use dir::Dir;
pub use entry::{Entry, EntryKind, Step};
pub use error::{Error, Result};
pub use lock::{Lock, LockKind};
pub use read::Properties;
pub use write::NewFile;
