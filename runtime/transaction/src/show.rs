//! Plans and reports: in words for people, as JSON for programs.
//!
//! The form of the JSON is in `docs/format/change.md`.

use aril_model::Ref;
use aril_terminal::{Failure, Terminal, bytes};
use aril_transaction::{Action, PlannedPackage, Report, Step, Why};
use serde::Serialize;

/// A change as JSON.
#[derive(Serialize)]
struct Change<'a> {
    /// Whether it was made, or only planned.
    done: bool,
    steps: Vec<ChangedRef<'a>>,
    removed: Vec<String>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct ChangedRef<'a> {
    action: &'static str,
    #[serde(rename = "ref")]
    reference: Option<String>,
    name: &'a str,
    origin: &'a str,
    needed_by: Option<&'a str>,
    old: Option<&'a str>,
    new: Option<&'a str>,
    version: Option<&'a str>,
    download_size: u64,
    installed_size: u64,
    effects: &'a [String],
    pending: &'a [String],
    packages: &'a [PlannedPackage],
}

impl<'a> ChangedRef<'a> {
    fn of(step: &'a Step) -> Self {
        Self {
            action: step.action.as_str(),
            reference: step.reference.as_ref().map(ToString::to_string),
            name: &step.title,
            origin: step.origin.as_str(),
            needed_by: if let Why::NeededBy(who) = &step.why { Some(who) } else { None },
            old: step.old.as_ref().map(|commit| commit.as_str()),
            new: step.new.as_ref().map(|commit| commit.as_str()),
            version: step.version.as_deref(),
            download_size: step.download_size,
            installed_size: step.installed_size,
            effects: &step.effects,
            pending: &step.pending,
            packages: &step.packages,
        }
    }
}

/// Prints a plan as the result of `--dry-run`.
pub(crate) fn dry_run(
    terminal: &Terminal,
    json: bool,
    steps: &[Step],
    removed: &[Ref],
    notes: &[String],
) -> Result<(), Failure> {
    if json {
        return print_json(terminal, false, steps, removed, notes);
    }
    for line in words(steps).into_iter().chain(removed.iter().map(removal)) {
        terminal.print(&line)?;
    }
    if steps.is_empty() && removed.is_empty() {
        terminal.print("nothing to do")?;
    }
    warn(terminal, notes);
    Ok(())
}

/// Tells the plan before the question.
pub(crate) fn plan(terminal: &Terminal, steps: &[Step], removed: &[Ref], notes: &[String]) {
    for line in words(steps).into_iter().chain(removed.iter().map(removal)) {
        terminal.tell(&line);
    }
    warn(terminal, notes);
}

/// Tells or prints what was done.
pub(crate) fn report(terminal: &Terminal, json: bool, report: &Report) -> Result<(), Failure> {
    if json {
        let notes: Vec<String> = report.remarks.iter().chain(&report.notes).cloned().collect();
        return print_json(terminal, true, &report.steps, &report.removed, &notes);
    }
    for step in &report.steps {
        let version = step.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        let what = match step.action {
            Action::Install => "installed",
            Action::Update => "updated",
        };
        terminal.tell(&format!("{what} {}{version}", step.title));
    }
    for remark in &report.remarks {
        terminal.tell(&format!("         {remark}"));
    }
    for reference in &report.removed {
        terminal.tell(&format!("removed {}", reference.id));
    }
    warn(terminal, &report.notes);
    Ok(())
}

fn print_json(
    terminal: &Terminal,
    done: bool,
    steps: &[Step],
    removed: &[Ref],
    notes: &[String],
) -> Result<(), Failure> {
    terminal.print_json(&Change {
        done,
        steps: steps.iter().map(ChangedRef::of).collect(),
        removed: removed.iter().map(ToString::to_string).collect(),
        notes,
    })
}

fn warn(terminal: &Terminal, notes: &[String]) {
    for note in notes {
        terminal.warn(note);
    }
}

fn removal(reference: &Ref) -> String {
    format!("remove   {} ({})", reference.id, reference.branch)
}

/// A few lines for each step: what, from where, how much, and what it may do.
fn words(steps: &[Step]) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        let version = match (&step.version, &step.reference) {
            (Some(version), _) => format!(" {version}"),
            (None, Some(reference)) => format!(" ({})", reference.branch),
            (None, None) => String::new(),
        };
        let why = match &step.why {
            Why::Requested => String::new(),
            Why::NeededBy(who) => format!(", needed by {who}"),
        };
        lines.push(format!("{:8} {}{version} from {}{why}", step.action.as_str(), step.title, step.origin));
        lines.extend(sizes(step).map(|line| format!("         {line}")));
        lines.extend(step.effects.iter().map(|effect| format!("         {effect}")));
        if !step.pending.is_empty() {
            lines.push("         it asks for more than you accepted, and starts without:".to_owned());
            lines.extend(step.pending.iter().map(|effect| format!("           {effect}")));
        }
    }
    lines
}

fn sizes(step: &Step) -> Option<String> {
    let mut parts = Vec::new();
    let coming = step.packages.iter().filter(|package| package.change != "keep").count();
    if coming > 0 {
        parts.push(format!("{coming} package{}", if coming == 1 { "" } else { "s" }));
    }
    if step.download_size > 0 {
        parts.push(format!("{} to download", bytes(step.download_size)));
    }
    if step.installed_size > 0 {
        parts.push(format!("{} installed", bytes(step.installed_size)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
