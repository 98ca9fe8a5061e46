//! From registry to registry, with equal digests, whatever the images and bundles are.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use sealift_core::export::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use sealift_core::layout::LayoutSink;
use sealift_core::oci::Reference;
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::transfer::Source as _;
use sealift_tests::crossing::{BUNDLE, Crossing, IMAGE};
use sealift_tests::generated_bundle::{bundles, images};
use sealift_tests::images::Image;
use sealift_tests::registry::Registry;
use sealift_tests::{outside_programs, real_registry};
use serde_json::Value;

use super::client;
use super::companions::{deliver, deliver_to};

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

/// The standard output of a program that succeeds.
fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every digest in a document, in its order.
fn digests(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(digest) if name == "digest" => vec![digest.clone()],
                other => digests(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(digests).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn oras_and_crane_find_what_was_delivered_to_real_registries() {
    let (oras, crane) = (outside_programs::find("oras"), outside_programs::find("crane"));
    if oras.is_none() && crane.is_none() {
        return;
    }
    let (near, mut crossing) = (Registry::start(), Crossing::of_images());
    let (sink, place) = (RegistrySink::new(client()), from(&near, "org/app:1").reference);
    let image = Image::for_two_platforms("app");
    image.push(&sink, &place).unwrap();
    for number in 0..8 {
        let note = format!("note {number}");
        let referrer = Image::referrer(image.root().descriptor(), "application/jose+json", note.as_bytes());
        referrer.store(&sink, place.repository()).unwrap();
    }
    let archive = crossing.export(&request(IMAGE, ItemOrigin::Image(from(&near, "org/app:1")))).unwrap();
    let discovered = |domain: &str| {
        let oras = oras.as_ref()?;
        let mut command = Command::new(oras);
        command.args(["discover", "--plain-http", "--format", "json", &format!("{domain}/org/app:1")]);
        Some(digests(&serde_json::from_str(&said_by(&mut command)).unwrap()))
    };
    let there = discovered(&near.domain());
    let mut lists = BTreeSet::new();
    for far in real_registry::each() {
        deliver_to(&mut crossing, &archive, far.domain()).unwrap();
        let found = discovered(&far.domain());
        let as_set =
            |found: &Option<Vec<String>>| found.clone().map(|found| found.into_iter().collect::<BTreeSet<_>>());
        assert_eq!(as_set(&found), as_set(&there), "the same on both sides");
        assert!(found.as_ref().is_none_or(|found| found.len() >= 8));
        // Where the registry lists referrers, the order is its own.
        let (source, own) = (RegistrySource::new(client()), format!("{}/org/app", far.domain()));
        let tag = format!("sha256-{}", image.root().descriptor().digest.hex()).parse().unwrap();
        let own: Reference = own.parse().unwrap();
        if source.find(own.repository(), &tag).unwrap().is_some() {
            lists.insert(found);
        }
        if let Some(crane) = &crane {
            let mut command = Command::new(crane);
            command.args(["validate", "--insecure", "--remote", &format!("{}/org/app:1", far.domain())]);
            let said = said_by(&mut command);
            assert!(said.contains("PASS"), "{said}");
        }
    }
    assert!(lists.len() <= 1, "in the same order everywhere: {lists:?}");
}
