//! Applying artifact rules (in-toto 1.0 §4.3.3.1): a queue of artifacts, consumed rule by rule, like a firewall.
//!
//! What no rule consumed and no `DISALLOW` caught is allowed, as the specification says (an implicit `ALLOW *`). An
//! artifact without hashes never satisfies a `MATCH`: two empty lists of hashes prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::artifact::Artifacts;
use super::artifact_rules::{ArtifactList, ArtifactRule, MatchRule};
use super::glob::Pattern;
use super::trace::{RuleTrace, name_a_few};
use super::work::{Work, WorkExceeded};

/// What a step or inspection reported: one link for all links that agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepReport {
    /// What was there before.
    pub materials: Artifacts,
    /// What was there after.
    pub products: Artifacts,
}

impl StepReport {
    /// One of the two lists.
    pub fn list(&self, list: ArtifactList) -> &Artifacts {
        match list {
            ArtifactList::Materials => &self.materials,
            ArtifactList::Products => &self.products,
        }
    }
}

/// Why a list of rules is violated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// A `DISALLOW` matches artifacts that are left over.
    #[error("{rule} forbids {} among the {list} of {item:?}: no earlier rule consumed them", name_a_few(.artifacts.iter().map(String::as_str)))]
    Disallowed {
        /// The step or inspection.
        item: String,
        /// Which of its lists.
        list: ArtifactList,
        /// The rule.
        rule: String,
        /// The artifacts it matches.
        artifacts: Vec<String>,
    },
    /// An artifact that a `REQUIRE` names is missing, or was already consumed.
    #[error("{rule} does not find its artifact among the {list} of {item:?}, or an earlier rule consumed it")]
    Required {
        /// The step or inspection.
        item: String,
        /// Which of its lists.
        list: ArtifactList,
        /// The rule.
        rule: String,
    },
    /// Applying the rules would take too long.
    #[error(transparent)]
    Work(#[from] WorkExceeded),
}

/// Applies a list of rules to one of an item's lists; `reports` holds what can be matched with, the item's own too.
/// What each rule did goes to `trace`, up to the one that fails.
///
/// # Errors
/// [`RuleViolation`].
#[doc(hidden)] // For tests with vectors: `verify` applies them.
pub fn apply_rules(
    item: &str,
    list: ArtifactList,
    rules: &[ArtifactRule],
    reports: &BTreeMap<String, StepReport>,
    work: &mut Work,
    trace: &mut Vec<RuleTrace>,
) -> Result<(), RuleViolation> {
    let nothing = StepReport::default();
    let own = reports.get(item).unwrap_or(&nothing);
    let artifacts = own.list(list);
    let (materials, products) = (own.materials.names(), own.products.names());
    let mut queue = artifacts.names();
    for rule in rules {
        let consumed: BTreeSet<&str> = match rule {
            ArtifactRule::Match(rule) => match reports.get(&rule.from) {
                Some(other) => matched(rule, &queue, artifacts, other.list(rule.with), work)?,
                None => BTreeSet::new(),
            },
            ArtifactRule::Create(pattern) => {
                filter(pattern, &queue, work)?.filtered(|name| products.contains(name) && !materials.contains(name))
            }
            ArtifactRule::Delete(pattern) => {
                filter(pattern, &queue, work)?.filtered(|name| materials.contains(name) && !products.contains(name))
            }
            ArtifactRule::Modify(pattern) => filter(pattern, &queue, work)?.filtered(|name| {
                let both = own.materials.hashes(name).zip(own.products.hashes(name));
                both.is_some_and(|(before, after)| before != after)
            }),
            ArtifactRule::Allow(pattern) => filter(pattern, &queue, work)?,
            ArtifactRule::Disallow(pattern) => {
                let left = filter(pattern, &queue, work)?;
                if !left.is_empty() {
                    let artifacts = left.into_iter().map(str::to_owned).collect();
                    return Err(RuleViolation::Disallowed {
                        item: item.to_owned(),
                        list,
                        rule: rule.to_string(),
                        artifacts,
                    });
                }
                BTreeSet::new()
            }
            ArtifactRule::Require(name) => {
                work.spend(1)?;
                if !queue.contains(name.as_str()) {
                    return Err(RuleViolation::Required { item: item.to_owned(), list, rule: rule.to_string() });
                }
                BTreeSet::new()
            }
        };
        queue.retain(|name| !consumed.contains(name));
        let consumed = consumed.into_iter().map(str::to_owned).collect();
        trace.push(RuleTrace { rule: rule.to_string(), consumed });
    }
    Ok(())
}

/// Keeps the artifacts that meet a condition.
trait Filtered {
    fn filtered(self, holds: impl Fn(&str) -> bool) -> Self;
}

impl Filtered for BTreeSet<&str> {
    fn filtered(mut self, holds: impl Fn(&str) -> bool) -> Self {
        self.retain(|name| holds(name));
        self
    }
}

fn filter<'a>(
    pattern: &Pattern,
    queue: &BTreeSet<&'a str>,
    work: &mut Work,
) -> Result<BTreeSet<&'a str>, WorkExceeded> {
    let mut fitting = BTreeSet::new();
    for name in queue {
        if pattern.matches(name, work)? {
            fitting.insert(*name);
        }
    }
    Ok(fitting)
}

/// The artifacts that a `MATCH` consumes (§4.3.3.2): under the source prefix, matching the pattern, and reported with
/// the same hashes under the destination prefix.
fn matched<'a>(
    rule: &MatchRule,
    queue: &BTreeSet<&'a str>,
    artifacts: &Artifacts,
    others: &Artifacts,
    work: &mut Work,
) -> Result<BTreeSet<&'a str>, WorkExceeded> {
    let (source, destination) = (folder(&rule.source_prefix), folder(&rule.destination_prefix));
    let mut consumed = BTreeSet::new();
    for name in queue {
        work.spend(1)?;
        let Some(rest) = name.strip_prefix(source.as_str()) else { continue };
        if !rule.pattern.matches(rest, work)? {
            continue;
        }
        let other = others.hashes(&format!("{destination}{rest}"));
        if artifacts.hashes(name).zip(other).is_some_and(|(here, there)| here.prove_equal(there)) {
            consumed.insert(*name);
        }
    }
    Ok(consumed)
}

/// A prefix as a folder: with one `/` at its end, unless it is empty. Backslashes are separators, as in the reference.
fn folder(prefix: &str) -> String {
    let mut folder = prefix.replace('\\', "/");
    if !folder.is_empty() && !folder.ends_with('/') {
        folder.push('/');
    }
    folder
}

#[cfg(test)]
mod tests;
