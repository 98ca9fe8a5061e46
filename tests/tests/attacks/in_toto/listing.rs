//! What a target says about its supply chain (`custom.in-toto`), and what is missing of it.

use sealift_core::trust::RepositoryError;
use sealift_core::tuf::FetchError;

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
