//! Arbitrary software: something that nobody released is to be let in.

use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_core::export::PrepareError;
use sealift_core::trust::{JudgementError, RepositoryError};
use sealift_core::verify::HeadError;
use sealift_core::verify::documents::DocumentError;
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{MismatchError, TufError};
use sealift_sample_publisher::bundle::{BundleImage, store_bundle};
use sealift_sample_publisher::image::multi_platform_image;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::{Crossing, FarSide, Refused};
use sealift_tests::malicious_exporter::{Forger, document};
use serde_json::{Map, Value, json};

use super::*;

/// The images of the sample's bundle.
pub(crate) fn images(sample: &Sample) -> Vec<BundleImage> {
    let image = |(reference, descriptor): &(String, serde_json::Value), component: Option<&str>| BundleImage {
        component: component.map(str::to_owned),
        reference: reference.clone(),
        descriptor: descriptor.clone(),
    };
    vec![image(&sample.references[1], None), image(&sample.references[2], Some("web"))]
}

/// The `bundle.json` of the sample.
pub(crate) fn bundle_json(sample: &Sample) -> serde_json::Value {
    let index = document(&sample.blobs, &sample.references[0].1);
    let config_manifest = document(&sample.blobs, &index["manifests"][0]);
    document(&sample.blobs, &config_manifest["config"])
}

#[test]
fn arbitrary_software_a_bundle_with_another_digest() {
    let mut sample = sample();
    let mut changed = bundle_json(&sample);
    changed["description"] = "Not what was released".into();
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, changed.to_string().into_bytes(), &images);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::Binding { reference, .. } if reference == BUNDLE);
}

#[test]
fn arbitrary_software_an_image_with_another_digest() {
    let mut sample = sample();
    let image = multi_platform_image(&mut sample.blobs, "srv/index.html", b"<h1>Pay here</h1>", &["amd64"]).unwrap();
    sample.references[2].1 = image;
    let far = FarSide::trusting(&sample, hours(2));
    let error = far.refuses(&Consignment::of_image(&sample, 2, hours(0)).archive()).judgement();
    assert_error!(error, JudgementError::Binding { reference, .. } if reference == WEB);
}

#[test]
fn arbitrary_software_an_image_of_a_bundle_with_another_digest() {
    let mut sample = sample();
    let bundle = serde_json::to_vec(&bundle_json(&sample)).unwrap();
    let image = multi_platform_image(&mut sample.blobs, "srv/index.html", b"<h1>Pay here</h1>", &["amd64"]).unwrap();
    sample.references[2].1 = image;
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, bundle, &images);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).archive()).documents();
    assert_error!(error, DocumentError::BundleImage { reference, .. } if reference == WEB);
}

#[test]
fn arbitrary_software_another_name_that_no_role_signs() {
    let sample = sample();
    let mut consignment = Consignment::of_image(&sample, 2, hours(0));
    consignment.images[0].reference = "example.com/demo/unknown:1.0.0".to_owned();
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "0");
}

#[test]
fn arbitrary_software_a_target_signed_by_a_stranger() {
    let sample = sample();
    let stranger = [sealift_tests::malicious_exporter::exporter_key()];
    for role in ["targets", "targets/releases", "snapshot", "timestamp"] {
        let mut consignment = consignment(&sample);
        Forger::new(&sample, consignment.tuf()).edit_signed_by(role, &stranger, |_| {});
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
        assert_error!(error, TufError::Signatures { role: refused, source, .. }
            if refused.as_str() == role && source.valid.is_empty());
    }
}

#[test]
fn arbitrary_software_a_name_that_is_not_delegated_to_the_role_that_signs_it() {
    let mut sample = sample();
    let (_, image) = sample.references[2].clone();
    let target = Target {
        length: image["size"].as_u64().unwrap(),
        digest: sealift_tests::malicious_exporter::digest(&image),
        custom: None,
        content: None,
    };
    sample.repository.released.insert("elsewhere.org/base:1".to_owned(), target);
    sample.references[2].0 = "elsewhere.org/base:1".to_owned();
    let far = FarSide::trusting(&sample, hours(2));
    let error = far.refuses(&Consignment::of_image(&sample, 2, hours(0)).archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "0");
}

/// Whether a hash is stated, and whether it is that of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stated {
    No,
    Right,
    Wrong,
}

impl Stated {
    pub(crate) const ALL: [Self; 3] = [Self::No, Self::Right, Self::Wrong];
}

/// What is said of the hashes of a file: sha256, sha512, and whether there is one that nobody here knows.
pub(crate) type Hashes = (Stated, Stated, bool);

