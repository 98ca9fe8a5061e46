//! Documents that nobody signs: a bundle's index and its config manifest are a function of what is signed, and have one
//! meaning, for us and for everyone who reads them after us.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ImageRole;
use sealift_core::cnab::RegistryFormError;
use sealift_core::oci::ManifestError;
use sealift_core::verify::documents::DocumentError;
use sealift_sample_publisher::bundle::{BundleImage, bundle_json, store_bundle};
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_tests::cnab_to_oci::{Pulled, pull};
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Consignment, blobs, document, image_record, record};
use serde_json::{Value, json};

use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The sample with other bytes for the index of its bundle, and everything that this leads to.
fn with_index_bytes(sample: &mut Sample, bytes: Vec<u8>) -> Consignment {
    let mut consignment = consignment(sample);
    let index = store(&mut sample.blobs, INDEX, bytes);
    let bundle = &mut consignment.bundles[0];
    bundle.index = Some(record(&index));
    let bundle_json = json!({ "digest": bundle.descriptor.digest });
    consignment.blobs = all_blobs(sample, &bundle_json, &index);
    consignment
}

/// What an index leads to, as far as it is there, and what the honest one leads to.
fn all_blobs(sample: &Sample, bundle_json: &Value, index: &Value) -> Vec<(Digest, Vec<u8>)> {
    let mut all = blobs(&sample.blobs, &[bundle_json], &[index]);
    for (digest, bytes) in blobs(&sample.blobs, &[bundle_json], &[&sample.references[0].1]) {
        let is_honest_index = digest == sealift_tests::malicious_exporter::digest(&sample.references[0].1);
        if !is_honest_index && all.iter().all(|(known, _)| *known != digest) {
            all.push((digest, bytes));
        }
    }
    all
}

fn with_index(sample: &mut Sample, change: impl FnOnce(&mut Value)) -> Consignment {
    let mut index = document(&sample.blobs, &sample.references[0].1);
    change(&mut index);
    with_index_bytes(sample, index.to_string().into_bytes())
}

fn refused(sample: &Sample, consignment: &Consignment) -> DocumentError {
    FarSide::trusting(sample, hours(2)).refuses(&consignment.archive()).documents()
}

