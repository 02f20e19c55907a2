//! `/proc`, `/sys`, `/run`, `/tmp`: the parts of a system that are neither the app's nor the user's.

use std::path::{Path, PathBuf};

use aril_model::Device;

use super::{Draft, Facts, devices};
use crate::spec::{Access, Missing, Mount, Processes, Source, What};

/// Files of `/proc` that tell about the machine, or that only its administrator should touch.
///
/// Source: what container runtimes mask.
const HIDDEN_IN_PROC: [&str; 16] = [
    "acpi",
    "asound",
    "bus",
    "cmdline",
    "config.gz",
    "interrupts",
    "iomem",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "latency_stats",
    "modules",
    "scsi",
    "timer_list",
    "sysrq-trigger",
];

/// What Flatpak shows of `/sys`.
const SYS: [&str; 5] = ["block", "bus", "class", "dev", "devices"];

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    let visible = if facts.is_merged() { Processes::Readable } else { Processes::All };
    draft.mounts.push(Mount { at: "/proc".into(), what: What::Proc { visible } });
    devices::add(facts, draft);
    if facts.is_merged() {
        // After the devices, of which one covers files.
        let hidden = HIDDEN_IN_PROC.iter().map(|name| Path::new("/proc").join(name));
        draft.mounts.extend(hidden.map(|at| Mount { at, what: What::Hidden }));
    }
    add_sys(facts, draft);
    add_run(facts, draft);
    if shows_host_zones(facts) {
        draft.mounts.push(host_directory("/usr/share/zoneinfo", "/usr/share/zoneinfo"));
    }
}

/// Flatpak shows the devices of the machine to all; ours only to apps that may use some.
fn add_sys(facts: &Facts<'_>, draft: &mut Draft) {
    let devices = &facts.context.devices;
    let uses_devices =
        [Device::Dri, Device::All, Device::Input, Device::Usb].iter().any(|device| devices.allows(*device));
    draft.mounts.push(Mount { at: "/sys".into(), what: What::Directory { mode: 0o755 } });
    if !facts.is_merged() || uses_devices {
        for path in SYS.map(|name| Path::new("/sys").join(name)) {
            if facts.host.has(&path) {
                draft.mounts.push(bind(&path, &path, Access::Read));
            }
        }
    }
}

fn add_run(facts: &Facts<'_>, draft: &mut Draft) {
    let mut directory = |at: &str, mode| {
        draft.mounts.push(Mount { at: at.into(), what: What::Directory { mode } });
    };
    directory("/run", 0o755);
    directory("/run/host", 0o755);
    directory("/run/flatpak", 0o755);
    directory("/run/user", 0o755);
    let file = |at: &str, text: &str| Mount {
        at: at.into(),
        what: What::File { contents: text.into(), mode: 0o444 },
    };
    draft.mounts.push(file("/run/host/container-manager", "flatpak\n"));
    for os_release in ["/etc/os-release", "/usr/lib/os-release"] {
        if facts.host.has(os_release) {
            draft.mounts.push(host_directory(os_release, "/run/host/os-release"));
            break;
        }
    }
    if let Some(monitor) = &facts.host.sockets.monitor {
        draft.mounts.push(bind(monitor, Path::new("/run/host/monitor"), Access::Read));
    }
    if let Some(socket) = &facts.host.sockets.certificates {
        draft.mounts.push(bind(socket, Path::new("/run/flatpak/p11-kit/pkcs11"), Access::Read));
    }
    if !facts.is_merged() {
        for socket in ["/run/systemd/journal/socket", "/run/systemd/journal/stdout"] {
            if facts.host.has(socket) {
                draft.mounts.push(bind(Path::new(socket), Path::new(socket), Access::Read));
            }
        }
        for (debug, target) in
            [("/run/build", "/app/lib/debug/source"), ("/run/build-runtime", "/usr/lib/debug/source")]
        {
            draft.mounts.push(Mount { at: debug.into(), what: What::Symlink { target: target.into() } });
        }
    }
}

/// Whether the host's time zones lie over the runtime's, as Flatpak has it: the host's are newer, and both agree on what the local time is.
pub(crate) fn shows_host_zones(facts: &Facts<'_>) -> bool {
    !facts.is_merged() && facts.app.runtime.tops.has_zones && facts.host.has("/usr/share/zoneinfo")
}

fn host_directory(from: &str, at: &str) -> Mount {
    bind(Path::new(from), Path::new(at), Access::Read)
}

/// Something of the host's at a place of the sandbox; gone in the meantime is no reason not to start.
pub(crate) fn bind(from: &Path, at: &Path, access: Access) -> Mount {
    let what = What::Bind { source: Source::Host(from.to_owned()), access, missing: Missing::Skip };
    Mount { at: PathBuf::from(at), what }
}
