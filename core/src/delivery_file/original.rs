//! A thick bundle as it came: the very file that its makers vouch for.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;

use super::DeliveryFileError;
use super::new_file::{NewFile, require_room};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository};
use crate::transfer::{BlobContent, Offer, Sink, SinkError, Upload, copy};

/// Writes one file, byte for byte. It takes the thick bundle alone: everything else is in it.
pub(crate) struct OriginalFile {
    path: PathBuf,
    digest: Digest,
    state: Mutex<OriginalState>,
}

/// How far the file is.
enum OriginalState {
    Begun(NewFile),
    /// It is being written, or something has failed.
    Unusable,
    Complete(NewFile),
}

impl OriginalFile {
    /// Begins the file. What an interrupted attempt left in its folder is removed.
    pub(crate) fn begin(path: &Path, digest: &Digest) -> Result<Self, DeliveryFileError> {
        let state = Mutex::new(OriginalState::Begun(NewFile::begin(path)?));
        Ok(Self { path: path.to_owned(), digest: digest.clone(), state })
    }

    fn replace(&self, state: OriginalState) -> OriginalState {
        std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }

    fn broken(&self) -> SinkError {
        DeliveryFileError::Broken { path: self.path.clone() }.into()
    }
}

impl Sink for OriginalFile {
    fn require_room(&self, contents: &[&Descriptor]) -> Result<(), SinkError> {
        let file = contents.iter().find(|descriptor| descriptor.digest == self.digest);
        file.map_or(Ok(()), |file| require_room(&self.path, file.size))
    }

    fn offer(&self, _: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        if descriptor.digest != self.digest {
            return Ok(Offer::There);
        }
        Ok(Offer::Wanted(Box::new(OriginalUpload { original: self, descriptor: descriptor.clone() })))
    }

    fn put_manifest(&self, _: &Repository, _: &ManifestBytes) -> Result<(), SinkError> {
        Ok(())
    }

    fn held(&self, _: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(None)
    }

    fn tag(&self, _: &Reference, _: &ManifestBytes) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        let OriginalState::Complete(file) = self.replace(OriginalState::Unusable) else { return Err(self.broken()) };
        Ok(file.place()?)
    }
}

/// The file on its way.
struct OriginalUpload<'f> {
    original: &'f OriginalFile,
    descriptor: Descriptor,
}

impl Upload for OriginalUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        SinkError::require_offered(&self.descriptor, content)?;
        let OriginalFile { path, .. } = self.original;
        let OriginalState::Begun(output) = self.original.replace(OriginalState::Unusable) else {
            return Err(self.original.broken());
        };
        copy(content, output.as_file(), |source| DeliveryFileError::Access { path: path.clone(), source })?;
        self.original.replace(OriginalState::Complete(output));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_refused_and_what_is_in_it_needs_none() {
        let folder = tempfile::tempdir().unwrap();
        let vast = |content: &[u8]| Descriptor::new("", Digest::sha256(content), 1 << 50);
        let (thick, layer) = (vast(b"thick"), vast(b"layer"));
        let file = OriginalFile::begin(&folder.path().join("new.tgz"), &thick.digest).unwrap();
        file.require_room(&[&layer]).unwrap();
        let refused = file.require_room(&[&layer, &thick]).unwrap_err();
        assert!(matches!(&refused, SinkError::NoRoom(no_room) if no_room.needed == thick.size), "{refused:?}");
    }
}
