//! Key objects (TUF 1.0.34 §4.2.1) and who may sign for a role.
//!
//! Promise: a key of an unknown kind or scheme, or one whose value is broken, stays in the metadata and never counts.
//! Key ids are labels within one document: keys are distinguished by their material.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use sealift_archive_format::strict_json::Name;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::error::MetadataError;
use super::texts::Texts;
use crate::signature::{PublicKey, Scheme};

/// The most keys that may sign for one role.
///
/// Each may cost one check of a signature over a whole file. Known repositories name a handful; an organisation in
/// which every maintainer signs for one role stays below it too.
pub const MAXIMUM_ROLE_KEYS: usize = 256;

/// The keys that one document declares, by key id.
pub(crate) type Keys = BTreeMap<String, TufKey>;

/// A declared key; `None` if it is of an unsupported kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "KeyObject")]
pub(crate) struct TufKey(pub(crate) Option<PublicKey>);

#[derive(Deserialize)]
struct KeyObject {
    keytype: String,
    scheme: String,
    keyval: BTreeMap<String, serde_json::Value>,
}

impl From<KeyObject> for TufKey {
    fn from(object: KeyObject) -> Self {
        Self(object.public_key())
    }
}

impl KeyObject {
    fn public_key(&self) -> Option<PublicKey> {
        let scheme = Scheme::from_name(&self.scheme)?;
        let expected = match scheme {
            Scheme::Ed25519 => &["ed25519"][..],
            Scheme::EcdsaP256Sha256 => &["ecdsa", "ecdsa-sha2-nistp256"],
            Scheme::EcdsaP384Sha384 => &["ecdsa", "ecdsa-sha2-nistp384"],
            _ => &["rsa"],
        };
        if !expected.contains(&self.keytype.as_str()) {
            return None;
        }
        let public = self.keyval.get("public")?.as_str()?;
        if public.trim_start().starts_with("-----BEGIN ") {
            return PublicKey::from_pem(public, Some(scheme)).ok();
        }
        let bytes = hex::decode(public).ok()?;
        match scheme {
            Scheme::Ed25519 => PublicKey::ed25519(&bytes).ok(),
            _ => PublicKey::ecdsa_point(scheme, &bytes).ok(),
        }
    }
}

/// Which keys sign for a role, and how many of them must.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoleKeys {
    pub(crate) keyids: KeyIds,
    pub(crate) threshold: NonZeroU32,
}

/// Key ids, none of them twice, in order.
#[derive(Debug, Clone)]
pub(crate) struct KeyIds(Texts);

impl<'de> Deserialize<'de> for KeyIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut key_ids = Vec::<Name<'de>>::deserialize(deserializer)?;
        key_ids.sort_unstable_by(|Name(one), Name(other)| one.cmp(other));
        match key_ids.iter().zip(key_ids.iter().skip(1)).find(|(Name(one), Name(next))| one == next) {
            Some((Name(repeated), _)) => {
                Err(D::Error::custom(format_args!("key id {repeated:?} is listed twice for one role")))
            }
            None => Ok(Self(Texts::of(&key_ids))),
        }
    }
}

impl From<BTreeSet<String>> for KeyIds {
    fn from(key_ids: BTreeSet<String>) -> Self {
        Self(Texts::of(&Vec::from_iter(key_ids)))
    }
}

impl KeyIds {
    /// The key id that is this one, if it is listed.
    pub(crate) fn get(&self, key_id: &str) -> Option<&str> {
        // A role has few, and a document that has more is refused.
        self.iter().find(|listed| *listed == key_id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl RoleKeys {
    /// Requires that there are at most [`MAXIMUM_ROLE_KEYS`].
    pub(crate) fn require_few(&self) -> Result<(), MetadataError> {
        let count = self.keyids.len();
        if count > MAXIMUM_ROLE_KEYS { Err(MetadataError::TooManyKeys { count }) } else { Ok(()) }
    }

    /// Whether a key that could sign before can no longer: the role's keys were rotated (TUF 1.0.34 §5.3.11).
    pub(crate) fn rotated(&self, keys: &Keys, later: &Self, later_keys: &Keys) -> bool {
        let kept = later.identities(later_keys);
        self.identities(keys).iter().any(|identity| !kept.contains(identity))
    }

    fn identities(&self, keys: &Keys) -> BTreeSet<crate::signature::KeyIdentity> {
        let usable = |key_id: &str| keys.get(key_id)?.0.as_ref().map(PublicKey::identity);
        self.keyids.iter().filter_map(usable).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn usable(keytype: &str, scheme: &str, public: serde_json::Value) -> bool {
        let object = json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}, "more": 1});
        serde_json::from_value::<TufKey>(object).unwrap().0.is_some()
    }

    #[test]
    fn keys_are_read_in_hex_and_in_pem() {
        let key = crate::signature::SigningKey::from_seed(&[1; 32]).public_key().unwrap();
        let hexadecimal = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
        assert!(usable("ed25519", "ed25519", hexadecimal.into()));
        assert!(usable("ed25519", "ed25519", key.to_pem().unwrap().into()));
        let point = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                     4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        assert!(usable("ecdsa", "ecdsa-sha2-nistp256", point.into()));
        assert!(usable("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", point.into()));
    }

    #[test]
    fn unknown_and_broken_keys_are_kept_and_unusable() {
        for (keytype, scheme, public) in [
            ("ed25519", "ed25519", json!("00")),
            ("ed25519", "ed25519", json!(7)),
            ("ed25519", "rsassa-pss-sha256", json!("00")),
            ("sphincs", "sphincs-shake-128s", json!("00")),
            ("rsa", "rsassa-pss-sha256", json!("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----")),
        ] {
            assert!(!usable(keytype, scheme, public));
        }
    }

    #[test]
    fn key_ids_of_a_role_do_not_repeat_and_its_threshold_is_positive() {
        let read = |value| serde_json::from_value::<RoleKeys>(value);
        assert!(read(json!({"keyids": ["a", "b"], "threshold": 1})).is_ok());
        assert!(read(json!({"keyids": ["a", "a"], "threshold": 1})).is_err());
        assert!(read(json!({"keyids": ["a"], "threshold": 0})).is_err());
        assert!(read(json!({"keyids": ["a"], "threshold": -1})).is_err());
    }
}
