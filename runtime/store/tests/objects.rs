//! What we write is what libostree would have written: its own programs read it, check it and agree on each checksum.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at what was made by other ways"
)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use aril_beneath::Dir;
use aril_store::{
    Checkout, CommitDetails, Mode, Node, RefName, Repo, RepoMode, StoreError, Tree, Value, Writer,
};

/// Runs ostree and returns what it prints; it must succeed.
fn ostree(repo: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new("ostree").arg(format!("--repo={}", repo.display())).args(arguments).output().unwrap();
    assert!(output.status.success(), "ostree {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A tree with each kind of thing, as directory and as what we write of it.
fn sample(dir: &Dir, writer: &Writer) -> Tree {
    let mut tree = Tree::new();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 1009 * (n % 1013) % 251) as u8).collect();
    let mut sparse = vec![0; 2 << 20];
    sparse[700_000] = 1;
    let files: [(&str, &[u8], Mode); 7] = [
        ("usr/bin/hello", b"#!/bin/sh\necho hello\n", Mode::Program),
        ("usr/lib/empty", b"", Mode::Plain),
        ("usr/share/large", &large, Mode::Plain),
        ("usr/share/sparse", &sparse, Mode::Plain),
        ("usr/share/ends in a hole", &sparse[..1 << 20], Mode::Plain),
        ("etc/näme with\nnewline", b"x", Mode::Plain),
        ("usr/lib/same", b"#!/bin/sh\necho hello\n", Mode::Program),
    ];
    for (path, contents, mode) in files {
        let parent = Path::new(path).parent().unwrap();
        dir.create_dir_all(parent, 0o755).unwrap();
        dir.write_atomic(path, contents, mode.bits() & 0o777).unwrap();
        let file = if contents.len() > 1_000_000 {
            writer.file_from(&mut &contents[..], contents.len() as u64, mode).unwrap()
        } else {
            writer.file(contents, mode).unwrap()
        };
        tree.insert(path, Node::File(file)).unwrap();
    }
    for (path, target) in [("bin", "usr/bin"), ("usr/lib/up", "../../etc/shadow"), ("usr/dangling", "/none")]
    {
        dir.symlink(target, path).unwrap();
        tree.insert(path, Node::Link(writer.link(target).unwrap())).unwrap();
    }
    dir.create_dir_all("usr/empty/below", 0o755).unwrap();
    tree.make_dir("usr/empty/below").unwrap();
    tree
}

fn details() -> CommitDetails {
    // ostree's own program notes the branch in each commit.
    let metadata = [("ostree.ref-binding".to_owned(), Value::List(vec!["x".into()]))].into();
    CommitDetails { subject: "a tree".into(), timestamp: 1_700_000_000, metadata, ..Default::default() }
}

fn same_commit_as_ostree(mode: RepoMode, name: &str) {
    let base = tempfile::tempdir().unwrap();
    let (ours, theirs) = (base.path().join("ours"), base.path().join("theirs"));
    let source = Dir::open_or_create(base.path().join("source"), 0o755).unwrap();
    let repo = Repo::create(&ours, mode).unwrap();
    let writer = repo.writer().unwrap();
    let tree = sample(&source, &writer);
    let commit = writer.commit(&tree, &details()).unwrap();
    assert!(!repo.has_commit(&commit).unwrap(), "nothing is seen before it is published");
    let reference: RefName = "r:app/org.test.Hello/x86_64/stable".parse().unwrap();
    writer.publish(&[(reference.clone(), commit.clone())]).unwrap();

    ostree(&theirs, &["init", &format!("--mode={name}")]);
    let directory = source.path().display().to_string();
    let wanted = ostree(
        &theirs,
        &[
            "commit",
            "--branch=x",
            "--canonical-permissions",
            "--owner-uid=0",
            "--owner-gid=0",
            "--no-xattrs",
            "--subject=a tree",
            "--timestamp=@1700000000",
            &directory,
        ],
    );
    assert_eq!(commit.as_str(), wanted.trim());
    assert_eq!(repo.resolve(&reference).unwrap(), Some(commit.clone()));
    assert_eq!(ostree(&ours, &["rev-parse", &reference.to_string()]).trim(), commit.as_str());
    ostree(&ours, &["fsck"]);
    assert_eq!(repo.tree(&commit).unwrap(), tree);
    assert_eq!(repo.subtree(&commit, "usr/lib").unwrap().as_ref(), tree.dir("usr/lib"));
    assert_eq!(repo.node(&commit, "usr/bin/hello").unwrap().as_ref(), tree.get("usr/bin/hello"));
    assert_eq!(Repo::open(&theirs).unwrap().tree(&commit).unwrap(), tree);

    let mut contents = String::new();
    repo.content(tree.file("usr/bin/hello").unwrap()).unwrap().read_to_string(&mut contents).unwrap();
    assert_eq!(contents, "#!/bin/sh\necho hello\n");
    assert_eq!(std::fs::read_dir(ours.join("tmp")).unwrap().count(), 1, "only the cache is left in tmp");
    same_checkout(&repo, &tree, base.path(), source.path());
}

