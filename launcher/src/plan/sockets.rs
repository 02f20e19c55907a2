//! Sockets of the session and the system that were granted, each at a place of its own below `/run/flatpak`, with its variable.

use std::path::Path;

use aril_model::Socket;

use super::{Draft, Facts, system};
use crate::spec::{Access, Mount, What};

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    let has_wayland = add_wayland(facts, draft);
    add_x11(facts, has_wayland, draft);
    add_pulse(facts, draft);
    let sockets = &facts.host.sockets;
    for (socket, found, at, variable) in [
        (Socket::SshAuth, &sockets.ssh_auth, "/run/flatpak/ssh-auth", Some("SSH_AUTH_SOCK")),
        (Socket::Pcsc, &sockets.pcsc, "/run/pcscd/pcscd.comm", Some("PCSCLITE_CSOCK_NAME")),
        (Socket::Cups, &sockets.cups, "/run/cups/cups.sock", None),
    ] {
        match found {
            Some(path) => {
                draft.mounts.push(system::bind(path, Path::new(at), Access::Read));
                draft.variables.extend(variable.map(|name| (name.to_owned(), Some(at.to_owned()))));
            }
            None => note_missing(facts, socket, draft),
        }
    }
    match &sockets.gpg_agent {
        Some(path) => {
            let at = facts.inner_runtime_dir().join("gnupg/S.gpg-agent");
            draft.mounts.push(system::bind(path, &at, Access::Read));
        }
        None => note_missing(facts, Socket::GpgAgent, draft),
    }
    for (path, at) in &sockets.network {
        draft.mounts.push(system::bind(path, Path::new(at), Access::Read));
    }
    if let Some(documents) = sockets.documents.as_ref().filter(|_| shows_documents(facts)) {
        let own = documents.join("by-app").join(facts.app.id().as_str());
        draft.mounts.push(system::bind(&own, Path::new("/run/flatpak/doc"), Access::Write));
    }
}

/// The files that the user shared with this app, through portals.
fn shows_documents(facts: &Facts<'_>) -> bool {
    facts.app.app.is_some() && facts.request.documents.is_on() && !facts.request.sandboxed.is_on()
}

fn note_missing(facts: &Facts<'_>, socket: Socket, draft: &mut Draft) {
    use aril_model::Word;
    if facts.context.sockets.allows(socket) {
        draft.notes.push(format!("there is no socket '{}' in this session", socket.word()));
    }
}

fn add_wayland(facts: &Facts<'_>, draft: &mut Draft) -> bool {
    if !facts.context.sockets.allows(Socket::Wayland) {
        return false;
    }
    let Some((path, name)) = &facts.host.sockets.wayland else {
        note_missing(facts, Socket::Wayland, draft);
        return false;
    };
    draft.mounts.push(system::bind(path, &Path::new("/run/flatpak").join(name), Access::Read));
    let what = What::Symlink { target: Path::new("../../flatpak").join(name) };
    draft.mounts.push(Mount { at: facts.inner_runtime_dir().join(name), what });
    draft.variables.push(("WAYLAND_DISPLAY".into(), Some(name.clone())));
    true
}

/// `fallback-x11` is X11 where there is no Wayland for the app.
fn add_x11(facts: &Facts<'_>, has_wayland: bool, draft: &mut Draft) {
    let sockets = &facts.context.sockets;
    let falls_back = sockets.allows(Socket::FallbackX11);
    if falls_back && has_wayland || !falls_back && !sockets.allows(Socket::X11) {
        return;
    }
    let Some(x11) = &facts.host.sockets.x11 else {
        draft.notes.push("there is no X server in this session".into());
        return;
    };
    match &x11.socket {
        // It, and no other server's: clients find it by the number.
        Some(socket) => draft.mounts.push(system::bind(&socket.host, &socket.inside, Access::Read)),
        None if facts.context.shared.allows(aril_model::Share::Network) => {}
        None => draft.notes.push(format!("the X server '{}' is reached by the network only", x11.display)),
    }
    draft.variables.push(("DISPLAY".into(), Some(x11.display.clone())));
    if let Some(authority) = &x11.authority {
        let at = "/run/flatpak/Xauthority";
        let what = What::File { contents: authority.clone(), mode: 0o400 };
        draft.mounts.push(Mount { at: at.into(), what });
        draft.variables.push(("XAUTHORITY".into(), Some(at.into())));
    }
}

fn add_pulse(facts: &Facts<'_>, draft: &mut Draft) {
    if !facts.context.sockets.allows(Socket::Pulseaudio) {
        return;
    }
    let Some(socket) = &facts.host.sockets.pulse else {
        return note_missing(facts, Socket::Pulseaudio, draft);
    };
    draft.mounts.push(system::bind(socket, Path::new("/run/flatpak/pulse/native"), Access::Read));
    // Memory that both sides map would have to be the host's.
    let what = What::File { contents: b"enable-shm=no\n".to_vec(), mode: 0o444 };
    draft.mounts.push(Mount { at: "/run/flatpak/pulse/config".into(), what });
    for (name, value) in [
        ("PULSE_SERVER", "unix:/run/flatpak/pulse/native"),
        ("PULSE_CLIENTCONFIG", "/run/flatpak/pulse/config"),
    ] {
        draft.variables.push((name.into(), Some(value.into())));
    }
    if facts.host.has("/dev/snd") {
        draft.mounts.push(super::devices::host_device("snd", crate::spec::Missing::Skip));
    }
}
