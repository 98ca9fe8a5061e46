//! What a target says about its supply chain (`custom.in-toto`), and what is missing of it.

use sealift_archive_format::inventory::ImageRole;
use sealift_core::trust::{NamedBy, RepositoryError};
use sealift_proof::tuf::{FetchError, ProviderError};
use sealift_tests::malicious_exporter::{digest, image_record};

use super::*;

fn with_listing(listing: &Value) -> SupplyChainError {
    let mut sample = sample();
    list(&mut sample, listing);
    supply_chain(&sample)
}

#[test]
fn a_listing_that_is_none() {
    for listing in [json!("root.layout"), json!({ "layout": LAYOUT }), json!([7])] {
        assert_error!(with_listing(&listing), SupplyChainError::Listing { target } if target == BUNDLE);
    }
}

#[test]
fn a_listing_without_a_layout() {
    assert_error!(with_listing(&json!([])), SupplyChainError::Layouts { count: 0, .. });
}

#[test]
fn a_listing_with_two_layouts() {
    assert_error!(with_listing(&json!([LAYOUT, LAYOUT])), SupplyChainError::Layouts { count: 2, .. });
}

#[test]
fn a_listing_of_something_that_is_neither_layout_nor_link() {
    let error = with_listing(&json!([LAYOUT, "example.com/demo/run-me.sh"]));
    assert_error!(error, SupplyChainError::Unexpected { file, .. } if file == "example.com/demo/run-me.sh");
}

#[test]
fn a_listed_link_that_no_role_signs() {
    let error = with_listing(&json!([LAYOUT, "example.com/elsewhere/author.00000000.link"]));
    assert_error!(error, SupplyChainError::NotATarget { file } if file.starts_with("example.com/elsewhere"));
}

#[test]
fn a_layout_that_lists_no_keys() {
    let mut sample = sample();
    sample.repository.top_level.get_mut(LAYOUT).unwrap().custom = None;
    assert_error!(supply_chain(&sample), SupplyChainError::NoKeys { layout } if layout == LAYOUT);
}

#[test]
fn in_toto_files_that_the_exporter_left_out() {
    let sample = sample();
    for ending in [".layout", ".pub", ".link"] {
        let mut consignment = Consignment::of(&sample, hours(1));
        consignment.tuf().retain(|path, _| !path.ends_with(ending));
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).repository();
        assert_error!(error, RepositoryError::Target { source: FetchError::Missing { path }, .. }
            if path.ends_with(ending));
    }
}

/// The sample with its component image under so many tags; each lists a supply chain with the same four megabytes beside it.
fn one_image_under_many_names(count: usize) -> (Sample, Vec<u8>) {
    let mut sample = sample();
    let place = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    let image = sample.references[place].1.clone();
    let folder = format!("example.com/demo/shop/in-toto-metadata/{}", digest(&image).hex());
    let padding = format!("{folder}/nothing.00000000.link");
    sample.repository.released.insert(padding.clone(), Target::served(vec![b' '; 4 << 20]));
    let names: Vec<String> =
        (0..count).map(|number| format!("example.com/demo/web:2.0.{number}")).chain([WEB.to_owned()]).collect();
    for name in &names {
        sample.release(name, "manifest.json", &digest(&image), image["size"].as_u64().unwrap());
        let listed = sample.repository.released.get_mut(name).unwrap().custom.as_mut().unwrap();
        listed["in-toto"].as_array_mut().unwrap().push(json!(padding));
    }
    let mut consignment = Consignment::of_image(&sample, place, hours(0));
    consignment.images = names.iter().map(|name| image_record(name, &image, ImageRole::StandAlone)).collect();
    (sample, consignment.archive())
}

#[test]
fn endless_data_as_one_supply_chain_that_many_names_list() {
    let (sample, archive) = one_image_under_many_names(3);
    FarSide::trusting(&sample, hours(2)).accepts(&archive);
    let (sample, archive) = one_image_under_many_names(130);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&archive).supply_chain();
    assert_error!(error, SupplyChainError::Work(_));
}

