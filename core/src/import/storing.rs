//! Blobs as they pass, then manifests, each after what it needs, and tags last.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;
use sealift_archive_format::content::Watched;
use sealift_archive_format::inventory::EntryRecord;

use super::kept::KeptFiles;
use super::shipment::{Shipment, WantedContents};
use super::sparse::{SetTag, Sparse, SparseDelivery};
use super::{DeliveryError, Destination};
use crate::oci::stated_platform::{all_unstated, stated};
use crate::oci::{ManifestBytes, Platform, Reference, Repository, StandIns};
use crate::plain_file::EMPTY_CONFIG;
use crate::transfer::{BlobContent, Checked, Offer, Repeatable, Sink, SinkError, Workers};
use crate::verify::Receiver;
use crate::verify::documents::Closed;

/// The longest configuration that is held as it passes, in bytes: each thread may hold one. A longer one states no platform.
const MAXIMUM_CONFIGURATION: u64 = 1 << 20;

/// Stores blobs as they pass.
pub(super) struct Delivery<'a> {
    sink: &'a dyn Sink,
    wanted: &'a WantedContents<'a>,
    /// The configurations of images of which something was left out, as far as no index states for which platforms these are.
    configurations: HashSet<&'a Digest>,
    stated: Mutex<HashMap<Digest, Platform>>,
    /// Where plain files are kept, if they are.
    kept: Option<KeptFiles>,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        shipments: &'a [Shipment],
        wanted: &'a WantedContents<'a>,
        kept: Option<KeptFiles>,
        sink: &'a dyn Sink,
    ) -> Self {
        let partial = shipments.iter().map(Shipment::graph).filter(|graph| graph.is_partial());
        let unstated = partial.flat_map(all_unstated).map(|unstated| unstated.configuration);
        let configurations = unstated.filter(|it| it.size <= MAXIMUM_CONFIGURATION).map(|it| &it.digest);
        Self { sink, wanted, configurations: configurations.collect(), stated: Mutex::default(), kept }
    }

    /// The platforms that those configurations state which have passed, and the files that were kept.
    pub(super) fn finish(self) -> (HashMap<Digest, Platform>, Option<KeptFiles>) {
        (self.stated.into_inner().unwrap_or_else(PoisonError::into_inner), self.kept)
    }

    /// Keeps a file, and stores it from there: its content passes only once.
    fn keep(&self, kept: &KeptFiles, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), DeliveryError> {
        let digest = &record.digest;
        let mut watched = Watched::new(content);
        let written = kept.keep(digest, &mut watched);
        // What cannot be read is the archive's fault, and found by whoever passes it.
        if watched.has_failed() {
            return Ok(());
        }
        let failed = |source| DeliveryError::Keep { digest: digest.clone(), source };
        let open = || -> io::Result<Checked<File>> {
            let file = kept.open(digest)?.ok_or(io::ErrorKind::NotFound)?;
            Ok(Checked::new(file, record))
        };
        written.map_err(failed)?;
        self.store(digest, &mut Repeatable::new(open().map_err(failed)?, open))
    }

    /// Stores the documents that are blobs in a registry: each `bundle.json`, and what is made here for files.
    pub(super) fn documents(&self, closed: &Closed) -> Result<(), DeliveryError> {
        for (digest, bytes) in &closed.bundle_files {
            let Some((descriptor, _)) = self.wanted.get(digest) else { continue };
            let open = || Checked::new(&**bytes, descriptor);
            let mut content = Repeatable::new(open(), || Ok(open()));
            self.store(digest, &mut content)?;
        }
        // What a file is delivered in has a configuration that says nothing.
        let empty = Digest::sha256(EMPTY_CONFIG);
        if let Some((descriptor, _)) = self.wanted.get(&empty) {
            let open = || Checked::new(EMPTY_CONFIG, descriptor);
            self.store(&empty, &mut Repeatable::new(open(), || Ok(open())))?;
        }
        Ok(())
    }

    /// Stores a blob in every repository that lacks it. Where the content passes only once, it goes to the first of them, and the
    /// others share it from there.
    fn store(&self, digest: &Digest, content: &mut dyn BlobContent) -> Result<(), DeliveryError> {
        let Some((descriptor, repositories)) = self.wanted.get(digest) else { return Ok(()) };
        let mut is_used = false;
        for repository in repositories {
            let shown = || self.sink.shown(repository);
            let failed = |source| DeliveryError::Blob { digest: digest.clone(), repository: shown(), source };
            let Offer::Wanted(upload) = self.sink.offer(repository, descriptor).map_err(failed)? else { continue };
            if std::mem::replace(&mut is_used, true) && !content.start_over() {
                return Err(DeliveryError::NotShared { digest: digest.clone(), repository: shown() });
            }
            upload.store(content).map_err(failed)?;
        }
        Ok(())
    }
}

