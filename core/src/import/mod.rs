//! Import: verify, with a sink at the end.
//!
//! Blobs go to the sink as they pass. Manifests and tags wait for a [`Verified`] archive: [`deliver`] receives the
//! content, which makes the proof, and only then commits: manifests first (children before parents, subjects before
//! their referrers), then the trust store learns which tags are about to be set, then tags, and last the trusted state
//! moves. An interruption leaves blobs and manifests that nothing refers to, or tags that are remembered but not set,
//! and importing again ends in the same state.

mod attached;
pub mod destination;
mod mirrors;
mod name_map;
mod sparse;
mod tags;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::EntryRecord;
use sealift_proof::freshness::LooserFreshness;
use sealift_proof::level::Level;
use sealift_proof::tuf::TrustedState;

pub use attached::{AttachedOutcome, AttachedTag};
pub use destination::{Destination, DestinationError, Naming};
pub use mirrors::PublishedMirror;
pub use name_map::{NameMap, NameMapError};
pub use sparse::{DeliveredForm, SetTag, Sparse};
pub use tags::ReplacedTag;

use crate::cnab::RelocationMapping;
use crate::mirror_config::Relocated;
use crate::oci::{Companions, Descriptor, Graph, ManifestBytes, ManifestError, Reference, Repository, StandIns};
use crate::remedy::{Remediable, Remedy};
use crate::transfer::{BlobContent, Checked, Offer, Repeatable, Sink, SinkError, Workers};
use crate::trust::{Finding, Judgement};
use crate::trust_store::{RepositoryName, TagError, TrustStore, TrustStoreError};
use crate::verify::documents::{Closed, ClosedImage, ClosedItem};
use crate::verify::{Head, Judged, ReceiveError, Receiver, Selected, Selection, SelectionError, Transport, Verified};
use attached::TaggedDelivery;
use sparse::SparseDelivery;
use tags::Tags;

/// Why an archive was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Something cannot be stored.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// What was chosen is not in it.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// It was judged by a freshness that accepts what the policy refuses.
    #[error(transparent)]
    Freshness(#[from] LooserFreshness),
    /// A tag that this side has set would move to something that it may not hold.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The archive is not what its seal says.
    #[error(transparent)]
    Receive(#[from] ReceiveError<DeliveryError>),
    /// A manifest or a tag cannot be stored.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The trust store cannot read which tags this side has set, or record which it is about to set. No tag was set.
    #[error("the trust store cannot read or record which tags this side sets")]
    Deliveries(#[source] TrustStoreError),
    /// Platforms of an image were left behind, and such an image is not to be delivered.
    #[error("{reference} is not complete: {} was left behind", .left_out.join(", "))]
    Sparse {
        /// The reference.
        reference: String,
        /// The platforms that were left behind.
        left_out: Vec<String>,
    },
    /// Everything was delivered, and the trusted state has not moved.
    #[error("everything was delivered, but the trust store could not record what was accepted")]
    NotRemembered(#[source] TrustStoreError),
}

impl Remediable for ImportError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Destination(error) => error.remedy(),
            Self::Selection(error) => error.remedy(),
            Self::Freshness(error) => error.remedy(),
            Self::Tag(error) => error.remedy(),
            Self::Receive(error) => error.remedy(),
            Self::Delivery(error) => error.remedy(),
            Self::Sparse { .. } => Remedy::AllowSparse,
            Self::Deliveries(error) | Self::NotRemembered(error) => error.remedy(),
        }
    }
}

/// Why the sink did not get everything.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A blob cannot be stored.
    #[error("blob {digest} cannot be stored in {repository}")]
    Blob {
        /// The blob.
        digest: Digest,
        /// The repository.
        repository: String,
        /// Why the sink does not take it.
        source: SinkError,
    },
    /// A blob was stored in one repository, and cannot be shared from there with another.
    #[error("blob {digest} cannot be shared with {repository}")]
    NotShared {
        /// The blob.
        digest: Digest,
        /// The repository that lacks it.
        repository: String,
    },
    /// A manifest cannot be stored.
    #[error("manifest {digest} cannot be stored in {repository}")]
    Manifest {
        /// The manifest.
        digest: Digest,
        /// The repository.
        repository: String,
        /// Why the sink does not take it.
        source: SinkError,
    },
    /// An index cannot be written again with what is carried of it.
    #[error("index {digest} cannot be made again for {repository} with what is carried of it")]
    StandIn {
        /// The index.
        digest: Digest,
        /// The repository.
        repository: String,
        /// What is wrong with the result.
        source: ManifestError,
    },
    /// A tag cannot be set.
    #[error("tag {tag} cannot be set")]
    Tag {
        /// The tag, with its repository.
        tag: String,
        /// Why the sink does not set it.
        source: SinkError,
    },
    /// Everything was given, and the sink cannot show it.
    #[error("what was delivered cannot be completed")]
    Finish(#[source] SinkError),
}

