//! The keyfile format of metadata, overrides, desktop files and remotes. Order and comments survive a round trip.
//!
//! Source: the Desktop Entry Specification, "Basic format of the file", as GLib's `GKeyFile` reads it: a group that is named twice continues,
//! of a key that is given twice the last value counts.

use std::fmt;

/// A text that is not a keyfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct KeyfileError {
    /// The line, from 1.
    pub line: usize,
    problem: String,
}

/// A parsed keyfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyfile {
    preamble: Vec<String>,
    groups: Vec<Group>,
}

/// One group of a keyfile, its lines in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    name: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Other(String),
    Entry { key: String, value: String },
}

impl Keyfile {
    /// A keyfile with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses `text`.
    ///
    /// # Errors
    /// Names the first line that is neither empty, a comment, a `[group]` nor a `key=value` inside a group, or that holds a NUL.
    pub fn parse(text: &str) -> Result<Self, KeyfileError> {
        let mut file = Self::new();
        for (index, line) in text.split('\n').enumerate() {
            let line = line.trim_end_matches('\r');
            file.add_line(line).map_err(|problem| KeyfileError { line: index + 1, problem })?;
        }
        // The text after the last newline is not a line of its own.
        let last = file.groups.last_mut().map(|group| &mut group.lines);
        match last {
            Some(lines) if lines.last() == Some(&Line::Other(String::new())) => drop(lines.pop()),
            None if file.preamble.last().is_some_and(String::is_empty) => drop(file.preamble.pop()),
            _ => {}
        }
        Ok(file)
    }

