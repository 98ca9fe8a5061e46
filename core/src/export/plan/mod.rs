//! The plan of an export: every reference resolved to its closed graph, before a layer is fetched.
//!
//! Promise: each manifest is fetched and held once, referrers are asked for once for each subject, and a plan has one
//! budget of bytes, documents, requests and time, whatever the sources invent.

mod ahead;
mod budget;
mod dependencies;
mod error;
mod platforms;
mod referrers;
mod weight;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{BundleRecord, ImageRecord, ImageRole, ItemRecord, ReferrerChoice};

use super::request::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use super::source_remedy;
use crate::cnab::registry_form::{self, RegistryFormError};
use crate::cnab::{Bundle, BundleError, BundleImage, bundle};
use crate::oci::manifest::Document;
use crate::oci::sparse::MADE_FROM;
use crate::oci::{
    Choice, Companions, Descriptor, ForeignLayers, Graph, GraphError, Graphs, ManifestBytes, Platforms, Reference,
    ReferrerKind, Repository, attested,
};
use crate::plain_file::FileSource;
use crate::report::Warning;
use crate::thick_bundle::ThickBundleFile;
use crate::transfer::{BlobContent, Source, SourceError, Workers};
use crate::verify::documents::{Closed, ClosedBundle, ClosedImage, ClosedItem, carried, check_names};

use ahead::Ahead;
pub use budget::MAXIMUM_REQUESTS;
use budget::PlanBudget;
pub use error::PlanError;
pub use referrers::LeftOutReferrer;
pub use weight::ItemWeight;

/// How many characters of an annotation are shown.
const MAXIMUM_SHOWN: usize = 200;

/// Everything that will be in the archive, but for TUF, and where it comes from.
#[derive(Debug, Default)]
pub struct Plan {
    /// The items, in the order of the inventory.
    pub items: Vec<ItemRecord>,
    /// Their graphs.
    pub closed: Closed,
    /// The source of each blob that is not a document.
    pub(super) origins: HashMap<Digest, Origin>,
    /// The referrers of images and bundles that are not carried, because their kind was not asked for.
    pub left_out: Vec<LeftOutReferrer>,
    /// The images that are not there for some of the chosen platforms.
    pub(super) absent: Vec<Warning>,
}

impl Plan {
    /// The names of images that are bundles in their registry form: they travel as images, and what is signed of a bundle is not in them.
    pub fn bundles_among_images(&self) -> BTreeSet<String> {
        let graphs = self.closed.graphs();
        let roots = graphs.iter().map(|graph| graph.root()).filter(|root| match root.document() {
            Document::Index(index) => registry_form::config_entry(index).is_ok(),
            Document::Image(_) => false,
        });
        let bundles: HashSet<&Digest> = roots.map(|root| &root.descriptor().digest).collect();
        let images = self.items.iter().filter_map(|item| match item {
            ItemRecord::Image(image) => Some(image),
            ItemRecord::Bundle(_) | ItemRecord::File(_) => None,
        });
        images.filter(|image| bundles.contains(&image.descriptor.digest)).map(|image| image.reference.clone()).collect()
    }
}

