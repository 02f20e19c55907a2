//! Runs one program of a merged tree for the builder or a transaction: a trigger that makes caches, a package's script.
//!
//! It is the app's sandbox with other contents: user 0 of a user namespace with one user, no network, no bus, no home; what it writes lands
//! in an upper directory, and what only root can do is said to have worked, and reported.
mod handed; // answers the calls that only root can do
mod owned; // an upper directory for layers that belong to somebody else
mod plan; // layers and mounts -> specification; pure

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};

pub(crate) use plan::{LayerFacts, ToolLayer, ToolRequest, ToolWrites, link_name, plan};

use crate::sandbox::{self, Message, SetupError};
use crate::spec::Ids;
use crate::{LaunchError, sys};

/// Runs the program; the exit code is the program's own.
///
/// `report` gets a line for each call that was pretended: what, owner or mode, path, with tabs between them.
/// # Errors
/// When there is no sandbox: a layer is missing, the kernel refuses.
pub(crate) fn run(request: &ToolRequest, report: Option<OwnedFd>) -> Result<u8, LaunchError> {
    let facts = LayerFacts::look(request)?;
    let made = match &request.writes {
        Some(writes) => {
            writes.create()?;
            owned::mirror_foreign_directories(request, writes)?
        }
        None => Vec::new(),
    };
    let code = supervise(request, &facts, report)?;
    if let Some(writes) = &request.writes {
        // First what cannot be looked into: it may lie in the upper directory.
        owned::remove_work(writes)?;
        owned::remove_empty(writes, &made)?;
        owned::strip_set_id(writes)?;
    }
    Ok(code)
}

fn supervise(request: &ToolRequest, facts: &LayerFacts, report: Option<OwnedFd>) -> Result<u8, LaunchError> {
    let outside = Ids { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    let spec = plan(request, facts);
    let running = sandbox::launch(&spec, outside)?.go()?;
    let mut reporter = handed::Reporter::new(report);
    let mut failure: Option<SetupError> = None;
    loop {
        let calls = running.calls.as_ref().map_or(running.as_fd(), AsFd::as_fd);
        let mut waiting =
            [PollFd::new(&running, PollFlags::IN), PollFd::from_borrowed_fd(calls, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut waiting, None)).map_err(std::io::Error::from)?;
        let (said, handed_over) = (!waiting[0].revents().is_empty(), !waiting[1].revents().is_empty());
        if said {
            match running.receive()? {
                Some(Message::Failed(error)) => failure = Some(error),
                // Whatever the program left running is of no use: ending the first process ends them.
                Some(Message::Ended { code, .. }) => {
                    let _ = rustix::process::pidfd_send_signal(&running.pidfd, rustix::process::Signal::KILL);
                    wait_for_end(&running.pidfd);
                    return failure.map_or(Ok(code), |error| Err(error.into()));
                }
                _ => return Err(failure.map_or(LaunchError::Killed, LaunchError::from)),
            }
        } else if handed_over && let Some(calls) = &running.calls {
            handed::answer_one(calls, &mut reporter)?;
        }
    }
}

/// Until the sandbox has let go of the layers and of what it wrote.
fn wait_for_end(pidfd: &OwnedFd) {
    let all = rustix::process::WaitIdOptions::EXITED;
    let _ = rustix::io::retry_on_intr(|| {
        rustix::process::waitid(rustix::process::WaitId::PidFd(pidfd.as_fd()), all)
    });
}

pub(crate) use sys::{Answer, answer_call, receive_call};
