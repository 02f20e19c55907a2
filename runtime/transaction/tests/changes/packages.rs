//! What is built from RPMs. A script stands in for `aril-build`: it notes how it is called, answers what it is told, and puts commits that were
//! made before into the repository.

use aril_installation::Installations;
use aril_model::{CommitId, Ref};
use aril_store::Value;
use serde_json::json;

use crate::kit::{Sample, World, launcher};

const APP: &str = "app/org.test.Merged/x86_64/f42";
const RUNTIME: &str = "runtime/org.test.Platform/x86_64/f42-rpm";

const BUILDER: &str = r#"#!/bin/sh
echo "$@" >> "$HOME/../calls"
command=$1
while [ $# -gt 0 ]; do [ "$1" = --installation ] && place=$2; shift; done
answer=$HOME/../answers/$command
[ -e "$answer.fails" ] && { echo "error: it does not fit" >&2; exit 1; }
if [ -e "$answer.commit" ]; then
    read commit name < "$answer.commit"
    ostree --repo="$place/repo" pull-local --disable-fsync "$HOME/../built" "$commit" >&2 || exit 1
    mkdir -p "$place/repo/refs/remotes/fedora/$(dirname "$name")"
    echo "$commit" > "$place/repo/refs/remotes/fedora/$name"
fi
cat "$answer.json"
"#;

/// A world with a remote of RPMs, and repository of what can be built.
struct Packages {
    world: World,
    built: aril_store::Repo,
}

impl Packages {
    fn new() -> Self {
        let world = World::new();
        let script = world.base.path().join("bin/aril-build");
        std::fs::write(&script, BUILDER).unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::create_dir(world.base.path().join("answers")).unwrap();
        let built =
            aril_store::Repo::create(world.base.path().join("built"), aril_store::RepoMode::BareUserOnly)
                .unwrap();
        let packages = Self { world, built };
        packages.answer("probe", &json!({"version": 1, "release": "42", "is_signed": false, "packages": 1}));
        let url = "rpm+file:///srv/rpms";
        let said = packages.world.ok(&["remote-add", "--no-gpg-verify", "fedora", url]);
        assert_eq!(said, "added the remote 'fedora'\nits packages are for the release 42\n");
        packages.calls();
        packages
    }

    fn answer(&self, command: &str, json: &serde_json::Value) {
        std::fs::write(self.world.base.path().join(format!("answers/{command}.json")), json.to_string())
            .unwrap();
        let _ = std::fs::remove_file(self.world.base.path().join(format!("answers/{command}.fails")));
    }

    fn fails(&self, command: &str) {
        std::fs::write(self.world.base.path().join(format!("answers/{command}.fails")), "").unwrap();
    }

    /// Makes what `aril-build app` or `runtime` will bring next.
    fn will_build(&self, command: &str, sample: &Sample) -> CommitId {
        let commit = sample.commit(&self.built);
        let note = format!("{commit} {}\n", sample.reference);
        std::fs::write(self.world.base.path().join(format!("answers/{command}.commit")), note).unwrap();
        self.answer(
            command,
            &json!({"version": 1, "ref": sample.reference, "commit": commit.as_str(), "report": []}),
        );
        commit
    }

    fn calls(&self) -> Vec<String> {
        let path = self.world.base.path().join("calls");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let place = self.world.place().display().to_string();
        text.lines().map(|line| line.replace(&place, "PLACE")).collect()
    }

    fn plan(&self, changed: bool, runtime: Option<&CommitId>) {
        self.answer(
            "plan",
            &json!({
                "version": 1, "ref": null, "changed": changed,
                "runtime": {"ref": RUNTIME, "commit": runtime.map(CommitId::as_str), "manifest": "/manifests/f42.toml"},
                "packages": [{"name": "merged", "evr": "1.0-1.fc42", "arch": "x86_64", "change": "add", "why": "requested", "download_size": 10, "installed_size": 20}],
                "download_size": 10, "installed_size": 20, "notes": ["a note"]
            }),
        );
    }

    /// With the app and its runtime installed; their commits.
    fn installed() -> (Self, CommitId, CommitId) {
        let packages = Self::new();
        packages.plan(true, None);
        let runtime = packages.will_build("runtime", &runtime(1));
        let app = packages.will_build("app", &app("1.0-1.fc42", 1));
        packages.world.ok(&["install", "-y", "fedora", "merged"]);
        packages.calls();
        (packages, app, runtime)
    }

    /// The runtime's commit that the app runs on, as the launcher finds it.
    fn runs_on(&self) -> CommitId {
        let home = self.world.installation();
        let all = Installations::from_vec(Vec::new());
        let deploy = home.active(&reference(APP)).unwrap().unwrap();
        all.runtime_of(&home, &deploy, &reference(RUNTIME)).unwrap().unwrap().1.commit().clone()
    }
}

fn reference(text: &str) -> Ref {
    text.parse().unwrap()
}

fn app(evr: &str, version: u64) -> Sample {
    let metadata = "[Application]\nname=org.test.Merged\nruntime=org.test.Platform/x86_64/f42-rpm\nsdk=org.test.Platform/x86_64/f42-rpm\ncommand=merged\nrequired-flatpak=99.0.0;\n\n[Context]\nshared=network;\n\n[X-Aril]\nlayout=merged\n";
    let mut sample = Sample::bare(APP, metadata, version);
    sample.program("files/usr/bin/merged", "#!/bin/sh\n");
    sample.values.insert("aril.evr".into(), Value::Text(evr.into()));
    sample.values.insert("aril.request".into(), Value::List(vec!["merged".into()]));
    sample
        .values
        .insert("aril.packages".into(), Value::List(vec![format!("merged {evr} x86_64 0123456789abcdef")]));
    sample
}

fn runtime(version: u64) -> Sample {
    let mut sample = Sample::bare(RUNTIME, "[Runtime]\nname=org.test.Platform\n", version);
    sample.add("files/bin/sh", &format!("sh {version}"));
    sample.add("files/etc/os-release", "ID=test\n");
    sample
}

#[test]
fn a_package_becomes_an_app_on_a_runtime() {
    let packages = Packages::new();
    packages.plan(true, None);
    let shown = packages.world.prints(&["install", "--dry-run", "fedora", "merged"]);
    assert!(shown.contains(&format!("install  {RUNTIME}")), "{shown}");
    assert!(shown.contains("install  merged 1.0-1.fc42 from fedora\n         1 package, 10 bytes to download, 20 bytes installed"), "{shown}");
    packages.calls();
    let runtime = packages.will_build("runtime", &runtime(1));
    let app = packages.will_build("app", &app("1.0-1.fc42", 1));
    let said = packages.world.ok(&["install", "-y", "fedora", "merged"]);
    assert!(
        said.contains("can use the network") && said.contains("installed org.test.Merged 1.0-1.fc42"),
        "{said}"
    );
    assert_eq!(
        packages.calls(),
        [
            "plan --installation PLACE --remote fedora -- merged",
            "runtime --installation PLACE --from fedora --json --noninteractive -- /manifests/f42.toml",
            "app --installation PLACE --from fedora --json --noninteractive -- merged",
        ]
    );
    assert_eq!((packages.world.active(APP), packages.world.active(RUNTIME)), (Some(app), Some(runtime)));
    let record = packages.world.installation().active(&reference(APP)).unwrap().unwrap().record().unwrap();
    assert_eq!(record.origin, "fedora");
}

#[test]
fn a_runtime_that_was_built_and_not_installed_comes_with_the_next_app() {
    let packages = Packages::new();
    packages.plan(true, None);
    let commit = packages.will_build("runtime", &runtime(1));
    packages.fails("app");
    packages.world.fails(&["install", "-y", "fedora", "merged"]);
    assert_eq!(packages.world.active(RUNTIME), None);
    assert!(packages.world.repo().has_commit(&commit).unwrap());
    packages.plan(true, Some(&commit));
    packages.will_build("app", &app("1.0-1.fc42", 1));
    packages.calls();
    let said = packages.world.ok(&["install", "-y", "fedora", "merged"]);
    assert!(said.contains("installed org.test.Platform"), "{said}");
    assert_eq!(packages.world.active(RUNTIME), Some(commit.clone()));
    assert!(!packages.calls().iter().any(|call| call.starts_with("runtime")), "it is not built again");
    assert_eq!(packages.runs_on(), commit);
}

#[test]
fn a_file_and_a_name_that_looks_like_an_option() {
    let (packages, ..) = Packages::installed();
    std::fs::write(packages.world.base.path().join("x.rpm"), "").unwrap();
    packages.plan(true, Some(&packages.world.active(RUNTIME).unwrap()));
    packages.will_build("app", &app("1.1-1.fc42", 2));
    packages.world.ok(&["install", "-y", "./x.rpm"]);
    let file = packages.world.base.path().join("x.rpm").display().to_string();
    let calls = packages.calls();
    assert_eq!(calls[0], format!("plan --installation PLACE --file {file} --remote fedora --"));
    packages.world.ok(&["install", "--dry-run", "fedora", "--", "--evil=1"]);
    assert_eq!(packages.calls(), ["plan --installation PLACE --remote fedora -- --evil=1"]);
}

#[test]
fn an_update_asks_for_the_same_again() {
    let (packages, first, runtime_commit) = Packages::installed();
    packages.plan(false, Some(&runtime_commit));
    let said = packages.world.ok(&["update", "-y"]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(
        packages.calls(),
        [
            format!("plan --installation PLACE --ref {RUNTIME} --remote fedora --"),
            format!("plan --installation PLACE --ref {APP} --remote fedora --"),
        ]
    );
    packages.plan(true, Some(&runtime_commit));
    let second = packages.will_build("app", &app("1.1-1.fc42", 2));
    packages.world.ok(&["update", "-y", "--no-deps", "org.test.Merged"]);
    assert_eq!(packages.world.active(APP), Some(second.clone()));
    packages.plan(false, Some(&runtime_commit));
    packages.world.ok(&["rollback", "-y", "org.test.Merged", "1.0"]);
    assert_eq!(packages.world.active(APP), Some(first));
    packages.world.ok(&["update", "-y", "org.test.Merged"]);
    assert_eq!(packages.world.active(APP), Some(second), "what was built already is found again");
}

#[test]
fn an_older_package_is_refused_whatever_its_time() {
    let (packages, first, runtime_commit) = Packages::installed();
    packages.plan(true, Some(&runtime_commit));
    packages.will_build("app", &app("0.9-1.fc42", 100));
    let said = packages.world.fails(&["update", "-y", "--no-deps", "org.test.Merged"]);
    assert!(said.contains("0.9-1.fc42 is older than 1.0-1.fc42"), "{said}");
    assert_eq!(packages.world.active(APP), Some(first));
    // A rebuild with a newer version and an older time is an update.
    let newer = packages.will_build("app", &app("1.0-2.fc42", 0));
    packages.world.ok(&["update", "-y", "--no-deps", "org.test.Merged"]);
    assert_eq!(packages.world.active(APP), Some(newer));
}

#[test]
fn an_app_that_a_new_runtime_breaks_is_built_again() {
    let (packages, _, _) = Packages::installed();
    packages.plan(true, None);
    let newer = packages.will_build("runtime", &runtime(2));
    let rebuilt = packages.will_build("app", &app("1.0-1.fc42", 5));
    packages.answer(
        "check",
        &json!({"version": 1, "apps": [{"ref": APP, "fits": false, "missing": ["libgone.so.1"]}]}),
    );
    let said = packages.world.ok(&["update", "-y", "runtime/org.test.Platform"]);
    assert!(said.contains("was built again: the new runtime lacks libgone.so.1"), "{said}");
    let calls = packages.calls();
    assert_eq!(calls[2], format!("check --installation PLACE --runtime {newer} -- {APP}"));
    assert_eq!(
        calls[3],
        format!(
            "app --installation PLACE --ref {APP} --from fedora --json --noninteractive --runtime {newer} --"
        )
    );
    assert_eq!(packages.world.active(APP), Some(rebuilt));
    assert_eq!(packages.runs_on(), newer);
}

#[test]
fn an_app_that_cannot_be_built_again_stays_on_its_runtime() {
    for broken in ["app", "check"] {
        let (packages, first, old) = Packages::installed();
        packages.plan(true, None);
        packages.will_build("runtime", &runtime(2));
        packages.answer(
            "check",
            &json!({"version": 1, "apps": [{"ref": APP, "fits": false, "missing": ["libgone.so.1"]}]}),
        );
        packages.fails(broken);
        let said = packages.world.ok(&["update", "-y", "runtime/org.test.Platform"]);
        assert!(said.contains("stays on the"), "{said}");
        assert_eq!(packages.world.active(APP), Some(first.clone()));
        assert_ne!(packages.world.active(RUNTIME), Some(old.clone()), "others get the new one");
        assert_eq!(packages.runs_on(), old);
        // It is kept as long as the app needs it, however many come after.
        for version in 3..=6 {
            packages.will_build("runtime", &runtime(version));
            packages.world.ok(&["update", "-y", "runtime/org.test.Platform"]);
            assert_eq!(packages.runs_on(), old, "{broken} {version}");
        }
        assert!(packages.world.dir().exists(format!("{RUNTIME}/{old}/files/bin/sh")).unwrap());
        // A new version of the app goes with the new runtime again.
        packages.answer("check", &json!({"version": 1, "apps": [{"ref": APP, "fits": true, "missing": []}]}));
        packages.will_build("app", &app("1.1-1.fc42", 9));
        packages.world.ok(&["update", "-y", "--no-deps", "org.test.Merged"]);
        assert_eq!(Some(packages.runs_on()), packages.world.active(RUNTIME));
        packages.world.ok(&["rollback", "-y", "org.test.Merged"]);
        assert_eq!(packages.runs_on(), old, "going back, it finds the runtime that it had");
    }
}

#[test]
fn packages_go_with_the_last_that_lists_them() {
    let (packages, ..) = Packages::installed();
    let writer = packages.world.repo().writer().unwrap();
    let commit = writer.commit(&aril_store::Tree::new(), &Default::default()).unwrap();
    let arch = "x86_64".parse().unwrap();
    let listed = aril_store::RefName::package("merged", "1.0-1.fc42", &arch, "0123456789abcdef").unwrap();
    let other = aril_store::RefName::package("other", "1-1", &arch, "0").unwrap();
    writer.publish(&[(listed.clone(), commit.clone()), (other.clone(), commit)]).unwrap();
    packages.plan(true, packages.world.active(RUNTIME).as_ref());
    packages.will_build("app", &app("1.1-1.fc42", 2));
    packages.world.ok(&["update", "-y", "--no-deps", "org.test.Merged"]);
    let repo = packages.world.repo();
    assert!(repo.resolve(&listed).unwrap().is_some(), "the kept version lists it");
    assert!(repo.resolve(&other).unwrap().is_none());
    packages.world.ok(&["uninstall", "-y", "org.test.Merged"]);
    assert!(packages.world.repo().resolve(&listed).unwrap().is_none());
}

/// Adds a shell of the host and two programs to a runtime, with their libraries where they are on the host, so that scripts run in it.
fn add_shell(sample: &mut Sample) {
    for (program, name) in
        [("/bin/dash", "files/bin/sh"), ("/bin/mkdir", "files/bin/mkdir"), ("/bin/chmod", "files/bin/chmod")]
    {
        let linked = crate::kit::program("ldd", &[program]);
        for path in linked.split_whitespace().filter(|word| word.starts_with('/')) {
            let inner = format!("files/{}", path.trim_start_matches('/').trim_start_matches("usr/"));
            sample.files.insert(inner, (std::fs::read(path).unwrap(), aril_store::Mode::Program));
        }
        sample.files.insert(name.into(), (std::fs::read(program).unwrap(), aril_store::Mode::Program));
    }
}

#[test]
fn caches_of_the_merged_tree_lie_in_a_layer_of_their_own() {
    if launcher().is_none() {
        eprintln!("skipped: aril-launch is not built (cargo build -p aril-launcher)");
        return;
    }
    let packages = Packages::new();
    let mut base = runtime(1);
    add_shell(&mut base);
    base.program("files/bin/glib-compile-schemas", "#!/usr/bin/sh\nfor f in $1/*.xml; do echo ${f##*/}; done > $1/gschemas.compiled\nmkdir -p /var/x /usr/share/closed; echo > /opt/x; echo > /usr/share/closed/x; chmod 0 /usr/share/closed\n");
    base.program("files/bin/update-desktop-database", "#!/usr/bin/sh\nexit 3\n");
    base.add("files/share/glib-2.0/schemas/runtime.xml", "x");
    packages.plan(true, None);
    let runtime_commit = packages.will_build("runtime", &base);
    let mut merged = app("1.0-1.fc42", 1);
    merged.add("files/usr/share/glib-2.0/schemas/app.xml", "x");
    merged.add("files/usr/share/applications/x.desktop", "x");
    let app_commit = packages.will_build("app", &merged);
    let said = packages.world.ok(&["install", "-y", "fedora", "merged"]);
    assert!(said.contains("cannot make the cache of desktop files"), "one that fails is told: {said}");
    let layer = packages.world.installation().derived(&[&app_commit, &runtime_commit]).unwrap().unwrap();
    let schemas = "usr/share/glib-2.0/schemas";
    assert_eq!(
        layer.read_to_string(format!("{schemas}/gschemas.compiled"), 99).unwrap(),
        "app.xml\nruntime.xml\n"
    );
    let names: Vec<_> = layer.entries("").unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [".ref", "etc", "usr"]);
    for path in ["", "usr", schemas, &format!("{schemas}/gschemas.compiled")] {
        assert_eq!(layer.stat(path).unwrap().modified, 0, "{path}");
    }
    let name = layer.path().join(schemas);
    let mut attributes = [0_u8; 1024];
    assert_eq!(rustix::fs::listxattr(&name, &mut attributes).unwrap(), 0, "nothing of overlayfs is left");
    assert_eq!(layer.stat("usr/share/closed").unwrap().mode & 0o777, 0o755);
    assert!(!packages.world.dir().exists(".staging").unwrap());
    // What a run that was killed leaves, its owner may not enter either.
    let left = packages.world.place().join(".staging/derived-0/work/work/inner");
    std::fs::create_dir_all(&left).unwrap();
    for dir in [&*left, left.parent().unwrap()] {
        std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    }
    // Lost, it is made again when the launcher asks for it.
    std::fs::remove_dir_all(layer.path()).unwrap();
    packages.world.ok(&["derive", APP]);
    assert!(layer.path().join(schemas).exists());
    assert!(!left.exists());
    packages.world.ok(&["uninstall", "-y", "org.test.Merged"]);
    assert!(!layer.path().exists());
}

#[test]
fn what_was_read_at_the_installation_is_not_said_again() {
    let packages = Packages::new();
    packages.plan(true, None);
    packages.will_build("runtime", &runtime(1));
    let mut first = app("1.0-1.fc42", 1);
    first.add(
        "report.json",
        r#"{"version":1,"notes":[{"topic":"request","text":"a network","routine":false}]}"#,
    );
    let commit = packages.will_build("app", &first);
    let built = |commit: &CommitId, report: &[&str]| {
        packages
            .answer("app", &json!({"version": 1, "ref": APP, "commit": commit.as_str(), "report": report}));
    };
    built(&commit, &["a network"]);
    assert!(packages.world.ok(&["install", "-y", "fedora", "merged"]).contains("a network"));
    let commit = packages.will_build("app", &app("1.1-1.fc42", 2));
    built(&commit, &["a network", "a camera"]);
    let said = packages.world.ok(&["update", "-y", "--no-deps", "org.test.Merged"]);
    assert!(said.contains("a camera") && !said.contains("a network"), "{said}");
}
