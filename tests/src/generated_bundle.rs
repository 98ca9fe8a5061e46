//! Bundles that are made up, with their images: whatever a bundle may have that makes a difference to how it is carried. What is
//! made is right, so it crosses, and arrives with the digests that it had.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sealift_core::oci::Reference;
use sealift_core::transfer::{Sink, SinkError};
use serde_json::{Map, Value, json};

use crate::images::Image;

/// The platforms that an image may be for.
const PLATFORMS: [&str; 4] = ["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"];

/// A bundle, and the images that it names.
#[derive(Debug, Clone)]
pub struct GeneratedBundle {
    /// The file.
    pub bundle_json: Vec<u8>,
    /// The images, by the names that the file has for them.
    pub images: Vec<(String, Image)>,
}

impl GeneratedBundle {
    /// Puts the images into a place, under their names.
    ///
    /// # Errors
    /// The place's.
    ///
    /// # Panics
    /// Never: the names are references.
    pub fn push_images(&self, sink: &dyn Sink) -> Result<(), SinkError> {
        self.images.iter().try_for_each(|(name, image)| {
            let name: Reference = name.parse().expect("a reference");
            image.push(sink, &name)
        })
    }
}

/// Images of one or several platforms, plain, in an index or in an index of indexes, whose layers may be empty or the same.
pub fn images() -> impl Strategy<Value = Image> {
    let content = || vec(any::<u8>(), 0..400);
    let platforms = subsequence(PLATFORMS.to_vec(), 1..=PLATFORMS.len());
    (platforms, vec(content(), 0..3), 0_usize..3).prop_map(|(platforms, contents, depth)| {
        let image_for = |platform: &str| {
            // The first layer is the same for every platform.
            let own = platform.as_bytes().to_vec();
            let contents = contents.iter().chain([&own]);
            let files: Vec<(String, &[u8])> =
                contents.enumerate().map(|(at, content)| (format!("file{at}"), content.as_slice())).collect();
            let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
            Image::new(platform, &files)
        };
        let images: Vec<Image> = platforms.iter().map(|platform| image_for(platform)).collect();
        match (images.as_slice(), depth) {
            ([only], 0) => only.clone(),
            (all, 0 | 1) => Image::index(all),
            (all, _) => Image::index(&[Image::index(all)]),
        }
    })
}

/// Names that may differ in case alone, as those of parameters and components may.
fn names() -> impl Strategy<Value = String> {
    "[abAB]{1,2}"
}

/// A bundle of the name and version that its reference has.
pub fn bundles() -> impl Strategy<Value = GeneratedBundle> {
    let invocation = vec(images(), 1..3);
    let components = btree_map(names(), images(), 0..3);
    let parameters = btree_map(names(), "[A-Z]{1,4}", 0..3);
    let custom = btree_map(names(), select(vec![json!(null), json!({"Id": 1, "id": [2]}), json!("é")]), 0..3);
    (invocation, components, parameters, custom, any::<bool>()).prop_map(
        |(invocation, components, parameters, custom, is_pretty)| {
            let mut images = Vec::new();
            let mut named = |name: String, image: Image| {
                let digest = image.root().descriptor().digest.clone();
                let described = json!({"image": name, "imageType": "oci", "contentDigest": digest});
                images.push((name, image));
                described
            };
            let invocation: Vec<Value> = invocation
                .into_iter()
                .enumerate()
                .map(|(at, image)| named(format!("example.com/org/installer{at}:1"), image))
                .collect();
            let components: Map<String, Value> = components
                .into_iter()
                .enumerate()
                .map(|(at, (component, image))| (component, named(format!("quay.example/part{at}:1.0"), image)))
                .collect();
            let parameters: Map<String, Value> = parameters
                .into_iter()
                .map(|(name, variable)| (name, json!({"definition": "Text", "destination": {"env": variable}})))
                .collect();
            let bundle = json!({
                "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0",
                "invocationImages": invocation, "images": components, "parameters": parameters, "custom": custom,
                "definitions": {"Text": {"type": "string"}, "text": {"Type": 1, "type": "string"}},
            });
            let bundle_json = if is_pretty { serde_json::to_vec_pretty(&bundle) } else { serde_json::to_vec(&bundle) };
            GeneratedBundle { bundle_json: bundle_json.expect("a value"), images }
        },
    )
}
