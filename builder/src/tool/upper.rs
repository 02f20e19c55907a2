//! What programs wrote into an upper layer, as a tree: new and changed files, and what is gone.
//!
//! The layer was written by programs of packages, so it is read beneath a descriptor, and only regular files, links and directories count.

use std::collections::BTreeSet;
use std::path::Path;

use aril_beneath::{Dir, EntryKind, Step};
use aril_store::{Choice, Mode, Node, Tree, Writer};

use super::ToolError;
use crate::report::{Note, Topic};

/// What an overlay's upper layer says.
#[derive(Debug, Default)]
pub struct Written {
    /// New and changed files, as a root.
    pub tree: Tree,
    /// Paths of what was removed.
    pub removed: BTreeSet<String>,
    /// What cannot be kept, a line each.
    pub notes: Vec<Note>,
}

impl Written {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.tree.paths().iter().all(|(_, node)| node.is_dir()) && self.removed.is_empty()
    }

    /// Puts it over the tree it was written over. What was removed and is not in that tree stays: it is beneath it.
    pub fn apply(self, root: &mut Tree) -> Vec<Note> {
        let mut notes = self.notes;
        for path in &self.removed {
            if root.remove(path).is_none() {
                let text = format!("/{path} was removed by a script, and stays since it is the runtime's");
                notes.push(Note::new(Topic::Script, text));
            }
        }
        root.add(self.tree, &mut |_| Choice::Theirs);
        notes
    }
}

pub(super) fn read(upper: &Dir, writer: &Writer) -> Result<Written, ToolError> {
    let mut written = Written::default();
    upper.walk::<ToolError>("", &mut |path, kind| {
        let Some(place) = path.to_str() else {
            written
                .notes
                .push(Note::new(Topic::File, format!("{} is left out: its name is not UTF-8", shown(path))));
            return Ok(Step::Over);
        };
        match kind {
            EntryKind::Dir => drop(written.tree.make_dir(place).map_err(aril_store::StoreError::from)?),
            EntryKind::File => {
                let properties = upper.stat(path)?;
                let file = writer.file_from(
                    &mut upper.open_file(path)?,
                    properties.size,
                    Mode::from_bits(properties.mode),
                )?;
                written.tree.insert(place, Node::File(file)).map_err(aril_store::StoreError::from)?;
            }
            EntryKind::Link => match upper.read_link(path)?.to_str() {
                Some(target) => {
                    let link = Node::Link(writer.link(target)?);
                    written.tree.insert(place, link).map_err(aril_store::StoreError::from)?;
                }
                None => written.notes.push(Note::new(
                    Topic::File,
                    format!("{} is left out: it leads to a name that is not UTF-8", shown(path)),
                )),
            },
            // A device is how an overlay says that something is gone: programs in the sandbox can make none. What else it may be is lost,
            // and not there in the tree either.
            EntryKind::Other => drop(written.removed.insert(place.to_owned())),
        }
        Ok(Step::Into)
    })?;
    Ok(written)
}

fn shown(path: &Path) -> String {
    format!("/{}", aril_model::printable(&path.to_string_lossy()))
}
