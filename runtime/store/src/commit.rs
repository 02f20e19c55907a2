//! What a commit says: its text, its time, its metadata.

use std::collections::BTreeMap;

use aril_model::CommitId;
use ostree::glib;
use ostree::glib::prelude::ToVariant;

use crate::error::Doing;
use crate::object::ObjectKind;
use crate::{Checksum, Repo, Result, StoreError, variant};

/// The type of a commit object.
///
/// Source: `OSTREE_COMMIT_GVARIANT_FORMAT`: metadata, parent, related objects, subject, body, time, contents and properties of the root.
type CommitTuple =
    (BTreeMap<String, glib::Variant>, Vec<u8>, Vec<(String, Vec<u8>)>, String, String, u64, Vec<u8>, Vec<u8>);

/// A value in a commit's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `s`.
    Text(String),
    /// `as`.
    List(Vec<String>),
    /// `t`, stored big-endian, as Flatpak's sizes are.
    Size(u64),
    /// `ay`.
    Bytes(Vec<u8>),
    /// `b`.
    Flag(bool),
    /// A value of another type, which is given; only read.
    Other(String),
}

impl Value {
    fn to_variant(&self) -> Option<glib::Variant> {
        Some(match self {
            Self::Text(text) => text.to_variant(),
            Self::List(items) => items.to_variant(),
            Self::Size(size) => size.to_be().to_variant(),
            Self::Bytes(bytes) => glib::Variant::array_from_fixed_array(bytes.as_slice()),
            Self::Flag(flag) => flag.to_variant(),
            Self::Other(_) => return None,
        })
    }

    fn from_variant(variant: &glib::Variant) -> Self {
        let kind = variant.type_().as_str();
        let value = match kind {
            "s" => variant.get().map(Self::Text),
            "as" => variant.get().map(Self::List),
            "t" => variant.get().map(|size| Self::Size(u64::from_be(size))),
            // All at once: glib's own way takes a value for each byte, and headers of packages are long.
            "ay" => variant.fixed_array::<u8>().ok().map(|bytes| Self::Bytes(bytes.to_vec())),
            "b" => variant.get().map(Self::Flag),
            _ => None,
        };
        value.unwrap_or_else(|| Self::Other(kind.to_owned()))
    }
}

/// What a new commit says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitDetails {
    /// One line.
    pub subject: String,
    /// More lines.
    pub body: String,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Keys and values; [`Value::Other`] cannot be written and is left out.
    pub metadata: BTreeMap<String, Value>,
    /// The version before, if that is kept.
    pub parent: Option<CommitId>,
}

impl CommitDetails {
    /// Refuses texts that have no serialised form.
    pub(crate) fn check(&self) -> Result<()> {
        let texts = |value: &Value| match value {
            Value::Text(text) => text.contains('\0'),
            Value::List(items) => items.iter().any(|item| item.contains('\0')),
            _ => false,
        };
        let wrong = self
            .metadata
            .iter()
            .find(|(key, value)| key.contains('\0') || texts(value))
            .map(|(key, _)| key.as_str());
        let wrong = wrong
            .or(self.subject.contains('\0').then_some("subject"))
            .or(self.body.contains('\0').then_some("body"));
        wrong.map_or(Ok(()), |key| Err(StoreError::Text(aril_model::printable(key).into_owned())))
    }

    pub(crate) fn serialise(&self, root: Checksum, root_properties: Checksum) -> Vec<u8> {
        let metadata: BTreeMap<String, glib::Variant> = self
            .metadata
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.to_variant()?)))
            .collect();
        let parent =
            self.parent.as_ref().map(|id| Checksum::from(id).as_bytes().to_vec()).unwrap_or_default();
        let commit: CommitTuple = (
            metadata,
            parent,
            Vec::new(),
            self.subject.clone(),
            self.body.clone(),
            self.timestamp.to_be(),
            root.as_bytes().to_vec(),
            root_properties.as_bytes().to_vec(),
        );
        commit.to_variant().data().to_vec()
    }
}

/// A commit in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// What it says.
    pub details: CommitDetails,
    pub(crate) root: Checksum,
    pub(crate) root_properties: Checksum,
}

impl Commit {
    /// Reads a serialised commit.
    pub(crate) fn parse(id: CommitId, bytes: &[u8]) -> Result<Self> {
        let damaged =
            || StoreError::Damaged { object: format!("{id}.commit"), problem: "it is not a commit".into() };
        let variant = variant::parse::<CommitTuple>(bytes).ok_or_else(damaged)?;
        let parts: CommitTuple = variant.get().ok_or_else(damaged)?;
        let (metadata, parent, _, subject, body, timestamp, root, properties) = parts;
        let parent = match &*parent {
            [] => None,
            bytes => Some(Checksum::from_bytes(bytes).ok_or_else(damaged)?.to_commit()),
        };
        let metadata =
            metadata.iter().map(|(key, value)| (key.clone(), Value::from_variant(value))).collect();
        let details = CommitDetails { subject, body, timestamp: u64::from_be(timestamp), metadata, parent };
        let root = Checksum::from_bytes(&root).ok_or_else(damaged)?;
        let root_properties = Checksum::from_bytes(&properties).ok_or_else(damaged)?;
        Ok(Self { id, details, root, root_properties })
    }

    /// A text of the metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.details.metadata.get(key) { Some(text) } else { None }
    }

    /// A list of the metadata; empty if it is missing or no list.
    pub fn list(&self, key: &str) -> &[String] {
        if let Some(Value::List(items)) = self.details.metadata.get(key) { items } else { &[] }
    }

    /// A size of the metadata.
    pub fn size(&self, key: &str) -> Option<u64> {
        if let Some(Value::Size(size)) = self.details.metadata.get(key) { Some(*size) } else { None }
    }

    /// Bytes of the metadata.
    pub fn bytes(&self, key: &str) -> Option<&[u8]> {
        if let Some(Value::Bytes(bytes)) = self.details.metadata.get(key) { Some(bytes) } else { None }
    }
}

impl Repo {
    /// Reads a commit.
    ///
    /// # Errors
    /// [`StoreError::NoCommit`] when it is not there.
    pub fn commit(&self, id: &CommitId) -> Result<Commit> {
        Commit::parse(id.clone(), &self.objects().read_metadata(Checksum::from(id), ObjectKind::Commit)?)
    }

    /// Notes that a commit is there in part only, so that a pull looks for what is missing of it.
    ///
    /// # Errors
    /// When the note cannot be made.
    pub fn forget_that_whole(&self, id: &CommitId) -> Result<()> {
        let marked = self.library()?.mark_commit_partial(id.as_str(), true);
        marked.doing(format!("note that the commit {} is not whole", id.short())).map(drop)
    }

    /// Whether a commit is there with all that it needs, as far as the repository knows: a pull that was cut leaves a part.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn has_commit(&self, id: &CommitId) -> Result<bool> {
        Ok(self.objects().has(Checksum::from(id), ObjectKind::Commit)?
            && !self.dir().exists(format!("state/{id}.commitpartial"))?)
    }
}
