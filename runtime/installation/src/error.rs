//! What is wrong with an installation.

use aril_model::{Hint, MetadataError, Ref};

/// An installation that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// The metadata of a deploy is wrong.
    #[error("the deploy of '{reference}' cannot be used: {source}")]
    Metadata {
        /// Which one.
        reference: Box<Ref>,
        /// What is wrong.
        source: MetadataError,
    },
    /// `active`, `current` or the record of a deploy is not what it must be.
    #[error("'{what}' is damaged: {problem}")]
    Damaged {
        /// A path or ref.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No home directory is known.
    #[error("it is not known where the user's apps lie: neither HOME nor XDG_DATA_HOME is set")]
    NoHome,
    /// `XDG_RUNTIME_DIR` is not set.
    #[error("it is not known where running apps are noted: XDG_RUNTIME_DIR is not set")]
    NoRuntimeDir,
}

/// The result of reading an installation.
pub type Result<T> = std::result::Result<T, InstallationError>;

impl Hint for InstallationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata { .. } | Self::Damaged { .. } => {
                Some("`aril repair` finds and mends damage".into())
            }
            Self::NoRuntimeDir => Some(
                "log in through the desktop or `ssh`, or set XDG_RUNTIME_DIR to a directory of mode 0700"
                    .into(),
            ),
            _ => None,
        }
    }
}
