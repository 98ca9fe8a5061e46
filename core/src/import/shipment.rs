//! What goes to which repository, under which name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::inventory::FileRecord;
use sealift_archive_format::{Digest, FileNameError};
use sealift_proof::level::Level;

use super::attached::TaggedDelivery;
use super::{Destination, DestinationError};
use crate::oci::{Companions, Descriptor, Graph, ManifestBytes, Reference, Repository};
use crate::plain_file::artifact;
use crate::trust::{Finding, Vouched};
use crate::verify::Selected;
use crate::verify::documents::{ClosedImage, ClosedItem};

/// The name under which something is vouched for, and its level.
pub(super) struct VouchedFor {
    pub(super) name: String,
    pub(super) level: Level,
    pub(super) vouched: Vouched,
}

impl From<&Finding> for VouchedFor {
    fn from(finding: &Finding) -> Self {
        Self { name: finding.item.full_name(), level: finding.level(), vouched: finding.vouched() }
    }
}

/// Everything that goes to one repository under one name.
pub(super) struct Shipment {
    /// The reference that it has in the archive.
    pub(super) reference: String,
    pub(super) place: Reference,
    pub(super) vouched_for: VouchedFor,
    /// What the name means.
    pub(super) named: Arc<Graph>,
    /// First what the name means, then its referrers.
    pub(super) graphs: Vec<Arc<Graph>>,
    pub(super) root: ManifestBytes,
    /// The file that it is, if it is one: everything else of it is made here.
    pub(super) file: Option<FileRecord>,
    /// The images that live in this repository, by the references that they had.
    pub(super) images: Vec<(String, Digest)>,
    /// What has a tag of its own in this repository, because of what it is about.
    pub(super) attached: Vec<TaggedDelivery>,
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
            place: match finding.item.reference.parse() {
                Ok(name) => destination.place_of_file(&name)?,
                Err(FileNameError { .. }) => destination.place(&finding.item.reference)?,
            },
            vouched_for: finding.into(),
            named: Arc::clone(graph),
            graphs: vec![Arc::clone(graph)],
            root: graph.root().clone(),
            file: None,
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
    pub(super) fn graph(&self) -> &Graph {
        &self.named
    }

    /// The references by digest that may be what its name resolves to, as far as they are known before it is stored: where a part of it
    /// is left behind, that is any manifest in it.
    pub(super) fn possible_places(&self) -> Vec<Reference> {
        let graph = self.graph();
        let inside = graph.manifests().iter().filter(|_| graph.is_partial());
        let all = std::iter::once(&self.root).chain(inside);
        all.map(|manifest| self.place.with_digest(manifest.descriptor().digest.clone())).collect()
    }

    fn of_image(finding: &Finding, image: &ClosedImage, destination: &Destination) -> Result<Self, DestinationError> {
        Self::new(finding, &image.graph, [(finding, image)], [&image.companions], destination)
    }

    fn of_file(finding: &Finding, file: &FileRecord, destination: &Destination) -> Result<Self, DestinationError> {
        let none = || DestinationError::Artifact { name: file.name.to_string() };
        let shipment = Self::new(finding, &artifact(file).ok_or_else(none)?, [], [], destination)?;
        Ok(Self { file: Some(file.clone()), ..shipment })
    }

    /// The digest that the archive has under the name.
    pub(super) fn carried(&self) -> &Digest {
        self.file.as_ref().map_or(&self.root.descriptor().digest, |file| &file.descriptor.digest)
    }
}

/// What hangs off something that is delivered, and is left behind because the destination has no place for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftBehind {
    /// The reference of the bundle or image that it hangs off.
    pub reference: String,
    /// How much it is.
    pub count: usize,
}

/// What hangs off what was selected, and has no place there.
pub(super) fn left_behind(selected: &[Selected<'_>], destination: &Destination) -> Vec<LeftBehind> {
    let mut left_behind: Vec<LeftBehind> = Vec::new();
    let mut leave = |finding: &Finding, companions: &Companions| match companions.graphs().count() {
        0 => {}
        count => left_behind.push(LeftBehind { reference: finding.item.reference.clone(), count }),
    };
    for Selected { finding, item } in selected {
        let findings = match item {
            ClosedItem::Bundle(bundle) => {
                if !destination.has_bundle_indexes() || !destination.has_referrers() {
                    leave(finding, &bundle.companions);
                }
                finding.parts.as_slice()
            }
            ClosedItem::Image(_) => std::slice::from_ref(*finding),
            ClosedItem::File(_) => continue,
        };
        if !destination.has_referrers() {
            findings.iter().zip(item.images()).for_each(|(finding, image)| leave(finding, &image.companions));
        }
    }
    left_behind
}

pub(super) fn shipments(
    selected: &[Selected<'_>],
    destination: &Destination,
) -> Result<Vec<Shipment>, DestinationError> {
    let mut shipments = Vec::new();
    // What is in it arrives in it.
    if let Destination::ThickBundle { .. } = destination {
        return Ok(shipments);
    }
    for Selected { finding, item } in selected {
        let bundle = match item {
            ClosedItem::Bundle(bundle) => bundle,
            ClosedItem::Image(image) => {
                shipments.push(Shipment::of_image(finding, image, destination)?);
                continue;
            }
            ClosedItem::File(file) => {
                shipments.push(Shipment::of_file(finding, file, destination)?);
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
pub(super) type WantedContents<'s> = BTreeMap<Digest, (Descriptor, Vec<&'s Repository>)>;

pub(super) fn wanted<'s>(shipments: &'s [Shipment], destination: &'s Destination) -> WantedContents<'s> {
    let mut wanted = WantedContents::new();
    if let Destination::ThickBundle { file, reference } = destination {
        wanted.insert(file.digest.clone(), (file.into(), vec![reference.repository()]));
    }
    let (mut counted, mut placed) = (HashSet::new(), HashSet::new());
    for shipment in shipments {
        let repository = shipment.place.repository();
        for graph in shipment.graphs.iter().filter(|graph| counted.insert((repository, Arc::as_ptr(graph)))) {
            for blob in graph.blobs() {
                let (_, repositories) = wanted.entry(blob.digest.clone()).or_insert_with(|| (blob.clone(), Vec::new()));
                if placed.insert((&blob.digest, repository)) {
                    repositories.push(repository);
                }
            }
        }
    }
    wanted
}

/// Everything that is delivered, each content once: blobs, and manifests.
pub(super) fn contents<'s>(shipments: &'s [Shipment], wanted: &'s WantedContents<'_>) -> Vec<&'s Descriptor> {
    let graphs = shipments.iter().flat_map(|shipment| &shipment.graphs);
    let manifests = graphs.flat_map(|graph| graph.manifests()).map(ManifestBytes::descriptor);
    let blobs = wanted.values().map(|(descriptor, _)| descriptor);
    let mut counted = HashSet::new();
    blobs.chain(manifests).filter(|descriptor| counted.insert(&descriptor.digest)).collect()
}
