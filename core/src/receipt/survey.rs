//! What a registry or a layout holds, found by asking: every tag that this side has set there, and what it leads to.

use std::collections::HashSet;

use super::holding::{Holding, Holdings};
use super::statement::MAXIMUM_BLOBS;
use crate::oci::{Choice, Descriptor, ForeignLayers, GraphError, Graphs, Platforms, Reference, ReferenceError};
use crate::remedy::{Remediable, Remedy};
use crate::transfer::{Source, SourceError};
use crate::trust_store::Deliveries;

/// Why a place cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A tag that was set here is remembered under something that is not a reference.
    #[error("{tag:?}, which is remembered, is not a reference")]
    Reference {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// The place cannot be asked.
    #[error("cannot ask what {reference} holds")]
    Source {
        /// The tag.
        reference: Reference,
        /// Why not.
        source: SourceError,
    },
    /// It leads to more than a receipt may list.
    #[error("{count} blobs are held; the limit of a receipt is {MAXIMUM_BLOBS}")]
    TooMuch {
        /// How many blobs are held, at least.
        count: usize,
    },
}

impl Remediable for SurveyError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Reference { .. } => Remedy::RestoreDeliveries,
            Self::Source { .. } => Remedy::RepairDestination,
            Self::TooMuch { .. } => Remedy::SplitReceipt,
        }
    }
}

/// The layers that a place holds: of each tag that was set there from here, as `deliveries` remembers it below `prefix`, those that are
/// there now. A tag or a layer that is gone is not held.
///
/// # Errors
/// [`SurveyError`] when the place cannot be asked.
pub fn survey(prefix: &str, deliveries: &Deliveries, source: &dyn Source) -> Result<Holdings, SurveyError> {
    let (mut holdings, mut asked) = (Holdings::default(), HashSet::new());
    for tag in deliveries.iter().filter_map(|(key, _)| below(prefix, key)) {
        let reference: Reference =
            tag.parse().map_err(|source| SurveyError::Reference { tag: tag.to_owned(), source })?;
        let repository = reference.repository();
        let unasked = |source| SurveyError::Source { reference: reference.clone(), source };
        for layer in layers(&reference, source).map_err(unasked)? {
            if !asked.insert((repository.clone(), layer.digest.clone())) {
                continue;
            }
            if source.has_blob(repository, &layer).map_err(unasked)? {
                holdings.extend([Holding { repository: repository.clone(), layer: layer.digest }]);
            }
        }
        if holdings.len() > MAXIMUM_BLOBS {
            return Err(SurveyError::TooMuch { count: holdings.len() });
        }
    }
    Ok(holdings)
}

/// The reference that a key of `deliveries.json` has in a place.
fn below<'k>(prefix: &str, key: &'k str) -> Option<&'k str> {
    match prefix.starts_with("oci:") {
        true => key.strip_prefix(prefix)?.strip_prefix(':'),
        false => key.strip_prefix(prefix).filter(|rest| rest.starts_with(['/', ':'])).map(|_| key),
    }
}

/// The layers below a tag, as far as what leads to them is there.
fn layers(reference: &Reference, source: &dyn Source) -> Result<Vec<Descriptor>, SourceError> {
    let root = match source.resolve(reference) {
        Err(error) if error.is_missing() => return Ok(Vec::new()),
        root => root?,
    };
    let (descriptor, mut graphs) = (root.descriptor().clone(), Graphs::default());
    if graphs.hold(root).is_err_and(|_: GraphError<SourceError>| true) {
        return Ok(Vec::new());
    }
    let choice = Choice::of(&Platforms::All, ForeignLayers::LeaveOut);
    let fetch = |child: &Descriptor| source.manifest(reference.repository(), child);
    // Platforms may have been left behind.
    let graph = match graphs.walk(&descriptor, &choice, fetch, |_, error| error.is_missing()) {
        Ok(graph) => graph,
        Err(GraphError::Fetch { source, .. }) => return Err(source),
        // What cannot be read as an image is sent again.
        Err(_) => return Ok(Vec::new()),
    };
    Ok(graph.layers().into_iter().cloned().collect())
}
