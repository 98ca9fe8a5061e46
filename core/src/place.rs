//! Where a thing is, in the notation of people: a file, an OCI image layout, or a registry. What kind of file it is, the file shows.
//!
//! Promise: a text that names an existing file or folder means that file or folder. It is never looked up in a registry, with or without
//! a tag after it, so no local name leaves this machine.

use std::path::{Path, PathBuf};

use crate::oci::{Reference, ReferenceError};
use crate::remedy::{Remediable, Remedy};
use crate::user_info;

/// Where a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a registry.
    Registry(Reference),
    /// In an OCI image layout.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// What it is called there; `None` for the thing's own name.
        entry: Option<InnerName>,
    },
    /// In a file.
    File {
        /// Its path.
        path: PathBuf,
        /// What kind of file it is said to be; `None` where the file itself shows it ([`SourceFile`](crate::source_file::SourceFile)).
        form: Option<FileForm>,
        /// What it is called there; `None` for the thing's own name.
        entry: Option<InnerName>,
    },
}

/// What something is called in a layout or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InnerName {
    /// A reference.
    Reference(Reference),
    /// Any other text, such as `1.0.0+build`.
    Text(String),
    /// Its place in the list, counted from 0, as skopeo writes it: `@0`.
    Position(usize),
}

impl InnerName {
    fn of(text: &str) -> Self {
        let position = || text.strip_prefix('@')?.parse().ok();
        match (position(), text.parse()) {
            (Some(position), _) => Self::Position(position),
            (None, Ok(reference)) => Self::Reference(reference),
            (None, Err(_)) => Self::Text(text.to_owned()),
        }
    }
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
pub enum PlaceError {
    /// It is in none of the known forms.
    #[error("{text:?} is neither a file or folder here, nor a reference in a registry")]
    Unknown {
        /// The text.
        text: String,
        /// Why it is not a reference.
        source: ReferenceError,
    },
    /// It may be a reference, but begins with the name of something that is here.
    #[error("{text:?} can mean {entry:?} in {}, which is here, or a reference in a registry", .path.display())]
    EitherPlace {
        /// The text.
        text: String,
        /// What is here.
        path: PathBuf,
        /// What it would be called there.
        entry: String,
    },
    /// It is here, and nothing says what it is called.
    #[error("{name} can mean what is here, which is never looked for in a registry; but it has no other name")]
    NameMissing {
        /// What was written.
        name: String,
        /// Where it is, as a place is written.
        place: String,
    },
    /// It asks for a registry over plain `http`, for which a host has to be named.
    #[error("{text:?} asks for plain http, which is used only for hosts that are named")]
    PlainHttp {
        /// The text.
        text: String,
        /// The registry.
        host: String,
        /// The reference in it.
        reference: String,
    },
    /// It has a user name, and perhaps a password, before the registry.
    #[error("a location has no user name and no password in it; credentials for {host} are taken from elsewhere")]
    UserInfo {
        /// The registry.
        host: String,
        /// The location without them.
        location: String,
    },
    /// It is where another tool keeps images.
    #[error("{text:?} names a place in the notation of another tool; {transport} is not supported")]
    OtherTransport {
        /// The text.
        text: String,
        /// What it begins with.
        transport: &'static str,
    },
}

impl Remediable for PlaceError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Unknown { .. } | Self::OtherTransport { .. } => Remedy::GivePlace,
            Self::PlainHttp { host, reference, .. } => {
                Remedy::NamePlainHost { host: host.clone(), reference: reference.clone() }
            }
            Self::UserInfo { host, location } => {
                Remedy::LeaveOutUserInfo { host: host.clone(), location: location.clone() }
            }
            Self::EitherPlace { text, .. } => Remedy::TellPlacesApart { name: text.clone() },
            Self::NameMissing { name, place } => Remedy::NamePlace { name: name.clone(), place: place.clone() },
        }
    }
}