/// Every way to say something of the hashes.
pub(crate) fn every_way() -> impl Iterator<Item = Hashes> {
    let of_both = |sha256| Stated::ALL.map(|sha512| (sha256, sha512));
    Stated::ALL.into_iter().flat_map(of_both).flat_map(|(one, other)| [(one, other, false), (one, other, true)])
}

/// The hashes, as TUF and in-toto write them.
pub(crate) fn written((sha256, sha512, unknown): Hashes, content: &[u8]) -> Value {
    let mut hashes = Map::new();
    for (algorithm, stated) in [(DigestAlgorithm::Sha256, sha256), (DigestAlgorithm::Sha512, sha512)] {
        let content = match stated {
            Stated::No => continue,
            Stated::Right => content,
            Stated::Wrong => b"something else",
        };
        hashes.insert(algorithm.name().to_owned(), json!(Digest::of(algorithm, content).hex()));
    }
    hashes.extend(unknown.then(|| ("blake3".to_owned(), json!("00"))));
    Value::Object(hashes)
}

/// What comes of it: every known hash must be right, and there must be one.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    NotTheTarget,
    NothingToCompare,
    NotMetadata,
}

fn expected((sha256, sha512, unknown): Hashes) -> Outcome {
    match [sha256, sha512] {
        stated if stated.contains(&Stated::Wrong) => Outcome::NotTheTarget,
        stated if stated.contains(&Stated::Right) => Outcome::Accepted,
        _ if unknown => Outcome::NothingToCompare,
        _ => Outcome::NotMetadata,
    }
}

fn outcome(judged: Result<(), JudgementError>) -> Outcome {
    let tuf = match judged {
        Ok(()) => return Outcome::Accepted,
        Err(JudgementError::Binding { .. }) => return Outcome::NotTheTarget,
        Err(JudgementError::Search { source: MapSearchError::Repository { source, .. }, .. }) => *source,
        Err(JudgementError::Repository(RepositoryError::Tuf { source, .. })) => source,
        Err(other) => panic!("{other:?}"),
    };
    match tuf {
        TufError::Unprovable { .. } => Outcome::NothingToCompare,
        TufError::Malformed { .. } => Outcome::NotMetadata,
        other => panic!("{other:?}"),
    }
}

/// The bytes that are vouched for under a name.
fn content(sample: &Sample, name: &str) -> Vec<u8> {
    sample.blobs[&sample.repository.released[name].digest].clone()
}

#[test]
fn arbitrary_software_every_listed_hash_of_a_target_is_compared_on_the_far_side() {
    let sample = sample();
    for name in [BUNDLE, WEB] {
        for hashes in every_way() {
            let mut consignment = consignment(&sample);
            let mut forger = Forger::new(&sample, consignment.tuf());
            let written = written(hashes, &content(&sample, name));
            forger.edit("targets/releases", |signed| signed["targets"][name]["hashes"] = written);
            let far = FarSide::trusting(&sample, hours(2));
            let judged = match far.import(&consignment.archive()) {
                Ok(_) => Ok(()),
                Err(Refused::Head(HeadError::Judgement(error))) => Err(error),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(outcome(judged), expected(hashes), "{name} {hashes:?}");
        }
    }
}

#[test]
fn arbitrary_software_every_listed_hash_of_a_target_is_compared_before_an_export() {
    let now = hours(0);
    let sample = sample();
    for name in [BUNDLE, WEB] {
        for hashes in every_way() {
            let sides = Crossing::of(&sample, now);
            let mut files = sample.repository.files();
            let written = written(hashes, &content(&sample, name));
            Forger::new(&sample, &mut files)
                .edit("targets/releases", |signed| signed["targets"][name]["hashes"] = written);
            for (path, bytes) in files {
                std::fs::write(sides.path("tuf").join(path), bytes).unwrap();
            }
            let judged = match sides.export(&sides.request()) {
                Ok(archive) => {
                    sides.far.verify(&archive);
                    Ok(())
                }
                Err(Refused::Prepare(PrepareError::Judgement(error))) => Err(error),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(outcome(judged), expected(hashes), "{name} {hashes:?}");
        }
    }
}

#[test]
fn arbitrary_software_a_refusal_says_which_hash_is_wrong() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let written = written((Stated::Right, Stated::Wrong, false), &content(&sample, WEB));
    let wrong = format!("sha512:{}", written["sha512"].as_str().unwrap());
    Forger::new(&sample, consignment.tuf())
        .edit("targets/releases", |signed| signed["targets"][WEB]["hashes"] = written);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Binding { reference, source: MismatchError::Hash(digest), .. }
        if reference == WEB && digest.to_string() == wrong);
}
