//! What becomes of packages that are hard to convert: each is converted as it should be, or refused with the reason.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "test code, paths of our own")]

use std::fs;
use std::path::PathBuf;

use aril_tests::home::TestHome;
use aril_tests::outcome::Outcome;
use aril_tests::test_repo::{State, TestRepo};

/// A user with a remote of the hard packages and a runtime of it.
struct Hard {
    home: TestHome,
}

impl Hard {
    fn new(runtime: &str) -> Self {
        let repo = TestRepo::shared().unwrap();
        let home = TestHome::new().unwrap();
        let key = format!("--gpg-import={}", repo.key().display());
        let url = format!("rpm+{}", repo.url(State::Hard));
        home.run(["aril", "remote-add", "--user", &key, "hard", &url]).unwrap().success().unwrap();
        let manifest = repo.manifest(runtime).display().to_string();
        home.run(["aril", "build", "runtime", &manifest, "--from", "hard", "-y"]).unwrap().success().unwrap();
        Self { home }
    }

    fn install(&self, packages: &[&str]) -> Outcome {
        let words = ["aril", "install", "-y", "hard"].into_iter().chain(packages.iter().copied());
        self.home.run(words).unwrap()
    }

    /// Makes one app of several packages.
    fn together(&self, packages: &[&str]) -> Outcome {
        let words =
            ["aril", "build", "app", "--from", "hard", "-y"].into_iter().chain(packages.iter().copied());
        self.home.run(words).unwrap()
    }

    /// Installs and returns what was told; no warning among it.
    fn installs(&self, packages: &[&str]) -> String {
        let outcome = self.install(packages);
        outcome.success().unwrap();
        assert!(!outcome.stderr.contains("warning:"), "{packages:?}: {}", outcome.stderr);
        outcome.stderr
    }

    /// Fails, and says why in these words.
    fn refuses(&self, packages: &[&str], why: &str) {
        let outcome = self.install(packages);
        let said = outcome.failure(1).unwrap();
        assert!(said.contains(why), "{packages:?}: {said}");
        let left = self.deploy(packages[0]);
        assert!(!left.exists(), "{} is there", left.display());
    }

    fn deploy(&self, package: &str) -> PathBuf {
        self.home.path().join(format!(".local/share/aril/app/local.rpm.{package}/x86_64/f42/active"))
    }

    fn file(&self, package: &str, path: &str) -> Option<String> {
        fs::read_to_string(self.deploy(package).join("files").join(path)).ok()
    }

    /// A line of shell in the app's sandbox.
    fn run(&self, package: &str, line: &str) -> String {
        let id = format!("local.rpm.{package}");
        let outcome = self.home.run(["aril", "run", "--command=sh", &id, "-c", line]).unwrap();
        outcome.success().unwrap().to_owned()
    }
}