impl Receiver for Delivery<'_> {
    type Error = DeliveryError;

    fn blob(&self, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), DeliveryError> {
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.wants(&record.digest)) {
            return self.keep(kept, record, content);
        }
        if !self.configurations.contains(&record.digest) {
            return self.store(&record.digest, content);
        }
        let mut bytes = Vec::new();
        // What cannot be read is the archive's fault, and found by whoever passes it.
        if content.read_to_end(&mut bytes).is_err() {
            return Ok(());
        }
        if let Some(platform) = stated(&bytes) {
            let mut stated = self.stated.lock().unwrap_or_else(PoisonError::into_inner);
            stated.insert(record.digest.clone(), platform);
        }
        let open = || Checked::new(bytes.as_slice(), record);
        self.store(&record.digest, &mut Repeatable::new(open(), || Ok(open())))
    }
}

/// A manifest and the repository that it goes to.
pub(super) type Placed<'s> = (&'s Repository, &'s ManifestBytes);

/// The manifests of all shipments in rounds: each comes after its children and after its subject, which are in earlier rounds. Those
/// of a round that have one subject are together: where a registry does not list referrers, each is added to one list, and the order
/// of this list is the archive's.
fn rounds(shipments: &[Shipment]) -> Vec<Vec<Vec<Placed<'_>>>> {
    in_rounds(shipments).into_iter().map(by_subject).collect()
}

fn by_subject(round: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    let mut groups: Vec<Vec<Placed<'_>>> = Vec::new();
    let mut of_subject: HashMap<(&Repository, &Digest), usize> = HashMap::new();
    for (repository, manifest) in round {
        let group = manifest
            .document()
            .subject()
            .map_or(groups.len(), |subject| *of_subject.entry((repository, &subject.digest)).or_insert(groups.len()));
        groups.resize_with(groups.len().max(group + 1), Vec::new);
        groups.get_mut(group).into_iter().for_each(|placed| placed.push((repository, manifest)));
    }
    groups
}

fn in_rounds(shipments: &[Shipment]) -> Vec<Vec<Placed<'_>>> {
    let mut rounds: Vec<Vec<Placed<'_>>> = Vec::new();
    let mut placed: HashMap<(&Repository, &Digest), usize> = HashMap::new();
    for shipment in shipments {
        let repository = shipment.place.repository();
        for manifest in shipment.graphs.iter().flat_map(|graph| graph.manifests()) {
            let document = manifest.document();
            let before = document.children().into_iter().chain(document.subject());
            let before = before.filter_map(|before| placed.get(&(repository, &before.digest))).max();
            let round = before.map_or(0, |before| before + 1);
            if let Entry::Vacant(vacant) = placed.entry((repository, &manifest.descriptor().digest)) {
                vacant.insert(round);
                rounds.resize_with(rounds.len().max(round + 1), Vec::new);
                rounds.get_mut(round).into_iter().for_each(|placed| placed.push((repository, manifest)));
            }
        }
    }
    rounds
}

pub(super) fn manifest_error(
    manifest: &ManifestBytes,
    repository: &Repository,
) -> impl FnOnce(SinkError) -> DeliveryError {
    let (digest, repository) = (manifest.descriptor().digest.clone(), repository.to_string());
    |source| DeliveryError::Manifest { digest, repository, source }
}

/// What was stored, before it has names.
pub(super) struct Stored {
    /// What stands in, for each shipment, for what the sink does not take.
    pub(super) stand_ins: Vec<StandIns>,
    /// What was there before of what has no tag, as references by digest.
    pub(super) held: HashSet<String>,
}

