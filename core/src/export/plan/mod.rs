//! The plan of an export: every reference resolved to its closed graph, before a layer is fetched.

mod error;
mod referrers;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{self, BundleRecord, Completeness, ImageRecord, ImageRole};

use super::request::{BundleOrigin, BundleRequest, ImageRequest, ImagesFrom, Place, Request, SourceId};
use crate::cnab::registry_form::{self, RegistryFormError};
use crate::cnab::{Bundle, BundleError, BundleImage, bundle};
use crate::oci::manifest::Document;
use crate::oci::{
    Descriptor, ForeignLayers, Graph, ManifestBytes, Platforms, Reference, Repository, Source, attestation,
};

pub use error::PlanError;
pub use referrers::{MAXIMUM_DEPTH, MAXIMUM_REFERRERS};

/// The sources of an export.
pub type Sources<'a> = Vec<Box<dyn Source + 'a>>;

/// Everything that will be in the archive, but for TUF.
#[derive(Debug, Default)]
pub struct Plan {
    /// The bundles.
    pub bundles: Vec<BundleRecord>,
    /// The images that stand alone.
    pub images: Vec<ImageRecord>,
    /// The content of each `bundle.json`, manifest and index.
    pub documents: BTreeMap<Digest, Vec<u8>>,
    /// Every blob once, in the order of the archive: bundles, manifests with parents before children, configurations,
    /// attestations, other layers.
    pub blobs: Vec<PlannedBlob>,
}

/// A blob, and where its bytes come from.
#[derive(Debug, Clone)]
pub struct PlannedBlob {
    /// Which.
    pub descriptor: Descriptor,
    /// Where; `None` for documents, whose bytes are held.
    pub origin: Option<(SourceId, Repository)>,
}

/// Makes the plan.
///
/// # Errors
/// [`PlanError`].
pub fn plan(request: &Request, sources: &mut Sources<'_>) -> Result<Plan, PlanError> {
    let (graphs, referrers) = (Vec::new(), Vec::new());
    let mut planner = Planner { sources, platforms: &request.platforms, plan: Plan::default(), graphs, referrers };
    for bundle in &request.bundles {
        planner.bundle(bundle)?;
    }
    for image in &request.images {
        planner.lone_image(image)?;
    }
    Ok(planner.finish())
}

struct Planner<'a, 'b> {
    sources: &'a mut Sources<'b>,
    platforms: &'a Platforms,
    plan: Plan,
    graphs: Vec<(SourceId, Repository, Graph)>,
    /// What refers to images, which comes after all of these.
    referrers: Vec<(SourceId, Repository, Graph)>,
}

impl Planner<'_, '_> {
    fn source(&mut self, id: SourceId) -> Result<&mut dyn Source, PlanError> {
        match self.sources.get_mut(id.0) {
            Some(source) => Ok(&mut **source),
            None => Err(PlanError::NoSource(id)),
        }
    }

    fn bundle(&mut self, request: &BundleRequest) -> Result<(), PlanError> {
        match &request.origin {
            BundleOrigin::Stored(place) => self.stored_bundle(&request.name, place),
            BundleOrigin::Document { bundle_json, images } => self.thin_bundle(&request.name, bundle_json, images),
        }
    }

    /// A bundle in the form of CNAB Registries: its index leads to everything.
    fn stored_bundle(&mut self, name: &str, place: &Place) -> Result<(), PlanError> {
        let graph = self.walk(name, place)?;
        let reference = || name.to_owned();
        let registry_form = |source| PlanError::RegistryForm { reference: reference(), source };
        let root = graph.root().clone();
        let Some(Document::Index(index)) = document(&graph, &root.digest) else {
            return Err(PlanError::AnImage { reference: reference() });
        };
        let config_manifest = registry_form::config_manifest(&index).map_err(registry_form)?;
        let Some(Document::Image(config_manifest)) = document(&graph, &config_manifest.digest) else {
            return Err(registry_form(RegistryFormError::NotABundle));
        };
        let bundle_json = self.read_bundle(name, place, &config_manifest.config)?;
        let bundle = parse(name, &bundle_json)?;
        let descriptors = registry_form::images(&index, &bundle).map_err(registry_form)?;
        let mut images = Vec::new();
        for (image, descriptor) in bundle.images.iter().zip(descriptors) {
            let graph = self.walk_below(&image.reference, &graph, descriptor)?;
            images.push(self.record(&image.reference, role(image), place, &graph)?);
        }
        self.add_bundle(name, &config_manifest.config.media_type, bundle_json, Some(&root), images);
        self.graphs.push((place.source, place.reference.repository().clone(), graph));
        Ok(())
    }