fn same_checkout(repo: &Repo, tree: &Tree, base: &Path, source: &Path) {
    for (name, how) in [("linked", Checkout::Linked), ("copied", Checkout::Copied)] {
        let out = Dir::open_or_create(base.join(name), 0o755).unwrap();
        repo.checkout(tree, &out, how).unwrap();
        let diff = Command::new("diff")
            .args(["-r", "--no-dereference"])
            .arg(source)
            .arg(out.path())
            .output()
            .unwrap();
        assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
        for path in ["", "usr", "usr/bin/hello", "bin"] {
            assert_eq!(out.stat(path).unwrap().modified, 0, "{name} {path:?}");
        }
        assert_eq!(out.stat("usr/bin/hello").unwrap().mode, 0o755);
        assert_eq!(out.stat("etc/näme with\nnewline").unwrap().mode, 0o644);
        assert!(repo.checkout(tree, &out, how).is_err(), "nothing is replaced");
    }
}

#[test]
fn same_commit_as_ostree_bare() {
    same_commit_as_ostree(RepoMode::BareUserOnly, "bare-user-only");
}

#[test]
fn same_commit_as_ostree_archive() {
    same_commit_as_ostree(RepoMode::Archive, "archive");
}

#[test]
fn metadata_of_commits() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let metadata: BTreeMap<String, Value> = [
        ("xa.ref", Value::Text("app/org.test.Hello/x86_64/stable".into())),
        ("ostree.ref-binding", Value::List(vec!["a".into(), "b".into()])),
        ("xa.installed-size", Value::Size(4096)),
        ("aril.packages", Value::Bytes(vec![0, 1, 255])),
        ("aril.flag", Value::Flag(true)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let details = CommitDetails { body: "more\n".into(), metadata, ..details() };
    let writer = repo.writer().unwrap();
    let id = writer.commit(&Tree::new(), &details).unwrap();
    assert_eq!(writer.commit(&Tree::new(), &details).unwrap(), id);
    writer.publish(&[("test".parse().unwrap(), id.clone())]).unwrap();
    let commit = repo.commit(&id).unwrap();
    assert_eq!(commit.details, details);
    assert_eq!(commit.size("xa.installed-size"), Some(4096));
    assert_eq!(commit.text("xa.ref"), Some("app/org.test.Hello/x86_64/stable"));
    // It prints numbers as big-endian ones, which is how Flatpak stores sizes.
    let shown = ostree(base.path(), &["show", "--print-metadata-key=xa.installed-size", "test"]);
    assert_eq!(shown.trim(), "uint64 4096");
    assert_eq!(
        ostree(base.path(), &["show", "--print-metadata-key=xa.ref", "test"]).trim(),
        "'app/org.test.Hello/x86_64/stable'"
    );
}

#[test]
fn texts_that_have_no_form_are_refused() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let writer = repo.writer().unwrap();
    for target in ["", "a\0b"] {
        assert!(matches!(writer.link(target), Err(StoreError::Text(_))), "{target:?}");
    }
    let nul = || "a\0b".to_owned();
    let metadata = |key: &str, value| [(key.to_owned(), value)].into();
    for details in [
        CommitDetails { subject: nul(), ..Default::default() },
        CommitDetails { body: nul(), ..Default::default() },
        CommitDetails { metadata: metadata("k", Value::Text(nul())), ..Default::default() },
        CommitDetails { metadata: metadata("k", Value::List(vec![nul()])), ..Default::default() },
        CommitDetails { metadata: metadata("k\0", Value::Flag(true)), ..Default::default() },
    ] {
        assert!(matches!(writer.commit(&Tree::new(), &details), Err(StoreError::Text(_))), "{details:?}");
    }
}

