//! The methods of the bus itself, and what each shows or does to others.

use aril_model::Policy;

use crate::header::Header;
use crate::peers::BUS;

/// What becomes of a call to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BusMethod {
    /// Concerns only the caller.
    Free,
    /// Gives the caller its name.
    Hello,
    /// A match rule, written anew before it is passed on.
    Match,
    /// A list of names: the answer is filtered.
    Names { with_unique: bool },
    /// Whether a name has an owner: no, for a hidden one.
    HasOwner,
    /// The owner of a name: none, for a hidden one.
    GetOwner,
    /// Needs this policy for the name that is its first argument.
    Named(Policy),
    /// Shows or changes what is others'.
    Forbidden,
}

impl BusMethod {
    /// Whether its first argument decides.
    pub(super) fn has_argument(self) -> bool {
        matches!(self, Self::Match | Self::HasOwner | Self::GetOwner | Self::Named(_))
    }
}

/// The method that a call to the bus names. The interface must be named, too: without it, two buses may find two methods.
pub(super) fn bus_method(call: &Header<'_>) -> BusMethod {
    match (call.interface, call.member.unwrap_or_default()) {
        (Some(BUS), member) => of_the_bus(member),
        (Some("org.freedesktop.DBus.Introspectable"), "Introspect") => BusMethod::Free,
        (Some("org.freedesktop.DBus.Peer"), "Ping") => BusMethod::Free,
        _ => BusMethod::Forbidden,
    }
}

fn of_the_bus(member: &str) -> BusMethod {
    match member {
        "Hello" => BusMethod::Hello,
        "GetId" => BusMethod::Free,
        "AddMatch" | "RemoveMatch" => BusMethod::Match,
        "ListNames" => BusMethod::Names { with_unique: true },
        "ListActivatableNames" => BusMethod::Names { with_unique: false },
        "NameHasOwner" => BusMethod::HasOwner,
        "GetNameOwner" => BusMethod::GetOwner,
        "RequestName" | "ReleaseName" | "ListQueuedOwners" => BusMethod::Named(Policy::Own),
        "StartServiceByName" => BusMethod::Named(Policy::Talk),
        "GetConnectionUnixProcessID"
        | "GetConnectionUnixUser"
        | "GetConnectionCredentials"
        | "GetConnectionSELinuxSecurityContext"
        | "GetAdtAuditSessionData" => BusMethod::Named(Policy::See),
        // UpdateActivationEnvironment, ReloadConfig, BecomeMonitor, and what later versions bring.
        _ => BusMethod::Forbidden,
    }
}
