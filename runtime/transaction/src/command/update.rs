//! `aril update`.

use aril_model::Kind;
use aril_terminal::args::Update;
use aril_terminal::{Failure, Terminal};
use aril_transaction::{Narrowing, Planner, UpdateOptions, installed, one_installed};

use super::carry_out;
use crate::environment::Environment;

pub(crate) fn update(args: &Update, terminal: &Terminal, environment: &Environment) -> Result<(), Failure> {
    let (at, host) = environment.open_with(&args.scope, &args.names, terminal)?;
    let kind = match (args.app, args.runtime) {
        (true, _) => Some(Kind::App),
        (_, true) => Some(Kind::Runtime),
        _ => None,
    };
    let narrowing = Narrowing { kind, arch: args.arch.clone() };
    let mut refs = Vec::new();
    for name in &args.names {
        let found = match args.commit {
            Some(_) => vec![one_installed(&at, name, &narrowing)?],
            None => installed(&at, name, &narrowing)?,
        };
        for reference in found {
            // An app's runtime comes along.
            let active = at.installation().active(&reference)?;
            let runtime =
                active.map(|deploy| deploy.metadata()).transpose()?.and_then(|metadata| metadata.runtime);
            let runtime =
                runtime.filter(|_| !args.no_deps && args.commit.is_none() && reference.kind == Kind::App);
            for found in runtime.into_iter().chain([reference]) {
                if !refs.contains(&found) && at.installation().active(&found)?.is_some() {
                    refs.push(found);
                }
            }
        }
    }
    if args.names.is_empty() {
        let fits = |kind_of: Kind| kind.is_none_or(|kind| kind == kind_of);
        refs = at.installation().refs()?;
        refs.retain(|r| fits(r.kind) && args.arch.as_ref().is_none_or(|arch| *arch == r.arch));
    }
    let options = UpdateOptions { commit: args.commit.clone(), is_tolerant: args.names.is_empty() };
    let plan = Planner::new(&at, &host).update(&refs, &options)?;
    carry_out(plan, &at, &host, terminal, args.change)
}
