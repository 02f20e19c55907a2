//! Compiled Python beside each module, as Fedora's packages have it: the time in its header is that of the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use super::paths::{is_beneath, parent};
use super::tree::{Entry, Kind, Tree};
use crate::repo::run::{output, output_with_input, run};

/// What a compiled file of Python 3.13 begins with.
const MAGIC: &str = "f30d0d0a";

/// Debian's packages that a Python which only compiles needs.
pub const PACKAGES: [&str; 7] = [
    "libc6",
    "zlib1g",
    "libexpat1",
    "python3.13-minimal",
    "libpython3.13-minimal",
    "libpython3.13-stdlib",
    "libssl3t64",
];

/// Reads `disk path TAB recorded path` lines; a module that does not compile (there are such tests) is left as it is.
const PROGRAM: &str = r#"
import py_compile, sys
for line in sys.stdin:
    disk, path, compiled = line.rstrip("\n").split("\t")
    try:
        py_compile.compile(disk, cfile=compiled, dfile=path, doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    except (py_compile.PyCompileError, ValueError):
        pass
"#;

/// A Python 3.13: the host's, if it is one, else Debian's, unpacked and started by its own loader, with nothing installed.
#[derive(Debug)]
pub struct Interpreter {
    root: PathBuf,
    debs: Vec<PathBuf>,
    command: Mutex<Option<Vec<String>>>,
}

impl Interpreter {
    /// Nothing is looked for before the first module; `debs` are those of [`PACKAGES`], unpacked to `root` when needed.
    pub fn new(root: PathBuf, debs: Vec<PathBuf>) -> Self {
        Self { root, debs, command: Mutex::new(None) }
    }

    /// Compiles the modules of `tree`, whose times are set.
    pub fn compile(&self, tree: &mut Tree) -> Result<()> {
        let sources: Vec<String> = tree.files().filter(|path| is_module(path)).map(str::to_owned).collect();
        if sources.is_empty() {
            return Ok(());
        }
        let mut input = String::new();
        for source in &sources {
            let disk =
                |path: &str| tree.on_disk(path).to_str().map(str::to_owned).context("path is not UTF-8");
            input.push_str(&format!("{}\t{source}\t{}\n", disk(source)?, disk(&compiled(source))?));
        }
        output_with_input(self.command()?.args(["-c", PROGRAM]), input.as_bytes())?;
        for source in &sources {
            note(tree, source);
        }
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let mut words = self.command.lock().map_err(|_| anyhow::anyhow!("another thread failed"))?;
        let words = match words.as_mut() {
            Some(words) => words,
            None => words.insert(self.find()?),
        };
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("LC_ALL", "C.UTF-8");
        if words.len() > 2 {
            command.env("PYTHONHOME", self.root.join("usr"));
        }
        Ok(command)
    }

    fn find(&self) -> Result<Vec<String>> {
        let host = ["/usr/bin/python3", "-S"];
        if magic(Command::new(host[0]).arg(host[1])) == Some(MAGIC.to_owned()) {
            return Ok(host.map(str::to_owned).to_vec());
        }
        self.unpack()?;
        let root = self.root.to_str().context("the cache's path is not UTF-8")?;
        let libraries = format!("{root}{}", super::paths::MULTIARCH);
        let words = [
            format!("{libraries}/ld-linux-x86-64.so.2"),
            "--library-path".to_owned(),
            libraries,
            format!("{root}/usr/bin/python3.13"),
            "-S".to_owned(),
        ];
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("PYTHONHOME", self.root.join("usr"));
        ensure!(magic(&mut command).as_deref() == Some(MAGIC), "Debian's Python in {root} does not run");
        Ok(words.to_vec())
    }

    fn unpack(&self) -> Result<()> {
        if self.root.join("usr/bin/python3.13").exists() {
            return Ok(());
        }
        let above = self.root.parent().unwrap_or(Path::new("/"));
        let beside = tempfile::Builder::new().prefix(".python-").tempdir_in(above)?;
        for deb in &self.debs {
            run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(beside.path()))?;
        }
        fs::rename(beside.keep(), &self.root)?;
        Ok(())
    }
}

fn magic(command: &mut Command) -> Option<String> {
    let program = "import importlib.util; print(importlib.util.MAGIC_NUMBER.hex())";
    output(command.args(["-c", program])).ok().map(|text| text.trim().to_owned())
}

fn is_module(path: &str) -> bool {
    let places = ["/usr/lib/python3", "/usr/lib64/python3", "/usr/lib/python3.13", "/usr/lib64/python3.13"];
    path.ends_with(".py") && places.iter().any(|place| is_beneath(path, place))
}

/// `a/b.py` as `a/__pycache__/b.cpython-313.pyc`.
fn compiled(source: &str) -> String {
    let dir = parent(source);
    let name = source[dir.len() + 1..].trim_end_matches(".py");
    format!("{dir}/__pycache__/{name}.cpython-313.pyc")
}

fn note(tree: &mut Tree, source: &str) {
    let target = compiled(source);
    if !tree.on_disk(&target).exists() {
        return;
    }
    let Some(of_source) = tree.entries().get(source).cloned() else { return };
    let entry = |kind, mode| Entry { kind, mode, ..of_source.clone() };
    let dir = parent(&target).to_owned();
    if !tree.has(&dir) {
        tree.note(&dir, entry(Kind::Directory, 0o755));
    }
    tree.note(&target, entry(Kind::File, 0o644));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_modules_have_pythons_names() {
        assert_eq!(
            compiled("/usr/lib/python3.13/abc.py"),
            "/usr/lib/python3.13/__pycache__/abc.cpython-313.pyc"
        );
        assert!(is_module("/usr/lib/python3/dist-packages/gi/__init__.py"));
        assert!(!is_module("/usr/share/gdb/auto-load/x.py") && !is_module("/usr/lib/python3/x.txt"));
    }
}
