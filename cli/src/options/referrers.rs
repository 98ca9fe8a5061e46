//! The kinds of referrers that are named on the command line.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use sealift_core::oci::ReferrerKind;
use sealift_core::oci::referrer::ReferrerKindError;

/// A list of kinds, or `all`, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Referrers(pub(crate) BTreeSet<ReferrerKind>);

impl FromStr for Referrers {
    type Err = ReferrerKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self(ReferrerKind::ALL.into_iter().collect())),
            "none" => Ok(Self(BTreeSet::new())),
            kinds => kinds.split(',').map(str::parse).collect::<Result<_, _>>().map(Self),
        }
    }
}

/// As it is written on the command line.
impl fmt::Display for Referrers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() == ReferrerKind::ALL.len() {
            return f.write_str("all");
        }
        let kinds: Vec<&str> = self.0.iter().map(|kind| kind.name()).collect();
        f.write_str(if kinds.is_empty() { "none".to_owned() } else { kinds.join(",") }.as_str())
    }
}
