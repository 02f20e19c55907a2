//! The commands, a file each.
pub(crate) mod build;
pub(crate) mod derive;
pub(crate) mod history;
pub(crate) mod install;
pub(crate) mod remote_add;
pub(crate) mod remote_delete;
pub(crate) mod repair;
pub(crate) mod rollback;
pub(crate) mod uninstall;
pub(crate) mod update;

use aril_terminal::args::ChangeArgs;
use aril_terminal::{Answer, Failure, Terminal};
use aril_transaction::{Host, LockedInstallation, Plan};

use crate::show;

/// Shows a plan, asks, brings everything, asks again where only now is known what apps may do, and makes it true.
pub(crate) fn carry_out(
    plan: Plan,
    at: &LockedInstallation,
    host: &Host,
    terminal: &Terminal,
    change: ChangeArgs,
) -> Result<(), Failure> {
    if change.dry_run {
        return show::dry_run(terminal, change.json, &plan.steps, &[], &plan.notes);
    }
    if plan.is_empty() {
        if change.json {
            let nothing = aril_transaction::Report { notes: plan.notes, ..Default::default() };
            return show::report(terminal, true, &nothing);
        }
        show::plan(terminal, &[], &[], &plan.notes);
        terminal.tell("nothing to do");
        return Ok(());
    }
    show::plan(terminal, &plan.steps, &[], &plan.notes);
    terminal.confirm("Proceed?", Answer::Yes)?;
    let asks_again = plan.builds_apps();
    let said = plan.notes.len();
    let mut fetched = plan.fetch(at, host, terminal.progress())?;
    fetched.notes.drain(..said.min(fetched.notes.len()));
    if asks_again {
        let has_rights =
            fetched.steps.iter().any(|step| !step.effects.is_empty() || !step.pending.is_empty());
        if has_rights {
            show::plan(terminal, &fetched.steps, &[], &[]);
            terminal.confirm("Install it with these rights?", Answer::Yes)?;
        }
    }
    let report = fetched.apply(at, host)?;
    show::report(terminal, change.json, &report)
}
