//! `aril run`, as it arrives here: `aril-launch [OPTIONS] APP [ARGUMENTS…]`.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::str::FromStr;

use aril_model::{Arch, Branch, CommitId, Context, PartialRef};

use super::Request;
use super::context;
use super::words::{Word, Words};
use crate::LaunchError;

/// Which app is to be started, and how.
#[derive(Debug)]
pub(crate) struct RunRequest {
    /// The app, as it was typed.
    pub(crate) name: PartialRef,
    /// What it gets as arguments.
    pub(crate) arguments: Vec<OsString>,
    /// The installation, if one was named.
    pub(crate) installation: Option<InstallationChoice>,
    /// The program, instead of the metadata's.
    pub(crate) command: Option<OsString>,
    /// The directory in which it starts.
    pub(crate) directory: Option<PathBuf>,
    /// A commit of the app other than the active one.
    pub(crate) commit: Option<CommitId>,
    /// What replaces the metadata's runtime.
    pub(crate) runtime: RuntimeChoice,
    /// Permissions typed for this run.
    pub(crate) context: Context,
    /// Nothing of what the metadata and the user allow holds.
    pub(crate) sandboxed: Switch,
    /// Whether the caller's environment arrives.
    pub(crate) environment: Inherit,
    /// `@@`: files among the arguments are shared by the document portal.
    pub(crate) file_forwarding: Switch,
    /// Whether regular files among the arguments are shared, as a person expects who typed them.
    pub(crate) argument_files: Switch,
    /// The app ends when the launcher's parent does.
    pub(crate) dies_with_parent: Switch,
    /// A running sandbox to be joined.
    pub(crate) parent: Option<i32>,
    /// Descriptor to which the instance's number is written.
    pub(crate) instance_id: Option<OwnedFd>,
    /// Buses that are switched on or off, whatever the metadata says.
    pub(crate) session_bus: Option<Switch>,
    /// The same for accessibility.
    pub(crate) a11y_bus: Option<Switch>,
    /// Whether the document portal's files are mounted.
    pub(crate) documents: Switch,
    /// Limits: `mem=2G,pids=500`.
    pub(crate) limits: Vec<String>,
    /// What is printed.
    pub(crate) output: Output,
}

/// What replaces parts of the metadata's runtime.
#[derive(Debug, Default)]
pub(crate) struct RuntimeChoice {
    /// `--devel`: the sdk.
    pub(crate) devel: Switch,
    /// `--runtime`: `ID`, `ID//BRANCH` or a whole ref.
    pub(crate) name: Option<PartialRef>,
    /// `--runtime-version`.
    pub(crate) branch: Option<Branch>,
    /// `--runtime-commit`.
    pub(crate) commit: Option<CommitId>,
}

/// An option that is on or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Switch {
    /// It was given.
    On,
    /// It was not.
    #[default]
    Off,
}

impl Switch {
    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// Whether the caller's variables reach the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inherit {
    /// As far as the layout says.
    Usual,
    /// None.
    Nothing,
}

/// An installation that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstallationChoice {
    /// `--user`.
    User,
    /// `--system`.
    System,
    /// `--installation=NAME`.
    Named(String),
}

/// What is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// `--dry-run`: the plan, and nothing is started.
    pub(crate) dry_run: Switch,
    /// `--json`.
    pub(crate) json: Switch,
    /// `-v`: what was and was not enforced.
    pub(crate) verbose: Switch,
    /// `--timings`: how long each step took.
    pub(crate) timings: Switch,
}

#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "--command", "--cwd", "--arch", "--branch", "--commit", "--devel", "--runtime", "--runtime-version", "--runtime-commit", "--user",
    "--system", "--installation", "--sandbox", "--clear-env", "--file-forwarding", "--no-argv-files", "--die-with-parent", "--parent-pid",
    "--parent-expose-pids", "--parent-share-pids", "--instance-id-fd", "--session-bus", "--no-session-bus", "--a11y-bus", "--no-a11y-bus",
    "--no-documents-portal", "--limit", "--dry-run", "--json", "--verbose", "--timings", "--log-session-bus", "--log-system-bus",
    "--log-a11y-bus", "--help",
];

