//! Permissions as options of a command line: `--share=network`, `--nofilesystem=home`. One table for all programs, whoever parses their lines.
//!
//! Source: `flatpak-override(1)` and `flatpak-run(1)` for names and meaning.

use crate::{BusPolicies, Context, ContextError, Hint, Policy, Toggles, Word, nearest, printable};

/// An option that changes permissions. The order in which they are typed counts: the last word on a permission holds.
#[derive(Debug)]
pub struct ContextOption {
    /// Its name, without `--`.
    pub name: &'static str,
    /// What its value is, in capitals.
    pub value: &'static str,
    /// What it does, for help.
    pub about: &'static str,
    /// Whether short help leaves it out.
    pub is_rare: bool,
    apply: fn(&mut Context, &str) -> Result<(), Problem>,
}

/// A value that an option cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'--{option}={value}' {text}")]
pub struct OptionError {
    option: &'static str,
    value: String,
    text: String,
    hint: Option<String>,
}

impl Hint for OptionError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl ContextOption {
    /// The option of this name, without `--`.
    pub fn find(name: &str) -> Option<&'static Self> {
        CONTEXT_OPTIONS.iter().find(|option| option.name == name)
    }

    /// Changes `context` as the option with this value says.
    ///
    /// # Errors
    /// When the value cannot be understood, with the option in the message and, where one is near, what it could be.
    pub fn apply(&self, context: &mut Context, value: &str) -> Result<(), OptionError> {
        (self.apply)(context, value).map_err(|problem| OptionError {
            option: self.name,
            value: printable(value).into_owned(),
            text: problem.text,
            hint: problem.hint,
        })
    }
}

/// What is wrong with a value: the words after it, and what would help.
#[derive(Debug)]
struct Problem {
    text: String,
    hint: Option<String>,
}

