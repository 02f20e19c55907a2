//! What must not be installed: each with the reason, and nothing done.

use crate::kit::{APP, RUNTIME, Sample, World};
use aril_store::Value;

/// Publishes a changed app and returns why it is refused; the same without the change is installed.
fn refused(change: impl Fn(&mut Sample)) -> String {
    let world = World::with_app();
    let mut sample = Sample::app(2);
    change(&mut sample);
    world.publish(&sample);
    let secret = world.home().join("secret");
    std::fs::create_dir_all(secret.join("bin")).unwrap();
    std::fs::write(secret.join("bin/org.test.Hello"), "mine").unwrap();
    let said = world.fails(&["install", "-y", "r", "org.test.Hello"]);
    assert_eq!(world.active(APP), None, "{said}");
    assert_eq!(world.active(RUNTIME), None, "nothing of the transaction was done");
    assert_eq!(std::fs::read_to_string(secret.join("bin/org.test.Hello")).unwrap(), "mine");
    world.publish(&Sample::app(3));
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert!(!world.dir().exists(".staging").unwrap());
    said
}

#[test]
fn metadata_that_differ_from_what_was_shown() {
    let said = refused(|app| app.metadata_in_tree = Some(app.metadata.replace("network", "network;ipc")));
    assert!(said.contains("what its commit says it may do is not what its tree says"), "{said}");
    refused(|app| app.metadata_in_tree = Some(format!("{}\0[Context]\nfilesystems=host;\n", app.metadata)));
}

#[test]
fn metadata_of_another() {
    let said = refused(|app| app.metadata = app.metadata.replace("org.test.Hello", "org.test.Other"));
    assert!(said.contains("its metadata are those of another"), "{said}");
    refused(|app| app.metadata = app.metadata.replace("[Application]", "[Runtime]"));
    refused(|app| app.metadata = "nonsense".into());
    let said =
        refused(|app| app.metadata = app.metadata.replace("command=hello", "required-flatpak=99.0.0;"));
    assert!(said.contains("it needs what flatpak 99.0.0 can do"), "{said}");
}

#[test]
fn a_commit_that_was_made_for_another_ref() {
    let said = refused(|app| {
        app.values.insert(
            "ostree.ref-binding".into(),
            Value::List(vec!["app/org.test.Other/x86_64/stable".into()]),
        );
    });
    assert!(said.contains("it was made for app/org.test.Other/x86_64/stable"), "{said}");
    refused(|app| {
        app.values.insert("xa.ref".into(), Value::Text("app/org.test.Other/x86_64/stable".into()));
    });
}

#[test]
fn parts_that_come_from_elsewhere() {
    let said = refused(|app| app.metadata.push_str("[Extra Data]\nname=x\n"));
    assert!(said.contains("which is not supported yet"), "{said}");
}

#[test]
fn links_where_directories_must_be() {
    for target in ["/home", "../../../../../../../home/secret", "files"] {
        let said = refused(|app| {
            app.files.retain(|path, _| !path.starts_with("export/"));
            app.link("export", target);
        });
        assert!(said.contains("its tree has no directory 'export'"), "{said}");
    }
    let said = refused(|app| {
        app.files.retain(|path, _| !path.starts_with("files/"));
        app.link("files", "/usr");
    });
    assert!(said.contains("its tree has no directory 'files'"), "{said}");
    let said = refused(|app| app.add("files/.ref/x", "1"));
    assert!(said.contains("where the lock must be"), "{said}");
}

