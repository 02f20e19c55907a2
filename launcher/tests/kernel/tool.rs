//! `aril-launch --tool`: the contract with the builder and with transactions.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};

use crate::tree;

/// One tree with programs for all tests of this file that run now; it is never written.
fn programs() -> Arc<tempfile::TempDir> {
    static TREE: Mutex<Weak<tempfile::TempDir>> = Mutex::new(Weak::new());
    let mut tree = TREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(made) = tree.upgrade() {
        return made;
    }
    let dir = tempfile::tempdir().unwrap();
    tree::add_programs(&dir.path().join("usr"), tree::PROGRAMS);
    tree::write(dir.path(), "usr/share/lower.txt", "lower\n");
    tree::write(dir.path(), "usr/share/hidden.txt", "lower\n");
    tree::write(dir.path(), "etc/lower.conf", "lower\n");
    let made = Arc::new(dir);
    *tree = Arc::downgrade(&made);
    made
}

struct Tool {
    dir: tempfile::TempDir,
    programs: Arc<tempfile::TempDir>,
}

impl Tool {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), programs: programs() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aril-launch"));
        command.arg("--tool");
        command
    }

    fn run(&self, script: &str) -> Output {
        let mut command = self.command();
        command.arg("--lower").arg(self.programs.path());
        command.args(["--", "/bin/sh", "-c", script]).output().unwrap()
    }

    /// With an upper directory; the report is the second value.
    fn run_writing(&self, script: &str) -> (Output, String) {
        let mut command = Command::new("sh");
        // The shell opens the report under the number that is then named.
        command.args(["-c", "exec 9>\"$0\"; exec \"$@\""]).arg(self.path("report"));
        command.arg(env!("CARGO_BIN_EXE_aril-launch")).args(["--tool", "--report-fd", "9"]);
        command.arg("--upper").arg(self.path("upper")).arg("--work").arg(self.path("work"));
        command.arg("--lower").arg(self.programs.path());
        let output = command.args(["--", "/bin/sh", "-c", script]).output().unwrap();
        (output, tree::read(self.path("report")))
    }
}

