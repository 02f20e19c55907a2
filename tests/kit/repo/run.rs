//! Programs that are run to the end; their words are the error when they fail.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs it; its output is kept for the error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs it and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    output_with_input(command, b"")
}

/// Runs it with `input` on its standard input and gives its standard output.
pub(crate) fn output_with_input(command: &mut Command, input: &[u8]) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("'{program}' cannot be started"))?;
    let mut stdin = child.stdin.take().context("no pipe to the program")?;
    let out = std::thread::scope(|scope| {
        // A program that does not read its input may be gone before all is written: its status tells.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() {
        let words = String::from_utf8_lossy(&out.stderr);
        bail!("'{program}' failed ({}):\n{}{}", out.status, tail(&text), tail(&words));
    }
    Ok(text)
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(3000);
    let start = (start..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    &text[start..]
}
