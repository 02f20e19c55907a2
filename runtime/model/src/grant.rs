//! What an app asked for, and what the user gave: an update that asks for more gets no more than before.

use crate::{Access, Context, Place, Policy, Share, Socket, Toggles, UserDirectory, Word};

/// The permissions that the user accepted when the app was installed, or gave later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant(Context);

/// Permissions that a request has and a grant has not, each as metadata writes it: `shared=network`, `filesystems=home`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widening(pub Vec<String>);

impl Widening {
    /// Whether nothing more is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Grant {
    /// The grant of a user who accepts all of a request.
    pub fn accept(request: &Context) -> Self {
        Self(request.clone())
    }

    /// What was granted.
    pub fn context(&self) -> &Context {
        &self.0
    }

    /// The part of a request that was granted; what the request denies stays denied.
    ///
    /// Environment and persistent directories are no rights over anything of the user's, and pass.
    pub fn limit(&self, request: &Context) -> Context {
        let mut limited = request.clone();
        limited.shared.retain_allowed_by(&self.0.shared);
        limited.sockets.retain_allowed_by(&self.sockets());
        limited.devices.retain_allowed_by(&self.0.devices);
        limited.features.retain_allowed_by(&self.0.features);
        limited.filesystems.retain(|place, access| *access <= self.access(place));
        for (asked, given) in [
            (&mut limited.session_bus, &self.0.session_bus),
            (&mut limited.system_bus, &self.0.system_bus),
            (&mut limited.a11y_bus, &self.0.a11y_bus),
        ] {
            let rules: Vec<_> = asked.iter().map(|(name, policy)| (name.clone(), policy)).collect();
            for (name, policy) in rules {
                let exact = given.iter().find(|(rule, _)| **rule == name).map(|(_, policy)| policy);
                asked.set(name.clone(), policy.min(exact.unwrap_or_else(|| given.policy_of(name.base()))));
            }
        }
        limited.conditional.retain(|entry| self.0.conditional.contains(entry));
        limited
    }

    /// What a request has beyond this grant.
    pub fn widening(&self, request: &Context) -> Widening {
        let limited = self.limit(request);
        let mut more = Vec::new();
        added("shared", &request.shared, &limited.shared, &mut more);
        added("sockets", &request.sockets, &limited.sockets, &mut more);
        added("devices", &request.devices, &limited.devices, &mut more);
        added("features", &request.features, &limited.features, &mut more);
        for (place, access) in &request.filesystems {
            if *access != Access::Denied && !limited.filesystems.contains_key(place) {
                more.push(format!("filesystems={}", place.with_access(*access)));
            }
        }
        for (bus, asked, given) in [
            ("session-bus", &request.session_bus, &limited.session_bus),
            ("system-bus", &request.system_bus, &limited.system_bus),
            ("a11y-bus", &request.a11y_bus, &limited.a11y_bus),
        ] {
            for ((name, wanted), (_, got)) in asked.iter().zip(given.iter()) {
                if wanted > got && wanted != Policy::None {
                    more.push(format!("{bus}:{name}={wanted}"));
                }
            }
        }
        let conditional = request.conditional.difference(&limited.conditional);
        more.extend(conditional.map(|(key, text)| format!("{key}={text}")));
        Widening(more)
    }

    /// X11 as a fallback is less than X11, and Wayland for an app that had X11 is no more than it had.
    fn sockets(&self) -> Toggles<Socket> {
        let mut sockets = self.0.sockets.clone();
        if sockets.allows(Socket::X11) {
            sockets.set(Socket::FallbackX11, true);
        }
        sockets
    }

    /// The most that was given in a place, by itself or by one around it.
    fn access(&self, place: &Place) -> Access {
        let around = |given: &Place| *given == *place || covers(given, place);
        self.0
            .filesystems
            .iter()
            .filter(|(given, _)| around(given))
            .map(|(_, access)| *access)
            .max()
            .unwrap_or(Access::Denied)
    }
}

fn added<W: Word>(key: &str, asked: &Toggles<W>, given: &Toggles<W>, more: &mut Vec<String>) {
    more.extend(
        asked.allowed().filter(|word| !given.allows(*word)).map(|word| format!("{key}={}", word.word())),
    );
}

