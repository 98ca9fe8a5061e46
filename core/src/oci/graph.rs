//! Everything that one reference leads to: the closed set of manifests and blobs below a root.
//!
//! Promise: the set is complete but for what is listed as left out; each digest is in it once; the order depends on
//! nothing but the content; and neither depth, nor number, nor the bytes held exceed the limits. `subject` points
//! upwards and is not followed.

use std::collections::{BTreeSet, HashMap, HashSet};

use sealift_archive_format::Digest;

use super::descriptor::Descriptor;
use super::manifest::{Document, ManifestBytes, ManifestError};
use super::media_type::is_foreign_layer;
use super::platform::Platform;

/// How many indexes may stand above a manifest.
pub const MAXIMUM_DEPTH: usize = 4;
/// The most manifests of one graph.
pub const MAXIMUM_MANIFESTS: usize = 4096;
/// The most bytes of manifests that one graph holds.
pub const MAXIMUM_MANIFEST_BYTES: u64 = 32 * 1024 * 1024;
/// The most blobs of one graph.
pub const MAXIMUM_BLOBS: usize = 65_536;

/// BuildKit's remark on an attestation in an index: the digest of the manifest that it is about.
pub(super) const ATTESTED_MANIFEST: &str = "vnd.docker.reference.digest";

/// Which platforms of an index are carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platforms {
    /// Every one.
    All,
    /// Those that one of these selects. The index keeps its bytes; its other children are listed as left out.
    Only(Vec<Platform>),
}

/// What is done with layers that registries are not meant to distribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    root: Descriptor,
    manifests: Vec<ManifestBytes>,
    configs: Vec<Descriptor>,
    layers: Vec<Descriptor>,
    left_out: Vec<LeftOut>,
}

/// Content that a manifest lists and that is not carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What is not carried.
    pub descriptor: Descriptor,
    /// The manifest that lists it.
    pub parent: Digest,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why content is not carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOutReason {
    /// Its platform was not chosen.
    Platform,
    /// It is a layer that registries are not meant to distribute.
    ForeignLayer,
}

/// Why there is no graph. `E` is what fetching a manifest fails with.
#[derive(Debug, thiserror::Error)]
pub enum GraphError<E: std::error::Error + 'static> {
    /// A manifest cannot be had.
    #[error("cannot fetch manifest {digest}")]
    Fetch {
        /// The manifest.
        digest: Digest,
        /// Why.
        #[source]
        source: E,
    },
    /// A manifest cannot be read.
    #[error("manifest {digest} is not usable")]
    Manifest {
        /// The manifest.
        digest: Digest,
        /// Why.
        #[source]
        source: Box<ManifestError>,
    },
    /// Indexes inside indexes.
    #[error("manifest {digest} is nested deeper than {MAXIMUM_DEPTH} indexes")]
    Depth {
        /// The manifest that is too deep.
        digest: Digest,
    },
    /// Too many manifests.
    #[error("more than {MAXIMUM_MANIFESTS} manifests")]
    Manifests,
    /// Too many bytes of manifests.
    #[error("more than {MAXIMUM_MANIFEST_BYTES} bytes of manifests")]
    ManifestBytes,
    /// Too many blobs.
    #[error("more than {MAXIMUM_BLOBS} blobs")]
    Blobs,
    /// One digest is listed with two sizes, or as a manifest here and as a blob there.
    #[error("{digest} is listed twice, with different sizes or in different roles")]
    Conflict {
        /// The digest.
        digest: Digest,
    },
    /// A layer that registries are not meant to distribute.
    #[error("layer {digest} of manifest {manifest} is not meant to be distributed by registries")]
    ForeignLayer {
        /// The layer.
        digest: Digest,
        /// The manifest that lists it.
        manifest: Digest,
    },
    /// None of the chosen platforms is there.
    #[error("index {digest} has none of the chosen platforms")]
    NoPlatform {
        /// The index.
        digest: Digest,
    },
}

impl Graph {
    /// Walks from `root` to everything below it, fetching manifests with `fetch`.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub fn walk<E: std::error::Error + 'static>(
        root: ManifestBytes,
        platforms: &Platforms,
        foreign_layers: ForeignLayers,
        fetch: impl FnMut(&Descriptor) -> Result<ManifestBytes, E>,
    ) -> Result<Self, GraphError<E>> {
        let graph = Self {
            root: root.descriptor().clone(),
            manifests: Vec::new(),
            configs: Vec::new(),
            layers: Vec::new(),
            left_out: Vec::new(),
        };
        let seen = HashMap::new();
        let mut walk = Walk { graph, platforms, foreign_layers, fetch, seen, manifest_count: 0, manifest_bytes: 0 };
        let descriptor = root.descriptor().clone();
        walk.note(&descriptor, Role::Manifest)?;
        walk.enter(root, 0)?;
        Ok(walk.graph)
    }

    /// The root: what the reference stands for.
    pub fn root(&self) -> &Descriptor {
        &self.root
    }

    /// Every manifest with its bytes, children before parents, the root last.
    pub fn manifests(&self) -> &[ManifestBytes] {
        &self.manifests
    }

    /// Every configuration.
    pub fn configs(&self) -> &[Descriptor] {
        &self.configs
    }

    /// Every layer that is not a configuration too.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// Every blob: configurations, then layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.configs.iter().chain(&self.layers)
    }

    /// The platforms of its manifests, as the indexes above them state them.
    pub fn platforms(&self) -> Vec<String> {
        let stated = self.manifests.iter().filter_map(|manifest| manifest.descriptor().platform.as_ref());
        let names: BTreeSet<String> = stated.map(ToString::to_string).collect();
        // BuildKit says this of attestations.
        names.into_iter().filter(|name| name != "unknown/unknown").collect()
    }

    /// What is listed but not carried.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Manifest,
    Config,
    Layer,
}

