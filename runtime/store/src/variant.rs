//! The serialised forms of objects, and no more of GVariant than they need.
//!
//! Source: ostree's `ostree-core.h`: `OSTREE_FILE_HEADER_GVARIANT_FORMAT` and its neighbours. Numbers are stored big-endian.

use std::borrow::Cow;

use ostree::glib;
use ostree::glib::prelude::{FromVariant, StaticVariantType, ToVariant};

use crate::{Checksum, Result, StoreError};

/// A directory's contents: files and links with their checksums; directories with those of their contents and of their properties.
pub(crate) type DirTree = (Vec<(String, Vec<u8>)>, Vec<(String, Vec<u8>, Vec<u8>)>);

/// Extended attributes: there are none in what we keep, but the formats have a place for them.
pub(crate) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// The mode of every directory.
const DIRECTORY_MODE: u32 = 0o040_755;
/// The mode of every symbolic link.
const LINK_MODE: u32 = 0o120_777;

/// The header of a file as it goes into its checksum: owner, group, mode, device, link target, extended attributes.
pub(crate) fn file_header(mode: u32) -> Vec<u8> {
    with_size(&(0_u32, 0_u32, mode.to_be(), 0_u32, "", Attributes::new()).to_variant())
}

/// The header of a symbolic link.
pub(crate) fn link_header(target: &str) -> Vec<u8> {
    with_size(&(0_u32, 0_u32, LINK_MODE.to_be(), 0_u32, target, Attributes::new()).to_variant())
}

/// The header of a file in an archive, which begins with the size.
pub(crate) fn archive_header(size: u64, mode: u32) -> Vec<u8> {
    with_size(&(size.to_be(), 0_u32, 0_u32, mode.to_be(), 0_u32, "", Attributes::new()).to_variant())
}

/// The header of a symbolic link in an archive.
pub(crate) fn archive_link_header(target: &str) -> Vec<u8> {
    with_size(&(0_u64, 0_u32, 0_u32, LINK_MODE.to_be(), 0_u32, target, Attributes::new()).to_variant())
}

/// What the store knows of a file's object before its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileHeader {
    /// A regular file: its length and its mode with the file type.
    File { size: u64, mode: u32 },
    /// A symbolic link.
    Link { target: String },
}

impl FileHeader {
    /// A regular file of a mode that the store keeps: owned by root, without set-id and sticky bits, not writable for everybody.
    pub(crate) fn file(size: u64, mode: u32) -> Option<Self> {
        (mode & !0o775 == 0o100_000).then_some(Self::File { size, mode })
    }
}

/// Reads the header of a file in an archive, without its size prefix; `None` when it is something else, or a file with an owner, a mode or
/// attributes that the store does not keep.
pub(crate) fn parse_archive_header(bytes: &[u8]) -> Option<FileHeader> {
    type Header = (u64, u32, u32, u32, u32, String, Attributes);
    let (size, uid, gid, mode, _, target, attributes) = parse::<Header>(bytes)?.get::<Header>()?;
    let mode = u32::from_be(mode);
    if (uid, gid) != (0, 0) || !attributes.is_empty() {
        return None;
    }
    if mode == LINK_MODE {
        Some(FileHeader::Link { target })
    } else {
        FileHeader::file(u64::from_be(size), mode)
    }
}

/// The object that holds the properties of every directory: owned by root, mode 0755.
pub(crate) fn directory_properties() -> Vec<u8> {
    (0_u32, 0_u32, DIRECTORY_MODE.to_be(), Attributes::new()).to_variant().data().to_vec()
}

/// The object that holds a directory's contents; both lists must be sorted.
pub(crate) fn directory(contents: &DirTree) -> Vec<u8> {
    contents.to_variant().data().to_vec()
}

/// Reads serialised bytes as a type; `None` when they are not its normal form.
pub(crate) fn parse<T: StaticVariantType>(bytes: &[u8]) -> Option<glib::Variant> {
    parse_as(bytes, &T::static_variant_type())
}

/// Like [`parse`] for a type given by its text.
pub(crate) fn parse_as(bytes: &[u8], kind: &glib::VariantTy) -> Option<glib::Variant> {
    let variant = glib::Variant::from_bytes_with_type(&glib::Bytes::from(bytes), kind);
    // A form that is not normal has two readings: what was verified by its checksum must have one.
    variant.is_normal_form().then_some(variant)
}

/// Reads the object of a directory's contents.
pub(crate) fn parse_directory(bytes: &[u8], checksum: Checksum) -> Result<DirTree> {
    type Raw = (Vec<(String, Bytes)>, Vec<(String, Bytes, Bytes)>);
    let raw = parse::<DirTree>(bytes).and_then(|variant| variant.get::<Raw>());
    let (files, dirs) = raw.ok_or_else(|| StoreError::Damaged {
        object: format!("{checksum}.dirtree"),
        problem: "it is not the contents of a directory".into(),
    })?;
    let files = files.into_iter().map(|(name, file)| (name, file.0)).collect();
    let dirs = dirs.into_iter().map(|(name, dir, properties)| (name, dir.0, properties.0)).collect();
    Ok((files, dirs))
}

/// Bytes that are taken all at once: glib's own way takes a value for each.
struct Bytes(Vec<u8>);

impl StaticVariantType for Bytes {
    fn static_variant_type() -> Cow<'static, glib::VariantTy> {
        Vec::<u8>::static_variant_type()
    }
}

impl FromVariant for Bytes {
    fn from_variant(variant: &glib::Variant) -> Option<Self> {
        variant.fixed_array::<u8>().ok().map(|bytes| Self(bytes.to_vec()))
    }
}

/// Length, big-endian, padding to eight bytes, and the header: as it stands before a file's contents.
fn with_size(header: &glib::Variant) -> Vec<u8> {
    let header = header.data();
    let mut bytes = Vec::with_capacity(header.len() + 8);
    let length = u32::try_from(header.len()).expect("a header is as long as a path at most");
    bytes.extend(length.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(header);
    bytes
}