    fn add_line(&mut self, line: &str) -> Result<(), String> {
        if line.contains('\0') {
            return Err("it holds a NUL".into());
        }
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') {
            match self.groups.last_mut() {
                Some(group) => group.lines.push(Line::Other(line.to_owned())),
                None => self.preamble.push(line.to_owned()),
            }
            return Ok(());
        }
        if let Some(rest) = start.strip_prefix('[') {
            let name = rest.trim_end().strip_suffix(']').ok_or("the group's ] is missing")?;
            if name.is_empty() || name.contains(['[', ']']) || name.chars().any(char::is_control) {
                return Err(format!("'{}' is not a group's name", crate::printable(name)));
            }
            self.groups.push(Group { name: name.to_owned(), lines: Vec::new() });
            return Ok(());
        }
        let (key, value) = start.split_once('=').ok_or("it is neither a group, a key=value nor a comment")?;
        let key = key.trim_end();
        if key.is_empty()
            || key.chars().any(|c| c.is_control() || matches!(c, '[' | ']') && !is_localised(key))
        {
            return Err(format!("'{}' is not a key", crate::printable(key)));
        }
        let group = self.groups.last_mut().ok_or("a key before the first group")?;
        group.lines.push(Line::Entry { key: key.to_owned(), value: value.trim_start().to_owned() });
        Ok(())
    }

    /// The names of the groups in the order of the file, each once.
    pub fn group_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for group in &self.groups {
            if !names.contains(&group.name.as_str()) {
                names.push(&group.name);
            }
        }
        names
    }

    /// Whether there is a group of this name.
    pub fn has_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g.name == group)
    }

    /// The keys of a group, each once, in the order of the file; none if there is no such group.
    pub fn keys(&self, group: &str) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for (key, _) in self.entries(group) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether a key is given more than once in a group: readers differ in which one they take.
    pub fn has_duplicate_keys(&self, group: &str) -> bool {
        self.entries(group).count() != self.keys(group).len()
    }

    fn entries<'a>(&'a self, group: &str) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> + use<'a> {
        let parts: Vec<&Group> = self.groups.iter().filter(|g| g.name == group).collect();
        parts.into_iter().flat_map(|g| &g.lines).filter_map(|line| match line {
            Line::Entry { key, value } => Some((key.as_str(), value.as_str())),
            Line::Other(_) => None,
        })
    }

    /// A value as it stands in the file, escapes and all.
    pub fn raw(&self, group: &str, key: &str) -> Option<&str> {
        self.entries(group).rev().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// A value with `\s`, `\n`, `\t`, `\r` and `\\` undone; an unknown escape is left as it stands.
    pub fn get(&self, group: &str, key: &str) -> Option<String> {
        self.raw(group, key).map(unescape)
    }

    /// A value as a list: separated by `;`, of which one at the end counts for nothing; `\;` is no separator. Empty if there is no such key.
    pub fn list(&self, group: &str, key: &str) -> Vec<String> {
        self.raw(group, key).map(split_list).unwrap_or_default()
    }

    /// A value as `true` (also `1`) or `false` (also `0`); `None` if it is neither or missing.
    pub fn bool(&self, group: &str, key: &str) -> Option<bool> {
        match self.raw(group, key)?.trim_end() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// Sets a value, in place of the last one if the key is there; earlier ones are dropped. The group is made if missing.
    ///
    /// Newlines and what else needs it are escaped, so a value cannot become a second line.
    pub fn set(&mut self, group: &str, key: &str, value: &str) {
        self.set_raw(group, key, escape(value));
    }

    /// Sets a list: each item escaped, `;` after each.
    pub fn set_list<T: AsRef<str>>(&mut self, group: &str, key: &str, items: &[T]) {
        let mut value = String::new();
        for item in items {
            value.push_str(&escape(item.as_ref()).replace(';', "\\;"));
            value.push(';');
        }
        self.set_raw(group, key, value);
    }

    fn set_raw(&mut self, group: &str, key: &str, value: String) {
        debug_assert!(
            !key.contains(['\n', '=']) && !group.contains(['\n', ']']),
            "names in keyfiles are ours or checked"
        );
        let mut replaced = false;
        let mut last_group = None;
        for (index, found) in self.groups.iter_mut().enumerate().rev().filter(|(_, g)| g.name == group) {
            last_group.get_or_insert(index);
            let mut kept = Vec::with_capacity(found.lines.len());
            for line in found.lines.drain(..).rev() {
                match line {
                    Line::Entry { key: k, .. } if k == key => {
                        if !replaced {
                            kept.push(Line::Entry { key: k, value: value.clone() });
                            replaced = true;
                        }
                    }
                    other => kept.push(other),
                }
            }
            kept.reverse();
            found.lines = kept;
        }
        if replaced {
            return;
        }
        let index = last_group.unwrap_or_else(|| {
            self.separate_last_group();
            self.groups.push(Group { name: group.to_owned(), lines: Vec::new() });
            self.groups.len() - 1
        });
        let lines = &mut self.groups[index].lines;
        let end = lines.iter().rposition(|line| matches!(line, Line::Entry { .. })).map_or(0, |at| at + 1);
        lines.insert(end, Line::Entry { key: key.to_owned(), value });
    }

    fn separate_last_group(&mut self) {
        if let Some(last) = self.groups.last_mut()
            && last.lines.last() != Some(&Line::Other(String::new()))
        {
            last.lines.push(Line::Other(String::new()));
        }
    }

    /// Removes a key; a group that is left without entries stays.
    pub fn remove(&mut self, group: &str, key: &str) {
        for found in self.groups.iter_mut().filter(|g| g.name == group) {
            found.lines.retain(|line| !matches!(line, Line::Entry { key: k, .. } if k == key));
        }
    }

    /// Removes a group and all in it.
    pub fn remove_group(&mut self, group: &str) {
        self.groups.retain(|g| g.name != group);
    }
}

impl fmt::Display for Keyfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.preamble {
            writeln!(f, "{line}")?;
        }
        for group in &self.groups {
            writeln!(f, "[{}]", group.name)?;
            for line in &group.lines {
                match line {
                    Line::Other(text) => writeln!(f, "{text}")?,
                    Line::Entry { key, value } => writeln!(f, "{key}={value}")?,
                }
            }
        }
        Ok(())
    }
}

