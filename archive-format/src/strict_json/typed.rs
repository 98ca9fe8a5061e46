//! Types read from JSON, without the two liberties that serde allows.
//!
//! Promise: a type with fields is read from an object, never from an array of their values; and where [`Names::Folded`]
//! is asked for, a member that another reader would treat as a field, because it compares names without case, is an
//! error. It makes no difference whether the JSON is text or a tree. Text whose strictness is [`Strictness::Checked`] is only read if
//! a tree would be built from it.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::budget::MemoryBudget;
use super::name::{Name, NamesInside};
use super::unread::{Unread, Weighed};
use super::{Names, deeper};

/// A source of types.
pub(super) struct Typed<'b, D> {
    pub(super) source: D,
    pub(super) names: Names,
    pub(super) strictness: Strictness<'b>,
}

/// Whether a source is strict JSON.
#[derive(Clone, Copy)]
pub(super) enum Strictness<'b> {
    /// It is, as is known: a tree, or a text that has been read before.
    Known,
    /// It is checked while it is read: how deep arrays and objects nest, and that names occur once and fit into a budget.
    Checked { depth: usize, budget: &'b MemoryBudget },
}

impl<'b> Strictness<'b> {
    /// That of what is inside.
    fn inside<E: Error>(self) -> Result<Self, E> {
        match self {
            Self::Known => Ok(Self::Known),
            Self::Checked { depth, budget } => Ok(Self::Checked { depth: deeper(depth)?, budget }),
        }
    }

    /// Where the names of an object are gathered to be compared.
    fn names_inside<'de>(self, names: Names) -> Option<NamesInside<'de, 'b>> {
        match self {
            Self::Known => None,
            Self::Checked { budget, .. } => Some(NamesInside::new(names, budget)),
        }
    }
}

/// Passes on everything but how a struct is read, and what is ignored.
macro_rules! pass_on {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = Inside { visitor, names: self.names, strictness: self.strictness, fields: &[] };
            self.source.$method($($argument,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Typed<'_, D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any(); deserialize_bool(); deserialize_i8(); deserialize_i16(); deserialize_i32();
        deserialize_i64(); deserialize_i128(); deserialize_u8(); deserialize_u16(); deserialize_u32();
        deserialize_u64(); deserialize_u128(); deserialize_f32(); deserialize_f64(); deserialize_char();
        deserialize_str(); deserialize_string(); deserialize_option();
        deserialize_unit(); deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str); deserialize_seq(); deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize); deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]); deserialize_identifier();
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.source.deserialize_map(Inside { visitor, names: self.names, strictness: self.strictness, fields })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match self.strictness {
            Strictness::Known => self.source.deserialize_ignored_any(visitor),
            Strictness::Checked { depth, budget } => {
                Unread { depth, names: self.names, budget, weighed: Weighed::Nothing }.deserialize(self.source)?;
                visitor.visit_unit()
            }
        }
    }

    /// JSON has no bytes but those of its texts, which are read as such.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }
}

/// Whatever is inside a value is read in the same way.
struct Inside<'b, T> {
    visitor: T,
    names: Names,
    strictness: Strictness<'b>,
    /// The fields of the type that an object is read into; none where it is a map.
    fields: &'static [&'static str],
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<T::Value, D::Error> {
        self.visitor.deserialize(Typed { source, names: self.names, strictness: self.strictness })
    }
}

macro_rules! pass_on_scalars {
    ($($method:ident($type:ty);)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<'_, V> {
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
        self.visitor.visit_some(Typed { source, names: self.names, strictness: self.strictness })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Typed { source, names: self.names, strictness: self.strictness })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Variant { access, names: self.names, strictness: self.strictness.inside()? })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Items { access, names: self.names, strictness: self.strictness.inside()? })
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let Self { visitor, names, strictness, fields } = self;
        let seen = strictness.names_inside(names);
        visitor.visit_map(Members { access, names, strictness: strictness.inside()?, fields, seen })
    }
}

struct Items<'b, A> {
    access: A,
    names: Names,
    strictness: Strictness<'b>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, visitor: T) -> Result<Option<T::Value>, A::Error> {
        let Self { names, strictness, .. } = *self;
        self.access.next_element_seed(Inside { visitor, names, strictness, fields: &[] })
    }

    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

struct Members<'de, 'b, A> {
    access: A,
    names: Names,
    strictness: Strictness<'b>,
    fields: &'static [&'static str],
    /// The names so far, where it is checked that each occurs once.
    seen: Option<NamesInside<'de, 'b>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, '_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let compares_fields = self.names == Names::Folded && !self.fields.is_empty();
        if !compares_fields && self.seen.is_none() {
            return self.access.next_key_seed(seed);
        }
        let Some(Name(name)) = self.access.next_key()? else { return Ok(None) };
        if let Some(seen) = &mut self.seen {
            seen.make_room(&name)?;
            seen.add(name.clone())?;
        }
        if compares_fields && let Some(known) = taken_for(&name, self.fields.iter().copied()) {
            // Its value is read first, so that the error says where the member ends.
            self.access.next_value::<IgnoredAny>()?;
            return Err(A::Error::custom(TakenFor { name: name.into_owned(), known }));
        }
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => {
                let name: StringDeserializer<A::Error> = name.into_deserializer();
                seed.deserialize(name)
            }
        }
        .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, visitor: T) -> Result<T::Value, A::Error> {
        let Self { names, strictness, .. } = *self;
        self.access.next_value_seed(Inside { visitor, names, strictness, fields: &[] })
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
    let folded = Names::Folded.compared(Cow::Borrowed(name));
    let compared = |known: &'static str| Names::Folded.compared(Cow::Borrowed(known));
    known.find(|known| *known != name && compared(known) == folded)
}

/// A variant of an enum, and what is in it.
struct Variant<'b, A> {
    access: A,
    names: Names,
    strictness: Strictness<'b>,
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Variant<'b, A> {
    type Error = A::Error;
    type Variant = Variant<'b, A::Variant>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), A::Error> {
        let Self { names, strictness, .. } = self;
        let (variant, access) = self.access.variant_seed(seed)?;
        Ok((variant, Variant { access, names, strictness }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variant<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.access.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, visitor: T) -> Result<T::Value, A::Error> {
        let Self { access, names, strictness } = self;
        access.newtype_variant_seed(Inside { visitor, names, strictness, fields: &[] })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let Self { access, names, strictness } = self;
        access.tuple_variant(length, Inside { visitor, names, strictness, fields: &[] })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let Self { access, names, strictness } = self;
        access.struct_variant(fields, Inside { visitor, names, strictness, fields })
    }
}
