//! The inventory's bytes: an in-toto Statement v1 in canonical JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::MAXIMUM_PLATFORMS;
use super::{
    BundleRecord, Completeness, DescriptorRecord, EntryRecord, ImageRecord, ImageRole, Inventory, InventoryError,
};
use super::{ItemRecord, TargetRecord};
use crate::digest::Digest;
use crate::entry_name::{EntryName, EntryPlace};
use crate::strict_json::{self, JsonError, Names};

/// The `_type` of an in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of an inventory of format version 1: a URI with its own scheme, in nobody's domain.
pub const PREDICATE_TYPE: &str = "sealift:inventory/v1";
const PREDICATE_TYPE_STEM: &str = "sealift:inventory/v";

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
    let statement = Statement {
        statement_type: STATEMENT_TYPE,
        predicate: inventory,
        predicate_type: PREDICATE_TYPE,
        subject: Subject::all(inventory),
    };
    Ok(serde_json::to_writer(output, &statement).map_err(JsonError::from)?)
}

/// What has to be known before the rest can be read. A newer major version may have anything anywhere, and must still
/// be reported as newer, so nothing here has to have any particular type.
#[derive(Deserialize)]
struct Kind {
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
    has_base: bool,
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

/// Any value, of which only what a [`Kind`] needs is kept.
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
                    kind.has_base |= name == "base";
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
    subject: Vec<Subject>,
}

/// No tree of arbitrary JSON is built, only what the types can hold, and that is estimated beforehand.
pub(super) fn parse(bytes: &[u8], memory: usize) -> Result<Inventory, InventoryError> {
    check_memory(bytes, memory)?;
    let kind: Kind = strict_json::read_again(bytes, Names::Exact)?;
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
    if kind.predicate.has_base {
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
    match found.strip_prefix(PREDICATE_TYPE_STEM) {
        Some(major) if is_newer_major(major) => Err(InventoryError::NewerMajor { found: shorten(major) }),
        _ => Err(InventoryError::NotAnInventory { found: shorten(found) }),
    }
}

/// Whether a text is a number without leading zeros.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() && (text == "0" || !text.starts_with('0'))
}

/// Whether a text is a major version that is newer than this one, however many digits it has.
fn is_newer_major(text: &str) -> bool {
    is_number(text) && text.parse::<u32>().map_or(true, |major| major > FormatVersion::CURRENT.major)
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

/// A list of platforms that stops where no honest list continues: short texts take far more memory than bytes.
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

fn present_platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    platforms(deserializer).map(Some)
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
        let malformed = || InventoryError::FormatVersion { found: shortened() };
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        if !is_number(major) || !is_number(minor) {
            return Err(malformed());
        }
        if is_newer_major(major) {
            return Err(InventoryError::NewerMajor { found: shortened() });
        }
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if major == Self::CURRENT.major => Ok(Self { major, minor }),
            _ => Err(malformed()),
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

/// A blob's name already contains its digest. There are many of them, so they share the text.
impl From<RawEntry> for EntryRecord {
    fn from(RawEntry { digest, name, size }: RawEntry) -> Self {
        let digest = match name.place() {
            EntryPlace::Blob(in_name) if *in_name == digest => in_name.clone(),
            _ => digest,
        };
        Self { digest, name, size }
    }
}

/// A bundle as JSON writes it.
#[derive(Serialize)]
struct WrittenBundle<'a> {
    descriptor: &'a DescriptorRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a DescriptorRecord>,
    kind: RawItemKind,
    parts: &'a [ImageRecord],
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a TargetRecord>,
}

impl Serialize for ItemRecord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bundle(bundle) => WrittenBundle {
                descriptor: &bundle.descriptor,
                index: bundle.index.as_ref(),
                kind: RawItemKind::Bundle,
                parts: &bundle.images,
                reference: &bundle.reference,
                target: bundle.target.as_ref(),
            }
            .serialize(serializer),
            Self::Image(image) => image.serialize(serializer),
        }
    }
}

/// An item as it is read: what is in it depends on its kind.
#[derive(Deserialize)]
pub(super) struct RawItem {
    #[serde(default, deserialize_with = "present")]
    complete: Option<Completeness>,
    #[serde(default, deserialize_with = "present")]
    component: Option<String>,
    descriptor: DescriptorRecord,
    #[serde(default, deserialize_with = "present")]
    index: Option<DescriptorRecord>,
    kind: RawItemKind,
    #[serde(default, deserialize_with = "present")]
    parts: Option<Vec<ImageRecord>>,
    #[serde(default, deserialize_with = "present_platforms")]
    platforms: Option<Vec<String>>,
    reference: String,
    #[serde(default, deserialize_with = "present")]
    referrers: Option<Vec<DescriptorRecord>>,
    #[serde(default, deserialize_with = "present")]
    target: Option<TargetRecord>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RawItemKind {
    Bundle,
    Image,
}

impl TryFrom<RawItem> for ItemRecord {
    type Error = &'static str;

    fn try_from(raw: RawItem) -> Result<Self, Self::Error> {
        let RawItem { descriptor, reference, target, index, .. } = raw;
        match (raw.kind, raw.parts, raw.component, raw.complete, raw.platforms, raw.referrers) {
            (RawItemKind::Bundle, Some(images), ..) => {
                Ok(Self::Bundle(BundleRecord { descriptor, images, index, reference, target }))
            }
            (RawItemKind::Image, _, None, Some(completeness), Some(platforms), Some(referrers)) => {
                let role = ImageRole::StandAlone;
                Ok(Self::Image(ImageRecord { completeness, descriptor, role, platforms, reference, referrers, target }))
            }
            _ => Err("a bundle has `parts`; an image has `complete`, `platforms` and `referrers`, and no `component`"),
        }
    }
}

/// An image as JSON writes it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RawImage {
    complete: Completeness,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    descriptor: DescriptorRecord,
    kind: RawKind,
    #[serde(deserialize_with = "platforms")]
    platforms: Vec<String>,
    reference: String,
    referrers: Vec<DescriptorRecord>,
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
