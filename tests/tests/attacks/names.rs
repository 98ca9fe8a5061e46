//! Names: what nobody signed, brought under a name that looks like one that somebody did.

use sealift_archive_format::inventory::{ImageRole, TargetRecord};
use sealift_core::import::{Destination, DestinationError, ImportError, Naming};
use sealift_core::trust::JudgementError;
use sealift_core::trust_store::{TagError, TrustStoreError};
use sealift_core::verify::documents::DocumentError;
use sealift_sample_publisher::bundle::store_bundle;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Consignment, image_record};

use std::fs;

use super::tuf::arbitrary_software::{bundle_json, images};
use super::*;

/// Takes what is signed by halves, too.
const LAX: &str = "minimum_level = \"1\"\n";

/// A sample whose bundle nobody signed, under this name; its images are the signed ones.
fn unsigned_bundle(mut sample: Sample, name: &str) -> Sample {
    let mut changed = bundle_json(&sample);
    changed["description"] = "Not what was released".into();
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, changed.to_string().into_bytes(), &images);
    sample.references[0].0 = name.to_owned();
    sample
}

#[test]
fn an_unsigned_bundle_under_another_spelling_of_a_signed_domain() {
    for domain in ["EXAMPLE.com", "example.com:443", "example.com:0443", "example.com.", "Example.COM.:443"] {
        let name = BUNDLE.replace("example.com", domain);
        let sample = unsigned_bundle(sample(), &name);
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(LAX);
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Binding { reference, target, .. }
            if reference == name && target == BUNDLE);
        // Nor does the target's own spelling help.
        let mut consignment = consignment(&sample);
        consignment.bundles[0].target = Some(TargetRecord { name: BUNDLE.to_owned() });
        assert_error!(far.refuses(&consignment.archive()).judgement(), JudgementError::OtherTarget { .. });
    }
}

#[test]
fn what_is_signed_is_vouched_for_under_every_spelling_of_its_domain() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    consignment.bundles[0].reference = BUNDLE.replace("example.com", "EXAMPLE.com:443");
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"4\"\n");
    far.accepts(&consignment.archive());
    assert!(far.tags().contains_key(BUNDLE), "the tag has the one form: {:?}", far.tags());
}

/// The registry inside, with every name's own domain in the path, or without.
fn registry(naming: Naming) -> Destination {
    Destination::Registry { domain: "registry.inner:5000".to_owned(), prefix: "mirror".to_owned(), naming }
}

/// A far side that trusts the sample, takes anything, and delivers to the registry inside.
fn registry_side(sample: &Sample, naming: Naming) -> FarSide {
    let mut far = FarSide::trusting(sample, hours(2));
    far.policy("minimum_level = \"0\"\n");
    far.destination = registry(naming);
    far
}

/// The component image of the sample and, under the same path of another registry, its invocation image.
fn two_domains(sample: &Sample, other: &str) -> Consignment {
    let mut consignment = Consignment::of_image(sample, 2, hours(0));
    consignment.images.clear();
    let place = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    for (name, (_, image)) in [(WEB, &sample.references[place]), (other, &sample.references[3 - place])] {
        consignment.images.push(image_record(name, image, ImageRole::StandAlone));
    }
    let roots = [&sample.references[place].1, &sample.references[3 - place].1];
    consignment.blobs = sealift_tests::malicious_exporter::blobs(&sample.blobs, &[], &roots);
    consignment
}

#[test]
fn an_image_of_another_registry_does_not_take_the_place_of_one_with_the_same_path() {
    let sample = sample();
    for other in ["other.invalid/demo/web:1.0.0", "example.com:5000/demo/web:1.0.0", "[::1]/demo/web:1.0.0"] {
        let archive = two_domains(&sample, other).archive();
        let far = registry_side(&sample, Naming::WithDomain);
        let delivered = far.accepts(&archive);
        assert_eq!(delivered.tags.len(), 2);
        let tags = far.tags();
        assert_eq!(tags.len(), 2, "{tags:?}");
        assert!(tags.contains_key(&format!("registry.inner:5000/mirror/{WEB}")), "{tags:?}");

        let far = registry_side(&sample, Naming::Flat);
        let error = far.refuses(&archive);
        assert_error!(error, Refused::Import(ImportError::Destination(DestinationError::Collision { first, second, tag, .. }))
            if first == WEB && second == other && tag == "registry.inner:5000/mirror/demo/web:1.0.0");
    }
}

/// The sample's next release, in which the bundle lost what says how it was made: level 3a instead of 4.
fn released_without_in_toto(mut sample: Sample) -> Sample {
    sample.repository.released.get_mut(BUNDLE).unwrap().custom = None;
    let repository = &mut sample.repository;
    for role in [&mut repository.releases, &mut repository.snapshot, &mut repository.timestamp] {
        role.version += 1;
    }
    sample
}

