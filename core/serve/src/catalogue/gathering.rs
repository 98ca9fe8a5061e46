//! Archives on their way into a catalogue: verified one after another, and complete when nothing is lacking any more.
//!
//! Promise: [`Gathering::complete`] is the one way to a [`Catalogue`]: everything that is served is in one of the archives, and was verified. In which order
//! these were added is of no matter.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::sync::Arc;

use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::{BaseRecord, EntryRecord, Inventory};
use sealift_archive_format::{Digest, PositionedInput};
use sealift_core::import::{
    self, DeliveryWishes, Destination, Extracted, LackingBlob, MirrorContent, MirrorInMemory, Naming,
};
use sealift_core::progress::Progress;
use sealift_core::trust_store::RepositoryName;
use sealift_core::verify::{Judged, Selection, Transport};
use sealift_proof::tuf::Limits;

use super::content::BlobPlace;
use super::sink::GatheringSink;
use super::{Catalogue, ServeError};

/// How archives are served.
pub struct ServingTerms {
    /// What clients call this registry, for the names in what is returned.
    pub domain: String,
    /// What becomes of the registry in each name.
    pub naming: Naming,
    /// The limits that the archives were judged with.
    pub limits: Limits,
}

/// Archives that were verified, and what they lack of one another.
pub struct Gathering<'f> {
    pub(super) catalogue: Catalogue<'f>,
    terms: ServingTerms,
    archives: Vec<GatheredArchive>,
    awaited: BTreeMap<AwaitedBlob, BTreeSet<usize>>,
}

/// An archive of which everything is served, or what was chosen.
pub struct ServedArchive {
    /// What was delivered into the catalogue, with the proof.
    pub extracted: Extracted,
    /// The TUF repositories that are served.
    pub mirrors: Vec<RepositoryName>,
}

/// A blob that an archive leaves out: its digest and size. Which archives do is beside it.
type AwaitedBlob = (Digest, u64);

/// An archive that was added, as far as others may need to know of it.
struct GatheredArchive {
    /// Its name in messages.
    name: String,
    listed: Arc<HashMap<Digest, ListedBlob>>,
    statement: Digest,
    base: Option<BaseRecord>,
}

/// A blob as an archive lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListedBlob {
    /// In bytes.
    size: u64,
    /// The index of its entry in the inventory; `None` where it was left out.
    pub(super) entry: Option<usize>,
}

/// The blobs that an archive lists, by their digests.
pub(super) fn listed_blobs(inventory: &Inventory) -> HashMap<Digest, ListedBlob> {
    let entries = inventory.entries.iter().enumerate();
    let blobs = entries.filter(|(_, entry)| matches!(entry.name.place(), EntryPlace::Blob(_)));
    let listed = |index, entry: &EntryRecord| ListedBlob { size: entry.size, entry: (!entry.absent).then_some(index) };
    blobs.map(|(index, entry)| (entry.digest.clone(), listed(index, entry))).collect()
}

impl<'f> Gathering<'f> {
    /// Begins with no archive.
    pub fn new(terms: ServingTerms) -> Self {
        Self { catalogue: Catalogue::default(), terms, archives: Vec::new(), awaited: BTreeMap::new() }
    }

