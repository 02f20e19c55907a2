//! Why nothing was started.

use aril_installation::InstallationError;
use aril_model::Hint;

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
            Self::Installation(error) => error.hint(),
            _ => None,
        }
    }
}