#[test]
fn scripts_are_left_out_run_or_refused() {
    let hard = Hard::new("min");
    for name in ["known", "interpreter"] {
        let package = format!("hard-script-{name}");
        let said = hard.installs(&[&package]);
        assert!(!said.contains("was run"), "{said}");
    }
    let said = hard.installs(&["hard-script-writes"]);
    assert!(said.contains("%post of hard-script-writes was run in a sandbox"), "{said}");
    let file = |path: &str| hard.file("hard-script-writes", path);
    assert_eq!(file("usr/share/hard-script/made/file").unwrap(), "made with 1 as 0\n");
    assert_eq!(file("usr/share/hard-script/made/link").unwrap(), "made with 1 as 0\n");
    assert_eq!(file("var/lib/hard-script/state").unwrap(), "state\n");
    assert_eq!(file("usr/share/hard-script/writes"), None, "what a script removes is gone");

    hard.installs(&["hard-script-all"]);
    let order = hard.file("hard-script-all", "usr/share/hard-script/order").unwrap();
    assert_eq!(order, "post\ntriggerin\nposttrans\n");

    hard.home.write("precious", "mine").unwrap();
    hard.installs(&["hard-script-deletes"]);
    assert_eq!(hard.home.read("precious").unwrap(), "mine");

    hard.installs(&["hard-script-user"]);
    let passwd = hard.file("hard-script-user", "etc/passwd").unwrap();
    assert!(passwd.contains("harduser:x:"), "{passwd}");

    hard.installs(&["hard-trigger-app"]);
    let file = |path: &str| hard.file("hard-trigger-app", path).unwrap();
    assert_eq!(file("usr/share/hard-plugins/index"), "base\nextra\n");
    assert_eq!(
        file("usr/share/hard-trigger-seen"),
        "/usr/share/hard-plugins\n/usr/share/hard-plugins/base\n/usr/share/hard-plugins/extra\n"
    );

    for (name, why) in [
        ("service", "needs a service of the host: `systemctl enable --now hard.service`"),
        (
            "passwd",
            "changes /etc/passwd, which is not the app's: `echo 'intruder:x:0:0::/:/bin/sh' >> /etc/passwd`",
        ),
        ("lua", "is in Lua and does more than bring files: `local file = io.open("),
        ("fails", "ended with 3: this is why: `exit 3`"),
        ("network", "`curl -sf http://127.0.0.1:9/payload -o /usr/share/hard-script/fetched`"),
    ] {
        hard.refuses(&[&format!("hard-script-{name}")], why);
    }
}

#[test]
fn files_lie_where_rpm_would_put_them() {
    let hard = Hard::new("min");
    hard.installs(&["hard-layout-through"]);
    let package = "hard-layout-through";
    assert_eq!(
        hard.run(package, "cat /usr/share/hard-real/through /usr/share/hard-link/inner/file"),
        "through\ninner\n"
    );
    assert_eq!(hard.run(package, "readlink /usr/share/hard-link"), "hard-real\n");
    hard.installs(&["hard-layout-sbin"]);
    let programs = "/sbin/hard-sbin; /usr/bin/hard-sbin; hard-bin; /bin/hard-usr-bin; /usr/games/hard-games";
    assert_eq!(
        hard.run("hard-layout-sbin", programs),
        "/sbin/hard-sbin\n/sbin/hard-sbin\n/bin/hard-bin\n/usr/bin/hard-usr-bin\n/usr/games/hard-games\n"
    );
    hard.installs(&["hard-layout-old"]);
    assert_eq!(
        hard.run("hard-layout-old", "cat /lib64/hard/file /usr/lib/hard/file /usr/lib64/hard-file-link"),
        "lib64\nlib\nlib64\n"
    );
    hard.installs(&["acme-viewer"]);
    assert_eq!(hard.run("acme-viewer", "acme-viewer"), "viewer of /opt/acme/viewer: Acme\n");
    assert_eq!(
        hard.run("acme-viewer", "cat /etc/acme/viewer.conf /usr/share/acme/state"),
        "colour=blue\ninstalled\n"
    );
    hard.installs(&["hard-editor-large"]);
    assert_eq!(hard.run("hard-editor-large", "hard-editor"), "large\n");
    hard.installs(&["hard-config"]);
    assert_eq!(hard.run("hard-config", "cat /etc/hard/kept /var/lib/hard-config/state"), "value=1\nstate\n");
    hard.installs(&["hard-links"]);
    let links =
        "cd /usr/share/hard-links; cat one/same two/up directory/relative; cat out || readlink dangling";
    assert_eq!(
        hard.home.run(["aril", "run", "--command=sh", "local.rpm.hard-links", "-c", links]).unwrap().stdout,
        "content\ncontent\ncontent\nnowhere\n"
    );
}

