//! Files of the host only where granted, and read-only where granted so.

use crate::installed::{Installed, write};

#[test]
fn no_passwords_of_the_host() {
    let app = Installed::merged();
    app.refuses_other(
        &["stat", "/etc/shadow"],
        &["open-read", "/etc/shadow"],
        "ENOENT",
        "there is no such file",
    );
    assert_eq!(app.run("cat /etc/shadow").stderr, "cat: /etc/shadow: No such file or directory\n");
    // No other user of the host is known, either.
    let users = app.run("cat /etc/passwd").stdout;
    assert_eq!(users.lines().count(), 3, "{users}");
}

#[test]
fn the_runtime_cannot_be_changed_though_its_files_are_the_users() {
    let app = Installed::merged();
    let outside = app.runtime().join("files/x");
    app.refuses_other(
        &["open-write", outside.to_str().unwrap()],
        &["open-write", "/usr/x"],
        "EROFS",
        "none known",
    );
    for path in ["/etc/x", "/x", "/run/x", "/dev/x", "/usr/bin/sh"] {
        assert!(["EROFS", "EACCES", "ETXTBSY"].contains(&&*app.inside(&["open-write", path])), "{path}");
    }
}

#[test]
fn no_files_of_the_home_unless_granted() {
    let app = Installed::merged();
    app.home.write("secret", "secret\n").unwrap();
    let secret = app.home.path().join("secret");
    let secret = secret.to_str().unwrap();
    app.refuses(&["open-read", secret], "ENOENT", "none known");
    assert_eq!(app.inside_with(&["--filesystem=home:ro"], &["open-read", secret]), "ok");
    assert_eq!(app.inside_with(&["--filesystem=home:ro"], &["open-write", secret]), "EROFS");
    assert_eq!(app.inside_with(&["--filesystem=home"], &["open-write", secret]), "ok");
    assert_eq!(
        app.inside_with(&["--filesystem=home", "--nofilesystem=~/secret"], &["open-read", secret]),
        "ok",
        "it is a file that reads as empty"
    );
    assert_eq!(app.run_with(&["--filesystem=home", "--nofilesystem=~/secret"], "cat ~/secret").stdout, "");
}

#[test]
fn places_that_are_granted_and_nothing_beside() {
    let app = Installed::merged();
    for path in ["granted/a", "beside/b", "granted/hidden/c", "Music/song"] {
        app.home.write(path, format!("{path}\n")).unwrap();
    }
    app.home.write(".config/user-dirs.dirs", "XDG_MUSIC_DIR=\"$HOME/Music\"\n").unwrap();
    let options = [
        "--filesystem=~/granted:ro",
        "--nofilesystem=~/granted/hidden",
        "--filesystem=xdg-music",
        "--filesystem=~/made:create",
    ];
    let outcome = app.run_with(&options, "cd; cat granted/a Music/song; ls -A granted/hidden; ls; echo x > made/x; echo y > Music/y; echo z > granted/z");
    assert_eq!(outcome.stdout, "granted/a\nMusic/song\nMusic\ngranted\nmade\n");
    assert!(outcome.stderr.contains("granted/z: Read-only file system"), "{}", outcome.stderr);
    assert_eq!(
        (app.home.read("made/x").unwrap(), app.home.read("Music/y").unwrap()),
        ("x\n".into(), "y\n".into())
    );
}

#[test]
fn other_apps_data_stays_hidden_in_a_home_that_is_shown() {
    let app = Installed::merged();
    app.home.write(".var/app/org.other.App/data/secret", "secret\n").unwrap();
    let outcome = app.run_with(&["--filesystem=home"], "ls ~/.var/app; ls -A ~/.local/share/aril; echo x > ~/.var/app/org.test.Hello/data/x; cat ~/.var/app/*/data/*");
    assert_eq!(outcome.stdout, "org.test.Hello\nx\n", "{}", outcome.stderr);
}

/// A link in a place that the app can write is its own word: it leads nowhere else at the next start.
#[test]
fn links_that_the_app_could_have_made_are_not_followed() {
    let app = Installed::merged();
    app.home.write("secret/key", "secret\n").unwrap();
    app.home.write("granted/inner/x", "").unwrap();
    let options = ["--filesystem=~/granted", "--filesystem=~/granted/inner:ro"];
    assert_eq!(app.run_with(&options, "rm -r ~/granted/inner 2>/dev/null; true").code(), 0);
    std::fs::remove_dir_all(app.home.path().join("granted/inner")).unwrap();
    std::os::unix::fs::symlink("../secret", app.home.path().join("granted/inner")).unwrap();
    let outcome = app.run_with(&options, "cat ~/granted/inner/key ~/secret/key");
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.matches("No such file").count()),
        ("", 2),
        "{}",
        outcome.stderr
    );
    // A link of the user's own, outside of what the app can write, is followed and shown.
    std::os::unix::fs::symlink("secret", app.home.path().join("mine")).unwrap();
    assert_eq!(
        app.run_with(&["--filesystem=~/mine:ro"], "cat ~/mine/key; readlink ~/mine").stdout,
        "secret\nsecret\n"
    );
}

#[test]
fn parts_of_the_sandbox_cannot_be_replaced_by_the_hosts() {
    let app = Installed::merged();
    for place in ["/", "/usr", "/etc", "/proc", "/dev", "/run", "/run/host", "/app", "/var", "/.flatpak-info"]
    {
        let option = format!("--filesystem={place}");
        let outcome = app.run_with(
            &["-v", &option],
            "cat /etc/shadow; ls /proc | head -c 0; cat /.flatpak-info | head -n 2",
        );
        assert!(
            outcome.stdout.starts_with("[Application]\nname=org.test.Hello\n"),
            "{place}: {}",
            outcome.stdout
        );
        assert!(outcome.stderr.contains("cannot be shown"), "{place}: {}", outcome.stderr);
    }
}

#[test]
fn the_hosts_system_is_beside_the_sandboxs_own() {
    let app = Installed::merged();
    let script = "ls -d /run/host/usr/bin; cat /run/host/etc/hostname; cat /run/host/etc/shadow";
    let outcome = app.run_with(&["--filesystem=host-os:ro", "--filesystem=host-etc:ro"], script);
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    assert_eq!(outcome.stdout, format!("/run/host/usr/bin\n{name}"));
    assert!(outcome.stderr.contains("/run/host/etc/shadow: Permission denied"), "{}", outcome.stderr);
}

#[test]
fn what_runs_on_a_host_without_a_place_is_told() {
    let app = Installed::merged();
    write(&app.home.path(), "x", "");
    let outcome = app.run_with(&["--filesystem=~/missing"], "ls ~/missing");
    assert_eq!(outcome.stdout, "");
}
