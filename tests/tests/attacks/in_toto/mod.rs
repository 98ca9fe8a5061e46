//! Supply chains that are wrong, through an archive: TUF and seal are right, and the refusal names step, rule, artifact and
//! key (in-toto 1.0 §5.2; CNAB-Sec 301 and 303).

mod layout;
mod links;
mod listing;
mod product;
mod sublayout;

use std::slice;

use sealift_archive_format::Digest;
use sealift_core::trust::SupplyChainError;
use sealift_proof::in_toto::Refusal;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::Sample;
use sealift_sample_publisher::keys::{key_id, key_object, sign};
use sealift_sample_publisher::supply_chain::{Link, SupplyChain, artifact};
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::signed;
use serde_json::{Value, json};

use super::*;

const LAYOUT: &str = "example.com/demo/shop/in-toto-metadata/root.layout";

/// A key that no layout names.
fn stranger() -> SigningKey {
    SigningKey::from_seed(&[99; 32])
}

/// The digest of the bundle: what the chain must have produced.
fn product(sample: &Sample) -> Digest {
    sample.repository.released[BUNDLE].digest.clone()
}

/// What the sample's owner signs as layout.
fn honest_layout(sample: &Sample) -> Value {
    signed(&sample.supply_chain.layout())
}

fn honest_links(sample: &Sample) -> [Link; 2] {
    sample.supply_chain.links("bundle.json", &product(sample)).try_into().unwrap()
}

/// A link of a step for the bundle.
fn link(sample: &Sample, step: &str, key: &SigningKey) -> Link {
    let materials = if step == "author" { json!({}) } else { artifact("bundle.json", &product(sample)) };
    SupplyChain::link(step, key, materials, "bundle.json", &product(sample))
}

/// Publishes another layout, signed by its owner.
fn publish_layout(sample: &mut Sample, layout: &Value) {
    let bytes = sign(layout, slice::from_ref(&sample.supply_chain.owner));
    publish_layout_file(sample, bytes);
}

fn publish_layout_file(sample: &mut Sample, bytes: Vec<u8>) {
    let custom = sample.repository.top_level[LAYOUT].custom.clone();
    sample.repository.top_level.insert(LAYOUT.to_owned(), Target { custom, ..Target::served(bytes) });
}

/// Publishes other links for the bundle, by their names below the folder of the bundle's digest.
fn publish_links(sample: &mut Sample, links: impl IntoIterator<Item = Link>) {
    let folder = format!("example.com/demo/shop/in-toto-metadata/{}/", product(sample).hex());
    let released = &mut sample.repository.released;
    released.retain(|path, _| !path.starts_with(&folder));
    let mut listed = vec![LAYOUT.to_owned()];
    for Link { name, bytes } in links {
        listed.push(format!("{folder}{name}"));
        released.insert(format!("{folder}{name}"), Target::served(bytes));
    }
    list(sample, &json!(listed));
}

/// Has the bundle's target list something else.
fn list(sample: &mut Sample, listing: &Value) {
    sample.repository.released.get_mut(BUNDLE).unwrap().custom = Some(json!({ "in-toto": listing }));
}

/// Names the key under another label in the layout.
fn labelled(key: &SigningKey, label: &str) -> Value {
    let mut object = key_object(key);
    object["keyid"] = json!(label);
    object
}

fn refused(sample: &Sample) -> Refused {
    FarSide::trusting(sample, hours(2)).refuses(&packed(sample))
}

fn packed(sample: &Sample) -> Vec<u8> {
    Consignment::of(sample, hours(1)).archive()
}

fn in_toto(sample: &Sample) -> Refusal {
    let refused = refused(sample);
    assert!(format!("{refused:?}").contains(BUNDLE), "the refusal names the bundle");
    refused.in_toto()
}

fn supply_chain(sample: &Sample) -> SupplyChainError {
    refused(sample).supply_chain()
}

#[test]
fn a_chain_that_is_published_anew_without_a_change_is_accepted() {
    let mut sample = sample();
    let (layout, links) = (honest_layout(&sample), honest_links(&sample));
    publish_layout(&mut sample, &layout);
    publish_links(&mut sample, links);
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"4\"\n");
    far.accepts(&packed(&sample));
}
