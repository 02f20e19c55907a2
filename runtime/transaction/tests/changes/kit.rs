//! A person with an empty home, and a repository that serves them apps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aril_beneath::Dir;
use aril_installation::{Installation, Scope};
use aril_model::{CommitId, Ref};
use aril_store::{CommitDetails, Mode, Node, Repo, RepoMode, Tree, Value};

pub(crate) const APP: &str = "app/org.test.Hello/x86_64/stable";
pub(crate) const RUNTIME: &str = "runtime/org.test.Platform/x86_64/f1";

/// A home, a served repository, and the program under test.
pub(crate) struct World {
    pub(crate) base: tempfile::TempDir,
    pub(crate) served: Repo,
}

impl World {
    /// With an empty repository that is served.
    pub(crate) fn new() -> Self {
        let base = tempfile::Builder::new().prefix("aril-changes-").tempdir().unwrap();
        for dir in ["home", "run", "bin", "etc"] {
            std::fs::create_dir(base.path().join(dir)).unwrap();
        }
        let private: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(base.path().join("run"), private).unwrap();
        let served = Repo::create(base.path().join("served"), RepoMode::Archive).unwrap();
        Self { base, served }
    }

    /// With a runtime and an app, and the remote `r` added.
    pub(crate) fn with_app() -> Self {
        let world = Self::new();
        world.publish(&Sample::runtime());
        world.publish(&Sample::app(1));
        world.ok(&["remote-add", "--no-gpg-verify", "r", &world.url()]);
        world
    }

    /// With the app installed, too.
    pub(crate) fn with_installed_app() -> Self {
        let world = Self::with_app();
        world.ok(&["install", "-y", "r", "org.test.Hello"]);
        world
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.served.path().display())
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.base.path().join("home")
    }

    /// Where the user's apps are.
    pub(crate) fn place(&self) -> PathBuf {
        self.home().join(".local/share/aril")
    }

    pub(crate) fn dir(&self) -> Dir {
        Dir::open(self.place()).unwrap()
    }

    pub(crate) fn installation(&self) -> Installation {
        Installation::open(Scope::User, self.place()).unwrap().unwrap()
    }

    pub(crate) fn repo(&self) -> Repo {
        Repo::open(self.place().join("repo")).unwrap()
    }

    pub(crate) fn active(&self, reference: &str) -> Option<CommitId> {
        let reference: Ref = reference.parse().unwrap();
        self.installation().active(&reference).unwrap().map(|deploy| deploy.commit().clone())
    }

    /// The program with a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aril-change"));
        command.args(arguments);
        self.dress(&mut command);
        command
    }

    pub(crate) fn dress(&self, command: &mut Command) {
        command.env_clear().current_dir(self.base.path());
        for (key, value) in [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "run"),
            ("ARIL_SYSTEM_DIR", "system"),
            ("ARIL_CONFIG_DIR", "etc"),
            ("ARIL_BIN_DIR", "bin"),
        ] {
            command.env(key, self.base.path().join(value));
        }
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LANG", "C.UTF-8");
        command.stdin(std::process::Stdio::null());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints and tells; it must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// What it prints; it must succeed.
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What it complains of; it must fail with 1.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stderr)
    }

    /// Serves a commit.
    pub(crate) fn publish(&self, sample: &Sample) -> CommitId {
        let commit = sample.commit(&self.served);
        self.served.update_summary().unwrap();
        commit
    }

    /// All paths of the installation but the objects, sorted, each with what a link leads to.
    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.place())
    }
}

pub(crate) fn listing(place: &Path) -> Vec<String> {
    let dir = Dir::open(place).unwrap();
    let mut paths = Vec::new();
    dir.walk::<aril_beneath::Error>("", &mut |path, kind| {
        let target = match kind {
            aril_beneath::EntryKind::Link => format!(" -> {}", dir.read_link(path)?.display()),
            _ => String::new(),
        };
        paths.push(format!("{}{target}", path.display()));
        let is_objects = path == Path::new("repo/objects");
        Ok(if is_objects { aril_beneath::Step::Over } else { aril_beneath::Step::Into })
    })
    .unwrap();
    paths.sort();
    paths
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn program(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Whether the program that sandboxes others is there; it is built with the workspace.
pub(crate) fn launcher() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_aril-change")).parent().unwrap().join("aril-launch");
    path.exists().then_some(path)
}

/// A commit to be made.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) reference: String,
    pub(crate) metadata: String,
    /// What the tree says, if it is something else.
    pub(crate) metadata_in_tree: Option<String>,
    pub(crate) files: BTreeMap<String, (Vec<u8>, Mode)>,
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) timestamp: u64,
    pub(crate) values: BTreeMap<String, Value>,
}

