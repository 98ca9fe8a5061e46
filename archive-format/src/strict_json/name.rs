//! The names of an object's members, each of which occurs once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::Names;
use super::budget::MemoryBudget;

/// What a held name takes beyond its text: its own bytes, and its share of a node that may be half empty.
const NAME: usize = 80;

/// How many members an object usually has at most; room for more is made as it is needed.
const USUAL_MEMBERS: usize = 8;

/// The name of a member: the document's own text, unless something in it is escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<'de>(pub Cow<'de, str>);

impl AsRef<str> for Name<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'n, 'n> Deserialize<'de> for Name<'n> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The names in one object so far. They are held, within a budget, until the object ends.
pub(super) struct NamesInside<'de, 'b> {
    names: Names,
    budget: &'b MemoryBudget,
    held: usize,
    /// Each greater than the one before, as in a document whose names are sorted.
    ascending: Vec<Cow<'de, str>>,
    /// Those that came after a greater one.
    others: HashSet<Cow<'de, str>>,
}

impl<'de, 'b> NamesInside<'de, 'b> {
    pub(super) fn new(names: Names, budget: &'b MemoryBudget) -> Self {
        Self { names, budget, held: 0, ascending: Vec::new(), others: HashSet::new() }
    }

    /// Charges what it takes to hold one more name.
    pub(super) fn make_room<E: Error>(&mut self, name: &str) -> Result<(), E> {
        let charge = name.len() + NAME;
        self.held += charge;
        self.budget.charge(charge)
    }

    /// Adds a name for which there is room.
    pub(super) fn add<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        let name = self.names.compared(name);
        if self.ascending.last().is_none_or(|last| *last < name) {
            if self.ascending.is_empty() {
                self.ascending.reserve(USUAL_MEMBERS);
            }
            self.ascending.push(name);
            return Ok(());
        }
        if self.ascending.binary_search(&name).is_err() && !self.others.contains(&name) {
            self.others.insert(name);
            return Ok(());
        }
        let how = match self.names {
            Names::Exact => "",
            Names::Folded => ", where upper and lower case are one",
        };
        Err(E::custom(format_args!("duplicate key {name:?}{how}")))
    }
}

impl Drop for NamesInside<'_, '_> {
    fn drop(&mut self) {
        self.budget.give_back(self.held);
    }
}
