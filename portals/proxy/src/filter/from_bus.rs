//! Messages from the bus: answers to what was asked, messages to the app from anyone, broadcasts by policy.

use std::num::NonZeroU32;

use aril_model::Policy;

use super::{Filter, MAX_ARGUMENTS, MAX_NAMES, Need, Outcome, Verdict, subject};
use crate::header::{Header, Kind, ReplyTo};
use crate::message::{Body, first_string, list_of_names, owner_change};
use crate::peers::BUS;
use crate::rules::{UniqueNames, Way};
use crate::serials::Awaited;

impl Filter {
    /// Whether the body of a message from the bus is needed.
    pub(crate) fn need_from_bus(&self, header: &Header<'_>) -> Need {
        match (header.kind, header.reply_to) {
            (Kind::Signal, _) if is_owner_change(header) => Need::Body(MAX_ARGUMENTS),
            (Kind::Return, Some(to)) => match self.bus_serials.awaits(to.serial) {
                Some(Awaited::Hello { .. } | Awaited::OwnOwner { .. }) => Need::Body(MAX_ARGUMENTS),
                Some(Awaited::Names { .. } | Awaited::OwnNames) => Need::Body(MAX_NAMES),
                Some(Awaited::Call { .. } | Awaited::OwnMatch) | None => Need::Header,
            },
            _ => Need::Header,
        }
    }

    /// Decides about a message from the bus that is too long to be read, though it must be.
    pub(crate) fn too_large_from_bus(&mut self, header: &Header<'_>) -> Verdict {
        let Some(to) = header.reply_to else { return Verdict::Stop(Outcome::Ignored) };
        match self.bus_serials.answered(to.serial, header.sender) {
            Some(Awaited::OwnNames | Awaited::OwnOwner { .. } | Awaited::OwnMatch) => {
                Verdict::End("the bus has too many names")
            }
            Some(Awaited::Names { serial } | Awaited::Hello { serial } | Awaited::Call { serial, .. }) => {
                self.answer_serial(serial, |answer| {
                    answer.error("LimitsExceeded", "The bus has too many names")
                });
                Verdict::Stop(Outcome::Rewritten)
            }
            None => Verdict::Stop(Outcome::Unexpected),
        }
    }

    /// Decides about a message from the bus. `body` is empty if it was not needed.
    pub(crate) fn judge_from_bus(&mut self, header: &Header<'_>, body: &[u8]) -> Verdict {
        let verdict = match (header.kind, header.reply_to) {
            (Kind::Return | Kind::Error, Some(to)) => self.answer_from_bus(header, to, body),
            (Kind::Call, None) => self.call_from_bus(header),
            (Kind::Signal, None) => self.signal_from_bus(header, body),
            (Kind::Other(_), None) => Verdict::Stop(Outcome::Ignored),
            _ => Verdict::Stop(Outcome::Unexpected),
        };
        if let (Verdict::Pass { .. }, Some(sender)) = (verdict, header.sender) {
            self.peers.hear(sender);
        }
        verdict
    }

    fn answer_from_bus(&mut self, header: &Header<'_>, to: ReplyTo, body: &[u8]) -> Verdict {
        if header.destination.is_some() && !self.is_for_app(header.destination) {
            return Verdict::Stop(Outcome::Unexpected);
        }
        let Some(awaited) = self.bus_serials.answered(to.serial, header.sender) else {
            return Verdict::Stop(Outcome::Unexpected);
        };
        let is_error = header.kind == Kind::Error;
        match awaited {
            Awaited::Call { serial, .. } => self.pass_answer(serial),
            Awaited::Hello { serial } => {
                if let (false, Some(name)) = (is_error, first_string(header, body)) {
                    self.peers.set_own_name(name);
                }
                self.pass_answer(serial)
            }
            Awaited::Names { serial } if is_error => self.pass_answer(serial),
            Awaited::Names { serial } => self.filtered_names(header, serial, body),
            Awaited::OwnMatch => self.match_made(is_error),
            Awaited::OwnNames if is_error => self.names_listed(std::iter::empty()),
            Awaited::OwnNames => match list_of_names(header, body) {
                Ok(names) => self.names_listed(names.into_iter()),
                Err(malformed) => Verdict::End(malformed.0),
            },
            Awaited::OwnOwner { name } => {
                let owner = first_string(header, body).filter(|_| !is_error);
                self.owner_told(&name, owner)
            }
        }
    }

    fn pass_answer(&mut self, call: NonZeroU32) -> Verdict {
        Verdict::Pass { serial: self.app_serials.number(), reply_to: Some(call) }
    }

    fn filtered_names(&mut self, header: &Header<'_>, call: NonZeroU32, body: &[u8]) -> Verdict {
        let names = match list_of_names(header, body) {
            Ok(names) => names,
            Err(malformed) => return Verdict::End(malformed.0),
        };
        let seen = names.into_iter().filter(|name| self.peers.policy(name) >= Policy::See);
        let body = Body::strings(seen);
        self.answer_serial(call, |answer| answer.value(&body));
        Verdict::Stop(Outcome::Rewritten)
    }

    fn call_from_bus(&mut self, header: &Header<'_>) -> Verdict {
        if !self.is_for_app(header.destination) {
            return Verdict::Stop(Outcome::Unexpected);
        }
        let serial = match header.sender {
            Some(sender) if header.wants_reply() => self.app_serials.ask(sender, header.serial),
            _ => self.app_serials.number(),
        };
        Verdict::Pass { serial, reply_to: None }
    }

    fn signal_from_bus(&mut self, header: &Header<'_>, body: &[u8]) -> Verdict {
        let is_allowed = if is_owner_change(header) {
            self.owner_changed(header, body)
        } else {
            match (header.destination, header.sender) {
                (Some(_), _) => self.is_for_app(header.destination),
                (None, Some(sender)) => self.peers.allow(sender, Way::Broadcast, subject(header)),
                (None, None) => false,
            }
        };
        match is_allowed {
            true => Verdict::Pass { serial: self.app_serials.number(), reply_to: None },
            false => Verdict::Stop(Outcome::Hidden),
        }
    }

    /// Takes note of an owner change. Returns whether the app may know of it.
    fn owner_changed(&mut self, header: &Header<'_>, body: &[u8]) -> bool {
        let Some([name, _, new_owner]) = owner_change(header, body) else { return false };
        if !name.starts_with(':') {
            if new_owner.starts_with(':') {
                self.peers.add_name(new_owner, name);
            }
            return self.peers.policy(name) >= Policy::See;
        }
        let is_seen =
            self.peers.policy(name) >= Policy::See || self.rules.unique_names == UniqueNames::Announced;
        if new_owner.is_empty() {
            self.peers.remove(name);
        }
        is_seen
    }

    /// Whether a destination is the app: its unique name, or a name that it may own. Before the bus has named it, there is no other.
    fn is_for_app(&self, destination: Option<&str>) -> bool {
        match (destination, self.own_name()) {
            (Some(name), Some(own)) => {
                name == own || !name.starts_with(':') && self.peers.policy(name) == Policy::Own
            }
            (None, Some(_)) => false,
            (_, None) => true,
        }
    }
}

fn is_owner_change(header: &Header<'_>) -> bool {
    (header.sender, header.interface, header.member) == (Some(BUS), Some(BUS), Some("NameOwnerChanged"))
}
