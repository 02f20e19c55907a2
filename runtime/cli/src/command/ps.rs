//! `aril ps`: the sandboxes that run now.

use aril_installation::{InstallationError, RunningInstance};
use aril_model::Ref;
use aril_terminal::args::Ps;
use aril_terminal::{Cell, Column, Failure, Listing, Terminal};

use crate::host::Host;

type Field = Column<RunningInstance>;

const LISTING: Listing<RunningInstance> = Listing::new(
    "instances",
    &[
        Field::new("instance", "Instance", "its number", |one| Cell::text(one.id.as_str())),
        Field::new("pid", "PID", "the process that started it", |one| pid(one.pid)),
        Field::new("child-pid", "Child PID", "the first process inside, as seen from outside", |one| {
            pid(one.child_pid)
        })
        .on_request(),
        Field::new("application", "Application", "the id of the app", |one| Cell::text(one.name())),
        Field::new("arch", "Arch", "the architecture", |one| Cell::optional(one.fact("arch"))).on_request(),
        Field::new("branch", "Branch", "the branch of the app", |one| Cell::optional(one.fact("branch")))
            .on_request(),
        Field::new("commit", "Commit", "the commit of the app", |one| Cell::optional(one.fact("app-commit")))
            .on_request(),
        Field::new("runtime", "Runtime", "the id of the runtime", |one| {
            Cell::optional(runtime(one).map(|runtime| runtime.id.as_str().to_owned()))
        }),
        Field::new("runtime-branch", "R.-Branch", "the branch of the runtime", |one| {
            Cell::optional(runtime(one).map(|runtime| runtime.branch.as_str().to_owned()))
        })
        .on_request(),
        Field::new("runtime-commit", "R.-Commit", "the commit of the runtime", |one| {
            Cell::optional(one.fact("runtime-commit"))
        })
        .on_request(),
    ],
);

pub(crate) fn ps(args: &Ps, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    LISTING.print(terminal, &args.listing, || {
        let running = running(host)?;
        if running.is_empty() && terminal.is_read_by_person() {
            terminal.tell("no app runs in a sandbox now");
        }
        Ok(running)
    })
}

/// The sandboxes that run now.
pub(crate) fn running(host: &Host) -> Result<Vec<RunningInstance>, Failure> {
    let dir = host.runtime_dir.as_deref().ok_or(InstallationError::NoRuntimeDir)?;
    Ok(aril_installation::instances(dir)?)
}

fn pid(pid: Option<i32>) -> Cell {
    pid.map_or(Cell::Unknown, |pid| Cell::Number(pid.into()))
}

/// The runtime's ref, as `.flatpak-info` writes it: with the kind before it for apps.
fn runtime(one: &RunningInstance) -> Option<Ref> {
    let text = one.info.get("Application", "runtime").or_else(|| one.info.get("Runtime", "runtime"))?;
    text.parse().or_else(|_| Ref::runtime(&text)).ok()
}
