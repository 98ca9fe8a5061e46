//! What to tell the operator about the network.

use std::error::Error;
use std::io;

use sealift_core::http::{HttpError, SettingsError};
use sealift_core::registry::{CredentialError, RegistryError};
use sealift_core::transfer::{SinkError, SourceError};

use super::{Advice, advice};
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

pub(super) fn network(error: &NetworkError) -> Advice {
    match error {
        NetworkError::Settings(error) => settings(error),
        NetworkError::Credentials(_) => {
            advice(ExitCode::Source, "correct the file, or name another: --registry-config")
        }
    }
}

/// What to do when TUF files could not be had from where they are, if that is a web server.
pub(super) fn unavailable(error: &(dyn Error + Send + Sync + 'static)) -> Option<Advice> {
    error.downcast_ref().map(http)
}

/// What to do when a server asked to wait, whatever was being done; `None` for any other failure.
pub(super) fn wait(error: &(dyn Error + 'static)) -> Option<String> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(HttpError::Status { retry_after: Some(asked), .. }) = answer(error) {
            let seconds = asked.as_secs();
            return Some(format!("wait for {seconds} seconds, as the server asks, and run the command again"));
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

/// What to do when a server of TUF files did not give one.
fn http(error: &HttpError) -> Advice {
    let hint = match error {
        HttpError::PlainHttp { .. } | HttpError::RedirectToPlainHttp { .. } => {
            "use https; or, knowing what it means, allow plain http to this host: --plain-http HOST"
        }
        HttpError::Proxy { .. } => "correct HTTPS_PROXY or ALL_PROXY, or unset it",
        HttpError::Transport { .. } if error.is_certificate_refused() => {
            "if your own certificate authority signed this server's certificate, name it: --ca FILE"
        }
        HttpError::Transport { .. } | HttpError::Body { .. } => {
            "check the location, the network and the proxy that HTTPS_PROXY names, and try again"
        }
        HttpError::Status { .. } => "check the location, ask whoever runs this server, or try again later",
        HttpError::TooLarge { .. }
        | HttpError::TooManyRedirects { .. }
        | HttpError::Redirect { .. }
        | HttpError::UploadRedirected { .. } => "check the location: a TUF repository does not answer like this",
    };
    advice(ExitCode::Source, hint)
}

fn settings(error: &SettingsError) -> Advice {
    match error {
        SettingsError::CertificateAuthorities(_) | SettingsError::NoCertificate => {
            advice(ExitCode::Usage, "give --ca a file of certificates in PEM")
        }
        // Only requests run into this, and report it themselves.
        SettingsError::Proxy(_) | SettingsError::ProxyProtocol => {
            advice(ExitCode::Usage, "correct HTTPS_PROXY or ALL_PROXY, or unset it")
        }
    }
}
