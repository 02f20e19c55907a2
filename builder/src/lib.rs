//! Turns Fedora RPMs into commits: from a repository to a runtime and to merged apps.
//!
//! ```text
//! repository -> solve -> gather (rpm -> import) -> merge -> scripts -> layout -> finish -> commit
//! ```
//! Nothing of a package runs but in a sandbox (`aril-launch --tool`), and nothing it says is a path on this machine: trees are values in memory
//! and objects in the store. The commits are published as refs of the store; deploying them is for `aril-change`.
pub mod rpm; // readers of packages: untrusted bytes in, checked facts out

pub mod repository; // repodata and packages: fetched, verified, cached
pub mod solve; // which packages are needed

pub mod gather; // the packages of a solution -> the store
pub mod import; // one package -> one commit, once
pub mod packages; // the list of packages in a commit

pub mod merge; // packages -> one tree
pub mod place; // where a path lands, through directory links

pub mod scripts; // scriptlets and triggers: understood, run in a sandbox, or refused
pub mod tool; // programs of a tree, run in a sandbox
pub mod trigger; // the caches of a runtime

pub mod layout; // how a merged tree lies in a commit

pub mod finish; // id, exports, requests, metadata

pub mod commit; // tree -> store, with its list of packages

pub mod build; // the whole way
pub mod ground; // which runtime an app is for
pub mod manifest; // what a runtime is made of
pub mod plan; // what would be built; whether apps fit a runtime
pub mod probe; // what a repository says of itself
pub mod session; // what every build has at hand

pub mod report; // what was done, and why

mod error;
mod sys; // libsolv; the only unsafe code here

pub use error::BuildError;
