//! What binds the final product to the chain: the last step that reports it, alone or in a folder, and every hash of it.

use sealift_archive_format::{DigestAlgorithm, Hasher};
use sealift_proof::in_toto::product::UnboundProduct;
use sealift_proof::in_toto::{Cause, RefusalClass};

use super::*;

/// The products that a step reports: names and hashes.
type Products<'a> = [(&'a str, Value)];

/// The sample, with steps that may produce anything and report these products.
fn reporting(author: &Products<'_>, release: &Products<'_>) -> Sample {
    let mut sample = sample();
    let mut layout = honest_layout(&sample);
    for step in [0, 1] {
        layout["steps"][step]["expected_materials"] = json!([]);
        layout["steps"][step]["expected_products"] = json!([["ALLOW", "*"]]);
    }
    publish_layout(&mut sample, &layout);
    let (by_author, by_releaser) = (&sample.supply_chain.author, &sample.supply_chain.releaser);
    let links = [link_of("author", by_author, author), link_of("release", by_releaser, release)];
    publish_links(&mut sample, links);
    sample
}

fn link_of(step: &str, key: &SigningKey, products: &Products<'_>) -> Link {
    let products: serde_json::Map<_, _> = products.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
    let signed = json!({"_type": "link", "name": step, "command": [], "environment": {}, "byproducts": {},
        "materials": {}, "products": products});
    Link { name: format!("{step}.{}.link", &key_id(key)[..8]), bytes: sign(&signed, slice::from_ref(key)) }
}

/// The bundle's own hashes.
fn good() -> Value {
    let sample = sample();
    json!({ "sha256": product(&sample).hex() })
}

/// The hashes of something else.
fn other() -> Value {
    json!({ "sha256": Digest::sha256(b"other").hex() })
}

fn sha512(sample: &Sample) -> String {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha512);
    hasher.update(&sample.blobs[&product(sample)]);
    hasher.finish().hex().to_owned()
}

/// The sample is accepted, and this step made the bundle under this name.
fn bound_to(sample: &Sample, step: &str, product: &str) {
    let far = FarSide::trusting(sample, hours(2));
    far.policy("minimum_level = \"4\"\n");
    let report = far.accepts(&packed(sample)).verified().report();
    let bindings = &report.items[0].in_toto.as_ref().unwrap().trace.product;
    let bindings: Vec<_> = bindings.iter().map(|it| (it.step.as_str(), it.product.as_str())).collect();
    assert_eq!(bindings, [(step, product)]);
}

