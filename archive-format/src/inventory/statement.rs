//! The inventory's bytes: an in-toto Statement v1 in canonical JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Completeness, Descriptor, ImageRecord, ImageRole, Inventory, InventoryError, TargetRecord};
use crate::strict_json::{self, JsonError};

/// The `_type` of an in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of an inventory of format version 1.
pub const PREDICATE_TYPE: &str = "https://sealift.dev/inventory/v1";
const PREDICATE_TYPE_STEM: &str = "https://sealift.dev/inventory/v";

#[derive(Serialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    statement_type: &'a str,
    predicate: &'a Inventory,
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    subject: Vec<Subject>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Subject {
    digest: BTreeMap<String, String>,
    name: String,
}

impl Subject {
    fn new(reference: &str, descriptor: &Descriptor) -> Self {
        let digest = &descriptor.digest;
        let digest = BTreeMap::from([(digest.algorithm().name().to_owned(), digest.hex().to_owned())]);
        Self { digest, name: reference.to_owned() }
    }

    fn all(inventory: &Inventory) -> Vec<Self> {
        let bundles = inventory.bundles.iter().map(|bundle| Self::new(&bundle.reference, &bundle.descriptor));
        let images = inventory.images.iter().map(|image| Self::new(&image.reference, &image.descriptor));
        bundles.chain(images).collect()
    }
}

pub(super) fn encode(inventory: &Inventory) -> Result<Vec<u8>, InventoryError> {
    let statement = Statement {
        statement_type: STATEMENT_TYPE,
        predicate: inventory,
        predicate_type: PREDICATE_TYPE,
        subject: Subject::all(inventory),
    };
    Ok(serde_json::to_vec(&statement).map_err(JsonError::from)?)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Inventory, InventoryError> {
    let mut statement = strict_json::parse(bytes)?;
    let text = |pointer: &str| statement.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("/_type") != STATEMENT_TYPE {
        return Err(InventoryError::NotAStatement { found: text("/_type") });
    }
    check_predicate_type(text("/predicateType"))?;
    let version: FormatVersion = text("/predicate/formatVersion").parse()?;
    if statement.pointer("/predicate/base").is_some() {
        return Err(InventoryError::Delta);
    }
    let mut take = |pointer: &str| statement.pointer_mut(pointer).map(Value::take).unwrap_or_default();
    let inventory: Inventory = typed(take("/predicate"))?;
    let subjects: Vec<Subject> = typed(take("/subject"))?;
    drop(statement);
    if version == FormatVersion::CURRENT {
        let canonical = encode(&inventory)?;
        if canonical != bytes {
            let pointer = first_difference(&strict_json::parse(bytes)?, &strict_json::parse(&canonical)?);
            return Err(InventoryError::NotCanonical { pointer });
        }
    } else if subjects != Subject::all(&inventory) {
        return Err(InventoryError::Subject);
    }
    inventory.check()?;
    Ok(inventory)
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, InventoryError> {
    Ok(serde_json::from_value(value).map_err(JsonError::from)?)
}

fn check_predicate_type(found: String) -> Result<(), InventoryError> {
    if found == PREDICATE_TYPE {
        return Ok(());
    }
    match found.strip_prefix(PREDICATE_TYPE_STEM).map(str::parse::<u32>) {
        Some(Ok(major)) if major > FormatVersion::CURRENT.major => {
            Err(InventoryError::NewerMajor { found: major.to_string() })
        }
        _ => Err(InventoryError::NotAnInventory { found }),
    }
}

/// Where two JSON values differ first, as a JSON pointer.
fn first_difference(one: &Value, other: &Value) -> String {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let differing = keys.into_iter().find(|key| one.get(*key) != other.get(*key));
            differing.map_or_else(String::new, |key| {
                let deeper = one.get(key).zip(other.get(key)).map(|(one, other)| first_difference(one, other));
                format!("/{}{}", key.replace('~', "~0").replace('/', "~1"), deeper.unwrap_or_default())
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let differing = one.iter().zip(other).position(|(one, other)| one != other);
            differing.map_or_else(String::new, |index| {
                let deeper = one.get(index).zip(other.get(index)).map(|(one, other)| first_difference(one, other));
                format!("/{index}{}", deeper.unwrap_or_default())
            })
        }
        _ => String::new(),
    }
}

/// A version of the archive format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Readers refuse a major version that they do not know.
    pub major: u32,
    /// Readers accept a later minor version, and ignore what it added.
    pub minor: u32,
}

impl FormatVersion {
    /// The version that is written.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = InventoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shortened = || text.chars().take(40).collect::<String>();
        let version = text
            .split_once('.')
            .and_then(|(major, minor)| Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? }))
            .filter(|version| version.to_string() == text)
            .ok_or_else(|| InventoryError::FormatVersion { found: shortened() })?;
        match version.major.cmp(&Self::CURRENT.major) {
            std::cmp::Ordering::Less => Err(InventoryError::FormatVersion { found: shortened() }),
            std::cmp::Ordering::Equal => Ok(version),
            std::cmp::Ordering::Greater => Err(InventoryError::NewerMajor { found: shortened() }),
        }
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An image as JSON writes it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RawImage {
    complete: Completeness,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    descriptor: Descriptor,
    kind: RawKind,
    platforms: Vec<String>,
    reference: String,
    referrers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<TargetRecord>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RawKind {
    Invocation,
    Component,
    Image,
}

impl TryFrom<RawImage> for ImageRecord {
    type Error = &'static str;

    fn try_from(raw: RawImage) -> Result<Self, Self::Error> {
        let role = match (raw.kind, raw.component) {
            (RawKind::Invocation, None) => ImageRole::Invocation,
            (RawKind::Component, Some(component)) => ImageRole::Component(component),
            (RawKind::Image, None) => ImageRole::StandAlone,
            _ => return Err("an image has a `component` if, and only if, its `kind` is \"component\""),
        };
        Ok(Self {
            completeness: raw.complete,
            descriptor: raw.descriptor,
            role,
            platforms: raw.platforms,
            reference: raw.reference,
            referrers: raw.referrers,
            target: raw.target,
        })
    }
}

impl From<ImageRecord> for RawImage {
    fn from(image: ImageRecord) -> Self {
        let (kind, component) = match image.role {
            ImageRole::Invocation => (RawKind::Invocation, None),
            ImageRole::Component(component) => (RawKind::Component, Some(component)),
            ImageRole::StandAlone => (RawKind::Image, None),
        };
        Self {
            complete: image.completeness,
            component,
            descriptor: image.descriptor,
            kind,
            platforms: image.platforms,
            reference: image.reference,
            referrers: image.referrers,
            target: image.target,
        }
    }
}

/// Times as `YYYY-MM-DDTHH:MM:SSZ`, and no other form.
pub(super) mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(instant)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse::<Timestamp>().ok().filter(|instant| fits(instant) && instant.to_string() == text);
        instant.ok_or_else(|| D::Error::custom("a time is not of the form YYYY-MM-DDTHH:MM:SSZ"))
    }

    /// Whether an instant has that form.
    pub(crate) fn fits(instant: &Timestamp) -> bool {
        instant.to_string().len() == "0000-00-00T00:00:00Z".len()
    }
}
