//! Where things are, in the notation of the command line: `NAME[=WHERE]`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sealift_archive_format::{FileName, file_name};
use sealift_core::found_path;
use sealift_core::oci::{Reference, ReferenceError, Tag};
use sealift_core::place::{Place, PlaceError, begins_as_here, require_no_user_info, require_not_here};
use sealift_core::remedy::Remediable as _;

use crate::options::network::WebLocation;
use crate::terminal::remedy::words;
use crate::terminal::shell::quoted;

/// A thing called NAME, and where it is, as it was written: nothing has been looked up.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// What it is called: its reference, and its TUF target name.
    pub(crate) name: String,
    reference: Reference,
    written: Option<String>,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.split_once('=').map_or(text, |(name, _)| name);
        require_no_user_info(name).map_err(|error| told(&error))?;
        let schemes = ["https://", "http://", "docker://", "oci://"];
        if let Some((scheme, rest)) = schemes.iter().find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?))) {
            return Err(format!("a name does not begin with {scheme}; write {rest}"));
        }
        let (name, written) = match text.split_once('=') {
            Some((name, place)) => (name, Some(place.to_owned())),
            None => (text, None),
        };
        if written.is_none() && begins_as_here(name) {
            let named = quoted(format!("registry.example/org/app:1.0={name}"));
            return Err(format!("this says where it is; write what it is called before that: {named}"));
        }
        Ok(Self {
            name: name.to_owned(),
            reference: name.parse().map_err(|error: ReferenceError| error.to_string())?,
            written,
        })
    }
}

/// What is wrong with a place, and what to do, in one line.
pub(super) fn told(error: &PlaceError) -> String {
    format!("{error}; {}", words(&error.remedy(), None))
}

/// A plain file, in the notation of the command line: `NAME` or `NAME=PATH`.
#[derive(Debug, Clone)]
pub(crate) struct NamedFile {
    /// Its name.
    pub(crate) name: FileName,
    /// Where it is, if not among the targets of its TUF repository.
    pub(crate) path: Option<PathBuf>,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        if let Some(url) = path.as_ref().filter(|it| it.to_string_lossy().contains("://") && !it.exists()) {
            return Err(format!("{} is not a file here; fetch it first, and give the file", url.display()));
        }
        let target = name.strip_prefix(file_name::PREFIX).unwrap_or(name);
        let name = FileName::of_target(target).map_err(|error| error.to_string())?;
        Ok(Self { name, path })
    }
}

impl Named {
    /// Where it is: in a registry under its own name, unless another place is written.
    pub(crate) fn place(&self) -> Result<Place, PlaceError> {
        match &self.written {
            Some(written) => Place::find(written),
            None => require_not_here(&self.name).map(|()| Place::Registry(self.reference.clone())),
        }
    }

    /// Where it is, as it was written.
    pub(crate) fn written(&self) -> Option<&str> {
        self.written.as_deref()
    }

    /// The same with a tag, also where it is stored if that is a name too.
    pub(crate) fn tagged(&self, tag: &Tag) -> Result<Self, String> {
        let has_name = |written: &str| match Place::find(written) {
            Ok(Place::Registry(_)) => true,
            Ok(Place::Layout { entry, .. } | Place::File { entry, .. }) => entry.is_some(),
            Err(_) => false,
        };
        let written =
            self.written.as_ref().map(|it| if has_name(it) { format!("={it}:{tag}") } else { format!("={it}") });
        format!("{}:{tag}{}", self.name, written.unwrap_or_default()).parse()
    }

    /// Its name, as a reference.
    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }
}

/// A TUF repository, in the notation of the command line: `REPOSITORY=LOCATION` or `REPOSITORY=METADATA,TARGETS`.
#[derive(Debug, Clone)]
pub(crate) struct TufPlace {
    /// The name under which its root is pinned.
    pub(crate) repository: String,
    /// Where its metadata is.
    pub(crate) metadata: Location,
    /// Where its target files are.
    pub(crate) targets: Location,
}

/// A collection of Notary, in the notation of the command line: `REPOSITORY=LOCATION`; or, without a name, all that are needed.
#[derive(Debug, Clone)]
pub(crate) struct NotaryPlace {
    /// The name under which its root is pinned, with its GUN; `None` for every collection that is pinned here and has the name of
    /// something that is exported.
    pub(crate) repository: Option<String>,
    /// The server, or the folder of its files; of several collections, the folder in which each has one by its GUN.
    pub(crate) files: Location,
}

/// The folder of the metadata, and that of the target files, in the folder of a repository.
const METADATA: &str = "metadata";
const TARGETS: &str = "targets";
/// The most folders that are looked into for the one that was meant.
const MOST_LOOKED_INTO: usize = 1_000;

