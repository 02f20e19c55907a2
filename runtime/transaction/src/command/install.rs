//! `aril install`.

use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_installation::{Remote, RemoteKind};
use aril_model::{Kind, RemoteName};
use aril_terminal::args::Install;
use aril_terminal::{Answer, Failure, Terminal};
use aril_transaction::remote::{self, FlatpakRef};
use aril_transaction::{
    Host, InstallOptions, LockedInstallation, Narrowing, Plan, Planner, TransactionError, Wanted,
};

use super::carry_out;
use crate::environment::Environment;

pub(crate) fn install(args: &Install, terminal: &Terminal, environment: &Environment) -> Result<(), Failure> {
    let (at, host) = environment.open(&args.scope, terminal)?;
    if let [name] = args.names.as_slice()
        && name.ends_with(".flatpakref")
    {
        return install_flatpakref(name, args, terminal, &at, &host);
    }
    let wanted = wanted(args, &at)?;
    let plan = Planner::new(&at, &host).install(&wanted, &options(args))?;
    carry_out(plan, &at, &host, terminal, args.change)
}

fn options(args: &Install) -> InstallOptions {
    let kind = match (args.app, args.runtime) {
        (true, _) => Some(Kind::App),
        (_, true) => Some(Kind::Runtime),
        _ => None,
    };
    InstallOptions {
        narrowing: Narrowing { kind, arch: args.arch.clone() },
        no_deps: args.no_deps,
        or_update: args.or_update,
        reinstall: args.reinstall,
        shadow: args.shadow,
    }
}

/// What the words of the command line stand for: files, a remote and names in it, or names alone.
fn wanted(args: &Install, at: &LockedInstallation) -> Result<Vec<Wanted>, Failure> {
    let (remotes, _) = at.installation().remotes()?;
    let (remote, names) = match args.names.split_first() {
        Some((first, rest)) if !rest.is_empty() => {
            match remotes.iter().find(|remote| remote.name.as_str() == *first) {
                Some(remote) => (Some(remote), rest),
                None => (None, args.names.as_slice()),
            }
        }
        _ => (None, args.names.as_slice()),
    };
    names.iter().map(|name| one_wanted(name, remote, args.remote.as_ref())).collect()
}

fn one_wanted(
    name: &str,
    remote: Option<&Remote>,
    for_needs: Option<&RemoteName>,
) -> Result<Wanted, Failure> {
    if name.ends_with(".rpm") && is_file(name) {
        let remote = remote.map(|remote| remote.name.clone()).or_else(|| for_needs.cloned());
        return Ok(Wanted::File(absolute(name)?, remote));
    }
    if name.ends_with(".flatpak") && is_file(name) {
        return Err(Failure::new("bundles cannot be installed yet"));
    }
    match remote {
        Some(remote) if remote.kind == RemoteKind::Rpm => {
            Ok(Wanted::Packages(remote.name.clone(), vec![name.to_owned()]))
        }
        Some(remote) => {
            let name = name.parse().map_err(|error| Failure::usage(format!("{error}")))?;
            Ok(Wanted::Ref(remote.name.clone(), name))
        }
        None => Ok(Wanted::Name(name.to_owned())),
    }
}

/// The person's own path: links on the way are theirs.
fn is_file(name: &str) -> bool {
    let path = Path::new(name);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = path.file_name().map(|file| Dir::open(parent).and_then(|dir| dir.exists(file)));
    matches!(named, Some(Ok(true)))
}

fn absolute(name: &str) -> Result<PathBuf, Failure> {
    std::path::absolute(name).map_err(|error| Failure::new(format!("cannot find '{name}': {error}")))
}

/// Installs what a `.flatpakref` names; its remote is added for it, and goes again if nothing comes of it.
fn install_flatpakref(
    name: &str,
    args: &Install,
    terminal: &Terminal,
    at: &LockedInstallation,
    host: &Host,
) -> Result<(), Failure> {
    let described = FlatpakRef::read(name)?;
    let before: Vec<RemoteName> =
        at.installation().remotes()?.0.into_iter().map(|remote| remote.name).collect();
    let remote = remote::for_flatpakref(at, &described)?;
    let done = plan_flatpakref((&described, &remote), args, terminal, host, &Planner::new(at, host))
        .and_then(|plan| carry_out(plan, at, host, terminal, args.change));
    if (done.is_err() || args.change.dry_run)
        && !before.contains(&remote)
        && remote::refs_from(at, &remote)?.is_empty()
    {
        remote::remove(at, &remote, aril_transaction::uninstall::Force::No)?;
    }
    done
}

fn plan_flatpakref(
    (described, remote): (&FlatpakRef, &RemoteName),
    args: &Install,
    terminal: &Terminal,
    host: &Host,
    planner: &Planner<'_>,
) -> Result<Plan, Failure> {
    let wanted = [Wanted::Ref(remote.clone(), described.name.clone())];
    let planned = planner.install(&wanted, &options(args));
    let (Err(TransactionError::NoRuntime { .. }), Some(url)) = (&planned, &described.runtime_repo) else {
        return Ok(planned?);
    };
    terminal.confirm(&format!("Its runtime comes from '{url}'. Add that remote, too?"), Answer::Yes)?;
    let added = remote::add_described(planner.installation(), host, url)?;
    terminal.tell(&format!("added the remote '{}'", added.name));
    Ok(planner.install(&wanted, &options(args))?)
}
