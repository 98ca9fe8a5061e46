//! Indefinite freeze: the same metadata for ever, so that the far side never learns of newer releases; and export times
//! that lie to that end.

use sealift_core::import::ImportError;
use sealift_core::trust::{JudgementError, RepositoryError};
use sealift_proof::freshness::{AskedClock, FreshnessError, LooserFreshness};
use sealift_proof::tuf::TufError;
use sealift_tests::crossing::{FarSide, Refused};

use super::*;

const DAY: i64 = 24;

#[test]
fn freeze_by_metadata_that_has_expired_by_this_sides_clock() {
    let sample = sample();
    let mut far = FarSide::trusting(&sample, hours(2 * DAY));
    far.asked = Some(AskedClock::Now);
    let error = far.refuses(&consignment(&sample).archive()).tuf();
    assert_error!(error, TufError::Expired { role, expires, .. }
        if role.as_str() == "timestamp" && expires == hours(DAY));
}

#[test]
fn freeze_by_metadata_that_had_expired_at_export() {
    let mut sample = sample();
    for role in ["timestamp", "snapshot", "targets", "targets/releases", "root"] {
        let repository = &mut sample.repository;
        let expired = match role {
            "timestamp" => &mut repository.timestamp,
            "snapshot" => &mut repository.snapshot,
            "targets" => &mut repository.targets,
            "targets/releases" => &mut repository.releases,
            _ => &mut repository.root,
        };
        let honest = std::mem::replace(&mut expired.expires, hours(1));
        let archive = packed_at(&sample, 1).archive();
        let error = FarSide::trusting(&sample, hours(2)).refuses(&archive).tuf();
        assert_error!(error, TufError::Expired { role: found, reference_time, .. }
            if found.as_str() == role && reference_time == hours(1));
        let repository = &mut sample.repository;
        match role {
            "timestamp" => repository.timestamp.expires = honest,
            "snapshot" => repository.snapshot.expires = honest,
            "targets" => repository.targets.expires = honest,
            "targets/releases" => repository.releases.expires = honest,
            _ => repository.root.expires = honest,
        }
    }
}

#[test]
fn freeze_by_sealing_old_metadata_again_and_again() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(3 * DAY));
    let error = far.refuses(&packed_at(&sample, 2 * DAY).archive()).tuf();
    assert_error!(error, TufError::Expired { role, .. } if role.as_str() == "timestamp");
}

#[test]
fn freeze_by_delivering_the_same_archive_for_ever() {
    let sample = sample();
    let mut far = FarSide::trusting(&sample, hours(30 * DAY));
    let archive = consignment(&sample).archive();
    far.accepts(&archive);
    far.now = hours(30 * DAY + 1);
    let error = far.refuses(&archive).freshness();
    assert_error!(error, FreshnessError::TooLongInTransit { age, .. } if age.as_hours() == 30 * DAY + 1);
}

#[test]
fn an_export_time_in_the_future_would_be_a_floor_that_no_honest_delivery_reaches() {
    let sample = sample();
    for asked in [None, Some(AskedClock::Now)] {
        let mut far = FarSide::trusting(&sample, hours(2));
        far.asked = asked;
        let error = far.refuses(&packed_at(&sample, 3).archive()).freshness();
        assert_error!(error, FreshnessError::ExportedInTheFuture { exported_at, .. } if exported_at == hours(3));
    }
}

