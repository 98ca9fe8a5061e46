//! Command tests as documents: each page beside this file is a manual and a test at once.
//!
//! A page `NAME.md` runs in a copy of `NAME.in/`, and must leave what `NAME.out/` holds.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;

/// Builds the command, and says where it is. (Cargo builds a package's own binaries for its tests, but not another's.)
fn sealift() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "sealift", "--bin", "sealift"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    build.arg("--target-dir").arg(folder.parent().unwrap());
    assert!(build.status().unwrap().success());
    folder.join("sealift")
}

#[test]
fn every_page_is_true() {
    trycmd::TestCases::new()
        .register_bin("sealift", sealift())
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .case("tests/commands/*.md");
}
