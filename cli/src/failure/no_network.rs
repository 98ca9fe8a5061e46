//! What takes the place of `network` in a build without the feature of that name: nothing can fail.

use std::error::Error;

use sealift_core::remedy::{Remediable, Remedy};

use super::Conclusion;

/// Why the network cannot be used as it was asked for: nothing else can be wrong with none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {}

impl Remediable for NetworkError {
    fn remedy(&self) -> Remedy {
        match *self {}
    }
}

pub(super) fn network(error: &NetworkError) -> Conclusion {
    match *error {}
}

pub(super) fn own_remedy(_: &(dyn Error + 'static)) -> Option<Remedy> {
    None
}
