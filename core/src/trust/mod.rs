//! The judgement: what is proven about each name, from the roots that this side pinned.
//!
//! `export`, `verify` and `import` all come here, and nowhere else is it decided whether something may be believed. The
//! order is TUF, binding, in-toto, level; each step consumes the proof of the one before.
//! What each step proves is a piece of [`Evidence`] in the [`Finding`] about an [`Item`], and what the policy asks of its name
//! is asked in one place (`requirement.rs`).
//!
//! Attestations come later in an archive than the documents that name them, so there are two moments. An [`OpenJudgement`] is what
//! the head decides, before the first layer; what the policy asks of referrers and attestations is still open in it. A
//! [`Judgement`] leaves nothing open, and exists only once every attestation has been checked.

mod ahead;
mod attestations;
mod error;
mod evidence;
mod gather;
mod item;
mod judgement;
mod lookup;
mod memory;
mod parameters;
mod question;
mod referrers;
mod repositories;
mod requirement;
mod supply_chain;
mod terms;

pub use attestations::{AttestationRefusal, CheckedAttestation, InvalidAttestation, Judgement};
pub use error::{JudgementError, Shortfall};
pub use evidence::{Evidence, Finding, Unlisted, Vouched};
pub use gather::{Extent, gather};
pub use item::{Item, ItemKind};
pub use judgement::{Findings, OpenJudgement, judge, judge_carried};
pub use lookup::{LookedUpFile, LookupError, look_up};
pub use memory::Regression;
pub use question::Question;
pub use referrers::ReferrerRefusal;
pub use repositories::{Carried, CarriedRepository, Carrier, RepositoryError, RepositoryEvidence};
pub use supply_chain::{ItemSupplyChain, NamedBy, NamedLayout, SupplyChainError};
pub use terms::{Purpose, Terms};

pub(crate) use ahead::fetch as fetch_ahead;
pub(crate) use attestations::Attestations;
pub(crate) use judgement::{OpenRefusal, judge_each};
pub(crate) use referrers::{ExaminedReferrer, NamedGraphs, examined};
pub(crate) use repositories::MAXIMUM_TUF;
