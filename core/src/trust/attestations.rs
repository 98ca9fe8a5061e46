//! The attestations of an archive, each checked as it passes: it must be about what it is attached to, and signed by a
//! pinned attester.
//!
//! Promise: the far side checks every attestation before any other layer is delivered, and the connected side before it
//! seals. One is held in memory at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::in_toto::attestation::MAXIMUM_LENGTH;
use sealift_proof::in_toto::{Attestation, AttestationError, LayoutKey, ReadAttestation, Signers, Work};
use sealift_proof::tuf::Measured;

use super::requirement;
use super::terms::Terms;
use crate::oci::Graph;
use crate::oci::attestation::Attached;
use crate::trust_store::Trust;

/// Why an attestation is refused.
#[derive(Debug, thiserror::Error)]
#[error("attestation {attestation} about {subject} is refused")]
pub struct AttestationRefusal {
    /// The attestation.
    pub attestation: Digest,
    /// What it is attached to.
    pub subject: Digest,
    /// What is wrong with it.
    pub source: AttestationError,
}

/// The attestations that are expected, and those that have passed.
#[derive(Debug, Clone)]
pub(crate) struct Attestations {
    pinned: Vec<LayoutKey>,
    at: Timestamp,
    expected: BTreeMap<Digest, Expected>,
    /// By every algorithm, the digests of what they are attached to.
    subjects: BTreeMap<Digest, Vec<Digest>>,
    /// By attestation and subject; `None` for a plain signature in the same wrapping.
    checked: BTreeMap<(Digest, Digest), Option<Attestation>>,
    /// What is left of what checking all of them may take.
    work: Work,
}

/// What an attestation must be about, and who must have signed it.
#[derive(Debug, Clone, Default)]
struct Expected {
    subjects: BTreeSet<Digest>,
    /// For each name that it comes with and that requires attestations, the attesters of whom one must have signed it.
    signers: BTreeSet<BTreeSet<String>>,
}

impl Attestations {
    /// Expects the attestations that come with each reference, and holds them to what the policy requires of it. What
    /// they are about is among the `documents`.
    pub(crate) fn expected_by<'r>(
        by_reference: impl IntoIterator<Item = (&'r str, Vec<&'r Arc<Graph>>)>,
        documents: &HashMap<&Digest, &[u8]>,
        trust: &Trust,
        terms: &Terms,
    ) -> Self {
        let mut expected: BTreeMap<Digest, Expected> = BTreeMap::new();
        let mut subjects: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let mut seen = HashSet::new();
        for (reference, graphs) in by_reference {
            let asked = requirement::attesters(reference, trust);
            let asked = asked.map(|names| names.into_iter().map(ToString::to_string).collect::<BTreeSet<_>>());
            // What many names share is checked once for each requirement.
            for graph in graphs.into_iter().filter(|graph| seen.insert((Arc::as_ptr(graph), asked.clone()))) {
                for Attached { layer, subject } in graph.attestations() {
                    let expected = expected.entry(layer.digest.clone()).or_default();
                    expected.subjects.insert(subject.clone());
                    expected.signers.extend(asked.clone());
                    subjects.entry(subject.clone()).or_insert_with(|| {
                        let measured = documents.get(subject).map(|bytes| Measured::of(bytes).digests().to_vec());
                        measured.unwrap_or_else(|| vec![subject.clone()])
                    });
                }
            }
        }
        let pinned = trust.attesters.iter();
        let pinned = pinned.map(|(name, key)| LayoutKey { label: name.to_string(), key: key.clone() }).collect();
        let at = terms.judged_at();
        Self { pinned, at, expected, subjects, checked: BTreeMap::new(), work: Work::of_an_archive() }
    }

    /// Whether a blob is an attestation.
    pub(crate) fn expects(&self, digest: &Digest) -> bool {
        self.expected.contains_key(digest)
    }

    /// Refuses an attestation that is longer than the limit.
    pub(crate) fn require_length(&self, digest: &Digest, size: u64) -> Result<(), AttestationRefusal> {
        let subject = self.expected.get(digest).and_then(|expected| expected.subjects.first()).unwrap_or(digest);
        match usize::try_from(size).unwrap_or(usize::MAX) {
            length if length > MAXIMUM_LENGTH => Err(refusal(digest, subject, AttestationError::TooLong { length })),
            _ => Ok(()),
        }
    }

    /// Checks an attestation against everything that it is attached to.
    pub(crate) fn check(&mut self, digest: &Digest, bytes: &[u8]) -> Result<(), AttestationRefusal> {
        let Some(Expected { subjects, signers }) = self.expected.get(digest) else { return Ok(()) };
        let first = subjects.first().unwrap_or(digest);
        let asked = Signers { pinned: &self.pinned, asked: signers, at: self.at };
        let read = match ReadAttestation::new(bytes, asked, &mut self.work) {
            Ok(read) => Some(read),
            // If someone has to vouch for it, a signature without a claim is not enough.
            Err(AttestationError::PlainSignature) if signers.is_empty() => None,
            Err(source) => return Err(refusal(digest, first, source)),
        };
        for subject in subjects {
            let digests = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
            let about = read.as_ref().map(|read| read.about(subject, digests, &mut self.work));
            let checked = about.transpose().map_err(|source| refusal(digest, subject, source))?;
            self.checked.insert((digest.clone(), subject.clone()), checked);
        }
        Ok(())
    }

    /// The result for one that is attached to a manifest; `None` if it is a plain signature.
    pub(crate) fn found(&self, attached: &Attached) -> Option<&Attestation> {
        self.checked.get(&(attached.layer.digest.clone(), attached.subject.clone()))?.as_ref()
    }
}

fn refusal(attestation: &Digest, subject: &Digest, source: AttestationError) -> AttestationRefusal {
    AttestationRefusal { attestation: attestation.clone(), subject: subject.clone(), source }
}
