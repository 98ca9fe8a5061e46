//! Revocations in a key's file, wherever they stand: of the key, a subkey, or what the key says about a user id. RFC
//! 4880 §5.2.1, types 0x20, 0x28 and 0x30.
//!
//! `cat key.gpg revocation.gpg` makes a file in which the revocation follows the last subkey, and `gpg` sees it all the
//! same. Promise: a revocation is found by what it signs and not by what it follows, and the file is refused if one
//! cannot be checked: because it is too old or too new to be read, signs nothing in the file, or is by another key,
//! which may be a revoker that the owner named.

use std::collections::BTreeSet;

use super::OpenPgpError;
use super::certificate::{Certificate, CertificatePart, verify};
use super::header::SignaturePacket;

/// The most verifications that the revocations in a file may take. If each follows what it signs, it takes one.
const MAXIMUM_LOOKS: usize = 256;

/// What a revocation revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RevocationKind {
    /// The key as a whole.
    Key,
    /// A subkey.
    Subkey,
    /// What a key, not necessarily this one, says about this key or one of its user ids.
    Certification,
}

/// What a signature packet revokes, whether or not the rest of it can be read; `None` if it is not a revocation.
pub(super) fn kind(body: &[u8]) -> Option<RevocationKind> {
    let number = match body {
        // Version 3 has its type behind the length of what is hashed (RFC 4880 §5.2.2).
        [(..=3), _, number, ..] | [_, number, ..] => *number,
        _ => return None,
    };
    match number {
        0x20 => Some(RevocationKind::Key),
        0x28 => Some(RevocationKind::Subkey),
        0x30 => Some(RevocationKind::Certification),
        _ => None,
    }
}

/// The components of a file that its key revoked, by their places in it.
pub(super) struct Revoked(BTreeSet<usize>);

impl Revoked {
    /// Looks at every revocation in a file.
    ///
    /// # Errors
    /// [`OpenPgpError::Revoked`] when the key as a whole is revoked, [`OpenPgpError::RevocationNotChecked`] when a
    /// revocation cannot be checked, [`OpenPgpError::TooMany`].
    pub(super) fn within(certificate: &Certificate<'_>) -> Result<Self, OpenPgpError> {
        let mut revoked = BTreeSet::new();
        let mut not_checked = None;
        let mut looks = 0;
        for (place, component) in certificate.components.iter().enumerate() {
            for body in &component.signatures {
                let Some(kind) = kind(body) else { continue };
                match certificate.find_revoked(kind, place, body, &mut looks) {
                    Ok(Some(_)) if kind == RevocationKind::Key => {
                        return Err(OpenPgpError::Revoked(certificate.key_id));
                    }
                    // If something is in the file twice, it is revoked twice.
                    Ok(Some(subject)) => revoked.extend(certificate.places_of(subject)),
                    Ok(None) => {}
                    Err(error @ OpenPgpError::TooMany { .. }) => return Err(error),
                    Err(why) => drop(not_checked.get_or_insert(why)),
                }
            }
        }
        match not_checked {
            Some(why) => Err(OpenPgpError::RevocationNotChecked { key_id: certificate.key_id, source: Box::new(why) }),
            None => Ok(Self(revoked)),
        }
    }

    /// Whether the component in that place is revoked.
    pub(super) fn contains(&self, place: usize) -> bool {
        self.0.contains(&place)
    }
}

impl Certificate<'_> {
    /// What a revocation signs; `None` if it is another key's, about that key's own statements.
    fn find_revoked(
        &self,
        kind: RevocationKind,
        place: usize,
        body: &[u8],
        looks: &mut usize,
    ) -> Result<Option<&CertificatePart<'_>>, OpenPgpError> {
        if kind == RevocationKind::Certification && self.is_by_another(body) {
            return Ok(None);
        }
        let signature = SignaturePacket::parse(body)?;
        signature.header.require_issuer(&self.key_id)?;
        let can_be = |subject: &CertificatePart<'_>| match kind {
            RevocationKind::Key => matches!(subject, CertificatePart::Primary),
            RevocationKind::Subkey => matches!(subject, CertificatePart::Subkey(_)),
            RevocationKind::Certification => !matches!(subject, CertificatePart::Subkey(_)),
        };
        // Try what it follows first.
        let others = self.components.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, it)| it);
        let subjects = self.components.get(place).into_iter().chain(others).map(|component| &component.subject);
        for subject in subjects.filter(|subject| can_be(subject)) {
            *looks += 1;
            if *looks > MAXIMUM_LOOKS {
                return Err(OpenPgpError::TooMany { what: "revocations to look at", limit: MAXIMUM_LOOKS });
            }
            let hash = signature.header.hash_of_revocation();
            match verify(&self.material, hash, &signature, &self.content(subject)) {
                Ok(()) => return Ok(Some(subject)),
                Err(OpenPgpError::BadSignature) => {}
                Err(why) => return Err(why),
            }
        }
        Err(OpenPgpError::BadSignature)
    }

    /// Where in the file this subject is.
    fn places_of<'a>(&'a self, subject: &'a CertificatePart<'_>) -> impl Iterator<Item = usize> + 'a {
        let places = self.components.iter().enumerate();
        places.filter(move |(_, component)| component.subject == *subject).map(|(place, _)| place)
    }

    /// Whether a signature says that a key other than this one made it.
    fn is_by_another(&self, body: &[u8]) -> bool {
        match (SignaturePacket::parse(body), body) {
            (Ok(signature), _) => signature.names_issuer() && !signature.claims_issuer(&self.key_id),
            // Version 3: the issuer follows the time of signing.
            (Err(_), [(..=3), _, _, _, _, _, _, issuer @ ..]) => {
                issuer.get(..8).is_some_and(|issuer| issuer != self.key_id.short())
            }
            (Err(_), _) => false,
        }
    }
}
