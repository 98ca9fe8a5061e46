//! What a metadata file lists under names: files in a snapshot, targets in a role.
//!
//! Promise: a list of 100,000 is one text and one table, with no allocation for a name of its own, and is searched as a map is.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use sealift_archive_format::strict_json::Name;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// Entries by name.
#[derive(Debug, Clone)]
pub(crate) struct Listed<T> {
    /// All names, one after another.
    names: String,
    /// In the order of their names.
    entries: Vec<ListedEntry<T>>,
}

#[derive(Debug, Clone)]
struct ListedEntry<T> {
    /// Where its name is among all names.
    name: Range<usize>,
    value: T,
}

impl<T> ListedEntry<T> {
    fn name_in<'n>(&self, names: &'n str) -> &'n str {
        names.get(self.name.clone()).unwrap_or_default()
    }
}

impl<T> Listed<T> {
    fn new() -> Self {
        Self { names: String::new(), entries: Vec::new() }
    }

    /// Adds an entry behind all others, wherever it belongs.
    fn push(&mut self, name: &str, value: T) {
        let begin = self.names.len();
        self.names.push_str(name);
        self.entries.push(ListedEntry { name: begin..self.names.len(), value });
    }

    /// A name that occurs twice, of entries that are in order.
    fn duplicate(&self) -> Option<&str> {
        let mut pairs = self.names().zip(self.names().skip(1));
        pairs.find(|(one, next)| one == next).map(|(name, _)| name)
    }

    /// Brings the entries into their order.
    fn in_order(self) -> Self {
        let Self { names, mut entries } = self;
        if !entries.is_sorted_by_key(|entry| entry.name_in(&names)) {
            entries.sort_unstable_by(|one, other| one.name_in(&names).cmp(other.name_in(&names)));
        }
        Self { names, entries }
    }

    /// What is listed under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        let place = self.entries.binary_search_by(|entry| entry.name_in(&self.names).cmp(name)).ok()?;
        Some(&self.entries.get(place)?.value)
    }

    /// All entries, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|entry| (entry.name_in(&self.names), &entry.value))
    }

    /// All names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The names that begin with a text, in order.
    pub(crate) fn names_beginning<'l>(&'l self, prefix: &'l str) -> impl Iterator<Item = &'l str> {
        let first = self.entries.partition_point(|entry| entry.name_in(&self.names) < prefix);
        let from = self.entries.get(first..).unwrap_or_default().iter();
        from.map(|entry| entry.name_in(&self.names)).take_while(move |name| name.starts_with(prefix))
    }
}

/// Of entries whose names are different.
impl<T> FromIterator<(String, T)> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        let mut listed = Self::new();
        entries.into_iter().for_each(|(name, value)| listed.push(&name, value));
        listed.in_order()
    }
}

/// From an object; a name that occurs twice is an error.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListedVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListedVisitor<T> {
            type Value = Listed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Listed<T>, A::Error> {
                let mut listed = Listed::new();
                while let Some((Name(name), value)) = access.next_entry()? {
                    listed.push(&name, value);
                }
                let listed = listed.in_order();
                match listed.duplicate() {
                    Some(name) => Err(A::Error::custom(format_args!("duplicate name {name:?}"))),
                    None => Ok(listed),
                }
            }
        }
        deserializer.deserialize_map(ListedVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Listed<u64> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_list_is_searched_as_a_map_whatever_order_it_was_written_in() {
        for text in [r#"{"":0,"a":1,"a/b":2,"b":3,"\u00e9":4}"#, r#"{"b":3,"\u00e9":4,"a/b":2,"":0,"a":1}"#] {
            let listed = read(text);
            let map: std::collections::BTreeMap<String, u64> = serde_json::from_str(text).unwrap();
            assert!(listed.names().eq(map.keys()), "{text}");
            assert!(listed.iter().eq(map.iter().map(|(name, value)| (name.as_str(), value))));
            for name in ["", "a", "a/", "a/b", "b", "\u{e9}", "z"] {
                assert_eq!(listed.get(name), map.get(name), "{name}");
                let expected = map.keys().filter(|key| key.starts_with(name));
                assert!(listed.names_beginning(name).eq(expected), "{name}");
            }
            let collected: Listed<u64> = map.into_iter().rev().collect();
            assert!(collected.iter().eq(listed.iter()));
        }
        assert_eq!(read("{}").names().count(), 0);
        assert!(serde_json::from_str::<Listed<u64>>("[]").is_err());
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#] {
            assert!(serde_json::from_str::<Listed<u64>>(twice).is_err(), "{twice}");
        }
    }
}
