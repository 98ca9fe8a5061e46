//! What Notary's files list, as far as that helps to find other files. Nothing here is verified; it only decides which names are
//! requested.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealift_proof::tuf::RoleName;
use serde::Deserialize;

/// How long a SHA-256 is, in bytes.
const SHA256_LENGTH: usize = 32;

/// The SHA-256 of each role's file, in hexadecimal digits, by the role's name: from the timestamp that was handed out last, and from
/// the snapshot.
#[derive(Default)]
pub(super) struct ListedHashes(Mutex<BTreeMap<String, String>>);

#[derive(Deserialize)]
struct ListingFile {
    signed: SignedListing,
}

#[derive(Deserialize)]
struct SignedListing {
    version: u64,
    #[serde(default)]
    meta: BTreeMap<String, ListedFile>,
}

#[derive(Deserialize)]
struct ListedFile {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl ListedHashes {
    /// What the newest file of a role has for its SHA-256, as far as that is known.
    pub(super) fn sha256_of(&self, role: &RoleName) -> Option<String> {
        // Roots are found by their versions.
        if *role == RoleName::root() || *role == RoleName::timestamp() {
            return None;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(role.as_str()).cloned()
    }

    /// Notes what a file lists, if it is one that lists others.
    pub(super) fn learn(&self, role: &RoleName, bytes: &[u8]) {
        if *role != RoleName::timestamp() && *role != RoleName::snapshot() {
            return;
        }
        let Ok(ListingFile { signed }) = serde_json::from_slice(bytes) else { return };
        let hashes = signed.meta.into_iter().filter_map(|(name, described)| {
            let sha256 = BASE64.decode(described.hashes.get("sha256")?).ok().filter(|it| it.len() == SHA256_LENGTH)?;
            Some((name, sha256.iter().map(|byte| format!("{byte:02x}")).collect()))
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(hashes);
    }
}

/// The version that metadata states.
pub(super) fn version_of(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice(bytes).ok().map(|ListingFile { signed }| signed.version)
}
