//! Any rules over any artifacts hold or do not, within the budget; what a rule consumes was there, and is consumed once.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use sealift_proof::in_toto::Work;
use sealift_proof::in_toto::artifact_rules::{ArtifactList, ArtifactRule};
use sealift_proof::in_toto::rule_processing::{StepReport, apply_rules};
use sealift_proof::in_toto::{ArtifactHashes, Artifacts, Parameters};

const BUDGET: u64 = 100_000;

/// Names, each with a hash that depends on its length alone, so that some are equal.
fn artifacts(line: &str) -> Artifacts {
    let hashes = |name: &str| ArtifactHashes::from_iter([("sha256".to_owned(), format!("{:02x}", name.len() % 3))]);
    line.split(' ').filter(|name| !name.is_empty()).map(|name| (name.to_owned(), hashes(name))).collect()
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let mut next = || artifacts(lines.next().unwrap_or_default());
    let (materials, products, others) = (next(), next(), next());
    let parse = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        ArtifactRule::parse(&words, &Parameters::default()).ok()
    };
    let rules: Vec<_> = lines.filter_map(parse).collect();
    let other = StepReport { materials: others.clone(), products: others };
    let own = StepReport { materials, products };
    let reports = BTreeMap::from([("own".to_owned(), own.clone()), ("other".to_owned(), other)]);
    for list in [ArtifactList::Materials, ArtifactList::Products] {
        let (mut work, mut trace) = (Work::new(BUDGET), Vec::new());
        let _ = apply_rules("own", list, &rules, &reports, &mut work, &mut trace);
        assert!(work.spent() <= BUDGET + 4096);
        let mut consumed = BTreeSet::new();
        for name in trace.iter().flat_map(|rule| &rule.consumed) {
            assert!(own.list(list).hashes(name).is_some());
            assert!(consumed.insert(name));
        }
    }
});
