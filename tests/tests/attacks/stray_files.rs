//! TUF files that nothing leads to: whatever is carried of a pinned repository has a reason to be there.

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use sealift_core::trust::RepositoryError;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Forger, REPOSITORY};
use serde_json::{Value, json};

use super::*;

const SNAPSHOT: &str = "snapshot.json";

/// The one error for all of these.
fn assert_stray(refused: Refused, path: &str) {
    let expected = format!("sealift/tuf/{REPOSITORY}/{path}");
    assert_error!(refused.repository(), RepositoryError::Stray { entry } if entry == expected);
}

/// The path of the one file that ends so.
fn path_of(consignment: &mut Consignment, ending: &str) -> String {
    consignment.tuf().keys().find(|path| path.ends_with(ending)).unwrap().clone()
}

/// The sample with one more file in its repository.
fn with(sample: &Sample, path: &str, bytes: &[u8]) -> Consignment {
    let mut consignment = consignment(sample);
    assert_eq!(consignment.tuf().insert(path.to_owned(), bytes.to_vec()), None, "{path}");
    consignment
}

/// A far side that remembers the honest archive.
fn having_imported(sample: &Sample) -> FarSide {
    let far = FarSide::trusting(sample, hours(2));
    far.accepts(&consignment(sample).archive());
    far
}

#[test]
fn metadata_under_a_name_that_nothing_lists() {
    let sample = sample();
    let mut honest = consignment(&sample);
    let snapshot_path = path_of(&mut honest, SNAPSHOT);
    let snapshot = honest.tuf()[&snapshot_path].clone();
    for path in [
        "metadata/0.root.json",
        "metadata/9.root.json",
        "metadata/01.root.json",
        "metadata/root.json",
        "metadata/1.timestamp.json",
        "metadata/snapshot.json",
        "metadata/999.snapshot.json",
        "metadata/targets.json",
        "metadata/999.targets.json",
        "metadata/999.targets%2Freleases.json",
        "metadata/targets%2Freleases.json",
        "metadata/1.unlisted.json",
        "metadata/README",
    ] {
        // Junk, and what is verified under its own name.
        for bytes in [b"stray".as_slice(), &snapshot] {
            let refused = FarSide::trusting(&sample, hours(2)).refuses(&with(&sample, path, bytes).archive());
            assert_stray(refused, path);
        }
    }
}

/// The sample, whose snapshot lists one more role, which is carried so.
fn with_role(sample: &Sample, listed: &Value, bytes: &[u8]) -> Consignment {
    let mut consignment = with(sample, "metadata/3.other.json", bytes);
    Forger::new(sample, consignment.tuf()).edit("snapshot", |signed| signed["meta"]["other.json"] = listed.clone());
    consignment
}

#[test]
fn a_role_that_the_snapshot_lists_and_nobody_asks_for() {
    let sample = sample();
    let role = |version: u64| {
        let signed = json!({
            "_type": "targets", "spec_version": "1.0.0", "version": version, "expires": "2027-01-01T00:00:00Z", "targets": {},
        });
        json!({ "signed": signed, "signatures": [] }).to_string().into_bytes()
    };
    let hash = |bytes: &[u8]| json!({ "sha256": Digest::sha256(bytes).hex() });
    let right = role(3);
    for listed in [json!({ "version": 3 }), json!({ "version": 3, "length": right.len(), "hashes": hash(&right) })] {
        FarSide::trusting(&sample, hours(2)).accepts(&with_role(&sample, &listed, &right).archive());
    }
    for (listed, bytes) in [
        (json!({ "version": 3 }), b"stray".to_vec()),
        (json!({ "version": 3 }), role(4)),
        (json!({ "version": 4 }), role(4)),
        (json!({ "version": 3, "length": right.len() + 1 }), right.clone()),
        (json!({ "version": 3, "hashes": hash(b"other") }), right),
    ] {
        let refused = FarSide::trusting(&sample, hours(2)).refuses(&with_role(&sample, &listed, &bytes).archive());
        assert_stray(refused, "metadata/3.other.json");
    }
}

