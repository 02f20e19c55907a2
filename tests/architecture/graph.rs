//! Rules 1 and 2: which crate uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may use whom, without `aril-`: design.md's table. A crate that is not here may use nothing of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("beneath", &["model"]),
    ("installation", &["model", "beneath"]),
    ("terminal", &["model"]),
    ("store", &["model", "beneath"]),
    ("transaction", &["model", "beneath", "installation", "store", "terminal"]),
    ("cli", &["model", "beneath", "installation", "terminal"]),
    ("proxy", &["model"]),
    ("launcher", &["model", "beneath", "installation", "proxy"]),
    ("documents", &["model", "beneath", "installation"]),
    ("desktop", &["model", "beneath", "installation"]),
    ("builder", &["model", "beneath", "store", "terminal"]),
];

/// Crates that only the named crates of ours may name as a dependency: the door to a C library, an async runtime.
const DOORS: &[(&str, &[&str])] = &[
    ("ostree", &["store"]),
    ("gio", &["store"]),
    ("glib", &["store"]),
    ("tokio", &["documents", "desktop"]),
    ("zbus", &["transaction", "documents", "desktop"]),
    ("clap", &["terminal", "cli"]),
];

/// What must not be anywhere below a crate of ours.
const BANNED_BELOW: &[(&str, &[&str])] = &[
    ("launcher", &["ostree", "gio", "glib", "tokio", "zbus", "clap"]),
    ("proxy", &["ostree", "gio", "glib", "tokio", "zbus", "clap"]),
    ("cli", &["ostree", "gio", "glib", "tokio", "zbus"]),
    ("model", &["libc", "rustix", "nix", "tokio"]),
];

/// At most so many crates are in the launcher's tree, itself counted, what only runs in the compiler not.
const LAUNCHER_CRATES: usize = 30;

/// What `cargo metadata` says, as far as the rules need it. Test and build dependencies are left out: they are in no program.
struct Graph {
    /// Name to the names that it depends on.
    edges: BTreeMap<String, BTreeSet<String>>,
    /// Crates that run in the compiler.
    macros: BTreeSet<String>,
    /// Crates that are linked with a C library of this name.
    links: BTreeMap<String, String>,
    ours: BTreeSet<String>,
}

impl Graph {
    /// `None`, with the reason printed, where cargo cannot be run: the tests of an ordinary user who has none.
    fn read() -> Option<Self> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let arguments =
            ["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"];
        let output = match Command::new(&cargo).args(arguments).current_dir(root).output() {
            Ok(output) => output,
            Err(error) => {
                println!("skipped: cannot run {cargo}: {error}");
                return None;
            }
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self::parse(&serde_json::from_slice(&output.stdout).unwrap()))
    }

    fn parse(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
        let mut graph = Self {
            edges: BTreeMap::new(),
            macros: BTreeSet::new(),
            links: BTreeMap::new(),
            ours: BTreeSet::new(),
        };
        let mut names = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let name = text(&package["name"]);
            names.insert(text(&package["id"]), name.clone());
            if members.contains(&text(&package["id"])) {
                graph.ours.insert(name.clone());
            }
            let is_macro = |target: &Value| list(&target["kind"]).iter().any(|kind| kind == "proc-macro");
            if list(&package["targets"]).iter().any(is_macro) {
                graph.macros.insert(name.clone());
            }
            if let Some(library) = package["links"].as_str() {
                graph.links.insert(name, library.to_owned());
            }
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let below = graph.edges.entry(names[&text(&node["id"])].clone()).or_default();
            for dependency in list(&node["deps"]) {
                let is_normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
                if is_normal {
                    below.insert(names[&text(&dependency["pkg"])].clone());
                }
            }
        }
        graph
    }

    /// All that is in a program of this crate: the crate itself, and what lies below it, without what only runs in the compiler.
    fn tree(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![self.edges.get_key_value(name).unwrap_or_else(|| panic!("no crate {name}")).0];
        while let Some(name) = waiting.pop() {
            if self.macros.contains(name) || !found.insert(name.as_str()) {
                continue;
            }
            waiting.extend(&self.edges[name]);
        }
        found
    }

    fn has(&self, short: &str) -> bool {
        self.ours.contains(&full(short))
    }
}

fn full(short: &str) -> String {
    format!("aril-{short}")
}

#[test]
fn only_the_allowed_edges() {
    let Some(graph) = Graph::read() else { return };
    for name in &graph.ours {
        if name == "aril-tests" {
            continue;
        }
        let short = name.strip_prefix("aril-").unwrap_or(name);
        let allowed = ALLOWED.iter().find(|(from, _)| *from == short);
        let allowed = allowed.unwrap_or_else(|| panic!("'{name}' is not in the table of who may use whom")).1;
        for used in graph.edges[name].iter().filter(|used| graph.ours.contains(*used)) {
            assert!(allowed.iter().any(|to| full(to) == **used), "'{name}' must not use '{used}'");
        }
    }
}

#[test]
fn only_the_doors_name_what_is_behind_them() {
    let Some(graph) = Graph::read() else { return };
    for (behind, doors) in DOORS {
        let sys = format!("{behind}-sys");
        for name in graph.ours.iter().filter(|name| *name != "aril-tests") {
            let names_it = graph.edges[name].iter().any(|used| used == behind || *used == sys);
            let is_door = doors.iter().any(|door| full(door) == *name);
            assert!(!names_it || is_door, "'{name}' must not name '{behind}'");
        }
    }
}

#[test]
fn small_programs_stay_small() {
    let Some(graph) = Graph::read() else { return };
    for (short, banned) in BANNED_BELOW.iter().filter(|(short, _)| graph.has(short)) {
        let tree = graph.tree(&full(short));
        for name in *banned {
            assert!(!tree.contains(name), "'{name}' is below '{short}'");
        }
    }
    let tree = graph.tree("aril-launcher");
    assert!(tree.len() <= LAUNCHER_CRATES, "the launcher's tree has {} crates: {tree:?}", tree.len());
    for name in tree {
        let library = graph.links.get(name);
        assert_eq!(library, None, "'{name}' brings a C library into the launcher");
    }
}

#[test]
fn the_rules_can_be_broken() {
    let metadata: Value = serde_json::from_str(
        r#"{"workspace_members":["m"],"packages":[
            {"id":"m","name":"aril-model","targets":[{"kind":["lib"]}],"links":null},
            {"id":"d","name":"derive","targets":[{"kind":["proc-macro"]}],"links":null},
            {"id":"s","name":"syn","targets":[{"kind":["lib"]}],"links":null},
            {"id":"o","name":"ostree","targets":[{"kind":["lib"]}],"links":"ostree-1"},
            {"id":"t","name":"tempfile","targets":[{"kind":["lib"]}],"links":null}],
          "resolve":{"nodes":[
            {"id":"m","deps":[
                {"pkg":"d","dep_kinds":[{"kind":null}]},
                {"pkg":"o","dep_kinds":[{"kind":null}]},
                {"pkg":"t","dep_kinds":[{"kind":"dev"}]}]},
            {"id":"d","deps":[{"pkg":"s","dep_kinds":[{"kind":null}]}]},
            {"id":"s","deps":[]},{"id":"o","deps":[]},{"id":"t","deps":[]}]}}"#,
    )
    .unwrap();
    let graph = Graph::parse(&metadata);
    assert_eq!(graph.tree("aril-model"), BTreeSet::from(["aril-model", "ostree"]));
    assert_eq!(graph.links["ostree"], "ostree-1");
    assert!(graph.has("model") && !graph.has("store"));
}
