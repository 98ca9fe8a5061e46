//! For how long what proves an export stays valid.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::remedy::{Remediable, Remedy};
use crate::trust::Findings;
use crate::trust_store::RepositoryName;

/// What expires first of something that proves an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstExpiry {
    /// When it expires.
    pub expires: Timestamp,
    /// What expires.
    #[serde(flatten)]
    pub of: Expiring,
}

/// Something that expires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Expiring {
    /// The metadata of a TUF repository.
    Repository {
        /// The repository.
        repository: RepositoryName,
        /// Its role that expires first.
        role: String,
    },
    /// An in-toto layout.
    Layout {
        /// The reference of the item that the layout is about.
        layout: String,
    },
}

impl fmt::Display for Expiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { repository, role } => write!(f, "repository {repository} (role {role})"),
            Self::Layout { layout } => write!(f, "the in-toto layout of {layout}"),
        }
    }
}

/// What proves an export is not valid for long enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of} expires at {expires}; it has to be valid until {until}")]
pub struct ValidityError {
    /// What expires first.
    pub of: Expiring,
    /// When it expires.
    pub expires: Timestamp,
    /// Until when it has to be valid.
    pub until: Timestamp,
}

impl Remediable for ValidityError {
    fn remedy(&self) -> Remedy {
        Remedy::AwaitLongerValidity
    }
}

/// What expires first of each repository and of each supply chain, the first of all first.
pub fn first_expiries(findings: &Findings) -> Vec<FirstExpiry> {
    let repositories = findings.repositories.iter().filter_map(|evidence| {
        let first = evidence.roles.iter().min_by_key(|role| role.expires)?;
        let of = Expiring::Repository { repository: evidence.name.clone(), role: first.role.to_string() };
        Some(FirstExpiry { expires: first.expires, of })
    });
    let layouts = findings.walk().filter_map(|finding| {
        let expires = finding.supply_chain()?.verified.expires();
        Some(FirstExpiry { expires, of: Expiring::Layout { layout: finding.item.reference.clone() } })
    });
    let mut expiries: Vec<_> = repositories.chain(layouts).collect();
    // An image may be an item, and a part of a bundle.
    expiries.sort();
    expiries.dedup();
    expiries
}

/// Requires that everything that proves an export is valid until an instant.
///
/// # Errors
/// [`ValidityError`], for what expires first.
pub fn require_valid_until(findings: &Findings, until: Timestamp) -> Result<(), ValidityError> {
    match first_expiries(findings).into_iter().next() {
        Some(FirstExpiry { expires, of }) if expires <= until => Err(ValidityError { of, expires, until }),
        _ => Ok(()),
    }
}