impl Place {
    /// Finds the place of a thing, looking at what exists here. `text` is one of:
    ///
    /// - `oci:FOLDER` or `oci:FOLDER:ENTRY`, an OCI image layout, in which the thing is looked up under its own name unless another
    ///   [entry](InnerName) is named; a folder whose own name has colons is that folder if it exists. regctl writes `ocidir://`, and some
    ///   write `oci-layout:`;
    /// - `oci-archive:FILE` or `docker-archive:FILE`, with or without `:ENTRY`, in the same way; `oci:` before a file, and `oci-archive:`
    ///   before a folder, mean the other;
    /// - `docker://REFERENCE`, a reference in a registry, as skopeo writes it, or `https://REFERENCE`, as it is copied from a browser. After
    ///   `https://` the registry is never reached over plain `http` (the caller sees to that, see [`https_host`]);
    /// - the path of an existing folder, an OCI image layout too;
    /// - the path of a file: one that exists, has the ending of one, or begins with `/`, `./` or `../`;
    /// - a reference in a registry.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn find(text: &str) -> Result<Self, PlaceError> {
        require_no_user_info(text)?;
        let there = without_schemes(text);
        if there.len() < text.len() {
            return reference(there).map(Self::Registry);
        }
        if let Some(there) = after_scheme(text, "http://") {
            let host = there.split('/').next().unwrap_or_default().to_owned();
            let (text, reference) = (text.to_owned(), there.to_owned());
            return Err(PlaceError::PlainHttp { text, host, reference });
        }
        if let Some(layout) = LAYOUTS.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            let (folder, entry) = path_and_entry(layout);
            if folder.is_file() {
                return Ok(Self::File { path: folder, form: Some(FileForm::OciArchive), entry });
            }
            return Ok(Self::Layout { folder, entry });
        }
        for (prefix, form) in [("oci-archive:", FileForm::OciArchive), ("docker-archive:", FileForm::DockerArchive)] {
            if let Some(file) = text.strip_prefix(prefix) {
                let (path, entry) = path_and_entry(file);
                if form == FileForm::OciArchive && path.is_dir() {
                    return Ok(Self::Layout { folder: path, entry });
                }
                return Ok(Self::File { path, form: Some(form), entry });
            }
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Layout { folder: path.to_owned(), entry: None });
        }
        let is_meant_as_file = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            || ["/", "./", "../"].iter().any(|beginning| text.starts_with(beginning));
        if is_meant_as_file || path.symlink_metadata().is_ok() {
            return Ok(Self::File { path: path.to_owned(), form: None, entry: None });
        }
        if let Some(transport) = OTHER_TRANSPORTS.iter().find(|transport| text.starts_with(*transport)) {
            return Err(PlaceError::OtherTransport { text: text.to_owned(), transport });
        }
        if let Some((path, entry)) = split_at_existing(text) {
            let (text, path, entry) = (text.to_owned(), path.into(), entry.to_owned());
            return Err(PlaceError::EitherPlace { text, path, entry });
        }
        reference(text).map(Self::Registry)
    }
}

/// Requires that a text which is only a name, in a registry, does not name something that is here.
///
/// # Errors
/// [`PlaceError::NameMissing`].
pub fn require_not_here(name: &str) -> Result<(), PlaceError> {
    let is_at = |place: String| Err(PlaceError::NameMissing { name: name.to_owned(), place });
    match Place::find(name) {
        Ok(Place::Layout { .. } | Place::File { .. }) => is_at(name.to_owned()),
        Err(PlaceError::EitherPlace { .. }) => is_at(format!("oci:{name}")),
        Ok(Place::Registry(_)) | Err(_) => Ok(()),
    }
}

/// Requires that a location has no user name and no password in it.
///
/// # Errors
/// [`PlaceError::UserInfo`].
pub fn require_no_user_info(text: &str) -> Result<(), PlaceError> {
    let Some(location) = user_info::location_after(text).filter(|_| !Path::new(text).exists()) else { return Ok(()) };
    let host = location.split('/').next().unwrap_or_default().to_owned();
    Err(PlaceError::UserInfo { host, location: location.to_owned() })
}

