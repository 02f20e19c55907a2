//! Cells as lines of text: aligned under titles for a person, separated by tabs for a program.

use super::{Cell, Chosen, Shorten};
use crate::stream::Stream;
use crate::width::{pad, shorten, width};

/// Spaces between two columns.
const GAP: usize = 2;
/// No column is made narrower than this: less says nothing.
const NARROWEST: usize = 6;

pub(crate) fn render<T>(chosen: &[Chosen<T>], rows: &[Vec<Cell>], stream: Stream) -> String {
    if stream.is_terminal { aligned(chosen, rows, stream) } else { separated(rows) }
}

fn separated(rows: &[Vec<Cell>]) -> String {
    let line = |row: &Vec<Cell>| row.iter().map(Cell::shown).collect::<Vec<_>>().join("\t") + "\n";
    rows.iter().map(line).collect()
}

fn aligned<T>(chosen: &[Chosen<T>], rows: &[Vec<Cell>], stream: Stream) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let shown: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for (index, chosen) in chosen.iter().enumerate() {
        let cells = shown.iter().filter_map(|row| row.get(index)).map(|text| width(text));
        widths.push(cells.chain([width(chosen.column.title)]).max().unwrap_or(0));
    }
    if let Some(columns) = stream.columns {
        narrow(&mut widths, chosen, columns);
    }
    let columns: Vec<Layout> = chosen
        .iter()
        .enumerate()
        .map(|(index, chosen)| Layout {
            width: widths[index],
            shorten: chosen.shorten,
            is_number: rows.iter().filter_map(|row| row.get(index)).any(Cell::is_number),
        })
        .collect();
    let titles: Vec<String> = chosen.iter().map(|chosen| chosen.column.title.to_owned()).collect();
    let mut text = format!("{}\n", stream.paint.strong(line(&columns, &titles)));
    for cells in &shown {
        text.push_str(&line(&columns, cells));
        text.push('\n');
    }
    text
}

/// How the cells of a column are shown.
struct Layout {
    width: usize,
    shorten: Shorten,
    is_number: bool,
}

fn line(columns: &[Layout], texts: &[String]) -> String {
    let mut line = String::new();
    for (column, text) in columns.iter().zip(texts) {
        let text = shorten(text, column.width, column.shorten);
        if column.is_number {
            line.push_str(&" ".repeat(column.width.saturating_sub(width(&text))));
            line.push_str(&text);
        } else {
            line.push_str(&pad(&text, column.width));
        }
        line.push_str(&" ".repeat(GAP));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Takes columns from the widest ones that may be shortened, until all fits or nothing more can be taken.
fn narrow<T>(widths: &mut [usize], chosen: &[Chosen<T>], available: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        let widest = widths
            .iter_mut()
            .zip(chosen)
            .filter(|(width, chosen)| chosen.shorten != Shorten::Never && **width > NARROWEST)
            .max_by_key(|(width, _)| **width);
        match widest {
            Some((width, _)) => *width -= 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;
    use crate::paint::Paint;

    const COLUMNS: &[Column<()>] = &[
        Column::new("name", "Name", "", |()| Cell::Unknown),
        Column::new("ref", "Ref", "", |()| Cell::Unknown).shortened(Shorten::Never),
        Column::new("size", "Size", "", |()| Cell::Unknown),
    ];

    fn shown(columns: Option<usize>) -> String {
        let chosen: Vec<Chosen<()>> =
            COLUMNS.iter().map(|column| Chosen { column, shorten: column.shorten }).collect();
        let rows = [
            vec![Cell::text("A rather long name"), Cell::text("org.test.Hello"), Cell::Bytes(1_500)],
            vec![Cell::text("Kurz"), Cell::text("org.test.X"), Cell::Unknown],
        ];
        let stream = Stream { is_terminal: columns.is_some(), columns, paint: Paint::plain() };
        render(&chosen, &rows, stream)
    }

    #[test]
    fn people_get_titles_and_alignment() {
        assert_eq!(
            shown(Some(80)),
            "Name                Ref               Size\nA rather long name  org.test.Hello  1.5 kB\nKurz                org.test.X\n"
        );
    }

    #[test]
    fn what_is_too_wide_is_shortened() {
        assert_eq!(
            shown(Some(34)),
            "Name        Ref               Size\nA rather …  org.test.Hello  1.5 kB\nKurz        org.test.X\n"
        );
        assert!(shown(Some(1)).contains("org.test.Hello"), "a column that must stay whole");
    }

    #[test]
    fn programs_get_tabs_and_no_titles() {
        assert_eq!(shown(None), "A rather long name\torg.test.Hello\t1.5 kB\nKurz\torg.test.X\t\n");
    }
}
