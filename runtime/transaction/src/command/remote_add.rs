//! `aril remote-add`.

use std::io::Read;
use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_terminal::args::RemoteAdd;
use aril_terminal::{Failure, Terminal};
use aril_transaction::remote::{self, Described, IfThere, NewRemote, Trust};

use crate::environment::Environment;

/// Largest key file, in bytes.
const KEY_LIMIT: u64 = 8 << 20;

pub(crate) fn remote_add(
    args: &RemoteAdd,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    let (at, host) = environment.open(&args.scope, terminal)?;
    let described = match (&args.from, &args.url) {
        (Some(file), _) => Described::File(file.clone(), args.repo_id.clone()),
        (None, Some(url)) => described(url)?,
        (None, None) => return Err(Failure::usage("it is not said where the remote is")),
    };
    let flags = [
        (args.no_enumerate, "xa.noenumerate"),
        (args.no_use_for_deps, "xa.nodeps"),
        (args.disable, "xa.disable"),
    ];
    let new = NewRemote {
        name: args.name.clone(),
        described,
        trust: trust(args)?,
        release: args.release.clone(),
        title: args.title.clone(),
        default_branch: args.default_branch.clone(),
        priority: args.prio,
        flags: flags.into_iter().filter(|(wanted, _)| *wanted).map(|(_, key)| key).collect(),
    };
    let if_there = if args.if_not_exists { IfThere::Keep } else { IfThere::Refuse };
    let added = remote::add(&at, &host, &new, if_there)?;
    terminal.tell(&if added.is_new {
        format!("added the remote '{}'", added.name)
    } else {
        format!("the remote '{}' is there already", added.name)
    });
    for note in &added.notes {
        terminal.tell(note);
    }
    Ok(())
}

/// A path in place of a url means a directory of this machine, or a file that describes a remote.
fn described(url: &str) -> Result<Described, Failure> {
    if url.contains("://") {
        return Ok(Described::Url(url.to_owned()));
    }
    let path = std::path::absolute(url).unwrap_or_else(|_| PathBuf::from(url));
    if [".repo", ".flatpakrepo"].iter().any(|suffix| url.ends_with(suffix)) {
        return Ok(Described::File(path, None));
    }
    match Dir::open(&path) {
        Ok(_) => Ok(Described::Url(format!("file://{}", path.display()))),
        Err(error) => Err(Failure::of(&error)
            .with_hint("a remote is a url: https://…, file:///…, rpm+https://…, rpm+file:///…")),
    }
}

fn trust(args: &RemoteAdd) -> Result<Trust, Failure> {
    if args.no_gpg_verify {
        return Ok(Trust::Anything);
    }
    if args.gpg_import.is_empty() {
        return Ok(Trust::AsDescribed);
    }
    let mut keys = Vec::new();
    for path in &args.gpg_import {
        keys.extend(read_key(path)?);
    }
    Ok(Trust::Keys(keys))
}

fn read_key(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(KEY_LIMIT).read_to_end(&mut bytes);
        read.map_err(|error| Failure::new(format!("cannot read the key: {error}")))?;
        return Ok(bytes);
    }
    Ok(remote::read_bytes(path)?)
}