impl Remediable for DeliveryError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Manifest { source: SinkError::Missing(_), .. } => Remedy::AllowSparse,
            Self::StandIn { .. } => Remedy::KeepSparse,
            Self::Blob { .. } | Self::NotShared { .. } | Self::Manifest { .. } | Self::Tag { .. } | Self::Finish(_) => {
                Remedy::RepairDestination
            }
        }
    }
}

/// What was delivered, and is remembered.
pub struct Delivered {
    verified: Verified,
    /// From each reference to where the image now is.
    pub relocation: RelocationMapping,
    /// The same for each bundle, by its reference: exactly the references in it.
    pub bundles: Vec<(String, RelocationMapping)>,
    /// What went to which repository.
    pub relocated: Vec<Relocated>,
    /// The tags that were set, with what they resolve to.
    pub tags: Vec<SetTag>,
    /// The tags of what hangs off images and bundles.
    pub attached: Vec<AttachedTag>,
    /// The tags that were moved to another name or a lower level, because that was asked for.
    pub replaced: Vec<ReplacedTag>,
}

impl Delivered {
    /// The proof.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// What a person wants of a delivery.
#[derive(Debug, Clone, Default)]
pub struct DeliveryWishes<'a> {
    /// What is delivered.
    pub selection: Selection,
    /// The tags, as they are delivered, that may move to another name or a lower level, or from what somebody else put there.
    pub replace: &'a [Reference],
    /// What becomes of indexes of which platforms were left behind.
    pub sparse: Sparse,
}

