//! Why nothing was started.

use aril_installation::InstallationError;
use aril_model::{AppId, CommitId, Hint, Ref};

use crate::sandbox::SetupError;

/// A start that failed, or a command line that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The command line.
    #[error("{problem}")]
    Usage {
        /// What is wrong with it.
        problem: String,
        /// What would help.
        hint: Option<String>,
    },
    /// A step of making the sandbox.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The installation.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// A file.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// No such app.
    #[error("'{name}' is not installed")]
    NotInstalled {
        /// What was typed.
        name: String,
        /// What was perhaps meant.
        near: Option<String>,
    },
    /// A short name that fits several apps.
    #[error("'{name}' could be several")]
    Ambiguous {
        /// What was typed.
        name: String,
        /// The apps.
        ids: Vec<String>,
    },
    /// No such sandbox.
    #[error("'{name}' does not run")]
    NotRunning {
        /// What was typed.
        name: String,
        /// What was perhaps meant.
        near: Option<String>,
    },
    /// The named commit is not there.
    #[error("commit {} of '{reference}' is not installed", commit.short())]
    NoCommit {
        /// Of which ref.
        reference: Box<Ref>,
        /// Which one.
        commit: CommitId,
    },
    /// The metadata names no runtime.
    #[error("the metadata of '{id}' names no runtime to run on")]
    NoRuntimeNamed {
        /// The app.
        id: AppId,
    },
    /// The runtime is not installed.
    #[error("'{id}' needs the runtime '{}', which is not installed", runtime.without_kind())]
    NoRuntime {
        /// The app.
        id: AppId,
        /// The runtime.
        runtime: Box<Ref>,
    },
    /// Another program of ours is missing.
    #[error("the program '{name}' is missing")]
    NoProgram {
        /// Its name.
        name: &'static str,
    },
    /// The caches of an app could not be made.
    #[error("the caches of '{id}' could not be made")]
    NoCaches {
        /// The app.
        id: AppId,
    },
    /// The sandbox's first process was killed.
    #[error("the sandbox was killed from outside")]
    Killed,
    /// A system call of the launcher's own.
    #[error("the launcher failed: {0}")]
    System(#[from] std::io::Error),
}

impl LaunchError {
    /// A wrong command line.
    pub(crate) fn usage(problem: impl Into<String>) -> Self {
        Self::Usage { problem: problem.into(), hint: None }
    }

    /// As a shell tells it: 2 for a wrong command line, 125 for no sandbox, 126 and 127 for a program that cannot be started or is not there.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Setup(error) => error.exit_code(),
            Self::Killed => 137,
            _ => 125,
        }
    }
}

impl Hint for LaunchError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Setup(error) => error.hint(),
            Self::NoProgram { .. } => {
                Some("aril is not installed completely: `make install` puts all its programs in place".into())
            }
            Self::NoCaches { .. } => Some("`aril repair` finds and mends damage".into()),
            other => other.absence_hint(),
        }
    }
}
