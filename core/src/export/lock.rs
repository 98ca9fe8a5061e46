//! `shipment.lock`: the digest that each name of a shipment stood for when it was last resolved.
//!
//! Promise: what is locked is exported with this digest, or not at all. A lock proves nothing: it says what is meant, and the makers' proof
//! is asked for as without it. What rules chose is locked with the rules. What hangs off an image is not locked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ItemRecord;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::request::{ExportRequest, ItemOrigin};
use crate::remedy::Remedy;
use crate::tag_rule::{ChosenTags, TagRule};

/// The longest lock that is read, in bytes.
pub const MAXIMUM_LENGTH: u64 = 8 << 20;
/// The most names in a lock.
const MAXIMUM_NAMES: usize = 50_000;
/// The version of the form.
const VERSION: u32 = 1;
/// What a lock begins with.
const HEADING: &str = "# The digest that each name in shipment.toml stands for. Written by Sealift; keep it beside that file, under version control.\n";

/// What stands before the tags.
const TAGS_HEADING: &str = "\n# The tags that the rules in [tags] chose.\n[tags]\n";

/// The digests that names stand for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipmentLock {
    version: u32,
    digests: BTreeMap<String, Digest>,
    #[serde(default)]
    tags: ChosenTags,
}

/// A name that stands for something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedName {
    /// The name.
    pub name: String,
    /// What it stood for; `None` if it is new.
    pub before: Option<Digest>,
    /// What it stands for; `None` if it is gone.
    pub after: Option<Digest>,
}

/// Why a lock cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It is not a lock.
    #[error("it is not a lock of a shipment: {0}")]
    Malformed(String),
    /// It is in a later form.
    #[error("it is in version {found} of the form; the known version is {VERSION}")]
    LaterVersion {
        /// The version.
        found: u32,
    },
    /// It has too many names.
    #[error("it has {count} names; the limit is {MAXIMUM_NAMES}")]
    TooManyNames {
        /// How many there are.
        count: usize,
    },
    /// The shipment has a name that the lock does not have.
    #[error("the lock does not have {name}")]
    NotLocked {
        /// The first such name.
        name: String,
    },
    /// The lock has a name that the shipment no longer has.
    #[error("the lock has {name}, which the shipment no longer has")]
    NoLongerListed {
        /// The first such name.
        name: String,
    },
    /// The shipment has a rule for tags that the lock does not have.
    #[error("the lock does not have the tags of {image} by the rule ({rule})")]
    RuleNotLocked {
        /// The name of the image.
        image: String,
        /// The rule.
        rule: String,
    },
    /// The lock has a rule for tags that the shipment no longer has.
    #[error("the lock has tags of {image} by the rule ({rule}), which the shipment no longer has")]
    RuleNoLongerListed {
        /// The name of the image.
        image: String,
        /// The rule.
        rule: String,
    },
    /// What is stored under a name is not what is locked.
    #[error("{name} is {found} now; the lock says {locked}")]
    Moved {
        /// The name.
        name: String,
        /// What is locked.
        locked: Digest,
        /// What was found.
        found: Digest,
    },
}

impl LockError {
    /// What can be done about it, for the lock beside this shipment.
    pub fn remedy_for(&self, shipment: &Path) -> Remedy {
        let shipment = PathBuf::from(shipment);
        match self {
            Self::Malformed(_) | Self::LaterVersion { .. } | Self::TooManyNames { .. } => {
                Remedy::RestoreLock { shipment }
            }
            Self::NotLocked { .. }
            | Self::NoLongerListed { .. }
            | Self::RuleNotLocked { .. }
            | Self::RuleNoLongerListed { .. } => Remedy::RenewLock { shipment },
            Self::Moved { .. } => Remedy::UpdateLock { shipment },
        }
    }
}