/// Stores the manifests, those of a round side by side. The archive has been read to its end. Returns what stands in, for each
/// shipment, for what the sink does not take.
pub(super) fn put_manifests(
    shipments: &[Shipment],
    sparse: Sparse,
    stated: &HashMap<Digest, Platform>,
    sink: &dyn Sink,
    workers: &Workers,
) -> Result<Stored, DeliveryError> {
    // A manifest is there as soon as it is stored, so what was there before is found out first.
    let untagged = shipments.iter().filter(|shipment| shipment.place.tag_or_latest().is_none());
    let mut held = held(untagged.flat_map(Shipment::possible_places).collect(), sink, workers)?;
    let delivery = SparseDelivery::new(shipments, sparse);
    for round in rounds(shipments) {
        workers.for_each(&round, |_| 0, |group, _| group.iter().try_for_each(|placed| delivery.put(*placed, sink)))?;
    }
    let undelivered = delivery.undelivered();
    let stand_ins = shipments.iter().map(|shipment| undelivered.stand_ins(shipment, stated));
    let stand_ins: Vec<StandIns> = stand_ins.collect::<Result<_, _>>()?;
    let made =
        || shipments.iter().zip(&stand_ins).flat_map(|(it, made)| made.made().iter().map(move |made| (it, made)));
    let untagged = made().filter(|(shipment, _)| shipment.place.tag_or_latest().is_none());
    let places = untagged.map(|(shipment, made)| shipment.place.with_digest(made.descriptor().digest.clone()));
    held.extend(self::held(places.collect(), sink, workers)?);
    for (shipment, made) in made() {
        let repository = shipment.place.repository();
        sink.put_manifest(repository, made).map_err(manifest_error(made, repository))?;
    }
    Ok(Stored { stand_ins, held })
}

/// Which of these references by digest resolve.
fn held(places: Vec<Reference>, sink: &dyn Sink, workers: &Workers) -> Result<HashSet<String>, DeliveryError> {
    let held = Mutex::new(HashSet::new());
    workers.for_each(
        &places,
        |_| 0,
        |place, _| {
            let failed = |source| DeliveryError::Tag { tag: place.to_string(), source };
            if sink.held(place).map_err(failed)?.is_some() {
                held.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_string());
            }
            Ok(())
        },
    )?;
    Ok(held.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Sets the tags, side by side. The manifests that they resolve to are stored, and the tags are remembered.
pub(super) fn set_tags(
    shipments: &[Shipment],
    Stored { stand_ins, held }: &Stored,
    destination: &Destination,
    sink: &dyn Sink,
    workers: &Workers,
) -> Result<Vec<SetTag>, DeliveryError> {
    let delivered: Vec<(usize, &Shipment, &StandIns)> = shipments
        .iter()
        .zip(stand_ins)
        .enumerate()
        .map(|(at, (shipment, stand_ins))| (at, shipment, stand_ins))
        .collect();
    let tags = Mutex::new(Vec::new());
    workers.for_each(
        &delivered,
        |_| 0,
        |(at, shipment, stand_ins), _| {
            let failed = |source| DeliveryError::Tag { tag: destination.shown(shipment), source };
            let delivered = stand_ins.of_manifest(&shipment.root);
            let before = match shipment.place.tag_or_latest() {
                Some(_) => sink.held(&shipment.place).map_err(failed)?,
                None => {
                    let digest = &delivered.descriptor().digest;
                    held.contains(&shipment.place.with_digest(digest.clone()).to_string()).then(|| digest.clone())
                }
            };
            let root = &shipment.root;
            // What is there whole already is not replaced by a part of it.
            let is_kept = delivered != root && before.as_ref() == Some(&root.descriptor().digest);
            let delivered = if is_kept { root } else { delivered };
            if !is_kept {
                sink.tag(&shipment.place, delivered).map_err(failed)?;
            }
            // A file of Docker's has one platform of an image that is not whole, and a folder the files themselves.
            let is_asked = matches!(destination, Destination::File { .. } | Destination::Files { .. });
            let resolved = if is_asked { sink.held(&shipment.place).map_err(failed)? } else { None };
            let resolved = resolved.unwrap_or_else(|| delivered.descriptor().digest.clone());
            let tag = SetTag::of(shipment, destination, stand_ins, resolved, before);
            tags.lock().unwrap_or_else(PoisonError::into_inner).push((*at, tag));
            Ok(())
        },
    )?;
    let mut tags = tags.into_inner().unwrap_or_else(PoisonError::into_inner);
    tags.sort_by_key(|(at, _)| *at);
    Ok(tags.into_iter().map(|(_, tag)| tag).collect())
}