#[test]
fn a_listing_of_more_files_than_are_read() {
    let listing = |count: usize| {
        let link = "example.com/demo/author.00000000.link";
        json!([vec![LAYOUT; 1], vec![link; count - 1]].concat())
    };
    assert_error!(with_listing(&listing(10_001)), SupplyChainError::Listing { target } if target == BUNDLE);
    // As many as that are looked for.
    assert_error!(with_listing(&listing(10_000)), SupplyChainError::NotATarget { .. });
}

#[test]
fn a_layout_that_lists_something_else_than_keys() {
    for file in ["example.com/demo/shop/in-toto-pubkeys/owner.pem", LAYOUT] {
        let mut sample = sample();
        sample.repository.top_level.get_mut(LAYOUT).unwrap().custom = Some(json!({ "in-toto": [file] }));
        let refused = supply_chain(&sample);
        assert_error!(refused, SupplyChainError::Unexpected { target, file: found } if target == LAYOUT && found == file);
    }
}

#[test]
fn one_link_listed_twice() {
    let mut sample = sample();
    let mut listing = sample.repository.released[BUNDLE].custom.clone().unwrap()["in-toto"].clone();
    let link = listing[1].as_str().unwrap().to_owned();
    listing.as_array_mut().unwrap().push(json!(link));
    list(&mut sample, &listing);
    let name = link.rsplit('/').next().unwrap();
    assert_error!(supply_chain(&sample), SupplyChainError::DuplicateLink { name: found } if found == name);
}

#[test]
fn a_listed_file_longer_than_is_read() {
    let limit = 16 * 1024 * 1024;
    let with_length = |length: u64| {
        let mut sample = sample();
        sample.repository.top_level.get_mut(LAYOUT).unwrap().length = length;
        refused(&sample).repository()
    };
    assert_error!(with_length(limit + 1), RepositoryError::Target {
        source: FetchError::Provider(ProviderError::TooLong { file_name, limit: found }), ..
    } if file_name == LAYOUT && found == limit);
    // As long as that is read, and found to be shorter.
    assert_error!(with_length(limit), RepositoryError::Target { source: FetchError::Mismatch { path, .. }, .. } if path == LAYOUT);
}

/// A far side whose policy says which layout is in force, for every name.
fn far_side_with_layout(sample: &Sample, layout: &str) -> FarSide {
    let far = FarSide::trusting(sample, hours(2));
    far.policy(&format!("[[require]]\nnames = [\"*\"]\nlevel = \"4\"\nlayout = \"{layout}\"\n"));
    far
}

#[test]
fn another_layout_than_the_policy_names() {
    let next = LAYOUT.replace("root.layout", "2.root.layout");
    let archive = |sample: &Sample| {
        let mut consignment = Consignment::of(sample, hours(1));
        // It was exported with the policy that the far side has.
        consignment.tuf().retain(|path, _| !path.ends_with(".2.root.layout"));
        consignment.archive()
    };
    let sample = sample();
    let far = far_side_with_layout(&sample, LAYOUT);
    let verified = far.verify(&archive(&sample));
    let chain = verified.judgement().findings().items[0].supply_chain().unwrap();
    assert_eq!((chain.layout.target.as_str(), chain.layout.named_by), (LAYOUT, NamedBy::Policy));
    far.accepts(&archive(&sample));
    let refused = far_side_with_layout(&sample, &next).refuses(&archive(&sample)).supply_chain();
    assert_error!(refused, SupplyChainError::LayoutNotListed { layout, .. } if layout == next);
    // A target that lists a laxer layout, or several, or none, gains nothing by it.
    for listed in [json!([next]), json!([next, LAYOUT]), json!([])] {
        let mut sample = super::sample();
        let layout = &sample.repository.top_level[LAYOUT];
        let laxer = Target { custom: layout.custom.clone(), ..Target::served(b"{}".to_vec()) };
        sample.repository.top_level.insert(next.clone(), laxer);
        let custom = sample.repository.released[BUNDLE].custom.clone().unwrap();
        let links = custom["in-toto"].as_array().unwrap().iter().filter(|name| *name != LAYOUT).cloned();
        let listing = listed.as_array().unwrap().iter().cloned().chain(links).collect();
        list(&mut sample, &Value::Array(listing));
        far_side_with_layout(&sample, LAYOUT).accepts(&archive(&sample));
        let refused = far_side_with_layout(&sample, &next).refuses(&archive(&sample)).supply_chain();
        assert_error!(refused, SupplyChainError::LayoutNotThere { layout, .. } if layout == next);
    }
    let mut without_links = super::sample();
    list(&mut without_links, &json!([]));
    let refused = far_side_with_layout(&without_links, LAYOUT).refuses(&archive(&without_links)).in_toto();
    assert_eq!(refused.class(), sealift_proof::in_toto::RefusalClass::MissingLink);
}

