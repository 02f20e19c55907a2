//! The files of app and runtime: `/usr`, `/app`, `/etc`, `/opt`, and the links beside `/usr`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Draft, Facts, etc};
use crate::app::Part;
use crate::spec::{Access, Layer, Missing, Mount, Source, What};

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    draft.mounts.push(Mount { at: "/usr".into(), what: usr(facts) });
    draft.mounts.push(Mount { at: "/app".into(), what: app(facts) });
    draft.mounts.push(Mount { at: "/etc".into(), what: etc_tree(facts) });
    let merged = facts.app.app.as_ref().filter(|_| facts.is_merged());
    if let Some(part) = merged.filter(|part| part.tops.has("opt")) {
        draft.mounts.push(read_only("/opt", part, "files/opt"));
    }
    for name in links(facts) {
        let target = PathBuf::from("usr").join(&name);
        draft.mounts.push(Mount { at: Path::new("/").join(name), what: What::Symlink { target } });
    }
}

/// A directory of a deploy, which is only ever read.
fn read_only(at: &str, part: &Part, path: &str) -> Mount {
    let what = What::Bind { source: of_part(part, path), access: Access::Read, missing: Missing::Fail };
    Mount { at: at.into(), what }
}

fn of_part(part: &Part, path: &str) -> Source {
    Source::Beneath { base: part.path.clone(), path: path.into(), create: None }
}

/// The layers that an app of ours lays over the runtime's, for `usr` or `etc`: caches of the whole first, then the app's.
fn upper_layers(facts: &Facts<'_>, part: &'static str) -> Vec<Layer> {
    let mut layers = Vec::new();
    if let Some(derived) = facts.app.derived.as_ref().filter(|derived| derived.parts.contains(&part)) {
        let source = Source::Beneath { base: derived.path.clone(), path: part.into(), create: None };
        layers.push(Layer::Tree(source));
    }
    let own = facts.app.app.as_ref().filter(|own| facts.is_merged() && own.tops.has(part));
    layers.extend(own.map(|own| Layer::Tree(of_part(own, &format!("files/{part}")))));
    layers
}

fn usr(facts: &Facts<'_>) -> What {
    let mut layers = upper_layers(facts, "usr");
    let runtime = of_part(&facts.app.runtime, "files");
    if layers.is_empty() {
        return What::Bind { source: runtime, access: Access::Read, missing: Missing::Fail };
    }
    layers.push(Layer::Tree(runtime));
    What::Overlay { layers, writes: None }
}

fn app(facts: &Facts<'_>) -> What {
    match facts.app.app.as_ref().filter(|_| !facts.is_merged()) {
        Some(part) => {
            What::Bind { source: of_part(part, "files"), access: Access::Read, missing: Missing::Fail }
        }
        None => What::Directory { mode: 0o755 },
    }
}

fn etc_tree(facts: &Facts<'_>) -> What {
    let mut layers = vec![Layer::Made(etc::files(facts))];
    layers.extend(upper_layers(facts, "etc"));
    if facts.app.runtime.tops.has("etc") {
        layers.push(Layer::Tree(of_part(&facts.app.runtime, "files/etc")));
    }
    What::Overlay { layers, writes: None }
}

/// `bin`, `lib64` and the like, which lie in `/usr` and are looked for at the top.
fn links(facts: &Facts<'_>) -> BTreeSet<String> {
    let own = facts.app.app.as_ref().filter(|_| facts.is_merged()).map(|part| &part.tops.usr);
    let names = facts.app.runtime.tops.directories.iter().chain(own.into_iter().flatten());
    names.filter_map(|name| crate::tool::link_name(name.into())).collect()
}
