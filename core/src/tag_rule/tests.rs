use super::*;
use crate::oci::Reference;
use crate::remedy::Remediable as _;

fn rule(versions: &str, pattern: &str, newest: usize, prereleases: bool) -> Result<TagRule, TagRuleError> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let newest = Some(newest).filter(|newest| *newest != 0);
    TagRule::new(TagWish { versions: text(versions), pattern: text(pattern), newest, prereleases })
}

fn chosen_from(rule: &TagRule, tags: &[&str]) -> Result<Vec<String>, TagsError> {
    let reference: Reference = "example.com/web".parse().unwrap();
    let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    Ok(rule.choose(reference.repository(), &tags)?.iter().map(ToString::to_string).collect())
}

#[test]
fn tags_are_chosen_by_version_by_pattern_and_by_age() {
    let tags = [
        "latest",
        "1",
        "1.2",
        "1.2.9",
        "v1.2.10",
        "1.3.0",
        "1.3.0-rc.1",
        "2.0.0",
        "2.1.0-rc.2",
        "1.3.0-alpine",
        "1.2.9-alpine",
        "release-9",
        "release-10",
        "release-2",
        "24.04",
        "24.10",
    ];
    for (versions, pattern, newest, prereleases, expected) in [
        ("1.*", "", 0, false, &["1.3.0", "v1.2.10", "1.2.9"][..]),
        ("1.*", "", 2, false, &["1.3.0", "v1.2.10"]),
        ("1.2.* || 2.*", "", 0, false, &["2.0.0", "v1.2.10", "1.2.9"]),
        ("2.*", "", 0, true, &["2.1.0-rc.2", "2.0.0"]),
        ("*", "*-alpine", 1, false, &["1.3.0-alpine"]),
        ("1.*", "v*", 0, false, &["v1.2.10"]),
        ("", "release-*", 2, false, &["release-10", "release-9"]),
        ("", "2?.*", 1, false, &["24.10"]),
        ("", "latest", 0, false, &["latest"]),
    ] {
        let rule = rule(versions, pattern, newest, prereleases).unwrap();
        let mut reversed = tags;
        reversed.reverse();
        for tags in [tags, reversed] {
            assert_eq!(chosen_from(&rule, &tags).unwrap(), expected, "{rule}");
        }
    }
}

#[test]
fn two_tags_of_one_version_count_as_one_and_tags_of_signatures_as_nothing() {
    let signature = format!("sha256-{}.sig", "0".repeat(64));
    let newest = |rule: &TagRule| chosen_from(rule, &["1.0.0", "v1.1.0", "1.1.0", &signature]).unwrap();
    assert_eq!(newest(&rule("*", "", 1, false).unwrap()), ["1.1.0", "v1.1.0"]);
    assert_eq!(newest(&rule("", "*", 9, false).unwrap()).len(), 3);
}

#[test]
fn a_rule_that_fits_nothing_names_tags_that_are_there() {
    let nines = rule("9.*", "", 3, false).unwrap();
    let refused = |tags: &[&str]| chosen_from(&nines, tags).unwrap_err();
    let many = refused(&["1.0.0", "latest", "1.10.0", "1.9.0", "dev", "9.0.0-rc.1"]);
    assert!(matches!(&many, TagsError::NothingFits { count: 6, .. }));
    assert_eq!(
        many.to_string(),
        "no tag of example.com/web fits the rule (versions 9.*, newest 3); among the 6 there are 9.0.0-rc.1, 1.10.0, 1.9.0, 1.0.0"
    );
    assert!(refused(&["dev"]).to_string().ends_with("the only one there is dev"));
    assert!(refused(&[]).to_string().ends_with("no tags are listed there"));
    assert_eq!(many.remedy(), crate::remedy::Remedy::CorrectTagRule);
}

#[test]
fn what_a_rule_chooses_is_limited() {
    let tags: Vec<String> = (0..=MAXIMUM_CHOSEN).map(|number| format!("r{number}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let all = chosen_from(&rule("", "r*", 0, false).unwrap(), &tags);
    assert!(matches!(all, Err(TagsError::TooMany { count: 10_001, .. })));
    let mut chosen = ChosenTags::default();
    let mut add = |image: &str, count: usize| {
        chosen.add(image, &rule("", "*", 0, false).unwrap(), vec!["1".parse().unwrap(); count])
    };
    assert_eq!((add("a", MAXIMUM_IN_ALL), add("b", 1)), (Ok(()), Err(TagsError::TooManyInAll)));
    assert_eq!(chosen_from(&rule("", "r*", MAXIMUM_CHOSEN, false).unwrap(), &tags).unwrap().len(), MAXIMUM_CHOSEN);
}

#[test]
fn what_is_not_a_rule_is_refused() {
    assert_eq!(rule("", "", 3, false), Err(TagRuleError::Neither));
    assert_eq!(rule("", "a*", 0, true), Err(TagRuleError::PrereleasesOfNothing));
    assert_eq!(rule("1.*", "", MAXIMUM_CHOSEN + 1, false), Err(TagRuleError::Newest));
    assert_eq!(rule("", &"a".repeat(1_001), 0, false), Err(TagRuleError::TooLong));
    for pattern in ["1", "*-*"] {
        assert_eq!(rule("1.*", pattern, 0, false), Err(TagRuleError::Star), "{pattern}");
    }
    for range in ["about 2", "1.* ||", "!=*"] {
        assert!(matches!(rule(range, "", 0, false), Err(TagRuleError::Range { .. })), "{range}");
    }
    for pattern in ["^v[0-9]+$", "a b", "ä*"] {
        assert!(matches!(rule("", pattern, 0, false), Err(TagRuleError::Pattern { .. })), "{pattern}");
    }
}

#[test]
fn a_pattern_fits_whole_tags() {
    for (pattern, fitting, others) in [
        ("a*b*c", &["abc", "axbyc", "abbcc", "abcbc"][..], &["ab", "acb", "xabc", "abcd"][..]),
        ("**", &["a", ""], &[]),
        ("?*?", &["ab", "abc"], &["a"]),
        ("a?c*", &["abc", "axcd"], &["ac", "abx"]),
        ("a*a", &["aa", "aba"], &["a"]),
        ("*ab*ab*", &["abab", "xabyabz"], &["aba", "ab"]),
    ] {
        let parsed = TagPattern::parse(pattern).unwrap();
        assert!(fitting.iter().all(|text| parsed.fit(text).is_some()), "{pattern}");
        assert!(!others.iter().any(|text| parsed.fit(text).is_some()), "{pattern}");
    }
}
