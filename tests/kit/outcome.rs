//! What a program did: its status and its words.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::keeper::Running;

/// A program that ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was run, for messages.
    pub words: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Runs `command` to the end, or fails after `patience`.
    pub fn of(command: Command, patience: Duration) -> Result<Self> {
        Self::of_with_input(command, patience, Vec::new())
    }

    /// Runs `command` with `input`.
    pub fn of_with_input(mut command: Command, patience: Duration, input: Vec<u8>) -> Result<Self> {
        let words = words_of(&command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut running = Running::start(command)?;
        let child = running.child();
        let mut stdin = child.stdin.take().context("no pipe to the program")?;
        // It may end without having read everything: its status tells.
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let stdout = reader(child.stdout.take().context("no pipe from the program")?);
        let stderr = reader(child.stderr.take().context("no pipe from the program")?);
        let status = loop {
            if let Some(status) = running.child().try_wait()? {
                break status;
            }
            if begun.elapsed() > patience {
                running.end();
                let (out, err) = (joined(stdout), joined(stderr));
                bail!("`{words}` did not end within {patience:?}\n{out}{err}");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = begun.elapsed();
        drop(writer);
        let ended = Instant::now();
        while !(stdout.is_finished() && stderr.is_finished()) {
            if ended.elapsed() > Duration::from_secs(10) {
                bail!("`{words}` ended with {status}, but left a program behind that holds its output");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { words, status, stdout: joined(stdout), stderr: joined(stderr), took })
    }

    /// Its exit code; 128 and the signal, if it was killed.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Its standard output, if it succeeded.
    pub fn success(&self) -> Result<&str> {
        if !self.status.success() {
            bail!("`{}` failed with {}:\n{}{}", self.words, self.code(), self.stdout, self.stderr);
        }
        Ok(&self.stdout)
    }

    /// Its standard error, if it ended with `code`.
    pub fn failure(&self, code: i32) -> Result<&str> {
        if self.code() != code {
            bail!("`{}` ended with {}, not {code}:\n{}{}", self.words, self.code(), self.stdout, self.stderr);
        }
        Ok(&self.stderr)
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before an error is still of use.
        let _ = pipe.read_to_end(&mut text);
        text
    })
}

fn joined(thread: std::thread::JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
}

/// The command as typed, without what the kit puts before it.
fn words_of(command: &Command) -> String {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let start = words.iter().position(|word| word == "--").map_or(0, |at| at + 1);
    words[start..].join(" ")
}
