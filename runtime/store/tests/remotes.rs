//! Pulling from remotes of each kind: what is signed and sound arrives whole, anything else is refused.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at what was made by other ways"
)]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aril_model::{CommitId, Ref};
use aril_store::{
    CommitDetails, Extent, Mode, Node, RefName, Remote, Repo, RepoMode, StoreError, Tree, Value,
};

const REF: &str = "app/org.test.Hello/x86_64/stable";

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository that is served, with one app of `count` files.
struct Served {
    base: tempfile::TempDir,
    repo: Repo,
    commit: CommitId,
    tree: Tree,
}

impl Served {
    fn new(count: u32) -> Self {
        let base = tempfile::tempdir().unwrap();
        let repo = Repo::create(base.path().join("served"), RepoMode::Archive).unwrap();
        let (commit, tree) = publish(&repo, REF, count, 1_700_000_000);
        repo.update_summary().unwrap();
        Self { base, repo, commit, tree }
    }

    fn url(&self) -> String {
        format!("file://{}", self.repo.path().display())
    }

    /// An empty repository with this one as its remote `r`.
    fn client(&self, name: &str, url: &str, signed: bool) -> Repo {
        let repo = Repo::create(self.base.path().join(name), RepoMode::BareUserOnly).unwrap();
        let mut remote = Remote::new("r".parse().unwrap(), url);
        if !signed {
            remote.set("gpg-verify", "false");
            remote.set("gpg-verify-summary", "false");
        }
        repo.set_remote(&remote).unwrap();
        repo
    }

    /// Makes a key, and signs commit and summary with it if wanted; returns the public key.
    fn key(&self, name: &str, sign: bool) -> Vec<u8> {
        let home = self.base.path().join(name);
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let home = home.display().to_string();
        let gpg = ["--homedir", &home, "--batch", "--quiet", "--passphrase", ""];
        let user = format!("{name}@test");
        run("gpg", &[&gpg[..], &["--quick-gen-key", &user, "ed25519", "sign", "never"]].concat());
        let key = run("gpg", &[&gpg[..], &["--armor", "--export"]].concat());
        if sign {
            let repo = format!("--repo={}", self.repo.path().display());
            let home_option = format!("--gpg-homedir={home}");
            run("ostree", &[&repo, "gpg-sign", &home_option, self.commit.as_str(), &user]);
            run("ostree", &[&repo, "summary", "--update", &home_option, &format!("--gpg-sign={user}")]);
        }
        run("gpgconf", &["--homedir", &home, "--kill", "all"]);
        key.into_bytes()
    }
}

fn publish(repo: &Repo, reference: &str, count: u32, timestamp: u64) -> (CommitId, Tree) {
    let writer = repo.writer().unwrap();
    let mut tree = Tree::new();
    for n in 0..count {
        let text = format!("{reference} {n} ").repeat(n as usize % 50);
        let mode = if n % 3 == 0 { Mode::Program } else { Mode::Plain };
        tree.insert(
            &format!("files/d{}/f{n}", n % 9),
            Node::File(writer.file(text.as_bytes(), mode).unwrap()),
        )
        .unwrap();
    }
    let metadata = b"[Application]\nname=org.test.Hello\n";
    tree.insert("metadata", Node::File(writer.file(metadata, Mode::Plain).unwrap())).unwrap();
    tree.insert("files/link", Node::Link(writer.link("../x").unwrap())).unwrap();
    let metadata = [
        ("ostree.ref-binding", Value::List(vec![reference.into()])),
        ("xa.ref", Value::Text(reference.into())),
        ("xa.metadata", Value::Text("[Application]\nname=org.test.Hello\n".into())),
        ("xa.installed-size", Value::Size(tree.installed_size())),
    ];
    let details = CommitDetails {
        subject: "Export".into(),
        timestamp,
        metadata: metadata.map(|(key, value)| (key.to_owned(), value)).into(),
        ..Default::default()
    };
    let commit = writer.commit(&tree, &details).unwrap();
    writer.publish(&[(reference.parse().unwrap(), commit.clone())]).unwrap();
    (commit, tree)
}

