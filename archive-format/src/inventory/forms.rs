//! How entries, items and images are written as JSON, and read from it.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{
    BundleRecord, Completeness, DescriptorRecord, EntryRecord, FileRecord, ImageRecord, ImageRole, ItemRecord,
    LeftOutRecord, MAXIMUM_LEFT_OUT, MAXIMUM_PLATFORMS, MadeFrom, ReferrerChoice, TaggedRecord, TargetRecord,
    ThickBundleRecord,
};
use crate::digest::Digest;
use crate::entry_name::{EntryName, EntryPlace};
use crate::file_name::FileNameError;

/// A member that is absent where there is nothing to say, and never `null`.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<T>, D::Error> {
    T::deserialize(source).map(Some)
}

/// A list of platforms that stops where no honest list continues: short texts take far more memory than bytes.
fn at_most<'de, D: serde::Deserializer<'de>>(limit: usize, deserializer: D) -> Result<Vec<String>, D::Error> {
    struct PlatformsVisitor(usize);
    impl<'de> Visitor<'de> for PlatformsVisitor {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {} platforms", self.0)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<String>, A::Error> {
            let mut platforms = Vec::new();
            while let Some(platform) = access.next_element()? {
                if platforms.len() == self.0 {
                    return Err(A::Error::invalid_length(platforms.len() + 1, &self));
                }
                platforms.push(platform);
            }
            Ok(platforms)
        }
    }
    deserializer.deserialize_seq(PlatformsVisitor(limit))
}

/// The platforms of an image.
fn platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    at_most(MAXIMUM_PLATFORMS, deserializer)
}

/// The platforms of an image that are left out.
pub(super) fn left_out<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    at_most(MAXIMUM_LEFT_OUT, deserializer)
}

fn present_platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    platforms(deserializer).map(Some)
}

/// Whether a member that is there only if it is true is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_not(value: &bool) -> bool {
    !value
}

/// An entry as JSON writes it.
#[derive(Deserialize)]
pub(super) struct RawEntry {
    #[serde(default)]
    absent: bool,
    digest: Digest,
    name: EntryName,
    size: u64,
}

/// A blob's name already contains its digest. There are many of them, so they share the text.
impl From<RawEntry> for EntryRecord {
    fn from(RawEntry { absent, digest, name, size }: RawEntry) -> Self {
        let digest = match name.place() {
            EntryPlace::Blob(in_name) if *in_name == digest => in_name.clone(),
            _ => digest,
        };
        Self { absent, digest, name, size }
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
    #[serde(rename = "referrerChoice", skip_serializing_if = "ReferrerChoice::is_usual")]
    referrer_choice: &'a ReferrerChoice,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    referrers: &'a [DescriptorRecord],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tagged: &'a [TaggedRecord],
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a TargetRecord>,
    #[serde(rename = "thickBundle", skip_serializing_if = "Option::is_none")]
    thick_bundle: Option<&'a ThickBundleRecord>,
}

/// A plain file as JSON writes it.
#[derive(Serialize)]
struct WrittenFile<'a> {
    descriptor: &'a DescriptorRecord,
    kind: RawItemKind,
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha512: Option<&'a Digest>,
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
                referrer_choice: &bundle.referrer_choice,
                referrers: &bundle.referrers,
                tagged: &bundle.tagged,
                target: bundle.target.as_ref(),
                thick_bundle: bundle.thick_bundle.as_ref(),
            }
            .serialize(serializer),
            Self::Image(image) => image.serialize(serializer),
            Self::File(FileRecord { descriptor, name, sha512 }) => {
                let (kind, reference, sha512) = (RawItemKind::File, name.as_str(), sha512.as_ref());
                WrittenFile { descriptor, kind, reference, sha512 }.serialize(serializer)
            }
        }
    }
}

