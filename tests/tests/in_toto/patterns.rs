//! Patterns match what Python's fnmatch matches.

use sealift_proof::in_toto::Work;
use sealift_proof::in_toto::glob::Pattern;

#[test]
fn patterns_match_what_fnmatch_matches() {
    let cases: Vec<(String, String, bool)> =
        serde_json::from_str(include_str!("../../vectors/in_toto/patterns.json")).unwrap();
    assert!(cases.len() >= 3000);
    for (pattern, name, expected) in cases {
        let matches = Pattern::parse(&pattern).unwrap().matches(&name, &mut Work::new(10_000)).unwrap();
        assert_eq!(matches, expected, "{pattern:?} {name:?}");
    }
}
