//! The parts of making a sandbox that the supervisor uses for itself.

use super::step::{During, SetupError, Step};
use super::{namespaces, privileges, root};
use crate::spec::{Capabilities, Ids, Mount};
use crate::sys;

/// Moves this process into a user and a mount namespace of its own, and into a root that holds `mounts` and nothing else.
pub(crate) fn enter_own_root(mounts: &[Mount]) -> Result<(), SetupError> {
    let me = Ids { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).during(Step::MakeNamespaces, "")?;
    // The user stays who they are: to the bus, and to whoever looks at this process.
    namespaces::map_same(me)?;
    root::build(mounts).map(drop)
}

/// Gives up all rights over this process's own namespaces.
pub(crate) fn drop_all_rights() -> Result<(), SetupError> {
    privileges::drop_capabilities(Capabilities::None)?;
    privileges::no_new_privileges()
}
