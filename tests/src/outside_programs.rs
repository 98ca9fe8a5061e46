//! Programs that are not ours. Without one, its tests are skipped, loudly; `SEALIFT_REQUIRE_TOOLS=1` makes that a failure.
//!
//! The test harness shows nothing that a test prints and passes, so what is skipped goes around it, and is noted in a file for
//! `tests/tests/what_was_skipped.rs`, which runs last and says it all once more.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Where a program is. `None`, after saying so, when the machine does not have it.
///
/// # Panics
/// When the program is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn find(program: &str) -> Option<PathBuf> {
    let found = look_for(program);
    if found.is_none() {
        skip(&format!("{program} is not on the PATH"));
    }
    found
}

/// Where a program is that nobody needs to have.
pub fn look_for(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A Python that has a module: the one that `SEALIFT_PYTHON` names, or else the one on the PATH.
///
/// # Panics
/// When there is none and `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let python = std::env::var_os("SEALIFT_PYTHON").map(PathBuf::from).or_else(|| find("python3"))?;
    let mut import = Command::new(&python);
    import.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
    let has_module = import.status().is_ok_and(|status| status.success());
    if !has_module {
        skip(&format!("{} cannot import {module}; SEALIFT_PYTHON may name one that can", python.display()));
    }
    has_module.then_some(python)
}

/// Says that this test, or a part of it, does not run, and why.
///
/// # Panics
/// When `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn skip(reason: &str) {
    let required = std::env::var("SEALIFT_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(!required, "nothing may be skipped: {reason}");
    let test = thread::current().name().unwrap_or("main").to_owned();
    let line = format!("{test}: {}\n", reason.replace('\n', " "));
    // Not by a macro, which the harness would capture.
    drop(std::io::stderr().write_all(format!("SKIPPED: {line}").as_bytes()));
    let mut options = OpenOptions::new();
    let noted = options.create(true).append(true).open(note()).and_then(|mut file| file.write_all(line.as_bytes()));
    noted.expect("a note of what is skipped");
}

/// What the tests that one `cargo test` runs have skipped until now, each as `TEST: REASON`. It is forgotten then.
pub fn skipped() -> Vec<String> {
    let text = fs::read_to_string(note()).unwrap_or_default();
    drop(fs::remove_file(note()));
    text.lines().map(ToOwned::to_owned).collect()
}

/// Where that is noted: beside the tests, for whoever started them.
fn note() -> PathBuf {
    let test = std::env::current_exe().expect("a test's own path");
    let folder = test.parent().map(Path::to_owned).unwrap_or_default();
    folder.join(format!("skipped-by-{}", std::os::unix::process::parent_id()))
}
