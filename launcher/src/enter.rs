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
    let first = hold(&runtime_dir, &instance)?;
    let environment = environment(&instance);
    let home = environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
    let command = Command {
        program: request.command.first().cloned().unwrap_or_default(),
        arguments: request.command.iter().skip(1).cloned().collect(),
        directories: home.into_iter().chain([PathBuf::from("/")]).collect(),
    };
    let calls = Calls { features: features(&instance), pretend: Pretend::No };
    let child = sandbox::join(&first, &calls, &command, &environment)?;
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

/// A handle of the sandbox's first process: as long as the instance is still there afterwards, the number was not somebody else's.
fn hold(runtime_dir: &Path, instance: &RunningInstance) -> Result<OwnedFd, LaunchError> {
    let gone = || LaunchError::NotRunning { name: instance.name(), near: None };
    let pid = instance.child_pid.and_then(Pid::from_raw).ok_or_else(gone)?;
    let held = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|_| gone())?;
    let still = aril_installation::instances(runtime_dir)?;
    let same = still.iter().any(|one| one.id == instance.id && one.child_pid == instance.child_pid);
    if same { Ok(held) } else { Err(gone()) }
}

/// The variables of the app itself, and the caller's terminal.
fn environment(instance: &RunningInstance) -> Vec<(OsString, OsString)> {
    let read =
        |path: String, limit| Dir::open("/proc").and_then(|proc| proc.read(path, limit)).unwrap_or_default();
    let first = instance.child_pid.unwrap_or_default();
    let children = read(format!("{first}/task/{first}/children"), 1 << 16);
    let app = String::from_utf8_lossy(&children).split_whitespace().next().unwrap_or("0").to_owned();
    let bytes = read(format!("{app}/environ"), 4 << 20);
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
