//! What the sandbox of a package's program is: layers over each other, a minimal `/dev`, nothing of the user's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind};

use crate::LaunchError;
use crate::spec::{
    Access, Calls, Capabilities, Code, Command, Ids, Landlock, Layer, Limit, Missing, Mount, Namespaces,
    Nested, Pretend, Processes, Ruled, SandboxSpec, Scopes, Session, Sharing, Source, Wall, What, Without,
    Writes,
};

/// The directories that layers have.
const PARTS: [&str; 4] = ["usr", "etc", "opt", "var"];

/// What is to be run, on what.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolRequest {
    /// Layers, upper first.
    pub(crate) layers: Vec<ToolLayer>,
    /// Where writes go; without it nothing can be written but `/tmp`.
    pub(crate) writes: Option<ToolWrites>,
    /// Directories of the sandbox in which the program makes files, as far as is known; empty for all. Only layers of other users ask for it.
    pub(crate) mirrored: Vec<PathBuf>,
    /// Files and directories of the host: source, place inside, and what may be done there.
    pub(crate) binds: Vec<(PathBuf, PathBuf, Access)>,
    /// Variables besides `PATH`, `HOME` and `LANG`.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Where the program starts.
    pub(crate) directory: Option<PathBuf>,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolLayer {
    /// A directory with `usr`, `etc`, `opt`, `var`, those that are there.
    Root(PathBuf),
    /// A directory that is itself a `usr`; its `etc` is then the `etc`.
    Usr(PathBuf),
}

/// Where writes go.
#[derive(Debug, Clone)]
pub(crate) struct ToolWrites {
    /// Gets `usr`, `etc`, `opt`, `var`.
    pub(crate) upper: PathBuf,
    /// A directory of the same file system for the kernel's own use.
    pub(crate) work: PathBuf,
}

impl ToolWrites {
    /// Makes the directories that are missing.
    pub(crate) fn create(&self) -> Result<(), LaunchError> {
        for base in [&self.upper, &self.work] {
            let dir = Dir::open_or_create(base, 0o755)?;
            for part in PARTS {
                dir.create_dir(part, 0o755)?;
            }
        }
        Ok(())
    }
}

impl ToolLayer {
    /// The path that is searched, and where in it a part lies.
    pub(crate) fn part(&self, part: &str) -> Option<(&Path, PathBuf)> {
        match (self, part) {
            (Self::Root(root), part) => Some((root, PathBuf::from(part))),
            (Self::Usr(usr), "usr") => Some((usr, PathBuf::new())),
            (Self::Usr(usr), "etc") => Some((usr, PathBuf::from("etc"))),
            (Self::Usr(_), _) => None,
        }
    }
}

/// What the layers have, looked at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerFacts {
    /// For each part the layers that have it, upper first.
    parts: Vec<(&'static str, Vec<Source>)>,
    /// Names at the top of the merged `/usr` to which `/` has a link: `bin`, `lib64`.
    links: Vec<String>,
}

impl LayerFacts {
    /// Looks at the layers.
    ///
    /// # Errors
    /// When a layer is missing or cannot be read.
    pub(crate) fn look(request: &ToolRequest) -> Result<Self, LaunchError> {
        let mut facts = Self { parts: PARTS.map(|part| (part, Vec::new())).to_vec(), links: Vec::new() };
        for layer in &request.layers {
            for (part, found) in &mut facts.parts {
                let Some((base, path)) = layer.part(part) else { continue };
                let dir = Dir::open(base)?;
                let kind = match dir.stat(&path) {
                    Ok(properties) => properties.kind,
                    Err(error) if error.is_not_found() => continue,
                    Err(error) => return Err(error.into()),
                };
                if kind != EntryKind::Dir {
                    continue;
                }
                if *part == "usr" {
                    facts.links.extend(dir.entries(&path)?.into_iter().filter_map(|e| link_name(e.name)));
                }
                found.push(Source::Beneath { base: base.to_owned(), path, create: None });
            }
        }
        facts.links.sort();
        facts.links.dedup();
        Ok(facts)
    }
}

