//! What was done, a line of JSON for each ref: for people, for `rollback`, and for the guard against downgrades.
//!
//! Lines are only ever added; one that a killed process left half is passed over.
//! Source: `docs/format/history.md`.

use std::io::{Seek, SeekFrom, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use aril_beneath::Dir;
use aril_model::{CommitId, Ref};
use serde::{Deserialize, Serialize};

use crate::Result;

const FILE: &str = "history";
/// Largest file that is read; beyond half of it the older half of the lines goes.
const LIMIT: u64 = 8 << 20;

/// What was done with a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was not there before.
    Install,
    /// It got another commit.
    Update,
    /// It got back a commit that was kept.
    Rollback,
    /// It was removed.
    Uninstall,
}

impl Done {
    /// The word for people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Uninstall => "uninstall",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When: RFC 3339, UTC.
    pub time: String,
    /// What.
    pub change: Done,
    /// To which ref.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The remote that it comes from.
    pub origin: String,
    /// The commit before, if there was one.
    #[serde(default)]
    pub old: Option<String>,
    /// The commit after, if there is one.
    #[serde(default)]
    pub new: Option<String>,
    /// The version after, if it says one.
    #[serde(default)]
    pub version: Option<String>,
}

/// Reads the history, the oldest first.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(installation: &Dir) -> Result<Vec<HistoryEntry>> {
    let text = match installation.read(FILE, LIMIT) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Adds lines.
pub(crate) fn append(installation: &Dir, entries: &[HistoryEntry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    shorten(installation)?;
    // It begins with a new line, so that one that was left half does not spoil ours.
    let mut text = String::from("\n");
    for entry in entries {
        text.push_str(&serde_json::to_string(entry).expect("texts are written as JSON"));
        text.push('\n');
    }
    let lock = installation.lock(FILE, aril_beneath::LockKind::Exclusive)?;
    let mut file = lock.file();
    let written = file
        .seek(SeekFrom::End(0))
        .and_then(|_| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_data());
    written.map_err(|source| aril_store::StoreError::Stream { action: "write the history", source })?;
    Ok(())
}

fn shorten(installation: &Dir) -> Result<()> {
    let size = match installation.stat(FILE) {
        Ok(properties) => properties.size,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if size < LIMIT / 2 {
        return Ok(());
    }
    let entries = read(installation)?;
    let newer = &entries[entries.len() / 2..];
    let lines = newer.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    let text: String = lines.map(|line| line + "\n").collect();
    Ok(installation.write_atomic(FILE, text.as_bytes(), 0o644)?)
}

/// The commits that a ref had, the one it got last first, each once.
pub(crate) fn commits_of(entries: &[HistoryEntry], reference: &Ref) -> Vec<CommitId> {
    let name = reference.to_string();
    let mut commits: Vec<CommitId> = Vec::new();
    for entry in entries.iter().rev().filter(|entry| entry.reference == name) {
        for commit in [&entry.new, &entry.old].into_iter().flatten() {
            if let Ok(commit) = commit.parse()
                && !commits.contains(&commit)
            {
                commits.push(commit);
            }
        }
    }
    commits
}

/// The present moment as the history writes it.
pub(crate) fn now() -> String {
    aril_terminal::rfc3339(seconds_now())
}

/// The present moment in seconds since 1970.
pub(crate) fn seconds_now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    i64::try_from(passed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(old: Option<char>, new: Option<char>) -> HistoryEntry {
        let commit = |c: char| c.to_string().repeat(64);
        HistoryEntry {
            time: now(),
            change: Done::Update,
            reference: "app/org.test.Hello/x86_64/stable".into(),
            origin: "r".into(),
            old: old.map(commit),
            new: new.map(commit),
            version: None,
        }
    }

    #[test]
    fn lines_survive_one_that_is_half() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        assert_eq!(read(&dir).unwrap(), []);
        append(&dir, &[entry(None, Some('a'))]).unwrap();
        let whole = dir.read_to_string(FILE, LIMIT).unwrap();
        dir.write_atomic(FILE, format!("{whole}{{\"time\":\"20").as_bytes(), 0o644).unwrap();
        append(&dir, &[entry(Some('a'), Some('b'))]).unwrap();
        let entries = read(&dir).unwrap();
        assert_eq!(
            entries,
            [entry(None, Some('a')), entry(Some('a'), Some('b'))]
                .map(|e| HistoryEntry { time: entries[0].time.clone(), ..e })
        );
        let commits = commits_of(&entries, &"app/org.test.Hello/x86_64/stable".parse().unwrap());
        assert_eq!(commits.iter().map(|c| &c.as_str()[..1]).collect::<String>(), "ba");
        assert_eq!(commits_of(&entries, &"app/org.test.Other/x86_64/stable".parse().unwrap()), []);
    }
}
