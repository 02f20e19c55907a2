//! Programs of a merged tree, run in a sandbox, and what they wrote.
//!
//! The tree is checked out by hard links into a place of the store's own file system, the program is run over it by `aril-launch --tool`, and
//! what it wrote to the upper layer becomes a part of the tree. Nothing of a package ever runs in any other way.
mod upper; // what was written -> a tree

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aril_store::{Checkout, Repo, Scratch, StoreError, Tree, Writer};
use rustix::io::{FdFlags, fcntl_setfd};

pub use upper::Written;

/// Where a script lies for its interpreter.
pub const SCRIPT: &str = "/run/script";
/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How much of what it prints is kept, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;

/// A merged tree in which programs can be run.
pub struct Workplace {
    program: PathBuf,
    scratch: Scratch,
    lowers: Vec<Lower>,
}

enum Lower {
    /// A directory with `usr`, `etc`, `opt`, `var`.
    Root(PathBuf),
    /// A directory that is a `usr` with `etc` in it.
    Usr(PathBuf),
}

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The program in the tree, and its arguments.
    pub command: &'a [String],
    /// What it reads.
    pub input: &'a [u8],
    /// Variables that it gets.
    pub environment: &'a [(&'a str, &'a str)],
    /// Directories in which it will make files, if that is known.
    pub mirrored: &'a [&'a str],
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code; 128 and more for a signal.
    pub code: i32,
    /// The end of what it printed.
    pub output: String,
    /// What was said to have worked and was not done: `chown`, `mknod`... with what and where.
    pub pretended: Vec<String>,
}

/// Why nothing can be run.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// `aril-launch` is missing.
    #[error("the program 'aril-launch' is missing, by which packages' programs are run in a sandbox")]
    Missing,
    /// It could not make a sandbox, or not be run.
    #[error("no sandbox for '{command}': {problem}")]
    Sandbox {
        /// What was to be run.
        command: String,
        /// Why not.
        problem: String,
    },
    /// It took too long.
    #[error("'{0}' was still running after ten minutes")]
    TooLong(String),
    /// A file.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Workplace {
    /// Checks out a tree as a root, over a runtime's `files` if there is one.
    ///
    /// # Errors
    /// When it cannot be checked out, or there is no program to make sandboxes with.
    pub fn new(
        repo: &Repo,
        program: Option<&Path>,
        root: &Tree,
        runtime: Option<&Tree>,
    ) -> Result<Self, ToolError> {
        let program = program.ok_or(ToolError::Missing)?.to_owned();
        let scratch = repo.scratch()?;
        let mut lowers = Vec::new();
        repo.checkout(root, &scratch.dir().create_dir_all("root", 0o755)?, Checkout::Linked)?;
        lowers.push(Lower::Root(place(&scratch).join("root")));
        if let Some(runtime) = runtime {
            repo.checkout(runtime, &scratch.dir().create_dir_all("runtime", 0o755)?, Checkout::Linked)?;
            lowers.push(Lower::Usr(place(&scratch).join("runtime")));
        }
        Ok(Self { program, scratch, lowers })
    }

    /// Runs a program. What it writes is there for the next one.
    ///
    /// # Errors
    /// When there is no sandbox. That the program fails is no error: see [`Outcome::code`].
    pub fn run(&self, job: Job<'_>) -> Result<Outcome, ToolError> {
        let failed = |problem: &dyn std::fmt::Display| ToolError::Sandbox {
            command: job.command.first().cloned().unwrap_or_default(),
            problem: problem.to_string(),
        };
        let (report, to_report) = std::io::pipe().map_err(|error| failed(&error))?;
        // The one descriptor that the sandbox's maker is to have besides the three.
        fcntl_setfd(&to_report, FdFlags::empty()).map_err(|error| failed(&error))?;
        let mut child = self.command(job, to_report.as_raw_fd()).spawn().map_err(|error| failed(&error))?;
        drop(to_report);
        let ended = watch(&mut child, job.input, report);
        match ended {
            None => Err(ToolError::TooLong(job.command.join(" "))),
            // The maker's own code for having made none; its message is all that was printed.
            Some(outcome) if outcome.code == 125 => Err(failed(&outcome.output.trim())),
            Some(outcome) => Ok(outcome),
        }
    }

    /// Runs a script: its text lies at [`SCRIPT`], which the command names.
    ///
    /// # Errors
    /// Like [`Self::run`].
    pub fn run_script(&self, text: &str, job: Job<'_>) -> Result<Outcome, ToolError> {
        self.scratch.dir().write_atomic("script", text.as_bytes(), 0o644)?;
        self.run(job)
    }

    fn command(&self, job: Job<'_>, report: i32) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--tool");
        for lower in &self.lowers {
            match lower {
                Lower::Root(path) => command.arg("--lower").arg(path),
                Lower::Usr(path) => command.arg("--lower-usr").arg(path),
            };
        }
        command.arg("--upper").arg(place(&self.scratch).join("upper"));
        command.arg("--work").arg(place(&self.scratch).join("work"));
        if job.command.iter().any(|word| word == SCRIPT) {
            command.arg("--ro-bind").arg(place(&self.scratch).join("script")).arg(SCRIPT);
        }
        for path in job.mirrored {
            command.arg("--mirror").arg(path);
        }
        for (name, value) in job.environment {
            command.args(["--setenv", name, value]);
        }
        command.args(["--report-fd", &report.to_string(), "--"]).args(job.command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What was written so far, as a tree, its files kept in the store.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub fn written(&self, writer: &Writer) -> Result<Written, ToolError> {
        match self.scratch.dir().open_dir("upper") {
            Ok(dir) => upper::read(&dir, writer),
            Err(error) if error.is_not_found() => Ok(Written::default()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Feeds a child, takes what it prints, and waits for its end; `None` when that takes too long, and then it was killed.
fn watch(child: &mut Child, input: &[u8], report: std::io::PipeReader) -> Option<Outcome> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        // Each in a thread of its own: a full pipe must not make anybody wait.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let stdout = scope.spawn(move || stdout.map(read_end).unwrap_or_default());
        let stderr = scope.spawn(move || stderr.map(read_end).unwrap_or_default());
        let report = scope.spawn(move || read_end(report));
        let code = wait(child);
        let text = |thread: std::thread::ScopedJoinHandle<'_, String>| thread.join().unwrap_or_default();
        let output = text(stdout) + &text(stderr);
        let pretended = text(report).lines().map(str::to_owned).collect();
        code.map(|code| Outcome { code, output, pretended })
    })
}

fn wait(child: &mut Child) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let end = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                return Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
            }
            Ok(None) if Instant::now() < end => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            _ => {
                // Its sandbox ends with it.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Where it is, for programs that want a path.
fn place(scratch: &Scratch) -> PathBuf {
    let path = scratch.dir().path().to_owned();
    std::path::absolute(&path).unwrap_or(path)
}

/// The end of what comes, as text. All of it is read, so that nobody writes into a pipe that is full.
fn read_end(mut source: impl Read) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut piece = [0; 8192];
    while let Ok(read @ 1..) = source.read(&mut piece) {
        kept.extend_from_slice(&piece[..read]);
        let excess = kept.len().saturating_sub(MAX_OUTPUT as usize);
        if excess > MAX_OUTPUT as usize {
            kept.drain(..excess);
        }
    }
    let start = kept.len().saturating_sub(MAX_OUTPUT as usize);
    String::from_utf8_lossy(&kept[start..]).into_owned()
}
