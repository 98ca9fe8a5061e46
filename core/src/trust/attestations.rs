//! The attestations of an archive, each checked as it passes: it must be about what it is attached to, and signed by
//! those whom the policy asks for. The last of them closes the judgement.
//!
//! Promise: the far side checks every attestation before any other layer is delivered, and the connected side before it
//! seals. One is held in memory at a time. A [`Judgement`] exists only once all of them have passed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error as _;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::in_toto::attestation::MAXIMUM_LENGTH;
use sealift_proof::in_toto::{
    Attestation, AttestationError, LayoutKey, ReadAttestation, SignatureCheck, Signers, Work,
};
use sealift_proof::tuf::{Measured, TrustedState};

use super::evidence::{Evidence, Finding};
use super::judgement::Findings;
use super::referrers::NamedGraphs;
use super::requirement::OpenRequirements;
use crate::oci::Graph;
use crate::oci::attestation::{Attached, AttachedBy};
use crate::remedy::{ExporterMatter, Remediable, Remedy};
use crate::trust_store::RepositoryName;

/// The most attestations of one archive that may be invalid.
const MAXIMUM_INVALID: usize = 1_000;
/// How much is told of why one is, in characters.
const MAXIMUM_REASON: usize = 300;

/// Why an attestation is refused.
#[derive(Debug, thiserror::Error)]
pub enum AttestationRefusal {
    /// It is not what it must be.
    #[error("attestation {attestation} about {subject} is refused")]
    Refused {
        /// The attestation.
        attestation: Digest,
        /// What it is attached to.
        subject: Digest,
        /// What is wrong with it.
        source: AttestationError,
    },
    /// It is expected, but was not read.
    #[error("attestation {attestation} about {subject} was not read")]
    NotRead {
        /// The attestation.
        attestation: Digest,
        /// What it is attached to.
        subject: Digest,
    },
}

impl Remediable for AttestationRefusal {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { source, .. } => source.remedy(),
            Self::NotRead { .. } => Remedy::AskExporter { about: ExporterMatter::UnreadAttestation },
        }
    }
}

/// An attestation that BuildKit put beside a manifest, and that is not an in-toto Statement. It is carried, and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAttestation {
    /// The reference of the item or part that it comes with.
    pub item: String,
    /// The digest of the attestation.
    pub attestation: Digest,
    /// What is wrong with it.
    pub reason: String,
}

/// An attestation that has been checked: it is about what it is attached to, and signed by those whom the policy asks for.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::trust::CheckedAttestation;
/// # fn forge() -> CheckedAttestation {
/// CheckedAttestation { digest: unreachable!(), attached_to: unreachable!(), attestation: unreachable!() }
/// # }
/// ```
#[derive(Debug)]
pub struct CheckedAttestation {
    digest: Digest,
    attached_to: Digest,
    attestation: Attestation,
}

impl CheckedAttestation {
    /// The digest of the attestation.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The manifest or index that it is attached to, and is about.
    pub fn attached_to(&self) -> &Digest {
        &self.attached_to
    }

    /// What it says, and who signed it.
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    /// The pinned attesters who signed it.
    pub fn signers(&self) -> impl Iterator<Item = &String> {
        let names = match &self.attestation.signature {
            SignatureCheck::SignedBy(names) => Some(names),
            SignatureCheck::NotChecked | SignatureCheck::Unsigned => None,
        };
        names.into_iter().flatten()
    }
}

/// What was found, and nothing is left open: the items are what the policy requires of their names.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::trust::Judgement;
/// # fn forge() -> Judgement {
/// Judgement { findings: unreachable!() }
/// # }
/// ```
#[derive(Debug)]
pub struct Judgement {
    findings: Findings,
}

impl Judgement {
    /// What was found.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What to remember about the repositories that spoke.
    pub(crate) fn next_states(&self) -> BTreeMap<RepositoryName, TrustedState> {
        let repositories = &self.findings.repositories;
        repositories.iter().map(|evidence| (evidence.name.clone(), evidence.next_state.clone())).collect()
    }
}

/// A judgement that waits for attestations: those that are expected, and those that have passed.
#[derive(Debug)]
pub(crate) struct Attestations {
    findings: Findings,
    /// What comes with the name of each finding, in their order.
    graphs: Vec<Vec<Arc<Graph>>>,
    attesters: Vec<LayoutKey>,
    judged_at: Timestamp,
    expected: BTreeMap<Digest, ExpectedAttestation>,
    /// By every algorithm, the digests of what they are attached to.
    subjects: BTreeMap<Digest, Vec<Digest>>,
    /// By attestation and subject; `None` for a plain signature in the same wrapping.
    checked: BTreeMap<(Digest, Digest), Option<Arc<CheckedAttestation>>>,
    /// What is left of what checking all of them may take.
    work: Work,
}

