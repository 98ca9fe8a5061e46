//! Where things go: the repository and tag that each reference gets on the far side.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealift_archive_format::inventory::DescriptorRecord;
use sealift_archive_format::{Digest, FileName};

use super::NameMap;
use super::shipment::Shipment;
use crate::delivery_file::{DeliveryFile, DeliveryFileError, DeliveryForm, FileFolder, OriginalFile};
use crate::oci::{Platforms, Reference, ReferenceError, Repository};
use crate::plain_file;
use crate::remedy::{Remediable, Remedy};
use crate::transfer::Sink;
use crate::verify::documents::ClosedItem;
use crate::verify::{Judged, Selected, Selection};

/// The domain that a file has in a layout, where names stay as they are and a file's has none.
const LOCAL: &str = "localhost";

/// How references are changed on import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Names stay as they are: into a layout.
    Layout {
        /// Its folder, in the one form by which this side recognises it ([`Destination::layout`]).
        folder: PathBuf,
    },
    /// Names stay as they are: into a new file. It is made anew each time, so it sets no tag that could move, and the trust store
    /// remembers none; what the archive itself is judged by is the same.
    File {
        /// What kind of file.
        form: DeliveryForm,
    },
    /// A thick bundle goes into a new file as it is, with everything that is in it.
    ThickBundle {
        /// What it is.
        file: DescriptorRecord,
        /// The bundle's name.
        reference: Reference,
    },
    /// Plain files alone: each below a folder, under the path of its TUF target.
    Files {
        /// The folder, in the one form by which this side recognises it.
        folder: PathBuf,
    },
    /// Names get another domain and another path: into a registry.
    Registry {
        /// The registry, for example `registry.internal:5000`.
        domain: String,
        /// Put before every path, for example `mirror`; may be empty.
        prefix: String,
        /// What happens to the original domain.
        naming: Naming,
    },
}

/// What happens to the domain of a name that goes to another registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Naming {
    /// It becomes the first component of the path (`docker.io/library/nginx`, `example.com_5000/app`): no two names
    /// collide.
    #[default]
    WithDomain,
    /// It is dropped (`library/nginx`): names that differ only in their domain go to one place.
    Flat,
    /// A map says to which path a repository goes; one that it does not mention goes where [`Naming::WithDomain`] would put it.
    Mapped(NameMap),
}

/// Why something cannot be stored on the far side.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A name in the archive is not a valid reference.
    #[error("{name:?} is not a valid reference, so it cannot be stored in a registry")]
    Reference {
        /// The name.
        name: String,
        /// What is wrong with the name.
        source: ReferenceError,
    },
    /// The prefix and the path do not make a valid repository name.
    #[error("{name} cannot be stored in {domain} below {prefix:?}")]
    Repository {
        /// The name.
        name: String,
        /// The registry.
        domain: String,
        /// The prefix.
        prefix: String,
        /// Whether the map of names chose the path.
        is_mapped: bool,
        /// What is wrong with the result.
        source: ReferenceError,
    },
    /// A file's name does not make a valid place among repositories.
    #[error("{name} cannot be stored in {domain} below {prefix:?}")]
    File {
        /// The name.
        name: String,
        /// The registry, or what stands for it in a layout.
        domain: String,
        /// The prefix.
        prefix: String,
        /// What is wrong with the result.
        source: ReferenceError,
    },
    /// A file cannot be made an artifact.
    #[error("{name} cannot be made an artifact")]
    Artifact {
        /// The name.
        name: String,
    },
    /// Two different things would get the same tag.
    #[error("{first} and {second} would get the same tag, {tag}")]
    Collision {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The tag.
        tag: String,
        /// What brings them together.
        meeting: Meeting,
    },
}

/// What brings two different things to the same tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// Their own names, which mean the same.
    Names,
    /// Their names without their registries.
    Flat,
    /// The map of names.
    Map,
}

impl Remediable for DestinationError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Repository { is_mapped: true, .. } => Remedy::CorrectNameMap,
            Self::Reference { .. } => Remedy::ChooseDestination { like: None },
            Self::Repository { domain, prefix, .. } => {
                let chosen = prefix.trim_matches('/');
                let lower = chosen.to_lowercase();
                let is_other = lower != chosen && Repository::new(domain, &lower).is_ok();
                let like = is_other.then(|| format!("{domain}/{lower}"));
                Remedy::ChooseDestination { like }
            }
            Self::File { .. } | Self::Artifact { .. } => Remedy::DeliverToFolder,
            Self::Collision { meeting: Meeting::Names, first, second, .. } => {
                Remedy::SeparateArchives { items: [first.clone(), second.clone()] }
            }
            Self::Collision { meeting: Meeting::Flat, .. } => Remedy::KeepRegistries,
            Self::Collision { meeting: Meeting::Map, .. } => Remedy::SeparateInNameMap,
        }
    }
}

