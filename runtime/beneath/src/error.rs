//! What was tried, where, and why it failed.

use std::io;
use std::path::{Path, PathBuf};

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} '{}': {}", path.display(), describe(source))]
pub struct Error {
    /// What was tried: `open`, `rename`...
    pub action: &'static str,
    /// The path, for messages only.
    pub path: PathBuf,
    /// The kernel's answer.
    #[source]
    pub source: io::Error,
}

/// The result of a file operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.into(), source: source.into() }
    }

    /// Whether there is nothing at the path.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether there is something at the path already.
    pub fn is_already_there(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// Whether the path led outside, or over a symbolic link where none may be.
    pub fn is_escape(&self) -> bool {
        matches!(self.source.raw_os_error(), Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() || code == rustix::io::Errno::XDEV.raw_os_error())
    }
}

/// The kernel's words, but for two answers that mean something of their own here.
fn describe(source: &io::Error) -> String {
    match source.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            "a symbolic link stands where none may be".into()
        }
        Some(code) if code == rustix::io::Errno::XDEV.raw_os_error() => "the path leads outside".into(),
        Some(_) => {
            let text = source.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
        None => source.to_string(),
    }
}

/// Turns the kernel's answer into an [`Error`] that names the path.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, base: &Path, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> At<T> for std::result::Result<T, E> {
    fn at(self, action: &'static str, base: &Path, path: &Path) -> Result<T> {
        self.map_err(|source| {
            let relative = path.strip_prefix("/").unwrap_or(path);
            let whole = if relative.as_os_str().is_empty() { base.to_owned() } else { base.join(relative) };
            Error::new(action, whole, source)
        })
    }
}
