//! Arbitrary software: something that nobody released is to be let in.

use sealift_core::trust::JudgementError;
use sealift_core::tuf::TufError;
use sealift_core::verify::documents::DocumentError;
use sealift_sample_publisher::bundle::{BundleImage, store_bundle};
use sealift_sample_publisher::image::multi_platform_image;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::far_side::FarSide;
use sealift_tests::malicious_exporter::{Forger, document};

use super::*;

/// The images of the sample's bundle.
pub(super) fn images(sample: &Sample) -> Vec<BundleImage> {
    let image = |(reference, descriptor): &(String, serde_json::Value), component: Option<&str>| BundleImage {
        component: component.map(str::to_owned),
        reference: reference.clone(),
        descriptor: descriptor.clone(),
    };
    vec![image(&sample.references[1], None), image(&sample.references[2], Some("web"))]
}

/// The `bundle.json` of the sample.
pub(super) fn bundle_json(sample: &Sample) -> serde_json::Value {
    let index = document(&sample.blobs, &sample.references[0].1);
    let config_manifest = document(&sample.blobs, &index["manifests"][0]);
    document(&sample.blobs, &config_manifest["config"])
}

#[test]
fn arbitrary_software_a_bundle_with_another_digest() {
    let mut sample = sample();
    let mut changed = bundle_json(&sample);
    changed["description"] = "Not what was released".into();
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, changed.to_string().into_bytes(), &images);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::Binding { reference, .. } if reference == BUNDLE);
}

#[test]
fn arbitrary_software_an_image_with_another_digest() {
    let mut sample = sample();
    let image = multi_platform_image(&mut sample.blobs, "srv/index.html", b"<h1>Pay here</h1>", &["amd64"]).unwrap();
    sample.references[2].1 = image;
    let far = FarSide::trusting(&sample, hours(2));
    let error = far.refuses(&Consignment::of_image(&sample, 2, hours(0)).archive()).judgement();
    assert_error!(error, JudgementError::Binding { reference, .. } if reference == WEB);
}

#[test]
fn arbitrary_software_an_image_of_a_bundle_with_another_digest() {
    let mut sample = sample();
    let bundle = serde_json::to_vec(&bundle_json(&sample)).unwrap();
    let image = multi_platform_image(&mut sample.blobs, "srv/index.html", b"<h1>Pay here</h1>", &["amd64"]).unwrap();
    sample.references[2].1 = image;
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, bundle, &images);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).archive()).documents();
    assert_error!(error, DocumentError::BundleImage { reference, .. } if reference == WEB);
}

#[test]
fn arbitrary_software_another_name_that_no_role_signs() {
    let sample = sample();
    let mut consignment = Consignment::of_image(&sample, 2, hours(0));
    consignment.images[0].reference = "example.com/demo/unknown:1.0.0".to_owned();
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "0");
}

#[test]
fn arbitrary_software_a_target_signed_by_a_stranger() {
    let sample = sample();
    let stranger = [sealift_tests::malicious_exporter::exporter_key()];
    for role in ["targets", "targets/releases", "snapshot", "timestamp"] {
        let mut consignment = consignment(&sample);
        Forger::new(&sample, consignment.tuf()).edit_signed_by(role, &stranger, |_| {});
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
        assert_error!(error, TufError::Signatures { role: refused, source, .. }
            if refused.as_str() == role && source.valid.is_empty());
    }
}

#[test]
fn arbitrary_software_a_name_that_is_not_delegated_to_the_role_that_signs_it() {
    let mut sample = sample();
    let (_, image) = sample.references[2].clone();
    let target = Target {
        length: image["size"].as_u64().unwrap(),
        digest: sealift_tests::malicious_exporter::digest(&image),
        custom: None,
        content: None,
    };
    sample.repository.released.insert("elsewhere.org/base:1".to_owned(), target);
    sample.references[2].0 = "elsewhere.org/base:1".to_owned();
    let far = FarSide::trusting(&sample, hours(2));
    let error = far.refuses(&Consignment::of_image(&sample, 2, hours(0)).archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "0");
}
