//! An output stream: whether a person looks at it, how wide it is, whether it is colourful.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::paint::Paint;

/// What is known of standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Whether it is a terminal.
    pub(crate) is_terminal: bool,
    /// The columns of the terminal; `None` where there is no limit.
    pub(crate) columns: Option<usize>,
    /// Its colours.
    pub(crate) paint: Paint,
}

impl Stream {
    /// Looks at a stream; `variable` looks up the environment.
    pub(crate) fn of<S: AsFd + IsTerminal>(stream: &S, variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let is_terminal = stream.is_terminal();
        let columns = is_terminal
            .then(|| rustix::termios::tcgetwinsize(stream).ok())
            .flatten()
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns > 0);
        let wants_colour = is_terminal && is_colour_wanted(variable);
        let paint = if wants_colour { Paint::colourful() } else { Paint::plain() };
        Self { is_terminal, columns, paint }
    }
}

/// Source: no-color.org (set and not empty means no colours), and the terminal that `TERM` names.
fn is_colour_wanted(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let knows_colours = variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    !is_refused && knows_colours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_that_knows_them_and_nobody_against_it() {
        let wanted = |variables: &[(&str, &str)]| {
            is_colour_wanted(&|key| {
                variables.iter().find(|(name, _)| *name == key).map(|(_, value)| OsString::from(value))
            })
        };
        assert!(wanted(&[("TERM", "xterm")]));
        assert!(wanted(&[("TERM", "xterm"), ("NO_COLOR", "")]));
        assert!(!wanted(&[("TERM", "xterm"), ("NO_COLOR", "1")]));
        assert!(!wanted(&[("TERM", "dumb")]));
        assert!(!wanted(&[]));
    }
}
