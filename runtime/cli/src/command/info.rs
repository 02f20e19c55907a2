//! `aril info`: what an app is, holds and may do.

mod facts; // for a person
mod json; // for a program

use aril_installation::{Installation, Installations, effective_context};
use aril_model::{Context, Kind, Metadata, Widening};
use aril_terminal::args::{Info, ScopeFilter};
use aril_terminal::{Failure, Terminal};

use crate::host::Host;
use crate::installed::{Installed, Shared};
use crate::meant;
use crate::permissions::as_keyfile;

/// What is known of one installed ref.
struct Subject {
    installed: Installed,
    metadata: Metadata,
    permissions: Permissions,
    /// Commits that are kept besides the active one.
    kept: Vec<String>,
}

/// What an app may do, and why.
#[derive(Default)]
struct Permissions {
    /// What holds: asked for, granted, and changed by the user.
    effective: Context,
    /// What it asks for and was not granted.
    pending: Widening,
    /// What the user changed for it.
    overrides: Context,
    /// Lines of overrides that are wrong.
    problems: Vec<String>,
}

pub(crate) fn info(args: &Info, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let wanted = meant::refine(&args.name, args.arch.as_ref(), args.branch.as_ref());
    let installations = host.installations(&args.scope)?;
    let (installation, deploy) = meant::find(&installations, &wanted, terminal)?;
    let shared = Shared::new(installation, &host.languages)?;
    let metadata = deploy.metadata()?;
    let installed = Installed::new(installation, deploy, &shared)?;
    if let Some(text) = asked_for(args, &installed, &metadata) {
        return terminal.print(&text);
    }
    if args.show_metadata {
        return terminal.print_document(&metadata.keyfile.to_string());
    }
    let permissions = permissions(installation, &metadata, host)?;
    if args.show_permissions {
        return terminal.print_document(&as_keyfile(&permissions.effective));
    }
    let kept = installation.deploys(installed.reference())?;
    let kept =
        kept.iter().map(|deploy| deploy.commit()).filter(|commit| *commit != installed.deploy.commit());
    let subject = Subject { kept: kept.map(ToString::to_string).collect(), installed, metadata, permissions };
    if args.json {
        json::print(&subject, terminal)?;
    } else {
        facts::print(&subject, terminal)?;
    }
    for problem in shared.problems().iter().chain(&subject.permissions.problems) {
        terminal.warn(&format!("{problem}, ignoring"));
    }
    Ok(())
}

/// The single facts that were asked for, in one line, in the order in which flatpak prints them.
fn asked_for(args: &Info, installed: &Installed, metadata: &Metadata) -> Option<String> {
    let fact = |is_asked: bool, text: &dyn Fn() -> String| is_asked.then(text);
    let or_dash =
        |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let facts: Vec<String> = [
        fact(args.show_ref, &|| installed.reference().to_string()),
        fact(args.show_origin, &|| or_dash(Some(installed.record().origin.clone()))),
        fact(args.show_commit, &|| installed.deploy.commit().to_string()),
        fact(args.show_size, &|| installed.record().installed_size.to_string()),
        fact(args.show_location, &|| installed.deploy.path().display().to_string()),
        fact(args.show_runtime, &|| or_dash(installed.runtime())),
        fact(args.show_sdk, &|| or_dash(metadata.sdk.as_ref().map(|sdk| sdk.without_kind()))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!facts.is_empty()).then(|| facts.join(" "))
}

/// What an app may do; a runtime by itself may do nothing, and shows what it gives to apps.
fn permissions(
    installation: &Installation,
    metadata: &Metadata,
    host: &Host,
) -> Result<Permissions, Failure> {
    if metadata.kind == Kind::Runtime {
        return Ok(Permissions { effective: metadata.context.clone(), ..Permissions::default() });
    }
    let all: Installations = host.installations(&ScopeFilter::default())?;
    let runtime = runtime_metadata(metadata, &all)?;
    let (effective, problems) = effective_context(&all, installation, metadata, &runtime)?;
    let grant = installation.grant(&metadata.id)?;
    let pending = grant.map(|grant| grant.widening(&metadata.context)).unwrap_or_default();
    let mut overrides = Context::default();
    for installation in all.iter() {
        overrides.lay_over(&installation.overrides(&metadata.id)?.app);
    }
    Ok(Permissions { effective, pending, overrides, problems })
}

/// The metadata of the runtime; an empty one where it is missing, which `aril run` will say.
fn runtime_metadata(metadata: &Metadata, all: &Installations) -> Result<Metadata, Failure> {
    let deploy = metadata.runtime.as_ref().map(|runtime| all.find(runtime)).transpose()?.flatten();
    match deploy {
        Some((_, deploy)) => Ok(deploy.metadata()?),
        None => Ok(Metadata { context: Context::default(), ..metadata.clone() }),
    }
}
