//! `policy.toml`: what this side requires of an archive before it accepts it.
//!
//! Promise: an absent file, and an absent field, mean the careful default; an unknown field is an error, because
//! otherwise a misspelt rule would silently not apply.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use sealift_proof::freshness::{AskedClock, DEFAULT_MAXIMUM_TRANSIT, Freshness, LooserFreshness};
use sealift_proof::level::{Level, MinimumLevel};
use sealift_proof::tuf;
use serde::{Deserialize, Serialize};

use super::period::Period;
use super::requirement::{Asked, InBundles, Requirement};
use crate::oci::ReferrerKind;

/// A policy file to start from: it documents the defaults and changes none of them.
pub(crate) const TEMPLATE: &str = r#"# What this side requires of an archive. A line that begins with # shows the default.

# The lowest level of CNAB Security that is accepted where no requirement by name (below) says otherwise: "0", "1" (1a or
# 1b), "1a", "1b", "2", "3a", "3b" or "4". Below 2, anyone who packs an archive can replace the bundle or the images in it.
#minimum_level = "2"

# When metadata must still be valid: "at-export" (at the sealed export time) or "now".
#freshness = "at-export"

# The longest time between export and now, whichever clock judges expiry, in days (d), hours (h) or minutes (m).
#maximum_transit = "30d"

# How long before this policy will refuse an archive a report begins to warn: before the longest transit ends and, with
# freshness = "now", before the first role or in-toto layout expires.
#warn_before_expiry = "7d"

# How many different pinned exporters must have sealed an archive.
#exporter_threshold = 1

# Whether the inspections that an in-toto layout asks for must have been run: "required" or "optional".
#inspections = "required"

# The kinds of referrers that an image may have. "image" is a runnable image, for which nobody vouches.
#referrers = ["attestation", "signature", "sbom", "other"]

# Requirements by name. The first that matches a name applies to it; minimum_level applies to names that none matches.
# Full names are matched; * and ? stop at /. A pattern without a tag matches every tag.
#require = []
# Each is its own table, here, before the limits:
#
#     [[require]]
#     names = ["example.com/org/*", "docker.io/library/nginx:1.*"]
#     level = "4"
#     vouched_by = ["acme"]    # optional: repositories that must be among those that vouch
#     attested_by = ["scan"]   # may be left out: attesters of whom one must vouch for each referrer; any pinned one without it
# A bundle's level is that of the bundle and of its least proven image. Each image in it must also be proven as its own name
# requires (as far as that level concerns images). So a rule that allows an unsigned image does not let its bundles pass,
# unless it says that, in bundles, it replaces what the bundle requires of this image:
#
#     [[require]]
#     names = ["docker.io/library/redis"]
#     level = "0"
#     in_bundles = "instead"   # the default is "also"
#
# A target lists the in-toto layout that says how it must have been made. Where that is for this side to say:
#
#     [[require]]
#     names = ["file:/simple/*/*"]
#     level = "4"
#     layout = "in-toto-metadata/4.root.layout"

[limits]
# The longest seal that is read, in bytes. It lists everything in the archive.
#seal_length = 33554432

# How many versions of a root, counted from the last accepted one, an archive may carry.
#root_versions = 1024

# How many roles a search for a target may visit, and how many delegations may lead to it.
#visited_roles = 256
#delegation_depth = 32
"#;

/// What this side requires of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The lowest accepted level for names without a requirement.
    pub minimum_level: MinimumLevel,
    /// Requirements by name: the first that matches counts.
    pub require: Vec<Requirement>,
    /// By which clock expiry is judged.
    pub freshness: FreshnessRule,
    /// The longest time between export and now.
    pub maximum_transit: Period,
    /// How long before this policy would refuse an archive reports begin to warn.
    pub warn_before_expiry: Period,
    /// How many different pinned exporters must have sealed an archive.
    pub exporter_threshold: NonZeroU32,
    /// Whether inspections must have been run.
    pub inspections: InspectionPolicy,
    /// The kinds of referrers that are accepted.
    pub referrers: BTreeSet<ReferrerKind>,
    /// How much of an archive is read at most.
    pub limits: PolicyLimits,
}

/// How much of an archive is read at most, where a policy may choose. Other limits are fixed by the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyLimits {
    /// The longest seal, in bytes.
    pub seal_length: u64,
    /// How many root versions are walked in one update.
    pub root_versions: u64,
    /// How many roles one search for a target may visit.
    pub visited_roles: usize,
    /// How many delegations may lie between the top-level targets role and a target.
    pub delegation_depth: usize,
}

