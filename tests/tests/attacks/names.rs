//! Names: what nobody signed, brought under a name that looks like one that somebody did.

use sealift_archive_format::inventory::{ImageRole, TargetRecord};
use sealift_core::import::{Destination, DestinationError, ImportError, Naming};
use sealift_core::trust::JudgementError;
use sealift_sample_publisher::bundle::store_bundle;
use sealift_tests::far_side::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Consignment, image_record};

use super::tuf::arbitrary_software::{bundle_json, images};
use super::*;

/// Takes what is signed by halves, too.
const LAX: &str = "minimum_level = \"1\"\n";

/// A sample whose bundle nobody signed, under this name; its images are the signed ones.
fn unsigned_bundle(mut sample: Sample, name: &str) -> Sample {
    let mut changed = bundle_json(&sample);
    changed["description"] = "Not what was released".into();
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, changed.to_string().into_bytes(), &images);
    sample.references[0].0 = name.to_owned();
    sample
}

#[test]
fn an_unsigned_bundle_under_another_spelling_of_a_signed_domain() {
    for domain in ["EXAMPLE.com", "example.com:443", "example.com:0443", "example.com.", "Example.COM.:443"] {
        let name = BUNDLE.replace("example.com", domain);
        let sample = unsigned_bundle(sample(), &name);
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(LAX);
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Binding { reference, claim, .. }
            if reference == name && claim.target == BUNDLE);
        // Nor does the target's own spelling help.
        let mut consignment = consignment(&sample);
        consignment.bundles[0].target = Some(TargetRecord { name: BUNDLE.to_owned() });
        assert_error!(far.refuses(&consignment.archive()).judgement(), JudgementError::OtherTarget { .. });
    }
}

#[test]
fn what_is_signed_is_vouched_for_under_every_spelling_of_its_domain() {
    let mut sample = sample();
    sample.references[0].0 = BUNDLE.replace("example.com", "EXAMPLE.com:443");
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"4\"\n");
    far.accepts(&consignment(&sample).archive());
    assert!(far.tags().contains_key(BUNDLE), "the tag has the one form: {:?}", far.tags());
}

/// The registry inside, with every name's own domain in the path, or without.
fn registry(naming: Naming) -> Destination {
    Destination::Registry { domain: "registry.inner:5000".to_owned(), prefix: "mirror".to_owned(), naming }
}

/// A far side that trusts the sample, takes anything, and delivers to the registry inside.
fn registry_side(sample: &Sample, naming: Naming) -> FarSide {
    let mut far = FarSide::trusting(sample, hours(2));
    far.policy("minimum_level = \"0\"\n");
    far.destination = registry(naming);
    far
}

/// The component image of the sample and, under the same path of another registry, its invocation image.
fn two_domains(sample: &Sample, other: &str) -> Consignment {
    let mut consignment = consignment(sample);
    consignment.bundles.clear();
    let place = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    for (name, (_, image)) in [(WEB, &sample.references[place]), (other, &sample.references[3 - place])] {
        consignment.images.push(image_record(name, image, ImageRole::StandAlone));
    }
    let roots = [&sample.references[place].1, &sample.references[3 - place].1];
    consignment.blobs = sealift_tests::malicious_exporter::blobs(&sample.blobs, &[], &roots);
    consignment
}

#[test]
fn an_image_of_another_registry_does_not_take_the_place_of_one_with_the_same_path() {
    let sample = sample();
    for other in ["other.invalid/demo/web:1.0.0", "example.com:5000/demo/web:1.0.0", "[::1]/demo/web:1.0.0"] {
        let archive = two_domains(&sample, other).archive();
        let far = registry_side(&sample, Naming::WithDomain);
        let delivered = far.accepts(&archive);
        assert_eq!(delivered.tags.len(), 2);
        let tags = far.tags();
        assert_eq!(tags.len(), 2, "{tags:?}");
        assert!(tags.contains_key(&format!("registry.inner:5000/mirror/{WEB}")), "{tags:?}");

        let far = registry_side(&sample, Naming::Flat);
        let error = far.refuses(&archive);
        assert_error!(error, Refused::Import(ImportError::Destination(DestinationError::Collision { first, second, tag }))
            if first == WEB && second == other && tag == "registry.inner:5000/mirror/demo/web:1.0.0");
    }
}
