//! `aril repair`.

use aril_terminal::args::Repair;
use aril_terminal::{Answer, Exit, Failure, Terminal, Unit};
use aril_transaction::repair::{self, Findings, Mended};
use serde::Serialize;

use crate::environment::Environment;

#[derive(Serialize)]
struct Result_<'a> {
    damaged: Vec<String>,
    mended: &'a [String],
    failed: &'a [String],
}

pub(crate) fn repair(args: &Repair, terminal: &Terminal, environment: &Environment) -> Result<(), Failure> {
    let (at, host) = environment.open(&args.scope, terminal)?;
    let bar = terminal.progress().bar("looking through everything", Unit::Things, None);
    let findings = repair::look(&at)?;
    drop(bar);
    let damaged = lines(&findings);
    if args.change.dry_run {
        return show(terminal, args.change.json, &damaged, &Mended::default());
    }
    for line in &damaged {
        terminal.warn(line);
    }
    if !findings.is_empty() {
        terminal.confirm("Mend this?", Answer::Yes)?;
    }
    let mended = repair::mend(&at, &host, &findings)?;
    show(terminal, args.change.json, &damaged, &mended)?;
    if mended.failed.is_empty() { Ok(()) } else { Err(Failure::told(Exit::FAILED)) }
}

fn lines(findings: &Findings) -> Vec<String> {
    let objects = findings.objects.iter().map(|damage| format!("{}: {}", damage.path, damage.problem));
    let deploys = findings.deploys.iter().map(|(reference, problem)| format!("{reference}: {problem}"));
    objects.chain(deploys).collect()
}

fn show(terminal: &Terminal, json: bool, damaged: &[String], mended: &Mended) -> Result<(), Failure> {
    if json {
        return terminal.print_json(&Result_ {
            damaged: damaged.to_vec(),
            mended: &mended.done,
            failed: &mended.failed,
        });
    }
    for line in &mended.done {
        terminal.tell(line);
    }
    for line in &mended.failed {
        terminal.warn(line);
    }
    if damaged.is_empty() && mended.failed.is_empty() {
        terminal.tell("nothing is damaged");
    }
    Ok(())
}
