//! What is asked of a judgement.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_proof::in_toto::{Inspections, ProductContent};
use sealift_proof::tuf::Measured;

use super::item::Item;
use super::terms::Terms;

/// What to judge, and how.
pub struct Question<'a> {
    /// The items.
    pub items: Vec<Arc<Item>>,
    /// By which clock.
    pub terms: &'a Terms,
    /// Whether in-toto inspections are run.
    pub inspections: Inspections<'a>,
    /// The bytes of `bundle.json` and of manifests, by the digests that the items have: they are compared with targets and
    /// products, and given to inspections. A thick bundle is not there: it comes later. Files are there only if they were read ahead.
    pub documents: &'a BTreeMap<Digest, Arc<[u8]>>,
}

impl Question<'_> {
    /// The name of the first item, as the map is asked about it.
    pub(super) fn first_name(&self) -> Option<String> {
        self.items.first().map(|item| item.full_name())
    }
}

/// The content of an item.
pub(super) struct Brought<'a> {
    /// Its bytes, if they are there already.
    pub(super) content: ProductContent<'a>,
    /// Their length and digests.
    pub(super) measured: Rc<Measured>,
}
