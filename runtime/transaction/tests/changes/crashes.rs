//! Killed at any moment, out of space, cut off: the old state or the new one, and nothing of either left behind.
//!
//! The moments of a kill are taken from the run's own trace of renames, links and flushes, not from a clock. `ARIL_CRASH_MOMENTS` says how many
//! of them are tried, evenly spread; if it says nothing, 20 of an install and of an update, and 10 of what else there is.

use std::process::Command;

use crate::kit::{APP, RUNTIME, Sample, World, text};

/// The calls by which a change becomes visible or lasting.
const CALLS: &str =
    "renameat,renameat2,rename,fsync,fdatasync,syncfs,linkat,symlinkat,unlinkat,mkdirat,ftruncate";

#[test]
fn an_install_that_is_killed() {
    let prepare = World::with_app;
    try_all(20, prepare, &["install", "-y", "r", "org.test.Hello"], &|world, moment| {
        // Without the app, or with all of it.
        if world.active(APP).is_some() {
            assert!(world.active(RUNTIME).is_some(), "{moment}: an app without its runtime");
            assert_works(world, moment, &["1\n"]);
        }
        world.ok(&["install", "-y", "--or-update", "r", "org.test.Hello"]);
    });
}

#[test]
fn an_update_that_is_killed() {
    let prepare = || {
        let world = World::with_installed_app();
        let mut runtime = Sample::runtime();
        runtime.timestamp += 10;
        runtime.add("files/lib/new", "2");
        world.publish(&runtime);
        world.publish(&Sample::app(2));
        world
    };
    try_all(20, prepare, &["update", "-y"], &|world, moment| {
        assert_works(world, moment, &["1\n", "2\n"]);
        world.ok(&["update", "-y"]);
        assert_works(world, moment, &["2\n"]);
    });
}

#[test]
fn a_removal_that_is_killed() {
    try_all(10, World::with_installed_app, &["uninstall", "-y", "org.test.Hello"], &|world, moment| {
        if world.active(APP).is_some() {
            assert_works(world, moment, &["1\n"]);
            world.ok(&["uninstall", "-y", "org.test.Hello"]);
        } else {
            world.ok(&["repair", "-y"]);
        }
    });
}

#[test]
fn a_rollback_that_is_killed() {
    let prepare = || {
        let world = World::with_installed_app();
        world.publish(&Sample::app(2));
        world.ok(&["update", "-y"]);
        world
    };
    let first = |world: &World| assert_works(world, "in the end", &["1\n"]);
    try_all(10, prepare, &["rollback", "-y", "org.test.Hello", "1.0"], &|world, moment| {
        assert_works(world, moment, &["1\n", "2\n"]);
        let is_back = std::fs::read(world.place().join(APP).join("active/files/share/doc/only-in-1")).is_ok();
        if is_back {
            drop(world.ok(&["repair", "-y"]))
        } else {
            drop(world.ok(&["rollback", "-y", "org.test.Hello", "1.0"]))
        }
        first(world);
    });
}

/// The app that is active is whole: its program says one of the versions, its record, metadata and exports are those of its commit.
fn assert_works(world: &World, moment: &str, versions: &[&str]) {
    let deploy = world
        .installation()
        .active(&APP.parse().unwrap())
        .unwrap()
        .unwrap_or_else(|| panic!("{moment}: no app"));
    let program = deploy.dir().path().join("files/bin/hello");
    let output = Command::new("/bin/sh").arg(&program).output().unwrap();
    let said = text(&output.stdout);
    assert!(versions.contains(&&*said), "{moment}: {said:?} {}", text(&output.stderr));
    assert_eq!(deploy.record().unwrap().commit, deploy.commit().as_str(), "{moment}");
    deploy.metadata().unwrap();
    world.repo().verify_reachable(deploy.commit()).unwrap();
    let runtime = world.installation().active(&RUNTIME.parse().unwrap()).unwrap();
    assert!(
        runtime.is_some_and(|deploy| deploy.files().unwrap().exists("bin/sh").unwrap()),
        "{moment}: no runtime"
    );
}

