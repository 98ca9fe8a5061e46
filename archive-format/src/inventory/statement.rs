//! The inventory's bytes: an in-toto Statement v1 in canonical JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::format_version::{FormatVersion, is_newer_major};
use super::{DescriptorRecord, Inventory, InventoryError};
use crate::strict_json::{self, JsonError, Names};

/// The `_type` of an in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of an inventory of format version 1: a URI with its own scheme, in nobody's domain.
pub const PREDICATE_TYPE: &str = "sealift:inventory/v1";
const PREDICATE_TYPE_STEM: &str = "sealift:inventory/v";

#[derive(Serialize)]
struct InventoryStatement<'a> {
    #[serde(rename = "_type")]
    statement_type: &'a str,
    predicate: &'a Inventory,
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    subject: Vec<InventorySubject>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct InventorySubject {
    digest: BTreeMap<String, String>,
    name: String,
}

impl InventorySubject {
    fn new(reference: &str, descriptor: &DescriptorRecord) -> Self {
        let digest = &descriptor.digest;
        let digest = BTreeMap::from([(digest.algorithm().name().to_owned(), digest.hex().to_owned())]);
        Self { digest, name: reference.to_owned() }
    }

    fn all(inventory: &Inventory) -> Vec<Self> {
        inventory.items.iter().map(|item| Self::new(item.reference(), item.descriptor())).collect()
    }
}

pub(super) fn encode(inventory: &Inventory) -> Result<Vec<u8>, InventoryError> {
    let mut statement = Vec::new();
    write(inventory, &mut statement)?;
    Ok(statement)
}

fn write(inventory: &Inventory, output: impl io::Write) -> Result<(), InventoryError> {
    let statement = InventoryStatement {
        statement_type: STATEMENT_TYPE,
        predicate: inventory,
        predicate_type: PREDICATE_TYPE,
        subject: InventorySubject::all(inventory),
    };
    Ok(serde_json::to_writer(output, &statement).map_err(JsonError::from)?)
}

/// What has to be known before the rest can be read. A newer major version may have anything anywhere, and must still
/// be reported as newer, so nothing here has to have any particular type.
#[derive(Deserialize)]
struct StatementKind {
    #[serde(rename = "_type", default)]
    statement_type: Loose,
    #[serde(default)]
    predicate: PredicateKind,
    #[serde(rename = "predicateType", default)]
    predicate_type: Loose,
}

/// A text; anything else counts as absent.
#[derive(Default)]
struct Loose(String);

#[derive(Default)]
struct PredicateKind {
    format_version: Loose,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Anything::deserialize(deserializer)? {
            Anything::Text(text) => Self(text),
            Anything::Members(_) | Anything::Else => Self::default(),
        })
    }
}

impl<'de> Deserialize<'de> for PredicateKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Anything::deserialize(deserializer)? {
            Anything::Members(kind) => *kind,
            Anything::Text(_) | Anything::Else => Self::default(),
        })
    }
}

/// Any value, of which only what a [`StatementKind`] needs is kept.
enum Anything {
    Text(String),
    Members(Box<PredicateKind>),
    Else,
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Anything;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Anything, E> {
                Ok(Anything::Else)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Anything, E> {
                Ok(Anything::Else)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Anything, E> {
                Ok(Anything::Else)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Anything, E> {
                Ok(Anything::Else)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Anything, E> {
                Ok(Anything::Else)
            }

            fn visit_str<E>(self, text: &str) -> Result<Anything, E> {
                Ok(Anything::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Anything, A::Error> {
                while access.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Anything::Else)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Anything, A::Error> {
                let mut kind = PredicateKind::default();
                while let Some(name) = access.next_key::<String>()? {
                    match name.as_str() {
                        "formatVersion" => kind.format_version = access.next_value()?,
                        _ => drop(access.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Anything::Members(Box::new(kind)))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Deserialize)]
struct ParsedStatement {
    predicate: Inventory,
    subject: Vec<InventorySubject>,
}

/// No tree of arbitrary JSON is built, only what the types can hold, and that is estimated beforehand.
pub(super) fn parse(bytes: &[u8], memory: usize) -> Result<Inventory, InventoryError> {
    check_memory(bytes, memory)?;
    let kind: StatementKind = strict_json::read_again(bytes, Names::Exact)?;
    let Loose(statement_type) = &kind.statement_type;
    let other = check_predicate_type(&kind.predicate_type.0);
    if let Err(newer @ InventoryError::NewerMajor { .. }) = other {
        return Err(newer);
    }
    if statement_type != STATEMENT_TYPE {
        return Err(InventoryError::NotAStatement { found: shorten(statement_type) });
    }
    other?;
    let version: FormatVersion = kind.predicate.format_version.0.parse()?;
    let ParsedStatement { predicate: inventory, subject } = strict_json::read_again(bytes, Names::Exact)?;
    if version == FormatVersion::CURRENT {
        check_canonical(bytes, &inventory)?;
    } else if subject != InventorySubject::all(&inventory) {
        return Err(InventoryError::Subject);
    }
    inventory.check()?;
    Ok(inventory)
}

/// Checks that a statement is strict JSON, and takes at most `memory` bytes together with what is read from it.
pub(super) fn check_memory(statement: &[u8], memory: usize) -> Result<(), InventoryError> {
    Ok(strict_json::weigh(statement, Names::Exact, memory.saturating_sub(statement.len()))?)
}

fn check_predicate_type(found: &str) -> Result<(), InventoryError> {
    if found == PREDICATE_TYPE {
        return Ok(());
    }
    match found.strip_prefix(PREDICATE_TYPE_STEM) {
        Some(major) if is_newer_major(major) => Err(InventoryError::NewerMajor { found: shorten(major) }),
        _ => Err(InventoryError::NotAnInventory { found: shorten(found) }),
    }
}

/// What is read must be what would be written: no unknown member, no second form of anything.
fn check_canonical(found: &[u8], inventory: &Inventory) -> Result<(), InventoryError> {
    let mut compared = Compared { expected: found, same: true };
    write(inventory, &mut compared)?;
    if compared.same && compared.expected.is_empty() {
        return Ok(());
    }
    let offset = found.len() - compared.expected.len();
    let near = found.get(offset.saturating_sub(12)..).unwrap_or_default();
    let near = String::from_utf8_lossy(near.get(..60).unwrap_or(near)).into_owned();
    Err(InventoryError::NotCanonical { offset, near })
}

/// Compares what is written with what is expected, up to the first difference; nothing is kept.
struct Compared<'a> {
    expected: &'a [u8],
    same: bool,
}

impl io::Write for Compared<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.same {
            let same = self.expected.iter().zip(piece).take_while(|(expected, found)| expected == found).count();
            self.expected = self.expected.get(same..).unwrap_or_default();
            self.same = same == piece.len();
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps a text from outside short enough for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
