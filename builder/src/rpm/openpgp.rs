//! Keys that a person imported for a remote, and whether one of them made a signature.
//!
//! The policy is sequoia's and newer rpm's, not the old one of "any key that verifies": no MD5, SHA-1 or RIPEMD in the signature itself, no
//! RSA below 2048 bits; the key must have been valid when it signed, must be meant for signing and must not be revoked; a subkey counts only
//! with a binding and a back-signature that hold to the same. Self-signatures of a primary key are not needed for its own trust, since it
//! was imported by a person, and are then only read for what narrows it.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pgp::armor::Dearmor;
use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Packet, PacketParser, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, PublicParams, Tag, Timestamp, VerifyingKey};
use rsa::traits::PublicKeyParts;

/// Largest file of keys that is read, in bytes.
const MAX_KEYS: usize = 4 << 20;
/// Largest signature that is read, in bytes.
pub(crate) const MAX_SIGNATURE: usize = 64 << 10;
const MIN_RSA_BYTES: usize = 2048 / 8;

/// The keys of one remote.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The bytes are no OpenPGP signature or key.
    #[error("it cannot be read")]
    Unreadable,
    /// Made by a key that was not imported.
    #[error("it was made by the key {0}, which was not imported")]
    UnknownKey(String),
    /// Made with a function that is broken.
    #[error("it was made with {0}, which is broken")]
    Weak(String),
    /// The key cannot be used for it.
    #[error("the key {key} {problem}")]
    Key {
        /// Its fingerprint.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It is one of something else.
    #[error("it does not fit what it should sign")]
    Wrong,
    /// There is none.
    #[error("there is none")]
    Missing,
}