impl Sample {
    pub(crate) fn runtime() -> Self {
        let mut sample = Self::bare(RUNTIME, "[Runtime]\nname=org.test.Platform\n", 1);
        sample.add("files/bin/sh", "not a shell");
        sample.add("files/etc/os-release", "ID=test\n");
        sample.add("files/lib/libtest.so", "1");
        sample
    }

    /// A version of an app that exports one thing of each kind.
    pub(crate) fn app(version: u64) -> Self {
        let metadata = "[Application]\nname=org.test.Hello\nruntime=org.test.Platform/x86_64/f1\nsdk=org.test.Platform/x86_64/f1\ncommand=hello\n\n[Context]\nshared=network;\nsockets=x11;\n";
        let mut sample = Self::bare(APP, metadata, version);
        sample.program("files/bin/hello", &format!("#!/bin/sh\necho {version}\n"));
        sample.add("files/share/doc/same", "never changes");
        sample.add(&format!("files/share/doc/only-in-{version}"), "x");
        let desktop =
            "[Desktop Entry]\nType=Application\nName=Hello\nExec=hello %U\nIcon=org.test.Hello\nX-Evil=1\n";
        sample.add("export/share/applications/org.test.Hello.desktop", desktop);
        let icon = "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>";
        sample.add("export/share/icons/hicolor/scalable/apps/org.test.Hello.svg", icon);
        let metainfo = format!(
            "<component type='desktop-application'><id>org.test.Hello</id><name>Hello</name><summary>Says hello</summary><releases><release version='{version}.0'/></releases></component>"
        );
        sample.add("export/share/metainfo/org.test.Hello.metainfo.xml", &metainfo);
        let service =
            "[D-BUS Service]\nName=org.test.Hello\nExec=/app/bin/hello --service\nSystemdService=x\n";
        sample.add("export/share/dbus-1/services/org.test.Hello.service", service);
        let mime = "<mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'><mime-type type='application/x-hello'><glob pattern='*.hello'/></mime-type></mime-info>";
        sample.add("export/share/mime/packages/org.test.Hello.xml", mime);
        sample
    }

    pub(crate) fn bare(reference: &str, metadata: &str, version: u64) -> Self {
        Self {
            reference: reference.into(),
            metadata: metadata.into(),
            metadata_in_tree: None,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            timestamp: 1_700_000_000 + version,
            values: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, path: &str, contents: &str) {
        self.files.insert(path.into(), (contents.into(), Mode::Plain));
    }

    pub(crate) fn program(&mut self, path: &str, contents: &str) {
        self.files.insert(path.into(), (contents.into(), Mode::Program));
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.links.insert(path.into(), target.into());
    }

    pub(crate) fn commit(&self, repo: &Repo) -> CommitId {
        self.commit_as(repo, &self.reference)
    }

    /// Commits it under another ref than its own, such as one of a remote.
    pub(crate) fn commit_as(&self, repo: &Repo, name: &str) -> CommitId {
        let writer = repo.writer().unwrap();
        let mut tree = Tree::new();
        for (path, (contents, mode)) in &self.files {
            tree.insert(path, Node::File(writer.file(contents, *mode).unwrap())).unwrap();
        }
        for (path, target) in &self.links {
            tree.insert(path, Node::Link(writer.link(target).unwrap())).unwrap();
        }
        let in_tree = self.metadata_in_tree.as_ref().unwrap_or(&self.metadata);
        tree.insert("metadata", Node::File(writer.file(in_tree.as_bytes(), Mode::Plain).unwrap())).unwrap();
        if tree.get("files").is_none() {
            tree.make_dir("files").unwrap();
        }
        let mut metadata = self.values.clone();
        for (key, value) in [
            ("ostree.ref-binding", Value::List(vec![self.reference.clone()])),
            ("xa.ref", Value::Text(self.reference.clone())),
            ("xa.metadata", Value::Text(self.metadata.clone())),
            ("xa.installed-size", Value::Size(tree.installed_size())),
            ("xa.download-size", Value::Size(tree.installed_size() / 2)),
        ] {
            metadata.entry(key.into()).or_insert(value);
        }
        let details = CommitDetails { timestamp: self.timestamp, metadata, ..Default::default() };
        let commit = writer.commit(&tree, &details).unwrap();
        writer.publish(&[(name.parse().unwrap(), commit.clone())]).unwrap();
        commit
    }
}
