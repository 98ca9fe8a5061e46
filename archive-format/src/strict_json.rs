//! JSON as signed documents need it: one meaning, or an error.
//!
//! Promise: a [`Value`] that comes from [`parse`] had no duplicate keys, no trailing data, no number out of range, no
//! nesting beyond [`MAXIMUM_DEPTH`], and was UTF-8. RFC 8259 leaves the meaning of duplicate keys open, and two
//! readers of one signed document that choose differently is an attack.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep arrays and objects may nest.
pub const MAXIMUM_DEPTH: usize = 100;

/// Why bytes are not strict JSON. Line and column count from 1.
#[derive(Debug, thiserror::Error)]
#[error("not strict JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Parses one JSON document, strictly.
///
/// # Errors
/// [`JsonError`] for anything that is not exactly one document, and for duplicate keys, numbers out of range and
/// nesting beyond [`MAXIMUM_DEPTH`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Parses one JSON document strictly, and then into a type.
///
/// # Errors
/// As [`parse`], and when the document does not have the type's shape.
pub fn parse_into<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    Ok(serde_json::from_value(parse(bytes)?)?)
}

/// Deserialises a value at a known depth.
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAXIMUM_DEPTH} levels")));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict { depth })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict { depth })?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn one_document_is_read_as_it_is() {
        let value = parse(br#"{"a":[1,-2,true,null,"x"],"b":{"a":18446744073709551615}}"#).unwrap();
        assert_eq!(value["b"]["a"], Value::from(u64::MAX));
        assert_eq!(value["a"][1], Value::from(-2));
    }

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        assert!(refused(r#"{"a":1,"a":1}"#).contains("duplicate key \"a\""));
        assert!(refused(r#"[{"b":{"\u0061":1,"a":2}}]"#).contains("duplicate key \"a\""));
    }

    #[test]
    fn trailing_data_nan_and_huge_numbers_are_refused() {
        assert!(refused("{} {}").contains("trailing"));
        refused("NaN");
        refused("[Infinity]");
        assert!(refused("1e999").contains("out of range"));
        refused("\u{feff}{}");
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        parse(nested(MAXIMUM_DEPTH).as_bytes()).unwrap();
        assert!(refused(&nested(MAXIMUM_DEPTH + 1)).contains("nested deeper"));
        refused(&"[".repeat(1_000_000));
    }
}
