//! Why something cannot be built.

use aril_model::{Hint, MetadataError, Ref};
use aril_store::{StoreError, TreeError};

use crate::import::ImportError;
use crate::manifest::ManifestError;
use crate::merge::MergeError;
use crate::repository::RepositoryError;
use crate::rpm::RpmError;
use crate::scripts::ScriptError;
use crate::solve::Problem;
use crate::tool::ToolError;

/// A build that failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A package on its way into the store.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A package that is a file.
    #[error("'{path}' cannot be used: {source}")]
    File {
        /// Where it lies.
        path: String,
        /// Why.
        source: RpmError,
    },
    /// A package whose dependencies no solver understands.
    #[error("the dependencies of {0} cannot be understood")]
    Dependencies(String),
    /// No solution.
    #[error("{}", unsolvable(.0))]
    Unsolvable(Vec<Problem>),
    /// Packages that cannot be in one tree.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A tree that cannot be laid out.
    #[error("the files cannot be laid out: {0}")]
    Tree(#[from] TreeError),
    /// A manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// No runtime to build an app for.
    #[error("the runtime '{reference}' is not there")]
    NoRuntime {
        /// Which one.
        reference: Ref,
        /// The file to build it from.
        manifest: Option<String>,
    },
    /// Nothing says which runtime goes with a remote.
    #[error("there is no runtime for apps of the remote '{remote}'{}", of_release(.release.as_deref()))]
    NoManifest {
        /// The remote.
        remote: String,
        /// Its release.
        release: Option<String>,
    },
    /// Nothing is left to build.
    #[error("'{0}' is in the runtime already")]
    InRuntime(String),
    /// A runtime that was not made of RPMs.
    #[error("the runtime '{0}' does not say which packages it is made of")]
    ForeignRuntime(Ref),
    /// Nothing is built under a ref, or not by us.
    #[error("'{0}' was not made of RPMs here, so it cannot be made again")]
    NothingRecorded(Ref),
    /// Metadata of a runtime.
    #[error("the runtime's metadata is damaged: {0}")]
    Metadata(#[from] MetadataError),
    /// A script that cannot be done without the host, or that fails.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A program of a package that could not be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of ours.
    #[error(transparent)]
    Beneath(#[from] aril_beneath::Error),
    /// A remote that cannot be read.
    #[error("the remote '{name}' cannot be used: {problem}")]
    Remote {
        /// Which one.
        name: String,
        /// Why.
        problem: String,
    },
}

fn unsolvable(problems: &[Problem]) -> String {
    let first = problems.iter().flat_map(|problem| &problem.lines).next();
    let more = problems.iter().map(|problem| problem.lines.len()).sum::<usize>().saturating_sub(1);
    let first = first.map_or("there is no solution", String::as_str);
    if more == 0 { first.to_owned() } else { format!("{first} (and {more} more reasons)") }
}

impl BuildError {
    /// More lines for people, below the message.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Unsolvable(problems) => {
                problems.iter().flat_map(|problem| problem.lines.clone()).skip(1).take(40).collect()
            }
            Self::Merge(MergeError::Conflicts(conflicts)) => {
                let line = |conflict: &crate::merge::FileConflict| {
                    format!("{}: {} and {}", conflict.path, conflict.ours, conflict.theirs)
                };
                conflicts.iter().map(line).take(40).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Repository(error) => error.hint(),
            Self::Merge(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Unsolvable(problems) if problems.iter().any(|problem| problem.runtime_is_in_the_way) => Some(
                "the runtime is in the way: update it first (`aril update`), or let the app bring its own copies (`--shadow`)".into(),
            ),
            Self::NoRuntime { manifest: Some(manifest), .. } => Some(format!("build it: `aril build runtime {manifest} --from REMOTE`")),
            Self::Tool(ToolError::Missing) => Some("aril is not installed completely: `make install` puts all its programs in place".into()),
            Self::NoManifest { release: None, remote } => Some(format!("say it: `aril remote-delete {remote}`, then add it with `--release=42`")),
            Self::NoManifest { .. } => Some("say what the runtime is made of in a manifest: `aril build runtime MANIFEST --from REMOTE`".into()),
            Self::Import(ImportError::Package { source, .. }) | Self::File { source, .. } => source.hint(),
            _ => None,
        }
    }
}

fn of_release(release: Option<&str>) -> String {
    release
        .map(|release| format!(", and no manifest for the release '{release}' to build it from"))
        .unwrap_or_default()
}
