//! Match rules: what an app asks the bus to be sent. Read in full and written anew, so that the bus sees the rule that we saw.
//!
//! Buses differ in how they read odd rules (white space before `=`, quotes inside words), and a filter that searches the text for
//! `eavesdrop=` loses against one of them. So the text of the app never reaches a bus.
//!
//! Source: D-Bus specification, "Match Rules"; how `dbus-daemon` reads quotes and backslashes.

use std::fmt::Write;

use crate::message::BUS_PATH;
use crate::name;
use crate::peers::BUS;
use crate::wire::Malformed;

/// The longest rule that `dbus-daemon` takes.
const MAX_LENGTH: usize = 1024;

/// The match for changes of names' owners that the filter makes for itself.
///
/// It names the sender and a `path_namespace`, which no rule of an app does for the bus: [`MatchRule::parse`] makes a `path` of it, which
/// means the same there. So an app can neither make nor remove this one. (A namespace `/` would not do: to `dbus-broker` it is `/` alone.)
pub(crate) const OWNER_CHANGES: &str = "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',\
     member='NameOwnerChanged',path_namespace='/org/freedesktop/DBus'";

/// A match rule that means what it says: no key twice, each value valid for its key, no eavesdropping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MatchRule {
    conditions: Vec<(String, String)>,
}

/// Why a match rule is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not a rule.
    Invalid(&'static str),
    /// It asks for messages to others.
    Eavesdrops,
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Invalid(malformed.0)
    }
}

impl MatchRule {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_LENGTH {
            return Err(Refusal::Invalid("it has more than 1024 bytes"));
        }
        let mut rule = Self::default();
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((key, value, behind)) = next_condition(rest)? {
            rest = behind;
            if keys.contains(&key) {
                return Err(Refusal::Invalid("it has a key twice"));
            }
            keys.push(key);
            match (key, &*value) {
                ("eavesdrop", "false") => {}
                ("eavesdrop", "true") => return Err(Refusal::Eavesdrops),
                _ => {
                    check(key, &value)?;
                    rule.conditions.push((key.into(), value));
                }
            }
        }
        if keys.contains(&"path") && keys.contains(&"path_namespace") {
            return Err(Refusal::Invalid("it has both path and path_namespace"));
        }
        rule.name_path_of_bus();
        Ok(rule)
    }

    /// What the bus itself sends comes from one object: it needs no namespace.
    fn name_path_of_bus(&mut self) {
        let is_from_bus = self.conditions.iter().any(|(key, value)| key == "sender" && value == BUS);
        for (key, value) in &mut self.conditions {
            if is_from_bus && key == "path_namespace" && value == BUS_PATH {
                *key = "path".into();
            }
        }
    }

    /// The rule in the one form that every bus reads alike.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.conditions {
            let comma = if text.is_empty() { "" } else { "," };
            // Inside quotes only the quote itself is special: it ends them, is written escaped outside, and they begin again.
            let _infallible = write!(text, "{comma}{key}='{}'", value.replace('\'', r"'\''"));
        }
        text
    }
}

/// Splits off `key=value`, with its comma. White space is allowed before a key and before its `=`, as `dbus-daemon` and `dbus-broker` do.
fn next_condition(text: &str) -> Result<Option<(&str, String, &str)>, Malformed> {
    const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];
    let text = text.trim_start_matches(BLANK);
    if text.is_empty() {
        return Ok(None);
    }
    let (key, rest) = text.split_once('=').ok_or(Malformed("it has a key without a value"))?;
    let (value, rest) = value(rest)?;
    Ok(Some((key.trim_end_matches(BLANK), value, rest)))
}

/// Reads a value up to its comma. Quotes may begin and end anywhere; between them a backslash is a backslash; outside, `\'` is a quote.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let mut value = String::new();
    let mut is_quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => is_quoted = !is_quoted,
            ',' if !is_quoted => return Ok((value, &text[at + 1..])),
            '\\' if !is_quoted && characters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            _ => value.push(character),
        }
    }
    if is_quoted { Err(Malformed("it has a quote without its end")) } else { Ok((value, "")) }
}