impl Default for PolicyLimits {
    fn default() -> Self {
        let tuf::Limits { root_versions, visited_roles, delegation_depth, .. } = tuf::Limits::default();
        Self {
            seal_length: sealift_archive_format::seal::MAXIMUM_LENGTH,
            root_versions,
            visited_roles,
            delegation_depth,
        }
    }
}

impl PolicyLimits {
    /// The limits of the TUF engine.
    pub fn tuf(&self) -> tuf::Limits {
        let Self { root_versions, visited_roles, delegation_depth, .. } = *self;
        tuf::Limits { root_versions, visited_roles, delegation_depth, ..tuf::Limits::default() }
    }
}

/// By which clock expiry is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreshnessRule {
    /// The sealed export time.
    AtExport,
    /// This side's clock.
    Now,
}

/// Whether the inspections that a layout asks for must have been run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InspectionPolicy {
    /// A layout whose inspections were not run is refused: they are part of what its owner asks for.
    Required,
    /// A layout whose inspections were not run passes, with a warning that names them.
    Optional,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            minimum_level: MinimumLevel::AtLeast(Level::Two),
            require: Vec::new(),
            freshness: FreshnessRule::AtExport,
            maximum_transit: Period(DEFAULT_MAXIMUM_TRANSIT),
            warn_before_expiry: Period(SignedDuration::from_hours(7 * 24)),
            exporter_threshold: NonZeroU32::MIN,
            inspections: InspectionPolicy::Required,
            referrers: ReferrerKind::usual(),
            limits: PolicyLimits::default(),
        }
    }
}

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML, or has an unknown field or an invalid value.
    #[error("not a policy: {0}")]
    Malformed(String),
    /// The threshold is written in a way that only a person can edit.
    #[error("the line with exporter_threshold cannot be changed without changing others")]
    CannotEdit,
}

