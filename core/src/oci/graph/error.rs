//! Why there is no graph.

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::MAXIMUM_ENTRIES;

use super::{
    MAXIMUM_ATTESTATIONS_TOGETHER, MAXIMUM_BLOBS_TOGETHER, MAXIMUM_DEPTH, MAXIMUM_LEFT_OUT_TOGETHER,
    MAXIMUM_MANIFEST_BYTES, MAXIMUM_MANIFESTS, MAXIMUM_MANIFESTS_TOGETHER,
};
use crate::oci::manifest::ManifestError;

/// A graph has nothing for some platforms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not here")]
pub(crate) struct NotHere {
    /// Those of the platforms for which an index lists something that is not carried; empty if none lists anything for any of them.
    pub(crate) left_out: Vec<String>,
}

/// Why there is no graph. `E` is what fetching a manifest fails with.
#[derive(Debug, thiserror::Error)]
pub enum GraphError<E: std::error::Error + 'static> {
    /// A manifest cannot be fetched.
    #[error("cannot fetch manifest {digest}")]
    Fetch {
        /// The manifest.
        digest: Digest,
        /// Why fetching failed.
        #[source]
        source: E,
    },
    /// A manifest cannot be read.
    #[error("manifest {digest} is not usable")]
    Manifest {
        /// The manifest.
        digest: Digest,
        /// What is wrong with the manifest.
        #[source]
        source: Box<ManifestError>,
    },
    /// Indexes are nested too deeply.
    #[error("manifest {digest} is nested deeper than {MAXIMUM_DEPTH} indexes")]
    Depth {
        /// The manifest that is too deep.
        digest: Digest,
    },
    /// Too many manifests.
    #[error("there are more than {MAXIMUM_MANIFESTS} manifests")]
    Manifests,
    /// Too many bytes of manifests.
    #[error("the manifests have more than {MAXIMUM_MANIFEST_BYTES} bytes in total")]
    ManifestBytes,
    /// Too many manifests in all graphs.
    #[error("there are more than {MAXIMUM_MANIFESTS_TOGETHER} manifests in all graphs together")]
    ManifestsTogether,
    /// Too many configurations and layers in all graphs.
    #[error("the manifests list more than {MAXIMUM_BLOBS_TOGETHER} configurations and layers in total")]
    BlobsTogether,
    /// Too many attestations in all graphs.
    #[error("there are more than {MAXIMUM_ATTESTATIONS_TOGETHER} attestations in total")]
    AttestationsTogether,
    /// Too many manifests and layers are left out in all graphs.
    #[error("more than {MAXIMUM_LEFT_OUT_TOGETHER} manifests and layers are listed but not carried")]
    LeftOutTogether,
    /// Too many different blobs.
    #[error("there are more than {MAXIMUM_ENTRIES} different manifests, configurations and layers")]
    Entries,
    /// One digest is listed with two sizes, or as a manifest here and as a blob there.
    #[error("{digest} is listed twice, with different sizes or in different roles")]
    Conflict {
        /// The digest.
        digest: Digest,
    },
    /// A layer that registries are not meant to distribute.
    #[error("layer {digest} of manifest {manifest} is of a type that registries must not distribute")]
    ForeignLayer {
        /// The layer.
        digest: Digest,
        /// The manifest that lists it.
        manifest: Digest,
    },
    /// None of the chosen platforms is there.
    #[error("index {digest} has none of the chosen platforms; it has {}", .offered.join(", "))]
    NoPlatform {
        /// The index.
        digest: Digest,
        /// The platforms that it has.
        offered: Vec<String>,
    },
}

impl<E: std::error::Error + 'static> GraphError<E> {
    /// What is wrong with a manifest that was read, and that the source finds to be of a form that is not carried.
    pub(crate) fn uncarried_form(&self) -> Option<&ManifestError> {
        let Self::Fetch { source, .. } = self else { return None };
        let causes = std::iter::successors(Some(source as &(dyn std::error::Error + 'static)), |cause| cause.source());
        let found = causes.filter_map(|cause| {
            cause
                .downcast_ref::<ManifestError>()
                .or_else(|| cause.downcast_ref::<Box<ManifestError>>().map(Box::as_ref))
        });
        found.filter(|error| matches!(error, ManifestError::DockerSchema1)).last()
    }

    /// What follows for the manifest that the walk began with, as the end of a sentence.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Fetch { .. } if self.uncarried_form().is_some() => {
                "refers to something of a form that is not carried"
            }
            Self::Fetch { .. } => "is incomplete: something that it refers to is missing",
            Self::NoPlatform { .. } => "is not for any of the chosen platforms",
            Self::ForeignLayer { .. } => "has layers that registries must not distribute",
            Self::Manifest { .. } | Self::Depth { .. } | Self::Conflict { .. } | Self::Manifests => {
                "cannot be carried as it is"
            }
            Self::ManifestBytes
            | Self::ManifestsTogether
            | Self::BlobsTogether
            | Self::AttestationsTogether
            | Self::LeftOutTogether
            | Self::Entries => "does not fit into one archive together with what comes before it",
        }
    }
}

pub(super) fn unusable<E: std::error::Error + 'static>(digest: &Digest, source: ManifestError) -> GraphError<E> {
    GraphError::Manifest { digest: digest.clone(), source: Box::new(source) }
}