#[test]
fn what_must_not_be_converted_is_refused() {
    let hard = Hard::new("min");
    hard.refuses(&["hard-foreign"], "nothing is called or provides 'hard-foreign'");
    hard.refuses(
        &["hard-deps-broken"],
        "nothing provides hard-deps-missing >= 1, which hard-deps-broken-1.0-1.fc42.noarch requires",
    );
    hard.refuses(&["hard-deps-newer-glibc"], "nothing provides libc.so.6(GLIBC_2.99)(64bit)");
    let in_conflict = "'/usr/share/hard-conflict/file'";
    for (other, why) in [
        ("hard-conflict-right", in_conflict),
        ("hard-conflict-directory", in_conflict),
        ("hard-conflict-said", "conflicts with hard-conflict-left"),
    ] {
        let outcome = hard.together(&["hard-conflict-left", other]);
        let said = outcome.failure(1).unwrap();
        assert!(said.contains(why), "{other}: {said}");
    }
    // The same contents at one place are no conflict.
    hard.together(&["hard-conflict-left", "hard-conflict-same"]).success().unwrap();

    let said = hard.installs(&["hard-privileged"]);
    for line in [
        "/usr/bin/hard-setuid of hard-privileged is not set-id: its mode is 4755",
        "/usr/bin/hard-capable of hard-privileged does not get cap_net_admin,cap_net_raw=ep",
        "users of packages are names only: hardy",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(
        hard.run("hard-privileged", "stat -c %a /usr/bin/hard-setuid; hard-setuid"),
        format!("755\n{}\n", hard.home.user().uid)
    );

    let repo = TestRepo::shared().unwrap();
    for (name, why) in [
        ("unsigned", "its signature is not believed: there is none"),
        ("signed-by-a-stranger", "which was not imported"),
        ("payload-changed", "the payload is damaged"),
        ("header-changed", "the header is not what the package says"),
        ("cut-short", "it is not as long as it claims"),
        ("empty", "it is not a package: it is too short"),
        ("no-package", "it is not a package: it is too short"),
    ] {
        let file = repo.refused(name).display().to_string();
        let outcome = hard.home.run(["aril", "install", "-y", "--remote=hard", &file]).unwrap();
        let said = outcome.failure(1).unwrap();
        assert!(said.contains(why), "{name}: {said}");
    }
    let good = repo.package(State::Hard, "hard-links").unwrap().display().to_string();
    let outcome = hard.home.run(["aril", "install", "-y", "--remote=hard", &good]).unwrap();
    outcome.success().unwrap();
    assert!(hard.deploy("hard-links").exists());
    let odd = repo.loose("hard-forbidden-names").display().to_string();
    hard.home.run(["aril", "install", "-y", "--remote=hard", &odd]).unwrap().success().unwrap();
}

#[test]
fn one_command_brings_the_runtime_too() {
    let (home, repo) = (TestHome::new().unwrap(), TestRepo::shared().unwrap());
    home.set("ARIL_MANIFEST_DIR", home.manifests(&repo.manifest("min")).unwrap());
    let key = format!("--gpg-import={}", repo.key().display());
    let url = format!("rpm+{}", repo.url(State::First));
    home.run(["aril", "remote-add", "--user", &key, "test", &url]).unwrap().success().unwrap();
    let before = home.run(["aril", "install", "--dry-run", "test", "jq"]).unwrap();
    let told = before.success().unwrap();
    assert!(told.contains("from test, needed by jq"), "{told}");
    home.run(["aril", "install", "-y", "test", "jq"]).unwrap().success().unwrap();
    let sum = home.run(["aril", "run", "local.rpm.jq", "-n", "6*7"]).unwrap();
    assert_eq!(sum.success().unwrap(), "42\n");

    // A file of the directory one is in, with what it needs from the only remote there is.
    let file = repo.package(State::First, "figlet").unwrap();
    home.write("figlet.rpm", fs::read(file).unwrap()).unwrap();
    home.run(["aril", "install", "-y", "./figlet.rpm"]).unwrap().success().unwrap();
    let told = home.run(["aril", "run", "local.rpm.figlet", "-f", "term", "hello"]).unwrap();
    assert_eq!(told.success().unwrap(), "hello\n");
}
