//! What is to be exported, and where it is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::oci::{Platforms, Reference, ReferrerKind, Repository};
use crate::transfer::Source;

/// A reference in a source.
#[derive(Clone)]
pub struct SourceReference {
    /// The source.
    pub source: Arc<dyn Source>,
    /// The reference there.
    pub reference: Reference,
}

impl fmt::Debug for SourceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceReference").field(&self.reference).finish()
    }
}

/// Everything that is to be exported.
#[derive(Debug, Clone)]
pub struct ExportRequest {
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
    /// Its name, on both sides and in TUF.
    pub name: String,
    /// Where it is stored.
    pub origin: BundleOrigin,
}

/// Where a bundle is.
#[derive(Debug, Clone)]
pub enum BundleOrigin {
    /// In a registry or a layout, in the form of CNAB Registries.
    Stored(SourceReference),
    /// In a file: a thin bundle.
    Document {
        /// The content of `bundle.json`.
        bundle_json: Vec<u8>,
        /// Where its images are.
        images: ImagesFrom,
    },
}

/// Where the images of a thin bundle are.
#[derive(Clone)]
pub enum ImagesFrom {
    /// Where the bundle's references say, in this source.
    TheirReferences(Arc<dyn Source>),
    /// All of them are in one repository, under the digests that the bundle states.
    OneRepository(Arc<dyn Source>, Repository),
}

impl fmt::Debug for ImagesFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TheirReferences(_) => f.write_str("TheirReferences"),
            Self::OneRepository(_, repository) => f.debug_tuple("OneRepository").field(repository).finish(),
        }
    }
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageRequest {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: SourceReference,
}
