//! `aril rollback`.

use aril_terminal::args::Rollback;
use aril_terminal::{Answer, Failure, Terminal};
use aril_transaction::{Narrowing, one_installed, rollback};

use crate::environment::Environment;
use crate::show;

pub(crate) fn rollback(
    args: &Rollback,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    let (at, host) = environment.open_with(&args.scope, std::slice::from_ref(&args.name), terminal)?;
    let reference = one_installed(&at, &args.name, &Narrowing::default())?;
    let back = rollback::plan(&at, &host, &reference, args.commit.as_deref())?;
    let steps = std::slice::from_ref(&back.step);
    if args.change.dry_run {
        return show::dry_run(terminal, args.change.json, steps, &[], &[]);
    }
    let version = back.step.version.clone().unwrap_or_else(|| match &back.step.new {
        Some(commit) => commit.short().to_owned(),
        None => String::new(),
    });
    let title = back.step.title.clone();
    terminal.confirm(&format!("Go to version {version} of {title}?"), Answer::Yes)?;
    let report = back.apply(&at, &host)?;
    if args.change.json {
        return show::report(terminal, true, &report);
    }
    terminal.tell(&format!("{title} is at version {version} now"));
    for note in &report.notes {
        terminal.warn(note);
    }
    Ok(())
}
