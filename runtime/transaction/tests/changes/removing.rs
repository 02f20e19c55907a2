//! What goes when something is removed, and what stays.

use crate::kit::{APP, RUNTIME, World};

#[test]
fn nothing_is_left_of_an_app() {
    let world = World::with_app();
    let before = world.listing();
    let own_before = crate::kit::listing(&world.home().join(".local/share"));
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    std::fs::create_dir_all(world.home().join(".var/app/org.test.Hello/data")).unwrap();
    let said = world.fails(&["uninstall", "-y", "runtime/org.test.Platform"]);
    assert!(
        said.contains("error: 'runtime/org.test.Platform/x86_64/f1' is needed by org.test.Hello"),
        "{said}"
    );
    world.ok(&["uninstall", "-y", "org.test.Hello"]);
    assert_eq!(world.active(APP), None);
    assert!(world.active(RUNTIME).is_some());
    assert!(world.home().join(".var/app/org.test.Hello/data").exists(), "what it kept is the user's");
    world.ok(&["uninstall", "-y", "--unused"]);
    let is_ours = |line: &&String| {
        // Directories of its own, and the caches of no entries, are no trace of an app.
        let skeleton = ["exports", "history", ".changed", "app", "runtime", "grants", "derived", ".removed"];
        !skeleton.iter().any(|start| line.starts_with(start)) && !line.starts_with("repo/")
    };
    let left: Vec<String> = world.listing().into_iter().filter(|line| is_ours(&line)).collect();
    assert_eq!(left, before.into_iter().filter(|line| is_ours(&line)).collect::<Vec<_>>());
    let named =
        |lines: &[String]| lines.iter().filter(|line| line.contains("org.test")).cloned().collect::<Vec<_>>();
    assert_eq!(named(&world.listing()), Vec::<String>::new());
    let own = crate::kit::listing(&world.home().join(".local/share"));
    assert_eq!(named(&own), named(&own_before));
    assert_eq!(world.repo().refs("").unwrap().len(), 0);
    assert_eq!(
        world
            .dir()
            .entries("repo/objects")
            .unwrap()
            .iter()
            .map(|entry| world
                .dir()
                .entries(std::path::Path::new("repo/objects").join(&entry.name))
                .unwrap()
                .len())
            .sum::<usize>(),
        0
    );
}

#[test]
fn an_app_that_runs_is_not_removed() {
    let world = World::with_installed_app();
    let app = world.active(APP).unwrap();
    let lock = world.dir().lock(format!("{APP}/{app}/files/.ref"), aril_beneath::LockKind::Shared).unwrap();
    let said = world.fails(&["uninstall", "-y", "org.test.Hello"]);
    assert!(said.contains("is running\nhint: `aril kill org.test.Hello` ends it"), "{said}");
    world.ok(&["uninstall", "-y", "--force-remove", "org.test.Hello"]);
    assert_eq!(world.active(APP), None);
    assert!(
        world.dir().exists(format!(".removed/org.test.Hello-{app}/files/bin/hello")).unwrap(),
        "it can go on"
    );
    drop(lock);
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    assert!(!world.dir().exists(format!(".removed/org.test.Hello-{app}")).unwrap());
}

#[test]
fn data_goes_when_that_is_wanted() {
    let world = World::with_installed_app();
    let data = world.home().join(".var/app");
    std::fs::create_dir_all(data.join("org.test.Other")).unwrap();
    std::fs::create_dir_all(world.home().join("precious")).unwrap();
    std::os::unix::fs::symlink(world.home().join("precious"), data.join("org.test.Hello")).unwrap();
    world.ok(&["uninstall", "-y", "--delete-data", "org.test.Hello"]);
    assert!(std::fs::symlink_metadata(data.join("org.test.Hello")).is_err());
    assert!(world.home().join("precious").exists() && data.join("org.test.Other").exists());
}

#[test]
fn another_branch_takes_over() {
    let world = World::with_installed_app();
    let mut beta = crate::kit::Sample::app(3);
    beta.reference = "app/org.test.Hello/x86_64/beta".into();
    world.publish(&beta);
    world.ok(&["install", "-y", "r", "org.test.Hello//beta"]);
    assert_eq!(world.dir().read_link("app/org.test.Hello/current").unwrap().to_str(), Some("x86_64/stable"));
    let said = world.fails(&["uninstall", "-y", "org.test.Hello"]);
    assert!(said.contains("can be several"), "{said}");
    world.ok(&["uninstall", "-y", "org.test.Hello//stable"]);
    assert_eq!(world.dir().read_link("app/org.test.Hello/current").unwrap().to_str(), Some("x86_64/beta"));
    let desktop = world.place().join("exports/share/applications/org.test.Hello.desktop");
    assert!(std::fs::read_to_string(desktop).unwrap().contains("--branch=beta"));
}