impl From<ContextError> for Problem {
    /// Other errors speak of the value alone: `'hom' is not a place`. A person typed an option with a value.
    fn from(error: ContextError) -> Self {
        let text = match &error {
            ContextError::Place { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let text = text.split_once("' ").map_or(text.as_str(), |(_, end)| end).to_owned();
        Self { text, hint: error.hint() }
    }
}

const fn common(
    name: &'static str,
    value: &'static str,
    about: &'static str,
    apply: fn(&mut Context, &str) -> Result<(), Problem>,
) -> ContextOption {
    ContextOption { name, value, about, is_rare: false, apply }
}

const fn rare(
    name: &'static str,
    value: &'static str,
    about: &'static str,
    apply: fn(&mut Context, &str) -> Result<(), Problem>,
) -> ContextOption {
    ContextOption { name, value, about, is_rare: true, apply }
}

/// All of them, in the order of help.
#[rustfmt::skip] // a table: a line an option
pub const CONTEXT_OPTIONS: &[ContextOption] = &[
    common("share", "WHAT", "Share with the host: network, ipc", |c, v| toggle(&mut c.shared, v, true)),
    common("unshare", "WHAT", "Do not share", |c, v| toggle(&mut c.shared, v, false)),
    common("socket", "SOCKET", "Let it use a socket: x11, wayland, pulseaudio…", |c, v| toggle(&mut c.sockets, v, true)),
    common("nosocket", "SOCKET", "Do not let it use a socket", |c, v| toggle(&mut c.sockets, v, false)),
    common("device", "DEVICE", "Let it use devices: dri, input, all…", |c, v| toggle(&mut c.devices, v, true)),
    common("nodevice", "DEVICE", "Do not let it use devices", |c, v| toggle(&mut c.devices, v, false)),
    rare("allow", "FEATURE", "Allow more system calls: devel, multiarch…", |c, v| toggle(&mut c.features, v, true)),
    rare("disallow", "FEATURE", "Do not allow them", |c, v| toggle(&mut c.features, v, false)),
    rare("share-if", "WHAT:CONDITION", "Share it where a condition holds", |c, v| conditional(c, "shared", v)),
    rare("socket-if", "SOCKET:CONDITION", "Let it use a socket where a condition holds: x11:!has-wayland", |c, v| conditional(c, "sockets", v)),
    rare("device-if", "DEVICE:CONDITION", "Let it use devices where a condition holds", |c, v| conditional(c, "devices", v)),
    rare("allow-if", "FEATURE:CONDITION", "Allow more system calls where a condition holds", |c, v| conditional(c, "features", v)),
    common("filesystem", "PLACE", "Let it use files: home, xdg-music, /srv:ro…", |c, v| Ok(c.add_filesystem(v)?)),
    common("nofilesystem", "PLACE", "Hide files from it", |c, v| Ok(c.add_filesystem(&format!("!{v}"))?)),
    rare("persist", "PATH", "Keep a directory of its home, in ~/.var/app", |c, v| Ok(c.add_persistent(v)?)),
    common("env", "NAME=VALUE", "Set an environment variable", set_variable),
    rare("unset-env", "NAME", "Unset an environment variable", |c, v| Ok(c.add_variable(v, None)?)),
    rare("own-name", "NAME", "Let it own a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::Own)),
    common("talk-name", "NAME", "Let it talk to a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::Talk)),
    rare("see-name", "NAME", "Let it see a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::See)),
    common("no-talk-name", "NAME", "Do not let it talk to a name on the session bus", |c, v| name(&mut c.session_bus, v, Policy::None)),
    rare("system-own-name", "NAME", "Let it own a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::Own)),
    rare("system-talk-name", "NAME", "Let it talk to a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::Talk)),
    rare("system-see-name", "NAME", "Let it see a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::See)),
    rare("system-no-talk-name", "NAME", "Do not let it talk to a name on the system bus", |c, v| name(&mut c.system_bus, v, Policy::None)),
    rare("a11y-own-name", "NAME", "Let it own a name on the accessibility bus", |c, v| name(&mut c.a11y_bus, v, Policy::Own)),
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

fn conditional(context: &mut Context, key: &str, value: &str) -> Result<(), Problem> {
    if value.split(':').count() < 2 {
        let hint = "it is `PERMISSION:CONDITION`, such as `x11:!has-wayland`".to_owned();
        return Err(Problem { text: "gives no condition".into(), hint: Some(hint) });
    }
    context.conditional.insert((key.to_owned(), format!("if:{value}")));
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
    use super::*;
    use crate::Keyfile;

    fn apply(option: &str) -> Result<Context, OptionError> {
        let (name, value) = option.trim_start_matches("--").split_once('=').unwrap();
        let mut context = Context::default();
        ContextOption::find(name).unwrap().apply(&mut context, value).map(|()| context)
    }

    #[test]
    fn each_option_says_what_metadata_would_say() {
        for (option, expected) in [
            ("--socket=wayland", "[Context]\nsockets=wayland;\n"),
            ("--nodevice=all", "[Context]\ndevices=!all;\n"),
            ("--allow=devel", "[Context]\nfeatures=devel;\n"),
            ("--socket-if=x11:!has-wayland", "[Context]\nsockets=if:x11:!has-wayland;\n"),
            ("--filesystem=home:ro", "[Context]\nfilesystems=home:ro;\n"),
            ("--nofilesystem=~/.ssh", "[Context]\nfilesystems=!~/.ssh;\n"),
            ("--persist=.mozilla", "[Context]\npersistent=.mozilla;\n"),
            ("--env=A=b=c", "[Environment]\nA=b=c\n"),
            ("--unset-env=A", "[Context]\nunset-environment=A;\n"),
            ("--own-name=org.a.B", "[Session Bus Policy]\norg.a.B=own\n"),
            ("--no-talk-name=org.a.*", "[Session Bus Policy]\norg.a.*=none\n"),
            ("--system-see-name=org.a.B", "[System Bus Policy]\norg.a.B=see\n"),
            ("--a11y-own-name=org.a.B", "[Accessibility Bus Policy]\norg.a.B=own\n"),
        ] {
            let mut file = Keyfile::new();
            apply(option).unwrap().write(&mut file);
            assert_eq!(file.to_string(), expected, "{option}");
        }
    }

    #[test]
    fn mistakes_name_the_option_and_the_remedy() {
        let places = "`host`, `home`, an `xdg-…` name, or a path that starts with / or ~/";
        for (option, message, hint) in [
            ("--filesystem=hom", "is not a place", Some(format!("did you mean `home`? A place is {places}"))),
            (
                "--nofilesystem=/a/../b",
                "is not a place: it must not go up by ..",
                Some(format!("a place is {places}")),
            ),
            ("--socket=x12", "is not known", Some("did you mean `x11`?".to_owned())),
            ("--share=files", "is not known", Some("it is one of network, ipc".to_owned())),
            (
                "--socket-if=x11",
                "gives no condition",
                Some("it is `PERMISSION:CONDITION`, such as `x11:!has-wayland`".to_owned()),
            ),
            ("--env=A", "gives no value", Some("it is `--env=NAME=VALUE`".to_owned())),
            (
                "--talk-name=x",
                "is not a bus name: it is like org.gnome.Maps, with .* at the end for all names below it",
                None,
            ),
        ] {
            let error = apply(option).unwrap_err();
            assert_eq!((error.to_string(), error.hint()), (format!("'{option}' {message}"), hint));
        }
        assert_eq!(apply("--share=\u{1b}[2J").unwrap_err().to_string(), "'--share=\\u{1b}[2J' is not known");
    }
}
