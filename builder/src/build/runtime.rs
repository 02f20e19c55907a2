//! From a manifest to the commit of a runtime.

use std::collections::BTreeSet;

use aril_model::{Arch, Keyfile, Ref};

use super::solved::Asked;
use super::{Built, Solved, lines};
use crate::gather::gather;
use crate::import::Imported;
use crate::manifest::Manifest;
use crate::merge::merge;
use crate::report::Note;
use crate::scripts::Scripts;
use crate::session::Session;
use crate::solve::{Question, WeakPackages};
use crate::tool::Workplace;
use crate::trigger::make_caches;
use crate::{BuildError, commit, layout};

/// Solves for a runtime.
///
/// # Errors
/// When there is no solution, or the repository cannot be had.
pub fn solve_runtime(session: &Session, manifest: &Manifest) -> Result<Solved, BuildError> {
    let mut asked = Asked::new(session)?;
    asked.universe.prepare();
    asked.universe.exclude(&manifest.exclude);
    let solution = asked.solve(&question(manifest))?;
    asked.solved(solution, &manifest.packages)
}

pub(super) fn question(manifest: &Manifest) -> Question {
    Question {
        wanted: manifest.packages.clone(),
        optional: manifest.optional.clone(),
        weak: if manifest.weak_dependencies { WeakPackages::Take } else { WeakPackages::Leave },
        ..Question::default()
    }
}

/// Builds a runtime and publishes its commit.
///
/// # Errors
/// When a package cannot be had, is refused, or does not fit the others.
pub fn build_runtime(session: &Session, manifest: &Manifest) -> Result<Built, BuildError> {
    let solved = solve_runtime(session, manifest)?;
    let imported = gather(session, &solved.repository, &solved.sources, &[])?;
    let packages: Vec<&Imported> = imported.iter().collect();
    let mut merged = merge(&packages, None)?;
    let scripts = Scripts {
        packages: &packages,
        runtime: None,
        beneath: &[],
        installed: &BTreeSet::new(),
        repo: &session.repo,
        tool: session.settings.tool.as_deref(),
    };
    merged.notes.extend(scripts.apply(&mut merged.tree)?);
    let writer = session.repo.writer()?;
    let place = Workplace::new(&session.repo, session.settings.tool.as_deref(), &merged.tree, None)?;
    merged.notes.extend(make_caches(&place, &merged.tree)?);
    merged.notes.extend(place.written(&writer)?.apply(&mut merged.tree));
    drop(place);
    let laid = layout::runtime(merged.tree)?;
    let left_out = packages.iter().flat_map(|package| package.left_out.clone());
    let notes: Vec<Note> = left_out.chain(merged.notes).chain(laid.notes).collect();
    let reference = manifest.reference(&session.remote.arch);
    let metadata = metadata(manifest, &session.remote.arch, &packages);
    let commit = commit::commit(
        commit::NewCommit {
            reference: &reference,
            files: laid.files,
            export: aril_store::Tree::new(),
            metadata: &metadata,
            packages: &packages,
            notes: &notes,
            request: vec!["manifest".into(), manifest.text.clone()],
            evr: None,
            runtime_commit: None,
        },
        &writer,
    )?;
    writer.publish(&[(session.published_as(&reference), commit.clone())])?;
    Ok(Built {
        reference: reference.to_string(),
        commit: commit.to_string(),
        remote: session.remote.name.to_string(),
        runtime: None,
        evr: None,
        packages: packages.len(),
        report: lines(&notes),
        notes,
    })
}

/// The keyfile of a runtime.
///
/// Source: `flatpak-metadata(5)`.
fn metadata(manifest: &Manifest, arch: &Arch, packages: &[&Imported]) -> Keyfile {
    let mut file = Keyfile::new();
    let full = |id: &aril_model::AppId| Ref { id: id.clone(), ..manifest.reference(arch) }.without_kind();
    file.set("Runtime", "name", manifest.id.as_str());
    file.set("Runtime", "runtime", &full(manifest.runtime.as_ref().unwrap_or(&manifest.id)));
    file.set("Runtime", "sdk", &full(manifest.sdk.as_ref().unwrap_or(&manifest.id)));
    for (name, value) in &manifest.environment {
        file.set("Environment", name, value);
    }
    for (name, keys) in &manifest.extensions {
        for (key, value) in keys {
            file.set(&format!("Extension {name}"), key, value);
        }
    }
    let vendors: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.facts.vendor.as_str())
        .filter(|vendor| !vendor.is_empty())
        .collect();
    let vendors: Vec<&str> = vendors.into_iter().collect();
    file.set("X-Aril", "built-by", "aril, of binary packages");
    file.set_list("X-Aril", "vendors", &vendors);
    file
}
