//! The rules that every sandboxed app gets, by bus: its own names, the portals, and what the accessibility bus needs.
//!
//! Source: Flatpak's `flatpak-run-dbus.c`.

use std::fmt::Debug;
use std::str::FromStr;

use aril_model::{AppId, BusName, Policy};

use crate::rules::Rules;

/// Whose names an app may own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnNames {
    /// Those of the app: `ID`, and all below.
    App,
    /// Those of a sub-sandbox of the app, which must not pose as the app itself: below `ID.Sandboxed`.
    Sandboxed,
}

impl Rules {
    /// The session bus: the app's own names, calls to the portals and their broadcasts.
    pub fn session(id: &AppId, own: OwnNames) -> Self {
        let mut rules = Self::new();
        for name in own_names(id, own) {
            rules.set_policy(&name, Policy::Own);
        }
        rules.allow_portals();
        rules
    }

    /// The system bus: nothing that metadata does not ask for.
    pub fn system() -> Self {
        Self::new()
    }

    /// The accessibility bus: the registry, as far as an app needs it to be accessible, and to hear from whom.
    pub fn accessibility(id: &AppId) -> Self {
        let mut rules = Self::new();
        rules.announce_unique_names();
        let registry = known("org.a11y.atspi.Registry");
        for signal in ["EventListenerRegistered", "EventListenerDeregistered"] {
            let rule = format!("org.a11y.atspi.Registry.{signal}@/org/a11y/atspi/registry");
            rules.allow_broadcasts(&registry, known(&rule));
        }
        for call in REGISTRY_CALLS {
            rules.allow_calls(&registry, known(call));
        }
        // Parts of the app in sandboxes of their own are embedded by it.
        if let Ok(sandboxed) = format!("{id}.Sandboxed.*").parse() {
            rules.allow_calls(&sandboxed, known("org.a11y.atspi.Socket.Embedded"));
        }
        rules
    }

    fn allow_portals(&mut self) {
        let portals = known("org.freedesktop.portal.*");
        self.allow_calls(&portals, known("*"));
        self.allow_broadcasts(&portals, known("@/org/freedesktop/portal/*"));
    }
}

const REGISTRY_CALLS: [&str; 7] = [
    "org.a11y.atspi.Socket.Embed@/org/a11y/atspi/accessible/root",
    "org.a11y.atspi.Socket.Unembed@/org/a11y/atspi/accessible/root",
    "org.a11y.atspi.Registry.GetRegisteredEvents@/org/a11y/atspi/registry",
    "org.a11y.atspi.DeviceEventController.GetKeystrokeListeners@/org/a11y/atspi/registry/deviceeventcontroller",
    "org.a11y.atspi.DeviceEventController.GetDeviceEventListeners@/org/a11y/atspi/registry/deviceeventcontroller",
    "org.a11y.atspi.DeviceEventController.NotifyListenersSync@/org/a11y/atspi/registry/deviceeventcontroller",
    "org.a11y.atspi.DeviceEventController.NotifyListenersAsync@/org/a11y/atspi/registry/deviceeventcontroller",
];

/// The names that an app may own; none that is too long to be one.
fn own_names(id: &AppId, own: OwnNames) -> impl Iterator<Item = BusName> {
    let below = match own {
        OwnNames::App => "",
        OwnNames::Sandboxed => ".Sandboxed",
    };
    let names = [format!("{id}{below}.*"), format!("org.mpris.MediaPlayer2.{id}{below}.*")];
    names.into_iter().filter_map(|name| name.parse().ok())
}

fn known<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("names and rules of ours are names and rules")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Subject, Way};

    fn policy(rules: &Rules, name: &str) -> Policy {
        rules.policy(rules.covering(name))
    }

    #[test]
    fn an_app_owns_its_names_and_talks_to_portals() {
        let id: AppId = "org.gnome.Maps".parse().unwrap();
        let rules = Rules::session(&id, OwnNames::App);
        for name in ["org.gnome.Maps", "org.gnome.Maps.Search", "org.mpris.MediaPlayer2.org.gnome.Maps.i1"] {
            assert_eq!(policy(&rules, name), Policy::Own, "{name}");
        }
        for name in [
            "org.gnome.MapsX",
            "org.mpris.MediaPlayer2.vlc",
            "org.freedesktop.secrets",
            "org.freedesktop.portals",
        ] {
            assert_eq!(policy(&rules, name), Policy::None, "{name}");
        }
        assert_eq!(policy(&rules, "org.freedesktop.portal.Desktop"), Policy::Talk);
        let sub = Rules::session(&id, OwnNames::Sandboxed);
        assert_eq!(policy(&sub, "org.gnome.Maps"), Policy::None);
        assert_eq!(policy(&sub, "org.gnome.Maps.Sandboxed.x"), Policy::Own);
    }

    #[test]
    fn the_longest_id_has_rules() {
        let id: AppId = format!("org.x.{}", "y".repeat(249)).parse().unwrap();
        assert_eq!(policy(&Rules::session(&id, OwnNames::App), &id.to_string()), Policy::Own);
        Rules::session(&id, OwnNames::Sandboxed);
        Rules::accessibility(&id);
    }

    #[test]
    fn the_accessibility_bus_hears_only_the_registry() {
        let rules = Rules::accessibility(&"org.gnome.Maps".parse().unwrap());
        let allow = |way, member, interface, path| {
            let subject = Subject { path: Some(path), interface: Some(interface), member: Some(member) };
            rules.allow(rules.covering("org.a11y.atspi.Registry"), way, subject)
        };
        let registry = "/org/a11y/atspi/registry";
        assert!(allow(Way::Broadcast, "EventListenerRegistered", "org.a11y.atspi.Registry", registry));
        assert!(!allow(Way::Broadcast, "Registered", "org.a11y.atspi.Registry", registry));
        assert!(!allow(Way::Broadcast, "KeystrokeEvent", "org.a11y.atspi.DeviceEventListener", registry));
        assert!(allow(Way::Call, "Embed", "org.a11y.atspi.Socket", "/org/a11y/atspi/accessible/root"));
        assert!(!allow(Way::Call, "Embed", "org.a11y.atspi.Socket", "/elsewhere"));
        assert!(!allow(
            Way::Call,
            "RegisterKeystrokeListener",
            "org.a11y.atspi.DeviceEventController",
            registry
        ));
    }
}
