//! Which columns are shown: `--columns=name,application:f`, `all`, `help`.
//!
//! Source: `flatpak list --columns=help` and what it accepts: a name, or an unambiguous beginning of one, with a suffix for how it is shortened.

use aril_model::nearest;

use super::{Column, Shorten};
use crate::Failure;
use crate::args::ListingArgs;

/// A column that is shown, and how it is shortened.
#[derive(Debug)]
pub(crate) struct Chosen<T: 'static> {
    pub(crate) column: &'static Column<T>,
    pub(crate) shorten: Shorten,
}

pub(crate) fn choose<T>(
    columns: &'static [Column<T>],
    args: &ListingArgs,
) -> Result<Vec<Chosen<T>>, Failure> {
    let plain = |column: &'static Column<T>| Chosen { column, shorten: column.shorten };
    if args.columns.is_empty() {
        // JSON is for programs: they get everything and pick.
        return Ok(columns.iter().filter(|column| args.json || !column.on_request).map(plain).collect());
    }
    let mut chosen = Vec::new();
    for text in &args.columns {
        let (name, suffix) = text.split_once(':').unwrap_or((text, ""));
        if name == "all" {
            chosen.extend(columns.iter().map(plain));
            continue;
        }
        let column = find(columns, name)?;
        chosen.push(Chosen { column, shorten: shorten(text, suffix, column.shorten)? });
    }
    Ok(chosen)
}

fn find<T>(columns: &'static [Column<T>], name: &str) -> Result<&'static Column<T>, Failure> {
    if let Some(column) = columns.iter().find(|column| column.name == name) {
        return Ok(column);
    }
    let fitting: Vec<_> = columns.iter().filter(|column| column.name.starts_with(name)).collect();
    match fitting.as_slice() {
        [column] if !name.is_empty() => Ok(column),
        [_, _, ..] if !name.is_empty() => {
            let names: Vec<&str> = fitting.iter().map(|column| column.name).collect();
            Err(Failure::usage(format!("'{name}' could be several columns"))
                .with_hint(format!("it is one of {}", names.join(", "))))
        }
        _ => {
            let names = columns.iter().map(|column| column.name).chain(["all", "help"]);
            let hint = match nearest(name, names) {
                Some(near) => format!("did you mean `{near}`? `--columns=help` lists all columns"),
                None => "`--columns=help` lists all columns".to_owned(),
            };
            Err(Failure::usage(format!("'{name}' is not a column")).with_hint(hint))
        }
    }
}

fn shorten(text: &str, suffix: &str, default: Shorten) -> Result<Shorten, Failure> {
    let words = [
        ("start", Shorten::Start),
        ("middle", Shorten::Middle),
        ("end", Shorten::End),
        ("full", Shorten::Never),
    ];
    match suffix {
        "" => Ok(default),
        suffix => {
            words.iter().find(|(word, _)| word.starts_with(suffix)).map(|(_, how)| *how).ok_or_else(|| {
                Failure::usage(format!("'{text}' cannot be shown: '{suffix}' is not a way to shorten it"))
                    .with_hint("after the colon stands start, middle, end or full")
            })
        }
    }
}

/// The text of `--columns=help`.
pub(crate) fn help<T>(columns: &[Column<T>]) -> String {
    let own = columns.iter().map(|column| (column.name, column.about));
    let all = own.chain([("all", "all columns"), ("help", "this list")]);
    let mut text = String::from("Available columns:\n");
    for (name, about) in all {
        text.push_str(&format!("  {name:<16} {about}\n"));
    }
    text.push_str(
        "Append :s[tart], :m[iddle], :e[nd] or :f[ull] to say where a text is shortened that does not fit\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cell;

    const COLUMNS: &[Column<()>] = &[
        Column::new("name", "Name", "its name", |()| Cell::Unknown),
        Column::new("origin", "Origin", "its remote", |()| Cell::Unknown),
        Column::new("options", "Options", "its options", |()| Cell::Unknown).on_request(),
    ];

    fn chosen(text: &str) -> Result<Vec<(&'static str, Shorten)>, String> {
        let columns = text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        choose(COLUMNS, &ListingArgs { columns, json: false })
            .map(|chosen| chosen.iter().map(|c| (c.column.name, c.shorten)).collect())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn columns_are_chosen_as_flatpak_does() {
        let end = Shorten::End;
        assert_eq!(chosen("").unwrap(), [("name", end), ("origin", end)]);
        assert_eq!(chosen("all").unwrap().len(), 3);
        assert_eq!(chosen("n,or:f").unwrap(), [("name", end), ("origin", Shorten::Never)]);
        assert_eq!(
            chosen("o").unwrap_err(),
            "error: 'o' could be several columns\nhint: it is one of origin, options"
        );
        assert_eq!(
            chosen("nmae").unwrap_err(),
            "error: 'nmae' is not a column\nhint: did you mean `name`? `--columns=help` lists all columns"
        );
        assert!(chosen("name:x").unwrap_err().contains("'x' is not a way to shorten it"));
    }

    #[test]
    fn help_names_each() {
        assert!(help(COLUMNS).contains("\n  origin           its remote\n"));
    }
}
