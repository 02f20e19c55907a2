//! From packages that a person names to the commit of an app.

use std::collections::BTreeSet;

use aril_model::{Metadata, Ref};
use aril_store::{Node, Tree};

use super::solved::Asked;
use super::{Built, Solved, lines};
use crate::finish::{Unfinished, finish};
use crate::gather::{LocalPackage, gather};
use crate::ground::{FoundRuntime, Ground, RuntimeWish};
use crate::import::Imported;
use crate::merge::{Base, merge};
use crate::plan::PlannedRuntime;
use crate::report::Note;
use crate::scripts::{Scripts, TriggerOwner};
use crate::session::Session;
use crate::solve::{Question, RuntimeCopies, Solution, SolverPackage, Universe};
use crate::{BuildError, commit, import, layout};

/// What a person asks for.
#[derive(Debug, Default)]
pub struct AppRequest {
    /// Packages by name, or by what they provide.
    pub wanted: Vec<String>,
    /// Packages that are files.
    pub files: Vec<LocalPackage>,
    /// Whether it may bring own copies of the runtime's packages.
    pub copies: RuntimeCopies,
    /// What it is to run on, as far as that is decided.
    pub runtime: RuntimeWish,
}

/// Solves for an app. Without a runtime in the store the answer is a guess: what would be left beside the manifest's packages.
///
/// # Errors
/// When there is no solution, or a repository or manifest cannot be had.
pub fn solve_app(session: &Session, request: &AppRequest) -> Result<Solved, BuildError> {
    let Ground { reference, found, manifest } = Ground::find(session, &request.runtime)?;
    let mut asked = Asked::new(session)?;
    for file in &request.files {
        let package = SolverPackage::from_facts(file.package.facts());
        let id = asked.universe.add_file(&package);
        asked.files.push(id.ok_or_else(|| BuildError::Dependencies(file.package.facts().nevra.to_string()))?);
    }
    if let Some(runtime) = &found {
        asked.universe.set_runtime(runtime.packages.solver_packages());
    }
    let question = Question {
        wanted: request.wanted.clone(),
        files: asked.files.clone(),
        copies: request.copies,
        ..Question::default()
    };
    let mut solution = asked.solve(&question)?;
    if found.is_none() {
        let Some((_, manifest)) = &manifest else {
            return Err(BuildError::NoRuntime { reference, manifest: None });
        };
        let beneath = asked.solve(&super::runtime::question(manifest))?;
        solution.packages.retain(|(id, _)| !beneath.packages.iter().any(|(other, _)| other == id));
    }
    if solution.packages.is_empty() {
        return Err(BuildError::InRuntime(request.wanted.join(" ")));
    }
    let mut solved = asked.solved(solution, &request.wanted)?;
    if solved.requested.is_empty() {
        return Err(BuildError::InRuntime(request.wanted.join(" ")));
    }
    solved.runtime = PlannedRuntime {
        reference: Some(reference.to_string()),
        commit: found.as_ref().map(|runtime| runtime.commit.to_string()),
        manifest: manifest.map(|(path, _)| path.display().to_string()),
    };
    solved.found = found;
    Ok(solved)
}

/// Builds a merged app and publishes its commit.
///
/// # Errors
/// When there is no runtime for it, or a package cannot be had, is refused, or does not fit the others.
pub fn build_app(session: &Session, request: &AppRequest) -> Result<Built, BuildError> {
    let mut solved = solve_app(session, request)?;
    let Some(runtime) = solved.found.take() else {
        let Ground { reference, manifest, .. } = Ground::find(session, &request.runtime)?;
        let manifest = manifest.map(|(path, _)| path.display().to_string());
        return Err(BuildError::NoRuntime { reference, manifest });
    };
    let imported = gather(session, &solved.repository, &solved.sources, &request.files)?;
    let shadowed = shadowed_paths(&solved.universe, &solved.solution, &runtime);
    commit_app(session, App { request, runtime, imported, requested: solved.requested, shadowed })
}

fn shadowed_paths(universe: &Universe, solution: &Solution, runtime: &FoundRuntime) -> BTreeSet<String> {
    let names: BTreeSet<String> =
        solution.shadowed.iter().filter_map(|id| universe.nevra(*id)).map(|nevra| nevra.name).collect();
    let packages = runtime.packages.solver_packages().filter(|package| names.contains(&package.name));
    let files = packages.flat_map(|package| &package.files);
    files
        .flat_map(|(dir, names)| {
            names.iter().map(move |name| format!("{dir}/{name}").trim_start_matches('/').to_owned())
        })
        .collect()
}

