//! What waits to be sent to one side, with descriptors at the messages that they belong to.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

use crate::socket::{self, Sent};

/// How much memory an outbox keeps that was full and may soon be again. Fresh pages for each large message cost as much as sending it.
const MAX_KEPT: usize = 64 << 10;

/// Bytes in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// How many of `bytes` have gone.
    sent: usize,
    attachments: VecDeque<Attachment>,
    is_closed: bool,
}

/// Descriptors that go with the byte at a place in `bytes`.
#[derive(Debug)]
struct Attachment {
    at: usize,
    fds: Vec<OwnedFd>,
}

impl Outbox {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether everything has gone, or nobody will read it.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back what is kept, if nothing waits.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && self.attachments.is_empty() {
            (self.bytes, self.sent) = (Vec::new(), 0);
        }
    }

    /// Whether much memory is kept.
    pub(crate) fn keeps_much(&self) -> bool {
        self.bytes.capacity() > 8 << 10
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if !self.is_closed {
            self.bytes.extend(bytes);
        }
    }

    /// The next byte that is pushed carries these descriptors.
    pub(crate) fn attach(&mut self, fds: Vec<OwnedFd>) {
        if !self.is_closed && !fds.is_empty() {
            self.attachments.push_back(Attachment { at: self.bytes.len(), fds });
        }
    }

    /// Sends `run` at once if nothing waits before it; what does not go waits. Large bodies so pass without being copied.
    pub(crate) fn send_through(&mut self, socket: impl AsFd, run: &[u8]) -> io::Result<()> {
        self.flush(&socket)?;
        let mut at = 0;
        if self.is_empty() && self.attachments.is_empty() && !self.is_closed {
            // What is sent in part has filled the socket.
            match socket::send(&socket, &[IoSlice::new(run)], &[])? {
                Sent::Bytes(count) => at = count,
                Sent::Closed => self.close(),
            }
        }
        self.push(&run[at..]);
        if self.attachments.is_empty() { Ok(()) } else { self.flush(socket) }
    }

    /// Sends what goes.
    pub(crate) fn flush(&mut self, socket: impl AsFd) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            let (fds, end) = match (self.attachments.front(), self.attachments.get(1)) {
                (Some(first), second) if first.at == self.sent => {
                    (&first.fds[..], second.map(|next| next.at))
                }
                (Some(first), _) => (&[][..], Some(first.at)),
                (None, _) => (&[][..], None),
            };
            let end = end.unwrap_or(self.bytes.len());
            match socket::send(&socket, &[IoSlice::new(&self.bytes[self.sent..end])], fds)? {
                Sent::Bytes(0) => return Ok(()),
                Sent::Bytes(count) => {
                    if !fds.is_empty() {
                        self.attachments.pop_front();
                    }
                    self.sent += count;
                    if self.sent < end {
                        return Ok(());
                    }
                }
                Sent::Closed => self.close(),
            }
        }
        if let Some(next) = self.attachments.front_mut() {
            // It waits for its first byte.
            next.at = 0;
        }
        self.bytes.clear();
        self.bytes.shrink_to(MAX_KEPT);
        self.sent = 0;
        Ok(())
    }

    /// Nobody reads any more: what waits is dropped, and all that comes.
    fn close(&mut self) {
        *self = Self { is_closed: true, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::{Received, receive};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap()
    }

    fn read(socket: &OwnedFd) -> (Vec<u8>, usize) {
        let (mut buffer, mut fds) = ([0; 100], VecDeque::new());
        match receive(socket, &mut buffer, &mut fds).unwrap() {
            Received::Bytes(count) => (buffer[..count].to_vec(), fds.len()),
            other => (format!("{other:?}").into(), fds.len()),
        }
    }

    #[test]
    fn descriptors_go_with_the_first_byte_of_their_message() {
        let (ours, theirs) = pair();
        let mut outbox = Outbox::default();
        let fds = |count| (0..count).map(|_| ours.try_clone().unwrap()).collect::<Vec<_>>();
        outbox.push(b"plain");
        outbox.attach(fds(2));
        outbox.push(b"two");
        outbox.attach(fds(1));
        outbox.push(b"one");
        outbox.flush(&ours).unwrap();
        // The kernel ends a read behind the bytes of a sending that had descriptors.
        assert_eq!(read(&theirs), (b"plaintwo".to_vec(), 2));
        assert_eq!(read(&theirs), (b"one".to_vec(), 1));
        assert_eq!(read(&theirs).0, b"Nothing");
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_nobody_reads_is_dropped() {
        let (ours, theirs) = pair();
        drop(theirs);
        let mut outbox = Outbox::default();
        outbox.attach(vec![ours.try_clone().unwrap()]);
        outbox.push(b"x");
        outbox.flush(&ours).unwrap();
        outbox.push(b"y");
        assert!(outbox.is_empty() && outbox.attachments.is_empty());
    }

    #[test]
    fn a_full_socket_makes_it_wait() {
        let (ours, theirs) = pair();
        let (mut outbox, run) = (Outbox::default(), vec![7; 4 << 20]);
        outbox.send_through(&ours, &run).unwrap();
        assert!(outbox.len() > 1 << 20 && outbox.len() < run.len());
        let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
        while total < run.len() {
            if let Received::Bytes(count) = receive(&theirs, &mut buffer, &mut VecDeque::new()).unwrap() {
                total += count;
            }
            outbox.flush(&ours).unwrap();
        }
        assert!(outbox.is_empty() && outbox.bytes.capacity() <= MAX_KEPT);
    }
}
