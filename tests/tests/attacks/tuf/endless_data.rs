//! Endless data: lengths that no honest archive has. Each is refused by what is said before it is read.

use std::io::Read;

use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::seal::SealFormatError;
use sealift_archive_format::{EntryName, Problem};
use sealift_core::oci::manifest::ManifestError;
use sealift_core::trust::RepositoryError;
use sealift_core::verify::HeadError;
use sealift_core::verify::documents::DocumentError;
use sealift_proof::tuf::{FetchError, ProviderError, TufError};
use sealift_sample_publisher::image::store;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Forger, exporter_key, image_record, sealed};
use serde_json::json;

use super::*;

/// A seal alone, for entries that never come.
fn seal_alone(change: impl FnOnce(&mut Vec<EntryRecord>)) -> Vec<u8> {
    let sample = sample();
    let (mut inventory, _) = consignment(&sample).pack();
    change(&mut inventory.entries);
    let seal = sealed(inventory, &[exporter_key()]);
    let mut bytes = sealift_archive_format::tar_profile::header(&EntryName::seal(), seal.bytes().length());
    bytes.extend(seal.bytes().to_bytes());
    bytes
}

#[test]
fn endless_data_a_seal_longer_than_the_policy_allows() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("[limits]\nseal_length = 4608\n");
    let problem = far.refuses(&consignment(&sample).archive()).problem();
    assert_error!(problem, Problem::Seal(SealFormatError::TooLong { limit: 4608, .. }));
}

#[test]
fn endless_data_a_seal_of_which_no_byte_is_read() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    let header = sealift_archive_format::tar_profile::header(&EntryName::seal(), 1 << 26);
    let archive = [header, vec![b'{'; 4096]].concat();
    let problem = far.refuses(&archive).problem();
    assert_error!(problem, Problem::Seal(SealFormatError::TooLong { length, .. }) if length == 1 << 26);
}

#[test]
fn endless_data_more_metadata_than_is_held() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    let archive = seal_alone(|entries| {
        let metadata = entries.iter_mut().find(|entry| entry.name.as_str().ends_with("timestamp.json"));
        metadata.unwrap().size = 1 << 40;
    });
    assert_error!(far.refuses(&archive).head(), HeadError::TooMuchMetadata(error) if error.length > 1 << 40);
}

#[test]
fn endless_data_a_timestamp_longer_than_is_read() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    Forger::new(&sample, consignment.tuf()).edit("timestamp", |signed| {
        signed["padding"] = json!("0".repeat(64 * 1024));
    });
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Provider(ProviderError::TooLong { file_name, limit: 65_536 })
        if file_name == "timestamp.json");
}

#[test]
fn endless_data_metadata_longer_than_the_snapshot_says() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let role = consignment.tuf().get_mut("metadata/1.targets.json").unwrap();
    let length = role.len() as u64;
    role.extend(b"    ");
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Provider(ProviderError::TooLong { file_name, limit })
        if file_name == "1.targets.json" && limit == length);
}

#[test]
fn endless_data_a_target_file_longer_than_its_target() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let layout = consignment.tuf().iter_mut().find(|(path, _)| path.ends_with("root.layout"));
    layout.unwrap().1.extend(b"    ");
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).repository();
    assert_error!(error, RepositoryError::Target { source: FetchError::Provider(ProviderError::TooLong { .. }), .. });
}

#[test]
fn endless_data_a_chain_of_roots_without_end() {
    let mut sample = sample();
    for _ in 0..5 {
        sample.repository.renew_root();
    }
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("[limits]\nroot_versions = 5\n");
    let error = far.refuses(&consignment(&sample).archive()).tuf();
    assert_error!(error, TufError::TooManyRoots { limit: 5 });
}

#[test]
fn endless_data_a_manifest_longer_than_registries_take() {
    let mut sample = sample();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let empty = store(&mut sample.blobs, "application/vnd.oci.empty.v1+json", b"{}".to_vec());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": empty, "layers": [],
        "annotations": { "padding": "0".repeat(4 << 20) },
    });
    let manifest = store(&mut sample.blobs, media_type, manifest.to_string().into_bytes());
    sample.references[2] = (WEB.to_owned(), manifest.clone());
    let consignment = Consignment::of_image(&sample, 2, hours(0));
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::Manifest { source: ManifestError::Length { .. }, .. });
    assert_eq!(consignment.images, [image_record(WEB, &manifest, consignment.images[0].role.clone())]);
}

#[test]
fn endless_data_an_archive_that_goes_on_after_its_end() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let mut endless = archive.as_slice().chain(std::io::repeat(0));
    let far = FarSide::trusting(&sample, hours(2));
    let before = far.trusted_state();
    let Err(refused) = far.import_from(&mut endless, &far.sink()) else { panic!("accepted") };
    assert_error!(refused.problem(), Problem::TrailingBytes);
    assert!(far.tags().is_empty() && far.trusted_state() == before);
}
