//! Which other connections the app may know of, and why: the names they own or once owned, and that they spoke to the app first.
//!
//! Learned from what the bus says on the app's own connection, so always in step with the messages that are judged by it. A connection's
//! rights stay until it leaves the bus, even if it gives up a name: whoever holds its unique name may go on. Unique names are never used
//! again, so what is stale cannot become wrong.

use std::collections::HashMap;
use std::sync::Arc;

use aril_model::Policy;

use crate::rules::{RuleIndex, Rules, Subject, Way};

/// The name of the bus itself.
pub(crate) const BUS: &str = "org.freedesktop.DBus";

/// How many strangers that spoke to the app are remembered at once; the ones who were silent longest go first.
const MAX_PEERS: usize = 2048;

/// The connections of a bus, as far as the app may know of them.
#[derive(Debug)]
pub(crate) struct Peers {
    rules: Arc<Rules>,
    own: Option<Box<str>>,
    known: HashMap<Box<str>, Peer>,
    clock: u64,
}

#[derive(Debug, Default)]
struct Peer {
    /// The rules for all names that it owned, sorted.
    rules: Vec<RuleIndex>,
    /// When it was last heard.
    heard: Option<u64>,
}

impl Peers {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self { rules, own: None, known: HashMap::new(), clock: 0 }
    }

    /// The app's own unique name, once the bus has given it one.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.own.as_deref()
    }

    pub(crate) fn set_own_name(&mut self, name: &str) {
        self.own = Some(name.into());
    }

    /// What the app may do with a name of either kind.
    pub(crate) fn policy(&self, name: &str) -> Policy {
        if name == BUS || self.own.as_deref() == Some(name) {
            return Policy::Talk;
        }
        if !name.starts_with(':') {
            return self.rules.policy(self.rules.covering(name));
        }
        self.known.get(name).map_or(Policy::None, |peer| {
            let met = if peer.heard.is_some() { Policy::See } else { Policy::None };
            met.max(self.rules.policy(peer.rules.iter().copied()))
        })
    }

    /// Whether a message to (or broadcast from) a name passes.
    pub(crate) fn allow(&self, name: &str, way: Way, subject: Subject<'_>) -> bool {
        if name == BUS || self.own.as_deref() == Some(name) {
            return true;
        }
        if !name.starts_with(':') {
            return self.rules.allow(self.rules.covering(name), way, subject);
        }
        self.known.get(name).is_some_and(|peer| self.rules.allow(peer.rules.iter().copied(), way, subject))
    }

    /// A message from a connection reached the app: the app may see it from now on, to notice when it leaves.
    pub(crate) fn hear(&mut self, unique: &str) {
        if !unique.starts_with(':') {
            return;
        }
        self.clock += 1;
        if let Some(peer) = self.known.get_mut(unique) {
            peer.heard = Some(self.clock);
            return;
        }
        if self.known.len() >= MAX_PEERS {
            self.forget_silent();
        }
        self.known.insert(unique.into(), Peer { rules: Vec::new(), heard: Some(self.clock) });
    }

    /// A connection owns a well-known name. Kept only if a rule covers the name.
    pub(crate) fn add_name(&mut self, unique: &str, name: &str) {
        let mut covering = self.rules.covering(name).peekable();
        if covering.peek().is_none() {
            return;
        }
        let peer = self.known.entry(unique.into()).or_default();
        peer.rules.extend(covering);
        peer.rules.sort_unstable();
        peer.rules.dedup();
    }

    /// A connection has left the bus.
    pub(crate) fn remove(&mut self, unique: &str) {
        self.known.remove(unique);
    }

    /// Whether any rule covers a well-known name.
    pub(crate) fn is_covered(&self, name: &str) -> bool {
        self.rules.covering(name).next().is_some()
    }

    /// Makes room: forgets the half of those without any name that has been silent longest.
    fn forget_silent(&mut self) {
        let mut times: Vec<u64> =
            self.known.values().filter(|peer| peer.rules.is_empty()).filter_map(|peer| peer.heard).collect();
        times.sort_unstable();
        if let Some(limit) = times.get(times.len() / 2).copied() {
            self.known.retain(|_, peer| !peer.rules.is_empty() || peer.heard > Some(limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        let mut rules = Rules::new();
        rules.set_policy(&"org.see".parse().unwrap(), Policy::See);
        rules.set_policy(&"org.talk.*".parse().unwrap(), Policy::Talk);
        Peers::new(Arc::new(rules))
    }

    const ANY: Subject<'_> = Subject { path: Some("/"), interface: None, member: Some("M") };

    #[test]
    fn unique_names_inherit_from_the_names_they_own() {
        let mut peers = peers();
        peers.add_name(":1.5", "org.see");
        assert_eq!(peers.policy(":1.5"), Policy::See);
        peers.add_name(":1.5", "org.talk.A");
        peers.add_name(":1.6", "org.other");
        assert_eq!((peers.policy(":1.5"), peers.policy(":1.6")), (Policy::Talk, Policy::None));
        assert!(peers.allow(":1.5", Way::Call, ANY) && !peers.allow(":1.6", Way::Call, ANY));
        peers.remove(":1.5");
        assert_eq!(peers.policy(":1.5"), Policy::None);
    }

    #[test]
    fn who_speaks_is_seen_but_not_called() {
        let mut peers = peers();
        peers.hear(":1.7");
        peers.hear("org.freedesktop.DBus");
        assert_eq!(peers.policy(":1.7"), Policy::See);
        assert!(!peers.allow(":1.7", Way::Call, ANY));
    }

    #[test]
    fn the_app_may_talk_to_itself_and_the_bus() {
        let mut peers = peers();
        assert_eq!(peers.policy(":1.9"), Policy::None);
        peers.set_own_name(":1.9");
        assert!(peers.allow(":1.9", Way::Call, ANY) && peers.allow(BUS, Way::Call, ANY));
        assert_eq!((peers.policy(":1.9"), peers.policy(BUS)), (Policy::Talk, Policy::Talk));
    }

    #[test]
    fn strangers_are_forgotten_before_memory_grows() {
        let mut peers = peers();
        peers.add_name(":1.owner", "org.talk");
        for number in 0..100_000 {
            peers.hear(&format!(":2.{number}"));
        }
        assert!(peers.known.len() <= MAX_PEERS);
        assert_eq!((peers.policy(":2.99999"), peers.policy(":2.0")), (Policy::See, Policy::None));
        assert_eq!(peers.policy(":1.owner"), Policy::Talk);
    }
}
