//! The seal: who packed an archive, and whether this side believes them.
//!
//! Promise: a [`VerifiedSeal`] exists only if enough different pinned exporters signed exactly the inventory that it
//! holds. It says who packed the archive, but not who made its contents. Signatures are verified over bytes: unsigned
//! content is never read as JSON.

use std::num::NonZeroU32;
use std::sync::Arc;

use sealift_archive_format::co_signing::CoSigningError;
use sealift_archive_format::seal::signed_bytes;
use sealift_archive_format::{Digest, Inventory, InventoryError, SealSignature, UnverifiedSeal};
use sealift_proof::freshness::LooserFreshness;
use sealift_proof::signature::{Candidate, KeyError, PublicKey, Scheme, SigningKey, ThresholdError, require_threshold};

use crate::remedy::{Remediable, Remedy};
use crate::trust_store::TrustStoreError;

/// An exporter whose key is pinned on this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExporterKey {
    /// This side's name for the exporter.
    pub name: String,
    /// Its ed25519 key.
    pub key: PublicKey,
}

/// A seal that was signed by enough pinned exporters.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::seal::VerifiedSeal;
/// # fn forge(seal: &sealift_archive_format::Seal) -> VerifiedSeal {
/// VerifiedSeal {
///     inventory: seal.inventory().clone(),
///     statement_digest: seal.bytes().statement_digest(),
///     signers: vec!["alice".to_owned()],
///     keys: Vec::new(),
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedSeal {
    inventory: Arc<Inventory>,
    statement_digest: Digest,
    signers: Vec<String>,
    keys: Vec<Digest>,
}

/// Why a seal is refused.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No pinned exporter is among the signers.
    #[error("the archive was sealed by {}, and none of these keys belongs to a pinned exporter", list(.keys))]
    UnknownExporter {
        /// The fingerprints of the keys that claim to have signed.
        keys: Vec<Digest>,
    },
    /// Too few of the pinned exporters signed.
    #[error("too few of the pinned exporters sealed the archive{}", invalid_note(.invalid))]
    Threshold {
        /// The exporters whose signatures do not verify: the inventory was changed, or the signature is broken.
        invalid: Vec<String>,
        /// How many signed, and how many must.
        source: ThresholdError,
    },
    /// Enough pinned exporters signed, but what they signed is not an inventory that can be read here.
    #[error("what the pinned exporters sealed cannot be read")]
    Inventory(#[from] InventoryError),
    /// A pinned key is not an ed25519 key.
    #[error("the key of exporter {exporter:?} is {}; seals are signed with ed25519", .scheme.name())]
    NotEd25519 {
        /// The exporter.
        exporter: String,
        /// The scheme of its key.
        scheme: Scheme,
    },
    /// A pinned key cannot be used.
    #[error("the key of exporter {exporter:?} cannot be used")]
    Key {
        /// The exporter.
        exporter: String,
        /// What is wrong with the key.
        source: KeyError,
    },
}

impl Remediable for SealError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::UnknownExporter { .. } => Remedy::AddExporter,
            Self::Threshold { .. } => Remedy::AddSignatures,
            Self::Inventory(error) => error.remedy(),
            Self::NotEd25519 { exporter, .. } | Self::Key { exporter, .. } => {
                Remedy::ReplaceExporter { exporter: exporter.clone() }
            }
        }
    }
}

/// Why an archive cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The signing key has no public half.
    #[error("the signing key cannot be used")]
    Key(#[from] KeyError),
    /// The key's signatures do not have the length that seals need.
    #[error("the key made a signature of {length} bytes; seals need 64")]
    Length {
        /// The length, in bytes.
        length: usize,
    },
    /// The archive's statement is not the one that was verified, or that the signer was told.
    #[error("the archive's statement is {found}, not {told}")]
    OtherStatement {
        /// The digest of its statement.
        found: Digest,
        /// The digest of the statement that was to be signed.
        told: Digest,
    },
    /// It was judged by a freshness that takes what the policy refuses.
    #[error(transparent)]
    Freshness(#[from] LooserFreshness),
    /// The trust store cannot be asked again, or would judge it differently now.
    #[error(transparent)]
    TrustStore(#[from] TrustStoreError),
    /// The signature cannot be added.
    #[error("the signature cannot be added to the archive")]
    CoSigning(#[from] CoSigningError),
}

impl Remediable for SignError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Key(error) => error.remedy(),
            Self::Length { .. } => Remedy::SignWithEd25519,
            Self::OtherStatement { .. } => Remedy::CompareStatement,
            Self::Freshness(error) => error.remedy(),
            Self::TrustStore(error) => error.remedy(),
            Self::CoSigning(error) => error.remedy(),
        }
    }
}

