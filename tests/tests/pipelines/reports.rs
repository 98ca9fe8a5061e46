//! What a report says about time: both verdicts, the red line, and the warnings.

use jiff::SignedDuration;
use sealift_core::report::Report;
use sealift_core::verify::{Discard, Transport};
use sealift_proof::freshness::{AskedClock, DEFAULT_MAXIMUM_TRANSIT};
use sealift_sample_publisher::Sample;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::{BUNDLE, Crossing};

const NOW: Option<AskedClock> = Some(AskedClock::Now);
const RELEASED: &str = "2026-01-15T00:00:00Z";

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// A release whose layout expires so many hours after it.
fn with_a_layout_for(count: i64) -> Crossing {
    let now = RELEASED.parse().unwrap();
    let mut sample = Sample::new(now).unwrap();
    sample.supply_chain.expires = now + hours(count);
    let layout = sample.supply_chain.layout();
    let target = sample.repository.top_level.iter_mut().find(|(path, _)| path.ends_with(".layout")).unwrap().1;
    *target = Target { custom: target.custom.clone(), ..Target::served(layout) };
    Crossing::of(&sample, now)
}

fn report_by(sides: &Crossing, archive: &[u8], asked: Option<AskedClock>) -> Report {
    sides.far.judge_by(archive, asked).unwrap().receive(&Discard, &Transport::default()).unwrap().report()
}

fn warns(report: &Report, text: &str) -> bool {
    report.warnings.iter().any(|warning| warning.message.contains(text))
}

#[test]
fn both_verdicts_are_in_the_report_where_they_differ() {
    let mut sides = with_a_layout_for(30);
    let archive = sides.archive();
    sides.wait(hours(48));
    let report = sides.far.verify(&archive).report();
    assert!(report.expiries().all(|expiry| expiry.valid_at_export));
    let roles = &report.repositories[0].roles;
    let expired = roles.iter().filter(|role| !role.expiry.valid_now).map(|role| role.role.as_str());
    assert_eq!(expired.collect::<Vec<_>>(), ["timestamp"]);
    assert!(warns(&report, "role timestamp of repository demo expired in transit"), "{:?}", report.warnings);
    let layouts: Vec<_> = report.walk().filter_map(|item| item.in_toto.as_ref()).collect();
    assert!(!layouts.is_empty() && layouts.iter().all(|layout| !layout.expiry.valid_now));
    let warning = format!("the in-toto layout of {} expired in transit", BUNDLE);
    assert!(warns(&report, &warning), "{:?}", report.warnings);
}

#[test]
fn the_red_line_is_that_of_the_policy_in_force() {
    let mut sides = with_a_layout_for(12);
    let archive = sides.archive();
    let exported = sides.now;
    let report = sides.far.verify(&archive).report();
    assert_eq!(report.time.red_line, Some(exported + DEFAULT_MAXIMUM_TRANSIT));
    assert!(!warns(&report, "will be refused"), "what expires soon is no matter at export: {:?}", report.warnings);
    assert_eq!(sides.prepare(&sides.request()).unwrap().red_line(), report.time.red_line);

    // The layout expires before any role.
    let report = report_by(&sides, &archive, NOW);
    assert_eq!(report.time.red_line, Some(exported + hours(12)));
    assert!(warns(&report, &format!("will be refused after {}", exported + hours(12))), "{:?}", report.warnings);

    sides.wait(hours(24 * 24));
    let report = sides.far.verify(&archive).report();
    assert!(warns(&report, "will be refused after 2026-02-14T00:00:00Z"), "{:?}", report.warnings);
}

#[test]
fn another_clock_than_the_policy_s_is_named() {
    let sides = Crossing::new();
    let archive = sides.archive();
    let report = report_by(&sides, &archive, NOW);
    assert_eq!((report.time.policy, report.time.instead_of), ("now", Some("at-export")));
    assert!(warns(&report, "not judged by the policy's clock: now instead of at-export"), "{:?}", report.warnings);
    assert_eq!(sides.far.verify(&archive).report().time.instead_of, None);
}
