//! The closed set of manifests and blobs below a root: everything that a reference needs.
//!
//! Promise: a graph is complete except for what is listed as left out; each digest is in it once; its order depends
//! only on the content. `Graphs` of one archive or plan share what they have in common: each manifest is fetched,
//! read and held once, however many graphs it is in, and their totals have limits too. `subject` points upwards and is
//! not followed.

mod error;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::MAXIMUM_ENTRIES;

use super::attestation::{self, Attached};
use super::descriptor::Descriptor;
use super::manifest::{Document, ImageIndex, ManifestBytes};
use super::media_type::{is_foreign_layer, is_layer_in_index};
use super::platform::{Platform, PlatformWish};

pub use error::GraphError;
pub(crate) use error::NotHere;
use error::unusable;

/// How many indexes may be above a manifest.
pub const MAXIMUM_DEPTH: usize = 4;
/// The most manifests of one graph.
pub const MAXIMUM_MANIFESTS: usize = 4096;
/// The most bytes of manifests that all graphs hold together.
pub(crate) const MAXIMUM_MANIFEST_BYTES: u64 = 32 * 1024 * 1024;
/// The most manifests of all graphs, one that is in several counted in each.
pub const MAXIMUM_MANIFESTS_TOGETHER: usize = 262_144;
/// The most configurations and layers that the manifests of all graphs list, those of one that is in several counted in
/// each.
pub const MAXIMUM_BLOBS_TOGETHER: usize = 4_194_304;

/// The most attestations of all graphs, one that is attached to several things counted for each.
pub const MAXIMUM_ATTESTATIONS_TOGETHER: usize = 100_000;
/// The most manifests and layers that all graphs list and that are not carried.
pub const MAXIMUM_LEFT_OUT_TOGETHER: usize = 100_000;

/// Which platforms of an index are carried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Platforms {
    /// Every one.
    #[default]
    All,
    /// Those that one of these selects. The index itself is unchanged; its other children are listed as left out.
    Only(Vec<PlatformWish>),
    /// Those that are written like one of these, as an inventory lists them.
    Named(BTreeSet<String>),
}

impl Platforms {
    /// Whether the manifests for a platform are carried. `unknown/unknown` is not a platform that anyone could choose.
    pub(super) fn carries(&self, platform: &Platform) -> bool {
        match self {
            Self::All => true,
            Self::Only(wishes) => !platform.is_unknown() && wishes.iter().any(|wish| wish.selects(platform)),
            Self::Named(names) => !platform.is_unknown() && names.contains(&platform.to_string()),
        }
    }
}

/// What is carried of what a manifest leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Choice {
    /// The platforms.
    pub(crate) platforms: Platforms,
    /// What becomes of layers that registries are not meant to distribute.
    pub(crate) foreign_layers: ForeignLayers,
    /// What is left out, whatever platform an index states for it.
    pub(crate) without: BTreeSet<Digest>,
}

impl Choice {
    /// The choice of platforms, and of nothing else.
    pub(crate) fn of(platforms: &Platforms, foreign_layers: ForeignLayers) -> Self {
        Self { platforms: platforms.clone(), foreign_layers, without: BTreeSet::new() }
    }

    /// What is carried of a companion.
    pub(crate) fn everything() -> Self {
        Self::of(&Platforms::All, ForeignLayers::Carry)
    }
}

/// What to do with layers that registries are not meant to distribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForeignLayers {
    /// They are an error.
    Refuse,
    /// They are listed as left out.
    LeaveOut,
    /// They are fetched like other layers, from the registry and never from their `urls`.
    Carry,
}

/// The closed set below a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    manifests: Vec<ManifestBytes>,
    foreign_layers: ForeignLayers,
    platforms: BTreeSet<String>,
    stated: BTreeSet<Platform>,
    attestations: Vec<Attached>,
    left_out: Vec<LeftOut>,
}

