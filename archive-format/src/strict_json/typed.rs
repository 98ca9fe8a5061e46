//! Types read from JSON, without the two liberties that serde allows.
//!
//! Promise: a type with fields is read from an object, never from an array of their values; and where [`Names::Folded`]
//! is asked for, a member that another reader would treat as a field, because it compares names without case, is an
//! error. It makes no difference whether the JSON is text or a tree.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use super::Names;

/// A source of types.
pub(super) struct Typed<D> {
    pub(super) source: D,
    pub(super) names: Names,
}

/// Passes on everything but how a struct is read.
macro_rules! pass_on {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = Inside { visitor, names: self.names, fields: &[] };
            self.source.$method($($argument,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Typed<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any(); deserialize_bool(); deserialize_i8(); deserialize_i16(); deserialize_i32();
        deserialize_i64(); deserialize_i128(); deserialize_u8(); deserialize_u16(); deserialize_u32();
        deserialize_u64(); deserialize_u128(); deserialize_f32(); deserialize_f64(); deserialize_char();
        deserialize_str(); deserialize_string(); deserialize_bytes(); deserialize_byte_buf(); deserialize_option();
        deserialize_unit(); deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str); deserialize_seq(); deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize); deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]); deserialize_identifier();
        deserialize_ignored_any();
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.source.deserialize_map(Inside { visitor, names: self.names, fields })
    }
}

/// Whatever is inside a value is read in the same way.
struct Inside<T> {
    visitor: T,
    names: Names,
    /// The fields of the type that an object is read into; none where it is a map.
    fields: &'static [&'static str],
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<T::Value, D::Error> {
        self.visitor.deserialize(Typed { source, names: self.names })
    }
}

macro_rules! pass_on_scalars {
    ($($method:ident($type:ty);)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    pass_on_scalars! {
        visit_bool(bool); visit_i64(i64); visit_i128(i128); visit_u64(u64); visit_u128(u128); visit_f64(f64);
        visit_str(&str); visit_borrowed_str(&'de str); visit_string(String); visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]); visit_byte_buf(Vec<u8>);
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Typed { source, names: self.names })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Typed { source, names: self.names })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(access)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Items { access, names: self.names })
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Members { access, names: self.names, fields: self.fields })
    }
}

struct Items<A> {
    access: A,
    names: Names,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, visitor: T) -> Result<Option<T::Value>, A::Error> {
        self.access.next_element_seed(Inside { visitor, names: self.names, fields: &[] })
    }

    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

struct Members<A> {
    access: A,
    names: Names,
    fields: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        if self.names == Names::Exact || self.fields.is_empty() {
            return self.access.next_key_seed(seed);
        }
        let Some(name) = self.access.next_key::<String>()? else { return Ok(None) };
        if let Some(known) = taken_for(&name, self.fields.iter().copied()) {
            // Its value is read first, so that the error says where the member ends.
            self.access.next_value::<IgnoredAny>()?;
            return Err(A::Error::custom(TakenFor { name, known }));
        }
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, visitor: T) -> Result<T::Value, A::Error> {
        self.access.next_value_seed(Inside { visitor, names: self.names, fields: &[] })
    }

    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

/// A member of an object that is a known one to readers that ignore case, and differs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenFor {
    /// Its name, as it is written.
    pub name: String,
    /// The known member.
    pub known: &'static str,
}

impl fmt::Display for TakenFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {:?} is {:?} to readers that ignore case", self.name, self.known)
    }
}

/// The known name that a reader who ignores case would match to a name, if the name is not that very one.
pub fn taken_for(name: &str, mut known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let folded = Names::Folded.compared(name.to_owned());
    let compared = |known: &str| Names::Folded.compared(known.to_owned());
    known.find(|known| *known != name && compared(known) == folded)
}
