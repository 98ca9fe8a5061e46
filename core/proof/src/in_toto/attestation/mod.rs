//! Attestations: in-toto Statements about an image, attached to it, such as SLSA provenance and SBOMs.
//!
//! It reads Statements 0.1 and 1 (in-toto Attestation Framework) in a DSSE envelope, in a Sigstore bundle that holds
//! such an envelope, and bare, as BuildKit attaches them. Promise: an [`Attestation`] is about the digest that it is
//! attached to, and where someone has to vouch for it, one of those who may has signed it; it also names the other
//! pinned attesters who signed it.

mod statement;

use std::collections::BTreeSet;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::dsse::DsseEnvelope;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::key::NotSigned;
use super::metadata::{MAXIMUM_DOCUMENT_LENGTH, SignedDocument, SignedDocumentError};
use super::verify::LayoutKey;
use super::work::{Work, WorkExceeded};
use statement::{AttestationKind, AttestationStatement, AttestationSubject, Digests, Predicate, ShortText};

/// The longest attestation that is read, in bytes.
pub const MAXIMUM_LENGTH: usize = MAXIMUM_DOCUMENT_LENGTH;
/// The types of Statement.
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];
/// The most subjects that are read.
const MAXIMUM_SUBJECTS: usize = 10_000;
/// What comparing one subject with the digests of a manifest costs, in steps.
const COMPARISON_COST: u64 = 10;
/// The longest text that a report repeats from a predicate, in characters.
const MAXIMUM_TEXT: usize = 300;

/// An attestation, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// What kind of claim it makes, a URI.
    pub predicate_type: String,
    /// Who signed it, as far as that was checked.
    pub signature: SignatureCheck,
    /// What it says, in short.
    pub claim: AttestationClaim,
}

/// What is known about an attestation's signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "check", content = "by")]
pub enum SignatureCheck {
    /// Pinned keys signed it: those keys' names.
    SignedBy(BTreeSet<String>),
    /// It has signatures, but none of them is by a pinned key.
    NotChecked,
    /// It has no signature at all.
    Unsigned,
}

/// What an attestation says, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum AttestationClaim {
    /// SLSA provenance 0.1, 0.2 or 1: how it was built.
    #[serde(rename_all = "camelCase")]
    Provenance {
        /// Who built it.
        builder: String,
        /// How.
        build_type: String,
    },
    /// A software bill of materials, SPDX or CycloneDX.
    Sbom {
        /// The format and its version.
        format: String,
        /// How many packages or components it lists.
        components: usize,
    },
    /// Something else.
    Other,
}

