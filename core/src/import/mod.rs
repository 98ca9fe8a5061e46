//! Import: verify, with a sink at the end.
//!
//! Blobs go to the sink as they pass. Manifests and tags wait for a [`Verified`] archive: [`deliver`] receives the
//! content, which makes the proof, and only then commits: manifests first (children before parents, subjects before
//! their referrers), then the trust store learns which tags are about to be set, then tags, and last the trusted state
//! moves. An interruption leaves blobs and manifests that nothing refers to, or tags that are remembered but not set,
//! and importing again ends in the same state.

mod absent;
mod attached;
pub mod destination;
mod kept;
mod mirrors;
mod name_map;
mod shipment;
mod sparse;
mod storing;
mod tags;
mod whereabouts;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sealift_archive_format::inventory::{BaseRecord, ItemRecord};
use sealift_archive_format::{Digest, Inventory};
use sealift_proof::freshness::LooserFreshness;

pub use absent::{LackingBlob, TargetProof};
pub use attached::{AttachedOutcome, AttachedTag};
pub use destination::{Destination, DestinationError, Meeting, Naming};
pub use mirrors::{MirrorContent, MirrorInMemory, PublishedMirror};
pub use name_map::{NameMap, NameMapError};
pub use shipment::LeftBehind;
pub use sparse::{DeliveredForm, DeliveredPart, SetTag, Sparse};
pub use tags::ReplacedTag;

use crate::cnab::RelocationMapping;
use crate::delivery_file::DeliveryFileError;
use crate::mirror_config::Relocated;
use crate::oci::{Descriptor, ManifestError, Repository};
use crate::receipt::{Holding, Holdings};
use crate::remedy::{LackingItem, Remediable, Remedy};
use crate::transfer::{Sink, SinkError, Workers};
use crate::trust_store::{Deliveries, HistoryEvent, NewHistoryLine, TagError, TrustStore, TrustStoreError};
use crate::verify::{Judged, ReceiveError, SelectedName, Selection, SelectionError, Transport, Verified};
use absent::TargetSearch;
use kept::KeptFiles;
use shipment::{Shipment, contents, left_behind, shipments, wanted};
use storing::{Delivery, Stored, put_manifests, set_tags};
use tags::Tags;
use whereabouts::whereabouts;

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
    /// What the archive leaves out is not there, or not as it should be.
    #[error("{} that the archive leaves out {} not there{}{}", LackingBlob::counted(.blobs), if .blobs.len() == 1 { "is" } else { "are" }, LackingBlob::listed(.blobs), never_accepted(.unknown))]
    Lacking {
        /// The layers, by their digests.
        blobs: Vec<LackingBlob>,
        /// On whose word they were left out.
        base: Option<BaseRecord>,
        /// The archives that it rests on and that were never accepted here.
        unknown: Vec<Digest>,
        /// What the archive holds, by name.
        items: Vec<LackingItem>,
    },
    /// The archive leaves out layers, and it was to go to a place that is new.
    #[error("the archive leaves out {}, and a new place has nothing of what was delivered before", LackingBlob::counted(.blobs))]
    LeftOut {
        /// The layers, by their digests.
        blobs: Vec<LackingBlob>,
    },
    /// Platforms of an image were left behind, and such an image is not to be delivered.
    #[error("{reference} is not complete: {} was left behind", .left_out.join(", "))]
    Sparse {
        /// The reference.
        reference: String,
        /// The platforms that were left behind.
        left_out: Vec<String>,
    },
    /// Plain files cannot be kept for the mirrors that are published afterwards.
    #[error("plain files cannot be kept for the mirror in {}", .folder.display())]
    Mirror {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Everything was delivered, and the trusted state has not moved.
    #[error("everything was delivered, but the trust store could not record what was accepted")]
    NotRemembered(#[source] TrustStoreError),
}

impl ImportError {
    /// The same, where nothing can be lacking because nothing was there.
    fn in_new_place(self) -> Self {
        match self {
            Self::Lacking { blobs, .. } => Self::LeftOut { blobs },
            other => other,
        }
    }

    /// The same, with the archives that something rests on and that this side has never accepted.
    fn with_unknown(self, store: &TrustStore) -> Self {
        match self {
            Self::Lacking { blobs, base: Some(BaseRecord::Archives(archives)), items, .. } => {
                let history = store.history().unwrap_or_default();
                let accepted: HashSet<&Digest> = history.accepted().map(|line| &line.archive).collect();
                let unknown = archives.iter().filter(|it| !accepted.contains(it)).cloned().collect();
                Self::Lacking { blobs, base: Some(BaseRecord::Archives(archives)), unknown, items }
            }
            other => other,
        }
    }
}

/// What an archive holds, as a person names it.
fn items(inventory: &Inventory) -> Vec<LackingItem> {
    let item = |item: &ItemRecord| {
        let name = item.reference().to_owned();
        match item {
            ItemRecord::Bundle(_) => LackingItem::Bundle { name },
            ItemRecord::Image(_) => LackingItem::Image { name },
            ItemRecord::File(_) => LackingItem::File { name },
        }
    };
    inventory.items.iter().map(item).collect()
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
            Self::Lacking { blobs, items, .. } => Remedy::SendLacking {
                items: items.clone(),
                blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
            },
            Self::LeftOut { .. } => Remedy::ImportDelta,
            Self::Sparse { .. } => Remedy::AllowSparse,
            Self::Mirror { folder, source } => Remedy::of_file(folder, source),
            Self::Deliveries(error) | Self::NotRemembered(error) => error.remedy(),
        }
    }
}