fn unbound(sample: &Sample) -> UnboundProduct {
    let refusal = in_toto(sample);
    assert_eq!(refusal.class(), RefusalClass::Product);
    match *refusal.cause {
        Cause::Product(unbound) => unbound,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_early_steps_bare_name_against_the_last_steps_name_in_a_folder() {
    for in_folder in ["dist/bundle.json", "./dist//bundle.json", "dist/bundle.json/.", "oci://example.com/bundle.json"]
    {
        let sample = reporting(&[("bundle.json", good())], &[(in_folder, other())]);
        assert_error!(unbound(&sample), UnboundProduct::OtherContent { file, step, .. }
            if file == "bundle.json" && step == "release");
        // The other way round the last step is right, whatever the early one said.
        bound_to(&reporting(&[("bundle.json", other())], &[(in_folder, good())]), "release", in_folder);
    }
}

#[test]
fn an_early_steps_name_in_a_folder_against_the_last_steps_bare_name() {
    let sample = reporting(&[("dist/bundle.json", good())], &[("bundle.json", other())]);
    assert_error!(unbound(&sample), UnboundProduct::OtherContent { step, .. } if step == "release");
    bound_to(&reporting(&[("dist/bundle.json", other())], &[("bundle.json", good())]), "release", "bundle.json");
}

#[test]
fn what_only_an_early_step_reports_is_that_steps() {
    for name in ["bundle.json", "dist/bundle.json"] {
        // Names that only look alike are no form of it.
        let release = [("my-bundle.json", other()), ("bundle.json/readme", other()), ("dist/Bundle.json", other())];
        bound_to(&reporting(&[(name, good())], &release), "author", name);
        assert_error!(unbound(&reporting(&[(name, other())], &release)), UnboundProduct::OtherContent { step, .. }
            if step == "author");
    }
}

#[test]
fn one_step_that_reports_two_contents() {
    for disagreeing in [
        &[("bundle.json", good()), ("dist/bundle.json", other())][..],
        &[("bundle.json", other()), ("dist/bundle.json", good())],
        &[("a/bundle.json", good()), ("b/bundle.json", other())],
        &[("bundle.json", good()), ("a/bundle.json", good()), ("b/bundle.json", other())],
        &[("bundle.json", good()), ("dist/bundle.json", json!({ "md5": "00" }))],
        &[("bundle.json", good()), ("dist/bundle.json", json!({}))],
        &[("bundle.json", good()), ("dist/bundle.json", json!({ "sha512": "00" }))],
    ] {
        let sample = reporting(&[("bundle.json", good())], disagreeing);
        assert_error!(unbound(&sample), UnboundProduct::FormsDisagree { file, step, products }
            if file == "bundle.json" && step == "release" && products.len() == disagreeing.len());
    }
}

#[test]
fn one_step_that_reports_one_content_under_several_names_is_accepted() {
    let both = json!({ "sha256": product(&sample()).hex(), "sha512": sha512(&sample()) });
    let release = [("dist/bundle.json", both), ("bundle.json", good()), ("a/bundle.json", good())];
    bound_to(&reporting(&[], &release), "release", "bundle.json");
    let sample = reporting(&[], &[("bundle.json", other()), ("a/bundle.json", other())]);
    assert_error!(unbound(&sample), UnboundProduct::OtherContent { step, .. } if step == "release");
}

#[test]
fn a_sublayouts_product_counts_as_its_steps() {
    for (name, content, holds) in
        [("dist/bundle.json", other(), false), ("dist/bundle.json", good(), true), ("bundle.json", other(), false)]
    {
        let mut sample = sample();
        let (author, helper) = (sublayout::with_author(&mut sample), stranger());
        let mut layout = honest_layout(&sample);
        for step in [0, 1] {
            layout["steps"][step]["expected_materials"] = json!([]);
            layout["steps"][step]["expected_products"] = json!([["ALLOW", "*"]]);
        }
        // The step that is handed on comes last.
        layout["steps"].as_array_mut().unwrap().reverse();
        publish_layout(&mut sample, &layout);
        let made = link_of("make", &helper, &[(name, content)]);
        sublayout::handed_on(&mut sample, &sublayout::sublayout(&helper), &author, [made]);
        if holds {
            bound_to(&sample, "author", name);
        } else {
            assert_error!(unbound(&sample), UnboundProduct::OtherContent { step, .. } if step == "author");
        }
    }
}

#[test]
fn every_hash_that_can_be_computed_is_compared() {
    let right = (product(&sample()).hex().to_owned(), sha512(&sample()));
    for hashes in [
        json!({ "sha512": right.1 }),
        json!({ "sha256": right.0, "sha512": right.1 }),
        json!({ "sha512": right.1.to_uppercase(), "md5": "00" }),
    ] {
        bound_to(&reporting(&[], &[("bundle.json", hashes)]), "release", "bundle.json");
    }
    let wrong = "00".repeat(64);
    for hashes in [
        json!({ "sha256": right.0, "sha512": wrong }),
        json!({ "sha256": &wrong[..64], "sha512": right.1 }),
        json!({ "sha512": wrong }),
        json!({ "sha256": right.1 }),
        json!({ "md5": "00" }),
        json!({ "sha384": &wrong[..96] }),
        json!({}),
    ] {
        let sample = reporting(&[], &[("bundle.json", hashes)]);
        assert_error!(unbound(&sample), UnboundProduct::OtherContent { step, .. } if step == "release");
    }
}