#[test]
fn other_bytes_for_what_is_remembered_and_not_asked_for_again() {
    let sample = sample();
    for ending in [SNAPSHOT, ".targets.json", ".targets%2Freleases.json", "1.root.json", "2.root.json"] {
        let far = having_imported(&sample);
        let mut consignment = consignment(&sample);
        let path = path_of(&mut consignment, ending);
        consignment.tuf().insert(path.clone(), b"stray".to_vec());
        assert_stray(far.refuses(&consignment.archive()), &path);
    }
}

#[test]
fn another_publishers_root_in_the_place_of_the_accepted_one() {
    let sample = sample();
    let mut other = consignment(&Sample::new(hours(1)).unwrap());
    for path in ["metadata/1.root.json", "metadata/2.root.json"] {
        let far = having_imported(&sample);
        let mut consignment = consignment(&sample);
        consignment.tuf().insert(path.to_owned(), other.tuf()[path].clone());
        assert_stray(far.refuses(&consignment.archive()), path);
    }
}

#[test]
fn a_root_before_the_pinned_one_that_does_not_lead_to_it() {
    let sample = sample();
    let far = FarSide::trusting_nobody(hours(2));
    let mut honest = consignment(&sample);
    let newest = honest.tuf()["metadata/2.root.json"].clone();
    far.store().begin().unwrap().pin_root(&REPOSITORY.parse().unwrap(), &newest, None).unwrap();
    let mut other = consignment(&Sample::new(hours(1)).unwrap());
    let another = other.tuf()["metadata/1.root.json"].clone();
    for root in [b"stray".to_vec(), newest, another] {
        let mut consignment = consignment(&sample);
        consignment.tuf().insert("metadata/1.root.json".to_owned(), root);
        assert_stray(far.refuses(&consignment.archive()), "metadata/1.root.json");
    }
    far.accepts(&honest.archive());
}

#[test]
fn a_target_file_that_nobody_asks_for() {
    let sample = sample();
    let mut honest = consignment(&sample);
    let layout = path_of(&mut honest, ".root.layout");
    let (folder, _) = layout.rsplit_once('/').unwrap();
    let bytes = honest.tuf()[&layout].clone();
    let mut hasher = Hasher::new(DigestAlgorithm::Sha512);
    hasher.update(&bytes);
    let sha512 = format!("{folder}/{}.root.layout", hasher.finish().hex());
    for (path, bytes) in [
        (format!("{folder}/run-me.sh"), b"stray".to_vec()),
        ("targets/stray".to_owned(), b"stray".to_vec()),
        // The right bytes, once more under another name.
        (format!("{folder}/root.layout"), bytes.clone()),
        (sha512, bytes),
    ] {
        let refused = FarSide::trusting(&sample, hours(2)).refuses(&with(&sample, &path, &bytes).archive());
        assert_stray(refused, &path);
    }
}

#[test]
fn signed_files_of_something_that_is_not_in_the_archive() {
    let sample = sample();
    let mut image = Consignment::of_image(&sample, 2, hours(0));
    let own = image.tuf().clone();
    let of_others = consignment(&sample).tuf().clone();
    let first = of_others.keys().find(|path| !own.contains_key(*path)).unwrap().clone();
    image.repositories.insert(REPOSITORY.to_owned(), of_others);
    assert_stray(FarSide::trusting(&sample, hours(2)).refuses(&image.archive()), &first);
}

#[test]
fn files_of_a_repository_that_is_not_pinned_cannot_be_told_from_stray_ones() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let files = [("metadata/1.root.json".to_owned(), b"anything".to_vec())];
    consignment.repositories.insert("another".to_owned(), files.into());
    FarSide::trusting(&sample, hours(2)).accepts(&consignment.archive());
}
