//! Files that are shared with an app for one start: those that the caller marked go through the document portal, those that a person typed
//! are shown where they are.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aril_beneath::{Dir, EntryKind};
use aril_model::{Access, Context, Place};
use aril_proxy::{MethodCall, Session, Value};

use crate::arguments::{Argument, RunRequest, forwarded, plain, uri};
use crate::host::Host;
use crate::spec::SandboxSpec;

/// How long the portal may take: the person waits for the file to open.
const PATIENCE: Duration = Duration::from_secs(5);
/// The document is the one that the app has already, if it has it.
const REUSE_EXISTING: u32 = 1;
/// The document is a directory.
const DIRECTORY: u32 = 8;

/// Directories of the home in which no file is shared because its name was typed.
const PRIVATE: [&str; 5] = [".ssh", ".gnupg", ".config", ".local", ".var"];

/// Grants the regular files of the user among the arguments of a command that a person typed, at their own paths, for this run.
pub(crate) fn grant_typed_files(request: &RunRequest, context: &mut Context) {
    let is_typed = rustix::termios::isatty(rustix::stdio::stdin());
    if !is_typed || !request.argument_files.is_on() || request.file_forwarding.is_on() {
        return;
    }
    let (Ok(here), Ok(root)) = (std::env::current_dir(), Dir::open("/")) else { return };
    let home = std::env::var_os("HOME").map(PathBuf::from);
    for argument in &request.arguments {
        let path = plain(&here.join(argument));
        if let Some(text) = path.to_str()
            && is_own_file(&root, &path, home.as_deref())
        {
            context.filesystems.entry(Place::Path(text.to_owned())).or_insert(Access::Write);
        }
    }
}

fn is_own_file(root: &Dir, path: &Path, home: Option<&Path>) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let is_private = home.is_some_and(|home| PRIVATE.iter().any(|name| path.starts_with(home.join(name))));
    !is_private
        && !path.starts_with("/var/lib/aril")
        && root.stat_in_root(path).is_ok_and(|found| found.kind == EntryKind::File && found.uid == me)
}

/// The app's arguments with marked files made reachable: as they are where the app sees them, as documents else. What could not be shared
/// arrives under its own name, and the second value says why.
pub(crate) fn share_marked_files(
    request: &RunRequest,
    host: &Host,
    spec: &SandboxSpec,
    app: &str,
) -> (Vec<OsString>, Vec<String>) {
    let here = host.directory.clone().unwrap_or_else(|| "/".into());
    let mut portal: Option<Session> = None;
    let mut notes = Vec::new();
    let mut arguments = Vec::new();
    for argument in forwarded(&request.arguments, &here) {
        let (path, is_uri) = match argument {
            Argument::Word(word) => {
                arguments.push(word);
                continue;
            }
            Argument::File(path) => (path, false),
            Argument::Uri(path) => (path, true),
        };
        let mut inside = path.clone();
        if !spec.shows_at_its_own_path(&path) {
            match share(&mut portal, host, &path, app) {
                Ok(document) => inside = document,
                Err(why) => notes.push(format!("'{}' could not be shared: {why}", path.display())),
            }
        }
        arguments.push(if is_uri { uri(&inside) } else { inside.into() });
    }
    (arguments, notes)
}

/// Makes a document of a file, and returns its path inside.
fn share(portal: &mut Option<Session>, host: &Host, path: &Path, app: &str) -> Result<PathBuf, String> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map_err(|error| error.to_string())?;
    let name = path.file_name().ok_or("it has no name")?;
    if portal.is_none() {
        let bus = host.sockets.session_bus.as_ref().ok_or("there is no session bus")?;
        let socket = bus.connect().map_err(|error| error.to_string())?;
        *portal = Some(Session::open(socket, PATIENCE).map_err(|error| error.to_string())?);
    }
    let session = portal.as_mut().ok_or("there is no session bus")?;
    let document = add(session, file, app).map_err(|error| error.to_string())?;
    if document.is_empty() || document.contains('/') || document.starts_with('.') {
        return Err("the document portal gave no usable name".into());
    }
    let inner = PathBuf::from(format!("/run/user/{}/doc", host.ids.uid));
    Ok(inner.join(document).join(name))
}

/// Source: `org.freedesktop.portal.Documents.xml`, AddFull.
fn add(session: &mut Session, file: OwnedFd, app: &str) -> Result<String, aril_proxy::CallError> {
    let is_directory = rustix::fs::fstat(&file).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
    });
    let flags = if is_directory { REUSE_EXISTING | DIRECTORY } else { REUSE_EXISTING };
    let rights = ["read", "write"].map(|right| Value::String(right.to_owned())).to_vec();
    let call = MethodCall {
        destination: "org.freedesktop.portal.Documents",
        path: "/org/freedesktop/portal/documents",
        interface: "org.freedesktop.portal.Documents",
        member: "AddFull",
        arguments: &[
            Value::Array("h".into(), vec![Value::Fd(0)]),
            Value::U32(flags),
            Value::String(app.to_owned()),
            Value::Array("s".into(), rights),
        ],
    };
    let pending = session.send_with_fds(&call, vec![file])?;
    let reply = session.receive(pending)?;
    let ids = reply.values.into_iter().next();
    let first = match ids {
        Some(Value::Array(_, ids)) => ids.into_iter().next(),
        _ => None,
    };
    Ok(first.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default())
}
