//! What can be done about a source that does not supply what is to be exported, where its own error shows that.

use std::io;

use crate::docker_archive::DockerArchiveError;
use crate::layout::LayoutError;
use crate::plain_file::FileSourceError;
use crate::remedy::{Remediable as _, Remedy};
use crate::tarball::TarballError;
use crate::transfer::{ContentError, SourceError};

/// About a source on this machine; `None` where the error comes from a registry, or from a source that another program provides.
pub(super) fn of(source: &SourceError) -> Option<Remedy> {
    let layout = source.reason::<LayoutError>().map(LayoutError::remedy);
    let archive = || source.reason::<DockerArchiveError>().map(DockerArchiveError::remedy);
    let tarball = || source.reason::<TarballError>().map(TarballError::remedy);
    let file = || source.reason::<FileSourceError>().map(FileSourceError::remedy);
    layout.or_else(archive).or_else(tarball).or_else(file)
}

/// About what a reference stands for; `None` where it is not there, or the source does not say.
pub(super) fn of_root(source: &SourceError) -> Option<Remedy> {
    #[cfg(feature = "network")]
    let unusable = || crate::registry::of_unusable(source);
    #[cfg(not(feature = "network"))]
    let unusable = || None;
    of(source).or_else(unusable)
}

/// About something that a source lists; `None` where another attempt might help, or if another program provides the source.
pub(super) fn of_part(source: &SourceError) -> Option<Remedy> {
    #[cfg(feature = "network")]
    let at_registry = || crate::registry::of_source(source);
    #[cfg(not(feature = "network"))]
    let at_registry = || None;
    of(source).or_else(at_registry)
}

/// Whether a source does not say whether it has something, or keeps it from us. Only registries do that.
pub(super) fn is_unavailable(source: &SourceError) -> bool {
    #[cfg(feature = "network")]
    return crate::registry::is_unavailable(source);
    #[cfg(not(feature = "network"))]
    return source.reason::<std::convert::Infallible>().is_some();
}

/// About content that is not what its name promises; `None` where it merely could not be read to its end.
pub(super) fn of_reading(error: &io::Error) -> Option<Remedy> {
    match ContentError::inside(error)? {
        ContentError::Short { .. } => None,
        ContentError::Long { .. } | ContentError::Digest { .. } => Some(Remedy::RepairSource),
    }
}