/// Whether a key is of the form `Name[locale]`.
fn is_localised(key: &str) -> bool {
    let Some((name, locale)) = key.strip_suffix(']').and_then(|rest| rest.split_once('[')) else {
        return false;
    };
    !name.is_empty() && !locale.is_empty() && !locale.contains(['[', ']'])
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('s') => out.push(' '),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut leading = true;
    for c in value.chars() {
        match c {
            ' ' if leading => out.push_str("\\s"),
            '\t' if leading => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            '\0' => {}
            other => out.push(other),
        }
        leading = leading && matches!(c, ' ' | '\t');
    }
    out
}

fn split_list(raw: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            ';' => items.push(std::mem::take(&mut item)),
            '\\' => match chars.next() {
                Some(';') => item.push(';'),
                Some(other) => item.extend(['\\', other]),
                None => item.push('\\'),
            },
            other => item.push(other),
        }
    }
    if !item.is_empty() {
        items.push(item);
    }
    items.iter().map(|item| unescape(item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# made by hand\n\n[Application]\nname=org.gnome.Maps\n# why\nruntime = org.gnome.Platform/x86_64/48 \n\n[Context]\nshared=network;ipc;\n";

    #[test]
    fn round_trip_keeps_order_and_comments() {
        let text = SAMPLE.replace("runtime = ", "runtime=");
        assert_eq!(Keyfile::parse(SAMPLE).unwrap().to_string(), text);
        assert_eq!(Keyfile::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn reads() {
        let file = Keyfile::parse(SAMPLE).unwrap();
        assert_eq!(file.get("Application", "name").as_deref(), Some("org.gnome.Maps"));
        assert_eq!(file.list("Context", "shared"), ["network", "ipc"]);
        assert_eq!(file.group_names(), ["Application", "Context"]);
        assert_eq!(file.get("Application", "sdk"), None);
    }

    #[test]
    fn groups_continue_and_the_last_value_counts() {
        let file = Keyfile::parse("[a]\nx=1\n[b]\nx=2\n[a]\nx=3\ny=4\n").unwrap();
        assert_eq!(file.raw("a", "x"), Some("3"));
        assert_eq!(file.keys("a"), ["x", "y"]);
        assert!(file.has_duplicate_keys("a"));
        assert!(!file.has_duplicate_keys("b"));
    }

    #[test]
    fn refused_with_the_line() {
        for (text, line) in [
            ("x=1\n", 1),
            ("[a\n", 1),
            ("[a]\nnothing\n", 2),
            ("[a]\n=1\n", 2),
            ("[]\n", 1),
            ("[a]\nx=\0\n", 2),
            ("[a]\nx[=1\n", 2),
        ] {
            assert_eq!(Keyfile::parse(text).unwrap_err().line, line, "{text:?}");
        }
        assert!(Keyfile::parse("[a]\nName[de]=x\nGenericName[sr@latin]=y\n").is_ok());
    }

    #[test]
    fn escapes() {
        let mut file = Keyfile::new();
        for value in ["plain", " leading", "two\nlines", "back\\slash", "tab\t", ""] {
            file.set("g", "k", value);
            let again = Keyfile::parse(&file.to_string()).unwrap();
            assert_eq!(again.get("g", "k").as_deref(), Some(value));
        }
        let items = ["a;b", "c", " d", "e\\"];
        file.set_list("g", "l", &items);
        assert_eq!(Keyfile::parse(&file.to_string()).unwrap().list("g", "l"), items);
    }

    #[test]
    fn set_replaces_in_place_and_drops_earlier_ones() {
        let mut file = Keyfile::parse("[a]\nx=1\n# c\nx=2\ny=3\n").unwrap();
        file.set("a", "x", "9");
        assert_eq!(file.to_string(), "[a]\n# c\nx=9\ny=3\n");
        file.set("a", "z", "0");
        file.set("b", "n", "1");
        assert_eq!(file.to_string(), "[a]\n# c\nx=9\ny=3\nz=0\n\n[b]\nn=1\n");
        file.remove("a", "x");
        file.remove_group("b");
        assert_eq!(file.to_string(), "[a]\n# c\ny=3\nz=0\n\n");
    }
}
