//! What takes the place of `network` in a build without the feature of that name: there is nothing to tell.

use std::error::Error;

use super::Advice;

/// Why the network cannot be used as it was asked for: nothing else can be wrong with none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {}

pub(super) fn network(error: &NetworkError) -> Advice {
    match *error {}
}

pub(super) fn unavailable(_: &(dyn Error + Send + Sync + 'static)) -> Option<Advice> {
    None
}

pub(super) fn wait(_: &(dyn Error + 'static)) -> Option<String> {
    None
}
