//! Readers of packages: headers, signatures and payload, all of it bytes that somebody else chose.
//!
//! Nothing here writes, runs or believes anything: [`Package::open`] gives what a file claims, [`Package::verify`] says who vouches for it,
//! [`Payload`] hands out the contents and fails where they are not what the header says.
mod cpio; // the archive in the payload
mod decompress; // what the archive is packed with
mod dependency;
mod digest;
mod file;
mod header; // a validated view of a header's bytes
mod nevra;
mod openpgp; // keys, and what they signed
mod package; // the file as a whole
mod payload; // contents, checked against the header
mod script; // scriptlets and triggers
mod tag;
mod verify; // who vouches for it

use std::path::PathBuf;

use aril_model::Hint;

pub(crate) use decompress::Compressor;
pub use dependency::{Dependency, Relation};
pub(crate) use digest::{Hasher, from_hex, sha256_hex};
pub use file::{DigestAlgorithm, FileDigest, FileFlags, FileKind, PackageFile};
pub use header::{Header, HeaderKind};
pub use nevra::Nevra;
pub use openpgp::{Keyring, SignatureError};
pub use package::{Facts, Package};
pub use payload::{Item, Payload};
pub(crate) use script::triggers;
pub use script::{Script, ScriptKind, TriggerKind, TriggerScript};
pub(crate) use verify::verify_headers;
pub use verify::{SignaturePolicy, Vouched, WholeFile};

/// Why a package is refused.
#[derive(Debug, thiserror::Error)]
pub enum RpmError {
    /// The file cannot be read.
    #[error("the package cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is something else.
    #[error("it is not a package: {0}")]
    NotAPackage(&'static str),
    /// A header that does not add up.
    #[error("the {header} is damaged: {problem}")]
    Header {
        /// Which header.
        header: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A part of the package's name that cannot be one.
    #[error("'{text}' cannot be the {what} of a package")]
    Name {
        /// Which part.
        what: &'static str,
        /// What was given.
        text: String,
    },
    /// Lists that belong together and are not equally long, or hold nonsense.
    #[error("the lists of its {what} are damaged")]
    Lists {
        /// Of what.
        what: &'static str,
    },
    /// A dependency that nothing can ever provide.
    #[error("one of its dependencies is empty, holds control characters or is not UTF-8")]
    Dependency,
    /// A path that cannot be one.
    #[error("the path '{}': {problem}", aril_model::printable(&path.to_string_lossy()))]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A digest or the size is another than it says.
    #[error("the {0} is not what the package says")]
    Digest(&'static str),
    /// No signature that can be believed.
    #[error("its signature is not believed: {0}")]
    Signature(#[from] SignatureError),
    /// Nothing strong protects the contents.
    #[error("nothing but broken functions protect its contents (MD5, SHA-1)")]
    WeakDigests,
    /// Demands something of rpm that is not known here.
    #[error("it demands '{0}' of rpm, which is not known here")]
    Feature(String),
    /// The payload does not fit the header.
    #[error("the payload is damaged: {0}")]
    Payload(String),
    /// The consumer of the payload failed.
    #[error("'{}' cannot be stored: {source}", aril_model::printable(&path.to_string_lossy()))]
    Store {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Hint for RpmError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Signature(SignatureError::UnknownKey(_)) => {
                "import the key of whoever signs its packages: `aril remote-add --gpg-import=KEY …`"
            }
            Self::Signature(SignatureError::Missing) => {
                "ask whoever built it to sign it; a remote that is added with `--no-gpg-verify` takes what nobody signed"
            }
            Self::Signature(_) | Self::WeakDigests => {
                "ask whoever signs it to sign it anew; a remote that is added with `--no-gpg-verify` takes it as it is"
            }
            Self::NotAPackage(_)
            | Self::Header { .. }
            | Self::Lists { .. }
            | Self::Digest(_)
            | Self::Payload(_) => {
                "fetch it again: it was cut or changed on its way, or is not what its name says"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
