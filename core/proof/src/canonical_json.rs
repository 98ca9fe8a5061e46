//! Canonical JSON: the one byte sequence that stands for a JSON value.
//!
//! The OLPC form that TUF (§4.2.1), in-toto and CNAB (101) sign: no white space, object keys sorted, strings with only
//! `"` and `\` escaped and every other character as it is, integers only. Strings are *not* Unicode-normalised: a
//! canonicaliser that normalises changes what was signed.

use std::fmt;
use std::io::Write as _;

use sealift_archive_format::strict_json::Name;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalJsonError {
    /// A number that is not an integer of 64 bits.
    #[error("the number {0} has no canonical form: canonical JSON has only integers")]
    NotAnInteger(String),
}

/// The canonical bytes of a value.
///
/// # Errors
/// [`CanonicalJsonError::NotAnInteger`] when a number in it is not an integer.
pub fn encode(value: &Value) -> Result<Vec<u8>, CanonicalJsonError> {
    let mut bytes = Vec::new();
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

/// Whether bytes are the canonical form of the JSON document that they are. The names in it are not compared: it is for
/// documents that have been read strictly (see [`strict_json`](sealift_archive_format::strict_json)).
pub fn is_canonical(document: &[u8]) -> bool {
    let canonical = serde_json::from_slice::<Canonical>(document).map(Canonical::into_bytes);
    matches!(canonical, Ok(Ok(bytes)) if bytes == document)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalJsonError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            write_integer(number, out);
        }
        Value::Number(number) => return Err(CanonicalJsonError::NotAnInteger(number.to_string())),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            // Sorted here, whatever order the map keeps: by code point, which for UTF-8 is byte order.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_value(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_integer(integer: impl fmt::Display, out: &mut Vec<u8>) {
    // Memory takes what is written.
    drop(write!(out, "{integer}"));
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    let is_escaped = |byte: u8| matches!(byte, b'"' | b'\\');
    out.push(b'"');
    // Every byte is looked at, whatever came before: that takes the least time.
    if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
        for byte in text.bytes() {
            if is_escaped(byte) {
                out.push(b'\\');
            }
            out.push(byte);
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

/// The canonical form of a value, made without a tree in between: it takes little more memory than its own length.
///
/// Only for documents whose objects have no name twice (see [`strict_json`](sealift_archive_format::strict_json)).
#[derive(Debug)]
pub(crate) struct Canonical(Result<Vec<u8>, CanonicalJsonError>);

impl Canonical {
    /// The bytes.
    ///
    /// # Errors
    /// [`CanonicalJsonError`].
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, CanonicalJsonError> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut output = Output { bytes: Vec::with_capacity(USUAL_LENGTH), unwritten: None };
        Next(&mut output).deserialize(deserializer)?;
        let Output { mut bytes, unwritten } = output;
        bytes.shrink_to_fit();
        Ok(Self(unwritten.map_or(Ok(bytes), |number| Err(CanonicalJsonError::NotAnInteger(number)))))
    }
}

/// A value that is kept in its canonical form, and made a tree of when it is asked for: it takes no more memory than its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanonicalValue(Box<[u8]>);

impl CanonicalValue {
    /// The value.
    pub(crate) fn read(&self) -> Value {
        // Canonical JSON has control characters as they are, and only within strings.
        let mut json = Vec::with_capacity(self.0.len());
        for byte in &self.0 {
            match byte {
                ..b' ' => write!(json, "\\u{byte:04x}").unwrap_or_default(),
                other => json.push(*other),
            }
        }
        serde_json::from_slice(&json).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for CanonicalValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let canonical = Canonical::deserialize(deserializer)?.into_bytes().map_err(D::Error::custom)?;
        Ok(Self(canonical.into()))
    }
}

/// The same of a value that is an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanonicalObject(pub(crate) CanonicalValue);

impl<'de> Deserialize<'de> for CanonicalObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = CanonicalObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<CanonicalObject, A::Error> {
                CanonicalValue::deserialize(MapAccessDeserializer::new(access)).map(CanonicalObject)
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Room for the canonical form of a short document, in bytes; a longer one takes more as it grows.
const USUAL_LENGTH: usize = 512;

struct Output {
    bytes: Vec<u8>,
    /// The first number that has no canonical form.
    unwritten: Option<String>,
}

/// Writes the next value.
struct Next<'o>(&'o mut Output);

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Next<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.bytes.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.bytes.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        write_integer(value, &mut self.0.bytes);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        write_integer(value, &mut self.0.bytes);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.unwritten.get_or_insert_with(|| Value::from(value).to_string());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        write_string(text, &mut self.0.bytes);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.bytes.push(b'[');
        let start = self.0.bytes.len();
        loop {
            let before = self.0.bytes.len();
            if before > start {
                self.0.bytes.push(b',');
            }
            if access.next_element_seed(Next(self.0))?.is_none() {
                self.0.bytes.truncate(before);
                self.0.bytes.push(b']');
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.bytes.push(b'{');
        let start = self.0.bytes.len();
        let mut members: Vec<(Name<'de>, usize)> = Vec::new();
        while let Some(name) = access.next_key::<Name<'de>>()? {
            let Name(text) = &name;
            let begin = self.0.bytes.len();
            write_string(text, &mut self.0.bytes);
            members.push((name, begin));
            self.0.bytes.push(b':');
            access.next_value_seed(Next(self.0))?;
            self.0.bytes.push(b',');
        }
        self.0.sort(start, members);
        self.0.bytes.push(b'}');
        Ok(())
    }
}

impl Output {
    /// Sorts the members of an object that begins at `start`; each begins at its recorded position and ends with a
    /// comma. The last comma is dropped.
    fn sort(&mut self, start: usize, members: Vec<(Name<'_>, usize)>) {
        if !members.is_sorted() {
            let ends = members.iter().skip(1).map(|(_, begin)| *begin).chain([self.bytes.len()]).collect::<Vec<_>>();
            let mut sorted: Vec<_> = members.into_iter().zip(ends).collect();
            sorted.sort_unstable();
            let mut bytes = Vec::with_capacity(self.bytes.len() - start);
            for ((_, begin), end) in sorted {
                bytes.extend_from_slice(self.bytes.get(begin..end).unwrap_or_default());
            }
            self.bytes.truncate(start);
            self.bytes.append(&mut bytes);
        }
        if self.bytes.len() > start {
            self.bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let of_tree = encode(&serde_json::from_str(text).unwrap()).unwrap();
        let streamed: Canonical = serde_json::from_str(text).unwrap();
        assert_eq!(streamed.into_bytes().unwrap(), of_tree, "{text}");
        String::from_utf8(of_tree).unwrap()
    }

    #[test]
    fn a_value_that_was_kept_is_the_value_that_was_read() {
        let every_control: String = (0..0x20).map(|code| format!("\\u{code:04x}")).collect();
        for text in [
            "null".to_owned(),
            "[true,false,0,-1,18446744073709551615,-9223372036854775808]".to_owned(),
            format!(r#"{{"{every_control}":"{every_control}"}}"#),
            r#"{"\"\\/":["\u007f","\u00e9\ud83d\ude00",{"":{}}],"b":[[]]}"#.to_owned(),
        ] {
            let kept: CanonicalValue = serde_json::from_str(&text).unwrap();
            assert_eq!(kept.read(), serde_json::from_str::<Value>(&text).unwrap(), "{text}");
        }
    }

    #[test]
    fn objects_in_objects_are_sorted_each_by_itself() {
        for text in ["{}", "[]", "[[],{},[{}]]", r#"{"b":{"z":1,"y":[{"d":1,"c":{"":2}}]},"a":{},"aa":[],"":"x"}"#] {
            canonical(text);
        }
        assert_eq!(
            canonical(r#"{"b":{"z":1,"y":[2]},"a":{"c":-1,"":18446744073709551615}}"#),
            r#"{"a":{"":18446744073709551615,"c":-1},"b":{"y":[2],"z":1}}"#
        );
    }

    #[test]
    fn keys_are_sorted_and_white_space_goes() {
        assert_eq!(
            canonical(" { \"b\" : [ 1 , {} ], \"a\" : null, \"B\": true } "),
            r#"{"B":true,"a":null,"b":[1,{}]}"#
        );
        // By code point, not by UTF-16 unit: U+FF61 sorts before U+1F600.
        assert_eq!(canonical("{\"\u{1F600}\":1,\"\u{FF61}\":2}"), "{\"\u{FF61}\":2,\"\u{1F600}\":1}");
    }

    #[test]
    fn only_quotes_and_backslashes_are_escaped() {
        assert_eq!(canonical(r#""a\"b\\c\n\t\u0000\u001f/\/""#), "\"a\\\"b\\\\c\n\t\0\u{1f}//\"");
    }

    #[test]
    fn strings_are_not_normalised() {
        assert_eq!(canonical("\"e\u{301}\""), "\"e\u{301}\"");
        assert_eq!(canonical("\"\u{e9}\""), "\"\u{e9}\"");
    }

    #[test]
    fn a_document_is_canonical_if_nothing_changes() {
        for canonical in [r#"{"a":1,"b":"\""}"#, "[]", "\"\u{e9}\""] {
            assert!(is_canonical(canonical.as_bytes()), "{canonical}");
        }
        for other in [r#"{"b":1,"a":2}"#, r#"{"a": 1}"#, "[]\n", r#""\u00e9""#, "[1.5]", "[1.0]", "{", ""] {
            assert!(!is_canonical(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn numbers_that_are_not_integers_are_refused() {
        for text in ["1.0", "1e3", "0.5", "-1.5"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(matches!(encode(&value), Err(CanonicalJsonError::NotAnInteger(_))), "{text}");
            let streamed: Canonical = serde_json::from_str(&format!("[1,{{\"a\":{text}}}]")).unwrap();
            assert_eq!(streamed.into_bytes().map(drop), encode(&value).map(drop), "{text}");
        }
        assert_eq!(canonical("-9223372036854775808"), "-9223372036854775808");
        assert_eq!(canonical("18446744073709551615"), "18446744073709551615");
    }
}
