//! OpenPGP public keys as files: what `gpg --export` writes, armored or not. RFC 4880 §6, §11.1.
//!
//! The file is trusted as a whole or not at all, because someone pinned it. What is checked here is that each part
//! belongs to the primary key: what the primary key says about itself (expiry, purpose, revocation), and which subkeys
//! both it and they themselves say belong to it. What other keys say about it means nothing here, except revocations,
//! which are checked wherever they stand (`revocation`). If a signature by the key itself does not sign what it
//! follows, nothing is guessed: the file is refused. Self-signatures with SHA-1 count for nothing.

use base64::Engine as _;

use super::header::{Hash, SignaturePacket};
use super::key::{MAXIMUM_SUBKEYS, OpenPgpKey, Part};
use super::material::{OpenPgpMaterial, SignatureNumbers};
use super::packet::{ByteReader, framed_key};
use super::revocation::{self, Revoked};
use super::{Fingerprint, OpenPgpError};

/// The largest file that is read, in bytes; a key with a photograph and many signatures is below it.
const MAXIMUM_LENGTH: usize = 1024 * 1024;
/// The most packets in a file.
const MAXIMUM_PACKETS: usize = 4096;
/// The most signatures by the key itself on one of its parts: each costs a verification.
const MAXIMUM_SELF_SIGNATURES: usize = 64;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// Key flags (RFC 4880 §5.2.3.21): this key may sign data.
const MAY_SIGN: u8 = 0x02;

impl OpenPgpKey {
    /// Reads the file of one public key, ASCII-armored or binary.
    ///
    /// # Errors
    /// [`OpenPgpError`] when the file is malformed, holds several keys, a revocation that cannot be checked or a
    /// signature by the key itself that does not sign what it follows, or its key is revoked or has no valid
    /// self-signature. Subkeys that are revoked, not bound by valid signatures in both directions, not for signing or
    /// of an unknown algorithm are left out.
    pub fn from_certificate(file: &[u8]) -> Result<Self, OpenPgpError> {
        if file.len() > MAXIMUM_LENGTH {
            return Err(OpenPgpError::TooMany { what: "bytes", limit: MAXIMUM_LENGTH });
        }
        let armored = file.trim_ascii_start().starts_with(b"-----");
        let packets = if armored { &unarmor(file)? } else { file };
        Certificate::parse(packets)?.into_key()
    }
}

/// The bytes inside an armored file (RFC 4880 §6.2), with their checksum if there is one.
fn unarmor(file: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
    let text = str::from_utf8(file).map_err(|_| OpenPgpError::Armor("it is not text"))?;
    let mut lines = text.trim().lines().map(str::trim_end);
    if lines.next() != Some(BEGIN) {
        return Err(OpenPgpError::Armor("it does not begin as a public key block"));
    }
    // Headers, such as a comment, end with an empty line.
    if !lines.by_ref().take_while(|line| !line.is_empty()).all(|line| line.contains(": ")) {
        return Err(OpenPgpError::Armor("its headers do not end with an empty line"));
    }
    let mut encoded = String::new();
    let mut checksum = None;
    for line in lines.by_ref().take_while(|&line| line != END) {
        if checksum.is_some() {
            return Err(OpenPgpError::Armor("something follows its checksum"));
        }
        match line.strip_prefix('=') {
            Some(sum) if !sum.is_empty() => checksum = Some(decode(sum)?),
            _ => encoded.push_str(line),
        }
    }
    if !text.trim_end().ends_with(END) || lines.next().is_some() {
        return Err(OpenPgpError::Armor("it does not end with the end of one public key block"));
    }
    let bytes = decode(&encoded)?;
    match checksum {
        Some(sum) if sum != crc24(&bytes) => Err(OpenPgpError::Armor("its checksum is wrong")),
        _ => Ok(bytes),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, OpenPgpError> {
    base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| OpenPgpError::Armor("it is not base64"))
}

/// RFC 4880 §6.1.
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for &byte in bytes {
        crc ^= u32::from(byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

/// What a signature in the file can be about.
#[derive(PartialEq)]
pub(super) enum CertificatePart<'a> {
    Primary,
    UserId { framing: u8, body: &'a [u8] },
    Subkey(&'a [u8]),
}

impl CertificatePart<'_> {
    /// The types of the signatures that a key makes about such a part of itself (RFC 4880 §5.2.1).
    fn statements(&self) -> &'static [u8] {
        match self {
            Self::Primary => &[0x1f],
            Self::UserId { .. } => &[0x10, 0x11, 0x12, 0x13],
            Self::Subkey(_) => &[0x18],
        }
    }
}

/// A part of the file with the signatures that follow it.
pub(super) struct Component<'a> {
    pub(super) subject: CertificatePart<'a>,
    pub(super) signatures: Vec<&'a [u8]>,
}

/// The file, cut into its parts.
pub(super) struct Certificate<'a> {
    body: &'a [u8],
    pub(super) key_id: Fingerprint,
    created: u32,
    pub(super) material: OpenPgpMaterial,
    pub(super) components: Vec<Component<'a>>,
}

