//! Starts programs that never outlive the test process.
//!
//! The kernel can kill a child when its parent ends (`PR_SET_PDEATHSIG`, by `setpriv`), but it takes the *thread* that started it for the
//! parent, and each test is a thread of its own. So one thread that lives as long as the process starts them all.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

type Order = (Command, Sender<std::io::Result<Child>>);

/// Starts `command` in a process group of its own; it is killed when this process ends, however that comes.
pub fn spawn(command: Command) -> Result<Child> {
    static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                // Whoever asked may be gone; then nobody waits for the answer.
                let _ = answer.send(command.spawn().inspect(wait_until_bound));
            }
        });
        Mutex::new(sender)
    });
    let program = command.get_program().to_string_lossy().into_owned();
    let (answer, answered) = channel();
    keeper.lock().map_err(|_| anyhow::anyhow!("the keeper is gone"))?.send((command, answer))?;
    answered.recv()?.with_context(|| format!("'{program}' cannot be started"))
}

/// Waits until `setpriv` has done its work and become the program: were this process killed before, the program would stay.
fn wait_until_bound(child: &Child) {
    let name = format!("/proc/{}/comm", child.id());
    while std::fs::read_to_string(&name).is_ok_and(|text| text == "setpriv\n") {
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
}

/// A command that runs `program` so that it is killed with its parent; for [`spawn`].
pub fn bound(program: &std::path::Path) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(OsString::from(program));
    command.process_group(0);
    command
}

/// A program in the background; ended with the value.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts it.
    pub fn start(command: Command) -> Result<Self> {
        Ok(Self { child: spawn(command)? })
    }

    /// The process, to wait for it or to take its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it and all of its process group, and waits for it.
    pub fn end(&mut self) {
        // An id of a process that was waited for may belong to another one by now.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            let _ = self.child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_program_outlives_the_thread_that_asked_for_it_and_ends_with_the_value() {
        let mut running = std::thread::spawn(|| {
            let mut command = bound(Path::new("/bin/sh"));
            command.args(["-c", "echo on; sleep 60 & wait"]).stdout(Stdio::piped());
            Running::start(command).unwrap()
        })
        .join()
        .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(running.child().try_wait().unwrap().is_none(), "it ended with the thread");
        running.end();
        // The shell's own child held the pipe, too: at its end the whole group is gone.
        let mut text = String::new();
        let mut pipe = running.child().stdout.take().unwrap();
        std::io::Read::read_to_string(&mut pipe, &mut text).unwrap();
        assert_eq!(text, "on\n");
    }

    #[test]
    fn a_program_is_gone_when_the_tests_are_killed() {
        const NOTE: &str = "ARIL_KIT_TEST_NOTE";
        if let Some(note) = std::env::var_os(NOTE) {
            // The second time this test is run, by itself below: it starts a program and is killed.
            let mut command = bound(Path::new("/bin/sleep"));
            command.arg("60");
            let running = Running::start(command).unwrap();
            std::fs::write(note, running.pid().to_string()).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pid");
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.args(["--exact", "keeper::tests::a_program_is_gone_when_the_tests_are_killed"]);
        let mut tests = tests.env(NOTE, &note).stdout(Stdio::null()).spawn().unwrap();
        let read = || std::fs::read_to_string(&note).ok().filter(|text| !text.is_empty());
        let pid = wait_for(read);
        let state = format!("/proc/{pid}/stat");
        assert!(Path::new(&state).exists());
        tests.kill().unwrap();
        tests.wait().unwrap();
        wait_for(|| {
            let text = std::fs::read_to_string(&state).unwrap_or_default();
            (text.is_empty() || text.contains(") Z ")).then_some(())
        });
    }

    fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
        for _ in 0..500 {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("waited for five seconds");
    }
}