/// Why an attestation is refused.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// It is longer than the limit.
    #[error("the attestation is {length} bytes long; the limit is {MAXIMUM_LENGTH}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// It is not strict JSON of the right shape.
    #[error("the attestation cannot be read")]
    Json(#[from] JsonError),
    /// Its envelope cannot be read.
    #[error("the attestation's envelope cannot be read")]
    Envelope(#[from] SignedDocumentError),
    /// It is a Sigstore bundle with a signature over the image itself, and makes no claim.
    #[error("it is a plain signature, not an attestation")]
    PlainSignature,
    /// It is not a Statement.
    #[error("the attestation is a {0:?}, not an in-toto Statement 0.1 or 1")]
    NotAStatement(String),
    /// It has more subjects than the limit.
    #[error("the attestation has {count} subjects; the limit is {MAXIMUM_SUBJECTS}")]
    TooManySubjects {
        /// How many there are.
        count: usize,
    },
    /// It is about something other than what it is attached to.
    #[error("the attestation ({predicate_type}) is attached to {attached_to}, but is not about it")]
    NotAboutThis {
        /// What kind of claim it makes.
        predicate_type: String,
        /// What it is attached to.
        attached_to: Digest,
    },
    /// Checking its signatures and subjects would exceed the budget.
    #[error(transparent)]
    Work(#[from] WorkExceeded),
    /// Someone has to vouch for it, and none of those who may signed it.
    #[error("the attestation ({predicate_type}) is not signed by anyone who may vouch for it: {}", .asked.join(", "))]
    NotSigned {
        /// What kind of claim it makes.
        predicate_type: String,
        /// Who may vouch for it.
        asked: Vec<String>,
    },
}

/// The known wrappings, by the members that distinguish them.
#[derive(Deserialize)]
struct Wrapping {
    #[serde(default, rename = "_type", deserialize_with = "present")]
    bare: bool,
    #[serde(default, rename = "dsseEnvelope")]
    in_bundle: Option<DsseEnvelope>,
    #[serde(default, rename = "messageSignature", deserialize_with = "present")]
    plain_signature: bool,
    #[serde(default, rename = "payload", deserialize_with = "present")]
    envelope: bool,
    #[serde(default, rename = "signed", deserialize_with = "present")]
    metablock: bool,
}

/// Whether a member is present, whatever its value.
fn present<'de, D: Deserializer<'de>>(source: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(source).map(|_| true)
}

/// Whose signatures count on an attestation, and whose are required.
#[derive(Debug, Clone, Copy)]
pub struct Signers<'a> {
    /// The keys that are pinned, by the names that they have here.
    pub pinned: &'a [LayoutKey],
    /// Groups of these names: one of each group must have signed.
    pub asked: &'a BTreeSet<BTreeSet<String>>,
    /// The instant at which the expiry of OpenPGP keys is judged.
    pub at: Timestamp,
}

/// An attestation that has been read, and whose signatures have been checked. What it is about has not been checked
/// yet.
pub struct ReadAttestation {
    statement: AttestationStatement,
    attestation: Attestation,
}

impl ReadAttestation {
    /// Reads an attestation, and checks its signatures. What is verified is paid for from `work`.
    ///
    /// # Errors
    /// [`AttestationError`] when it is not an attestation, or is not signed by those who have to sign it.
    pub fn new(bytes: &[u8], signers: Signers<'_>, work: &mut Work) -> Result<Self, AttestationError> {
        let document = open(bytes)?;
        let payload = document.as_ref().map_or(bytes, SignedDocument::payload_bytes);
        let AttestationKind { statement: ShortText(kind), predicate: ShortText(predicate_type) } =
            strict_json::read(payload, Names::Exact)?;
        if !STATEMENTS.contains(&kind.as_str()) {
            return Err(AttestationError::NotAStatement(kind));
        }
        let by = document.as_ref().map(|document| signers.of(document, work)).transpose()?;
        signers.require_enough(by.as_ref(), &predicate_type)?;
        let signature = match by {
            None => SignatureCheck::Unsigned,
            Some(nobody) if nobody.is_empty() => SignatureCheck::NotChecked,
            Some(by) => SignatureCheck::SignedBy(by),
        };
        let statement: AttestationStatement = strict_json::read(payload, Names::Exact)?;
        let claim = AttestationClaim::of(&statement.predicate_type, &statement.predicate);
        let attestation = Attestation { predicate_type: shorten(&statement.predicate_type), signature, claim };
        Ok(Self { statement, attestation })
    }

    /// What it says about `attached_to`, whose digests by every algorithm are `digests`. The comparison is paid for
    /// from `work`.
    ///
    /// # Errors
    /// [`AttestationError`] when it is about something else.
    pub fn about(
        &self,
        attached_to: &Digest,
        digests: &[Digest],
        work: &mut Work,
    ) -> Result<Attestation, AttestationError> {
        let compared = u64::try_from(self.statement.subject.first.len()).unwrap_or(u64::MAX);
        work.spend(compared.saturating_mul(COMPARISON_COST))?;
        self.statement.require_about(attached_to, digests)?;
        Ok(self.attestation.clone())
    }
}

impl Signers<'_> {
    /// The names of those who signed a document.
    fn of(&self, document: &SignedDocument, work: &mut Work) -> Result<BTreeSet<String>, AttestationError> {
        let mut by = BTreeSet::new();
        for LayoutKey { label, key } in self.pinned {
            match key.find_signature(label, document, self.at, work) {
                Ok(_) => {
                    by.insert(label.clone());
                }
                Err(NotSigned::Work(exceeded)) => return Err(exceeded.into()),
                Err(_) => {}
            }
        }
        Ok(by)
    }

    fn require_enough(&self, by: Option<&BTreeSet<String>>, predicate_type: &str) -> Result<(), AttestationError> {
        let signed = |asked: &BTreeSet<String>| by.is_some_and(|by| !by.is_disjoint(asked));
        match self.asked.iter().find(|asked| !signed(asked)) {
            None => Ok(()),
            Some(asked) => Err(AttestationError::NotSigned {
                predicate_type: predicate_type.to_owned(),
                asked: asked.iter().cloned().collect(),
            }),
        }
    }
}

