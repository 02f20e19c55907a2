//! Starting an app: what it sees, what it leaves, how it ends.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::kit::{ID, Ran, TestApp};
use crate::tree;

#[test]
fn command_and_arguments_arrive() {
    for app in [TestApp::merged(), TestApp::plain()] {
        let ran = Ran::of(&app.launcher().args([ID, "a b", "--share=network", ""]).output().unwrap());
        assert_eq!(ran.ok(), "hello a b --share=network \n");
    }
}

#[test]
fn layers_of_a_merged_app() {
    let app = TestApp::merged();
    let script = "cat /usr/share/both.txt /usr/share/derived.txt /etc/both.conf /etc/runtime.conf /etc/derived.conf /opt/vendor/file; ls -A /app; readlink /bin";
    assert_eq!(app.run(script).ok(), "app\nderived\napp\nruntime\nderived\nopt\nusr/bin\n");
}

#[test]
fn flatpaks_layout() {
    let app = TestApp::plain();
    let script = "cat /usr/share/both.txt /etc/runtime.conf; ls /app/bin; hello; ls -A /var";
    assert_eq!(
        app.run(script).ok(),
        "runtime\nruntime\nhello\nhello\ncache\nconfig\ndata\nlib\nlock\nrun\ntmp\n"
    );
}

#[test]
fn exit_codes() {
    let app = TestApp::merged();
    assert_eq!(app.run("exit 42").code, Some(42));
    assert_eq!(app.run("kill -9 $$").code, Some(137));
    assert_eq!(app.run("kill -TERM $$").code, Some(143));
    for (command, code, message) in [
        ("no-such", 127, "error: cannot start 'no-such' in the sandbox: there is no such program in it\n"),
        (
            "/etc/passwd",
            126,
            "error: cannot start '/etc/passwd' in the sandbox: it is not a program that can be started\n",
        ),
    ] {
        let ran = Ran::of(&app.launcher().args([&format!("--command={command}"), ID]).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), message));
    }
}

