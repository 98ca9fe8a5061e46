//! Layouts that must not be believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealift_core::trust::RepositoryError;
use sealift_proof::in_toto::key::UnusableKey;
use sealift_proof::in_toto::layout::InTotoLayoutError;
use sealift_proof::in_toto::product::UnboundProduct;
use sealift_proof::in_toto::{Cause, KeyFileError, RefusalClass};
use sealift_proof::signature::openpgp::OpenPgpError;
use sealift_proof::tuf::FetchError;

use super::*;

#[test]
fn a_layout_signed_by_another_key() {
    let mut sample = sample();
    let bytes = sign(&honest_layout(&sample), &[stranger()]);
    publish_layout_file(&mut sample, bytes);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::LayoutSignature);
    assert!(refusal.trace.layout_signed_by.is_empty());
    assert_error!(*refusal.cause, Cause::LayoutNotSigned { key, .. } if key == key_id(&sample.supply_chain.owner));
}

#[test]
fn a_layout_changed_after_it_was_signed() {
    let mut sample = sample();
    let mut document: Value = serde_json::from_slice(&sample.supply_chain.layout()).unwrap();
    document["signed"]["steps"][1]["pubkeys"] = document["signed"]["steps"][0]["pubkeys"].clone();
    publish_layout_file(&mut sample, document.to_string().into_bytes());
    assert_eq!(in_toto(&sample).class(), RefusalClass::LayoutSignature);
}

#[test]
fn a_layout_signed_by_one_of_its_two_owners() {
    let mut sample = sample();
    let second = stranger();
    let path = format!("example.com/demo/shop/in-toto-pubkeys/{}.pub", key_id(&second));
    let pem = second.public_key().unwrap().to_pem().unwrap();
    let top_level = &mut sample.repository.top_level;
    top_level.insert(path.clone(), Target::served(pem.into_bytes()));
    let keys = &mut top_level.get_mut(LAYOUT).unwrap().custom.as_mut().unwrap()["in-toto"];
    keys.as_array_mut().unwrap().push(json!(path));
    let refusal = in_toto(&sample);
    assert_eq!(refusal.trace.layout_signed_by, [key_id(&sample.supply_chain.owner)]);
    assert_error!(*refusal.cause, Cause::LayoutNotSigned { key, .. } if key == key_id(&second));
}

#[test]
fn a_layout_whose_owners_openpgp_key_is_revoked_at_the_end_of_its_file() {
    let files: Value = serde_json::from_slice(include_bytes!("../../../vectors/openpgp/revocations.json")).unwrap();
    let mut sample = sample();
    let found = files.as_array().unwrap().iter().find(|it| it["name"] == "ed25519: revoked, after packet 9");
    let file = BASE64.decode(found.unwrap()["file"].as_str().unwrap()).unwrap();
    let path = "example.com/demo/shop/in-toto-pubkeys/owner.pub";
    let top_level = &mut sample.repository.top_level;
    top_level.insert(path.to_owned(), Target::served(file));
    top_level.get_mut(LAYOUT).unwrap().custom = Some(json!({ "in-toto": [path] }));
    assert_error!(
        supply_chain(&sample),
        SupplyChainError::Key { source: KeyFileError::Unusable(UnusableKey::OpenPgp(OpenPgpError::Revoked(_))), .. }
    );
}

#[test]
fn a_layout_that_has_expired() {
    let mut sample = sample();
    sample.supply_chain.expires = hours(1);
    let layout = honest_layout(&sample);
    publish_layout(&mut sample, &layout);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Expired);
    assert_error!(*refusal.cause, Cause::Expired { expires, at } if expires == hours(1) && at == hours(1));
}

#[test]
fn a_layout_without_steps() {
    let mut sample = sample();
    let mut layout = honest_layout(&sample);
    layout["steps"] = json!([]);
    publish_layout(&mut sample, &layout);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Product);
    assert_error!(*refusal.cause, Cause::Product(UnboundProduct::NotProduced { .. }));
}

#[test]
fn a_layout_with_a_threshold_of_zero() {
    let mut sample = sample();
    let mut layout = honest_layout(&sample);
    layout["steps"][1]["threshold"] = json!(0);
    publish_layout(&mut sample, &layout);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Layout);
    assert_error!(*refusal.cause, Cause::Layout(InTotoLayoutError::Threshold { step, threshold: 0 }) if step == "release");
}

#[test]
fn a_layout_and_a_key_signed_by_a_delegated_role() {
    let honest = sample();
    let key = honest.repository.top_level.keys().find(|path| path.ends_with(".pub")).unwrap().clone();
    for (path, sample) in [(LAYOUT.to_owned(), sample()), (key, honest)] {
        let mut sample = sample;
        // The publisher's mistake that makes it possible: the online role may sign for everything.
        sample.repository.release_paths = vec!["example.com/*/*".to_owned(), "example.com/demo/shop/*/*".to_owned()];
        sample.repository.release_paths.push("example.com/demo/shop/*/*/*".to_owned());
        let target = sample.repository.top_level.remove(&path).unwrap();
        sample.repository.released.insert(path.clone(), target);
        assert_error!(supply_chain(&sample), SupplyChainError::NotFromTopLevel { file, role }
            if file == path && role == "targets/releases");
    }
}

#[test]
fn a_layout_swapped_for_another_valid_one() {
    let (mut sample, other) = (sample(), self::sample());
    // Another product's layout, signed by the offline keys too, with functionaries of its own.
    let swapped = "example.com/demo/shop/in-toto-metadata/other.layout";
    let bytes = sign(&honest_layout(&other), slice::from_ref(&sample.supply_chain.owner));
    let custom = sample.repository.top_level[LAYOUT].custom.clone();
    sample.repository.top_level.insert(swapped.to_owned(), Target { custom, ..Target::served(bytes) });
    let mut listing = sample.repository.released[BUNDLE].custom.as_ref().unwrap()["in-toto"].clone();
    listing[0] = json!(swapped);
    list(&mut sample, &listing);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    assert_error!(*refusal.cause, Cause::Threshold { step, counted, .. } if step == "author" && counted.is_empty());
}

#[test]
fn a_layout_swapped_by_the_exporter_for_another_file() {
    let sample = sample();
    let mut consignment = Consignment::of(&sample, hours(1));
    let layout = consignment.tuf().iter_mut().find(|(path, _)| path.ends_with("root.layout")).unwrap().1;
    let readme = layout.windows(7).position(|window| window == b"Written").unwrap();
    layout[readme] = b'w';
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).repository();
    assert_error!(error, RepositoryError::Target { source: FetchError::Mismatch { path, .. }, .. } if path == LAYOUT);
}
