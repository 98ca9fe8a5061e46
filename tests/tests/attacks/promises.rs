//! A digest in a name is a promise, wherever the name stands; and one name is one thing.

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{BundleRecord, Completeness, ImageRole};
use sealift_core::cnab::BundleError;
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::verify::documents::DocumentError;
use sealift_sample_publisher::bundle::{BundleImage, bundle_json, store_bundle};
use sealift_sample_publisher::image::multi_platform_image;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Consignment, blobs, digest, document, image_record, record};
use serde_json::{Value, json};

use super::*;

/// A sample with two images beside it, the right one and another.
fn two_images() -> (Sample, Value, Value) {
    let mut sample = sample();
    let mut image = |name: &str| multi_platform_image(&mut sample.blobs, "app", name.as_bytes(), &["amd64"]).unwrap();
    let (right, other) = (image("right"), image("other"));
    (sample, right, other)
}

/// These images, by these names, and nothing else.
fn images(sample: &Sample, images: &[(&str, &Value)]) -> Consignment {
    Consignment::of_images(sample, images, hours(0))
}

/// A bundle with one invocation image, which it writes so, and for which this image is carried.
fn bundle(sample: &mut Sample, name: &str, reference: &str, stated: Option<&Value>, image: &Value) -> Consignment {
    let one = BundleImage { component: None, reference: reference.to_owned(), descriptor: image.clone() };
    let mut bundle: Value = serde_json::from_slice(&bundle_json("shop", "1.0.0", std::slice::from_ref(&one))).unwrap();
    let definition = bundle["invocationImages"][0].as_object_mut().unwrap();
    match stated {
        Some(stated) => drop(definition.insert("contentDigest".to_owned(), stated["digest"].clone())),
        None => drop(definition.remove("contentDigest")),
    }
    let index = store_bundle(&mut sample.blobs, bundle.to_string().into_bytes(), &[one]);
    let config = document(&sample.blobs, &document(&sample.blobs, &index)["manifests"][0])["config"].clone();
    let mut image = image_record(reference, image, ImageRole::Invocation);
    image.platforms = vec!["linux/amd64".to_owned()];
    let mut consignment = images(sample, &[]);
    consignment.bundles = vec![BundleRecord {
        descriptor: record(&config),
        images: vec![image],
        index: Some(record(&index)),
        reference: name.to_owned(),
        referrer_choice: Default::default(),
        referrers: Vec::new(),
        tagged: Vec::new(),
        target: None,
        thick_bundle: None,
    }];
    consignment.blobs = blobs(&sample.blobs, &[&config], &[&index]);
    consignment
}

/// Both in one archive.
fn together(mut one: Consignment, other: Consignment, sample: &Sample) -> Consignment {
    let bundle_files: Vec<Value> =
        one.bundles.iter().chain(&other.bundles).map(|it| json!({ "digest": it.descriptor.digest })).collect();
    let index = |record: &BundleRecord| {
        let index = record.index.as_ref().unwrap();
        json!({ "digest": index.digest, "mediaType": index.media_type, "size": index.size })
    };
    let roots: Vec<Value> = one.bundles.iter().chain(&other.bundles).map(index).collect();
    one.bundles.extend(other.bundles);
    let (bundle_files, roots): (Vec<&Value>, Vec<&Value>) = (bundle_files.iter().collect(), roots.iter().collect());
    one.blobs = blobs(&sample.blobs, &bundle_files, &roots);
    one
}

/// A far side that asks for nothing: only the promise can be broken.
fn far() -> FarSide {
    let far = FarSide::trusting_nobody(hours(2));
    far.policy("minimum_level = \"0\"\n");
    far
}

fn refused(consignment: &Consignment) -> DocumentError {
    far().refuses(&consignment.archive()).documents()
}

fn at(name: &str, image: &Value) -> String {
    format!("{name}@{}", digest(image))
}

#[test]
fn a_name_that_promises_a_digest_brings_that_content() {
    let (mut sample, right, other) = two_images();
    for name in ["example.com/org/web", "example.com/org/web:1"] {
        let name = at(name, &right);
        far().accepts(&images(&sample, &[(&name, &right)]).archive());
        let error = refused(&images(&sample, &[(&name, &other)]));
        assert_error!(error, DocumentError::Promise { promised, found, .. } if (&promised, &found) == (&digest(&right), &digest(&other)));
    }
    let promised = at("example.com/org/shop:1", &right);
    let error = refused(&bundle(&mut sample, &promised, "example.com/org/web:1", None, &right));
    assert_error!(error, DocumentError::Promise { name, .. } if name == promised);
}

#[test]
fn a_digest_in_a_reference_of_a_bundle_is_as_good_as_a_content_digest() {
    let (mut sample, right, other) = two_images();
    for name in ["example.com/org/web", "example.com/org/web:1"] {
        let reference = at(name, &right);
        far().accepts(&bundle(&mut sample, "example.com/org/shop:1", &reference, None, &right).archive());
        let error = refused(&bundle(&mut sample, "example.com/org/shop:1", &reference, None, &other));
        assert_error!(error, DocumentError::BundleImage { reference: refused, .. } if refused == reference);
    }
}

/// What the report says of the only image of a bundle: why it counts, and who vouches for it; and the names in its warnings.
fn vouched_in(far: &FarSide, consignment: &Consignment) -> (Value, Value, Vec<Value>) {
    let report = serde_json::to_value(far.accepts(&consignment.archive()).verified().report()).unwrap();
    let part = &report["items"][0]["parts"][0];
    let warnings = report["warnings"].as_array().unwrap().iter();
    let unvouched = warnings.filter(|warning| warning["kind"] == "not-vouched-for");
    (part["vouched"].clone(), part["vouchedForBy"].clone(), unvouched.map(|warning| warning["item"].clone()).collect())
}

