//! Each rule of in-toto 1.0 §4.3.3, and what an adversary would try with it.

use super::*;
use crate::in_toto::artifact::ArtifactHashes;
use crate::in_toto::substitution::Parameters;

fn artifacts(list: &str) -> Artifacts {
    // "name=hex name=hex": the hash is spelled out so that tests can make artifacts differ.
    let one = |word: &str| {
        let (name, hex) = word.split_once('=').unwrap();
        let hashes = (!hex.is_empty()).then(|| ("sha256".to_owned(), hex.to_owned()));
        (name.to_owned(), hashes.into_iter().collect::<ArtifactHashes>())
    };
    list.split_whitespace().map(one).collect()
}

/// Applies `rules` to the products of the step "build"; `other` is the products of the step "write".
fn products(rules: &[&str], materials: &str, products: &str, other: &str) -> Result<Vec<RuleTrace>, RuleViolation> {
    let parse = |text: &&str| {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        ArtifactRule::parse(&words, &Parameters::default()).unwrap()
    };
    let rules: Vec<ArtifactRule> = rules.iter().map(parse).collect();
    let reports = BTreeMap::from([
        ("build".to_owned(), StepReport { materials: artifacts(materials), products: artifacts(products) }),
        ("write".to_owned(), StepReport { materials: Artifacts::default(), products: artifacts(other) }),
    ]);
    let mut trace = Vec::new();
    apply_rules("build", ArtifactList::Products, &rules, &reports, &mut Work::new(1_000_000), &mut trace)?;
    Ok(trace)
}

fn refused(rules: &[&str], materials: &str, found: &str, other: &str) {
    let result = products(rules, materials, found, other);
    assert!(matches!(result, Err(RuleViolation::Disallowed { .. })), "{rules:?} {result:?}");
}

#[test]
fn create_consumes_only_what_was_not_there_before() {
    products(&["CREATE foo", "DISALLOW *"], "", "foo=aa", "").unwrap();
    refused(&["CREATE foo", "DISALLOW *"], "foo=aa", "foo=aa", "");
    refused(&["CREATE foo", "DISALLOW *"], "foo=aa", "foo=bb", "");
}

#[test]
fn modify_consumes_only_what_changed() {
    products(&["MODIFY foo", "DISALLOW *"], "foo=aa", "foo=bb", "").unwrap();
    refused(&["MODIFY foo", "DISALLOW *"], "foo=aa", "foo=aa", "");
    refused(&["MODIFY foo", "DISALLOW *"], "", "foo=bb", "");
}

#[test]
fn delete_consumes_only_materials_that_are_gone() {
    let rules: Vec<ArtifactRule> = [["DELETE", "foo"], ["DISALLOW", "*"]]
        .iter()
        .map(|words| ArtifactRule::parse(&words.map(str::to_owned), &Parameters::default()).unwrap())
        .collect();
    for (after, holds) in [("", true), ("foo=aa", false)] {
        let report = StepReport { materials: artifacts("foo=aa"), products: artifacts(after) };
        let reports = BTreeMap::from([("build".to_owned(), report)]);
        let (mut work, mut trace) = (Work::new(1000), Vec::new());
        let result = apply_rules("build", ArtifactList::Materials, &rules, &reports, &mut work, &mut trace);
        assert_eq!(result.is_ok(), holds);
    }
}

#[test]
fn match_consumes_only_equal_hashes() {
    let rules = ["MATCH foo WITH PRODUCTS FROM write", "DISALLOW *"];
    products(&rules, "", "foo=aa", "foo=aa").unwrap();
    refused(&rules, "", "foo=aa", "foo=bb");
    refused(&rules, "", "foo=aa", "Foo=aa");
    refused(&rules, "", "./foo=aa", "foo=aa");
    // Hashes are compared as written and as a whole.
    refused(&rules, "", "foo=aa", "foo=AA");
}

