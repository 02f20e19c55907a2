//! The host's own xdg-desktop-portal takes what comes from the app for the app's, and not for a program's of the host.

use std::path::Path;
use std::time::{Duration, Instant};

use aril_tests::bus::{Services, SessionBus};
use aril_tests::keeper::Running;

use crate::installed::{ID, Installed};

const PORTAL: &str = "/usr/libexec/xdg-desktop-portal";
const STORE: &str = "/usr/libexec/xdg-permission-store";
/// Whether the network can be reached: a question that the portal answers only apps that may use it.
const ASK: &str = "dbus-send --session --print-reply=literal --dest=org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop org.freedesktop.portal.NetworkMonitor.GetAvailable";
const REFUSED: &str = "This call is not available inside the sandbox";
/// A notification; the portal passes it on with the app's id, and notes in the permission store that this app shows some.
const NOTIFY: &str = "gdbus call --session --dest org.freedesktop.portal.Desktop --object-path /org/freedesktop/portal/desktop --method org.freedesktop.portal.Notification.AddNotification hello \"{'title': <'Hello'>}\"";
/// What the store knows of who shows notifications.
const LOOKUP: &str = "gdbus call --session --dest org.freedesktop.impl.portal.PermissionStore --object-path /org/freedesktop/impl/portal/PermissionStore --method org.freedesktop.impl.portal.PermissionStore.Lookup notifications notification";

/// A session with the real portal and the real permission store. Its backend for notifications is one that nobody has started.
struct Portal {
    app: Installed,
    _running: (SessionBus, Running, Running),
}

impl Portal {
    /// `None`, and why, where there is none.
    fn start() -> Option<Self> {
        if !Path::new(PORTAL).exists() {
            eprintln!("skipped: {PORTAL} is missing (Debian and Fedora: xdg-desktop-portal)");
            return None;
        }
        let app = Installed::merged();
        for program in ["dbus-send", "gdbus"] {
            app.add_program(program);
        }
        let backend = "[portal]\nDBusName=org.test.Backend\nInterfaces=org.freedesktop.impl.portal.Notification;\nUseIn=test\n";
        let file = app.home.write("portals/test.portal", backend).unwrap();
        app.home.write(".config/xdg-desktop-portal/portals.conf", "[preferred]\ndefault=test\n").unwrap();
        app.home.set("XDG_DESKTOP_PORTAL_DIR", file.parent().unwrap());
        app.home.set("XDG_CURRENT_DESKTOP", "test");
        let bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
        let store = Running::start(app.home.command(STORE).unwrap()).unwrap();
        wait_until(&app, LOOKUP, "GDBus.Error:org.freedesktop.portal.Error.NotFound");
        let portal = Running::start(app.home.command(PORTAL).unwrap()).unwrap();
        wait_until(&app, ASK, "boolean");
        Some(Self { app, _running: (bus, store, portal) })
    }
}

/// Asks outside until the answer is there.
fn wait_until(app: &Installed, ask: &str, answer: &str) {
    let begun = Instant::now();
    loop {
        let said = app.home.run(["sh", "-c", ask]).unwrap();
        if said.stdout.contains(answer) || said.stderr.contains(answer) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}{}", said.stdout, said.stderr);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_portal_knows_the_app() {
    // A program of the host is answered, which the start waited for: so the portal tells the two apart, and would take a filter without a root of
    // its own for the host.
    let Some(Portal { app, _running }) = Portal::start() else { return };
    let inside = app.run(ASK);
    assert!(inside.stderr.contains(REFUSED), "{}{}", inside.stdout, inside.stderr);
    let with_network = app.run_with(&["--share=network"], ASK);
    assert!(with_network.stdout.contains("boolean"), "{}", with_network.stderr);
    // What the app says of itself counts for nothing: the portal looks at who is connected.
    let forged = app.run(&format!("printf '[Application]\\nname=org.evil.X\\n[Context]\\nshared=network;\\n' > /tmp/.flatpak-info; {ASK}"));
    assert!(forged.stderr.contains(REFUSED), "{}", forged.stderr);
}

#[test]
fn the_portal_notes_permissions_for_the_app_by_its_id() {
    let Some(Portal { app, _running }) = Portal::start() else { return };
    // Who speaks for the desktop is not there; the portal has asked whose it is by then, and noted that. What comes from outside is nobody's.
    let known_after = |notify: &dyn Fn()| {
        notify();
        app.home.run(["sh", "-c", LOOKUP]).unwrap().stdout
    };
    let known = known_after(&|| drop(app.home.run(["sh", "-c", NOTIFY]).unwrap()));
    assert!(!known.contains(ID), "{known}");
    let known = known_after(&|| drop(app.run(NOTIFY)));
    assert!(known.contains(&format!("'{ID}': ['yes']")), "{known}");
}

#[test]
fn the_backend_is_told_the_apps_id() {
    let Some(Portal { app, _running }) = Portal::start() else { return };
    let seen = app.home.path().join("seen");
    let mut monitor = app.home.command("dbus-monitor").unwrap();
    monitor.args(["--session", "interface=org.freedesktop.impl.portal.Notification"]);
    monitor.stdout(std::fs::File::create(&seen).unwrap());
    let _monitor = Running::start(monitor).unwrap();
    let begun = Instant::now();
    // The monitor may come too late for the first.
    loop {
        app.run(NOTIFY);
        let text = std::fs::read_to_string(&seen).unwrap();
        if let Some((_, call)) = text.split_once("member=AddNotification\n") {
            let first = call.lines().next().unwrap_or_default().trim();
            assert_eq!(first, format!("string \"{ID}\""), "{text}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{text}");
    }
}
