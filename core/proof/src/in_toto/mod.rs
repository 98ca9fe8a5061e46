//! in-toto 1.0: the verification workflow over layouts, links and the final product.
//!
//! Promise: what comes out verified went through every check of §5.2, and no link ever counts that was signed by a key
//! its step does not name. The engine reads bytes that it is given; it opens no files, and runs nothing itself: that is
//! left to an [`InspectionRunner`].

pub mod artifact;
pub mod artifact_rules;
pub mod attestation;
pub mod glob;
mod inspection;
pub mod key;
pub mod layout;
pub mod link;
pub mod metadata;
pub mod product;
pub mod refusal;
pub mod rule_processing;
mod step_links;
mod substitution;
pub mod trace;
pub mod verify;
mod work;

pub use artifact::{ArtifactHashes, Artifacts};
pub use attestation::{Attestation, AttestationClaim, AttestationError, ReadAttestation, SignatureCheck, Signers};
pub use inspection::{
    InspectionError, InspectionOutcome, InspectionRequest, InspectionRunner, Inspections, ProductContent, ProductFile,
};
pub use key::{InTotoKey, KeyFileError};
pub use layout::InTotoLayout;
pub use link::Link;
pub use metadata::SignedDocument;
pub use product::{BindingRule, FinalProduct, ProductBinding};
pub use refusal::{Cause, Refusal, RefusalClass};
pub use substitution::{Parameters, SubstitutionError};
pub use trace::Trace;
pub use verify::{LayoutKey, SupplyChain, VerifiedSupplyChain, verify};
pub use work::{Work, WorkExceeded};
