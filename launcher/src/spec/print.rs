//! The specification for a person. What comes from metadata is made safe to print.

use std::fmt::Write;
use std::path::Path;

use aril_model::printable;

use super::{
    Access, Bus, Capabilities, Code, Layer, Limit, Made, Namespaces, Nested, Processes, Ruled, SandboxSpec,
    Scopes, Session, Sharing, Source, What,
};
use crate::filters::landlock::writable_places;
use crate::filters::seccomp;
use crate::plan::AppPlan;

/// A few lines a part.
pub(crate) fn describe(plan: &AppPlan) -> String {
    let spec = &plan.spec;
    let mut text = String::new();
    let command = spec.command.arguments.iter().fold(spec.command.program.to_string_lossy(), |all, word| {
        format!("{all} {}", word.to_string_lossy()).into()
    });
    line(&mut text, "runs", &command);
    line(&mut text, "namespaces of its own", &own_namespaces(&spec.namespaces).join(", "));
    for (title, lines) in [
        (
            "files",
            spec.mounts
                .iter()
                .map(|mount| format!("{}  {}", shown(&mount.at), what(&mount.what).1))
                .collect(),
        ),
        (
            "variables",
            spec.environment
                .iter()
                .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
                .collect(),
        ),
        (
            "filtered buses",
            plan.buses.iter().map(|bus| format!("{}  {}", name(bus.bus), bus.address)).collect(),
        ),
        ("system calls", calls(spec)),
        ("besides", besides(spec)),
        ("not to be had", plan.notes.clone()),
    ] {
        section(&mut text, title, lines);
    }
    text
}

fn line(text: &mut String, title: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{title}: {}", printable(value));
}

fn section(text: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}:");
    for line in lines {
        let _ = writeln!(text, "  {}", printable(&line));
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn own_namespaces(namespaces: &Namespaces) -> Vec<String> {
    let mut own = vec!["user".to_owned(), "mount".into(), "pid".into()];
    for (name, sharing) in
        [("network", namespaces.network), ("ipc", namespaces.ipc), ("cgroup", namespaces.cgroup)]
    {
        if sharing == Sharing::Own {
            own.push(name.into());
        }
    }
    own.extend(namespaces.hostname.as_ref().map(|hostname| format!("uts ({hostname})")));
    own
}

/// The kind of what stands at a path, and the same with all that belongs to it.
fn what(what: &What) -> (&'static str, String) {
    match what {
        What::Directory { mode } => ("directory", format!("directory, mode {mode:04o}")),
        What::File { contents, mode } => {
            ("file", format!("file of {} bytes, mode {mode:04o}", contents.len()))
        }
        What::Symlink { target } => ("link", format!("-> {}", shown(target))),
        What::Bind { source, access, .. } => {
            ("bind", format!("{} {}", access_word(*access), source_text(source)))
        }
        What::Overlay { layers, writes } => {
            let texts: Vec<String> = layers.iter().map(layer).collect();
            let access = if writes.is_some() { "writable" } else { "read-only" };
            ("overlay", format!("{access} {}", texts.join(" : ")))
        }
        What::Tmpfs { mode, access } => {
            ("memory", format!("{} in memory, mode {mode:04o}", access_word(*access)))
        }
        What::Proc { visible: Processes::All } => ("processes", "processes".into()),
        What::Proc { visible: Processes::Readable } => ("processes", "processes of the app".into()),
        What::Terminals => ("terminals", "terminals".into()),
        What::Hidden => ("hidden", "hidden".into()),
        What::Made { source } => ("made", format!("made: {}", source_text(source))),
        What::Listener { bus } => ("listener", format!("filtered {} bus", name(*bus))),
    }
}

pub(super) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Read => "read-only",
        Access::Write => "writable",
        Access::Device => "device",
    }
}

pub(super) fn source_text(source: &Source) -> String {
    match source {
        Source::Host(path) => shown(path),
        Source::Beneath { base, path, .. } => shown(&base.join(path)),
    }
}

fn layer(layer: &Layer) -> String {
    match layer {
        Layer::Tree(source) => source_text(source),
        Layer::Made(files) => {
            let there = files.iter().filter(|(_, made)| *made != Made::Nothing);
            let names: Vec<String> = there.map(|(path, _)| shown(path)).collect();
            format!("({})", names.join(" "))
        }
    }
}

pub(super) fn name(bus: Bus) -> &'static str {
    match bus {
        Bus::Session => "session",
        Bus::System => "system",
        Bus::Accessibility => "accessibility",
    }
}

fn calls(spec: &SandboxSpec) -> Vec<String> {
    let (allowed, refused) = seccomp::groups(&spec.wall.calls);
    let lines = |verb: &'static str, groups: Vec<&'static crate::filters::groups::Group>| {
        groups.into_iter().map(move |group| {
            format!("{verb}: {} ({} calls): {}", group.name, group.calls.len(), group.reason)
        })
    };
    let mut all: Vec<String> = lines("allowed", allowed).chain(lines("refused", refused)).collect();
    all.push("for some arguments only: clone ioctl kcmp personality prctl socket socketpair".into());
    all.push("not there: all others, and those of other architectures".into());
    all
}

pub(super) fn besides(spec: &SandboxSpec) -> Vec<String> {
    let wall = &spec.wall;
    let mut lines = vec![
        match wall.capabilities {
            Capabilities::None => "no capabilities, and none to be gained",
            Capabilities::Packaging => "the capabilities of a package's scripts",
        }
        .to_owned(),
    ];
    if wall.nested == Nested::Forbidden {
        lines.push("no further user namespaces".into());
    }
    if wall.code == Code::Fixed {
        lines.push("no memory that was written can become code".into());
    }
    if wall.landlock.files == Ruled::Yes {
        let places: Vec<String> = writable_places(&spec.mounts).iter().map(|(path, _)| shown(path)).collect();
        lines.push(format!("Landlock: changes only in {}", places.join(" ")));
    }
    lines.push(match wall.landlock.scopes {
        Scopes::Signals => "Landlock: signals stay inside".into(),
        Scopes::SignalsAndSockets => "Landlock: signals and abstract sockets stay inside".into(),
    });
    lines.push(match spec.session {
        Session::Own => "a session of its own, without a terminal".into(),
        Session::Callers => "the caller's terminal".into(),
    });
    lines.extend(spec.limits.iter().map(|(limit, value)| format!("at most {value} {}", limit_word(*limit))));
    lines
}

pub(super) fn limit_word(limit: Limit) -> &'static str {
    match limit {
        Limit::Core => "bytes of core dump",
        Limit::Processes => "processes",
        Limit::Memory => "bytes of memory a process",
        Limit::Files => "open files a process",
    }
}