pub(crate) fn parse(typed: &[OsString]) -> Result<Request, LaunchError> {
    let mut words = Words::new(typed);
    let mut draft = Draft::default();
    let name = loop {
        match words.next()? {
            Some(Word::Option("--help" | "-h")) => return Ok(Request::Help),
            Some(Word::Option(option)) => draft.take(option, &mut words)?,
            Some(Word::Separator) => {}
            Some(Word::Plain(name)) => break name,
            None => return Err(no_app()),
        }
    };
    draft.finish(name, words.rest()).map(|request| Request::Run(Box::new(request)))
}

fn no_app() -> LaunchError {
    LaunchError::Usage {
        problem: "no app is named".into(),
        hint: Some("`aril list` shows what is installed".into()),
    }
}

/// What was taken so far.
#[derive(Default)]
struct Draft {
    installation: Option<InstallationChoice>,
    command: Option<OsString>,
    directory: Option<PathBuf>,
    arch: Option<Arch>,
    branch: Option<Branch>,
    commit: Option<CommitId>,
    runtime: RuntimeChoice,
    context: Context,
    sandboxed: Switch,
    clear_env: Switch,
    file_forwarding: Switch,
    no_argument_files: Switch,
    dies_with_parent: Switch,
    parent: Option<i32>,
    instance_id: Option<OwnedFd>,
    session_bus: Option<Switch>,
    a11y_bus: Option<Switch>,
    no_documents: Switch,
    limits: Vec<String>,
    output: Output,
}

impl Draft {
    fn take(&mut self, option: &str, words: &mut Words<'_>) -> Result<(), LaunchError> {
        if context::take(option, words, &mut self.context)? || self.take_switch(option) {
            return Ok(());
        }
        match option {
            "--command" => self.command = Some(words.value()?.to_owned()),
            "--cwd" => self.directory = Some(words.value()?.into()),
            "--arch" => self.arch = Some(parsed(words)?),
            "--branch" => self.branch = Some(parsed(words)?),
            "--commit" => self.commit = Some(parsed(words)?),
            "--runtime" => self.runtime.name = Some(parsed(words)?),
            "--runtime-version" => self.runtime.branch = Some(parsed(words)?),
            "--runtime-commit" => self.runtime.commit = Some(parsed(words)?),
            "--installation" => self.installation = Some(InstallationChoice::Named(words.text()?.to_owned())),
            "--parent-pid" => self.parent = Some(words.number()?),
            "--instance-id-fd" => self.instance_id = Some(descriptor(words)?),
            "--limit" => self.limits.extend(words.text()?.split(',').map(str::to_owned)),
            _ => {
                let permissions = context::names();
                let permissions = permissions.iter().map(String::as_str);
                let known: Vec<&str> = OPTIONS.iter().copied().chain(permissions).collect();
                return Err(words.unknown(&known));
            }
        }
        Ok(())
    }

    fn take_switch(&mut self, option: &str) -> bool {
        let switch = match option {
            "--user" => return self.choose(InstallationChoice::User),
            "--system" => return self.choose(InstallationChoice::System),
            "--session-bus" => self.session_bus.insert(Switch::On),
            "--a11y-bus" => self.a11y_bus.insert(Switch::On),
            "--no-session-bus" => return self.session_bus.insert(Switch::Off) == &Switch::Off,
            "--no-a11y-bus" => return self.a11y_bus.insert(Switch::Off) == &Switch::Off,
            "--devel" | "-d" => &mut self.runtime.devel,
            "--sandbox" => &mut self.sandboxed,
            "--clear-env" => &mut self.clear_env,
            "--file-forwarding" => &mut self.file_forwarding,
            "--no-argv-files" => &mut self.no_argument_files,
            "--die-with-parent" | "-p" => &mut self.dies_with_parent,
            "--no-documents-portal" => &mut self.no_documents,
            "--dry-run" => &mut self.output.dry_run,
            "--json" => &mut self.output.json,
            "--verbose" | "-v" | "-vv" => &mut self.output.verbose,
            "--timings" => &mut self.output.timings,
            // Taken for the callers that give them; the log is one of the filter's, which has no place for it yet.
            "--log-session-bus" | "--log-system-bus" | "--log-a11y-bus" => return true,
            _ => return false,
        };
        *switch = Switch::On;
        true
    }

    fn choose(&mut self, installation: InstallationChoice) -> bool {
        self.installation = Some(installation);
        true
    }

