//! What an app may do on a bus: rules by well-known name. Pure; who owns which name just now is not known here (`peers.rs`).

use std::collections::{HashMap, HashSet};

use aril_model::{BusName, BusPolicies, Policy};

use crate::message_rule::MessageRule;

/// What an app may do on one bus.
///
/// Without a rule it can talk to the bus itself, as far as that shows nothing of others, and to itself.
///
/// ```
/// use aril_proxy::Rules;
/// let mut rules = Rules::new();
/// rules.set_policy(&"org.gnome.Maps.*".parse()?, aril_model::Policy::Own);
/// rules.allow_calls(&"org.freedesktop.portal.*".parse()?, "*".parse()?);
/// rules.allow_broadcasts(&"org.freedesktop.portal.*".parse()?, "@/org/freedesktop/portal/*".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    by_name: HashMap<Box<str>, Vec<RuleIndex>>,
    denied_names: HashSet<Box<str>>,
    denied_subtrees: HashSet<Box<str>>,
    pub(crate) unique_names: UniqueNames,
    pub(crate) traffic: Traffic,
}

/// Where a rule stands among all.
pub(crate) type RuleIndex = u16;

/// Whether the coming and going of strangers' connections is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UniqueNames {
    #[default]
    Hidden,
    Announced,
}

/// Whether rules are applied at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Traffic {
    #[default]
    Filtered,
    Unfiltered,
}

#[derive(Debug, Clone)]
struct Rule {
    policy: Policy,
    covers_subtree: bool,
    scope: Scope,
}

/// Which messages a rule is for.
#[derive(Debug, Clone)]
enum Scope {
    All,
    Calls(MessageRule),
    Broadcasts(MessageRule),
}

/// The parts of a message that rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) path: Option<&'a str>,
    pub(crate) interface: Option<&'a str>,
    pub(crate) member: Option<&'a str>,
}

/// The two ways in which messages and rules meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A call or a signal from the app to a name.
    Call,
    /// A signal from a name to everyone.
    Broadcast,
}

impl Rules {
    /// Nothing but the bus itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything: messages and descriptors go through as they are, once both sides are authenticated.
    pub fn unfiltered() -> Self {
        Self { traffic: Traffic::Unfiltered, ..Self::default() }
    }

    /// Applies the rules, also to what was made by [`Rules::unfiltered`].
    pub fn filter(&mut self) {
        self.traffic = Traffic::Filtered;
    }

    /// Gives a name, or all names of a subtree, a policy.
    ///
    /// Of several that cover a name the highest holds, as in Flatpak; but [`Policy::None`] denies what it covers, however specific another is.
    /// (Where Flatpak's own meaning is wanted, for which `none` is the absence of a rule, such entries are left out by the caller.)
    pub fn set_policy(&mut self, name: &BusName, policy: Policy) {
        match (policy, name.is_subtree()) {
            (Policy::None, true) => _ = self.denied_subtrees.insert(name.base().into()),
            (Policy::None, false) => _ = self.denied_names.insert(name.base().into()),
            _ => self.add(name, policy, Scope::All),
        }
    }

    /// Gives each name the policy that it has in metadata or an override.
    pub fn set_policies(&mut self, policies: &BusPolicies) {
        policies.iter().for_each(|(name, policy)| self.set_policy(name, policy));
    }

    /// Allows some calls to a name, and what goes with them: the name can be seen and started.
    pub fn allow_calls(&mut self, name: &BusName, calls: MessageRule) {
        self.add(name, Policy::Talk, Scope::Calls(calls));
    }

    /// Lets some of a name's broadcasts in; the name can be seen and started.
    pub fn allow_broadcasts(&mut self, name: &BusName, broadcasts: MessageRule) {
        self.add(name, Policy::Talk, Scope::Broadcasts(broadcasts));
    }

    /// Shows when any connection comes or goes, as the accessibility bus needs it (`--sloppy-names`).
    pub fn announce_unique_names(&mut self) {
        self.unique_names = UniqueNames::Announced;
    }

    fn add(&mut self, name: &BusName, policy: Policy, scope: Scope) {
        // 65,535 rules are more than there are names on a bus; what cannot be numbered allows nothing.
        let Ok(index) = RuleIndex::try_from(self.rules.len()) else { return };
        self.rules.push(Rule { policy, covers_subtree: name.is_subtree(), scope });
        self.by_name.entry(name.base().into()).or_default().push(index);
    }

