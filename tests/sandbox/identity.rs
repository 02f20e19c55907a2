//! The host's own xdg-desktop-portal takes what comes from the app for the app's, and not for a program's of the host.

use std::path::Path;
use std::time::{Duration, Instant};

use aril_tests::bus::{Services, SessionBus};
use aril_tests::keeper::Running;

use crate::installed::Installed;

const PORTAL: &str = "/usr/libexec/xdg-desktop-portal";
/// Whether the network can be reached: a question that the portal answers only apps that may use it.
const ASK: &str = "dbus-send --session --print-reply=literal --dest=org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop org.freedesktop.portal.NetworkMonitor.GetAvailable";
const REFUSED: &str = "This call is not available inside the sandbox";

#[test]
fn the_portal_knows_the_app() {
    if !Path::new(PORTAL).exists() {
        eprintln!("skipped: {PORTAL} is missing (Debian and Fedora: xdg-desktop-portal)");
        return;
    }
    let app = Installed::merged();
    app.add_program("dbus-send");
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let _portal = Running::start(app.home.command(PORTAL).unwrap()).unwrap();
    // A program of the host is answered: so the portal tells the two apart, and would take a filter without a root of its own for the host.
    let begun = Instant::now();
    loop {
        let outside = app.home.run(["sh", "-c", ASK]).unwrap();
        if outside.stdout.contains("boolean") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", outside.stderr);
        std::thread::sleep(Duration::from_millis(50));
    }
    let inside = app.run(ASK);
    assert!(inside.stderr.contains(REFUSED), "{}{}", inside.stdout, inside.stderr);
    let with_network = app.run_with(&["--share=network"], ASK);
    assert!(with_network.stdout.contains("boolean"), "{}", with_network.stderr);
    // What the app says of itself counts for nothing: the portal looks at who is connected.
    let forged = app.run(&format!("printf '[Application]\\nname=org.evil.X\\n[Context]\\nshared=network;\\n' > /tmp/.flatpak-info; {ASK}"));
    assert!(forged.stderr.contains(REFUSED), "{}", forged.stderr);
}
