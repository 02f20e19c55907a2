//! A root of this process's own: empty but for the app's `/.flatpak-info` and the sockets of the buses.
//!
//! The host's portals ask the bus for the number of the process that called, and look at `/proc/PID/root/.flatpak-info`. That process is this
//! one, because the app's messages come over its connections; without a root of its own it would pass for a program of the host, with all
//! that the host's programs may. So it enters one before it connects, and stays readable for processes of the same user.

use std::path::{Path, PathBuf};

use aril_proxy::BusAddress;

use crate::plan::BusPlan;
use crate::sandbox::{SetupError, enter_own_root};
use crate::spec::{Access, Bus, Missing, Mount, Source, What};

/// Enters the root, and returns where the buses are in it. With no bus there is nobody to be known to, and nothing is done.
pub(crate) fn enter(info: &str, buses: &[BusPlan]) -> Result<Vec<BusAddress>, SetupError> {
    if buses.is_empty() {
        return Ok(Vec::new());
    }
    let what = What::File { contents: info.as_bytes().to_vec(), mode: 0o444 };
    let mut mounts = vec![Mount { at: "/.flatpak-info".into(), what }];
    let mut addresses = Vec::new();
    for plan in buses {
        let Some(path) = plan.address.path() else {
            // Abstract sockets belong to the network, which stays the host's.
            addresses.push(plan.address.clone());
            continue;
        };
        let at = place(plan.bus);
        let source = Source::Host(path.to_owned());
        // A bus that has ended meanwhile is no reason not to run: connecting to it fails.
        let what = What::Bind { source, access: Access::Write, missing: Missing::Skip };
        addresses.push(BusAddress::from_path(&at));
        mounts.push(Mount { at, what });
    }
    enter_own_root(&mounts)?;
    Ok(addresses)
}

fn place(bus: Bus) -> PathBuf {
    Path::new("/bus").join(match bus {
        Bus::Session => "session",
        Bus::System => "system",
        Bus::Accessibility => "accessibility",
    })
}
