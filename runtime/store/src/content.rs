//! The checksum and the stored form of one file, made while its contents stream by.

use std::fs::File;
use std::io::{self, Write};

use aril_beneath::NewFile;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use crate::error::Doing;
use crate::writer::Writer;
use crate::{Checksum, FileNode, Mode, RepoMode, Result, StoreError, variant};

/// Compression of archives: libostree's own default.
pub(crate) const LEVEL: Compression = Compression::new(6);
/// A piece of at least so many zeros is left out of the file, as a hole.
const HOLE: usize = 64 << 10;

/// A file whose contents are being written. What is dropped before [`FileWriter::finish`] leaves nothing behind.
pub struct FileWriter<'w> {
    writer: &'w Writer,
    /// Permissions with the file type.
    mode: u32,
    size: u64,
    written: u64,
    hash: Sha256,
    sink: Sink,
}

enum Sink {
    Plain { file: NewFile, ends_in_hole: bool },
    Archive(Box<DeflateEncoder<NewFileWriter>>),
}

/// A file without a name as something to write to.
pub(crate) struct NewFileWriter(pub(crate) NewFile);

impl Write for NewFileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for FileWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter").field("size", &self.size).field("written", &self.written).finish()
    }
}

impl<'w> FileWriter<'w> {
    pub(crate) fn new(writer: &'w Writer, size: u64, mode: u32) -> Result<Self> {
        let mut hash = Sha256::new();
        hash.update(variant::file_header(mode));
        let mut file = writer.unnamed_file()?;
        let sink = match writer.mode() {
            RepoMode::BareUserOnly => Sink::Plain { file, ends_in_hole: false },
            RepoMode::Archive => {
                let header = variant::archive_header(size, mode);
                file.file().write_all(&header).doing("write an object")?;
                Sink::Archive(Box::new(DeflateEncoder::new(NewFileWriter(file), LEVEL)))
            }
        };
        Ok(Self { writer, mode, size, written: 0, hash, sink })
    }

    /// Makes the file an object, if it is not one already.
    ///
    /// # Errors
    /// [`StoreError::Length`] when more or less was written than announced.
    pub fn finish(self) -> Result<FileNode> {
        let (size, mode) = (self.size, Mode::from_bits(self.mode));
        Ok(FileNode { checksum: self.stage()?, size, mode })
    }

    pub(crate) fn stage(self) -> Result<Checksum> {
        if self.written != self.size {
            return Err(StoreError::Length { wanted: self.size, got: self.written });
        }
        let checksum = Checksum::from(<[u8; 32]>::from(self.hash.finalize()));
        let permissions = match self.sink {
            Sink::Plain { .. } => self.mode & 0o777,
            // An archive's file is not what it holds.
            Sink::Archive(_) => 0o644,
        };
        let file = match self.sink {
            Sink::Plain { mut file, ends_in_hole } => {
                if ends_in_hole {
                    file.file().set_len(self.size).doing("write an object")?;
                }
                file
            }
            Sink::Archive(encoder) => encoder.finish().doing("write an object")?.0,
        };
        self.writer.stage_file(file, checksum, permissions)?;
        Ok(checksum)
    }
}

impl Write for FileWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.size {
            return Err(io::Error::other("the file is longer than announced"));
        }
        self.hash.update(bytes);
        match &mut self.sink {
            Sink::Plain { file, ends_in_hole } => write_with_holes(file.file(), bytes, ends_in_hole),
            Sink::Archive(encoder) => encoder.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_with_holes(file: &mut File, bytes: &[u8], ends_in_hole: &mut bool) -> io::Result<()> {
    if bytes.len() >= HOLE && bytes.iter().all(|byte| *byte == 0) {
        *ends_in_hole = true;
        let length = i64::try_from(bytes.len()).map_err(io::Error::other)?;
        return io::Seek::seek(file, io::SeekFrom::Current(length)).map(drop);
    }
    if !bytes.is_empty() {
        *ends_in_hole = false;
    }
    file.write_all(bytes)
}

/// The checksum of a file whose contents are at hand.
pub(crate) fn file_checksum(contents: &[u8], mode: u32) -> Checksum {
    let mut hash = Sha256::new();
    hash.update(variant::file_header(mode));
    hash.update(contents);
    <[u8; 32]>::from(hash.finalize()).into()
}

/// The checksum of a symbolic link.
pub(crate) fn link_checksum(target: &str) -> Checksum {
    <[u8; 32]>::from(Sha256::digest(variant::link_header(target))).into()
}

/// The checksum of an object that is no file.
pub(crate) fn metadata_checksum(bytes: &[u8]) -> Checksum {
    <[u8; 32]>::from(Sha256::digest(bytes)).into()
}