impl PolicyError {
    /// Says on one line what is wrong and where; the parser's own message takes several.
    fn malformed(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let above = before.matches('\n').count();
        let line = text.lines().nth(above).unwrap_or_default().trim();
        Self::Malformed(format!("line {}, `{line}`: {}", above + 1, error.message()))
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] including unknown fields and values out of range.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::malformed(text, &error))?;
        policy.require.iter().try_for_each(Requirement::check).map_err(PolicyError::Malformed)?;
        Ok(policy)
    }

    /// What is required of a full name: `domain/path:tag`, or with a digest if it has no tag.
    pub fn asked_of(&self, name: &str) -> Asked<'_> {
        let matching = self.require.iter().find_map(|requirement| {
            requirement.names.iter().find(|pattern| pattern.matches(name)).map(|pattern| (requirement, pattern))
        });
        let default = Asked {
            level: self.minimum_level,
            vouched_by: &[],
            attested_by: None,
            in_bundles: InBundles::Also,
            layout: None,
            pattern: None,
        };
        matching.map_or(default, |(requirement, pattern)| Asked {
            level: requirement.level,
            vouched_by: &requirement.vouched_by,
            attested_by: requirement.attested_by.as_deref(),
            in_bundles: requirement.in_bundles,
            layout: requirement.layout.as_ref(),
            pattern: Some(pattern),
        })
    }

    /// The freshness that this policy asks for, or the one that a person asks for in its place. How long an archive may be on
    /// its way is the policy's to say, whichever clock is asked for.
    pub fn freshness_by(&self, asked: Option<AskedClock>) -> Freshness {
        let maximum_transit = self.maximum_transit.0;
        match asked {
            None => self.freshness(),
            Some(AskedClock::AtExport) => Freshness::AtExport { maximum_transit },
            Some(AskedClock::Now) => Freshness::Now { maximum_transit },
            Some(AskedClock::AsOf(instant)) => Freshness::AsOf(instant),
        }
    }

    /// Passes a clock that takes nothing that this policy refuses: to let an archive in, or to sign it, one may only be as
    /// strict.
    ///
    /// # Errors
    /// [`LooserFreshness`].
    pub fn require_as_strict(&self, asked: Option<AskedClock>) -> Result<(), LooserFreshness> {
        self.freshness_by(asked).require_as_strict_as(&self.freshness())
    }

    /// The freshness that this policy requires.
    pub fn freshness(&self) -> Freshness {
        match self.freshness {
            FreshnessRule::AtExport => Freshness::AtExport { maximum_transit: self.maximum_transit.0 },
            FreshnessRule::Now => Freshness::Now { maximum_transit: self.maximum_transit.0 },
        }
    }

    /// The text with the exporter threshold changed, in its existing line if there is one; everything else stays as it
    /// is.
    ///
    /// # Errors
    /// [`PolicyError::Malformed`] when `text` is not a policy, [`PolicyError::CannotEdit`] when the line cannot be found.
    pub fn with_exporter_threshold(text: &str, threshold: NonZeroU32) -> Result<String, PolicyError> {
        let wanted = Self { exporter_threshold: threshold, ..Self::parse(text)? };
        let line = format!("exporter_threshold = {threshold}");
        let is_set = |old: &str| {
            let field = old.trim_start().strip_prefix("exporter_threshold");
            field.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let is_shown = |old: &str| is_set(old.trim_start_matches(['#', ' ']));
        let mut lines: Vec<&str> = text.lines().collect();
        let place = lines.iter().position(|old| is_set(old)).or_else(|| lines.iter().position(|old| is_shown(old)));
        match place.and_then(|place| lines.get_mut(place)) {
            Some(old) => *old = &line,
            None => lines.insert(0, &line),
        }
        let changed = lines.join("\n") + "\n";
        // Editing text like this is only safe if the result is read again.
        if Self::parse(&changed).as_ref() == Ok(&wanted) { Ok(changed) } else { Err(PolicyError::CannotEdit) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::requirement::LayoutPath;
    use super::*;

    fn refused(text: &str) -> String {
        Policy::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_policy_and_the_template_are_the_default() {
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
        assert_eq!(Policy::parse(TEMPLATE).unwrap(), Policy::default());
        assert!(!sealift_proof::level::Level::Zero.meets(Policy::default().minimum_level));
    }

    #[test]
    fn the_lines_of_the_template_are_short() {
        assert_eq!(TEMPLATE.lines().find(|line| line.chars().count() > 130), None);
    }

    #[test]
    fn the_template_shows_every_field_and_its_default() {
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(Policy::parse(&uncommented).unwrap(), Policy::default());
        let policy = serde_json::to_value(Policy::default()).unwrap();
        for table in [&policy, &policy["limits"]] {
            for (field, value) in table.as_object().unwrap() {
                assert!(value.is_object() || uncommented.contains(&format!("\n{field} = ")), "{field}");
            }
        }
    }

    /// The page about the policy: what stands below the heading of each key.
    fn page() -> BTreeMap<&'static str, &'static str> {
        let page = include_str!("../../../docs/guide/policy.md");
        let section = |section: &'static str| {
            let (key, text) = section.split_once("`\n").unwrap();
            (key, text.split("\n## ").next().unwrap())
        };
        page.split("\n### `").skip(1).map(section).collect()
    }

    #[test]
    fn the_page_has_every_key_and_no_other() {
        let requirement = Requirement {
            names: Vec::new(),
            level: MinimumLevel::EitherSigned,
            vouched_by: Vec::new(),
            attested_by: Some(Vec::new()),
            in_bundles: InBundles::Also,
            layout: Some(LayoutPath::new("a.layout").unwrap()),
        };
        let keys = |prefix: &'static str, value: serde_json::Value| {
            let keys: Vec<_> = value.as_object().unwrap().keys().map(|key| format!("{prefix}{key}")).collect();
            keys
        };
        let policy = serde_json::to_value(Policy::default()).unwrap();
        let mut expected = keys("", policy.clone());
        expected.retain(|key| key != "require" && key != "limits");
        expected.extend(keys("require.", serde_json::to_value(requirement).unwrap()));
        expected.extend(keys("limits.", policy["limits"].clone()));
        expected.sort();
        assert_eq!(page().into_keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_page_states_every_default() {
        let whole = "[[require]]\nnames = [\"example.com/*\"]\nlevel = \"4\"\n";
        for (key, text) in page() {
            let default = text.trim_start().strip_prefix("Default: `").map(|rest| rest.split('`').next().unwrap());
            let (table, last) = key.split_once('.').unwrap_or(("", key));
            let with = |value: &str| match table {
                "require" => format!("{whole}{last} = {value}\n"),
                "" => format!("{last} = {value}\n"),
                table => format!("[{table}]\n{last} = {value}\n"),
            };
            let without = Policy::parse(if table == "require" { whole } else { "" }).unwrap();
            match default {
                Some(value) => assert_eq!(Policy::parse(&with(value)).as_ref(), Ok(&without), "{key}"),
                None if key == "require.attested_by" => assert_eq!(without.require[0].attested_by, None),
                None if key == "require.layout" => assert_eq!(without.require[0].layout, None),
                None => {
                    let lines = whole.lines().filter(|line| !line.starts_with(&format!("{last} = ")));
                    refused(&lines.map(|line| format!("{line}\n")).collect::<String>());
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_page_change_what_they_are_about() {
        for (key, text) in page() {
            let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
            let last = key.rsplit('.').next().unwrap();
            assert!(example.lines().any(|line| line.starts_with(&format!("{last} = "))), "{key}");
            assert_ne!(Policy::parse(example).unwrap(), Policy::default(), "{key}");
        }
    }

    #[test]
    fn unknown_fields_and_values_are_refused() {
        assert!(refused("minimum_levle = \"4\"").contains("minimum_levle"));
        assert!(refused("minimum_level = \"5\"").contains("not a level"));
        assert!(refused("freshness = \"never\"").contains("never"));
        assert!(refused("exporter_threshold = 0").contains("exporter_threshold"));
        assert!(refused("inspections = true").contains("inspections"));
        assert!(refused("[limits]\nroot_verions = 1").contains("root_verions"));
        assert!(refused("[limits]\nseal_length = -1").contains("seal_length"));
        refused("minimum_level = \"1\"\nminimum_level = \"0\"");
    }

    #[test]
    fn a_mistake_is_told_on_one_line() {
        let told = |text: &str| Policy::parse(text).unwrap_err().to_string();
        for (text, line) in [
            (
                "minimum_level = \"1\"\nminimum_levle = \"1\"\n",
                "line 2, `minimum_levle = \"1\"`: unknown field `minimum_levle`",
            ),
            ("\n\nfreshness", "line 3, `freshness`: "),
            ("minimum_level = \"high\"", "line 1, `minimum_level = \"high\"`: "),
        ] {
            let told = told(text);
            assert!(told.contains(line) && !told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn a_requirement_is_whole_and_knows_its_fields() {
        let required = |lines: &str| format!("[[require]]\n{lines}\n");
        for (lines, word) in [
            ("level = \"4\"", "names"),
            ("names = []\nlevel = \"4\"", "has no names"),
            ("names = \"example.com/*\"\nlevel = \"4\"", "names"),
            ("names = [\"example.com/*\"]", "level"),
            ("names = [\"example.com/*\"]\nlevel = \"5\"", "not a level"),
            ("names = [\"example.com/*\"]\nlevel = \"4\"\nvouched_by = [\"../a\"]", "cannot be a name"),
            ("names = [\"example.com/*\"]\nlevel = \"4\"\nvouchd_by = []", "vouchd_by"),
            ("names = [\"example.com/*\"]\nlevel = \"4\"\nin_bundles = true", "in_bundles"),
            ("names = [\"org/*\"]\nlevel = \"4\"", "can match no name"),
            (
                "names = [\"*\"]\nlevel = \"4\"\nlayout = \"a/root\"",
                "not the path of a TUF target that ends in .layout",
            ),
            (
                "names = [\"*\"]\nlevel = \"4\"\nlayout = \"../root.layout\"",
                "not the path of a TUF target that ends in .layout",
            ),
        ] {
            assert!(refused(&required(lines)).contains(word), "{lines}: {}", refused(&required(lines)));
        }
        refused("[[required]]\nnames = [\"example.com/*\"]\nlevel = \"4\"");
    }

    #[test]
    fn the_examples_of_the_template_are_requirements() {
        let example = |line: &str| line.strip_prefix("#     ").map(|line| format!("{line}\n"));
        let policy = Policy::parse(&TEMPLATE.lines().filter_map(example).collect::<String>()).unwrap();
        let asked = policy.asked_of("docker.io/library/nginx:1.27");
        assert_eq!((asked.level.to_string().as_str(), asked.vouched_by[0].as_str()), ("4", "acme"));
        let asked = policy.asked_of("docker.io/library/redis:7");
        assert_eq!((asked.level.to_string().as_str(), asked.in_bundles), ("0", InBundles::Instead));
        assert_eq!(policy.asked_of("docker.io/library/nginx:2").pattern, None);
    }

    #[test]
    fn the_first_requirement_that_matches_counts_and_else_the_minimum_level() {
        let policy = "minimum_level = \"3a\"\n\
            [[require]]\nnames = [\"example.com/org/app:1\", \"example.com/org/b*\"]\nlevel = \"1b\"\n\
            [[require]]\nnames = [\"example.com/org/*\"]\nlevel = \"4\"\n\
            [[require]]\nnames = [\"*\"]\nlevel = \"2\"\n";
        let asked = |policy: &str, name: &str| {
            let policy = Policy::parse(policy).unwrap();
            let asked = policy.asked_of(name);
            (asked.level.to_string(), asked.pattern.map(ToString::to_string).unwrap_or_default())
        };
        let expected = |level: &str, pattern: &str| (level.to_owned(), pattern.to_owned());
        assert_eq!(asked(policy, "example.com/org/app:1"), expected("1b", "example.com/org/app:1"));
        assert_eq!(asked(policy, "example.com/org/bee:7"), expected("1b", "example.com/org/b*"));
        assert_eq!(asked(policy, "example.com/org/app:2"), expected("4", "example.com/org/*"));
        assert_eq!(asked(policy, "docker.io/library/nginx:1"), expected("2", "*"));
        let without_the_last = policy.split("[[require]]\nnames = [\"*\"]").next().unwrap();
        assert_eq!(asked(without_the_last, "docker.io/library/nginx:1"), expected("3a", ""));
    }

    #[test]
    fn another_clock_can_be_asked_for_but_not_another_longest_transit() {
        let maximum_transit = SignedDuration::from_hours(24);
        let instant = jiff::Timestamp::UNIX_EPOCH;
        for (freshness, strict) in [("at-export", true), ("now", false)] {
            let policy = Policy::parse(&format!("freshness = \"{freshness}\"\nmaximum_transit = \"1d\"\n")).unwrap();
            let by = |asked| policy.freshness_by(Some(asked));
            assert_eq!(by(AskedClock::AtExport), Freshness::AtExport { maximum_transit });
            assert_eq!(by(AskedClock::Now), Freshness::Now { maximum_transit });
            assert_eq!(by(AskedClock::AsOf(instant)), Freshness::AsOf(instant));
            assert_eq!(policy.freshness_by(None), policy.freshness());
            let at_export = policy.require_as_strict(Some(AskedClock::AtExport));
            assert_eq!(at_export, if strict { Ok(()) } else { Err(LooserFreshness::AtExport) });
            assert_eq!(policy.require_as_strict(Some(AskedClock::Now)), Ok(()));
            assert_eq!(policy.require_as_strict(None), Ok(()));
            let audit = policy.require_as_strict(Some(AskedClock::AsOf(instant)));
            assert_eq!(audit, Err(LooserFreshness::Audit { instant }));
        }
    }

    #[test]
    fn limits_reach_the_tuf_engine() {
        let policy = Policy::parse("[limits]\nroot_versions = 3\ndelegation_depth = 1").unwrap();
        let limits = policy.limits.tuf();
        assert_eq!((limits.root_versions, limits.delegation_depth), (3, 1));
        assert_eq!(limits.visited_roles, tuf::Limits::default().visited_roles);
    }

    #[test]
    fn changing_the_threshold_changes_its_line_only() {
        let two = NonZeroU32::new(2).unwrap();
        let changed = Policy::with_exporter_threshold(TEMPLATE, two).unwrap();
        assert_eq!(changed, TEMPLATE.replace("#exporter_threshold = 1", "exporter_threshold = 2"));
        let again = Policy::with_exporter_threshold(&changed, NonZeroU32::MIN).unwrap();
        assert_eq!(again, TEMPLATE.replace("#exporter_threshold", "exporter_threshold"));
        assert_eq!(Policy::with_exporter_threshold("", two).unwrap(), "exporter_threshold = 2\n");
        let remark = "# exporter_threshold = 1\nexporter_threshold = 1 # for now\n";
        let changed = Policy::with_exporter_threshold(remark, two).unwrap();
        assert_eq!(changed, "# exporter_threshold = 1\nexporter_threshold = 2\n");
    }

    #[test]
    fn a_threshold_that_cannot_be_changed_safely_is_left_alone() {
        let two = NonZeroU32::new(2).unwrap();
        let change = |text: &str| Policy::with_exporter_threshold(text, two).unwrap_err();
        assert_eq!(change("\"exporter_threshold\" = 1\n"), PolicyError::CannotEdit);
        assert!(matches!(change("nonsense"), PolicyError::Malformed(_)));
    }
}
