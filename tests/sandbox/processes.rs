//! Processes outside are not seen, signalled or traced.

use std::process::Stdio;

use aril_tests::keeper::Running;

use crate::installed::{ID, Installed};

/// A process of the same user outside, and its number.
fn bystander(app: &Installed) -> (Running, String) {
    let mut process = app.home.start(["sleep", "1000"]).unwrap();
    let number = process.child().id().to_string();
    (process, number)
}

#[test]
fn processes_outside_are_not_seen() {
    let app = Installed::merged();
    let (_process, number) = bystander(&app);
    app.refuses(&["stat", &format!("/proc/{number}")], "ENOENT", "none known");
    let seen = app.run("ls -d /proc/[0-9]*").stdout;
    assert!(seen.lines().count() <= 3, "{seen}");
    // Our own first process is not looked into, either.
    assert_eq!(app.inside(&["open-read", "/proc/1/environ"]), "EPERM");
    assert_eq!(Installed::plain().inside(&["open-read", "/proc/1/environ"]), "EACCES");
}

#[test]
fn processes_outside_are_not_signalled() {
    let app = Installed::merged();
    let (_process, number) = bystander(&app);
    app.refuses(&["kill", &number], "ESRCH", "none known");
}

/// CVE-2026-97029 of Flatpak: process groups do not end at pid namespaces.
#[test]
fn the_launchers_group_is_not_signalled() {
    let app = Installed::merged();
    // A shell of a group of its own in which the launcher runs, and which dies of the signal that the app sends to its group.
    let script = "trap 'echo hit' USR1; \"$0\" \"$@\" </dev/null; sleep 0.2; echo survived";
    let words = ["setsid", "sh", "-c", script];
    let outside = app
        .home
        .run(words.into_iter().chain([app.home.path().join("probe").to_str().unwrap(), "kill-group"]))
        .unwrap();
    assert!(outside.stdout.contains("hit"), "outside it must reach the group: {}", outside.stdout);
    let inside =
        app.home.run(words.into_iter().chain(["aril-launch", "--command=probe", ID, "kill-group"])).unwrap();
    assert!(!inside.stdout.contains("hit") && inside.stdout.ends_with("survived\n"), "{}", inside.stdout);
}

#[test]
fn nothing_is_traced() {
    let app = Installed::merged();
    let mut command = app.home.command("aril-launch").unwrap();
    command.args([ID, "-c", "echo up; sleep 1000"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut launcher = Running::start(command).unwrap();
    read_line(&mut launcher);
    // The supervisor itself: the user may trace it, the app may not, by whatever number.
    let number = launcher.child().id().to_string();
    app.refuses(&["ptrace", &number], "EPERM", "kernel.yama.ptrace_scope");
    assert_eq!(app.inside_with(&["--allow=devel"], &["ptrace", &number]), "ESRCH");
    assert_eq!(app.inside_with(&["--allow=devel"], &["ptrace", "1"]), "EPERM");
    app.refuses(&["read-memory", &number], "ENOENT", "kernel.yama.ptrace_scope");
}

fn read_line(process: &mut Running) {
    use std::io::BufRead;
    let mut line = String::new();
    std::io::BufReader::new(process.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
}
