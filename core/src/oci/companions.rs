//! What hangs off an image, or off the index of a bundle: its referrers, and what tags of cosign's name as belonging to it.
//!
//! A referrer says in its `subject` what it is about (OCI Image Specification 1.1). Cosign says it with a tag that is made from the
//! digest: `sha256-….sig`, `.att` and `.sbom`. Such a tag is not a name: nobody signs it, and everyone who signs moves it. Promise:
//! what is listed as tagged is, in one order, what is about something that is carried.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sealift_archive_format::inventory::{DescriptorRecord, TaggedRecord};
use sealift_archive_format::{Digest, DigestAlgorithm};

use super::graph::Graph;
use super::reference::Tag;

/// What hangs off an image, or off the index of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Companions {
    /// Its referrers, each after its subject.
    pub referrers: Vec<Arc<Graph>>,
    /// What has a tag of cosign's.
    pub tagged: Vec<TaggedGraph>,
}

/// A manifest that is found by a tag of cosign's, with everything below it.
#[derive(Debug, Clone)]
pub struct TaggedGraph {
    /// The tag.
    pub tag: CosignTag,
    /// What it stands for.
    pub graph: Arc<Graph>,
}

/// A tag that is made from the digest of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CosignTag {
    subject: Digest,
    kind: CosignKind,
}

/// What cosign keeps under a tag; in the order of the tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CosignKind {
    /// Attestations: `.att`.
    Attestation,
    /// A software bill of materials: `.sbom`.
    Sbom,
    /// Signatures: `.sig`.
    Signature,
}

impl CosignKind {
    /// Every kind, in the order of the tags.
    pub const ALL: [Self; 3] = [Self::Attestation, Self::Sbom, Self::Signature];

    fn ending(self) -> &'static str {
        match self {
            Self::Attestation => ".att",
            Self::Sbom => ".sbom",
            Self::Signature => ".sig",
        }
    }
}

impl CosignTag {
    /// The tags of a subject, in their order. There are none for SHA-512, whose digests are too long for a tag.
    pub fn all_of(subject: &Digest) -> impl Iterator<Item = Self> {
        let kinds = CosignKind::ALL.into_iter().filter(|_| subject.algorithm() == DigestAlgorithm::Sha256);
        kinds.map(|kind| Self { subject: subject.clone(), kind })
    }

    /// What it is about.
    pub fn subject(&self) -> &Digest {
        &self.subject
    }

    /// What is under it.
    pub fn kind(&self) -> CosignKind {
        self.kind
    }

    /// As a tag.
    pub fn tag(&self) -> Tag {
        Tag::well_formed(self.to_string())
    }
}

impl fmt::Display for CosignTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}{}", self.subject.hex(), self.kind.ending())
    }
}

/// A text that is not such a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a tag that is made from a digest")]
pub struct CosignTagError(String);

impl FromStr for CosignTag {
    type Err = CosignTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = CosignKind::ALL.into_iter().find_map(|kind| {
            let hex = text.strip_suffix(kind.ending())?.strip_prefix("sha256-")?;
            Some(Self { subject: format!("sha256:{hex}").parse().ok()?, kind })
        });
        parsed.ok_or_else(|| CosignTagError(text.chars().take(200).collect()))
    }
}

/// The tag under which referrers of a subject are listed where nothing lists them otherwise: `algorithm-hex`, cut where a tag could not
/// be longer (OCI Distribution 1.1, "Referrers Tag Schema").
pub(crate) fn referrers_tag(subject: &Digest) -> Option<Tag> {
    format!("{}-{}", subject.algorithm().name(), subject.hex().get(..REFERRERS_TAG_HEX)?).parse().ok()
}

/// Whether a tag is made from a digest, so that it says by itself what it is about: one of cosign's, or one under which referrers are
/// listed.
pub(crate) fn is_made_from_a_digest(tag: &Tag) -> bool {
    let lists_referrers = || {
        let (algorithm, hex) = tag.as_str().split_once('-')?;
        let is_known = DigestAlgorithm::ALL.iter().any(|known| known.name() == algorithm);
        let is_hex =
            hex.len() == REFERRERS_TAG_HEX && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_known && is_hex).then_some(())
    };
    tag.as_str().parse::<CosignTag>().is_ok() || lists_referrers().is_some()
}