fn app() -> Ref {
    REF.parse().unwrap()
}

/// All that a pull does, as `aril-change` does it.
fn pull(repo: &Repo) -> aril_store::Result<(CommitId, u64)> {
    let remote = "r".parse().unwrap();
    let summary = repo.fetch_summary(&remote)?;
    let commit = summary.refs[REF].commit.clone();
    let said = repo.fetch_commit(&remote, &app(), &commit)?;
    assert_eq!(said.text("xa.ref"), Some(REF));
    assert!(!repo.has_commit(&commit)?, "only what it says is there yet");
    let seen = Rc::new(RefCell::new(0));
    let inner = Rc::clone(&seen);
    let progress = move |progress: aril_store::PullProgress| *inner.borrow_mut() = progress.bytes;
    repo.pull(&remote, &commit, &Extent::Whole, Some(Rc::new(progress)))?;
    let bytes = *seen.borrow();
    Ok((commit, bytes))
}

fn arrives(served: &Served, repo: &Repo) {
    let (commit, bytes) = pull(repo).unwrap();
    assert_eq!(commit, served.commit);
    assert!(bytes > 1000, "{bytes}");
    assert_eq!(repo.tree(&commit).unwrap(), served.tree);
    assert_eq!(repo.refs("").unwrap().len(), 0, "no ref has moved");
    repo.set_ref(&RefName::of_remote(&"r".parse().unwrap(), &app()), &commit).unwrap();
    run("ostree", &["fsck", &format!("--repo={}", repo.path().display())]);
    assert_eq!(repo.verify().unwrap(), []);
}

#[test]
fn signed_from_a_directory() {
    let served = Served::new(200);
    let key = served.key("good", true);
    let repo = served.client("c", &served.url(), true);
    assert!(matches!(pull(&repo), Err(StoreError::Signature { .. })), "no key");
    let remote = "r".parse().unwrap();
    assert!(repo.import_keys(&remote, b"no key").is_err());
    assert_eq!(repo.import_keys(&remote, &key).unwrap(), 1);
    arrives(&served, &repo);
}

#[test]
fn signed_by_somebody_else() {
    let served = Served::new(5);
    served.key("good", true);
    let other = served.key("other", false);
    let repo = served.client("c", &served.url(), true);
    repo.import_keys(&"r".parse().unwrap(), &other).unwrap();
    let error = pull(&repo).unwrap_err();
    assert!(matches!(error, StoreError::Signature { .. }), "{error}");
    // The commit alone, for a remote that does not sign its summary.
    let error = repo.fetch_commit(&"r".parse().unwrap(), &app(), &served.commit).unwrap_err();
    assert!(matches!(error, StoreError::Signature { .. }), "{error}");
    assert!(!repo.has_commit(&served.commit).unwrap());
}

#[test]
fn a_commit_that_is_here_is_believed_no_more_than_one_that_comes() {
    let served = Served::new(5);
    let repo = served.client("c", &served.url(), false);
    pull(&repo).unwrap();
    assert!(repo.has_commit(&served.commit).unwrap());
    // A remote that must sign offers the same commit, which nobody has signed.
    let other = Remote::new("signed".parse().unwrap(), &served.url());
    repo.set_remote(&other).unwrap();
    repo.import_keys(&other.name, &served.key("good", false)).unwrap();
    let error = repo.fetch_commit(&other.name, &app(), &served.commit).unwrap_err();
    assert!(matches!(error, StoreError::Signature { .. }), "{error}");
    assert!(repo.fetch_commit(&"r".parse().unwrap(), &app(), &served.commit).is_ok());
}

#[test]
fn unsigned_from_http() {
    let served = Served::new(300);
    let (url, _) = serve(served.repo.path().to_owned(), u64::MAX);
    arrives(&served, &served.client("c", &url, false));
}