/// Where a blob comes from.
#[derive(Clone)]
pub(super) enum Origin {
    /// A repository of a source.
    Repository(Arc<dyn Source>, Repository),
    /// A thick bundle is this file.
    ThickBundle(Arc<ThickBundleFile>),
    /// A plain file.
    File(Arc<FileSource>),
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(_, repository) => f.debug_tuple("Repository").field(repository).finish(),
            Self::ThickBundle(file) => f.debug_tuple("ThickBundle").field(file).finish(),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

impl Origin {
    /// Opens a blob there.
    pub(super) fn open(&self, blob: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        match self {
            Self::Repository(source, repository) => source.blob(repository, blob),
            Self::ThickBundle(file) => Ok(Box::new(file.open().map_err(SourceError::new)?)),
            Self::File(file) => file.open().map_err(SourceError::new),
        }
    }
}

/// Which source it is: two are the same if they are one value.
fn address(source: &Arc<dyn Source>) -> usize {
    Arc::as_ptr(source).cast::<()>().addr()
}

/// Makes the plan. What it needs to know is fetched side by side.
///
/// # Errors
/// [`PlanError`].
pub fn plan(request: &ExportRequest, workers: &Workers) -> Result<Plan, PlanError> {
    let (ahead, budget) = ahead::fetch(request, workers, PlanBudget::begin());
    let mut planner = Planner {
        platforms: &request.platforms,
        foreign_layers: request.foreign_layers,
        kinds: &request.referrers,
        plan: Plan::default(),
        graphs: Graphs::default(),
        ahead,
        budget,
        listed: HashMap::new(),
        listed_count: 0,
        foreign: HashSet::new(),
    };
    for item in &request.items {
        planner.item(item)?;
    }
    if let Some(from) = &request.dependencies {
        planner.dependencies(from)?;
    }
    let plan = planner.plan;
    check_names(&plan.items).map_err(PlanError::Names)?;
    Ok(plan)
}

/// Images of a bundle: what the inventory says about each, and its graphs.
type Images = Vec<(ImageRecord, ClosedImage)>;

struct Planner<'a> {
    platforms: &'a Platforms,
    foreign_layers: ForeignLayers,
    kinds: &'a BTreeSet<ReferrerKind>,
    plan: Plan,
    graphs: Graphs,
    ahead: Ahead,
    budget: PlanBudget,
    /// What each source lists as referring to each subject.
    listed: HashMap<(usize, Repository, Digest), Vec<Descriptor>>,
    listed_count: usize,
    /// The foreign layers that are known to be there.
    foreign: HashSet<Digest>,
}