/// The envelope around a Statement; `None` if the Statement is bare.
fn open(bytes: &[u8]) -> Result<Option<SignedDocument>, AttestationError> {
    if bytes.len() > MAXIMUM_LENGTH {
        return Err(AttestationError::TooLong { length: bytes.len() });
    }
    let wrapping: Wrapping = strict_json::read(bytes, Names::Exact)?;
    match wrapping {
        Wrapping { bare: true, .. } => Ok(None),
        Wrapping { in_bundle: Some(envelope), .. } => Ok(Some(SignedDocument::unread(envelope)?)),
        Wrapping { plain_signature: true, .. } => Err(AttestationError::PlainSignature),
        Wrapping { envelope: true, metablock: false, .. } => {
            let envelope = DsseEnvelope::parse(bytes).map_err(SignedDocumentError::from)?;
            Ok(Some(SignedDocument::unread(envelope)?))
        }
        Wrapping { .. } => Err(SignedDocumentError::Form.into()),
    }
}

impl AttestationStatement {
    /// Requires that one of the subjects has these digests: it states one of them, and none is contradicted.
    fn require_about(&self, attached_to: &Digest, digests: &[Digest]) -> Result<(), AttestationError> {
        if self.subject.count > MAXIMUM_SUBJECTS {
            return Err(AttestationError::TooManySubjects { count: self.subject.count });
        }
        let about =
            |subject: &AttestationSubject| subject.digest.as_ref().is_some_and(|Digests(it)| it.vouch_for(digests));
        if self.subject.first.iter().any(about) {
            return Ok(());
        }
        Err(AttestationError::NotAboutThis {
            predicate_type: shorten(&self.predicate_type),
            attached_to: attached_to.clone(),
        })
    }
}

impl AttestationClaim {
    fn of(predicate_type: &str, predicate: &Predicate) -> Self {
        // A version follows the names of the types.
        let is = |name: &str| predicate_type.strip_prefix(name).is_some_and(|it| it.is_empty() || it.starts_with('/'));
        if predicate_type == "https://slsa.dev/provenance/v1" {
            Self::Provenance {
                builder: predicate.text("runDetails/builder/id"),
                build_type: predicate.text("buildDefinition/buildType"),
            }
        } else if is("https://slsa.dev/provenance") {
            Self::Provenance { builder: predicate.text("builder/id"), build_type: predicate.text("buildType") }
        } else if is("https://spdx.dev/Document") {
            Self::Sbom { format: predicate.text("spdxVersion"), components: predicate.count("packages") }
        } else if is("https://cyclonedx.org/bom") {
            let format = format!("CycloneDX-{}", predicate.text("specVersion"));
            Self::Sbom { format, components: predicate.count("components") }
        } else {
            Self::Other
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(MAXIMUM_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use sealift_archive_format::DigestAlgorithm;
    use sealift_archive_format::dsse::{DsseSignature, pae};
    use serde_json::{Value, json};

    use super::*;
    use crate::in_toto::InTotoKey;
    use crate::in_toto::metadata::PAYLOAD_TYPE;
    use crate::signature::SigningKey;

    fn image() -> Digest {
        Digest::sha256(b"image")
    }

    fn statement(predicate_type: &str, predicate: &Value) -> Value {
        json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
            "subject": [{"name": "x", "digest": {"sha256": Digest::sha256(b"x").hex()}},
                {"name": "image", "digest": {"sha256": image().hex()}}]})
    }

    fn envelope(statement: &Value, key: &SigningKey) -> Vec<u8> {
        let payload = statement.to_string().into_bytes();
        let signature = DsseSignature { key_id: String::new(), bytes: key.sign(&pae(PAYLOAD_TYPE, &payload)) };
        DsseEnvelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures: vec![signature] }.encode()
    }

