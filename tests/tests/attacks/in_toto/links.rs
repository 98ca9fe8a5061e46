//! Links that do not count, or that do not fit together.

use sealift_proof::in_toto::product::UnboundProduct;
use sealift_proof::in_toto::refusal::LinkProblem;
use sealift_proof::in_toto::rule_processing::RuleViolation;
use sealift_proof::in_toto::{Cause, RefusalClass};

use super::*;

/// The step that has too few links, and the one file that does not count for it.
fn passed_over(sample: &Sample) -> (String, String, LinkProblem) {
    let refusal = in_toto(sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    let traced = refusal.trace.steps.last().unwrap();
    let Cause::Threshold { step, counted, mut passed_over, .. } = *refusal.cause else { panic!("{refusal:?}") };
    assert!(counted.is_empty() && passed_over.len() == 1);
    assert_eq!((&traced.name, &traced.passed_over[0].file), (&step, &passed_over[0].0), "the trace says so");
    let (file, problem) = passed_over.remove(0);
    (step, file, problem)
}

#[test]
fn a_link_signed_by_an_unauthorised_key() {
    let mut sample = sample();
    let [author, _] = honest_links(&sample);
    let release = link(&sample, "release", &stranger());
    let file = release.name.clone();
    publish_links(&mut sample, [author, release]);
    let (step, passed_over, problem) = passed_over(&sample);
    assert_eq!((step.as_str(), passed_over), ("release", file));
    assert_error!(problem, LinkProblem::NotSigned(_));
}

#[test]
fn a_link_signed_by_an_unauthorised_key_under_the_label_of_an_authorised_one() {
    let mut sample = sample();
    let [author, release] = honest_links(&sample);
    let mut forged: Value = serde_json::from_slice(&link(&sample, "release", &stranger()).bytes).unwrap();
    forged["signatures"][0]["keyid"] = json!(key_id(&sample.supply_chain.releaser));
    let forged = Link { name: release.name, bytes: forged.to_string().into_bytes() };
    publish_links(&mut sample, [author, forged]);
    let (step, _, problem) = passed_over(&sample);
    assert_eq!(step, "release");
    assert_error!(problem, LinkProblem::NotSigned(_));
}

#[test]
fn a_link_signed_by_the_key_of_another_step() {
    let mut sample = sample();
    let [author, _] = honest_links(&sample);
    let release = link(&sample, "release", &sample.supply_chain.author);
    publish_links(&mut sample, [author, release]);
    let (step, _, problem) = passed_over(&sample);
    assert_eq!(step, "release");
    assert_error!(problem, LinkProblem::KeyOfAnotherStep { key_id: found }
        if found == key_id(&sample.supply_chain.author));
}

#[test]
fn a_link_signed_by_the_owner_of_the_layout() {
    let mut sample = sample();
    let [author, _] = honest_links(&sample);
    let release = link(&sample, "release", &sample.supply_chain.owner);
    publish_links(&mut sample, [author, release]);
    let (step, _, problem) = passed_over(&sample);
    assert_eq!(step, "release");
    assert_error!(problem, LinkProblem::NotSigned(_));
}

#[test]
fn a_link_of_another_step_used_again() {
    let mut sample = sample();
    let [author, release] = honest_links(&sample);
    // The releaser's own signature, but on a report of the other step.
    let reused = Link { name: release.name, ..link(&sample, "author", &sample.supply_chain.releaser) };
    publish_links(&mut sample, [author, reused]);
    let (step, _, problem) = passed_over(&sample);
    assert_eq!(step, "release");
    assert_error!(problem, LinkProblem::OtherStep(name) if name == "author");
}

#[test]
fn a_missing_link() {
    let mut sample = sample();
    let [author, _] = honest_links(&sample);
    publish_links(&mut sample, [author]);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::MissingLink);
    assert_eq!(refusal.trace.steps[0].links[0].key_id, key_id(&sample.supply_chain.author));
    assert_error!(*refusal.cause, Cause::NoLink { step } if step == "release");
}

#[test]
fn a_product_tampered_with_between_two_steps() {
    let mut sample = sample();
    let [_, release] = honest_links(&sample);
    let other = Digest::sha256(b"what the author made");
    let author = SupplyChain::link("author", &sample.supply_chain.author, json!({}), "bundle.json", &other);
    publish_links(&mut sample, [author, release]);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Rule);
    let rules = &refusal.trace.steps[1].materials;
    assert_eq!(rules[0].rule, "MATCH * WITH PRODUCTS FROM author");
    assert!(rules[0].consumed.is_empty(), "the trace shows which rule did not consume it");
    assert_error!(*refusal.cause, Cause::Rule(RuleViolation::Disallowed { item, rule, artifacts, .. })
        if item == "release" && rule == "DISALLOW *" && artifacts == ["bundle.json"]);
}

#[test]
fn a_product_tampered_with_after_the_last_step() {
    let mut sample = sample();
    let other = Digest::sha256(b"what was released");
    let links = sample.supply_chain.links("bundle.json", &other);
    publish_links(&mut sample, links);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Product);
    assert_error!(*refusal.cause, Cause::Product(UnboundProduct::OtherContent { file, step, reported, .. })
        if file == "bundle.json" && step == "release" && reported.contains(other.hex()));
}

