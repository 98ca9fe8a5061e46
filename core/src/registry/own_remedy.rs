//! What helps whatever was being done: to wait, to log in, to name an authority.

use std::error::Error;
use std::io;

use super::RegistryError;
use crate::authorization::AuthorizationError;
use crate::http::{HttpError, Url};
use crate::oci::ManifestError;
use crate::remedy::{Remediable as _, Remedy};
use crate::transfer::{SinkError, SourceError};

/// What can be done about the connection or the credentials that an error came of, whatever was being done: that says more than the
/// error's own remedy. `None` for any other failure.
pub fn own_remedy(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(remedy) = remedy_of(error) {
            return Some(remedy);
        }
        source = error.source();
    }
    None
}

/// What can be done where a source does not supply what it lists; `None` where another attempt might help, or if it is not a registry.
pub(crate) fn of_source(error: &SourceError) -> Option<Remedy> {
    match error.reason()? {
        RegistryError::BlobNotFound { .. } | RegistryError::ManifestNotFound { .. } => Some(Remedy::PushImageAgain),
        RegistryError::Manifest { source, .. } => Some(source.remedy()),
        RegistryError::OtherForm { url, .. } | RegistryError::DigestHeader { url, .. } => Some(ask_registry(url)),
        RegistryError::Http(HttpError::Status { status: 403, url, .. }) => {
            Some(Remedy::AskForAccess { host: url.authority().to_owned() })
        }
        RegistryError::Http(HttpError::Status { status: 451, .. }) => {
            Some(Remedy::ExportFromElsewhere { wanted: None })
        }
        _ => None,
    }
}

/// What can be done about a manifest that is there and that no reader can use, or a registry that does not give it out as a registry
/// does; `None` for any other reason.
pub(crate) fn of_unusable(error: &SourceError) -> Option<Remedy> {
    match error.reason()? {
        // What it is announced as, under a tag, the registry alone says.
        RegistryError::Manifest { repository, source, .. }
            if matches!(**source, ManifestError::MediaTypeDiffers { .. }) =>
        {
            Some(Remedy::AskRegistry { registry: repository.domain().to_owned() })
        }
        RegistryError::OtherForm { url, .. } | RegistryError::DigestHeader { url, .. } => Some(ask_registry(url)),
        RegistryError::Manifest { source, .. } => Some(source.remedy()),
        _ => None,
    }
}

fn ask_registry(url: &Url) -> Remedy {
    Remedy::AskRegistry { registry: url.authority().to_owned() }
}

/// What can be done about a registry that what is delivered cannot be sent to; `None` for any other reason.
pub(crate) fn of_sink(error: &SinkError) -> Option<Remedy> {
    let RegistryError::Http(error) = error.reason()? else { return None };
    match error {
        HttpError::Transport { url, .. } => Some(Remedy::CheckDestination { registry: url.authority().to_owned() }),
        HttpError::Status { status: 403, url, .. } => Some(Remedy::AskToWrite { registry: url.authority().to_owned() }),
        HttpError::Status { status: 404, url, .. } => {
            Some(Remedy::MakeRepository { registry: url.authority().to_owned() })
        }
        _ => None,
    }
}

/// Whether a registry does not say whether it has something, or keeps it from us.
pub(crate) fn is_unavailable(error: &SourceError) -> bool {
    match error.reason() {
        Some(RegistryError::Http(error)) => !matches!(error, HttpError::TooLarge { .. }),
        Some(RegistryError::Authorization(_)) => true,
        _ => false,
    }
}

/// The same for one error, or for one that it passes on as its own.
fn remedy_of(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let source = || error.downcast_ref::<SourceError>().and_then(SourceError::reason);
    let sink = || error.downcast_ref::<SinkError>().and_then(SinkError::reason);
    if let Some(error) = error.downcast_ref().or_else(source).or_else(sink) {
        return of_registry(error);
    }
    if let Some(error) = error.downcast_ref::<AuthorizationError>() {
        return error.own_remedy();
    }
    if let Some(error) = error.downcast_ref::<HttpError>() {
        return error.own_remedy();
    }
    error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|inner| remedy_of(inner))
}

fn of_registry(error: &RegistryError) -> Option<Remedy> {
    match error {
        RegistryError::Http(error) if error.is_unauthorized() => Some(Remedy::LogIn { registry: None }),
        RegistryError::Http(error) => error.own_remedy(),
        RegistryError::Authorization(error) => error.own_remedy(),
        RegistryError::Blocked { .. } => Some(Remedy::Unblock { wanted: None }),
        RegistryError::DigestAlgorithm { .. } => Some(Remedy::DeliverInAnotherForm),
        RegistryError::Paused { .. } => Some(Remedy::SendSteadily),
        _ => None,
    }
}