/// Directories of `/usr` that used to lie at the top.
pub(crate) fn link_name(name: OsString) -> Option<String> {
    name.into_string()
        .ok()
        .filter(|name| matches!(name.as_str(), "bin" | "sbin") || is_library_directory(name))
}

fn is_library_directory(name: &str) -> bool {
    matches!(name.strip_prefix("lib"), Some("" | "32" | "64" | "x32" | "o32" | "n32" | "qual"))
}

/// The specification.
pub(crate) fn plan(request: &ToolRequest, facts: &LayerFacts) -> SandboxSpec {
    let mut mounts = Vec::new();
    for (part, layers) in &facts.parts {
        mounts.extend(part_mount(part, layers, request.writes.as_ref()));
    }
    for name in &facts.links {
        let target = PathBuf::from("usr").join(name);
        mounts.push(Mount { at: Path::new("/").join(name), what: What::Symlink { target } });
    }
    mounts.extend(system_mounts());
    mounts.extend(crate::plan::devices::minimal());
    for (source, at, access) in &request.binds {
        let what =
            What::Bind { source: Source::Host(source.clone()), access: *access, missing: Missing::Fail };
        mounts.push(Mount { at: at.clone(), what });
    }
    SandboxSpec {
        namespaces: Namespaces {
            network: Sharing::Own,
            ipc: Sharing::Own,
            cgroup: Sharing::Own,
            hostname: Some("sandbox".into()),
            parent: None,
        },
        ids: Ids { uid: 0, gid: 0 },
        mounts,
        command: command(request),
        environment: environment(request),
        wall: wall(request),
        session: Session::Own,
        limits: vec![(Limit::Core, 0)],
    }
}

fn part_mount(part: &str, layers: &[Source], writes: Option<&ToolWrites>) -> Option<Mount> {
    let at = Path::new("/").join(part);
    let beneath = |base: &Path| Source::Beneath { base: base.to_owned(), path: part.into(), create: None };
    let what = match (layers, writes) {
        ([], None) if part == "var" => What::Tmpfs { mode: 0o755, access: Access::Write },
        ([], None) => return None,
        ([], Some(writes)) => {
            What::Bind { source: beneath(&writes.upper), access: Access::Write, missing: Missing::Fail }
        }
        (layers, writes) => What::Overlay {
            layers: layers.iter().cloned().map(Layer::Tree).collect(),
            writes: writes.map(|w| Writes { upper: beneath(&w.upper), work: beneath(&w.work) }),
        },
    };
    Some(Mount { at, what })
}

fn system_mounts() -> Vec<Mount> {
    let tmpfs = |at: &str, mode| Mount { at: at.into(), what: What::Tmpfs { mode, access: Access::Write } };
    vec![
        Mount { at: "/proc".into(), what: What::Proc { visible: Processes::All } },
        tmpfs("/tmp", 0o1777),
        tmpfs("/run", 0o755),
        tmpfs("/root", 0o700),
        Mount { at: "/sys".into(), what: What::Directory { mode: 0o555 } },
    ]
}

fn command(request: &ToolRequest) -> Command {
    let mut words = request.command.iter().cloned();
    let program = words.next().unwrap_or_default();
    let directories = request.directory.iter().cloned().chain([PathBuf::from("/")]).collect();
    Command { program, arguments: words.collect(), directories }
}

fn environment(request: &ToolRequest) -> Vec<(OsString, OsString)> {
    let mut all: Vec<(OsString, OsString)> =
        [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8"), ("TERM", "dumb")]
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec();
    for (name, value) in &request.environment {
        all.retain(|(known, _)| known != name);
        all.push((name.clone(), value.clone()));
    }
    all
}

fn wall(request: &ToolRequest) -> Wall {
    Wall {
        capabilities: Capabilities::Packaging,
        calls: Calls {
            features: Vec::new(),
            // Without a place for writes nothing can be changed, so nothing is pretended.
            pretend: if request.writes.is_some() { Pretend::Yes } else { Pretend::No },
        },
        landlock: Landlock {
            files: Ruled::Yes,
            scopes: Scopes::SignalsAndSockets,
            connect: None,
            bind: None,
            without: Without::Tell,
        },
        nested: Nested::Forbidden,
        code: Code::Writable,
    }
}
