//! The command line: `[OPTION…] (ADDRESS PATH [OPTION…])…`, as `xdg-dbus-proxy` has it. Pure, but for `--args`, which the caller reads.

use std::collections::VecDeque;
use std::ffi::OsString;

use aril_model::{BusName, BusNameError, Policy, printable};
use aril_proxy::{BusAddress, BusAddressError, MessageRule, MessageRuleError, Rules};

use crate::Failure;

pub(crate) const HELP: &str = "\
usage: aril-dbus-proxy [OPTION…] (ADDRESS PATH [OPTION…])…

Filters what programs that connect to PATH can do on the bus at ADDRESS.

  aril-dbus-proxy $DBUS_SESSION_BUS_ADDRESS /tmp/bus --filter --talk=org.freedesktop.Notifications

      --fd=FD                write a byte to FD when everything listens; end when its other end closes
      --args=FD              read further arguments from FD, each ended by a zero byte
      --help                 print this
      --version              print the version

After ADDRESS and PATH, for that bus:
      --filter               apply rules; without it everything passes
      --log                  print each message
      --sloppy-names         announce when any connection comes or goes
      --see=NAME[.*]         NAME can be seen
      --talk=NAME[.*]        NAME can be seen, called and heard
      --own=NAME[.*]         NAME can be owned
      --call=NAME[.*]=RULE        what RULE says can be called
      --broadcast=NAME[.*]=RULE   what RULE says can be heard

