//! Which rights an app asks for, inferred from what it is: the least that lets it work, each with its reason.
//!
//! Pure: needs of its programs, desktop files and bus services in, requests out. What the user accepts is recorded elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use aril_model::Keyfile;

/// What is known of an app.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Libraries that its own programs and libraries are linked with, and one file that is, for each.
    pub libraries: BTreeMap<String, String>,
    /// Functions that they take from libraries, and one file that does, for each.
    pub functions: BTreeMap<String, String>,
    /// Names of packages that it consists of or that its packages require.
    pub packages: BTreeSet<String>,
    /// Categories of its desktop files.
    pub categories: BTreeSet<String>,
    /// Whether one of its desktop files is shown without a terminal.
    pub is_graphical: bool,
    /// Names on the session bus that its services take and its id does not cover.
    pub bus_names: BTreeSet<String>,
}

/// One right that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The key of the group `Context`, or the whole group.
    pub key: &'static str,
    /// The word in it.
    pub value: String,
    /// Why.
    pub reason: String,
}

impl Request {
    /// Whether it only lets the app show windows, as nearly every graphical one does.
    pub(super) fn is_for_windows(&self) -> bool {
        matches!(self.value.as_str(), "wayland" | "fallback-x11" | "ipc" | "dri")
    }
}

/// Libraries, by the beginning of their soname, and what who is linked with them cannot do without.
const BY_LIBRARY: &[(&str, &[(&str, &str)])] = &[
    ("libX11.so", X11),
    ("libxcb.so", X11),
    ("libwayland-client.so", &[("sockets", "wayland")]),
    ("libgtk-x11-2.0.so", X11),
    ("libgtk-3.so", TOOLKIT),
    ("libgtk-4.so", TOOLKIT_GL),
    ("libQt5Gui.so", TOOLKIT_GL),
    ("libQt6Gui.so", TOOLKIT_GL),
    ("libSDL-1.2.so", X11),
    ("libSDL2-2.0.so", TOOLKIT_GL),
    ("libSDL3.so", TOOLKIT_GL),
    ("libglfw.so", TOOLKIT_GL),
    ("libGL.so", &[("devices", "dri")]),
    ("libGLX.so", &[("devices", "dri")]),
    ("libEGL.so", &[("devices", "dri")]),
    ("libGLESv2.so", &[("devices", "dri")]),
    ("libvulkan.so", &[("devices", "dri")]),
    ("libva.so", &[("devices", "dri")]),
    ("libpulse.so", &[("sockets", "pulseaudio")]),
    ("libpulse-simple.so", &[("sockets", "pulseaudio")]),
    ("libasound.so", &[("sockets", "pulseaudio")]),
    ("libopenal.so", &[("sockets", "pulseaudio")]),
    ("libcanberra.so", &[("sockets", "pulseaudio")]),
    ("libgstreamer-1.0.so", &[("sockets", "pulseaudio")]),
    ("libportaudio.so", &[("sockets", "pulseaudio")]),
    ("libcups.so", &[("sockets", "cups")]),
    ("libpcsclite.so", &[("sockets", "pcsc")]),
    ("libcurl.so", NETWORK),
    ("libcurl-gnutls.so", NETWORK),
    ("libsoup-2.4.so", NETWORK),
    ("libsoup-3.0.so", NETWORK),
    ("libwebkit2gtk", NETWORK),
    ("libwebkitgtk", NETWORK),
    ("libQt5Network.so", NETWORK),
    ("libQt6Network.so", NETWORK),
    ("libneon", NETWORK),
];
const X11: &[(&str, &str)] = &[("shared", "ipc"), ("sockets", "x11")];
const TOOLKIT: &[(&str, &str)] = &[("shared", "ipc"), ("sockets", "fallback-x11"), ("sockets", "wayland")];
const TOOLKIT_GL: &[(&str, &str)] =
    &[("devices", "dri"), ("shared", "ipc"), ("sockets", "fallback-x11"), ("sockets", "wayland")];
const NETWORK: &[(&str, &str)] = &[("shared", "network")];

/// Functions that only who talks to other machines uses.
const BY_FUNCTION: &[(&str, &[(&str, &str)])] = &[
    ("getaddrinfo", NETWORK),
    ("gethostbyname", NETWORK),
    ("gethostbyname_r", NETWORK),
    ("gethostbyname2", NETWORK),
    ("getservbyname", NETWORK),
    ("res_query", NETWORK),
    ("g_socket_client_new", NETWORK),
    ("g_network_address_new", NETWORK),
];

/// Packages whose use cannot be seen in ELF files: toolkits of interpreted languages.
const BY_PACKAGE: &[(&str, &[(&str, &str)])] = &[
    ("gtk3", TOOLKIT),
    ("gtk4", TOOLKIT_GL),
    ("python3-gobject", TOOLKIT),
    ("python3-tkinter", X11),
    ("tk", X11),
    ("python3-requests", NETWORK),
    ("python3-urllib3", NETWORK),
    ("python3-pyqt5", TOOLKIT_GL),
    ("python3-pyqt6", TOOLKIT_GL),
    ("python3-pyside6", TOOLKIT_GL),
];

