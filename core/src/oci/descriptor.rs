//! What is known about content before it is fetched: type, digest and size. OCI Image Specification 1.1, "Descriptors".

use std::collections::BTreeMap;

use sealift_archive_format::{Digest, inventory};
use serde::{Deserialize, Serialize};

use super::platform::Platform;

/// A descriptor. Fields that decide nothing here (`data`, and those of other vendors) are left out: the raw bytes of the
/// manifest keep them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The length of the content, in bytes.
    pub size: u64,
    /// Where a layer that is not distributed by registries can be had. Never fetched from.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free remarks.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The platform of an image in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor that says no more than it must.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    /// The descriptor of these bytes, by SHA-256.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256(bytes), bytes.len() as u64)
    }

    /// Whether `bytes` are the content that is described: same length, same digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && self.digest.matches(bytes)
    }
}

/// As an archive's inventory writes it: as far as it identifies content.
impl From<&Descriptor> for inventory::Descriptor {
    fn from(descriptor: &Descriptor) -> Self {
        let Descriptor { media_type, digest, size, .. } = descriptor.clone();
        Self { digest, media_type, size }
    }
}

impl From<&inventory::Descriptor> for Descriptor {
    fn from(descriptor: &inventory::Descriptor) -> Self {
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
