//! Enters a sandbox that runs already.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::Pid;

use super::message::{Channel, Message};
use super::step::{During, SetupError, Step};
use super::{child, exec, privileges};
use crate::filters::seccomp;
use crate::spec::{Calls, Capabilities, Command};
use crate::sys::{self, Forked};

/// Starts a command in the namespaces of one of a sandbox's processes, with no more rights than the app has. Returns its number.
pub(crate) fn join(
    processes: &[OwnedFd],
    calls: &Calls,
    command: &Command,
    environment: &[(OsString, OsString)],
) -> Result<Pid, SetupError> {
    let all = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    // The kernel lets the owner of a user namespace in, and takes all in one step: it fails as a whole or not at all.
    // A process that hides itself lets nobody in; another of the same sandbox may.
    let mut entered = Err(std::io::ErrorKind::NotFound.into());
    for process in processes {
        entered = sys::setns(process.as_fd(), all);
        if entered.is_ok() {
            break;
        }
    }
    entered.during(Step::Join, "")?;
    let (ours, theirs) = Channel::pair().during(Step::Talk, "")?;
    // A process stays in the pid namespace that it was born in: the next one is born in the sandbox's.
    match sys::fork(0).during(Step::Fork, "")? {
        Forked::Child => {
            drop(ours);
            let error = become_command(calls, command, environment);
            let code = error.exit_code();
            let _ = theirs.send(&Message::Failed(error));
            child::exit(code)
        }
        Forked::Parent { pid, .. } => {
            drop(theirs);
            match ours.receive().during(Step::Talk, "")? {
                Some(Message::Failed(error)) => Err(error),
                // Its end was closed by the command's start.
                _ => Ok(pid),
            }
        }
    }
}

fn become_command(calls: &Calls, command: &Command, environment: &[(OsString, OsString)]) -> SetupError {
    let restrict = || {
        privileges::leave_keyring()?;
        privileges::drop_capabilities(Capabilities::None)?;
        privileges::no_new_privileges()?;
        seccomp::install(calls).during(Step::Seccomp, "")
    };
    match restrict() {
        Ok(_) => exec::start_in(command, environment),
        Err(error) => error,
    }
}
