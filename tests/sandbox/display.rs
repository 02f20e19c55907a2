//! Displays only where granted: one socket of the X server and one cookie, one socket of the compositor.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aril_tests::display::Display;
use aril_tests::keeper::Running;

use crate::installed::{ID, Installed};

#[test]
fn the_x_server_is_there_where_granted() {
    let app = Installed::merged();
    app.add_program("xdpyinfo");
    let display = Display::start(&app.home).unwrap();
    let other = Display::start(&app.home).unwrap();
    let script = "ls /tmp/.X11-unix; echo $DISPLAY; xdpyinfo | head -n 1; ls /run/flatpak/Xauthority";
    // With the network of the host, the abstract sockets of its servers are within reach, and forbidden.
    for options in [&["--socket=x11"][..], &["--socket=x11", "--share=network"]] {
        let granted = app.run_with(options, script);
        let number = granted.stdout.lines().next().unwrap_or_default().trim_start_matches('X').to_owned();
        assert_eq!(
            granted.stdout,
            format!("X{number}\n:{number}\nname of display:    :{number}\n/run/flatpak/Xauthority\n"),
            "{}",
            granted.stderr
        );
    }
    let without = app.run(script);
    assert_eq!(without.stdout, "\n", "{}", without.stdout);
    // The server of another number is not to be found by its socket.
    let foreign = format!("/tmp/.X11-unix/X{}", display.number());
    app.refuses(&["connect-path", &foreign], "ENOENT", "none known");
    assert_eq!(app.inside_with(&["--socket=x11"], &["connect-path", &foreign]), "ENOENT");
    let own = format!("/tmp/.X11-unix/X{}", other.number());
    assert_eq!(app.inside_with(&["--socket=x11"], &["connect-path", &own]), "ENOENT");
}

#[test]
fn fallback_x11_is_for_sessions_without_wayland() {
    let app = Installed::merged();
    let _display = Display::start(&app.home).unwrap();
    let options = ["--socket=fallback-x11", "--socket=wayland"];
    assert_ne!(app.run_with(&options, "echo $DISPLAY").stdout, "\n");
    let socket = app.home.run_dir().join("wayland-7");
    let _compositor = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    app.home.set("WAYLAND_DISPLAY", "wayland-7");
    let outcome =
        app.run_with(&options, "echo \"$DISPLAY-$WAYLAND_DISPLAY\"; readlink $XDG_RUNTIME_DIR/wayland-7");
    assert_eq!(outcome.stdout, "-wayland-7\n../../flatpak/wayland-7\n");
    // A name that leads elsewhere is no display.
    app.home.set("WAYLAND_DISPLAY", "../bus");
    assert_eq!(app.run_with(&options, "echo \"-$WAYLAND_DISPLAY\"").stdout, "-\n");
}

#[test]
fn the_users_icon_themes_are_shown_but_not_what_other_apps_put_there() {
    let app = Installed::merged();
    app.home.write(".local/share/icons/Mine/index.theme", "").unwrap();
    app.home.write(".local/share/icons/hicolor/48x48/apps/org.test.Other.png", "").unwrap();
    let list = "ls /run/host/user-share/icons /run/host/user-share/icons/*";
    let seen = app.run_with(&["--socket=x11"], list).stdout;
    let icons = "/run/host/user-share/icons";
    assert_eq!(seen, format!("{icons}:\nMine\nhicolor\n\n{icons}/Mine:\nindex.theme\n\n{icons}/hicolor:\n"));
    assert_eq!(app.run(list).stdout, "", "an app without windows has no use for them");
}

/// A real compositor shows what the app draws: the next picture is drawn when it says that the last was shown.
#[test]
fn windows_are_drawn_by_wayland() {
    let app = Installed::merged();
    app.add_program("weston-simple-shm");
    let mut compositor = app.home.command("weston").unwrap();
    compositor.args(["--backend=headless-backend.so", "--socket=wayland-9", "--no-config", "--idle-time=0"]);
    compositor.stdout(Stdio::null()).stderr(Stdio::null());
    let _compositor = Running::start(compositor).unwrap();
    let begun = Instant::now();
    while UnixStream::connect(app.home.run_dir().join("wayland-9")).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the compositor does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    app.home.set("WAYLAND_DISPLAY", "wayland-9");
    let without = app.run("weston-simple-shm");
    assert_ne!(without.code(), 0, "{}", without.stderr);
    let mut client = app.home.command("aril-launch").unwrap();
    client.args(["--socket=wayland", "--env=WAYLAND_DEBUG=client", "--command=weston-simple-shm", ID]);
    client.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut client = Running::start(client).unwrap();
    let said = BufReader::new(client.child().stderr.take().unwrap()).lines().map(|line| line.unwrap());
    let mut all = Vec::new();
    let drawn =
        said.inspect(|line| all.push(line.clone())).filter(|line| line.contains(".commit(")).take(5).count();
    assert_eq!(drawn, 5, "{}", all.join("\n"));
}
