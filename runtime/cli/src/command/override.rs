//! `aril override`: what the user changes about the permissions of an app, or of all apps.
//!
//! The one thing that is written here and not by `aril-change`: a small file of its own, replaced in one step, under its own lock.

use std::path::PathBuf;

use aril_beneath::{Dir, LockKind};
use aril_installation::{Installations, Scope};
use aril_model::{Context, Keyfile, nearest};
use aril_terminal::args::{Override, ScopeFilter};
use aril_terminal::{Failure, Terminal};
use serde::Serialize;

use crate::host::Host;
use crate::permissions::{ContextJson, as_keyfile};

/// Largest file of overrides, in bytes.
const LIMIT: u64 = 1 << 20;

/// The file of one app, or `global`.
struct Target {
    installation: PathBuf,
    scope: Scope,
    name: String,
}

/// What the changes are laid over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// What was changed before.
    Present,
    /// Nothing: that is forgotten.
    Empty,
}

pub(crate) fn change(args: &Override, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let (scope, installation) = host.path(&args.scope)?;
    let name = args.app.as_ref().map_or("global", |app| app.as_str()).to_owned();
    let target = Target { installation, scope, name };
    if args.show {
        return show(args, terminal, &target);
    }
    let changes = args.context.to_context().map_err(|error| Failure::from(error).into_usage())?;
    if args.context.is_empty() && !args.reset {
        return Err(Failure::usage("it is not said what is to change")
            .with_hint("`aril override --help` lists the permissions, `--show` prints what was changed"));
    }
    warn_if_unknown(args, terminal, host)?;
    target.write(&changes, if args.reset { Start::Empty } else { Start::Present }, terminal)?;
    let (whom, start) = match &args.app {
        Some(app) => (app.to_string(), "its next start"),
        None => ("all apps".to_owned(), "their next start"),
    };
    terminal.tell(&match args.context.is_empty() {
        true => format!("forgot what was changed for {whom}, from {start} on"),
        false => format!("changed the permissions of {whom}, from {start} on"),
    });
    Ok(())
}

fn show(args: &Override, terminal: &Terminal, target: &Target) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Shown<'a> {
        app: Option<&'a str>,
        overrides: ContextJson,
    }
    let file = match Dir::open(target.installation.join("overrides")) {
        Ok(dir) => target.read(&dir, terminal)?,
        Err(error) if error.is_not_found() => Keyfile::new(),
        Err(error) => return Err(Failure::of(&error)),
    };
    let (context, _) = Context::from_keyfile(&file);
    if args.json {
        let app = args.app.as_ref().map(|app| app.as_str());
        return terminal.print_json(&Shown { app, overrides: ContextJson::from(&context) });
    }
    terminal.print_document(&as_keyfile(&context))
}

impl Target {
    fn write(&self, changes: &Context, start: Start, terminal: &Terminal) -> Result<(), Failure> {
        let wrong = |error| self.explain(&error);
        let dir = Dir::open_or_create(&self.installation, 0o755).map_err(wrong)?;
        let dir = dir.create_dir_all("overrides", 0o755).map_err(wrong)?;
        // Two that change the same file take turns; `aril-change` never writes here, and is not waited for.
        let _lock = dir.lock(".lock", LockKind::Exclusive).map_err(wrong)?;
        let mut file = match start {
            Start::Empty => Keyfile::new(),
            Start::Present => self.read(&dir, terminal)?,
        };
        let (mut context, _) = Context::from_keyfile(&file);
        context.lay_over(changes);
        if context.is_empty() {
            return match dir.remove_file(&self.name) {
                Err(error) if !error.is_not_found() => Err(wrong(error)),
                _ => Ok(()),
            };
        }
        context.write(&mut file);
        dir.write_atomic(&self.name, file.to_string().as_bytes(), 0o644).map_err(wrong)
    }

    /// The file; wrong lines are told, and left out by whoever reads it.
    fn read(&self, dir: &Dir, terminal: &Terminal) -> Result<Keyfile, Failure> {
        let text = match dir.read_to_string(&self.name, LIMIT) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(Keyfile::new()),
            Err(error) => return Err(Failure::of(&error)),
        };
        let file = Keyfile::parse(&text).map_err(|error| {
            Failure::new(format!("'overrides/{}' cannot be read: {error}", self.name))
                .with_hint("`aril override --reset` removes it")
        })?;
        for error in Context::from_keyfile(&file).1 {
            terminal.warn(&format!("overrides/{}: {error}, ignoring", self.name));
        }
        Ok(file)
    }

    fn explain(&self, error: &aril_beneath::Error) -> Failure {
        let is_denied = error.source.kind() == std::io::ErrorKind::PermissionDenied;
        let failure = Failure::of(error);
        if is_denied && self.scope != Scope::User {
            return failure.with_hint("it belongs to root; `--user` changes it for you alone");
        }
        failure
    }
}

/// An override may come before its app; more often, the name is mistyped.
fn warn_if_unknown(args: &Override, terminal: &Terminal, host: &Host) -> Result<(), Failure> {
    let Some(app) = &args.app else { return Ok(()) };
    let installations: Installations = host.installations(&ScopeFilter::default())?;
    let known = installations.app_ids()?;
    if known.contains(app) {
        return Ok(());
    }
    match nearest(app.as_str(), known.iter().map(|id| id.as_str())) {
        Some(near) => terminal.warn(&format!("'{app}' is not installed; did you mean `{near}`?")),
        None => terminal.warn(&format!("'{app}' is not installed")),
    }
    Ok(())
}
