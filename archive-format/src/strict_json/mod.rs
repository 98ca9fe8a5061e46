//! JSON as signed documents need it: one meaning, or an error.
//!
//! Promise: a [`Value`] that comes from [`parse`] had no duplicate keys, no trailing data, no number out of range, no
//! nesting beyond [`MAXIMUM_DEPTH`], and was UTF-8. RFC 8259 leaves the meaning of duplicate keys open, and if two
//! readers of one signed document choose differently, that is an attack. For the same reason [`into`] and [`read`] take
//! an object where a type has fields, and never an array of their values; and [`read`] can compare names without case,
//! as other readers do.
//!
//! Most of what is parsed has not been verified yet, so the memory that it takes is bounded too, by [`memory_for`] the
//! document's length.

mod budget;
mod name;
mod typed;
mod unread;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use unicase::UniCase;

use budget::MemoryBudget;
pub use budget::memory_for;
pub use name::Name;
use typed::{Strictness, Typed};
pub use typed::{TakenFor, taken_for};
use unread::{Unread, Weighed};

/// How deep arrays and objects may nest.
pub const MAXIMUM_DEPTH: usize = 100;

/// When two names in one object are the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// When their characters are.
    Exact,
    /// Also when their Unicode case foldings are. Go's `encoding/json`, which most readers of OCI content use, treats
    /// `Manifests` as `manifests`, and takes the last of several. For every document that others read after us.
    Folded,
}

impl Names {
    /// The form in which a name is compared.
    fn compared(self, name: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Exact => name,
            // The case folding of ASCII.
            Self::Folded if name.is_ascii() => {
                if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Cow::Owned(name.to_ascii_lowercase())
                } else {
                    name
                }
            }
            Self::Folded => Cow::Owned(UniCase::unicode(name).to_folded_case()),
        }
    }
}

/// Why a document cannot be read. Line and column, where there are any, count from 1.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is a text that JSON cannot be in.
    #[error("not JSON")]
    Mark(#[from] ByteOrderMark),
    /// It is not JSON, or has more than one reading.
    #[error("not strict JSON: {0}")]
    NotStrict(serde_json::Error),
    /// Its values would take far more memory than an honest document of its length.
    #[error("the document has so many small values that they would take more than {limit} bytes of memory")]
    TooMuchMemory {
        /// How much they may take, in bytes, by the document's length.
        limit: usize,
    },
    /// It is JSON, but its members or their types are not the expected ones.
    #[error("the document does not have the expected form: {0}")]
    Form(#[from] serde_json::Error),
}

/// A document begins with a byte order mark, as some editors and shells write it. JSON is UTF-8 without one (RFC 8259 §8.1), and what is
/// signed has these bytes too, so that nobody can leave them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document begins with a byte order mark of {encoding}; JSON is UTF-8 without one")]
pub struct ByteOrderMark {
    /// The encoding that the mark is of.
    pub encoding: &'static str,
}

impl ByteOrderMark {
    /// The mark that these bytes begin with.
    pub fn at_beginning_of(bytes: &[u8]) -> Option<Self> {
        let marks = [(&b"\xef\xbb\xbf"[..], "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];
        let found = marks.into_iter().find(|(mark, _)| bytes.starts_with(mark));
        found.map(|(_, encoding)| Self { encoding })
    }

    fn refuse(bytes: &[u8]) -> Result<(), Self> {
        Self::at_beginning_of(bytes).map_or(Ok(()), Err)
    }
}

/// Parses one JSON document, strictly.
///
/// # Errors
/// [`JsonError`] for anything that is not exactly one document, and for duplicate keys, numbers out of range, nesting
/// beyond [`MAXIMUM_DEPTH`] and values beyond the budget of memory.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    ByteOrderMark::refuse(bytes)?;
    let budget = MemoryBudget::of(bytes.len());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let strict = Strict { depth: 0, budget: &budget };
    let value = strict.deserialize(&mut deserializer).map_err(|error| budget.error(error))?;
    deserializer.end().map_err(JsonError::NotStrict)?;
    Ok(value)
}

/// Parses one JSON document strictly, and then into a type.
///
/// # Errors
/// As [`parse`] and [`into`].
pub fn parse_into<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    into(parse(bytes)?)
}

/// Reads a type from one document, as strictly as [`parse_into`], but with no tree in between: what the type does not hold
/// takes no memory. The type itself has to bound what it holds, also of a document that turns out not to be strict.
///
/// # Errors
/// As [`parse_into`], and, with [`Names::Folded`], for names that are the same to a reader that ignores case.
pub fn read<T: DeserializeOwned>(bytes: &[u8], names: Names) -> Result<T, JsonError> {
    let budget = MemoryBudget::of_names(bytes.len());
    let strictness = Strictness::Checked { depth: 0, budget: &budget };
    let read = text(bytes).and_then(|text| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = T::deserialize(Typed { source: &mut deserializer, names, strictness })?;
        deserializer.end().map(|()| value)
    });
    match read {
        Ok(value) => Ok(value),
        // What is not strict is said before what has another form.
        Err(form) => {
            pass_over(bytes, names, &MemoryBudget::of_names(bytes.len()), Weighed::Nothing)?;
            Err(JsonError::Form(form))
        }
    }
}