#[test]
fn the_links_of_another_product() {
    let mut sample = sample();
    let links = sample.supply_chain.links("manifest.json", &product(&sample));
    publish_links(&mut sample, links);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Product);
    assert_error!(*refusal.cause, Cause::Product(UnboundProduct::NotProduced { file }) if file == "bundle.json");
}

/// A layout whose step `author` asks for two of these keys, by their labels.
fn two_authors(sample: &Sample, labels: &[(&str, &SigningKey)]) -> Value {
    let mut layout = honest_layout(sample);
    for (label, key) in labels {
        layout["keys"][label] = labelled(key, label);
    }
    layout["steps"][0]["threshold"] = json!(2);
    layout["steps"][0]["pubkeys"] = labels.iter().map(|(label, _)| json!(label)).collect();
    layout
}

#[test]
fn two_labels_for_one_key_are_one_functionary() {
    let mut sample = sample();
    let author = &sample.supply_chain.author;
    let layout = two_authors(&sample, &[("anna", author), ("bert", author)]);
    let [_, release] = honest_links(&sample);
    let bytes = link(&sample, "author", author).bytes;
    let by = |label: &str| {
        let mut signed: Value = serde_json::from_slice(&bytes).unwrap();
        signed["signatures"][0]["keyid"] = json!(label);
        Link { name: format!("author.{label}.link"), bytes: signed.to_string().into_bytes() }
    };
    let links = [by("anna"), by("bert"), release];
    publish_layout(&mut sample, &layout);
    publish_links(&mut sample, links);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    assert_error!(*refusal.cause, Cause::Threshold { step, required, counted, passed_over }
        if step == "author" && required.get() == 2 && counted == ["anna"]
            && matches!(&passed_over[..], [(file, LinkProblem::SameSigner(other))]
                if file == "author.bert.link" && other == "author.anna.link"));
}

#[test]
fn a_threshold_that_is_not_met() {
    let mut sample = sample();
    let second = SigningKey::from_seed(&[2; 32]);
    let anna = key_id(&sample.supply_chain.author);
    let layout = two_authors(&sample, &[(&anna, &sample.supply_chain.author), (&key_id(&second), &second)]);
    publish_layout(&mut sample, &layout);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Threshold);
    assert_error!(*refusal.cause, Cause::Threshold { step, required, counted, passed_over }
        if step == "author" && required.get() == 2 && counted == [anna] && passed_over.is_empty());
}

#[test]
fn links_that_do_not_agree() {
    let mut sample = sample();
    let second = SigningKey::from_seed(&[2; 32]);
    let anna = key_id(&sample.supply_chain.author);
    let layout = two_authors(&sample, &[(&anna, &sample.supply_chain.author), (&key_id(&second), &second)]);
    let [author, release] = honest_links(&sample);
    let other = Digest::sha256(b"something else");
    let by_second = SupplyChain::link("author", &second, json!({}), "bundle.json", &other);
    let files = [author.name.clone(), by_second.name.clone()];
    publish_layout(&mut sample, &layout);
    publish_links(&mut sample, [author, by_second, release]);
    let refusal = in_toto(&sample);
    assert_eq!(refusal.class(), RefusalClass::Disagreement);
    assert_error!(*refusal.cause, Cause::Disagreement { step, first, second, artifact }
        if step == "author" && artifact == "bundle.json" && files.contains(&first) && files.contains(&second));
}

#[test]
fn a_product_is_proven_by_every_hash_that_the_last_step_reports() {
    use crate::tuf::arbitrary_software::{Stated, every_way, written};

    for hashes in every_way() {
        let mut sample = sample();
        let content = sample.blobs[&product(&sample)].clone();
        let reported = json!({ "bundle.json": written(hashes, &content) });
        let steps = [("author", &sample.supply_chain.author), ("release", &sample.supply_chain.releaser)];
        let links = steps.map(|(step, key)| {
            let link = link(&sample, step, key);
            let mut said = signed(&link.bytes);
            said["products"] = reported.clone();
            said["materials"] = if step == "author" { json!({}) } else { reported.clone() };
            Link { bytes: sign(&said, slice::from_ref(key)), ..link }
        });
        publish_links(&mut sample, links);
        let (sha256, sha512, unknown) = hashes;
        let refused = match [sha256, sha512] {
            stated if stated.contains(&Stated::Wrong) => true,
            stated => !stated.contains(&Stated::Right),
        };
        if !refused {
            FarSide::trusting(&sample, hours(2)).accepts(&consignment(&sample).archive());
            continue;
        }
        let class = in_toto(&sample).class();
        // What states no hash at all is equal to nothing, in the rules of the steps too.
        let says_nothing = [sha256, sha512] == [Stated::No; 2] && !unknown;
        let expected = if says_nothing { RefusalClass::Rule } else { RefusalClass::Product };
        assert_eq!(class, expected, "{hashes:?}");
    }
}