/// An app whose packages are in the store.
struct App<'a> {
    request: &'a AppRequest,
    runtime: FoundRuntime,
    imported: Vec<Imported>,
    requested: Vec<usize>,
    shadowed: BTreeSet<String>,
}

fn commit_app(session: &Session, app: App<'_>) -> Result<Built, BuildError> {
    let runtime_files = session.repo.subtree(&app.runtime.commit, "files")?.unwrap_or_default();
    let base = base(&runtime_files, app.shadowed)?;
    let packages: Vec<&Imported> = app.imported.iter().collect();
    let mut merged = merge(&packages, Some(&base))?;
    let beneath = trigger_owners(session, &app.runtime)?;
    let scripts = Scripts {
        packages: &packages,
        runtime: Some(&runtime_files),
        beneath: &beneath,
        installed: &app.runtime.packages.solver_packages().map(|package| package.name.clone()).collect(),
        repo: &session.repo,
        tool: session.settings.tool.as_deref(),
    };
    merged.notes.extend(scripts.apply(&mut merged.tree)?);
    let laid = layout::app(merged.tree)?;
    let writer = session.repo.writer()?;
    let finished = finish(Unfinished {
        repo: &session.repo,
        writer: &writer,
        packages: &packages,
        requested: &app.requested,
        owners: &merged.owners,
        files: laid.files,
        runtime: &app.runtime.reference,
        sdk: sdk(session, &app.runtime)?,
        branch: session.branch(),
    })?;
    let left_out = packages.iter().flat_map(|package| package.left_out.clone());
    let notes: Vec<Note> = left_out.chain(merged.notes).chain(laid.notes).chain(finished.notes).collect();
    let first = app.requested.first().map(|&index| packages[index].facts.nevra.evr());
    let commit = commit::commit(
        commit::NewCommit {
            reference: &finished.reference,
            files: finished.files,
            export: finished.export,
            metadata: &finished.metadata,
            packages: &packages,
            notes: &notes,
            request: request_text(app.request),
            evr: first.clone(),
            runtime_commit: Some(app.runtime.commit.clone()),
        },
        &writer,
    )?;
    writer.publish(&[(session.published_as(&finished.reference), commit.clone())])?;
    Ok(Built {
        reference: finished.reference.to_string(),
        commit: commit.to_string(),
        remote: session.remote.name.to_string(),
        runtime: Some(app.runtime.reference.to_string()),
        evr: first,
        packages: packages.len(),
        report: lines(&notes),
        notes,
    })
}

/// The runtime as a root: `usr` and `etc`.
fn base(files: &Tree, shadowed: BTreeSet<String>) -> Result<Base, BuildError> {
    let mut tree = Tree::new();
    tree.insert("usr", Node::Dir(files.clone()))?;
    tree.rename("usr/etc", "etc")?;
    Ok(Base { tree, shadowed })
}

/// The runtime's packages that have triggers, as far as their own commits are in the store.
fn trigger_owners(session: &Session, runtime: &FoundRuntime) -> Result<Vec<TriggerOwner>, BuildError> {
    let mut owners = Vec::new();
    for record in runtime.packages.packages.iter().filter(|record| record.has_triggers) {
        let Some(nevra) = record.nevra() else { continue };
        let Some(id) = session.repo.resolve(&import::reference(&nevra, &record.digest)?)? else { continue };
        let Some(header) = import::stored_header(&session.repo.commit(&id)?) else { continue };
        let triggers = crate::rpm::triggers(&header);
        if !triggers.is_empty() {
            owners.push(TriggerOwner { name: nevra.name, triggers });
        }
    }
    Ok(owners)
}

fn sdk(session: &Session, runtime: &FoundRuntime) -> Result<Option<Ref>, BuildError> {
    let commit = session.repo.commit(&runtime.commit)?;
    let Some(text) = commit.text("xa.metadata") else { return Ok(None) };
    Ok(Metadata::parse(text)?.sdk)
}

/// What was asked for, so that it can be asked for again: names as they were typed, files as what they are.
fn request_text(request: &AppRequest) -> Vec<String> {
    let files = request.files.iter().map(|file| file.package.facts().nevra.to_string());
    files.chain(request.wanted.iter().cloned()).collect()
}
