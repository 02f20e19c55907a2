//! What conditional permissions and extensions ask about: drivers, modules of the kernel, desktop, devices.

use std::collections::BTreeSet;

use aril_beneath::Dir;

use super::read_text;
use crate::app::{Conditions, Reasons};

/// Looks at the machine and the session; where it cannot, nothing holds.
pub(crate) fn conditions() -> Conditions {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let desktops = text("XDG_CURRENT_DESKTOP").map(|names| names.split(':').map(str::to_owned).collect());
    let reasons = Reasons {
        gl_drivers: gl_drivers(text("FLATPAK_GL_DRIVERS")),
        desktops: desktops.unwrap_or_default(),
        modules: modules(),
    };
    let mut facts = Vec::new();
    let wayland = text("WAYLAND_DISPLAY").unwrap_or_else(|| "wayland-0".into());
    let socket = text("XDG_RUNTIME_DIR").map(|dir| std::path::Path::new(&dir).join(&wayland));
    if text("WAYLAND_SOCKET").is_some() || socket.is_some_and(|path| super::is_there(&path)) {
        facts.push("has-wayland");
    }
    // The device permissions `input` and `usb` are known here, and the portal for USB is the desktop's to have.
    facts.extend(["has-input-device", "has-usb-device"]);
    Conditions { reasons, facts }
}

/// The driver's own extension if there is a proprietary one, then what every machine can use.
///
/// Source: Flatpak's `flatpak_get_gl_drivers`.
fn gl_drivers(named: Option<String>) -> Vec<String> {
    if let Some(named) = named {
        return named.split(':').map(str::to_owned).collect();
    }
    let nvidia = read_text("/sys/module/nvidia/version").map(|version| {
        let version: String = version.trim().chars().map(|c| if c == '.' { '-' } else { c }).collect();
        format!("nvidia-{version}")
    });
    nvidia.into_iter().chain(["default".to_owned(), "host".to_owned()]).collect()
}

fn modules() -> BTreeSet<String> {
    let entries = Dir::open("/sys/module").and_then(|dir| dir.entries("")).unwrap_or_default();
    entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect()
}