fn covers(outer: &Place, inner: &Place) -> bool {
    let below = |outer: &str, inner: &str| {
        outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
    };
    match (outer, inner) {
        (Place::Host, Place::Home(_) | Place::HostOs | Place::HostEtc) => true,
        (Place::Host | Place::Home(_), Place::User(directory, _)) if *directory == UserDirectory::Run => {
            false
        }
        (Place::Host, Place::User(..)) => true,
        (Place::Home(outer), Place::Home(inner)) => below(outer, inner),
        (Place::User(a, outer), Place::User(b, inner)) => a == b && below(outer, inner),
        (Place::Path(outer), Place::Path(inner)) => below(outer, inner),
        _ => false,
    }
}

/// What a request means for the person, one line an effect, the gravest first.
impl Context {
    /// The effects of these permissions in words: "can read and change all your files".
    pub fn effects(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, access) in &self.filesystems {
            let what = match place {
                Place::Host | Place::HostRoot => "all files of this computer that you can reach".to_owned(),
                Place::Home(path) if path.is_empty() => "all your files".to_owned(),
                Place::HostOs => "the system's programs".to_owned(),
                Place::HostEtc => "the system's settings".to_owned(),
                other => format!("'{}'", crate::printable(&other.with_access(Access::Write))),
            };
            match access {
                Access::Denied => {}
                Access::Read => lines.push(format!("can read {what}")),
                Access::Write | Access::Create => lines.push(format!("can read and change {what}")),
            }
        }
        for (socket, effect) in [
            (Socket::SessionBus, "can control your whole session by D-Bus"),
            (Socket::SystemBus, "can talk to all system services by D-Bus"),
            (Socket::SshAuth, "can log in elsewhere with your SSH keys"),
            (Socket::GpgAgent, "can use your GPG keys"),
            (Socket::X11, "can show windows by X11, and through it watch and control other X11 apps"),
            (Socket::Wayland, "can show windows"),
            (Socket::Pulseaudio, "can play sound and use the microphone"),
            (Socket::Pcsc, "can use smart cards"),
            (Socket::Cups, "can print"),
        ] {
            if self.sockets.allows(socket) {
                lines.push(effect.to_owned());
            }
        }
        if self.sockets.allows(Socket::FallbackX11) && !self.sockets.allows(Socket::X11) {
            lines.push("can show windows by X11 where there is no Wayland".to_owned());
        }
        if self.shared.allows(Share::Network) {
            lines.push("can use the network".to_owned());
        }
        lines.extend(self.devices.allowed().map(|device| format!("can use devices: {}", device.word())));
        lines.extend(self.features.allowed().map(|feature| format!("has the feature {}", feature.word())));
        for (bus, policies) in [("session", &self.session_bus), ("system", &self.system_bus)] {
            lines.extend(policies.iter().filter(|(_, policy)| *policy >= Policy::Talk).map(
                |(name, policy)| {
                    let verb = if policy == Policy::Own { "be" } else { "talk to" };
                    format!("can {verb} '{name}' on the {bus} bus")
                },
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyfile;

    fn context(text: &str) -> Context {
        Context::from_keyfile(&Keyfile::parse(text).unwrap()).0
    }

    #[test]
    fn an_update_gets_no_more_than_was_granted() {
        let old = context(
            "[Context]\nshared=ipc;\nsockets=x11;\nfilesystems=~/a;\n[Session Bus Policy]\norg.a.B=see\n",
        );
        let new = context(
            "[Context]\nshared=ipc;network;\nsockets=x11;fallback-x11;pulseaudio;\nfilesystems=~/a/b;home;!~/c;\n[Session Bus Policy]\norg.a.B=own\n",
        );
        let grant = Grant::accept(&old);
        let limited = grant.limit(&new);
        assert!(!limited.shared.allows(Share::Network) && limited.shared.allows(Share::Ipc));
        assert!(limited.sockets.allows(Socket::FallbackX11) && !limited.sockets.allows(Socket::Pulseaudio));
        assert_eq!(limited.filesystems.len(), 2);
        assert_eq!(limited.session_bus.policy_of("org.a.B"), Policy::See);
        assert_eq!(
            grant.widening(&new).0,
            ["shared=network", "sockets=pulseaudio", "filesystems=home", "session-bus:org.a.B=own"]
        );
    }

    #[test]
    fn accepting_is_never_a_widening() {
        let request = context(
            "[Context]\nshared=network;\nfilesystems=host;xdg-run/x:ro;\n[Session Bus Policy]\na.b.*=talk\n",
        );
        assert!(Grant::accept(&request).widening(&request).is_empty());
        assert_eq!(Grant::accept(&request).limit(&request), request);
    }

    #[test]
    fn effects_speak_of_what_can_happen() {
        let request = context("[Context]\nshared=network;\nfilesystems=home;\n");
        assert_eq!(request.effects(), ["can read and change all your files", "can use the network"]);
    }
}
