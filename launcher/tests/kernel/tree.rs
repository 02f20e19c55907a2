//! Small file trees with real programs in them, for layers and deploys.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that most tests use.
pub(crate) const PROGRAMS: &[&str] = &[
    "sh", "cat", "ls", "id", "touch", "mkdir", "chmod", "chown", "mknod", "rm", "mv", "stat", "head",
    "sleep", "env", "readlink", "cp", "ln", "pwd", "uname", "tty", "wc", "true", "false", "echo", "printf",
    "dd", "test", "kill", "hostname",
];

/// Copies host programs and the libraries that they load into `usr`, where the host has them.
pub(crate) fn add_programs(usr: &Path, programs: &[&str]) {
    let mut files = BTreeSet::new();
    for name in programs {
        let program = find_program(name);
        files.extend(libraries(&program));
        files.insert(program);
    }
    for file in files {
        add_file(usr, &file);
    }
}

fn find_program(name: &str) -> PathBuf {
    if name.starts_with('/') {
        return PathBuf::from(name);
    }
    let candidates = ["/usr/bin", "/usr/sbin", "/bin"].map(|dir| Path::new(dir).join(name));
    candidates
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("the host has no program '{name}'"))
}

/// What the dynamic linker would load; empty for a static program.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).env("LC_ALL", "C").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Copies one file of the host to the place below `usr` where a program would look for it.
fn add_file(usr: &Path, file: &Path) {
    let below = file.strip_prefix("/usr").or_else(|_| file.strip_prefix("/")).unwrap();
    let to = usr.join(below);
    if to.exists() {
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(file, &to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes a file, with the directories above it.
pub(crate) fn write(root: &Path, path: &str, contents: &str) {
    let to = root.join(path);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(to, contents).unwrap();
}

/// The contents of a file, or what stands in the way.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| format!("{}: {error}", path.as_ref().display()))
}
