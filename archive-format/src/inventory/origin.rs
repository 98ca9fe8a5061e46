//! What an exporter states of where a bundle or an image comes from, and what nothing in the archive shows by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::InventoryError;
use crate::Digest;
use crate::referrer_kind::ReferrerKind;

/// The most referrers of one image, or of the index of one bundle, that are stated as left out.
pub const MAXIMUM_LEFT_OUT_REFERRERS: usize = 10_000;

/// Which referrers of an image, or of the index of a bundle, were chosen when the archive was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerChoice {
    /// The kinds that were chosen: every referrer of such a kind is carried. None were looked for if it is empty.
    pub kinds: BTreeSet<ReferrerKind>,
    /// The digests of those of each other kind that were there, and are not carried.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<ReferrerKind, BTreeSet<Digest>>,
}

impl Default for ReferrerChoice {
    fn default() -> Self {
        Self { kinds: ReferrerKind::usual(), left_out: BTreeMap::new() }
    }
}

impl ReferrerChoice {
    /// Whether it is the usual choice, and nothing was left out by it.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// How many of each kind were left out.
    pub fn left_out_counts(&self) -> BTreeMap<ReferrerKind, usize> {
        self.left_out.iter().map(|(kind, digests)| (*kind, digests.len())).collect()
    }

    /// Checks that it does not contradict itself, or what is carried: `has_referrers` says whether there is anything of that.
    pub(super) fn check(&self, reference: &str, has_referrers: bool) -> Result<(), InventoryError> {
        let is_possible =
            |(kind, digests): (&ReferrerKind, &BTreeSet<Digest>)| !self.kinds.contains(kind) && !digests.is_empty();
        let looked_for_none = self.kinds.is_empty();
        let contradicts = looked_for_none && (has_referrers || !self.left_out.is_empty());
        let count = self.left_out.values().map(BTreeSet::len).fold(0, usize::saturating_add);
        if contradicts || count > MAXIMUM_LEFT_OUT_REFERRERS || !self.left_out.iter().all(is_possible) {
            return Err(InventoryError::ReferrerChoice { reference: reference.to_owned() });
        }
        Ok(())
    }
}

/// What the exporter made the manifest of an image from, where it was not there as bytes: no registry has its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MadeFrom {
    /// A docker-archive (`docker save`, podman), which keeps no manifests.
    DockerArchive,
}
