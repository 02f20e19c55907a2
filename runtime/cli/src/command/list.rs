//! `aril list`: what is installed.

use std::rc::Rc;

use aril_installation::{Installation, Installations};
use aril_model::{Kind, Layout, Ref};
use aril_terminal::args::{List, ListingArgs};
use aril_terminal::{Cell, Column, Failure, Listing, Shorten, Terminal};

use crate::host::Host;
use crate::installed::{Installed, Shared};

type Field = Column<Installed>;

const LISTING: Listing<Installed> = Listing::new(
    "installed",
    &[
        Field::new("name", "Name", "its name", |one| Cell::text(one.name())),
        Field::new("description", "Description", "a line about it", |one| {
            Cell::optional(one.text("summary"))
        })
        .on_request(),
        Field::new("application", "Application ID", "its id", |one| Cell::text(one.reference().id.as_str()))
            .shortened(Shorten::Start),
        Field::new("version", "Version", "its version", |one| Cell::optional(one.version())),
        Field::new("branch", "Branch", "its branch", |one| Cell::text(one.reference().branch.as_str())),
        Field::new("arch", "Arch", "its architecture", |one| Cell::text(one.reference().arch.as_str()))
            .on_request(),
        Field::new("runtime", "Runtime", "the runtime that it uses", |one| Cell::optional(one.runtime()))
            .on_request(),
        Field::new("origin", "Origin", "the remote it came from", |one| {
            Cell::text(one.record().origin.clone())
        }),
        Field::new("installation", "Installation", "whose it is", |one| Cell::text(one.scope.to_string())),
        Field::new("ref", "Ref", "its whole ref", |one| Cell::text(one.reference().to_string())).on_request(),
        Field::new("active", "Active commit", "the commit in use", |one| {
            Cell::text(one.deploy.commit().as_str())
        })
        .on_request(),
        Field::new("latest", "Latest commit", "the newest commit known, if it is another", |one| {
            Cell::optional(one.latest().map(|commit| commit.to_string()))
        })
        .on_request(),
        Field::new("size", "Installed size", "what it takes on disk", |one| {
            Cell::Bytes(one.record().installed_size)
        })
        .on_request(),
        Field::new("layout", "Layout", "merged (from RPMs) or app (Flatpak's)", layout).on_request(),
        Field::new("options", "Options", "what is special about it", |one| Cell::List(one.options()))
            .on_request(),
    ],
);

pub(crate) fn list(args: &List, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let listing = if args.show_details && args.listing.columns.is_empty() {
        ListingArgs { columns: vec!["all".into()], ..args.listing }
    } else {
        args.listing.clone()
    };
    let mut shared: Vec<Rc<Shared>> = Vec::new();
    LISTING.print(terminal, &listing, || {
        let installations = host.installations(&args.scope)?;
        let mut rows = Vec::new();
        for installation in installations.iter() {
            let all = Shared::new(installation, &host.languages)?;
            add_rows(installation, args, &all, &mut rows)?;
            shared.push(all);
        }
        if rows.is_empty() && terminal.is_read_by_person() {
            tell_nothing(&installations, terminal)?;
        }
        Ok(rows)
    })?;
    for problem in shared.iter().flat_map(|all| all.problems()) {
        terminal.warn(&problem);
    }
    Ok(())
}

fn add_rows(
    installation: &Installation,
    args: &List,
    shared: &Rc<Shared>,
    rows: &mut Vec<Installed>,
) -> Result<(), Failure> {
    for reference in installation.refs()? {
        if !is_wanted(args, &reference) {
            continue;
        }
        // Gone since the refs were listed: `aril-change` is at work, and that is no failure of ours.
        let Some(deploy) = installation.active(&reference)? else { continue };
        let one = Installed::new(installation, deploy, shared)?;
        let uses = |one: &Installed| {
            let runtime = one.runtime().and_then(|text| Ref::runtime(&text).ok());
            args.app_runtime
                .as_ref()
                .is_none_or(|wanted| runtime.is_some_and(|runtime| wanted.matches(&runtime)))
        };
        if uses(&one) {
            rows.push(one);
        }
    }
    Ok(())
}

fn is_wanted(args: &List, reference: &Ref) -> bool {
    let is_kind_wanted = match reference.kind {
        Kind::App => args.app || !args.runtime,
        Kind::Runtime => (args.runtime || !args.app) && args.app_runtime.is_none(),
    };
    is_kind_wanted
        && args.arch.as_ref().is_none_or(|arch| *arch == reference.arch)
        && (args.all || args.runtime || !is_subordinate(reference))
}

/// Whether a ref only comes with another: translations, debug information, sources.
///
/// Source: `flatpak list --all`, "List all refs (including locale/debug)".
fn is_subordinate(reference: &Ref) -> bool {
    reference.kind == Kind::Runtime && ["Locale", "Debug", "Sources"].contains(&reference.id.last_part())
}

fn layout(one: &Installed) -> Cell {
    match one.layout() {
        _ if one.reference().kind == Kind::Runtime => Cell::Unknown,
        Some(Layout::Merged) => Cell::text("merged"),
        Some(Layout::App) => Cell::text("app"),
        None => Cell::Unknown,
    }
}

fn tell_nothing(installations: &Installations, terminal: &Terminal) -> Result<(), Failure> {
    let mut is_empty = true;
    for installation in installations.iter() {
        is_empty &= installation.refs()?.is_empty();
    }
    terminal.tell(if is_empty {
        "nothing is installed yet: `aril install` does it"
    } else {
        "nothing like this is installed"
    });
    Ok(())
}
