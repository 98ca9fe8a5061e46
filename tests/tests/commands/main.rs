//! Command tests as documents: each page beside this file is a manual and a test at once.
//!
//! A page `NAME.md` runs in a copy of `NAME.in/`, and must leave what `NAME.out/` holds. Beside `sealift` it may use `cp`, `grep` and
//! `weekly-publisher`, a program of this crate.

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

use std::path::PathBuf;

use sealift_tests::outside_programs;
use sealift_tests::sealift_command::sealift;

#[test]
fn every_page_is_true() {
    let pages = trycmd::TestCases::new();
    for program in ["cp", "grep"] {
        pages.register_bin(program, outside_programs::find(program).unwrap());
    }
    pages
        .register_bin("weekly-publisher", PathBuf::from(env!("CARGO_BIN_EXE_weekly-publisher")))
        .register_bin("sealift", sealift())
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .case("tests/commands/*.md");
}
