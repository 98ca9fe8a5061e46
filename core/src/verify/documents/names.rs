//! What names promise. A digest in a name is a promise, wherever the name is used; and one name has one content.

use std::collections::HashMap;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ItemRecord;

use super::DocumentError;
use crate::oci::Reference;

/// Checks every name of an archive, or of one that is about to be made.
///
/// # Errors
/// [`DocumentError::Reference`], [`DocumentError::Promise`] and [`DocumentError::TwoContents`].
pub(crate) fn check<'r>(items: impl IntoIterator<Item = &'r ItemRecord>) -> Result<(), DocumentError> {
    let mut names = ListedNames::default();
    // A file has no reference.
    for item in items.into_iter().filter(|item| item.as_file().is_none()) {
        names.add(item.reference(), &item.named_content().digest, item.reference())?;
        for image in item.parts() {
            names.add(&image.reference, &image.descriptor.digest, item.reference())?;
        }
    }
    Ok(())
}

/// What is carried under each name, and with which item, by what the name means.
#[derive(Default)]
struct ListedNames<'n>(HashMap<String, (&'n str, &'n Digest, &'n str)>);

impl<'n> ListedNames<'n> {
    fn add(&mut self, name: &'n str, content: &'n Digest, item: &'n str) -> Result<(), DocumentError> {
        let reference: Reference =
            name.parse().map_err(|source| DocumentError::Reference { name: name.to_owned(), source })?;
        if let Some(promised) = reference.digest().filter(|promised| *promised != content) {
            let (name, promised, found) = (name.to_owned(), promised.clone(), content.clone());
            return Err(DocumentError::Promise { name, promised, found });
        }
        // A name without a tag contains the digest, and has just been checked against it.
        let Some(tag) = reference.tagged_name() else { return Ok(()) };
        let known = self.0.entry(tag).or_insert((name, content, item));
        if known.1 == content {
            return Ok(());
        }
        let [name, other, item, other_item] = [name, known.0, item, known.2].map(str::to_owned);
        let (first, second) = (content.clone(), known.1.clone());
        Err(DocumentError::TwoContents { name, other, first, second, item, other_item })
    }
}
