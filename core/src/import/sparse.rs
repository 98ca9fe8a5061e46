//! Images of which some platforms were left behind, on their way into a place that may refuse their indexes.
//!
//! An index promises manifests that are not there. Some registries take it all the same, and then it keeps the digest that was signed;
//! others refuse it. Promise: only a refusal for this reason leads to a stand-in; what was signed keeps its name in the verdict and
//! in the trust store; and what a tag resolves to instead is said.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;
use serde::Serialize;

use super::shipment::Shipment;
use super::storing::{Placed, manifest_error};
use super::{DeliveryError, Destination};
use crate::oci::graph::LeftOutReason;
use crate::oci::media_type::is_foreign_layer;
use crate::oci::{Document, Graph, ManifestBytes, Platform, Repository, StandIns};
use crate::transfer::{Sink, SinkError};

/// What to do with an index that lists manifests of platforms that were left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sparse {
    /// Deliver it as it is; where the destination refuses it because something is missing, deliver what is there without it.
    #[default]
    Try,
    /// Deliver it as it is, or fail.
    Keep,
    /// Do not try to deliver it as it is.
    Rebuild,
    /// Deliver no archive with such an index.
    Refuse,
}

/// A tag that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetTag {
    /// The tag, as it is delivered, or a reference by digest.
    pub reference: String,
    /// What it resolves to.
    pub digest: Digest,
    /// The digest that the archive has under the name.
    pub carried: Digest,
    /// What it resolves to, compared with that.
    pub form: DeliveredForm,
    /// What it resolved to before; `None` if it was not there.
    pub before: Option<Digest>,
    /// The platforms that were not delivered: they were left out on export, or not chosen here.
    pub without: Vec<String>,
    /// The parts of a bundle that were not delivered under the digests that `bundle.json` states.
    pub parts: Vec<DeliveredPart>,
}

/// A part of a bundle that was delivered under another digest than the one that the bundle states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredPart {
    /// The reference that the bundle has for it.
    pub reference: String,
    /// What it is delivered as.
    pub digest: Digest,
    /// The digest that the archive, and the bundle, have for it.
    pub carried: Digest,
    /// What it is delivered as, compared with that.
    pub form: DeliveredForm,
}

/// What a tag resolves to, compared with what the archive has under the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveredForm {
    /// The very same.
    AsCarried,
    /// The manifest of the one platform that was carried: never an index.
    OnePlatform,
    /// An index of what was carried, made on this side. Nobody signed it.
    MadeHere,
    /// An artifact that holds the file that was carried, made on this side. Nobody signed it.
    Artifact,
}

impl DeliveredForm {
    fn of(delivered: &Digest, carried: &Digest, stand_ins: &StandIns) -> Self {
        let is_made = stand_ins.made().iter().any(|made| made.descriptor().digest == *delivered);
        match (delivered == carried, is_made) {
            (true, _) => Self::AsCarried,
            (false, true) => Self::MadeHere,
            (false, false) => Self::OnePlatform,
        }
    }
}

/// The manifests that are not delivered as they are, by repository.
#[derive(Debug, Default)]
pub(super) struct Undelivered<'s>(HashMap<&'s Repository, HashSet<&'s Digest>>);

fn has_foreign_layers(manifest: &ManifestBytes) -> bool {
    let Document::Image(image) = manifest.document() else { return false };
    image.layers.iter().any(|layer| is_foreign_layer(&layer.media_type))
}

/// Stores manifests that may be refused because something below them is missing.
pub(super) struct SparseDelivery<'s> {
    sparse: Sparse,
    /// The indexes that list something that is not carried, and those above them.
    partial: HashSet<&'s Digest>,
    undelivered: Mutex<Undelivered<'s>>,
}

impl<'s> SparseDelivery<'s> {
    pub(super) fn new(shipments: &'s [Shipment], sparse: Sparse) -> Self {
        let graphs = shipments.iter().flat_map(|shipment| &shipment.graphs);
        let partial = graphs.filter(|graph| graph.is_partial()).flat_map(|graph| partial_indexes(graph)).collect();
        Self { sparse, partial, undelivered: Mutex::default() }
    }