    fn finish(self, name: &OsStr, arguments: &[OsString]) -> Result<RunRequest, LaunchError> {
        let text = name.to_str().ok_or_else(|| LaunchError::usage("the app's name is not UTF-8"))?;
        let mut name: PartialRef = text.parse().map_err(|error| LaunchError::usage(format!("{error}")))?;
        name.arch = self.arch.or(name.arch);
        name.branch = self.branch.or(name.branch);
        Ok(RunRequest {
            name,
            arguments: arguments.to_vec(),
            installation: self.installation,
            command: self.command,
            directory: self.directory,
            commit: self.commit,
            runtime: self.runtime,
            context: self.context,
            sandboxed: self.sandboxed,
            environment: if self.clear_env.is_on() { Inherit::Nothing } else { Inherit::Usual },
            file_forwarding: self.file_forwarding,
            argument_files: opposite(self.no_argument_files),
            dies_with_parent: self.dies_with_parent,
            parent: self.parent,
            instance_id: self.instance_id,
            session_bus: self.session_bus,
            a11y_bus: self.a11y_bus,
            documents: opposite(self.no_documents),
            limits: self.limits,
            output: self.output,
        })
    }
}

fn opposite(switch: Switch) -> Switch {
    if switch.is_on() { Switch::Off } else { Switch::On }
}

fn parsed<T: FromStr>(words: &mut Words<'_>) -> Result<T, LaunchError>
where
    T::Err: std::fmt::Display,
{
    words.text()?.parse().map_err(|error: T::Err| LaunchError::usage(error.to_string()))
}

fn descriptor(words: &mut Words<'_>) -> Result<OwnedFd, LaunchError> {
    let number = words.number()?;
    crate::sys::inherited(number)
        .ok_or_else(|| LaunchError::usage(format!("{number} is not an open descriptor")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aril_model::{Share, Socket};

    fn parse_line(line: &str) -> Result<RunRequest, LaunchError> {
        let words: Vec<OsString> = line.split(' ').map(|word| word.replace('+', " ").into()).collect();
        match parse(&words)? {
            Request::Run(request) => Ok(*request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_stand_before_the_app_and_arguments_after_it() {
        let request = parse_line("--command=sh --branch f42 -v org.test.Hello -c --share=network").unwrap();
        assert_eq!(request.name.to_string(), "org.test.Hello//f42");
        assert_eq!(request.command.unwrap(), "sh");
        assert_eq!(request.arguments, ["-c", "--share=network"]);
        assert!(request.output.verbose.is_on() && request.argument_files.is_on());
    }

    #[test]
    fn the_last_word_on_a_permission_counts() {
        let request = parse_line("--share=network --unshare=network --socket x11 a.b.C").unwrap();
        assert!(request.context.shared.denies(Share::Network) && request.context.sockets.allows(Socket::X11));
        let request = parse_line("--no-session-bus --session-bus a.b.C").unwrap();
        assert_eq!(request.session_bus, Some(Switch::On));
        let request = parse_line("--user --system a.b.C").unwrap();
        assert_eq!(request.installation, Some(InstallationChoice::System));
    }

    #[test]
    fn wrong_lines() {
        for (line, problem, hint) in [
            ("--comand=sh a.b.C", "unknown option '--comand'", Some("did you mean `--command`?")),
            ("--socket=x12 a.b.C", "'--socket=x12' is not known", Some("did you mean `x11`?")),
            ("--devel=1 a.b.C", "'--devel' takes no value", None),
            ("--cwd", "'--cwd' needs a value", None),
            ("--env=A a.b.C", "'--env=A' gives no value", Some("it is `--env=NAME=VALUE`")),
            (
                "--filesystem=hom a.b.C",
                "'--filesystem=hom' is not a place",
                Some(
                    "did you mean `home`? A place is `host`, `home`, an `xdg-…` name, or a path that starts with / or ~/",
                ),
            ),
            ("--user", "no app is named", Some("`aril list` shows what is installed")),
            ("a+b", "'a b' cannot be the name of an app or runtime", None),
        ] {
            match parse_line(line) {
                Err(LaunchError::Usage { problem: said, hint: help }) => {
                    assert_eq!((said.as_str(), help.as_deref()), (problem, hint), "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
