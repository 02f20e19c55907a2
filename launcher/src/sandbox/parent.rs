//! The parent's side: makes the child, lets it go on, and hears how it fares.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{Pid, Signal};

use super::message::{Channel, Message};
use super::step::{During, SetupError, Step};
use super::{child, namespaces};
use crate::spec::{Ids, Pretend, SandboxSpec, What};
use crate::sys::{self, Forked};

/// A sandbox that is being made: its first process waits for [`Sandbox::go`].
pub(crate) struct Sandbox {
    /// The first process, in the launcher's pid namespace.
    pub(crate) pid: Pid,
    pidfd: OwnedFd,
    channel: Channel,
    listeners: usize,
    hands_over: Pretend,
}

/// A sandbox in which the app's process is there.
pub(crate) struct Running {
    /// The first process.
    pub(crate) pidfd: OwnedFd,
    /// The app's first process.
    pub(crate) app: OwnedFd,
    /// Listening sockets, in the order of the specification.
    pub(crate) listeners: Vec<OwnedFd>,
    /// Where calls that were handed over are read and answered.
    pub(crate) calls: Option<OwnedFd>,
    channel: Channel,
}

/// Makes the sandbox's namespaces and first process, which builds the rest.
pub(crate) fn launch(spec: &SandboxSpec, outside: Ids) -> Result<Sandbox, SetupError> {
    let (ours, theirs) = Channel::pair().during(Step::Talk, "")?;
    match sys::fork(namespaces::clone_flags(&spec.namespaces)).during(Step::MakeNamespaces, "")? {
        Forked::Child => {
            drop(ours);
            child::run(spec, outside, &theirs)
        }
        Forked::Parent { pid, pidfd } => {
            let listeners = spec.mounts.iter().filter(|m| matches!(m.what, What::Listener { .. })).count();
            Ok(Sandbox { pid, pidfd, channel: ours, listeners, hands_over: spec.wall.calls.pretend })
        }
    }
}

impl Sandbox {
    /// Lets the app start, and waits until its process is there.
    pub(crate) fn go(self) -> Result<Running, SetupError> {
        // If it failed before it came to wait, this does, too; why is what it said, which is read next.
        let _ = self.channel.send(&Message::Go);
        match self.channel.receive().during(Step::Talk, "")? {
            Some(Message::Running(descriptors)) => self.running(descriptors),
            Some(Message::Failed(error)) => Err(error),
            _ => Err(SetupError::new(Step::Talk, "", rustix::io::Errno::PIPE)),
        }
    }

    fn running(self, descriptors: Vec<OwnedFd>) -> Result<Running, SetupError> {
        let mut descriptors = descriptors.into_iter();
        let listeners: Vec<OwnedFd> = descriptors.by_ref().take(self.listeners).collect();
        let app = descriptors.next();
        let calls = descriptors.next();
        match (app, self.hands_over, calls) {
            (Some(app), Pretend::No, None) => {
                Ok(Running { pidfd: self.pidfd, app, listeners, calls: None, channel: self.channel })
            }
            (Some(app), Pretend::Yes, Some(calls)) => {
                Ok(Running { pidfd: self.pidfd, app, listeners, calls: Some(calls), channel: self.channel })
            }
            // The kernel cut the descriptors off: no more could be opened.
            _ => Err(SetupError::new(Step::Talk, "", rustix::io::Errno::MFILE)),
        }
    }
}

impl Running {
    /// The next thing that the sandbox says; `None` when its first process is gone.
    pub(crate) fn receive(&self) -> Result<Option<Message>, SetupError> {
        self.channel.receive().during(Step::Talk, "")
    }

    /// Passes a signal on to the app. That it is gone is no error.
    pub(crate) fn signal_app(&self, signal: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.app, signal);
    }
}

impl AsFd for Running {
    /// Readable when there is something to [`Running::receive`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
