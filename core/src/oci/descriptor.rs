//! What is known about content before it is fetched: type, digest and size. OCI Image Specification 1.1, "Descriptors".

use std::fmt;
use std::marker::PhantomData;

use sealift_archive_format::{Described, Digest, inventory};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::platform::{self, Platform};

/// A descriptor. Members that have no effect here (`data`, and vendors' own) are left out; the raw bytes of the
/// manifest still have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The length of the content, in bytes.
    pub size: u64,
    /// Where a layer that registries do not distribute can be fetched. Never used.
    #[serde(default, skip_serializing)]
    pub urls: Passed<Vec<IgnoredText>>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The platform of an image in an index.
    #[serde(default, deserialize_with = "platform::stated", skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Content inside the descriptor. Not read: the content is fetched and carried as a blob.
    #[serde(default, skip_serializing)]
    pub data: Passed<IgnoredText>,
}

impl Described for Descriptor {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Annotations by key, in the order of the keys. Documents have many of these, and most are short, so this takes as
/// little memory as possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations(Vec<(String, String)>);

impl Annotations {
    /// The annotation with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        self.0.get(at).map(|(_, remark)| remark.as_str())
    }

    /// Sets the annotation with this key, replacing an existing one.
    pub fn insert(&mut self, key: &str, remark: &str) {
        let at = self.0.partition_point(|(known, _)| known.as_str() < key);
        match self.0.get_mut(at).filter(|(known, _)| known == key) {
            Some((_, old)) => remark.clone_into(old),
            None => self.0.insert(at, (key.to_owned(), remark.to_owned())),
        }
    }

    /// Every key with its annotation, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, remark)| (key.as_str(), remark.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(remarks: I) -> Self {
        let mut remarks: Vec<_> = remarks.into_iter().map(|(key, remark)| (key.into(), remark.into())).collect();
        remarks.sort();
        remarks.shrink_to_fit();
        Self(remarks)
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, remark)| map.serialize_entry(key, remark))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Remarks;
        impl<'de> Visitor<'de> for Remarks {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Annotations, A::Error> {
                std::iter::from_fn(|| access.next_entry::<String, String>().transpose()).collect::<Result<_, _>>()
            }
        }
        deserializer.deserialize_map(Remarks)
    }
}

/// A member whose value has no effect: it must have the type `T`, or be null, as other readers require, and it is not
/// kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passed<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Passed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

/// A text that is read but not kept. A list of them takes no memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IgnoredText;

impl<'de> Deserialize<'de> for IgnoredText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl Visitor<'_> for AnyText {
            type Value = IgnoredText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, _: &str) -> Result<IgnoredText, E> {
                Ok(IgnoredText)
            }
        }
        deserializer.deserialize_str(AnyText)
    }
}

impl Descriptor {
    /// A descriptor with only the required members.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Passed::default(),
            annotations: Annotations::default(),
            platform: None,
            artifact_type: None,
            data: Passed::default(),
        }
    }

    /// The descriptor of these bytes, by SHA-256.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256(bytes), bytes.len() as u64)
    }

    /// Whether `bytes` are the described content: same length, same digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && self.digest.matches(bytes)
    }
}

/// The descriptor as an inventory has it: only what identifies content.
impl From<&Descriptor> for inventory::DescriptorRecord {
    fn from(descriptor: &Descriptor) -> Self {
        let Descriptor { media_type, digest, size, .. } = descriptor.clone();
        Self { digest, media_type, size }
    }
}

impl From<&inventory::DescriptorRecord> for Descriptor {
    fn from(descriptor: &inventory::DescriptorRecord) -> Self {
        Self::new(&descriptor.media_type, descriptor.digest.clone(), descriptor.size)
    }
}

/// Reads `null` as an empty value: Go writes empty lists and maps that way.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