/// How many hexadecimal digits such a tag has.
const REFERRERS_TAG_HEX: usize = 64;

impl Companions {
    /// Nothing.
    pub(crate) const NONE: &'static Self = &Self { referrers: Vec::new(), tagged: Vec::new() };

    /// The referrers, and then what is tagged.
    pub fn graphs(&self) -> impl Iterator<Item = &Arc<Graph>> {
        self.referrers.iter().chain(self.tagged.iter().map(|tagged| &tagged.graph))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.referrers.len().saturating_add(self.tagged.len())
    }

    /// The referrers, as an inventory lists them.
    pub fn referrer_records(&self) -> Vec<DescriptorRecord> {
        self.referrers.iter().map(|referrer| referrer.root().descriptor().into()).collect()
    }

    /// What is tagged, as an inventory lists it.
    pub fn tagged_records(&self) -> Vec<TaggedRecord> {
        let record = |TaggedGraph { tag, graph }: &TaggedGraph| TaggedRecord {
            descriptor: graph.root().descriptor().into(),
            tag: tag.to_string(),
        };
        self.tagged.iter().map(record).collect()
    }

    /// The tags that are about something carried, in their one order: those of the `manifests`, those of the referrers, and those of
    /// what has one of these tags; the tags of one subject in the order of their kinds.
    pub fn tags_in_order<'c>(&'c self, manifests: &[&'c Digest]) -> Vec<&'c CosignTag> {
        let mut by_subject: HashMap<&Digest, BTreeMap<CosignKind, &TaggedGraph>> = HashMap::new();
        for tagged in &self.tagged {
            by_subject.entry(&tagged.tag.subject).or_default().insert(tagged.tag.kind, tagged);
        }
        let referrers = self.referrers.iter().map(|referrer| &referrer.root().descriptor().digest);
        let mut subjects: Vec<&Digest> = manifests.iter().copied().chain(referrers).collect();
        let (mut seen, mut ordered) = (HashSet::new(), Vec::new());
        for _ in 0..2 {
            subjects.retain(|subject| seen.insert(*subject));
            let level = subjects.iter().filter_map(|subject| by_subject.get(subject)).flat_map(BTreeMap::values);
            let level: Vec<&TaggedGraph> = level.copied().collect();
            subjects = level.iter().map(|tagged| &tagged.graph.root().descriptor().digest).collect();
            ordered.extend(level.into_iter().map(|tagged| &tagged.tag));
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_made_from_a_digest() {
        let subject = Digest::sha256(b"an image");
        let tags: Vec<String> = CosignTag::all_of(&subject).map(|tag| tag.to_string()).collect();
        let hex = subject.hex();
        assert_eq!(tags, [format!("sha256-{hex}.att"), format!("sha256-{hex}.sbom"), format!("sha256-{hex}.sig")]);
        for tag in CosignTag::all_of(&subject) {
            assert_eq!(tag.to_string().parse(), Ok(tag.clone()));
            assert_eq!(tag.tag().as_str(), tag.to_string());
        }
        let long: Digest = format!("sha512:{}", "0".repeat(128)).parse().unwrap();
        assert_eq!(CosignTag::all_of(&long).count(), 0);
        for other in ["latest", "sha256-00.sig", &format!("sha256-{hex}"), &format!("sha256-{hex}.pub")] {
            assert_eq!(other.parse::<CosignTag>(), Err(CosignTagError(other.to_owned())));
        }
        let listing = [referrers_tag(&subject), referrers_tag(&long)].map(Option::unwrap);
        assert_eq!(
            listing.each_ref().map(Tag::as_str),
            [format!("sha256-{hex}"), format!("sha512-{}", "0".repeat(64))]
        );
        assert!(
            listing.iter().all(is_made_from_a_digest)
                && CosignTag::all_of(&subject).all(|it| is_made_from_a_digest(&it.tag()))
        );
        for other in
            ["latest", "sha256-00", "sha256-00.sig", &format!("md5-{hex}"), &format!("sha256-{}", hex.to_uppercase())]
        {
            assert!(!is_made_from_a_digest(&other.parse().unwrap()), "{other}");
        }
    }
}
