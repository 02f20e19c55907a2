//! The app's variables.
//!
//! Source: Flatpak's `flatpak_run_apply_env_default` and its relatives, for apps in its layout.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::{Facts, filesystems};
use crate::arguments::Inherit;

/// Variables of the caller that never reach an app in Flatpak's layout: they name files or plugins of the host.
#[rustfmt::skip]
const NOT_INHERITED: &[&str] = &[
    "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "SHELL", "TEMP", "TEMPDIR", "TMP", "TMPDIR",
    "container", "TZDIR", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "PERLLIB", "PERL5LIB", "XCURSOR_PATH", "GST_PLUGIN_PATH_1_0",
    "GST_REGISTRY", "GST_REGISTRY_1_0", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SCANNER", "GST_PLUGIN_SCANNER_1_0",
    "GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PRESET_PATH", "GST_PTP_HELPER", "GST_PTP_HELPER_1_0", "GST_INSTALL_PLUGINS_HELPER",
    "KRB5CCNAME", "XKB_CONFIG_ROOT", "GIO_EXTRA_MODULES", "GDK_BACKEND", "VK_ADD_DRIVER_FILES", "VK_ADD_LAYER_PATH", "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES", "VK_LAYER_PATH", "__EGL_EXTERNAL_PLATFORM_CONFIG_DIRS", "__EGL_EXTERNAL_PLATFORM_CONFIG_FILENAMES",
    "__EGL_VENDOR_LIBRARY_DIRS", "__EGL_VENDOR_LIBRARY_FILENAMES", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
    "AT_SPI_BUS_ADDRESS", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "PULSE_SERVER", "PULSE_CLIENTCONFIG",
    "PULSE_RUNTIME_PATH", "SSH_AUTH_SOCK", "PCSCLITE_CSOCK_NAME", "CUPS_SERVER", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
    "LISTEN_FDNAMES", "XDG_RUNTIME_DIR", "PATH",
];

/// Variables of the caller that reach an app of ours: the user's language and way of working. Nothing that names a file of the host.
#[rustfmt::skip]
const INHERITED: &[&str] = &[
    "LANG", "LANGUAGE", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "LS_COLORS",
    "TZ", "USER", "LOGNAME", "EDITOR", "VISUAL", "PAGER", "XDG_CURRENT_DESKTOP", "XDG_SESSION_DESKTOP", "XDG_SESSION_TYPE",
    "XDG_MENU_PREFIX", "DESKTOP_SESSION", "GDMSESSION", "XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID", "GTK_THEME", "GDK_SCALE",
    "GDK_DPI_SCALE", "GTK_IM_MODULE", "GTK_DEBUG", "GDK_DEBUG", "GSK_RENDERER", "QT_IM_MODULE", "QT_SCALE_FACTOR",
    "QT_AUTO_SCREEN_SCALE_FACTOR", "QT_ENABLE_HIGHDPI_SCALING", "QT_QPA_PLATFORMTHEME", "QT_STYLE_OVERRIDE", "QT_WAYLAND_FORCE_DPI",
    "XMODIFIERS", "XCURSOR_SIZE", "XCURSOR_THEME", "CLUTTER_IM_MODULE", "SDL_IM_MODULE", "GLFW_IM_MODULE", "DRI_PRIME",
    "LIBGL_ALWAYS_SOFTWARE", "MESA_LOADER_DRIVER_OVERRIDE", "__NV_PRIME_RENDER_OFFLOAD", "__GLX_VENDOR_LIBRARY_NAME", "G_MESSAGES_DEBUG",
    "MOZ_ENABLE_WAYLAND", "NO_AT_BRIDGE", "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "HTTP_PROXY",
    "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
];

/// All variables, sorted; `late` comes from sockets and other parts of the plan, and counts more than what the caller has.
pub(crate) fn of(facts: &Facts<'_>, late: &[(String, Option<String>)]) -> Vec<(OsString, OsString)> {
    let mut all: BTreeMap<OsString, OsString> = inherited(facts);
    for (name, value) in own(facts) {
        all.insert(name.into(), value.into());
    }
    for (name, value) in late {
        change(&mut all, name, value.as_deref());
    }
    // What metadata and the user say counts most, but cannot say who the app is.
    for (name, value) in &facts.context.environment {
        if name != "FLATPAK_ID" {
            change(&mut all, name, value.as_deref());
        }
    }
    all.into_iter().collect()
}

