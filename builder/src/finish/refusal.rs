//! What stock flatpak finds in place of a merged app's programs: words.
//!
//! It mounts `files` at `/app` and looks for the command in `/app/bin` first. That the app is laid over its runtime, it learns of by
//! `required-flatpak`, but it looks at that only when it installs, and our installation's apps are installed.

use aril_model::AppId;
use aril_store::{Mode, Node, Result, Tree, Writer};

/// Adds them to an app's `files`, where nothing of a package can lie.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn add(files: &mut Tree, programs: &[String], id: &AppId, writer: &Writer) -> Result<()> {
    if programs.is_empty() {
        return Ok(());
    }
    let node = Node::File(writer.file(words(id).as_bytes(), Mode::Program)?);
    let mut bin = Tree::new();
    for name in programs.iter().filter(|name| !name.contains('/')) {
        // A name that no file can have is none of a program.
        let _ = bin.insert(name, node.clone());
    }
    if !bin.is_empty() {
        files.insert("bin", Node::Dir(bin)).expect("packages have nothing beside `usr` and the like");
    }
    Ok(())
}

fn words(id: &AppId) -> String {
    format!(
        "#!/bin/sh\necho \"error: '{id}' is laid over its runtime, which flatpak cannot do\" >&2\necho 'hint: start it with `aril run {id}`' >&2\nexit 1\n"
    )
}
