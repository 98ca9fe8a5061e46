//! Referrers come along, in order, and stay what they are.

use std::fs;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory;
use sealift_core::export::{PlanError, PrepareError};
use sealift_core::layout::LayoutSource;
use sealift_core::transfer::Source;
use sealift_tests::crossing::{Crossing, IMAGE, Refused};
use sealift_tests::images::Image;
use serde_json::Value;

use super::{reference, referrers};

fn digest(image: &Image) -> Digest {
    image.root().descriptor().digest.clone()
}

/// Something opaque that refers to an image.
fn note(about: &Image, text: &str) -> Image {
    Image::referrer(about.root().descriptor(), "text/plain", text.as_bytes())
}

#[test]
fn referrers_of_the_index_of_a_platform_and_of_a_referrer_are_carried() {
    let crossing = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    let platform = Image { manifests: image.manifests[..1].to_vec(), ..image.clone() };
    let (of_index, of_platform) = (note(&image, "index"), note(&platform, "platform"));
    let of_note = note(&of_index, "a note on the note");
    crossing.publish_image(&image, &[of_note.clone(), of_platform.clone(), of_index.clone()]);
    let archive = crossing.archive();
    let delivered = crossing.far.import(&archive).unwrap();
    assert_eq!(delivered.tags.len(), 1, "referrers have no tags");

    let layout = LayoutSource::open(&crossing.path("delivered")).unwrap();
    for (subject, referrer) in [(&image, &of_index), (&platform, &of_platform), (&of_index, &of_note)] {
        assert_eq!(referrers(&layout, IMAGE, &digest(subject)), [digest(referrer)]);
        let repository = reference(IMAGE).repository().clone();
        for (descriptor, content) in referrer.blobs.values() {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut layout.blob(&repository, descriptor).unwrap(), &mut bytes).unwrap();
            assert_eq!(bytes, *content);
        }
    }
    assert_eq!(crossing.archive(), archive, "the order is not that of the source");
    crossing.far.import(&archive).unwrap();
    let listed: Value = serde_json::from_slice(&fs::read(crossing.path("delivered/index.json")).unwrap()).unwrap();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), 4, "nothing is listed twice");
}

#[test]
fn other_tools_find_referrers_in_the_index_of_the_archive() {
    let crossing = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    let referrer = note(&image, "note");
    crossing.publish_image(&image, std::slice::from_ref(&referrer));
    let archive = crossing.archive();
    let mut tar = tar::Archive::new(archive.as_slice());
    let index = tar.entries().unwrap().map(Result::unwrap).find(|entry| entry.path().unwrap().ends_with("index.json"));
    let index: Value = serde_json::from_reader(index.unwrap()).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries[1]["digest"], serde_json::json!(digest(&referrer)));
    assert!(entries[0]["annotations"].is_object() && entries[1].get("annotations").is_none());
}

#[test]
fn more_levels_than_are_carried_are_no_silent_loss() {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let first = note(&image, "1");
    let second = note(&first, "2");
    let third = note(&second, "3");
    crossing.publish_image(&image, &[first, second]);
    crossing.archive();
    crossing.publish_image(&image, std::slice::from_ref(&third));
    let refused = crossing.export(&crossing.request()).unwrap_err();
    assert!(
        matches!(&refused, Refused::Plan(PlanError::ReferrerTooDeep { referrer, .. }) if *referrer == digest(&third)),
        "{refused:?}"
    );
}

#[test]
fn a_list_that_cannot_be_had_is_an_error() {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let referrer = note(&image, "note");
    crossing.publish_image(&image, std::slice::from_ref(&referrer));
    fs::remove_file(crossing.path("layout/blobs/sha256").join(digest(&referrer).hex())).unwrap();
    let refused = crossing.export(&crossing.request()).unwrap_err();
    assert!(matches!(refused, Refused::Plan(PlanError::Referrers { .. })), "{refused:?}");
}

#[test]
fn the_inventory_names_subjects_before_what_refers_to_them() {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let first = note(&image, "1");
    let second = note(&first, "2");
    crossing.publish_image(&image, &[second.clone(), first.clone()]);
    let archive = crossing.archive();
    let reader = sealift_archive_format::Reader::open(archive.as_slice()).unwrap().read_inventory().unwrap();
    let named: Vec<&inventory::DescriptorRecord> =
        reader.inventory().all_images().flat_map(|image| &image.referrers).collect();
    assert_eq!(named.iter().map(|named| &named.digest).collect::<Vec<_>>(), [&digest(&first), &digest(&second)]);
}

#[test]
fn an_attestation_that_cannot_be_looked_at_is_not_sealed() {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let statement = super::statements::sbom(&digest(&image));
    let referrer = Image::referrer(image.root().descriptor(), super::statements::BARE, &statement);
    crossing.publish_image(&image, &[referrer]);
    crossing.archive();
    let attestation = Digest::sha256(&statement);
    let file = crossing.path("layout/blobs/sha256").join(attestation.hex());
    fs::write(&file, vec![b' '; statement.len()]).unwrap();
    let refused = crossing.export(&crossing.request()).unwrap_err();
    assert!(
        matches!(&refused, Refused::Prepare(PrepareError::Read { digest, .. }) if *digest == attestation),
        "{refused:?}"
    );
    fs::remove_file(&file).unwrap();
    let refused = crossing.export(&crossing.request()).unwrap_err();
    assert!(
        matches!(&refused, Refused::Prepare(PrepareError::Source { digest, .. }) if *digest == attestation),
        "{refused:?}"
    );
}