fn out(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn program_is_user_0_without_network_and_home() {
    let output =
        Tool::new().run("id; echo $HOME; pwd; ls -A /root /tmp /run; cat /proc/net/dev | wc -l; echo $$");
    assert_eq!(out(&output), "uid=0 gid=0 groups=0\n/root\n/\n/root:\n\n/run:\n\n/tmp:\n3\n2\n");
}

#[test]
fn exit_code_is_the_programs() {
    assert_eq!(Tool::new().run("exit 42").status.code(), Some(42));
    assert_eq!(Tool::new().run("kill -9 $$").status.code(), Some(137));
}

#[test]
fn program_that_is_missing_or_none() {
    let tool = Tool::new();
    let run = |program: &str| {
        let output =
            tool.command().arg("--lower").arg(tool.programs.path()).args(["--", program]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, message) = run("no-such-program");
    assert_eq!(code, Some(127));
    assert_eq!(
        message,
        "error: cannot start 'no-such-program' in the sandbox: there is no such program in it\n"
    );
    let (code, message) = run("/usr/share/lower.txt");
    assert_eq!(code, Some(126));
    assert_eq!(
        message,
        "error: cannot start '/usr/share/lower.txt' in the sandbox: it is not a program that can be started\n"
    );
}

#[test]
fn layers_are_searched_upper_first() {
    let tool = Tool::new();
    tree::write(&tool.path("app"), "usr/share/hidden.txt", "upper\n");
    tree::write(&tool.path("app"), "opt/vendor/file", "opt\n");
    let usr = tool.path("a-usr");
    tree::write(&usr, "share/third.txt", "third\n");
    tree::write(&usr, "etc/third.conf", "third conf\n");
    let mut command = tool.command();
    command
        .arg("--lower")
        .arg(tool.path("app"))
        .arg("--lower")
        .arg(tool.programs.path())
        .arg("--lower-usr")
        .arg(&usr);
    let script = "cat /usr/share/hidden.txt /usr/share/lower.txt /usr/share/third.txt /etc/lower.conf /etc/third.conf /opt/vendor/file";
    let output = command.args(["--", "/bin/sh", "-c", script]).output().unwrap();
    assert_eq!(out(&output), "upper\nlower\nthird\nlower\nthird conf\nopt\n");
}

#[test]
fn without_an_upper_directory_nothing_can_be_written() {
    let output = Tool::new().run(
        "echo x > /usr/share/lower.txt; echo x > /etc/new; echo x > /new; echo x > /tmp/y && cat /tmp/y",
    );
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.matches("Read-only file system").count(), 3, "{errors}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "x\n");
}

#[test]
fn writes_land_in_the_upper_directory_only() {
    let tool = Tool::new();
    let script = "echo new > /usr/share/lower.txt; rm /usr/share/hidden.txt; mkdir -p /var/lib/a; echo v > /var/lib/a/b; echo e > /etc/e; echo o > /opt/o";
    let (output, report) = tool.run_writing(script);
    assert_eq!((out(&output).as_str(), report.as_str()), ("", ""));
    assert_eq!(tree::read(tool.path("upper/usr/share/lower.txt")), "new\n");
    assert_eq!(tree::read(tool.programs.path().join("usr/share/lower.txt")), "lower\n");
    for (path, contents) in [("var/lib/a/b", "v\n"), ("etc/e", "e\n"), ("opt/o", "o\n")] {
        assert_eq!(tree::read(tool.path("upper").join(path)), contents);
    }
    let whiteout = fs::symlink_metadata(tool.path("upper/usr/share/hidden.txt")).unwrap();
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
    assert_eq!(fs::read_dir(tool.path("work")).unwrap().count(), 0);
}

#[test]
fn what_only_root_can_do_is_said_to_have_worked_and_reported() {
    let tool = Tool::new();
    let script = "set -e; cd /usr/share; touch f; chown 5:7 f; chown 0:0 f; chmod 4755 f; mknod /var/null c 1 3; mknod /var/pipe p; stat -c %a f";
    let (output, report) = tool.run_writing(script);
    assert_eq!(out(&output), "4755\n");
    assert_eq!(report, "chown\t5:7\t/usr/share/f\nchmod\t4755\t/usr/share/f\nmknod\tc1:3\t/var/null\n");
    // The bits are not for this machine; the pipe is.
    assert_eq!(fs::metadata(tool.path("upper/usr/share/f")).unwrap().mode() & 0o7777, 0o755);
    assert!(!tool.path("upper/var/null").exists());
    assert!(fs::metadata(tool.path("upper/var/pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn binds_and_variables() {
    let tool = Tool::new();
    tree::write(&tool.path("shared"), "in", "in\n");
    let mut command = tool.command();
    command.arg("--lower").arg(tool.programs.path());
    command.arg("--bind").arg(tool.path("shared")).arg("/work/rw");
    command.arg("--ro-bind").arg(tool.path("shared")).arg("/work/ro");
    command.args(["--setenv", "PATH", "/bin", "--setenv", "A", "b c", "--chdir", "/work/rw"]);
    let script = "cat in; echo \"$A\"; echo out > out; echo x > /work/ro/x";
    let output = command.args(["--", "sh", "-c", script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "in\nb c\n");
    assert_eq!(tree::read(tool.path("shared/out")), "out\n");
    assert!(String::from_utf8(output.stderr).unwrap().contains("Read-only file system"));
    assert!(!tool.path("shared/x").exists());
}

#[test]
fn a_layers_own_links_lead_nowhere_on_the_host() {
    let tool = Tool::new();
    tree::write(&tool.path("host"), "secret", "secret\n");
    let evil = tool.path("evil");
    tree::write(&evil, "usr/share/x", "");
    std::os::unix::fs::symlink(tool.path("host"), evil.join("opt")).unwrap();
    std::os::unix::fs::symlink("/", evil.join("usr/share/up")).unwrap();
    let mut command = tool.command();
    command.arg("--lower").arg(&evil).arg("--lower").arg(tool.programs.path());
    let script = format!("ls /opt; cat /usr/share/up{}", tool.path("host/secret").display());
    let output = command.args(["--", "/bin/sh", "-c", &script]).output().unwrap();
    assert_eq!(output.stdout, b"");
    assert_eq!(String::from_utf8(output.stderr).unwrap().matches("No such file").count(), 2);
}

#[test]
fn what_is_left_running_ends_with_the_program() {
    let tool = Tool::new();
    // It holds the output open, so that its word would be waited for.
    let output = tool.run("(sleep 60; echo late) & exit 7");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(7), &b""[..]));
}

#[test]
fn wrong_command_lines() {
    let tool = Tool::new();
    for (words, message) in [
        (&["--lower", "/", "--"][..], "error: no program is given\n"),
        (&["--", "true"], "error: no layer is given\n"),
        (&["--lower", "/", "--upper", "/x", "--", "true"], "error: --upper and --work go together\n"),
        (&["--lowr", "/", "--", "true"], "error: unknown option '--lowr'\nhint: did you mean `--lower`?\n"),
        (&["--lower", "/", "--report-fd", "77", "--", "true"], "error: 77 is not an open descriptor\n"),
        (
            &["--lower", "/", "--bind", "/", "../x", "--", "true"],
            "error: '../x' is not a place in the sandbox: an absolute path without ..\n",
        ),
    ] {
        let output = tool.command().args(words).output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (Some(2), message)
        );
    }
}

#[test]
fn scripts_that_root_runs_do_not_change_the_machine() {
    let output = Tool::new().run(crate::app::SETTINGS);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "done\n");
}
