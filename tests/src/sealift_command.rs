//! The command itself, for tests that run it as a person would.

use std::path::PathBuf;
use std::process::Command;

/// Builds the command, and says where it is. (Cargo builds a package's own binaries for its tests, but not another's.)
///
/// # Panics
/// When it cannot be built.
pub fn sealift() -> PathBuf {
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
