//! Colours, where they are wanted: on a terminal that knows them, unless `NO_COLOR` says no.

use std::fmt::{self, Display};

/// Whether colours are used in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    enabled: bool,
}

impl Paint {
    /// No colours.
    pub(crate) fn plain() -> Self {
        Self { enabled: false }
    }

    /// Colours.
    pub(crate) fn colourful() -> Self {
        Self { enabled: true }
    }

    /// Whether colours are used.
    pub(crate) fn is_colourful(self) -> bool {
        self.enabled
    }

    pub(crate) fn error<T: Display>(self, text: T) -> Painted<T> {
        self.paint("1;31", text)
    }

    pub(crate) fn warning<T: Display>(self, text: T) -> Painted<T> {
        self.paint("1;33", text)
    }

    pub(crate) fn hint<T: Display>(self, text: T) -> Painted<T> {
        self.paint("1;36", text)
    }

    pub(crate) fn strong<T: Display>(self, text: T) -> Painted<T> {
        self.paint("1", text)
    }

    fn paint<T: Display>(self, code: &'static str, text: T) -> Painted<T> {
        Painted { code: self.enabled.then_some(code), text }
    }
}

/// A text in its colour.
pub(crate) struct Painted<T> {
    code: Option<&'static str>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            None => write!(f, "{}", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Paint;

    #[test]
    fn colours_end_where_the_text_ends() {
        assert_eq!(Paint::colourful().error("x").to_string(), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Paint::plain().error("x").to_string(), "x");
    }
}
