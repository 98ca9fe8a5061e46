//! Keys, and the ids that follow from them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_archive_format::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::certificate::{CertificateError, Validity, X509Certificate, require_order};
use super::error::NotaryError;
use super::text::Base64;
use crate::canonical_json;
use crate::signature::{PublicKey, Scheme};
use crate::tuf::Gun;
use crate::tuf::error::MetadataError;
use crate::tuf::key::{Keys, RoleKeys, TufKey};

/// The schemes of Notary's ECDSA keys: SHA-256 on every curve.
const ECDSA: &[Scheme] = &[Scheme::EcdsaP256Sha256Fixed, Scheme::EcdsaP384Sha256Fixed];
const RSA: &[Scheme] = &[Scheme::RsaPssSha256Salt32];

/// A key as it is listed.
#[derive(Deserialize)]
pub(super) struct NotaryKeyObject {
    keytype: String,
    keyval: KeyValue,
}

#[derive(Deserialize)]
struct KeyValue {
    private: Option<IgnoredAny>,
    public: Base64,
}

impl NotaryKeyObject {
    /// SHA-256 of the canonical form, with no private half.
    fn id(&self) -> Result<String, MetadataError> {
        let public = STANDARD.encode(&self.keyval.public.0);
        let object = json!({ "keytype": self.keytype, "keyval": { "private": null, "public": public } });
        Ok(Digest::sha256(&canonical_json::encode(&object)?).hex().to_owned())
    }

    /// The key, if it is of a known kind and can be used. Only the key of a certificate is used here: what else it states counts only
    /// for the root role.
    fn public_key(&self) -> Option<PublicKey> {
        let public = &self.keyval.public.0;
        match self.keytype.as_str() {
            "ed25519" => PublicKey::ed25519(public).ok(),
            "ecdsa" => PublicKey::of_scheme_in(public, ECDSA).ok(),
            "rsa" => PublicKey::of_scheme_in(public, RSA).ok(),
            "ecdsa-x509" => X509Certificate::all_in_pem(public).ok()?.first()?.public_key(ECDSA).ok(),
            "rsa-x509" => X509Certificate::all_in_pem(public).ok()?.first()?.public_key(RSA).ok(),
            _ => None,
        }
    }

    /// The certificates that a root key consists of, its own first.
    pub(super) fn certificates(&self) -> Result<Vec<X509Certificate>, CertificateError> {
        let schemes = match self.keytype.as_str() {
            "ecdsa-x509" => ECDSA,
            "rsa-x509" => RSA,
            _ => return Err(CertificateError::NotACertificate),
        };
        let certificates = X509Certificate::all_in_pem(&self.keyval.public.0)?;
        require_order(&certificates)?.public_key(schemes)?;
        Ok(certificates)
    }
}

/// Reads keys, each under its own id.
pub(super) fn keys(objects: &BTreeMap<String, NotaryKeyObject>) -> Result<Keys, MetadataError> {
    let key = |(key_id, object): (&String, &NotaryKeyObject)| {
        if object.keyval.private.is_some() {
            return Err(NotaryError::PrivateKey { key_id: key_id.clone() }.into());
        }
        let computed = object.id()?;
        if *key_id != computed {
            return Err(NotaryError::KeyId { stated: key_id.clone(), computed }.into());
        }
        Ok((key_id.clone(), TufKey(object.public_key())))
    };
    objects.iter().map(key).collect()
}

/// Requires that every key of a role is listed.
pub(super) fn require_listed<T>(
    role: &str,
    role_keys: &RoleKeys,
    listed: &BTreeMap<String, T>,
) -> Result<(), NotaryError> {
    match role_keys.keyids.iter().find(|key_id| !listed.contains_key(*key_id)) {
        Some(key_id) => Err(NotaryError::KeyNotListed { role: role.to_owned(), key_id: key_id.to_owned() }),
        None => Ok(()),
    }
}

/// What the certificates of the root role say: of each from when until when it may be used, by the id of the key that it is, and the
/// name of one that is made out to other repositories as well.
pub(super) type RootKeys = (BTreeMap<String, Validity>, Option<String>);

/// The root role's keys: certificates, made out to the repository.
pub(super) fn root_keys(
    role_keys: &RoleKeys,
    objects: &BTreeMap<String, NotaryKeyObject>,
    gun: &Gun,
) -> Result<RootKeys, NotaryError> {
    let of_root = objects.iter().filter(|(key_id, _)| role_keys.keyids.get(key_id).is_some());
    let mut shared = None;
    let validity = |(key_id, object): (&String, &NotaryKeyObject)| {
        let refused = |source| NotaryError::RootKey { key_id: key_id.clone(), source };
        let certificates = object.certificates().map_err(refused)?;
        let own = certificates.first().ok_or_else(|| refused(CertificateError::NotACertificate))?;
        let found = own.common_name().map_err(refused)?;
        if !gun.is_named_by(&found) {
            return Err(NotaryError::CommonName { key_id: key_id.clone(), found, gun: gun.clone() });
        }
        if Gun::is_shared(&found) {
            shared = Some(found);
        }
        Ok((key_id.clone(), own.validity().map_err(refused)?))
    };
    let validities = of_root.map(validity).collect::<Result<_, _>>()?;
    Ok((validities, shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SubjectPublicKeyInfo of RSA with 2048 bits, and of ECDSA on P-256.
    const RSA_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnkk8Ckr5fXgEPifDRaTGutpJuUs8L6jEWnDjikzc0aJlkk9Ah5fsNUQx\
        dikHUSHsdpdhLVrJTI1/J924p3Vvqoc8Yfq7x2WQsktGODQ5t58u74eIc90uPbp+GbsC+W11qtsOPWVLYZ7VbeSRWX7EHH/FzxL8\
        kudwonUXVFyZGak+vnJ9Ai8IHbszfyDuMDLej3s+qSBhM+bTYaGOtAnF5nU/CACBBSFlQVWUPpw3BCtMxsKWBLy+k9AUg3Z2HxXk\
        RUWiEK5I3HoeObnNsiPd4NvK/z8pL/rSlbOklzL/fuN29EcKDAwb8MqmTF5Jkp7s8Y/SgceOru7E+L0kZPzJywIDAQAB";
    const ECDSA_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsCqb5Sj+hSlP+Uz/yREha5Cpp3WuJCA5QR64KPMXRg2VHZf/sTOkxB9vjgHHupFZ\
        myfJTLBeMszodaCSnLjytw==";
    const ED25519_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn a_key_is_used_as_the_type_that_it_states() {
        let types = ["ed25519", "ecdsa", "rsa", "ecdsa-x509", "rsa-x509", "sphincs"];
        for (own, public) in [("ed25519", ED25519_KEY), ("ecdsa", ECDSA_KEY), ("rsa", RSA_KEY)] {
            for keytype in types {
                let object = json!({ "keytype": keytype, "keyval": { "private": null, "public": public } });
                let key: NotaryKeyObject = serde_json::from_value(object).unwrap();
                assert_eq!(key.public_key().is_some(), keytype == own, "{own} as {keytype}");
            }
        }
    }
}
