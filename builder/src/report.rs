//! What was done to packages on their way to a commit, and why: each thing that was left out, changed, decided or asked for.
//!
//! It depends on the packages alone, so that it can be a part of the commit: the file `report.json` at the top of its tree.

use serde::Serialize;

/// The name of the file in a commit.
pub const FILE: &str = "report.json";

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A file that is not in the tree, or not as a package has it.
    File,
    /// A right that a file would have on a host: set-uid, capabilities.
    Privilege,
    /// Files at one path.
    Conflict,
    /// A scriptlet or a trigger.
    Script,
    /// A cache.
    Cache,
    /// Users of packages.
    User,
    /// Programs that can be started.
    Program,
    /// What the host sees.
    Export,
    /// A right that the app asks for.
    Request,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub topic: Topic,
    /// A line for people.
    pub text: String,
    /// Whether it is done so with nearly every package, and says nothing of this one.
    pub routine: bool,
}

impl Note {
    /// A note that a person should see.
    pub fn new(topic: Topic, text: impl Into<String>) -> Self {
        Self { topic, text: text.into(), routine: false }
    }

    /// A note for the record.
    pub fn routine(topic: Topic, text: impl Into<String>) -> Self {
        Self { routine: true, ..Self::new(topic, text) }
    }
}

/// The file's contents: notes in the order in which they were made, each once.
pub fn to_json(notes: &[Note]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        notes: Vec<&'a Note>,
    }
    let mut seen = std::collections::BTreeSet::new();
    let notes = notes.iter().filter(|note| seen.insert(&note.text)).collect();
    let mut json = serde_json::to_vec(&Document { version: 1, notes }).expect("texts can be written as JSON");
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_once_each() {
        let note = Note::routine(Topic::Cache, "x");
        assert_eq!(
            String::from_utf8(to_json(&[note.clone(), note])).unwrap(),
            "{\"version\":1,\"notes\":[{\"topic\":\"cache\",\"text\":\"x\",\"routine\":true}]}\n"
        );
    }
}
