//! Learning who owns which name, once for a connection, when the app first does something for which it matters.
//!
//! One match rule for all owner changes, one list of names, and a question for each name there that a rule covers; the number of rules does
//! not count, and connecting costs nothing. Meanwhile the app's messages wait, so the table is complete before the bus reads the next one.

use std::collections::VecDeque;

use super::{Filter, Verdict};
use crate::match_rule::OWNER_CHANGES;
use crate::message::{Body, bus_call};
use crate::serials::Awaited;

/// How many questions are under way at once, so that a bus with many names does not cost much memory.
const MAX_QUESTIONS: usize = 32;

/// What is known of owners.
#[derive(Debug)]
pub(super) enum Owners {
    /// Nothing yet; who owns what was of no consequence.
    Unknown,
    /// The bus is asked.
    Asking { waiting: usize, names: VecDeque<Box<str>> },
    /// All, and the bus tells each change.
    Known,
}

impl Filter {
    /// Whether owners are known. If not, begins to ask; the message must wait.
    pub(super) fn knows_owners(&mut self) -> bool {
        match self.owners {
            Owners::Known => true,
            Owners::Asking { .. } => false,
            Owners::Unknown => {
                self.owners = Owners::Asking { waiting: 2, names: VecDeque::new() };
                self.ask(Awaited::OwnMatch, "AddMatch", &Body::string(OWNER_CHANGES));
                self.ask(Awaited::OwnNames, "ListNames", &Body::none());
                false
            }
        }
    }

    /// Whether the app's messages wait for owners.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.owners, Owners::Asking { .. })
    }

    fn ask(&mut self, awaited: Awaited, member: &str, argument: &Body) {
        let serial = self.bus_serials.await_answer(awaited);
        self.to_bus.extend(bus_call(serial, member, 0, argument));
    }

    /// The bus tells changes from now on, or will not (an error): then nothing can be known, and the connection ends.
    pub(super) fn match_made(&mut self, is_error: bool) -> Verdict {
        if is_error { Verdict::End("the bus does not tell who owns its names") } else { self.one_answered() }
    }

    /// The names that there are.
    pub(super) fn names_listed<'a>(&mut self, listed: impl Iterator<Item = &'a str>) -> Verdict {
        let covered = listed.filter(|name| !name.starts_with(':') && self.peers.is_covered(name));
        let covered: VecDeque<Box<str>> = covered.map(Into::into).collect();
        if let Owners::Asking { names, .. } = &mut self.owners {
            *names = covered;
        }
        self.one_answered()
    }

    /// The owner of one of them; none if it has gone meanwhile.
    pub(super) fn owner_told(&mut self, name: &str, owner: Option<&str>) -> Verdict {
        if let Some(owner) = owner {
            self.peers.add_name(owner, name);
        }
        self.one_answered()
    }

    fn one_answered(&mut self) -> Verdict {
        if let Owners::Asking { waiting, .. } = &mut self.owners {
            *waiting = waiting.saturating_sub(1);
        }
        while let Owners::Asking { waiting, names } = &mut self.owners
            && *waiting < MAX_QUESTIONS
        {
            let Some(name) = names.pop_front() else { break };
            *waiting += 1;
            let argument = Body::string(&name);
            self.ask(Awaited::OwnOwner { name }, "GetNameOwner", &argument);
        }
        if matches!(self.owners, Owners::Asking { waiting: 0, .. }) {
            self.owners = Owners::Known;
        }
        Verdict::Stop(super::Outcome::Consumed)
    }
}