/// Estimates a document's size in memory before a type is read from it: a type would hold at most `limit` bytes of it.
///
/// # Errors
/// As [`read`], and [`JsonError::TooMuchMemory`].
pub(crate) fn weigh(bytes: &[u8], names: Names, limit: usize) -> Result<(), JsonError> {
    pass_over(bytes, names, &MemoryBudget::limited(limit), Weighed::Values)
}

/// A document as a text: that it is UTF-8 is checked once, and not for each string in it.
fn text(bytes: &[u8]) -> Result<&str, serde_json::Error> {
    std::str::from_utf8(bytes).map_err(serde_json::Error::custom)
}

fn pass_over(bytes: &[u8], names: Names, budget: &MemoryBudget, weighed: Weighed) -> Result<(), JsonError> {
    ByteOrderMark::refuse(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let unread = Unread { depth: 0, names, budget, weighed };
    unread.deserialize(&mut deserializer).map_err(|error| budget.error(error))?;
    deserializer.end().map_err(JsonError::NotStrict)
}

/// Reads another type from a document from which one has been [`read`] already: it is known to be strict.
///
/// # Errors
/// [`JsonError::Form`].
pub fn read_again<T: DeserializeOwned>(bytes: &[u8], names: Names) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text(bytes)?);
    Ok(T::deserialize(Typed { source: &mut deserializer, names, strictness: Strictness::Known })?)
}

/// Reads a type from a value.
///
/// # Errors
/// [`JsonError::Form`].
pub fn into<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    Ok(T::deserialize(Typed { source: value, names: Names::Exact, strictness: Strictness::Known })?)
}

/// One level deeper than `depth`.
fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    if depth >= MAXIMUM_DEPTH {
        return Err(E::custom(format_args!("nested deeper than {MAXIMUM_DEPTH} levels")));
    }
    Ok(depth + 1)
}

