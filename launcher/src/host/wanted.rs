//! Directories, devices and sockets of the host that a plan may want to show, if they are there: no more is asked for than could be shown.

use std::path::PathBuf;

use aril_model::{Access, Context, Device, Layout, Place, Socket};

use super::UserDirs;

const FONTS: [&str; 5] = [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/var/cache/fontconfig",
    "/usr/lib/fontconfig/cache",
    "/usr/share/icons",
];
const SYS: [&str; 5] = ["/sys/block", "/sys/bus", "/sys/class", "/sys/dev", "/sys/devices"];
const GRAPHICS: [&str; 10] = [
    "/dev/dri",
    "/dev/udmabuf",
    "/dev/mali",
    "/dev/mali0",
    "/dev/umplock",
    "/dev/nvidiactl",
    "/dev/nvidia-modeset",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/kfd",
];
/// What only apps in Flatpak's layout are shown.
const FLATPAKS: [&str; 3] =
    ["/usr/share/zoneinfo", "/run/systemd/journal/socket", "/run/systemd/journal/stdout"];

/// The paths to look for.
pub(crate) fn list(context: &Context, layout: Layout, dirs: &UserDirs) -> Vec<PathBuf> {
    let merged = layout == Layout::Merged;
    let draws =
        [Socket::X11, Socket::FallbackX11, Socket::Wayland].iter().any(|s| context.sockets.allows(*s));
    let device = |device| context.devices.allows(device);
    let uses_devices = [Device::Dri, Device::All, Device::Input, Device::Usb].iter().any(|d| device(*d));
    let mut paths: Vec<PathBuf> =
        ["/etc/os-release", "/usr/lib/os-release", "/dev/ntsync"].map(PathBuf::from).into();
    let mut add = |is_wanted: bool, more: &[&str]| {
        if is_wanted {
            paths.extend(more.iter().map(PathBuf::from));
        }
    };
    add(!merged, &FLATPAKS);
    add(!merged || draws, &FONTS);
    add(!merged || uses_devices, &SYS);
    add(device(Device::Dri), &GRAPHICS);
    add(device(Device::Kvm), &["/dev/kvm"]);
    add(device(Device::Input), &["/dev/input"]);
    add(device(Device::Usb), &["/dev/bus/usb"]);
    add(context.sockets.allows(Socket::Pulseaudio), &["/dev/snd"]);
    add(shows_host(context), &["/etc/ld.so.cache", "/etc/alternatives"]);
    if device(Device::Dri) {
        paths.extend((0..20).map(|number| PathBuf::from(format!("/dev/nvidia{number}"))));
    }
    if !merged || draws {
        paths.extend([dirs.fonts.clone(), dirs.font_cache.clone(), dirs.icons.clone()]);
    }
    // Hidden in a home that is shown.
    paths.extend(["flatpak", "aril"].map(|name| dirs.data.join(name)));
    paths
}

fn shows_host(context: &Context) -> bool {
    let granted = |place| context.filesystems.get(place).is_some_and(|access| *access != Access::Denied);
    granted(&Place::Host) || granted(&Place::HostOs)
}
