//! `aril info`: what an app is, holds and may do.

mod facts; // for a person
mod json; // for a program

use aril_installation::{CommitFacts, Deploy, Installation, Installations, PackageRecord, effective_context};
use aril_model::{CommitId, Context, Kind, Metadata, Widening};
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
    /// The runtime's commit that it runs on.
    runtime_commit: Option<RuntimeCommit>,
    /// The packages that it was made of.
    packages: Vec<PackageRecord>,
    /// Its version, as the app says it, else as its package does.
    version: Option<String>,
    /// Commits that are kept besides the active one, with their versions.
    kept: Vec<(CommitId, Option<String>)>,
}

/// On which commit of its runtime an app runs.
enum RuntimeCommit {
    /// The active one.
    Active(CommitId),
    /// An older one, since it does not fit the active one.
    Held(CommitId),
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
    if args.show_packages {
        let packages = facts_of(installation, installed.deploy.commit())?.packages();
        return packages.iter().try_for_each(|package| terminal.print(&facts::nevra(package)));
    }
    // What holds for an app comes from all installations, wherever it was looked for.
    let all = host.installations(&ScopeFilter::default())?;
    let subject = Subject::of(installed, metadata, installation, &all)?;
    if args.show_permissions {
        terminal.print_document(&as_keyfile(&subject.permissions.effective.flattened()))?;
    } else if args.json {
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

impl Subject {
    fn of(
        installed: Installed,
        metadata: Metadata,
        home: &Installation,
        all: &Installations,
    ) -> Result<Self, Failure> {
        let runtime = match &metadata.runtime {
            Some(runtime) if metadata.kind == Kind::App => {
                all.runtime_of(home, &installed.deploy, runtime)?
            }
            _ => None,
        };
        let runtime = runtime.map(|(_, deploy)| deploy);
        let facts = facts_of(home, installed.deploy.commit())?;
        Ok(Self {
            permissions: permissions(home, &metadata, runtime.as_ref(), all)?,
            runtime_commit: runtime_commit(home, &installed, runtime.as_ref())?,
            packages: facts.packages(),
            version: installed.version(),
            kept: kept(home, &installed)?,
            installed,
            metadata,
        })
    }
}

fn facts_of(installation: &Installation, commit: &CommitId) -> Result<CommitFacts, Failure> {
    Ok(CommitFacts::read(installation.dir(), commit)?.unwrap_or_default())
}

fn kept(
    installation: &Installation,
    installed: &Installed,
) -> Result<Vec<(CommitId, Option<String>)>, Failure> {
    let mut kept = Vec::new();
    for deploy in installation.deploys(installed.reference())? {
        if deploy.commit() != installed.deploy.commit() {
            let facts = facts_of(installation, deploy.commit())?;
            kept.push((deploy.commit().clone(), facts.text("aril.evr").map(str::to_owned)));
        }
    }
    Ok(kept)
}

fn runtime_commit(
    installation: &Installation,
    installed: &Installed,
    runtime: Option<&Deploy>,
) -> Result<Option<RuntimeCommit>, Failure> {
    let Some(runtime) = runtime else { return Ok(None) };
    let held = installation.held_runtime(installed.reference(), installed.deploy.commit())?;
    let active = installation.active(runtime.reference())?;
    let commit = runtime.commit().clone();
    let is_held = held.as_ref() == Some(&commit) && active.is_some_and(|active| *active.commit() != commit);
    Ok(Some(if is_held { RuntimeCommit::Held(commit) } else { RuntimeCommit::Active(commit) }))
}

/// What an app may do; a runtime by itself may do nothing, and shows what it gives to apps.
fn permissions(
    home: &Installation,
    metadata: &Metadata,
    runtime: Option<&Deploy>,
    all: &Installations,
) -> Result<Permissions, Failure> {
    if metadata.kind == Kind::Runtime {
        return Ok(Permissions { effective: metadata.context.clone(), ..Permissions::default() });
    }
    let runtime = match runtime {
        Some(deploy) => deploy.metadata()?,
        // `aril run` will say that it is missing; it gives nothing.
        None => Metadata { context: Context::default(), ..metadata.clone() },
    };
    let (effective, problems) = effective_context(all, home, metadata, &runtime)?;
    let grant = home.grant(&metadata.id)?;
    let pending = grant.map(|grant| grant.widening(&metadata.context)).unwrap_or_default();
    let mut overrides = Context::default();
    for installation in all.iter() {
        overrides.lay_over(&installation.overrides(&metadata.id)?.app);
    }
    Ok(Permissions { effective, pending, overrides, problems })
}