const BY_CATEGORY: &[(&str, &[(&str, &str)])] = &[
    ("Network", NETWORK),
    ("WebBrowser", NETWORK),
    ("Email", NETWORK),
    ("Chat", NETWORK),
    ("InstantMessaging", NETWORK),
    ("P2P", NETWORK),
    ("RemoteAccess", NETWORK),
    ("VideoConference", NETWORK),
    ("Audio", &[("sockets", "pulseaudio")]),
    ("AudioVideo", &[("sockets", "pulseaudio")]),
    ("Video", &[("sockets", "pulseaudio")]),
    ("Game", &[("devices", "dri"), ("sockets", "pulseaudio")]),
];

/// Works out the requests, sorted by key and value, each once.
pub(super) fn infer(evidence: &Evidence) -> Vec<Request> {
    let mut found: BTreeMap<(&'static str, &'static str), String> = BTreeMap::new();
    let mut take = |wants: &[(&'static str, &'static str)], reason: String| {
        for want in wants {
            found.entry(*want).or_insert_with(|| reason.clone());
        }
    };
    for (start, wants) in BY_LIBRARY {
        let linked = evidence.libraries.iter().find(|(library, _)| library.starts_with(start));
        if let Some((library, file)) = linked {
            take(wants, format!("{file} is linked with {library}"));
        }
    }
    for (function, wants) in BY_FUNCTION {
        if let Some(file) = evidence.functions.get(*function) {
            take(wants, format!("{file} calls {function}"));
        }
    }
    for (category, wants) in BY_CATEGORY {
        if evidence.categories.contains(*category) {
            take(wants, format!("its desktop file has the category {category}"));
        }
    }
    for (package, wants) in BY_PACKAGE {
        if evidence.is_graphical && evidence.packages.contains(*package) {
            take(wants, format!("it needs the package {package}"));
        }
    }
    let has_display = found.keys().any(|(_, value)| matches!(*value, "x11" | "wayland" | "fallback-x11"));
    if evidence.is_graphical && !has_display {
        for want in TOOLKIT {
            found.entry(*want).or_insert_with(|| "its desktop file is shown in menus".into());
        }
    }
    // Who can only do X11 gets it; who can do both gets it where there is no Wayland.
    if found.contains_key(&("sockets", "wayland")) && found.contains_key(&("sockets", "x11")) {
        found.remove(&("sockets", "x11"));
        found.entry(("sockets", "fallback-x11")).or_insert_with(|| "where there is no Wayland".into());
    }
    let rights = found.into_iter().map(|((key, value), reason)| Request { key, value: value.into(), reason });
    let names = evidence.bus_names.iter().map(|name| Request {
        key: "own-name",
        value: name.clone(),
        reason: "it has a service of this name".into(),
    });
    rights.chain(names).collect()
}

/// Writes requests into metadata.
pub(super) fn write(requests: &[Request], metadata: &mut Keyfile) {
    for key in ["shared", "sockets", "devices"] {
        let values: Vec<&str> = requests
            .iter()
            .filter(|request| request.key == key)
            .map(|request| request.value.as_str())
            .collect();
        if !values.is_empty() {
            metadata.set_list("Context", key, &values);
        }
    }
    for request in requests.iter().filter(|request| request.key == "own-name") {
        metadata.set("Session Bus Policy", &request.value, "own");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(items: &[&str]) -> BTreeMap<String, String> {
        items.iter().map(|&item| (item.to_owned(), "/usr/bin/x".to_owned())).collect()
    }

    fn words(evidence: &Evidence) -> Vec<String> {
        infer(evidence).into_iter().map(|request| format!("{}={}", request.key, request.value)).collect()
    }

    #[test]
    fn cases() {
        let none = Evidence { libraries: one(&["libc.so.6", "libm.so.6"]), ..Evidence::default() };
        assert_eq!(words(&none), [""; 0]);
        let x11 = Evidence { libraries: one(&["libX11.so.6", "libXaw.so.7"]), ..Evidence::default() };
        assert_eq!(words(&x11), ["shared=ipc", "sockets=x11"]);
        let gtk = Evidence {
            libraries: one(&["libgtk-3.so.0", "libX11.so.6"]),
            is_graphical: true,
            ..Evidence::default()
        };
        assert_eq!(words(&gtk), ["shared=ipc", "sockets=fallback-x11", "sockets=wayland"]);
        let network = Evidence { functions: one(&["getaddrinfo"]), ..Evidence::default() };
        assert_eq!(words(&network), ["shared=network"]);
        let script = Evidence {
            is_graphical: true,
            packages: ["python3-gobject".to_owned()].into(),
            ..Evidence::default()
        };
        assert_eq!(words(&script), ["shared=ipc", "sockets=fallback-x11", "sockets=wayland"]);
        let named = Evidence { bus_names: ["org.test.X".to_owned()].into(), ..Evidence::default() };
        assert_eq!(words(&named), ["own-name=org.test.X"]);
    }

    #[test]
    fn written() {
        let evidence = Evidence {
            libraries: one(&["libgtk-4.so.1", "libcurl.so.4"]),
            bus_names: ["a.b.c".to_owned()].into(),
            ..Evidence::default()
        };
        let mut file = Keyfile::new();
        write(&infer(&evidence), &mut file);
        assert_eq!(
            file.to_string(),
            "[Context]\nshared=ipc;network;\nsockets=fallback-x11;wayland;\ndevices=dri;\n\n[Session Bus Policy]\na.b.c=own\n"
        );
        assert_eq!(infer(&evidence)[0].reason, "/usr/bin/x is linked with libgtk-4.so.1");
    }
}
