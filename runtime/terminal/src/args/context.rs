//! Permissions on the command line: `--share=network`, `--nofilesystem=home`. The order in which they are typed counts.
//!
//! Source: `flatpak-override(1)` and `flatpak-run(1)` for names and meaning.

use aril_model::{BusPolicies, Context, ContextError, Hint, Policy, Toggles, Word, nearest, printable};
use clap::{Arg, ArgAction, ArgMatches};

use crate::Failure;

/// The permissions that were typed, in their order.
#[derive(Debug, Clone, Default)]
pub struct ContextArgs {
    changes: Vec<(&'static ContextOption, String)>,
}

#[derive(Debug)]
struct ContextOption {
    name: &'static str,
    value: &'static str,
    about: &'static str,
    apply: fn(&mut Context, &str) -> Result<(), Problem>,
    /// Whether `-h`, which fits one screen, leaves it to `--help`.
    is_rare: bool,
}

/// What is wrong with a value: the words after it, and what would help.
#[derive(Debug)]
struct Problem {
    text: String,
    hint: Option<String>,
}

impl From<ContextError> for Problem {
    /// Libraries speak of the value alone: `'hom' is not a place`. A person typed an option with a value.
    fn from(error: ContextError) -> Self {
        let text = match &error {
            ContextError::Place { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let text = text.split_once("' ").map_or(text.as_str(), |(_, end)| end).to_owned();
        Self { text, hint: error.hint() }
    }
}

impl ContextArgs {
    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What was typed, as one layer to be laid over others.
    ///
    /// # Errors
    /// Names the option that cannot be understood, and what it could be.
    pub fn to_context(&self) -> Result<Context, Failure> {
        let mut context = Context::default();
        for (option, value) in &self.changes {
            (option.apply)(&mut context, value).map_err(|problem| {
                let typed = format!("'--{}={}'", option.name, printable(value));
                let failure = Failure::usage(format!("{typed} {}", problem.text));
                match problem.hint {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                }
            })?;
        }
        Ok(context)
    }
}

impl clap::Args for ContextArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(OPTIONS.iter().enumerate().map(|(index, option)| {
            Arg::new(option.name)
                .long(option.name)
                .value_name(option.value)
                .help(option.about)
                .action(ArgAction::Append)
                .help_heading("Permissions")
                .hide_short_help(option.is_rare)
                .display_order(index)
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ContextArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut typed = Vec::new();
        for option in OPTIONS {
            let values = matches.get_many::<String>(option.name).into_iter().flatten();
            let places = matches.indices_of(option.name).into_iter().flatten();
            typed.extend(places.zip(values).map(|(place, value)| (place, option, value.clone())));
        }
        typed.sort_by_key(|(place, ..)| *place);
        Ok(Self { changes: typed.into_iter().map(|(_, option, value)| (option, value)).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const fn option(
    name: &'static str,
    value: &'static str,
    about: &'static str,
    apply: fn(&mut Context, &str) -> Result<(), Problem>,
) -> ContextOption {
    ContextOption { name, value, about, apply, is_rare: false }
}

impl ContextOption {
    const fn rare(mut self) -> Self {
        self.is_rare = true;
        self
    }
}

#[rustfmt::skip] // a table: a line an option
const OPTIONS: &[ContextOption] = &[
    option("share", "WHAT", "Share with the host: network, ipc", |c, v| toggle(&mut c.shared, v, true)),
    option("unshare", "WHAT", "Do not share", |c, v| toggle(&mut c.shared, v, false)),
    option("socket", "SOCKET", "Let it use a socket: x11, wayland, pulseaudio…", |c, v| toggle(&mut c.sockets, v, true)),
    option("nosocket", "SOCKET", "Do not let it use a socket", |c, v| toggle(&mut c.sockets, v, false)),
    option("device", "DEVICE", "Let it use devices: dri, input, all…", |c, v| toggle(&mut c.devices, v, true)),
    option("nodevice", "DEVICE", "Do not let it use devices", |c, v| toggle(&mut c.devices, v, false)),
    option("allow", "FEATURE", "Allow more system calls: devel, multiarch…", |c, v| toggle(&mut c.features, v, true)).rare(),
    option("disallow", "FEATURE", "Do not allow them", |c, v| toggle(&mut c.features, v, false)).rare(),
    option("filesystem", "PLACE", "Let it use files: home, xdg-music, /srv:ro…", |c, v| Ok(c.add_filesystem(v)?)),
    option("nofilesystem", "PLACE", "Hide files from it", |c, v| Ok(c.add_filesystem(&format!("!{v}"))?)),
    option("persist", "PATH", "Keep a directory of its home, in ~/.var/app", |c, v| Ok(c.add_persistent(v)?)).rare(),
    option("env", "NAME=VALUE", "Set an environment variable", set_variable),
    option("unset-env", "NAME", "Unset an environment variable", |c, v| Ok(c.add_variable(v, None)?)).rare(),
    option("own-name", "NAME", "Let it own a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::Own)).rare(),
    option("talk-name", "NAME", "Let it talk to a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::Talk)),
    option("no-talk-name", "NAME", "Do not let it talk to a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::None)),
    option("system-own-name", "NAME", "Let it own a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::Own)).rare(),
    option("system-talk-name", "NAME", "Let it talk to a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::Talk)).rare(),
    option("system-no-talk-name", "NAME", "Do not let it talk to a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::None)).rare(),
];

fn toggle<W: Word>(toggles: &mut Toggles<W>, value: &str, allowed: bool) -> Result<(), Problem> {
    let Some(word) = W::from_word(value) else {
        let known: Vec<&str> = W::ALL.iter().map(|word| word.word()).collect();
        let hint = match nearest(value, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", known.join(", ")),
        };
        return Err(Problem { text: "is not known".into(), hint: Some(hint) });
    };
    toggles.set(word, allowed);
    Ok(())
}

fn set_variable(context: &mut Context, text: &str) -> Result<(), Problem> {
    match text.split_once('=') {
        Some((name, value)) => Ok(context.add_variable(name, Some(value))?),
        None => Err(Problem { text: "gives no value".into(), hint: Some("it is `--env=NAME=VALUE`".into()) }),
    }
}

fn name(policies: &mut BusPolicies, text: &str, policy: Policy) -> Result<(), Problem> {
    policies.set(text.parse().map_err(ContextError::from)?, policy);
    Ok(())
}

#[cfg(test)]
mod tests {
    use aril_model::{Keyfile, Share};
    use clap::{Args, FromArgMatches};

    use super::*;

    fn typed(line: &[&str]) -> ContextArgs {
        let command = ContextArgs::augment_args(clap::Command::new("x").no_binary_name(true));
        ContextArgs::from_arg_matches(&command.try_get_matches_from(line).unwrap()).unwrap()
    }

    #[test]
    fn the_last_word_counts() {
        let context =
            typed(&["--unshare=network", "--share", "network", "--unshare=ipc"]).to_context().unwrap();
        assert!(context.shared.allows(Share::Network) && context.shared.denies(Share::Ipc));
        let context = typed(&["--share=network", "--unshare=network"]).to_context().unwrap();
        assert!(context.shared.denies(Share::Network));
    }

    #[test]
    fn each_option_says_what_metadata_would_say() {
        for (option, expected) in [
            ("--socket=wayland", "[Context]\nsockets=wayland;\n"),
            ("--nodevice=all", "[Context]\ndevices=!all;\n"),
            ("--allow=devel", "[Context]\nfeatures=devel;\n"),
            ("--filesystem=home:ro", "[Context]\nfilesystems=home:ro;\n"),
            ("--nofilesystem=~/.ssh", "[Context]\nfilesystems=!~/.ssh;\n"),
            ("--persist=.mozilla", "[Context]\npersistent=.mozilla;\n"),
            ("--env=A=b=c", "[Environment]\nA=b=c\n"),
            ("--unset-env=A", "[Context]\nunset-environment=A;\n"),
            ("--own-name=org.a.B", "[Session Bus Policy]\norg.a.B=own\n"),
            ("--no-talk-name=org.a.*", "[Session Bus Policy]\norg.a.*=none\n"),
            ("--system-talk-name=org.a.B", "[System Bus Policy]\norg.a.B=talk\n"),
        ] {
            let mut file = Keyfile::new();
            typed(&[option]).to_context().unwrap().write(&mut file);
            assert_eq!(file.to_string(), expected, "{option}");
        }
    }

    #[test]
    fn mistakes_name_the_option_and_the_remedy() {
        for (option, expected) in [
            (
                "--filesystem=hom",
                "error: '--filesystem=hom' is not a place\nhint: did you mean `home`? A place is `host`, `home`, an `xdg-…` name, or a path that starts with / or ~/",
            ),
            (
                "--nofilesystem=/a/../b",
                "error: '--nofilesystem=/a/../b' is not a place: it must not go up by ..\nhint: a place is `host`, `home`, an `xdg-…` name, or a path that starts with / or ~/",
            ),
            ("--socket=x12", "error: '--socket=x12' is not known\nhint: did you mean `x11`?"),
            ("--share=files", "error: '--share=files' is not known\nhint: it is one of network, ipc"),
            ("--env=A", "error: '--env=A' gives no value\nhint: it is `--env=NAME=VALUE`"),
            (
                "--talk-name=nodots",
                "error: '--talk-name=nodots' is not a bus name: it is like org.gnome.Maps, with .* at the end for all names below it",
            ),
        ] {
            assert_eq!(typed(&[option]).to_context().unwrap_err().to_string(), expected, "{option}");
        }
    }
}
