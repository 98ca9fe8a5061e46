//! Errors as a registry tells them (OCI Distribution 1.1, "Error Codes").

use serde_json::json;

use super::RegistryAnswer;

/// What a client is told about what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    BlobUnknown,
    DigestInvalid,
    ManifestUnknown,
    NameUnknown,
    PaginationNumberInvalid,
    Unsupported,
}

impl ErrorCode {
    fn name(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// An answer that is an error.
pub(super) fn error<'c>(status: u16, code: ErrorCode, message: impl Into<String>) -> RegistryAnswer<'c> {
    let message: String = message.into();
    RegistryAnswer::json(status, &json!({ "errors": [{ "code": code.name(), "message": message }] }))
}