impl ShipmentLock {
    /// Where the lock of a shipment is: beside it, with the ending `lock`.
    pub fn path_of(shipment: &Path) -> PathBuf {
        shipment.with_extension("lock")
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LockError> {
        let malformed = |reason: &str| LockError::Malformed(reason.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not text in UTF-8"))?;
        let lock: Self = toml::from_str(text).map_err(|error| malformed(error.message()))?;
        if lock.version != VERSION {
            return Err(LockError::LaterVersion { found: lock.version });
        }
        if lock.digests.len() > MAXIMUM_NAMES {
            return Err(LockError::TooManyNames { count: lock.digests.len() });
        }
        Ok(lock)
    }

    /// What a plan resolved these names to, of which some have tags that rules chose.
    pub fn of(plan: &Plan, names: &BTreeSet<String>, tags: ChosenTags) -> Self {
        let digests = resolved(plan).filter(|(name, _)| names.contains(*name));
        let digests = digests.map(|(name, digest)| (name.to_owned(), digest.clone())).collect();
        Self { version: VERSION, digests, tags }
    }

    /// The lock as a file has it: one name in a line, in their order.
    pub fn to_text(&self) -> String {
        let lines = self.digests.iter().map(|(name, digest)| {
            let name = toml::Value::from(name.as_str());
            format!("{name} = \"{digest}\"\n")
        });
        let rules = self.tags.rules().map(|(image, rule, tags)| {
            let tags: Vec<_> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            let [image, rule] = [image, rule].map(toml::Value::from);
            format!("{image}.{rule} = [{}]\n", tags.join(", "))
        });
        let heading = if self.tags.is_empty() { "" } else { TAGS_HEADING };
        let (lines, rules) = (lines.collect::<String>(), rules.collect::<String>());
        format!("{HEADING}version = {VERSION}\n\n[digests]\n{lines}{heading}{rules}")
    }

    /// The tags that rules chose.
    pub fn tags(&self) -> &ChosenTags {
        &self.tags
    }

    /// Requires that the lock has the tags of these rules and of no others, each with the name of its image.
    ///
    /// # Errors
    /// [`LockError::RuleNotLocked`] and [`LockError::RuleNoLongerListed`].
    pub fn require_rules<'r>(&self, rules: impl IntoIterator<Item = (&'r str, &'r TagRule)>) -> Result<(), LockError> {
        let rules: BTreeSet<_> = rules.into_iter().map(|(image, rule)| (image.to_owned(), rule.to_string())).collect();
        let locked: BTreeSet<_> =
            self.tags.rules().map(|(image, rule, _)| (image.to_owned(), rule.to_owned())).collect();
        if let Some((image, rule)) = rules.difference(&locked).next().cloned() {
            return Err(LockError::RuleNotLocked { image, rule });
        }
        match locked.difference(&rules).next().cloned() {
            Some((image, rule)) => Err(LockError::RuleNoLongerListed { image, rule }),
            None => Ok(()),
        }
    }

    /// Requires that the lock has these names and no others.
    ///
    /// # Errors
    /// [`LockError::NotLocked`] and [`LockError::NoLongerListed`].
    pub fn require_names(&self, names: &BTreeSet<String>) -> Result<(), LockError> {
        if let Some(name) = names.iter().find(|name| !self.digests.contains_key(*name)) {
            return Err(LockError::NotLocked { name: name.clone() });
        }
        match self.digests.keys().find(|name| !names.contains(*name)) {
            Some(name) => Err(LockError::NoLongerListed { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Asks for what is locked, whatever the tags mean by now.
    pub fn pin(&self, request: &mut ExportRequest) {
        for item in &mut request.items {
            let Some(digest) = self.digests.get(&item.name) else { continue };
            match &mut item.origin {
                ItemOrigin::Bundle { place, .. } | ItemOrigin::Image(place) if place.reference.digest().is_none() => {
                    place.reference = place.reference.with_digest(digest.clone());
                }
                // What is in a file is compared when it has been read.
                ItemOrigin::Bundle { .. }
                | ItemOrigin::Image(_)
                | ItemOrigin::ThinBundle { .. }
                | ItemOrigin::ThickBundle { .. }
                | ItemOrigin::File(_) => {}
            }
        }
    }

    /// Requires that a plan has what is locked.
    ///
    /// # Errors
    /// [`LockError::Moved`].
    pub fn require_plan(&self, plan: &Plan) -> Result<(), LockError> {
        for (name, found) in resolved(plan) {
            if let Some(locked) = self.digests.get(name).filter(|locked| *locked != found) {
                let (name, locked, found) = (name.to_owned(), locked.clone(), found.clone());
                return Err(LockError::Moved { name, locked, found });
            }
        }
        Ok(())
    }

    /// Every name that stands for something else in a newer lock, in the order of the names.
    pub fn moved(&self, newer: &Self) -> Vec<MovedName> {
        let names: BTreeSet<&String> = self.digests.keys().chain(newer.digests.keys()).collect();
        let moved = names.into_iter().map(|name| {
            let (before, after) = (self.digests.get(name).cloned(), newer.digests.get(name).cloned());
            MovedName { name: name.clone(), before, after }
        });
        moved.filter(|moved| moved.before != moved.after).collect()
    }
}

/// The name of each item of a plan, and the digest that it stands for.
fn resolved(plan: &Plan) -> impl Iterator<Item = (&str, &Digest)> {
    let items = plan.items.iter().map(ItemRecord::reference).zip(plan.named_digests());
    items.filter_map(|(name, digest)| Some((name, digest?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag_rule::TagWish;

    const DIGEST: &str = "sha256:235c26a8367552e607536c83352ffdadd9c3ad86ddd453d36d096a017c9bbc71";

    fn lock(names: &[&str]) -> ShipmentLock {
        let digests = names.iter().map(|name| ((*name).to_owned(), Digest::sha256(name.as_bytes())));
        ShipmentLock { version: VERSION, digests: digests.collect(), tags: ChosenTags::default() }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let written = lock(&["file:/a \"b\"\\c", "example.com/a:1"]);
        assert_eq!(ShipmentLock::parse(written.to_text().as_bytes()), Ok(written));
    }

    #[test]
    fn what_is_not_a_lock_is_refused() {
        for text in
            ["", "version = 1", "version = 1\n[digests]\na = \"b\"", "version = 1\n[digests]\n[more]\n", "\u{0}"]
        {
            assert!(matches!(ShipmentLock::parse(text.as_bytes()), Err(LockError::Malformed(_))), "{text}");
        }
        assert!(matches!(ShipmentLock::parse(b"\xff"), Err(LockError::Malformed(_))));
        let later = ShipmentLock::parse(b"version = 2\n[digests]\n");
        assert_eq!(later, Err(LockError::LaterVersion { found: 2 }));
        let names: String = (0..=MAXIMUM_NAMES).map(|number| format!("n{number} = \"{DIGEST}\"\n")).collect();
        let many = ShipmentLock::parse(format!("version = 1\n[digests]\n{names}").as_bytes());
        assert_eq!(many, Err(LockError::TooManyNames { count: MAXIMUM_NAMES + 1 }));
    }

    #[test]
    fn a_lock_fits_the_names_that_it_was_made_for_and_no_others() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let lock = lock(&["a:1", "b:1"]);
        assert_eq!(lock.require_names(&names(&["a:1", "b:1"])), Ok(()));
        let missing = lock.require_names(&names(&["a:1", "b:1", "c:1"]));
        assert_eq!(missing, Err(LockError::NotLocked { name: "c:1".to_owned() }));
        let gone = lock.require_names(&names(&["a:1"]));
        assert_eq!(gone, Err(LockError::NoLongerListed { name: "b:1".to_owned() }));
        let shipment = PathBuf::from("week.toml");
        assert_eq!(missing.unwrap_err().remedy_for(&shipment), Remedy::RenewLock { shipment });
    }

    #[test]
    fn tags_are_locked_with_the_rules_that_chose_them() {
        let rule = |versions: &str, pattern: Option<&str>| {
            let pattern = pattern.map(str::to_owned);
            TagRule::new(TagWish { versions: Some(versions.to_owned()), pattern, newest: Some(2), prereleases: false })
        };
        let (first, other) = (rule("1.* || ~2.1", Some("*-\u{61}")).unwrap(), rule("2.*", None).unwrap());
        let mut written = lock(&["example.com/a:2.1.0-a"]);
        let tags = vec!["2.1.0-a".parse().unwrap(), "1.0.0-a".parse().unwrap()];
        written.tags.add("example.com/a", &first, tags).unwrap();
        assert_eq!(ShipmentLock::parse(written.to_text().as_bytes()), Ok(written.clone()), "{}", written.to_text());
        let names: Vec<_> = written.tags().names().into_iter().collect();
        let shown = "versions 1.* || ~2.1, pattern *-a, newest 2";
        assert_eq!(names[1], ("example.com/a:2.1.0-a".to_owned(), vec![shown]));
        assert_eq!(written.require_rules([("example.com/a", &first)]), Ok(()));
        let missing = written.require_rules([("example.com/a", &first), ("example.com/a", &other)]);
        assert!(matches!(&missing, Err(LockError::RuleNotLocked { rule, .. }) if rule == "versions 2.*, newest 2"));
        let gone = written.require_rules([]);
        assert!(matches!(&gone, Err(LockError::RuleNoLongerListed { rule, .. }) if rule == shown));
        let shipment = PathBuf::from("week.toml");
        for error in [missing, gone] {
            let renew = Remedy::RenewLock { shipment: shipment.clone() };
            assert_eq!(error.unwrap_err().remedy_for(&shipment), renew);
        }
        let without = ShipmentLock::parse(b"version = 1\n[digests]\n[tags]\na = {}\n").unwrap();
        assert_eq!(ShipmentLock::parse(without.to_text().as_bytes()), Ok(without));
        let bad = "version = 1\n[digests]\n[tags]\na.r = [\"not a tag\"]\n";
        assert!(matches!(ShipmentLock::parse(bad.as_bytes()), Err(LockError::Malformed(_))));
    }

    #[test]
    fn what_moved_is_told_with_both_digests() {
        let (before, mut after) = (lock(&["a:1", "b:1", "c:1"]), lock(&["a:1", "b:1", "d:1"]));
        let other = Digest::sha256(b"other");
        after.digests.insert("b:1".to_owned(), other.clone());
        let moved = before.moved(&after);
        let told: Vec<_> = moved.iter().map(|it| (&*it.name, it.before.is_some(), it.after.is_some())).collect();
        assert_eq!(told, [("b:1", true, true), ("c:1", true, false), ("d:1", false, true)]);
        assert_eq!(moved[0].after, Some(other));
        assert!(before.moved(&before).is_empty());
    }
}