    /// Stores a manifest, or notes that it is not delivered as it is. What it lists comes before it.
    pub(super) fn put(&self, (repository, manifest): Placed<'s>, sink: &dyn Sink) -> Result<(), DeliveryError> {
        let digest = &manifest.descriptor().digest;
        let may_stay_behind = self.partial.contains(digest) && matches!(self.sparse, Sparse::Try | Sparse::Rebuild);
        if !may_stay_behind {
            return sink.put_manifest(repository, manifest).map_err(|error| match error {
                SinkError::Missing(_) if !self.partial.contains(digest) => {
                    let (digest, repository) = (digest.clone(), repository.to_string());
                    let has_foreign_layers = has_foreign_layers(manifest);
                    DeliveryError::NotSeen { digest, repository, has_foreign_layers, source: error }
                }
                // Some say no more of an index that lists what they lack.
                SinkError::Invalid(reason) if self.partial.contains(digest) => {
                    manifest_error(manifest, repository)(SinkError::Missing(reason))
                }
                error => manifest_error(manifest, repository)(error),
            });
        }
        let lists_undelivered = || {
            let undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
            manifest.document().children().iter().any(|child| undelivered.contains(repository, &child.digest))
        };
        if self.sparse != Sparse::Rebuild && !lists_undelivered() {
            match sink.put_manifest(repository, manifest) {
                Err(SinkError::Missing(_) | SinkError::Invalid(_)) => {}
                stored => return stored.map_err(manifest_error(manifest, repository)),
            }
        }
        let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
        undelivered.0.entry(repository).or_default().insert(digest);
        Ok(())
    }

    /// What was not delivered as it is.
    pub(super) fn undelivered(self) -> Undelivered<'s> {
        self.undelivered.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Undelivered<'_> {
    fn contains(&self, repository: &Repository, digest: &Digest) -> bool {
        self.0.get(repository).is_some_and(|digests| digests.contains(digest))
    }

    /// What is delivered for a shipment in the place of what is not.
    pub(super) fn stand_ins(
        &self,
        shipment: &Shipment,
        stated: &HashMap<Digest, Platform>,
    ) -> Result<StandIns, DeliveryError> {
        let repository = shipment.place.repository();
        let Some(refused) = self.0.get(repository) else { return Ok(StandIns::default()) };
        let failed = |source| {
            let digest = shipment.root.descriptor().digest.clone();
            DeliveryError::StandIn { digest, repository: repository.to_string(), source }
        };
        let images = shipment.images.iter().map(|(_, digest)| digest).collect();
        StandIns::of(shipment.graph(), refused, &images, stated).map_err(failed)
    }
}

/// The indexes of a graph that list something that is not carried, and those above them.
fn partial_indexes(graph: &Graph) -> HashSet<&Digest> {
    let without_platforms = graph.left_out().iter().filter(|left| left.reason != LeftOutReason::ForeignLayer);
    let mut partial: HashSet<&Digest> = without_platforms.map(|left| &left.parent).collect();
    // Children come before parents.
    for manifest in graph.manifests() {
        if manifest.document().children().iter().any(|child| partial.contains(&child.digest)) {
            partial.insert(&manifest.descriptor().digest);
        }
    }
    partial
}

impl SetTag {
    /// The name of a thick bundle that is delivered as it is.
    pub(super) fn of_file(destination: &Destination) -> Option<Self> {
        let Destination::ThickBundle { file, reference } = destination else { return None };
        let (digest, form) = (file.digest.clone(), DeliveredForm::AsCarried);
        Some(Self {
            reference: reference.to_string(),
            carried: digest.clone(),
            digest,
            form,
            before: None,
            without: Vec::new(),
            parts: Vec::new(),
        })
    }

    /// A shipment's tag, which resolves to this: the root, or what was delivered in its place. Where that is named by its digest, it has its
    /// own.
    pub(super) fn of(
        shipment: &Shipment,
        destination: &Destination,
        stand_ins: &StandIns,
        digest: Digest,
        before: Option<Digest>,
    ) -> Self {
        let carried = shipment.carried().clone();
        if let (Destination::Files { folder }, Some(file)) = (destination, &shipment.file) {
            let reference = folder.join(file.name.path()).display().to_string();
            let (form, without, parts) = (DeliveredForm::AsCarried, Vec::new(), Vec::new());
            return Self { reference, digest, carried, form, before, without, parts };
        }
        if shipment.file.is_some() && digest != carried {
            let (reference, form) = (shipment.place.to_string(), DeliveredForm::Artifact);
            let (without, parts) = (Vec::new(), Vec::new());
            return Self { reference, digest, carried, form, before, without, parts };
        }
        let form = DeliveredForm::of(&digest, &carried, stand_ins);
        let parts = shipment.images.iter().filter(|(_, part)| *part != carried).filter_map(|(reference, carried)| {
            let digest = stand_ins.digest(carried).clone();
            let form = DeliveredForm::of(&digest, carried, stand_ins);
            let (reference, carried) = (reference.clone(), carried.clone());
            (form != DeliveredForm::AsCarried).then_some(DeliveredPart { reference, digest, carried, form })
        });
        let parts = parts.collect();
        let place = &shipment.place;
        let named = place.digest().map(|_| place.with_digest(digest.clone()));
        let reference = named.as_ref().unwrap_or(place).to_string();
        let without = shipment.graph().left_out_platforms().into_iter().collect();
        Self { reference, digest, carried, form, before, without, parts }
    }
}
