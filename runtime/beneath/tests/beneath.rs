//! What the crate promises, on a real file system.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make what the library must not follow"
)]

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use aril_beneath::{Dir, EntryKind, LockKind, Step};

/// A directory `root` beside a file `secret`, and links of all kinds in it that lead to that file.
fn playground() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root");
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    std::fs::write(temp.path().join("secret"), "secret").unwrap();
    std::fs::write(root.join("a/b/file"), "inside").unwrap();
    symlink("../secret", root.join("up")).unwrap();
    symlink(temp.path().join("secret"), root.join("absolute")).unwrap();
    symlink("/a/b/file", root.join("rooted")).unwrap();
    symlink("a", root.join("alias")).unwrap();
    symlink("..", root.join("a/parent")).unwrap();
    let dir = Dir::open(&root).unwrap();
    (temp, dir)
}

#[test]
fn nothing_outside_is_ever_opened() {
    let (temp, dir) = playground();
    for path in
        ["../secret", "up", "absolute", "a/../../secret", "a/parent/../secret", "alias/b/file", "/etc/passwd"]
    {
        let error = dir.open_file(path).unwrap_err();
        assert!(error.is_escape(), "{path}: {error}");
    }
    for path in ["../secret", "up", "absolute", "/secret"] {
        assert!(dir.open_file_in_root(path).unwrap_err().is_not_found(), "{path}");
    }
    assert!(dir.write_atomic("a/parent/../../secret", b"x", 0o644).is_err());
    assert!(dir.write_atomic("..", b"x", 0o644).is_err());
    assert!(dir.create_dir_all("a/../../made", 0o755).is_err());
    assert!(dir.rename("a/b/file", &dir, "alias/x").is_err());
    assert_eq!(std::fs::read(temp.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn in_root_follows_links_inside() {
    let (_temp, dir) = playground();
    for path in ["a/b/file", "rooted", "alias/b/file", "/alias/../a/b/file"] {
        assert_eq!(dir.open_file_in_root(path).unwrap().metadata().unwrap().len(), 6, "{path}");
    }
    assert_eq!(dir.stat_in_root("alias").unwrap().kind, EntryKind::Dir);
    assert_eq!(dir.stat("alias").unwrap().kind, EntryKind::Link);
    assert!(dir.open_dir_in_root("alias/b").is_ok());
    assert!(dir.open_dir("alias/b").is_err());
}

#[test]
fn message_names_path_and_reason() {
    let (temp, dir) = playground();
    let root = temp.path().join("root");
    let error = dir.open_file("up").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot open '{}': a symbolic link stands where none may be", root.join("up").display())
    );
    let error = dir.open_file("a/none").unwrap_err().to_string();
    assert_eq!(error, format!("cannot open '{}': No such file or directory", root.join("a/none").display()));
}

#[test]
fn pipes_do_not_make_the_reader_wait() {
    let (temp, dir) = playground();
    let fifo = temp.path().join("root/pipe");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(dir.open_file("pipe").unwrap_err().to_string().ends_with("it is not a regular file"));
    assert!(dir.read("a", 10).is_err());
}

#[test]
fn writing_replaces_a_link_and_not_its_target() {
    let (temp, dir) = playground();
    dir.write_atomic("up", b"new", 0o600).unwrap();
    assert_eq!(std::fs::read(temp.path().join("secret")).unwrap(), b"secret");
    assert_eq!(dir.read("up", 10).unwrap(), b"new");
    assert_eq!(dir.stat("up").unwrap().mode, 0o600);
    assert!(dir.read("up", 2).unwrap_err().to_string().ends_with("it is larger than 2 bytes"));
    dir.replace_symlink("a/b", "up").unwrap();
    assert_eq!(dir.read_link("up").unwrap().to_str(), Some("a/b"));
    assert!(dir.set_mode("up", 0o777).unwrap_err().is_escape());
}

#[test]
fn unnamed_files_are_published_whole() {
    let (_temp, dir) = playground();
    let mut file = dir.new_file(0o644).unwrap();
    file.file().write_all(b"whole").unwrap();
    assert!(!dir.exists("a/new").unwrap());
    file.publish(&dir, "a/new").unwrap();
    assert_eq!(dir.read("a/new", 10).unwrap(), b"whole");
    assert!(dir.new_file(0o644).unwrap().publish(&dir, "a/new").unwrap_err().is_already_there());
}

#[test]
fn trees_are_walked_and_removed_without_following_links() {
    let (temp, dir) = playground();
    let mut seen = Vec::new();
    dir.walk::<aril_beneath::Error>("", &mut |path, kind| {
        seen.push(format!("{}{}", path.display(), if kind == EntryKind::Dir { "/" } else { "" }));
        Ok(if path.ends_with("b") { Step::Over } else { Step::Into })
    })
    .unwrap();
    assert_eq!(seen, ["a/", "absolute", "alias", "rooted", "up", "a/b/", "a/parent"]);
    std::fs::set_permissions(temp.path().join("root/a/b"), PermissionsExt::from_mode(0o000)).unwrap();
    symlink("../../secret", temp.path().join("root/a/out")).unwrap();
    dir.remove_tree("a").unwrap();
    dir.remove_tree("a").unwrap();
    assert!(!dir.exists("a").unwrap());
    assert!(temp.path().join("secret").exists());
}

#[test]
fn locks_exclude_each_other() {
    let (_temp, dir) = playground();
    let shared = dir.try_lock("lock", LockKind::Shared).unwrap().unwrap();
    let second = dir.try_lock("lock", LockKind::Shared).unwrap();
    assert!(second.is_some());
    assert!(dir.try_lock("lock", LockKind::Exclusive).unwrap().is_none());
    drop((shared, second));
    let exclusive = dir.lock("lock", LockKind::Exclusive).unwrap();
    assert!(dir.try_lock("lock", LockKind::Shared).unwrap().is_none());
    drop(exclusive);
    assert!(dir.try_lock("lock", LockKind::Shared).unwrap().is_some());
}

#[test]
fn directories_are_made_with_those_above() {
    let temp = tempfile::tempdir().unwrap();
    symlink(temp.path(), temp.path().join("self")).unwrap();
    let dir = Dir::open_or_create(temp.path().join("self/x/y/z"), 0o700).unwrap();
    assert_eq!(dir.stat("").unwrap().mode, 0o700);
    assert!(temp.path().join("x/y/z").is_dir());
    assert!(!Dir::open(temp.path()).unwrap().create_dir("x", 0o755).unwrap());
    assert!(dir.create_dir_all("p/q", 0o755).unwrap().path().ends_with("x/y/z/p/q"));
}

#[test]
fn a_file_is_continued_and_no_link_is_followed() {
    use std::io::{Read, Seek, Write};
    let base = tempfile::tempdir().unwrap();
    let dir = Dir::open(base.path()).unwrap();
    dir.open_file_to_change("part", 0o600).unwrap().write_all(b"one").unwrap();
    let mut file = dir.open_file_to_change("part", 0o600).unwrap();
    file.seek(std::io::SeekFrom::End(0)).unwrap();
    file.write_all(b" two").unwrap();
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one two");
    dir.symlink("part", "link").unwrap();
    assert!(dir.open_file_to_change("link", 0o600).unwrap_err().is_escape());
    dir.create_dir("dir", 0o755).unwrap();
    assert!(dir.open_file_to_change("dir", 0o600).is_err());
}
