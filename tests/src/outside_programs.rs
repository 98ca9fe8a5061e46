//! Programs that are not ours. Without one, its tests are skipped, loudly; `SEALIFT_REQUIRE_TOOLS=1` makes that a failure.

use std::path::PathBuf;

/// Where a program is. `None`, after saying so, when the machine does not have it.
///
/// # Panics
/// When the program is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var("SEALIFT_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "{program} is required and not on the PATH");
        eprintln!("SKIPPED: {program} is not on the PATH");
    }
    found
}
