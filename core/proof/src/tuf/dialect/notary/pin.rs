//! What a person knows of a root before it is pinned: the fingerprint of its certificate, or the authority that made it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp as Instant;
use rustls_pki_types::{CertificateDer, UnixTime};
use sealift_archive_format::{Digest, digest::DigestAlgorithm};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::certificate::{CertificateError, X509Certificate};
use super::error::NotaryError;
use super::metadata::RootObject;
use crate::tuf::chain::RootChain;
use crate::tuf::dialect::tuf::signed;
use crate::tuf::envelope::{Authority, UnverifiedMetadata};
use crate::tuf::error::{MetadataError, TufError};
use crate::tuf::key::RoleKeys;
use crate::tuf::metadata::Root;
use crate::tuf::role_name::RoleName;
use crate::tuf::{Dialect, Gun, TrustAnchor};

/// `id-kp-codeSigning` (RFC 5280 §4.2.1.12), which Notary gives its certificates: 1.3.6.1.5.5.7.3.3 in DER.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// The SHA-256 of a certificate, as OpenSSL shows it, or the id that Notary gives to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFingerprint(String);

/// Why a text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the SHA-256 fingerprint of a certificate or the id of a key; both have 64 hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for RootFingerprint {
    type Err = FingerprintError;

    /// With or without colons, in any case.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        Digest::from_hex(DigestAlgorithm::Sha256, &digits).map_err(|_| FingerprintError)?;
        Ok(Self(digits))
    }
}

impl std::fmt::Display for RootFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What has to vouch for a root before it is pinned, beside the person who pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinnedBy {
    /// Each of these is one of its certificates, or the id of one, and signed it; together they are as many as its root role asks for.
    Certificates(Vec<RootFingerprint>),
    /// All of its certificates were made by one of the authorities in this PEM file.
    Authority(Vec<u8>),
}

/// A certificate of a root, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificate {
    /// The id of the key that it is.
    pub key_id: String,
    /// Its SHA-256, as OpenSSL shows it.
    pub fingerprint: Digest,
    /// The name that it is made out to.
    pub common_name: String,
    /// Whether that is a name for other repositories as well, so that the certificate does not say for which one a root is.
    pub is_shared: bool,
    /// When it expires.
    pub not_after: Instant,
}

/// The certificates of the root role's keys, by key id.
fn certificates(gun: &Gun, root: &[u8]) -> Result<BTreeMap<String, Vec<X509Certificate>>, TufError> {
    RootChain::begin(TrustAnchor { root, dialect: &Dialect::Notary(gun.clone()) })?;
    let read = || -> Result<_, MetadataError> {
        let RootObject { keys, roles } = signed(root)?;
        let of_root = keys.into_iter().filter(|(key_id, _)| roles.root.keyids.get(key_id).is_some());
        let certificates = of_root.map(|(key_id, object)| {
            let certificates = object.certificates();
            let certificates =
                certificates.map_err(|source| NotaryError::RootKey { key_id: key_id.clone(), source })?;
            Ok((key_id, certificates))
        });
        certificates.collect::<Result<_, NotaryError>>().map_err(MetadataError::from)
    };
    read().map_err(|source| TufError::Malformed { role: RoleName::root(), source })
}

/// The certificates that a root for this repository consists of, by which a person recognises it.
///
/// # Errors
/// [`TufError::TrustedRoot`] when it is not a root for this repository.
pub fn root_certificates(gun: &Gun, root: &[u8]) -> Result<Vec<RootCertificate>, TufError> {
    let malformed = |key_id: &str, source| {
        let source = NotaryError::RootKey { key_id: key_id.to_owned(), source }.into();
        TufError::Malformed { role: RoleName::root(), source }
    };
    let mut shown = Vec::new();
    for (key_id, certificates) in certificates(gun, root)? {
        let Some(own) = certificates.first() else { continue };
        let common_name = own.common_name().map_err(|source| malformed(&key_id, source))?;
        let not_after = own.validity().map_err(|source| malformed(&key_id, source))?.not_after;
        let is_shared = Gun::is_shared(&common_name);
        shown.push(RootCertificate { fingerprint: own.fingerprint(), key_id, common_name, is_shared, not_after });
    }
    Ok(shown)
}

/// Requires that what a person knows of a root vouches for it, at this instant.
///
/// # Errors
/// [`PinError`].
pub fn check_pin(gun: &Gun, root: &[u8], pinned_by: &PinnedBy, at: Instant) -> Result<(), PinError> {
    let certificates = certificates(gun, root).map_err(|source| PinError::Root(Box::new(source)))?;
    match pinned_by {
        PinnedBy::Certificates(expected) => require_signed_by(gun, root, &certificates, expected),
        PinnedBy::Authority(pem) => {
            let authorities = X509Certificate::all_in_pem(pem).map_err(PinError::Authority)?;
            for authority in &authorities {
                if !authority.is_authority().map_err(PinError::Authority)? {
                    return Err(PinError::Authority(CertificateError::Order));
                }
                let validity = authority.validity().map_err(PinError::Authority)?;
                if !(validity.not_before..=validity.not_after).contains(&at) {
                    return Err(PinError::Authority(CertificateError::NotValidAt(at)));
                }
            }
            certificates.iter().try_for_each(|(key_id, certificates)| {
                require_vouched_for(certificates, &authorities, at)
                    .map_err(|source| PinError::NotVouchedFor { key_id: key_id.clone(), source })
            })
        }
    }
}

