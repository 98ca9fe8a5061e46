//! The judgement: what is proven about each name, from the roots that this side pinned.
//!
//! `export`, `verify` and `import` all come here, and nowhere else is it decided whether something may be believed. The
//! order is that of `docs/architecture.md`: TUF, binding, in-toto, level; each step consumes the proof of the one before.

mod gather;
mod item;
mod judgement;
mod repositories;
mod supply_chain;
mod terms;

pub use gather::{Extent, gather};
pub(crate) use item::full_name;
pub use item::{Item, ItemKind};
pub use judgement::{Finding, Judgement, JudgementError, Question, judge, judge_carried};
pub use repositories::{Carried, CarriedRepository, Carrier, RepositoryError, RepositoryEvidence};
pub use supply_chain::SupplyChainError;
pub use terms::Terms;

pub(crate) use repositories::MAXIMUM_TUF;