/// Content that a manifest lists but that is not carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What is not carried.
    pub descriptor: Descriptor,
    /// The manifest that lists it.
    pub parent: Digest,
    /// Why it is not carried.
    pub reason: LeftOutReason,
}

/// Why content is not carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOutReason {
    /// The platform that an index states for it was not chosen.
    Platform,
    /// It was left out by its digest: no index says why.
    ByDigest,
    /// It is a layer that registries are not meant to distribute.
    ForeignLayer,
}

impl Graph {
    /// Walks from `root` to everything below it, fetching manifests with `fetch`: one graph that shares nothing.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub fn walk<E: std::error::Error + 'static>(
        root: ManifestBytes,
        platforms: &Platforms,
        foreign_layers: ForeignLayers,
        fetch: impl FnMut(&Descriptor) -> Result<ManifestBytes, E>,
    ) -> Result<Arc<Self>, GraphError<E>> {
        Self::walk_chosen(root, &Choice::of(platforms, foreign_layers), fetch)
    }

    fn walk_chosen<E: std::error::Error + 'static>(
        root: ManifestBytes,
        choice: &Choice,
        fetch: impl FnMut(&Descriptor) -> Result<ManifestBytes, E>,
    ) -> Result<Arc<Self>, GraphError<E>> {
        let mut graphs = Graphs::default();
        let descriptor = root.descriptor().clone();
        graphs.hold(root)?;
        graphs.walk(&descriptor, choice, fetch, |_, _| false)
    }

    /// The root: what the reference resolves to.
    pub fn root(&self) -> &ManifestBytes {
        #[expect(clippy::indexing_slicing, reason = "a walk ends with its root")]
        &self.manifests[self.manifests.len() - 1]
    }

    /// What is left of it for some platforms, without some manifests.
    ///
    /// # Errors
    /// [`NotHere`] if it has nothing for them, or an index lists something for them that is not in it.
    pub(crate) fn select(&self, platforms: &Platforms, without: &BTreeSet<Digest>) -> Result<Arc<Self>, NotHere> {
        let held: HashMap<&Digest, &ManifestBytes> =
            self.manifests.iter().map(|manifest| (&manifest.descriptor().digest, manifest)).collect();
        let left_out = || {
            let left_out = self.left_out.iter().filter(|left| left.reason == LeftOutReason::Platform);
            let stated = left_out.filter_map(|left| left.descriptor.platform.as_ref());
            let missed: BTreeSet<String> =
                stated.filter(|platform| platforms.carries(platform)).map(ToString::to_string).collect();
            NotHere { left_out: missed.into_iter().collect() }
        };
        let here = |wanted: &Descriptor| held.get(&wanted.digest).copied().cloned().ok_or_else(left_out);
        let mut choice = Choice::of(platforms, self.foreign_layers);
        choice.without.extend(without.iter().chain(self.left_out_by_digest()).cloned());
        Self::walk_chosen(self.root().clone(), &choice, here).map_err(|error| match error {
            GraphError::Fetch { source, .. } => source,
            // What is a part of a graph is within every limit that the graph is within.
            _ => NotHere { left_out: Vec::new() },
        })
    }

    /// Every manifest in post-order: children before parents, in the order in which they are listed, and the root last.
    pub fn manifests(&self) -> &[ManifestBytes] {
        &self.manifests
    }

    /// Every configuration once, in the order of the manifests.
    pub fn configs(&self) -> Vec<&Descriptor> {
        let configs = self.images().map(|image| &image.config);
        let mut seen = HashSet::new();
        configs.filter(|config| seen.insert(&config.digest)).collect()
    }

    /// Every layer once, unless it is also a configuration, in the order of the manifests.
    pub fn layers(&self) -> Vec<&Descriptor> {
        let mut seen: HashSet<&Digest> = self.images().map(|image| &image.config.digest).collect();
        let carried =
            |layer: &&Descriptor| self.foreign_layers == ForeignLayers::Carry || !is_foreign_layer(&layer.media_type);
        let layers = self.listed_layers().filter(carried);
        layers.filter(|layer| seen.insert(&layer.digest)).collect()
    }

    /// The layers that registries are not meant to distribute, carried or not, once for each manifest that lists them.
    pub fn foreign_layers(&self) -> impl Iterator<Item = &Descriptor> {
        self.listed_layers().filter(|layer| is_foreign_layer(&layer.media_type))
    }

    /// What its manifests and indexes list as layers, without what is left out of indexes.
    fn listed_layers(&self) -> impl Iterator<Item = &Descriptor> {
        let without = self.left_out_by_digest();
        let listed = self.manifests.iter().flat_map(|manifest| {
            let is_index = matches!(manifest.document(), Document::Index(_));
            manifest.document().layers().into_iter().map(move |layer| (is_index, layer))
        });
        listed.filter(move |(is_index, layer)| !(*is_index && without.contains(&layer.digest))).map(|(_, layer)| layer)
    }

    /// Every blob: configurations, then layers.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let mut blobs = self.configs();
        blobs.append(&mut self.layers());
        blobs
    }

    /// The layers that are attestations, and what they are attached to.
    pub fn attestations(&self) -> &[Attached] {
        &self.attestations
    }

    /// The platforms of its manifests, as the indexes above them state them, sorted.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.platforms.iter().map(String::as_str)
    }

    /// The same, with everything that distinguishes them.
    pub(super) fn stated_platforms(&self) -> impl Iterator<Item = &Platform> {
        self.stated.iter()
    }

    /// The content that is listed but not carried.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether an index in it lists manifests that are not carried.
    pub fn is_partial(&self) -> bool {
        self.left_out.iter().any(|left| left.reason != LeftOutReason::ForeignLayer)
    }

    /// What indexes list and is not carried, whatever platforms they state for it.
    pub fn left_out_by_digest(&self) -> BTreeSet<&Digest> {
        let left_out = self.left_out.iter().filter(|left| left.reason == LeftOutReason::ByDigest);
        left_out.map(|left| &left.descriptor.digest).collect()
    }

    /// The platforms of the manifests that are listed but not carried, as the indexes state them.
    pub fn left_out_platforms(&self) -> BTreeSet<String> {
        let left_out = self.left_out.iter().filter(|left| left.reason == LeftOutReason::Platform);
        let stated = left_out.filter_map(|left| left.descriptor.platform.as_ref());
        stated.filter(|platform| !platform.is_unknown()).map(ToString::to_string).collect()
    }

    /// The same, with everything that distinguishes them, for people who choose.
    pub(super) fn offered(&self) -> Vec<String> {
        let stated = self.left_out.iter().filter_map(|left| left.descriptor.platform.as_ref());
        let stated = stated.filter(|platform| !platform.is_unknown()).map(Platform::with_version);
        stated.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What was left out because of its platform, and is called as one that is carried: inventories do not tell versions of an operating
    /// system apart.
    pub(crate) fn left_out_alike(&self) -> BTreeSet<Digest> {
        let left_out = self.left_out.iter().filter(|left| left.reason == LeftOutReason::Platform);
        let alike = left_out.filter(|left| {
            left.descriptor.platform.as_ref().is_some_and(|platform| self.platforms.contains(&platform.to_string()))
        });
        alike.map(|left| left.descriptor.digest.clone()).collect()
    }

    /// The layers that are listed but not carried, because registries are not meant to distribute them.
    pub fn left_out_layers(&self) -> BTreeSet<&Digest> {
        let left_out = self.left_out.iter().filter(|left| left.reason == LeftOutReason::ForeignLayer);
        left_out.map(|left| &left.descriptor.digest).collect()
    }

    fn images(&self) -> impl Iterator<Item = &super::ImageManifest> {
        self.manifests.iter().filter_map(|manifest| match manifest.document() {
            Document::Image(image) => Some(&**image),
            Document::Index(_) => None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Manifest,
    Blob,
}

/// The graphs of one archive or plan.
#[derive(Debug, Default)]
pub(crate) struct Graphs {
    /// Every manifest in memory.
    held: HashMap<Digest, ManifestBytes>,
    held_bytes: u64,
    /// What is known about everything that is listed anywhere.
    noted: HashMap<Digest, (u64, Role)>,
    /// The manifests whose own lists have been recorded.
    entered: HashSet<Digest>,
    walked: HashMap<(Digest, Choice), Arc<Graph>>,
    manifests: usize,
    blobs: usize,
    attestations: usize,
    left_out: usize,
}

impl Graphs {
    /// Adds a manifest, which then need not be fetched.
    ///
    /// # Errors
    /// [`GraphError::ManifestBytes`].
    pub(crate) fn hold<E: std::error::Error + 'static>(
        &mut self,
        manifest: ManifestBytes,
    ) -> Result<(), GraphError<E>> {
        let Descriptor { digest, size, .. } = manifest.descriptor();
        let (digest, size) = (digest.clone(), *size);
        if self.held.insert(digest, manifest).is_none() {
            self.held_bytes = self.held_bytes.saturating_add(size);
        }
        if self.held_bytes > MAXIMUM_MANIFEST_BYTES { Err(GraphError::ManifestBytes) } else { Ok(()) }
    }

    /// A manifest in memory.
    pub(crate) fn held(&self, digest: &Digest) -> Option<&ManifestBytes> {
        self.held.get(digest)
    }

    /// Walks from `root` to everything below it, using `fetch` for manifests that are not in memory yet. What that fails with
    /// is passed to `may_lack`, which says whether the manifest may be left out instead.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub(crate) fn walk<E: std::error::Error + 'static>(
        &mut self,
        root: &Descriptor,
        choice: &Choice,
        fetch: impl FnMut(&Descriptor) -> Result<ManifestBytes, E>,
        may_lack: impl Fn(&Descriptor, &E) -> bool,
    ) -> Result<Arc<Graph>, GraphError<E>> {
        let key = (root.digest.clone(), choice.clone());
        if let Some(graph) = self.walked.get(&key) {
            let listed = graph.root().require_listed_as(root);
            listed.map_err(|source| unusable(&root.digest, source))?;
            return Ok(Arc::clone(graph));
        }
        let graph = Graph {
            manifests: Vec::new(),
            foreign_layers: choice.foreign_layers,
            platforms: BTreeSet::new(),
            stated: BTreeSet::new(),
            attestations: Vec::new(),
            left_out: Vec::new(),
        };
        let mut walk = Walk { graphs: self, graph, choice, fetch, may_lack, seen: HashSet::new() };
        walk.child(root, 0)?;
        let mut graph = walk.graph;
        if graph.is_partial() && graph.images().next().is_none() {
            let offered = graph.offered();
            return Err(GraphError::NoPlatform { digest: root.digest.clone(), offered });
        }
        let left = MAXIMUM_ATTESTATIONS_TOGETHER.saturating_sub(self.attestations);
        graph.attestations = attestation::attached(&graph.manifests, left).ok_or(GraphError::AttestationsTogether)?;
        self.attestations = self.attestations.saturating_add(graph.attestations.len());
        self.left_out = self.left_out.saturating_add(graph.left_out.len());
        if self.left_out > MAXIMUM_LEFT_OUT_TOGETHER {
            return Err(GraphError::LeftOutTogether);
        }
        let graph = Arc::new(graph);
        self.walked.insert(key, Arc::clone(&graph));
        Ok(graph)
    }

    /// Records what is listed: a digest has one size and one role everywhere.
    fn note<E: std::error::Error + 'static>(&mut self, listed: &Descriptor, role: Role) -> Result<(), GraphError<E>> {
        let known = *self.noted.entry(listed.digest.clone()).or_insert((listed.size, role));
        match known {
            _ if self.noted.len() > MAXIMUM_ENTRIES => Err(GraphError::Entries),
            known if known == (listed.size, role) => Ok(()),
            _ => Err(GraphError::Conflict { digest: listed.digest.clone() }),
        }
    }
}

