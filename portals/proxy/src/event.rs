//! What the filter tells about itself to whoever wants to know: each message, and what was done with it.

use std::fmt;

use crate::filter::Outcome;
use crate::header::{Header, Kind};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the app to the bus.
    FromApp,
    /// From the bus to the app.
    FromBus,
}

/// A message, as far as its header says, and what was done with it. Printed, it is a line as `xdg-dbus-proxy --log` has it.
#[derive(Debug, Clone, Copy)]
pub struct MessageEvent<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// What was done with it.
    pub outcome: Outcome,
    /// Whom it is for (from the app) or who sent it (from the bus).
    pub peer: Option<&'a str>,
    /// The object.
    pub path: Option<&'a str>,
    /// The interface.
    pub interface: Option<&'a str>,
    /// The method or signal.
    pub member: Option<&'a str>,
    /// The error, for an answer that is one.
    pub error: Option<&'a str>,
    serial: u32,
    reply_to: Option<u32>,
    kind: Kind,
}

impl<'a> MessageEvent<'a> {
    pub(crate) fn new(direction: Direction, header: &Header<'a>, outcome: Outcome) -> Self {
        Self {
            direction,
            outcome,
            peer: match direction {
                Direction::FromApp => header.destination,
                Direction::FromBus => header.sender,
            },
            path: header.path,
            interface: header.interface,
            member: header.member,
            error: header.error_name,
            serial: header.serial.get(),
            reply_to: header.reply_to.map(|reply| reply.serial.get()),
            kind: header.kind,
        }
    }

    fn note(&self) -> &'static str {
        match self.outcome {
            Outcome::Passed => "",
            Outcome::Rewritten => "\n*REWRITTEN*",
            Outcome::Denied => "\n*DENIED*",
            Outcome::Hidden if self.direction == Direction::FromBus => "\n*FILTERED IN*",
            Outcome::Hidden => "\n*HIDDEN*",
            Outcome::Unexpected => "\n*Unexpected reply*",
            Outcome::Ignored => "\n*IGNORED*",
            Outcome::Consumed => "\n*SKIPPED*",
        }
    }
}

impl fmt::Display for MessageEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (here, there, arrow, nobody) = match (self.direction, self.kind) {
            (Direction::FromApp, Kind::Signal) => ('C', 'B', "->", "all"),
            (Direction::FromApp, _) => ('C', 'B', "->", "(no dest)"),
            (Direction::FromBus, _) => ('B', 'C', "<-", "(no sender)"),
        };
        write!(f, "{here}{}: {arrow} {} ", self.serial, self.peer.unwrap_or(nobody))?;
        let (path, member) = (self.path.unwrap_or_default(), self.member.unwrap_or_default());
        let interface = self.interface.unwrap_or_default();
        let (reply_to, error) = (self.reply_to.unwrap_or_default(), self.error.unwrap_or("(no error)"));
        match self.kind {
            Kind::Call => write!(f, "call {interface}.{member} at {path}")?,
            Kind::Signal => write!(f, "signal {interface}.{member} at {path}")?,
            Kind::Return => write!(f, "return from {there}{reply_to}")?,
            Kind::Error => write!(f, "return error {error} from {there}{reply_to}")?,
            Kind::Other(code) => write!(f, "unknown message type {code}")?,
        }
        f.write_str(self.note())
    }
}
