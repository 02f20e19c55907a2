//! Permissions on the command line: `--share=network`, `--nofilesystem=home`. The last word on a permission counts.
//!
//! Source: `flatpak-run(1)` for names and meaning.

use aril_model::{
    BusName, BusPolicies, Context, ContextError, Hint, Policy, Toggles, Word, nearest, printable,
};

use super::words::Words;
use crate::LaunchError;

/// The options, for suggestions.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[&str] = &[
    "--share", "--unshare", "--socket", "--nosocket", "--device", "--nodevice", "--allow", "--disallow", "--filesystem", "--nofilesystem",
    "--persist", "--env", "--env-fd", "--unset-env", "--own-name", "--talk-name", "--no-talk-name", "--see-name", "--system-own-name", "--system-talk-name",
    "--system-no-talk-name", "--system-see-name", "--a11y-own-name", "--share-if", "--socket-if", "--device-if", "--allow-if",
];

/// Takes an option and its value, if it is one of these.
pub(crate) fn take(option: &str, words: &mut Words<'_>, context: &mut Context) -> Result<bool, LaunchError> {
    if !OPTIONS.contains(&option) {
        return Ok(false);
    }
    if option == "--env-fd" {
        return read_variables(words.number()?, context).map(|()| true);
    }
    let value = words.text()?;
    apply(option, value, context).map_err(|Problem { text, hint }| LaunchError::Usage {
        problem: format!("'{option}={}' {text}", printable(value)),
        hint,
    })?;
    Ok(true)
}

/// What is wrong with a value, as the words after it, and what would help.
struct Problem {
    text: String,
    hint: Option<String>,
}

impl From<ContextError> for Problem {
    fn from(error: ContextError) -> Self {
        // Libraries speak of the value: `'hom' is not a place`; a person typed an option with it.
        let text = match &error {
            ContextError::Place { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let text = text.split_once("' ").map_or(text.as_str(), |(_, end)| end).to_owned();
        Self { text, hint: error.hint() }
    }
}

fn apply(option: &str, value: &str, context: &mut Context) -> Result<(), Problem> {
    match option {
        "--share" => toggle(&mut context.shared, value, true),
        "--unshare" => toggle(&mut context.shared, value, false),
        "--socket" => toggle(&mut context.sockets, value, true),
        "--nosocket" => toggle(&mut context.sockets, value, false),
        "--device" => toggle(&mut context.devices, value, true),
        "--nodevice" => toggle(&mut context.devices, value, false),
        "--allow" => toggle(&mut context.features, value, true),
        "--disallow" => toggle(&mut context.features, value, false),
        "--filesystem" => Ok(context.add_filesystem(value)?),
        "--nofilesystem" => Ok(context.add_filesystem(&format!("!{value}"))?),
        "--persist" => Ok(context.add_persistent(value)?),
        "--env" => variable(context, value),
        "--unset-env" => Ok(context.add_variable(value, None)?),
        "--own-name" => policy(&mut context.session_bus, value, Policy::Own),
        "--talk-name" => policy(&mut context.session_bus, value, Policy::Talk),
        "--see-name" => policy(&mut context.session_bus, value, Policy::See),
        "--no-talk-name" => policy(&mut context.session_bus, value, Policy::None),
        "--system-own-name" => policy(&mut context.system_bus, value, Policy::Own),
        "--system-talk-name" => policy(&mut context.system_bus, value, Policy::Talk),
        "--system-see-name" => policy(&mut context.system_bus, value, Policy::See),
        "--system-no-talk-name" => policy(&mut context.system_bus, value, Policy::None),
        "--a11y-own-name" => policy(&mut context.a11y_bus, value, Policy::Own),
        "--share-if" => conditional(context, "shared", value),
        "--socket-if" => conditional(context, "sockets", value),
        "--device-if" => conditional(context, "devices", value),
        _ => conditional(context, "features", value),
    }
}

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

fn variable(context: &mut Context, text: &str) -> Result<(), Problem> {
    match text.split_once('=') {
        Some((name, value)) => Ok(context.add_variable(name, Some(value))?),
        None => Err(Problem { text: "gives no value".into(), hint: Some("it is `--env=NAME=VALUE`".into()) }),
    }
}

fn policy(policies: &mut BusPolicies, text: &str, policy: Policy) -> Result<(), Problem> {
    let name: BusName = text.parse().map_err(ContextError::from)?;
    policies.set(name, policy);
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

/// `NAME=VALUE`, a NUL after each, from a descriptor that the caller opened.
fn read_variables(number: i32, context: &mut Context) -> Result<(), LaunchError> {
    use std::io::Read;
    const MOST: u64 = 4 << 20;
    let file = crate::sys::inherited(number)
        .ok_or_else(|| LaunchError::usage(format!("{number} is not an open descriptor")))?;
    let mut text = String::new();
    std::fs::File::from(file).take(MOST).read_to_string(&mut text)?;
    for entry in text.split('\0').filter(|entry| !entry.is_empty()) {
        variable(context, entry)
            .map_err(|problem| LaunchError::usage(format!("'{}' {}", printable(entry), problem.text)))?;
    }
    Ok(())
}