/// An item as it is read: what is in it depends on its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawItem {
    #[serde(default, deserialize_with = "present")]
    complete: Option<Completeness>,
    #[serde(default, deserialize_with = "present")]
    component: Option<String>,
    descriptor: DescriptorRecord,
    #[serde(default, deserialize_with = "present")]
    index: Option<DescriptorRecord>,
    kind: RawItemKind,
    #[serde(default)]
    left_out: LeftOutRecord,
    #[serde(default, deserialize_with = "present")]
    made_from: Option<MadeFrom>,
    #[serde(default, deserialize_with = "present")]
    parts: Option<Vec<ImageRecord>>,
    #[serde(default, deserialize_with = "present_platforms")]
    platforms: Option<Vec<String>>,
    reference: String,
    #[serde(default)]
    referrer_choice: ReferrerChoice,
    #[serde(default, deserialize_with = "present")]
    referrers: Option<Vec<DescriptorRecord>>,
    #[serde(default, deserialize_with = "present")]
    sha512: Option<Digest>,
    #[serde(default)]
    tagged: Vec<TaggedRecord>,
    #[serde(default, deserialize_with = "present")]
    target: Option<TargetRecord>,
    #[serde(default, deserialize_with = "present")]
    thick_bundle: Option<ThickBundleRecord>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RawItemKind {
    Bundle,
    Image,
    File,
}

impl TryFrom<RawItem> for ItemRecord {
    type Error = String;

    fn try_from(raw: RawItem) -> Result<Self, Self::Error> {
        let RawItem { descriptor, reference, target, index, left_out, made_from, .. } = raw;
        let RawItem { referrer_choice, tagged, thick_bundle, sha512, .. } = raw;
        match (raw.kind, raw.parts, raw.component, raw.complete, raw.platforms, raw.referrers) {
            (RawItemKind::Bundle, Some(images), _, _, _, referrers) => {
                let referrers = referrers.unwrap_or_default();
                Ok(Self::Bundle(BundleRecord {
                    descriptor,
                    images,
                    index,
                    reference,
                    referrer_choice,
                    referrers,
                    tagged,
                    target,
                    thick_bundle,
                }))
            }
            (RawItemKind::Image, _, None, Some(completeness), Some(platforms), Some(referrers)) => {
                Ok(Self::Image(ImageRecord {
                    completeness,
                    descriptor,
                    role: ImageRole::StandAlone,
                    left_out,
                    made_from,
                    platforms,
                    reference,
                    referrer_choice,
                    referrers,
                    tagged,
                    target,
                }))
            }
            (RawItemKind::File, ..) => {
                let name = reference.parse().map_err(|error: FileNameError| error.to_string())?;
                Ok(Self::File(FileRecord { descriptor, name, sha512 }))
            }
            _ => {
                let parts =
                    "a bundle has `parts`; an image has `complete`, `platforms` and `referrers`, and no `component`";
                Err(parts.to_owned())
            }
        }
    }
}

/// An image as JSON writes it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawImage {
    complete: Completeness,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    descriptor: DescriptorRecord,
    kind: RawKind,
    #[serde(default, skip_serializing_if = "LeftOutRecord::is_empty")]
    left_out: LeftOutRecord,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    made_from: Option<MadeFrom>,
    #[serde(deserialize_with = "platforms")]
    platforms: Vec<String>,
    reference: String,
    #[serde(default, skip_serializing_if = "ReferrerChoice::is_usual")]
    referrer_choice: ReferrerChoice,
    referrers: Vec<DescriptorRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tagged: Vec<TaggedRecord>,
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
            left_out: raw.left_out,
            made_from: raw.made_from,
            platforms: raw.platforms,
            reference: raw.reference,
            referrer_choice: raw.referrer_choice,
            referrers: raw.referrers,
            tagged: raw.tagged,
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
            left_out: image.left_out,
            made_from: image.made_from,
            platforms: image.platforms,
            reference: image.reference,
            referrer_choice: image.referrer_choice,
            referrers: image.referrers,
            tagged: image.tagged,
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
