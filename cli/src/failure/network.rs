//! How a command ends over the network.

use std::error::Error;
use std::io;

use sealift_core::http::{HttpError, SettingsError};
use sealift_core::registry::{CredentialError, RegistryError};
use sealift_core::remedy::{Remediable, Remedy};
use sealift_core::transfer::{SinkError, SourceError};

use super::Conclusion;
use crate::exit_code::ExitCode;

/// Why the network cannot be used as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {
    /// It cannot be set up.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
}

impl Remediable for NetworkError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Settings(error) => error.remedy(),
            Self::Credentials(error) => error.remedy(),
        }
    }
}

pub(super) fn network(error: &NetworkError) -> Conclusion {
    match error {
        NetworkError::Settings(error) => match error {
            // Only requests run into what is wrong with a proxy, and report it themselves.
            SettingsError::CertificateAuthorities(_)
            | SettingsError::NoCertificate
            | SettingsError::Proxy(_)
            | SettingsError::ProxyProtocol => ExitCode::Usage.into(),
        },
        NetworkError::Credentials(_) => ExitCode::Source.into(),
    }
}

/// What to do when a server asked to wait, whatever was being done; `None` for any other failure.
pub(super) fn wait(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(HttpError::Status { retry_after: Some(asked), .. }) = answer(error) {
            return Some(Remedy::Wait { seconds: asked.as_secs() });
        }
        source = error.source();
    }
    None
}

/// The failure of a request in an error that passes it on as its own.
fn answer<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e HttpError> {
    let of_registry = |error: &'e RegistryError| match error {
        RegistryError::Http(error) => Some(error),
        _ => None,
    };
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error
        .downcast_ref()
        .or_else(|| {
            let source = error.downcast_ref::<SourceError>().and_then(SourceError::reason);
            let sink = error.downcast_ref::<SinkError>().and_then(SinkError::reason);
            error.downcast_ref().or(source).or(sink).and_then(of_registry)
        })
        .or_else(|| inner.and_then(|inner| answer(inner)))
}
