//! Where things go: the repository and tag that each reference gets on the far side.

use sealift_archive_format::Inventory;

use crate::oci::{Reference, ReferenceError, Repository};

/// How references are changed on import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// They keep their names: into a layout.
    AsTheyAre,
    /// Their domain becomes another one, and their path may get a prefix: into a registry.
    Registry {
        /// The registry, for example `registry.internal:5000`.
        domain: String,
        /// Put before every path, for example `mirror`; may be empty.
        prefix: String,
    },
}

/// Why something has no place on the far side.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A name in the archive is not a reference.
    #[error("{name:?} is not a reference, so it has no place in a registry")]
    Reference {
        /// The name.
        name: String,
        /// Why.
        source: ReferenceError,
    },
    /// The prefix and the path make no repository.
    #[error("{name} has no place in {domain} below {prefix:?}")]
    Repository {
        /// The name.
        name: String,
        /// The registry.
        domain: String,
        /// The prefix.
        prefix: String,
        /// Why.
        source: ReferenceError,
    },
    /// Two things would get the same tag.
    #[error("{first} and {second} would both be tagged {tag}")]
    Collision {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The tag.
        tag: String,
    },
}

impl Destination {
    /// Where `name` goes: the reference that it gets.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn place(&self, name: &str) -> Result<Reference, DestinationError> {
        let reference: Reference =
            name.parse().map_err(|source| DestinationError::Reference { name: name.to_owned(), source })?;
        let Self::Registry { domain, prefix } = self else { return Ok(reference) };
        let path = match prefix.trim_matches('/') {
            "" => reference.repository().path().to_owned(),
            prefix => format!("{prefix}/{}", reference.repository().path()),
        };
        let repository = Repository::new(domain, &path).map_err(|source| DestinationError::Repository {
            name: name.to_owned(),
            domain: domain.clone(),
            prefix: prefix.clone(),
            source,
        })?;
        Ok(Reference::new(repository, reference.tag_or_latest(), reference.digest().cloned()))
    }

    /// Checks that everything in an inventory has a place of its own, before anything is written.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn check(&self, inventory: &Inventory) -> Result<(), DestinationError> {
        let mut taken: Vec<(String, String)> = Vec::new();
        let bundles = inventory.bundles.iter().map(|bundle| &bundle.reference);
        for name in bundles.chain(inventory.images.iter().map(|image| &image.reference)) {
            let place = self.place(name)?;
            let Some(tag) = place.tag_or_latest() else { continue };
            let tag = format!("{}:{}", place.repository(), tag.as_str());
            if let Some((first, _)) = taken.iter().find(|(_, other)| *other == tag) {
                return Err(DestinationError::Collision { first: first.clone(), second: name.clone(), tag });
            }
            taken.push((name.clone(), tag));
        }
        Ok(())
    }
}
