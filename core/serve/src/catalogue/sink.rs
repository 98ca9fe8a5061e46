//! The gathering as a sink: what is delivered to it is noted, and nothing is copied.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealift_archive_format::Digest;
use sealift_core::oci::{Descriptor, ManifestBytes, Reference, Repository};
use sealift_core::transfer::{BlobContent, Offer, Sink, SinkError, Upload};

use super::content::{BlobPlace, PlacedContent, ServedContent};
use super::gathering::{Gathering, ListedBlob};
use super::pieces::PieceDigests;
use super::{ServeError, ServedRepository};

/// The configuration of the artifact that holds a plain file: it is made on this side, so that no archive needs to have it.
const EMPTY_CONFIG: &[u8] = b"{}";

/// Notes what of the newest archive goes where.
pub(super) struct GatheringSink<'c, 'f> {
    gathering: Mutex<&'c mut Gathering<'f>>,
    listed: Arc<HashMap<Digest, ListedBlob>>,
    archive: usize,
    refusal: Mutex<Option<ServeError>>,
}

impl<'c, 'f> GatheringSink<'c, 'f> {
    pub(super) fn new(gathering: &'c mut Gathering<'f>, listed: Arc<HashMap<Digest, ListedBlob>>) -> Self {
        let archive = gathering.newest();
        Self { gathering: Mutex::new(gathering), listed, archive, refusal: Mutex::default() }
    }

    /// Why it has refused something, if it has.
    pub(super) fn into_refusal(self) -> Option<ServeError> {
        self.refusal.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn gathering(&self) -> MutexGuard<'_, &'c mut Gathering<'f>> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the first refusal, which the error only stands for.
    fn refuse(&self, refusal: ServeError) -> SinkError {
        let error = SinkError::Target(refusal.to_string().into());
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(refusal);
        error
    }

    fn with_repository<T>(&self, repository: &Repository, change: impl FnOnce(&mut ServedRepository) -> T) -> T {
        change(self.gathering().catalogue.repositories.entry(repository.path().to_owned()).or_default())
    }

    /// The content of a blob, read to its end: where it is, and the digests of its pieces.
    fn measured(&self, descriptor: &Descriptor, content: &mut dyn BlobContent) -> Result<ServedContent, SinkError> {
        if let Some(entry) = self.listed.get(&descriptor.digest).and_then(|listed| listed.entry) {
            let pieces = PieceDigests::measure(content).map_err(SinkError::Content)?;
            let place = BlobPlace { archive: self.archive, entry };
            return Ok(ServedContent::Placed(PlacedContent { place, pieces }));
        }
        if descriptor.digest.matches(EMPTY_CONFIG) {
            return Ok(ServedContent::Held(EMPTY_CONFIG.into()));
        }
        let (digest, size) = (descriptor.digest.clone(), descriptor.size);
        Err(self.refuse(ServeError::Packed { digest, size }))
    }
}

impl Sink for GatheringSink<'_, '_> {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let is_left_out = self.listed.get(&descriptor.digest).is_some_and(|listed| listed.entry.is_none());
        if is_left_out {
            // No catalogue is made without it.
            self.gathering().await_blob(descriptor.digest.clone(), descriptor.size, self.archive);
        }
        if is_left_out || self.gathering().catalogue.contents.contains_key(&descriptor.digest) {
            self.with_repository(repository, |it| it.add_blob(descriptor.digest.clone()));
            return Ok(Offer::There);
        }
        let (repository, descriptor) = (repository.clone(), descriptor.clone());
        Ok(Offer::Wanted(Box::new(BlobMeasure { sink: self, repository, descriptor })))
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.with_repository(repository, |it| it.add_manifest(manifest));
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(self.with_repository(reference.repository(), |it| match (reference.tag(), reference.digest()) {
            (None, Some(digest)) => it.manifest(digest).map(|_| digest.clone()),
            _ => it.tagged(reference.tag_or_latest()?.as_str()).cloned(),
        }))
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let Some(tag) = reference.tag_or_latest() else { return Ok(()) };
        let digest = &manifest.descriptor().digest;
        match self.with_repository(reference.repository(), |it| it.set_tag(tag.as_str(), digest)) {
            None => Ok(()),
            Some(held) => {
                let tag = format!("{}:{tag}", reference.repository().path());
                Err(self.refuse(ServeError::TagTaken { tag, held, other: digest.clone() }))
            }
        }
    }

    fn finish(&self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A blob whose pieces are measured.
struct BlobMeasure<'s, 'c, 'f> {
    sink: &'s GatheringSink<'c, 'f>,
    repository: Repository,
    descriptor: Descriptor,
}

impl Upload for BlobMeasure<'_, '_, '_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        let Self { sink, repository, descriptor } = *self;
        SinkError::require_offered(&descriptor, content)?;
        let measured = sink.measured(&descriptor, content)?;
        sink.gathering().catalogue.contents.insert(descriptor.digest.clone(), measured);
        sink.with_repository(&repository, |it| it.add_blob(descriptor.digest));
        Ok(())
    }
}
