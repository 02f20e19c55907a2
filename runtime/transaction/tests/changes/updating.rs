//! Newer versions, and the way back.

use crate::kit::{APP, RUNTIME, Sample, World};

#[test]
fn updates_and_goes_back_and_forth() {
    let world = World::with_installed_app();
    let first = world.active(APP).unwrap();
    let said = world.ok(&["update", "-y"]);
    assert!(said.contains("nothing to do"), "{said}");
    let second = world.publish(&Sample::app(2));
    world.ok(&["update", "-y"]);
    assert_eq!(world.active(APP), Some(second.clone()));
    assert!(world.dir().exists(format!("{APP}/{first}/files/bin/hello")).unwrap(), "the old one is kept");
    world.ok(&["rollback", "-y", "org.test.Hello"]);
    assert_eq!(world.active(APP), Some(first.clone()));
    world.ok(&["rollback", "-y", "org.test.Hello"]);
    assert_eq!(world.active(APP), Some(second.clone()));
    world.ok(&["rollback", "-y", "org.test.Hello", &first.as_str()[..7]]);
    assert_eq!(world.active(APP), Some(first));
    world.ok(&["rollback", "-y", "org.test.Hello", "2.0"]);
    assert_eq!(world.active(APP), Some(second));
    let said = world.fails(&["rollback", "-y", "org.test.Hello", "7.5"]);
    assert!(
        said.contains(
            "error: no kept version of 'app/org.test.Hello/x86_64/stable' is '7.5'\nhint: kept are 2.0"
        ),
        "{said}"
    );
    let history: serde_json::Value =
        serde_json::from_str(&world.prints(&["history", "--json", "org.test.Hello"])).unwrap();
    let changes: Vec<_> =
        history["changes"].as_array().unwrap().iter().map(|c| c["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["install", "update", "rollback", "rollback", "rollback", "rollback"]);
}

#[test]
fn three_versions_are_kept() {
    let world = World::with_installed_app();
    let mut commits = vec![world.active(APP).unwrap()];
    for version in 2..=5 {
        commits.push(world.publish(&Sample::app(version)));
        world.ok(&["update", "-y", "org.test.Hello"]);
    }
    let kept: Vec<bool> =
        commits.iter().map(|commit| world.dir().exists(format!("{APP}/{commit}")).unwrap()).collect();
    assert_eq!(kept, [false, false, true, true, true]);
    let has: Vec<bool> = commits.iter().map(|commit| world.repo().has_commit(commit).unwrap()).collect();
    assert_eq!(has, kept, "so are their objects, and no others");
    assert!(!world.dir().exists(format!(".removed/org.test.Hello-{}", commits[0])).unwrap());
    crate::kit::program("ostree", &["fsck", &format!("--repo={}", world.place().join("repo").display())]);
    // The one before the last, though a rollback came between.
    world.ok(&["rollback", "-y", "org.test.Hello", &commits[2].as_str()[..8]]);
    world.publish(&Sample::app(6));
    world.ok(&["update", "-y"]);
    assert!(world.dir().exists(format!("{APP}/{}", commits[2])).unwrap(), "what was just in use");
}

#[test]
fn a_version_that_runs_stays_until_it_ends() {
    let world = World::with_installed_app();
    let first = world.active(APP).unwrap();
    let lock = world.dir().lock(format!("{APP}/{first}/files/.ref"), aril_beneath::LockKind::Shared).unwrap();
    for version in 2..=4 {
        world.publish(&Sample::app(version));
        world.ok(&["update", "-y"]);
    }
    assert!(world.dir().exists(format!("{APP}/{first}/files/bin/hello")).unwrap());
    drop(lock);
    world.publish(&Sample::app(5));
    world.ok(&["update", "-y"]);
    assert!(!world.dir().exists(format!("{APP}/{first}")).unwrap());
}

#[test]
fn more_rights_are_not_given_by_an_update() {
    let world = World::with_installed_app();
    let mut more = Sample::app(2);
    more.metadata = more.metadata.replace("shared=network;", "shared=network;\nfilesystems=home;");
    world.publish(&more);
    let said = world.ok(&["update", "-y"]);
    assert!(said.contains("it asks for more than you accepted, and starts without:\n           can read and change all your files"), "{said}");
    let installations = aril_installation::Installations::from_vec(vec![world.installation()]);
    let home = world.installation();
    let app = home.active(&APP.parse().unwrap()).unwrap().unwrap().metadata().unwrap();
    let runtime = home.active(&RUNTIME.parse().unwrap()).unwrap().unwrap().metadata().unwrap();
    let (context, _) = aril_installation::effective_context(&installations, &home, &app, &runtime).unwrap();
    assert!(context.filesystems.is_empty() && context.shared.allows(aril_model::Share::Network));
}

#[test]
fn an_older_commit_is_refused_unless_it_is_asked_for() {
    let world = World::with_app();
    let old = world.active(APP);
    assert_eq!(old, None);
    let first = Sample::app(1).commit(&world.served);
    world.publish(&Sample::app(2));
    world.ok(&["install", "-y", "r", "org.test.Hello"]);
    world.publish(&Sample::app(1));
    let said = world.fails(&["update", "-y", "org.test.Hello"]);
    assert!(
        said.contains(
            "offers a version of 'app/org.test.Hello/x86_64/stable' that is older than the installed one"
        ),
        "{said}"
    );
    // Not even when the ref, by which it could be noticed, is gone.
    world.repo().remove_ref(&format!("r:{APP}").parse().unwrap()).unwrap();
    world.fails(&["update", "-y", "org.test.Hello"]);
    let said = world.ok(&["update", "-y"]);
    assert!(said.contains("was passed over") && said.contains("nothing to do"), "{said}");
    world.ok(&["update", "-y", "--commit", first.as_str(), "org.test.Hello"]);
    assert_eq!(world.active(APP), Some(first));
}

#[test]
fn a_runtime_comes_with_the_app_that_is_named() {
    let world = World::with_installed_app();
    let mut runtime = Sample::runtime();
    runtime.timestamp += 10;
    runtime.add("files/lib/new", "2");
    let newer = world.publish(&runtime);
    world.ok(&["update", "-y", "--no-deps", "org.test.Hello"]);
    assert_ne!(world.active(RUNTIME), Some(newer.clone()));
    world.ok(&["update", "-y", "org.test.Hello"]);
    assert_eq!(world.active(RUNTIME), Some(newer));
}
