//! Where a thing is, in the notation of people: a file, an OCI image layout, or a registry.
//!
//! Promise: what exists here is that. The name of an existing file or folder is never asked of a registry, so no local name
//! leaves this machine.

use std::path::{Path, PathBuf};

use crate::oci::{Reference, ReferenceError};
use crate::remedy::{Remediable, Remedy};

/// Where a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a registry.
    Registry(Reference),
    /// In an OCI image layout.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// The reference there.
        reference: Reference,
    },
    /// In a file: a thin bundle.
    File(PathBuf),
}

/// Why a text is not a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a file or folder here, nor a reference in a registry")]
pub struct PlaceError {
    /// The text.
    pub text: String,
    /// Why it is not a reference.
    pub source: ReferenceError,
}

impl Remediable for PlaceError {
    fn remedy(&self) -> Remedy {
        Remedy::GivePlace
    }
}

impl Place {
    /// Finds the place of a thing called `name`, looking at what exists here. `text` is one of:
    ///
    /// - `oci:FOLDER` or `oci:FOLDER:REFERENCE`, an OCI image layout, in which `name` is looked up unless another reference is
    ///   given; a folder whose own name has a colon is that folder if it exists;
    /// - the path of an existing folder, an OCI image layout too;
    /// - the path of a file: one that exists, ends in `.json`, or begins with `/`, `./` or `../`;
    /// - a reference in a registry.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn find(text: &str, name: &Reference) -> Result<Self, PlaceError> {
        let reference =
            |reference: &str| reference.parse().map_err(|source| PlaceError { text: reference.to_owned(), source });
        if let Some(layout) = text.strip_prefix("oci:") {
            return match layout.split_once(':') {
                Some((folder, there)) if !Path::new(layout).exists() => {
                    Ok(Self::Layout { folder: folder.into(), reference: reference(there)? })
                }
                _ => Ok(Self::Layout { folder: layout.into(), reference: name.clone() }),
            };
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Layout { folder: path.to_owned(), reference: name.clone() });
        }
        let is_meant_as_file = path.extension().is_some_and(|ending| ending == "json")
            || ["/", "./", "../"].iter().any(|beginning| text.starts_with(beginning));
        if is_meant_as_file || path.exists() {
            return Ok(Self::File(path.to_owned()));
        }
        reference(text).map(Self::Registry)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_exists_here_is_never_a_name_in_a_registry() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let name: Reference = "example.com/app:1".parse().unwrap();
        let find = |text: &str| Place::find(text, &name).unwrap();
        fs::write(path("bundle"), "{}").unwrap();
        fs::create_dir(path("layout")).unwrap();
        fs::create_dir(path("a:b")).unwrap();
        let layout = |folder: &str, reference: &str| Place::Layout {
            folder: folder.into(),
            reference: reference.parse().unwrap(),
        };
        for (text, place) in [
            (path("bundle"), Place::File(path("bundle").into())),
            (path("layout"), layout(&path("layout"), "example.com/app:1")),
            (format!("oci:{}", path("layout")), layout(&path("layout"), "example.com/app:1")),
            (format!("oci:{}:other:2", path("layout")), layout(&path("layout"), "other:2")),
            (format!("oci:{}", path("a:b")), layout(&path("a:b"), "example.com/app:1")),
            ("missing.json".to_owned(), Place::File("missing.json".into())),
            ("./missing".to_owned(), Place::File("./missing".into())),
            ("nginx:1".to_owned(), Place::Registry("nginx:1".parse().unwrap())),
        ] {
            assert_eq!(find(&text), place, "{text}");
        }
        for text in ["Not A Name", "oci:missing:Not A Name"] {
            assert!(Place::find(text, &name).is_err(), "{text}");
        }
    }
}
