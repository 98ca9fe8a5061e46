//! Command tests as documents: each page beside this file is a manual and a test at once.
//!
//! A page `NAME.md` runs in a copy of `NAME.in/`, and must leave what `NAME.out/` holds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bad_network;
mod book;
mod error_variants;
mod hints;
mod interrupted;
mod json;
mod names;
mod outputs;
mod rooms;

use sealift_tests::sealift_command::sealift;

#[test]
fn every_page_is_true() {
    trycmd::TestCases::new()
        .register_bin("sealift", sealift())
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .case("tests/commands/*.md");
}
