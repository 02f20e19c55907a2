//! Who vouches for a package: digests of the header, and signatures by the remote's keys.

use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::openpgp::MAX_SIGNATURE;
use super::payload::payload_digests;
use super::tag::signature as sigtag;
use super::{
    DigestAlgorithm, FileKind, Hasher, Header, Keyring, Package, PackageFile, RpmError, SignatureError,
    from_hex,
};

/// What must vouch for a package.
#[derive(Debug, Clone, Copy)]
pub enum SignaturePolicy<'a> {
    /// One of these keys, at this time (seconds since 1970).
    Required {
        /// The keys of the package's remote.
        keys: &'a Keyring,
        /// Now.
        now: u64,
    },
    /// Nobody: the user said so.
    NotRequired,
}

/// A package whose header is what somebody vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The fingerprint of the certificate that signed it, if a signature was required.
    pub key: Option<String>,
}

/// Whether the whole file was compared with a digest from signed metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeFile {
    /// It was.
    Compared,
    /// It was not, as for a file that a person names.
    Unknown,
}

/// Checks the headers of a package whose payload was checked and stored before. A signature of header and payload counts for nothing here,
/// and contents must be protected by the header.
///
/// # Errors
/// When something does not hold.
pub(crate) fn verify_headers(
    signature: &Header,
    header: &Header,
    policy: SignaturePolicy<'_>,
) -> Result<Vouched, RpmError> {
    check_header_digests(signature, header)?;
    let SignaturePolicy::Required { keys, now } = policy else { return Ok(Vouched { key: None }) };
    let mut last = SignatureError::Missing;
    for signature in header_signatures(signature) {
        match keys.verify(&signature, now, &mut || header.bytes()) {
            Ok(key) if contents_are_protected(header, &PackageFile::read_all(header)?) => {
                return Ok(Vouched { key: Some(key) });
            }
            Ok(_) => return Err(RpmError::WeakDigests),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

impl Package {
    /// Checks digests of the header, a signature if the policy wants one, and that contents are protected by more than broken functions.
    ///
    /// The payload's digest is compared when it is read: see [`Package::payload`].
    /// # Errors
    /// When something does not hold.
    pub fn verify(&self, policy: SignaturePolicy<'_>, whole_file: WholeFile) -> Result<Vouched, RpmError> {
        check_header_digests(&self.signature, &self.header)?;
        let (key, payload_signed) = match policy {
            SignaturePolicy::NotRequired => return Ok(Vouched { key: None }),
            SignaturePolicy::Required { keys, now } => self.check_signatures(keys, now)?,
        };
        if payload_signed
            || whole_file == WholeFile::Compared
            || contents_are_protected(&self.header, &self.facts().files)
        {
            return Ok(Vouched { key: Some(key) });
        }
        Err(RpmError::WeakDigests)
    }

    /// The certificate that vouches, and whether it does for the payload's bytes, too.
    fn check_signatures(&self, keys: &Keyring, now: u64) -> Result<(String, bool), RpmError> {
        let mut last = SignatureError::Missing;
        let mut keep = |error: SignatureError| {
            // The most telling reason wins over "there is none" and "unknown key".
            let telling = |error: &SignatureError| match error {
                SignatureError::Missing => 0,
                SignatureError::Unreadable => 1,
                SignatureError::UnknownKey(_) => 2,
                _ => 3,
            };
            if telling(&error) >= telling(&last) {
                last = error;
            }
        };
        for signature in header_signatures(&self.signature) {
            match keys.verify(&signature, now, &mut || self.header.bytes()) {
                Ok(key) => return Ok((key, false)),
                Err(error) => keep(error),
            }
        }
        for tag in [sigtag::PGP, sigtag::GPG] {
            let Some(signature) = self.signature.binary(tag) else { continue };
            match keys.verify(signature, now, &mut || self.header_and_payload()) {
                Ok(key) => return Ok((key, true)),
                Err(error) => keep(error),
            }
        }
        Err(last.into())
    }

    fn header_and_payload(&self) -> impl Read {
        let payload = FileRange { package: self, position: self.payload_start, left: self.payload_size };
        Cursor::new(self.header.bytes()).chain(payload)
    }
}

/// Whether a header that is believed leaves no doubt about the contents.
fn contents_are_protected(header: &Header, files: &[PackageFile]) -> bool {
    let mut content = files.iter().filter(|file| file.kind == FileKind::Regular && file.is_in_payload());
    let is_strong =
        |file: &PackageFile| file.digest.as_ref().is_some_and(|digest| digest.algorithm.is_strong());
    payload_digests(header).is_some() || content.all(is_strong)
}

fn check_header_digests(signature: &Header, header: &Header) -> Result<(), RpmError> {
    let digests = [
        (sigtag::SHA256_HEADER, DigestAlgorithm::Sha2(256)),
        (sigtag::SHA3_256_HEADER, DigestAlgorithm::Sha3(256)),
    ];
    for (tag, algorithm) in digests {
        let Some(text) = signature.string_bytes(tag) else { continue };
        let mut hasher = Hasher::new(algorithm);
        hasher.update(header.bytes());
        if from_hex(text) != Some(hasher.finish()) {
            return Err(RpmError::Digest("header"));
        }
    }
    Ok(())
}

fn header_signatures(signature: &Header) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = [sigtag::RSA_HEADER, sigtag::DSA_HEADER]
        .into_iter()
        .filter_map(|tag| signature.binary(tag).map(<[u8]>::to_vec))
        .collect();
    let listed = signature.strings(sigtag::OPENPGP).into_iter().take(16);
    let listed = listed.filter(|text| text.len() <= MAX_SIGNATURE * 2);
    found.extend(listed.filter_map(|text| BASE64.decode(text).ok()));
    found
}

struct FileRange<'a> {
    package: &'a Package,
    position: u64,
    left: u64,
}

impl Read for FileRange<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let most = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.package.file.read_at(&mut bytes[..most], self.position)?;
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
