//! JSON that is looked at and not kept.
//!
//! Promise: [`Unread`] takes exactly what a tree would be made of, and makes none. The names in the objects around the
//! place it is at are all that it holds.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Names, deeper};

/// Passes over a value at a known depth, strictly.
#[derive(Clone, Copy)]
pub(super) struct Unread {
    pub(super) depth: usize,
    pub(super) names: Names,
}

impl<'de> DeserializeSeed<'de> for Unread {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unread {
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

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let inside = Self { depth: deeper(self.depth)?, ..self };
        while access.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let inside = Self { depth: deeper(self.depth)?, ..self };
        let mut names = HashSet::new();
        while let Some(name) = access.next_key::<String>()? {
            access.next_value_seed(inside)?;
            if let Some(name) = names.replace(self.names.compared(name)) {
                return Err(A::Error::custom(format_args!("duplicate key {name:?}")));
            }
        }
        Ok(())
    }
}
