//! How a command ends over where an archive is delivered to.

use sealift_core::delivery_file::DeliveryFileError;
use sealift_core::import::{DeliveryError, DestinationError, ImportError};
use sealift_core::trust_store::{TagError, TrustStoreError};
use sealift_core::tuf_repository::mirror::MirrorError;
use sealift_core::verify::SelectionError;

use super::{Conclusion, NOTHING_WRITTEN, archive, judgement, trust_store};
use crate::exit_code::ExitCode;

pub(super) fn import(error: &ImportError) -> Conclusion {
    match error {
        ImportError::Destination(error) => destination(error),
        ImportError::Selection(error) => selection(error),
        ImportError::Freshness(error) => judgement::looser_freshness(error),
        ImportError::Tag(error) => tag(error),
        ImportError::Receive(error) => archive::receive(error, delivery),
        ImportError::Delivery(error) => delivery(error),
        ImportError::Mirror { .. } => ExitCode::Sink.noting(NOTHING_WRITTEN),
        ImportError::LeftOut { .. } => ExitCode::Content.noting(super::NOTHING_WRITTEN),
        ImportError::Lacking { .. } => ExitCode::Content.noting(super::NOTHING_TAGGED),
        ImportError::Sparse { .. } => ExitCode::Policy.noting(NOTHING_WRITTEN),
        ImportError::Deliveries(TrustStoreError::Changed { .. })
        | ImportError::NotRemembered(TrustStoreError::Changed { .. }) => {
            ExitCode::TrustStore.noting("what has arrived already is not sent again")
        }
        ImportError::Deliveries(error) | ImportError::NotRemembered(error) => trust_store::trust_store(error),
    }
}

fn destination(error: &DestinationError) -> Conclusion {
    match error {
        DestinationError::Reference { .. }
        | DestinationError::Repository { .. }
        | DestinationError::File { .. }
        | DestinationError::Artifact { .. } => ExitCode::Usage.into(),
        DestinationError::Collision { .. } => ExitCode::Usage.noting(NOTHING_WRITTEN),
    }
}

fn tag(error: &TagError) -> Conclusion {
    match error {
        TagError::OtherName { .. }
        | TagError::LowerLevel { .. }
        | TagError::Older { .. }
        | TagError::NotAName { .. } => ExitCode::Policy.noting(NOTHING_WRITTEN),
        TagError::TooMany { .. } => ExitCode::TrustStore.noting(NOTHING_WRITTEN),
    }
}

fn delivery(error: &DeliveryError) -> Conclusion {
    match error {
        DeliveryError::Begin(_) => ExitCode::Sink.noting(NOTHING_WRITTEN),
        DeliveryError::Blob { .. }
        | DeliveryError::NotShared { .. }
        | DeliveryError::Manifest { .. }
        | DeliveryError::NotSeen { .. }
        | DeliveryError::StandIn { .. }
        | DeliveryError::Tag { .. }
        | DeliveryError::Keep { .. }
        | DeliveryError::Finish(_) => ExitCode::Sink.into(),
    }
}

pub(super) fn selection(error: &SelectionError) -> Conclusion {
    match error {
        SelectionError::Name { .. }
        | SelectionError::NameInNone { .. }
        | SelectionError::Platform { .. }
        | SelectionError::LeftOut { .. }
        | SelectionError::TooLate { .. } => ExitCode::Usage.noting(NOTHING_WRITTEN),
        SelectionError::Archive(error) => archive::format(error),
    }
}

pub(super) fn file(error: &DeliveryFileError) -> Conclusion {
    match error {
        DeliveryFileError::Selection(error) => selection(error),
        DeliveryFileError::Exists { .. } | DeliveryFileError::NotAPlaceForFiles { .. } => ExitCode::System.into(),
        DeliveryFileError::Access { .. }
        | DeliveryFileError::Broken { .. }
        | DeliveryFileError::IndexLength { .. }
        | DeliveryFileError::NotOurs { .. } => ExitCode::Sink.into(),
        DeliveryFileError::SeveralPlatforms { .. }
        | DeliveryFileError::NotAnImage { .. }
        | DeliveryFileError::NotWhole { .. }
        | DeliveryFileError::HoldsNoFile { .. }
        | DeliveryFileError::NotAFile { .. }
        | DeliveryFileError::NotOneBundle { .. } => ExitCode::Usage.noting(NOTHING_WRITTEN),
    }
}

pub(super) fn mirror(error: &MirrorError) -> Conclusion {
    match error {
        MirrorError::Newer { .. } | MirrorError::Other { .. } => ExitCode::Sink.noting("nothing was written there"),
        MirrorError::Write { .. }
        | MirrorError::Read { .. }
        | MirrorError::Name(_)
        | MirrorError::Collision(..)
        | MirrorError::Mismatch { .. }
        | MirrorError::Tuf(_) => ExitCode::Sink.noting("the import itself is done"),
    }
}
