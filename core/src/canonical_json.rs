//! Canonical JSON: the one byte sequence that stands for a JSON value.
//!
//! The OLPC form that TUF (§4.2.1), in-toto and CNAB (101) sign: no white space, object keys sorted, strings with only
//! `"` and `\` escaped and every other character as it is, integers only. Strings are *not* Unicode-normalised: a
//! canonicaliser that normalises changes what was signed.

use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalJsonError {
    /// A number that is not an integer of 64 bits.
    #[error("the number {0} has no canonical form: canonical JSON knows integers only")]
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

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalJsonError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            out.extend_from_slice(number.to_string().as_bytes());
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

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(encode(&serde_json::from_str(text).unwrap()).unwrap()).unwrap()
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
    fn numbers_that_are_not_integers_are_refused() {
        for text in ["1.0", "1e3", "0.5", "-1.5"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(matches!(encode(&value), Err(CanonicalJsonError::NotAnInteger(_))), "{text}");
        }
        assert_eq!(canonical("-9223372036854775808"), "-9223372036854775808");
        assert_eq!(canonical("18446744073709551615"), "18446744073709551615");
    }
}