    fn pinned(key: &SigningKey) -> Vec<LayoutKey> {
        vec![LayoutKey { label: "builder".to_owned(), key: InTotoKey::from(key.public_key().unwrap()) }]
    }

    /// One of these must have signed, where there are any.
    fn asked(pinned: &[LayoutKey]) -> BTreeSet<BTreeSet<String>> {
        let names: BTreeSet<String> = pinned.iter().map(|key| key.label.clone()).collect();
        Some(names).filter(|names| !names.is_empty()).into_iter().collect()
    }

    fn check_against(
        bytes: &[u8],
        attached_to: &Digest,
        digests: &[Digest],
        pinned: &[LayoutKey],
    ) -> Result<Attestation, AttestationError> {
        let work = &mut Work::of_an_archive();
        let read =
            ReadAttestation::new(bytes, Signers { pinned, asked: &asked(pinned), at: Timestamp::UNIX_EPOCH }, work)?;
        read.about(attached_to, digests, work)
    }

    fn check(bytes: &[u8], pinned: &[LayoutKey]) -> Result<Attestation, AttestationError> {
        let digests = DigestAlgorithm::ALL.map(|algorithm| Digest::of(algorithm, b"image"));
        check_against(bytes, &image(), &digests, pinned)
    }

    #[test]
    fn a_pinned_key_must_have_signed() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let bytes = envelope(&statement("https://example.com/claim", &json!({})), &key);
        let signed = check(&bytes, &pinned(&key)).unwrap();
        assert_eq!(signed.signature, SignatureCheck::SignedBy(BTreeSet::from(["builder".to_owned()])));
        assert!(matches!(check(&bytes, &pinned(&other)), Err(AttestationError::NotSigned { .. })));
        assert_eq!(check(&bytes, &[]).unwrap().signature, SignatureCheck::NotChecked);
        let in_a_bundle = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "dsseEnvelope": serde_json::from_slice::<Value>(&bytes).unwrap()});
        assert!(check(in_a_bundle.to_string().as_bytes(), &pinned(&key)).is_ok());
    }

    #[test]
    fn a_bare_statement_is_unsigned_and_satisfies_no_pinned_key() {
        let bare = statement("https://example.com/claim", &json!({})).to_string();
        assert_eq!(check(bare.as_bytes(), &[]).unwrap().signature, SignatureCheck::Unsigned);
        let key = SigningKey::from_seed(&[1; 32]);
        assert!(matches!(check(bare.as_bytes(), &pinned(&key)), Err(AttestationError::NotSigned { .. })));
    }

    #[test]
    fn it_must_be_about_what_it_is_attached_to() {
        let bare = statement("https://example.com/claim", &json!({})).to_string();
        let elsewhere = Digest::sha256(b"another image");
        let digests = [elsewhere.clone()];
        let result = check_against(bare.as_bytes(), &elsewhere, &digests, &[]);
        assert!(matches!(result, Err(AttestationError::NotAboutThis { .. })));
        let nothing = bare.replace("\"digest\":", "\"other\":");
        assert!(matches!(check(nothing.as_bytes(), &[]), Err(AttestationError::NotAboutThis { .. })));
    }

    #[test]
    fn looking_for_signers_and_subjects_is_paid_for() {
        let key = SigningKey::from_seed(&[1; 32]);
        let bytes = envelope(&statement("https://example.com/claim", &json!({})), &key);
        let (pinned, asked) = (pinned(&key), BTreeSet::new());
        let signers = Signers { pinned: &pinned, asked: &asked, at: Timestamp::UNIX_EPOCH };
        let read = |work: &mut Work| ReadAttestation::new(&bytes, signers, work);
        assert!(matches!(read(&mut Work::new(1)), Err(AttestationError::Work(_))));
        let read = read(&mut Work::of_an_archive()).unwrap();
        // Two subjects are compared each time.
        let work = &mut Work::new(5 * COMPARISON_COST);
        assert!(read.about(&image(), &[image()], work).is_ok());
        assert!(read.about(&image(), &[image()], work).is_ok());
        assert!(matches!(read.about(&image(), &[image()], work), Err(AttestationError::Work(_))));
    }

    #[test]
    fn every_hash_that_its_subject_states_is_compared() {
        let hex = |algorithm, bytes| Digest::of(algorithm, bytes).hex().to_owned();
        let (short, long) = (DigestAlgorithm::Sha256, DigestAlgorithm::Sha512);
        let about = |digest: Value| {
            let mut bare = statement("https://example.com/claim", &json!({}));
            bare["subject"] = json!([{ "name": "image", "digest": digest }]);
            check(bare.to_string().as_bytes(), &[])
        };
        assert!(about(json!({ "sha512": hex(long, b"image") })).is_ok());
        assert!(about(json!({ "sha256": hex(short, b"image"), "sha512": hex(long, b"image"), "x": "00" })).is_ok());
        for wrong in [
            json!({ "sha512": hex(long, b"other") }),
            json!({ "sha256": hex(short, b"image"), "sha512": hex(long, b"other") }),
            json!({ "sha256": hex(short, b"other"), "sha512": hex(long, b"image") }),
            json!({ "x": "00" }),
        ] {
            assert!(matches!(about(wrong), Err(AttestationError::NotAboutThis { .. })));
        }
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        for text in [r#"{"_type":"link"}"#, r#"{"_type":"https://in-toto.io/AttestationStatement/v2"}"#] {
            assert!(matches!(check(text.as_bytes(), &[]), Err(AttestationError::NotAStatement(_))), "{text}");
        }
        for text in ["{}", r#"{"signed":{},"signatures":[]}"#] {
            assert!(matches!(check(text.as_bytes(), &[]), Err(AttestationError::Envelope(_))), "{text}");
        }
        assert!(matches!(check(b"x", &[]), Err(AttestationError::Json(_))));
        let signature = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {}});
        let signature = check(signature.to_string().as_bytes(), &[]);
        assert!(matches!(signature, Err(AttestationError::PlainSignature)));
    }

    #[test]
    fn claims_are_put_in_short() {
        let claim = |kind: &str, predicate: Value| {
            check(statement(kind, &predicate).to_string().as_bytes(), &[]).unwrap().claim
        };
        let v1 = json!({"runDetails": {"builder": {"id": "b"}}, "buildDefinition": {"buildType": "t"}});
        let v02 = json!({"builder": {"id": "b"}, "buildType": "t"});
        let provenance = AttestationClaim::Provenance { builder: "b".to_owned(), build_type: "t".to_owned() };
        assert_eq!(claim("https://slsa.dev/provenance/v1", v1), provenance);
        assert_eq!(claim("https://slsa.dev/provenance/v0.2", v02), provenance);
        let spdx = json!({"spdxVersion": "SPDX-2.3", "packages": [{}, {}]});
        let sbom = AttestationClaim::Sbom { format: "SPDX-2.3".to_owned(), components: 2 };
        assert_eq!(claim("https://spdx.dev/Document/v2.3", spdx), sbom);
        let cyclone = json!({"specVersion": "1.5", "components": [{}]});
        let sbom = AttestationClaim::Sbom { format: "CycloneDX-1.5".to_owned(), components: 1 };
        assert_eq!(claim("https://cyclonedx.org/bom", cyclone), sbom);
        assert_eq!(claim("https://slsa.dev/provenancex", json!({})), AttestationClaim::Other);
    }
}
