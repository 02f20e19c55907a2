//! Names on the session bus only where granted.

use aril_tests::bus::{Services, SessionBus};

use crate::installed::Installed;

const LIST: &str =
    "dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames";
const LIST_SERVICES: &str = "dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListActivatableNames";

fn with_bus() -> (Installed, SessionBus) {
    let app = Installed::merged();
    app.add_program("dbus-send");
    let bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    (app, bus)
}

#[test]
fn names_that_are_not_granted_do_not_exist() {
    let app = Installed::merged();
    app.add_program("dbus-send");
    let service = "[D-BUS Service]\nName=org.test.Service\nExec=/bin/false\n";
    app.home.write(".local/share/dbus-1/services/org.test.Service.service", service).unwrap();
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let outside = app.home.run(["sh", "-c", LIST_SERVICES]).unwrap();
    assert!(outside.stdout.contains("org.test.Service"), "{}", outside.stderr);
    let inside = app.run(LIST_SERVICES);
    assert!(inside.stdout.contains("org.freedesktop.DBus"), "{}", inside.stderr);
    assert!(!inside.stdout.contains("org.test.Service"), "{}", inside.stdout);
    let granted = app.run_with(&["--talk-name=org.test.Service"], LIST_SERVICES);
    assert!(granted.stdout.contains("org.test.Service"), "{}{}", granted.stdout, granted.stderr);
    // Other programs on the bus are not seen, by whatever name.
    let wait = ["gdbus", "wait", "--session", "--timeout", "60", "org.never.There"];
    let _other = app.home.start(wait).unwrap();
    let unique = |text: &str| text.split_whitespace().filter(|word| word.starts_with(':')).count();
    while unique(&app.home.run(["sh", "-c", LIST]).unwrap().stdout) < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(unique(&app.run(LIST).stdout), 1);
}

#[test]
fn there_is_no_bus_where_it_was_switched_off_or_does_not_run() {
    let (app, bus) = with_bus();
    let script = "echo \"-$DBUS_SESSION_BUS_ADDRESS-\"; ls /run/flatpak";
    assert_eq!(app.run(script).stdout, "-unix:path=/run/flatpak/bus-\napp\nbus\n");
    assert_eq!(app.run_with(&["--no-session-bus"], script).stdout, "--\napp\n");
    assert_eq!(app.run_with(&["--sandbox"], script).stdout, "--\napp\n");
    assert_eq!(app.run_with(&["--socket=session-bus"], "stat -c %F /run/flatpak/bus").stdout, "socket\n");
    drop(bus);
    let outcome = app.run(LIST);
    assert_ne!(outcome.code(), 0, "{}", outcome.stdout);
}

/// A service that is asked while the app's first process runs, and fails when that has ended.
const SLOW: &str =
    "cd ~/.var/app/org.test.Hello/data; touch asked; until [ -e ended ]; do sleep 0.01; done; exit 7";
/// One process asks it, one tells when the first has ended; the first ends when the service was asked.
const ASKER: &str = "cd ~/.var/app/org.test.Hello/data
    dbus-send --session --print-reply --reply-timeout=100000 --dest=org.test.Slow / org.test.I.Do 2>&1 &
    (while kill -0 $$ 2>/dev/null; do sleep 0.01; done; touch ended) &
    until [ -e asked ]; do sleep 0.01; done
    exit 9";

#[test]
fn the_caller_waits_while_others_of_the_app_use_the_bus() {
    let app = Installed::merged();
    app.add_program("dbus-send");
    let script = app.home.write("slow", SLOW).unwrap();
    let service = format!("[D-BUS Service]\nName=org.test.Slow\nExec=/bin/sh {}\n", script.display());
    app.home.write(".local/share/dbus-1/services/org.test.Slow.service", service).unwrap();
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let outcome = app.run_with(&["--talk-name=org.test.Slow"], ASKER);
    assert_eq!(outcome.code(), 9);
    // Had the caller gone on, the connection would have ended without an answer.
    assert!(outcome.stdout.contains("org.test.Slow exited with status 7"), "{}", outcome.stdout);
}
