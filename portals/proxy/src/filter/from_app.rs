//! Messages of the app: calls and signals by policy, answers only to those who asked.

use std::num::NonZeroU32;

use aril_model::Policy;

use super::bus_method::{BusMethod, bus_method};
use super::{Filter, MAX_ARGUMENTS, Need, Outcome, Verdict, subject};
use crate::header::{Header, Kind};
use crate::match_rule::{MatchRule, Refusal};
use crate::message::{Body, bus_call, first_string};
use crate::peers::BUS;
use crate::rules::Way;
use crate::serials::{Awaited, Callee};

impl Filter {
    /// Whether the body of a message of the app is needed.
    pub(crate) fn need_from_app(&self, header: &Header<'_>) -> Need {
        let is_bus_call = header.kind == Kind::Call && header.destination == Some(BUS);
        if is_bus_call && bus_method(header).has_argument() {
            Need::Body(MAX_ARGUMENTS)
        } else {
            Need::Header
        }
    }

    /// Decides about a call of the app whose arguments are too long to be read.
    pub(crate) fn too_large_from_app(&mut self, header: &Header<'_>) -> Verdict {
        self.refuse(header, "the arguments are longer than any name or match rule")
    }

    /// Refuses a message because of a limit of ours, and says so to a caller.
    pub(crate) fn refuse(&mut self, header: &Header<'_>, text: &str) -> Verdict {
        self.answer(header, |answer| answer.error("LimitsExceeded", text));
        Verdict::Stop(Outcome::Denied)
    }

    /// Decides about a message of the app. `body` is empty if it was not needed.
    pub(crate) fn judge_from_app(&mut self, header: &Header<'_>, body: &[u8]) -> Verdict {
        match (header.kind, header.reply_to) {
            (Kind::Return | Kind::Error, Some(to)) => {
                match self.app_serials.answered(to.serial, header.destination) {
                    Some(original) => {
                        Verdict::Pass { serial: self.bus_serials.number(), reply_to: Some(original) }
                    }
                    None => Verdict::Stop(Outcome::Unexpected),
                }
            }
            (Kind::Call, Some(_)) => self.deny(header, "A method call answers nothing"),
            (_, Some(_)) => Verdict::Stop(Outcome::Unexpected),
            (Kind::Call, None) => self.call(header, body),
            (Kind::Signal, None) => self.signal(header),
            (Kind::Return | Kind::Error | Kind::Other(_), None) => Verdict::Stop(Outcome::Ignored),
        }
    }

    fn call(&mut self, header: &Header<'_>, body: &[u8]) -> Verdict {
        match header.destination {
            Some(BUS) => self.bus_call(header, body),
            // Without a destination, buses answer only the interface of every peer.
            None if header.interface == Some("org.freedesktop.DBus.Peer") => self.pass_call(header, BUS),
            None => self.deny(header, "A method call needs a destination"),
            Some(name) => {
                let way = Way::Call;
                if self.peers.allow(name, way, subject(header)) {
                    return self.pass_call(header, name);
                }
                if name.starts_with(':') && !self.knows_owners() {
                    return Verdict::Wait;
                }
                self.refuse_by_policy(header, name)
            }
        }
    }

    fn signal(&mut self, header: &Header<'_>) -> Verdict {
        let is_allowed = match header.destination {
            None => true,
            Some(BUS) => false,
            Some(name) => {
                let is_allowed = self.peers.allow(name, Way::Call, subject(header));
                if !is_allowed && name.starts_with(':') && !self.knows_owners() {
                    return Verdict::Wait;
                }
                is_allowed
            }
        };
        match is_allowed {
            true => Verdict::Pass { serial: self.bus_serials.number(), reply_to: None },
            false => Verdict::Stop(Outcome::Denied),
        }
    }