#[test]
fn who_vouches_for_a_bundle_vouches_for_the_images_whose_digests_it_states_and_for_no_other() {
    let (mut sample, right, _) = two_images();
    let in_reference = at("example.com/org/web:1", &right);
    for (reference, stated, is_stated) in [
        ("example.com/org/web:1", None, false),
        ("example.com/org/web:1", Some(&right), true),
        (in_reference.as_str(), None, true),
    ] {
        let mut shop = bundle(&mut sample, BUNDLE, reference, stated, &right);
        // Nobody vouches for anything.
        let nobody = vouched_in(&far(), &shop);
        assert_eq!(nobody, (json!("by-nobody"), json!([]), vec![json!(BUNDLE), json!(reference)]));
        // The makers vouch for the bundle, and do not list its image.
        let (digest, length) = (shop.bundles[0].descriptor.digest.clone(), shop.bundles[0].descriptor.size);
        sample.repository.released.clear();
        sample.repository.released.insert(BUNDLE.to_owned(), Target { length, digest, custom: None, content: None });
        let far = FarSide::trusting(&sample, hours(2));
        far.policy("minimum_level = \"0\"\n");
        shop.repositories = consignment(&sample).repositories;
        let expected = match is_stated {
            true => (json!("by-bundle"), json!(["demo"]), vec![]),
            false => (json!("by-nobody"), json!([]), vec![json!(reference)]),
        };
        assert_eq!(vouched_in(&far, &shop), expected, "{reference} {stated:?}");
    }
}

#[test]
fn a_reference_and_a_content_digest_that_contradict_each_other() {
    let (mut sample, right, other) = two_images();
    let reference = at("example.com/org/web", &right);
    for carried in [&right, &other] {
        let error = refused(&bundle(&mut sample, "example.com/org/shop:1", &reference, Some(&other), carried));
        assert_error!(error, DocumentError::Bundle { source: BundleError::TwoDigests { .. }, .. });
    }
}

#[test]
fn platforms_other_than_those_that_are_carried() {
    let (sample, right, _) = two_images();
    for (platforms, completeness) in [
        (vec![], Completeness::AllPlatforms),
        (vec!["linux/amd64", "linux/arm64"], Completeness::AllPlatforms),
        (vec!["linux/arm64"], Completeness::AllPlatforms),
        (vec!["linux/amd64"], Completeness::Selected),
    ] {
        let mut consignment = images(&sample, &[("example.com/org/web:1", &right)]);
        consignment.images[0].platforms = platforms.into_iter().map(str::to_owned).collect();
        consignment.images[0].completeness = completeness;
        let error = refused(&consignment);
        assert_error!(error, DocumentError::Platforms { found, .. } if found == ["linux/amd64"]);
    }
}

#[test]
fn one_name_with_two_contents() {
    let (mut sample, right, other) = two_images();
    for (one, two) in [
        ("ubuntu:1", "library/ubuntu:1"),
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("example.com/org/web", "example.com/org/web:latest"),
    ] {
        let error = refused(&images(&sample, &[(one, &right), (two, &other)]));
        assert_error!(error, DocumentError::TwoContents { name, other, .. } if (name.as_str(), other.as_str()) == (two, one));
    }
    let tagged = at("example.com/org/web:1", &right);
    let error = refused(&images(&sample, &[(&tagged, &right), ("example.com/org/web:1", &other)]));
    assert_error!(error, DocumentError::TwoContents { .. });
    let one = bundle(&mut sample, "example.com/org/a:1", "example.com/org/web:1", Some(&right), &right);
    let two = bundle(&mut sample, "example.com/org/b:1", "example.com/org/web:1", Some(&other), &other);
    let error = refused(&together(one, two, &sample));
    let text = error.to_string();
    assert!(text.contains("(in example.com/org/b:1)") && text.contains("(in example.com/org/a:1)"), "{text}");
    let items = ["example.com/org/b:1", "example.com/org/a:1"].map(str::to_owned);
    assert_eq!(error.remedy(), Remedy::SeparateArchives { items });
    assert_error!(error, DocumentError::TwoContents { name, .. } if name == "example.com/org/web:1");
}

#[test]
fn a_name_that_cannot_be_read_promises_nothing_that_could_be_held_to() {
    let (mut sample, right, _) = two_images();
    for name in ["not a reference", "example.com/Org/web:1", "example.com/org/web@sha256:00", "example.com/org/web:"] {
        let error = refused(&images(&sample, &[(name, &right)]));
        assert_error!(error, DocumentError::Reference { name: refused, .. } if refused == name);
        let error = refused(&bundle(&mut sample, "example.com/org/shop:1", name, Some(&right), &right));
        assert_error!(error, DocumentError::Bundle { source: BundleError::Reference { .. }, .. });
    }
}

#[test]
fn the_digest_of_what_is_carried_is_the_one_that_is_promised_by_any_algorithm() {
    let (sample, right, _) = two_images();
    let bytes = &sample.blobs[&digest(&right)];
    let promised = format!("example.com/org/web@sha512:{}", "00".repeat(64));
    let error = refused(&images(&sample, &[(&promised, &right)]));
    assert_error!(error, DocumentError::Promise { found, .. } if found == Digest::sha256(bytes));
}
