//! Any two texts match or do not, within a number of steps that is bounded by both lengths.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::in_toto::Work;
use sealift_proof::in_toto::glob::Pattern;

fn matches(pattern: &str, name: &str) -> bool {
    let Ok(read) = Pattern::parse(pattern) else { return false };
    let mut work = Work::new(u64::MAX);
    let verdict = read.matches(name, &mut work).expect("the budget is endless");
    let (pattern, name) = (pattern.chars().count() as u64, name.chars().count() as u64);
    assert!(work.spent() <= 2 * (pattern + 2) * (name + 2), "{} steps for {pattern} by {name}", work.spent());
    verdict
}

fuzz_target!(|data: &[u8]| {
    let Some((pattern, name)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else { return };
    let verdict = matches(pattern, name);
    if Pattern::parse(pattern).is_err() || pattern.len() > 4000 {
        return;
    }
    if !pattern.contains(['*', '?', '[']) {
        assert_eq!(verdict, pattern == name);
    }
    if verdict {
        assert!(matches(&format!("*{pattern}"), &format!("x/{name}")));
        assert!(matches(&format!("{pattern}*"), &format!("{name}/x")));
        assert!(matches(&format!("?{pattern}"), &format!("é{name}")));
    }
    assert!(matches("*", name));
});