#[test]
fn a_second_reading_of_the_index_for_readers_that_ignore_case() {
    for name in ["Manifests", "MANIFESTS", "manife\u{17f}ts", "manifests"] {
        let mut sample = sample();
        let index = document(&sample.blobs, &sample.references[0].1);
        let evil = multi_platform_image(&mut sample.blobs, "cnab/app/run", b"#!/bin/sh\n", &["amd64"]).unwrap();
        let mut text = index.to_string();
        text.truncate(text.len() - 1);
        let text = format!(r#"{text},"{name}":[{evil}]}}"#);
        let consignment = with_index_bytes(&mut sample, text.into_bytes());
        let error = refused(&sample, &consignment);
        assert_error!(error, DocumentError::Manifest { source: ManifestError::Json(_), .. });
    }
}

#[test]
fn a_member_of_a_signed_document_that_others_take_for_another() {
    for (name, value) in
        [("Layers", json!([])), ("Config", json!({})), ("Subject", Value::Null), ("\u{17f}ubject", Value::Null)]
    {
        let mut sample = sample();
        let mut index = document(&sample.blobs, &sample.references[2].1);
        let mut manifest = document(&sample.blobs, &index["manifests"][0]);
        manifest[name] = value;
        let changed =
            store(&mut sample.blobs, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes());
        index["manifests"][0]["digest"] = changed["digest"].clone();
        index["manifests"][0]["size"] = changed["size"].clone();
        let image = store(&mut sample.blobs, INDEX, index.to_string().into_bytes());
        sample.references[2].1 = image;
        let error = refused(&sample, &Consignment::of_image(&sample, 2, hours(0)));
        assert_error!(error, DocumentError::Manifest { source: ManifestError::Json(_), .. });
    }
}

#[test]
fn exchanged_annotations_in_the_index() {
    type Change<'c> = &'c dyn Fn(&mut Value);
    let kind = "io.cnab.manifest.type";
    let component = "io.cnab.component.name";
    let changes: [Change<'_>; 5] = [
        &|index| {
            let first = index["manifests"][1]["annotations"].take();
            index["manifests"][1]["annotations"] = std::mem::replace(&mut index["manifests"][2]["annotations"], first);
        },
        &|index| index["manifests"][2]["annotations"][component] = "api".into(),
        &|index| drop(index["manifests"][2]["annotations"].as_object_mut().unwrap().remove(component)),
        &|index| index["manifests"][2]["annotations"][kind] = "invocation".into(),
        &|index| {
            let again = index["manifests"][2].clone();
            index["manifests"].as_array_mut().unwrap().push(again);
        },
    ];
    for change in changes {
        let mut sample = sample();
        let consignment = with_index(&mut sample, change);
        let error = refused(&sample, &consignment);
        assert_error!(
            error,
            DocumentError::BundleIndexForm {
                bundle, source: RegistryFormError::Entry { .. } | RegistryFormError::Members { .. }
            } if bundle == BUNDLE
        );
    }
}

#[test]
fn a_subject_in_the_index_would_set_a_tag_of_the_attackers_choice() {
    let mut sample = sample();
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let subject = json!({ "mediaType": manifest, "digest": format!("sha256:{}", "11".repeat(32)), "size": 7 });
    let consignment = with_index(&mut sample, |index| index["subject"] = subject);
    let error = refused(&sample, &consignment);
    assert_error!(error, DocumentError::BundleIndexForm { source: RegistryFormError::Members { .. }, .. });
}

#[test]
fn a_signed_bundle_json_as_an_image_with_the_media_type_of_an_index() {
    for media_type in [INDEX, "application/vnd.oci.image.manifest.v1+json", "application/json"] {
        let sample = sample();
        let mut consignment = consignment(&sample);
        let descriptor = consignment.bundles[0].descriptor.clone();
        let listed = json!({ "digest": descriptor.digest, "size": descriptor.size, "mediaType": INDEX });
        consignment.bundles.clear();
        let mut image = image_record(BUNDLE, &listed, ImageRole::StandAlone);
        (image.descriptor.media_type, image.platforms) = (media_type.to_owned(), Vec::new());
        consignment.images = vec![image];
        consignment.blobs.retain(|(digest, _)| *digest == descriptor.digest);
        let error = refused(&sample, &consignment);
        assert_error!(error, DocumentError::Manifest { source: ManifestError::Json(_), .. });
    }
}

/// Every way to change an index without saying so.
#[derive(Debug, Clone)]
enum Change {
    Swap(usize, usize),
    Repeat(usize),
    Drop(usize),
    Rename(usize, &'static str, &'static str),
    Annotate(usize, &'static str, &'static str),
    Exchange(usize, usize, &'static str),
    Extend(&'static str, &'static str),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = 0..5_usize;
    let names = prop::sample::select(vec![
        ("digest", "Digest"),
        ("annotations", "Annotations"),
        ("mediaType", "mediatype"),
        ("size", "\u{17f}ize"),
    ]);
    let annotations = prop::sample::select(vec![
        ("io.cnab.manifest.type", "config"),
        ("io.cnab.manifest.type", "invocation"),
        ("io.cnab.manifest.type", "component"),
        ("io.cnab.manifest.type", "other"),
        ("io.cnab.component.name", "web"),
        ("io.cnab.component.name", "api"),
        ("io.cnab.component.name", "Web"),
        ("IO.cnab.component.name", "web"),
        ("other", "x"),
    ]);
    let members = prop::sample::select(vec!["annotations", "digest", "mediaType", "size"]);
    let extensions = prop::sample::select(vec![
        ("Manifests", "[]"),
        ("manife\u{17f}ts", "[]"),
        ("subject", "{}"),
        ("artifactType", r#""a/b""#),
        ("Annotations", "{}"),
        ("schemaVersion", "2"),
        ("x", "1"),
        ("mediaType", r#""application/vnd.oci.image.index.v1+json""#),
    ]);
    let change = prop_oneof![
        3 => (at.clone(), at.clone()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => at.clone().prop_map(Change::Repeat),
        1 => at.clone().prop_map(Change::Drop),
        1 => (at.clone(), names).prop_map(|(at, (name, other))| Change::Rename(at, name, other)),
        2 => (at.clone(), annotations).prop_map(|(at, (name, value))| Change::Annotate(at, name, value)),
        2 => (at.clone(), at, members).prop_map(|(one, other, member)| Change::Exchange(one, other, member)),
        1 => extensions.prop_map(|(name, value)| Change::Extend(name, value)),
    ];
    prop::collection::vec(change, 0..4)
}

fn apply(index: &mut Value, change: &Change) {
    if let Change::Extend(name, value) = change {
        index[*name] = serde_json::from_str(value).unwrap();
        return;
    }
    let entries = index["manifests"].as_array_mut().unwrap();
    let count = entries.len();
    if count == 0 {
        return;
    }
    match *change {
        Change::Swap(one, other) => entries.swap(one % count, other % count),
        Change::Repeat(at) => entries.push(entries[at % count].clone()),
        Change::Drop(at) => drop(entries.remove(at % count)),
        Change::Rename(at, name, other) => {
            let entry = entries[at % count].as_object_mut().unwrap();
            if let Some(value) = entry.remove(name) {
                entry.insert(other.to_owned(), value);
            }
        }
        Change::Annotate(at, name, value) => entries[at % count]["annotations"][name] = value.into(),
        Change::Exchange(one, other, member) => {
            let first = entries[one % count][member].clone();
            let second = entries[other % count][member].clone();
            (entries[one % count][member], entries[other % count][member]) = (second, first);
        }
        Change::Extend(..) => {}
    }
}

/// A signed bundle with two invocation images and two components.
fn release() -> Sample {
    let mut sample = sample();
    let mut image = |name: &str| multi_platform_image(&mut sample.blobs, name, name.as_bytes(), &["amd64"]).unwrap();
    let named = [(None, "installer"), (None, "other"), (Some("api"), "api"), (Some("web"), "web")];
    let images: Vec<BundleImage> = named
        .into_iter()
        .map(|(component, name)| BundleImage {
            component: component.map(str::to_owned),
            reference: format!("example.com/demo/{name}:1.0.0"),
            descriptor: image(name),
        })
        .collect();
    let bundle = bundle_json("shop", "1.0.0", &images);
    // Of several invocation images, the first of the bundle is listed last.
    let listed = [1, 0, 2, 3].map(|at| images[at].clone());
    sample.references = vec![(BUNDLE.to_owned(), store_bundle(&mut sample.blobs, bundle, &listed))];
    sample.references.extend(images.into_iter().map(|image| (image.reference, image.descriptor)));
    sample
}

/// What an honest exporter packs of it, whatever is in its index.
fn pack(sample: &mut Sample, index: &Value) -> Consignment {
    let honest = document(&sample.blobs, &sample.references[0].1);
    let bundle_json = document(&sample.blobs, &honest["manifests"][0])["config"].clone();
    let roles = [ImageRole::Invocation, ImageRole::Invocation]
        .into_iter()
        .chain(["api", "web"].map(|name| ImageRole::Component(name.to_owned())));
    let images = sample.references[1..].iter().zip(roles).map(|((reference, image), role)| {
        let mut record = image_record(reference, image, role);
        record.platforms = vec!["linux/amd64".to_owned()];
        record
    });
    let images = images.collect();
    let index = store(&mut sample.blobs, INDEX, index.to_string().into_bytes());
    let mut consignment = Consignment::of_image(sample, 1, hours(0));
    consignment.images.clear();
    consignment.bundles = vec![sealift_archive_format::inventory::BundleRecord {
        descriptor: record(&bundle_json),
        images,
        index: Some(record(&index)),
        reference: BUNDLE.to_owned(),
        referrer_choice: Default::default(),
        referrers: Vec::new(),
        tagged: Vec::new(),
        target: None,
        thick_bundle: None,
    }];
    consignment.repositories.clear();
    consignment.blobs = all_blobs(sample, &bundle_json, &index);
    consignment
}

/// Whether the far side takes it, at level 0: nothing but the documents decides.
fn accepts(consignment: &Consignment) -> bool {
    let far = FarSide::trusting_nobody(hours(2));
    far.policy("minimum_level = \"0\"\n");
    far.import(&consignment.archive()).is_ok()
}

fn pulled(sample: &Sample, index: &Value) -> Option<Pulled> {
    let stored = |digest: &str| sample.blobs.get(&digest.parse().ok()?).cloned();
    pull(index.to_string().as_bytes(), &stored)
}

/// What everyone should find: the signed `bundle.json`, and each image where the bundle says.
fn meant(sample: &Sample) -> (String, BTreeMap<String, String>) {
    let honest = document(&sample.blobs, &sample.references[0].1);
    let bundle = document(&sample.blobs, &honest["manifests"][0])["config"]["digest"].as_str().unwrap().to_owned();
    let images = sample.references[1..].iter();
    (bundle, images.map(|(name, image)| (name.clone(), image["digest"].as_str().unwrap().to_owned())).collect())
}

#[test]
fn the_honest_index_is_accepted_and_read_alike() {
    let mut sample = release();
    let index = document(&sample.blobs, &sample.references[0].1);
    assert!(accepts(&pack(&mut sample, &index)));
    let (bundle, images) = meant(&sample);
    let found = pulled(&sample, &index).unwrap();
    assert_eq!(found.bundle, bundle);
    // cnab-to-oci knows one invocation image.
    assert_eq!(found.relocation.len(), 3);
    assert!(found.relocation.iter().all(|(name, digest)| images[name] == *digest), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever index is accepted, cnab-to-oci finds in it what our mapping says.
    #[test]
    fn an_index_that_is_accepted_is_read_alike_by_everyone(changes in changes()) {
        let mut sample = release();
        let mut index = document(&sample.blobs, &sample.references[0].1);
        changes.iter().for_each(|change| apply(&mut index, change));
        if accepts(&pack(&mut sample, &index)) {
            let (bundle, images) = meant(&sample);
            let found = pulled(&sample, &index);
            prop_assert!(found.is_some(), "cnab-to-oci refuses {index}");
            let found = found.unwrap();
            prop_assert_eq!(found.bundle, bundle);
            for name in images.keys().filter(|name| !name.ends_with("other:1.0.0")) {
                prop_assert_eq!(found.relocation.get(name), images.get(name), "{} in {}", name, index);
            }
            prop_assert_eq!(found.relocation.len(), 3);
        }
    }
}