/// One walk.
struct Walk<'a, F, M> {
    graphs: &'a mut Graphs,
    graph: Graph,
    choice: &'a Choice,
    fetch: F,
    may_lack: M,
    seen: HashSet<Digest>,
}

impl<F, M> Walk<'_, F, M> {
    /// Goes down to a manifest that is listed below `depth` indexes.
    fn child<E>(&mut self, listed: &Descriptor, depth: usize) -> Result<(), GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
        M: Fn(&Descriptor, &E) -> bool,
    {
        self.graphs.note(listed, Role::Manifest)?;
        let is_new = self.seen.insert(listed.digest.clone());
        if is_new && depth > MAXIMUM_DEPTH {
            return Err(GraphError::Depth { digest: listed.digest.clone() });
        }
        if self.seen.len() > MAXIMUM_MANIFESTS {
            return Err(GraphError::Manifests);
        }
        let manifest = self.manifest(listed)?;
        manifest.require_listed_as(listed).map_err(|source| unusable(&listed.digest, source))?;
        if is_new { self.enter(manifest, depth) } else { Ok(()) }
    }

    /// The manifest, fetched if it is not held.
    fn manifest<E>(&mut self, listed: &Descriptor) -> Result<ManifestBytes, GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
        M: Fn(&Descriptor, &E) -> bool,
    {
        if let Some(held) = self.graphs.held(&listed.digest) {
            return Ok(held.clone());
        }
        let fetched = (self.fetch)(listed);
        let manifest = fetched.map_err(|source| GraphError::Fetch { digest: listed.digest.clone(), source })?;
        manifest.require_listed_as(listed).map_err(|source| unusable(&listed.digest, source))?;
        self.graphs.hold(manifest.clone())?;
        Ok(manifest)
    }

    /// Adds a manifest and everything below it.
    fn enter<E>(&mut self, manifest: ManifestBytes, depth: usize) -> Result<(), GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
        M: Fn(&Descriptor, &E) -> bool,
    {
        self.graphs.manifests += 1;
        if self.graphs.manifests > MAXIMUM_MANIFESTS_TOGETHER {
            return Err(GraphError::ManifestsTogether);
        }
        let digest = &manifest.descriptor().digest;
        match manifest.document() {
            Document::Index(index) => {
                // Opaque content does not say which platform it is for.
                let is_carried = |blob: &&Descriptor| {
                    let is_chosen = !matches!(self.choice.platforms, Platforms::Only(_));
                    !self.choice.without.contains(&blob.digest) && (is_chosen || is_layer_in_index(&blob.media_type))
                };
                let (carried, left_out) = index.layers().partition(is_carried);
                self.leave_out(digest, left_out, LeftOutReason::ByDigest);
                self.enter_blobs(digest, carried)?;
                self.enter_children(digest, index, depth)?;
            }
            Document::Image(image) => {
                self.enter_blobs(digest, std::iter::once(&image.config).chain(&image.layers).collect())?;
            }
        }
        self.graph.manifests.push(manifest);
        Ok(())
    }

    /// Counts the configuration and the layers of a manifest, or what an index lists as layers.
    fn enter_blobs<E: std::error::Error + 'static>(
        &mut self,
        parent: &Digest,
        blobs: Vec<&Descriptor>,
    ) -> Result<(), GraphError<E>> {
        self.graphs.blobs = self.graphs.blobs.saturating_add(blobs.len());
        if self.graphs.blobs > MAXIMUM_BLOBS_TOGETHER {
            return Err(GraphError::BlobsTogether);
        }
        if self.graph.foreign_layers != ForeignLayers::Carry {
            self.pass_foreign_layers(parent, &blobs)?;
        }
        if self.graphs.entered.insert(parent.clone()) {
            blobs.into_iter().try_for_each(|blob| self.graphs.note(blob, Role::Blob))?;
        }
        Ok(())
    }

    fn enter_children<E>(&mut self, parent: &Digest, index: &ImageIndex, depth: usize) -> Result<(), GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
        M: Fn(&Descriptor, &E) -> bool,
    {
        let (chosen, others) = choose(self.choice, index);
        let by_digest: Vec<_> = others.iter().copied().filter(|it| self.choice.without.contains(&it.digest)).collect();
        let by_platform = others.into_iter().filter(|it| !self.choice.without.contains(&it.digest)).collect();
        self.leave_out(parent, by_digest, LeftOutReason::ByDigest);
        self.leave_out(parent, by_platform, LeftOutReason::Platform);
        for child in chosen {
            match self.child(child, depth + 1) {
                Err(GraphError::Fetch { digest, source })
                    if digest == child.digest && (self.may_lack)(child, &source) =>
                {
                    self.leave_out(parent, vec![child], LeftOutReason::ByDigest);
                    continue;
                }
                entered => entered?,
            }
            let stated = child.platform.as_ref().filter(|platform| !platform.is_unknown());
            self.graph.platforms.extend(stated.map(ToString::to_string));
            self.graph.stated.extend(stated.cloned());
        }
        Ok(())
    }

    /// Refuses foreign layers, or lists them as left out.
    fn pass_foreign_layers<E: std::error::Error + 'static>(
        &mut self,
        parent: &Digest,
        layers: &[&Descriptor],
    ) -> Result<(), GraphError<E>> {
        let is_foreign = |layer: &&Descriptor| is_foreign_layer(&layer.media_type);
        let foreign: Vec<_> = layers.iter().copied().filter(is_foreign).collect();
        match foreign.first() {
            Some(layer) if self.graph.foreign_layers == ForeignLayers::Refuse => {
                Err(GraphError::ForeignLayer { digest: layer.digest.clone(), manifest: parent.clone() })
            }
            _ => {
                self.leave_out(parent, foreign, LeftOutReason::ForeignLayer);
                Ok(())
            }
        }
    }

    fn leave_out(&mut self, parent: &Digest, left_out: Vec<&Descriptor>, reason: LeftOutReason) {
        let left_out = left_out.into_iter().map(|descriptor| LeftOut {
            descriptor: descriptor.clone(),
            parent: parent.clone(),
            reason,
        });
        self.graph.left_out.extend(left_out);
    }
}

/// Splits an index's children into those to carry and the others. An attestation is treated like the manifest beside it that it is
/// about; other children of no platform are carried.
pub(crate) fn choose<'d>(choice: &Choice, index: &'d ImageIndex) -> (Vec<&'d Descriptor>, Vec<&'d Descriptor>) {
    let Choice { platforms, without, .. } = choice;
    if *platforms == Platforms::All && without.is_empty() {
        return (index.children().collect(), Vec::new());
    }
    let listed: HashSet<&Digest> = index.children().map(|child| &child.digest).collect();
    let about = |child: &Descriptor| attestation::attested(child).filter(|digest| listed.contains(digest));
    let is_chosen = |child: &&Descriptor| {
        let is_of_chosen = child.platform.as_ref().is_none_or(|platform| platforms.carries(platform));
        is_of_chosen && !without.contains(&child.digest)
    };
    let chosen = index.children().filter(|child| about(child).is_none()).filter(is_chosen);
    let chosen: HashSet<&Digest> = chosen.map(|child| &child.digest).collect();
    index.children().partition(|child| match about(child) {
        Some(subject) => chosen.contains(&subject) && !without.contains(&child.digest),
        None => is_chosen(child),
    })
}

#[cfg(test)]
mod tests;
