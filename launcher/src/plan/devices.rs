//! `/dev`: a directory of the sandbox's own, with the devices that every program expects and those that were granted.

use std::path::Path;

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

/// The devices that every sandbox has, with terminals and shared memory of its own.
pub(crate) fn minimal() -> Vec<Mount> {
    let mut mounts: Vec<Mount> = HARMLESS.iter().map(|name| host_device(name, Missing::Fail)).collect();
    mounts.extend(LINKS.map(|(name, target)| at_dev(name, What::Symlink { target: target.into() })));
    mounts.push(at_dev("pts", What::Terminals));
    mounts.push(at_dev("shm", What::Tmpfs { mode: 0o1777, access: Access::Write }));
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