#[test]
fn many_threads_write_through_one_writer() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let writer = repo.writer().unwrap();
    let write = |n: u32| writer.file(format!("file {}", n % 500).as_bytes(), Mode::Plain).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                (0..1000).for_each(|n| {
                    write(n * 7 + thread);
                })
            });
        }
    });
    let mut tree = Tree::new();
    for n in 0..500 {
        tree.insert(&format!("d{}/f{n}", n % 7), Node::File(write(n))).unwrap();
    }
    let commit = writer.commit(&tree, &details()).unwrap();
    writer.publish(&[("test".parse().unwrap(), commit)]).unwrap();
    ostree(base.path(), &["fsck"]);
}

#[test]
fn what_is_not_published_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let writer = repo.writer().unwrap();
    writer.file(b"lost", Mode::Plain).unwrap();
    drop(writer);
    let dir = Dir::open(base.path()).unwrap();
    assert_eq!(dir.entries("objects").unwrap(), []);
    assert_eq!(dir.entries("tmp").unwrap().len(), 1);
    // As a killed process leaves it; and one that lives, which must stay.
    dir.create_dir("tmp/aril-999999-0", 0o700).unwrap();
    dir.write_atomic("tmp/aril-999999-0/half.file", b"x", 0o600).unwrap();
    let alive = repo.writer().unwrap();
    alive.file(b"kept", Mode::Plain).unwrap();
    let second = repo.writer().unwrap();
    assert!(!dir.exists("tmp/aril-999999-0").unwrap());
    drop(second);
    let commit = alive.commit(&Tree::new(), &details()).unwrap();
    alive.publish(&[("test".parse().unwrap(), commit)]).unwrap();
    assert_eq!(dir.entries("tmp").unwrap().len(), 1);
}

#[test]
fn wrong_lengths_are_refused() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let writer = repo.writer().unwrap();
    let short = writer.file_from(&mut &b"abc"[..], 4, Mode::Plain);
    assert!(matches!(short, Err(StoreError::Length { wanted: 4, got: 3 })), "{short:?}");
    let large = vec![1; 2 << 20];
    let short = writer.file_from(&mut &large[..], (2 << 20) + 1, Mode::Plain);
    assert!(matches!(short, Err(StoreError::Length { .. })), "{short:?}");
    let mut file = writer.new_file(2, Mode::Plain).unwrap();
    assert!(std::io::Write::write_all(&mut file, b"abc").is_err());
}

#[test]
fn refs_come_and_go() {
    let base = tempfile::tempdir().unwrap();
    let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
    let writer = repo.writer().unwrap();
    let commit = writer.commit(&Tree::new(), &details()).unwrap();
    let names: Vec<RefName> = [
        "fedora:app/org.test.Hello/x86_64/stable",
        "rpm/bash/5-1.x86_64/00",
        "deploy/app/org.test.Hello/x86_64/stable",
    ]
    .map(|name| name.parse().unwrap())
    .to_vec();
    let pairs: Vec<_> = names.iter().map(|name| (name.clone(), commit.clone())).collect();
    writer.publish(&pairs).unwrap();
    let all: Vec<String> = repo.refs("").unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(all.len(), 3);
    let listed: Vec<RefName> = repo.refs("rpm/").unwrap().into_keys().collect();
    assert_eq!(listed, [names[1].clone()]);
    assert_eq!(ostree(base.path(), &["refs"]).lines().count(), 3);
    assert!(repo.remove_ref(&names[1]).unwrap());
    assert!(!repo.remove_ref(&names[1]).unwrap());
    assert!(matches!(repo.require(&names[1]), Err(StoreError::NoRef(_))));
    assert!(!Dir::open(base.path()).unwrap().exists("refs/heads/rpm").unwrap());
    repo.set_ref(&names[1], &commit).unwrap();
    assert_eq!(repo.require(&names[1]).unwrap(), commit);
    let absent = "0".repeat(64).parse().unwrap();
    assert!(matches!(repo.set_ref(&names[1], &absent), Err(StoreError::NoCommit(_))));
}