fn change(all: &mut BTreeMap<OsString, OsString>, name: &str, value: Option<&str>) {
    match value {
        Some(value) => drop(all.insert(name.into(), value.into())),
        None => drop(all.remove(OsStr::new(name))),
    }
}

fn inherited(facts: &Facts<'_>) -> BTreeMap<OsString, OsString> {
    if facts.request.environment == Inherit::Nothing {
        return BTreeMap::new();
    }
    let merged = facts.is_merged();
    let is_inherited = |name: &OsStr| {
        let text = name.to_str().unwrap_or_default();
        if merged {
            INHERITED.contains(&text) || text.starts_with("LC_")
        } else {
            !NOT_INHERITED.contains(&text)
        }
    };
    let mut variables = facts.host.environment.clone();
    variables.retain(|name, _| is_inherited(name));
    variables
}

/// What every app gets.
fn own(facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let host = facts.host;
    let mut all = vec![
        ("HOME", host.user.home.to_string_lossy().into_owned()),
        ("USER", host.user.name.clone()),
        ("LOGNAME", host.user.name.clone()),
        ("SHELL", "/bin/sh".to_owned()),
        ("XDG_RUNTIME_DIR", facts.inner_runtime_dir().to_string_lossy().into_owned()),
        ("container", "flatpak".to_owned()),
    ];
    if facts.is_merged() {
        all.push(("PATH", "/usr/local/bin:/usr/bin:/usr/sbin".to_owned()));
        all.push((
            "XDG_DATA_DIRS",
            "/usr/local/share:/usr/share:/run/host/user-share:/run/host/share".to_owned(),
        ));
        all.push(("XDG_CONFIG_DIRS", "/etc/xdg".to_owned()));
    } else {
        all.push(("PATH", "/app/bin:/usr/bin".to_owned()));
        // Flatpak's runtimes add the host's in their metadata.
        all.push(("XDG_DATA_DIRS", "/app/share:/usr/share".to_owned()));
        all.push(("XDG_CONFIG_DIRS", "/app/etc/xdg:/etc/xdg".to_owned()));
        all.push(("PS1", format!("[📦 {} \\W]\\$ ", facts.app.id().last_part())));
        all.extend(library_path(facts));
    }
    if facts.app.app.is_some() {
        all.extend(of_app(facts));
    }
    all
}

/// Only where there is no cache of the linker's for exactly these trees.
fn library_path(facts: &Facts<'_>) -> Option<(&'static str, String)> {
    if facts.app.app.is_none()
        || facts.app.derived.as_ref().is_some_and(|derived| derived.parts.contains(&"etc"))
    {
        return None;
    }
    use crate::app::Owner::{App, Runtime};
    let own = super::extensions::library_paths;
    let all: Vec<String> =
        own(facts, App).into_iter().chain(["/app/lib".to_owned()]).chain(own(facts, Runtime)).collect();
    Some(("LD_LIBRARY_PATH", all.join(":")))
}

/// Where an app keeps what is its own; where the user's own things are, for apps that may see them.
fn of_app(facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let dirs = &facts.host.dirs;
    let own = facts.host.user.home.join(".var/app").join(facts.app.id().as_str());
    let own = |name: &str| own.join(name).to_string_lossy().into_owned();
    let mut all = vec![
        ("FLATPAK_ID", facts.app.id().to_string()),
        ("FLATPAK_SANDBOX_DIR", own("sandbox")),
        ("XDG_DATA_HOME", own("data")),
        ("XDG_CONFIG_HOME", own("config")),
        ("XDG_CACHE_HOME", own("cache")),
        ("XDG_STATE_HOME", own(".local/state")),
    ];
    if filesystems::shows_home(facts) || !facts.is_merged() {
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        all.push(("HOST_XDG_DATA_HOME", text(&dirs.data)));
        all.push(("HOST_XDG_CONFIG_HOME", text(&dirs.config)));
        all.push(("HOST_XDG_CACHE_HOME", text(&dirs.cache)));
        all.push(("HOST_XDG_STATE_HOME", text(&dirs.state)));
    }
    all
}
