//! The items of an inventory: what has a name and is judged on its own.

use super::{BundleRecord, Descriptor, ImageRecord, Inventory, TargetRecord};

/// A bundle, or an image that belongs to no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemRecord<'a> {
    /// A bundle, with its images.
    Bundle(&'a BundleRecord),
    /// An image that belongs to no bundle.
    Image(&'a ImageRecord),
}

impl<'a> ItemRecord<'a> {
    /// The reference.
    pub fn reference(self) -> &'a str {
        match self {
            Self::Bundle(bundle) => &bundle.reference,
            Self::Image(image) => &image.reference,
        }
    }

    /// The TUF target that should vouch for it.
    pub fn target(self) -> Option<&'a TargetRecord> {
        match self {
            Self::Bundle(bundle) => bundle.target.as_ref(),
            Self::Image(image) => image.target.as_ref(),
        }
    }

    /// What is vouched for: the `bundle.json` of a bundle, the manifest or index of an image.
    pub fn descriptor(self) -> &'a Descriptor {
        match self {
            Self::Bundle(bundle) => &bundle.descriptor,
            Self::Image(image) => &image.descriptor,
        }
    }

    /// The OCI index that holds a bundle in a registry, where there is one.
    pub fn index(self) -> Option<&'a Descriptor> {
        match self {
            Self::Bundle(bundle) => bundle.index.as_ref(),
            Self::Image(_) => None,
        }
    }

    /// What its name means in a registry: the index, where there is one, and otherwise what is vouched for.
    pub fn named_content(self) -> &'a Descriptor {
        self.index().unwrap_or(self.descriptor())
    }

    /// The images that it consists of, each with a name of its own: those of a bundle.
    pub fn parts(self) -> &'a [ImageRecord] {
        match self {
            Self::Bundle(bundle) => &bundle.images,
            Self::Image(_) => &[],
        }
    }

    /// Its images: those of a bundle, or the image itself.
    pub fn images(self) -> &'a [ImageRecord] {
        match self {
            Self::Bundle(bundle) => &bundle.images,
            Self::Image(image) => std::slice::from_ref(image),
        }
    }
}

/// The items of these bundles and images, in the order of an inventory.
pub fn items<'a>(bundles: &'a [BundleRecord], images: &'a [ImageRecord]) -> impl Iterator<Item = ItemRecord<'a>> {
    bundles.iter().map(ItemRecord::Bundle).chain(images.iter().map(ItemRecord::Image))
}

impl Inventory {
    /// The items, in order.
    pub fn items(&self) -> impl Iterator<Item = ItemRecord<'_>> {
        items(&self.bundles, &self.images)
    }

    /// Every image, item by item: those of a bundle, or the image itself.
    pub fn all_images(&self) -> impl Iterator<Item = &ImageRecord> {
        self.items().flat_map(ItemRecord::images)
    }
}
