//! How much of an archive each item takes.

use std::collections::{HashMap, HashSet};

use sealift_archive_format::Digest;

use super::Plan;
use crate::export::Base;
use crate::verify::documents::ClosedItem;

/// How much of the content of an archive is there for one item, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemWeight {
    /// All of it.
    pub bytes: u64,
    /// How much of it other items need too. It is carried once.
    pub shared: u64,
}

impl Plan {
    /// How much each item takes, in their order.
    pub fn weights(&self) -> Vec<ItemWeight> {
        let carried: HashSet<&Digest> = self.closed.blobs().into_iter().map(|blob| blob.digest).collect();
        let contents = self.closed.items.iter().map(|item| {
            let contents = item.contents().into_iter();
            contents.filter(|(digest, _)| carried.contains(digest)).collect::<Vec<_>>()
        });
        let contents: Vec<_> = contents.collect();
        let mut users: HashMap<&Digest, u32> = HashMap::new();
        for (digest, _) in contents.iter().flatten() {
            let count = users.entry(digest).or_default();
            *count = count.saturating_add(1);
        }
        let weight = |contents: &Vec<(&Digest, u64)>| {
            contents.iter().fold(ItemWeight::default(), |weight, (digest, size)| ItemWeight {
                bytes: weight.bytes.saturating_add(*size),
                shared: match users.get(digest) {
                    Some(2..) => weight.shared.saturating_add(*size),
                    _ => weight.shared,
                },
            })
        };
        contents.iter().map(weight).collect()
    }

    /// What the name of each item stands for, in their order: the digest of a manifest or an index, or of a plain file. `None` for a bundle
    /// that has no index.
    pub fn named_digests(&self) -> impl Iterator<Item = Option<&Digest>> {
        self.closed.items.iter().map(|item| item.named_digest())
    }

    /// What kind of artifact each item is, in their order: the artifact type of its manifest or index, or the type of its configuration.
    /// `None` for bundles, container images and plain files.
    pub fn artifact_types(&self) -> impl Iterator<Item = Option<&str>> {
        self.closed.items.iter().map(|item| match item {
            ClosedItem::Image(image) => image.graph.root().document().artifact_type(),
            ClosedItem::Bundle(_) | ClosedItem::File(_) => None,
        })
    }

    /// How many layers are left out on this base, and their bytes.
    pub fn left_out_by(&self, base: &Base) -> (usize, u64) {
        let layers = self.closed.other_layers();
        let blobs = self.closed.blobs().into_iter();
        let absent = blobs.filter(|blob| layers.contains(blob.digest) && base.leaves_out(blob.digest));
        absent.fold((0, 0), |(count, bytes): (usize, u64), blob| {
            (count.saturating_add(1), bytes.saturating_add(blob.size))
        })
    }

    /// The content of all items, each blob once, in bytes.
    pub fn content_bytes(&self) -> u64 {
        self.closed.blobs().into_iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
    }
}