struct Walk<'a, F> {
    graph: Graph,
    platforms: &'a Platforms,
    foreign_layers: ForeignLayers,
    fetch: F,
    seen: HashMap<Digest, (u64, Role)>,
    manifest_count: usize,
    manifest_bytes: u64,
}

impl<F> Walk<'_, F> {
    /// Notes a descriptor; whether it is new.
    fn note<E: std::error::Error + 'static>(
        &mut self,
        descriptor: &Descriptor,
        role: Role,
    ) -> Result<bool, GraphError<E>> {
        let is_manifest = |role| role == Role::Manifest;
        match self.seen.get(&descriptor.digest) {
            Some((size, seen)) if *size == descriptor.size && is_manifest(*seen) == is_manifest(role) => Ok(false),
            Some(_) => Err(GraphError::Conflict { digest: descriptor.digest.clone() }),
            None => {
                self.seen.insert(descriptor.digest.clone(), (descriptor.size, role));
                Ok(true)
            }
        }
    }

    /// Takes in a manifest and all below it.
    fn enter<E>(&mut self, manifest: ManifestBytes, depth: usize) -> Result<(), GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
    {
        let digest = manifest.descriptor().digest.clone();
        self.manifest_bytes += manifest.descriptor().size;
        if self.manifest_bytes > MAXIMUM_MANIFEST_BYTES {
            return Err(GraphError::ManifestBytes);
        }
        let unusable = |error| GraphError::Manifest { digest: digest.clone(), source: Box::new(error) };
        match manifest.document().map_err(unusable)? {
            Document::Index(index) => self.enter_children(&digest, index.manifests, depth)?,
            Document::Image(image) => {
                self.list(&digest, image.config, Role::Config)?;
                for layer in image.layers {
                    self.list(&digest, layer, Role::Layer)?;
                }
            }
        }
        self.graph.manifests.push(manifest);
        Ok(())
    }

    fn enter_children<E>(
        &mut self,
        parent: &Digest,
        children: Vec<Descriptor>,
        depth: usize,
    ) -> Result<(), GraphError<E>>
    where
        E: std::error::Error + 'static,
        F: FnMut(&Descriptor) -> Result<ManifestBytes, E>,
    {
        let listed = children.len();
        let (chosen, others) = choose(self.platforms, children);
        if chosen.is_empty() && listed > 0 {
            return Err(GraphError::NoPlatform { digest: parent.clone() });
        }
        let reason = LeftOutReason::Platform;
        self.graph.left_out.extend(others.into_iter().map(|descriptor| LeftOut {
            descriptor,
            parent: parent.clone(),
            reason,
        }));
        for child in chosen {
            if !self.note(&child, Role::Manifest)? {
                continue;
            }
            if depth >= MAXIMUM_DEPTH {
                return Err(GraphError::Depth { digest: child.digest });
            }
            self.manifest_count += 1;
            if self.manifest_count >= MAXIMUM_MANIFESTS {
                return Err(GraphError::Manifests);
            }
            let fetched = (self.fetch)(&child);
            let manifest = fetched.map_err(|source| GraphError::Fetch { digest: child.digest.clone(), source })?;
            let (digest, bytes) = (child.digest.clone(), manifest.into_bytes());
            let manifest = ManifestBytes::new(child, bytes)
                .map_err(|error| GraphError::Manifest { digest, source: Box::new(error) })?;
            self.enter(manifest, depth + 1)?;
        }
        Ok(())
    }

    /// Lists a blob, unless it is listed or left out.
    fn list<E: std::error::Error + 'static>(
        &mut self,
        parent: &Digest,
        blob: Descriptor,
        role: Role,
    ) -> Result<(), GraphError<E>> {
        if is_foreign_layer(&blob.media_type) && self.foreign_layers != ForeignLayers::Carry {
            if self.foreign_layers == ForeignLayers::Refuse {
                return Err(GraphError::ForeignLayer { digest: blob.digest, manifest: parent.clone() });
            }
            let reason = LeftOutReason::ForeignLayer;
            self.graph.left_out.push(LeftOut { descriptor: blob, parent: parent.clone(), reason });
            return Ok(());
        }
        if self.note(&blob, role)? {
            if self.graph.configs.len() + self.graph.layers.len() >= MAXIMUM_BLOBS {
                return Err(GraphError::Blobs);
            }
            let blobs = if role == Role::Config { &mut self.graph.configs } else { &mut self.graph.layers };
            blobs.push(blob);
        }
        Ok(())
    }
}

/// Splits an index's children into those to carry and the others. Children of no platform are carried; an attestation
/// goes with the manifest that it is about.
fn choose(platforms: &Platforms, children: Vec<Descriptor>) -> (Vec<Descriptor>, Vec<Descriptor>) {
    let Platforms::Only(wishes) = platforms else { return (children, Vec::new()) };
    let selected = |child: &Descriptor| {
        child.platform.as_ref().is_none_or(|platform| wishes.iter().any(|wish| wish.selects(platform)))
    };
    let chosen: HashSet<String> =
        children.iter().filter(|child| selected(child)).map(|child| child.digest.to_string()).collect();
    children.into_iter().partition(|child| {
        let about_chosen = child.annotations.get(ATTESTED_MANIFEST).is_some_and(|digest| chosen.contains(digest));
        selected(child) || about_chosen
    })
}

#[cfg(test)]
mod tests;