fn tag_error(refused: Refused) -> TagError {
    match refused {
        Refused::Import(ImportError::Tag(error)) => error,
        other => panic!("not a matter of a tag: {other:?}"),
    }
}

#[test]
fn a_later_delivery_does_not_put_another_name_in_the_place_of_a_signed_one() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let other = BUNDLE.replace("example.com", "other.invalid");
    let tag = "registry.inner:5000/mirror/demo/shop:1.0.0";
    let mut far = registry_side(&sample, Naming::Flat);
    far.accepts(&archive);
    let before = far.tags();
    let unsigned = consignment(&unsigned_bundle(sample, &other)).archive();
    let error = tag_error(far.refuses(&unsigned));
    assert_error!(&error, TagError::OtherName { tag: found, held, offered }
        if found == tag && held.name == BUNDLE && held.level.to_string() == "4" && offered.name == other);
    // The signed one may still come again, and the other one only where a person names the tag.
    far.accepts(&archive);
    assert_eq!(far.tags(), before);
    far.replace = vec!["registry.inner:5000/mirror/demo/shop:2".parse().unwrap()];
    assert_eq!(tag_error(far.refuses(&unsigned)), error, "permission for another tag is none for this one");
    far.replace = vec![tag.parse().unwrap()];
    let delivered = far.accepts(&unsigned);
    assert_eq!((&*delivered.replaced[0].tag, &*delivered.replaced[0].held.name), (tag, BUNDLE));
    assert_ne!(far.tags(), before);
    // With its own registry in the path it is beside the signed one.
    far.replace.clear();
    far.destination = registry(Naming::WithDomain);
    far.accepts(&archive);
    far.accepts(&unsigned);
}

#[test]
fn a_later_delivery_does_not_put_something_of_a_lower_level_in_the_place_of_a_better_one() {
    for to_layout in [true, false] {
        let sample = sample();
        let mut far = registry_side(&sample, Naming::WithDomain);
        if to_layout {
            far.destination = FarSide::trusting(&sample, hours(2)).destination;
        }
        let tag = if to_layout { BUNDLE.to_owned() } else { format!("registry.inner:5000/mirror/{BUNDLE}") };
        far.accepts(&consignment(&sample).archive());
        let digest = far.tags()[&tag].clone();
        // The same content, proven less well, does not move the tag, and does not lower what is asked of the next one.
        let mut lower = released_without_in_toto(sample);
        far.accepts(&consignment(&lower).archive());
        let mut changed = bundle_json(&lower);
        changed["description"] = "Changed".into();
        let images = images(&lower);
        let bundle = changed.to_string().into_bytes();
        lower.repository.released.insert(BUNDLE.to_owned(), Target { content: None, ..Target::served(bundle.clone()) });
        lower.references[0].1 = store_bundle(&mut lower.blobs, bundle, &images);
        let lower = released_without_in_toto(lower);
        let archive = consignment(&lower).archive();
        let error = tag_error(far.refuses(&archive));
        assert_error!(error, TagError::LowerLevel { tag: found, held, offered }
            if found == tag && held.level.to_string() == "4" && offered.level.to_string() == "3a");
        assert_eq!(far.tags()[&tag], digest);
        far.replace = vec![tag.parse().unwrap()];
        assert_eq!(far.accepts(&archive).replaced.len(), 1);
        assert_ne!(far.tags()[&tag], digest);
    }
}

#[test]
fn a_memory_of_tags_that_is_lost_or_damaged_is_not_begun_anew() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    far.accepts(&archive);
    let path = far.trust().join("deliveries.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"4\"", "\"0\"")).unwrap();
    assert_error!(far.store().update().unwrap().deliveries(), Err(TrustStoreError::DeliveriesDamaged { .. }));
    fs::remove_file(&path).unwrap();
    assert_error!(far.store().update().unwrap().deliveries(), Err(TrustStoreError::DeliveriesLost { .. }));
    far.store().update().unwrap().reset_deliveries(None).unwrap();
    far.accepts(&archive);
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "and then remembers the same again");
}

#[test]
fn two_contents_under_two_spellings_of_one_name() {
    let sample = sample();
    let mut consignment = two_domains(&sample, "NOBODY.example:443/demo/web:1.0.0");
    consignment.images[0].reference = "nobody.example./demo/web:1.0.0".to_owned();
    let archive = consignment.archive();
    for naming in [Naming::WithDomain, Naming::Flat] {
        let error = registry_side(&sample, naming).refuses(&archive).documents();
        assert_error!(error, DocumentError::TwoContents { .. });
    }
}
