//! `aril-build`: makes runtimes and apps of RPMs.
//!
//! Reads the command line and the environment, once; everything else is the library's.

#[path = "main/answer.rs"]
mod answer; // what `plan` and `check` print
#[path = "main/place.rs"]
mod place; // where installations, caches, manifests and programs are

use std::process::ExitCode;

use aril_builder::BuildError;
use aril_builder::build::{AppRequest, Built, build_app, build_runtime};
use aril_builder::gather::LocalPackage;
use aril_builder::ground::RuntimeWish;
use aril_builder::session::{Session, read_manifest};
use aril_builder::solve::RuntimeCopies;
use aril_model::Hint;
use aril_terminal::args::{BuildApp, BuildCli, BuildCommand, BuildRuntime};
use aril_terminal::{Exit, Failure, Terminal, program};

fn main() -> ExitCode {
    program::main::<BuildCli>(|cli, terminal| match cli.command {
        BuildCommand::Runtime(args) => runtime(&args, terminal),
        BuildCommand::App(args) => app(&args, terminal),
        BuildCommand::Plan(args) => answer::plan(&args, terminal),
        BuildCommand::Check(args) => answer::check(&args, terminal),
        BuildCommand::Probe(args) => answer::probe(&args, terminal),
    })
}

fn runtime(args: &BuildRuntime, terminal: &Terminal) -> Result<Exit, Failure> {
    let settings = place::settings(&args.place, args.repo.as_deref())?;
    let session = Session::open(settings, &args.from, terminal.progress()).map_err(failure)?;
    let manifest = match (&args.manifest, &args.reference) {
        (Some(path), _) => read_manifest(path),
        (None, Some(reference)) => session.recorded_manifest(reference),
        (None, None) => return Err(Failure::usage("a manifest is needed")),
    };
    let built = build_runtime(&session, &manifest.map_err(failure)?).map_err(failure)?;
    finish(&built, args.change.json, terminal)
}

fn app(args: &BuildApp, terminal: &Terminal) -> Result<Exit, Failure> {
    let settings = place::settings(&args.place, args.repo.as_deref())?;
    let session = Session::open(settings, &args.from, terminal.progress()).map_err(failure)?;
    let mut runtime = RuntimeWish { reference: None, commit: args.runtime.clone() };
    let wanted = match &args.reference {
        Some(reference) => {
            runtime.reference = session.recorded_runtime(reference).map_err(failure)?;
            session.recorded_request(reference).map_err(failure)?
        }
        None => args.packages.clone(),
    };
    let files =
        args.file.iter().map(|path| LocalPackage::open(path)).collect::<Result<_, _>>().map_err(failure)?;
    let request = AppRequest { wanted, files, copies: copies(args.shadow), runtime };
    let built = build_app(&session, &request).map_err(failure)?;
    finish(&built, args.change.json, terminal)
}

fn copies(shadow: bool) -> RuntimeCopies {
    if shadow { RuntimeCopies::Shadowed } else { RuntimeCopies::Locked }
}

fn finish(built: &Built, json: bool, terminal: &Terminal) -> Result<Exit, Failure> {
    if json {
        terminal.print_json(built)?;
        return Ok(Exit::DONE);
    }
    for line in &built.report {
        terminal.tell(line);
    }
    terminal.print(&format!("{} {}", built.reference, built.commit))?;
    Ok(Exit::DONE)
}

/// What went wrong, with what stands against it and what would help.
fn failure(error: BuildError) -> Failure {
    let mut failure = Failure::of(&error);
    let details = error.details();
    if !details.is_empty() {
        failure = failure.with_details(&details.join("\n"));
    }
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
