//! `plan`, `check` and `probe`: questions that `aril-change` asks before it changes anything.

use aril_builder::build::AppRequest;
use aril_builder::gather::LocalPackage;
use aril_builder::ground::RuntimeWish;
use aril_builder::probe::Look;
use aril_builder::repository::{Access, Fetcher};
use aril_builder::session::Session;
use aril_builder::{plan, probe};
use aril_terminal::args::{BuildCheck, BuildPlace, BuildPlan, BuildProbe};
use aril_terminal::{Exit, Failure, Terminal};

use super::{copies, failure, place};

pub(super) fn plan(args: &BuildPlan, terminal: &Terminal) -> Result<Exit, Failure> {
    let place = BuildPlace { installation: Some(args.installation.clone()), ..BuildPlace::default() };
    let session =
        Session::open(place::settings(&place, None)?, &args.remote, terminal.progress()).map_err(failure)?;
    let files =
        args.file.iter().map(|path| LocalPackage::open(path)).collect::<Result<_, _>>().map_err(failure)?;
    let runtime = RuntimeWish { reference: None, commit: args.runtime.clone() };
    let request = AppRequest { wanted: args.packages.clone(), files, copies: copies(args.shadow), runtime };
    let plan = plan::plan(&session, request, args.reference.as_ref()).map_err(failure)?;
    terminal.print_json(&plan)?;
    Ok(Exit::DONE)
}

pub(super) fn check(args: &BuildCheck, terminal: &Terminal) -> Result<Exit, Failure> {
    let repo = aril_store::Repo::open(args.installation.join("repo")).map_err(Failure::from)?;
    let check = plan::check(&repo, &args.runtime, &args.apps).map_err(failure)?;
    terminal.print_json(&check)?;
    Ok(Exit::DONE)
}

pub(super) fn probe(args: &BuildProbe, terminal: &Terminal) -> Result<Exit, Failure> {
    let remotes = aril_beneath::Dir::open(&args.remotes).map_err(|error| Failure::of(&error))?;
    let (cache, now) = (place::cache(), place::now());
    let access = Access { cache: &cache, fetcher: &Fetcher::new(), now };
    let look = if args.unsigned { Look::Unsigned } else { Look::Signed };
    let found = probe::probe(&remotes, &args.remote, look, access, terminal.progress()).map_err(failure)?;
    terminal.print_json(&found)?;
    Ok(Exit::DONE)
}