impl VerifiedSeal {
    /// What the archive holds, according to its exporters.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// The digest of the statement that was signed: it identifies the archive.
    pub fn statement_digest(&self) -> &Digest {
        &self.statement_digest
    }

    /// The pinned exporters that signed, as this side calls them, sorted.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// The fingerprints of their keys, in the order of [`VerifiedSeal::signers`].
    pub fn keys(&self) -> &[Digest] {
        &self.keys
    }
}

/// Signs the statement over an inventory ([`Inventory::to_statement`]).
///
/// # Errors
/// [`SignError`] never in practice: an ed25519 key has a public half and makes 64 bytes.
pub fn sign(statement: &[u8], key: &SigningKey) -> Result<SealSignature, SignError> {
    sign_message(&signed_bytes(statement), key)
}

/// Signs the DSSE encoding of a statement.
pub(crate) fn sign_message(message: &[u8], key: &SigningKey) -> Result<SealSignature, SignError> {
    let signature = key.sign(message);
    let length = signature.len();
    let bytes = signature.try_into().map_err(|_| SignError::Length { length })?;
    Ok(SealSignature { key: key.public_key()?.fingerprint()?, bytes })
}

/// Verifies that at least `threshold` different pinned exporters signed the seal, and then reads what they signed.
///
/// A signature names its key by fingerprint; it counts only if that key is pinned and made the signature.
///
/// # Errors
/// [`SealError`].
pub fn verify(
    seal: &UnverifiedSeal,
    exporters: &[ExporterKey],
    threshold: NonZeroU32,
) -> Result<VerifiedSeal, SealError> {
    let mut claims = Vec::new();
    for exporter in exporters {
        let fingerprint = check_key(exporter)?;
        let named = seal.signatures().iter().find(|signature| signature.key == fingerprint);
        claims.extend(named.map(|signature| (exporter, signature)));
    }
    if claims.is_empty() {
        let keys = seal.signatures().iter().map(|signature| signature.key.clone()).collect();
        return Err(SealError::UnknownExporter { keys });
    }
    // Each signature is verified once, over as many bytes as the seal has.
    let message = seal.signed_bytes();
    let candidates = claims.iter().map(|(exporter, signature)| Candidate {
        key_id: &exporter.name,
        key: &exporter.key,
        signature: &signature.bytes,
    });
    let signers = require_threshold(threshold, message, candidates).map_err(|source| {
        let valid = claims.iter().filter(|(exporter, _)| source.valid.contains(&exporter.name));
        let valid: Vec<_> = valid.map(|(exporter, _)| exporter.key.identity()).collect();
        let wrong = claims.iter().filter(|(exporter, _)| !valid.contains(&exporter.key.identity()));
        SealError::Threshold { invalid: wrong.map(|(exporter, _)| exporter.name.clone()).collect(), source }
    })?;
    let mut signers: Vec<String> = signers.into_iter().map(|signer| signer.key_id).collect();
    signers.sort_unstable();
    let key_of = |signer: &String| {
        let claim = claims.iter().find(|(exporter, _)| exporter.name == *signer);
        claim.map(|(_, signature)| signature.key.clone())
    };
    let keys = signers.iter().filter_map(key_of).collect();
    let inventory = Arc::new(Inventory::parse(seal.statement())?);
    Ok(VerifiedSeal { inventory, statement_digest: seal.statement_digest(), signers, keys })
}

fn check_key(exporter: &ExporterKey) -> Result<Digest, SealError> {
    let ExporterKey { name, key } = exporter;
    if key.scheme() != Scheme::Ed25519 {
        return Err(SealError::NotEd25519 { exporter: name.clone(), scheme: key.scheme() });
    }
    key.fingerprint().map_err(|source| SealError::Key { exporter: name.clone(), source })
}

fn list(keys: &[Digest]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("key {key}")).collect();
    keys.join(" and ")
}

