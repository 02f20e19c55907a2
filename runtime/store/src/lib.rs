//! The one door to libostree: repositories, commits, trees, remotes. Its API speaks the words of `aril-model` and std, so that no other
//! crate knows what the store is made of.
//!
//! ```text
//! let repo = Repo::open(path)?;
//! let writer = repo.writer()?;                        // many threads may write objects through it
//! let file = writer.file(b"#!/bin/sh\n", Mode::Program)?;
//! tree.insert("usr/bin/hello", Node::File(file))?;    // a tree is a value in memory: joining and moving copies no bytes
//! let commit = writer.commit(&tree, &details)?;
//! writer.publish(&[(name, commit)])?;                 // one flush of the file system, then the ref moves
//! ```
//! Nothing here decides what is installed or run: that is for `aril-transaction` and the launcher.
mod checksum; // the name of an object
mod error; // what can go wrong
mod variant; // the serialised forms of objects

mod reference; // names of refs, and what they point to
mod repo; // open, create, lock

mod content; // the checksum and the stored form of files
mod object; // where objects lie, and reading them
mod scratch; // directories to work in, in the repository's tmp
mod writer; // new objects, refs and commits, published at once

mod checkout; // tree -> directory
mod commit; // what a commit says
mod read; // commit -> tree
mod tree; // directories, files and links as a value
mod union; // trees joined into one

mod copy; // a commit from another repository of this machine
mod pull; // a commit from a remote
mod remote; // where refs come from, and whose signatures count
mod summary; // which refs a remote has

mod prune; // drop what nothing refers to
mod verify; // find what is damaged

mod sys; // two calls that the binding gets wrong

pub use checkout::Checkout;
pub use checksum::Checksum;
pub use commit::{Commit, CommitDetails, Value};
pub use content::FileWriter;
pub use error::{Result, StoreError};
pub use object::Content;
pub use prune::Pruned;
pub use pull::{Extent, OnProgress, PullProgress};
pub use reference::RefName;
pub use remote::Remote;
pub use repo::{Repo, RepoLock, RepoMode};
pub use scratch::Scratch;
pub use summary::{RemoteRef, Summary};
pub use tree::{FileNode, LinkNode, Mode, Node, Tree, TreeError};
pub use union::{Choice, Conflict};
pub use verify::Damage;
pub use writer::Writer;