impl Planner<'_> {
    /// A source, after charging one request.
    fn asked<'p>(&mut self, place: &'p SourceReference) -> Result<&'p dyn Source, PlanError> {
        self.budget.request()?;
        Ok(&*place.source)
    }

    /// Whether platforms were chosen.
    fn has_choice(&self) -> bool {
        *self.platforms != Platforms::All
    }

    fn item(&mut self, ItemRequest { name, origin }: &ItemRequest) -> Result<(), PlanError> {
        let planned = match origin {
            ItemOrigin::Bundle { place, images } => self.stored_bundle(name, place, images.as_ref()),
            ItemOrigin::ThinBundle { bundle_json, images } => self.thin_bundle(name, bundle_json, images),
            ItemOrigin::ThickBundle { bundle_json, images, file } => self.thick_bundle(name, bundle_json, images, file),
            ItemOrigin::Image(place) => self.lone_image(name, place),
            ItemOrigin::File(source) => self.file(name, source),
        };
        planned.map_err(|error| error.in_item(name))
    }

    /// A bundle in the form of CNAB Registries: its index leads to everything, or to `bundle.json` alone.
    fn stored_bundle(
        &mut self,
        name: &str,
        place: &SourceReference,
        from: Option<&ImagesFrom>,
    ) -> Result<(), PlanError> {
        let graph = self.resolve(name, place)?;
        let registry_form = |source| {
            let reference = name.to_owned();
            let made_from = match graph.root().document() {
                Document::Index(index) => index.annotations.get(MADE_FROM),
                Document::Image(_) => None,
            };
            match made_from.map(|from| from.chars().take(MAXIMUM_SHOWN).collect()) {
                Some(made_from) => PlanError::MadeOnImport { reference, made_from, source },
                None => PlanError::RegistryForm { reference, source },
            }
        };
        let Document::Index(index) = graph.root().document() else {
            return Err(PlanError::AnImage { reference: name.to_owned() });
        };
        let config = registry_form::config_entry(index).map_err(registry_form)?;
        let config = match self.graphs.held(&config.digest).map(ManifestBytes::document) {
            Some(Document::Image(config)) => config.config.clone(),
            _ => return Err(registry_form(RegistryFormError::NotABundle)),
        };
        let bundle_json = self.read_bundle(name, place, &config)?;
        let bundle = parse(name, &bundle_json)?;
        let held = |digest: &Digest| self.graphs.held(digest);
        let entries = registry_form::image_entries(index, &bundle, held).map_err(registry_form)?;
        let plain = |entry: &&Descriptor| Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size);
        let (images, described) = match entries.map(|entries| entries.iter().map(plain).collect::<Vec<_>>()) {
            Some(described) => {
                let images = bundle.images.iter().zip(&described);
                let images = images.map(|(image, descriptor)| self.image(image, place, descriptor));
                (images.collect::<Result<_, _>>()?, described)
            }
            None => {
                let beside = || ImagesFrom::TheirReferences(Arc::clone(&place.source));
                self.images_elsewhere(&bundle, &from.cloned().unwrap_or_else(beside))?
            }
        };
        let held = |digest: &Digest| self.graphs.held(digest);
        registry_form::check(graph.root(), &bundle, (&config, &bundle_json), &described, held)
            .map_err(registry_form)?;
        let graph = self.walk_held(name, graph.root().descriptor(), &images)?;
        let manifests: Vec<Digest> = registry_form::own_manifests(&graph).into_iter().cloned().collect();
        let (companions, choice) = self.companions(name, place, &manifests)?;
        self.add_bundle(name, (&config, bundle_json), bundle, (graph, companions, choice), images);
        Ok(())
    }

    /// A thin bundle: its images are stored elsewhere, and its registry form is made here.
    fn thin_bundle(&mut self, name: &str, bundle_json: &[u8], from: &ImagesFrom) -> Result<(), PlanError> {
        let bundle = parse(name, bundle_json)?;
        let (images, descriptors) = self.images_elsewhere(&bundle, from)?;
        let unusable = |source| PlanError::Manifest { reference: name.to_owned(), source };
        let (config_manifest, index) = registry_form::build(&bundle, bundle_json, &descriptors).map_err(unusable)?;
        let root = index.descriptor().clone();
        for manifest in [index, config_manifest] {
            self.hold(name, manifest)?;
        }
        let graph = self.walk_held(name, &root, &images)?;
        let config = Descriptor::of(registry_form::BUNDLE_MEDIA_TYPE, bundle_json);
        // Nothing refers to an index that was made here.
        let companions = (graph, Companions::default(), self.choice(&[]));
        self.add_bundle(name, (&config, bundle_json.to_vec()), bundle, companions, images);
        Ok(())
    }

    /// A thick bundle that travels as it is: what is carried of it is what a thin bundle has, and the file.
    fn thick_bundle(
        &mut self,
        name: &str,
        bundle_json: &[u8],
        images: &Arc<dyn Source>,
        file: &Arc<ThickBundleFile>,
    ) -> Result<(), PlanError> {
        self.thin_bundle(name, bundle_json, &ImagesFrom::TheirReferences(Arc::clone(images)))?;
        let thick_bundle = file.record();
        self.plan.origins.insert(thick_bundle.descriptor.digest.clone(), Origin::ThickBundle(Arc::clone(file)));
        if let Some(ItemRecord::Bundle(record)) = self.plan.items.last_mut() {
            record.thick_bundle = Some(thick_bundle.clone());
        }
        if let Some(ClosedItem::Bundle(closed)) = self.plan.closed.items.last_mut() {
            closed.thick_bundle = Some(thick_bundle.clone());
        }
        Ok(())
    }

    /// The images of a bundle that no index lists, with their descriptors.
    fn images_elsewhere(&mut self, bundle: &Bundle, from: &ImagesFrom) -> Result<(Images, Vec<Descriptor>), PlanError> {
        let (mut images, mut descriptors) = (Vec::new(), Vec::new());
        for image in &bundle.images {
            let place = locate(image, from)?;
            let root = self.resolve_root(&image.reference, &place)?;
            images.push(self.image(image, &place, &root)?);
            descriptors.push(root);
        }
        Ok((images, descriptors))
    }

    fn lone_image(&mut self, name: &str, place: &SourceReference) -> Result<(), PlanError> {
        let graph = self.resolve(name, place)?;
        let promised = name.parse::<Reference>().ok().and_then(|name| name.digest().cloned());
        require(name, promised.as_ref(), graph.root().descriptor(), place)?;
        let graph = self.of_chosen_platforms(name, place, graph)?;
        let (record, closed) = self.record(name, ImageRole::StandAlone, place, graph)?;
        self.plan.items.push(ItemRecord::Image(record));
        self.plan.closed.items.push(ClosedItem::Image(closed));
        Ok(())
    }

    /// A plain file: there is nothing below it, and its content is where it was found.
    fn file(&mut self, name: &str, source: &Arc<FileSource>) -> Result<(), PlanError> {
        let name = name.parse().map_err(PlanError::FileName)?;
        let record = source.record(&name);
        self.plan.origins.insert(record.descriptor.digest.clone(), Origin::File(Arc::clone(source)));
        self.plan.closed.items.push(ClosedItem::File(record.clone()));
        self.plan.items.push(ItemRecord::File(record));
        Ok(())
    }

    /// One of a bundle's images, found at a place.
    fn image(
        &mut self,
        image: &BundleImage,
        place: &SourceReference,
        root: &Descriptor,
    ) -> Result<(ImageRecord, ClosedImage), PlanError> {
        require(&image.reference, image.digest.as_ref(), root, place)?;
        let graph = self.walk(&image.reference, place, root)?;
        let graph = self.of_chosen_platforms(&image.reference, place, graph)?;
        self.record(&image.reference, image.role(), place, graph)
    }

    /// The graph of the manifest at a place.
    fn resolve(&mut self, name: &str, place: &SourceReference) -> Result<Arc<Graph>, PlanError> {
        let root = self.resolve_root(name, place)?;
        self.walk(name, place, &root)
    }

    /// The manifest at a place.
    fn resolve_root(&mut self, name: &str, place: &SourceReference) -> Result<Descriptor, PlanError> {
        let unfound = |source| PlanError::Source { reference: name.to_owned(), part_of: None, source };
        let root = match self.ahead.resolved(place) {
            Some(resolved) => resolved,
            None => self.asked(place)?.resolve(&place.reference),
        };
        let root = root.map_err(unfound)?;
        let descriptor = root.descriptor().clone();
        self.hold(name, root)?;
        Ok(descriptor)
    }

    fn hold(&mut self, name: &str, manifest: ManifestBytes) -> Result<(), PlanError> {
        let has_choice = self.has_choice();
        self.graphs.hold(manifest).map_err(|error| ungraphed(name, has_choice, error))
    }

    /// The graph below a manifest at a place; its blobs come from there, unless another source already has them.
    fn walk(&mut self, name: &str, place: &SourceReference, root: &Descriptor) -> Result<Arc<Graph>, PlanError> {
        let graph = self.walk_for(&Choice::of(self.platforms, self.foreign_layers), name, place, root)?;
        if self.foreign_layers == ForeignLayers::Carry {
            self.require_foreign_layers(name, place, &graph)?;
        }
        Ok(graph)
    }

    /// Layers that registries are not meant to distribute are often not there: better said now than when they are due.
    fn require_foreign_layers(&mut self, name: &str, place: &SourceReference, graph: &Graph) -> Result<(), PlanError> {
        for layer in graph.foreign_layers() {
            if !self.foreign.insert(layer.digest.clone()) {
                continue;
            }
            let missing = |source| {
                let (reference, layer) = (name.to_owned(), layer.digest.clone());
                PlanError::ForeignLayer { reference, layer, source }
            };
            self.asked(place)?.blob(place.reference.repository(), layer).map(drop).map_err(missing)?;
        }
        Ok(())
    }

    fn walk_for(
        &mut self,
        choice: &Choice,
        name: &str,
        place: &SourceReference,
        root: &Descriptor,
    ) -> Result<Arc<Graph>, PlanError> {
        let has_choice = self.has_choice();
        // A person who chooses platforms, or no referrers, accepts an image without attestations.
        let is_optional = choice.platforms != Platforms::All || self.kinds.is_empty();
        let Self { graphs, budget, ahead, .. } = self;
        let (source, repository) = (&place.source, place.reference.repository());
        let mut spent = None;
        let fetch = |wanted: &Descriptor| {
            if let Some(fetched) = ahead.manifest(&wanted.digest) {
                return Ok(fetched);
            }
            budget.request().map_err(|error| {
                spent = Some(error);
                Unfetched::Budget
            })?;
            source.manifest(repository, wanted).map_err(Unfetched::Source)
        };
        let walked = graphs.walk(root, choice, fetch, |wanted, error| {
            let is_missing = matches!(error, Unfetched::Source(error) if error.is_missing());
            is_optional && is_missing && attested(wanted).is_some()
        });
        let graph = match (walked, spent) {
            (_, Some(spent)) => return Err(spent),
            (walked, None) => walked.map_err(|error| ungraphed(name, has_choice, error))?,
        };
        if graph.is_partial() && choice.platforms == Platforms::All {
            // An incomplete image has platforms, and they are named.
            let named = graph.platforms().map(str::to_owned).collect();
            let choice = Choice { platforms: Platforms::Named(named), ..choice.clone() };
            return self.walk_for(&choice, name, place, root);
        }
        let mut without = graph.left_out_alike();
        if !without.is_empty() {
            without.extend(choice.without.iter().cloned());
            return self.walk_for(&Choice { without, ..choice.clone() }, name, place, root);
        }
        for blob in graph.blobs() {
            let origin = || Origin::Repository(Arc::clone(source), repository.clone());
            self.plan.origins.entry(blob.digest.clone()).or_insert_with(origin);
        }
        Ok(graph)
    }

    /// The graph below the index of a bundle, over manifests that are held: without what its images are carried without.
    fn walk_held(&mut self, name: &str, root: &Descriptor, images: &Images) -> Result<Arc<Graph>, PlanError> {
        let nowhere = |_: &Descriptor| Err(Unfetched::Budget);
        let records: Vec<&ImageRecord> = images.iter().map(|(record, _)| record).collect();
        let choice = Choice { foreign_layers: self.foreign_layers, ..carried(&records) };
        let walked = self.graphs.walk(root, &choice, nowhere, |_, _| false);
        walked.map_err(|error| ungraphed(name, self.has_choice(), error))
    }

    /// The record of an image, with its referrers.
    fn record(
        &mut self,
        reference: &str,
        role: ImageRole,
        place: &SourceReference,
        graph: Arc<Graph>,
    ) -> Result<(ImageRecord, ClosedImage), PlanError> {
        let manifests: Vec<Digest> = graph.manifests().iter().map(|it| it.descriptor().digest.clone()).collect();
        let made_from = place.source.made_from(&graph.root().descriptor().digest);
        let (companions, referrer_choice) = self.companions(reference, place, &manifests)?;
        let image = ClosedImage { graph, companions };
        Ok((ImageRecord { made_from, referrer_choice, ..image.record(reference, role) }, image))
    }

    fn read_bundle(&mut self, name: &str, place: &SourceReference, config: &Descriptor) -> Result<Vec<u8>, PlanError> {
        let limit = bundle::MAXIMUM_LENGTH as u64;
        if config.size > limit {
            let source = BundleError::TooLong { length: bundle::MAXIMUM_LENGTH.saturating_add(1) };
            return Err(PlanError::Bundle { reference: name.to_owned(), source });
        }
        if let Some(held) = self.plan.closed.bundle_files.get(&config.digest) {
            return Ok(held.to_vec());
        }
        let unfound = |source| PlanError::Source { reference: name.to_owned(), part_of: None, source };
        let mut bytes = Vec::new();
        let mut blob = self.asked(place)?.blob(place.reference.repository(), config).map_err(unfound)?;
        blob.read_to_end(&mut bytes).map_err(|source| PlanError::Read { reference: name.to_owned(), source })?;
        Ok(bytes)
    }

    fn add_bundle(
        &mut self,
        name: &str,
        (config, bundle_json): (&Descriptor, Vec<u8>),
        bundle: Bundle,
        (index, companions, referrer_choice): (Arc<Graph>, Companions, ReferrerChoice),
        images: Images,
    ) {
        let (records, images) = images.into_iter().unzip();
        self.plan.items.push(ItemRecord::Bundle(BundleRecord {
            descriptor: config.into(),
            images: records,
            index: Some(index.root().descriptor().into()),
            reference: name.to_owned(),
            referrer_choice,
            referrers: companions.referrer_records(),
            tagged: companions.tagged_records(),
            target: None,
            thick_bundle: None,
        }));
        let digest = config.digest.clone();
        self.plan.closed.bundle_files.insert(digest.clone(), bundle_json.into());
        let bundle = Arc::new(bundle);
        let closed = ClosedBundle { digest, bundle, index: Some(index), images, companions, thick_bundle: None };
        self.plan.closed.items.push(ClosedItem::Bundle(closed));
    }
}

