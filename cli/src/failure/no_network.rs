//! What takes the place of `network` in a build without the feature of that name: there is nothing to tell.

use std::error::Error;

use super::Advice;
use crate::network::NetworkError;

pub(super) fn network(error: &NetworkError) -> Advice {
    match *error {}
}

pub(super) fn unavailable(_: &(dyn Error + Send + Sync + 'static)) -> Option<Advice> {
    None
}