fn never_accepted(unknown: &[Digest]) -> String {
    let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    match unknown.as_slice() {
        [] => String::new(),
        unknown => format!("; it rests on archive {}, which was never accepted here", unknown.join(" and ")),
    }
}

/// Why the sink did not get everything.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The sink refuses all of it, before the first byte.
    #[error("the delivery cannot be begun")]
    Begin(#[source] SinkError),
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
    /// A plain file cannot be kept for the mirrors.
    #[error("file {digest} cannot be kept for the mirror")]
    Keep {
        /// The file's digest.
        digest: Digest,
        /// The system's error.
        source: io::Error,
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
    /// A manifest is refused because something is missing, although all that is carried of it was given.
    #[error("manifest {digest} cannot be stored in {repository}, although all that is carried of it is there")]
    NotSeen {
        /// The manifest.
        digest: Digest,
        /// The repository.
        repository: String,
        /// Whether it lists layers that registries are not meant to distribute.
        has_foreign_layers: bool,
        /// What the sink says.
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
            Self::NotSeen { has_foreign_layers: true, .. } => Remedy::AllowForeignLayers,
            Self::NotSeen { has_foreign_layers: false, .. } => Remedy::RelaxRegistry,
            Self::StandIn { .. } => Remedy::KeepSparse,
            Self::NotShared { .. } => Remedy::RepairDestination,
            Self::Keep { .. } => Remedy::RepairMirror,
            Self::Begin(source)
            | Self::Blob { source, .. }
            | Self::Manifest { source, .. }
            | Self::Tag { source, .. }
            | Self::Finish(source) => of_sink(source),
        }
    }
}

