//! A package file as a whole: where its parts lie, and what its header claims.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use super::decompress::Compressor;
use super::dependency::{Dependency, rpmlib_features};
use super::header::{Header, HeaderKind};
use super::{Nevra, PackageFile, RpmError, Script, TriggerScript, script, tag};

const LEAD: u64 = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// What is demanded of rpm by packages that can be read here.
const KNOWN_FEATURES: &[&str] = &[
    "BuiltinLuaScripts",
    "CaretInVersions",
    "CompressedFileNames",
    "ConcurrentAccess",
    "ExplicitPackageProvide",
    "FileCaps",
    "FileDigests",
    "HeaderLoadSortsTags",
    "LargeFiles",
    "PartialHardlinkSets",
    "PayloadFilesHavePrefix",
    "PayloadIsBzip2",
    "PayloadIsLzma",
    "PayloadIsXz",
    "PayloadIsZstd",
    "RichDependencies",
    "ScriptletExpansion",
    "ScriptletInterpreterArgs",
    "TildeInVersions",
    "VersionedDependencies",
];

/// What a main header says, taken apart.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its name.
    pub nevra: Nevra,
    /// A line about it.
    pub summary: String,
    /// Paragraphs about it.
    pub description: String,
    /// Its licence, as the packager wrote it.
    pub license: String,
    /// Its project's page.
    pub url: String,
    /// Who built it.
    pub vendor: String,
    /// When it was built, in seconds since 1970.
    pub build_time: u64,
    /// The file name of the source package it was built from.
    pub source_rpm: String,
    /// What it provides, its own name included.
    pub provides: Vec<Dependency>,
    /// What must be there.
    pub requires: Vec<Dependency>,
    /// What must not be there.
    pub conflicts: Vec<Dependency>,
    /// What it replaces.
    pub obsoletes: Vec<Dependency>,
    /// What should be there.
    pub recommends: Vec<Dependency>,
    /// What could be there.
    pub suggests: Vec<Dependency>,
    /// For what it should be there.
    pub supplements: Vec<Dependency>,
    /// For what it could be there.
    pub enhances: Vec<Dependency>,
    /// Its files, in the order of the header.
    pub files: Vec<PackageFile>,
    /// Its scriptlets.
    pub scripts: Vec<Script>,
    /// Its triggers.
    pub triggers: Vec<TriggerScript>,
    /// What its payload is packed with, if it says so.
    pub(super) compressor: Option<Compressor>,
}

impl Facts {
    /// Takes a main header apart.
    ///
    /// # Errors
    /// When something that every package has is missing or not as it must be; when it is a source package or demands what is not known here.
    pub fn from_header(header: &Header) -> Result<Self, RpmError> {
        if header.has(tag::SOURCEPACKAGE) || !header.has(tag::SOURCERPM) {
            return Err(RpmError::NotAPackage("it is a source package"));
        }
        let features = rpmlib_features(header, tag::REQUIRE)?;
        if let Some(unknown) = features.into_iter().find(|name| !KNOWN_FEATURES.contains(&name.as_str())) {
            return Err(RpmError::Feature(aril_model::printable(&unknown).into_owned()));
        }
        let format = header.string(tag::PAYLOADFORMAT).unwrap_or("cpio");
        if format != "cpio" {
            let format = aril_model::printable(format);
            return Err(RpmError::Feature(format!("a payload of the kind {format}")));
        }
        let nevra = nevra(header)?;
        let text = |tag| header.string_bytes(tag).map(|text| String::from_utf8_lossy(text).into_owned());
        let list = |tags| Dependency::read(header, tags);
        Ok(Self {
            summary: text(tag::SUMMARY).unwrap_or_default(),
            description: text(tag::DESCRIPTION).unwrap_or_default(),
            license: text(tag::LICENSE).unwrap_or_default(),
            url: text(tag::URL).unwrap_or_default(),
            vendor: text(tag::VENDOR).unwrap_or_default(),
            source_rpm: text(tag::SOURCERPM).unwrap_or_default(),
            build_time: header.number(tag::BUILDTIME).unwrap_or(0),
            provides: with_own_name(list(tag::PROVIDE)?, &nevra),
            requires: list(tag::REQUIRE)?,
            conflicts: list(tag::CONFLICT)?,
            obsoletes: list(tag::OBSOLETE)?,
            recommends: list(tag::RECOMMEND)?,
            suggests: list(tag::SUGGEST)?,
            supplements: list(tag::SUPPLEMENT)?,
            enhances: list(tag::ENHANCE)?,
            files: PackageFile::read_all(header)?,
            scripts: script::scripts(header),
            triggers: script::triggers(header),
            compressor: header.string(tag::PAYLOADCOMPRESSOR).map(Compressor::from_name).transpose()?,
            nevra,
        })
    }

