//! What an installation makes, and what it says.

use crate::kit::{APP, RUNTIME, Sample, World, launcher};

#[test]
fn an_app_and_its_runtime_in_flatpaks_layout() {
    let world = World::with_installed_app();
    let (app, runtime) = (world.active(APP).unwrap(), world.active(RUNTIME).unwrap());
    let listing = world.listing();
    let has = |path: &str| assert!(listing.iter().any(|line| line == path), "{path} not in {listing:#?}");
    has(&format!("{APP}/active -> {app}"));
    has("app/org.test.Hello/current -> x86_64/stable");
    for inner in ["metadata", "deploy", "files/.ref", "files/bin/hello", "export/bin/org.test.Hello"] {
        has(&format!("{APP}/{app}/{inner}"));
    }
    for inner in ["files/etc/passwd", "files/etc/group", "files/etc/machine-id", "files/.ref"] {
        has(&format!("{RUNTIME}/{runtime}/{inner}"));
    }
    has(&format!("{RUNTIME}/{runtime}/files/etc/resolv.conf -> /run/host/monitor/resolv.conf"));
    has(
        "exports/share/applications/org.test.Hello.desktop -> ../../../app/org.test.Hello/current/active/export/share/applications/org.test.Hello.desktop",
    );
    has("exports/bin/org.test.Hello -> ../../app/org.test.Hello/current/active/export/bin/org.test.Hello");
    has(&format!("repo/refs/heads/deploy/{APP}"));
    has(&format!("repo/refs/remotes/r/{APP}"));
    has(".changed");
    assert!(
        !listing.iter().any(|line| line.starts_with(".staging") || line == ".unfinished"),
        "{listing:#?}"
    );
    let record = world.installation().active(&APP.parse().unwrap()).unwrap().unwrap().record().unwrap();
    assert_eq!((record.origin.as_str(), record.commit.as_str()), ("r", app.as_str()));
    assert_eq!(record.texts["runtime"], "org.test.Platform/x86_64/f1");
    assert_eq!(
        (record.texts["appdata-name"].as_str(), record.texts["appdata-version"].as_str()),
        ("Hello", "1.0")
    );
    assert_eq!(record.timestamp, Some(1_700_000_001));
}

#[test]
fn files_are_names_of_the_objects_and_their_times_are_zero() {
    let world = World::with_installed_app();
    let app = world.active(APP).unwrap();
    let dir = world.dir();
    let file = world.repo().tree(&app).unwrap().file("files/bin/hello").unwrap().checksum.to_string();
    let object = dir.stat(format!("repo/objects/{}/{}.file", &file[..2], &file[2..])).unwrap();
    let deployed = dir.stat(format!("{APP}/{app}/files/bin/hello")).unwrap();
    assert_eq!(object.identity, deployed.identity);
    for path in ["files", "files/bin", "files/bin/hello", "files/share/doc"] {
        assert_eq!(dir.stat(format!("{APP}/{app}/{path}")).unwrap().modified, 0, "{path}");
    }
    let lock = dir.stat(format!("{APP}/{app}/files/.ref")).unwrap();
    let other = dir.stat(format!("{RUNTIME}/{}/files/.ref", world.active(RUNTIME).unwrap())).unwrap();
    assert_ne!(lock.identity, other.identity, "each deploy has a lock of its own");
}

#[test]
fn exports_are_written_anew() {
    let world = World::with_installed_app();
    let read = |path: &str| {
        world
            .dir()
            .read_to_string(format!("{APP}/{}/export/{path}", world.active(APP).unwrap()), 1 << 20)
            .unwrap()
    };
    let starter = format!("{} run --branch=stable --arch=x86_64", starter());
    assert_eq!(
        read("share/applications/org.test.Hello.desktop"),
        format!(
            "[Desktop Entry]\nType=Application\nName=Hello\nIcon=org.test.Hello\nExec={starter} --command=hello --file-forwarding org.test.Hello @@u %U @@\nX-Flatpak=org.test.Hello\n"
        )
    );
    assert_eq!(
        read("share/dbus-1/services/org.test.Hello.service"),
        format!(
            "[D-BUS Service]\nName=org.test.Hello\nExec={starter} --command=/app/bin/hello org.test.Hello --service\n"
        )
    );
    assert_eq!(read("bin/org.test.Hello"), format!("#!/bin/sh\nexec {starter} org.test.Hello \"$@\"\n"));
    assert_eq!(
        world
            .dir()
            .stat(format!("{APP}/{}/export/bin/org.test.Hello", world.active(APP).unwrap()))
            .unwrap()
            .mode,
        0o755
    );
    let desktop = world.place().join("exports/share/applications/org.test.Hello.desktop");
    crate::kit::program("desktop-file-validate", &[desktop.to_str().unwrap()]);
}

fn starter() -> String {
    let beside = std::path::Path::new(env!("CARGO_BIN_EXE_aril-change")).parent().unwrap();
    beside.join("aril-launch").display().to_string()
}

