//! Questions: only on a terminal, each with an answer that a switch can give beforehand.

use std::io::{BufRead, Write};

use aril_model::printable;

use crate::{Exit, Failure, Terminal};

/// How questions are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answers {
    /// By the person.
    #[default]
    Ask,
    /// All yes: `--yes`.
    Yes,
    /// All yes, and as little output as can be: `--noninteractive`.
    Noninteractive,
}

/// What is taken when the person only presses Enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// For what was asked for and can be undone.
    Yes,
    /// For what destroys something, or was not asked for.
    No,
}

impl Terminal {
    /// Asks a question that ends with `?`, and returns only if the answer is yes.
    ///
    /// # Errors
    /// A quiet one if the person says no. If there is nobody to ask: `--yes` is the hint.
    pub fn confirm(&self, question: &str, default: Answer) -> Result<(), Failure> {
        if self.answers != Answers::Ask {
            return Ok(());
        }
        if !self.can_ask {
            return Err(Failure::new(format!("nobody can be asked: {question}"))
                .with_hint("`--yes` answers yes, and `--dry-run` shows what would be done"));
        }
        let choices = if default == Answer::Yes { "[Y/n]" } else { "[y/N]" };
        loop {
            let line = self.read_answer(&format!("{} {choices} ", printable(question)))?;
            match read_yes_or_no(&line, default) {
                Some(Answer::Yes) => return Ok(()),
                Some(Answer::No) => {
                    self.tell("nothing was changed");
                    return Err(Failure::told(Exit::FAILED));
                }
                None => self.warn("please answer y or n"),
            }
        }
    }

    /// Asks which of several is meant, and returns its index. One alone is meant without a question.
    ///
    /// # Errors
    /// When there is none, when the person chooses none (0), and when nobody can be asked: no switch says which of several is right, so the
    /// failure lists them, and `hint` says how to be exact.
    pub fn choose(&self, question: &str, candidates: &[String], hint: &str) -> Result<usize, Failure> {
        if candidates.len() == 1 {
            return Ok(0);
        }
        if !self.can_ask || self.answers == Answers::Noninteractive {
            let failure = Failure::new(format!("several fit: {question}"));
            return Err(failure.with_details(&candidates.join("\n")).with_hint(hint));
        }
        let mut text = format!("{}\n", printable(question));
        for (index, candidate) in candidates.iter().enumerate() {
            text.push_str(&format!("  {}) {}\n", index + 1, printable(candidate)));
        }
        self.write_message(&text);
        loop {
            let line = self.read_answer(&format!("Which one? [1-{}, 0 for none] ", candidates.len()))?;
            match line.trim().parse::<usize>() {
                Ok(0) => return Err(Failure::told(Exit::FAILED)),
                Ok(number) if number <= candidates.len() => return Ok(number - 1),
                _ => self.warn(&format!("please answer a number up to {}", candidates.len())),
            }
        }
    }

    fn read_answer(&self, prompt: &str) -> Result<String, Failure> {
        let read = || {
            let mut line = String::new();
            let mut messages = std::io::stderr().lock();
            let _ = messages.write_all(prompt.as_bytes()).and_then(|()| messages.flush());
            std::io::stdin().lock().read_line(&mut line).map(|length| (length, line))
        };
        match self.progress().suspend(read) {
            // The end of input, Ctrl-D: nobody is there, which is no agreement.
            Ok((0, _)) => Err(Failure::new("no answer was given")),
            Ok((_, line)) => Ok(line),
            Err(error) => {
                Err(Failure::new(format!("cannot read the answer: {}", crate::terminal::words(&error))))
            }
        }
    }
}

fn read_yes_or_no(line: &str, default: Answer) -> Option<Answer> {
    match line.trim().to_lowercase().as_str() {
        "" => Some(default),
        "y" | "yes" => Some(Answer::Yes),
        "n" | "no" => Some(Answer::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verbosity;

    #[test]
    fn answers() {
        for (line, answer) in [
            ("y\n", Some(Answer::Yes)),
            (" YES ", Some(Answer::Yes)),
            ("no\n", Some(Answer::No)),
            ("x\n", None),
        ] {
            assert_eq!(read_yes_or_no(line, Answer::No), answer);
        }
        assert_eq!(read_yes_or_no("\n", Answer::Yes), Some(Answer::Yes));
        assert_eq!(read_yes_or_no("", Answer::No), Some(Answer::No));
    }

    #[test]
    fn without_a_terminal_nothing_is_assumed() {
        let terminal = |answers| {
            let mut terminal = Terminal::new(Verbosity::Quiet, answers, &|_| None);
            terminal.can_ask = false;
            terminal
        };
        let failure = terminal(Answers::Ask).confirm("Proceed?", Answer::Yes).unwrap_err();
        assert_eq!(failure.message(), "nobody can be asked: Proceed?");
        assert!(terminal(Answers::Yes).confirm("Proceed?", Answer::No).is_ok());
        let two = ["a".to_owned(), "b".to_owned()];
        let failure = terminal(Answers::Noninteractive).choose("which?", &two, "say `x`").unwrap_err();
        assert_eq!(failure.to_string(), "error: several fit: which?\n    a\n    b\nhint: say `x`");
        assert_eq!(terminal(Answers::Ask).choose("which?", &two[..1], "").unwrap(), 0);
    }
}
