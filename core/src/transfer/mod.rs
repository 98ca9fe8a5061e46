//! Where content is read from and written to: one pair of traits for registries, layouts and later places.

use std::error::Error;
use std::fmt;
use std::io;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::MadeFrom;

use crate::free_room::NoRoom;
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};

mod copy;
mod stop;
#[cfg(feature = "network")]
mod turns;
mod workers;

pub(crate) use copy::{PassedContent, copy};
pub use sealift_archive_format::content::{BlobContent, Checked, ContentError, Repeatable};
pub(crate) use stop::Hearing;
pub use stop::Stop;
#[cfg(feature = "network")]
pub(crate) use stop::pause;
#[cfg(feature = "network")]
pub(crate) use turns::{Turn, Turns};
pub use workers::Workers;
#[cfg(feature = "network")]
pub(crate) use workers::lock;
pub(crate) use workers::{Failures, Jobs};

/// A place that has manifests and blobs. Threads may share it.
///
/// # A source in memory
///
/// ```
/// use std::collections::HashMap;
/// use std::io;
///
/// use sealift_archive_format::Digest;
/// use sealift_core::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
/// use sealift_core::transfer::{BlobContent, Checked, Source, SourceError};
///
/// #[derive(Default)]
/// struct InMemory {
///     contents: HashMap<Digest, Vec<u8>>,
///     names: HashMap<String, Descriptor>,
/// }
///
/// impl InMemory {
///     fn get(&self, digest: &Digest) -> Result<&[u8], SourceError> {
///         let missing = || SourceError::new(io::Error::from(io::ErrorKind::NotFound));
///         self.contents.get(digest).map(Vec::as_slice).ok_or_else(missing)
///     }
/// }
///
/// impl Source for InMemory {
///     fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
///         let missing = || SourceError::new(io::Error::from(io::ErrorKind::NotFound));
///         let descriptor = self.names.get(&reference.to_string()).ok_or_else(missing)?;
///         self.manifest(reference.repository(), descriptor)
///     }
///
///     fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
///         let name = format!("{repository}:{tag}");
///         self.names.get(&name).map(|descriptor| self.manifest(repository, descriptor)).transpose()
///     }
///
///     fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
///         // Bytes that are not what was described never become a manifest.
///         ManifestBytes::new(descriptor.clone(), self.get(&descriptor.digest)?.to_vec()).map_err(SourceError::new)
///     }
///
///     fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
///         // Nor are the last bytes of a wrong blob ever read.
///         Ok(Box::new(Checked::new(self.get(&descriptor.digest)?, descriptor)))
///     }
///
///     fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, SourceError> {
///         Ok(Vec::new())
///     }
///
///     fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
///         let named = self.names.keys().filter_map(|name| name.parse::<Reference>().ok());
///         Ok(named.filter(|named| named.repository() == repository).filter_map(|named| named.tag_or_latest()).collect())
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let config = Descriptor::of("application/vnd.oci.image.config.v1+json", b"{}");
/// # let media_type = "application/vnd.oci.image.manifest.v1+json";
/// # let manifest = serde_json::json!({
/// #     "schemaVersion": 2, "mediaType": media_type, "layers": [],
/// #     "config": { "mediaType": config.media_type, "digest": config.digest, "size": config.size },
/// # }).to_string().into_bytes();
/// # let described = Descriptor::of(media_type, &manifest);
/// # let mut source = InMemory::default();
/// # source.contents.insert(config.digest.clone(), b"{}".to_vec());
/// # source.contents.insert(described.digest.clone(), manifest);
/// # source.names.insert("example.com/app:1".to_owned(), described.clone());
/// # let name: Reference = "example.com/app:1".parse()?;
/// # assert_eq!(source.resolve(&name)?.descriptor().digest, described.digest);
/// # let mut read = Vec::new();
/// # io::Read::read_to_end(&mut source.blob(name.repository(), &config)?, &mut read)?;
/// # assert_eq!(read, b"{}");
/// # source.contents.insert(config.digest.clone(), b"[]".to_vec());
/// # assert!(io::Read::read_to_end(&mut source.blob(name.repository(), &config)?, &mut read).is_err());
/// # assert!(source.resolve(&"example.com/app:2".parse()?).is_err());
/// # Ok(())
/// # }
/// ```
pub trait Source: Send + Sync {
    /// The manifest that a reference resolves to.
    ///
    /// # Errors
    /// [`SourceError`] when there is none, or it is not what the reference's digest says.
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError>;

    /// The manifest that a tag of a repository resolves to; `None` if there is no such tag.
    ///
    /// # Errors
    /// [`SourceError`] when that cannot be told, or it is not usable.
    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError>;

    /// The manifest that a descriptor describes.
    ///
    /// # Errors
    /// [`SourceError`] when there is none, or it is not what the descriptor says.
    fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError>;

    /// Opens a blob. Its last bytes can be read only if the whole is what the descriptor says.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be opened.
    fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError>;

    /// Whether a repository has a blob of this length. Its content is not read.
    ///
    /// # Errors
    /// [`SourceError`] when that cannot be told.
    fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, SourceError> {
        match self.blob(repository, descriptor) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The manifests whose `subject` is this manifest.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be listed; having none is not an error.
    fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError>;

    /// The tags of a repository, in any order.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be listed; having none is not an error.
    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError>;

    /// What the source made a manifest from, if the place does not have it as bytes: no other place has its digest.
    fn made_from(&self, _manifest: &Digest) -> Option<MadeFrom> {
        None
    }
}

/// A place that takes manifests and blobs. Blobs come first, then manifests, children before parents, then tags. Threads may
/// share it.
pub trait Sink: Send + Sync {
    /// Hears what is about to be offered or put, each content once, and refuses what it knows not to have room for, counting only what
    /// it lacks. Nothing has been given to it before.
    ///
    /// # Errors
    /// [`SinkError::NoRoom`], and the sink's own reason when that cannot be told. A sink that cannot know, such as a registry, refuses
    /// nothing.
    fn require_room(&self, _: &[&Descriptor]) -> Result<(), SinkError> {
        Ok(())
    }