/// Deserialises a value at a known depth, within what its document may take.
struct Strict<'b> {
    depth: usize,
    budget: &'b MemoryBudget,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.budget.text(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let (depth, budget) = (deeper(self.depth)?, self.budget);
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict { depth, budget })? {
            budget.item(&mut items)?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let (depth, budget) = (deeper(self.depth)?, self.budget);
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            budget.text(&key)?;
            let value = access.next_value_seed(Strict { depth, budget })?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            budget.member(map.len())?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

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
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_byte_order_mark_is_called_one_and_never_left_out() {
        for (bytes, encoding) in
            [(&b"\xef\xbb\xbf{}"[..], "UTF-8"), (b"\xff\xfe{\0}\0", "UTF-16"), (b"\xfe\xff\0{\0}", "UTF-16")]
        {
            let mark = ByteOrderMark { encoding };
            for read in
                [parse(bytes).map(drop), read::<Value>(bytes, Names::Folded).map(drop), weigh(bytes, Names::Exact, 100)]
            {
                assert!(matches!(read, Err(JsonError::Mark(found)) if found == mark), "{bytes:?}");
            }
        }
        assert!(parse("\"\u{feff}\"".as_bytes()).is_ok(), "inside a text it is a character");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_wherever_they_are() {
        for bytes in [
            &b"{\"name\":\"\xff\"}"[..],
            b"{\"name\":\"\",\"other\":\"\xc3\x28\"}",
            b"{\"name\":\"\",\"\xed\xa0\x80\":1}",
            b"{\"name\":\"\"}\xff",
            b"\xff{\"name\":\"\"}",
        ] {
            for names in [Names::Exact, Names::Folded] {
                assert!(matches!(read::<Named>(bytes, names), Err(JsonError::NotStrict(_))), "{bytes:?}");
                assert!(matches!(read_again::<Named>(bytes, names), Err(JsonError::Form(_))), "{bytes:?}");
            }
        }
        assert!(read::<Named>("{\"name\":\"\u{e9}\"}".as_bytes(), Names::Exact).is_ok());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        parse(nested(MAXIMUM_DEPTH).as_bytes()).unwrap();
        assert!(refused(&nested(MAXIMUM_DEPTH + 1)).contains("nested deeper"));
        refused(&"[".repeat(1_000_000));
    }

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    struct Named {
        name: String,
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    struct Inner {
        count: u64,
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    enum Kind {
        One,
    }

    fn named(text: &str) -> Result<Named, String> {
        parse_into(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_type_is_read_from_objects() {
        let inner = Inner { count: 3, kind: Kind::One };
        let read = named(r#"{"name": "a", "inner": [{"count": 3, "kind": "One", "more": [1]}]}"#);
        assert_eq!(read, Ok(Named { name: "a".to_owned(), inner: Some(vec![inner]) }));
        assert_eq!(named(r#"{"name": "a", "inner": null}"#), Ok(Named { name: "a".to_owned(), inner: None }));
        for refused in [r#"{"name": 1}"#, r#"{"inner": []}"#, r#"{"name": "a", "inner": [{"count": -1}]}"#, "1", "null"]
        {
            named(refused).unwrap_err();
        }
    }

    #[test]
    fn a_type_is_read_from_text_as_from_a_tree() {
        for text in [
            r#"{"name": "a", "inner": [{"count": 3, "kind": "One", "more": [1]}]}"#,
            r#"{"name": "a", "inner": null, "x": {"a": 1, "A": 2}}"#,
            r#"{"Name": "b", "name": "a"}"#,
            r#"{"name": 1}"#,
            r#"["a", null]"#,
            r#"{"name": "a", "inner": [[3, "One"]]}"#,
            r#"{"name": "a", "name": "b"}"#,
            r#"{"name": "a"} 1"#,
            r#"{"name": "a", "x": 1e999}"#,
        ] {
            let read: Result<Named, String> = read(text.as_bytes(), Names::Exact).map_err(|error| error.to_string());
            match (named(text), read) {
                (Ok(tree), Ok(direct)) => assert_eq!(tree, direct, "{text}"),
                (tree, direct) => assert!(tree.is_err() && direct.is_err(), "{text}: {tree:?} {direct:?}"),
            }
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_one_name_where_others_read_on() {
        let folded = |text: &str| read::<Named>(text.as_bytes(), Names::Folded).map_err(|error| error.to_string());
        folded(r#"{"name": "a", "other": {"b": 1}, "inner": [{"count": 3, "kind": "One"}]}"#).unwrap();
        for twice in [
            r#"{"name": "a", "Name": "b"}"#,
            r#"{"name": "a", "x": [{"kelvin": 1, "\u212aelvin": 2}]}"#,
            r#"{"name": "a", "x": {"s": 1, "\u017f": 2}}"#,
            r#"{"name": "a", "x": {"stra\u00dfe": 1, "STRASSE": 2}}"#,
        ] {
            assert!(folded(twice).unwrap_err().contains("duplicate key"), "{twice}");
        }
        for field in [
            r#"{"NAME": "a"}"#,
            r#"{"name": "a", "Inner": []}"#,
            r#"{"name": "a", "inner": [{"count": 3, "\u212aind": "One"}]}"#,
        ] {
            assert!(folded(field).unwrap_err().contains("to readers that ignore case"), "{field}");
        }
    }

    #[test]
    fn an_array_of_its_fields_is_not_a_type() {
        for refused in [r#"["a", null]"#, r#"{"name": "a", "inner": [[3, "One"]]}"#] {
            assert!(named(refused).unwrap_err().contains("invalid type: sequence"), "{refused}");
        }
    }

    /// A type with each way in which a value may be read, or passed over.
    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    struct EachWay {
        field: Option<Box<EachWay>>,
        #[serde(default)]
        list: Vec<EachWay>,
        #[serde(default)]
        map: BTreeMap<String, EachWay>,
        variant: Option<Variant>,
    }

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    enum Variant {
        None,
        One(Box<EachWay>),
        Several { field: Option<Box<EachWay>> },
    }

    /// Objects that are the type more often than not, of few names, some of them twice and some escaped.
    fn document() -> impl Strategy<Value = String> {
        let other = ["1", "1.5", "1e999", "\"\\ud800\"", "[]", "{}", "null"].map(str::to_owned);
        let other = prop::sample::select(other.to_vec());
        let name = || prop::sample::select(vec!["a", "\\u0061", "A", "b", "c"]);
        Just("{}".to_owned()).prop_recursive(4, 32, 3, move |object| {
            let any = prop_oneof![3 => object.clone(), 1 => other.clone()].boxed();
            let objects = || prop::collection::vec(object.clone(), 0..3).prop_map(|objects| objects.join(","));
            let named = move |value| {
                prop::collection::vec((name(), value), 0..3).prop_map(|named| {
                    let named: Vec<_> = named.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                    named.join(", ")
                })
            };
            let of_field = |name: &'static str| move |value: String| format!("\"{name}\":{value}");
            let field = || any.clone().prop_map(of_field("field"));
            let member = prop_oneof![
                field(),
                objects().prop_map(|objects| format!("\"list\":[{objects}]")),
                named(object.clone()).prop_map(|named| format!("\"map\":{{{named}}}")),
                any.clone().prop_map(|value| format!("\"variant\":{{\"One\":{value}}}")),
                field().prop_map(|field| format!("\"variant\":{{\"Several\":{{{field}}}}}")),
                Just("\"variant\":\"None\"".to_owned()),
                Just("\"Variant\":\"None\"".to_owned()),
                named(any.clone()),
                named(any).prop_map(|named| format!("\"passed over\":[{{{named}}}]")),
            ];
            prop::collection::vec(member, 0..3).prop_map(|members| {
                let members: Vec<_> = members.into_iter().filter(|member| !member.is_empty()).collect();
                format!("{{{}}}", members.join(","))
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What one pass reads is what two read: one that looks whether the document is strict, and one that reads the type.
        #[test]
        fn a_type_is_read_in_one_pass_as_in_two(text in document(), folded: bool) {
            let (bytes, names) = (text.as_bytes(), if folded { Names::Folded } else { Names::Exact });
            let strict = pass_over(bytes, names, &MemoryBudget::of_names(bytes.len()), Weighed::Nothing);
            let two = strict.and_then(|()| read_again::<EachWay>(bytes, names));
            match (read::<EachWay>(bytes, names), two) {
                (Ok(one), Ok(two)) => prop_assert_eq!(one, two),
                (Err(one), Err(two)) => prop_assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(&two)),
                (one, two) => prop_assert!(false, "{text}: {one:?} {two:?}"),
            }
        }
    }
}