impl Keyring {
    /// Takes keys, armoured or not, several if there are several.
    ///
    /// # Errors
    /// When there is no key in them.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() > MAX_KEYS {
            return Err(SignatureError::Unreadable);
        }
        let certificates = guarded(|| {
            let mut found = Vec::new();
            for block in armoured_blocks(bytes) {
                let (keys, _) = SignedPublicKey::from_reader_many(block).ok()?;
                found.extend(keys.filter_map(Result::ok));
            }
            Some(found)
        });
        match certificates {
            Some(certificates) if !certificates.is_empty() => Ok(Self { certificates }),
            _ => Err(SignatureError::Unreadable),
        }
    }

    /// Adds the keys of another.
    pub fn extend(&mut self, other: Self) {
        self.certificates.extend(other.certificates);
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The fingerprints of the primary keys, in lower-case hex.
    pub fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(|key| format!("{:x}", key.fingerprint())).collect()
    }

    /// Checks a detached signature, armoured or not, of which one of several is enough; gives the fingerprint of the certificate whose key
    /// made it. `data` is asked for the signed bytes once a candidate key.
    ///
    /// # Errors
    /// Why the last of the signatures is not believed.
    pub fn verify<R: Read>(
        &self,
        signature: &[u8],
        now: u64,
        data: &mut dyn FnMut() -> R,
    ) -> Result<String, SignatureError> {
        let mut last = SignatureError::Missing;
        for signature in signatures(signature)? {
            match self.verify_one(&signature, now, data) {
                Ok(key) => return Ok(key),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn verify_one<R: Read>(
        &self,
        signature: &Signature,
        now: u64,
        data: &mut dyn FnMut() -> R,
    ) -> Result<String, SignatureError> {
        let created = require_usable(signature, now)?;
        let mut last = SignatureError::UnknownKey(issuer(signature));
        for certificate in &self.certificates {
            match verify_by(certificate, signature, created, data) {
                Some(Ok(())) => return Ok(format!("{:x}", certificate.fingerprint())),
                Some(Err(error)) => last = error,
                None => {}
            }
        }
        Err(last)
    }
}

/// Whether a certificate's keys made the signature; `None` when it names another's.
fn verify_by<R: Read>(
    certificate: &SignedPublicKey,
    signature: &Signature,
    created: u64,
    data: &mut dyn FnMut() -> R,
) -> Option<Result<(), SignatureError>> {
    let primary = &certificate.primary_key;
    if made_by(signature, primary) {
        let allowed = primary_is_valid(certificate, created).and_then(|flags| may_sign(primary, flags));
        return Some(allowed.and_then(|()| check(signature, primary, data())));
    }
    let subkey = certificate.public_subkeys.iter().find(|subkey| made_by(signature, &subkey.key))?;
    let allowed = primary_is_valid(certificate, created)
        .and_then(|_| subkey_is_valid(certificate, subkey, created))
        .and_then(|flags| may_sign(&subkey.key, flags));
    Some(allowed.and_then(|()| check(signature, &subkey.key, data())))
}

/// Checks what a signature says of itself, and gives the time when it was made.
fn require_usable(signature: &Signature, now: u64) -> Result<u64, SignatureError> {
    if signature.typ() != Some(SignatureType::Binary) {
        return Err(SignatureError::Unreadable);
    }
    require_strong(signature)?;
    let key = || issuer(signature);
    let created = seconds(signature.created());
    if created > now + 24 * 3600 {
        return Err(SignatureError::Key { key: key(), problem: "made it on a day that is yet to come" });
    }
    let lifetime = signature.signature_expiration_time().map_or(0, |time| u64::from(time.as_secs()));
    if lifetime != 0 && created.saturating_add(lifetime) < now {
        return Err(SignatureError::Key { key: key(), problem: "made it to hold until a day that is past" });
    }
    Ok(created)
}

fn require_strong(signature: &Signature) -> Result<(), SignatureError> {
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha224
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        Some(other) => Err(SignatureError::Weak(other.to_string())),
        None => Err(SignatureError::Unreadable),
    }
}

fn check<R: Read>(signature: &Signature, key: &impl VerifyingKey, data: R) -> Result<(), SignatureError> {
    match key.public_params() {
        PublicParams::RSA(rsa) if rsa.key.size() < MIN_RSA_BYTES => {
            return Err(SignatureError::Weak(format!("an RSA key of {} bits", rsa.key.size() * 8)));
        }
        PublicParams::DSA(_) => return Err(SignatureError::Weak("a DSA key".into())),
        _ => {}
    }
    guarded(|| signature.verify(key, data).ok()).ok_or(SignatureError::Wrong)
}

/// What a self-signature says a key may be used for; `None` when it says nothing.
type Flags = Option<pgp::packet::KeyFlags>;

fn may_sign(key: &impl KeyDetails, flags: Flags) -> Result<(), SignatureError> {
    match flags {
        Some(flags) if !flags.sign() => Err(unusable(key, "is not meant for signatures")),
        _ => Ok(()),
    }
}

/// Whether the primary key was valid when it signed something, and what it may be used for.
fn primary_is_valid(certificate: &SignedPublicKey, at: u64) -> Result<Flags, SignatureError> {
    let key = &certificate.primary_key;
    for revocation in &certificate.details.revocation_signatures {
        if guarded(|| revocation.verify_key(key).ok()).is_some() && revokes(revocation, at) {
            return Err(unusable(key, "is revoked"));
        }
    }
    let direct = certificate.details.direct_signatures.iter();
    let direct = direct.filter(|own| guarded(|| own.verify_key(key).ok()).is_some());
    let users = certificate.details.users.iter().flat_map(|user| {
        let of_user = user.signatures.iter().filter(|own| made_by(own, key) && own.is_certification());
        of_user.filter(|own| guarded(|| own.verify_certification(key, Tag::UserId, &user.id).ok()).is_some())
    });
    let newest = direct.chain(users).max_by_key(|own| seconds(own.created()));
    valid_at(key, newest, at)
}

/// The same for a subkey, which besides must be bound to its primary key and the primary key to it.
fn subkey_is_valid(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: u64,
) -> Result<Flags, SignatureError> {
    let primary = &certificate.primary_key;
    let holds = |own: &&Signature| guarded(|| own.verify_subkey_binding(primary, &subkey.key).ok()).is_some();
    let revocations =
        subkey.signatures.iter().filter(|own| own.typ() == Some(SignatureType::SubkeyRevocation));
    if revocations.filter(holds).any(|revocation| revokes(revocation, at)) {
        return Err(unusable(&subkey.key, "is revoked"));
    }
    let bindings = subkey.signatures.iter().filter(|own| own.typ() == Some(SignatureType::SubkeyBinding));
    let strong = bindings.filter(|own| require_strong(own).is_ok()).filter(holds);
    let Some(binding) = strong.max_by_key(|own| seconds(own.created())) else {
        return Err(unusable(&subkey.key, "is not bound to its primary key"));
    };
    let back = binding.embedded_signature().filter(|back| require_strong(back).is_ok());
    let bound_back = back
        .is_some_and(|back| guarded(|| back.verify_primary_key_binding(&subkey.key, primary).ok()).is_some());
    if !bound_back {
        return Err(unusable(&subkey.key, "has not signed its primary key"));
    }
    valid_at(&subkey.key, Some(binding), at)
}

fn valid_at(key: &impl KeyDetails, newest: Option<&Signature>, at: u64) -> Result<Flags, SignatureError> {
    let born = seconds(Some(key.created_at()));
    if at < born {
        return Err(unusable(key, "was made after the signature"));
    }
    let lifetime =
        newest.and_then(Signature::key_expiration_time).map_or(0, |time| u64::from(time.as_secs()));
    if lifetime != 0 && born.saturating_add(lifetime) <= at {
        return Err(unusable(key, "had expired when it signed"));
    }
    let has_flags = |own: &&Signature| {
        own.config().is_some_and(|config| {
            config.hashed_subpackets().any(|part| matches!(part.data, SubpacketData::KeyFlags(_)))
        })
    };
    Ok(newest.filter(has_flags).map(Signature::key_flags))
}

/// Whether a revocation that holds speaks of signatures made at a time: one for a stolen key or without a reason speaks of all.
fn revokes(revocation: &Signature, at: u64) -> bool {
    match revocation.revocation_reason_code() {
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired) => {
            at >= seconds(revocation.created())
        }
        _ => true,
    }
}

