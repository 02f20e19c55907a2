//! Remotes: added, described, believed, removed.

use crate::kit::{APP, Sample, World, program};

#[test]
fn nobody_is_believed_without_a_key() {
    let world = World::new();
    let said = world.fails(&["remote-add", "r", &world.url()]);
    assert!(
        said.contains("error: the remote 'r' has no key, so nothing that comes from it could be believed"),
        "{said}"
    );
    assert!(said.contains("hint: give its key"), "{said}");
    let said = world.fails(&["remote-add", "r", "rpm+file:///srv/rpms"]);
    assert!(said.contains("has no key"), "{said}");
    assert!(world.repo().remotes().unwrap().is_empty());
}

#[test]
fn urls_that_lead_nowhere_are_refused() {
    let world = World::new();
    for url in [
        "ftp://x/",
        "javascript:x",
        "no/such/dir",
        "rpm+ftp://x",
        "rpm+file://relative",
        "https://x/ y",
        "oci+https://x",
    ] {
        world.fails(&["remote-add", "--no-gpg-verify", "r", url]);
    }
    assert!(world.repo().remotes().unwrap().is_empty());
}

#[test]
fn added_once() {
    let world = World::with_app();
    let said = world.fails(&["remote-add", "--no-gpg-verify", "r", "https://elsewhere/"]);
    assert!(said.contains("there is a remote named 'r' already"), "{said}");
    world.ok(&["remote-add", "--if-not-exists", "--no-gpg-verify", "r", "https://elsewhere/"]);
    let remote = world.repo().remote(&"r".parse().unwrap()).unwrap();
    assert_eq!(remote.url(), world.url());
}