    /// Adds what is chosen of an archive, after verifying all of it to its last byte. `name` is for messages. `file` is what `judged` reads,
    /// and is read by position from then on. What the archive leaves out may come with one that is added before or after it, even if it is
    /// not chosen there.
    ///
    /// # Errors
    /// [`ServeError`]; there must be no catalogue then.
    pub fn add<R: Read>(
        &mut self,
        judged: Judged<R>,
        (name, file): (&str, &'f dyn PositionedInput),
        selection: Selection,
        transport: &Transport<'_>,
    ) -> Result<ServedArchive, ServeError> {
        let archive = judged.by_position(file)?.ok_or(ServeError::Compressed)?;
        let listed = Arc::new(listed_blobs(judged.inventory()));
        self.catalogue.archives.push(archive);
        self.archives.push(GatheredArchive {
            name: name.to_owned(),
            listed: Arc::clone(&listed),
            statement: judged.statement_digest().clone(),
            base: judged.inventory().base.clone(),
        });
        let ServingTerms { domain, naming, .. } = &self.terms;
        let (domain, prefix, naming) = (domain.clone(), String::new(), naming.clone());
        let destination = Destination::Registry { domain, prefix, naming };
        let wishes = DeliveryWishes { selection, ..DeliveryWishes::default() };
        let sink = GatheringSink::new(self, listed);
        let extracted = import::extract(judged, &destination, &wishes, &sink, transport);
        // The delivery knows only that its sink has refused.
        let extracted = match sink.into_refusal() {
            Some(refusal) => return Err(refusal),
            None => extracted?,
        };
        let mut mirrors = Vec::new();
        for mirror in extracted.mirrors(&self.terms.limits)? {
            mirrors.push(mirror.repository.clone());
            self.await_files(&mirror);
            self.catalogue.mirrors.add(mirror)?;
        }
        Ok(ServedArchive { extracted, mirrors })
    }

    /// The number of the newest archive.
    pub(super) fn newest(&self) -> usize {
        self.archives.len().saturating_sub(1)
    }

    /// Notes that an archive leaves out a blob, which has to come with another one.
    pub(super) fn await_blob(&mut self, digest: Digest, size: u64, archive: usize) {
        self.awaited.entry((digest, size)).or_default().insert(archive);
    }

    /// Notes the plain files of a mirror: it has all of them, whatever was chosen.
    fn await_files(&mut self, mirror: &MirrorInMemory) {
        let archive = self.newest();
        for content in mirror.contents.values() {
            let MirrorContent::Blob(digest) = content else { continue };
            let listed = self.archives.get(archive).and_then(|it| it.listed.get(digest));
            if let Some(size) = listed.map(|blob| blob.size) {
                self.await_blob(digest.clone(), size, archive);
            }
        }
    }

    /// The catalogue of everything that was added. What an archive has that was not chosen, and another one leaves out, is read once more.
    ///
    /// # Errors
    /// [`ServeError::Lacking`] if an archive leaves out what none of the others has; [`ServeError::Changed`].
    pub fn complete(mut self, progress: &dyn Progress) -> Result<Catalogue<'f>, ServeError> {
        let contents = &self.catalogue.contents;
        let is_there = |(digest, size): &AwaitedBlob| contents.get(digest).is_some_and(|it| it.length() == *size);
        let awaited = self.awaited.iter().filter(|(blob, _)| !is_there(blob));
        let (mut places, mut blobs, mut lacks) = (Vec::new(), Vec::new(), BTreeSet::new());
        for ((digest, size), archives) in awaited {
            if let Some(place) = self.place_of(digest, *size) {
                places.push((digest.clone(), *size, place));
            } else {
                blobs.push(LackingBlob { digest: digest.clone(), size: *size, damaged_in: None });
                lacks.extend(archives);
            }
        }
        if !blobs.is_empty() {
            return Err(self.lacking(blobs, &lacks));
        }
        if places.is_empty() {
            return Ok(self.catalogue);
        }
        progress.begin("reading what was not chosen", Some(places.iter().map(|(_, size, _)| size).sum()));
        for (digest, size, place) in places {
            let content = self.catalogue.measured(&digest, place)?;
            self.catalogue.contents.insert(digest, content);
            progress.advance(size);
        }
        progress.finish();
        Ok(self.catalogue)
    }

    /// Where a blob is carried: the number of the archive, and the entry.
    fn place_of(&self, digest: &Digest, size: u64) -> Option<BlobPlace> {
        self.archives.iter().enumerate().find_map(|(archive, it)| {
            let listed = it.listed.get(digest).filter(|listed| listed.size == size)?;
            Some(BlobPlace { archive, entry: listed.entry? })
        })
    }

    /// What is said of the archives that leave out what no other has.
    fn lacking(&self, blobs: Vec<LackingBlob>, lacks: &BTreeSet<usize>) -> ServeError {
        let there: BTreeSet<&Digest> = self.archives.iter().map(|archive| &archive.statement).collect();
        let lacking = || lacks.iter().filter_map(|number| self.archives.get(*number));
        let rests_on = lacking().flat_map(|archive| match &archive.base {
            Some(BaseRecord::Archives(archives)) => archives.as_slice(),
            Some(BaseRecord::Receipt(_)) | None => &[],
        });
        let unknown: BTreeSet<Digest> = rests_on.filter(|it| !there.contains(it)).cloned().collect();
        let archives = lacking().map(|archive| archive.name.clone()).collect();
        ServeError::Lacking { archives, blobs, unknown: unknown.into_iter().collect() }
    }
}
