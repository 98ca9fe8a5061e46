//! The inventory's bytes: an in-toto Statement v1 in canonical JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::MAXIMUM_PLATFORMS;
use super::{Completeness, Descriptor, EntryRecord, ImageRecord, ImageRole, Inventory, InventoryError, TargetRecord};
use crate::digest::Digest;
use crate::entry_name::{EntryName, Place};
use crate::strict_json::{self, JsonError, Names};

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
    let mut statement = Vec::new();
    write(inventory, &mut statement)?;
    Ok(statement)
}

fn write(inventory: &Inventory, output: impl io::Write) -> Result<(), InventoryError> {
    let statement = Statement {
        statement_type: STATEMENT_TYPE,
        predicate: inventory,
        predicate_type: PREDICATE_TYPE,
        subject: Subject::all(inventory),
    };
    Ok(serde_json::to_writer(output, &statement).map_err(JsonError::from)?)
}

/// What has to be known before the rest can be read. Unknown members are passed over, here as below: which of them are
/// refused depends on the version.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "_type", default)]
    statement_type: String,
    #[serde(default)]
    predicate: PredicateKind,
    #[serde(rename = "predicateType", default)]
    predicate_type: String,
}

#[derive(Default, Deserialize)]
struct PredicateKind {
    #[serde(default, deserialize_with = "present")]
    base: Option<IgnoredAny>,
    #[serde(default, rename = "formatVersion")]
    format_version: String,
}

#[derive(Deserialize)]
struct ParsedStatement {
    predicate: Inventory,
    subject: Vec<Subject>,
}

/// No tree of arbitrary JSON is built, only what the types can hold, and what they can hold is weighed before.
pub(super) fn parse(bytes: &[u8], memory: usize) -> Result<Inventory, InventoryError> {
    check_memory(bytes, memory)?;
    let kind: Kind = strict_json::read_again(bytes, Names::Exact)?;
    if kind.statement_type != STATEMENT_TYPE {
        return Err(InventoryError::NotAStatement { found: shorten(&kind.statement_type) });
    }
    check_predicate_type(&kind.predicate_type)?;
    let version: FormatVersion = kind.predicate.format_version.parse()?;
    if kind.predicate.base.is_some() {
        return Err(InventoryError::Delta);
    }
    let ParsedStatement { predicate: inventory, subject } = strict_json::read_again(bytes, Names::Exact)?;
    if version == FormatVersion::CURRENT {
        check_canonical(bytes, &inventory)?;
    } else if subject != Subject::all(&inventory) {
        return Err(InventoryError::Subject);
    }
    inventory.check()?;
    Ok(inventory)
}

/// Checks that a statement is strict JSON, and takes at most `memory` bytes together with what is read from it.
pub(super) fn check_memory(statement: &[u8], memory: usize) -> Result<(), InventoryError> {
    Ok(strict_json::weigh(statement, Names::Exact, memory.saturating_sub(statement.len()))?)
}

/// A member that is absent where there is nothing to say, and never `null`.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<T>, D::Error> {
    T::deserialize(source).map(Some)
}

fn check_predicate_type(found: &str) -> Result<(), InventoryError> {
    if found == PREDICATE_TYPE {
        return Ok(());
    }
    match found.strip_prefix(PREDICATE_TYPE_STEM).map(str::parse::<u32>) {
        Some(Ok(major)) if major > FormatVersion::CURRENT.major => {
            Err(InventoryError::NewerMajor { found: major.to_string() })
        }
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

/// Compares what is written with what is expected, as far as they are the same; nothing is held.
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

/// A list of platforms that ends where no honest one goes on: short texts cost far more memory than bytes.
fn platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Platforms;
    impl<'de> Visitor<'de> for Platforms {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAXIMUM_PLATFORMS} platforms")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<String>, A::Error> {
            let mut platforms = Vec::new();
            while let Some(platform) = access.next_element()? {
                if platforms.len() == MAXIMUM_PLATFORMS {
                    return Err(A::Error::invalid_length(platforms.len() + 1, &self));
                }
                platforms.push(platform);
            }
            Ok(platforms)
        }
    }
    deserializer.deserialize_seq(Platforms)
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

/// An entry as JSON writes it.
#[derive(Deserialize)]
pub(super) struct RawEntry {
    digest: Digest,
    name: EntryName,
    size: u64,
}

/// The name of a blob has its digest in it already: there are many, so that they share the text.
impl From<RawEntry> for EntryRecord {
    fn from(RawEntry { digest, name, size }: RawEntry) -> Self {
        let digest = match name.place() {
            Place::Blob(in_name) if *in_name == digest => in_name.clone(),
            _ => digest,
        };
        Self { digest, name, size }
    }
}

/// An image as JSON writes it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RawImage {
    complete: Completeness,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    descriptor: Descriptor,
    kind: RawKind,
    #[serde(deserialize_with = "platforms")]
    platforms: Vec<String>,
    reference: String,
    referrers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
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