    /// What a person calls a repository of the sink.
    fn shown(&self, repository: &Repository) -> String {
        repository.to_string()
    }

    /// Offers a blob to a repository. A thread stores what is wanted, or drops the upload, before it offers the same blob again:
    /// others that offer it may wait for that. Where the sink has it in another repository from the same run, the two share it, and
    /// nothing is wanted.
    ///
    /// # Errors
    /// [`SinkError`] when it cannot be told whether the blob is wanted.
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError>;

    /// Opens a blob that a repository of the sink has, to be read back: its last bytes can be read only if the whole is what the descriptor
    /// says. `None` where [`offer`](Self::offer) has looked at the content itself. An error of reading has the kind
    /// [`InvalidData`](io::ErrorKind::InvalidData) where the content is another one, and [`NotFound`](io::ErrorKind::NotFound) where it is
    /// gone; every other one says nothing about the content.
    ///
    /// # Errors
    /// [`SinkError`] when it cannot be opened.
    fn read_back(
        &self,
        _repository: &Repository,
        _descriptor: &Descriptor,
    ) -> Result<Option<Box<dyn BlobContent + '_>>, SinkError> {
        Ok(None)
    }

    /// Stores a manifest under its digest.
    ///
    /// # Errors
    /// [`SinkError`]; [`SinkError::Missing`] where it is refused because something that it lists is not there, and
    /// [`SinkError::Invalid`] where that may be the reason.
    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError>;

    /// What a tag, or in a layout a full name, resolves to; `None` if there is no such tag. A reference with only a digest resolves to that
    /// if it is there.
    ///
    /// # Errors
    /// [`SinkError`] when that cannot be told.
    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError>;

    /// Makes a reference resolve to a stored manifest: sets its tag in a registry, its full name in a layout. In a
    /// registry, a reference with only a digest needs nothing more.
    ///
    /// # Errors
    /// [`SinkError`].
    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError>;

    /// Says that everything was given: what has a name can be found by it from here on. Some sinks show it earlier, such as registries;
    /// others only now, such as a layout, which lists everything at once, or a file.
    ///
    /// # Errors
    /// [`SinkError`].
    fn finish(&self) -> Result<(), SinkError>;
}

/// What becomes of a blob that is offered to a sink.
pub enum Offer<'s> {
    /// The repository has it.
    There,
    /// The repository lacks it.
    Wanted(Box<dyn Upload + 's>),
}

/// A blob on its way into a sink.
pub trait Upload {
    /// Stores the content.
    ///
    /// # Errors
    /// [`SinkError`]; the blob is then not stored.
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError>;
}

/// Why a source does not supply what was requested: its own reason, whatever kind of source it is.
#[derive(Debug)]
pub struct SourceError {
    reason: Box<dyn Error + Send + Sync>,
    is_missing: bool,
}

impl SourceError {
    /// A source's reason.
    pub fn new(reason: impl Error + Send + Sync + 'static) -> Self {
        Self { reason: Box::new(reason), is_missing: false }
    }

    /// The error of a source that does not have what was requested.
    pub fn missing(reason: impl Error + Send + Sync + 'static) -> Self {
        Self { reason: Box::new(reason), is_missing: true }
    }

    /// Whether the source says that it does not have it.
    pub fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// The reason, if it is one of this kind of source.
    pub fn reason<E: Error + 'static>(&self) -> Option<&E> {
        self.reason.downcast_ref()
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

/// Why a sink does not accept what it is given.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The sink's own reason, whatever kind of sink it is.
    #[error(transparent)]
    Target(Box<dyn Error + Send + Sync>),
    /// The sink refuses a manifest because it lacks something that the manifest lists; its own reason.
    #[error(transparent)]
    Missing(Box<dyn Error + Send + Sync>),
    /// The sink refuses a manifest as invalid, and says no more: some say that, too, of an index that lists what they lack.
    #[error(transparent)]
    Invalid(Box<dyn Error + Send + Sync>),
    /// There is not enough room for it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The content could not be read, or is not what its descriptor says.
    #[error("the content to be stored could not be read")]
    Content(#[source] io::Error),
    /// What the sink has could not be read to its end, so nobody knows whether it is right.
    #[error("what is there could not be read to its end")]
    ReadBack(#[source] io::Error),
}

impl SinkError {
    /// A sink's reason.
    pub fn new(reason: impl Error + Send + Sync + 'static) -> Self {
        Self::Target(Box::new(reason))
    }

    /// Refuses content that is proven to be something else than what was offered.
    ///
    /// # Errors
    /// [`SinkError::Content`].
    pub fn require_offered(offered: &Descriptor, content: &dyn BlobContent) -> Result<(), Self> {
        if *content.digest() == offered.digest {
            return Ok(());
        }
        let (expected, found) = (offered.digest.clone(), content.digest().clone());
        let error = ContentError::Digest { expected, found };
        Err(Self::Content(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    /// The reason, if it is one of this kind of sink.
    pub fn reason<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Target(reason) | Self::Missing(reason) | Self::Invalid(reason) => reason.downcast_ref(),
            Self::NoRoom(_) | Self::Content(_) | Self::ReadBack(_) => None,
        }
    }
}
