//! One header of a package: a validated view of its bytes, and typed look-ups in it.
//!
//! Every entry's type, count and offset is checked against the size of the header before a value can be read; what does not add up is
//! refused as a whole. Stricter than rpm where that costs no real package: no entry may lie outside the region that digests and signatures
//! cover, none may overlap another, none may be given twice. This module knows no tag but the regions'.
//! Source: rpm's `docs/manual/format_header.md`, "Header structure"; rpm's own checks in `lib/header.cc`.

use std::ops::Range;

use super::RpmError;

/// Largest header that is read, in bytes: Fedora's largest have about 20 MiB.
pub(super) const MAX_HEADER: u64 = 64 << 20;
const MAX_ENTRIES: u32 = 0xffff;
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
const INTRO: usize = 16;
const ENTRY: usize = 16;

/// Which of a package's two headers it is; each has its own region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    /// Digests and signatures of the main header.
    Signature,
    /// What the package is.
    Main,
}

impl HeaderKind {
    fn region_tag(self) -> u32 {
        match self {
            Self::Signature => 62,
            Self::Main => 63,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature header",
            Self::Main => "header",
        }
    }
}

/// The types that values can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueType {
    Null,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Binary,
    StringArray,
    Translated,
}

impl ValueType {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 | 2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            6 => Self::String,
            7 => Self::Binary,
            8 => Self::StringArray,
            9 => Self::Translated,
            _ => return None,
        })
    }

    /// Bytes of one value, which are also its alignment; 0 for those whose end must be looked for.
    fn size(self) -> usize {
        match self {
            Self::Int8 | Self::Binary => 1,
            Self::Int16 => 2,
            Self::Int32 => 4,
            Self::Int64 => 8,
            Self::Null | Self::String | Self::StringArray | Self::Translated => 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    value_type: ValueType,
    count: u32,
    /// Where the value lies in the data, in bytes.
    start: usize,
    end: usize,
}

/// A validated header.
#[derive(Debug, Clone)]
pub struct Header {
    bytes: Vec<u8>,
    /// Where the data begins in `bytes`.
    data: usize,
    /// Sorted by tag.
    entries: Vec<Entry>,
}

impl Header {
    /// How many bytes a header has that begins with these 16.
    ///
    /// # Errors
    /// When they are not the beginning of a header, or of one that is larger than any should be.
    pub(super) fn size_of(intro: &[u8; INTRO], kind: HeaderKind) -> Result<usize, RpmError> {
        let damaged = |problem| Err(RpmError::Header { header: kind.name(), problem });
        if intro[..4] != MAGIC {
            return damaged("it does not begin as one".into());
        }
        let (entries, data) = (be_u32(intro, 8), be_u32(intro, 12));
        let (Some(entries), Some(data)) = (entries, data) else { return damaged("it is too short".into()) };
        if entries == 0 || entries > MAX_ENTRIES {
            return damaged(format!("it claims {entries} entries"));
        }
        let size = INTRO as u64 + u64::from(entries) * ENTRY as u64 + u64::from(data);
        if size > MAX_HEADER {
            return damaged(format!("it claims {size} bytes, more than {MAX_HEADER}"));
        }
        usize::try_from(size).or(damaged("it is too large".into()))
    }

    /// Checks a header that begins with its magic and ends with its data.
    ///
    /// # Errors
    /// When anything in it does not add up; the message says what.
    pub fn parse(bytes: Vec<u8>, kind: HeaderKind) -> Result<Self, RpmError> {
        let check = Check { bytes: &bytes, kind };
        let (data, entries) = check.all()?;
        Ok(Self { bytes, data, entries })
    }

    /// All of the header as it stands in the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is a value.
    pub fn has(&self, tag: u32) -> bool {
        self.find(tag).is_some()
    }

    /// A text; of a translated one the untranslated form. `None` when it is missing, of another type or not UTF-8.
    pub fn string(&self, tag: u32) -> Option<&str> {
        std::str::from_utf8(self.string_bytes(tag)?).ok()
    }

    /// The bytes of a text, without the NUL.
    pub fn string_bytes(&self, tag: u32) -> Option<&[u8]> {
        let entry = self.find(tag)?;
        match entry.value_type {
            ValueType::String | ValueType::Translated | ValueType::StringArray => {
                self.value(entry).split(|&byte| byte == 0).next()
            }
            _ => None,
        }
    }

    /// The items of a list of texts, without their NULs; none when it is missing or of another type.
    pub fn strings(&self, tag: u32) -> Vec<&[u8]> {
        let Some(entry) = self.find(tag) else { return Vec::new() };
        match entry.value_type {
            ValueType::String | ValueType::Translated | ValueType::StringArray => {
                self.value(entry).split(|&byte| byte == 0).take(entry.count as usize).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whole numbers of any width; none when they are missing or of another type.
    pub fn numbers(&self, tag: u32) -> Vec<u64> {
        let Some(entry) = self.find(tag) else { return Vec::new() };
        let size = match entry.value_type {
            ValueType::Int8 | ValueType::Int16 | ValueType::Int32 | ValueType::Int64 => {
                entry.value_type.size()
            }
            _ => return Vec::new(),
        };
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        self.value(entry).chunks_exact(size).map(number).collect()
    }

    /// The first of whole numbers.
    pub fn number(&self, tag: u32) -> Option<u64> {
        self.numbers(tag).first().copied()
    }

    /// Plain bytes.
    pub fn binary(&self, tag: u32) -> Option<&[u8]> {
        let entry = self.find(tag)?;
        (entry.value_type == ValueType::Binary).then(|| self.value(entry))
    }

    fn find(&self, tag: u32) -> Option<&Entry> {
        self.entries.binary_search_by_key(&tag, |entry| entry.tag).ok().map(|at| &self.entries[at])
    }

    fn value(&self, entry: &Entry) -> &[u8] {
        self.bytes.get(self.data + entry.start..self.data + entry.end).unwrap_or_default()
    }
}

/// What digests and signatures cover.
struct Region {
    /// How many entries lie in it, its own included.
    entries: usize,
    /// Where in the data its values end and its trailer begins.
    end: usize,
}

/// A header that is being checked.
struct Check<'a> {
    bytes: &'a [u8],
    kind: HeaderKind,
}

impl Check<'_> {
    fn all(&self) -> Result<(usize, Vec<Entry>), RpmError> {
        let intro = self.bytes.first_chunk::<INTRO>().ok_or_else(|| self.damaged("it is too short"))?;
        if Header::size_of(intro, self.kind)? != self.bytes.len() {
            return Err(self.damaged("it is not as long as it claims"));
        }
        let count = be_u32(intro, 8).unwrap_or_default() as usize;
        let data = INTRO + count * ENTRY;
        let region = self.region(count, data)?;
        let mut entries = Vec::with_capacity(count);
        let mut free_from = 0;
        for index in 1..count {
            // The signature header may have entries behind its region: tools add signatures there.
            let limit = if index < region.entries { region.end } else { self.bytes.len() - data };
            if index == region.entries {
                free_from = region.end + ENTRY;
            }
            let entry = self.entry(index, data, free_from..limit)?;
            free_from = entry.end;
            entries.push(entry);
        }
        entries.sort_by_key(|entry| entry.tag);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].tag == pair[1].tag) {
            return Err(self.damaged(format!("tag {} is there twice", pair[0].tag)));
        }
        Ok((data, entries))
    }

    /// Checks the region, which is the first entry.
    fn region(&self, count: usize, data: usize) -> Result<Region, RpmError> {
        let (tag, value_type, offset, length) = self.raw_entry(INTRO)?;
        if tag != self.kind.region_tag() || value_type != 7 || length != 16 {
            return Err(self.damaged("it has no region, as packages older than rpm 4"));
        }
        let data_size = self.bytes.len() - data;
        let offset = usize::try_from(offset).map_err(|_| self.damaged("its region lies outside"))?;
        if offset.checked_add(ENTRY).is_none_or(|end| end > data_size) {
            return Err(self.damaged("its region lies outside"));
        }
        let (tag, value_type, back, length) = self.raw_entry(data + offset)?;
        if tag != self.kind.region_tag() || value_type != 7 || length != 16 {
            return Err(self.damaged("the end of its region is not one"));
        }
        let covered = i64::from(back).checked_neg().unwrap_or(-1);
        let in_region = usize::try_from(covered / ENTRY as i64).unwrap_or(0);
        if covered % ENTRY as i64 != 0 || in_region == 0 || in_region > count {
            return Err(self.damaged("its region claims entries that are not there"));
        }
        if self.kind == HeaderKind::Main && (in_region != count || offset + ENTRY != data_size) {
            return Err(self.damaged("it has entries that its digests do not cover"));
        }
        Ok(Region { entries: in_region, end: offset })
    }

    fn entry(&self, index: usize, data: usize, free: Range<usize>) -> Result<Entry, RpmError> {
        let (tag, number, offset, count) = self.raw_entry(INTRO + index * ENTRY)?;
        let wrong = |problem: &str| self.damaged(format!("tag {tag}: {problem}"));
        let value_type = ValueType::from_number(number).ok_or_else(|| wrong("an unknown type"))?;
        let start = usize::try_from(offset).map_err(|_| wrong("it lies before the data"))?;
        if tag < 100 {
            return Err(wrong("a region that is not the first entry"));
        }
        if start < free.start {
            return Err(wrong("it overlaps another"));
        }
        if value_type.size() > 1 && start % value_type.size() != 0 {
            return Err(wrong("it is not aligned"));
        }
        if count == 0 && value_type != ValueType::Null || value_type == ValueType::String && count != 1 {
            return Err(wrong("an impossible count"));
        }
        let rest = self.bytes.get(data + start..data + free.end).ok_or_else(|| wrong("it lies outside"))?;
        let length =
            value_length(rest, value_type, count as usize).ok_or_else(|| wrong("it lies outside"))?;
        Ok(Entry { tag, value_type, count, start, end: start + length })
    }

    fn raw_entry(&self, at: usize) -> Result<(u32, u32, i32, u32), RpmError> {
        let field = |index: usize| be_u32(self.bytes, at + index * 4);
        match (field(0), field(1), field(2), field(3)) {
            (Some(tag), Some(value_type), Some(offset), Some(count)) => {
                Ok((tag, value_type, offset.cast_signed(), count))
            }
            _ => Err(self.damaged("it is too short")),
        }
    }

    fn damaged(&self, problem: impl Into<String>) -> RpmError {
        RpmError::Header { header: self.kind.name(), problem: problem.into() }
    }
}

/// How many bytes `count` values take at the beginning of `rest`; `None` when they do not fit.
fn value_length(rest: &[u8], value_type: ValueType, count: usize) -> Option<usize> {
    let length = match value_type {
        ValueType::Null => 0,
        ValueType::String | ValueType::StringArray | ValueType::Translated => {
            // Each text takes a byte at least, so a count that cannot be is found before it costs time.
            if count > rest.len() {
                return None;
            }
            rest.iter().enumerate().filter(|(_, byte)| **byte == 0).nth(count - 1)?.0 + 1
        }
        sized => count.checked_mul(sized.size())?,
    };
    (length <= rest.len()).then_some(length)
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}
