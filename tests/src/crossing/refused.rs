//! Why something did not cross, on whichever side.

use sealift_archive_format::{FormatError, Problem};
use sealift_core::export::{PlanError, PrepareError};
use sealift_core::import::ImportError;
use sealift_core::seal::SealError;
use sealift_core::trust::{JudgementError, RepositoryError, SupplyChainError};
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_proof::freshness::FreshnessError;
use sealift_proof::in_toto::Refusal;
use sealift_proof::tuf::TufError;
use sealift_proof::tuf::map::MapSearchError;

/// Which step refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no plan for an export.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The exporting side seals no such archive: the far side would refuse it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The far side refuses the head of the archive.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The far side refuses the content, or cannot deliver it.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Each of these takes out the error of one room; it panics when another room refused.
impl Refused {
    /// The head's own error.
    pub fn head(self) -> HeadError {
        match self {
            Self::Head(error) => error,
            other => panic!("the content was refused, not the head: {other:?}"),
        }
    }

    /// What is wrong with the frame, wherever it was noticed.
    pub fn format(self) -> FormatError {
        match self {
            Self::Head(HeadError::Format(error)) => error,
            Self::Import(ImportError::Receive(ReceiveError::Archive(error))) => error,
            other => panic!("not a matter of the frame: {other:?}"),
        }
    }

    /// What is wrong with the frame, without its place.
    pub fn problem(self) -> Problem {
        self.format().problem
    }

    /// What is wrong with the seal.
    pub fn seal(self) -> SealError {
        match self.head() {
            HeadError::Seal(error) => error,
            other => panic!("not a matter of the seal: {other:?}"),
        }
    }

    /// What is wrong with the documents.
    pub fn documents(self) -> DocumentError {
        match self.head() {
            HeadError::Documents(error) => error,
            other => panic!("not a matter of the documents: {other:?}"),
        }
    }

    /// What is wrong with what is claimed.
    pub fn judgement(self) -> JudgementError {
        match self.head() {
            HeadError::Judgement(error) => error,
            other => panic!("not a matter of the judgement: {other:?}"),
        }
    }

    /// What is not vouched for in an archive that comes late.
    pub fn late(self) -> JudgementError {
        match self.judgement() {
            JudgementError::Late { source, .. } => *source,
            other => panic!("not refused for coming late: {other:?}"),
        }
    }

    /// What is wrong with a repository.
    pub fn repository(self) -> RepositoryError {
        match self.judgement() {
            JudgementError::Repository(error) => error,
            JudgementError::SupplyChain { source: SupplyChainError::Repository(error), .. } => error,
            other => panic!("not a matter of a repository: {other:?}"),
        }
    }

    /// What is wrong with TUF metadata.
    pub fn tuf(self) -> TufError {
        match self.judgement() {
            JudgementError::Repository(RepositoryError::Tuf { source, .. }) => source,
            JudgementError::Search { source: MapSearchError::Repository { source, .. }, .. } => *source,
            other => panic!("not a matter of TUF metadata: {other:?}"),
        }
    }

    /// What is wrong with the time.
    pub fn freshness(self) -> FreshnessError {
        match self.repository() {
            RepositoryError::ArchiveTime(source) | RepositoryError::Freshness { source, .. } => source,
            other => panic!("not a matter of freshness: {other:?}"),
        }
    }

    /// What is wrong with a supply chain.
    pub fn supply_chain(self) -> SupplyChainError {
        match self.judgement() {
            JudgementError::SupplyChain { source, .. } => source,
            other => panic!("not a matter of a supply chain: {other:?}"),
        }
    }

    /// Why in-toto refuses.
    pub fn in_toto(self) -> Refusal {
        match self.supply_chain() {
            SupplyChainError::Refused(refusal) => refusal,
            other => panic!("not a refusal by in-toto: {other:?}"),
        }
    }
}