/// Delivers an archive that has been judged by what a trust store holds, and remembers it there. The store is locked only while tags
/// are set, and what has changed in it by then is respected.
///
/// # Errors
/// [`ImportError`]. What this side accepted before is still remembered unchanged, except with
/// [`ImportError::NotRemembered`]; and no tag was set, unless it was setting tags or remembering that failed.
pub fn deliver<R: Read>(
    judged: Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
    store: &TrustStore,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<Delivered, ImportError> {
    let shipments = chosen(&judged, destination, wishes)?;
    let (now, replace) = (judged.terms().now(), wishes.replace);
    let tags_after = |deliveries: &_| Tags { deliveries, replace }.after(&shipments, destination, now);
    tags_after(&store.deliveries().map_err(ImportError::Deliveries)?)?;
    let (verified, stand_ins) = receive(judged, &shipments, destination, wishes.sparse, sink, transport)?;
    let states = states(verified.judgement());
    // Bytes moved without the store's lock, so it may have changed; from here on it cannot.
    let update = store.update_soon().map_err(ImportError::Deliveries)?;
    update.require_unchanged(&verified.head().basis, &states).map_err(ImportError::Deliveries)?;
    let deliveries = update.deliveries().map_err(ImportError::Deliveries)?;
    let next = tags_after(&deliveries).map_err(|_| ImportError::Deliveries(update.changed()))?;
    let commit = update.begin_delivery(&states, &next.deliveries).map_err(ImportError::Deliveries)?;
    let workers = workers(destination, transport);
    let attached = attached::set(&shipments, wishes.replace, sink, &workers)?;
    let tags = set_tags(&shipments, &stand_ins, sink, &workers)?;
    sink.finish().map_err(DeliveryError::Finish)?;
    commit.finish().map_err(ImportError::NotRemembered)?;
    let (relocation, bundles, relocated) = whereabouts(&shipments, &stand_ins, verified.head());
    Ok(Delivered { verified, relocation, bundles, relocated, tags, attached, replaced: next.replaced })
}

/// Takes out of an archive what was chosen, into a place that is new: a file, or a layout that was empty. It is judged and verified as
/// a whole, exactly as by [`deliver`], but nothing is remembered: no state moves, and no tag is one that this side has set.
///
/// # Errors
/// [`ImportError`].
pub fn extract<R: Read>(
    judged: Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<Extracted, ImportError> {
    let shipments = chosen(&judged, destination, wishes)?;
    let (verified, stand_ins) = receive(judged, &shipments, destination, wishes.sparse, sink, transport)?;
    let workers = workers(destination, transport);
    let attached = attached::set(&shipments, wishes.replace, sink, &workers)?;
    let tags = set_tags(&shipments, &stand_ins, sink, &workers)?;
    sink.finish().map_err(DeliveryError::Finish)?;
    Ok(Extracted { verified, tags, attached })
}

/// What was taken out of an archive, and is not remembered.
pub struct Extracted {
    verified: Verified,
    /// The names that were given, with what they resolve to.
    pub tags: Vec<SetTag>,
    /// The tags of what hangs off images and bundles.
    pub attached: Vec<AttachedTag>,
}

impl Extracted {
    /// The proof.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// What is delivered of an archive, if it may be.
fn chosen<R: Read>(
    judged: &Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
) -> Result<Vec<Shipment>, ImportError> {
    judged.terms().require_as_strict_as_policy()?;
    let selected = judged.select(&wishes.selection)?;
    destination.check(&selected)?;
    let shipments = shipments(&selected, destination)?;
    require_whole(&shipments, wishes.sparse)?;
    Ok(shipments)
}

/// How many things are stored at once. A layout lists everything in one file, in the order in which it comes, and a tar file has
/// everything in one order.
fn workers(destination: &Destination, transport: &Transport<'_>) -> Workers {
    match destination {
        Destination::File { .. } | Destination::Layout { .. } => transport.workers.at_most(NonZeroUsize::MIN),
        Destination::Registry { .. } => transport.workers,
    }
}

/// Receives the content, and stores it with the manifests. Nothing has a name yet.
fn receive<R: Read>(
    judged: Judged<R>,
    shipments: &[Shipment],
    destination: &Destination,
    sparse: Sparse,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<(Verified, Vec<StandIns>), ImportError> {
    let workers = workers(destination, transport);
    // However the archive arrives, a tar file has everything in its order.
    let transport = match destination {
        Destination::File { .. } => Transport { workers, file: None, ..*transport },
        Destination::Layout { .. } | Destination::Registry { .. } => *transport,
    };
    let wanted = wanted(shipments);
    let delivery = Delivery { sink, wanted: &wanted };
    delivery.documents(judged.closed())?;
    let verified = judged.receive(&delivery, &transport)?;
    let stand_ins = put_manifests(shipments, sparse, sink, &workers)?;
    Ok((verified, stand_ins))
}

/// Refuses images of which platforms are missing, where these are not to be delivered.
fn require_whole(shipments: &[Shipment], sparse: Sparse) -> Result<(), ImportError> {
    match shipments.iter().find(|shipment| sparse == Sparse::Refuse && shipment.graph().is_partial()) {
        None => Ok(()),
        Some(shipment) => {
            let left_out = shipment.graph().left_out_platforms().into_iter().collect();
            Err(ImportError::Sparse { reference: shipment.vouched_for.name.clone(), left_out })
        }
    }
}

/// What to remember about the repositories that spoke.
fn states(judgement: &Judgement) -> BTreeMap<RepositoryName, TrustedState> {
    let repositories = &judgement.findings().repositories;
    repositories.iter().map(|evidence| (evidence.name.clone(), evidence.next_state.clone())).collect()
}

/// The name under which something is vouched for, and its level.
struct VouchedFor {
    name: String,
    level: Level,
}

impl From<&Finding> for VouchedFor {
    fn from(finding: &Finding) -> Self {
        Self { name: finding.item.full_name(), level: finding.level() }
    }
}

/// Everything that goes to one repository under one name.
struct Shipment {
    /// The reference that it has in the archive.
    reference: String,
    place: Reference,
    vouched_for: VouchedFor,
    /// What the name means.
    named: Arc<Graph>,
    /// First what the name means, then its referrers.
    graphs: Vec<Arc<Graph>>,
    root: ManifestBytes,
    /// The images that live in this repository, by the references that they had.
    images: Vec<(String, Digest)>,
    /// What has a tag of its own in this repository, because of what it is about.
    attached: Vec<TaggedDelivery>,
}

impl Shipment {
    /// What has a name, under which `graph` is delivered, with the images that live there and their referrers.
    fn new<'i>(
        finding: &Finding,
        graph: &Arc<Graph>,
        images: impl IntoIterator<Item = (&'i Finding, &'i ClosedImage)>,
        companions: impl IntoIterator<Item = &'i Companions>,
        destination: &Destination,
    ) -> Result<Self, DestinationError> {
        let mut shipment = Self {
            reference: finding.item.reference.clone(),
            place: destination.place(&finding.item.reference)?,
            vouched_for: finding.into(),
            named: Arc::clone(graph),
            graphs: vec![Arc::clone(graph)],
            root: graph.root().clone(),
            images: Vec::new(),
            attached: Vec::new(),
        };
        for (Finding { item, .. }, _) in images {
            shipment.images.push((item.reference.clone(), item.digest.clone()));
        }
        for companions in companions.into_iter().filter(|_| destination.has_referrers()) {
            shipment.graphs.extend(companions.graphs().cloned());
            let attached =
                companions.tagged.iter().map(|tagged| TaggedDelivery::new(shipment.place.repository(), tagged));
            shipment.attached.extend(attached);
        }
        Ok(shipment)
    }

    /// What the name means, with everything below it.
    fn graph(&self) -> &Graph {
        &self.named
    }

    fn of_image(finding: &Finding, image: &ClosedImage, destination: &Destination) -> Result<Self, DestinationError> {
        Self::new(finding, &image.graph, [(finding, image)], [&image.companions], destination)
    }
}

fn shipments(selected: &[Selected<'_>], destination: &Destination) -> Result<Vec<Shipment>, DestinationError> {
    let mut shipments = Vec::new();
    for Selected { finding, item } in selected {
        let bundle = match item {
            ClosedItem::Bundle(bundle) => bundle,
            ClosedItem::Image(image) => {
                shipments.push(Shipment::of_image(finding, image, destination)?);
                continue;
            }
        };
        let images = || finding.parts.iter().zip(&bundle.images);
        // What the index refers to by digest must be in its repository, in a registry.
        let index = bundle.index.as_ref().filter(|_| destination.has_bundle_indexes());
        let with_bundle = index.is_some() && bundle.index_lists_images();
        let keeps_names = destination.keeps_names();
        if let Some(index) = index {
            let images = images().filter(|_| with_bundle);
            let of_images = bundle.images.iter().map(|image| &image.companions).filter(|_| with_bundle && !keeps_names);
            let companions = std::iter::once(&bundle.companions).chain(of_images);
            shipments.push(Shipment::new(finding, index, images, companions, destination)?);
        }
        if !with_bundle || keeps_names {
            for (finding, image) in images() {
                shipments.push(Shipment::of_image(finding, image, destination)?);
            }
        }
    }
    Ok(shipments)
}

/// For each blob, its descriptor and the repositories that need it.
type Wanted<'s> = BTreeMap<Digest, (Descriptor, Vec<&'s Repository>)>;

fn wanted(shipments: &[Shipment]) -> Wanted<'_> {
    let mut wanted = Wanted::new();
    let mut counted = HashSet::new();
    for shipment in shipments {
        let repository = shipment.place.repository();
        for graph in shipment.graphs.iter().filter(|graph| counted.insert((repository, Arc::as_ptr(graph)))) {
            for blob in graph.blobs() {
                let (_, repositories) = wanted.entry(blob.digest.clone()).or_insert_with(|| (blob.clone(), Vec::new()));
                if !repositories.contains(&repository) {
                    repositories.push(repository);
                }
            }
        }
    }
    wanted
}

/// Stores blobs as they pass.
struct Delivery<'a> {
    sink: &'a dyn Sink,
    wanted: &'a Wanted<'a>,
}

impl Delivery<'_> {
    /// Stores the documents that are blobs in a registry: each `bundle.json`.
    fn documents(&self, closed: &Closed) -> Result<(), DeliveryError> {
        for (digest, bytes) in &closed.bundle_files {
            let Some((descriptor, _)) = self.wanted.get(digest) else { continue };
            let open = || Checked::new(&**bytes, descriptor);
            let mut content = Repeatable::new(open(), || Ok(open()));
            self.store(digest, &mut content)?;
        }
        Ok(())
    }

    /// Stores a blob in every repository that lacks it. Where the content passes only once, it goes to the first of them, and the
    /// others share it from there.
    fn store(&self, digest: &Digest, content: &mut dyn BlobContent) -> Result<(), DeliveryError> {
        let Some((descriptor, repositories)) = self.wanted.get(digest) else { return Ok(()) };
        let mut is_used = false;
        for repository in repositories {
            let failed = |source| blob_error(digest, repository, source);
            let Offer::Wanted(upload) = self.sink.offer(repository, descriptor).map_err(failed)? else { continue };
            if std::mem::replace(&mut is_used, true) && !content.start_over() {
                return Err(DeliveryError::NotShared { digest: digest.clone(), repository: repository.to_string() });
            }
            upload.store(content).map_err(failed)?;
        }
        Ok(())
    }
}

