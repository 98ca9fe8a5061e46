//! A path pattern matches what a table that tries everything says. Input: a pattern, a line feed, a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::PathPattern;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((pattern, name)) = text.split_once('\n') else { return };
    let matched = PathPattern::new(pattern).matches(name);
    // Sets have odd forms; without them the meaning is plain.
    if !pattern.contains('[') && pattern.len() * name.len() < 1 << 16 {
        assert_eq!(matched, plainly(pattern, name));
    }
});

/// Which prefixes of the name each prefix of the pattern matches.
fn plainly(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached: Vec<bool> = (0..=name.len()).map(|length| length == 0).collect();
    for token in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        for place in 0..=name.len() {
            next[place] = match (token, place.checked_sub(1)) {
                ('*', None) => reached[place],
                ('*', Some(before)) => reached[place] || (next[before] && name[before] != '/'),
                (_, None) => false,
                ('?', Some(before)) => reached[before] && name[before] != '/',
                (literal, Some(before)) => reached[before] && name[before] == literal,
            };
        }
        reached = next;
    }
    reached[name.len()]
}