#[test]
fn artifacts_without_hashes_never_match() {
    refused(&["MATCH foo WITH PRODUCTS FROM write", "DISALLOW *"], "", "foo=", "foo=");
}

#[test]
fn match_from_a_step_that_does_not_exist_consumes_nothing() {
    refused(&["MATCH foo WITH PRODUCTS FROM nowhere", "DISALLOW *"], "", "foo=aa", "foo=aa");
}

#[test]
fn prefixes_are_folders_on_both_sides() {
    let rules = ["MATCH * IN lib WITH PRODUCTS IN build/lib/ FROM write", "DISALLOW *"];
    products(&rules, "", "lib/foo=aa lib/x/y=bb", "build/lib/foo=aa build/lib/x/y=bb").unwrap();
    // "lib" is a folder, not the beginning of a name.
    refused(&rules, "", "library=aa", "build/library=aa");
    refused(&rules, "", "lib/foo=aa", "foo=aa");
    refused(&rules, "", "foo=aa", "build/lib/foo=aa");
    // An absolute rest stays under the destination prefix.
    refused(&["MATCH * WITH PRODUCTS IN out FROM write", "DISALLOW *"], "", "/etc/passwd=aa", "/etc/passwd=aa");
}

#[test]
fn the_pattern_is_not_applied_to_the_prefix() {
    refused(&["MATCH * IN l* WITH PRODUCTS FROM write", "DISALLOW *"], "", "lib/foo=aa", "foo=aa");
}

#[test]
fn the_order_of_rules_decides() {
    products(&["ALLOW foo", "DISALLOW *"], "", "foo=aa", "").unwrap();
    refused(&["DISALLOW *", "ALLOW foo"], "", "foo=aa", "");
    // What is consumed is gone for later rules.
    let result = products(&["ALLOW foo", "REQUIRE foo"], "", "foo=aa", "");
    assert!(matches!(result, Err(RuleViolation::Required { .. })));
    products(&["REQUIRE foo", "ALLOW foo", "DISALLOW *"], "", "foo=aa", "").unwrap();
}

#[test]
fn require_takes_its_name_literally() {
    let result = products(&["REQUIRE *"], "", "foo=aa", "");
    assert!(matches!(result, Err(RuleViolation::Required { .. })));
    products(&["REQUIRE *"], "", "*=aa", "").unwrap();
}

#[test]
fn without_a_disallow_the_rest_is_allowed() {
    let trace = products(&["CREATE foo"], "", "foo=aa bar=bb", "").unwrap();
    assert_eq!(trace, [RuleTrace { rule: "CREATE foo".to_owned(), consumed: vec!["foo".to_owned()] }]);
    products(&[], "", "foo=aa", "").unwrap();
}

#[test]
fn uris_and_unicode_are_compared_as_they_are() {
    let rules = ["MATCH oci://* WITH PRODUCTS FROM write", "DISALLOW *"];
    products(&rules, "", "oci://example.com/a//b:1=aa", "oci://example.com/a//b:1=aa").unwrap();
    refused(&rules, "", "oci://example.com/a//b=aa", "oci://example.com/a/b=aa");
    refused(&["ALLOW e\u{301}", "DISALLOW *"], "", "\u{e9}=aa", "");
}

#[test]
fn the_work_of_many_rules_is_bounded() {
    let names: Artifacts =
        (0..1000).map(|index| (format!("{}{index}", "a".repeat(100)), ArtifactHashes::default())).collect();
    let rule = ArtifactRule::Create(Pattern::parse("*a*a*a*a*b").unwrap());
    let reports = BTreeMap::from([("build".to_owned(), StepReport { materials: names.clone(), products: names })]);
    let (mut work, mut trace) = (Work::new(1_000_000), Vec::new());
    let rules = vec![rule; 1000];
    let result = apply_rules("build", ArtifactList::Products, &rules, &reports, &mut work, &mut trace);
    assert!(matches!(result, Err(RuleViolation::Work(_))));
    assert!(work.spent() <= 1_000_100);
}
