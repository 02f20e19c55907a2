//! The caches of a runtime, made once when it is built: those that any tree merged of packages has.
//!
//! Which program makes which cache is in the table of `aril-model`, that transactions use for the derived layer of an app, too.

use aril_model::{TRIGGERS, Trigger};
use aril_store::{Node, Tree};

use crate::report::{Note, Topic};
use crate::tool::{Job, ToolError, Workplace};

/// One run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    command: Vec<String>,
    mirrored: Vec<String>,
}

/// Makes all caches that a tree asks for, and gives lines about those that could not be made.
///
/// # Errors
/// When there is no sandbox.
pub fn make_caches(place: &Workplace, root: &Tree) -> Result<Vec<Note>, ToolError> {
    let mut notes = Vec::new();
    for trigger in TRIGGERS {
        for run in runs(trigger, root) {
            let mirrored: Vec<&str> = run.mirrored.iter().map(String::as_str).collect();
            let outcome = place.run(Job {
                command: &run.command,
                input: b"",
                // No program of these may take a home, a time zone or a language into account.
                environment: &[
                    ("HOME", "/root"),
                    ("LC_ALL", "C.UTF-8"),
                    ("TZ", "UTC"),
                    ("SOURCE_DATE_EPOCH", "0"),
                ],
                mirrored: &mirrored,
            })?;
            if outcome.code != 0 {
                let why = outcome.output.lines().last().unwrap_or("it says nothing").to_owned();
                let command = run.command.join(" ");
                let text = format!(
                    "the cache of {} could not be made: `{command}` ended with {}: {why}",
                    trigger.name, outcome.code
                );
                notes.push(Note::new(Topic::Cache, text));
            }
        }
    }
    Ok(notes)
}

/// The runs of a trigger: one, or one for each directory that it watches.
fn runs(trigger: &Trigger, root: &Tree) -> Vec<Run> {
    let Some(program) = trigger.programs.iter().find(|program| is_there(root, program)) else {
        return Vec::new();
    };
    let dirs: Vec<String> = trigger.watches.iter().flat_map(|watched| directories(root, watched)).collect();
    let dirs: Vec<String> = dirs
        .into_iter()
        .filter(|dir| trigger.only_with.is_none_or(|file| root.get(&format!("{dir}/{file}")).is_some()))
        .collect();
    let command = |dir: &str| {
        let arguments = trigger.arguments.iter().map(|argument| argument.replace("{}", &format!("/{dir}")));
        std::iter::once((*program).to_owned()).chain(arguments).collect()
    };
    if trigger.arguments.contains(&"{}") {
        return dirs
            .iter()
            .map(|dir| Run { command: command(dir), mirrored: vec![format!("/{dir}")] })
            .collect();
    }
    if dirs.is_empty() {
        return Vec::new();
    }
    vec![Run { command: command(""), mirrored: Vec::new() }]
}

/// The directories that a pattern means and in which there is something.
fn directories(root: &Tree, watched: &str) -> Vec<String> {
    let Some(above) = watched.strip_suffix("/*") else {
        return root
            .dir(watched)
            .filter(|dir| !dir.is_empty())
            .map(|_| watched.to_owned())
            .into_iter()
            .collect();
    };
    let Some(dir) = root.dir(above) else { return Vec::new() };
    let inner = dir.entries().filter(|(_, node)| node.as_dir().is_some_and(|dir| !dir.is_empty()));
    inner.map(|(name, _)| format!("{above}/{name}")).collect()
}

/// Whether a program is in the tree, be it as a link; `sbin` may be one, too.
fn is_there(root: &Tree, program: &str) -> bool {
    let path = program.trim_start_matches('/');
    let merged = path.replace("usr/sbin/", "usr/bin/");
    let found = |path: &str| matches!(root.get(path), Some(Node::File(_) | Node::Link(_)));
    let sbin_is_link = matches!(root.get("usr/sbin"), Some(Node::Link(_)));
    found(path) || sbin_is_link && found(&merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aril_store::{Checksum, LinkNode};

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for path in paths {
            let node = LinkNode { checksum: Checksum::from([0; 32]), target: "bin".into() };
            tree.insert(path, Node::Link(node)).unwrap();
        }
        tree
    }

    #[test]
    fn only_what_is_asked_for_and_can_be_made() {
        let root = tree(&[
            "usr/bin/ldconfig",
            "usr/sbin",
            "usr/lib64/libx.so",
            "usr/bin/gtk-update-icon-cache",
            "usr/share/icons/hicolor/index.theme",
            "usr/share/icons/odd/x",
            "usr/share/fonts/x",
        ]);
        let commands: Vec<String> = TRIGGERS
            .iter()
            .flat_map(|trigger| runs(trigger, &root))
            .map(|run| run.command.join(" "))
            .collect();
        assert_eq!(
            commands,
            [
                "/usr/sbin/ldconfig -X -i",
                "/usr/bin/gtk-update-icon-cache --quiet --force /usr/share/icons/hicolor"
            ]
        );
    }
}