/// What a valid self-signature says.
struct SelfSignature {
    /// For how many seconds after its creation the key is valid; `None` means for ever.
    key_validity: Option<u32>,
    may_sign: bool,
}

/// The version, creation time and algorithm of a public-key packet, and then its numbers (RFC 4880 §5.5.2).
fn parse_key(body: &[u8]) -> Result<(u32, OpenPgpMaterial), OpenPgpError> {
    let mut reader = ByteReader::new(body);
    let version = reader.byte()?;
    if version != 4 {
        return Err(OpenPgpError::UnsupportedVersion(version));
    }
    let created = reader.u32()?;
    let algorithm = reader.byte()?;
    Ok((created, OpenPgpMaterial::from_packet(algorithm, reader)?))
}

impl<'a> Certificate<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, OpenPgpError> {
        let mut reader = ByteReader::new(bytes);
        let (first, body) = reader.packet()?;
        if first != 6 {
            return Err(OpenPgpError::UnexpectedPacket(first));
        }
        let (created, material) = parse_key(body)?;
        let mut components = vec![Component { subject: CertificatePart::Primary, signatures: Vec::new() }];
        let mut count = 1;
        while !reader.is_empty() {
            count += 1;
            if count > MAXIMUM_PACKETS {
                return Err(OpenPgpError::TooMany { what: "packets", limit: MAXIMUM_PACKETS });
            }
            let (kind, body) = reader.packet()?;
            let subject = match kind {
                2 => {
                    if let Some(component) = components.last_mut() {
                        component.signatures.push(body);
                    }
                    continue;
                }
                // Marker and trust packets are to be ignored (RFC 4880 §5.8, §5.10).
                10 | 12 => continue,
                13 => CertificatePart::UserId { framing: 0xb4, body },
                17 => CertificatePart::UserId { framing: 0xd1, body },
                14 => CertificatePart::Subkey(body),
                other => return Err(OpenPgpError::UnexpectedPacket(other)),
            };
            components.push(Component { subject, signatures: Vec::new() });
        }
        Ok(Self { body, key_id: Fingerprint::of_key_body(body), created, material, components })
    }

    fn into_key(self) -> Result<OpenPgpKey, OpenPgpError> {
        let revoked = Revoked::within(&self)?;
        let mut about_primary = Vec::new();
        let mut subkeys = Vec::new();
        for (index, component) in self.components.iter().enumerate() {
            let statements = self.statements(component)?;
            if revoked.contains(index) {
                continue;
            }
            match component.subject {
                CertificatePart::Primary | CertificatePart::UserId { .. } => {
                    about_primary.extend(self.newest(component, &statements, self.created));
                }
                CertificatePart::Subkey(body) => {
                    subkeys.extend(self.subkey(component, &statements, body));
                    if subkeys.len() > MAXIMUM_SUBKEYS {
                        return Err(OpenPgpError::TooMany { what: "subkeys", limit: MAXIMUM_SUBKEYS });
                    }
                }
            }
        }
        if about_primary.is_empty() {
            return Err(OpenPgpError::NoSelfSignature(self.key_id));
        }
        let primary = Part {
            key_id: self.key_id,
            // The user ids may state different expiries: the earliest counts.
            validity: about_primary.iter().filter_map(|statement| statement.key_validity).min(),
            may_sign: about_primary.iter().all(|statement| statement.may_sign),
            created: Some(self.created),
            material: self.material,
        };
        Ok(OpenPgpKey { primary, subkeys })
    }

    /// A signing subkey that both keys say belongs to the primary key.
    fn subkey(&self, component: &Component<'a>, statements: &[SignaturePacket<'a>], body: &[u8]) -> Option<Part> {
        let (created, material) = parse_key(body).ok()?;
        let statement = self.newest(component, statements, created)?;
        let (key_id, validity) = (Fingerprint::of_key_body(body), statement.key_validity);
        statement.may_sign.then_some(Part { key_id, material, created: Some(created), validity, may_sign: true })
    }

    /// What the primary key says about a component in signatures that verify. Signatures that cannot be read, or whose
    /// hash is not accepted, do not count.
    fn statements(&self, component: &Component<'a>) -> Result<Vec<SignaturePacket<'a>>, OpenPgpError> {
        let content = self.content(&component.subject);
        let mut statements = Vec::new();
        let mut own = 0;
        for body in component.signatures.iter().filter(|body| revocation::kind(body).is_none()) {
            let Ok(signature) = SignaturePacket::parse(body) else { continue };
            if !signature.claims_issuer(&self.key_id) {
                continue;
            }
            own += 1;
            if own > MAXIMUM_SELF_SIGNATURES {
                return Err(OpenPgpError::TooMany { what: "self-signatures", limit: MAXIMUM_SELF_SIGNATURES });
            }
            let kind = signature.header.kind;
            let fits = component.subject.statements().contains(&kind);
            match verify(&self.material, signature.header.hash(), &signature, &content) {
                Ok(()) if fits => statements.push(signature),
                Err(OpenPgpError::BadSignature) => return Err(OpenPgpError::Misplaced { kind, key_id: self.key_id }),
                _ => {}
            }
        }
        Ok(statements)
    }

    /// What the newest of these statements says about the component.
    ///
    /// `created` is when the key in question was made.
    fn newest(
        &self,
        component: &Component<'a>,
        statements: &[SignaturePacket<'a>],
        created: u32,
    ) -> Option<SelfSignature> {
        let dated = statements.iter().filter(|signature| signature.header.claims.created.is_some());
        let signature = dated.max_by_key(|signature| signature.header.claims.created)?;
        let claims = &signature.header.claims;
        let may_sign = match (&component.subject, claims.key_flags) {
            (CertificatePart::Subkey(body), Some(flags)) => flags & MAY_SIGN != 0 && self.signs_back(signature, body),
            (CertificatePart::Subkey(_), None) => false,
            (_, flags) => flags.is_none_or(|flags| flags & MAY_SIGN != 0),
        };
        let key_validity = claims.key_validity.filter(|&validity| validity != 0);
        // Once a statement lapses, nothing says that the key is valid.
        let lapses = claims.signature_validity.filter(|&validity| validity != 0);
        let lapses = lapses.map(|validity| claims.created.unwrap_or(0).saturating_add(validity));
        let until = lapses.map(|instant| instant.saturating_sub(created));
        Some(SelfSignature { key_validity: key_validity.into_iter().chain(until).min(), may_sign })
    }

    /// Whether a subkey's binding carries the subkey's own signature over the binding (RFC 4880 §5.2.1, type 0x19).
    fn signs_back(&self, binding: &SignaturePacket<'_>, subkey: &[u8]) -> bool {
        let claims = [&binding.header.claims, &binding.hints];
        let Some(embedded) = claims.iter().find_map(|claims| claims.embedded_signature.as_deref()) else {
            return false;
        };
        let (Ok((_, material)), Ok(back)) = (parse_key(subkey), SignaturePacket::parse(embedded)) else { return false };
        let content = self.content(&CertificatePart::Subkey(subkey));
        back.header.kind == 0x19 && verify(&material, back.header.hash(), &back, &content).is_ok()
    }

    /// What a signature on a component signs (RFC 4880 §5.2.4).
    pub(super) fn content(&self, subject: &CertificatePart<'_>) -> Vec<u8> {
        let mut content = framed_key(self.body);
        match subject {
            CertificatePart::Primary => {}
            CertificatePart::UserId { framing, body } => {
                content.push(*framing);
                content.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
                content.extend_from_slice(body);
            }
            CertificatePart::Subkey(body) => content.extend_from_slice(&framed_key(body)),
        }
        content
    }
}

/// Verifies a signature whose hash may be `hash`.
pub(super) fn verify(
    material: &OpenPgpMaterial,
    hash: Result<Hash, OpenPgpError>,
    signature: &SignaturePacket<'_>,
    content: &[u8],
) -> Result<(), OpenPgpError> {
    let header = &signature.header;
    if header.key_algorithm != material.algorithm() {
        return Err(OpenPgpError::BadSignature);
    }
    let value = SignatureNumbers::from_packet(header.key_algorithm, signature.integers)?;
    material.verify(hash?, &header.signed_bytes(content), &value)
}
