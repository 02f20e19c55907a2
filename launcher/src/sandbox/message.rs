//! What parent and child tell each other, over a socket that keeps messages apart.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use super::step::{SetupError, Step};

/// Most descriptors that one message carries.
const MOST_DESCRIPTORS: usize = 8;
/// Longest message, in bytes; a longer path is cut.
const LONGEST: usize = 1024;

/// A message.
#[derive(Debug)]
pub(crate) enum Message {
    /// The parent has written down who runs: the app may start.
    Go,
    /// A step failed; there is no sandbox, or no app.
    Failed(SetupError),
    /// The sandbox stands and the app's process is there: the listeners in the order of the specification, the app's pidfd, and the
    /// descriptor of calls that are handed over, if any are.
    Running(Vec<OwnedFd>),
    /// The app's first process ended, as the exit code of a shell; and whether others are still there.
    Ended { code: u8, others: Others },
}

/// Whether processes are left in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Gone,
    Alive,
}

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

impl Channel {
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (a, b) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Sends a message; descriptors go with it and are closed here.
    pub(crate) fn send(&self, message: &Message) -> io::Result<()> {
        let (bytes, descriptors) = encode(message);
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        rustix::io::retry_on_intr(|| {
            rustix::net::sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)
        })?;
        Ok(())
    }

    /// Waits for a message; `None` when the other end is gone.
    pub(crate) fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = [0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut receive = || {
            rustix::io::retry_on_intr(|| {
                let mut buffers = [IoSliceMut::new(&mut bytes)];
                rustix::net::recvmsg(&self.0, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC)
            })
        };
        // The other end is gone and has not read all that it was sent: the kernel says that once, before what it sent itself.
        let received = match receive() {
            Err(rustix::io::Errno::CONNRESET) => receive()?,
            other => other?,
        };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                descriptors.extend(received);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        decode(&bytes[..received.bytes], descriptors)
            .map(Some)
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn encode(message: &Message) -> (Vec<u8>, &[OwnedFd]) {
    match message {
        Message::Go => (vec![0], &[]),
        Message::Failed(error) => {
            let mut bytes = vec![1, error.step as u8];
            bytes.extend(error.errno.to_ne_bytes());
            bytes.extend(error.subject.bytes().take(LONGEST - 16));
            (bytes, &[])
        }
        Message::Running(descriptors) => (vec![2], descriptors),
        Message::Ended { code, others } => (vec![3, *code, u8::from(*others == Others::Alive)], &[]),
    }
}

fn decode(bytes: &[u8], descriptors: Vec<OwnedFd>) -> Option<Message> {
    Some(match bytes {
        [0] => Message::Go,
        [1, step, rest @ ..] => {
            let (errno, subject) = rest.split_first_chunk()?;
            Message::Failed(SetupError {
                step: Step::from_number(*step)?,
                errno: i32::from_ne_bytes(*errno),
                subject: String::from_utf8_lossy(subject).into_owned(),
            })
        }
        [2] => Message::Running(descriptors),
        [3, code, others] => {
            Message::Ended { code: *code, others: if *others == 0 { Others::Gone } else { Others::Alive } }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_whole_and_with_descriptors() {
        let (a, b) = Channel::pair().unwrap();
        let error = SetupError { step: Step::OpenSource, errno: libc::ENOENT, subject: "/söme/path".into() };
        a.send(&Message::Failed(error.clone())).unwrap();
        let file = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        a.send(&Message::Running(vec![file])).unwrap();
        a.send(&Message::Ended { code: 143, others: Others::Alive }).unwrap();
        assert!(matches!(b.receive().unwrap(), Some(Message::Failed(received)) if received == error));
        assert!(matches!(b.receive().unwrap(), Some(Message::Running(fds)) if fds.len() == 1));
        assert!(matches!(b.receive().unwrap(), Some(Message::Ended { code: 143, others: Others::Alive })));
        drop(a);
        assert!(b.receive().unwrap().is_none());
    }

    #[test]
    fn last_words_arrive_although_the_other_end_did_not_listen() {
        let (a, b) = Channel::pair().unwrap();
        a.send(&Message::Go).unwrap();
        b.send(&Message::Ended { code: 1, others: Others::Gone }).unwrap();
        drop(b);
        assert!(matches!(a.receive().unwrap(), Some(Message::Ended { code: 1, .. })));
        assert!(a.receive().unwrap().is_none());
    }

    #[test]
    fn nonsense_is_no_message() {
        for bytes in [&[9][..], &[1, 2], &[1, 255, 0, 0, 0, 0], &[3, 1]] {
            assert!(decode(bytes, Vec::new()).is_none(), "{bytes:?}");
        }
    }
}
