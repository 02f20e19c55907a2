//! `aril uninstall`.

use aril_model::{Kind, Ref};
use aril_terminal::args::Uninstall;
use aril_terminal::{Answer, Failure, Terminal};
use aril_transaction::uninstall::{self, Force};
use aril_transaction::{Host, LockedInstallation, Narrowing, one_installed};

use crate::environment::Environment;
use crate::show;

pub(crate) fn uninstall(
    args: &Uninstall,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    let (at, host) = environment.open_with(&args.scope, &args.names, terminal)?;
    let refs = refs(args, &at, &host)?;
    let force = if args.force_remove { Force::Yes } else { Force::No };
    let removal = uninstall::plan(&at, refs, force)?;
    if args.change.dry_run {
        return show::dry_run(terminal, args.change.json, &[], &removal.refs, &[]);
    }
    if removal.refs.is_empty() {
        terminal.tell("nothing to remove");
        return if args.change.json { show::report(terminal, true, &Default::default()) } else { Ok(()) };
    }
    show::plan(terminal, &[], &removal.refs, &[]);
    let question =
        if args.delete_data { "Remove it, with all that it kept in your home?" } else { "Proceed?" };
    // What was named is what is wanted; the data cannot be brought back.
    terminal.confirm(question, if args.delete_data { Answer::No } else { Answer::Yes })?;
    let report = removal.apply(&at, &host)?;
    for app in report.removed.iter().filter(|reference| args.delete_data && reference.kind == Kind::App) {
        let is_gone = at.installation().current(&app.id)?.is_none();
        if is_gone {
            uninstall::delete_data(&host, &app.id)?;
        }
    }
    show::report(terminal, args.change.json, &report)
}

fn refs(args: &Uninstall, at: &LockedInstallation, host: &Host) -> Result<Vec<Ref>, Failure> {
    let kind = match (args.app, args.runtime) {
        (true, _) => Some(Kind::App),
        (_, true) => Some(Kind::Runtime),
        _ => None,
    };
    if args.all {
        let mut refs = at.installation().refs()?;
        refs.retain(|reference| kind.is_none_or(|kind| kind == reference.kind));
        return Ok(refs);
    }
    if args.unused {
        return Ok(uninstall::unused(at, host)?);
    }
    let narrowing = Narrowing { kind, arch: args.arch.clone() };
    let mut refs = Vec::new();
    for name in &args.names {
        let reference = one_installed(at, name, &narrowing)?;
        if !refs.contains(&reference) {
            refs.push(reference);
        }
    }
    Ok(refs)
}
