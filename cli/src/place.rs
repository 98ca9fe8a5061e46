//! Where things are, as the command line writes it: `NAME[=WHERE]`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sealift_core::oci::{Reference, ReferenceError};

/// Something that is called NAME, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// What it is called: its reference, and its TUF target name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: Place,
}

/// Where something is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
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

impl FromStr for Named {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, place) = text.split_once('=').unwrap_or((text, text));
        let reference: Reference = name.parse()?;
        Ok(Self { name: name.to_owned(), place: Place::parse(place, reference)? })
    }
}

impl Place {
    /// Reads a place; in a layout, `name` is what is looked for unless another reference is written.
    fn parse(text: &str, name: Reference) -> Result<Self, ReferenceError> {
        let Some(layout) = text.strip_prefix("oci:") else {
            let is_file = Path::new(text).extension().is_some_and(|ending| ending == "json");
            return if is_file { Ok(Self::File(text.into())) } else { Ok(Self::Registry(text.parse()?)) };
        };
        // A folder may have a colon in its name: what exists as a whole is a folder.
        let (folder, reference) = match layout.split_once(':') {
            Some((folder, reference)) if !Path::new(layout).exists() => (folder, reference.parse()?),
            _ => (layout, name),
        };
        Ok(Self::Layout { folder: folder.into(), reference })
    }
}

/// A TUF repository, as the command line writes it: `REPOSITORY=LOCATION` or `REPOSITORY=METADATA,TARGETS`.
#[derive(Debug, Clone)]
pub(crate) struct TufPlace {
    /// The name under which its root is pinned.
    pub(crate) repository: String,
    /// The folder or URL of the metadata.
    pub(crate) metadata: String,
    /// The folder or URL of the target files.
    pub(crate) targets: String,
}

impl FromStr for TufPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (repository, location) = text.split_once('=').ok_or("expected REPOSITORY=LOCATION")?;
        let (metadata, targets) = match location.split_once(',') {
            Some((metadata, targets)) => (metadata.to_owned(), targets.to_owned()),
            None => {
                let location = location.trim_end_matches('/');
                (format!("{location}/metadata"), format!("{location}/targets"))
            }
        };
        Ok(Self { repository: repository.to_owned(), metadata, targets })
    }
}
