//! Runs a program with all that it starts under `ptrace`, counts the calls by which changes become visible or lasting, and kills everything
//! at one of them.
//!
//! The moment is the entry of a call, so that everything before has happened and nothing after. Of threads the order differs between runs;
//! that is no matter: each number is a moment of the run that it is used in.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::user::TestUser;

/// How a traced run went.
#[derive(Debug, Clone)]
pub struct Traced {
    /// The calls in their order; of a run that was killed up to where it was.
    pub calls: Vec<&'static str>,
    /// Whether it was killed.
    pub was_killed: bool,
    /// Its exit code, if it came to its end.
    pub code: Option<i32>,
    /// What it said, on both ways.
    pub said: String,
}

/// Runs `command` as `user` to its end, or kills it and all that it started as one of them enters the call number `until`, counted from 0.
pub fn run(command: &Command, user: &TestUser, until: Option<usize>) -> Result<Traced> {
    let held = held(command, user);
    // Who traces is a thread: with one of its own, it waits for nobody else's children.
    let thread = std::thread::spawn(move || Tracer::start(held)?.run(until));
    thread.join().map_err(|_| anyhow::anyhow!("the tracer panicked"))?
}

/// Why nothing can be traced here; `None` if it can.
pub fn missing() -> Option<&'static str> {
    if cfg!(not(target_arch = "x86_64")) {
        return Some("the registers of this architecture are not known to the tracer");
    }
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let is_allowed = || TestUser::get().is_ok_and(|user| run(&Command::new("/bin/true"), user, None).is_ok());
    (!*ALLOWED.get_or_init(is_allowed))
        .then_some("ptrace is forbidden (kernel.yama.ptrace_scope, or a container)")
}

struct Tracer {
    first: Pid,
    alive: HashSet<Pid>,
    calls: Vec<&'static str>,
    said: File,
}

impl Tracer {
    fn start(mut held: Command) -> Result<Self> {
        let said = tempfile::tempfile()?;
        held.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
        let child = held.spawn().context("starting a program to trace")?;
        let first = Pid::from_raw(child.id().cast_signed());
        // It stops itself; only then is it taken hold of.
        waitpid(first, Some(WaitPidFlag::WUNTRACED))?;
        let options = Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE;
        ptrace::seize(first, options).context("ptrace is not allowed here")?;
        kill(first, Signal::SIGCONT)?;
        Ok(Self { first, alive: HashSet::from([first]), calls: Vec::new(), said })
    }

    fn run(mut self, until: Option<usize>) -> Result<Traced> {
        let (mut code, mut was_killed) = (None, false);
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
                Ok(status) => status,
                Err(Errno::ECHILD) => break,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            match status {
                WaitStatus::Exited(pid, own) => {
                    self.alive.remove(&pid);
                    code = if pid == self.first { Some(own) } else { code };
                }
                WaitStatus::Signaled(pid, ..) => {
                    self.alive.remove(&pid);
                }
                WaitStatus::PtraceSyscall(pid) => {
                    self.count(pid);
                    if !was_killed && until.is_some_and(|until| self.calls.len() > until) {
                        was_killed = true;
                        self.kill_all();
                    }
                    go_on(pid, None)?;
                }
                WaitStatus::PtraceEvent(pid, ..) => {
                    self.alive.insert(pid);
                    go_on(pid, None)?;
                }
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
                WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
            }
        }
        Ok(Traced { calls: self.calls, was_killed, code, said: read_back(self.said)? })
    }

    fn count(&mut self, pid: Pid) {
        // Who was killed meanwhile has no registers.
        let Ok(call) = entered(pid) else { return };
        self.calls.extend(call);
    }

    fn kill_all(&self) {
        for pid in &self.alive {
            // Whoever has ended is not killed again.
            let _ = kill(*pid, Signal::SIGKILL);
        }
    }
}

/// The same command, which stops itself before it begins.
fn held(command: &Command, user: &TestUser) -> Command {
    let shell = ["/bin/sh", "-c", "kill -STOP $$; exec \"$@\"", "sh"];
    let mut held = Command::new(if user.is_other() { "/usr/bin/setpriv" } else { shell[0] });
    if user.is_other() {
        // What a command was told of its user, it does not tell.
        held.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid));
        held.args(["--clear-groups", "--", shell[0]]);
    }
    held.args(&shell[1..]);
    held.arg(command.get_program()).args(command.get_args()).process_group(0);
    held.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    held.current_dir(command.get_current_dir().unwrap_or_else(|| std::path::Path::new("/")));
    held
}

fn go_on(pid: Pid, signal: Option<Signal>) -> Result<()> {
    match ptrace::syscall(pid, signal) {
        // It was killed meanwhile.
        Err(Errno::ESRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The call that a program enters, if it is one that counts.
#[cfg(target_arch = "x86_64")]
fn entered(pid: Pid) -> nix::Result<Option<&'static str>> {
    let registers = ptrace::getregs(pid)?;
    // What the answer's register holds at the entry; at the exit it is the answer.
    let is_entry = registers.rax.cast_signed() == -(Errno::ENOSYS as i64);
    let name =
        |(number, name): &(i64, &'static str)| (*number == registers.orig_rax.cast_signed()).then_some(*name);
    Ok(CALLS.iter().filter(|_| is_entry).find_map(name))
}

#[cfg(not(target_arch = "x86_64"))]
fn entered(_: Pid) -> nix::Result<Option<&'static str>> {
    Err(Errno::ENOSYS)
}

/// The calls by which a change becomes visible or lasting, by their numbers on x86_64.
#[cfg(target_arch = "x86_64")]
const CALLS: &[(i64, &str)] = &[
    (74, "fsync"),
    (75, "fdatasync"),
    (77, "ftruncate"),
    (82, "rename"),
    (83, "mkdir"),
    (86, "link"),
    (87, "unlink"),
    (88, "symlink"),
    (258, "mkdirat"),
    (263, "unlinkat"),
    (264, "renameat"),
    (265, "linkat"),
    (266, "symlinkat"),
    (306, "syncfs"),
    (316, "renameat2"),
];

fn read_back(mut file: File) -> Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn script(user: &TestUser, dir: &std::path::Path) -> Command {
        user.own(dir).expect("who made a directory may give it away");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "mkdir a; (mkdir b; mv b c); mkdir d; echo done; exit 3"]).current_dir(dir);
        command.env("PATH", "/usr/bin:/bin");
        command
    }

    #[test]
    fn children_are_counted_and_killed() {
        let user = TestUser::get().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let whole = run(&script(user, dir.path()), user, None).unwrap();
        assert_eq!((whole.code, whole.was_killed, &*whole.said), (Some(3), false, "done\n"));
        let calls: Vec<_> = whole.calls.iter().filter(|call| !call.contains("sync")).copied().collect();
        assert_eq!(calls, ["mkdir", "mkdir", "renameat2", "mkdir"]);
        let dir = tempfile::tempdir().unwrap();
        let cut = run(&script(user, dir.path()), user, Some(2)).unwrap();
        assert_eq!((cut.code, cut.was_killed, &*cut.said), (None, true, ""));
        let mut there: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        there.sort();
        assert_eq!(there, ["a", "b"], "the call itself does not happen");
    }
}