#[test]
fn signed_repositories() {
    let world = World::new();
    world.publish(&Sample::runtime());
    let commit = world.publish(&Sample::app(1));
    let home = world.base.path().join("gpg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let home = home.display().to_string();
    let gpg = ["--homedir", &home, "--batch", "--quiet", "--passphrase", ""];
    program("gpg", &[&gpg[..], &["--quick-gen-key", "good@test", "ed25519", "sign", "never"]].concat());
    let key = world.base.path().join("key.asc");
    std::fs::write(&key, program("gpg", &[&gpg[..], &["--armor", "--export"]].concat())).unwrap();
    let repo = format!("--repo={}", world.served.path().display());
    let gpg_home = format!("--gpg-homedir={home}");
    program("ostree", &[&repo, "gpg-sign", &gpg_home, commit.as_str(), "good@test"]);
    program("ostree", &[&repo, "summary", "--update", &gpg_home, "--gpg-sign=good@test"]);
    world.ok(&["remote-add", "--gpg-import", key.to_str().unwrap(), "r", &world.url()]);
    // The runtime is not signed.
    let said = world.fails(&["install", "-y", "r", "org.test.Hello"]);
    assert!(said.contains("cannot fetch the commit") && said.contains("GPG"), "{said}");
    world.ok(&["install", "-y", "--no-deps", "r", "org.test.Hello"]);
    assert!(world.active(APP).is_some());
    program("gpgconf", &["--homedir", &home, "--kill", "all"]);
}

#[test]
fn described_by_a_flatpakrepo() {
    let world = World::new();
    let file = world.base.path().join("test.flatpakrepo");
    std::fs::write(&file, format!("[Flatpak Repo]\nTitle=Test\nUrl={}\nDefaultBranch=stable\n", world.url()))
        .unwrap();
    let file = file.to_str().unwrap();
    world.fails(&["remote-add", "--from", file]);
    world.ok(&["remote-add", "--no-gpg-verify", "--from", file]);
    let remote = world.repo().remote(&"test".parse().unwrap()).unwrap();
    assert_eq!(
        (remote.url(), remote.option("xa.title"), remote.option("xa.default-branch")),
        (&*world.url(), Some("Test"), Some("stable"))
    );
}

#[test]
fn an_app_by_a_flatpakref() {
    let world = World::with_app();
    world.ok(&["remote-delete", "-y", "r"]);
    let file = world.base.path().join("hello.flatpakref");
    let text =
        format!("[Flatpak Ref]\nName=org.test.Hello\nBranch=stable\nUrl={}\nIsRuntime=false\n", world.url());
    std::fs::write(&file, text).unwrap();
    let said = world.fails(&["install", "-y", file.to_str().unwrap()]);
    assert!(said.contains("has no key"), "{said}");
    world.ok(&["remote-add", "--no-gpg-verify", "known", &world.url()]);
    world.ok(&["install", "-y", file.to_str().unwrap()]);
    assert!(world.active(APP).is_some());
}

#[test]
fn removed_only_when_nothing_comes_from_it() {
    let world = World::with_installed_app();
    let said = world.fails(&["remote-delete", "-y", "r"]);
    assert!(said.contains("cannot be removed: org.test.Hello, org.test.Platform came from it"), "{said}");
    world.ok(&["remote-delete", "-y", "--force", "r"]);
    assert!(world.repo().remotes().unwrap().is_empty());
    assert!(world.active(APP).is_some());
    let said = world.ok(&["update", "-y"]);
    assert!(said.contains("was passed over: there is no remote named 'r'"), "{said}");
    let said = world.fails(&["remote-delete", "-y", "nothing"]);
    assert!(said.contains("error: there is no remote named 'nothing'"), "{said}");
}

#[test]
fn repositories_of_rpms() {
    let world = World::new();
    // What a repository says of itself is asked of `aril-build`, for which a script stands in.
    let script = world.base.path().join("bin/aril-build");
    std::fs::write(&script, "#!/bin/sh\necho '{\"version\":1,\"release\":\"42\",\"is_signed\":true}'\n")
        .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let key = world.base.path().join("key");
    std::fs::write(&key, "-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n").unwrap();
    let file = world.base.path().join("fedora.repo");
    let text = format!(
        "[fedora]\nname=Fedora $releasever\nmetalink=https://m/?repo=fedora-$releasever&arch=$basearch\ngpgcheck=0\ngpgkey=file://{}\n[other]\nbaseurl=https://o/\n",
        key.display()
    );
    std::fs::write(&file, text).unwrap();
    let said = world.fails(&["remote-add", "--from", file.to_str().unwrap()]);
    assert!(said.contains("hint: say what `$releasever` stands for: `--release=42`"), "{said}");
    let said = world.ok(&[
        "remote-add",
        "--from",
        file.to_str().unwrap(),
        "--release",
        "42",
        "--title",
        "F",
        "fedora",
    ]);
    assert_eq!(
        said,
        "added the remote 'fedora'\nits state is signed, and from now on has to be, as well as each package\n"
    );
    let dir = world.dir();
    assert_eq!(
        dir.read_to_string("rpm-remotes.d/fedora.conf", 4096).unwrap(),
        "[RPM Remote]\ntitle=F\nmetalink=https://m/?repo=fedora-$releasever&arch=$basearch\nrelease=42\narch=x86_64\nverify-packages=true\nverify-metadata=true\n"
    );
    assert!(dir.read_to_string("rpm-remotes.d/fedora.gpg", 4096).unwrap().starts_with("-----BEGIN"));
    let own = world.repo().remote(&"fedora".parse().unwrap()).unwrap();
    assert_eq!(own.url(), format!("file://{}", world.place().join("repo").display()));
    assert!(own.is_set("xa.noenumerate") && !own.verifies_commits());
    let said = world.fails(&["remote-add", "--from", file.to_str().unwrap(), "--repo-id", "none", "x"]);
    assert!(said.contains("there is no repository 'none' in the file"), "{said}");
    assert!(said.contains("hint: `--repo-id` takes"), "{said}");
    world.fails(&["remote-add", "--from", file.to_str().unwrap(), "--repo-id", "other", "other"]);
    let url = "rpm+https://v/$releasever/";
    let said =
        world.ok(&["remote-add", "--no-gpg-verify", "--title", "V", "vendor", url, "--releasever", "41"]);
    assert!(
        said.contains("its packages are for the release 42, as far as they say, and not for 41"),
        "{said}"
    );
    let (remotes, problems) = world.installation().remotes().unwrap();
    assert_eq!((remotes.len(), problems), (2, Vec::new()));
    std::fs::write(&key, "no key").unwrap();
    world.fails(&["remote-add", "--gpg-import", key.to_str().unwrap(), "bad", "rpm+https://v/"]);
    world.ok(&["remote-delete", "-y", "fedora"]);
    assert!(
        !dir.exists("rpm-remotes.d/fedora.conf").unwrap() && !dir.exists("rpm-remotes.d/fedora.gpg").unwrap()
    );
    assert_eq!(world.repo().remotes().unwrap().len(), 1);
}
