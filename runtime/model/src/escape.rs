//! Foreign text made safe to print: a package's summary must not move the cursor or hide a line.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces control characters, and characters that change the direction of text or are invisible, by `\u{…}`.
///
/// Everything that comes from a package, a repository or an app passes through here before a terminal sees it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, embeddings
            | '\u{2060}'..='\u{206f}' // joiners, isolates
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn cases() {
        assert_eq!(printable("Maps für alle"), "Maps für alle");
        assert_eq!(printable("a\x1b[2Kb"), "a\\u{1b}[2Kb");
        assert_eq!(printable("a\nb\tc\0"), "a\\nb\\tc\\u{0}");
        assert_eq!(printable("x\u{202e}y"), "x\\u{202e}y");
    }
}
