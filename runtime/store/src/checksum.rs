//! The name of an object: the SHA-256 of its contents.

use std::fmt;

use aril_model::{CommitId, NameError};

/// The SHA-256 by which the store knows an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Takes the 32 bytes; `None` if there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_hex(text: &str) -> std::result::Result<Self, NameError> {
        Ok(Self::from(&text.parse::<CommitId>()?))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The object as a commit's id.
    pub fn to_commit(self) -> CommitId {
        self.to_string().parse().expect("64 hex digits are a commit's id")
    }
}

impl From<[u8; 32]> for Checksum {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<&CommitId> for Checksum {
    fn from(commit: &CommitId) -> Self {
        let mut bytes = [0; 32];
        let digit = |c: u8| if c.is_ascii_digit() { c - b'0' } else { c - b'a' + 10 };
        for (byte, pair) in bytes.iter_mut().zip(commit.as_str().as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        Self(bytes)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).expect("hex digits are ASCII"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip() {
        let text = "00ff".repeat(16);
        let sum = Checksum::from_hex(&text).unwrap();
        assert_eq!(
            (sum.to_string(), sum.as_bytes()[1], sum.to_commit().as_str()),
            (text.clone(), 255, &*text)
        );
        assert_eq!(Checksum::from_bytes(&sum.as_bytes()[..31]), None);
        assert!(Checksum::from_hex("xy").is_err());
    }
}
