//! The sandboxes that run now, as `$XDG_RUNTIME_DIR/.flatpak` notes them; ours and Flatpak's lie side by side there.
//!
//! Source: `flatpak-instance.c` for names and contents of the files.

use std::path::Path;

use aril_beneath::{Dir, LockKind};
use aril_model::{InstanceId, Keyfile};

use crate::{InstallationError, Result};

/// A sandbox that runs.
#[derive(Debug, Clone)]
pub struct RunningInstance {
    /// Its number.
    pub id: InstanceId,
    /// The process that started it, as pid of the host.
    pub pid: Option<i32>,
    /// The first process of the app, as pid of the host.
    pub child_pid: Option<i32>,
    /// What `/.flatpak-info` says inside.
    pub info: Keyfile,
}

impl RunningInstance {
    /// The app's id, or the runtime's if only a runtime was started.
    pub fn name(&self) -> String {
        let name = |group| self.info.get(group, "name");
        name("Application").or_else(|| name("Runtime")).unwrap_or_default()
    }

    /// A key of the group `Instance`.
    pub fn fact(&self, key: &str) -> Option<String> {
        self.info.get("Instance", key)
    }
}

/// Lists the running sandboxes of the user whose `XDG_RUNTIME_DIR` is given, sorted by number. Reads only; leftovers of dead ones, which
/// nobody locks any more, are passed over.
///
/// # Errors
/// When the directory is there and cannot be read.
pub fn instances(runtime_dir: &Path) -> Result<Vec<RunningInstance>> {
    let dir = match Dir::open(runtime_dir.join(".flatpak")) {
        Ok(dir) => dir,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(InstallationError::File(error)),
    };
    let mut found = Vec::new();
    for entry in dir.entries("")? {
        let Some(id) = entry.name.to_str().and_then(|name| name.parse::<InstanceId>().ok()) else { continue };
        if let Some(instance) = read_instance(&dir, id) {
            found.push(instance);
        }
    }
    found.sort_by_key(|instance| instance.id.as_str().parse::<u32>().unwrap_or(0));
    Ok(found)
}

/// `None` for one that has ended: its lock is free, or its files go while we look.
fn read_instance(dir: &Dir, id: InstanceId) -> Option<RunningInstance> {
    let own = dir.open_dir(id.as_str()).ok()?;
    let reference = own.exists(".ref").ok()?;
    if !reference || own.try_lock(".ref", LockKind::Exclusive).ok()?.is_some() {
        return None;
    }
    let info = Keyfile::parse(&own.read_to_string("info", 1 << 20).ok()?).ok()?;
    let number = |text: String| text.trim().parse::<i32>().ok();
    let pid = own.read_to_string("pid", 64).ok().and_then(number);
    let child_pid = own.read_to_string("bwrapinfo.json", 1 << 16).ok().and_then(|text| child_pid(&text));
    Some(RunningInstance { id, pid, child_pid, info })
}

/// The value of `child-pid` in a flat JSON object of numbers and strings.
fn child_pid(json: &str) -> Option<i32> {
    let (_, rest) = json.split_once("\"child-pid\"")?;
    let digits = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::child_pid;

    #[test]
    fn child_pid_in_the_forms_that_are_written() {
        assert_eq!(
            child_pid("{\n    \"child-pid\": 123,\n    \"cgroup-namespace\": 4026531835\n}\n"),
            Some(123)
        );
        assert_eq!(child_pid("{\"child-pid\":7}"), Some(7));
        assert_eq!(child_pid("{}"), None);
    }
}
