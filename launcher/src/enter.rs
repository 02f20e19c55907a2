//! Runs a command in a sandbox that runs already, to look around in it.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_installation::RunningInstance;
use aril_model::{Context, Feature, nearest, printable};
use rustix::process::{Pid, PidfdFlags, WaitOptions};

use crate::arguments::EnterRequest;
use crate::sandbox;
use crate::spec::{CallFeature, Calls, Command, Pretend};
use crate::{LaunchError, host};

/// Runs the command, and returns its exit code.
///
/// # Errors
/// When no such sandbox runs, or it cannot be entered.
pub(crate) fn enter(request: &EnterRequest) -> Result<u8, LaunchError> {
    let runtime_dir = host::own_runtime_dir()?;
    let instance = find(&runtime_dir, &request.name)?;
    let (handles, processes) = hold(&runtime_dir, &instance)?;
    let environment = environment(&processes);
    let home = environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
    let command = Command {
        program: request.command.first().cloned().unwrap_or_default(),
        arguments: request.command.iter().skip(1).cloned().collect(),
        directories: home.into_iter().chain([PathBuf::from("/")]).collect(),
    };
    let calls = Calls { features: features(&instance), pretend: Pretend::No };
    let child = sandbox::join(&handles, &calls, &command, &environment)?;
    wait(child)
}

/// The instance of this number, or the only one of this app.
fn find(runtime_dir: &Path, name: &str) -> Result<RunningInstance, LaunchError> {
    let running = aril_installation::instances(runtime_dir)?;
    let names: Vec<String> = running.iter().map(RunningInstance::name).collect();
    let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
    let mut meant: Vec<RunningInstance> =
        running.into_iter().filter(|one| one.id.as_str() == name || one.name() == name).collect();
    match meant.len() {
        1 => Ok(meant.remove(0)),
        0 => Err(LaunchError::NotRunning { name: printable(name).into_owned(), near }),
        _ => Err(LaunchError::Ambiguous {
            name: printable(name).into_owned(),
            ids: meant.iter().map(|one| one.id.to_string()).collect(),
        }),
    }
}

/// Handles of processes in the sandbox, the app's own first. The sandbox's first process lets nobody look into it, and so nobody in; those
/// below it are the app's. They were still there after they were opened, and so was the instance: no number was somebody else's by then.
fn hold(runtime_dir: &Path, instance: &RunningInstance) -> Result<(Vec<OwnedFd>, Vec<u32>), LaunchError> {
    let gone = || LaunchError::NotRunning { name: instance.name(), near: None };
    let first = instance.child_pid.ok_or_else(gone)?;
    let mut held: Vec<(u32, OwnedFd)> =
        children(first).into_iter().filter_map(|pid| Some((pid, open(pid)?))).collect();
    let still_there = children(first);
    held.retain(|(pid, _)| still_there.contains(pid));
    let still = aril_installation::instances(runtime_dir)?;
    let same = still.iter().any(|one| one.id == instance.id && one.child_pid == instance.child_pid);
    if held.is_empty() || !same {
        return Err(gone());
    }
    let (numbers, handles) = held.into_iter().unzip();
    Ok((handles, numbers))
}

fn open(pid: u32) -> Option<OwnedFd> {
    rustix::process::pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()
}

fn children(first: i32) -> Vec<u32> {
    let text = read_proc(&format!("{first}/task/{first}/children"), 1 << 16);
    String::from_utf8_lossy(&text).split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A file below `/proc`; nothing if it cannot be read.
fn read_proc(path: &str, limit: u64) -> Vec<u8> {
    Dir::open("/proc").and_then(|proc| proc.read(path, limit)).unwrap_or_default()
}

/// The variables of the app itself, and the caller's terminal.
fn environment(processes: &[u32]) -> Vec<(OsString, OsString)> {
    let bytes =
        processes.first().map(|pid| read_proc(&format!("{pid}/environ"), 4 << 20)).unwrap_or_default();
    let mut all: Vec<(OsString, OsString)> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let at = entry.iter().position(|byte| *byte == b'=')?;
            Some((OsStr::from_bytes(&entry[..at]).to_owned(), OsString::from_vec(entry[at + 1..].to_vec())))
        })
        .collect();
    if let Some(terminal) = std::env::var_os("TERM") {
        all.retain(|(name, _)| name != "TERM");
        all.push(("TERM".into(), terminal));
    }
    all
}

/// What the app may call, the command may call.
fn features(instance: &RunningInstance) -> Vec<CallFeature> {
    let (context, _) = Context::from_keyfile(&instance.info);
    let known = [
        (Feature::Devel, CallFeature::Devel),
        (Feature::Multiarch, CallFeature::Multiarch),
        (Feature::Bluetooth, CallFeature::Bluetooth),
        (Feature::Canbus, CallFeature::Canbus),
    ];
    known
        .into_iter()
        .filter(|(feature, _)| context.features.allows(*feature))
        .map(|(_, feature)| feature)
        .collect()
}

fn wait(child: Pid) -> Result<u8, LaunchError> {
    // What the terminal sends is for the command.
    let _signals = crate::supervisor::await_signals()?;
    let status = rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), WaitOptions::empty()))
        .map_err(std::io::Error::from)?;
    let (_, status) = status.ok_or(LaunchError::Killed)?;
    let code = match status.terminating_signal() {
        Some(signal) => 128 + signal,
        None => status.exit_status().unwrap_or(125),
    };
    Ok(u8::try_from(code & 0xff).unwrap_or(125))
}