fn invalid_note(invalid: &[String]) -> String {
    match invalid {
        [] => String::new(),
        names => format!("; the signature of {} does not verify: the archive was changed", names.join(" and of ")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use sealift_archive_format::inventory::{EntryRecord, Exporter, FormatVersion};
    use sealift_archive_format::{EntryName, Seal};

    use super::*;

    /// The least that an archive can hold.
    pub(crate) fn inventory() -> Inventory {
        Inventory {
            base: None,
            entries: vec![
                EntryRecord::of(EntryName::oci_layout(), b"{}"),
                EntryRecord::of(EntryName::oci_index(), b"{}"),
            ],
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: Vec::new(),
            repositories: Vec::new(),
        }
    }

    fn sealed_by(keys: &[&SigningKey]) -> UnverifiedSeal {
        let statement = inventory().to_statement().unwrap();
        let signatures = keys.iter().map(|key| sign(&statement, key).unwrap()).collect();
        Seal::new(inventory(), signatures).unwrap().bytes().clone()
    }

    /// A key that is known under a name.
    pub(crate) fn exporter(name: &str, key: &SigningKey) -> ExporterKey {
        ExporterKey { name: name.to_owned(), key: key.public_key().unwrap() }
    }

    fn keys() -> [SigningKey; 3] {
        [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]))
    }

    const ONE: NonZeroU32 = NonZeroU32::MIN;
    const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

    #[test]
    fn a_seal_by_enough_pinned_exporters_is_believed() {
        let [a, b, c] = keys();
        let seal = sealed_by(&[&b, &c, &a]);
        let verified = verify(&seal, &[exporter("b", &b), exporter("a", &a)], TWO).unwrap();
        assert_eq!(verified.signers(), ["a", "b"]);
        assert_eq!(verified.keys(), [&a, &b].map(|key| key.public_key().unwrap().fingerprint().unwrap()));
        assert_eq!(**verified.inventory(), inventory());
        assert_eq!(*verified.statement_digest(), Digest::sha256(&inventory().to_statement().unwrap()));
    }

    #[test]
    fn an_unknown_exporter_is_not_believed() {
        let [a, b, _] = keys();
        let error = verify(&sealed_by(&[&a]), &[exporter("b", &b)], ONE).unwrap_err();
        let fingerprint = a.public_key().unwrap().fingerprint().unwrap();
        assert!(matches!(error, SealError::UnknownExporter { keys } if keys == [fingerprint]));
        assert!(matches!(verify(&sealed_by(&[&a]), &[], ONE), Err(SealError::UnknownExporter { .. })));
    }

    #[test]
    fn one_key_under_two_names_is_one_exporter() {
        let [a, ..] = keys();
        let error = verify(&sealed_by(&[&a]), &[exporter("a", &a), exporter("also a", &a)], TWO).unwrap_err();
        assert!(matches!(error, SealError::Threshold { source, .. } if source.valid == ["a"]));
    }

    #[test]
    fn a_signature_over_another_inventory_does_not_count() {
        let [a, b, _] = keys();
        let mut other = inventory();
        other.exporter.version = "2".to_owned();
        let statement = inventory().to_statement().unwrap();
        let seal = UnverifiedSeal::new(&other.to_statement().unwrap(), vec![sign(&statement, &a).unwrap()]).unwrap();
        let error = verify(&seal, &[exporter("a", &a), exporter("b", &b)], ONE).unwrap_err();
        assert!(matches!(error, SealError::Threshold { invalid, .. } if invalid == ["a"]));
    }

    #[test]
    fn a_signature_under_anothers_fingerprint_does_not_count() {
        let [a, b, _] = keys();
        let statement = inventory().to_statement().unwrap();
        let mut signature = sign(&statement, &a).unwrap();
        signature.key = b.public_key().unwrap().fingerprint().unwrap();
        let seal = UnverifiedSeal::new(&statement, vec![signature]).unwrap();
        let error = verify(&seal, &[exporter("a", &a), exporter("b", &b)], ONE).unwrap_err();
        assert!(matches!(error, SealError::Threshold { invalid, .. } if invalid == ["b"]));
    }

    #[test]
    fn what_nobody_trusted_signed_is_not_read() {
        let [a, b, _] = keys();
        // Not JSON: code that reads it before it is verified fails on it.
        let sealed = |key| UnverifiedSeal::new(b"{", vec![sign(b"{", key).unwrap()]).unwrap();
        let error = verify(&sealed(&a), &[exporter("b", &b)], ONE).unwrap_err();
        assert!(matches!(error, SealError::UnknownExporter { .. }), "{error}");
        let mut forged = sealed(&a).signatures().to_vec();
        forged[0].key = b.public_key().unwrap().fingerprint().unwrap();
        let error = verify(&UnverifiedSeal::new(b"{", forged).unwrap(), &[exporter("b", &b)], ONE).unwrap_err();
        assert!(matches!(error, SealError::Threshold { .. }), "{error}");
        let error = verify(&sealed(&a), &[exporter("a", &a)], ONE).unwrap_err();
        assert!(matches!(error, SealError::Inventory(InventoryError::Json(_))), "{error}");
    }
}
