//! Names: what nobody signed, brought under a name that looks like one that somebody did.

use sealift_archive_format::inventory::TargetRecord;
use sealift_core::trust::JudgementError;
use sealift_sample_publisher::bundle::store_bundle;
use sealift_tests::far_side::FarSide;

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