    fn bus_call(&mut self, header: &Header<'_>, body: &[u8]) -> Verdict {
        let method = bus_method(header);
        if method.has_argument() {
            return match first_string(header, body) {
                Some(argument) => self.bus_call_with(header, method, argument),
                None => {
                    self.answer(header, |answer| {
                        answer.error("InvalidArgs", "The first argument must be a string")
                    });
                    Verdict::Stop(Outcome::Denied)
                }
            };
        }
        match method {
            BusMethod::Hello if self.own_name().is_none() => {
                self.pass_awaited(header, |serial| Awaited::Hello { serial })
            }
            BusMethod::Names { with_unique: true } if !self.knows_owners() => Verdict::Wait,
            BusMethod::Names { .. } => self.pass_awaited(header, |serial| Awaited::Names { serial }),
            BusMethod::Free | BusMethod::Hello => self.pass_call(header, BUS),
            _ => self.deny(header, "This method of the bus is not for sandboxed apps"),
        }
    }

    fn bus_call_with(&mut self, header: &Header<'_>, method: BusMethod, argument: &str) -> Verdict {
        let wanted = match method {
            BusMethod::Match => return self.match_rule(header, argument),
            BusMethod::Named(policy) => policy,
            _ => Policy::See,
        };
        if self.peers.policy(argument) >= wanted {
            return self.pass_call(header, BUS);
        }
        if argument.starts_with(':') && !self.knows_owners() {
            return Verdict::Wait;
        }
        match method {
            BusMethod::HasOwner => {
                self.value(header, &Body::boolean(false));
                Verdict::Stop(Outcome::Hidden)
            }
            BusMethod::GetOwner => {
                let text = format!("Could not get owner of name '{argument}': no such name");
                self.answer(header, |answer| answer.error("NameHasNoOwner", &text));
                Verdict::Stop(Outcome::Hidden)
            }
            BusMethod::Named(Policy::See) => {
                let text = format!("Could not ask about name '{argument}': no such name");
                self.answer(header, |answer| answer.error("NameHasNoOwner", &text));
                Verdict::Stop(Outcome::Hidden)
            }
            _ => self.refuse_by_policy(header, argument),
        }
    }

    /// Passes a match rule on, in its canonical form. From the first one on broadcasts may come, so owners must be known.
    fn match_rule(&mut self, header: &Header<'_>, text: &str) -> Verdict {
        let rule = match MatchRule::parse(text) {
            Ok(rule) => rule,
            Err(Refusal::Eavesdrops) => {
                return self.deny(header, "Messages to others are not for sandboxed apps");
            }
            Err(Refusal::Invalid(why)) => {
                self.answer(header, |answer| answer.error("MatchRuleInvalid", &format!("Match rule: {why}")));
                return Verdict::Stop(Outcome::Denied);
            }
        };
        if !self.knows_owners() {
            return Verdict::Wait;
        }
        let serial = match self.pass_call(header, BUS) {
            Verdict::Pass { serial, .. } => serial,
            refused => return refused,
        };
        let member = header.member.unwrap_or_default();
        self.to_bus.extend(bus_call(serial, member, header.flags, &Body::string(&rule.canonical())));
        Verdict::Stop(Outcome::Rewritten)
    }

    fn refuse_by_policy(&mut self, header: &Header<'_>, name: &str) -> Verdict {
        match self.peers.policy(name) {
            Policy::None => self.hide(header, name),
            _ => self.deny(header, &format!("Access to {name} is limited for sandboxed apps")),
        }
    }

    fn pass_call(&mut self, header: &Header<'_>, destination: &str) -> Verdict {
        self.pass_awaited(header, |serial| Awaited::Call { serial, from: Callee::of(destination) })
    }

    fn pass_awaited(&mut self, header: &Header<'_>, awaited: impl FnOnce(NonZeroU32) -> Awaited) -> Verdict {
        if !header.wants_reply() {
            return Verdict::Pass { serial: self.bus_serials.number(), reply_to: None };
        }
        if self.bus_serials.is_full() {
            return self.refuse(header, "too many calls wait for their answers");
        }
        Verdict::Pass { serial: self.bus_serials.await_answer(awaited(header.serial)), reply_to: None }
    }
}
