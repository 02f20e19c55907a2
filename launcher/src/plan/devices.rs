//! `/dev`: a directory of the sandbox's own, with the devices that every program expects and those that were granted.

use std::path::Path;

use aril_model::{Device, Feature};

use super::{Draft, Facts};
use crate::spec::{Access, Missing, Mount, Source, What};

/// Devices that hold nothing of anybody's.
const HARMLESS: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Links that programs expect.
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];

/// Graphics: the direct interface and the drivers' own devices.
const GRAPHICS: [&str; 9] = [
    "dri",
    "udmabuf",
    "mali",
    "mali0",
    "umplock",
    "nvidiactl",
    "nvidia-modeset",
    "nvidia-uvm",
    "nvidia-uvm-tools",
];

/// The `/dev` of an app.
pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    let devices = &facts.context.devices;
    if devices.allows(Device::All) {
        // The host's, with its terminals; only shared memory stays the app's own.
        draft.mounts.push(host_device("", Missing::Fail));
        if !devices.allows(Device::Shm) {
            draft.mounts.push(shared_memory(facts));
        }
        return;
    }
    draft.mounts.extend(basic());
    draft.mounts.push(if devices.allows(Device::Shm) {
        host_device("shm", Missing::Skip)
    } else {
        shared_memory(facts)
    });
    let mut wanted = vec!["ntsync".to_owned()];
    if devices.allows(Device::Dri) {
        wanted.extend(GRAPHICS.map(str::to_owned));
        wanted.push("kfd".into());
        wanted.extend((0..20).map(|number| format!("nvidia{number}")));
    }
    for (device, name) in [(Device::Kvm, "kvm"), (Device::Input, "input"), (Device::Usb, "bus/usb")] {
        if devices.allows(device) {
            wanted.push(name.into());
        }
    }
    let there = wanted.iter().filter(|name| facts.host.has(Path::new("/dev").join(name)));
    draft.mounts.extend(there.map(|name| host_device(name, Missing::Skip)));
}

/// Shared memory of this instance, or of all instances of the app.
fn shared_memory(facts: &Facts<'_>) -> Mount {
    let is_shared = facts.context.features.allows(Feature::PerAppDevShm)
        && facts.app.app.is_some()
        && !facts.request.sandboxed.is_on();
    if !is_shared {
        return at_dev("shm", What::Tmpfs { mode: 0o1777, access: Access::Write });
    }
    let base = facts.host.runtime_dir.join(".flatpak").join(facts.app.id().as_str());
    let source = Source::Beneath { base, path: "shm".into(), create: Some(0o700) };
    at_dev("shm", What::Bind { source, access: Access::Write, missing: Missing::Fail })
}

/// The devices that every sandbox has, with terminals and shared memory of its own.
pub(crate) fn minimal() -> Vec<Mount> {
    let mut mounts = basic();
    mounts.push(at_dev("shm", What::Tmpfs { mode: 0o1777, access: Access::Write }));
    mounts
}

fn basic() -> Vec<Mount> {
    let mut mounts: Vec<Mount> = HARMLESS.iter().map(|name| host_device(name, Missing::Fail)).collect();
    mounts.extend(LINKS.map(|(name, target)| at_dev(name, What::Symlink { target: target.into() })));
    mounts.push(at_dev("pts", What::Terminals));
    mounts
}

/// A device, or a directory of devices, of the host at its own place.
pub(crate) fn host_device(name: &str, missing: Missing) -> Mount {
    let source = Source::Host(Path::new("/dev").join(name));
    at_dev(name, What::Bind { source, access: Access::Device, missing })
}

fn at_dev(name: &str, what: What) -> Mount {
    Mount { at: Path::new("/dev").join(name), what }
}
