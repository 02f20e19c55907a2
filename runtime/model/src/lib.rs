//! The words of the field as types: what is written in refs, metadata and overrides, parsed once and then never wrong.
//!
//! Nothing here touches files, the clock, the environment or the network: parsers take text, and everything can be tested and fuzzed in
//! microseconds.
mod context; // permissions as one value; laying one over another
mod escape; // foreign text made safe to print
mod evr; // which of two packages is newer
mod extension; // extension points, and what fits them
mod grant; // what an app asked for, and what the user gave
mod hint;
mod keyfile; // the keyfile format: order and comments survive a round trip
mod metadata; // the keyfile at the top of an app or a runtime
mod name; // ids, architectures, branches, remotes: checked on the way in
mod option; // permissions as options of a command line
mod permission; // single permissions: shares, sockets, devices, features, places
mod policy; // what an app may do with a name on a bus
mod reference; // `app/org.gnome.Maps/x86_64/stable`, and the parts of it that a person types
mod rpm_remote; // remotes that are repositories of RPMs
mod trigger; // caches that belong to a merged tree, and the programs that make them // what would help after an error; the nearest name

pub use context::{BusPolicies, Context, ContextError};
pub use escape::printable;
pub use evr::compare_evr;
pub use extension::{ExtensionOf, ExtensionPoint};
pub use grant::{Grant, Widening};
pub use hint::{Hint, nearest};
pub use keyfile::{Group, Keyfile, KeyfileError};
pub use metadata::{Layout, Metadata, MetadataError};
pub use name::{AppId, Arch, Branch, CommitId, InstanceId, NameError, RemoteName};
pub use option::{CONTEXT_OPTIONS, ContextOption, OptionError};
pub use permission::{
    Access, Device, Feature, Place, PlaceError, Share, Socket, Toggles, UserDirectory, Word,
};
pub use policy::{BusName, BusNameError, Policy};
pub use reference::{Kind, PartialRef, Ref, RefError};
pub use rpm_remote::{RepoSection, RpmRemote, RpmRemoteError, RpmSource};
pub use trigger::{TRIGGERS, Trigger};
