//! What is walked, in which order, and where walking ends.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};

/// Manifests by digest, as a registry has them.
#[derive(Default)]
struct Store(BTreeMap<Digest, Vec<u8>>);

#[derive(Debug, thiserror::Error)]
#[error("not there")]
struct Missing;

impl Store {
    fn put(&mut self, media_type: &str, document: &Value) -> Value {
        let bytes = document.to_string().into_bytes();
        let descriptor = Descriptor::of(media_type, &bytes);
        self.0.insert(descriptor.digest.clone(), bytes);
        serde_json::to_value(descriptor).unwrap()
    }

    fn image(&mut self, config: &[u8], layers: &[&[u8]]) -> Value {
        let layers: Vec<_> = layers.iter().map(|layer| Descriptor::of(OCI_LAYER_GZIP, layer)).collect();
        self.put(
            OCI_MANIFEST,
            &json!({"schemaVersion": 2, "config": Descriptor::of(OCI_CONFIG, config), "layers": layers}),
        )
    }

    fn index(&mut self, children: &[Value]) -> Value {
        self.put(OCI_INDEX, &json!({ "schemaVersion": 2, "manifests": children }))
    }

    fn walk(
        &self,
        root: &Value,
        platforms: &Platforms,
        foreign: ForeignLayers,
    ) -> Result<Arc<Graph>, GraphError<Missing>> {
        let fetch = |descriptor: &Descriptor| {
            let bytes = self.0.get(&descriptor.digest).ok_or(Missing)?;
            Ok(ManifestBytes::new(descriptor.clone(), bytes.clone()).unwrap())
        };
        let root = fetch(&serde_json::from_value(root.clone()).unwrap()).unwrap();
        Graph::walk(root, platforms, foreign, fetch)
    }

    fn walk_all(&self, root: &Value) -> Result<Arc<Graph>, GraphError<Missing>> {
        self.walk(root, &Platforms::All, ForeignLayers::Refuse)
    }
}

fn on(mut descriptor: Value, os: &str, architecture: &str) -> Value {
    descriptor["platform"] = json!({"os": os, "architecture": architecture});
    descriptor
}

fn digests<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<Digest> {
    descriptors.map(|descriptor| descriptor.digest.clone()).collect()
}

#[test]
fn children_come_before_parents_and_nothing_comes_twice() {
    let mut store = Store::default();
    let first = store.image(b"c1", &[b"base", b"a"]);
    let second = store.image(b"c2", &[b"base", b"b", b"base"]);
    let inner = store.index(&[first.clone(), second.clone()]);
    let root = store.index(&[second.clone(), inner.clone(), first.clone()]);
    let graph = store.walk_all(&root).unwrap();
    let order: Vec<_> = graph.manifests().iter().map(|m| json!(m.descriptor().digest)).collect();
    assert_eq!(order, [&second["digest"], &first["digest"], &inner["digest"], &root["digest"]].map(Clone::clone));
    assert_eq!(digests(graph.configs().into_iter()), [Digest::sha256(b"c2"), Digest::sha256(b"c1")]);
    let layers = [b"base".as_slice(), b"b", b"a"].map(Digest::sha256);
    assert_eq!(digests(graph.layers().into_iter()), layers);
}

#[test]
fn what_was_not_chosen_is_listed_as_left_out() {
    let mut store = Store::default();
    let intel = on(store.image(b"c1", &[b"a"]), "linux", "amd64");
    let arm = on(store.image(b"c2", &[b"b"]), "linux", "arm64");
    let attest = |image: &Value, mut attestation: Value| {
        attestation["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"],
        });
        on(attestation, "unknown", "unknown")
    };
    let about_intel = attest(&intel, store.image(b"c3", &[b"c"]));
    let about_arm = attest(&arm, store.image(b"c4", &[b"d"]));
    let root = store.index(&[intel, arm.clone(), about_intel, about_arm.clone()]);
    let only = |text: &str| Platforms::Only(vec![text.parse().unwrap()]);
    let graph = store.walk(&root, &only("linux/amd64"), ForeignLayers::Refuse).unwrap();
    assert_eq!(graph.manifests().len(), 3);
    assert_eq!(graph.root().descriptor().digest, graph.manifests()[2].descriptor().digest);
    let left_out: Vec<_> = graph.left_out().iter().map(|left| json!(left.descriptor.digest)).collect();
    assert_eq!(left_out, [arm["digest"].clone(), about_arm["digest"].clone()]);
    let none = store.walk(&root, &only("plan9/amd64"), ForeignLayers::Refuse);
    assert!(matches!(none, Err(GraphError::NoPlatform { .. })));
}

#[test]
fn an_index_that_lists_nothing_has_nothing_to_choose_from_and_stays() {
    let mut store = Store::default();
    let root = store.index(&[]);
    let only = Platforms::Only(vec!["linux/amd64".parse().unwrap()]);
    let graph = store.walk(&root, &only, ForeignLayers::Refuse).unwrap();
    assert_eq!((graph.manifests().len(), graph.left_out().len()), (1, 0));
}

#[test]
fn foreign_layers_are_a_decision() {
    let mut store = Store::default();
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let layers = [Descriptor::of(foreign, b"windows"), Descriptor::of(OCI_LAYER_GZIP, b"a")];
    let root = store
        .put(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": Descriptor::of(OCI_CONFIG, b"c"), "layers": layers}));
    let walk = |foreign| store.walk(&root, &Platforms::All, foreign);
    assert!(matches!(walk(ForeignLayers::Refuse), Err(GraphError::ForeignLayer { .. })));
    let without = walk(ForeignLayers::LeaveOut).unwrap();
    assert_eq!((without.layers().len(), without.left_out()[0].reason), (1, LeftOutReason::ForeignLayer));
    assert_eq!(walk(ForeignLayers::Carry).unwrap().layers().len(), 2);
}

#[test]
fn depth_and_contradictions_are_refused() {
    let mut store = Store::default();
    let mut root = store.image(b"c", &[]);
    for _ in 0..MAXIMUM_DEPTH {
        root = store.index(&[root]);
    }
    store.walk_all(&root).unwrap();
    let root = store.index(&[root]);
    assert!(matches!(store.walk_all(&root), Err(GraphError::Depth { .. })));

    let mut larger = Descriptor::of(OCI_LAYER_GZIP, b"a");
    larger.size += 1;
    let layers = [Descriptor::of(OCI_LAYER_GZIP, b"a"), larger];
    let root = store
        .put(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": Descriptor::of(OCI_CONFIG, b"c"), "layers": layers}));
    assert!(matches!(store.walk_all(&root), Err(GraphError::Conflict { .. })));
}

#[test]
fn a_missing_manifest_is_an_error() {
    let mut store = Store::default();
    let missing = serde_json::to_value(Descriptor::of(OCI_MANIFEST, b"{}")).unwrap();
    let root = store.index(&[missing]);
    assert!(matches!(store.walk_all(&root), Err(GraphError::Fetch { .. })));
}

#[test]
fn the_number_of_manifests_has_a_limit() {
    let mut store = Store::default();
    let images: Vec<_> = (0..=MAXIMUM_MANIFESTS).map(|n| store.image(n.to_string().as_bytes(), &[])).collect();
    let root = store.index(&images);
    assert!(matches!(store.walk_all(&root), Err(GraphError::Manifests)));
}
