//! What can be done about a source that does not supply what is to be exported, as far as its own reason says it.

use std::io;

use crate::docker_archive::DockerArchiveError;
use crate::layout::LayoutError;
use crate::remedy::{Remediable as _, Remedy};
use crate::tarball::TarballError;
use crate::transfer::{ContentError, SourceError};

/// About a source on this machine; `None` where the reason is that of a registry, or of a source of somebody else.
pub(super) fn of(source: &SourceError) -> Option<Remedy> {
    let layout = source.reason::<LayoutError>().map(LayoutError::remedy);
    let archive = || source.reason::<DockerArchiveError>().map(DockerArchiveError::remedy);
    let tarball = || source.reason::<TarballError>().map(TarballError::remedy);
    layout.or_else(archive).or_else(tarball)
}

/// About content that is something else than its name promises; `None` where it only could not be read to its end.
pub(super) fn of_reading(error: &io::Error) -> Option<Remedy> {
    match ContentError::inside(error)? {
        ContentError::Short { .. } => None,
        ContentError::Long { .. } | ContentError::Digest { .. } => Some(Remedy::RepairSource),
    }
}
