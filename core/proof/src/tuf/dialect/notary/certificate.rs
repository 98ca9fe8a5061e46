//! X.509 certificates, as far as Notary's root keys need them: the name in a certificate, how long it is valid, and its key.
//!
//! Promise: a certificate vouches for nothing by itself. What counts is that the pinned root, or one that follows from it, lists
//! it, and that it is made out to this repository and has not expired.

use der::{Decode as _, Encode as _, Tag, Tagged as _};
use jiff::{SignedDuration, Timestamp as Instant};
use sealift_archive_format::Digest;
use spki::ObjectIdentifier;
use x509_cert::ext::pkix::BasicConstraints;

use crate::signature::{KeyError, PublicKey, Scheme};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The most certificates that one key may consist of: its own, and those between it and its authority.
const MAXIMUM_CHAIN: usize = 8;

/// Why bytes are not a usable certificate of a root key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not a certificate, but some other key.
    #[error("it is not a certificate")]
    NotACertificate,
    /// The encoding is broken.
    #[error("its certificate is malformed: {0}")]
    Malformed(String),
    /// There are too many certificates.
    #[error("it consists of more than {MAXIMUM_CHAIN} certificates")]
    TooMany,
    /// It does not have exactly one common name.
    #[error("its certificate has {count} common names, not one")]
    CommonNames {
        /// How many it has.
        count: usize,
    },
    /// The first certificate is that of an authority, or one after it is not.
    #[error("it is not one certificate followed by those of authorities")]
    Order,
    /// The key in it cannot be used.
    #[error("the key in its certificate cannot be used")]
    Key(#[from] KeyError),
    /// It may not be used at that time.
    #[error("it is not valid at {0}")]
    NotValidAt(Instant),
    /// None of the authorities that were named leads to it.
    #[error("no path leads from the authority to its certificate: {0}")]
    NotVouchedFor(String),
}

fn malformed(reason: impl std::fmt::Display) -> CertificateError {
    CertificateError::Malformed(reason.to_string())
}

/// From when until when a certificate may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: Instant,
    pub(crate) not_after: Instant,
}

impl Validity {
    /// Whether it has begun at an instant. A signer's clock may be a day ahead, as Notary's client allows.
    pub(crate) fn has_begun_by(&self, instant: Instant) -> bool {
        self.not_before <= instant.checked_add(SignedDuration::from_hours(24)).unwrap_or(Instant::MAX)
    }
}

/// A certificate.
#[derive(Debug, Clone)]
pub(crate) struct X509Certificate {
    pub(super) der: Vec<u8>,
    inner: x509_cert::Certificate,
}

impl X509Certificate {
    /// The certificates in PEM blocks, one after the other, with nothing else between them.
    pub(super) fn all_in_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let mut rest = std::str::from_utf8(pem).map_err(malformed)?.trim_ascii();
        if !rest.starts_with(BEGIN) {
            return Err(CertificateError::NotACertificate);
        }
        let mut certificates = Vec::new();
        while !rest.is_empty() {
            if certificates.len() >= MAXIMUM_CHAIN {
                return Err(CertificateError::TooMany);
            }
            let end = rest.find(END).ok_or_else(|| malformed("a PEM block has no end"))? + END.len();
            let (block, after) = rest.split_at_checked(end).ok_or_else(|| malformed("a PEM block has no end"))?;
            certificates.push(Self::in_pem_block(block)?);
            rest = after.trim_ascii_start();
        }
        Ok(certificates)
    }

    fn in_pem_block(block: &str) -> Result<Self, CertificateError> {
        let mut decoder = pem_rfc7468::Decoder::new_detect_wrap(block.as_bytes()).map_err(malformed)?;
        if decoder.type_label() != "CERTIFICATE" {
            return Err(malformed(format_args!("PEM label {:?}", decoder.type_label())));
        }
        let mut der = Vec::new();
        decoder.decode_to_end(&mut der).map_err(malformed)?;
        Self::from_der(der)
    }

    fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let inner = x509_cert::Certificate::from_der(&der).map_err(malformed)?;
        Ok(Self { der, inner })
    }

    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it.
    pub(super) fn fingerprint(&self) -> Digest {
        Digest::sha256(&self.der)
    }

    /// Its key, which verifies signatures of the first of these schemes that it is of the kind for.
    pub(super) fn public_key(&self, schemes: &[Scheme]) -> Result<PublicKey, KeyError> {
        let spki = self.inner.tbs_certificate().subject_public_key_info().to_der();
        let spki = spki.map_err(|error| KeyError::Malformed(error.to_string()))?;
        PublicKey::of_scheme_in(&spki, schemes)
    }

    /// Whom it is made out to.
    pub(super) fn common_name(&self) -> Result<String, CertificateError> {
        let names: Vec<_> =
            self.inner.tbs_certificate().subject().iter().filter(|name| name.oid == COMMON_NAME).collect();
        let [name] = names.as_slice() else { return Err(CertificateError::CommonNames { count: names.len() }) };
        match name.value.tag() {
            Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
                std::str::from_utf8(name.value.value()).map(str::to_owned).map_err(malformed)
            }
            other => Err(malformed(format_args!("a common name of type {other}"))),
        }
    }

    /// From when until when it may be used.
    pub(super) fn validity(&self) -> Result<Validity, CertificateError> {
        let validity = self.inner.tbs_certificate().validity();
        let instant = |time: &x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(|second| Instant::from_second(second).ok())
                .ok_or_else(|| malformed("a time is out of range"))
        };
        Ok(Validity { not_before: instant(&validity.not_before)?, not_after: instant(&validity.not_after)? })
    }

    /// Whether it is that of an authority, which may sign others.
    pub(super) fn is_authority(&self) -> Result<bool, CertificateError> {
        let constraints = self.inner.tbs_certificate().get_extension::<BasicConstraints>().map_err(malformed)?;
        Ok(constraints.is_some_and(|(_, constraints)| constraints.ca))
    }
}

/// The certificates of a root key: its own comes first, and is not that of an authority; the others are.
pub(super) fn require_order(certificates: &[X509Certificate]) -> Result<&X509Certificate, CertificateError> {
    let (own, others) = certificates.split_first().ok_or(CertificateError::NotACertificate)?;
    if own.is_authority()? {
        return Err(CertificateError::Order);
    }
    for other in others {
        if !other.is_authority()? {
            return Err(CertificateError::Order);
        }
    }
    Ok(own)
}
