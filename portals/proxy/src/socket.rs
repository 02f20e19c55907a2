//! Bytes and descriptors over a stream socket, without ever blocking.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// As many descriptors as the kernel passes with one message.
const MAX_FDS: usize = 253;

/// What came from a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing at present.
    Nothing,
    /// The other side has closed, or it broke.
    End,
    /// More descriptors came than the kernel can pass.
    TooManyFds,
}

/// Receives what is there; descriptors are appended to `fds`.
pub(crate) fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    fds: &mut VecDeque<OwnedFd>,
) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, flags) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
            Err(rustix::io::Errno::CONNRESET) => return Ok(Received::End),
            Err(errno) => return Err(errno.into()),
            Ok(received) => break received,
        }
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok(match received.bytes {
        _ if received.flags.contains(ReturnFlags::CTRUNC) => Received::TooManyFds,
        0 => Received::End,
        count => Received::Bytes(count),
    })
}

/// How a sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// So many bytes have gone; 0 if none can go at present.
    Bytes(usize),
    /// Nobody will read any more.
    Closed,
}

/// Sends as much of `bytes` as goes, with `fds` at its first byte.
pub(crate) fn send(socket: impl AsFd, bytes: &[IoSlice<'_>], fds: &[OwnedFd]) -> io::Result<Sent> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    loop {
        return match sendmsg(&socket, bytes, &mut ancillary, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::AGAIN) => Ok(Sent::Bytes(0)),
            Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => Ok(Sent::Closed),
            Err(errno) => Err(errno.into()),
            Ok(count) => Ok(Sent::Bytes(count)),
        };
    }
}