#[test]
fn what_a_server_says_of_its_refs() {
    let served = Served::new(20);
    let repo = served.client("c", &served.url(), false);
    let summary = repo.fetch_summary(&"r".parse().unwrap()).unwrap();
    let entry = &summary.refs[REF];
    assert_eq!(entry.commit, served.commit);
    assert_eq!(entry.installed_size, Some(served.tree.installed_size()));
    assert_eq!(entry.metadata.as_deref(), Some("[Application]\nname=org.test.Hello\n"));
    let nowhere = served.client("d", "file:///nowhere/at/all", false);
    let error = nowhere.fetch_summary(&"r".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("no summary"), "{error}");
    let (url, _) = serve(served.repo.path().to_owned(), 0);
    let cut = served.client("e", &url, false).fetch_summary(&"r".parse().unwrap()).unwrap_err();
    assert!(matches!(cut, StoreError::Network { .. }), "{cut}");
}

#[test]
fn a_commit_for_another_ref_is_refused() {
    let served = Served::new(5);
    let repo = served.client("c", &served.url(), false);
    let remote = "r".parse().unwrap();
    let other: Ref = "app/org.test.Other/x86_64/stable".parse().unwrap();
    let error = repo.fetch_commit(&remote, &other, &served.commit).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot take the commit {} for '{other}': it was made for {REF}", served.commit.short())
    );
    let mut bound = repo.remote(&remote).unwrap();
    bound.set("collection-id", "org.test.Collection");
    repo.set_remote(&bound).unwrap();
    let error = repo.fetch_commit(&remote, &app(), &served.commit).unwrap_err();
    assert!(error.to_string().contains("collection 'org.test.Collection'"), "{error}");
}

#[test]
fn a_cut_connection_leaves_a_pull_that_goes_on() {
    let served = Served::new(300);
    let (url, sent) = serve(served.repo.path().to_owned(), 120);
    let repo = served.client("c", &url, false);
    let error = pull(&repo).unwrap_err();
    assert!(matches!(error, StoreError::Network { .. } | StoreError::Library { .. }), "{error}");
    assert!(!repo.has_commit(&served.commit).unwrap());
    assert_eq!(repo.refs("").unwrap().len(), 0);
    let (url, again) = serve(served.repo.path().to_owned(), u64::MAX);
    repo.set_remote(&served.client("other", &url, false).remote(&"r".parse().unwrap()).unwrap()).unwrap();
    arrives(&served, &repo);
    assert!(again.load(Ordering::Relaxed) < 300, "some of {} came before", sent.load(Ordering::Relaxed));
}

