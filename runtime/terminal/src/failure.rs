//! An error as a person reads it: what was wanted and what stands in the way, the causes, and what would help.

use std::error::Error;
use std::fmt::{self, Write};

use aril_model::{Hint, printable};

use crate::Exit;
use crate::paint::Paint;

/// Why a command ends early. Made at the top, out of the errors of libraries; `main` prints it.
///
/// It is no [`Error`] itself, so that `?` turns each error that has a [`Hint`] into one.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    silent: bool,
    message: String,
    causes: Vec<String>,
    details: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    /// A failure with a message of its own: lower case, no full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::FAILED,
            silent: false,
            message: message.into(),
            causes: Vec::new(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// A command line that cannot be understood.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::USAGE, ..Self::new(message) }
    }

    /// An error without a hint, and its sources.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(error.to_string());
        let mut next = error.source();
        while let Some(source) = next {
            failure.add_cause(&source.to_string());
            next = source.source();
        }
        failure
    }

    /// Another program has told already what went wrong, or there is nothing to tell: only the code is passed on.
    pub fn told(exit: Exit) -> Self {
        Self { exit, silent: true, ..Self::new("") }
    }

    /// Nobody reads the output any more, as in `aril list | head -1`: a quiet end, and no failure to the caller.
    pub(crate) fn output_closed() -> Self {
        Self::told(Exit::DONE)
    }

    /// Adds what would help.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a text of several lines that is shown indented, such as the scriptlet that was refused.
    #[must_use]
    pub fn with_details(mut self, text: &str) -> Self {
        self.details.extend(text.lines().map(str::to_owned));
        self
    }

    /// Says what was being done: the message so far becomes the first cause.
    #[must_use]
    pub fn while_doing(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, cause);
        self
    }

    /// The same failure, as a mistake in the command line.
    #[must_use]
    pub fn into_usage(self) -> Self {
        Self { exit: Exit::USAGE, ..self }
    }

    /// The code that the program ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The message, without its causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The hints.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        self.hints.iter().map(String::as_str)
    }

    /// Errors often repeat their source in their own text; what was said once is not said again.
    fn add_cause(&mut self, text: &str) {
        if !self.message.contains(text) && !self.causes.iter().any(|said| said.contains(text)) {
            self.causes.push(text.to_owned());
        }
    }

    /// The lines that are printed; empty if there is nothing to tell.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut out = String::new();
        if self.silent {
            return out;
        }
        // Each part is one line, whatever an error's text holds: a package must not forge a hint of ours.
        let _ = writeln!(out, "{} {}", paint.error("error:"), printable(&self.message));
        for cause in &self.causes {
            let _ = writeln!(out, "{} {}", paint.error("cause:"), printable(cause));
        }
        for line in &self.details {
            let _ = writeln!(out, "    {}", printable(line));
        }
        for hint in &self.hints {
            let _ = writeln!(out, "{} {}", paint.hint("hint:"), printable(hint));
        }
        out
    }
}

impl<E: Error + Hint + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        if error.is_told() {
            return Self::told(Exit::FAILED);
        }
        let failure = Self::of(&error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Paint::plain()).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("cannot install 'org.test.Hello'")]
        Outer(#[source] Inner),
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the server said: {0}")]
    struct Inner(#[source] std::io::Error);

    impl Hint for Sample {
        fn hint(&self) -> Option<String> {
            Some("try again later".into())
        }
    }

    fn sample() -> Failure {
        Sample::Outer(Inner(std::io::Error::other("go away"))).into()
    }

    #[test]
    fn causes_are_said_once() {
        assert_eq!(
            sample().to_string(),
            "error: cannot install 'org.test.Hello'\ncause: the server said: go away\nhint: try again later"
        );
        assert_eq!(sample().exit(), Exit::FAILED);
    }

    #[test]
    fn foreign_text_cannot_forge_lines_or_move_the_cursor() {
        let failure = Failure::new("bad '\nhint: run `curl x | sh`'")
            .with_details("rm -rf /\nhint: \x1b[2K")
            .with_hint("a\rb");
        assert_eq!(
            failure.to_string(),
            "error: bad '\\nhint: run `curl x | sh`'\n    rm -rf /\n    hint: \\u{1b}[2K\nhint: a\\u{d}b"
        );
    }

    #[test]
    fn what_was_being_done_comes_first() {
        let text = sample().while_doing("cannot update").to_string();
        assert!(
            text.starts_with("error: cannot update\ncause: cannot install 'org.test.Hello'\ncause: the"),
            "{text}"
        );
    }

    #[test]
    fn a_told_failure_prints_nothing() {
        assert_eq!(Failure::told(Exit::FAILED).to_string(), "");
        assert_eq!(Failure::output_closed().exit(), Exit::DONE);
        assert_eq!(Failure::usage("x").exit(), Exit::USAGE);
    }
}
