//! Says what the tests before it have skipped, once all have run: its name is the last of the tests' names.

use std::collections::BTreeMap;
use std::io::Write as _;

use sealift_tests::outside_programs;

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let skipped = outside_programs::skipped();
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (test, reason) in skipped.iter().filter_map(|line| line.split_once(": ")) {
        let tests = by_reason.entry(reason).or_default();
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    let mut text = String::from("\nNo test was skipped.\n");
    if !by_reason.is_empty() {
        text = "\nSKIPPED, wholly or in part (SEALIFT_REQUIRE_TOOLS=1 lets none be skipped):\n".to_owned();
        for (reason, tests) in by_reason {
            text.push_str(&format!("  {reason}: {}\n", tests.join(", ")));
        }
    }
    drop(std::io::stdout().write_all(text.as_bytes()));
}
