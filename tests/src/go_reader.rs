//! What programs written in Go read from a JSON document: a model of `encoding/json`, as far as names, `null` and members
//! that come twice decide what they read. Its rules were compared with Go 1.26.
//!
//! A name stands for the field of exactly that name, or else for one that is equal under simple case folding. What comes
//! later is decoded into what is there already: a text is replaced, an object adds its members, a list is laid over the
//! items of the list before it. `null` takes lists, maps and pointers away, and leaves everything else as it is. That is
//! why an object with fields may not have two names that fold to one.
//!
//! Fuzzers share this file: it needs nothing else of this crate.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value with every member that an object has, in order, duplicates included.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
    /// A number or a truth value.
    Scalar(Value),
}

/// The type of a variable in Go, as far as it decides what is decoded into it.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// `string`.
    Text,
    /// A slice.
    List(&'static Type),
    /// A map from texts.
    Map(&'static Type),
    /// A pointer.
    Pointer(&'static Type),
    /// A struct, by the names of its fields in JSON. Other fields than these are not looked at.
    Struct(&'static [(&'static str, Type)]),
}

/// A variable in Go.
#[derive(Debug, Clone, PartialEq)]
pub enum Variable {
    /// A map or a pointer that is `nil`.
    Nil,
    /// A text.
    Text(String),
    /// A slice: what lies in its memory, and how many of it are items now.
    List(Vec<Variable>, usize),
    /// A map.
    Map(BTreeMap<String, Variable>),
    /// A struct.
    Struct(BTreeMap<&'static str, Variable>),
}

/// What `json.Unmarshal` makes of a document; `None` where it reports an error.
pub fn unmarshal(bytes: &[u8], into: Type) -> Option<Variable> {
    let mut variable = Variable::zero(into);
    variable.decode(into, &Json::read(bytes)?)?;
    Some(variable)
}

impl Variable {
    fn zero(of: Type) -> Self {
        match of {
            Type::Text => Self::Text(String::new()),
            Type::List(_) => Self::List(Vec::new(), 0),
            Type::Map(_) | Type::Pointer(_) => Self::Nil,
            Type::Struct(fields) => Self::Struct(fields.iter().map(|(name, of)| (*name, Self::zero(*of))).collect()),
        }
    }

