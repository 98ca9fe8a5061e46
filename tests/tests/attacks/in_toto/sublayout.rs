//! Sublayouts: a functionary may hand on his step, and nobody may hand on another's.

use sealift_core::in_toto::{Cause, RefusalClass};

use super::*;

/// A layout with one step, `make`, that `functionary` may sign; it may produce anything.
pub(super) fn sublayout(functionary: &SigningKey) -> Value {
    json!({
        "_type": "layout", "readme": "", "expires": "2027-01-01T00:00:00Z", "inspect": [],
        "keys": { key_id(functionary): labelled(functionary, &key_id(functionary)) },
        "steps": [{
            "_type": "step", "name": "make", "pubkeys": [key_id(functionary)], "threshold": 1, "expected_command": [],
            "expected_materials": [], "expected_products": [],
        }],
    })
}

/// The sample whose step `author` is a sublayout, signed by `signer`, with the links below it.
pub(super) fn handed_on(
    sample: &mut Sample,
    layout: &Value,
    signer: &SigningKey,
    below: impl IntoIterator<Item = Link>,
) {
    sample.repository.release_paths.extend(folders(9));
    let [author, release] = honest_links(sample);
    let folder = author.name.strip_suffix(".link").unwrap();
    let below = below.into_iter().map(|link| Link { name: format!("{folder}/{}", link.name), ..link });
    let sublayout = Link { name: author.name.clone(), bytes: sign(layout, slice::from_ref(signer)) };
    let links: Vec<_> = [sublayout, release].into_iter().chain(below).collect();
    publish_links(sample, links);
}

/// Lets the role of releases sign links in folders of folders.
fn folders(depth: usize) -> impl Iterator<Item = String> {
    (1..=depth).map(|depth| format!("example.com/demo/shop/in-toto-metadata{}/*.link", "/*".repeat(depth + 1)))
}

/// The author's key; the sample keeps no copy to sign with while it is changed.
pub(super) fn with_author(sample: &mut Sample) -> SigningKey {
    let author = || SigningKey::from_seed(&[11; 32]);
    sample.supply_chain.author = author();
    let (layout, digest) = (honest_layout(sample), product(sample));
    publish_layout(sample, &layout);
    let others: Vec<_> = sample
        .repository
        .released
        .iter()
        .filter(|(_, target)| target.content.is_none())
        .map(|(name, target)| {
            let product = if name == BUNDLE { "bundle.json" } else { "manifest.json" };
            (name.clone(), product, target.digest.clone(), target.length)
        })
        .collect();
    for (name, product, digest, length) in others {
        sample.release(&name, product, &digest, length);
    }
    assert_eq!(digest, product(sample));
    author()
}

#[test]
fn a_step_that_its_functionary_hands_on_is_accepted() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), stranger());
    let made = SupplyChain::link("make", &helper, json!({}), "bundle.json", &product(&sample));
    handed_on(&mut sample, &sublayout(&helper), &author, [made]);
    FarSide::trusting(&sample, hours(2)).accepts(&packed(&sample));
}

#[test]
fn a_sublayout_signed_by_someone_whom_the_step_does_not_name() {
    let mut sample = sample();
    let (_, helper) = (with_author(&mut sample), stranger());
    let made = SupplyChain::link("make", &helper, json!({}), "bundle.json", &product(&sample));
    handed_on(&mut sample, &sublayout(&helper), &helper, [made]);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    assert_error!(*refusal.cause, Cause::Threshold { step, counted, .. } if step == "author" && counted.is_empty());
}

#[test]
fn a_sublayout_whose_links_are_signed_by_someone_else() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), SigningKey::from_seed(&[3; 32]));
    let made = SupplyChain::link("make", &stranger(), json!({}), "bundle.json", &product(&sample));
    handed_on(&mut sample, &sublayout(&helper), &author, [made]);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    let Cause::Sublayout { step, source, .. } = *refusal.cause else { panic!("{refusal:?}") };
    assert_eq!(step, "author");
    assert_error!(*source.cause, Cause::Threshold { step, .. } if step == "make");
}

#[test]
fn a_sublayout_takes_no_links_from_the_layout_above() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), stranger());
    handed_on(&mut sample, &sublayout(&helper), &author, []);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::MissingLink);
    let Cause::Sublayout { source, .. } = *refusal.cause else { panic!("{refusal:?}") };
    assert_error!(*source.cause, Cause::NoLink { step } if step == "make");
}

#[test]
fn a_sublayout_that_has_expired() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), stranger());
    let mut layout = sublayout(&helper);
    layout["expires"] = json!("2026-05-01T00:00:00Z");
    let made = SupplyChain::link("make", &helper, json!({}), "bundle.json", &product(&sample));
    handed_on(&mut sample, &layout, &author, [made]);
    assert_eq!(in_toto(&sample).class(), RefusalClass::Expired);
}

#[test]
fn a_sublayout_that_produced_something_else() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), stranger());
    let made = SupplyChain::link("make", &helper, json!({}), "bundle.json", &Digest::sha256(b"other"));
    handed_on(&mut sample, &sublayout(&helper), &author, [made]);
    assert_eq!(in_toto(&sample).class(), RefusalClass::Rule);
}

#[test]
fn sublayouts_within_sublayouts_without_end() {
    let mut sample = sample();
    let author = with_author(&mut sample);
    let file = link(&sample, "make", &author).name;
    let folder = file.strip_suffix(".link").unwrap();
    let layout = sublayout(&author);
    let below = (0..8).map(|depth| Link {
        name: format!("{}{file}", format!("{folder}/").repeat(depth)),
        bytes: sign(&layout, slice::from_ref(&author)),
    });
    let below: Vec<_> = below.collect();
    handed_on(&mut sample, &layout, &author, below);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Limit);
}
