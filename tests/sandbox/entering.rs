//! A sandbox that runs can be entered by its user, with no more rights than the app has.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aril_tests::keeper::Running;

use crate::installed::{ID, Installed};

#[test]
fn a_command_joins_the_app() {
    let app = Installed::merged();
    let mut command = app.home.command("aril-launch").unwrap();
    command.args([ID, "-c", "echo inside > /tmp/mark; echo up; sleep 1000"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut launcher = Running::start(command).unwrap();
    let mut line = String::new();
    BufReader::new(launcher.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let script = "cat /tmp/mark; while read -r a b; do case $a in CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo $a $b;; esac; done </proc/self/status; exit 4";
    let entered = app.home.run(["aril-launch", "enter", ID, "sh", "-c", script]).unwrap();
    let zero = "0000000000000000";
    assert_eq!(
        entered.stdout,
        format!("inside\nCapEff: {zero}\nCapBnd: {zero}\nNoNewPrivs: 1\nSeccomp: 2\n"),
        "{}",
        entered.stderr
    );
    assert_eq!((entered.code(), entered.stderr.as_str()), (4, ""));
    let probed = app.home.run(["aril-launch", "enter", ID, "probe", "unshare-user"]).unwrap();
    assert_eq!(probed.stdout, "EPERM\n");
}
