//! What an archive claims: under this name, this thing.

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{BundleRecord, Descriptor, ImageRecord, TargetRecord};

/// A bundle or an image, its TUF target name, and the digest and length that the target must have.
///
/// A thin bundle is the digest of its `bundle.json`, an image the digest of its manifest or index (CNAB-Sec 303).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is.
    pub kind: ClaimKind,
    /// The reference that the archive gives it.
    pub reference: String,
    /// The name of the TUF target that is to vouch for it.
    pub target: String,
    /// The digest.
    pub digest: Digest,
    /// The length in bytes.
    pub length: u64,
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// A bundle.
    Bundle,
    /// An image.
    Image,
}

impl ClaimKind {
    /// The name of the file that is the final product in the sense of in-toto.
    pub fn product_name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle.json",
            Self::Image => "manifest.json",
        }
    }
}

impl Claim {
    /// The claim about a bundle.
    pub fn bundle(record: &BundleRecord) -> Self {
        Self::new(ClaimKind::Bundle, &record.reference, record.target.as_ref(), &record.descriptor)
    }

    /// The claim about an image.
    pub fn image(record: &ImageRecord) -> Self {
        Self::new(ClaimKind::Image, &record.reference, record.target.as_ref(), &record.descriptor)
    }

    /// A name is its own target name unless the inventory says otherwise: an archive cannot drop it to look unsigned.
    fn new(kind: ClaimKind, reference: &str, target: Option<&TargetRecord>, descriptor: &Descriptor) -> Self {
        let target = target.map_or(reference, |target| &target.name).to_owned();
        let (digest, length) = (descriptor.digest.clone(), descriptor.size);
        Self { kind, reference: reference.to_owned(), target, digest, length }
    }
}