    /// The bytes of all files in the payload, files with several names counted once.
    pub fn installed_size(&self) -> u64 {
        let mut inodes = std::collections::HashSet::new();
        let regular = self.files.iter().filter(|file| file.is_in_payload() && file.digest.is_some());
        regular.filter(|file| inodes.insert(file.inode)).fold(0, |sum, file| file.size.saturating_add(sum))
    }
}

fn nevra(header: &Header) -> Result<Nevra, RpmError> {
    let part = |tag, what| {
        header.string(tag).ok_or(RpmError::Header { header: "header", problem: format!("it has no {what}") })
    };
    let epoch = u32::try_from(header.number(tag::EPOCH).unwrap_or(0)).unwrap_or(u32::MAX);
    Nevra::new(
        part(tag::NAME, "name")?,
        epoch,
        part(tag::VERSION, "version")?,
        part(tag::RELEASE, "release")?,
        part(tag::ARCH, "architecture")?,
    )
}

/// Packages older than rpm 4 do not say that they provide themselves.
fn with_own_name(mut provides: Vec<Dependency>, nevra: &Nevra) -> Vec<Dependency> {
    if !provides.iter().any(|found| found.name == nevra.name && found.version.is_some()) {
        let version = super::Relation::from_operator("=").map(|equal| (equal, nevra.evr()));
        provides.push(Dependency { name: nevra.name.clone(), version, before_scripts: false });
    }
    provides
}

/// An opened package file. What it says is a claim until [`Package::verify`] was asked.
#[derive(Debug)]
pub struct Package {
    pub(super) file: Arc<File>,
    pub(super) signature: Header,
    pub(super) header: Header,
    pub(super) payload_start: u64,
    pub(super) payload_size: u64,
    facts: Facts,
}

impl Package {
    /// Reads a package's headers.
    ///
    /// # Errors
    /// When it is none, or damaged.
    pub fn open(file: File) -> Result<Self, RpmError> {
        let size = file.metadata()?.len();
        let mut reader = &file;
        reader.seek(SeekFrom::Start(0))?;
        let mut lead = [0; LEAD as usize];
        read_or(&mut reader, &mut lead, "it is too short")?;
        if lead[..4] != LEAD_MAGIC {
            return Err(RpmError::NotAPackage("it does not begin as one"));
        }
        let signature = read_header(&mut reader, HeaderKind::Signature)?;
        // The signature header is filled up to a multiple of 8.
        let padding = (8 - signature.bytes().len() as u64 % 8) % 8;
        let start = LEAD + signature.bytes().len() as u64 + padding;
        reader.seek(SeekFrom::Start(start))?;
        let header = read_header(&mut reader, HeaderKind::Main)?;
        let payload_start = start + header.bytes().len() as u64;
        let sizes = [tag::signature::LONGSIZE, tag::signature::SIZE];
        let claimed = sizes.into_iter().find_map(|tag| signature.number(tag));
        match claimed.map(|claimed| claimed.cmp(&size.saturating_sub(start))) {
            Some(Ordering::Greater) => return Err(RpmError::NotAPackage("it is cut off")),
            Some(Ordering::Less) => return Err(RpmError::NotAPackage("something follows its end")),
            Some(Ordering::Equal) | None => {}
        }
        let facts = Facts::from_header(&header)?;
        Ok(Self {
            file: Arc::new(file),
            signature,
            header,
            payload_start,
            payload_size: size.saturating_sub(payload_start),
            facts,
        })
    }

    /// What its header says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its main header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its signature header.
    pub fn signature_header(&self) -> &Header {
        &self.signature
    }

    /// The SHA-256 of its main header in hex: what identifies its bytes.
    pub fn header_digest(&self) -> String {
        super::sha256_hex(self.header.bytes())
    }
}

fn read_header(reader: &mut &File, kind: HeaderKind) -> Result<Header, RpmError> {
    let mut intro = [0; 16];
    read_or(reader, &mut intro, "it ends before its header")?;
    let size = Header::size_of(&intro, kind)?;
    let mut bytes = intro.to_vec();
    // Only as much is taken as the file has, whatever it claims.
    reader.take((size - intro.len()) as u64).read_to_end(&mut bytes)?;
    Header::parse(bytes, kind)
}

fn read_or(reader: &mut &File, bytes: &mut [u8], problem: &'static str) -> Result<(), RpmError> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => RpmError::NotAPackage(problem),
        _ => RpmError::Read(error),
    })
}