#[test]
fn names_that_are_not_installed_or_short() {
    let app = TestApp::merged();
    let run = |words: &[&str]| Ran::of(&app.launcher().args(words).output().unwrap());
    assert_eq!(run(&["hello", "x"]).ok(), "hello x\n");
    let ran = run(&["org.test.Helo"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (Some(125), "error: 'org.test.Helo' is not installed\nhint: did you mean `org.test.Hello`?\n")
    );
    let ran = run(&["--branch=f9", ID]);
    assert_eq!(ran.err.lines().next(), Some("error: 'org.test.Hello//f9' is not installed"));
    fs::remove_dir_all(app.installation().join("runtime")).unwrap();
    let ran = run(&[ID]);
    let arch = std::env::consts::ARCH;
    assert_eq!(
        ran.err,
        format!(
            "error: 'org.test.Hello' needs the runtime 'org.test.Platform/{arch}/f1', which is not installed\nhint: `aril install org.test.Platform/{arch}/f1`\n"
        )
    );
}

#[test]
fn identity_inside_and_outside() {
    let app = TestApp::merged();
    let script = "cat /.flatpak-info; ls /run/flatpak/.flatpak/*/; echo $FLATPAK_ID; stat -c '%F %a' /.flatpak-info; echo x > /.flatpak-info";
    let ran = app.run(script);
    assert!(ran.out.starts_with("[Application]\nname=org.test.Hello\n"), "{}", ran.out);
    assert!(
        ran.out.ends_with("bwrapinfo.json\ninfo\npid\norg.test.Hello\nregular file 444\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("Read-only file system") || ran.err.contains("Permission denied"),
        "{}",
        ran.err
    );
}

#[test]
fn instance_is_listed_while_it_runs_and_gone_afterwards() {
    let app = TestApp::merged();
    let mut child = app
        .launcher()
        .args(["--command=sh", ID, "-c", "echo up; head -n1 >/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_line(&mut child, "up\n");
    let running = aril_installation::instances(&app.runtime_dir()).unwrap();
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].name(), ID);
    assert_eq!(running[0].pid, Some(child.id() as i32));
    let first = running[0].child_pid.unwrap();
    let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap();
    assert!(
        status.contains("NSpid:")
            && status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(aril_installation::instances(&app.runtime_dir()).unwrap().len(), 0);
    let left: Vec<String> = fs::read_dir(app.runtime_dir().join(".flatpak"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, [ID], "only the directory that instances share");
    assert_eq!(fs::read_dir(app.runtime_dir().join(".flatpak").join(ID)).unwrap().count(), 1);
}

fn wait_for_line(child: &mut std::process::Child, line: &str) {
    let mut text = vec![0; line.len()];
    child.stdout.as_mut().unwrap().read_exact(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), line);
}

#[test]
fn signals_reach_the_app() {
    let app = TestApp::merged();
    let script = "trap 'echo got; exit 5' TERM; echo up; while :; do sleep 0.1; done";
    let mut child =
        app.launcher().args(["--command=sh", ID, "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_line(&mut child, "up\n");
    signal(child.id(), "TERM");
    wait_for_line(&mut child, "got\n");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

fn signal(pid: u32, name: &str) {
    let status =
        std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn sandbox_ends_with_a_killed_launcher() {
    let app = TestApp::merged();
    let mut child = app
        .launcher()
        .args(["--command=sh", ID, "-c", "echo up; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_line(&mut child, "up\n");
    let first = aril_installation::instances(&app.runtime_dir()).unwrap()[0].child_pid.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while std::path::Path::new(&format!("/proc/{first}")).exists() {
        assert!(Instant::now() < end, "the sandbox outlives its launcher");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The next start finds nothing in its way.
    assert_eq!(app.run("echo again").ok(), "again\n");
}

#[test]
fn what_an_app_leaves_running_goes_on_without_the_caller() {
    let app = TestApp::merged();
    // It goes on until it is told to end, which is after the caller has gone on; should that never be, it gives up.
    let wait = "n=0; until [ -e go ] || [ $n = 600 ]; do sleep 0.1; n=$((n + 1)); done; echo $n > late";
    let script = format!("(cd ~/.var/app/org.test.Hello/data; {wait}) >/dev/null 2>&1 & exit 3");
    assert_eq!(app.run(&script).code, Some(3));
    assert_eq!(aril_installation::instances(&app.runtime_dir()).unwrap().len(), 1);
    tree::write(&app.data(), "data/go", "");
    let end = Instant::now() + Duration::from_secs(60);
    while aril_installation::instances(&app.runtime_dir()).unwrap().len() == 1 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_ne!(tree::read(app.data().join("data/late")), "600\n");
}

#[test]
fn only_the_apps_own_directories_can_be_written() {
    let app = TestApp::merged();
    let script = "for p in / /usr /usr/bin /etc /opt /app /run /run/flatpak /run/host /dev /proc /sys /home ~ ~/.var ~/.var/app; do touch $p/x 2>/dev/null && echo $p; done; for p in ~/.var/app/org.test.Hello /var /var/lib /var/tmp /tmp /dev/shm $XDG_RUNTIME_DIR $XDG_DATA_HOME $XDG_CONFIG_HOME $XDG_CACHE_HOME $XDG_STATE_HOME /run/flatpak/app/org.test.Hello; do touch $p/x || echo not $p; done; exit 0";
    assert_eq!(app.run(script).ok(), "");
}

#[test]
fn var_is_filled_once_for_each_version() {
    let app = TestApp::merged();
    assert_eq!(
        app.run("cat /var/lib/hello/state; echo second > /var/lib/hello/state; readlink /var/run").ok(),
        "first\n../run\n"
    );
    tree::write(&app.app_files(), "var/lib/hello/more", "more\n");
    assert_eq!(app.run("cat /var/lib/hello/state; ls /var/lib/hello").ok(), "second\nstate\n");
    // A new version brings what is missing and leaves what is there.
    fs::write(app.data().join(".aril-var"), "another commit").unwrap();
    assert_eq!(app.run("cat /var/lib/hello/state /var/lib/hello/more").ok(), "second\nmore\n");
    assert_eq!(tree::read(app.app_files().join("var/lib/hello/state")), "first\n");
}

#[test]
fn data_directories_are_private_whatever_the_umask() {
    let app = TestApp::merged();
    let status = std::process::Command::new("sh")
        .args(["-c", "umask 0; exec \"$0\" --command=true org.test.Hello", env!("CARGO_BIN_EXE_aril-launch")])
        .env_clear()
        .env("HOME", app.home())
        .env("XDG_RUNTIME_DIR", app.runtime_dir())
        .status()
        .unwrap();
    assert!(status.success());
    for path in ["", "data", "config", "cache", "var"] {
        assert_eq!(fs::metadata(app.data().join(path)).unwrap().mode() & 0o777, 0o700, "{path}");
    }
}

/// The hole of August 2026 in Flatpak: an app replaces one of its directories by a link, and the next start mounts what it leads to.
#[test]
fn links_in_the_apps_own_directories_are_not_followed() {
    for app in [TestApp::merged(), TestApp::plain()] {
        let app = app.file("secret/file", "secret\n");
        for (name, target) in [
            ("cache", "../../../secret"),
            ("data", "/"),
            ("config", "../../../secret"),
            ("cache/tmp", "../../../../secret"),
        ] {
            assert_eq!(app.run("true").code, Some(0));
            let path = app.data().join(name);
            fs::remove_dir_all(&path).unwrap();
            symlink(target, &path).unwrap();
            let ran = app
                .run("cat /var/cache/file /var/data/file /var/tmp/file ~/.var/app/org.test.Hello/cache/file");
            assert_eq!((ran.out.as_str(), ran.code), ("", Some(125)), "{name}");
            assert!(ran.err.contains("a symbolic link stands where none may be"), "{}", ran.err);
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn persistent_directories_are_kept_and_not_followed() {
    let app =
        TestApp::merged().asking("[Context]\npersistent=.config/x;notes;\n").file("secret/file", "secret\n");
    assert_eq!(app.run("echo kept > ~/notes/n; echo c > ~/.config/x/c").ok(), "");
    assert_eq!(app.run("cat ~/notes/n ~/.config/x/c").ok(), "kept\nc\n");
    assert_eq!(tree::read(app.data().join("notes/n")), "kept\n");
    fs::remove_dir_all(app.data().join("notes")).unwrap();
    symlink("../../../secret", app.data().join("notes")).unwrap();
    let ran = app.run("cat ~/notes/file");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(125)));
}

#[test]
fn whole_home_can_be_the_apps_own() {
    let app = TestApp::merged().asking("[Context]\npersistent=.;\n").file("private", "private\n");
    assert_eq!(
        app.run("echo x > ~/.rc; ls -A ~").ok(),
        ".aril-var\n.local\n.rc\n.var\ncache\nconfig\ndata\nvar\n"
    );
    assert_eq!(app.run("cat ~/.rc ~/.var/app/org.test.Hello/.rc").ok(), "x\nx\n");
}

#[test]
fn the_users_language_and_name_arrive() {
    let app = TestApp::merged()
        .variable("LC_TIME", "de_DE.UTF-8")
        .variable("SECRET_TOKEN", "x")
        .variable("LD_PRELOAD", "/x");
    let home = app.home();
    let script = "echo $LANG $LC_TIME $HOME; env | head -c 0; env | while IFS= read -r l; do case $l in SECRET*|LD_*) echo $l;; esac; done; id -un";
    let ran = app.run(script);
    let mut lines = ran.out.lines();
    assert_eq!(lines.next().unwrap(), format!("C.UTF-8 de_DE.UTF-8 {}", home.display()));
    let name = lines.next().unwrap();
    assert!(!name.is_empty() && lines.next().is_none(), "{}", ran.out);
}

#[test]
fn environment_of_metadata_and_options() {
    let app = TestApp::merged()
        .asking("[Context]\nunset-environment=LANG;\n[Environment]\nA=1\nB=2\nFLATPAK_ID=org.evil.Other\n");
    let script = "echo \"$A-$B-$LANG-$FLATPAK_ID-$C\"";
    assert_eq!(app.run_with(&["--env=B=3", "--env=C=d e"], script).ok(), "1-3--org.test.Hello-d e\n");
    assert_eq!(app.run_with(&["--clear-env"], "echo $USER$LC_ALL").code, Some(0));
}

#[test]
fn dry_run_starts_nothing_and_prints_the_plan() {
    let app = TestApp::merged();
    let text = Ran::of(&app.launcher().args(["--dry-run", ID]).output().unwrap()).ok();
    for line in [
        "runs: hello\n",
        "namespaces of its own: user, mount, pid, network, ipc, cgroup, uts (sandbox)\n",
        "  no capabilities, and none to be gained\n",
        "  /proc/keys  hidden\n",
        "  refused: keyrings (3 calls): they are not namespaced: the app would reach the user's\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let json = Ran::of(&app.launcher().args(["--dry-run", "--json", ID]).output().unwrap()).ok();
    assert!(json.starts_with("{\"version\":1,\"command\":[\"hello\"],"), "{json}");
    assert!(!app.data().exists() && !app.runtime_dir().join(".flatpak").exists());
}

#[test]
fn a_runtime_can_be_looked_into_by_itself() {
    let app = TestApp::merged();
    let words = [
        "--command=sh",
        "runtime/org.test.Platform",
        "-c",
        "cat /usr/share/both.txt; head -n2 /.flatpak-info; ls ~",
    ];
    let ran = Ran::of(&app.launcher().args(words).output().unwrap());
    let arch = std::env::consts::ARCH;
    assert!(
        ran.out.starts_with("runtime\n[Runtime]\nname=org.test.Platform\n"),
        "{} {} {arch}",
        ran.out,
        ran.err
    );
}

#[test]
fn missing_caches_are_made_once() {
    let app = TestApp::merged();
    let derived = app.installation().join("derived");
    let aside = app.home().join("aside");
    fs::rename(&derived, &aside).unwrap();
    let bin = app.home().join("bin");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {0}/called\nmv {0}/aside {1}\n",
        app.home().display(),
        derived.display()
    );
    tree::write(&bin, "aril-change", &script);
    std::process::Command::new("chmod").arg("+x").arg(bin.join("aril-change")).status().unwrap();
    let app = app.variable("ARIL_BIN_DIR", bin.display().to_string());
    let ran = app.run("cat /etc/derived.conf");
    assert_eq!((ran.out.as_str(), ran.code), ("derived\n", Some(0)));
    assert_eq!(
        ran.err,
        "aril-launch: the runtime of 'org.test.Hello' has changed; its caches are made anew\n"
    );
    assert_eq!(app.run("true").ok(), "");
    assert_eq!(
        tree::read(app.home().join("called")),
        format!("derive app/org.test.Hello/{}/rpm\n", std::env::consts::ARCH)
    );
}

#[test]
fn nothing_of_the_callers_descriptors_reaches_the_app() {
    let app = TestApp::merged().file("secret", "secret\n");
    let output = std::process::Command::new("sh")
        .args(["-c", "exec 7<\"$HOME/secret\" 8<\"$HOME\"; exec \"$0\" --command=sh org.test.Hello -c 'ls /proc/self/fd; cat <&7'"])
        .arg(env!("CARGO_BIN_EXE_aril-launch"))
        .env_clear()
        .env("HOME", app.home())
        .env("XDG_RUNTIME_DIR", app.runtime_dir())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.out, "0\n1\n2\n3\n", "3 is that of `ls`");
}

#[test]
fn entering_a_running_sandbox() {
    let app = TestApp::merged().asking("[Environment]\nFROM_APP=1\n");
    let mut child = app
        .launcher()
        .args(["--command=sh", ID, "-c", "echo inside > /tmp/mark; echo up; head -n1 >/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_line(&mut child, "up\n");
    let enter = |words: &[&str]| Ran::of(&app.launcher().arg("enter").args(words).output().unwrap());
    let script = "cat /tmp/mark; echo $FROM_APP $FLATPAK_ID; head -n2 /.flatpak-info; while read -r a b; do case $a in CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo $a $b;; esac; done </proc/self/status; id -u; exit 4";
    let ran = enter(&[ID, "sh", "-c", script]);
    let uid = fs::metadata(app.home()).unwrap().uid();
    let zero = "0000000000000000";
    assert_eq!(
        (ran.out, ran.err.as_str(), ran.code),
        (
            format!(
                "inside\n1 {ID}\n[Application]\nname={ID}\nCapEff: {zero}\nCapBnd: {zero}\nNoNewPrivs: 1\nSeccomp: 2\n{uid}\n"
            ),
            "",
            Some(4)
        )
    );
    let number = aril_installation::instances(&app.runtime_dir()).unwrap()[0].id.to_string();
    assert_eq!(enter(&[&number, "echo", "by number"]).ok(), "by number\n");
    assert_eq!(enter(&[ID, "no-such"]).code, Some(127));
    let ran = enter(&["org.test.Helo", "true"]);
    assert_eq!(ran.err, "error: 'org.test.Helo' does not run\nhint: did you mean `org.test.Hello`?\n");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(
        enter(&[ID, "true"]).err,
        "error: 'org.test.Hello' does not run\nhint: `aril ps` shows what runs\n"
    );
}

/// To the machine's user 0 the kernel opens its settings by that number alone: no capability is asked for.
pub(crate) const SETTINGS: &str = "for p in /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern /proc/sys/kernel/domainname; do v=$(cat $p); (echo \"$v\" > $p) 2>/dev/null && echo wrote $p; done; (: >> /proc/sysrq-trigger) 2>/dev/null && echo pressed; echo done";

#[test]
fn not_even_root_changes_the_machine() {
    for app in [TestApp::merged(), TestApp::plain()] {
        assert_eq!(app.run(SETTINGS).ok(), "done\n");
    }
}
