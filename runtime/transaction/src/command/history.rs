//! `aril history`.

use aril_installation::Scope;
use aril_model::Ref;
use aril_terminal::args::{History, ScopeChoice};
use aril_terminal::{Cell, Column, Failure, Listing, Terminal};
use aril_transaction::{HistoryEntry, read_history};

use crate::environment::Environment;

/// A line of the history, and whose it is.
struct Row {
    entry: HistoryEntry,
    scope: Scope,
}

type Field = Column<Row>;

const LISTING: Listing<Row> = Listing::new(
    "changes",
    &[
        Field::new("time", "Time", "when", |row| Cell::text(row.entry.time.clone())),
        Field::new("change", "Change", "what was done", |row| Cell::text(row.entry.change.as_str())),
        Field::new("ref", "Ref", "to what", |row| Cell::text(row.entry.reference.clone())),
        Field::new("version", "Version", "the version after", |row| {
            Cell::optional(row.entry.version.clone())
        }),
        Field::new("origin", "Origin", "the remote it comes from", |row| {
            Cell::text(row.entry.origin.clone())
        }),
        Field::new("installation", "Installation", "whose it is", |row| Cell::text(row.scope.to_string()))
            .on_request(),
        Field::new("old-commit", "Old commit", "the commit before", |row| {
            Cell::optional(row.entry.old.clone())
        })
        .on_request(),
        Field::new("commit", "Commit", "the commit after", |row| Cell::optional(row.entry.new.clone()))
            .on_request(),
    ],
);

pub(crate) fn history(args: &History, terminal: &Terminal, environment: &Environment) -> Result<(), Failure> {
    LISTING.print(terminal, &args.listing, || {
        let mut rows = Vec::new();
        for installation in environment.existing()? {
            let scope = installation.scope().clone();
            if !args.scope.includes(&choice(&scope)) {
                continue;
            }
            for entry in read_history(installation.dir())? {
                let reference = entry.reference.parse::<Ref>().ok();
                let is_meant = args.name.as_ref().is_none_or(|name| {
                    reference
                        .is_some_and(|reference| name.matches(&reference) || name.matches_loosely(&reference))
                });
                if is_meant {
                    rows.push(Row { entry, scope: scope.clone() });
                }
            }
        }
        rows.sort_by(|a, b| a.entry.time.cmp(&b.entry.time));
        Ok(rows)
    })
}

fn choice(scope: &Scope) -> ScopeChoice {
    match scope {
        Scope::User => ScopeChoice::User,
        Scope::System => ScopeChoice::System,
        Scope::Extra(name) => ScopeChoice::Named(name.clone()),
    }
}
