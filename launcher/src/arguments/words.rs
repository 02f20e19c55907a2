//! Options and their values, one after the other: `--option value`, `--option=value`, and `--` before what belongs to the program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use aril_model::printable;

use crate::LaunchError;

/// The words of a command line that are not yet taken.
pub(crate) struct Words<'a> {
    rest: &'a [OsString],
    /// The value that stood behind `=` in the last option.
    value: Option<&'a OsStr>,
    /// The last option, for messages.
    option: String,
}

/// What comes next.
pub(crate) enum Word<'a> {
    /// An option's name, with its dashes.
    Option(&'a str),
    /// Something that is no option: from here on all belongs to the program.
    Plain(&'a OsStr),
    /// `--`.
    Separator,
}

impl<'a> Words<'a> {
    pub(crate) fn new(rest: &'a [OsString]) -> Self {
        Self { rest, value: None, option: String::new() }
    }

    /// Takes the next word; `None` at the end.
    ///
    /// # Errors
    /// When the option before had a value that it does not take.
    pub(crate) fn next(&mut self) -> Result<Option<Word<'a>>, LaunchError> {
        if self.value.is_some() {
            return Err(LaunchError::usage(format!("'{}' takes no value", self.option)));
        }
        let Some((word, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let bytes = word.as_bytes();
        if bytes == b"--" {
            return Ok(Some(Word::Separator));
        }
        if !bytes.starts_with(b"-") || bytes == b"-" {
            return Ok(Some(Word::Plain(word)));
        }
        let (name, value) =
            match bytes.iter().position(|byte| *byte == b'=').filter(|_| bytes.starts_with(b"--")) {
                Some(at) => (&bytes[..at], Some(OsStr::from_bytes(&bytes[at + 1..]))),
                None => (bytes, None),
            };
        let name = std::str::from_utf8(name).map_err(|_| {
            LaunchError::usage(format!("unknown option '{}'", printable(&word.to_string_lossy())))
        })?;
        self.option = printable(name).into_owned();
        self.value = value;
        Ok(Some(Word::Option(name)))
    }

    /// The value of the option that was just taken: behind its `=`, or the next word.
    pub(crate) fn value(&mut self) -> Result<&'a OsStr, LaunchError> {
        if let Some(value) = self.value.take() {
            return Ok(value);
        }
        let (word, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| LaunchError::usage(format!("'{}' needs a value", self.option)))?;
        self.rest = rest;
        Ok(word)
    }

    /// Like [`Self::value`], for values that are text.
    pub(crate) fn text(&mut self) -> Result<&'a str, LaunchError> {
        let option = self.option.clone();
        self.value()?
            .to_str()
            .ok_or_else(|| LaunchError::usage(format!("the value of '{option}' is not UTF-8")))
    }

    /// Like [`Self::value`], for numbers.
    pub(crate) fn number(&mut self) -> Result<i32, LaunchError> {
        let option = self.option.clone();
        let text = self.text()?;
        let wrong = || LaunchError::usage(format!("'{}' is no number for '{option}'", printable(text)));
        text.parse().map_err(|_| wrong())
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [OsString] {
        self.rest
    }

    /// The error for an option that nobody knows; `known` are those that there are.
    pub(crate) fn unknown(&self, known: &[&str]) -> LaunchError {
        let hint = aril_model::nearest(&self.option, known.iter().copied());
        LaunchError::Usage {
            problem: format!("unknown option '{}'", self.option),
            hint: hint.map(|name| format!("did you mean `{name}`?")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_values() {
        let words: Vec<OsString> = ["--a=1=2", "--b", "x", "-c", "-", "y"].map(OsString::from).to_vec();
        let mut words = Words::new(&words);
        assert!(matches!(words.next().unwrap(), Some(Word::Option("--a"))));
        assert_eq!(words.text().unwrap(), "1=2");
        assert!(matches!(words.next().unwrap(), Some(Word::Option("--b"))));
        assert_eq!(words.text().unwrap(), "x");
        assert!(matches!(words.next().unwrap(), Some(Word::Option("-c"))));
        assert!(matches!(words.next().unwrap(), Some(Word::Plain(word)) if word == "-"));
        assert_eq!(words.rest(), ["y"]);
    }

    #[test]
    fn values_that_are_missing_or_too_many() {
        let words = ["--a=1", "--b"].map(OsString::from);
        let mut taken = Words::new(&words);
        assert!(matches!(taken.next().unwrap(), Some(Word::Option("--a"))));
        assert_eq!(taken.next().err().unwrap().to_string(), "'--a' takes no value");
        let mut last = Words::new(&words[1..]);
        assert!(last.next().unwrap().is_some());
        assert_eq!(last.value().err().unwrap().to_string(), "'--b' needs a value");
    }
}
