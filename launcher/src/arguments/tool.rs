//! `aril-launch --tool`, as `docs/architecture.md` defines it for the builder and transactions.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Request;
use super::words::{Word, Words};
use crate::LaunchError;
use crate::spec::Access;
use crate::tool::{ToolLayer, ToolRequest, ToolWrites};

const OPTIONS: &[&str] = &[
    "--lower",
    "--lower-usr",
    "--upper",
    "--work",
    "--bind",
    "--ro-bind",
    "--setenv",
    "--chdir",
    "--report-fd",
    "--mirror",
];

pub(crate) fn parse(words: &[OsString]) -> Result<Request, LaunchError> {
    let mut request = ToolRequest::default();
    let (mut upper, mut work, mut report) = (None, None, None);
    let mut words = Words::new(words);
    while let Some(word) = words.next()? {
        let option = match word {
            Word::Option(option) => option,
            Word::Separator => break,
            Word::Plain(_) => return Err(LaunchError::usage("the program stands after --")),
        };
        match option {
            "--lower" => request.layers.push(ToolLayer::Root(path(&mut words)?)),
            "--lower-usr" => request.layers.push(ToolLayer::Usr(path(&mut words)?)),
            "--upper" => upper = Some(path(&mut words)?),
            "--work" => work = Some(path(&mut words)?),
            "--bind" => request.binds.push(bind(&mut words, Access::Write)?),
            "--ro-bind" => request.binds.push(bind(&mut words, Access::Read)?),
            "--setenv" => request.environment.push((words.value()?.to_owned(), words.value()?.to_owned())),
            "--chdir" => request.directory = Some(words.value()?.into()),
            "--mirror" => request.mirrored.push(inner_path(words.value()?)?),
            "--report-fd" => report = Some(words.number()?),
            _ => return Err(words.unknown(OPTIONS)),
        }
    }
    request.command = words.rest().to_vec();
    request.writes = match (upper, work) {
        (Some(upper), Some(work)) => Some(ToolWrites { upper, work }),
        (None, None) => None,
        _ => return Err(LaunchError::usage("--upper and --work go together")),
    };
    if request.command.is_empty() {
        return Err(LaunchError::usage("no program is given"));
    }
    if request.layers.is_empty() {
        return Err(LaunchError::usage("no layer is given"));
    }
    Ok(Request::Tool(request, report))
}

/// A path of the host; relative ones mean the caller's directory, which the sandbox does not have.
fn path(words: &mut Words<'_>) -> Result<PathBuf, LaunchError> {
    let path = Path::new(words.value()?);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Ok(std::env::current_dir()?.join(path))
}

fn bind(words: &mut Words<'_>, access: Access) -> Result<(PathBuf, PathBuf, Access), LaunchError> {
    let source = path(words)?;
    Ok((source, inner_path(words.value()?)?, access))
}

/// A path in the sandbox.
fn inner_path(word: &OsStr) -> Result<PathBuf, LaunchError> {
    let path = Path::new(word);
    if path.is_absolute() && !path.components().any(|part| part == std::path::Component::ParentDir) {
        return Ok(path.components().collect());
    }
    let word = aril_model::printable(&word.to_string_lossy()).into_owned();
    Err(LaunchError::usage(format!("'{word}' is not a place in the sandbox: an absolute path without ..")))
}
