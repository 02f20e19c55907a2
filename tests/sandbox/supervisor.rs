//! The supervisor is small, has no rights, and is gone with the app.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use aril_tests::bus::{Services, SessionBus};
use aril_tests::keeper::Running;

use crate::installed::{ID, Installed};

fn started(app: &Installed) -> Running {
    let mut command = app.home.command("aril-launch").unwrap();
    command.args([ID, "-c", "echo up; sleep 1000"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut launcher = Running::start(command).unwrap();
    let mut line = String::new();
    BufReader::new(launcher.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    // It goes on confining itself while the app starts; the filter of its calls comes last.
    let begun = Instant::now();
    while !status(&mut launcher).contains("Seccomp:\t2") {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never confined: {}", status(&mut launcher));
        std::thread::sleep(Duration::from_millis(5));
    }
    launcher
}

fn status(launcher: &mut Running) -> String {
    std::fs::read_to_string(format!("/proc/{}/status", launcher.child().id())).unwrap()
}

#[test]
fn confined_and_without_rights() {
    let app = Installed::merged();
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let mut launcher = started(&app);
    let status = status(&mut launcher);
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}\n{status}");
    }
    let root = format!("/proc/{}/root", launcher.child().id());
    let mut names: Vec<String> =
        std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".flatpak-info", "bus"]);
    let info = std::fs::read_to_string(format!("{root}/.flatpak-info")).unwrap();
    assert!(info.starts_with("[Application]\nname=org.test.Hello\n"));
}

#[test]
fn under_three_mebibytes_of_its_own() {
    let app = Installed::merged();
    app.add_program("dbus-send");
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let mut command = app.home.command("aril-launch").unwrap();
    let talk = "for n in 1 2 3 4 5 6 7 8; do dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames >/dev/null; done; echo up; sleep 1000";
    command.args([ID, "-c", talk]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut launcher = Running::start(command).unwrap();
    let mut line = String::new();
    BufReader::new(launcher.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let sizes = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", launcher.child().id())).unwrap();
    let lines = sizes.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes: Vec<u64> =
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    let own: u64 = kilobytes.iter().sum();
    assert!(kilobytes.len() >= 2 && own > 0 && own < 3 << 10, "{own} kB\n{sizes}");
}

#[test]
fn two_processes_of_ours_for_an_app() {
    let app = Installed::merged();
    let mut launcher = started(&app);
    let children = |pid: u32| -> Vec<u32> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    let first = children(launcher.child().id());
    assert_eq!(first.len(), 1);
    let apps = children(first[0]);
    assert_eq!(apps.len(), 1);
    let name = std::fs::read_to_string(format!("/proc/{}/comm", apps[0])).unwrap();
    assert_eq!(name, "sh\n");
}

#[test]
fn a_thousandth_start_finds_nothing_of_the_others() {
    let app = Installed::merged();
    for _ in 0..20 {
        assert_eq!(app.run("exit 3").code(), 3);
    }
    let left: Vec<_> = std::fs::read_dir(app.home.run_dir().join(".flatpak")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