fn made_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_fingerprint().iter().any(|fingerprint| **fingerprint == key.fingerprint())
        || signature.issuer_key_id().iter().any(|id| **id == key.legacy_key_id())
}

fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:x}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string());
    fingerprint.or_else(id).unwrap_or_else(|| "(unnamed)".into())
}

fn unusable(key: &impl KeyDetails, problem: &'static str) -> SignatureError {
    SignatureError::Key { key: format!("{:x}", key.fingerprint()), problem }
}

fn seconds(time: Option<Timestamp>) -> u64 {
    time.map_or(0, |time| u64::from(time.as_secs()))
}

/// The signatures in bytes, armoured or not.
fn signatures(bytes: &[u8]) -> Result<Vec<Signature>, SignatureError> {
    if bytes.len() > MAX_SIGNATURE {
        return Err(SignatureError::Unreadable);
    }
    let found = guarded(|| {
        let mut plain = Vec::new();
        if bytes.starts_with(b"-----") {
            Dearmor::new(bytes).take(MAX_SIGNATURE as u64).read_to_end(&mut plain).ok()?;
        } else {
            plain.extend_from_slice(bytes);
        }
        let packets = PacketParser::new(plain.as_slice());
        let signatures = packets.map_while(Result::ok).filter_map(|packet| match packet {
            Packet::Signature(signature) => Some(signature),
            _ => None,
        });
        Some(signatures.take(16).collect::<Vec<_>>())
    });
    found.filter(|found| !found.is_empty()).ok_or(SignatureError::Unreadable)
}

/// A file of keys, cut where an armoured block begins: vendors join theirs by `cat`.
fn armoured_blocks(bytes: &[u8]) -> Vec<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN PGP";
    let starts: Vec<usize> =
        bytes.windows(BEGIN.len()).enumerate().filter(|(_, part)| *part == BEGIN).map(|(at, _)| at).collect();
    if starts.is_empty() {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &bytes[start..end]).collect()
}

/// The library's answer, or `None` when it fails or panics: bytes from outside must not end the program.
fn guarded<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}
