//! Gives up rights: capabilities, keyrings, limits. Nothing here can be undone.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use super::step::{During, SetupError, Step};
use crate::spec::{Capabilities, Limit};
use crate::sys;

/// What a package's scripts do to files when rpm runs them, within the one user that the sandbox has.
const PACKAGING: &[CapabilitySet] = &[
    CapabilitySet::CHOWN,
    CapabilitySet::DAC_OVERRIDE,
    CapabilitySet::DAC_READ_SEARCH,
    CapabilitySet::FOWNER,
    CapabilitySet::FSETID,
    CapabilitySet::KILL,
    CapabilitySet::SETGID,
    CapabilitySet::SETUID,
    CapabilitySet::SETFCAP,
];

/// Drops all capabilities but those kept, from all five sets, for good.
pub(crate) fn drop_capabilities(keep: Capabilities) -> Result<(), SetupError> {
    drop_with(keep).during(Step::DropPrivileges, "")
}

fn drop_with(keep: Capabilities) -> Result<(), Errno> {
    let kept = match keep {
        Capabilities::None => CapabilitySet::empty(),
        Capabilities::Packaging => PACKAGING.iter().copied().collect(),
    };
    rustix::thread::clear_ambient_capability_set()?;
    if !rustix::thread::capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        // No right over any namespace: nothing is there that could be dropped.
        return Ok(());
    }
    drop_bounding(kept)?;
    if keep == Capabilities::None {
        // Being user 0 gives nothing any more, and nobody can switch that on again.
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
        rustix::thread::set_capabilities_secure_bits(bits)?;
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)
}

/// The bounding set, number by number, up to the last that this kernel knows.
fn drop_bounding(kept: CapabilitySet) -> Result<(), Errno> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            Err(Errno::INVAL) if number > 0 => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// No program that is started from here on gains rights by set-id bits or file capabilities.
pub(crate) fn no_new_privileges() -> Result<(), SetupError> {
    rustix::thread::set_no_new_privs(true).during(Step::DropPrivileges, "")
}

/// Leaves the host's session keyring. Where the kernel has no keyrings there is nothing to leave.
pub(crate) fn leave_keyring() -> Result<(), SetupError> {
    match sys::new_session_keyring() {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
        // Inside another sandbox that forbids the call its own keyring is what we are in.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
        // Out of quota: nothing was joined. Refusing to start would be no help against what the filter then forbids.
        Err(error) if error.raw_os_error() == Some(libc::EDQUOT) => Ok(()),
        other => other.during(Step::DropKeyring, ""),
    }
}

/// Sets limits, for good; a limit that is lower already stays.
pub(crate) fn limit(limits: &[(Limit, u64)]) -> Result<(), SetupError> {
    for (limit, value) in limits {
        let resource = match limit {
            Limit::Core => Resource::Core,
            Limit::Processes => Resource::Nproc,
            Limit::Memory => Resource::As,
            Limit::Files => Resource::Nofile,
        };
        let now = rustix::process::getrlimit(resource);
        let least = |old: Option<u64>| Some(old.map_or(*value, |old| old.min(*value)));
        let new = Rlimit { current: least(now.current), maximum: least(now.maximum) };
        rustix::process::setrlimit(resource, new).during(Step::LimitResources, "")?;
    }
    Ok(())
}