    /// A thin bundle: its images are elsewhere, and its registry form is made here.
    fn thin_bundle(&mut self, name: &str, bundle_json: &[u8], from: &ImagesFrom) -> Result<(), PlanError> {
        let bundle = parse(name, bundle_json)?;
        let (mut images, mut descriptors) = (Vec::new(), Vec::new());
        for image in &bundle.images {
            let place = locate(image, from)?;
            let graph = self.walk(&image.reference, &place)?;
            let found = graph.root().clone();
            if let Some(stated) = image.content_digest.as_ref().filter(|stated| **stated != found.digest) {
                let (image, stated) = (image.reference.clone(), stated.clone());
                return Err(PlanError::OtherImage { image, found: found.digest, stated });
            }
            images.push(self.record(&image.reference, role(image), &place, &graph)?);
            descriptors.push(found);
            self.graphs.push((place.source, place.reference.repository().clone(), graph));
        }
        let (config_manifest, index) = registry_form::build(&bundle, bundle_json, &descriptors)
            .map_err(|source| PlanError::Manifest { reference: name.to_owned(), source })?;
        let root = index.descriptor().clone();
        let media_type = registry_form::BUNDLE_MEDIA_TYPE;
        self.add_bundle(name, media_type, bundle_json.to_vec(), Some(&root), images);
        for manifest in [index, config_manifest] {
            self.add_document(manifest.descriptor().clone(), manifest.into_bytes());
        }
        Ok(())
    }

    fn lone_image(&mut self, request: &ImageRequest) -> Result<(), PlanError> {
        let graph = self.walk(&request.name, &request.place)?;
        let record = self.record(&request.name, ImageRole::StandAlone, &request.place, &graph)?;
        self.plan.images.push(record);
        self.graphs.push((request.place.source, request.place.reference.repository().clone(), graph));
        Ok(())
    }

    fn walk(&mut self, name: &str, place: &Place) -> Result<Graph, PlanError> {
        let platforms = self.platforms.clone();
        let source = self.source(place.source)?;
        let unfound = |source| PlanError::Source { reference: name.to_owned(), source };
        let root = source.resolve(&place.reference).map_err(unfound)?;
        let repository = place.reference.repository();
        Graph::walk(root, &platforms, ForeignLayers::Carry, |descriptor| source.manifest(repository, descriptor))
            .map_err(|source| PlanError::Graph { reference: name.to_owned(), source: Box::new(source) })
    }

    /// The graph of an image whose manifests are part of a larger graph.
    fn walk_below(&self, name: &str, whole: &Graph, descriptor: &Descriptor) -> Result<Graph, PlanError> {
        let fetch = |wanted: &Descriptor| {
            let held = whole.manifests().iter().find(|manifest| manifest.descriptor().digest == wanted.digest);
            held.cloned().ok_or(NotWalked)
        };
        let incomplete = || RegistryFormError::ImageNotListed { reference: name.to_owned() };
        let failed = || PlanError::RegistryForm { reference: name.to_owned(), source: incomplete() };
        let root = fetch(descriptor).map_err(|_| failed())?;
        Graph::walk(root, self.platforms, ForeignLayers::Carry, fetch).map_err(|_| failed())
    }

    /// The record of an image, with what refers to it.
    fn record(
        &mut self,
        reference: &str,
        role: ImageRole,
        place: &Place,
        graph: &Graph,
    ) -> Result<ImageRecord, PlanError> {
        let completeness =
            if graph.left_out().is_empty() { Completeness::AllPlatforms } else { Completeness::Selected };
        Ok(ImageRecord {
            completeness,
            descriptor: described(graph.root()),
            role,
            platforms: graph.platforms(),
            reference: reference.to_owned(),
            referrers: self.referrers(reference, place, graph)?,
            target: None,
        })
    }

