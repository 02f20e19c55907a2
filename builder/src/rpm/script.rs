//! The programs that a package wants to be run: scriptlets and triggers, as text.

use std::fmt;

use super::header::Header;
use super::tag::{self, ScriptTags, TriggerTags};

/// When a scriptlet runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKind {
    /// Before the whole transaction.
    PreTrans,
    /// Before the package is unpacked.
    Pre,
    /// After it is unpacked.
    Post,
    /// After the whole transaction.
    PostTrans,
    /// At removal, or when asked to verify: never of use to an app, whose tree is thrown away as a whole.
    Removal,
}

/// A scriptlet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs.
    pub kind: ScriptKind,
    /// The interpreter and its arguments; `<lua>` for rpm's own.
    pub interpreter: Vec<String>,
    /// The text; empty when the interpreter is all: `%post -p /sbin/ldconfig`.
    pub body: String,
    /// The bits of its flags: 1 expands macros, 2 expands queries.
    pub flags: u64,
}

/// What a trigger watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// Other packages, by name.
    Package,
    /// Paths, each time a package touches one.
    File,
    /// Paths, once a transaction.
    Transaction,
}

/// A script that runs for others' sake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerScript {
    /// What it watches.
    pub kind: TriggerKind,
    /// Whether it runs when others are installed; if not, it is for removals.
    pub on_install: bool,
    /// The names or path prefixes.
    pub watches: Vec<String>,
    /// What it runs.
    pub script: Script,
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PreTrans => "%pretrans",
            Self::Pre => "%pre",
            Self::Post => "%post",
            Self::PostTrans => "%posttrans",
            Self::Removal => "%preun",
        })
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Package => "%trigger",
            Self::File => "%filetrigger",
            Self::Transaction => "%transfiletrigger",
        })
    }
}

/// All scriptlets of a header, in the order in which rpm runs them.
pub(super) fn scripts(header: &Header) -> Vec<Script> {
    let kinds = [
        (ScriptKind::PreTrans, tag::PRETRANS),
        (ScriptKind::Pre, tag::PRE),
        (ScriptKind::Post, tag::POST),
        (ScriptKind::PostTrans, tag::POSTTRANS),
        (ScriptKind::Removal, tag::PREUN),
        (ScriptKind::Removal, tag::POSTUN),
        (ScriptKind::Removal, tag::PREUNTRANS),
        (ScriptKind::Removal, tag::POSTUNTRANS),
        (ScriptKind::Removal, tag::VERIFY),
    ];
    kinds.into_iter().filter_map(|(kind, tags)| script(header, kind, tags)).collect()
}

fn script(header: &Header, kind: ScriptKind, (body, interpreter, flags): ScriptTags) -> Option<Script> {
    if !header.has(body) && !header.has(interpreter) {
        return None;
    }
    let mut words = texts(header, interpreter);
    if words.is_empty() {
        words.push("/bin/sh".into());
    }
    Some(Script {
        kind,
        interpreter: words,
        body: header.string_bytes(body).map(lossy).unwrap_or_default(),
        flags: header.number(flags).unwrap_or(0),
    })
}

/// All triggers of a header.
pub(crate) fn triggers(header: &Header) -> Vec<TriggerScript> {
    let kinds = [
        (TriggerKind::Package, tag::TRIGGER),
        (TriggerKind::File, tag::FILETRIGGER),
        (TriggerKind::Transaction, tag::TRANSFILETRIGGER),
    ];
    kinds.into_iter().flat_map(|(kind, tags)| triggers_of(header, kind, &tags)).collect()
}

/// Bits of a trigger's flags that say that it runs when something is installed: `%triggerin`, `%triggerprein`.
const ON_INSTALL: u64 = 1 << 16 | 1 << 25;

fn triggers_of(header: &Header, kind: TriggerKind, tags: &TriggerTags) -> Vec<TriggerScript> {
    let (names, flags, indexes) =
        (texts(header, tags.names), header.numbers(tags.flags), header.numbers(tags.indexes));
    let interpreters = texts(header, tags.interpreters);
    let of_script = |wanted: usize| {
        let matching = indexes.iter().enumerate().filter(move |(_, script)| **script == wanted as u64);
        matching.map(|(at, _)| at)
    };
    let scripts = texts(header, tags.scripts).into_iter().enumerate();
    scripts
        .map(|(index, body)| TriggerScript {
            kind,
            on_install: of_script(index).any(|at| flags.get(at).is_some_and(|bits| bits & ON_INSTALL != 0)),
            watches: of_script(index).filter_map(|at| names.get(at).cloned()).collect(),
            script: Script {
                kind: ScriptKind::PostTrans,
                interpreter: vec![interpreters.get(index).cloned().unwrap_or_else(|| "/bin/sh".into())],
                body,
                flags: 0,
            },
        })
        .collect()
}

fn texts(header: &Header, tag: u32) -> Vec<String> {
    header.strings(tag).into_iter().map(lossy).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