/// Kills a command at each of the moments, lets `go_on` look and finish it, and compares with a run that nobody killed.
fn try_all(few: usize, prepare: impl Fn() -> World, line: &[&str], go_on: &dyn Fn(&World, &str)) {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: strace is not installed, by which the program is killed");
        return;
    }
    let whole = prepare();
    let events = trace(&whole, line);
    let expected = state(&whole);
    let count: usize =
        std::env::var("ARIL_CRASH_MOMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(few);
    assert!(events.len() >= 20, "only {} moments: {events:?}", events.len());
    let mut killed = 0;
    for index in 0..count.min(events.len()) {
        let event = &events[index * events.len() / count.min(events.len())];
        let moment = format!("{line:?} killed at {} number {}", event.0, event.1);
        let world = prepare();
        killed += usize::from(kill_at(&world, line, event));
        go_on(&world, &moment);
        assert_same(&state(&world), &expected, &moment);
        assert_eq!(world.repo().verify().unwrap(), [], "{moment}");
    }
    // The threads of a copy share the work differently each time, so now and then a call has no such number.
    assert!(killed * 10 >= count.min(events.len()) * 9, "only {killed} of {count} were killed");
}

/// What lies in the installation and in the user's own directories, but for what differs between any two runs.
fn state(world: &World) -> Vec<String> {
    let home = world.home().display().to_string();
    let data = world.home().join(".local/share");
    let lines = crate::kit::listing(&data).into_iter().map(|line| line.replace(&home, "HOME"));
    // Objects are counted by fsck; what a kept version is called does not matter here.
    lines.filter(|line| !line.starts_with("aril/repo/objects/")).collect()
}

fn assert_same(got: &[String], wanted: &[String], moment: &str) {
    let left: Vec<_> = got.iter().filter(|line| !wanted.contains(line)).collect();
    let missing: Vec<_> = wanted.iter().filter(|line| !got.contains(line)).collect();
    assert!(left.is_empty() && missing.is_empty(), "{moment}: left {left:#?}, missing {missing:#?}");
}

