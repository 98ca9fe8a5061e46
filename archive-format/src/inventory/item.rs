//! The items of an inventory: what has a name and is judged on its own.

use super::{BundleRecord, DescriptorRecord, FileRecord, ImageRecord, Inventory, TaggedRecord, TargetRecord};

/// An item: a bundle, an image that belongs to no bundle, or a plain file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "super::forms::RawItem")]
pub enum ItemRecord {
    /// A bundle, with its images.
    Bundle(BundleRecord),
    /// An image that belongs to no bundle.
    Image(ImageRecord),
    /// A plain file.
    File(FileRecord),
}

impl ItemRecord {
    /// Its name: the reference of a bundle or an image, or that of a file.
    pub fn reference(&self) -> &str {
        match self {
            Self::Bundle(bundle) => &bundle.reference,
            Self::Image(image) => &image.reference,
            Self::File(file) => file.name.as_str(),
        }
    }

    /// The TUF target that should vouch for it.
    pub fn target(&self) -> Option<&TargetRecord> {
        match self {
            Self::Bundle(bundle) => bundle.target.as_ref(),
            Self::Image(image) => image.target.as_ref(),
            // Its name is that of the target.
            Self::File(_) => None,
        }
    }

    /// What is vouched for: a thick bundle where it travels as one, the `bundle.json` of another bundle, the manifest or index of an
    /// image, the content of a file.
    pub fn descriptor(&self) -> &DescriptorRecord {
        match self {
            Self::Bundle(bundle) => bundle.thick_bundle.as_ref().map_or(&bundle.descriptor, |thick| &thick.descriptor),
            Self::Image(image) => &image.descriptor,
            Self::File(file) => &file.descriptor,
        }
    }

    /// The bundle, if it is one.
    pub fn as_bundle(&self) -> Option<&BundleRecord> {
        match self {
            Self::Bundle(bundle) => Some(bundle),
            Self::Image(_) | Self::File(_) => None,
        }
    }

    /// The file, if it is one.
    pub fn as_file(&self) -> Option<&FileRecord> {
        match self {
            Self::File(file) => Some(file),
            Self::Bundle(_) | Self::Image(_) => None,
        }
    }

    /// The OCI index that holds a bundle in a registry, where there is one.
    pub fn index(&self) -> Option<&DescriptorRecord> {
        self.as_bundle().and_then(|bundle| bundle.index.as_ref())
    }

    /// What its name means: the index of a bundle, or its `bundle.json` where there is no index; an image or a file itself.
    pub fn named_content(&self) -> &DescriptorRecord {
        match self {
            Self::Bundle(bundle) => bundle.index.as_ref().unwrap_or(&bundle.descriptor),
            Self::Image(image) => &image.descriptor,
            Self::File(file) => &file.descriptor,
        }
    }

    /// The images that it consists of, each with a name of its own: those of a bundle.
    pub fn parts(&self) -> &[ImageRecord] {
        self.as_bundle().map_or(&[], |bundle| &bundle.images)
    }

    /// Its images: those of a bundle, or the image itself. A file has none.
    pub fn images(&self) -> &[ImageRecord] {
        match self {
            Self::Bundle(bundle) => &bundle.images,
            Self::Image(image) => std::slice::from_ref(image),
            Self::File(_) => &[],
        }
    }
}

fn companions<'r>(
    referrers: &'r [DescriptorRecord],
    tagged: &'r [TaggedRecord],
) -> impl Iterator<Item = &'r DescriptorRecord> {
    referrers.iter().chain(tagged.iter().map(|tagged| &tagged.descriptor))
}

impl Inventory {
    /// The bundles among the items.
    pub fn bundles(&self) -> impl Iterator<Item = &BundleRecord> {
        self.items.iter().filter_map(ItemRecord::as_bundle)
    }

    /// The plain files among the items.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        self.items.iter().filter_map(ItemRecord::as_file)
    }

    /// Every image, item by item: those of a bundle, or the image itself.
    pub fn all_images(&self) -> impl Iterator<Item = &ImageRecord> {
        self.items.iter().flat_map(ItemRecord::images)
    }

    /// The referrers and the tagged manifests of every bundle and image, item by item, each bundle's own before those of its
    /// images.
    pub fn companions(&self) -> impl Iterator<Item = &DescriptorRecord> {
        self.items.iter().flat_map(|item| {
            let own = item.as_bundle().into_iter();
            let own = own.flat_map(|bundle| companions(&bundle.referrers, &bundle.tagged));
            own.chain(item.images().iter().flat_map(|image| companions(&image.referrers, &image.tagged)))
        })
    }

    /// Every descriptor that the inventory names; each is carried as a blob.
    pub fn descriptors(&self) -> impl Iterator<Item = &DescriptorRecord> {
        let bundles = self.bundles().flat_map(|bundle| {
            let companions = companions(&bundle.referrers, &bundle.tagged);
            let files = [Some(&bundle.descriptor), bundle.thick_bundle.as_ref().map(|thick| &thick.descriptor)];
            files.into_iter().flatten().chain(&bundle.index).chain(companions)
        });
        let images = self
            .all_images()
            .flat_map(|image| std::iter::once(&image.descriptor).chain(companions(&image.referrers, &image.tagged)));
        bundles.chain(images).chain(self.files().map(|file| &file.descriptor))
    }
}
