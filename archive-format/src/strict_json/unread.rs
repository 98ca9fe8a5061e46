//! JSON that is checked and not kept.
//!
//! Promise: [`Unread`] accepts exactly what a tree would be built from, and builds none. It holds only the names in the
//! objects around its current place, within a budget. It can also estimate what a type would hold.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::budget::MemoryBudget;
use super::name::{Name, NamesInside};
use super::{Names, deeper};

/// What a type takes for a text, beyond its bytes.
const TEXT: usize = 32;
/// What a type takes for an object, beyond its members: they are in lists that may have twice the capacity they need.
const OBJECT: usize = 48;
/// What a type takes for a list, beyond its items. Objects that have lists are larger than others.
const LIST: usize = 128;

/// Skips a value at a known depth, strictly.
#[derive(Clone, Copy)]
pub(super) struct Unread<'b> {
    pub(super) depth: usize,
    pub(super) names: Names,
    pub(super) budget: &'b MemoryBudget,
    pub(super) weighed: Weighed,
}

/// What is charged to the budget, beyond the names that are held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weighed {
    /// Nothing: no value is kept.
    Nothing,
    /// Every value, at what a type would take for it.
    Values,
}

impl Unread<'_> {
    fn value<E: Error>(self, charge: usize) -> Result<(), E> {
        match self.weighed {
            Weighed::Nothing => Ok(()),
            Weighed::Values => self.budget.charge(charge),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Unread<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unread<'_> {
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

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.value(text.len() + TEXT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let inside = Self { depth: deeper(self.depth)?, ..self };
        self.value(LIST)?;
        while access.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let inside = Self { depth: deeper(self.depth)?, ..self };
        self.value(OBJECT)?;
        let mut names = NamesInside::new(self.names, self.budget);
        while let Some(Name(name)) = access.next_key()? {
            names.make_room(&name)?;
            access.next_value_seed(inside)?;
            names.add(name)?;
        }
        Ok(())
    }
}
