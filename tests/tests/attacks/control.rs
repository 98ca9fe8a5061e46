//! What the tests of attacks begin with is accepted: else their refusals would prove nothing.

use sealift_core::verify::HeadError;
use sealift_proof::level::Level;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Consignment, Forger};

use super::*;

#[test]
fn what_is_packed_honestly_is_accepted_at_the_highest_level() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"4\"\n");
    let before = far.trusted_state();
    let delivered = far.accepts(&consignment(&sample).archive());
    let report = delivered.verified().report();
    assert_eq!(report.items[0].level, "4".parse::<Level>().unwrap());
    assert!(far.tags().contains_key(BUNDLE) && far.tags().contains_key(WEB), "{:?}", far.tags());
    assert_ne!(far.trusted_state(), before);
}

#[test]
fn an_image_alone_is_accepted_too() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.accepts(&Consignment::of_image(&sample, 2, hours(0)).archive());
    assert_eq!(far.tags().keys().collect::<Vec<_>>(), [WEB]);
}

#[test]
fn metadata_that_the_forger_signs_anew_without_a_change_is_accepted() {
    let sample = sample();
    for role in ["targets", "targets/releases", "snapshot", "timestamp"] {
        let mut consignment = consignment(&sample);
        Forger::new(&sample, consignment.tuf()).edit(role, |_| {});
        FarSide::trusting(&sample, hours(2)).accepts(&consignment.archive());
    }
}

#[test]
fn without_trust_nothing_is_accepted() {
    let sample = sample();
    let far = FarSide::trusting_nobody(hours(2));
    assert!(matches!(far.refuses(&consignment(&sample).archive()), Refused::Head(HeadError::Judgement(_))));
}
