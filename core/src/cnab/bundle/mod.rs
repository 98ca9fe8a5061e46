//! `bundle.json`: what Sealift needs to know of it (CNAB Core 1.2 §101), read strictly from the raw bytes.
//!
//! Promise: a [`Bundle`] has a name, a version and at least one invocation image; every image reference in it is valid,
//! promises one digest or none, and is not written twice with two digests; and it has one meaning, even to readers that ignore
//! case. What it breaks without becoming ambiguous, [`Bundle::deviations`] tells. The bytes themselves travel untouched; this is only
//! a view of them.

mod dependencies;
mod deviation;
mod rules;
mod structure;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

use sealift_archive_format::inventory::ImageRole;
use sealift_archive_format::strict_json::{self, Names};
use sealift_archive_format::{Digest, DigestError};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::oci::{Reference, ReferenceError};

pub use dependencies::{CarriedBundle, DependenciesError, Dependency};
pub use deviation::Deviation;

/// The largest `bundle.json` that is read, in bytes.
pub const MAXIMUM_LENGTH: usize = 4 * 1024 * 1024;
/// The most images that a bundle may name.
pub const MAXIMUM_IMAGES: usize = 10_000;

/// Why bytes are not a bundle that can be carried.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is longer than any real bundle.
    #[error("bundle.json is {length} bytes long; the limit is {MAXIMUM_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is not strict JSON of the bundle's shape.
    #[error("bundle.json cannot be read")]
    Json(#[source] strict_json::JsonError),
    /// It follows a schema that is not CNAB Core 1, or does not say clearly which one.
    #[error("bundle.json has schema version {0:?}; only CNAB Core v1 is supported")]
    SchemaVersion(String),
    /// A field that every bundle has is empty.
    #[error("bundle.json has an empty {0}")]
    Empty(&'static str),
    /// An image states a `contentDigest` that is not a digest.
    #[error("bundle.json states a contentDigest for {reference} that is not a digest")]
    ContentDigest {
        /// The image's reference.
        reference: String,
        /// What is wrong with the digest.
        source: DigestError,
    },
    /// An image has a reference that cannot be read, so what it promises is unknown.
    #[error("bundle.json names image {reference:?}, which is not a valid reference")]
    Reference {
        /// The text.
        reference: String,
        /// What is wrong with the reference.
        source: ReferenceError,
    },
    /// An image's reference and its `contentDigest` promise different content.
    #[error("bundle.json names image {reference} with one digest but states contentDigest {stated}")]
    TwoDigests {
        /// The image's reference.
        reference: String,
        /// The `contentDigest`.
        stated: Digest,
    },
    /// Two images have the same reference, and different content.
    #[error("bundle.json names image {reference} twice, once as {first} and once as {second}")]
    TwoContents {
        /// The reference, as it is written the second time.
        reference: String,
        /// One promised digest.
        first: Digest,
        /// The other.
        second: Digest,
    },
    /// It names too many images.
    #[error("bundle.json names {count} images; the limit is {MAXIMUM_IMAGES}")]
    TooManyImages {
        /// How many images it names.
        count: usize,
    },
}

/// The view of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `name`, with its name space.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `schemaVersion`, as it is written.
    pub schema_version: String,
    /// `description`; empty where there is none.
    pub description: String,
    /// The container images: the invocation images, then the component images in the order of their names.
    pub images: Vec<BundleImage>,
    /// The images of other types, in the same order. They are not carried.
    pub other_images: Vec<OtherImage>,
    /// The bundles that it needs, or why that is not known.
    pub dependencies: Result<Vec<Dependency>, DependenciesError>,
}

