//! Why documents are inconsistent.

use sealift_archive_format::{Digest, FileName};

use super::MAXIMUM_HELD;
use super::closed::MAXIMUM_SUBJECTS;
use crate::cnab::BundleError;
use crate::cnab::registry_form::RegistryFormError;
use crate::oci::referrer::{MAXIMUM_DEPTH, MAXIMUM_REFERRERS};
use crate::oci::{GraphError, ManifestError, ReferenceError};
use crate::remedy::{ExporterMatter, PublisherMatter, Remediable, Remedy};

/// Why the documents are inconsistent.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Together they are longer than the limit.
    #[error("the bundles and manifests have more than {MAXIMUM_HELD} bytes in total")]
    TooMuch,
    /// A manifest cannot be read.
    #[error("manifest {digest} cannot be read")]
    Manifest {
        /// The manifest.
        digest: Digest,
        /// What is wrong with the manifest.
        source: ManifestError,
    },
    /// A bundle cannot be read.
    #[error("the bundle.json of {bundle} cannot be read")]
    Bundle {
        /// The reference of the bundle.
        bundle: String,
        /// What is wrong with the bundle.
        source: BundleError,
    },
    /// A reference does not resolve, or the graph below it is invalid.
    #[error("{reference} {}", .source.outcome())]
    Graph {
        /// The reference.
        reference: String,
        /// What is missing or invalid.
        source: GraphError<NotCarried>,
    },
    /// A blob that a document refers to is not in the inventory.
    #[error("a document refers to blob {digest}, which the archive does not list, or lists with another size")]
    Missing {
        /// The blob.
        digest: Digest,
    },
    /// A blob is left out that trust needs.
    #[error("the archive leaves out blob {digest}, which is not a layer")]
    Absent {
        /// The blob.
        digest: Digest,
    },
    /// A blob that nothing refers to.
    #[error("the archive lists blob {digest}, which nothing in it refers to")]
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
        /// What is wrong with the name.
        source: ReferenceError,
    },
    /// A name promises content other than is carried under it.
    #[error("{name} promises {promised}, but {found} is carried under this name")]
    Promise {
        /// The name.
        name: String,
        /// The digest in the name.
        promised: Digest,
        /// The digest of what is carried.
        found: Digest,
    },
    /// Two different things have the same name.
    #[error(
        "{name} and {other} mean the same, but are carried with different contents: {} and {}",
        with_item(.first, .name, .item), with_item(.second, .other, .other_item)
    )]
    TwoContents {
        /// One spelling of the name.
        name: String,
        /// The other spelling of the name.
        other: String,
        /// The digest that is carried under the first spelling.
        first: Digest,
        /// The digest that is carried under the other spelling.
        second: Digest,
        /// The bundle or image with which the first is carried.
        item: String,
        /// The bundle or image with which the other is carried.
        other_item: String,
    },
    /// The index of a bundle is not the one that follows from the bundle. Nobody signs it, so nothing else is accepted.
    #[error("the index of bundle {bundle} does not follow from the bundle")]
    BundleIndexForm {
        /// The reference of the bundle.
        bundle: String,
        /// How it differs.
        source: RegistryFormError,
    },
    /// The inventory does not state which platforms of an image are carried, or what was left out.
    #[error("the inventory does not state what of {reference} is carried, and what was left out; its platforms here: {}", .found.join(", "))]
    Platforms {
        /// The reference of the image.
        reference: String,
        /// The platforms that are carried.
        found: Vec<String>,
    },
    /// A referrer refers to nothing that is carried for its image.
    #[error("{referrer} is carried as a referrer of {reference}, but refers to {}", .subject.as_ref().map_or("nothing".to_owned(), Digest::to_string))]
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
    /// Something is listed for its tag, but the tag is not about anything that is carried, or it is not in its one place.
    #[error(
        "tag {tag} of {reference} is not about anything that is carried with it, or is listed in another place than its own"
    )]
    Tagged {
        /// The reference of the image or the bundle.
        reference: String,
        /// The tag.
        tag: String,
    },
    /// An image has more referrers than the limit.
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
    /// One attestation is attached to too many things.
    #[error("attestation {attestation} is attached to more than {MAXIMUM_SUBJECTS} things")]
    TooManySubjects {
        /// The attestation.
        attestation: Digest,
    },
    /// A `bundle.json` is attached to something as an attestation.
    #[error("{digest} is both a bundle.json and an attestation")]
    BundleAsAttestation {
        /// The digest.
        digest: Digest,
    },
    /// A plain file is something else besides: a document, a configuration, a layer or a thick bundle.
    #[error("{name} is also a part of a bundle or an image that is carried with it")]
    FileElsewhere {
        /// The file.
        name: FileName,
    },
    /// A thick bundle is something else besides: a document, a configuration or a layer.
    #[error("{digest} is both a thick bundle and a part of a bundle or an image")]
    ThickBundleElsewhere {
        /// The digest.
        digest: Digest,
    },
}

impl Remediable for DocumentError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::TooMuch => Remedy::ExportFewer,
            Self::Manifest { .. }
            | Self::Bundle { .. }
            | Self::Graph { .. }
            | Self::Missing { .. }
            | Self::Absent { .. }
            | Self::Stray { .. }
            | Self::BundleImage { .. }
            | Self::ExtraImage { .. }
            | Self::NotAReferrer { .. }
            | Self::TooManyReferrers { .. }
            | Self::ReferrerTooDeep { .. }
            | Self::ReferrerOrder { .. }
            | Self::Tagged { .. }
            | Self::Order { .. }
            | Self::BundleAsAttestation { .. }
            | Self::ThickBundleElsewhere { .. }
            | Self::FileElsewhere { .. }
            | Self::TooManySubjects { .. }
            | Self::Platforms { .. } => Remedy::AskExporter { about: ExporterMatter::Content },
            Self::BundleIndexForm { .. } => Remedy::AskPublisher { about: PublisherMatter::BundleIndex },
            Self::Reference { .. } => Remedy::UseFullName,
            Self::Promise { .. } => Remedy::ExportPromisedContent,
            Self::TwoContents { item, other_item, .. } if item == other_item => {
                Remedy::RenameBundle { bundle: item.clone() }
            }
            Self::TwoContents { item, other_item, .. } => {
                Remedy::SeparateArchives { items: [item.clone(), other_item.clone()] }
            }
        }
    }
}

/// A content, and with which item it is carried, if its name is not that of an item itself.
fn with_item(content: &Digest, name: &str, item: &str) -> String {
    if name == item { content.to_string() } else { format!("{content} (in {item})") }
}

/// A manifest that is not among the documents, which come before all other blobs.
#[derive(Debug, thiserror::Error)]
#[error("it is not among the documents at the head of the archive")]
pub struct NotCarried;
