//! From registry to registry, with equal digests, whatever the images and bundles are.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use sealift_core::export::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use sealift_core::layout::LayoutSink;
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_tests::crossing::{BUNDLE, Crossing, IMAGE};
use sealift_tests::generated_bundle::{bundles, images};
use sealift_tests::registry::Registry;

use super::client;
use super::companions::deliver;

/// Everything that a registry has: media types, manifests and blobs, by repository and name.
type Content = (BTreeMap<(String, String), (String, Vec<u8>)>, BTreeMap<(String, String), Vec<u8>>);

fn content(registry: &Registry) -> Content {
    let state = registry.state();
    (state.manifests.clone(), state.blobs.clone())
}

fn from(registry: &Registry, path: &str) -> SourceReference {
    let reference = format!("{}/{path}", registry.domain()).parse().unwrap();
    SourceReference { source: Arc::new(RegistrySource::new(client())), reference }
}

fn request(name: &str, origin: ItemOrigin) -> ExportRequest {
    ExportRequest::new(vec![ItemRequest { name: name.to_owned(), origin }])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn an_image_crosses_from_registry_to_registry(image in images()) {
        let (near, far, mut crossing) = (Registry::start(), Registry::start(), Crossing::of_images());
        let place = from(&near, "org/app:1").reference;
        image.push(&RegistrySink::new(client()), &place).unwrap();
        let archive = crossing.export(&request(IMAGE, ItemOrigin::Image(from(&near, "org/app:1")))).unwrap();
        deliver(&mut crossing, &archive, &far).unwrap();
        prop_assert!(content(&far) == content(&near), "every manifest and every blob, and the tag");
        let again = crossing.export(&request(IMAGE, ItemOrigin::Image(from(&far, "org/app:1")))).unwrap();
        prop_assert!(again == archive, "what comes out is what went in");
    }

    #[test]
    fn a_bundle_crosses_from_registry_to_registry(bundle in bundles()) {
        let (near, far, mut crossing) = (Registry::start(), Registry::start(), Crossing::of_images());
        bundle.push_images(&LayoutSink::open(&crossing.path("layout")).unwrap()).unwrap();
        let images = ImagesFrom::TheirReferences(crossing.layout());
        let thin = ItemOrigin::ThinBundle { bundle_json: bundle.bundle_json.clone(), images };
        let archive = crossing.export(&request(BUNDLE, thin)).unwrap();
        let delivered = deliver(&mut crossing, &archive, &near).unwrap();
        let path = delivered.tags[0].reference.split_once('/').unwrap().1.to_owned();
        let in_registry = |registry: &Registry| {
            request(BUNDLE, ItemOrigin::Bundle { place: from(registry, &path), images: None })
        };
        let first = crossing.export(&in_registry(&near)).unwrap();
        deliver(&mut crossing, &first, &far).unwrap();
        prop_assert!(content(&far) == content(&near), "every manifest and every blob, and the tag");
        let repository = path.split(':').next().unwrap();
        let (manifests, blobs) = content(&far);
        prop_assert!(blobs.values().any(|blob| *blob == bundle.bundle_json), "byte for byte");
        for (name, image) in &bundle.images {
            for manifest in &image.manifests {
                let key = (repository.to_owned(), manifest.descriptor().digest.to_string());
                prop_assert!(manifests.get(&key).is_some_and(|(_, bytes)| bytes == manifest.bytes()), "{}", name);
            }
        }
        prop_assert!(crossing.export(&in_registry(&far)).unwrap() == first, "what comes out is what went in");
    }
}
