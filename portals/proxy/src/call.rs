//! Calls of our own: a few questions over a fresh connection, with one deadline for all. For the launcher, which asks for the document
//! portal's mount point, the accessibility bus's address or a scope, and goes on without an answer when there is none in time.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::auth::{BEGIN, BusAuth, GREETING, NEGOTIATE_FDS};
use crate::header::{Frame, Header, Kind, PREFIX};
use crate::message::{Body, bus_call, foreign_call};
use crate::peers::BUS;
use crate::socket::{Received, Sent, receive, send};
use crate::value::{Value, read_all, signature_of};
use crate::wire::{Endian, Malformed, Reader, Writer};

/// The longest answer.
const MAX_ANSWER: usize = 1 << 20;

/// A call of a method.
#[derive(Debug, Clone, Copy)]
pub struct MethodCall<'a> {
    /// The name that is called.
    pub destination: &'a str,
    /// The object.
    pub path: &'a str,
    /// The interface.
    pub interface: &'a str,
    /// The method.
    pub member: &'a str,
    /// The arguments.
    pub arguments: &'a [Value],
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It did not come in time.
    #[error("no answer in time")]
    Deadline,
    /// The bus closed the connection.
    #[error("the bus closed the connection")]
    Closed,
    /// The connection broke.
    #[error("cannot speak to the bus: {0}")]
    Io(#[from] io::Error),
    /// The bus, or who answered, does not speak the protocol.
    #[error("an answer that cannot be understood: {0}")]
    Malformed(String),
    /// The answer is an error.
    #[error("{name}: {text}")]
    Refused {
        /// The error's name.
        name: String,
        /// Its text.
        text: String,
    },
}

impl From<Malformed> for CallError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0.into())
    }
}

/// A call that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PendingCall(NonZeroU32);

/// A successful answer.
#[derive(Debug)]
pub struct Reply {
    /// Its arguments.
    pub values: Vec<Value>,
    /// Its descriptors.
    pub fds: Vec<OwnedFd>,
}

/// A connection to a bus for a few calls of our own.
///
/// ```no_run
/// use aril_proxy::{BusAddress, MethodCall, Session};
/// use std::time::Duration;
/// let address: BusAddress = "unix:path=/run/user/1000/bus".parse()?;
/// let mut session = Session::open(address.connect()?, Duration::from_millis(100))?;
/// let mount_point = session.send(&MethodCall {
///     destination: "org.freedesktop.portal.Documents",
///     path: "/org/freedesktop/portal/documents",
///     interface: "org.freedesktop.portal.Documents",
///     member: "GetMountPoint",
///     arguments: &[],
/// })?;
/// // … more calls, which go together …
/// let reply = session.receive(mount_point)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    socket: OwnedFd,
    deadline: Instant,
    auth: BusAuth,
    last_serial: u32,
    input: Vec<u8>,
    fds: VecDeque<OwnedFd>,
    answers: HashMap<NonZeroU32, Result<Reply, CallError>>,
}

impl Session {
    /// Greets the bus over a fresh connection to it, without waiting for its answers. All that follows must be done after `time`.
    /// # Errors
    /// [`CallError::Io`] or [`CallError::Closed`].
    pub fn open(socket: OwnedFd, time: Duration) -> Result<Self, CallError> {
        let mut session = Self {
            socket,
            deadline: Instant::now() + time,
            auth: BusAuth::with_fds(),
            last_serial: 1,
            input: Vec::new(),
            fds: VecDeque::new(),
            answers: HashMap::new(),
        };
        let hello = bus_call(NonZeroU32::MIN, "Hello", 0, &Body::none());
        session.write(&[GREETING, NEGOTIATE_FDS, BEGIN, &hello].concat(), &[])?;
        Ok(session)
    }

    /// Sends a call, without waiting for its answer.
    /// # Errors
    /// [`CallError::Io`], [`CallError::Closed`] or [`CallError::Deadline`].
    pub fn send(&mut self, call: &MethodCall<'_>) -> Result<PendingCall, CallError> {
        self.send_with_fds(call, Vec::new())
    }

