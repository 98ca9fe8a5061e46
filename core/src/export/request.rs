//! What is to be exported, and where it is.

use std::collections::BTreeSet;

use crate::oci::{Platforms, Reference, ReferrerKind, Repository};

/// Which of the sources that an export was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// A reference in a source.
#[derive(Debug, Clone)]
pub struct Place {
    /// The source.
    pub source: SourceId,
    /// The reference there.
    pub reference: Reference,
}

/// Everything that is to be exported.
#[derive(Debug, Clone)]
pub struct Request {
    /// The bundles.
    pub bundles: Vec<BundleRequest>,
    /// The images that belong to no bundle.
    pub images: Vec<ImageRequest>,
    /// The platforms of images.
    pub platforms: Platforms,
    /// The kinds of referrers that are carried.
    pub referrers: BTreeSet<ReferrerKind>,
}

/// A bundle.
#[derive(Debug, Clone)]
pub struct BundleRequest {
    /// What it is called, there and here, and in TUF.
    pub name: String,
    /// Where it is.
    pub origin: BundleOrigin,
}

/// Where a bundle is.
#[derive(Debug, Clone)]
pub enum BundleOrigin {
    /// In a registry or a layout, in the form of CNAB Registries.
    Stored(Place),
    /// In a file: a thin bundle.
    Document {
        /// The content of `bundle.json`.
        bundle_json: Vec<u8>,
        /// Where its images are.
        images: ImagesFrom,
    },
}

/// Where the images of a thin bundle are.
#[derive(Debug, Clone)]
pub enum ImagesFrom {
    /// Where the bundle says, in this source.
    TheirReferences(SourceId),
    /// All in one repository, under the digests that the bundle states.
    OneRepository(SourceId, Repository),
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageRequest {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
}
