//! Sublayouts: a functionary may hand on his step, and nobody may hand on another's.

use sealift_proof::in_toto::refusal::LinkProblem;
use sealift_proof::in_toto::{Cause, RefusalClass};

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

/// The honest layout with these keys for its steps, and no rules over materials: a report of the one step could be the
/// other's.
fn with_functionaries(sample: &mut Sample, author: &[&SigningKey], release: &[&SigningKey]) {
    let mut layout = honest_layout(sample);
    for (step, keys) in [author, release].into_iter().enumerate() {
        let keys: Vec<_> = keys.iter().map(|key| labelled(key, &key_id(key))).collect();
        for key in &keys {
            layout["keys"][key["keyid"].as_str().unwrap()] = key.clone();
        }
        layout["steps"][step]["pubkeys"] = keys.iter().map(|key| key["keyid"].clone()).collect();
        layout["steps"][step]["expected_materials"] = json!([]);
        layout["steps"][step]["expected_products"] = json!([["ALLOW", "*"]]);
    }
    publish_layout(sample, &layout);
}

/// The files of a step that `signer` handed on to `helper`, who made the bundle.
fn sublayout_of(sample: &Sample, step: &str, signer: &SigningKey, helper: &SigningKey, expires: &str) -> [Link; 2] {
    let mut layout = sublayout(helper);
    layout["expires"] = json!(expires);
    let folder = format!("{step}.{}", &key_id(signer)[..8]);
    let made = SupplyChain::link("make", helper, json!({}), "bundle.json", &product(sample));
    let below = Link { name: format!("{folder}/{}", made.name), ..made };
    [Link { name: format!("{folder}.link"), bytes: sign(&layout, slice::from_ref(signer)) }, below]
}

/// The keys of both steps' functionaries, and of someone to hand a step on to.
fn with_both(sample: &mut Sample) -> (SigningKey, SigningKey, SigningKey) {
    let releaser = || SigningKey::from_seed(&[12; 32]);
    sample.supply_chain.releaser = releaser();
    (with_author(sample), releaser(), stranger())
}

const EXPIRES: &str = "2027-01-01T00:00:00Z";

#[test]
fn a_sublayout_of_one_step_replayed_as_that_of_another() {
    // The releaser may author too, and handed authoring on; he released nothing.
    for other_expiry in [EXPIRES, "2027-02-01T00:00:00Z"] {
        let mut sample = sample();
        let (author, releaser, helper) = with_both(&mut sample);
        with_functionaries(&mut sample, &[&author, &releaser], &[&releaser]);
        sample.repository.release_paths.extend(folders(9));
        // The same file, or an earlier one of the same step.
        let authored = sublayout_of(&sample, "author", &releaser, &helper, EXPIRES);
        let replayed = sublayout_of(&sample, "release", &releaser, &helper, other_expiry);
        publish_links(&mut sample, authored.into_iter().chain(replayed));
        let refusal = in_toto(&sample);
        assert_eq!(refusal.class(), RefusalClass::Threshold);
        let Cause::Threshold { step, passed_over, .. } = *refusal.cause else { panic!("{refusal:?}") };
        assert_eq!(step, "author");
        assert_error!(&passed_over[0].1, LinkProblem::SublayoutForEitherStep(other) if other == "release");
    }
}

#[test]
fn a_sublayout_of_one_step_replayed_beside_that_steps_link() {
    let mut sample = sample();
    let (author, releaser, helper) = with_both(&mut sample);
    with_functionaries(&mut sample, &[&author, &releaser], &[&releaser]);
    sample.repository.release_paths.extend(folders(9));
    let replayed = sublayout_of(&sample, "release", &releaser, &helper, EXPIRES);
    let authored = SupplyChain::link("author", &releaser, json!({}), "bundle.json", &product(&sample));
    publish_links(&mut sample, [authored].into_iter().chain(replayed));
    assert_error!(*in_toto(&sample).cause, Cause::Threshold { step, .. } if step == "release");
}

#[test]
fn a_sublayout_whose_signer_another_step_names_under_another_label() {
    let mut sample = sample();
    let (author, helper) = (with_author(&mut sample), stranger());
    let mut layout = honest_layout(&sample);
    let label = "ab".repeat(32);
    layout["keys"][&label] = labelled(&author, &label);
    layout["steps"][1]["pubkeys"].as_array_mut().unwrap().push(json!(label));
    publish_layout(&mut sample, &layout);
    let made = SupplyChain::link("make", &helper, json!({}), "bundle.json", &product(&sample));
    handed_on(&mut sample, &sublayout(&helper), &author, [made]);
    let Cause::Threshold { step, passed_over, .. } = *in_toto(&sample).cause else { panic!("accepted") };
    assert_eq!(step, "author");
    assert_error!(&passed_over[0].1, LinkProblem::SublayoutForEitherStep(other) if other == "release");
}

#[test]
fn two_steps_handed_on_by_a_signer_each_are_accepted() {
    let mut sample = sample();
    let (author, releaser, helper) = with_both(&mut sample);
    with_functionaries(&mut sample, &[&author], &[&releaser]);
    sample.repository.release_paths.extend(folders(9));
    let authored = sublayout_of(&sample, "author", &author, &helper, EXPIRES);
    let released = sublayout_of(&sample, "release", &releaser, &helper, EXPIRES);
    publish_links(&mut sample, authored.into_iter().chain(released));
    FarSide::trusting(&sample, hours(2)).accepts(&packed(&sample));
}
