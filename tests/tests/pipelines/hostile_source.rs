//! One plan has one budget, whatever its source invents.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sealift_core::export::{self, ExportRequest, ItemOrigin, ItemRequest, PlanError, SourceReference};
use sealift_core::oci::{Descriptor, GraphError};
use sealift_core::transfer::{Source, Workers};
use sealift_tests::hostile_source::{Asked, HostileSource};
use serde_json::json;

/// Plans these images and bundles, which the source has under one address.
fn plan(source: HostileSource, images: &[&str], bundles: &[&str]) -> (Result<export::Plan, PlanError>, Arc<Asked>) {
    let asked = source.asked();
    let source: Arc<dyn Source> = Arc::new(source);
    let place = |name: &str| SourceReference { source: Arc::clone(&source), reference: name.parse().unwrap() };
    let image = |name: &&str| ItemRequest { name: (*name).to_owned(), origin: ItemOrigin::Image(place(name)) };
    let bundle = |name: &&str| ItemRequest {
        name: (*name).to_owned(),
        origin: ItemOrigin::Bundle { place: place(name), images: None },
    };
    let request = ExportRequest::new(bundles.iter().map(bundle).chain(images.iter().map(image)).collect());
    (export::plan(&request, &Workers::default()), asked)
}

#[test]
fn referrers_of_any_number_and_length_are_held_within_one_limit() {
    let mut source = HostileSource::default();
    let image = source.image("a");
    for referrer in 0..16 {
        let children: Vec<Descriptor> = (0..7).map(|child| source.long_manifest(referrer * 7 + child)).collect();
        let index = source.index(&children, Some(&image));
        source.refer(index);
    }
    source.serve(image);
    let (plan, asked) = plan(source, &["e.example/a:1"], &[]);
    let Err(PlanError::Graph { source, .. }) = plan else { panic!("{plan:?}") };
    assert!(matches!(*source, GraphError::ManifestBytes));
    // The image, its sixteen referrers, and then as many of their children as the limit has room for: once ahead, and some again.
    assert!(asked.manifests.load(Ordering::Relaxed) <= 1 + 16 + 2 * 8, "{asked:?}");
}

#[test]
fn each_manifest_is_fetched_once_and_each_subject_asked_about_once() {
    let mut source = HostileSource::default();
    let children: Vec<Descriptor> = (0..100).map(|number| source.image(&number.to_string())).collect();
    let image = source.index(&children, None);
    let named = |number: usize| json!({ "image": format!("e.example/i{number}:1"), "contentDigest": image.digest });
    let images: Vec<_> = (0..100).map(named).collect();
    let bundle = json!({ "schemaVersion": "v1", "name": "s", "version": "1", "invocationImages": images });
    let bundle = source.store("application/vnd.cnab.bundle.config.v1+json", bundle.to_string().into_bytes());
    let config = json!({ "schemaVersion": 2, "config": bundle, "layers": [] });
    let mut config = source.store("application/vnd.oci.image.manifest.v1+json", config.to_string().into_bytes());
    config.annotations.insert("io.cnab.manifest.type", "config");
    let mut listed = image.clone();
    listed.annotations.insert("io.cnab.manifest.type", "invocation");
    let mut children = vec![config];
    children.extend(std::iter::repeat_n(listed, 100));
    let root = source.index(&children, None);
    source.serve(root);
    let (plan, asked) = plan(source, &[], &["e.example/s:1"]);
    assert_eq!(plan.unwrap().items[0].images().len(), 100);
    // The bundle's index, its config manifest, the image and its hundred manifests.
    assert_eq!((asked.manifests.load(Ordering::Relaxed), asked.referrers.load(Ordering::Relaxed)), (103, 103));
}

#[test]
fn images_by_many_names_cost_no_more_than_by_one() {
    let mut source = HostileSource::default();
    let children: Vec<Descriptor> = (0..50).map(|number| source.image(&number.to_string())).collect();
    let root = source.index(&children, None);
    source.serve(root);
    let names: Vec<String> = (0..40).map(|number| format!("e.example/a:{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (plan, asked) = plan(source, &names, &[]);
    assert_eq!(plan.unwrap().items.len(), 40);
    assert_eq!(
        (asked.manifests.load(Ordering::Relaxed), asked.referrers.load(Ordering::Relaxed)),
        (40 + 50, 51),
        "a name each, and the rest once"
    );
}
