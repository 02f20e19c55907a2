//! `aril remotes`: where apps come from.

use aril_installation::{Remote, Scope};
use aril_terminal::args::{ListingArgs, Remotes};
use aril_terminal::{Cell, Column, Failure, Listing, Shorten, Terminal};

use crate::host::Host;

/// A remote, and whose it is.
struct Row {
    remote: Remote,
    scope: Scope,
}

type Field = Column<Row>;

const LISTING: Listing<Row> = Listing::new(
    "remotes",
    &[
        Field::new("name", "Name", "its name", |row| Cell::text(row.remote.name.as_str())),
        Field::new("title", "Title", "its title", |row| Cell::optional(row.remote.title.clone())),
        Field::new("kind", "Kind", "rpm, ostree or oci", |row| Cell::text(row.remote.kind.as_str())),
        Field::new("url", "URL", "where it is", |row| Cell::text(row.remote.url.clone()))
            .shortened(Shorten::Middle),
        Field::new("installation", "Installation", "whose it is", |row| Cell::text(row.scope.to_string())),
        Field::new("options", "Options", "what is special about it", |row| Cell::List(options(row))),
        Field::new("priority", "Priority", "higher is looked in earlier", |row| {
            Cell::Number(i64::from(row.remote.priority))
        })
        .on_request(),
        Field::new("collection", "Collection ID", "the collection of its refs", |row| {
            Cell::optional(row.remote.collection.clone())
        })
        .on_request(),
        Field::new("subset", "Subset", "the part of it that is used", |row| {
            Cell::optional(row.remote.subset.clone())
        })
        .on_request(),
        Field::new("filter", "Filter", "the file that says what is hidden", |row| {
            Cell::optional(row.remote.filter.clone())
        })
        .on_request(),
        Field::new("branch", "Branch", "the branch that is meant when none is named", |row| {
            Cell::optional(row.remote.default_branch.clone())
        })
        .on_request(),
        Field::new("comment", "Comment", "a line about it", |row| Cell::optional(row.remote.comment.clone()))
            .on_request(),
        Field::new("description", "Description", "more about it", |row| {
            Cell::optional(row.remote.description.clone())
        })
        .on_request(),
        Field::new("homepage", "Homepage", "a page about it", |row| {
            Cell::optional(row.remote.homepage.clone())
        })
        .on_request(),
        Field::new("icon", "Icon", "a picture of it", |row| Cell::optional(row.remote.icon.clone()))
            .on_request(),
    ],
);

pub(crate) fn remotes(args: &Remotes, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let listing = if args.show_details && args.listing.columns.is_empty() {
        ListingArgs { columns: vec!["all".into()], ..args.listing }
    } else {
        args.listing.clone()
    };
    LISTING.print(terminal, &listing, || {
        let mut rows = Vec::new();
        for installation in host.installations(&args.scope)?.iter() {
            let (remotes, problems) = installation.remotes()?;
            for problem in problems {
                terminal.warn(&format!("{problem}, ignoring this remote"));
            }
            rows.extend(
                remotes.into_iter().map(|remote| Row { remote, scope: installation.scope().clone() }),
            );
        }
        rows.retain(|row| args.show_disabled || !row.remote.is_disabled);
        if rows.is_empty() && terminal.is_read_by_person() {
            terminal.tell("there are no remotes yet: `aril remote-add` adds one");
        }
        Ok(rows)
    })
}

/// Source: `flatpak remotes`, the column of this name.
fn options(row: &Row) -> Vec<String> {
    let remote = &row.remote;
    [
        (remote.is_disabled, "disabled"),
        (remote.is_unlisted, "no-enumerate"),
        (remote.is_not_for_dependencies, "no-use-for-deps"),
        (!remote.is_verified, "no-gpg-verify"),
        (remote.filter.is_some(), "filtered"),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, word)| word.to_owned())
    .collect()
}