    fn read_bundle(&mut self, name: &str, place: &Place, config: &Descriptor) -> Result<Vec<u8>, PlanError> {
        let limit = bundle::MAXIMUM_LENGTH as u64;
        if config.size > limit {
            let source = BundleError::TooLong { length: bundle::MAXIMUM_LENGTH.saturating_add(1) };
            return Err(PlanError::Bundle { reference: name.to_owned(), source });
        }
        let unfound = |source| PlanError::Source { reference: name.to_owned(), source };
        let mut bytes = Vec::new();
        let mut blob = self.source(place.source)?.blob(place.reference.repository(), config).map_err(unfound)?;
        blob.read_to_end(&mut bytes).map_err(|source| PlanError::Read { reference: name.to_owned(), source })?;
        Ok(bytes)
    }

    fn add_bundle(
        &mut self,
        name: &str,
        media_type: &str,
        bundle_json: Vec<u8>,
        index: Option<&Descriptor>,
        images: Vec<ImageRecord>,
    ) {
        let descriptor = Descriptor::of(media_type, &bundle_json);
        self.plan.bundles.push(BundleRecord {
            descriptor: described(&descriptor),
            images,
            index: index.map(described),
            reference: name.to_owned(),
            target: None,
        });
        self.add_document(descriptor, bundle_json);
    }

    fn add_document(&mut self, descriptor: Descriptor, bytes: Vec<u8>) {
        if self.plan.documents.insert(descriptor.digest.clone(), bytes).is_none() {
            self.plan.blobs.push(PlannedBlob { descriptor, origin: None });
        }
    }

    /// Adds the manifests, configurations, attestations and other layers of all graphs, each once.
    fn finish(mut self) -> Plan {
        let mut graphs = std::mem::take(&mut self.graphs);
        graphs.append(&mut self.referrers);
        for (_, _, graph) in &graphs {
            for manifest in graph.manifests().iter().rev() {
                self.add_document(manifest.descriptor().clone(), manifest.bytes().to_vec());
            }
        }
        let mut seen: BTreeSet<Digest> = self.plan.documents.keys().cloned().collect();
        let configs = |graph: &Graph| graph.configs().to_vec();
        let attestations = |graph: &Graph| attestation::attached(graph).into_iter().map(|it| it.layer).collect();
        let layers = |graph: &Graph| graph.layers().to_vec();
        for of_graph in [&configs as &dyn Fn(&Graph) -> Vec<Descriptor>, &attestations, &layers] {
            for (source, repository, graph) in &graphs {
                for descriptor in of_graph(graph) {
                    if seen.insert(descriptor.digest.clone()) {
                        let origin = Some((*source, repository.clone()));
                        self.plan.blobs.push(PlannedBlob { descriptor, origin });
                    }
                }
            }
        }
        self.plan
    }
}

/// A manifest that a graph does not hold.
#[derive(Debug, thiserror::Error)]
#[error("not below the bundle's index")]
struct NotWalked;

fn document(graph: &Graph, digest: &Digest) -> Option<Document> {
    let held = graph.manifests().iter().find(|manifest| manifest.descriptor().digest == *digest);
    held.and_then(|manifest: &ManifestBytes| manifest.document().ok())
}

fn parse(name: &str, bundle_json: &[u8]) -> Result<Bundle, PlanError> {
    Bundle::parse(bundle_json).map_err(|source| PlanError::Bundle { reference: name.to_owned(), source })
}

fn role(image: &BundleImage) -> ImageRole {
    image.component.clone().map_or(ImageRole::Invocation, ImageRole::Component)
}

fn described(descriptor: &Descriptor) -> inventory::Descriptor {
    inventory::Descriptor {
        digest: descriptor.digest.clone(),
        media_type: descriptor.media_type.clone(),
        size: descriptor.size,
    }
}

/// Where an image of a thin bundle is.
fn locate(image: &BundleImage, from: &ImagesFrom) -> Result<Place, PlanError> {
    match from {
        ImagesFrom::OneRepository(source, repository) => {
            let no_digest = || PlanError::NoDigest { image: image.reference.clone() };
            let digest = image.content_digest.clone().ok_or_else(no_digest)?;
            Ok(Place { source: *source, reference: Reference::new(repository.clone(), None, Some(digest)) })
        }
        ImagesFrom::TheirReferences(source) => {
            let reference: Reference = image
                .reference
                .parse()
                .map_err(|source| PlanError::ImageReference { image: image.reference.clone(), source })?;
            let reference = match &image.content_digest {
                Some(digest) => reference.with_digest(digest.clone()),
                None => reference,
            };
            Ok(Place { source: *source, reference })
        }
    }
}