#[test]
fn a_layout_of_the_policy_that_an_online_role_signs() {
    let mut sample = sample();
    // The publisher's mistake that makes it possible: the online role may sign for everything.
    sample.repository.release_paths = vec!["example.com/*/*".to_owned(), "example.com/demo/shop/*/*".to_owned()];
    sample.repository.release_paths.push("example.com/demo/shop/*/*/*".to_owned());
    let layout = sample.repository.top_level.remove(LAYOUT).unwrap();
    sample.repository.released.insert(LAYOUT.to_owned(), layout);
    let archive = Consignment::of(&sample, hours(1)).archive();
    let refused = far_side_with_layout(&sample, LAYOUT).refuses(&archive).supply_chain();
    assert_error!(refused, SupplyChainError::NotFromTopLevel { file, .. } if file == LAYOUT);
}

/// Only where no file can be a target is a supply chain looked for within one.
#[test]
fn documents_within_a_target_of_a_repository_that_has_files() {
    let mut sample = sample();
    sample.repository.released.values_mut().for_each(|target| target.custom = None);
    let bundle = sample.repository.released.get_mut(BUNDLE).unwrap();
    bundle.custom = Some(json!({ "key": "bm8ga2V5", "layout": "bm8gbGF5b3V0", "links": {} }));
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"2\"\n");
    let verified = far.verify(&Consignment::of(&sample, hours(1)).archive());
    let item = &verified.judgement().findings().items[0];
    assert_eq!((item.level().name(), item.supply_chain().is_none()), ("2", true));
}

#[test]
fn a_layout_of_a_repository_that_the_policy_does_not_ask_to_vouch() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.pin("other", &sample);
    far.map(
        r#"{ "repositories": { "demo": [], "other": [] },
        "mapping": [{ "paths": ["*"], "repositories": ["demo", "other"], "threshold": 2, "terminating": true }] }"#,
    );
    let with_documents_of = |supplier: &str| {
        let mut consignment = Consignment::of(&sample, hours(1));
        let files = consignment.tuf().clone();
        consignment.repositories.insert("other".to_owned(), files);
        for (_, files) in consignment.repositories.iter_mut().filter(|(name, _)| *name != supplier) {
            files.retain(|path, _| !path.starts_with("targets/"));
        }
        consignment.archive()
    };
    for (vouched_by, supplier, another) in
        [("", "demo", "other"), ("\"other\"", "other", "demo"), ("\"other\", \"demo\"", "other", "demo")]
    {
        far.policy(&format!(
            "[[require]]\nnames = [\"*\"]\nlevel = \"4\"\nvouched_by = [{vouched_by}]\nlayout = \"{LAYOUT}\"\n"
        ));
        let verified = far.verify(&with_documents_of(supplier));
        let chain = verified.judgement().findings().items[0].supply_chain().unwrap();
        assert_eq!(chain.layout.repository.as_str(), supplier);
        let refused = far.refuses(&with_documents_of(another)).supply_chain();
        assert_error!(refused, SupplyChainError::LayoutNotThere { repository, .. } if repository.as_str() == supplier);
    }
}