/// What an attestation must be about, and who must have signed it.
#[derive(Debug)]
struct ExpectedAttestation {
    /// The first name that it comes with.
    item: Arc<str>,
    /// Whether only indexes of images say what it is attached to.
    is_only_listed: bool,
    subjects: BTreeSet<Digest>,
    /// For each name that it comes with and for which attesters are asked, those of whom one must have signed it.
    signers: BTreeSet<BTreeSet<String>>,
}

impl Attestations {
    /// Expects the attestations that come with each name, and holds them to what is open for it.
    pub(super) fn expected_by(
        findings: Findings,
        named: &[NamedGraphs<'_>],
        documents: &HashMap<&Digest, &[u8]>,
        open: &OpenRequirements,
        attesters: Vec<LayoutKey>,
        judged_at: Timestamp,
    ) -> Self {
        let mut expected: BTreeMap<Digest, ExpectedAttestation> = BTreeMap::new();
        let mut subjects: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let mut seen = HashSet::new();
        for name in named {
            let asked = &open.of(name.reference).attesters;
            let item: Arc<str> = name.reference.into();
            // What many names share is checked once for each requirement.
            for graph in name.graphs().filter(|graph| seen.insert((Arc::as_ptr(graph), asked.clone()))) {
                for Attached { layer, subject, by } in graph.attestations() {
                    let expected = expected.entry(layer.digest.clone()).or_insert_with(|| ExpectedAttestation {
                        item: Arc::clone(&item),
                        is_only_listed: true,
                        subjects: BTreeSet::new(),
                        signers: BTreeSet::new(),
                    });
                    expected.is_only_listed &= *by == AttachedBy::Index;
                    expected.subjects.insert(subject.clone());
                    expected.signers.extend(asked.clone());
                    subjects.entry(subject.clone()).or_insert_with(|| {
                        let measured = documents.get(subject).map(|bytes| Measured::of(bytes).digests().to_vec());
                        measured.unwrap_or_else(|| vec![subject.clone()])
                    });
                }
            }
        }
        let graphs = named.iter().map(|name| name.graphs().cloned().collect()).collect();
        let (checked, work) = (BTreeMap::new(), Work::of_an_archive());
        Self { findings, graphs, attesters, judged_at, expected, subjects, checked, work }
    }

    /// What was found before the first attestation.
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
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
        let Some(expected) = self.expected.get(digest) else { return Ok(()) };
        let ExpectedAttestation { item, is_only_listed, subjects, signers } = expected;
        let first = subjects.first().unwrap_or(digest);
        let asked = Signers { pinned: &self.attesters, asked: signers, at: self.judged_at };
        let read = match ReadAttestation::new(bytes, asked, &mut self.work) {
            Ok(read) => Some(read),
            // If someone has to vouch for it, a signature without a claim is not enough.
            Err(AttestationError::PlainSignature) if signers.is_empty() => None,
            Err(error)
                if signers.is_empty()
                    && *is_only_listed
                    && is_unreadable(&error)
                    && self.findings.invalid_attestations.len() < MAXIMUM_INVALID =>
            {
                let (item, attestation) = (item.to_string(), digest.clone());
                let reason = reason(&error);
                self.findings.invalid_attestations.push(InvalidAttestation { item, attestation, reason });
                None
            }
            Err(source) => return Err(refusal(digest, first, source)),
        };
        for subject in subjects {
            let digests = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
            let about = read.as_ref().map(|read| read.about(subject, digests, &mut self.work));
            let about = about.transpose().map_err(|source| refusal(digest, subject, source))?;
            let key = (digest.clone(), subject.clone());
            let checked = about.map(|attestation| {
                let (digest, attached_to) = key.clone();
                Arc::new(CheckedAttestation { digest, attached_to, attestation })
            });
            self.checked.insert(key, checked);
        }
        Ok(())
    }

    /// The judgement, with nothing left open.
    ///
    /// # Errors
    /// [`AttestationRefusal::NotRead`].
    pub(crate) fn close(self) -> Result<Judgement, AttestationRefusal> {
        let Self { mut findings, graphs, expected, checked, .. } = self;
        let pairs = expected.into_iter().flat_map(|(attestation, expected)| {
            expected.subjects.into_iter().map(move |subject| (attestation.clone(), subject))
        });
        for pair in pairs {
            if !checked.contains_key(&pair) {
                let (attestation, subject) = pair;
                return Err(AttestationRefusal::NotRead { attestation, subject });
            }
        }
        let mut graphs = graphs.into_iter();
        findings.items.iter_mut().for_each(|finding| add_evidence(finding, &mut graphs, &checked));
        Ok(Judgement { findings })
    }
}