    /// The rules that cover a well-known name: its own, and those of subtrees that it lies in. None if the name is denied.
    pub(crate) fn covering(&self, name: &str) -> impl Iterator<Item = RuleIndex> {
        let prefixes = if self.is_denied(name) { None } else { Some(name) };
        std::iter::successors(prefixes, |prefix| prefix.rsplit_once('.').map(|(parent, _)| parent)).flat_map(
            move |prefix| {
                let here = self.by_name.get(prefix).map_or(&[][..], Vec::as_slice);
                here.iter().copied().filter(move |index| {
                    prefix.len() == name.len() || self.rules[usize::from(*index)].covers_subtree
                })
            },
        )
    }

    fn is_denied(&self, name: &str) -> bool {
        if self.denied_names.is_empty() && self.denied_subtrees.is_empty() {
            return false;
        }
        self.denied_names.contains(name)
            || std::iter::successors(Some(name), |prefix| prefix.rsplit_once('.').map(|(parent, _)| parent))
                .any(|prefix| self.denied_subtrees.contains(prefix))
    }

    /// The highest policy that some rules give.
    pub(crate) fn policy(&self, rules: impl Iterator<Item = RuleIndex>) -> Policy {
        rules.map(|index| self.rules[usize::from(index)].policy).max().unwrap_or_default()
    }

    /// Whether one of some rules lets a message pass.
    pub(crate) fn allow(
        &self,
        mut rules: impl Iterator<Item = RuleIndex>,
        way: Way,
        subject: Subject<'_>,
    ) -> bool {
        rules.any(|index| {
            let rule = &self.rules[usize::from(index)];
            match (&rule.scope, way) {
                (Scope::All, _) => rule.policy >= Policy::Talk,
                (Scope::Calls(message), Way::Call) | (Scope::Broadcasts(message), Way::Broadcast) => {
                    message.fits(subject)
                }
                (Scope::Calls(_), Way::Broadcast) | (Scope::Broadcasts(_), Way::Call) => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[(&str, Policy)]) -> Rules {
        let mut rules = Rules::new();
        for (name, policy) in list {
            rules.set_policy(&name.parse().unwrap(), *policy);
        }
        rules
    }

    #[test]
    fn the_highest_policy_that_covers_a_name_holds() {
        let rules = rules(&[
            ("org.a.*", Policy::Talk),
            ("org.a.B", Policy::See),
            ("org.a.C.*", Policy::Own),
            ("org.x", Policy::Own),
        ]);
        let table = [
            ("org.a", Policy::Talk),
            ("org.a.B", Policy::Talk),
            ("org.a.C", Policy::Own),
            ("org.a.C.D.E", Policy::Own),
            ("org.ab", Policy::None),
            ("org.x", Policy::Own),
            ("org.x.Y", Policy::None),
            ("org", Policy::None),
            ("", Policy::None),
        ];
        for (name, policy) in table {
            assert_eq!(rules.policy(rules.covering(name)), policy, "{name}");
        }
    }

    #[test]
    fn a_denial_beats_every_permission() {
        let rules = rules(&[
            ("org.a.*", Policy::Own),
            ("org.a.B.*", Policy::None),
            ("org.a.B.C", Policy::Own),
            ("org.a.X", Policy::None),
        ]);
        for (name, policy) in [
            ("org.a.B", Policy::None),
            ("org.a.B.C", Policy::None),
            ("org.a.X", Policy::None),
            ("org.a.X.Y", Policy::Own),
        ] {
            assert_eq!(rules.policy(rules.covering(name)), policy, "{name}");
        }
    }

    #[test]
    fn call_rules_allow_no_broadcasts_and_broadcast_rules_no_calls() {
        let mut rules = Rules::new();
        let name: BusName = "org.p.*".parse().unwrap();
        rules.allow_calls(&name, "org.p.I.*".parse().unwrap());
        rules.allow_broadcasts(&name, "@/p/*".parse().unwrap());
        let allow = |way, path, interface| {
            let subject = Subject { path: Some(path), interface: Some(interface), member: Some("M") };
            rules.allow(rules.covering("org.p.Desktop"), way, subject)
        };
        assert_eq!(rules.policy(rules.covering("org.p.Desktop")), Policy::Talk);
        assert!(allow(Way::Call, "/q", "org.p.I") && !allow(Way::Call, "/p", "org.q.I"));
        assert!(allow(Way::Broadcast, "/p/x", "org.q.I") && !allow(Way::Broadcast, "/q", "org.p.I"));
    }
}
