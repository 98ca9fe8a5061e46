//! Mix-and-match: metadata of different times, each genuine, put together to a state that never was.

use sealift_proof::tuf::TufError;
use sealift_tests::crossing::FarSide;

use super::*;

/// The repository with a file of another time in the place of one of its own.
fn mixed(sample: &Sample, file: &str, other: Vec<u8>) -> TufError {
    let mut consignment = consignment(sample);
    assert!(consignment.tuf().insert(format!("metadata/{file}"), other).is_some());
    FarSide::trusting(sample, hours(2)).refuses(&consignment.archive()).tuf()
}

fn later_file(role: &str, file: &str) -> (Sample, Vec<u8>) {
    let mut sample = sample();
    published_again(&mut sample, role, 1);
    let later = sample.repository.files()[&format!("metadata/{file}")].clone();
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
    {
        role.version = 1;
    }
    (sample, later)
}

#[test]
fn mix_and_match_of_a_timestamp_with_a_later_snapshot() {
    let (sample, later) = later_file("snapshot", "2.snapshot.json");
    let error = mixed(&sample, "1.snapshot.json", later);
    assert_error!(error, TufError::Mismatch { role, listed_by, .. }
        if role.as_str() == "snapshot" && listed_by.as_str() == "timestamp");
}

#[test]
fn mix_and_match_of_a_snapshot_with_later_targets() {
    let (sample, later) = later_file("targets", "2.targets.json");
    let error = mixed(&sample, "1.targets.json", later);
    assert_error!(error, TufError::Mismatch { role, listed_by, .. }
        if role.as_str() == "targets" && listed_by.as_str() == "snapshot");
}

#[test]
fn mix_and_match_of_a_snapshot_with_a_later_delegated_role() {
    let (sample, later) = later_file("targets/releases", "2.targets%2Freleases.json");
    let error = mixed(&sample, "1.targets%2Freleases.json", later);
    assert_error!(error, TufError::Mismatch { role, listed_by, .. }
        if role.as_str() == "targets/releases" && listed_by.as_str() == "snapshot");
}

#[test]
fn mix_and_match_where_the_snapshot_states_no_hashes() {
    let (sample, later) = later_file("targets/releases", "2.targets%2Freleases.json");
    let mut consignment = consignment(&sample);
    let mut forger = sealift_tests::malicious_exporter::Forger::new(&sample, consignment.tuf());
    forger.edit("snapshot", |signed| {
        signed["meta"]["targets/releases.json"] = serde_json::json!({ "version": 1 });
    });
    consignment.tuf().insert("metadata/1.targets%2Freleases.json".to_owned(), later);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Version { role, expected: 1, found: 2 } if role.as_str() == "targets/releases");
}

#[test]
fn mix_and_match_by_leaving_a_role_out() {
    let sample = sample();
    for (file, role) in [
        ("timestamp.json", "timestamp"),
        ("1.snapshot.json", "snapshot"),
        ("1.targets.json", "targets"),
        ("1.targets%2Freleases.json", "targets/releases"),
    ] {
        let mut consignment = consignment(&sample);
        assert!(consignment.tuf().remove(&format!("metadata/{file}")).is_some());
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
        assert_error!(error, TufError::Missing { role: missing, file_name }
            if missing.as_str() == role && file_name == file);
    }
}