/// One image that a bundle names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleImage {
    /// The name of the component; `None` for an invocation image.
    pub component: Option<String>,
    /// `image`: the reference, exactly as the bundle writes it.
    pub reference: String,
    /// The digest of the image's manifest or index that the bundle promises: its `contentDigest`, or the one in its
    /// reference. Where there are both, they are equal.
    pub digest: Option<Digest>,
    /// Whether its `contentDigest` says so.
    is_digest_stated: bool,
    /// `size` in bytes, if it is stated; the inner `None` is one that is not a number.
    size: Option<Option<u64>>,
    /// `mediaType`, if it is stated; the inner `None` is one that is not a text.
    media_type: Option<Option<String>>,
}

/// One image that is not a container image, such as a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherImage {
    /// `image`, exactly as the bundle writes it.
    pub reference: String,
    /// `imageType`.
    pub image_type: String,
}

impl BundleImage {
    /// Its role in the bundle.
    pub fn role(&self) -> ImageRole {
        self.component.clone().map_or(ImageRole::Invocation, ImageRole::Component)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle {
    schema_version: String,
    name: String,
    version: String,
    description: Option<StatedMember<String>>,
    invocation_images: Vec<RawBundleImage>,
    #[serde(default)]
    images: Option<BTreeMap<String, RawBundleImage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundleImage {
    image: String,
    content_digest: Option<String>,
    image_type: Option<String>,
    media_type: Option<StatedMember<String>>,
    size: Option<StatedMember<u64>>,
}

/// What is stated in a member that decides nothing; `None` if it is not of the right kind.
struct StatedMember<T>(Option<T>);

/// What a member can be.
trait Scalar: Sized {
    fn of_number(_: u64) -> Option<Self> {
        None
    }

    fn of_text(_: &str) -> Option<Self> {
        None
    }
}

impl Scalar for u64 {
    fn of_number(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Scalar for String {
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<'de, T: Scalar> Deserialize<'de> for StatedMember<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StatedMemberVisitor<T>(PhantomData<T>);
        impl<'de, T: Scalar> Visitor<'de> for StatedMemberVisitor<T> {
            type Value = StatedMember<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_u64<E>(self, number: u64) -> Result<StatedMember<T>, E> {
                Ok(StatedMember(T::of_number(number)))
            }

            fn visit_str<E>(self, text: &str) -> Result<StatedMember<T>, E> {
                Ok(StatedMember(T::of_text(text)))
            }

            fn visit_i64<E>(self, _: i64) -> Result<StatedMember<T>, E> {
                Ok(StatedMember(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<StatedMember<T>, E> {
                Ok(StatedMember(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<StatedMember<T>, E> {
                Ok(StatedMember(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<StatedMember<T>, A::Error> {
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(StatedMember(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<StatedMember<T>, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(StatedMember(None))
            }
        }
        deserializer.deserialize_any(StatedMemberVisitor(PhantomData))
    }
}

/// An image, whatever its type.
enum AnyImage {
    Container(BundleImage),
    Other(OtherImage),
}

impl Bundle {
    /// Reads a `bundle.json`.
    ///
    /// # Errors
    /// [`BundleError`] when it is not strict JSON, not of schema v1, names no invocation image, or can be read in two ways.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAXIMUM_LENGTH {
            return Err(BundleError::TooLong { length: bytes.len() });
        }
        structure::require_one_reading(bytes).map_err(BundleError::Json)?;
        let raw: RawBundle = strict_json::read_again(bytes, Names::Exact).map_err(BundleError::Json)?;
        if !is_supported(&raw.schema_version) {
            return Err(BundleError::SchemaVersion(raw.schema_version));
        }
        for (field, value) in [("name", &raw.name), ("version", &raw.version)] {
            if value.is_empty() {
                return Err(BundleError::Empty(field));
            }
        }
        if raw.invocation_images.is_empty() {
            return Err(BundleError::Empty("list of invocation images"));
        }
        let components = raw.images.unwrap_or_default();
        let count = raw.invocation_images.len() + components.len();
        if count > MAXIMUM_IMAGES {
            return Err(BundleError::TooManyImages { count });
        }
        let invocation = raw.invocation_images.into_iter().map(|image| (None, image));
        let components = components.into_iter().map(|(name, image)| (Some(name), image));
        let (mut images, mut other_images) = (Vec::new(), Vec::new());
        for (component, image) in invocation.chain(components) {
            match image.read(component)? {
                AnyImage::Container(image) => images.push(image),
                AnyImage::Other(image) => other_images.push(image),
            }
        }
        require_one_content(&images)?;
        Ok(Self {
            name: raw.name,
            version: raw.version,
            schema_version: raw.schema_version,
            description: raw.description.and_then(|StatedMember(text)| text).unwrap_or_default(),
            images,
            other_images,
            dependencies: dependencies::read(bytes),
        })
    }
}

/// Whether a schema version is one of CNAB Core 1. The specification writes both `v1` and `v1.2.0`; older tools wrote no `v`.
fn is_supported(schema_version: &str) -> bool {
    let version = schema_version.strip_prefix('v').unwrap_or(schema_version);
    version == "1" || semver::Version::parse(version).is_ok_and(|version| version.major == 1)
}

/// A name that means one thing has one content, however often it is written.
fn require_one_content(images: &[BundleImage]) -> Result<(), BundleError> {
    let mut contents: HashMap<String, &Digest> = HashMap::new();
    for BundleImage { reference, digest, .. } in images {
        let Some(digest) = digest else { continue };
        let Some(meant) = reference.parse().ok().and_then(|named: Reference| named.tagged_name()) else { continue };
        let first = *contents.entry(meant).or_insert(digest);
        if first != digest {
            let (reference, first, second) = (reference.clone(), first.clone(), digest.clone());
            return Err(BundleError::TwoContents { reference, first, second });
        }
    }
    Ok(())
}

impl RawBundleImage {
    fn read(self, component: Option<String>) -> Result<AnyImage, BundleError> {
        if self.image.is_empty() {
            return Err(BundleError::Empty("image reference"));
        }
        // "The default is oci." Go writes no type as an empty one.
        match self.image_type.as_deref() {
            None | Some("" | "oci" | "docker") => {}
            Some(_) => {
                let image_type = self.image_type.unwrap_or_default();
                return Ok(AnyImage::Other(OtherImage { reference: self.image, image_type }));
            }
        }
        let named: Reference =
            self.image.parse().map_err(|source| BundleError::Reference { reference: self.image.clone(), source })?;
        // Some tools write an empty string where they do not know the digest.
        let stated = self.content_digest.filter(|text| !text.is_empty());
        let stated: Option<Digest> = stated
            .map(|text| text.parse())
            .transpose()
            .map_err(|source| BundleError::ContentDigest { reference: self.image.clone(), source })?;
        match (named.digest(), stated) {
            (Some(named), Some(stated)) if *named != stated => {
                Err(BundleError::TwoDigests { reference: self.image, stated })
            }
            (named, stated) => {
                let is_digest_stated = stated.is_some();
                let digest = stated.or_else(|| named.cloned());
                let size = self.size.map(|StatedMember(size)| size);
                let media_type =
                    self.media_type.map(|StatedMember(text)| text).filter(|text| text.as_deref() != Some(""));
                let reference = self.image;
                Ok(AnyImage::Container(BundleImage {
                    component,
                    reference,
                    digest,
                    is_digest_stated,
                    size,
                    media_type,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Bundle, BundleError> {
        Bundle::parse(text.as_bytes())
    }

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn invocation_images_come_before_components() {
        let bundle = parse(&format!(
            r#"{{"schemaVersion":"v1.2.0","name":"a","version":"1.0.0","other":{{}},
                "images":{{"b":{{"image":"e/b:1","contentDigest":""}},"a":{{"image":"e/a:1"}}}},
                "invocationImages":[{{"image":"e/i:1","contentDigest":"{DIGEST}"}}]}}"#
        ))
        .unwrap();
        let names: Vec<_> = bundle.images.iter().map(|image| image.reference.as_str()).collect();
        assert_eq!(names, ["e/i:1", "e/a:1", "e/b:1"]);
        assert_eq!(bundle.images[0].digest, Some(Digest::sha256(b"")));
        assert_eq!(bundle.images[2].digest, None);
    }

    #[test]
    fn what_is_not_a_bundle_is_refused_for_its_reason() {
        let with = |schema: &str, name: &str, images: &str| {
            parse(&format!(
                r#"{{"schemaVersion":"{schema}","name":"{name}","version":"1","images":null,"invocationImages":{images}}}"#
            ))
        };
        assert!(with("v1", "a", r#"[{"image":"x"}]"#).is_ok());
        assert!(matches!(with("v2.0.0", "a", r#"[{"image":"x"}]"#), Err(BundleError::SchemaVersion(_))));
        assert!(matches!(with("v1", "", r#"[{"image":"x"}]"#), Err(BundleError::Empty("name"))));
        assert!(matches!(with("v1", "a", "[]"), Err(BundleError::Empty(_))));
        assert!(matches!(with("v1", "a", r#"[{"image":""}]"#), Err(BundleError::Empty(_))));
        assert!(matches!(
            with("v1", "a", r#"[{"image":"x","contentDigest":"sha256:00"}]"#),
            Err(BundleError::ContentDigest { .. })
        ));
        assert!(matches!(parse(r#"{"name":"a","name":"b"}"#), Err(BundleError::Json(_))));
        for schema in ["vv1", "v1.", "v1.2", "v1.foo", "v10.0.0", "V1", ""] {
            assert!(matches!(with(schema, "a", r#"[{"image":"x"}]"#), Err(BundleError::SchemaVersion(_))), "{schema}");
        }
        for member in ["Image", "ImageType", "contentdigest", "SIZE", "Labels"] {
            let image = format!(r#"[{{"image":"x","{member}":null}}]"#);
            assert!(matches!(with("v1", "a", &image), Err(BundleError::Json(_))), "{member}");
        }
    }

    #[test]
    fn a_member_that_differs_from_a_known_one_only_in_case_is_refused() {
        let with = |member: &str| {
            parse(&format!(
                r#"{{"schemaVersion":"v1","name":"a","version":"1","invocationImages":[{{"image":"x"}}],"{member}":null}}"#
            ))
        };
        assert!(with("images").is_ok() && with("parameters").is_ok() && with("anything").is_ok());
        for member in ["Images", "CUSTOM", "Parameters", "requiredextensions", "\u{17f}chemaVersion"] {
            assert!(matches!(with(member), Err(BundleError::Json(_))), "{member}");
        }
    }

    fn with_members(members: &str) -> Result<Bundle, BundleError> {
        parse(&format!(
            r#"{{"schemaVersion":"v1","name":"a","version":"1.0.0","invocationImages":[{{"image":"x"}}],{members}}}"#
        ))
    }

    #[test]
    fn a_member_of_any_structure_that_differs_from_a_known_one_only_in_case_is_refused() {
        for (structure, known) in [
            (r#""actions":{"x":{@}}"#, &["description", "modifies", "stateless", "title"][..]),
            (r#""credentials":{"x":{@}}"#, &["applyTo", "description", "env", "path", "required"]),
            (r#""images":{"x":{"image":"y",@}}"#, &["contentDigest", "description", "image", "labels", "size"]),
            (r#""maintainers":[{@}]"#, &["email", "name", "url"]),
            (r#""maintainers":[null,[],{@}]"#, &["url"]),
            (r#""outputs":{"x":{@}}"#, &["applyTo", "definition", "description", "path"]),
            (r#""parameters":{"x":{@}}"#, &["applyTo", "definition", "description", "destination", "required"]),
            (r#""parameters":{"x":{"destination":{@}}}"#, &["env", "path"]),
        ] {
            let with = |member: &str| with_members(&structure.replace('@', &format!(r#""{member}":null"#)));
            assert!(with("anything").is_ok(), "{structure}");
            for known in known {
                let capital = known[..1].to_uppercase() + &known[1..];
                for member in [capital, known.to_uppercase()] {
                    let error = with(&member).unwrap_err();
                    let BundleError::Json(source) = &error else { panic!("{structure} {member}: {error}") };
                    assert!(
                        source.to_string().contains("to readers that ignore case"),
                        "{structure} {member}: {source}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_in_maps_and_in_data_are_compared_exactly() {
        for members in [
            r#""parameters":{"port":@,"Port":@,"definition":@,"Definition":@}"#,
            r#""credentials":{"a":@,"A":@,"env":@,"ENV":@}"#,
            r#""outputs":{"a":@,"A":@}"#,
            r#""actions":{"io.x.a":@,"io.x.A":@}"#,
            r#""custom":{"com.x":@,"com.X":@,"a":{"Foo":1,"foo":[{"ID":1,"id":2}]}}"#,
            r#""custom":{"io.cnab.Dependencies":7,"io.cnab.dependencies":{"requires":{"a":{"bundle":"e.x/a"},"A":{"bundle":"e.x/a"}}}}"#,
            r#""definitions":{"a":@,"A":{"Type":"string","type":"string","properties":{"ID":@,"id":@}}}"#,
            r#""images":{"web":{"image":"x"},"Web":{"image":"y"},"image":{"image":"z"},"Image":{"image":"z"}}"#,
            r#""images":{"web":{"image":"x","labels":{"a":"","A":""}}}"#,
            r#""unknown":{"a":@,"A":@},"Unknown":@"#,
        ] {
            let members = members.replace('@', "{}");
            let bundle = with_members(&members).unwrap_or_else(|error| panic!("{members}: {error:?}"));
            assert!(bundle.dependencies.is_ok(), "{members}");
        }
        for twice in [
            r#""parameters":{"port":{},"port":{}}"#,
            r#""custom":{"a":{"b":[{"c":1,"\u0063":1}]}}"#,
            r#""definitions":{"a":{"properties":{"id":{},"id":{}}}}"#,
            r#""unknown":{"a":1,"a":1}"#,
        ] {
            assert!(matches!(with_members(twice), Err(BundleError::Json(_))), "{twice}");
        }
    }

    #[test]
    fn an_image_of_another_type_is_not_a_container_image() {
        let bundle = parse(
            r#"{"schemaVersion":"v1","name":"a","version":"1","invocationImages":[{"image":"x","imageType":""}],
                "images":{"a":{"image":"y","imageType":"docker"},"b":{"image":"https://e.x/b.ova","imageType":"vm"},
                "c":{"image":"z","imageType":null}}}"#,
        )
        .unwrap();
        let names: Vec<_> = bundle.images.iter().map(|image| image.reference.as_str()).collect();
        assert_eq!(names, ["x", "y", "z"]);
        let other = OtherImage { reference: "https://e.x/b.ova".to_owned(), image_type: "vm".to_owned() };
        assert_eq!(bundle.other_images, [other]);
    }

    #[test]
    fn one_reference_has_one_content() {
        let other = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        let with = |image: &str, other: &str| {
            parse(&format!(
                r#"{{"schemaVersion":"v1","name":"a","version":"1","invocationImages":[{{"image":"e.x/i:1","contentDigest":"{DIGEST}"}}],
                    "images":{{"b":{{"image":"{image}","contentDigest":"{other}"}}}}}}"#
            ))
        };
        assert!(with("e.x/i:1", DIGEST).is_ok() && with("e.x/i:2", other).is_ok());
        for same in ["e.x/i:1", "E.X:443/i:1"] {
            assert!(matches!(with(same, other), Err(BundleError::TwoContents { .. })), "{same}");
        }
    }
}
