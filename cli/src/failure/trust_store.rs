//! How a command ends over the trust store.

use sealift_core::trust_store::TrustStoreError;

use super::{Conclusion, NOTHING_CHANGED};
use crate::exit_code::ExitCode;

pub(super) fn trust_store(error: &TrustStoreError) -> Conclusion {
    use TrustStoreError as E;
    match error {
        E::Missing { .. }
        | E::NotAStore { .. }
        | E::NotAFolder { .. }
        | E::PolicyLost { .. }
        | E::Locked { .. }
        | E::LockRemoved { .. }
        | E::Changed { .. }
        | E::Io { .. }
        | E::TooLong { .. }
        | E::Stray { .. }
        | E::Policy { .. }
        | E::UnknownRepository { .. }
        | E::UnknownKey { .. }
        | E::RepositoryExists { .. }
        | E::OtherDialect { .. }
        | E::Dialect { .. }
        | E::RootLost { .. }
        | E::KeyNameTaken { .. }
        | E::RingKey { .. }
        | E::ExporterScheme { .. }
        | E::StateLost { .. }
        | E::StateDamaged { .. }
        | E::DeliveriesLost { .. }
        | E::DeliveriesDamaged { .. }
        | E::HistoryDamaged { .. }
        | E::MapInUse { .. }
        | E::RootChanged { .. } => ExitCode::TrustStore.into(),
        E::Map { .. } => ExitCode::TrustStore.noting("the map in use was not changed"),
        E::RootDigest { .. } | E::RootOfOtherDialect { .. } | E::NotVouchedFor { .. } => {
            ExitCode::TrustStore.noting("it was not pinned")
        }
        E::NotARoot { .. } | E::NotMetadata { .. } | E::SameKey { .. } => ExitCode::TrustStore.noting(NOTHING_CHANGED),
        E::ExportMovedBack { .. } | E::VersionMovedBack { .. } => {
            ExitCode::Rollback.noting("something newer was accepted in the meantime; the trusted state was not changed")
        }
        E::NoRole { .. } => ExitCode::TrustStore.noting("the trusted state was not changed"),
    }
}