impl Destination {
    /// Begins a new file for what an archive holds, after checking that the form can hold it. A thick bundle that travels as it is, and
    /// of which no platforms are chosen, is delivered as it is.
    ///
    /// # Errors
    /// [`DeliveryFileError`]; nothing was written.
    pub fn new_file<R: Read>(
        path: &Path,
        form: DeliveryForm,
        judged: &mut Judged<R>,
        selection: &Selection,
    ) -> Result<(Self, Box<dyn Sink>), DeliveryFileError> {
        if form == DeliveryForm::ThickBundle
            && selection.platforms == Platforms::All
            && let (selected, _) = judged.select(selection)?
            && let [Selected { finding, item }] = selected.as_slice()
            && let Some(thick_bundle) = item.thick_bundle()
            && let Ok(reference) = finding.item.reference.parse::<Reference>()
        {
            let file = thick_bundle.descriptor.clone();
            let sink = OriginalFile::begin(path, &file.digest)?;
            return Ok((Self::ThickBundle { file, reference }, Box::new(sink)));
        }
        let sink = DeliveryFile::of(path, form, judged, selection)?;
        Ok((Self::File { form }, Box::new(sink)))
    }

    /// Begins to deliver files below a folder, after checking that everything that is chosen is one.
    ///
    /// # Errors
    /// [`DeliveryFileError`]; nothing was written.
    pub fn files<R: Read>(
        folder: &Path,
        judged: &mut Judged<R>,
        selection: &Selection,
    ) -> Result<(Self, Box<dyn Sink>), DeliveryFileError> {
        let mut files = Vec::new();
        for Selected { finding, item } in judged.select(selection)?.0 {
            let ClosedItem::File(file) = item else {
                return Err(DeliveryFileError::NotAFile { name: finding.item.reference.clone() });
            };
            files.push(file);
        }
        let sink = FileFolder::begin(folder, files)?;
        let failed = |source| DeliveryFileError::Access { path: folder.to_owned(), source };
        let destination = Self::Files { folder: folder.canonicalize().map_err(failed)? };
        Ok((destination, Box::new(sink)))
    }

    /// The layout in an existing folder, however its path is written.
    ///
    /// # Errors
    /// The system's error for the folder.
    pub fn layout(folder: &Path) -> io::Result<Self> {
        Ok(Self::Layout { folder: folder.canonicalize()? })
    }

    /// What it is called in what is remembered of it: `oci:FOLDER`, `files:FOLDER`, or `HOST/PREFIX`. `None` where it is a new file.
    pub fn remembered(&self) -> Option<String> {
        match self {
            Self::Layout { folder } => Some(format!("oci:{}", folder.display())),
            Self::Files { folder } => Some(format!("files:{}", folder.display())),
            Self::Registry { domain, prefix, .. } if prefix.is_empty() => Some(domain.clone()),
            Self::Registry { domain, prefix, .. } => Some(format!("{domain}/{prefix}")),
            Self::File { .. } | Self::ThickBundle { .. } => None,
        }
    }

    /// The registry, where it is one.
    pub(super) fn domain(&self) -> Option<&str> {
        match self {
            Self::Registry { domain, .. } => Some(domain),
            Self::Layout { .. } | Self::File { .. } | Self::ThickBundle { .. } | Self::Files { .. } => None,
        }
    }

    /// The name under which the trust store remembers what a tag holds, and the tag as it is delivered; `None` for a
    /// reference that sets no tag.
    pub(super) fn tag_key(&self, place: &Reference) -> Option<(String, String)> {
        let tag = place.tagged_name()?;
        match self {
            Self::Layout { folder } => Some((format!("oci:{}:{tag}", folder.display()), tag)),
            Self::File { .. } | Self::ThickBundle { .. } | Self::Files { .. } => None,
            Self::Registry { .. } => Some((tag.clone(), tag)),
        }
    }

    /// The key and the name of what a shipment sets: of a file in a folder, its own.
    pub(super) fn key_of(&self, shipment: &Shipment) -> Option<(String, String)> {
        match (self, &shipment.file) {
            (Self::Files { folder }, Some(file)) => {
                Some((format!("files:{}:{}", folder.display(), file.name.path()), file.name.to_string()))
            }
            _ => self.tag_key(&shipment.place),
        }
    }

