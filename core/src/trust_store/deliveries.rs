//! `deliveries.json`: which tags this side has set, and what it put under them.
//!
//! A tag may move, but not to something with another name, nor to something that is proven less well than what it
//! holds. Promise: what is written down stays until a person resets it; a file that is lost or damaged is an error
//! until then, because starting over is exactly what an attacker needs who wants to replace what is there.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use sealift_archive_format::{Digest, strict_json};
use sealift_proof::level::Level;
use serde::{Deserialize, Serialize};

use super::TrustStoreError;
use super::disk::{self, Disk, failed};
use super::error::StateDamage;
use crate::remedy::{Remediable, Remedy};

/// The version of the form of `deliveries.json`.
const FORMAT: u32 = 1;
/// The longest `deliveries.json`, in bytes: some 100,000 tags.
pub(crate) const MAXIMUM_DELIVERIES: u64 = 32 << 20;

/// What was delivered here, by tag.
///
/// A tag is written as `registry/path:tag` or, in a layout, as `oci:folder:name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deliveries {
    tags: BTreeMap<String, DeliveredTag>,
}

/// What a tag holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveredTag {
    /// The name under which it was vouched for, in full.
    pub name: String,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The level of CNAB Security that it reached.
    pub level: Level,
    /// When it was delivered.
    pub time: Timestamp,
    /// When the archive was exported that it came with; `None` in what was written down by versions that did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_at: Option<Timestamp>,
    /// What was in its place when it was to be delivered, where that is a file of this side's own: it is there still if the delivery was
    /// interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
}

impl DeliveredTag {
    /// Whether this is other content from an earlier export than that.
    pub(crate) fn is_older_than(&self, held: &Self) -> bool {
        self.digest != held.digest && self.exported_at.zip(held.exported_at).is_some_and(|(own, other)| own < other)
    }

    /// Whether this side put content with this digest there.
    pub(crate) fn put(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.before.as_ref() == Some(digest)
    }
}

/// Why a tag may not be moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// It would hold something with another name.
    #[error("tag {tag} was set to {} on {}, and must not move to {}", .held.name, .held.time, .offered.name)]
    OtherName {
        /// The tag, as it is delivered.
        tag: String,
        /// What it holds.
        held: Box<DeliveredTag>,
        /// What it would hold.
        offered: Box<DeliveredTag>,
    },
    /// It would hold something that is proven less well.
    #[error("tag {tag} was set to {} at level {} on {}, and must not move to one at level {}", .held.name, .held.level, .held.time, .offered.level)]
    LowerLevel {
        /// The tag, as it is delivered.
        tag: String,
        /// What it holds.
        held: Box<DeliveredTag>,
        /// What it would hold.
        offered: Box<DeliveredTag>,
    },
    /// It would go back to what an earlier export has, and no repository says that this is right under its name.
    #[error("tag {tag} was set to {} from an export of {}, and must not go back to one of {}, because nobody vouches for that under its own name", .held.name, shown(.held), shown(.offered))]
    Older {
        /// The tag, as it is delivered.
        tag: String,
        /// What it holds.
        held: Box<DeliveredTag>,
        /// What it would hold.
        offered: Box<DeliveredTag>,
    },
    /// It was set for a name, and would hold something that has it only because of what it is about.
    #[error("tag {tag} was set to {} on {}, and must not move to what hangs off an image", .held.name, .held.time)]
    NotAName {
        /// The tag, as it is delivered.
        tag: String,
        /// What it holds.
        held: Box<DeliveredTag>,
    },
    /// More tags were set than can be remembered.
    #[error("this side remembers {count} tags that it has set; no more fit into {MAXIMUM_DELIVERIES} bytes")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

/// When the archive was exported that a tag came with, or, if nobody wrote that down, when it was delivered.
fn shown(tag: &DeliveredTag) -> Timestamp {
    tag.exported_at.unwrap_or(tag.time)
}

impl Remediable for TagError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::OtherName { tag, .. } => Remedy::AllowOtherName { tag: tag.clone() },
            Self::LowerLevel { tag, .. } => Remedy::AllowLowerLevel { tag: tag.clone() },
            Self::Older { tag, .. } => Remedy::AllowOlder { tag: tag.clone() },
            Self::NotAName { .. } => Remedy::LeaveReferrersOut,
            Self::TooMany { .. } => Remedy::ForgetDeliveries,
        }
    }
}

/// Whether a tag may move to something with another name, or to something that is proven less well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// It must not.
    Refused,
    /// It may: a person named this very tag.
    Asked,
}

/// `deliveries.json`, as it is written: a flipped bit must not pass for another tag.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckedDeliveries {
    format: u32,
    /// The digest of `tags` as JSON without white space.
    digest: Digest,
    tags: Deliveries,
}

