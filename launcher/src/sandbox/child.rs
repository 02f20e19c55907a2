//! The child's side: from a copy of the launcher in new namespaces to the app, step by step. Each step that fails ends it.

use std::convert::Infallible;
use std::os::fd::OwnedFd;

use super::message::{Channel, Message};
use super::namespaces::Entering;
use super::step::{During, SetupError, Step};
use super::{exec, init, namespaces, privileges, root};
use crate::filters::landlock::Enforced;
use crate::filters::{landlock, seccomp};
use crate::spec::{Ids, SandboxSpec, Without};
use crate::sys::{self, Forked};

/// Everything after the fork. Never returns; what went wrong is said to the parent.
pub(crate) fn run(spec: &SandboxSpec, outside: Ids, channel: &Channel) -> ! {
    let code = match become_first_process(spec, outside, channel) {
        Ok(never) => match never {},
        Err(error) => {
            let code = error.exit_code();
            // If the parent is gone, nobody is left to be told.
            let _ = channel.send(&Message::Failed(error));
            code
        }
    };
    exit(code)
}

/// Ends the process at once: what the parent's copy of the program would do at its end is not ours to do.
pub(crate) fn exit(code: u8) -> ! {
    sys::exit(code)
}

fn become_first_process(
    spec: &SandboxSpec,
    outside: Ids,
    channel: &Channel,
) -> Result<Infallible, SetupError> {
    namespaces::map_outer(outside)?; // until then every file belongs to `nobody`
    prepare_namespaces(spec)?;
    let entered = root::build(&spec.mounts)?; // on a tmpfs; from here on the host is out of reach
    if let Some(proc) = &entered.proc {
        let ids = Entering { outside, inside: spec.ids };
        namespaces::enter_inner(proc, ids, spec.wall.nested)?; // mounts and network now belong to somebody else
    }
    wait_for_go(channel)?; // the parent has written down who runs
    privileges::leave_keyring()?;
    privileges::limit(&spec.limits)?;
    privileges::drop_capabilities(spec.wall.capabilities)?; // mounting was the last thing that needed them
    privileges::no_new_privileges()?; // what the two walls below ask for
    restrict_files(spec)?;
    let handed_over = filter_calls(spec)?; // last: it forbids what the steps above use
    start_app(spec, entered.listeners, handed_over, channel)
}

fn prepare_namespaces(spec: &SandboxSpec) -> Result<(), SetupError> {
    if let Some(name) = &spec.namespaces.hostname {
        rustix::system::sethostname(name.as_bytes()).during(Step::SetHostname, "")?;
    }
    if spec.namespaces.network == crate::spec::Sharing::Own {
        sys::loopback_up().during(Step::StartLoopback, "")?;
    }
    Ok(())
}

fn wait_for_go(channel: &Channel) -> Result<(), SetupError> {
    match channel.receive().during(Step::Talk, "")? {
        Some(Message::Go) => Ok(()),
        // The launcher was killed: its sandbox goes with it.
        _ => exit(125),
    }
}

fn restrict_files(spec: &SandboxSpec) -> Result<(), SetupError> {
    let enforced = landlock::restrict(&spec.wall.landlock, &spec.mounts).during(Step::Landlock, "")?;
    if enforced == Enforced::Nothing && spec.wall.landlock.without == Without::Refuse {
        return Err(rustix::io::Errno::OPNOTSUPP).during(Step::Landlock, "");
    }
    Ok(())
}

fn filter_calls(spec: &SandboxSpec) -> Result<Option<OwnedFd>, SetupError> {
    if spec.wall.code == crate::spec::Code::Fixed {
        sys::refuse_executable_gain().during(Step::ForbidWritableCode, "")?;
    }
    seccomp::install(&spec.wall.calls).during(Step::Seccomp, "")
}

/// The second process is the app; this one stays as the first, which reaps.
fn start_app(
    spec: &SandboxSpec,
    listeners: Vec<OwnedFd>,
    handed_over: Option<OwnedFd>,
    channel: &Channel,
) -> Result<Infallible, SetupError> {
    // Before the app is there to look: neither this process's memory nor what it was started from can be reached through /proc/1. The app's
    // own process can be looked at again when it has become the app.
    let hidden = rustix::process::DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(hidden).during(Step::DropPrivileges, "")?;
    let signals = init::block_signals().during(Step::Fork, "")?;
    match sys::fork(0).during(Step::Fork, "")? {
        Forked::Child => {
            let error = exec::start(spec);
            let code = error.exit_code();
            let _ = channel.send(&Message::Failed(error));
            exit(code)
        }
        Forked::Parent { pid, pidfd } => {
            let mut descriptors = listeners;
            descriptors.push(pidfd);
            descriptors.extend(handed_over);
            channel.send(&Message::Running(descriptors)).during(Step::Talk, "")?;
            init::run(pid, &signals, channel)
        }
    }
}
