//! How many columns a text takes, and making it take fewer.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::Shorten;

/// The columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces up to `columns`; one that is wider is returned as it is.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// At most `columns` of a text, with `…` where something is missing.
pub(crate) fn shorten(text: &str, columns: usize, how: Shorten) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    match how {
        Shorten::Never => text.to_owned(),
        Shorten::End => format!("{}…", start(text, room)),
        Shorten::Start => format!("…{}", end(text, room)),
        Shorten::Middle => {
            let head = start(text, room.div_ceil(2));
            format!("{head}…{}", end(text, room - width(head)))
        }
    }
}

/// The longest beginning that fits.
fn start(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end that fits.
fn end(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_texts_fit() {
        for (how, expected) in [
            (Shorten::End, "org.gno…"),
            (Shorten::Start, "…me.Maps"),
            (Shorten::Middle, "org.…aps"),
            (Shorten::Never, "org.gnome.Maps"),
        ] {
            assert_eq!(shorten("org.gnome.Maps", 8, how), expected);
        }
        assert_eq!(shorten("Maps", 4, Shorten::End), "Maps");
        assert_eq!(shorten("地図地図", 5, Shorten::End), "地図…");
        for columns in 0..6 {
            for how in [Shorten::End, Shorten::Start, Shorten::Middle] {
                assert!(width(&shorten("地図 maps", columns, how)) <= columns.max(1), "{columns} {how:?}");
            }
        }
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(pad("地図", 6), "地図  ");
        assert_eq!(pad("long", 2), "long");
    }
}