RULE is [METHOD][@PATH[/*]], and METHOD is *, INTERFACE.* or INTERFACE.MEMBER.
";

/// What the program was asked for.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Version,
    Run(Arguments),
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) buses: Vec<Bus>,
    pub(crate) sync_fd: Option<i32>,
}

/// One bus.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) address: BusAddress,
    pub(crate) path: String,
    pub(crate) rules: Rules,
    pub(crate) has_log: bool,
}

/// A command line that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("no address of a bus was given; see `aril-dbus-proxy --help`")]
    NoBus,
    #[error("no path was given for the socket of '{0}'")]
    NoPath(String),
    #[error("'{0}' is not an option here; see `aril-dbus-proxy --help`")]
    Unknown(String),
    #[error("'{0}' is not a descriptor's number")]
    Number(String),
    #[error("'{0}' is not a name and a rule: it is like NAME=RULE")]
    NoRule(String),
    #[error("an argument is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Address(#[from] BusAddressError),
    #[error(transparent)]
    Name(#[from] BusNameError),
    #[error(transparent)]
    Rule(#[from] MessageRuleError),
}

impl Request {
    /// Reads the words behind the program's name. `read` reads all of a descriptor.
    pub(crate) fn parse(
        words: Vec<OsString>,
        read: impl Fn(i32) -> Result<Vec<u8>, Failure>,
    ) -> Result<Self, Failure> {
        let words: Result<VecDeque<String>, _> = words.into_iter().map(OsString::into_string).collect();
        let mut words = words.map_err(|_| ArgumentError::NotUtf8)?;
        let mut arguments = Arguments { buses: Vec::new(), sync_fd: None };
        while let Some(word) = words.pop_front() {
            match word.split_once('=') {
                None if word == "--help" => return Ok(Self::Help),
                None if word == "--version" => return Ok(Self::Version),
                Some(("--fd", fd)) => arguments.sync_fd = Some(number(fd)?),
                Some(("--args", fd)) => {
                    let text = String::from_utf8(read(number(fd)?)?).map_err(|_| ArgumentError::NotUtf8)?;
                    let more = text.strip_suffix('\0').unwrap_or(&text).split('\0');
                    more.rev().filter(|_| !text.is_empty()).for_each(|word| words.push_front(word.into()));
                }
                _ if word.starts_with('-') => {
                    let Some(bus) = arguments.buses.last_mut() else { return Err(unknown(&word).into()) };
                    bus.set(&word)?;
                }
                _ => {
                    let path = words.pop_front().filter(|path| !path.starts_with('-'));
                    let path = path.ok_or_else(|| ArgumentError::NoPath(printable(&word).into_owned()))?;
                    let address = word.parse().map_err(ArgumentError::Address)?;
                    arguments.buses.push(Bus { address, path, rules: Rules::unfiltered(), has_log: false });
                }
            }
        }
        if arguments.buses.is_empty() {
            return Err(ArgumentError::NoBus.into());
        }
        Ok(Self::Run(arguments))
    }
}

impl Bus {
    fn set(&mut self, word: &str) -> Result<(), ArgumentError> {
        match word.split_once('=') {
            None if word == "--log" => self.has_log = true,
            None if word == "--filter" => self.rules.filter(),
            None if word == "--sloppy-names" => self.rules.announce_unique_names(),
            Some(("--see", name)) => self.rules.set_policy(&name.parse()?, Policy::See),
            Some(("--talk", name)) => self.rules.set_policy(&name.parse()?, Policy::Talk),
            Some(("--own", name)) => self.rules.set_policy(&name.parse()?, Policy::Own),
            Some(("--call", text)) => {
                let (name, rule) = name_and_rule(text)?;
                self.rules.allow_calls(&name, rule);
            }
            Some(("--broadcast", text)) => {
                let (name, rule) = name_and_rule(text)?;
                self.rules.allow_broadcasts(&name, rule);
            }
            _ => return Err(unknown(word)),
        }
        Ok(())
    }
}

fn name_and_rule(text: &str) -> Result<(BusName, MessageRule), ArgumentError> {
    let (name, rule) =
        text.split_once('=').ok_or_else(|| ArgumentError::NoRule(printable(text).into_owned()))?;
    Ok((name.parse()?, rule.parse()?))
}

fn number(text: &str) -> Result<i32, ArgumentError> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| ArgumentError::Number(printable(text).into_owned()))
}

fn unknown(word: &str) -> ArgumentError {
    ArgumentError::Unknown(printable(word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Request, String> {
        let words = words.iter().map(OsString::from).collect();
        let read = |number| match number {
            7 => Ok(b"unix:path=/b\0/s\0--filter\0".to_vec()),
            8 => Ok(Vec::new()),
            _ => Ok(b"--talk=org.x.Y\0--log".to_vec()),
        };
        Request::parse(words, read).map_err(|error| error.to_string())
    }

    #[test]
    fn several_buses_and_arguments_from_descriptors() {
        let words = [
            "--fd=5",
            "unix:path=/a",
            "/sa",
            "--filter",
            "--args=9",
            "--args=7",
            "--args=8",
            "--own=org.x.*",
        ];
        let Ok(Request::Run(run)) = parse(&words) else { panic!() };
        assert_eq!(run.sync_fd, Some(5));
        let seen: Vec<_> =
            run.buses.iter().map(|bus| (bus.address.to_string(), &*bus.path, bus.has_log)).collect();
        assert_eq!(seen, [("unix:path=/a".into(), "/sa", true), ("unix:path=/b".into(), "/s", false)]);
    }

    #[test]
    fn what_cannot_be_understood() {
        for (words, error) in [
            (&[][..], "no address of a bus was given; see `aril-dbus-proxy --help`"),
            (&["--filter"], "'--filter' is not an option here; see `aril-dbus-proxy --help`"),
            (&["unix:path=/a"], "no path was given for the socket of 'unix:path=/a'"),
            (&["unix:path=/a", "--filter"], "no path was given for the socket of 'unix:path=/a'"),
            (
                &["unix:path=/a", "/s", "--talk=:1.5"],
                "':1.5' is not a bus name: it is like org.gnome.Maps, with .* at the end for all names below it",
            ),
            (
                &["unix:path=/a", "/s", "--call=org.x.Y"],
                "'org.x.Y' is not a name and a rule: it is like NAME=RULE",
            ),
            (&["--fd=x"], "'x' is not a descriptor's number"),
            (
                &["tcp:host=x", "/s"],
                "'tcp:host=x' is not the address of a local bus: it is like unix:path=/run/user/1000/bus",
            ),
        ] {
            assert_eq!(parse(words).unwrap_err(), error);
        }
        assert!(
            matches!(parse(&["--help"]), Ok(Request::Help))
                && matches!(parse(&["--version"]), Ok(Request::Version))
        );
    }
}
