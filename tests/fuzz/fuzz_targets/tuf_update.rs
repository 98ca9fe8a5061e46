//! A whole update over a repository that an attacker without keys rearranges: whatever is accepted, was published.
//!
//! Input: instructions of four bytes each, which copy, remove, cut, extend or change one of the published files.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::{RoleName, TrustedState};
use serde_json::{Value, json};

mod tuf;

const TARGETS: [&str; 2] = ["file", "below/file"];

/// Two generations of one repository, in the files that a server would have kept, and other servers' leftovers.
static PUBLISHED: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let delegated = RoleName::delegated("delegated").unwrap();
    let described = |content: u64| json!({"length": content, "hashes": {"sha256": format!("{content:064x}")}});
    let mut files = vec![tuf::file(&RoleName::root(), Some(1), &tuf::root(1))];
    files.push(tuf::file(&RoleName::root(), Some(2), &tuf::root(2)));
    for version in 1..=2 {
        let listed = json!({"targets.json": {"version": version}, "delegated.json": {"version": version}});
        let mut top = tuf::role("targets", version, tuf::delegations("delegated", &["below/*"]));
        top["targets"] = json!({"file": described(version)});
        let below: Value = json!({"targets": {"below/file": described(10 + version), "file": described(99)}});
        let meta = json!({"meta": {"snapshot.json": {"version": version}}});
        files.push(tuf::file(&delegated, Some(version), &tuf::role("targets", version, below)));
        files.push(tuf::file(&RoleName::targets(), Some(version), &top));
        files.push(tuf::file(
            &RoleName::snapshot(),
            Some(version),
            &tuf::role("snapshot", version, json!({"meta": listed})),
        ));
        let timestamp = tuf::sign(&tuf::role("timestamp", version, meta)).unwrap();
        let name = if version == 2 { "timestamp.json" } else { "1.timestamp.json" };
        files.push((name.to_owned(), timestamp));
    }
    files
});

/// What a client remembers that has seen the second generation.
static REMEMBERED: LazyLock<TrustedState> = LazyLock::new(|| {
    let files = PUBLISHED.iter().cloned().collect();
    tuf::walk(files, &TrustedState::default()).unwrap().0.into_state(None)
});

fn rearrange(files: &mut BTreeMap<String, Vec<u8>>, instruction: &[u8]) {
    let &[what, which, place, value] = instruction else { return };
    let name = &PUBLISHED[usize::from(which) % PUBLISHED.len()].0;
    let Some(bytes) = files.get_mut(name) else { return };
    let at = usize::from(place) * bytes.len().max(1) / 256;
    match what % 6 {
        0 => *bytes = PUBLISHED[usize::from(value) % PUBLISHED.len()].1.clone(),
        1 => drop(files.remove(name)),
        2 => bytes.truncate(at),
        3 => bytes.extend(std::iter::repeat_n(value, usize::from(place))),
        4 => bytes.insert(at, value),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
    }
}

fuzz_target!(|data: &[u8]| {
    let mut files: BTreeMap<String, Vec<u8>> = PUBLISHED.iter().cloned().collect();
    data.chunks(4).take(64).for_each(|instruction| rearrange(&mut files, instruction));
    for (state, oldest) in [(TrustedState::default(), 1), (REMEMBERED.clone(), 2)] {
        let Ok((mut repository, mut carried)) = tuf::walk(files.clone(), &state) else { continue };
        let versions: Vec<u64> = repository.roles().iter().map(|role| role.version).collect();
        let generation = versions[1];
        assert!(generation >= oldest, "rollback: {versions:?}");
        assert!(versions[1..].iter().all(|version| *version == generation), "mix and match: {versions:?}");
        for (target, base) in TARGETS.iter().zip([0, 10]) {
            if let Ok(found) = repository.resolve(&mut carried, target) {
                assert_eq!(found.unwrap().length(), base + generation);
            }
        }
    }
});
