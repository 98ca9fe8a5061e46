//! What the processes of the sandbox tell each other: an order, a reply, and init's report, all of them JSON.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_proof::in_toto::{ArtifactHashes, Artifacts, ProductContent, ProductFile};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Facility, SandboxError, SandboxLimits};

/// The longest order that is read, in bytes. Linux takes commands of two mebibytes.
pub(super) const MAXIMUM_ORDER: u32 = 8 * 1024 * 1024;
/// The longest command, in bytes.
const MAXIMUM_COMMAND: usize = 1024 * 1024;
/// Room for one artifact in a reply: its name may be as long as a path, and each of its bytes may be escaped.
const REPLY_PER_ARTIFACT: u64 = 6 * 4096 + 128;

/// What to run, with which product, within which limits. The product's bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) command: Vec<String>,
    /// Names, and lengths in bytes.
    pub(super) product: Vec<(String, u64)>,
    pub(super) limits: SandboxLimits,
}

/// The outcome.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Unavailable { facility: Facility, reason: String },
    Unrecordable { name: String, problem: String },
    Ended { ending: Ending, stdout: Bytes, stderr: Bytes, materials: Record, products: Record },
}

/// How the command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    Exited(i32),
    Signal(i32),
    LeftRunning,
    NotStarted(String),
    WallClock,
    Memory,
    Output,
}

/// What init reports to the supervisor, once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum InitReport {
    Refused(SandboxRefusal),
    Ended(Ending),
}

/// Why there is no sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SandboxRefusal {
    pub(super) facility: Facility,
    pub(super) reason: String,
}

/// Names and their SHA-256 in hexadecimal.
pub(super) type Record = Vec<(String, String)>;

/// Bytes, as base64 in JSON.
#[derive(Debug, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl SandboxRefusal {
    /// For `map_err`: this facility is missing, for that reason.
    pub(super) fn of<E: std::fmt::Display>(facility: Facility) -> impl Fn(E) -> Self {
        move |reason| Self { facility, reason: reason.to_string() }
    }
}

impl Order {
    pub(super) fn new(
        command: &[String],
        product: &[ProductFile<'_>],
        limits: &SandboxLimits,
    ) -> Result<Self, SandboxError> {
        let length: usize = command.iter().map(|argument| argument.len() + 1).sum();
        let has_nul = command.iter().any(|argument| argument.contains('\0'));
        if length == 0 || length > MAXIMUM_COMMAND || has_nul {
            return Err(SandboxError::Command);
        }
        let mut listed = Vec::new();
        for file in product {
            let name = file.name.clone();
            let plain = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || name.is_empty() || name.len() > 1024 || name.contains('\0') || name.ends_with('/') {
                return Err(SandboxError::ProductName(name));
            }
            let length = match file.content {
                ProductContent::Bytes(bytes) => bytes.len() as u64,
                ProductContent::File(path) => match std::fs::metadata(path) {
                    Ok(metadata) => metadata.len(),
                    Err(source) => return Err(SandboxError::Product { name, source }),
                },
                ProductContent::Later => return Err(SandboxError::ProductLater { name }),
            };
            listed.push((name, length));
        }
        Ok(Self { command: command.to_vec(), product: listed, limits: limits.clone() })
    }

    /// A message: its length in four bytes, then its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        bytes.extend_from_slice(&json);
        bytes
    }

    /// The inodes that the product takes, directories included, at most.
    pub(super) fn product_inodes(&self) -> u64 {
        self.product.iter().map(|(name, _)| name.split('/').count() as u64).sum()
    }

    /// No reply can be longer than this, in bytes.
    pub(super) fn largest_reply(&self) -> u64 {
        let artifacts = self.limits.files.saturating_add(self.product_inodes()).saturating_mul(2);
        let output = self.limits.output.saturating_mul(2);
        artifacts.saturating_mul(REPLY_PER_ARTIFACT).saturating_add(output).saturating_add(64 * 1024)
    }
}

impl Reply {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// A record as in-toto writes it.
pub(super) fn artifacts(record: Record) -> Artifacts {
    let hashes = |sha256| ArtifactHashes::from_iter([("sha256".to_owned(), sha256)]);
    record.into_iter().map(|(name, sha256)| (name, hashes(sha256))).collect()
}
