//! The person in front of the program, as one value: what is shown to them, and what they answer.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use aril_model::printable;
use serde::Serialize;

use crate::progress::Progress;
use crate::stream::Stream;
use crate::{Answers, Failure};

/// How much is told beside the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: failures and warnings only.
    Quiet,
    /// What was changed, briefly, and progress.
    Normal,
    /// `-v`: what the libraries do.
    Verbose,
    /// `-vv`: everything.
    Everything,
}

/// Standard input, output and error, and how the person wants to be spoken to.
#[derive(Debug)]
pub struct Terminal {
    pub(crate) output: Stream,
    pub(crate) messages: Stream,
    pub(crate) can_ask: bool,
    pub(crate) answers: Answers,
    verbosity: Verbosity,
    progress: OnceLock<Progress>,
}

impl Terminal {
    /// Looks at the three streams; `variable` looks up the environment (`NO_COLOR`, `TERM`).
    pub fn new(verbosity: Verbosity, answers: Answers, variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let output = Stream::of(&std::io::stdout(), variable);
        let messages = Stream::of(&std::io::stderr(), variable);
        let can_ask = messages.is_terminal && std::io::IsTerminal::is_terminal(&std::io::stdin());
        Self { output, messages, can_ask, answers, verbosity, progress: OnceLock::new() }
    }

    /// How much is told.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether a person, and not a program, reads the output.
    pub fn is_read_by_person(&self) -> bool {
        self.output.is_terminal
    }

    /// Prints a line of the result. Foreign text in it is made safe.
    ///
    /// # Errors
    /// When the output cannot be written; when nobody reads it any more, a quiet one.
    pub fn print(&self, line: &str) -> Result<(), Failure> {
        write_output(&format!("{}\n", printable(line)))
    }

    /// Prints a text of several lines, such as a metadata file: as it is for a program, each line made safe for a person.
    ///
    /// # Errors
    /// Like [`Self::print`].
    pub fn print_document(&self, text: &str) -> Result<(), Failure> {
        if !self.output.is_terminal {
            return write_output(text);
        }
        // A tab cannot do harm, and aligns what people wrote by hand.
        let safe = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
        let lines: Vec<String> = text.lines().map(safe).collect();
        write_output(&format!("{}\n", lines.join("\n")))
    }

    /// Prints names with their values, the values under each other; values of several lines are indented. An empty value leaves out its line.
    ///
    /// # Errors
    /// Like [`Self::print`].
    pub fn print_facts(&self, facts: &[(&str, Vec<String>)]) -> Result<(), Failure> {
        let shown = || facts.iter().filter(|(_, values)| values.iter().any(|value| !value.is_empty()));
        let columns = shown().map(|(name, _)| crate::width::width(name)).max().unwrap_or(0);
        let mut text = String::new();
        for (name, values) in shown() {
            let mut label = self.output.paint.strong(crate::width::pad(name, columns)).to_string();
            for value in values.iter().filter(|value| !value.is_empty()) {
                text.push_str(&format!("{label}  {}\n", printable(value)));
                label = " ".repeat(columns);
            }
        }
        write_output(&text)
    }

    /// Prints the result as JSON: an object that begins with `"version": 1`, and goes on with the fields of `body`, a struct or a map.
    ///
    /// On several lines for a person, on one for a program.
    /// # Errors
    /// Like [`Self::print`].
    pub fn print_json<T: Serialize>(&self, body: &T) -> Result<(), Failure> {
        let document = Document { version: 1, body };
        let text = if self.output.is_terminal {
            // JSON escapes control characters itself; the invisible ones that it lets through are escaped its way.
            serde_json::to_string_pretty(&document).map(|text| escape_invisible(&text))
        } else {
            serde_json::to_string(&document)
        };
        let text = text.map_err(|error| Failure::new(format!("cannot write the result as JSON: {error}")))?;
        write_output(&format!("{text}\n"))
    }

    /// Tells what was done or is about to be done. Nothing with `-q`.
    pub fn tell(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.write_message(&format!("{}\n", printable(text)));
        }
    }

    /// Tells what is wrong without being in the way.
    pub fn warn(&self, text: &str) {
        self.write_message(&format!("{} {}\n", self.messages.paint.warning("warning:"), printable(text)));
    }

    /// Prints a failure.
    pub fn print_failure(&self, failure: &Failure) {
        self.write_message(&failure.render(self.messages.paint));
    }

    /// The bars of this run. All come from one place, so that messages and questions can stand above them.
    pub fn progress(&self) -> &Progress {
        self.progress.get_or_init(|| Progress::new(self.messages.is_terminal, self.verbosity))
    }

    /// Writes to standard error, above the bars. Nobody can be told that nobody can be told: errors are dropped.
    pub(crate) fn write_message(&self, text: &str) {
        let write = || {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        };
        match self.progress.get() {
            Some(progress) => progress.suspend(write),
            None => write(),
        }
    }
}

#[derive(Serialize)]
struct Document<'a, T> {
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

fn escape_invisible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        let mut utf8 = [0; 4];
        if c == '\n' || matches!(printable(c.encode_utf8(&mut utf8)), std::borrow::Cow::Borrowed(_)) {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// Writes to standard output and flushes it.
pub(crate) fn write_output(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::output_closed()),
        Err(error) => Err(Failure::new(format!("cannot write the output: {}", words(&error)))),
    }
}

/// The kernel's words, without the number that std puts behind them.
pub(crate) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_begins_with_the_version() {
        #[derive(Serialize)]
        struct Body {
            apps: Vec<u32>,
        }
        let text = serde_json::to_string(&Document { version: 1, body: &Body { apps: vec![2] } }).unwrap();
        assert_eq!(text, r#"{"version":1,"apps":[2]}"#);
    }

    #[test]
    fn invisible_characters_stay_json() {
        let text = serde_json::to_string_pretty(&["a\u{202e}b\u{e0001}"]).unwrap();
        let escaped = escape_invisible(&text);
        assert_eq!(escaped, "[\n  \"a\\u202eb\\udb40\\udc01\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), ["a\u{202e}b\u{e0001}"]);
    }
}
