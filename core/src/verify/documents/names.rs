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
    for item in items {
        names.add(item.reference(), &item.named_content().digest)?;
        for image in item.parts() {
            names.add(&image.reference, &image.descriptor.digest)?;
        }
    }
    Ok(())
}

/// What is carried under each name, by what the name means.
#[derive(Default)]
struct ListedNames<'n>(HashMap<String, (&'n str, &'n Digest)>);

impl<'n> ListedNames<'n> {
    fn add(&mut self, name: &'n str, content: &'n Digest) -> Result<(), DocumentError> {
        let reference: Reference =
            name.parse().map_err(|source| DocumentError::Reference { name: name.to_owned(), source })?;
        if let Some(promised) = reference.digest().filter(|promised| *promised != content) {
            let (name, promised, found) = (name.to_owned(), promised.clone(), content.clone());
            return Err(DocumentError::Promise { name, promised, found });
        }
        // A name without a tag contains the digest, and has just been checked against it.
        let Some(tag) = reference.tagged_name() else { return Ok(()) };
        let known = self.0.entry(tag).or_insert((name, content));
        if known.1 == content {
            return Ok(());
        }
        let [name, other] = [name, known.0].map(str::to_owned);
        Err(DocumentError::TwoContents { name, other, first: content.clone(), second: known.1.clone() })
    }
}