/// Whether a text is a place on this machine by how it begins, whatever there is.
pub fn begins_as_here(text: &str) -> bool {
    let mut beginnings = LAYOUTS.iter().chain(&["oci-archive:", "docker-archive:", "/", "./", "../"]);
    beginnings.any(|beginning| text.starts_with(beginning))
}

/// What stands before a registry.
const DOCKER: &str = "docker://";
const HTTPS: &str = "https://";

/// What follows a scheme, which is the same in capitals (RFC 3986 §3.1).
fn after_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (beginning, rest) = text.split_at_checked(scheme.len())?;
    beginning.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// A registry, or a reference in one, without what may stand before it: `docker://`, `https://`, or both.
pub fn without_schemes(text: &str) -> &str {
    let named = after_scheme(text, DOCKER).unwrap_or(text);
    after_scheme(named, HTTPS).unwrap_or(named)
}

/// The registry that a text says is to be reached over `https`.
pub fn https_host(text: &str) -> Option<&str> {
    let named = after_scheme(text, DOCKER).unwrap_or(text);
    after_scheme(named, HTTPS)?.split('/').next().filter(|host| !host.is_empty())
}

/// What layouts in folders begin with.
const LAYOUTS: [&str; 4] = ["oci:", "ocidir://", "ocidir:", "oci-layout:"];
/// What places begin with in other tools that are not read here. A repository of that name can be written with `docker://`.
const OTHER_TRANSPORTS: [&str; 8] =
    ["atomic:", "containers-storage:", "dir:", "docker-daemon:", "file:", "ostree:", "sif:", "tarball:"];

/// The endings of files, which no tag has.
const ENDINGS: [&str; 5] = ["json", "tar", "tgz", "gz", "zst"];

fn reference(text: &str) -> Result<Reference, PlaceError> {
    text.parse().map_err(|source| PlaceError::Unknown { text: text.to_owned(), source })
}

/// `PATH` or `PATH:ENTRY`. Of a path whose own name has colons, the longest part that exists is meant, or all of it.
fn path_and_entry(text: &str) -> (PathBuf, Option<InnerName>) {
    if Path::new(text).exists() {
        return (text.into(), None);
    }
    match split_at_existing(text).or_else(|| text.split_once(':')) {
        Some((path, entry)) => (path.into(), Some(InnerName::of(entry))),
        None => (text.into(), None),
    }
}

