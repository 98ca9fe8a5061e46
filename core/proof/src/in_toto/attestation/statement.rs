//! The needed parts of an attestation's Statement, read from its bytes without a tree in between.
//!
//! Promise: of an attestation of any length, only its type, the digests of its first subjects, and a few short texts
//! and counts from its predicate are held.

use std::collections::BTreeMap;
use std::fmt;

use sealift_archive_format::DigestAlgorithm;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::{MAXIMUM_SUBJECTS, shorten};
use crate::in_toto::artifact::ArtifactHashes;

/// Where a predicate has the texts that a report repeats.
const TEXTS: [&str; 6] =
    ["builder/id", "buildType", "runDetails/builder/id", "buildDefinition/buildType", "spdxVersion", "specVersion"];
/// Where a predicate has the lists that a report counts.
const LISTS: [&str; 2] = ["packages", "components"];

/// The members that identify a document.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AttestationKind {
    #[serde(rename = "_type")]
    pub(super) statement: ShortText,
    #[serde(rename = "predicateType")]
    pub(super) predicate: ShortText,
}

/// A Statement.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttestationStatement {
    pub(super) subject: Subjects,
    pub(super) predicate_type: String,
    #[serde(default)]
    pub(super) predicate: Predicate,
}

/// A text, shortened; empty for any other value.
#[derive(Default)]
pub(super) struct ShortText(pub(super) String);

/// The first subjects, and how many there are.
pub(super) struct Subjects {
    pub(super) first: Vec<AttestationSubject>,
    pub(super) count: usize,
}

#[derive(Deserialize)]
pub(super) struct AttestationSubject {
    #[serde(default)]
    pub(super) digest: Option<Digests>,
}

/// The hashes of a subject, of the algorithms that are compared here.
pub(super) struct Digests(pub(super) ArtifactHashes);

/// What a report says about a predicate.
#[derive(Default)]
pub(super) struct Predicate {
    texts: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, usize>,
}

impl Predicate {
    /// The text at that place; empty where there is none.
    pub(super) fn text(&self, place: &str) -> String {
        self.texts.get(place).cloned().unwrap_or_default()
    }

    /// How many items the list at that place has; 0 where there is none.
    pub(super) fn count(&self, place: &str) -> usize {
        self.lists.get(place).copied().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SubjectsVisitor;
        impl<'de> Visitor<'de> for SubjectsVisitor {
            type Value = Subjects;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of subjects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Subjects, A::Error> {
                let (mut first, mut count) = (Vec::new(), 0);
                while let Some(subject) = access.next_element::<AttestationSubject>()? {
                    count += 1;
                    if first.len() < MAXIMUM_SUBJECTS {
                        first.push(subject);
                    }
                }
                Ok(Subjects { first, count })
            }
        }
        deserializer.deserialize_seq(SubjectsVisitor)
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;
        impl<'de> Visitor<'de> for Known {
            type Value = Digests;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of hashes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Digests, A::Error> {
                let mut hashes = Vec::new();
                while let Some((algorithm, hex)) = access.next_entry::<String, String>()? {
                    if DigestAlgorithm::from_name(&algorithm).is_some() {
                        hashes.push((algorithm, hex));
                    }
                }
                Ok(Digests(hashes.into_iter().collect()))
            }
        }
        deserializer.deserialize_map(Known)
    }
}

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Found { texts: &[""], lists: &[], predicate: Predicate::default() };
        At { place: String::new(), found: &mut found }.deserialize(deserializer)?;
        Ok(Self(found.predicate.text("")))
    }
}

impl<'de> Deserialize<'de> for Predicate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Found { texts: &TEXTS, lists: &LISTS, predicate: Self::default() };
        At { place: String::new(), found: &mut found }.deserialize(deserializer)?;
        Ok(found.predicate)
    }
}

/// What is looked for, and what has been found.
struct Found {
    texts: &'static [&'static str],
    lists: &'static [&'static str],
    predicate: Predicate,
}

impl Found {
    /// Whether that place, or a place below it, is looked for.
    fn leads_on(&self, place: &str) -> bool {
        let mut places = self.texts.iter().chain(self.lists);
        places.any(|wanted| wanted.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Looks at the value at a place, whatever it is.
struct At<'f> {
    place: String,
    found: &'f mut Found,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if let Some(place) = self.found.texts.iter().find(|place| **place == self.place) {
            self.found.predicate.texts.insert(place, shorten(text));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut count = 0;
        while access.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if let Some(place) = self.found.lists.iter().find(|place| **place == self.place) {
            self.found.predicate.lists.insert(place, count);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some(name) = access.next_key::<String>()? {
            let place = if self.place.is_empty() { name.clone() } else { format!("{}/{name}", self.place) };
            // A name that contains a slash does not lead from one object to another.
            if !name.contains('/') && self.found.leads_on(&place) {
                access.next_value_seed(At { place, found: &mut *self.found })?;
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
