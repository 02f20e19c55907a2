//! The sandbox's first process: reaps what has ended, tells the parent how the app ended, and ends the sandbox when the parent is gone.
//!
//! It does nothing else, has no descriptors but these, and its memory cannot be looked at from inside.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::child::exit;
use super::message::{Channel, Message, Others};
use crate::sys;

/// Blocks what a terminal or a person sends to the whole group, and returns a descriptor that tells of ended children.
pub(crate) fn block_signals() -> io::Result<OwnedFd> {
    let all = [
        libc::SIGCHLD,
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGPIPE,
        libc::SIGALRM,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    sys::signal_fd(&all)
}

/// Waits until the last process of the sandbox has ended.
pub(crate) fn run(app: Pid, signals: &OwnedFd, channel: &Channel) -> ! {
    // The launcher's locks among them, which would be held until this process is gone. Nothing that owns one is ever dropped: this does not return.
    let _ = sys::close_all_but([signals.as_fd(), channel.as_fd()]);
    let_go_of_standard_descriptors();
    let mut app_code = None;
    // A failure to wait would leave a sandbox that nobody ends: end it.
    while wait(signals, channel).is_ok() {
        while let Ok(Some(_)) = sys::read_signal(signals.as_fd()) {}
        let before = app_code;
        let others = reap(app, &mut app_code);
        if let (None, Some(code)) = (before, app_code) {
            let _ = channel.send(&Message::Ended { code, others });
        }
        if others == Others::Gone {
            exit(app_code.unwrap_or(125));
        }
    }
    exit(125)
}

/// A reader of the app's output waits until nobody can write any more: this process never will.
fn let_go_of_standard_descriptors() {
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    let Ok(nothing) = rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty()) else { return };
    for standard in [0, 1, 2] {
        let _ = sys::replace_standard(standard, nothing.as_fd());
    }
}

/// Takes in all that have ended, notes how the app did, and tells whether somebody is left.
fn reap(app: Pid, app_code: &mut Option<u8>) -> Others {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == app => *app_code = Some(exit_code(status)),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return Others::Alive,
            Err(_) => return Others::Gone,
        }
    }
}

/// Waits for a signal. Fails when the other end of the channel is gone: the launcher was killed.
fn wait(signals: &OwnedFd, channel: &Channel) -> io::Result<()> {
    let mut waiting = [PollFd::new(signals, PollFlags::IN), PollFd::new(channel, PollFlags::empty())];
    rustix::io::retry_on_intr(|| poll(&mut waiting, None))?;
    if waiting[1].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// As a shell tells it: the code, or 128 and the number of the signal.
fn exit_code(status: WaitStatus) -> u8 {
    let code = match status.terminating_signal() {
        Some(signal) => 128 + signal,
        None => status.exit_status().unwrap_or(125),
    };
    u8::try_from(code & 0xff).unwrap_or(125)
}