/// The longest part before a colon that exists here, and what follows the colon.
fn split_at_existing(text: &str) -> Option<(&str, &str)> {
    let colons = text.match_indices(':').map(|(at, _)| at);
    let mut parts = colons.filter_map(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    parts.rfind(|(path, _)| !path.is_empty() && Path::new(path).symlink_metadata().is_ok())
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
        let layout = |folder: &str, entry: Option<&str>| Place::Layout {
            folder: folder.into(),
            entry: entry.map(InnerName::of),
        };
        let file = |path: &str, form: Option<FileForm>, entry: Option<&str>| Place::File {
            path: path.into(),
            form,
            entry: entry.map(InnerName::of),
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
            (format!("oci-layout:{}", path("layout")), layout(&path("layout"), None)),
            (format!("ocidir://{}:1", path("layout")), layout(&path("layout"), Some("1"))),
            (format!("oci:{}:1.0+b", path("layout")), layout(&path("layout"), Some("1.0+b"))),
            (format!("oci:{}", path("bundle")), file(&path("bundle"), oci, None)),
            (format!("oci-archive:{}:other:2", path("bundle")), file(&path("bundle"), oci, Some("other:2"))),
            (format!("oci-archive:{}:2", path("layout")), layout(&path("layout"), Some("2"))),
            ("docker-archive:saved.tar".to_owned(), file("saved.tar", docker, None)),
            ("missing.json".to_owned(), file("missing.json", None, None)),
            ("missing.tgz".to_owned(), file("missing.tgz", None, None)),
            ("./missing".to_owned(), file("./missing", None, None)),
            ("nginx:1".to_owned(), registry("nginx:1")),
            ("docker://r.example/nginx:1".to_owned(), registry("r.example/nginx:1")),
            ("https://r.example:5000/nginx:1".to_owned(), registry("r.example:5000/nginx:1")),
            ("Docker://HTTPS://r.example:5000/nginx:1".to_owned(), registry("r.example:5000/nginx:1")),
        ] {
            assert_eq!(find(&text), place, "{text}");
        }
        for text in ["Not A Name", "docker://Not A Name"] {
            assert!(matches!(Place::find(text), Err(PlaceError::Unknown { .. })), "{text}");
        }
        let (text, host) = ("http://r.example:5000/nginx".to_owned(), "r.example:5000".to_owned());
        let reference = "r.example:5000/nginx".to_owned();
        assert_eq!(Place::find(&text), Err(PlaceError::PlainHttp { text, host, reference }));
        for text in ["docker://user:s3cret@r.example:5000/nginx", "user:s3cret@r.example:5000/nginx"] {
            let (host, location) = ("r.example:5000".to_owned(), "r.example:5000/nginx".to_owned());
            assert_eq!(Place::find(text), Err(PlaceError::UserInfo { host, location }));
        }
        for text in ["https://r.example:5000/nginx:1", "HTTPS://r.example:5000", "docker://https://r.example:5000/a"] {
            assert_eq!(https_host(text), Some("r.example:5000"), "{text}");
        }
        for text in ["r.example/nginx", "docker://r.example/nginx", "http://r.example/nginx", "https:///a"] {
            assert_eq!(https_host(text), None, "{text}");
        }
        for transport in OTHER_TRANSPORTS {
            let text = format!("{transport}{}", path("layout"));
            assert!(matches!(Place::find(&text), Err(PlaceError::OtherTransport { .. })), "{text}");
        }
        assert_eq!(find("docker://dir:1"), registry("dir:1"));
        for (text, is_here) in [("oci:a", true), ("oci-archive:a.tar", true), ("./a", true), ("ocisomething:1", false)]
        {
            assert_eq!(begins_as_here(text), is_here, "{text}");
        }
        for (name, place) in [("src", "src"), ("Cargo.toml", "Cargo.toml"), ("src:1", "oci:src:1")] {
            let (name, place) = (name.to_owned(), place.to_owned());
            assert_eq!(require_not_here(&name.clone()), Err(PlaceError::NameMissing { name, place }));
        }
        for name in ["nginx", "nginx:1", "r.example/src:1"] {
            assert_eq!(require_not_here(name), Ok(()), "{name}");
        }
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        assert_eq!(find(&path("dangling")), file(&path("dangling"), None, None));
        // `src` and `Cargo.toml` are in the folder in which tests run.
        for (text, path, entry) in [("src:1", "src", "1"), ("src:a:b", "src", "a:b"), ("src/oci:v2", "src/oci", "v2")] {
            let error = Place::find(text).unwrap_err();
            let (text, path, entry) = (text.to_owned(), path.into(), entry.to_owned());
            assert_eq!(error, PlaceError::EitherPlace { text, path, entry });
        }
    }

    #[test]
    fn an_entry_is_called_by_a_reference_a_place_in_the_list_or_anything_else() {
        let reference = |text: &str| InnerName::Reference(text.parse().unwrap());
        for (text, entry) in [
            ("1.0", reference("1.0")),
            ("r.example/app:1", reference("r.example/app:1")),
            ("@0", InnerName::Position(0)),
            ("1.0+build", InnerName::Text("1.0+build".to_owned())),
            ("Not A Name", InnerName::Text("Not A Name".to_owned())),
            ("@x", InnerName::Text("@x".to_owned())),
            ("", InnerName::Text(String::new())),
        ] {
            assert_eq!(InnerName::of(text), entry, "{text}");
        }
    }
}
