//! Why documents do not fit together.

use sealift_archive_format::Digest;

use super::MAXIMUM_HELD;
use super::closed::MAXIMUM_SUBJECTS;
use crate::cnab::BundleError;
use crate::cnab::registry_form::RegistryFormError;
use crate::oci::referrer::{MAXIMUM_DEPTH, MAXIMUM_REFERRERS};
use crate::oci::{GraphError, ManifestError, ReferenceError};

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
    #[error("something leads to blob {digest}, which the archive does not list, or lists with another size")]
    Missing {
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
    /// A name in the archive cannot be read.
    #[error("{name:?} is not a valid reference")]
    Reference {
        /// The name.
        name: String,
        /// Why.
        source: ReferenceError,
    },
    /// A name promises other content than is carried under it.
    #[error("{name} promises {promised}, and {found} is carried under this name")]
    Promise {
        /// The name.
        name: String,
        /// The digest in the name.
        promised: Digest,
        /// The digest of what is carried.
        found: Digest,
    },
    /// Two different things have one name.
    #[error("{name} and {other} are one name, and are carried with different content: {first} and {second}")]
    TwoContents {
        /// The name as it is written here.
        name: String,
        /// The name as it is written there.
        other: String,
        /// The digest that is carried under the one.
        first: Digest,
        /// The digest that is carried under the other.
        second: Digest,
    },
    /// The index of a bundle is not the one that the bundle has. Nobody signs it: only what follows from the bundle counts.
    #[error("the index of bundle {bundle} is not the one that follows from the bundle")]
    BundleIndexForm {
        /// The reference of the bundle.
        bundle: String,
        /// Why.
        source: RegistryFormError,
    },
    /// What the inventory says of an image's platforms is not what is carried.
    #[error("the inventory states other platforms of {reference} than are carried: {}", .found.join(", "))]
    Platforms {
        /// The reference of the image.
        reference: String,
        /// The platforms that are carried.
        found: Vec<String>,
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
    /// A referrer refers to a referrer of a referrer.
    #[error("{referrer} is carried as a referrer of {reference}, more than {MAXIMUM_DEPTH} levels away from it")]
    ReferrerTooDeep {
        /// The reference of the image.
        reference: String,
        /// The referrer.
        referrer: Digest,
    },
    /// The referrers of an image are not in the one order that they have, or one of them is listed twice.
    #[error("the referrers of {reference} list {found} where they should list {}", .expected.as_ref().map_or("nothing more".to_owned(), Digest::to_string))]
    ReferrerOrder {
        /// The reference of the image.
        reference: String,
        /// The referrer that is listed.
        found: Digest,
        /// The referrer that should be; nothing after the last one.
        expected: Option<Digest>,
    },
    /// An image has more referrers than are looked at.
    #[error("image {reference} has {count} referrers; the limit is {MAXIMUM_REFERRERS}")]
    TooManyReferrers {
        /// The reference of the image.
        reference: String,
        /// How many there are.
        count: usize,
    },
    /// The blobs are not in the one order that they have.
    #[error("blob {found} stands where {expected} should stand")]
    Order {
        /// The blob that is there.
        found: Digest,
        /// The blob that should be there.
        expected: Digest,
    },
    /// One attestation is attached to very many things.
    #[error("attestation {attestation} is attached to more than {MAXIMUM_SUBJECTS} things")]
    TooManySubjects {
        /// The attestation.
        attestation: Digest,
    },
    /// A `bundle.json` is attached to something as an attestation.
    #[error("{digest} is a bundle.json and an attestation at once")]
    BundleAsAttestation {
        /// The digest.
        digest: Digest,
    },
}

/// A manifest that is not among the documents, which come before all other blobs.
#[derive(Debug, thiserror::Error)]
#[error("it is not among the documents at the head of the archive")]
pub struct NotCarried;