    /// Decodes a value into what is there; `None` where it has another type.
    fn decode(&mut self, of: Type, value: &Json) -> Option<()> {
        match (of, value) {
            (Type::Text | Type::Struct(_), Json::Null) => {}
            (Type::List(_) | Type::Map(_) | Type::Pointer(_), Json::Null) => *self = Self::zero(of),
            (Type::Text, Json::Text(text)) => *self = Self::Text(text.clone()),
            (Type::Pointer(to), value) => {
                if *self == Self::Nil {
                    *self = Self::zero(*to);
                }
                self.decode(*to, value)?;
            }
            (Type::List(item), Json::List(values)) => {
                let Self::List(items, length) = self else { return None };
                if values.is_empty() {
                    items.clear();
                }
                items.resize(items.len().max(values.len()), Self::zero(*item));
                items.iter_mut().zip(values).try_for_each(|(old, value)| old.decode(*item, value))?;
                *length = values.len();
            }
            (Type::Map(item), Json::Object(members)) => {
                if *self == Self::Nil {
                    *self = Self::Map(BTreeMap::new());
                }
                let Self::Map(map) = self else { return None };
                for (key, value) in members {
                    let mut variable = Self::zero(*item);
                    variable.decode(*item, value)?;
                    map.insert(key.clone(), variable);
                }
            }
            (Type::Struct(fields), Json::Object(members)) => {
                let Self::Struct(variables) = self else { return None };
                for (name, value) in members {
                    let exact = fields.iter().find(|(field, _)| field == name);
                    let folded = || fields.iter().find(|(field, _)| fold(field) == fold(name));
                    if let Some((field, of)) = exact.or_else(folded) {
                        variables.get_mut(field)?.decode(*of, value)?;
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// A field of a struct, or of what a pointer points to.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The text that this is; empty where it is none.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// A field that is a text; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.field(name).map_or("", Self::as_text)
    }

    /// The items of a field that is a list.
    pub fn list(&self, name: &str) -> &[Self] {
        match self.field(name) {
            Some(Self::List(items, length)) => &items[..*length],
            _ => &[],
        }
    }

    /// The entries of a field that is a map: its keys are told apart by every character.
    pub fn map(&self, name: &str) -> BTreeMap<&str, &Self> {
        match self.field(name) {
            Some(Self::Map(entries)) => entries.iter().map(|(key, value)| (key.as_str(), value)).collect(),
            _ => BTreeMap::new(),
        }
    }
}

/// Simple case folding, as far as it leads to ASCII letters: all that field names are made of.
fn fold(name: &str) -> String {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

impl Json {
    /// Reads a document, as far as it is JSON.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| Value::from(text).to_string();
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Scalar(value) => value.fmt(f),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
                write!(f, "{{{}}}", members.join(","))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Json::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: Type = Type::Struct(&[("name", Type::Text), ("kind", Type::Text), ("more", Type::Map(&Type::Text))]);
    const ALL: Type = Type::Struct(&[
        ("self", ITEM),
        ("pointer", Type::Pointer(&ITEM)),
        ("list", Type::List(&ITEM)),
        ("map", Type::Map(&ITEM)),
    ]);

    /// Whether Go finds the same in both; each pair was given to Go 1.26.
    fn alike(one: &str, other: &str) {
        let read = |text: &str| {
            let mut read = unmarshal(text.as_bytes(), ALL).unwrap_or_else(|| panic!("{text}"));
            forget_what_is_past_the_end(&mut read);
            read
        };
        assert_eq!(read(one), read(other), "{one} {other}");
    }

    fn forget_what_is_past_the_end(variable: &mut Variable) {
        match variable {
            Variable::List(items, length) => items.truncate(*length),
            Variable::Struct(fields) => fields.values_mut().for_each(forget_what_is_past_the_end),
            Variable::Nil | Variable::Text(_) | Variable::Map(_) => {}
        }
    }

    #[test]
    fn of_two_members_for_one_field_the_later_is_decoded_into_the_earlier() {
        alike(r#"{"self":{"name":"a","kind":"b"},"Self":{"KIND":"c"}}"#, r#"{"self":{"name":"a","kind":"c"}}"#);
        alike(r#"{"\u017felf":{"\u212aind":"c"}}"#, r#"{"self":{"kind":"c"}}"#);
        alike(r#"{"pointer":{"name":"a"},"pointer":{"kind":"c"}}"#, r#"{"pointer":{"name":"a","kind":"c"}}"#);
        alike(r#"{"self":{"more":{"a":"1"},"more":{"b":"2"}}}"#, r#"{"self":{"more":{"a":"1","b":"2"}}}"#);
        alike(r#"{"map":{"a":{"name":"x"}},"map":{"a":{"kind":"y"}}}"#, r#"{"map":{"a":{"kind":"y"}}}"#);
        alike(r#"{"map":{"a":{},"A":{}}}"#, r#"{"map":{"A":{},"a":{}}}"#);
        alike(r#"{"list":[{"name":"a"},{"name":"b"}],"list":[{"kind":"c"}]}"#, r#"{"list":[{"name":"a","kind":"c"}]}"#);
        alike(
            r#"{"list":[{"name":"a"},{"name":"b"}],"list":[{}],"List":[{},{}]}"#,
            r#"{"list":[{"name":"a"},{"name":"b"}]}"#,
        );
        alike(r#"{"list":[{"name":"a"}],"list":[],"list":[{}]}"#, r#"{"list":[{}]}"#);
    }

    #[test]
    fn null_takes_away_what_can_be_nil_and_leaves_the_rest() {
        alike(r#"{"self":{"name":"a"},"self":null}"#, r#"{"self":{"name":"a"}}"#);
        alike(r#"{"self":{"name":"a","name":null}}"#, r#"{"self":{"name":"a"}}"#);
        alike(r#"{"pointer":{"name":"a"},"pointer":null}"#, "{}");
        alike(r#"{"list":[{"name":"a"}],"list":null}"#, "{}");
        alike(r#"{"list":[{"name":"a"}],"list":[null]}"#, r#"{"list":[{"name":"a"}]}"#);
        alike(r#"{"self":{"more":{"a":"1"},"more":null}}"#, "null");
        alike(r#"{"self":{"more":{"a":"1"},"more":{"a":null}}}"#, r#"{"self":{"more":{"a":""}}}"#);
        alike(r#"{"map":{"a":null}}"#, r#"{"map":{"a":{}}}"#);
    }

    #[test]
    fn other_types_are_refused() {
        for text in ["[]", r#"{"self":[]}"#, r#"{"list":{}}"#, r#"{"map":[]}"#, r#"{"self":{"name":1}}"#, "{} {}"] {
            assert!(unmarshal(text.as_bytes(), ALL).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"{"a":[1,-2.5,true,null],"a":{"A":"\"","\u017f":""}}"#;
        let value = Json::read(text.as_bytes()).unwrap();
        assert_eq!(Json::read(value.to_string().as_bytes()), Some(value));
    }
}