#[test]
fn an_export_time_that_is_moved_back_to_make_expired_metadata_look_fresh() {
    let sample = sample();
    // Exported two days after the timestamp expired, and sealed as if it had been before.
    let lying = packed_at(&sample, DAY - 1).archive();
    // Beyond the longest transit that the policy allows:
    let far = FarSide::trusting(&sample, hours(40 * DAY));
    assert_error!(far.refuses(&lying).freshness(), FreshnessError::TooLongInTransit { .. });
    // After an honest delivery, what came with that one decides:
    let mut far = FarSide::trusting(&sample, hours(3 * DAY));
    let mut sample = sample;
    published_again(&mut sample, "targets/releases", 1);
    sample.repository.timestamp.expires = hours(2 * DAY);
    sample.repository.released.remove(BUNDLE);
    far.accepts(&Consignment::of_image(&sample, 1, hours(DAY)).archive());
    assert_error!(far.refuses(&lying).late(), JudgementError::Level { reference, .. } if reference == BUNDLE);
    // By this side's own clock it is simply expired, whatever the seal says.
    far = FarSide::trusting(&sample, hours(3 * DAY));
    far.asked = Some(AskedClock::Now);
    assert_error!(far.refuses(&lying).tuf(), TufError::Expired { .. });
}

#[test]
fn freeze_by_delivering_for_ever_what_never_expires() {
    let mut sample = sample();
    let never = hours(365 * DAY);
    for role in ["timestamp", "snapshot", "targets", "targets/releases"] {
        let repository = &mut sample.repository;
        match role {
            "timestamp" => repository.timestamp.expires = never,
            "snapshot" => repository.snapshot.expires = never,
            "targets" => repository.targets.expires = never,
            _ => repository.releases.expires = never,
        }
    }
    let archive = consignment(&sample).archive();
    let mut far = FarSide::trusting(&sample, hours(30 * DAY));
    far.asked = Some(AskedClock::Now);
    far.accepts(&archive);
    far.now = hours(30 * DAY + 1);
    assert_error!(far.refuses(&archive).freshness(), FreshnessError::TooLongInTransit { .. });
}

#[test]
fn freeze_by_having_an_import_judged_by_a_looser_clock_than_the_policy_s() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let mut far = FarSide::trusting(&sample, hours(3 * DAY));
    far.policy("freshness = \"now\"\n");
    assert_error!(far.refuses(&archive).tuf(), TufError::Expired { .. });
    let looser = |far: &FarSide| match far.refuses(&archive) {
        Refused::Import(ImportError::Freshness(error)) => error,
        other => panic!("not a matter of a looser freshness: {other:?}"),
    };
    far.asked = Some(AskedClock::AtExport);
    assert_error!(looser(&far), LooserFreshness::AtExport);
    far.asked = Some(AskedClock::AsOf(hours(1)));
    assert_error!(looser(&far), LooserFreshness::Audit { .. });
    // How long it may have been on its way stays the policy's to say.
    far.policy("maximum_transit = \"2d\"\n");
    assert_error!(looser(&far), LooserFreshness::Audit { .. });
    far.asked = Some(AskedClock::AtExport);
    assert_error!(far.refuses(&archive).freshness(), FreshnessError::TooLongInTransit { .. });
    far.policy("maximum_transit = \"9d\"\n");
    far.accepts(&archive);
}

#[test]
fn an_archive_that_brings_nothing_of_a_pinned_repository_has_an_export_time_all_the_same() {
    let sample = sample();
    let unproven = |after: i64, repository: Option<&str>| {
        let mut consignment = packed_at(&sample, after);
        let files = std::mem::take(&mut consignment.repositories).into_values();
        consignment.repositories = repository.map(str::to_owned).into_iter().zip(files).collect();
        consignment.archive()
    };
    for asked in [None, Some(AskedClock::Now)] {
        for repository in [None, Some("self-made")] {
            let mut far = FarSide::trusting_nobody(hours(2));
            far.policy("minimum_level = \"0\"\n");
            far.asked = asked;
            let error = far.refuses(&unproven(3, repository)).repository();
            assert_error!(error, RepositoryError::ArchiveTime(FreshnessError::ExportedInTheFuture { .. }));
            far.now = hours(30 * DAY + 1);
            let error = far.refuses(&unproven(0, repository)).repository();
            assert_error!(error, RepositoryError::ArchiveTime(FreshnessError::TooLongInTransit { .. }));
            far.accepts(&unproven(1, repository));
        }
    }
}
