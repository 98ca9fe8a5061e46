//! Servers that ask to wait.

use std::error::Error;
use std::io;

use super::RegistryError;
use crate::http::HttpError;
use crate::remedy::Remedy;
use crate::transfer::{SinkError, SourceError};

/// To wait, if a server asked for it, whatever was being done: it knows better than the error's own remedy. `None` for any other
/// failure.
pub fn asked_to_wait(error: &(dyn Error + 'static)) -> Option<Remedy> {
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
