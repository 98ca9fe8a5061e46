//! Where things go: the repository and tag that each reference gets on the far side.

use std::collections::HashMap;

use sealift_archive_format::{Digest, Inventory};

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
    /// Two different things would get the same tag.
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

    /// Checks that no two different things in an inventory have one place, before anything is written.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn check(&self, inventory: &Inventory) -> Result<(), DestinationError> {
        let mut taken: HashMap<String, (&String, &Digest)> = HashMap::new();
        let bundles = inventory.bundles.iter();
        let bundles = bundles.map(|bundle| (&bundle.reference, bundle.index.as_ref().unwrap_or(&bundle.descriptor)));
        let images = inventory.images.iter().map(|image| (&image.reference, &image.descriptor));
        for (name, content) in bundles.chain(images) {
            let place = self.place(name)?;
            let Some(tag) = place.tag_or_latest() else { continue };
            let tag = format!("{}:{tag}", place.repository());
            let (first, held) = *taken.entry(tag.clone()).or_insert((name, &content.digest));
            if *held != content.digest {
                return Err(DestinationError::Collision { first: first.clone(), second: name.clone(), tag });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(domain: &str, prefix: &str, name: &str) -> Result<String, DestinationError> {
        let destination = Destination::Registry { domain: domain.to_owned(), prefix: prefix.to_owned() };
        destination.place(name).map(|reference| reference.to_string())
    }

    #[test]
    fn a_registry_takes_the_place_of_the_domain() {
        assert_eq!(place("r.internal:5000", "", "example.com/org/shop:1.4").unwrap(), "r.internal:5000/org/shop:1.4");
        assert_eq!(place("r.internal:5000", "/a/b/", "org/shop").unwrap(), "r.internal:5000/a/b/org/shop:latest");
        assert_eq!(place("localhost:5000", "m", "ubuntu:24.04").unwrap(), "localhost:5000/m/library/ubuntu:24.04");
    }

    #[test]
    fn what_makes_no_reference_has_no_place() {
        assert!(matches!(place("r:5000", "UPPER", "example.com/a:1"), Err(DestinationError::Repository { .. })));
        assert!(matches!(place("r:5000", "", "not a reference"), Err(DestinationError::Reference { .. })));
    }

    #[test]
    fn a_layout_keeps_names() {
        let kept = Destination::AsTheyAre.place("example.com/org/shop:1.4").unwrap();
        assert_eq!(kept.to_string(), "example.com/org/shop:1.4");
    }
}
