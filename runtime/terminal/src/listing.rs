//! Many things of one kind: an aligned table for a person, tab-separated lines for a program, or JSON; `--columns` chooses what is shown.
//!
//! A column reads its cell from the row when it is shown, so that a row may look up late what is dear.

mod cell; // one value, as a person and as a program reads it
mod choice; // `--columns=name,size`
mod layout; // widths

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use choice::Chosen;

pub use cell::Cell;

use crate::args::ListingArgs;
use crate::terminal::write_output;
use crate::{Failure, Terminal};

/// How a text is shortened that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shorten {
    /// Not at all.
    Never,
    /// Its beginning goes.
    Start,
    /// Its middle goes.
    Middle,
    /// Its end goes.
    End,
}

/// A column of a listing of `T`s.
#[derive(Debug)]
pub struct Column<T> {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) on_request: bool,
    pub(crate) shorten: Shorten,
    pub(crate) cell: fn(&T) -> Cell,
}

impl<T> Column<T> {
    /// A column that is shown when nothing else is said: the name that is typed, the title above it, what it shows, and its cell.
    pub const fn new(
        name: &'static str,
        title: &'static str,
        about: &'static str,
        cell: fn(&T) -> Cell,
    ) -> Self {
        Self { name, title, about, on_request: false, shorten: Shorten::End, cell }
    }

    /// The same column, shown only when it is asked for.
    #[must_use]
    pub const fn on_request(mut self) -> Self {
        self.on_request = true;
        self
    }

    /// The same column, shortened in this way where it does not fit.
    #[must_use]
    pub const fn shortened(mut self, how: Shorten) -> Self {
        self.shorten = how;
        self
    }
}

/// A kind of listing: its name in JSON, and all its columns.
#[derive(Debug)]
pub struct Listing<T: 'static> {
    key: &'static str,
    columns: &'static [Column<T>],
}

impl<T> Listing<T> {
    /// `key` is the name of the list in JSON: `apps`.
    pub const fn new(key: &'static str, columns: &'static [Column<T>]) -> Self {
        Self { key, columns }
    }

    /// Shows the rows as it is asked for.
    ///
    /// # Errors
    /// When a column is asked for that does not exist, and when the output cannot be written.
    pub fn print(
        &self,
        terminal: &Terminal,
        args: &ListingArgs,
        rows: impl FnOnce() -> Result<Vec<T>, Failure>,
    ) -> Result<(), Failure> {
        if args.columns.iter().any(|name| name == "help") {
            return write_output(&choice::help(self.columns));
        }
        let chosen = choice::choose(self.columns, args)?;
        let rows = rows()?;
        if args.json {
            let rows = rows.iter().map(|row| JsonRow { row, chosen: &chosen }).collect();
            return terminal.print_json(&JsonList { key: self.key, rows });
        }
        let cells: Vec<Vec<Cell>> =
            rows.iter().map(|row| chosen.iter().map(|chosen| (chosen.column.cell)(row)).collect()).collect();
        write_output(&layout::render(&chosen, &cells, terminal.output))
    }
}

struct JsonList<'a, T: 'static> {
    key: &'static str,
    rows: Vec<JsonRow<'a, T>>,
}

impl<T> Serialize for JsonList<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.key, &self.rows)?;
        map.end()
    }
}

struct JsonRow<'a, T: 'static> {
    row: &'a T,
    chosen: &'a [Chosen<T>],
}

impl<T> Serialize for JsonRow<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.chosen.len()))?;
        for chosen in self.chosen {
            map.serialize_entry(&chosen.column.name.replace('-', "_"), &(chosen.column.cell)(self.row))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row {
        name: &'static str,
        size: u64,
    }

    const COLUMNS: &[Column<Row>] = &[
        Column::new("name", "Name", "its name", |row| Cell::text(row.name)),
        Column::new("installed-size", "Size", "its size", |row| Cell::Bytes(row.size)),
    ];

    #[test]
    fn json_has_names_of_its_own_and_exact_numbers() {
        let args = ListingArgs { columns: Vec::new(), json: true };
        let chosen = choice::choose(COLUMNS, &args).unwrap();
        let row = Row { name: "Maps", size: 1234 };
        let list = JsonList { key: "apps", rows: vec![JsonRow { row: &row, chosen: &chosen }] };
        assert_eq!(
            serde_json::to_string(&list).unwrap(),
            r#"{"apps":[{"name":"Maps","installed_size":1234}]}"#
        );
    }
}