#[test]
fn a_runtime_whose_etc_is_a_link() {
    let world = World::with_app();
    let outside = world.home().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    let mut runtime = Sample::runtime();
    runtime.files.remove("files/etc/os-release");
    runtime.link("files/etc", outside.to_str().unwrap());
    world.publish(&runtime);
    let said = world.fails(&["install", "-y", "r", "org.test.Hello"]);
    assert!(said.contains("its 'etc' is not a directory"), "{said}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    let mut runtime = Sample::runtime();
    runtime.timestamp += 1;
    runtime.link("files/etc/passwd", outside.join("passwd").to_str().unwrap());
    world.publish(&runtime);
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_lock_that_is_a_link_is_replaced() {
    let world = World::new();
    let mut app = Sample::app(1);
    app.link("files/.ref", "/etc/passwd");
    world.publish(&Sample::runtime());
    world.publish(&app);
    world.ok(&["remote-add", "--no-gpg-verify", "r", &world.url()]);
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    let lock = world.dir().stat(format!("{APP}/{}/files/.ref", world.active(APP).unwrap())).unwrap();
    assert_eq!((lock.kind, lock.size), (aril_beneath::EntryKind::File, 0));
}

#[test]
fn exports_beyond_the_list_are_left_out() {
    let world = World::new();
    let mut app = Sample::app(1);
    for path in [
        "export/share/applications/org.other.App.desktop",
        "export/share/applications/org.test.Hello.evil",
        "export/share/applications/sub/org.test.Hello.desktop",
        "export/share/dbus-1/services/org.freedesktop.Notifications.service",
        "export/share/dbus-1/system-services/org.test.Hello.service",
        "export/etc/xdg/autostart/org.test.Hello.desktop",
        "export/share/icons/hicolor/64x64/apps/firefox.png",
        "export/bin/ls",
        "export/share/polkit-1/actions/org.test.Hello.policy",
    ] {
        app.add(path, "[Desktop Entry]\nType=Application\n[D-BUS Service]\nName=org.freedesktop.Notifications\nExec=x\n");
    }
    app.add("export/share/icons/hicolor/64x64/apps/org.test.Hello.png", "no picture");
    app.add(
        "export/share/applications/org.test.Hello.Files.desktop",
        "[Desktop Entry]\nType=Application\nExec=hello @@ /etc/passwd @@\n",
    );
    app.link("export/share/applications/org.test.Hello.Link.desktop", "/etc/passwd");
    world.publish(&Sample::runtime());
    world.publish(&app);
    world.ok(&["remote-add", "--no-gpg-verify", "r", &world.url()]);
    let said = world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert!(said.contains("org.test.Hello.png' was not exported: it is not a PNG picture"), "{said}");
    assert!(said.contains("Files.desktop' was not exported: its Exec line would hand over files"), "{said}");
    let export = world.place().join(APP).join(world.active(APP).unwrap().as_str()).join("export");
    let files: Vec<String> =
        crate::kit::listing(&export).into_iter().filter(|path| path.contains('.')).collect();
    assert_eq!(
        files,
        [
            "bin/org.test.Hello",
            "share/applications/org.test.Hello.desktop",
            "share/dbus-1/services/org.test.Hello.service",
            "share/icons/hicolor/scalable/apps/org.test.Hello.svg",
            "share/metainfo/org.test.Hello.metainfo.xml",
            "share/mime/packages/org.test.Hello.xml",
        ]
    );
}

#[test]
fn another_remote_does_not_take_over() {
    let world = World::with_installed_app();
    world.ok(&["remote-add", "--no-gpg-verify", "other", &world.url()]);
    let said = world.fails(&["install", "-y", "--reinstall", "other", "org.test.Hello"]);
    assert!(said.contains("is installed from the remote 'r', and 'other' is another one"), "{said}");
    assert!(said.contains("hint: `aril uninstall app/org.test.Hello/x86_64/stable` makes room"), "{said}");
}

#[test]
fn a_runtime_that_nobody_has() {
    let world = World::new();
    world.publish(&Sample::app(1));
    world.ok(&["remote-add", "--no-gpg-verify", "r", &world.url()]);
    let said = world.fails(&["install", "-y", "r", "org.test.Hello"]);
    assert!(
        said.contains("needs the runtime 'runtime/org.test.Platform/x86_64/f1', and no remote has it"),
        "{said}"
    );
    world.ok(&["install", "-y", "--no-deps", "r", "org.test.Hello"]);
}