/// Whether a key exists and its value is one that it can have.
fn check(key: &str, value: &str) -> Result<(), Malformed> {
    let is_right = match key {
        "type" => ["signal", "method_call", "method_return", "error"].contains(&value),
        "sender" => name::is_bus_name(value),
        "destination" => name::is_bus_name(value),
        "interface" => name::is_interface(value),
        "member" => name::is_member(value),
        "path" | "path_namespace" => name::is_path(value),
        // One word is enough for a namespace.
        "arg0namespace" => name::is_well_known(value) || name::is_well_known(&format!("{value}.x")),
        _ => {
            let number = key.strip_prefix("arg").ok_or(Malformed("it has an unknown key"))?;
            let number = number.strip_suffix("path").unwrap_or(number);
            let is_number =
                !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
            let is_canonical = number == "0" || !number.starts_with('0');
            if !is_number || !is_canonical || number.parse::<u8>().is_ok_and(|number| number > 63) {
                return Err(Malformed("it has an unknown key"));
            }
            true
        }
    };
    if is_right { Ok(()) } else { Err(Malformed("it has a value that its key cannot have")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, Refusal> {
        MatchRule::parse(text).map(|rule| rule.canonical())
    }

    #[test]
    fn rules_are_written_anew() {
        let table = [
            ("", ""),
            ("type='signal'", "type='signal'"),
            (" type=signal, member=Foo,", "type='signal',member='Foo'"),
            (" type='signal',\tinterface ='a.b'", "type='signal',interface='a.b'"),
            ("member='Fo''o'", "member='Foo'"),
            ("arg0='a,b=c'", "arg0='a,b=c'"),
            (r"arg0='it'\''s'", r"arg0='it'\''s'"),
            (r"arg0='back\slash'", r"arg0='back\slash'"),
            (r"arg0=back\slash", r"arg0='back\slash'"),
            ("path_namespace='/',type='signal'", "path_namespace='/',type='signal'"),
            ("path_namespace='/org/freedesktop/DBus'", "path_namespace='/org/freedesktop/DBus'"),
            ("arg0namespace='org',arg63path='/a/'", "arg0namespace='org',arg63path='/a/'"),
            ("eavesdrop='false',member='A'", "member='A'"),
        ];
        for (text, expected) in table {
            assert_eq!(canonical(text), Ok(expected.into()), "{text}");
            assert_eq!(canonical(expected), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn eavesdropping_in_every_spelling() {
        for text in [
            "eavesdrop=true",
            "eavesdrop='true'",
            "eavesdrop =true",
            "eavesdrop\t=true",
            "eavesdrop\n='true'",
            " eavesdrop=true",
            "type='signal',eavesdrop=true",
            "type='signal', eavesdrop ='true'",
            "eavesdrop=t'ru'e",
            "eavesdrop='true',",
        ] {
            assert_eq!(canonical(text), Err(Refusal::Eavesdrops), "{text:?}");
        }
        for text in [
            "eavesdrop=True",
            "eavesdrop=1",
            "eavesdrop=true ",
            "eavesdrop= true",
            "Eavesdrop=true",
            "eaves'drop'=true",
        ] {
            assert!(matches!(canonical(text), Err(Refusal::Invalid(_))), "{text:?}");
        }
        // As a value it is harmless.
        assert_eq!(canonical("arg0='eavesdrop=true'"), Ok("arg0='eavesdrop=true'".into()));
    }

    #[test]
    fn what_is_no_rule() {
        for bad in [
            "foo",
            "foo='bar'",
            "ty'pe=signal",
            "type=signal ,member=A",
            "type='signal',type='signal'",
            "member='a.b'",
            "path='/a/'",
            "path='/a',path_namespace='/b'",
            "path='/a',path_namespace='/'",
            "arg64='x'",
            "arg01='x'",
            "arg='x'",
            "arg0namespace='.a'",
            "sender='x'",
            "arg0='x",
            "=x",
            ",",
            "type='signal',,member='A'",
        ] {
            assert!(matches!(canonical(bad), Err(Refusal::Invalid(_))), "{bad:?}");
        }
        assert!(matches!(canonical(&format!("arg0='{}'", "x".repeat(1024))), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn no_rule_of_an_app_is_the_filters_own() {
        let theirs = canonical(OWNER_CHANGES).unwrap();
        assert_eq!(theirs, OWNER_CHANGES.replace("path_namespace", "path"));
        assert_eq!(canonical(&theirs), Ok(theirs));
    }
}
