//! The archive in a payload: `newc` as cpio has it, and rpm's stripped form, whose entries only say which file of the header they are.
//!
//! Source: cpio(5), "New ASCII Format"; rpm's `lib/cpio.cc`.

use std::io::Read;

use super::RpmError;

const MAX_NAME: u32 = 4096 + 16;

/// The beginning of one entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A path with what it is; its content follows, of this size.
    Named { name: Vec<u8>, mode: u32, size: u64 },
    /// A file of the header by its place there; content follows as the header says.
    Numbered(u32),
    /// The last one.
    End,
}

/// Reads an archive entry by entry.
pub(super) struct Archive<R> {
    reader: R,
    position: u64,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, position: 0 }
    }

    /// The beginning of the next entry. The content of the one before must have been read.
    pub(super) fn next_entry(&mut self) -> Result<Entry, RpmError> {
        self.skip_padding()?;
        let mut magic = [0; 6];
        self.read_exact(&mut magic)?;
        match &magic {
            b"070701" | b"070702" => self.named(),
            b"07070X" => {
                let mut number = [0; 8];
                self.read_exact(&mut number)?;
                let number = hex(&number)?;
                self.skip_padding()?;
                Ok(Entry::Numbered(number))
            }
            _ => Err(damaged("an entry does not begin as one")),
        }
    }

    fn named(&mut self) -> Result<Entry, RpmError> {
        let mut fields = [0; 13 * 8];
        self.read_exact(&mut fields)?;
        let field = |index: usize| hex(&fields[index * 8..index * 8 + 8]);
        let (mode, size, name_size) = (field(1)?, field(6)?, field(11)?);
        if !(2..=MAX_NAME).contains(&name_size) {
            return Err(damaged("the name of an entry is empty or too long"));
        }
        let mut name = vec![0; name_size as usize];
        self.read_exact(&mut name)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(damaged("the name of an entry does not end where it should"));
        }
        self.skip_padding()?;
        if name == b"TRAILER!!!" {
            return Ok(Entry::End);
        }
        Ok(Entry::Named { name, mode, size: u64::from(size) })
    }

    /// Reads content; the caller keeps count of how much belongs to the entry.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(bytes)?;
        self.position += read as u64;
        Ok(read)
    }

    /// What follows the last entry: only zeros, to fill a block.
    pub(super) fn read_end(&mut self) -> Result<(), RpmError> {
        let mut rest = [0; 512];
        loop {
            let read = self.reader.read(&mut rest).map_err(unreadable)?;
            if read == 0 {
                return Ok(());
            }
            if rest[..read].iter().any(|&byte| byte != 0) {
                return Err(damaged("something follows its end"));
            }
        }
    }

    fn skip_padding(&mut self) -> Result<(), RpmError> {
        let mut padding = [0; 4];
        let length = (4 - self.position % 4) % 4;
        self.read_exact(&mut padding[..length as usize])
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), RpmError> {
        self.reader.read_exact(bytes).map_err(unreadable)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn hex(digits: &[u8]) -> Result<u32, RpmError> {
    digits.iter().try_fold(0u32, |number, &digit| {
        let digit = (digit as char).to_digit(16).ok_or_else(|| damaged("a number in it is not one"))?;
        Ok(number << 4 | digit)
    })
}

fn damaged(problem: &str) -> RpmError {
    RpmError::Payload(problem.into())
}

/// An archive that ends early or cannot be unpacked is the package's fault, not the disk's.
pub(super) fn unreadable(error: std::io::Error) -> RpmError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
        _ => RpmError::Payload(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newc(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
        let mut out = format!("070701{:08x}{mode:08x}", 1);
        for field in [0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0] {
            out.push_str(&format!("{field:08x}"));
        }
        let mut out = out.into_bytes();
        out.extend(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(content);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn reads_both_forms() {
        let mut bytes = newc("./usr/bin/x", 0o100755, b"hello");
        bytes.extend(b"07070X00000007\0\0");
        bytes.extend(newc("TRAILER!!!", 0, b""));
        bytes.extend([0; 200]);
        let mut archive = Archive::new(bytes.as_slice());
        let first = archive.next_entry().unwrap();
        assert_eq!(first, Entry::Named { name: b"./usr/bin/x".to_vec(), mode: 0o100755, size: 5 });
        let mut content = [0; 5];
        assert_eq!(archive.read(&mut content).unwrap(), 5);
        assert_eq!(archive.next_entry().unwrap(), Entry::Numbered(7));
        assert_eq!(archive.next_entry().unwrap(), Entry::End);
        archive.read_end().unwrap();
    }

    #[test]
    fn refuses_what_is_damaged() {
        let good = newc("./x", 0o100644, b"");
        let mut long_name = good.clone();
        long_name[94..102].copy_from_slice(b"ffffffff");
        let mut no_number = good.clone();
        no_number[20] = b'g';
        let mut inner_nul = good.clone();
        inner_nul[111] = 0;
        for bytes in [&long_name[..], &no_number, &inner_nul, b"070703", b"0707", &good[..60], b""] {
            assert!(Archive::new(bytes).next_entry().is_err());
        }
        assert!(Archive::new(&b"\0\0x"[..]).read_end().is_err());
    }
}
