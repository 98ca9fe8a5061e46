//! What is proven, but is not what this side asks for.

use sealift_core::trust::{JudgementError, SupplyChainError};
use sealift_sample_publisher::keys::sign;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::far_side::FarSide;
use sealift_tests::malicious_exporter::signed;
use serde_json::json;

use super::*;

/// The sample without its in-toto documents: TUF alone, level 2.
fn without_in_toto() -> Sample {
    let mut sample = sample();
    for target in sample.repository.released.values_mut() {
        target.custom = None;
    }
    sample
}

#[test]
fn a_level_below_the_minimum() {
    let sample = without_in_toto();
    for minimum in ["3a", "3b", "4"] {
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(&format!("minimum_level = \"{minimum}\"\n"));
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Level { reference, level, minimum: asked }
            if reference == BUNDLE && level.to_string() == "2" && asked.to_string() == minimum);
    }
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"2\"\n");
    far.accepts(&consignment(&sample).archive());
}

#[test]
fn an_image_without_a_signature_in_a_bundle_that_has_one() {
    let mut sample = sample();
    sample.repository.released.remove(WEB);
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"2\"\n");
    let error = far.refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "1b");
}

#[test]
fn inspections_that_were_not_run_where_the_policy_requires_them() {
    let mut sample = sample();
    let mut layout = signed(&sample.supply_chain.layout());
    layout["inspect"] = json!([{
        "_type": "inspection", "name": "look", "run": ["true"], "expected_materials": [], "expected_products": [],
    }]);
    let bytes = sign(&layout, std::slice::from_ref(&sample.supply_chain.owner));
    let target = sample.repository.top_level.iter_mut().find(|(path, _)| path.ends_with(".layout")).unwrap().1;
    *target = Target { custom: target.custom.clone(), ..Target::served(bytes) };
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("inspections = \"required\"\n");
    let error = far.refuses(&consignment(&sample).archive()).supply_chain();
    assert_error!(error, SupplyChainError::InspectionsNotRun { names } if names == ["look"]);
}
