//! Buses: filtered by default, whole if that was granted, absent where there is nothing to talk to.

use std::path::Path;

use aril_model::{BusPolicies, Socket};
use aril_proxy::{BusAddress, OwnNames, Rules};

use super::{Draft, Facts, system};
use crate::arguments::Switch;
use crate::spec::{Access, Bus, Mount, What};

/// A bus that the supervisor filters.
#[derive(Debug)]
pub(crate) struct BusPlan {
    /// Which one.
    pub(crate) bus: Bus,
    /// Where it is on the host.
    pub(crate) address: BusAddress,
    /// What the app may do.
    pub(crate) rules: Rules,
}

impl Bus {
    /// Where the app finds it.
    fn place(self) -> &'static str {
        match self {
            Self::Session => "/run/flatpak/bus",
            Self::System => "/run/dbus/system_bus_socket",
            Self::Accessibility => "/run/flatpak/at-spi-bus",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Session => "DBUS_SESSION_BUS_ADDRESS",
            Self::System => "DBUS_SYSTEM_BUS_ADDRESS",
            Self::Accessibility => "AT_SPI_BUS_ADDRESS",
        }
    }
}

/// Adds sockets and variables; returns what is filtered, in the order of the sockets.
pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) -> Vec<BusPlan> {
    let mut buses = Vec::new();
    for (bus, decided) in [
        (Bus::Session, session(facts)),
        (Bus::System, system_bus(facts)),
        (Bus::Accessibility, accessibility(facts)),
    ] {
        let at = Path::new(bus.place());
        match decided {
            Decided::Absent => continue,
            Decided::Whole(address) => match address.path() {
                Some(path) => draft.mounts.push(system::bind(path, at, Access::Read)),
                None => {
                    // An abstract socket belongs to the network, and is reached by its name if that is shared.
                    draft.variables.push((bus.variable().into(), Some(address.to_string())));
                    continue;
                }
            },
            Decided::Filtered(address, rules) => {
                draft.mounts.push(Mount { at: at.into(), what: What::Listener { bus } });
                buses.push(BusPlan { bus, address, rules });
            }
        }
        draft.variables.push((bus.variable().into(), Some(format!("unix:path={}", bus.place()))));
    }
    buses
}

enum Decided {
    Absent,
    Whole(BusAddress),
    Filtered(BusAddress, Rules),
}

fn session(facts: &Facts<'_>) -> Decided {
    let Some(address) = facts.host.sockets.session_bus.clone() else { return Decided::Absent };
    let sandboxed = facts.request.sandboxed;
    // A sub-sandbox has no bus unless it is asked for.
    let wanted =
        facts.request.session_bus.unwrap_or(if sandboxed.is_on() { Switch::Off } else { Switch::On });
    if !wanted.is_on() {
        return Decided::Absent;
    }
    if facts.context.sockets.allows(Socket::SessionBus) {
        return Decided::Whole(address);
    }
    let own = if sandboxed.is_on() { OwnNames::Sandboxed } else { OwnNames::App };
    let mut rules = Rules::session(facts.app.id(), own);
    rules.set_policies(&facts.context.session_bus);
    Decided::Filtered(address, rules)
}

/// Filtered only if there is something on it that the app may talk to.
fn system_bus(facts: &Facts<'_>) -> Decided {
    let Some(address) = facts.host.sockets.system_bus.clone() else { return Decided::Absent };
    if facts.context.sockets.allows(Socket::SystemBus) {
        return Decided::Whole(address);
    }
    if !allows_something(&facts.context.system_bus) {
        return Decided::Absent;
    }
    let mut rules = Rules::system();
    rules.set_policies(&facts.context.system_bus);
    Decided::Filtered(address, rules)
}

fn allows_something(policies: &BusPolicies) -> bool {
    policies.iter().any(|(_, policy)| policy > aril_model::Policy::None)
}

fn accessibility(facts: &Facts<'_>) -> Decided {
    let Some(address) = facts.host.sockets.a11y_bus.clone() else { return Decided::Absent };
    let sandboxed = facts.request.sandboxed;
    let wanted = facts.request.a11y_bus.unwrap_or(if sandboxed.is_on() { Switch::Off } else { Switch::On });
    if !wanted.is_on() {
        return Decided::Absent;
    }
    let mut rules = Rules::accessibility(facts.app.id());
    rules.set_policies(&facts.context.a11y_bus);
    Decided::Filtered(address, rules)
}
