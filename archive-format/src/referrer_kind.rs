//! The kinds of what refers to an image: signatures, SBOMs and the like.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a referrer is. Kinds sort by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferrerKind {
    /// In-toto Statements, bare, in DSSE envelopes or in Sigstore bundles, and nothing else.
    Attestation,
    /// An image that a container runtime would run, or an index with such an image. It is more than a comment on the
    /// image that it refers to, and nobody vouches for it.
    Image,
    /// Anything else that is not runnable.
    Other,
    /// A software bill of materials: SPDX, CycloneDX, Syft.
    Sbom,
    /// A signature of Notation or cosign.
    Signature,
}

impl ReferrerKind {
    /// Every kind, the one that is more than a comment last.
    pub const ALL: [Self; 5] = [Self::Attestation, Self::Signature, Self::Sbom, Self::Other, Self::Image];

    /// The kinds that are carried unless others are chosen: all except images.
    pub fn usual() -> BTreeSet<Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Image).collect()
    }

    /// The name: `attestation`, `image`, `other`, `sbom` or `signature`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Image => "image",
            Self::Other => "other",
            Self::Sbom => "sbom",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for ReferrerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a kind of referrer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of referrer: expected attestation, signature, sbom, other or image")]
pub struct ReferrerKindError(String);

impl FromStr for ReferrerKind {
    type Err = ReferrerKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| ReferrerKindError(text.chars().take(40).collect()))
    }
}

impl Serialize for ReferrerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ReferrerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