/// What can be done about a sink that does not take something: a file says so itself.
fn of_sink(error: &SinkError) -> Remedy {
    match error {
        SinkError::NoRoom(error) => error.remedy(),
        SinkError::Target(_)
        | SinkError::Missing(_)
        | SinkError::Invalid(_)
        | SinkError::Content(_)
        | SinkError::ReadBack(_) => {
            #[cfg(feature = "network")]
            let at_registry = crate::registry::of_sink(error);
            #[cfg(not(feature = "network"))]
            let at_registry = None;
            let in_file = || error.reason::<DeliveryFileError>().map(Remediable::remedy);
            at_registry.or_else(in_file).unwrap_or(Remedy::RepairDestination)
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
    /// What hangs off them and has no place where they are.
    pub left_behind: Vec<LeftBehind>,
    /// The tags that were moved to another name or a lower level, because that was asked for.
    pub replaced: Vec<ReplacedTag>,
    /// The layers that are there now.
    pub layers: Holdings,
    kept: KeptFiles,
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
    /// The tags, as they are delivered, and the files that may move to another name or a lower level, or from what somebody else put
    /// there.
    pub replace: &'a [SelectedName],
    /// What becomes of indexes of which platforms were left behind.
    pub sparse: Sparse,
    /// The folder in which mirrors are published afterwards ([`Delivered::publish_mirrors`]): plain files are kept there until then.
    pub mirror: Option<&'a Path>,
    /// How much is looked at of what the archive leaves out.
    pub proof: TargetProof,
}

/// Delivers an archive that has been judged by what a trust store holds, and remembers it there. The store is locked only while tags
/// are set, and what has changed in it by then is respected.
///
/// # Errors
/// [`ImportError`]. What this side accepted before is still remembered unchanged, except with
/// [`ImportError::NotRemembered`]; and no tag was set, unless it was setting tags or remembering that failed.
pub fn deliver<R: Read>(
    mut judged: Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
    store: &TrustStore,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<Delivered, ImportError> {
    let (shipments, left_behind) = chosen(&mut judged, destination, wishes)?;
    let (times, replace) = ((judged.terms().now(), judged.inventory().exported_at), wishes.replace);
    let deliveries = store.deliveries().map_err(ImportError::Deliveries)?;
    let (own_files, foreign) = files_there(&shipments, destination, &deliveries, replace, sink)?;
    let own_files = &own_files;
    let tags_after = |deliveries: &_| Tags { deliveries, replace, own_files }.after(&shipments, destination, times);
    tags_after(&deliveries)?;
    foreign.map_or(Ok(()), |error| Err(DeliveryError::Begin(error.into())))?;
    let elsewhere = absent::elsewhere(&deliveries, destination.domain());
    let received = receive(judged, &shipments, destination, (wishes, &elsewhere), sink, transport);
    let (verified, stored, kept) = received.map_err(|error| match destination.remembered() {
        Some(_) => error.with_unknown(store),
        None => error.in_new_place(),
    })?;
    let states = verified.judgement().next_states();
    // Bytes moved without the store's lock, so it may have changed; from here on it cannot.
    let update = store.update_soon().map_err(ImportError::Deliveries)?;
    store.require_unchanged(&verified.head().basis, &states, |trust| trust).map_err(ImportError::Deliveries)?;
    let deliveries = update.deliveries().map_err(ImportError::Deliveries)?;
    let next = tags_after(&deliveries).map_err(|_| ImportError::Deliveries(update.changed()))?;
    let line = history_line(&verified, destination);
    let commit = update.begin_delivery(&states, &next.deliveries).and_then(|commit| commit.noting(line));
    let commit = commit.map_err(ImportError::Deliveries)?;
    let workers = workers(destination, transport);
    let attached = attached::set(&shipments, wishes.replace, sink, &workers)?;
    let mut tags = set_tags(&shipments, &stored, destination, sink, &workers)?;
    tags.extend(SetTag::of_file(destination));
    sink.finish().map_err(DeliveryError::Finish)?;
    commit.finish().map_err(ImportError::NotRemembered)?;
    let (relocation, bundles, relocated) = whereabouts(&shipments, &stored.stand_ins, &tags, verified.head());
    let (replaced, layers) = (next.replaced, layers(&shipments));
    Ok(Delivered { verified, relocation, bundles, relocated, tags, attached, left_behind, replaced, layers, kept })
}

/// What the history says of a delivery.
fn history_line(verified: &Verified, destination: &Destination) -> NewHistoryLine {
    let head = verified.head();
    NewHistoryLine {
        time: head.terms.now(),
        event: HistoryEvent::Import,
        archive: head.seal.statement_digest().clone(),
        exported_at: head.inventory.exported_at,
        sealed_by: head.seal.signers().to_vec(),
        items: head.inventory.items.len(),
        level: verified.judgement().findings().lowest_level(),
        place: destination.remembered(),
        receipt: None,
    }
}

/// The layers of what was delivered, by repository.
fn layers(shipments: &[Shipment]) -> Holdings {
    let graphs = shipments
        .iter()
        .flat_map(|shipment| shipment.graphs.iter().map(move |graph| (shipment.place.repository(), graph)));
    let layers = graphs.flat_map(|(repository, graph)| {
        let holding = move |layer: &Descriptor| Holding { repository: repository.clone(), layer: layer.digest.clone() };
        graph.layers().into_iter().map(holding)
    });
    layers.collect()
}

/// The files in whose place files would be delivered, by the keys of their places: those that this side put there, or that a person named;
/// and why the first other one with other content may not be replaced.
fn files_there(
    shipments: &[Shipment],
    destination: &Destination,
    deliveries: &Deliveries,
    replace: &[SelectedName],
    sink: &dyn Sink,
) -> Result<(HashMap<String, Digest>, Option<DeliveryFileError>), DeliveryError> {
    let (mut own, mut foreign) = (HashMap::new(), None);
    let Destination::Files { folder } = destination else { return Ok((own, foreign)) };
    for shipment in shipments {
        let (Some(file), Some((key, _))) = (&shipment.file, destination.key_of(shipment)) else { continue };
        let Some(there) = sink.held(&shipment.place).map_err(DeliveryError::Begin)? else { continue };
        let is_own = deliveries.tag(&key).is_some_and(|delivered| delivered.put(&there))
            || tags::is_named_file(replace, shipment);
        if !is_own && there != *shipment.carried() && foreign.is_none() {
            let path = folder.join(file.name.path());
            foreign = Some(DeliveryFileError::NotOurs { path, name: file.name.clone() });
        }
        if is_own {
            own.insert(key, there);
        }
    }
    Ok((own, foreign))
}

/// Takes out of an archive what was chosen, into a place that is new: a file, or a layout that was empty. It is judged and verified as
/// a whole, exactly as by [`deliver`], but nothing is remembered: no state moves, and no tag is one that this side has set.
///
/// # Errors
/// [`ImportError`].
pub fn extract<R: Read>(
    mut judged: Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<Extracted, ImportError> {
    let (shipments, left_behind) = chosen(&mut judged, destination, wishes)?;
    let received = receive(judged, &shipments, destination, (wishes, &[]), sink, transport);
    let (verified, stored, _) = received.map_err(ImportError::in_new_place)?;
    let workers = workers(destination, transport);
    let attached = attached::set(&shipments, wishes.replace, sink, &workers)?;
    let mut tags = set_tags(&shipments, &stored, destination, sink, &workers)?;
    tags.extend(SetTag::of_file(destination));
    sink.finish().map_err(DeliveryError::Finish)?;
    let (relocation, ..) = whereabouts(&shipments, &stored.stand_ins, &tags, verified.head());
    Ok(Extracted { verified, relocation, tags, attached, left_behind })
}

/// What was taken out of an archive, and is not remembered.
pub struct Extracted {
    verified: Verified,
    /// From each reference to where the image now is.
    pub relocation: RelocationMapping,
    /// The names that were given, with what they resolve to.
    pub tags: Vec<SetTag>,
    /// The tags of what hangs off images and bundles.
    pub attached: Vec<AttachedTag>,
    /// What hangs off them and has no place where they are.
    pub left_behind: Vec<LeftBehind>,
}

impl Extracted {
    /// The proof.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// What is delivered of an archive, if it may be.
fn chosen<R: Read>(
    judged: &mut Judged<R>,
    destination: &Destination,
    wishes: &DeliveryWishes<'_>,
) -> Result<(Vec<Shipment>, Vec<LeftBehind>), ImportError> {
    judged.terms().require_as_strict_as_policy()?;
    let (selected, _) = judged.select(&wishes.selection)?;
    let shipments = shipments(&selected, destination)?;
    destination.check(&shipments)?;
    require_whole(&shipments, wishes.sparse)?;
    let left_behind = left_behind(&selected, destination);
    Ok((shipments, left_behind))
}

/// How many things are stored at once. A layout lists everything in one file, in the order in which it comes, and a tar file has
/// everything in one order.
fn workers(destination: &Destination, transport: &Transport<'_>) -> Workers {
    match destination {
        Destination::File { .. } | Destination::Layout { .. } => transport.workers.at_most(NonZeroUsize::MIN),
        Destination::ThickBundle { .. } | Destination::Files { .. } | Destination::Registry { .. } => transport.workers,
    }
}

/// Receives the content, and stores it with the manifests. Nothing has a name yet.
fn receive<R: Read>(
    judged: Judged<R>,
    shipments: &[Shipment],
    destination: &Destination,
    (wishes, elsewhere): (&DeliveryWishes<'_>, &[Repository]),
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<(Verified, Stored, KeptFiles), ImportError> {
    let workers = workers(destination, transport);
    // However the archive arrives, a tar file has everything in its order.
    let transport = match destination {
        Destination::File { .. } => Transport { workers, file: None, ..*transport },
        Destination::ThickBundle { .. }
        | Destination::Files { .. }
        | Destination::Layout { .. }
        | Destination::Registry { .. } => *transport,
    };
    let wanted = wanted(shipments, destination);
    sink.require_room(&contents(shipments, &wanted)).map_err(DeliveryError::Begin)?;
    let keep = |folder: &Path| {
        let failed = |source| ImportError::Mirror { folder: folder.to_owned(), source };
        KeptFiles::begin(folder, judged.closed()).map_err(failed)
    };
    let kept = wishes.mirror.map(keep).transpose()?;
    let delivery = Delivery::new(shipments, &wanted, kept, sink);
    delivery.documents(judged.closed())?;
    let verified = judged.receive(&delivery, &transport)?;
    let (stated, kept) = delivery.finish();
    let search = TargetSearch { sink, proof: wishes.proof, elsewhere };
    search.prove(&wanted, &verified.head().inventory, &workers, transport.progress)?;
    let verified = verified.having_seen(wishes.proof.into());
    let stored = put_manifests(shipments, wishes.sparse, &stated, sink, &workers)?;
    Ok((verified, stored, kept.unwrap_or_default()))
}

/// Looks whether what an archive leaves out is where it would be delivered to. Nothing is changed there, and nothing is remembered.
///
/// # Errors
/// [`ImportError`].
pub fn look<R: Read>(
    judged: &mut Judged<R>,
    destination: &Destination,
    proof: TargetProof,
    store: &TrustStore,
    sink: &dyn Sink,
    transport: &Transport<'_>,
) -> Result<(), ImportError> {
    let (selected, _) = judged.select(&Selection::default())?;
    let shipments = shipments(&selected, destination)?;
    let deliveries = store.deliveries().map_err(ImportError::Deliveries)?;
    let elsewhere = absent::elsewhere(&deliveries, destination.domain());
    let wanted = wanted(&shipments, destination);
    let search = TargetSearch { sink, proof, elsewhere: &elsewhere };
    let looked = search.look(&wanted, judged.inventory(), &workers(destination, transport), transport.progress);
    looked.map_err(|error| error.with_unknown(store))
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