fn blob_error(digest: &Digest, repository: &Repository, source: SinkError) -> DeliveryError {
    DeliveryError::Blob { digest: digest.clone(), repository: repository.to_string(), source }
}

impl Receiver for Delivery<'_> {
    type Error = DeliveryError;

    fn blob(&self, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), DeliveryError> {
        self.store(&record.digest, content)
    }
}

/// A manifest and the repository that it goes to.
type Placed<'s> = (&'s Repository, &'s ManifestBytes);

/// The manifests of all shipments in rounds: each comes after its children and after its subject, which are in earlier rounds.
fn rounds(shipments: &[Shipment]) -> Vec<Vec<Placed<'_>>> {
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

fn manifest_error(manifest: &ManifestBytes, repository: &Repository) -> impl FnOnce(SinkError) -> DeliveryError {
    let (digest, repository) = (manifest.descriptor().digest.clone(), repository.to_string());
    |source| DeliveryError::Manifest { digest, repository, source }
}

/// Stores the manifests, those of a round side by side. The archive has been read to its end. Returns what stands in, for each
/// shipment, for what the sink does not take.
fn put_manifests(
    shipments: &[Shipment],
    sparse: Sparse,
    sink: &dyn Sink,
    workers: &Workers,
) -> Result<Vec<StandIns>, DeliveryError> {
    let delivery = SparseDelivery::new(shipments, sparse);
    for round in rounds(shipments) {
        workers.for_each(&round, |_| 0, |placed, _| delivery.put(*placed, sink))?;
    }
    let undelivered = delivery.undelivered();
    shipments.iter().map(|shipment| undelivered.stand_ins(shipment, sink)).collect()
}