/// Runs the command to its end and returns its calls, each with its number among those of its name.
fn trace(world: &World, line: &[&str]) -> Vec<(String, usize)> {
    let log = world.base.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-e", &format!("trace={CALLS}"), "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_aril-change"))
        .args(line);
    world.dress(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut events = Vec::new();
    for call in std::fs::read_to_string(log).unwrap().lines() {
        let Some((name, _)) = call.split_once('(') else { continue };
        if CALLS.split(',').any(|known| known == name) {
            let count = counts.entry(name.to_owned()).or_default();
            *count += 1;
            events.push((name.to_owned(), *count));
        }
    }
    events
}

/// Kills the command as it enters a call; returns whether it came so far.
fn kill_at(world: &World, line: &[&str], (name, number): &(String, usize)) -> bool {
    let mut command = Command::new("strace");
    command.args([
        "-e",
        &format!("trace={name}"),
        "-e",
        &format!("inject={name}:signal=KILL:when={number}"),
        "-o",
        "/dev/null",
    ]);
    command.arg(env!("CARGO_BIN_EXE_aril-change")).args(line);
    world.dress(&mut command);
    let output = command.output().unwrap();
    !output.status.success()
}

#[test]
fn a_full_disk_leaves_the_old_version() {
    let world = World::with_installed_app();
    let config = world.place().join("repo/config");
    // On a disk this small, libostree would keep all of it free.
    let text_of = std::fs::read_to_string(&config).unwrap().replace("500MB", "0MB");
    std::fs::write(&config, text_of).unwrap();
    let mut large = Sample::app(2);
    let noise: String = (0..3_000_000_u32)
        .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    large.add("files/share/large", &noise);
    world.publish(&large);
    let script = r#"
        set -e
        cp -a "$HOME" "$HOME.copy"
        mount -t tmpfs -o size=2m tmpfs "$HOME"
        cp -a "$HOME.copy/." "$HOME"
        cd "$HOME/.local/share/aril"
        before=$(readlink app/org.test.Hello/x86_64/stable/active)
        if "$0" update -y; then echo updated; exit 1; fi
        test "$(readlink app/org.test.Hello/x86_64/stable/active)" = "$before"
        sh app/org.test.Hello/x86_64/stable/active/files/bin/hello
        "$0" rollback -y org.test.Hello 2>&1 | grep -q 'no other version' && echo nothing half kept
        mount -o remount,size=20m tmpfs "$HOME"
        "$0" update -y
        sh app/org.test.Hello/x86_64/stable/active/files/bin/hello
        ls -A | grep -E 'staging|unfinished' || echo nothing left
        ostree fsck --repo=repo >/dev/null && echo sound
    "#;
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        env!("CARGO_BIN_EXE_aril-change"),
    ]);
    world.dress(&mut command);
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    if said.contains("unshare failed") || said.contains("mount: ") {
        eprintln!("skipped: no small disk can be mounted here: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(text(&output.stdout), "1\nnothing half kept\n2\nnothing left\nsound\n");
}

#[test]
fn two_changes_at_once_wait_for_each_other() {
    let world = World::with_app();
    let lock = world.dir().lock(".lock", aril_beneath::LockKind::Exclusive).unwrap();
    let mut child = world.command(&["install", "-y", "r", "org.test.Hello"]);
    let child =
        child.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(world.active(APP), None);
    drop(lock);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(
        text(&output.stderr).contains("waiting until another change has ended"),
        "{}",
        text(&output.stderr)
    );
    assert!(world.active(APP).is_some());
}

/// Damage, and how it is done.
type Damage = (&'static str, fn(&World));

const DAMAGES: &[Damage] = &[
    ("a changed object", |world| std::fs::write(object(world, "files/bin/hello"), "changed").unwrap()),
    ("a lost object", |world| std::fs::remove_file(object(world, "files/share/doc/same")).unwrap()),
    ("a lost file of the deploy", |world| {
        std::fs::remove_file(deploy(world).join("files/bin/hello")).unwrap()
    }),
    ("a lost record", |world| std::fs::remove_file(deploy(world).join("deploy")).unwrap()),
    ("an odd record", |world| std::fs::write(deploy(world).join("deploy"), "x").unwrap()),
    ("lost metadata", |world| std::fs::remove_file(deploy(world).join("metadata")).unwrap()),
    ("a lost deploy", |world| std::fs::remove_dir_all(deploy(world)).unwrap()),
    ("a lost export", |world| {
        std::fs::remove_file(world.place().join("exports/share/applications/org.test.Hello.desktop"))
            .unwrap();
    }),
    ("a lost current", |world| {
        std::fs::remove_file(world.place().join("app/org.test.Hello/current")).unwrap()
    }),
    ("a lost ref", |world| {
        std::fs::remove_file(world.place().join(format!("repo/refs/heads/deploy/{APP}"))).unwrap();
    }),
    ("a staging directory", |world| std::fs::create_dir_all(world.place().join(".staging/0/files")).unwrap()),
    ("a temporary name", |world| std::fs::write(world.place().join("exports/.x.1-2.tmp"), "").unwrap()),
    ("a link of ours that leads nowhere", |world| {
        let target = world.place().join("exports/share/applications/org.test.Gone.desktop");
        let link = world.home().join(".local/share/applications/org.test.Gone.desktop");
        std::os::unix::fs::symlink(target, link).unwrap();
    }),
    ("a writer that was killed", |world| {
        std::fs::create_dir_all(world.place().join("repo/tmp/aril-1-1")).unwrap();
    }),
    ("a lost link of a menu", |world| {
        std::fs::remove_file(world.home().join(".local/share/applications/org.test.Hello.desktop")).unwrap();
    }),
    ("an app's directory without a deploy", |world| {
        std::fs::create_dir_all(world.place().join("app/org.test.Gone/x86_64/stable")).unwrap();
        std::os::unix::fs::symlink("x86_64/stable", world.place().join("app/org.test.Gone/current")).unwrap();
    }),
];

/// The object of a file of the app.
fn object(world: &World, path: &str) -> std::path::PathBuf {
    let tree = world.repo().tree(&world.active(APP).unwrap()).unwrap();
    let sum = tree.file(path).unwrap().checksum.to_string();
    world.place().join(format!("repo/objects/{}/{}.file", &sum[..2], &sum[2..]))
}

fn deploy(world: &World) -> std::path::PathBuf {
    world.place().join(APP).join(world.active(APP).unwrap().as_str())
}

#[test]
fn damage_is_mended() {
    let world = World::with_installed_app();
    let whole = state(&world);
    for (name, damage) in DAMAGES {
        damage(&world);
        world.ok(&["repair", "-y"]);
        assert_same(&state(&world), &whole, name);
        assert_eq!(world.repo().verify().unwrap(), [], "{name}");
        assert_works(&world, name, &["1\n"]);
        let said = world.ok(&["repair", "--dry-run"]);
        assert!(said.contains("nothing is damaged"), "{name}: {said}");
    }
}
