//! What can go wrong with a store.

use aril_model::{CommitId, Hint};

use crate::{RefName, TreeError};

/// A store that cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// Contents could not be read or written.
    #[error("cannot {action}: {source}")]
    Stream {
        /// What was tried.
        action: &'static str,
        /// The answer.
        source: std::io::Error,
    },
    /// libostree refused.
    #[error("cannot {action}: {problem}")]
    Library {
        /// What was tried.
        action: String,
        /// Its words.
        problem: String,
    },
    /// The remote could not be reached, or the connection was cut.
    #[error("cannot {action}: {problem}")]
    Network {
        /// What was tried.
        action: String,
        /// Its words.
        problem: String,
    },
    /// A signature is missing or wrong.
    #[error("cannot {action}: {problem}")]
    Signature {
        /// What was tried.
        action: String,
        /// Its words.
        problem: String,
    },
    /// No repository at the path.
    #[error("there is no repository at '{0}'")]
    NoRepo(String),
    /// A repository that this program cannot use.
    #[error("the repository at '{path}' has the mode '{mode}', which is not supported")]
    Mode {
        /// Where.
        path: String,
        /// What its configuration says.
        mode: String,
    },
    /// No such ref.
    #[error("there is no ref '{0}' in the repository")]
    NoRef(RefName),
    /// A commit that is not there.
    #[error("the commit {} is not in the repository", .0.short())]
    NoCommit(CommitId),
    /// A remote that is not there.
    #[error("there is no remote named '{0}'")]
    NoRemote(String),
    /// A text that cannot name a ref.
    #[error("'{0}' is not the name of a ref")]
    RefName(String),
    /// An object that is not what its name says, or cannot be what it is used as.
    #[error("the object {object} is damaged: {problem}")]
    Damaged {
        /// Checksum and kind.
        object: String,
        /// What is wrong.
        problem: String,
    },
    /// More than any sound repository has.
    #[error("{what} is too large: more than {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// A stream that was longer or shorter than announced.
    #[error("a file of {wanted} bytes was announced, and {got} came")]
    Length {
        /// What was announced.
        wanted: u64,
        /// What came.
        got: u64,
    },
    /// A path that a tree cannot hold.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A text that the store's formats cannot hold.
    #[error("the text of '{0}' is empty or holds a NUL, and cannot be stored")]
    Text(String),
    /// An earlier write failed, and the caller went on.
    #[error("what was written is not complete, since an earlier write failed")]
    Incomplete,
}

/// The result of a store's operation.
pub type Result<T> = std::result::Result<T, StoreError>;

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } => Some("`aril repair` finds and mends damage".into()),
            Self::Signature { .. } => {
                Some("the remote's key may have changed, or someone has changed what it serves".into())
            }
            Self::Network { .. } => Some("what was already downloaded is kept for the next try".into()),
            _ => None,
        }
    }
}

/// Turns libostree's answers into errors that say what was tried.
pub(crate) trait Doing<T> {
    /// `action` follows the word "cannot".
    fn doing(self, action: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, ostree::glib::Error> {
    fn doing(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|error| classify(&error, action.into()))
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|error| StoreError::Library { action: action.into(), problem: error.to_string() })
    }
}

pub(crate) fn classify(error: &ostree::glib::Error, action: String) -> StoreError {
    use ostree::gio::IOErrorEnum as Io;
    // Its text may quote what a remote sent.
    let problem = aril_model::printable(error.message()).into_owned();
    if error.domain().as_str() == "OstreeGpgError" || problem.contains("GPG") {
        return StoreError::Signature { action, problem };
    }
    let cut = [
        Io::HostNotFound,
        Io::HostUnreachable,
        Io::NetworkUnreachable,
        Io::ConnectionRefused,
        Io::TimedOut,
        Io::ProxyFailed,
        Io::PartialInput,
        Io::BrokenPipe,
        Io::NotConnected,
    ];
    match error.kind::<Io>() {
        Some(kind) if cut.contains(&kind) => StoreError::Network { action, problem },
        // libostree's words around those of curl, whose answers have no kind of their own.
        _ if problem.contains("While fetching ") => StoreError::Network { action, problem },
        _ => StoreError::Library { action, problem },
    }
}