/// Sets the tags, side by side. The manifests that they resolve to are stored, and the tags are remembered.
fn set_tags(
    shipments: &[Shipment],
    stand_ins: &[StandIns],
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
            let failed = |source| DeliveryError::Tag { tag: shipment.place.to_string(), source };
            let before = sink.held(&shipment.place).map_err(failed)?;
            sink.tag(&shipment.place, stand_ins.of_manifest(&shipment.root)).map_err(failed)?;
            let tag = SetTag::of(shipment, stand_ins, before);
            tags.lock().unwrap_or_else(PoisonError::into_inner).push((*at, tag));
            Ok(())
        },
    )?;
    let mut tags = tags.into_inner().unwrap_or_else(PoisonError::into_inner);
    tags.sort_by_key(|(at, _)| *at);
    Ok(tags.into_iter().map(|(_, tag)| tag).collect())
}

/// Where everything went: all of it, by bundle, and by repository.
fn whereabouts(
    shipments: &[Shipment],
    stand_ins: &[StandIns],
    head: &Head,
) -> (RelocationMapping, Vec<(String, RelocationMapping)>, Vec<Relocated>) {
    let (mut all, mut relocated) = (RelocationMapping::default(), Vec::new());
    // A part of a bundle is where the bundle is; the same image may also be elsewhere, by its own name or in another bundle.
    let mut in_shipment: HashMap<(&str, &str), String> = HashMap::new();
    for (shipment, stand_ins) in shipments.iter().zip(stand_ins) {
        let target = shipment.place.repository();
        let names = std::iter::once(&shipment.reference).chain(shipment.images.iter().map(|(original, _)| original));
        for (at, name) in names.enumerate() {
            let is_tagged = at == 0 && shipment.place.tag_or_latest().is_some();
            if at > 0 && *name == shipment.reference {
                continue;
            }
            if let Ok(original) = name.parse() {
                relocated.push(Relocated { original, target: target.clone(), is_tagged });
            }
        }
        for (original, digest) in &shipment.images {
            let place = format!("{target}@{}", stand_ins.digest(digest));
            all.insert(original, &place);
            in_shipment.insert((&shipment.reference, original), place);
        }
    }
    let mut bundles = Vec::new();
    for bundle in head.inventory.bundles() {
        let mut mapping = RelocationMapping::default();
        for image in &bundle.images {
            let (name, own) = (image.reference.as_str(), bundle.reference.as_str());
            if let Some(place) = in_shipment.get(&(own, name)).or_else(|| in_shipment.get(&(name, name))) {
                mapping.insert(name, place);
            }
        }
        // Only a bundle of which everything was delivered can be used.
        if !mapping.is_empty()
            && mapping.iter().count() == bundle.images.iter().map(|it| &it.reference).collect::<HashSet<_>>().len()
        {
            bundles.push((bundle.reference.clone(), mapping));
        }
    }
    (all, bundles, relocated)
}
