//! Why documents do not fit together.

use sealift_archive_format::Digest;

use super::MAXIMUM_HELD;
use crate::cnab::BundleError;
use crate::cnab::registry_form::RegistryFormError;
use crate::export::plan::MAXIMUM_REFERRERS;
use crate::oci::{GraphError, ManifestError};

/// Why the documents do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Together they are longer than may be held.
    #[error("the bundles and manifests are longer than {MAXIMUM_HELD} bytes together")]
    TooMuch,
    /// A manifest cannot be read.
    #[error("manifest {digest} cannot be read")]
    Manifest {
        /// The manifest.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// A bundle cannot be read.
    #[error("the bundle.json of {bundle} cannot be read")]
    Bundle {
        /// The reference of the bundle.
        bundle: String,
        /// Why.
        source: BundleError,
    },
    /// A reference leads nowhere, or the graph below it is not one.
    #[error("what {reference} leads to is not complete")]
    Graph {
        /// The reference.
        reference: String,
        /// Why.
        source: GraphError<NotCarried>,
    },
    /// A blob that something refers to is not in the inventory.
    #[error("{reference} leads to blob {digest}, which the archive does not list")]
    Missing {
        /// The reference.
        reference: String,
        /// The blob.
        digest: Digest,
    },
    /// A blob that nothing refers to.
    #[error("the archive lists blob {digest}, which nothing in it leads to")]
    Stray {
        /// The blob.
        digest: Digest,
    },
    /// The images of a bundle are not those that its `bundle.json` names.
    #[error("bundle {bundle} names image {reference}, which is not carried with it as the bundle describes it")]
    BundleImage {
        /// The reference of the bundle.
        bundle: String,
        /// The reference of the image.
        reference: String,
    },
    /// An image is carried with a bundle that does not name it.
    #[error("image {reference} is carried with bundle {bundle}, which does not name it")]
    ExtraImage {
        /// The reference of the bundle.
        bundle: String,
        /// The reference of the image.
        reference: String,
    },
    /// The index of a bundle does not hold it.
    #[error("the index of bundle {bundle} does not lead to {digest}, which is part of the bundle")]
    BundleIndex {
        /// The reference of the bundle.
        bundle: String,
        /// What is missing below the index.
        digest: Digest,
    },
    /// The index of a bundle is none, or lists its images in another way.
    #[error("the index of bundle {bundle} is not that of the bundle")]
    BundleIndexForm {
        /// The reference of the bundle.
        bundle: String,
        /// Why.
        source: RegistryFormError,
    },
    /// The index of a bundle holds more than the bundle. Nobody signs an index: only what it leads to is proven.
    #[error("the index of bundle {bundle} leads to {digest}, which is no part of the bundle")]
    BundleIndexExtra {
        /// The reference of the bundle.
        bundle: String,
        /// What is too much.
        digest: Digest,
    },
    /// A platform that the inventory names is not one.
    #[error("{0:?} is not a platform")]
    Platform(String),
    /// A referrer refers to nothing that is carried for its image.
    #[error("{referrer} is carried as a referrer of {reference}, and refers to {}", .subject.as_ref().map_or("nothing".to_owned(), Digest::to_string))]
    NotAReferrer {
        /// The reference of the image.
        reference: String,
        /// The referrer.
        referrer: Digest,
        /// What it refers to, if anything.
        subject: Option<Digest>,
    },
    /// An image has more referrers than are looked at.
    #[error("image {reference} has {count} referrers; the limit is {MAXIMUM_REFERRERS}")]
    TooManyReferrers {
        /// The reference of the image.
        reference: String,
        /// How many there are.
        count: usize,
    },
    /// An attestation would come too late to be checked before other layers.
    #[error("attestation {attestation} does not stand where attestations do: after the documents, before other layers")]
    AttestationOrder {
        /// The attestation.
        attestation: Digest,
    },
}

/// A manifest that is not among the documents, which come before all other blobs.
#[derive(Debug, thiserror::Error)]
#[error("it is not among the documents at the head of the archive")]
pub struct NotCarried;