    /// Sends a call with descriptors, which [`Value::Fd`] among its arguments names by their place.
    /// # Errors
    /// [`CallError::Io`], [`CallError::Closed`] or [`CallError::Deadline`].
    pub fn send_with_fds(
        &mut self,
        call: &MethodCall<'_>,
        fds: Vec<OwnedFd>,
    ) -> Result<PendingCall, CallError> {
        // A bus that still reads lines drops descriptors.
        while !fds.is_empty() && !self.is_authenticated() {
            self.read()?;
        }
        self.last_serial = self.last_serial.saturating_add(1);
        let serial = NonZeroU32::new(self.last_serial).unwrap_or(NonZeroU32::MIN);
        let mut body = Writer::new(Endian::Little);
        call.arguments.iter().for_each(|argument| argument.write(&mut body));
        let fd_count = u32::try_from(fds.len()).unwrap_or(u32::MAX);
        let message = foreign_call(serial, call, fd_count, &signature_of(call.arguments), &body.into_bytes());
        self.write(&message, &fds)?;
        Ok(PendingCall(serial))
    }

    /// Waits for the answer to a call.
    /// # Errors
    /// [`CallError`], also when the answer was already received.
    pub fn receive(&mut self, call: PendingCall) -> Result<Reply, CallError> {
        loop {
            if let Some(answer) = self.answers.remove(&call.0) {
                return answer;
            }
            self.read()?;
        }
    }

    fn is_authenticated(&self) -> bool {
        self.auth.guid().is_some() && !self.auth.awaits_fds
    }

    /// Waits until something comes, and takes it in.
    fn read(&mut self) -> Result<(), CallError> {
        self.wait(PollFlags::IN)?;
        let mut chunk = [0; 4096];
        match receive(&self.socket, &mut chunk, &mut self.fds)? {
            Received::Nothing => Ok(()),
            Received::End => Err(CallError::Closed),
            Received::TooManyFds => Err(CallError::Malformed("more descriptors than declared".into())),
            Received::Bytes(count) => {
                self.input.extend_from_slice(&chunk[..count]);
                self.read_input()
            }
        }
    }

    fn read_input(&mut self) -> Result<(), CallError> {
        while !self.is_authenticated() {
            let used = self.auth.advance(&self.input)?;
            if used == 0 {
                return Ok(());
            }
            self.input.drain(..used);
        }
        while let Some(prefix) = self.input.first_chunk::<PREFIX>() {
            let frame = Frame::measure(prefix)?;
            if frame.total() > MAX_ANSWER {
                return Err(CallError::Malformed("an answer over 1 MiB".into()));
            }
            if self.input.len() < frame.total() {
                return Ok(());
            }
            let message: Vec<u8> = self.input.drain(..frame.total()).collect();
            self.read_message(&message, frame)?;
        }
        Ok(())
    }

    fn read_message(&mut self, message: &[u8], frame: Frame) -> Result<(), CallError> {
        let header = Header::parse(message, frame)?;
        let fd_count = header.fds as usize;
        if fd_count > self.fds.len() {
            return Err(CallError::Malformed("fewer descriptors than declared".into()));
        }
        let fds = self.fds.drain(..fd_count).collect();
        let Some(reply_to) = header.reply_to else { return Ok(()) };
        let mut reader = Reader::new(&message[frame.header..], frame.endian);
        let answer = match header.kind {
            Kind::Return => match read_all(&mut reader, header.signature) {
                Ok(values) => Ok(Reply { values, fds }),
                Err(malformed) => Err(malformed.into()),
            },
            Kind::Error => {
                let text =
                    if header.signature.starts_with('s') { reader.string().unwrap_or_default() } else { "" };
                let name = header.error_name.unwrap_or_default().into();
                Err(CallError::Refused { name, text: text.into() })
            }
            _ => return Ok(()),
        };
        // The answer to `Hello` is of use only if it is an error.
        match (reply_to.serial, answer) {
            (NonZeroU32::MIN, Err(error)) if header.sender == Some(BUS) => return Err(error),
            (NonZeroU32::MIN, _) => {}
            (serial, answer) if serial.get() <= self.last_serial => _ = self.answers.insert(serial, answer),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], fds: &[OwnedFd]) -> Result<(), CallError> {
        let mut fds = fds;
        while !bytes.is_empty() {
            match send(&self.socket, &[IoSlice::new(bytes)], fds)? {
                Sent::Bytes(0) => self.wait(PollFlags::OUT)?,
                Sent::Bytes(count) => (bytes, fds) = (&bytes[count..], &[]),
                Sent::Closed => return Err(CallError::Closed),
            }
        }
        Ok(())
    }

    fn wait(&self, flags: PollFlags) -> Result<(), CallError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| CallError::Deadline)?;
        match poll(&mut [PollFd::new(&self.socket, flags)], Some(&left)) {
            Ok(0) => Err(CallError::Deadline),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(CallError::Io(errno.into())),
        }
    }
}
