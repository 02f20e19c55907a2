//! Serials and answers. Each side has serials of our own, so that whoever answers names a message that we passed on, and each is answered
//! once, by the one who was asked.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::peers::BUS;

/// How many calls of the app may wait for their answers.
pub(crate) const MAX_WAITING: usize = 8192;
/// How many calls to the app are remembered; the oldest is given up for a new one.
const MAX_ASKED: usize = 4096;

/// Numbers messages: 1, 2, … and, after four thousand million, again.
#[derive(Debug, Default)]
struct Serials(u32);

impl Serials {
    fn next(&mut self, mut is_used: impl FnMut(u32) -> bool) -> NonZeroU32 {
        loop {
            self.0 = self.0.wrapping_add(1);
            match NonZeroU32::new(self.0) {
                Some(serial) if !is_used(self.0) => return serial,
                _ => {}
            }
        }
    }
}

/// The messages to the bus, and those whose answer is awaited.
#[derive(Debug, Default)]
pub(crate) struct ToBus {
    serials: Serials,
    waiting: BTreeMap<u32, Awaited>,
}

/// What an answer from the bus's side is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A call of the app, by its serial there.
    Call { serial: NonZeroU32, from: Callee },
    /// The app's `Hello`: the answer is its unique name.
    Hello { serial: NonZeroU32 },
    /// The app's question for names: the answer is filtered.
    Names { serial: NonZeroU32 },
    /// The filter's own match rule for owner changes.
    OwnMatch,
    /// The filter's own question for names.
    OwnNames,
    /// The filter's own question for the owner of a name.
    OwnOwner { name: Box<str> },
}

/// Who may answer a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    Bus,
    /// Whoever owned the well-known name when the bus delivered the call.
    Owner,
    Unique(Box<str>),
}

impl Callee {
    pub(crate) fn of(destination: &str) -> Self {
        match destination {
            BUS => Self::Bus,
            unique if unique.starts_with(':') => Self::Unique(unique.into()),
            _ => Self::Owner,
        }
    }

    /// The bus may answer for anyone: that there is no such name, that it has left.
    fn is(&self, sender: Option<&str>) -> bool {
        // Only what the bus's own library answers has no sender.
        let Some(sender) = sender else { return *self == Self::Bus };
        sender == BUS
            || match self {
                Self::Bus => false,
                Self::Owner => sender.starts_with(':'),
                Self::Unique(name) => **name == *sender,
            }
    }
}

impl Awaited {
    fn may_come_from(&self, sender: Option<&str>) -> bool {
        match self {
            Self::Call { from, .. } => from.is(sender),
            _ => Callee::Bus.is(sender),
        }
    }
}

impl ToBus {
    /// A serial for a message that nobody answers.
    pub(crate) fn number(&mut self) -> NonZeroU32 {
        let Self { serials, waiting } = self;
        serials.next(|serial| waiting.contains_key(&serial))
    }

    /// A serial for a call.
    pub(crate) fn await_answer(&mut self, awaited: Awaited) -> NonZeroU32 {
        let serial = self.number();
        self.waiting.insert(serial.get(), awaited);
        serial
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// What an answer to this serial would be for.
    pub(crate) fn awaits(&self, serial: NonZeroU32) -> Option<&Awaited> {
        self.waiting.get(&serial.get())
    }

    /// What an answer is for. Nothing, if nobody asked its sender, or it has answered already.
    pub(crate) fn answered(&mut self, serial: NonZeroU32, sender: Option<&str>) -> Option<Awaited> {
        match self.waiting.entry(serial.get()) {
            std::collections::btree_map::Entry::Occupied(entry) if entry.get().may_come_from(sender) => {
                Some(entry.remove())
            }
            _ => None,
        }
    }
}

/// The messages to the app, and those that it may answer.
#[derive(Debug, Default)]
pub(crate) struct ToApp {
    serials: Serials,
    asked: BTreeMap<u32, Asked>,
}

#[derive(Debug)]
struct Asked {
    peer: Box<str>,
    serial: NonZeroU32,
}

impl ToApp {
    /// A serial for a message that the app does not answer.
    pub(crate) fn number(&mut self) -> NonZeroU32 {
        let Self { serials, asked } = self;
        serials.next(|serial| asked.contains_key(&serial))
    }

    /// A serial for a call of `peer` that has `serial` there.
    pub(crate) fn ask(&mut self, peer: &str, serial: NonZeroU32) -> NonZeroU32 {
        if self.asked.len() >= MAX_ASKED {
            self.asked.pop_first();
        }
        let number = self.number();
        self.asked.insert(number.get(), Asked { peer: peer.into(), serial });
        number
    }

    /// The serial by which `peer` knows its call that the app answers. Nothing, if it did not call, or has its answer already.
    pub(crate) fn answered(&mut self, serial: NonZeroU32, peer: Option<&str>) -> Option<NonZeroU32> {
        match self.asked.entry(serial.get()) {
            std::collections::btree_map::Entry::Occupied(entry) if Some(&*entry.get().peer) == peer => {
                Some(entry.remove().serial)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn an_answer_is_used_once_and_only_by_who_was_asked() {
        let mut to_bus = ToBus::default();
        let call = |from| Awaited::Call { serial: serial(7), from };
        let asked = to_bus.await_answer(call(Callee::of(":1.5")));
        assert_eq!(to_bus.answered(asked, Some(":1.6")), None);
        assert_eq!(to_bus.answered(asked, None), None);
        assert_eq!(to_bus.answered(serial(99), Some(":1.5")), None);
        assert_eq!(to_bus.answered(asked, Some(":1.5")), Some(call(Callee::of(":1.5"))));
        assert_eq!(to_bus.answered(asked, Some(":1.5")), None);
        let bus = to_bus.await_answer(call(Callee::of(BUS)));
        assert_eq!(to_bus.answered(bus, Some(":1.5")), None);
        assert!(Callee::Bus.is(None) && !Callee::Owner.is(None));
        assert!(to_bus.answered(bus, Some(BUS)).is_some());
        let owner = to_bus.await_answer(call(Callee::of("org.x.Y")));
        assert!(to_bus.answered(owner, Some(":1.5")).is_some());

        let mut to_app = ToApp::default();
        let asked = to_app.ask(":1.5", serial(70));
        assert_eq!(to_app.answered(asked, Some(":1.6")), None);
        assert_eq!(to_app.answered(asked, None), None);
        assert_eq!(to_app.answered(asked, Some(":1.5")), Some(serial(70)));
        assert_eq!(to_app.answered(asked, Some(":1.5")), None);
    }

    #[test]
    fn serials_begin_again_without_zero_and_without_those_in_use() {
        let mut to_bus = ToBus::default();
        let first = to_bus.await_answer(Awaited::OwnMatch);
        to_bus.serials.0 = u32::MAX;
        assert_eq!((first.get(), to_bus.number().get()), (1, 2));
    }

    #[test]
    fn what_is_never_answered_does_not_grow() {
        let mut to_app = ToApp::default();
        for number in 1..20_000 {
            to_app.ask(":1.5", serial(number));
        }
        assert_eq!(to_app.asked.len(), MAX_ASKED);
        assert_eq!(to_app.answered(serial(19_999), Some(":1.5")), Some(serial(19_999)));
    }
}
