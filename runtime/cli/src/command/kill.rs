//! `aril kill`: ends sandboxes.

use aril_installation::RunningInstance;
use aril_model::{nearest, printable};
use aril_terminal::args::Kill;
use aril_terminal::{Failure, Terminal};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::command::ps;
use crate::host::Host;

pub(crate) fn kill(args: &Kill, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let running = ps::running(host)?;
    for name in &args.names {
        let meant: Vec<&RunningInstance> =
            running.iter().filter(|one| one.id.as_str() == name || one.name() == *name).collect();
        if meant.is_empty() {
            return Err(not_running(name, &running));
        }
        for instance in meant {
            end(instance, host)?;
            terminal.tell(&format!("{} (instance {}) was stopped", instance.name(), instance.id));
        }
    }
    Ok(())
}

/// Kills the first process inside; the kernel ends all others with it, since it is the init of their pid namespace.
fn end(instance: &RunningInstance, host: &Host) -> Result<(), Failure> {
    let failure = |what: &str| {
        Failure::new(format!("cannot stop {} (instance {}): {what}", instance.name(), instance.id))
    };
    let pid = instance
        .child_pid
        .and_then(Pid::from_raw)
        .ok_or_else(|| failure("it is just starting").with_hint("try again in a moment"))?;
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(()),
        opened => opened.map_err(|error| failure(&error.to_string()))?,
    };
    // The number may have gone to another process since it was read. As long as the instance still runs, and still names it, it has not.
    let still = ps::running(host)?;
    if !still.iter().any(|one| one.id == instance.id && one.child_pid == instance.child_pid) {
        return Ok(());
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(failure(&error.to_string())),
    }
}

fn not_running(name: &str, running: &[RunningInstance]) -> Failure {
    let failure = Failure::new(format!("'{}' does not run", printable(name)));
    let names: Vec<String> = running.iter().map(RunningInstance::name).collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("`aril ps` shows what runs"),
    }
}
