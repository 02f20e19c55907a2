//! Running scripts that have to be run, over the merged tree, and taking in what they wrote.

use aril_store::{Mode, Node, Tree, Writer};

use super::files::Lists;
use super::users::Account;
use super::{Decided, Scripts, judge};
use crate::BuildError;
use crate::report::{Note, Topic};
use crate::tool::{Job, Workplace, Written};

/// Paths that belong to a host, or that a sandbox makes: a script that writes one of them wants something that an app cannot have.
const FOREIGN: &[&str] = &[
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    "etc/subuid",
    "etc/subgid",
    "etc/fstab",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/machine-id",
    "etc/mtab",
    "etc/sudoers",
    "etc/crontab",
];
const FOREIGN_DIRS: &[&str] = &[
    "etc/sudoers.d/",
    "etc/selinux/",
    "etc/kernel/",
    "etc/modprobe.d/",
    "usr/lib/modules/",
    "var/lib/rpm/",
    "usr/lib/sysimage/",
];
/// What programs leave behind and nobody needs.
const DEBRIS: &[&str] = &[
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/.pwd.lock",
    "etc/ld.so.cache",
    "var/cache/ldconfig",
];

/// Runs scripts one after another over a tree, and takes what they write into `root`.
pub(super) fn run(
    scripts: &Scripts<'_>,
    to_run: &[&Decided<'_>],
    tree: &Tree,
    root: &mut Tree,
    writer: &Writer,
) -> Result<Vec<Note>, BuildError> {
    let mut notes = Vec::new();
    let place = Workplace::new(scripts.repo, scripts.tool, tree, scripts.runtime)?;
    for one in to_run {
        run_one(&place, one, &mut notes)?;
        // After each, so that the one is named that did it.
        let written = place.written(writer)?;
        if let Some(path) = foreign(&written) {
            return Err(one
                .refused(&line_about(one, &path), &format!("changes /{path}, which is not the app's"))
                .into());
        }
    }
    let mut written = place.written(writer)?;
    for path in DEBRIS {
        written.tree.remove(path);
    }
    notes.extend(written.apply(root));
    Ok(notes)
}

/// The tree with whole lists of users, as scripts expect them.
pub(super) fn with_names(
    scripts: &Scripts<'_>,
    accounts: &[Account],
    root: &Tree,
    writer: &Writer,
) -> Result<Tree, BuildError> {
    let (passwd, group) = Lists::read(scripts, root)?.whole(accounts);
    let mut tree = root.clone();
    for (name, text) in [("passwd", passwd), ("group", group)] {
        if !text.is_empty() {
            tree.insert(&format!("etc/{name}"), Node::File(writer.file(text.as_bytes(), Mode::Plain)?))?;
        }
    }
    Ok(tree)
}

fn run_one(place: &Workplace, one: &Decided<'_>, notes: &mut Vec<Note>) -> Result<(), BuildError> {
    let mut command: Vec<String> = one.script.interpreter.clone();
    command.push(crate::tool::SCRIPT.to_owned());
    // The number of packages of this name there will be: it is the first one. Package triggers get that of the other, too.
    command.extend(["1".to_owned(), "1".to_owned()].into_iter().take(if one.kind.starts_with("%trigger ") {
        2
    } else {
        1
    }));
    let input: String = one.input.iter().map(|path| format!("{path}\n")).collect();
    let outcome = place.run_script(
        &one.script.body,
        Job {
            command: &command,
            input: input.as_bytes(),
            environment: &[
                ("HOME", "/root"),
                ("LC_ALL", "C.UTF-8"),
                ("TZ", "UTC"),
                ("SOURCE_DATE_EPOCH", "0"),
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ],
            mirrored: &[],
        },
    )?;
    let shown = |line: &str| aril_model::printable(line).into_owned();
    for line in &outcome.pretended {
        let what = shown(&line.replace('\t', " "));
        notes.push(Note::new(
            Topic::Privilege,
            format!("{} of {}: {what} was not done", one.kind, one.package),
        ));
    }
    if outcome.code == 0 {
        return Ok(());
    }
    let said = outcome.output.lines().last().map_or_else(|| "it says nothing".to_owned(), shown);
    let line = last_command(one);
    Err(one.refused(&line, &format!("ended with {}: {said}", outcome.code)).into())
}

fn foreign(written: &Written) -> Option<String> {
    let files = written.tree.paths().into_iter().filter(|(_, node)| !node.is_dir()).map(|(path, _)| path);
    let mut paths = files.chain(written.removed.iter().cloned());
    paths
        .find(|path| FOREIGN.contains(&path.as_str()) || FOREIGN_DIRS.iter().any(|dir| path.starts_with(dir)))
}

/// The line of a script that names a path, else its last command.
fn line_about(one: &Decided<'_>, path: &str) -> String {
    let named = one.script.body.lines().find(|line| line.contains(path));
    named.map_or_else(|| last_command(one), |line| line.trim().to_owned())
}

fn last_command(one: &Decided<'_>) -> String {
    let mut lines =
        one.script.body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if judge::is_shell(one.script.interpreter.first().map_or("", String::as_str)) {
        let ends = |line: &&str| !matches!(*line, "fi" | "done" | "esac" | "exit 0" | "}");
        return lines.rfind(ends).unwrap_or_default().to_owned();
    }
    lines.next_back().unwrap_or_default().to_owned()
}