    /// What a person calls the place of a shipment.
    pub(super) fn shown(&self, shipment: &Shipment) -> String {
        self.key_of(shipment).map_or_else(|| shipment.place.to_string(), |(_, name)| name)
    }

    /// Whether everything keeps the name that it has.
    pub(super) fn keeps_names(&self) -> bool {
        match self {
            Self::Layout { .. } | Self::File { .. } | Self::ThickBundle { .. } | Self::Files { .. } => true,
            Self::Registry { .. } => false,
        }
    }

    /// Whether the index that holds a bundle in a registry goes there.
    pub(super) fn has_bundle_indexes(&self) -> bool {
        match self {
            Self::Layout { .. } | Self::Registry { .. } | Self::ThickBundle { .. } | Self::Files { .. } => true,
            Self::File { form } => form.has_bundle_indexes(),
        }
    }

    /// Whether what refers to images goes there.
    pub(super) fn has_referrers(&self) -> bool {
        match self {
            Self::Layout { .. } | Self::Registry { .. } | Self::ThickBundle { .. } | Self::Files { .. } => true,
            Self::File { form } => form.has_referrers(),
        }
    }

    /// The reference under which `name` is delivered.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn place(&self, name: &str) -> Result<Reference, DestinationError> {
        let reference: Reference =
            name.parse().map_err(|source| DestinationError::Reference { name: name.to_owned(), source })?;
        let Self::Registry { domain, prefix, naming } = self else { return Ok(reference) };
        let mapped = match naming {
            Naming::Mapped(map) => map.path(reference.repository()),
            Naming::WithDomain | Naming::Flat => None,
        };
        let is_mapped = mapped.is_some();
        let path = mapped.unwrap_or_else(|| match naming {
            Naming::Flat => reference.repository().path().to_owned(),
            Naming::WithDomain | Naming::Mapped(_) => reference.repository().path_with_domain(),
        });
        let path = match prefix.trim_matches('/') {
            "" => path,
            prefix => format!("{prefix}/{path}"),
        };
        let repository = Repository::new(domain, &path).map_err(|source| DestinationError::Repository {
            name: name.to_owned(),
            domain: domain.clone(),
            prefix: prefix.clone(),
            is_mapped,
            source,
        })?;
        Ok(Reference::new(repository, reference.tag_or_latest(), reference.digest().cloned()))
    }

    /// Where a file is delivered: in a registry below the prefix; in a layout under what `localhost` would call it.
    ///
    /// # Errors
    /// [`DestinationError::File`].
    pub fn place_of_file(&self, name: &FileName) -> Result<Reference, DestinationError> {
        let (domain, prefix) = match self {
            Self::Registry { domain, prefix, .. } => (domain.as_str(), prefix.as_str()),
            Self::Layout { .. } | Self::File { .. } | Self::ThickBundle { .. } | Self::Files { .. } => (LOCAL, ""),
        };
        let place = match self {
            Self::Files { .. } => FileFolder::place(name),
            _ => plain_file::place(domain, prefix, name),
        };
        place.map_err(|source| {
            let [name, domain, prefix] = [name.as_str(), domain, prefix].map(str::to_owned);
            DestinationError::File { name, domain, prefix, source }
        })
    }

    /// Checks that no two different things would get the same tag, before anything is written.
    ///
    /// # Errors
    /// [`DestinationError::Collision`].
    pub(super) fn check(&self, shipments: &[Shipment]) -> Result<(), DestinationError> {
        let mut taken: HashMap<String, (&str, &Digest)> = HashMap::new();
        for Shipment { reference, place, root, .. } in shipments {
            let Some(tag) = place.tagged_name() else { continue };
            let content = &root.descriptor().digest;
            let (first, held) = *taken.entry(tag.clone()).or_insert((reference, content));
            if held != content {
                let (first, second, meeting) = (first.to_owned(), reference.clone(), self.meeting());
                return Err(DestinationError::Collision { first, second, tag, meeting });
            }
        }
        Ok(())
    }

    fn meeting(&self) -> Meeting {
        match self {
            Self::Layout { .. }
            | Self::File { .. }
            | Self::ThickBundle { .. }
            | Self::Files { .. }
            | Self::Registry { naming: Naming::WithDomain, .. } => Meeting::Names,
            Self::Registry { naming: Naming::Flat, .. } => Meeting::Flat,
            Self::Registry { naming: Naming::Mapped(_), .. } => Meeting::Map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(naming: Naming, domain: &str, prefix: &str, name: &str) -> Result<String, DestinationError> {
        let destination = Destination::Registry { domain: domain.to_owned(), prefix: prefix.to_owned(), naming };
        destination.place(name).map(|reference| reference.to_string())
    }

    #[test]
    fn the_domain_begins_the_path_unless_it_is_dropped() {
        for (domain, prefix, name, with_domain, flat) in [
            ("r.inner:5000", "", "example.com/org/shop:1.4", "example.com/org/shop:1.4", "org/shop:1.4"),
            ("r.inner:5000", "/a/b/", "Example.com:443/shop", "a/b/example.com/shop:latest", "a/b/shop:latest"),
            ("localhost:5000", "m", "nginx:1", "m/docker.io/library/nginx:1", "m/library/nginx:1"),
            ("r.inner", "m", "localhost:5000/app:1", "m/localhost_5000/app:1", "m/app:1"),
            ("r.inner", "m", "[::1]:5000/app:1", "m/v6__0-0-0-0-0-0-0-1_5000/app:1", "m/app:1"),
        ] {
            assert_eq!(place(Naming::WithDomain, domain, prefix, name).unwrap(), format!("{domain}/{with_domain}"));
            assert_eq!(place(Naming::Flat, domain, prefix, name).unwrap(), format!("{domain}/{flat}"));
        }
        assert_eq!(Naming::default(), Naming::WithDomain);
    }

    #[test]
    fn what_makes_no_reference_has_no_place() {
        let place = |prefix, name: &str| place(Naming::WithDomain, "r:5000", prefix, name);
        assert!(matches!(place("UPPER", "example.com/a:1"), Err(DestinationError::Repository { .. })));
        assert!(matches!(place("", "not a reference"), Err(DestinationError::Reference { .. })));
        let long = format!("example.com/{}", "a".repeat(250));
        assert!(matches!(place("", &long), Err(DestinationError::Repository { .. })));
    }

    #[test]
    fn what_helps_depends_on_what_chose_the_path() {
        let map = Naming::Mapped(NameMap::parse("\"example.com/shop\" = \"\"").unwrap());
        let remedy = |naming, prefix, name| place(naming, "r:5000", prefix, name).unwrap_err().remedy();
        assert_eq!(remedy(map.clone(), "", "example.com/shop:1"), Remedy::CorrectNameMap);
        let like = Some("r:5000/upper".to_owned());
        assert_eq!(remedy(map, "UPPER", "example.com/other:1"), Remedy::ChooseDestination { like: like.clone() });
        assert_eq!(remedy(Naming::Flat, "UPPER", "example.com/shop:1"), Remedy::ChooseDestination { like });
    }

    #[test]
    fn a_tag_is_remembered_under_one_key_however_its_registry_is_written() {
        for domain in ["r.inner", "R.INNER:443", "r.inner."] {
            let (domain, prefix) = (domain.to_owned(), "m".to_owned());
            let destination = Destination::Registry { domain, prefix, naming: Naming::Flat };
            let place = destination.place("Example.com/shop:1").unwrap();
            let (key, tag) = destination.tag_key(&place).unwrap();
            assert_eq!((key.as_str(), tag.as_str()), ("r.inner/m/shop:1", "r.inner/m/shop:1"));
        }
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let layout = Destination::Layout { folder: "/srv/images".into() };
        let by_digest = layout.place(&format!("example.com/shop@{digest}")).unwrap();
        assert_eq!(layout.tag_key(&by_digest), None, "what has a digest for a name sets no tag");
    }

    #[test]
    fn a_file_has_a_place_unless_its_name_is_too_long_for_a_tag() {
        let layout = Destination::Layout { folder: "/srv/images".into() };
        let place = |path: &str| layout.place_of_file(&FileName::of_target(path).unwrap());
        assert_eq!(place("Charts/shop-1.tgz").unwrap().to_string(), "localhost/files/charts:shop-1.tgz");
        assert!(matches!(place(&"n".repeat(129)), Err(DestinationError::File { .. })));
        let files = Destination::Files { folder: "/srv/files".into() };
        let [one, other] = ["a+b", "a_b"].map(|path| files.place_of_file(&FileName::of_target(path).unwrap()).unwrap());
        assert_ne!(one, other, "in a folder, each has a place of its own");
    }

    #[test]
    fn a_layout_keeps_names() {
        let layout = Destination::Layout { folder: "/srv/images".into() };
        let kept = layout.place("example.com/org/shop:1.4").unwrap();
        assert_eq!(kept.to_string(), "example.com/org/shop:1.4");
        let (key, tag) = layout.tag_key(&kept).unwrap();
        assert_eq!(
            (key.as_str(), tag.as_str()),
            ("oci:/srv/images:example.com/org/shop:1.4", "example.com/org/shop:1.4")
        );
    }
}
