//! A CNAB bundle: `bundle.json` (CNAB 101) and its form in a registry (CNAB 201).

use serde_json::{Map, Value, json};

use crate::image::{Blobs, store};
use crate::keys::canonical;

/// An image of a bundle: the reference that the bundle writes, and the descriptor of its manifest or index.
#[derive(Debug, Clone)]
pub struct BundleImage {
    /// The name of the component; `None` for the invocation image.
    pub component: Option<String>,
    /// The reference.
    pub reference: String,
    /// The OCI descriptor.
    pub descriptor: Value,
}

impl BundleImage {
    fn definition(&self) -> Value {
        json!({
            "image": self.reference, "imageType": "oci", "contentDigest": self.descriptor.get("digest"),
            "mediaType": self.descriptor.get("mediaType"), "size": self.descriptor.get("size"),
        })
    }
}

/// `bundle.json` in canonical JSON.
pub fn bundle_json(name: &str, version: &str, images: &[BundleImage]) -> Vec<u8> {
    let (mut invocation, mut components) = (Vec::new(), Map::new());
    for image in images {
        match &image.component {
            None => invocation.push(image.definition()),
            Some(component) => drop(components.insert(component.clone(), image.definition())),
        }
    }
    canonical(&json!({
        "schemaVersion": "v1.2.0", "name": name, "version": version,
        "description": "A sample bundle, made by the Sealift sample publisher",
        "invocationImages": invocation, "images": components,
    }))
}

/// Stores the bundle as CNAB 201 describes, config manifest first, and returns the descriptor of the top-level index.
pub fn store_bundle(blobs: &mut Blobs, bundle_json: Vec<u8>, images: &[BundleImage]) -> Value {
    let config = store(blobs, "application/vnd.cnab.bundle.config.v1+json", bundle_json);
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [] });
    let mut config_manifest = store(blobs, manifest_type, manifest.to_string().into_bytes());
    annotate(&mut config_manifest, json!({ "io.cnab.manifest.type": "config" }));
    let mut manifests = vec![config_manifest];
    for image in images {
        let mut descriptor = image.descriptor.clone();
        annotate(
            &mut descriptor,
            match &image.component {
                None => json!({ "io.cnab.manifest.type": "invocation" }),
                Some(name) => json!({ "io.cnab.manifest.type": "component", "io.cnab.component.name": name }),
            },
        );
        manifests.push(descriptor);
    }
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({
        "schemaVersion": 2, "mediaType": index_type, "manifests": manifests,
        "annotations": {
            "io.cnab.runtime_version": "v1.2.0",
            "org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1",
        },
    });
    store(blobs, index_type, index.to_string().into_bytes())
}

fn annotate(descriptor: &mut Value, annotations: Value) {
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("annotations".to_owned(), annotations);
    }
}