#[test]
fn menus_see_the_app_without_a_new_login() {
    let world = World::with_installed_app();
    let own = world.home().join(".local/share");
    for path in [
        "applications/org.test.Hello.desktop",
        "icons/hicolor/scalable/apps/org.test.Hello.svg",
        "metainfo/org.test.Hello.metainfo.xml",
        "mime/packages/org.test.Hello.xml",
        "dbus-1/services/org.test.Hello.service",
    ] {
        let target = std::fs::read_link(own.join(path)).unwrap();
        assert_eq!(target, world.place().join("exports/share").join(path));
        assert!(own.join(path).exists(), "{path} leads somewhere");
    }
    if launcher().is_none() {
        eprintln!("skipped: the caches, since aril-launch is not built (cargo build -p aril-launcher)");
        return;
    }
    for cache in [
        "aril/exports/share/applications/mimeinfo.cache",
        "aril/exports/share/mime/mime.cache",
        "mime/mime.cache",
    ] {
        assert!(own.join(cache).exists(), "{cache}");
    }
    let globs = std::fs::read_to_string(own.join("mime/globs2")).unwrap();
    assert!(globs.contains("5:application/x-hello:*.hello"), "{globs}");
}

#[test]
fn what_is_the_users_own_stays() {
    let world = World::with_app();
    let own = world.home().join(".local/share/applications");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("org.test.Hello.desktop"), "mine").unwrap();
    let said = world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert!(said.contains("is your own file and stays"), "{said}");
    world.ok(&["uninstall", "-y", "org.test.Hello"]);
    assert_eq!(std::fs::read_to_string(own.join("org.test.Hello.desktop")).unwrap(), "mine");
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let world = World::with_app();
    let before = world.listing();
    let said = world.fails(&["install", "r", "org.test.Hello"]);
    assert!(said.contains("error: nobody can be asked: Proceed?"), "{said}");
    assert!(said.contains("hint: `--yes` answers yes"), "{said}");
    let shown = world.prints(&["install", "--dry-run", "r", "org.test.Hello"]);
    assert!(shown.contains("install  org.test.Hello (stable) from r\n"), "{shown}");
    assert!(shown.contains("can use the network\n"), "{shown}");
    let strip =
        |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("repo/")).collect::<Vec<_>>();
    assert_eq!(strip(world.listing()), strip(before), "nothing is there but what the commits say");
    assert_eq!(world.repo().refs("").unwrap().len(), 0);
}

#[test]
fn plans_and_reports_as_json() {
    let world = World::with_app();
    let plan: serde_json::Value =
        serde_json::from_str(&world.prints(&["install", "--dry-run", "--json", "r", "org.test.Hello"]))
            .unwrap();
    assert_eq!((plan["version"].as_u64(), plan["done"].as_bool()), (Some(1), Some(false)));
    let refs: Vec<_> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["ref"].as_str().unwrap()).collect();
    assert_eq!(refs, [RUNTIME, APP]);
    assert_eq!(plan["steps"][0]["needed_by"], "org.test.Hello");
    assert_eq!(plan["steps"][1]["effects"].as_array().unwrap().len(), 2);
    let report: serde_json::Value =
        serde_json::from_str(&world.prints(&["install", "-y", "--json", "r", "org.test.Hello"])).unwrap();
    assert_eq!(report["done"], true);
    assert_eq!(report["steps"][1]["new"], world.active(APP).unwrap().as_str());
}

#[test]
fn a_name_alone_is_looked_for_in_all_remotes() {
    let world = World::with_app();
    let said = world.fails(&["install", "-y", "org.test.Helo"]);
    assert!(said.contains("error: no app or runtime named 'org.test.Helo' in remote 'r'\nhint: did you mean `org.test.Hello`?"), "{said}");
    world.ok(&["install", "-y", "hello"]);
    assert!(world.active(APP).is_some());
    let said = world.fails(&["install", "-y", "hello"]);
    assert!(said.contains("is installed already"), "{said}");
    world.ok(&["install", "-y", "--or-update", "r", "hello"]);
    world.ok(&["install", "-y", "--reinstall", "r", "hello"]);
}

#[test]
fn what_the_user_accepted_is_kept() {
    let world = World::with_installed_app();
    let id = "org.test.Hello".parse().unwrap();
    let grant = world.installation().grant(&id).unwrap().unwrap();
    let asked = aril_model::Metadata::parse(&Sample::app(1).metadata).unwrap().context;
    assert_eq!(*grant.context(), asked);
    world.ok(&["uninstall", "-y", "org.test.Hello"]);
    assert!(world.installation().grant(&id).unwrap().is_none());
}

#[test]
fn the_systems_installation_by_root() {
    let world = World::with_app();
    let is_root = rustix::process::geteuid().is_root();
    let system = world.base.path().join("system");
    if !is_root {
        std::fs::create_dir(&system).unwrap();
        let closed: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o555);
        std::fs::set_permissions(&system, closed).unwrap();
        let said = world.fails(&["remote-add", "--system", "--no-gpg-verify", "r", &world.url()]);
        assert!(said.contains("can only be changed by root\nhint: `--user` changes your own"), "{said}");
        return;
    }
    world.ok(&["remote-add", "--system", "--no-gpg-verify", "r", &world.url()]);
    world.ok(&["install", "--system", "-y", "r", "org.test.Hello"]);
    assert!(system.join(APP).join("active").exists());
    assert!(!world.home().join(".local/share/applications").exists(), "nothing of the user's is touched");
    let mode = |path: &str| Dir::open(&system).unwrap().stat(path).unwrap().mode;
    assert_eq!((mode("repo"), mode("app"), mode("exports/share/applications")), (0o755, 0o755, 0o755));
    // Named without --system, it is found where it is.
    world.ok(&["uninstall", "-y", "org.test.Hello"]);
    assert!(!system.join(APP).exists());
}

use aril_beneath::Dir;
