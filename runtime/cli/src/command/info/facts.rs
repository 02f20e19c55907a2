//! What is known of an app, for a person.

use std::time::{SystemTime, UNIX_EPOCH};

use aril_installation::PackageRecord;
use aril_model::{CommitId, Kind, Layout};
use aril_terminal::{Failure, Terminal, ago, bytes, time};

use super::{RuntimeCommit, Subject};

pub(super) fn print(subject: &Subject, terminal: &Terminal) -> Result<(), Failure> {
    let installed = &subject.installed;
    let reference = installed.reference();
    let title = match installed.text("summary") {
        Some(summary) => format!("{} - {summary}", installed.name()),
        None => installed.name(),
    };
    terminal.print(&title)?;
    terminal.print("")?;
    let record = installed.record();
    let one = |text: Option<String>| text.into_iter().collect::<Vec<_>>();
    terminal.print_facts(&[
        ("ID", vec![reference.id.to_string()]),
        ("Ref", vec![reference.to_string()]),
        ("Version", one(subject.version.clone())),
        ("License", one(installed.text("license"))),
        ("Origin", vec![record.origin.clone()]),
        ("Installation", vec![installed.scope.to_string()]),
        ("Layout", one(layout(subject))),
        ("Runtime", runtime(subject)),
        ("SDK", one(subject.metadata.sdk.as_ref().map(|sdk| sdk.without_kind()))),
        ("Size", vec![bytes(record.installed_size)]),
        ("Commit", vec![installed.deploy.commit().to_string()]),
        ("Made", one(record.timestamp.and_then(|seconds| i64::try_from(seconds).ok()).map(made))),
        ("Kept", kept(subject)),
        ("Location", vec![installed.deploy.path().display().to_string()]),
        ("End of life", one(record.texts.get("eol").cloned())),
        ("Replaced by", one(record.texts.get("eolr").cloned())),
    ])?;
    if reference.kind == Kind::App {
        print_permissions(subject, terminal)?;
    }
    print_packages(subject, terminal)
}

/// An app's packages; of a runtime, which has hundreds, only how many.
fn print_packages(subject: &Subject, terminal: &Terminal) -> Result<(), Failure> {
    if subject.packages.is_empty() {
        return Ok(());
    }
    let packages = match subject.metadata.kind {
        Kind::App => subject.packages.iter().map(nevra).collect(),
        Kind::Runtime => {
            let (count, id) = (subject.packages.len(), &subject.metadata.id);
            vec![format!("{count}: `aril info --show-packages {id}` lists them")]
        }
    };
    terminal.print("")?;
    terminal.print_facts(&[("Packages", packages)])
}

/// `NAME-[EPOCH:]VERSION-RELEASE.ARCH`, as rpm and dnf write it.
pub(super) fn nevra(package: &PackageRecord) -> String {
    format!("{}-{}.{}", package.name, package.evr, package.arch)
}

fn runtime(subject: &Subject) -> Vec<String> {
    let Some(runtime) = subject.installed.runtime().filter(|_| subject.metadata.kind == Kind::App) else {
        return Vec::new();
    };
    let note = match &subject.runtime_commit {
        None => "which is not installed".to_owned(),
        Some(RuntimeCommit::Active(commit)) => format!("commit {}", commit.short()),
        Some(RuntimeCommit::Held(commit)) => {
            format!("kept at commit {}: it does not fit a newer one", commit.short())
        }
    };
    vec![format!("{runtime}, {note}")]
}

fn print_permissions(subject: &Subject, terminal: &Terminal) -> Result<(), Failure> {
    let permissions = &subject.permissions;
    let mut effects = permissions.effective.effects();
    if effects.is_empty() {
        effects.push("can use nothing outside its sandbox".to_owned());
    }
    let mut pending = permissions.pending.0.clone();
    let options: Vec<String> = pending.iter().filter_map(|entry| option_for(entry)).collect();
    if !options.is_empty() {
        pending.push(format!("`aril override {} {}` allows it", options.join(" "), subject.metadata.id));
    }
    terminal.print("")?;
    terminal.print_facts(&[
        ("Permissions", effects),
        ("Not granted", pending),
        ("You changed", changed(subject)),
    ])
}

fn layout(subject: &Subject) -> Option<String> {
    let text = match subject.metadata.layout {
        Layout::Merged => "merged: as the RPMs have it, laid over the runtime",
        Layout::App => "app: Flatpak's, at /app",
    };
    (subject.metadata.kind == Kind::App).then(|| text.to_owned())
}

fn made(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    format!("{}, {}", time(seconds), ago(seconds, i64::try_from(now).unwrap_or(i64::MAX)))
}

fn kept(subject: &Subject) -> Vec<String> {
    let id = &subject.metadata.id;
    let line = |(commit, version): &(CommitId, Option<String>)| match version {
        Some(version) => format!("{version}: `aril rollback {id} {}`", commit.short()),
        None => format!("`aril rollback {id} {}`", commit.short()),
    };
    subject.kept.iter().map(line).collect()
}

/// The user's changes as options that would make them again.
fn changed(subject: &Subject) -> Vec<String> {
    let mut file = aril_model::Keyfile::new();
    subject.permissions.overrides.write(&mut file);
    let mut lines = Vec::new();
    for group in file.group_names() {
        let place = if group == "Context" { String::new() } else { format!("{group}: ") };
        lines.extend(file.keys(group).iter().map(|key| {
            format!("{place}{key}={}", file.get(group, key).unwrap_or_default().trim_end_matches(';'))
        }));
    }
    lines
}

/// The option that allows what a request asked for: `--share=network` for `shared=network`.
fn option_for(entry: &str) -> Option<String> {
    let (key, value) = entry.split_once('=')?;
    let bus_name = |prefix: &str| {
        let name = key.split_once(':')?.1;
        ["own", "talk"].contains(&value).then(|| format!("--{prefix}{value}-name={name}"))
    };
    match key {
        "shared" => Some(format!("--share={value}")),
        "sockets" => Some(format!("--socket={value}")),
        "devices" => Some(format!("--device={value}")),
        "features" => Some(format!("--allow={value}")),
        "filesystems" => Some(format!("--filesystem={value}")),
        key if key.starts_with("session-bus:") => bus_name(""),
        key if key.starts_with("system-bus:") => bus_name("system-"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::option_for;

    #[test]
    fn options_that_allow_what_was_asked_for() {
        for (entry, option) in [
            ("shared=network", Some("--share=network")),
            ("filesystems=~/a=b:ro", Some("--filesystem=~/a=b:ro")),
            ("features=devel", Some("--allow=devel")),
            ("session-bus:org.a.B=own", Some("--own-name=org.a.B")),
            ("system-bus:org.a.*=talk", Some("--system-talk-name=org.a.*")),
            ("session-bus:org.a.B=see", None),
            ("a11y-bus:org.a.B=talk", None),
            ("usb=all", None),
        ] {
            assert_eq!(option_for(entry).as_deref(), option, "{entry}");
        }
    }
}
