//! Why a change was not made.

use aril_installation::InstallationError;
use aril_model::{Hint, MetadataError, Ref, RemoteName, RpmRemoteError};
use aril_store::StoreError;

/// A change that was refused or failed. The installation is as it was, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] aril_beneath::Error),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The installation cannot be read.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// A commit cannot be installed: its metadata or its tree is not what it must be.
    #[error("'{reference}' cannot be installed: {problem}")]
    Unfit {
        /// Which ref.
        reference: Box<Ref>,
        /// What is wrong with it.
        problem: String,
    },
    /// The metadata of a commit is wrong.
    #[error("'{reference}' cannot be installed: {source}")]
    Metadata {
        /// Which ref.
        reference: Box<Ref>,
        /// What is wrong.
        source: MetadataError,
    },
    /// Nothing of this name is installed.
    #[error("nothing named '{name}' is installed")]
    NotInstalled {
        /// What was typed.
        name: String,
        /// An installed name that is like it.
        nearest: Option<String>,
    },
    /// No remote has it.
    #[error("no app or runtime named '{name}' in {place}")]
    NotFound {
        /// What was typed.
        name: String,
        /// The remotes that were looked in.
        place: String,
        /// A name there that is like it.
        nearest: Option<String>,
    },
    /// Several fit, and it was not said which.
    #[error("'{name}' can be several: {candidates}")]
    Ambiguous {
        /// What was typed.
        name: String,
        /// The refs.
        candidates: String,
    },
    /// It is installed from elsewhere.
    #[error("'{reference}' is installed from the remote '{origin}', and '{wanted}' is another one")]
    OtherOrigin {
        /// Which ref.
        reference: Box<Ref>,
        /// Where it came from.
        origin: String,
        /// Where it would come from.
        wanted: String,
    },
    /// It is installed already.
    #[error("'{0}' is installed already")]
    Installed(Box<Ref>),
    /// An older version than the installed one.
    #[error(
        "the remote '{remote}' offers a version of '{reference}' that is older than the installed one: {problem}"
    )]
    Downgrade {
        /// Which ref.
        reference: Box<Ref>,
        /// Who offers it.
        remote: RemoteName,
        /// The two versions.
        problem: String,
    },
    /// The runtime of an app is nowhere.
    #[error("'{app}' needs the runtime '{runtime}', and no remote has it")]
    NoRuntime {
        /// The app.
        app: Box<Ref>,
        /// Its runtime.
        runtime: Box<Ref>,
    },
    /// A runtime that apps need.
    #[error("'{runtime}' is needed by {apps}")]
    InUse {
        /// The runtime.
        runtime: Box<Ref>,
        /// The apps.
        apps: String,
    },
    /// It runs now.
    #[error("'{0}' is running")]
    Running(Box<Ref>),
    /// There is nothing to go back to.
    #[error("no other version of '{0}' is kept")]
    NothingKept(Box<Ref>),
    /// No kept version is the wanted one.
    #[error("no kept version of '{reference}' is '{wanted}'")]
    NotKept {
        /// Which ref.
        reference: Box<Ref>,
        /// What was typed.
        wanted: String,
        /// What is kept.
        kept: Vec<String>,
    },
    /// A remote of this name is there.
    #[error("there is a remote named '{0}' already")]
    RemoteThere(RemoteName),
    /// No remote of this name.
    #[error("there is no remote named '{name}'")]
    NoRemote {
        /// What was typed.
        name: String,
        /// A remote's name that is like it.
        nearest: Option<String>,
    },
    /// A remote from which something is installed.
    #[error("the remote '{remote}' cannot be removed: {refs} came from it")]
    RemoteInUse {
        /// Which remote.
        remote: RemoteName,
        /// What came from it.
        refs: String,
    },
    /// A remote whose contents nobody signs.
    #[error("the remote '{0}' has no key, so nothing that comes from it could be believed")]
    NoKey(RemoteName),
    /// A url or file that describes no remote.
    #[error("'{what}' does not describe a remote: {problem}")]
    NotARemote {
        /// The url or file.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A `.repo` file that cannot be used.
    #[error("'{what}' does not describe a remote: {source}")]
    RepoFile {
        /// The file.
        what: String,
        /// What is wrong with it.
        source: RpmRemoteError,
    },
    /// A remote of RPMs that is wrong.
    #[error("the remote '{name}' is wrong: {source}")]
    RpmRemote {
        /// Its name.
        name: RemoteName,
        /// What is wrong.
        source: RpmRemoteError,
    },
    /// Another program of ours failed; it has said why.
    #[error("cannot {what}")]
    Child {
        /// What it was to do.
        what: String,
    },
    /// Another program of ours could not be started, or answered nonsense.
    #[error("cannot {what}: {problem}")]
    Program {
        /// What it was to do.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// Only root changes the system's installation.
    #[error("the installation at '{0}' can only be changed by root")]
    NotAllowed(String),
}

/// The result of a change.
pub type Result<T> = std::result::Result<T, TransactionError>;

impl TransactionError {
    pub(crate) fn unfit(reference: &Ref, problem: impl Into<String>) -> Self {
        Self::Unfit { reference: Box::new(reference.clone()), problem: problem.into() }
    }
}

impl Hint for TransactionError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Installation(error) => error.hint(),
            Self::NotInstalled { nearest, .. }
            | Self::NotFound { nearest, .. }
            | Self::NoRemote { nearest, .. } => {
                nearest.as_ref().map(|near| format!("did you mean `{near}`?"))
            }
            Self::Ambiguous { .. } => Some("say its whole name: `KIND/ID/ARCH/BRANCH`".into()),
            Self::OtherOrigin { reference, .. } => {
                Some(format!("`aril uninstall {reference}` makes room for the other one"))
            }
            Self::Installed(reference) => {
                Some(format!("`aril update {}` brings it up to date", reference.id))
            }
            Self::Downgrade { reference, .. } => Some(format!(
                "`aril update --commit=COMMIT {}` goes to an older one if you want it",
                reference.id
            )),
            Self::NoRuntime { .. } => {
                Some("`aril remote-add` a remote that has it, or `aril install` the runtime first".into())
            }
            Self::InUse { .. } => {
                Some("`--force-remove` removes it all the same, and they will not start".into())
            }
            Self::Running(reference) => Some(format!("`aril kill {}` ends it", reference.id)),
            Self::NotKept { kept, .. } => Some(format!("kept are {}", kept.join(", "))),
            Self::RemoteInUse { .. } => {
                Some("`--force` removes it; what is installed stays, without updates".into())
            }
            Self::RepoFile { source, .. } | Self::RpmRemote { source, .. } => source.hint(),
            Self::NoKey(name) => Some(format!(
                "give its key: `aril remote-add --gpg-import=FILE {name} …`, or trust anybody: `--no-gpg-verify`"
            )),
            Self::RemoteThere(_) => Some("`--if-not-exists` is content with it".into()),
            Self::NotAllowed(_) => Some("`--user` changes your own".into()),
            _ => None,
        }
    }

    fn is_told(&self) -> bool {
        matches!(self, Self::Child { .. })
    }
}