#[test]
fn a_changed_object_is_refused_by_each_way() {
    let served = Served::new(40);
    let large = served.tree.file("files/d4/f49").is_none();
    assert!(large);
    let file = served.tree.file("files/d4/f31").unwrap().checksum.to_string();
    let path = served.repo.path().join("objects").join(&file[..2]).join(format!("{}.filez", &file[2..]));
    let other = served.tree.file("files/d5/f32").unwrap().checksum.to_string();
    let other = served.repo.path().join("objects").join(&other[..2]).join(format!("{}.filez", &other[2..]));
    std::fs::copy(other, path).unwrap();
    let (url, _) = serve(served.repo.path().to_owned(), u64::MAX);
    for (name, url) in [("c", served.url()), ("d", url)] {
        let repo = served.client(name, &url, false);
        let error = pull(&repo).unwrap_err();
        assert!(!repo.has_commit(&served.commit).unwrap(), "{name}: {error}");
        assert_eq!(repo.verify().unwrap(), [], "{name}");
    }
    let found = served.repo.verify().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn prune_keeps_what_is_needed() {
    let served = Served::new(30);
    let repo = &served.repo;
    assert_eq!(repo.prune(&[]).unwrap().objects, 0);
    let (second, tree) = publish(repo, REF, 31, 1_700_000_001);
    // The old commit, its own root and the directory that changed: nothing else is not shared.
    assert_eq!(repo.prune(std::slice::from_ref(&served.commit)).unwrap().objects, 0);
    let pruned = repo.prune(&[]).unwrap();
    assert_eq!(pruned.objects, 4);
    assert!(!repo.has_commit(&served.commit).unwrap());
    assert_eq!(repo.tree(&second).unwrap(), tree);
    run("ostree", &["fsck", &format!("--repo={}", repo.path().display())]);
    repo.remove_ref(&REF.parse().unwrap()).unwrap();
    repo.prune(&[]).unwrap();
    let left = repo
        .path()
        .join("objects")
        .read_dir()
        .unwrap()
        .flat_map(|dir| dir.unwrap().path().read_dir().unwrap());
    assert_eq!(left.count(), 0);
}

#[test]
fn damage_is_found() {
    let served = Served::new(10);
    let repo = served.client("c", &served.url(), false);
    pull(&repo).unwrap();
    repo.set_ref(&REF.parse().unwrap(), &served.commit).unwrap();
    let object = |name: &str| {
        let file = served.tree.file(name).unwrap().checksum.to_string();
        repo.path().join("objects").join(&file[..2]).join(format!("{}.file", &file[2..]))
    };
    std::fs::write(object("files/d4/f4"), "changed").unwrap();
    std::fs::remove_file(object("files/d5/f5")).unwrap();
    std::fs::set_permissions(object("files/d1/f1"), std::os::unix::fs::PermissionsExt::from_mode(0o4755))
        .unwrap();
    let found = repo.verify().unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    for damage in &found {
        repo.remove_damaged(damage).unwrap();
    }
    // They come again.
    assert!(!repo.has_commit(&served.commit).unwrap() || repo.verify_reachable(&served.commit).is_err());
    repo.copy_commit(&served.repo, &served.commit, None).unwrap();
    assert_eq!(repo.verify().unwrap(), []);
}

#[test]
fn remotes_in_the_configuration() {
    let served = Served::new(1);
    let repo = served.client("c", &served.url(), false);
    let mut remote = repo.remote(&"r".parse().unwrap()).unwrap();
    assert_eq!(remote.url(), served.url());
    assert!(!remote.verifies_commits());
    remote.set("xa.title", "Ä title; with\nodd things");
    remote.options.remove("gpg-verify");
    repo.set_remote(&remote).unwrap();
    let read = repo.remote(&"r".parse().unwrap()).unwrap();
    assert_eq!(read, remote);
    assert!(read.verifies_commits());
    let key = served.key("good", false);
    repo.import_keys(&"r".parse().unwrap(), &key).unwrap();
    assert!(repo.has_keys(&"r".parse().unwrap()).unwrap());
    assert!(repo.remove_remote(&"r".parse().unwrap()).unwrap());
    assert!(!repo.remove_remote(&"r".parse().unwrap()).unwrap());
    assert!(!repo.has_keys(&"r".parse().unwrap()).unwrap());
    assert!(matches!(
        repo.fetch_summary(&"r".parse().unwrap()),
        Err(StoreError::Library { .. } | StoreError::NoRemote(_))
    ));
    let config = std::fs::read_to_string(repo.path().join("config")).unwrap();
    assert_eq!(config.trim_end(), "[core]\nrepo_version=1\nmode=bare-user-only\nmin-free-space-size=500MB");
}

/// Serves a directory on loopback until the test ends, and breaks off after so many answers.
fn serve(root: PathBuf, limit: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), root, counter) = (stream, root.clone(), Arc::clone(&counter)) else { return };
            std::thread::spawn(move || answer(stream, &root, &counter, limit));
        }
    });
    (url, sent)
}

fn answer(mut stream: std::net::TcpStream, root: &Path, counter: &AtomicU64, limit: u64) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            request.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let path = text.split(' ').nth(1)?.trim_start_matches('/');
        if counter.fetch_add(1, Ordering::Relaxed) >= limit {
            return None;
        }
        let (status, body) = match std::fs::read(root.join(path)) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        stream.write_all(&body).ok()?;
        request.clear();
    }
}
