//! What should be known about an archive, but is not a reason to refuse it.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::remedy::Remedy;
use crate::trust_store::RepositoryName;

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Warning {
    /// Expiry was judged at a stated instant, for an audit.
    Audit {
        /// The instant.
        instant: Timestamp,
    },
    /// Expiry was judged by another clock than the policy's.
    OtherClock {
        /// The clock: `at-export`, `now` or `as-of`.
        judged_by: &'static str,
        /// The policy's.
        policy: &'static str,
    },
    /// The policy will soon refuse the archive.
    RedLine {
        /// After this instant.
        red_line: Timestamp,
    },
    /// A role was valid at export, and has expired since.
    RoleExpired {
        /// The role.
        role: String,
        /// Its repository.
        repository: RepositoryName,
        /// When it expired.
        expires: Timestamp,
    },
    /// An in-toto layout was valid at export, and has expired since.
    LayoutExpired {
        /// The reference of the item that the layout is about.
        item: String,
        /// When it expired.
        expires: Timestamp,
    },
    /// A layout asks for inspections that were not run.
    InspectionsNotRun {
        /// The reference of the item that the layout is about.
        item: String,
        /// The names of the inspections.
        names: Vec<String>,
    },
    /// A step was not done quite as its layout expects.
    Step {
        /// The name of the step.
        step: String,
        /// The reference of the item that the layout is about.
        item: String,
        /// What was different.
        text: String,
    },
    /// A repository was carried that this side does not know.
    NotPinned {
        /// The repository.
        repository: RepositoryName,
    },
}

impl Warning {
    /// What a person can do about it; `None` where nothing needs to be done on this side.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::RedLine { .. } => Some(Remedy::ImportSoon),
            Self::InspectionsNotRun { .. } => Some(Remedy::RunInspections),
            Self::NotPinned { repository } => Some(Remedy::PinRoot { repository: repository.clone() }),
            Self::Audit { .. }
            | Self::OtherClock { .. }
            | Self::RoleExpired { .. }
            | Self::LayoutExpired { .. }
            | Self::Step { .. } => None,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audit { instant } => write!(f, "expiry was judged as of {instant}, which proves nothing about today"),
            Self::OtherClock { judged_by, policy } => {
                write!(f, "expiry was not judged by the policy's clock: {judged_by} instead of {policy}")
            }
            Self::RedLine { red_line } => write!(f, "this archive will be refused after {red_line}"),
            Self::RoleExpired { role, repository, expires } => {
                write!(f, "role {role} of repository {repository} expired in transit, at {expires}")
            }
            Self::LayoutExpired { item, expires } => {
                write!(f, "the in-toto layout of {item} expired in transit, at {expires}")
            }
            Self::InspectionsNotRun { item, names } => {
                write!(f, "inspections of {item} were not run: {}", names.join(", "))
            }
            Self::Step { step, item, text } => write!(f, "step {step} of {item}: {text}"),
            Self::NotPinned { repository } => {
                write!(f, "repository {repository} was carried, but no root is pinned for it here, so it was ignored")
            }
        }
    }
}

/// A warning in a report: its parts, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WarningReport {
    /// What it is about.
    #[serde(flatten)]
    pub warning: Warning,
    /// What it says.
    pub message: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl From<Warning> for WarningReport {
    fn from(warning: Warning) -> Self {
        Self { message: warning.to_string(), remedy: warning.remedy(), warning }
    }
}
