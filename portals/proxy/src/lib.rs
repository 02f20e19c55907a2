//! The filter between an app and a D-Bus bus: what an app may see, call, hear and own, and nothing else.
//!
//! The caller hands in a listening socket for the app, a way to connect to the bus, and [`Rules`]; it drives the [`Proxy`] from its own
//! loop. There are no threads, no timers and no async runtime here. To the bus, whoever connects is the app: that is the caller's to arrange.
//!
//! # What is promised
//!
//! Rules are for well-known names, or (`org.gnome.Maps.*`) for a name and all below it. Each level includes the one before it:
//!
//! | level | the app |
//! | --- | --- |
//! | see | finds the name in lists, learns its owner and when that changes, and asks the bus who runs it |
//! | talk | starts it, calls its methods, sends it signals, and hears its broadcasts |
//! | own | asks the bus for the name |
//!
//! A call rule and a broadcast rule narrow `talk` to some methods or signals at some objects; one gives nothing of the other.
//! Of several rules for a name the highest level holds; [`Policy::None`](aril_model::Policy::None) denies against all others.
//!
//! Without a rule, an app can talk to itself and to the bus, to everyone by broadcast, and answer whoever called it. Connections without a
//! name that a rule covers do not exist for it: not in lists, not by call, not by signal. An error tells a hidden name from an absent one no
//! more than the bus does.
//!
//! - A **unique name** (`:1.42`) has the rules of all well-known names that its connection owns, or owned since the app began to watch. A
//!   connection that sends the app a message can be seen from then on.
//! - **The bus** (`org.freedesktop.DBus`): each of its methods is known by name and allowed, filtered or refused for a reason
//!   (`filter/bus_method.rs`); an unknown one is refused. Nobody monitors, eavesdrops, or changes the activation environment.
//! - **Match rules** are read in full and written anew; the app's own text never reaches the bus.
//! - **Answers** pass once, in the direction of the call, from the one who was called. Serials are ours on both sides, so an app cannot
//!   even name a call that it did not get. A call or signal that claims to answer something is refused.
//! - **Descriptors**: 16 a message from the app, as many as declared, only if negotiated; what is dropped is closed.
//! - **Trusted** are the bus and, for what they send to this app alone, its other clients: calls and signals to the app pass. (Other
//!   sandboxed apps have filters of their own.)
//!
//! # How
//!
//! Headers are parsed into types and accepted only if they have one meaning; then they pass with our serials in place, or are written anew.
//! Bodies pass untouched, in pieces; only arguments of the bus's own methods are read. Authentication ends here on both sides.
//!
//! Connecting asks the bus nothing. When the app first does something for which other connections matter (a match rule, a list, a message to
//! a unique name), three kinds of questions tell who owns what, while its next message waits: one match for all owner changes, the list of
//! names, and the owner of each listed name that a rule covers. From then on the bus's signals keep the table, on the app's own connection
//! and so in step with its messages.
//!
//! Memory is bounded whatever either side sends: a header (64 KiB), what waits for a slow reader (64 KiB and one read of as much), a list
//! of names (1 MiB), 8192 unanswered calls, 4096 calls that the app has not answered, 2048 strangers. Who sends faster than the other side
//! reads is not read. Who breaks the protocol is disconnected.
//!
//! What differs from `xdg-dbus-proxy`, and why: `tests/oracle.rs`.

mod address;
mod auth; // authentication, on both sides by ourselves
mod call; // questions of our own to a bus, with a deadline
mod connection; // one connection of the app and its own to the bus
mod event; // what is told about each message
mod filter; // what happens to a message; pure
mod flow; // messages in one direction
mod header; // the header of a message: bytes <-> types
mod match_rule; // what an app asks to be sent, read and written anew
mod message; // the few messages that the filter writes itself
mod message_rule; // which messages a call or broadcast rule is for
mod name; // which texts are names
mod outbox; // what waits to be sent
mod peers; // which connections the app may know of
mod presets; // the rules that every app gets
mod proxy; // all connections of an app to one bus
mod rules; // what an app may do, by well-known name
mod serials; // who may answer what
mod socket; // bytes and descriptors, without blocking
mod value; // arguments of our own calls
mod wire; // marshalling

pub use address::{BusAddress, BusAddressError};
pub use call::{CallError, MethodCall, PendingCall, Reply, Session};
pub use event::{Direction, MessageEvent};
pub use filter::Outcome;
pub use message_rule::{MessageRule, MessageRuleError};
pub use presets::OwnNames;
pub use proxy::{BusId, Proxy, ProxyError};
pub use rules::Rules;
pub use value::Value;
