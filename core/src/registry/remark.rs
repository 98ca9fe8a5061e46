//! What a registry does otherwise than the specification says, where there is a way around it.

use std::fmt;
use std::sync::Arc;

use sealift_archive_format::Digest;

use crate::oci::Repository;

/// Something about a registry that its user may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remark {
    /// It does not list referrers, and does not say so by 404 (OCI Distribution 1.1, "Listing Referrers").
    NoReferrers {
        /// The registry.
        registry: String,
        /// What it answered: a status, or the type of a page.
        answer: String,
    },
    /// A mirror does not have what it is asked for, or does not answer, so the next place is asked.
    NextPlace {
        /// Where it was looked for.
        place: Repository,
        /// Where it is looked for next.
        next: Repository,
        /// Why the place is not used.
        reason: String,
    },
    /// An entry of a list of referrers does not describe a manifest, so none can be fetched by it.
    UnreadableReferrer {
        /// The repository.
        repository: Repository,
        /// Whose referrers are listed.
        subject: Digest,
        /// The beginning of what the entry states as its digest.
        referrer: String,
    },
    /// It takes the tag of a list of referrers for the digest that the tag is made from, so there can be no list.
    NoListUnderTag {
        /// The registry.
        registry: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReferrers { registry, answer } => {
                write!(f, "{registry} does not list referrers (it answered {answer}); those that a tag lists are found")
            }
            Self::NextPlace { place, next, reason } => {
                write!(f, "{place} is not used ({reason}); {next} is asked instead")
            }
            Self::UnreadableReferrer { repository, subject, referrer } => write!(
                f,
                "{} lists {referrer:?} as a referrer of {subject} in {}; it is not the descriptor of a manifest, so it was ignored",
                repository.domain(),
                repository.path()
            ),
            Self::NoListUnderTag { registry } => {
                write!(f, "{registry} cannot list referrers; they are stored there, and are found by their digests")
            }
        }
    }
}

type TellRemark = dyn Fn(&Remark) + Send + Sync;

/// Who is told, once for each remark; by default nobody. Called from several threads at once.
#[derive(Clone, Default)]
pub struct OnRemark(Option<Arc<TellRemark>>);

impl OnRemark {
    /// Calls this function.
    pub fn call(function: impl Fn(&Remark) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(function)))
    }

    pub(super) fn tell(&self, remark: &Remark) {
        if let Some(told) = &self.0 {
            told(remark);
        }
    }
}

impl fmt::Debug for OnRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnRemark(a function)" } else { "OnRemark(nobody)" })
    }
}
