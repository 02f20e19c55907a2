//! One value of a listing, as a person and as a program reads it.

use aril_model::printable;
use serde::Serialize;

use crate::units;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A text, made safe when it is shown.
    Text(String),
    /// Several texts: a list in JSON, with commas otherwise.
    List(Vec<String>),
    /// Yes or no: a tick or nothing; `true` or `false` in JSON.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A size in bytes: `1.2 MB`; the number in JSON.
    Bytes(u64),
    /// Seconds since 1970: `2026-09-03 14:05:11 UTC`; RFC 3339 in JSON.
    Time(#[serde(serialize_with = "serialize_time")] i64),
    /// Not known: empty; `null` in JSON.
    Unknown,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A text that may not be known.
    pub fn optional(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.into()))
    }

    /// The value for people and for lines of text.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => printable(text).into_owned(),
            Self::List(texts) => printable(&texts.join(",")).into_owned(),
            Self::Flag(true) => "✓".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Bytes(count) => units::bytes(*count),
            Self::Time(seconds) => units::time(*seconds),
            Self::Flag(false) | Self::Unknown => String::new(),
        }
    }

    /// Whether it is aligned at its right end.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Bytes(_))
    }
}

fn serialize_time<S: serde::Serializer>(seconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&units::rfc3339(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_for_people_and_programs() {
        for (cell, shown, json) in [
            (Cell::text("a\nb"), "a\\nb", r#""a\nb""#),
            (Cell::List(vec!["a".into(), "b".into()]), "a,b", r#"["a","b"]"#),
            (Cell::Flag(true), "✓", "true"),
            (Cell::Number(-3), "-3", "-3"),
            (Cell::Bytes(1500), "1.5 kB", "1500"),
            (Cell::Time(0), "1970-01-01 00:00:00 UTC", r#""1970-01-01T00:00:00Z""#),
            (Cell::optional(None::<String>), "", "null"),
        ] {
            assert_eq!(cell.shown(), shown);
            assert_eq!(serde_json::to_string(&cell).unwrap(), json);
        }
    }
}
