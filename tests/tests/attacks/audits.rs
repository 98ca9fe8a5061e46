//! Audits: an old archive can be looked at, and nothing that was looked at like this gets in.

use std::collections::BTreeSet;

use sealift_core::import::{self, DeliveryWishes, ImportError, TargetProof};
use sealift_core::trust::{JudgementError, Regression, RepositoryError};
use sealift_core::verify::{Discard, HeadError, Transport};
use sealift_proof::freshness::{AskedClock, LooserFreshness};
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::TufError;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::Forger;

use super::*;

/// What an audit found, and that it changed nothing.
fn findings(far: &FarSide, archive: &[u8]) -> BTreeSet<String> {
    let before = far.trusted_state();
    let report = far.audit(archive).unwrap().receive(&Discard, &Transport::default()).unwrap().report();
    assert!(far.trusted_state() == before);
    report.audit.unwrap().findings.into_iter().map(|finding| finding.message).collect()
}

/// A far side that has accepted version 3 of everything, exported one hour after the release.
fn far_side_at_version_3(sample: &mut Sample) -> FarSide {
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
    {
        role.version = 3;
    }
    let far = FarSide::trusting(sample, hours(2));
    far.accepts(&Consignment::of(sample, hours(1)).archive());
    far
}

#[test]
fn what_contradicts_nothing_has_no_findings() {
    let mut sample = sample();
    let far = far_side_at_version_3(&mut sample);
    assert!(findings(&far, &Consignment::of(&sample, hours(1)).archive()).is_empty());
    let accepted = far.verify(&Consignment::of(&sample, hours(1)).archive()).report();
    assert!(accepted.audit.is_none());
}

#[test]
fn an_older_export_and_older_versions_are_findings_and_no_refusals() {
    let mut sample = sample();
    let far = far_side_at_version_3(&mut sample);
    let older = consignment(&sample).archive();
    let found = findings(&far, &older);
    assert_eq!(found.len(), 1);
    assert!(found.iter().next().unwrap().contains("before the last accepted export"), "{found:?}");
    sample.repository.timestamp.version = 2;
    let oldest = consignment(&sample).archive();
    let found = findings(&far, &oldest);
    assert_eq!(found.len(), 2, "{found:?}");
    let version = "repository demo: version 2 of timestamp is older than version 3, which was accepted before";
    assert!(found.contains(version), "{found:?}");
}

#[test]
fn a_role_that_is_listed_no_longer_and_a_clock_that_is_behind_are_findings() {
    let mut sample = sample();
    let mut far = far_side_at_version_3(&mut sample);
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
    {
        role.version = 4;
    }
    let newest = Consignment::of(&sample, hours(2)).archive();
    far.now = hours(0) + SignedDuration::from_mins(30);
    let error = far.audit(&*newest).err().unwrap();
    assert!(matches!(error, HeadError::Judgement(_)), "an export time in the future is refused as ever: {error:?}");
    let older = consignment(&sample).archive();
    let clock = far.audit(&*older).unwrap().receive(&Discard, &Transport::default()).unwrap().report().audit.unwrap();
    assert!(matches!(clock.findings[0].contradiction, Regression::ClockBehind { .. }), "{clock:?}");

    far.now = hours(3);
    let mut without = Consignment::of(&sample, hours(2));
    Forger::new(&sample, without.tuf()).edit("snapshot", |signed| {
        signed["meta"].as_object_mut().unwrap().insert("other.json".to_owned(), serde_json::json!({ "version": 1 }));
    });
    far.accepts(&without.archive());
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
    {
        role.version = 5;
    }
    let found = findings(&far, &Consignment::of(&sample, hours(2)).archive());
    let gone = "repository demo: snapshot metadata does not list \"other.json\", which an accepted version listed";
    assert!(found.contains(gone), "{found:?}");
}

#[test]
fn an_audit_refuses_everything_else_as_ever() {
    let mut sample = sample();
    let mut far = far_side_at_version_3(&mut sample);
    // Keys that the accepted root does not name any more.
    let mut stranger = Sample::new(hours(0)).unwrap();
    stranger.repository.timestamp.version = 2;
    let error = far.audit(&*consignment(&stranger).archive()).err().unwrap();
    assert_error!(
        error,
        HeadError::Judgement(JudgementError::Repository(RepositoryError::Tuf {
            source: TufError::Signatures { .. },
            ..
        }))
    );
    // Too long in transit, and expired; but not as of its export.
    far.now = hours(24 * 365);
    let archive = consignment(&sample).archive();
    assert!(far.audit(&*archive).is_err());
    far.asked = Some(AskedClock::AsOf(hours(0)));
    assert_eq!(findings(&far, &archive).len(), 1);
}

#[test]
fn an_audit_of_an_older_version_takes_no_key_that_the_newest_accepted_root_does_not_name() {
    let mut sample = sample();
    let old = consignment(&sample).tuf().clone();
    sample.repository.renew_root();
    sample.repository.targets.keys = [3, 4].map(|number| SigningKey::from_seed(&[number; 32])).into();
    let far = far_side_at_version_3(&mut sample);
    // Its timestamp, of the same key, is older, which is a finding; its targets are those of a key that was taken back.
    let mut consignment = Consignment::of(&sample, hours(1));
    *consignment.tuf() = old;
    let HeadError::Judgement(JudgementError::Repository(RepositoryError::Tuf { source: error, .. })) =
        far.audit(&*consignment.archive()).err().unwrap()
    else {
        panic!("refused for another reason");
    };
    assert_error!(error, TufError::Signatures { role, delegator_version: 3, .. } if role.as_str() == "targets");
}

#[test]
fn what_was_audited_is_not_imported() {
    let mut sample = sample();
    let far = far_side_at_version_3(&mut sample);
    for archive in [consignment(&sample).archive(), Consignment::of(&sample, hours(1)).archive()] {
        let before = far.trusted_state();
        let judged = far.audit(&*archive).unwrap();
        let wishes = DeliveryWishes {
            selection: far.selection.clone(),
            replace: &[],
            sparse: far.sparse,
            mirror: None,
            proof: TargetProof::ReadBack,
        };
        let delivered =
            import::deliver(judged, &far.destination, &wishes, &far.store(), &far.sink(), &Transport::default());
        let Err(error) = delivered else { panic!("imported") };
        assert_error!(error, ImportError::Freshness(LooserFreshness::Memory));
        assert!(far.trusted_state() == before);
    }
}
