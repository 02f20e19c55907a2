//! `aril remote-delete`.

use aril_terminal::args::RemoteDelete;
use aril_terminal::{Answer, Failure, Terminal};
use aril_transaction::remote;
use aril_transaction::uninstall::Force;

use crate::environment::Environment;

pub(crate) fn remote_delete(
    args: &RemoteDelete,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    let (at, _) = environment.open(&args.scope, terminal)?;
    if args.change.dry_run {
        let refs = remote::refs_from(&at, &args.name)?;
        let names: Vec<String> = refs.iter().map(ToString::to_string).collect();
        return terminal.print(&format!(
            "would remove the remote '{}'; installed from it: {}",
            args.name,
            names.join(", ")
        ));
    }
    let force = if args.force { Force::Yes } else { Force::No };
    if args.force && !remote::refs_from(&at, &args.name)?.is_empty() {
        terminal.confirm(
            "What is installed from it stays, and gets no updates any more. Proceed?",
            Answer::Yes,
        )?;
    }
    remote::remove(&at, &args.name, force)?;
    terminal.tell(&format!("removed the remote '{}'", args.name));
    Ok(())
}