/// Adds what is attached to an item, and then to each of its parts. What is attached to a part is not added to the whole
/// again.
fn add_evidence(
    finding: &mut Finding,
    graphs: &mut impl Iterator<Item = Vec<Arc<Graph>>>,
    checked: &BTreeMap<(Digest, Digest), Option<Arc<CheckedAttestation>>>,
) {
    let graphs_of_item = graphs.next().unwrap_or_default();
    // What the index of a bundle leads to is its parts.
    let parts = usize::from(!finding.parts.is_empty());
    let attached = graphs_of_item.iter().skip(parts).flat_map(|graph| graph.attestations());
    let found = attached.filter_map(|it| checked.get(&(it.layer.digest.clone(), it.subject.clone()))?.clone());
    finding.evidence.extend(found.map(Evidence::Attestation));
    finding.parts.iter_mut().for_each(|part| add_evidence(part, graphs, checked));
}

/// Whether an attestation cannot be read as one at all, so that it says nothing.
fn is_unreadable(error: &AttestationError) -> bool {
    match error {
        AttestationError::Json(_) | AttestationError::Envelope(_) | AttestationError::NotAStatement(_) => true,
        AttestationError::TooLong { .. }
        | AttestationError::PlainSignature
        | AttestationError::TooManySubjects { .. }
        | AttestationError::NotAboutThis { .. }
        | AttestationError::Work(_)
        | AttestationError::NotSigned { .. } => false,
    }
}

/// An error and what caused it, in one line.
fn reason(error: &AttestationError) -> String {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        reason = format!("{reason}: {error}");
        source = error.source();
    }
    reason.chars().take(MAXIMUM_REASON).collect()
}

fn refusal(attestation: &Digest, subject: &Digest, source: AttestationError) -> AttestationRefusal {
    AttestationRefusal::Refused { attestation: attestation.clone(), subject: subject.clone(), source }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::referrers::{self, ReferrerRefusal};
    use super::super::requirement::Open;
    use super::*;
    use crate::oci::{Companions, Descriptor, ForeignLayers, ManifestBytes, Platforms, ReferrerKind};

    /// A referrer of something that is one attestation, whose content is `attestation`.
    fn referrer(attestation: &[u8]) -> Arc<Graph> {
        let described = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len() });
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": described("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [described("application/vnd.in-toto+json", attestation)],
            "subject": described(media_type, b"an image"),
        })
        .to_string()
        .into_bytes();
        let root = ManifestBytes::new(Descriptor::of(media_type, &manifest), manifest).unwrap();
        let nothing = |_: &Descriptor| Err(std::fmt::Error);
        Graph::walk(root, &Platforms::All, ForeignLayers::Carry, nothing).unwrap()
    }

    fn awaiting(referrers: &[Arc<Graph>], open: &OpenRequirements) -> Attestations {
        let companions = Companions { referrers: referrers.to_vec(), tagged: Vec::new() };
        let named = [NamedGraphs {
            reference: "example.com/a:1",
            graph: None,
            companions: &companions,
            is_stated_by_bundle: false,
        }];
        let findings = Findings { repositories: Vec::new(), items: Vec::new(), invalid_attestations: Vec::new() };
        Attestations::expected_by(findings, &named, &HashMap::new(), open, Vec::new(), Timestamp::UNIX_EPOCH)
    }

    /// An attestation about the subject of [`referrer`].
    fn statement() -> Vec<u8> {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://example.com/claim",
            "subject": [{ "name": "a", "digest": { "sha256": Digest::sha256(b"an image").hex() } }],
            "predicate": {},
        });
        statement.to_string().into_bytes()
    }

    #[test]
    fn a_judgement_is_not_closed_before_every_attestation_was_read() {
        let statement = statement();
        let referrers = [referrer(&statement)];
        let open = Open { kinds: ReferrerKind::usual(), attesters: None };
        let open = OpenRequirements([("example.com/a:1".to_owned(), open)].into());
        let unread = awaiting(&referrers, &open).close().unwrap_err();
        assert!(
            matches!(&unread, AttestationRefusal::NotRead { attestation, .. } if *attestation == Digest::sha256(&statement)),
            "{unread:?}"
        );
        let mut read = awaiting(&referrers, &open);
        read.check(&Digest::sha256(&statement), &statement).unwrap();
        read.close().unwrap();
    }

    #[test]
    fn what_comes_with_a_name_that_nobody_asked_about_is_refused() {
        let statement = statement();
        let (referrers, open) = ([referrer(&statement)], OpenRequirements::default());
        let companions = Companions { referrers: referrers.to_vec(), tagged: Vec::new() };
        let named = [NamedGraphs {
            reference: "example.com/a:1",
            graph: None,
            companions: &companions,
            is_stated_by_bundle: false,
        }];
        let refused = referrers::check(&named, &open);
        assert!(matches!(refused, Err(ReferrerRefusal::Kind { .. })), "{refused:?}");
        let refused = awaiting(&referrers, &open).check(&Digest::sha256(&statement), &statement);
        let Err(AttestationRefusal::Refused { source: AttestationError::NotSigned { asked, .. }, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(asked.is_empty());
    }
}