impl TufPlace {
    /// The option that was meant, where the folder of the metadata is not there: it is one level higher or deeper, or the metadata is in
    /// the folder that was named.
    pub(crate) fn meant(&self) -> Option<String> {
        let Location::Folder(metadata) = &self.metadata else { return None };
        let named = metadata.parent().filter(|_| metadata.file_name().is_some_and(|it| it == METADATA))?;
        let as_it_is =
            |folder: &Path| if folder.as_os_str().is_empty() { Path::new(".").to_owned() } else { folder.to_owned() };
        let above = match named.file_name() {
            Some(_) => named.parent().map(as_it_is),
            None => Some(named.join("..")),
        };
        let below = std::fs::read_dir(as_it_is(named)).into_iter().flatten().take(MOST_LOOKED_INTO);
        let mut below: Vec<_> =
            below.filter_map(|entry| Some(entry.ok()?.path())).filter(|it| is_repository(it)).collect();
        let much_alike = || found_path::meant(named).filter(|it| is_repository(it));
        let found = match (above.filter(|above| is_repository(above)), below.as_mut_slice()) {
            (Some(above), _) => above,
            (None, [only]) => std::mem::take(only),
            (None, _) if named.join("timestamp.json").is_file() => {
                return Some(quoted(format!("{}={},TARGETS", self.repository, named.display())));
            }
            (None, _) => much_alike()?,
        };
        Some(quoted(format!("{}={}", self.repository, found.display())))
    }
}

fn is_repository(folder: &Path) -> bool {
    folder.join(METADATA).is_dir()
}

impl FromStr for NotaryPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A URL may have a sign of equality in it, and a name has no colon.
        match text.split_once('=').filter(|(repository, _)| !repository.contains("://")) {
            Some((repository, location)) => {
                Ok(Self { repository: Some(repository.to_owned()), files: location.parse()? })
            }
            // A word alone may be the name of a repository whose location was left out.
            None if !text.contains('/') => Err("expected REPOSITORY=SERVER or REPOSITORY=FOLDER".to_owned()),
            None => Ok(Self { repository: None, files: text.parse()? }),
        }
    }
}

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// On a web server.
    Web(WebLocation),
    /// In a folder.
    Folder(PathBuf),
}

impl FromStr for TufPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (repository, location) = text.split_once('=').ok_or("expected REPOSITORY=LOCATION")?;
        let (metadata, targets) = match location.split_once(',') {
            Some((metadata, targets)) => (metadata.parse()?, targets.parse()?),
            None => {
                let location: Location = location.parse()?;
                (location.join(METADATA)?, location.join(TARGETS)?)
            }
        };
        Ok(Self { repository: repository.to_owned(), metadata, targets })
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err("the location is empty".to_owned())
            } else {
                Ok(Self::Folder(text.into()))
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => Ok(Self::Web(format!("{scheme}://{rest}").parse()?)),
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                let path = percent_decode_str(path).collect::<Vec<u8>>();
                if path.starts_with(b"/") {
                    Ok(Self::Folder(OsString::from_vec(path).into()))
                } else {
                    Err("a file URL must name a folder on this machine: file:///folder".to_owned())
                }
            }
            _ => Err(format!("scheme {scheme} is not supported: give a folder, or an http, https or file URL")),
        }
    }
}

impl Location {
    fn join(&self, name: &str) -> Result<Self, String> {
        match self {
            Self::Web(location) => Ok(Self::Web(location.join(name)?)),
            Self::Folder(folder) => Ok(Self::Folder(folder.join(name))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_tuf_repository_is_in_a_folder() {
        let folder = |text: &str| Location::Folder(text.into());
        for (text, metadata, targets) in [
            ("r=tuf/", folder("tuf/metadata"), folder("tuf/targets")),
            ("r=a b,c", folder("a b"), folder("c")),
            ("r=file:///a%20b", folder("/a b/metadata"), folder("/a b/targets")),
            ("r=file://localhost/a", folder("/a/metadata"), folder("/a/targets")),
        ] {
            let place: TufPlace = text.parse().unwrap();
            assert_eq!((place.metadata, place.targets), (metadata, targets), "{text}");
        }
        for text in ["r", "r=", "r=a,", "r=ftp://r.example/", "r=file://elsewhere/a", "r=file:a://b"] {
            assert!(text.parse::<TufPlace>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_collection_of_notary_is_in_one_folder() {
        let place: NotaryPlace = "acme=trust/a,b".parse().unwrap();
        assert_eq!((place.repository.as_deref(), place.files), (Some("acme"), Location::Folder("trust/a,b".into())));
        #[cfg(feature = "network")]
        {
            let all: NotaryPlace = "https://notary.example/a=b".parse().unwrap();
            assert!(all.repository.is_none() && matches!(all.files, Location::Web(_)));
        }
        let all: NotaryPlace = "trust/tuf".parse().unwrap();
        assert_eq!((all.repository, all.files), (None, Location::Folder("trust/tuf".into())));
        for text in ["", "acme", "acme=", "acme=ftp://r.example/", "ftp://r.example/"] {
            assert!(text.parse::<NotaryPlace>().is_err(), "{text}");
        }
    }
}
