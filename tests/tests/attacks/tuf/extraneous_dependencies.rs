//! Extraneous dependencies: what was released comes along with something that was not.

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ImageRole;
use sealift_core::cnab::RegistryFormError;
use sealift_core::trust::JudgementError;
use sealift_core::verify::documents::DocumentError;
use sealift_sample_publisher::bundle::store_bundle;
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{blobs, document, image_record, record};
use serde_json::{Value, json};

use super::arbitrary_software::{bundle_json, images};
use super::*;

/// An image that nobody released.
fn stowaway(sample: &mut Sample) -> Value {
    multi_platform_image(&mut sample.blobs, "bin/stowaway", b"#!/bin/sh\n", &["amd64"]).unwrap()
}

/// The sample with another index around its bundle, and everything that it leads to.
fn with_index(sample: &mut Sample, change: impl FnOnce(&mut Value)) -> Consignment {
    let mut index = document(&sample.blobs, &sample.references[0].1);
    let mut consignment = consignment(sample);
    change(&mut index);
    let media_type = index["mediaType"].as_str().unwrap().to_owned();
    let index = store(&mut sample.blobs, &media_type, index.to_string().into_bytes());
    let bundle = &mut consignment.bundles[0];
    bundle.index = Some(record(&index));
    let bundle_json = json!({ "digest": bundle.descriptor.digest });
    consignment.blobs = blobs(&sample.blobs, &[&bundle_json], &[&index]);
    consignment
}

#[test]
fn extraneous_dependency_an_image_that_the_bundle_does_not_name() {
    let mut sample = sample();
    let stowaway = stowaway(&mut sample);
    let mut consignment = consignment(&sample);
    let role = ImageRole::Component("stowaway".to_owned());
    consignment.bundles[0].images.push(image_record("example.com/demo/stowaway:1", &stowaway, role));
    let bundle_json = json!({ "digest": consignment.bundles[0].descriptor.digest });
    consignment.blobs = blobs(&sample.blobs, &[&bundle_json], &[&sample.references[0].1, &stowaway]);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::ExtraImage { reference, .. } if reference == "example.com/demo/stowaway:1");
}

#[test]
fn extraneous_dependency_an_image_in_the_index_of_the_bundle() {
    let mut sample = sample();
    let stowaway = stowaway(&mut sample);
    for place in [0, 3] {
        let consignment = with_index(&mut sample, |index| {
            index["manifests"].as_array_mut().unwrap().insert(place, stowaway.clone());
        });
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
        assert_error!(error, DocumentError::BundleIndexForm { source: RegistryFormError::Members { .. }, .. });
    }
}

#[test]
fn extraneous_dependency_a_second_bundle_before_the_released_one_in_its_index() {
    let mut sample = sample();
    // Whoever pulls the bundle takes the first config manifest for it.
    let mut other = bundle_json(&sample);
    other["description"] = "Not what was released".into();
    let images = images(&sample);
    let other = store_bundle(&mut sample.blobs, other.to_string().into_bytes(), &images);
    let other = document(&sample.blobs, &other)["manifests"][0].clone();
    let consignment = with_index(&mut sample, |index| {
        index["manifests"].as_array_mut().unwrap().insert(0, other.clone());
    });
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::BundleIndexForm { source: RegistryFormError::ConfigManifest { .. }, .. });
}

#[test]
fn extraneous_dependency_a_layer_in_the_config_manifest_of_the_bundle() {
    let mut sample = sample();
    let layer = store(&mut sample.blobs, "application/vnd.oci.image.layer.v1.tar", b"stowaway".to_vec());
    let index = document(&sample.blobs, &sample.references[0].1);
    let mut manifest = document(&sample.blobs, &index["manifests"][0]);
    manifest["layers"] = json!([layer]);
    let media_type = manifest["mediaType"].as_str().unwrap().to_owned();
    let mut manifest = store(&mut sample.blobs, &media_type, manifest.to_string().into_bytes());
    manifest["annotations"] = json!({ "io.cnab.manifest.type": "config" });
    let consignment = with_index(&mut sample, |index| index["manifests"][0] = manifest.clone());
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::BundleIndexForm { source: RegistryFormError::ConfigManifest { .. }, .. });
}

#[test]
fn an_index_that_calls_another_manifest_the_bundle_is_refused() {
    let mut sample = sample();
    let consignment = with_index(&mut sample, |index| {
        let invocation = index["manifests"][1]["annotations"].take();
        let config = std::mem::replace(&mut index["manifests"][0]["annotations"], invocation);
        index["manifests"][1]["annotations"] = config;
    });
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::BundleIndexForm { bundle, source: RegistryFormError::Entry { .. } } if bundle == BUNDLE);
}

#[test]
fn extraneous_dependency_a_blob_that_nothing_leads_to() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let stray = Digest::sha256(b"stray");
    consignment.blobs.push((stray.clone(), b"stray".to_vec()));
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::Stray { digest } if digest == stray);
}

#[test]
fn extraneous_dependency_an_unsigned_image_beside_the_bundle() {
    let mut sample = sample();
    let stowaway = stowaway(&mut sample);
    let mut consignment = consignment(&sample);
    consignment.images.push(image_record("example.com/demo/stowaway:1", &stowaway, ImageRole::StandAlone));
    let bundle_json = json!({ "digest": consignment.bundles[0].descriptor.digest });
    consignment.blobs = blobs(&sample.blobs, &[&bundle_json], &[&sample.references[0].1, &stowaway]);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Level { reference, .. } if reference == "example.com/demo/stowaway:1");
}
