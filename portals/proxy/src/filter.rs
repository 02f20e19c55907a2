//! Decides about each message of one connection: pure, without sockets. Header (and, where the decision needs it, body) in, verdict out;
//! messages of the filter's own are left in `to_app` and `to_bus` for the connection to send at the next boundary between messages.

mod bus_method;
mod from_app;
mod from_bus;
mod owners;

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::header::{Header, NO_AUTO_START};
use crate::message::{Answer, Body};
use crate::peers::Peers;
use crate::rules::{Rules, Subject};
use crate::serials::{ToApp, ToBus};
use owners::Owners;

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on, with these serials.
    Pass { serial: NonZeroU32, reply_to: Option<NonZeroU32> },
    /// It goes no further. What takes its place, if anything, is in `to_app` or `to_bus`.
    Stop(Outcome),
    /// It cannot be judged before the bus has answered; nothing behind it, either.
    Wait,
    /// Its sender breaks the protocol: the connection ends.
    End(&'static str),
}

/// What was done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was passed on.
    Passed,
    /// It was passed on in words of ours, or answered with less than all.
    Rewritten,
    /// It was refused: its sender may see the name, but not do this.
    Denied,
    /// It was refused as if there were no such name.
    Hidden,
    /// It answers what nobody asked, or is sent to others; dropped.
    Unexpected,
    /// It is of a type of a later version of the protocol; dropped.
    Ignored,
    /// The answer to a question of the filter's own.
    Consumed,
}

/// Whether the body is needed for the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Header,
    /// The body, if it has at most so many bytes; else [`Filter::too_large`] decides.
    Body(usize),
}

/// The longest body of a call to the bus that is read: a match rule has at most 1024 bytes, a name 255.
const MAX_ARGUMENTS: usize = 4096;
/// The longest list of names that is read: some ten thousand names.
const MAX_NAMES: usize = 1 << 20;

/// The state of one connection of the app.
#[derive(Debug)]
pub(crate) struct Filter {
    rules: Arc<Rules>,
    peers: Peers,
    bus_serials: ToBus,
    app_serials: ToApp,
    owners: Owners,
    /// Whole messages for the app.
    pub(crate) to_app: Vec<u8>,
    /// Whole messages for the bus.
    pub(crate) to_bus: Vec<u8>,
}

impl Filter {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            peers: Peers::new(Arc::clone(&rules)),
            rules,
            bus_serials: ToBus::default(),
            app_serials: ToApp::default(),
            owners: Owners::Unknown,
            to_app: Vec::new(),
            to_bus: Vec::new(),
        }
    }

    /// The app's unique name, once the bus has given it one.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.peers.own_name()
    }

    /// Answers a call of the app in the name of the bus, if it waits for an answer.
    fn answer(&mut self, call: &Header<'_>, write: impl FnOnce(Answer<'_>) -> Vec<u8>) {
        if call.wants_reply() {
            self.answer_serial(call.serial, write);
        }
    }

    fn answer_serial(&mut self, to: NonZeroU32, write: impl FnOnce(Answer<'_>) -> Vec<u8>) {
        let answer = Answer { serial: self.app_serials.number(), to, app: self.peers.own_name() };
        let message = write(answer);
        self.to_app.extend(message);
    }

    fn value(&mut self, call: &Header<'_>, body: &Body) -> Verdict {
        self.answer(call, |answer| answer.value(body));
        Verdict::Stop(Outcome::Rewritten)
    }

    fn deny(&mut self, call: &Header<'_>, text: &str) -> Verdict {
        self.answer(call, |answer| answer.error("AccessDenied", text));
        Verdict::Stop(Outcome::Denied)
    }

    /// Refuses a call as the bus refuses one to a name that nobody owns.
    fn hide(&mut self, call: &Header<'_>, name: &str) -> Verdict {
        let is_started = call.flags & NO_AUTO_START == 0 && !name.starts_with(':');
        self.answer(call, |answer| match is_started {
            true => answer
                .error("ServiceUnknown", &format!("The name {name} was not provided by any .service files")),
            false => answer.error("NameHasNoOwner", &format!("Name \"{name}\" does not exist")),
        });
        Verdict::Stop(Outcome::Hidden)
    }
}

fn subject<'a>(header: &Header<'a>) -> Subject<'a> {
    Subject { path: header.path, interface: header.interface, member: header.member }
}

#[cfg(test)]
mod tests;
