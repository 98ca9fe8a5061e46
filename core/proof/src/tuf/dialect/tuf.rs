//! TUF 1.0.34 §4, as it is specified: metadata is read into the engine's types as it stands.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

use jiff::Timestamp as Instant;
use sealift_archive_format::strict_json::{self, Name, Names};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};

use crate::freshness::parse_instant;
use crate::tuf::envelope::RoleSignature;
use crate::tuf::error::MetadataError;
use crate::tuf::metadata::{Kind, RoleHeader, is_understood};

/// The value of `_type`.
pub(crate) fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => "root",
        Kind::Timestamp => "timestamp",
        Kind::Snapshot => "snapshot",
        Kind::Targets => "targets",
    }
}

/// Only the signed part of the envelope.
#[derive(Deserialize)]
struct SignedPart<T> {
    signed: T,
}

/// The signed part of a document that has been read strictly before.
pub(crate) fn signed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MetadataError> {
    let SignedPart { signed } = strict_json::read_again(bytes, Names::Exact)?;
    Ok(signed)
}

/// A signature (§4.2.1): in hexadecimal, and of whichever scheme its key is for.
#[derive(Deserialize)]
pub(crate) struct SignatureObject {
    keyid: String,
    sig: String,
}

impl From<SignatureObject> for RoleSignature {
    fn from(object: SignatureObject) -> Self {
        let mut bytes = vec![0; object.sig.len() / 2];
        let bytes = hex::decode_to_slice(object.sig, &mut bytes).ok().map(|()| bytes);
        Self { key_id: object.keyid, bytes, schemes: None, checked: None }
    }
}

/// What all metadata has in common.
#[derive(Deserialize)]
struct HeaderObject {
    #[serde(rename = "_type")]
    kind: String,
    spec_version: String,
    version: NonZeroU64,
    #[serde(deserialize_with = "instant")]
    expires: Instant,
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    parse_instant(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl HeaderObject {
    fn check(self, kind: Kind) -> Result<RoleHeader, MetadataError> {
        if self.kind != type_of(kind) {
            return Err(MetadataError::Type { expected: type_of(kind), found: self.kind });
        }
        if !is_understood(&self.spec_version) {
            return Err(MetadataError::SpecVersion(self.spec_version));
        }
        Ok(RoleHeader { version: self.version, expires: self.expires })
    }
}

/// Reads what all metadata has in common.
pub(crate) fn header(kind: Kind, bytes: &[u8]) -> Result<RoleHeader, MetadataError> {
    signed::<HeaderObject>(bytes)?.check(kind)
}

/// Reads a document that has been read strictly before.
pub(crate) fn read<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<(RoleHeader, T), MetadataError> {
    match signed(bytes) {
        Ok(WithHeader { header, value }) => Ok((header.check(kind)?, value)),
        // One after the other, so that what is wrong with the header is said first.
        Err(_) => Ok((header(kind, bytes)?, signed(bytes)?)),
    }
}

/// What all metadata has in common and the rest, read in one pass.
struct WithHeader<T> {
    header: HeaderObject,
    value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for WithHeader<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WithHeaderVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for WithHeaderVisitor<T> {
            type Value = WithHeader<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<WithHeader<T>, A::Error> {
                let mut header = HeaderMembers::default();
                let value = T::deserialize(MapAccessDeserializer::new(WithoutHeader { access, header: &mut header }))?;
                let header = header.complete().ok_or_else(|| A::Error::custom("a part of the header is missing"))?;
                Ok(WithHeader { header, value })
            }
        }
        deserializer.deserialize_map(WithHeaderVisitor(PhantomData))
    }
}

/// The members that all metadata has in common, as far as they have been met.
#[derive(Default)]
struct HeaderMembers {
    kind: Option<String>,
    spec_version: Option<String>,
    version: Option<NonZeroU64>,
    expires: Option<Expires>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Expires(#[serde(deserialize_with = "instant")] Instant);

impl HeaderMembers {
    fn complete(self) -> Option<HeaderObject> {
        let Self { kind, spec_version, version, expires } = self;
        Some(HeaderObject { kind: kind?, spec_version: spec_version?, version: version?, expires: expires?.0 })
    }
}

/// The other members: those of the header are taken out on the way.
struct WithoutHeader<'h, A> {
    access: A,
    header: &'h mut HeaderMembers,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutHeader<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Self { access, header } = self;
        while let Some(Name(name)) = access.next_key()? {
            let is_second = match &*name {
                "_type" => header.kind.replace(access.next_value()?).is_some(),
                "spec_version" => header.spec_version.replace(access.next_value()?).is_some(),
                "version" => header.version.replace(access.next_value()?).is_some(),
                "expires" => header.expires.replace(access.next_value()?).is_some(),
                _ => return seed.deserialize(name.into_deserializer()).map(Some),
            };
            if is_second {
                return Err(A::Error::custom(format_args!("duplicate field {name:?}")));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.access.next_value_seed(seed)
    }
}
