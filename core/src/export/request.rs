//! What is to be exported, and where it is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::oci::{ForeignLayers, Platforms, Reference, ReferrerKind, Repository};
use crate::plain_file::FileSource;
use crate::thick_bundle::ThickBundleFile;
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
    /// The items, in the order in which the inventory will list them.
    pub items: Vec<ItemRequest>,
    /// The platforms of images.
    pub platforms: Platforms,
    /// The kinds of referrers that are carried.
    pub referrers: BTreeSet<ReferrerKind>,
    /// What becomes of layers of images that registries are not meant to distribute.
    pub foreign_layers: ForeignLayers,
    /// Where the bundles are that bundles need; `None` if these are not carried.
    pub dependencies: Option<Dependencies>,
}

impl ExportRequest {
    /// All platforms of these items, and what usually hangs off them; what bundles need is not carried.
    pub fn new(items: Vec<ItemRequest>) -> Self {
        Self {
            items,
            platforms: Platforms::All,
            referrers: ReferrerKind::usual(),
            foreign_layers: ForeignLayers::Carry,
            dependencies: None,
        }
    }
}

/// Where the bundles are that bundles need: where they are said to be, in this source.
#[derive(Clone)]
pub struct Dependencies(pub Arc<dyn Source>);

impl fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dependencies")
    }
}

/// An item.
#[derive(Debug, Clone)]
pub struct ItemRequest {
    /// Its name, on both sides and in TUF.
    pub name: String,
    /// What it is, and where it is stored.
    pub origin: ItemOrigin,
}

/// What an item is, and where it is stored.
#[derive(Clone)]
pub enum ItemOrigin {
    /// A bundle in a registry or a layout, in the form of CNAB Registries.
    Bundle {
        /// Where it is.
        place: SourceReference,
        /// Where its images are if its index lists none. If nothing is said, they are where its references say, in the same source.
        images: Option<ImagesFrom>,
    },
    /// A thin bundle in a file.
    ThinBundle {
        /// The content of `bundle.json`.
        bundle_json: Vec<u8>,
        /// Where its images are.
        images: ImagesFrom,
    },
    /// A thick bundle that travels as it is: the file is what is vouched for.
    ThickBundle {
        /// The content of its `bundle.json`.
        bundle_json: Vec<u8>,
        /// Its images.
        images: Arc<dyn Source>,
        /// The file.
        file: Arc<ThickBundleFile>,
    },
    /// An image that belongs to no bundle.
    Image(SourceReference),
    /// A plain file, whose name is `file:/` and the path of its TUF target.
    File(Arc<FileSource>),
}

impl fmt::Debug for ItemOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle { place, images } => {
                f.debug_struct("Bundle").field("place", place).field("images", images).finish()
            }
            Self::ThinBundle { images, .. } => {
                f.debug_struct("ThinBundle").field("images", images).finish_non_exhaustive()
            }
            Self::ThickBundle { file, .. } => f.debug_struct("ThickBundle").field("file", file).finish_non_exhaustive(),
            Self::Image(place) => f.debug_tuple("Image").field(place).finish(),
            Self::File(source) => f.debug_tuple("File").field(source).finish(),
        }
    }
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
