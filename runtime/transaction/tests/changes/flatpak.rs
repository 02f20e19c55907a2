//! Stock flatpak on the same directory: it lists and describes what we installed, and we read what it installed.

use std::process::Command;

use crate::kit::{APP, RUNTIME, Sample, World, text};

/// Runs flatpak on our directory, on a bus of its own, which also stands for the system's.
fn flatpak(world: &World, arguments: &str) -> String {
    let script =
        format!("export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS; exec flatpak --user {arguments}");
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "sh", "-c", &script]);
    world.dress(&mut command);
    command.env("FLATPAK_USER_DIR", world.place()).env("FLATPAK_SYSTEM_DIR", world.base.path().join("none"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "flatpak {arguments}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn is_there() -> bool {
    let there = ["flatpak", "dbus-run-session"]
        .iter()
        .all(|name| Command::new(name).arg("--version").output().is_ok());
    if !there {
        eprintln!("skipped: flatpak or dbus-run-session is not installed");
    }
    there
}

#[test]
fn flatpak_reads_what_we_install() {
    if !is_there() {
        return;
    }
    let world = World::with_installed_app();
    let listed = flatpak(&world, "list --columns=application,version,branch,origin,name");
    assert!(listed.contains("org.test.Hello\t1.0\tstable\tr\tHello"), "{listed}");
    assert!(listed.contains("org.test.Platform"), "{listed}");
    let info = flatpak(&world, "info org.test.Hello");
    assert!(
        info.contains(world.active(APP).unwrap().as_str())
            && info.contains("Runtime: org.test.Platform/x86_64/f1"),
        "{info}"
    );
    assert_eq!(
        flatpak(&world, "info --show-metadata org.test.Hello").trim_end(),
        Sample::app(1).metadata.trim_end()
    );
    flatpak(&world, "repair --dry-run");
    world.publish(&Sample::app(2));
    flatpak(&world, "update -y --noninteractive org.test.Hello");
    let second = world.active(APP).unwrap();
    let record = world.installation().active(&APP.parse().unwrap()).unwrap().unwrap().record().unwrap();
    assert_eq!((record.origin.as_str(), record.commit.as_str()), ("r", second.as_str()));
    world.publish(&Sample::app(3));
    world.ok(&["update", "-y"]);
    assert_ne!(world.active(APP), Some(second));
    flatpak(&world, "uninstall -y --noninteractive org.test.Hello");
    assert_eq!(world.active(APP), None);
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert!(world.active(APP).is_some());
    crate::kit::program("ostree", &["fsck", &format!("--repo={}", world.place().join("repo").display())]);
}

#[test]
fn we_read_what_flatpak_installs() {
    if !is_there() {
        return;
    }
    let world = World::new();
    world.publish(&Sample::runtime());
    world.publish(&Sample::app(1));
    std::fs::create_dir_all(world.place()).unwrap();
    flatpak(&world, &format!("remote-add --no-gpg-verify r {}", world.url()));
    flatpak(&world, "install -y --noninteractive r org.test.Hello");
    assert!(world.active(APP).is_some() && world.active(RUNTIME).is_some());
    let second = world.publish(&Sample::app(2));
    world.ok(&["update", "-y"]);
    assert_eq!(world.active(APP), Some(second));
    world.ok(&["rollback", "-y", "org.test.Hello"]);
    world.ok(&["uninstall", "-y", "org.test.Hello"]);
    world.ok(&["uninstall", "-y", "--unused"]);
    assert_eq!(flatpak(&world, "list --columns=application").trim(), "");
}

#[test]
fn a_repository_made_by_flatpak() {
    if !is_there() {
        return;
    }
    let world = World::new();
    let script = "set -e; mkdir -p app/files/bin rt/usr/bin
        printf '[Runtime]\\nname=org.test.Platform\\n' > rt/metadata; echo sh > rt/usr/bin/sh
        flatpak build-export --runtime --files=usr repo rt f1
        printf '[Application]\\nname=org.test.Hello\\nruntime=org.test.Platform/x86_64/f1\\nsdk=org.test.Platform/x86_64/f1\\n' > app/metadata
        echo hello > app/files/bin/hello; chmod 755 app/files/bin/hello
        flatpak build-finish --command=hello --share=network app
        flatpak build-export repo app stable
        flatpak build-update-repo repo";
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    world.dress(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let url = format!("file://{}/repo", world.base.path().display());
    world.ok(&["remote-add", "--no-gpg-verify", "r", &url]);
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    let deploy = world.installation().active(&APP.parse().unwrap()).unwrap().unwrap();
    assert!(deploy.files().unwrap().stat("bin/hello").unwrap().mode & 0o111 != 0);
}
