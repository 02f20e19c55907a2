//! The specification as JSON: the same that a person is shown, for programs. Fields are added, never changed.

use super::print::{access_word, besides, limit_word, name, own_namespaces, shown, source_text};
use super::{Layer, Made, Mount, Processes, What};
use crate::filters::groups::Group;
use crate::filters::seccomp;
use crate::json::Json;
use crate::plan::AppPlan;

/// One line of JSON.
pub(crate) fn to_json(plan: &AppPlan) -> String {
    let spec = &plan.spec;
    let (allowed, refused) = seccomp::groups(&spec.wall.calls);
    let words = std::iter::once(&spec.command.program).chain(&spec.command.arguments);
    let variables = spec.environment.iter().map(|(name, value)| {
        Json::Object(vec![("name", name.to_string_lossy().into()), ("value", value.to_string_lossy().into())])
    });
    let buses = plan.buses.iter().map(|bus| {
        Json::Object(vec![("bus", name(bus.bus).into()), ("address", bus.address.to_string().into())])
    });
    let limits = spec.limits.iter().map(|(limit, value)| {
        Json::Object(vec![("limit", limit_word(*limit).into()), ("value", Json::Number(*value))])
    });
    let json = Json::Object(vec![
        ("version", Json::Number(1)),
        ("command", Json::texts(words.map(|word| word.to_string_lossy()))),
        ("namespaces", Json::texts(own_namespaces(&spec.namespaces))),
        ("mounts", Json::List(spec.mounts.iter().map(mount).collect())),
        ("environment", Json::List(variables.collect())),
        ("buses", Json::List(buses.collect())),
        ("allowed_calls", groups(&allowed)),
        ("refused_calls", groups(&refused)),
        ("restrictions", Json::texts(besides(spec))),
        ("limits", Json::List(limits.collect())),
        ("notes", Json::texts(plan.notes.iter().cloned())),
    ]);
    format!("{json}\n")
}

fn groups(groups: &[&'static Group]) -> Json {
    let group = |group: &&'static Group| {
        Json::Object(vec![
            ("name", group.name.into()),
            ("reason", group.reason.into()),
            ("calls", Json::texts(group.calls.iter().copied())),
        ])
    };
    Json::List(groups.iter().map(group).collect())
}

fn mount(mount: &Mount) -> Json {
    let mut fields = vec![("at", shown(&mount.at).into())];
    let mode = |mode: u32| Json::Text(format!("{mode:04o}"));
    fields.extend(match &mount.what {
        What::Directory { mode: bits } => vec![("kind", "directory".into()), ("mode", mode(*bits))],
        What::File { contents, mode: bits } => {
            let size = Json::Number(contents.len() as u64);
            vec![("kind", "file".into()), ("size", size), ("mode", mode(*bits))]
        }
        What::Symlink { target } => vec![("kind", "link".into()), ("target", shown(target).into())],
        What::Bind { source, access, .. } => vec![
            ("kind", "bind".into()),
            ("source", source_text(source).into()),
            ("access", access_word(*access).into()),
        ],
        What::Overlay { layers, writes } => vec![
            ("kind", "overlay".into()),
            ("layers", Json::List(layers.iter().map(layer).collect())),
            ("access", if writes.is_some() { "writable" } else { "read-only" }.into()),
        ],
        What::Tmpfs { mode: bits, access } => {
            vec![("kind", "memory".into()), ("mode", mode(*bits)), ("access", access_word(*access).into())]
        }
        What::Proc { visible } => {
            let visible = if *visible == Processes::All { "all" } else { "readable" };
            vec![("kind", "processes".into()), ("visible", visible.into())]
        }
        What::Terminals => vec![("kind", "terminals".into())],
        What::Hidden => vec![("kind", "hidden".into())],
        What::Made { source } => vec![("kind", "made".into()), ("source", source_text(source).into())],
        What::Listener { bus } => vec![("kind", "listener".into()), ("bus", name(*bus).into())],
    });
    Json::Object(fields)
}

fn layer(layer: &Layer) -> Json {
    match layer {
        Layer::Tree(source) => Json::Object(vec![("source", source_text(source).into())]),
        Layer::Made(files) => {
            let there = files.iter().filter(|(_, made)| *made != Made::Nothing);
            Json::Object(vec![("files", Json::texts(there.map(|(path, _)| shown(path))))])
        }
    }
}