impl Deliveries {
    /// What this side put under a tag, if it set it.
    pub fn tag(&self, key: &str) -> Option<&DeliveredTag> {
        self.tags.get(key)
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether no tag was set yet.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Records what a tag now holds; `tag` is its name in errors. Returns what it held before, if that was replaced
    /// only because a person asked.
    ///
    /// A tag that already holds the same content does not move: its record is kept, but for the latest export that brought it, and its
    /// level may rise.
    ///
    /// # Errors
    /// [`TagError::OtherName`] and [`TagError::LowerLevel`], if the replacement was not requested.
    pub fn set(
        &mut self,
        key: String,
        tag: &str,
        offered: DeliveredTag,
        replacement: Replacement,
    ) -> Result<Option<DeliveredTag>, TagError> {
        let Some(held) = self.tags.get_mut(&key) else {
            self.tags.insert(key, offered);
            return Ok(None);
        };
        let same_name = held.name == offered.name;
        if held.digest == offered.digest {
            let latest = held.exported_at.max(offered.exported_at);
            if same_name && offered.level > held.level {
                *held = offered;
            }
            if same_name {
                held.exported_at = latest;
            }
            return Ok(None);
        }
        let kept = same_name && offered.level >= held.level;
        if !kept && replacement == Replacement::Refused {
            let (tag, held, offered) = (tag.to_owned(), Box::new(held.clone()), Box::new(offered));
            let (held_name, offered_name) = (&held.name, &offered.name);
            return Err(match held_name == offered_name {
                true => TagError::LowerLevel { tag, held, offered },
                false => TagError::OtherName { tag, held, offered },
            });
        }
        Ok(self.tags.insert(key, offered).filter(|_| !kept))
    }

    /// Checks that all of it can be written down.
    ///
    /// # Errors
    /// [`TagError::TooMany`].
    pub fn require_room(&self) -> Result<(), TagError> {
        let length = self.to_bytes().map(|bytes| bytes.len());
        if length.is_ok_and(|length| u64::try_from(length).is_ok_and(|length| length <= MAXIMUM_DELIVERIES)) {
            Ok(())
        } else {
            Err(TagError::TooMany { count: self.len() })
        }
    }

    /// Forgets the tags of one registry or layout, or of a part of one: `registry.internal:5000`, `oci:/srv/images`.
    /// Returns how many were forgotten.
    pub(super) fn forget_below(&mut self, place: &str) -> Self {
        let place = place.trim_end_matches('/');
        let is_below = |key: &String| key.strip_prefix(place).is_some_and(|rest| rest.starts_with(['/', ':']));
        let (forgotten, kept) = std::mem::take(&mut self.tags).into_iter().partition(|(key, _)| is_below(key));
        self.tags = kept;
        Self { tags: forgotten }
    }

    /// The tags, in order, each with what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DeliveredTag)> {
        self.tags.iter().map(|(key, tag)| (key.as_str(), tag))
    }

    fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let digest = Digest::sha256(&serde_json::to_vec(self)?);
        let mut bytes = serde_json::to_vec_pretty(&CheckedDeliveries { format: FORMAT, digest, tags: self.clone() })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StateDamage> {
        let document = strict_json::parse(bytes)?;
        match document.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format != u64::from(FORMAT) => return Err(StateDamage::Format(format)),
            _ => {}
        }
        let CheckedDeliveries { digest, tags, .. } = strict_json::into(document)?;
        match serde_json::to_vec(&tags) {
            Ok(bytes) if digest.matches(&bytes) => Ok(tags),
            _ => Err(StateDamage::Digest { recorded: digest }),
        }
    }

    /// Reads `deliveries.json`, if it exists.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, TrustStoreError> {
        let Some(bytes) = disk::read(path, MAXIMUM_DELIVERIES)? else { return Ok(None) };
        Self::parse(&bytes)
            .map(Some)
            .map_err(|source| TrustStoreError::DeliveriesDamaged { path: path.to_owned(), source })
    }

    /// Replaces `deliveries.json`.
    pub(super) fn write(&self, disk: &dyn Disk, path: &Path) -> Result<(), TrustStoreError> {
        let bytes = self.to_bytes().map_err(|error| failed("write", path)(error.into()))?;
        disk::replace(disk, path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "r.inner/shop:1";

    fn tag(name: &str, content: &str, level: &str) -> DeliveredTag {
        let digest = Digest::sha256(content.as_bytes());
        DeliveredTag {
            name: name.to_owned(),
            digest,
            level: level.parse().unwrap(),
            time: Timestamp::UNIX_EPOCH,
            exported_at: None,
            before: None,
        }
    }

    fn holding(held: DeliveredTag) -> Deliveries {
        Deliveries { tags: [(KEY.to_owned(), held)].into() }
    }

    fn set(deliveries: &mut Deliveries, offered: DeliveredTag) -> Result<Option<DeliveredTag>, TagError> {
        deliveries.set(KEY.to_owned(), KEY, offered, Replacement::Refused)
    }

    #[test]
    fn a_tag_moves_to_another_release_of_its_name_that_is_proven_as_well() {
        for (held, offered) in [("2", "2"), ("1a", "1a"), ("2", "3a"), ("1a", "4"), ("0", "0")] {
            let mut deliveries = holding(tag("a", "one", held));
            assert_eq!(set(&mut deliveries, tag("a", "two", offered)), Ok(None), "{held} {offered}");
            assert_eq!(deliveries, holding(tag("a", "two", offered)));
        }
    }

    #[test]
    fn a_tag_does_not_move_to_another_name_or_a_lower_level() {
        let levels = [("4", "3a"), ("4", "3b"), ("2", "1a"), ("2", "1b"), ("1a", "1b"), ("3a", "3b"), ("1a", "0")];
        let lower = levels.map(|(held, offered)| (tag("a", "one", held), tag("a", "two", offered)));
        let renamed = [("2", "2"), ("0", "4")].map(|(held, level)| (tag("a", "one", held), tag("b", "two", level)));
        for (held, offered) in lower.into_iter().chain(renamed) {
            let before = holding(held.clone());
            let mut deliveries = before.clone();
            let (same_name, tag) = (held.name == offered.name, KEY.to_owned());
            let error = set(&mut deliveries, offered.clone()).unwrap_err();
            let (held, offered) = (Box::new(held), Box::new(offered));
            let expected = if same_name {
                TagError::LowerLevel { tag, held: held.clone(), offered: offered.clone() }
            } else {
                TagError::OtherName { tag, held: held.clone(), offered: offered.clone() }
            };
            assert_eq!(error, expected);
            assert_eq!(deliveries, before, "a refusal changes nothing");
            let asked = deliveries.set(KEY.to_owned(), KEY, (*offered).clone(), Replacement::Asked);
            assert_eq!((asked, deliveries), (Ok(Some(*held)), holding(*offered)));
        }
    }

    #[test]
    fn a_tag_that_holds_the_same_already_stays_what_it_is() {
        // A lower level is not written down: it would open the way for something else of that level.
        for offered in [tag("a", "one", "1a"), tag("b", "one", "4"), tag("a", "one", "3a")] {
            let mut deliveries = holding(tag("a", "one", "3a"));
            assert_eq!(set(&mut deliveries, offered), Ok(None));
            assert_eq!(deliveries, holding(tag("a", "one", "3a")));
        }
        let mut deliveries = holding(tag("a", "one", "1a"));
        assert_eq!(set(&mut deliveries, tag("a", "one", "4")), Ok(None));
        assert_eq!(deliveries, holding(tag("a", "one", "4")), "but a higher one is");
        // Nor is an earlier export; a later one is, so that nothing from before it takes its place.
        let exported = |second| Timestamp::from_second(second).unwrap();
        let of = |second, level| DeliveredTag { exported_at: Some(exported(second)), ..tag("a", "one", level) };
        for (second, level, latest) in [(1, "4", 2), (3, "1a", 3), (3, "4", 3), (1, "1a", 2)] {
            let mut deliveries = holding(of(2, "3a"));
            assert_eq!(set(&mut deliveries, of(second, level)), Ok(None));
            assert_eq!(deliveries.tag(KEY).unwrap().exported_at, Some(exported(latest)), "{second} {level}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_any_change_to_it_is_seen() {
        let deliveries = holding(tag("docker.io/library/nginx:1", "one", "3a"));
        let bytes = deliveries.to_bytes().unwrap();
        assert_eq!(Deliveries::parse(&bytes).unwrap(), deliveries);
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [("nginx", "nginy"), ("3a", "1a"), ("1970", "1971"), ("shop:1", "shop:2")] {
            let damaged = text.replace(from, to);
            assert!(matches!(Deliveries::parse(damaged.as_bytes()), Err(StateDamage::Digest { .. })), "{from}");
        }
        let newer = text.replace("\"format\": 1", "\"format\": 2");
        assert!(matches!(Deliveries::parse(newer.as_bytes()), Err(StateDamage::Format(2))));
        for damaged in ["", "{}", &text[..text.len() / 2], &text.replace("level", "levle")] {
            assert!(matches!(Deliveries::parse(damaged.as_bytes()), Err(StateDamage::Json(_))), "{damaged}");
        }
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut deliveries = Deliveries::default();
        deliveries.require_room().unwrap();
        for number in 0..40 {
            let name = "a".repeat(1 << 20);
            deliveries.set(format!("r.inner/{number}:1"), "", tag(&name, "", "0"), Replacement::Refused).unwrap();
        }
        assert_eq!(deliveries.require_room(), Err(TagError::TooMany { count: 40 }));
    }

    #[test]
    fn one_place_is_forgotten_and_not_its_neighbours() {
        let keys = ["r.inner/a:1", "r.inner/a/b:1", "r.inner/ab:1", "r.inner:5000/a:1", "oci:/srv/a:r.inner/a:1"];
        for (place, count) in
            [("r.inner/a", 2), ("r.inner/a/", 2), ("r.inner:5000", 1), ("oci:/srv/a", 1), ("r.inne", 0), ("oci:/sr", 0)]
        {
            let tags = keys.map(|key| (key.to_owned(), tag("a", "", "0")));
            let mut deliveries = Deliveries { tags: tags.into() };
            assert_eq!(deliveries.forget_below(place).len(), count, "{place}");
            assert_eq!(deliveries.len(), keys.len() - count);
        }
    }
}
