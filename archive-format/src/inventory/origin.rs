//! What an exporter states of where a bundle or an image comes from, and what nothing in the archive shows by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::InventoryError;
use crate::referrer_kind::ReferrerKind;

/// The most referrers of one kind that are stated as left out.
pub const MAXIMUM_LEFT_OUT_REFERRERS: u32 = 1_000_000;

/// Which referrers of an image, or of the index of a bundle, were chosen when the archive was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerChoice {
    /// The kinds that were chosen: every referrer of such a kind is carried. None were looked for if it is empty.
    pub kinds: BTreeSet<ReferrerKind>,
    /// How many of each other kind were there, and are not carried.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<ReferrerKind, u32>,
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

    /// Checks that it does not contradict itself, or what is carried: `has_referrers` says whether there is anything of that.
    pub(super) fn check(&self, reference: &str, has_referrers: bool) -> Result<(), InventoryError> {
        let is_possible = |(kind, count): (&ReferrerKind, &u32)| {
            !self.kinds.contains(kind) && (1..=MAXIMUM_LEFT_OUT_REFERRERS).contains(count)
        };
        let looked_for_none = self.kinds.is_empty();
        let contradicts = looked_for_none && (has_referrers || !self.left_out.is_empty());
        if contradicts || !self.left_out.iter().all(is_possible) {
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
