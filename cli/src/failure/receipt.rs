//! How a command ends over a receipt.

use sealift_core::receipt::{ReceiptError, SurveyError};

use super::Conclusion;
use crate::exit_code::ExitCode;

pub(super) fn receipt(error: &ReceiptError) -> Conclusion {
    match error {
        ReceiptError::Damaged(_)
        | ReceiptError::UnknownReceiver { .. }
        | ReceiptError::UnknownSite { .. }
        | ReceiptError::Forged { .. }
        | ReceiptError::OtherSite { .. }
        | ReceiptError::Replayed { .. }
        | ReceiptError::Future { .. } => ExitCode::Receipt.noting(super::NOTHING_WRITTEN),
        ReceiptError::Key(_) => ExitCode::Key.into(),
        ReceiptError::NothingAccepted { .. } | ReceiptError::TooMuch { .. } => ExitCode::Receipt.into(),
    }
}

pub(super) fn survey(error: &SurveyError) -> Conclusion {
    match error {
        SurveyError::Reference { .. } => ExitCode::TrustStore.into(),
        SurveyError::Source { .. } => ExitCode::Sink.into(),
        SurveyError::TooMuch { .. } => ExitCode::Receipt.into(),
    }
}
