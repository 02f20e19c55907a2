//! Permissions on the command line: `--share=network`, `--nofilesystem=home`. The last word on a permission counts.
//!
//! Source: `flatpak-run(1)` for names and meaning.

use aril_model::{CONTEXT_OPTIONS, Context, ContextOption, Hint, printable};

use super::words::Words;
use crate::LaunchError;

/// Takes an option and its value, if it is one of these.
pub(crate) fn take(option: &str, words: &mut Words<'_>, context: &mut Context) -> Result<bool, LaunchError> {
    if option == "--env-fd" {
        return read_variables(words.number()?, context).map(|()| true);
    }
    let Some(option) = option.strip_prefix("--").and_then(ContextOption::find) else { return Ok(false) };
    let value = words.text()?;
    option
        .apply(context, value)
        .map_err(|error| LaunchError::Usage { problem: error.to_string(), hint: error.hint() })?;
    Ok(true)
}

/// The options, for suggestions.
pub(crate) fn names() -> Vec<String> {
    let names = CONTEXT_OPTIONS.iter().map(|option| format!("--{}", option.name));
    names.chain(["--env-fd".to_owned()]).collect()
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
        let (name, value) = entry
            .split_once('=')
            .ok_or_else(|| LaunchError::usage(format!("'{}' gives no value", printable(entry))))?;
        context.add_variable(name, Some(value)).map_err(|error| LaunchError::usage(error.to_string()))?;
    }
    Ok(())
}
