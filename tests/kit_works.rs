//! The kit itself: whom programs run as, what they see, and that nothing of them stays.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use aril_tests::bus::{Services, SessionBus};
use aril_tests::display::Display;
use aril_tests::home::TestHome;
use aril_tests::outcome::Outcome;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, Rectangle, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

#[test]
fn programs_run_as_an_ordinary_user_who_sees_an_empty_home() {
    let home = TestHome::new().unwrap();
    let id = home.run(["id", "-u"]).unwrap();
    assert_eq!(id.success().unwrap().trim(), home.user().uid.to_string());
    assert_ne!(home.user().uid, 0);
    assert_eq!(home.run(["sh", "-c", "ls -A; pwd"]).unwrap().stdout.trim(), home.path().to_str().unwrap());
    let environment = home.run(["env"]).unwrap();
    let names: Vec<&str> =
        environment.success().unwrap().lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| !name.starts_with("ARIL_") && !name.starts_with("FLATPAK_"))
            .collect::<Vec<_>>(),
        [&"GNUPGHOME", &"HOME", &"LANG", &"LOGNAME", &"PATH", &"SHELL", &"TERM", &"USER", &"XDG_RUNTIME_DIR"]
    );
    let run_dir = std::fs::metadata(home.run_dir()).unwrap();
    assert_eq!((run_dir.mode() & 0o777, run_dir.uid()), (0o700, home.user().uid));
    if home.user().is_other() {
        assert_eq!(home.run(["id", "-G"]).unwrap().stdout.trim(), home.user().gid.to_string());
        home.run(["cat", "/etc/shadow"]).unwrap().failure(1).unwrap();
    }
}

#[test]
fn a_home_goes_with_the_value_even_when_its_owner_cannot_enter_a_directory() {
    let home = TestHome::new().unwrap();
    home.write("a/b", "text").unwrap();
    assert_eq!(home.run_with_input(["tee", "c"], "typed").unwrap().success().unwrap(), "typed");
    assert_eq!(home.read("c").unwrap(), "typed");
    home.run(["chmod", "0", "a"]).unwrap().success().unwrap();
    let (path, run_dir) = (home.path(), home.run_dir().to_owned());
    drop(home);
    assert!(!path.exists() && !path.parent().unwrap().exists() && !run_dir.exists());
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    let home = TestHome::new().unwrap();
    let mut command = home.command("sh").unwrap();
    command.args(["-c", "echo begun; sleep 100; echo ended"]);
    let why = Outcome::of(command, Duration::from_millis(300)).unwrap_err().to_string();
    assert!(why.contains("did not end within 300ms\nbegun\n"), "{why}");
    let why = home.run(["sh", "-c", "echo words >&2; exit 3"]).unwrap();
    assert_eq!((why.code(), why.failure(3).unwrap()), (3, "words\n"));
    assert!(why.success().unwrap_err().to_string().contains("failed with 3:\nwords"));
}

#[test]
fn a_display_shows_windows_and_ends() {
    let home = TestHome::new().unwrap();
    let display = Display::start(&home).unwrap();
    assert!(display.windows().unwrap().is_empty());
    // The display lets in whoever has the cookie, as any client finds it.
    let variables = home.run(["env"]).unwrap();
    let authority =
        variables.stdout.lines().find_map(|line| line.strip_prefix("XAUTHORITY=")).unwrap().to_owned();
    let name = format!(":{}", display.number());
    let (connection, screen) = connect_with(&name, &authority);
    let root = &connection.setup().roots[screen];
    let (window, gc) = (connection.generate_id().unwrap(), connection.generate_id().unwrap());
    let aux = CreateWindowAux::new().background_pixel(root.white_pixel);
    let class = WindowClass::INPUT_OUTPUT;
    connection.create_window(24, window, root.root, 10, 20, 100, 50, 0, class, 0, &aux).unwrap();
    connection
        .change_property8(PropMode::REPLACE, window, AtomEnum::WM_NAME, AtomEnum::STRING, b"A window")
        .unwrap();
    connection.map_window(window).unwrap();
    connection.sync().unwrap();
    let found = display.wait_for_window("window").unwrap();
    assert_eq!((found.title.as_str(), found.place), ("A window", (10, 20, 100, 50)));
    let empty = display.picture_of(&found).unwrap();
    assert!(empty.is_one_colour());
    assert_eq!(empty.pixels[0], [255, 255, 255]);
    connection.create_gc(gc, window, &Default::default()).unwrap();
    connection.poly_fill_rectangle(window, gc, &[Rectangle { x: 0, y: 0, width: 10, height: 10 }]).unwrap();
    connection.sync().unwrap();
    let drawn = display.settled_picture_of(&found).unwrap();
    assert_eq!((drawn.is_one_colour(), drawn.differences(&empty)), (false, 100));
    display.click(50, 30).unwrap();
    display.press(&found, u32::from(b'a')).unwrap();
    let file = home.beside("window.png");
    drawn.save(&file).unwrap();
    assert_eq!(&std::fs::read(&file).unwrap()[1..4], b"PNG");
    connection.unmap_window(window).unwrap();
    connection.sync().unwrap();
    display.wait_until_gone("window").unwrap();
    let socket = display.socket();
    drop(display);
    assert!(std::os::unix::net::UnixStream::connect(socket).is_err());
}

fn connect_with(display: &str, authority: &str) -> (x11rb::rust_connection::RustConnection, usize) {
    let entry = std::fs::read(authority).unwrap();
    let cookie = entry[entry.len() - 16..].to_vec();
    let number: u16 = display[1..].parse().unwrap();
    let socket = std::os::unix::net::UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).unwrap();
    let (stream, _) = x11rb::rust_connection::DefaultStream::from_unix_stream(socket).unwrap();
    let refused = x11rb::rust_connection::RustConnection::connect_to_stream_with_auth_info(
        stream,
        0,
        b"MIT-MAGIC-COOKIE-1".to_vec(),
        vec![0; 16],
    );
    assert!(refused.is_err(), "another cookie is good enough");
    let socket = std::os::unix::net::UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).unwrap();
    let (stream, _) = x11rb::rust_connection::DefaultStream::from_unix_stream(socket).unwrap();
    let name = b"MIT-MAGIC-COOKIE-1".to_vec();
    let connection =
        x11rb::rust_connection::RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie)
            .unwrap();
    (connection, 0)
}

#[test]
fn a_bus_carries_messages_and_ends() {
    let home = TestHome::new().unwrap();
    let bus = SessionBus::start(&home, Services::OfHome).unwrap();
    let words = [
        "dbus-send",
        "--session",
        "--print-reply=literal",
        "--dest=org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus.ListActivatableNames",
    ];
    let names = home.run(words).unwrap();
    assert_eq!(
        names.success().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["array", "[", "org.freedesktop.DBus", "]"]
    );
    let socket = home.run_dir().join("bus");
    assert!(bus.address().contains(socket.to_str().unwrap()));
    drop(bus);
    assert!(std::os::unix::net::UnixStream::connect(socket).is_err());
}
