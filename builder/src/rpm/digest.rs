//! Digests as packages write them: functions by number, values as hex.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_512};

use super::file::DigestAlgorithm;

/// A digest that is being worked out.
pub(crate) struct Hasher(Box<dyn DynDigest + Send>);

impl Hasher {
    /// Begins one.
    pub(crate) fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Md5 => Box::new(Md5::default()),
            DigestAlgorithm::Sha1 => Box::new(Sha1::default()),
            DigestAlgorithm::Sha2(224) => Box::new(Sha224::default()),
            DigestAlgorithm::Sha2(384) => Box::new(Sha384::default()),
            DigestAlgorithm::Sha2(512) => Box::new(Sha512::default()),
            DigestAlgorithm::Sha2(_) => Box::new(Sha256::default()),
            DigestAlgorithm::Sha3(512) => Box::new(Sha3_512::default()),
            DigestAlgorithm::Sha3(_) => Box::new(Sha3_256::default()),
        })
    }

    /// Takes more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.finalize().into_vec()
    }
}

/// Bytes of a function's value.
pub(super) fn length(algorithm: DigestAlgorithm) -> usize {
    match algorithm {
        DigestAlgorithm::Md5 => 16,
        DigestAlgorithm::Sha1 => 20,
        DigestAlgorithm::Sha2(bits) | DigestAlgorithm::Sha3(bits) => usize::from(bits) / 8,
    }
}

/// The SHA-256 of bytes, in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    to_hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hex digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that are written as hex digits; `None` when they are not.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |c: u8| (c as char).to_digit(16).map(|value| value as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
