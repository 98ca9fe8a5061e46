//! Where a thing is, in the notation of people: a file, an OCI image layout, or a registry. What kind of file it is, the file shows.
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
        /// The reference there; `None` for the thing's own name.
        reference: Option<Reference>,
    },
    /// In a file.
    File {
        /// Its path.
        path: PathBuf,
        /// What kind of file it is said to be; `None` where the file itself shows it ([`SourceFile`](crate::source_file::SourceFile)).
        form: Option<FileForm>,
        /// The reference there; `None` for the thing's own name.
        reference: Option<Reference>,
    },
}

/// A kind of file that holds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// An OCI image layout in a tar file.
    OciArchive,
    /// What `docker save` writes.
    DockerArchive,
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
    /// Finds the place of a thing, looking at what exists here. `text` is one of:
    ///
    /// - `oci:FOLDER` or `oci:FOLDER:REFERENCE`, an OCI image layout, in which the thing is looked up under its own name unless another
    ///   reference is given; a folder whose own name has colons is that folder if it exists;
    /// - `oci-archive:FILE` or `docker-archive:FILE`, with or without `:REFERENCE`, in the same way;
    /// - `docker://REFERENCE`, a reference in a registry, as skopeo writes it;
    /// - the path of an existing folder, an OCI image layout too;
    /// - the path of a file: one that exists, has the ending of one, or begins with `/`, `./` or `../`;
    /// - a reference in a registry.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn find(text: &str) -> Result<Self, PlaceError> {
        if let Some(there) = text.strip_prefix("docker://") {
            return reference(there).map(Self::Registry);
        }
        if let Some(layout) = text.strip_prefix("oci:") {
            let (folder, reference) = path_and_reference(layout)?;
            if folder.is_file() {
                return Ok(Self::File { path: folder, form: Some(FileForm::OciArchive), reference });
            }
            return Ok(Self::Layout { folder, reference });
        }
        for (prefix, form) in [("oci-archive:", FileForm::OciArchive), ("docker-archive:", FileForm::DockerArchive)] {
            if let Some(file) = text.strip_prefix(prefix) {
                let (path, reference) = path_and_reference(file)?;
                return Ok(Self::File { path, form: Some(form), reference });
            }
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Layout { folder: path.to_owned(), reference: None });
        }
        let is_meant_as_file = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            || ["/", "./", "../"].iter().any(|beginning| text.starts_with(beginning));
        if is_meant_as_file || path.exists() {
            return Ok(Self::File { path: path.to_owned(), form: None, reference: None });
        }
        reference(text).map(Self::Registry)
    }
}

/// The endings of files, which no tag has.
const ENDINGS: [&str; 5] = ["json", "tar", "tgz", "gz", "zst"];

fn reference(text: &str) -> Result<Reference, PlaceError> {
    text.parse().map_err(|source| PlaceError { text: text.to_owned(), source })
}

/// `PATH` or `PATH:REFERENCE`. Of a path whose own name has colons, the longest part that exists is meant, or all of it.
fn path_and_reference(text: &str) -> Result<(PathBuf, Option<Reference>), PlaceError> {
    if Path::new(text).exists() {
        return Ok((text.into(), None));
    }
    let colons = text.match_indices(':').map(|(at, _)| at);
    let parts = || colons.clone().filter_map(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    let existing = parts().rfind(|(path, _)| Path::new(path).exists());
    match existing.or_else(|| parts().next()) {
        Some((path, there)) => Ok((path.into(), Some(reference(there)?))),
        None => Ok((text.into(), None)),
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
        let find = |text: &str| Place::find(text).unwrap();
        fs::write(path("bundle"), "{}").unwrap();
        fs::create_dir(path("layout")).unwrap();
        fs::create_dir(path("a:b")).unwrap();
        let layout = |folder: &str, reference: Option<&str>| Place::Layout {
            folder: folder.into(),
            reference: reference.map(|it| it.parse().unwrap()),
        };
        let file = |path: &str, form: Option<FileForm>, reference: Option<&str>| Place::File {
            path: path.into(),
            form,
            reference: reference.map(|it| it.parse().unwrap()),
        };
        let registry = |text: &str| Place::Registry(text.parse().unwrap());
        let (oci, docker) = (Some(FileForm::OciArchive), Some(FileForm::DockerArchive));
        for (text, place) in [
            (path("bundle"), file(&path("bundle"), None, None)),
            (path("layout"), layout(&path("layout"), None)),
            (format!("oci:{}", path("layout")), layout(&path("layout"), None)),
            (format!("oci:{}:other:2", path("layout")), layout(&path("layout"), Some("other:2"))),
            (format!("oci:{}", path("a:b")), layout(&path("a:b"), None)),
            (format!("oci:{}:other:2", path("a:b")), layout(&path("a:b"), Some("other:2"))),
            (format!("oci:{}", path("bundle")), file(&path("bundle"), oci, None)),
            (format!("oci-archive:{}:other:2", path("bundle")), file(&path("bundle"), oci, Some("other:2"))),
            ("docker-archive:saved.tar".to_owned(), file("saved.tar", docker, None)),
            ("missing.json".to_owned(), file("missing.json", None, None)),
            ("missing.tgz".to_owned(), file("missing.tgz", None, None)),
            ("./missing".to_owned(), file("./missing", None, None)),
            ("nginx:1".to_owned(), registry("nginx:1")),
            ("docker://r.example/nginx:1".to_owned(), registry("r.example/nginx:1")),
        ] {
            assert_eq!(find(&text), place, "{text}");
        }
        for text in ["Not A Name", "oci:missing:Not A Name", "docker-archive:missing:Not A Name", "docker://Not A Name"]
        {
            assert!(Place::find(text).is_err(), "{text}");
        }
    }
}
