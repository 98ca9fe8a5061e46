//! What an archive claims: this name means this content.

use std::collections::BTreeSet;
use std::sync::Arc;

use sealift_archive_format::inventory::{
    BundleRecord, DescriptorRecord, FileRecord, ImageRecord, ItemRecord, MadeFrom, TargetRecord,
};
use sealift_archive_format::{Digest, file_name};
use sealift_proof::tuf::Dialect;
use serde::Serialize;

use crate::oci::{Reference, Tag};

/// A bundle, an image or a file, as the archive claims it: its names, and the digest and length that its TUF target must have.
///
/// A thin bundle is the digest of its `bundle.json`, a thick bundle the digest of the whole file, an image the digest of its manifest or
/// index (CNAB-Sec 303), a file the digest of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// The reference that the archive gives it.
    pub reference: String,
    /// The name of the TUF target that should vouch for it.
    pub target: String,
    /// The digest.
    pub digest: Digest,
    /// Another digest, of content that may come only after the judgement and is held to both of them then: that of a thick bundle, or of
    /// a file.
    pub sha512: Option<Digest>,
    /// The length in bytes.
    pub length: u64,
    /// What the exporter made its manifest from, where there was none: its digest then is never the one that was signed.
    pub made_from: Option<MadeFrom>,
    /// The items that it consists of, each with a name of its own: the images of a bundle.
    pub parts: Vec<Arc<Self>>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ItemKind {
    /// A bundle, by its `bundle.json`.
    Bundle,
    /// A bundle, by the file that it came in with its images.
    ThickBundle,
    /// An image.
    Image,
    /// A plain file.
    File,
}

/// The full name of what a reference means: domain, path, tag and digest written out. Policy requirements go by this
/// name.
pub(crate) fn full_name(reference: &str) -> String {
    let Ok(parsed) = reference.parse::<Reference>() else { return reference.to_owned() };
    parsed.tagged_name().unwrap_or_else(|| parsed.to_string())
}

impl From<&ItemRecord> for Item {
    fn from(record: &ItemRecord) -> Self {
        match record {
            ItemRecord::Bundle(bundle) => Self::bundle(bundle),
            ItemRecord::Image(image) => Self::image(image),
            ItemRecord::File(file) => Self::file(file),
        }
    }
}

impl Item {
    /// What is claimed by the records of an inventory, in their order.
    pub fn all<'r>(records: impl IntoIterator<Item = &'r ItemRecord>) -> Vec<Arc<Self>> {
        records.into_iter().map(|record| Arc::new(record.into())).collect()
    }

    /// A bundle, with its images.
    pub fn bundle(record: &BundleRecord) -> Self {
        let parts = record.images.iter().map(|image| Arc::new(Self::image(image))).collect();
        let (kind, content) = match &record.thick_bundle {
            Some(thick) => (ItemKind::ThickBundle, &thick.descriptor),
            None => (ItemKind::Bundle, &record.descriptor),
        };
        let sha512 = record.thick_bundle.as_ref().map(|thick| thick.sha512.clone());
        Self { parts, sha512, ..Self::new(kind, &record.reference, record.target.as_ref(), content) }
    }

    /// An image, in a bundle or in none.
    pub fn image(record: &ImageRecord) -> Self {
        let made_from = record.made_from;
        Self { made_from, ..Self::new(ItemKind::Image, &record.reference, record.target.as_ref(), &record.descriptor) }
    }

    /// A plain file.
    pub fn file(record: &FileRecord) -> Self {
        let target = TargetRecord { name: record.name.path().to_owned() };
        let sha512 = record.sha512.clone();
        Self { sha512, ..Self::new(ItemKind::File, record.name.as_str(), Some(&target), &record.descriptor) }
    }

    /// Whether its content may come only after the judgement: it is known by the digests that are stated.
    pub(super) fn comes_later(&self) -> bool {
        match self.kind {
            ItemKind::ThickBundle | ItemKind::File => true,
            ItemKind::Bundle | ItemKind::Image => false,
        }
    }

    /// The name of the target that can vouch for it: its own, which a file has without its prefix.
    pub(super) fn own_target(&self) -> &str {
        match self.kind {
            ItemKind::File => self.reference.strip_prefix(file_name::PREFIX).unwrap_or(&self.reference),
            ItemKind::Bundle | ItemKind::ThickBundle | ItemKind::Image => &self.reference,
        }
    }

    /// The name of the file that is the final product in the sense of in-toto.
    pub fn product_name(&self) -> &str {
        match self.kind {
            ItemKind::Bundle => "bundle.json",
            ItemKind::ThickBundle => "bundle.tgz",
            ItemKind::Image => "manifest.json",
            ItemKind::File => self.target.rsplit('/').next().unwrap_or(&self.target),
        }
    }

    /// The full name of what the reference means; a file's is its name, which has no other spelling. The map is asked under this name,
    /// so that no other spelling finds other repositories.
    pub(crate) fn full_name(&self) -> String {
        match self.kind {
            ItemKind::File => self.reference.clone(),
            ItemKind::Bundle | ItemKind::ThickBundle | ItemKind::Image => full_name(&self.reference),
        }
    }

    /// The names under which a target may vouch for it: the reference as written, and the spellings that mean the same
    /// tag. Otherwise `…:1.0@sha256:…` could deliver something unsigned where `…:1.0` is signed.
    pub(super) fn spellings(&self) -> Vec<String> {
        let mut spellings = vec![self.target.clone()];
        if let Ok(reference) = self.reference.parse::<Reference>()
            && let Some(tag) = reference.tag_or_latest()
        {
            for repository in reference.repository().spellings() {
                spellings.push(format!("{repository}:{tag}"));
                spellings.extend((tag == Tag::latest()).then_some(repository));
            }
        }
        let mut seen = BTreeSet::new();
        spellings.retain(|spelling| seen.insert(spelling.clone()));
        spellings
    }

    /// The names of the targets that may vouch for it in a repository of this dialect: in one of Notary, the tag of a name that is the
    /// repository's own.
    pub(super) fn targets_in(&self, dialect: &Dialect) -> Vec<String> {
        let Some(gun) = dialect.gun() else { return self.spellings() };
        let of_gun = |name: &str| {
            name.parse::<Reference>().ok().filter(|name| name.tag().is_none()).map(|name| name.repository().to_string())
        };
        let reference = self.reference.parse::<Reference>().ok();
        let is_its_own =
            |reference: &Reference| of_gun(gun.as_str()).is_some_and(|gun| gun == reference.repository().to_string());
        let tag = reference.filter(is_its_own).and_then(|reference| reference.tag_or_latest());
        tag.map(|tag| tag.to_string()).into_iter().collect()
    }

    /// A name is its own target name unless the inventory says otherwise, so an archive cannot leave it out to look
    /// unsigned.
    fn new(kind: ItemKind, reference: &str, target: Option<&TargetRecord>, content: &DescriptorRecord) -> Self {
        let target = target.map_or(reference, |target| &target.name).to_owned();
        let (digest, length) = (content.digest.clone(), content.size);
        let reference = reference.to_owned();
        Self { kind, reference, target, digest, sha512: None, length, made_from: None, parts: Vec::new() }
    }
}