/// Why what a person knows of a root does not vouch for it.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It is not a root of the repository.
    #[error("it is not a root of this repository")]
    Root(#[source] Box<TufError>),
    /// None of its certificates has a fingerprint that was named.
    #[error("none of its certificates has the fingerprint {expected}; the ids of its root keys are {}", .found.join(", "))]
    OtherCertificate {
        /// The fingerprint.
        expected: RootFingerprint,
        /// The ids of its root keys.
        found: Vec<String>,
    },
    /// A certificate that was named is in it, but did not sign it: the person who signed it might have put it there.
    #[error("it lists the certificate {fingerprint}, which did not sign it")]
    NotSigned {
        /// The fingerprint.
        fingerprint: RootFingerprint,
        /// What was missing.
        source: Box<TufError>,
    },
    /// Its root role asks for more signatures than the certificates that were named have made.
    #[error("the certificates that were named are too few for the root's threshold")]
    TooFewNamed(#[source] Box<TufError>),
    /// The file of the authority cannot be read.
    #[error("the certificate of the authority cannot be used")]
    Authority(#[source] CertificateError),
    /// The authority did not make one of its certificates.
    #[error("the authority does not vouch for root key {key_id}")]
    NotVouchedFor {
        /// The id of the key.
        key_id: String,
        /// Why it does not.
        source: CertificateError,
    },
}

/// Requires that each of these certificates signed a root, and that it needs nobody else's signature.
///
/// What a root lists proves nothing: whoever forges one lists the publisher's certificate beside their own.
fn require_signed_by(
    gun: &Gun,
    root: &[u8],
    certificates: &BTreeMap<String, Vec<X509Certificate>>,
    expected: &[RootFingerprint],
) -> Result<(), PinError> {
    let refused = |source| PinError::Root(Box::new(source));
    let (role, dialect) = (RoleName::root(), Dialect::Notary(gun.clone()));
    let mut envelope = UnverifiedMetadata::parse(&dialect, &role, root).map_err(refused)?;
    let (header, declared) =
        envelope.read_signed::<Root>().map_err(|source| refused(TufError::Malformed { role: role.clone(), source }))?;
    let mut require = |keyids: BTreeSet<String>, threshold| {
        let role_keys = RoleKeys { keyids: keyids.into(), threshold };
        let version = header.version.get();
        let authority =
            Authority { delegator: &role, delegator_version: version, keys: &declared.keys, role_keys: &role_keys };
        envelope.require_signatures(authority).map_err(Box::new)
    };
    let mut named = BTreeSet::new();
    for fingerprint in expected {
        let RootFingerprint(digits) = fingerprint;
        let is_it = |(key_id, certificates): &(&String, &Vec<X509Certificate>)| {
            *key_id == digits || certificates.first().is_some_and(|own| own.fingerprint().hex() == digits)
        };
        let keys: BTreeSet<String> = certificates.iter().filter(is_it).map(|(key_id, _)| key_id.clone()).collect();
        if keys.is_empty() {
            let found = certificates.keys().cloned().collect();
            return Err(PinError::OtherCertificate { expected: fingerprint.clone(), found });
        }
        require(keys.clone(), NonZeroU32::MIN)
            .map_err(|source| PinError::NotSigned { fingerprint: fingerprint.clone(), source })?;
        named.extend(keys);
    }
    require(named, declared.roles.root.threshold).map(drop).map_err(PinError::TooFewNamed)
}

/// Requires a path of certificates from one of the authorities to the first of `certificates` (RFC 5280 §6), over the others.
fn require_vouched_for(
    certificates: &[X509Certificate],
    authorities: &[X509Certificate],
    at: Instant,
) -> Result<(), CertificateError> {
    let refused = |error: webpki::Error| CertificateError::NotVouchedFor(error.to_string());
    let der = |certificate: &X509Certificate| CertificateDer::from(certificate.der.clone());
    let (own, between) = certificates.split_first().ok_or(CertificateError::NotACertificate)?;
    let (own, between) = (der(own), between.iter().map(der).collect::<Vec<_>>());
    let authorities: Vec<_> = authorities.iter().map(der).collect();
    let anchors = authorities.iter().map(|der| anchor_from_trusted_cert(der).map_err(refused));
    let anchors = anchors.collect::<Result<Vec<_>, _>>()?;
    let second = u64::try_from(at.as_second()).unwrap_or(0);
    EndEntityCert::try_from(&own)
        .map_err(refused)?
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            UnixTime::since_unix_epoch(Duration::from_secs(second)),
            KeyUsage::required_if_present(CODE_SIGNING),
            None,
            None,
        )
        .map(drop)
        .map_err(refused)
}