/// Why there is no graph below a reference.
fn ungraphed(name: &str, has_choice: bool, error: GraphError<Unfetched>) -> PlanError {
    let reference = name.to_owned();
    match error {
        GraphError::NoPlatform { offered, .. } => PlanError::NoPlatform { reference, offered },
        GraphError::Fetch { digest, source: Unfetched::Source(source) } if source_remedy::is_unavailable(&source) => {
            PlanError::Unavailable { reference, part_of: None, digest, source }
        }
        other => PlanError::Graph { reference, has_choice, source: Box::new(other) },
    }
}

/// Why a walk cannot get a manifest.
#[derive(Debug, thiserror::Error)]
pub enum Unfetched {
    /// The source does not supply it.
    #[error(transparent)]
    Source(SourceError),
    /// The plan's budget is used up.
    #[error("the plan needs too many requests")]
    Budget,
}

fn parse(name: &str, bundle_json: &[u8]) -> Result<Bundle, PlanError> {
    Bundle::parse(bundle_json).map_err(|source| PlanError::Bundle { reference: name.to_owned(), source })
}

/// Refuses content other than a name promises.
fn require(
    name: &str,
    promised: Option<&Digest>,
    found: &Descriptor,
    place: &SourceReference,
) -> Result<(), PlanError> {
    match promised {
        Some(promised) if *promised != found.digest => {
            let (name, promised, found) = (name.to_owned(), promised.clone(), found.digest.clone());
            let made_from = place.source.made_from(&found);
            Err(PlanError::OtherContent { name, found, promised, made_from })
        }
        _ => Ok(()),
    }
}

/// Where an image of a thin bundle is.
fn locate(image: &BundleImage, from: &ImagesFrom) -> Result<SourceReference, PlanError> {
    match from {
        ImagesFrom::OneRepository(source, repository) => {
            let no_digest = || PlanError::NoDigest { image: image.reference.clone() };
            let digest = image.digest.clone().ok_or_else(no_digest)?;
            let reference = Reference::new(repository.clone(), None, Some(digest));
            Ok(SourceReference { source: Arc::clone(source), reference })
        }
        ImagesFrom::TheirReferences(source) => {
            let bundle = |source| BundleError::Reference { reference: image.reference.clone(), source };
            let unreadable = |source| PlanError::Bundle { reference: image.reference.clone(), source: bundle(source) };
            let reference: Reference = image.reference.parse().map_err(unreadable)?;
            let reference = match &image.digest {
                Some(digest) => reference.with_digest(digest.clone()),
                None => reference,
            };
            Ok(SourceReference { source: Arc::clone(source), reference })
        }
    }
}
