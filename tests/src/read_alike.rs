//! What our readers of OCI documents and of `bundle.json` accept, programs written in Go read in the same way: the same
//! lists, the same digests, the same names. Where ours refuse, nothing is asked.
//!
//! Fuzzers share this file: it needs nothing of this crate but `go_reader`.

use std::fmt::Debug;

use sealift_archive_format::Digest;
use sealift_core::cnab::Bundle;
use sealift_core::oci::descriptor::Annotations;
use sealift_core::oci::{Descriptor, Document, Reference};

use crate::go_reader::{Type, Variable, unmarshal};

const REMARKS: Type = Type::Map(&Type::Text);
const PLATFORM: Type = Type::Struct(&[
    ("os", Type::Text),
    ("architecture", Type::Text),
    ("variant", Type::Text),
    ("os.version", Type::Text),
]);
const DESCRIPTOR: Type = Type::Struct(&[
    ("mediaType", Type::Text),
    ("digest", Type::Text),
    ("urls", Type::List(&Type::Text)),
    ("annotations", REMARKS),
    ("platform", Type::Pointer(&PLATFORM)),
    ("artifactType", Type::Text),
]);
/// A manifest and an index in one, as a reader has them who does not know yet which of the two it is.
pub const DOCUMENT: Type = Type::Struct(&[
    ("mediaType", Type::Text),
    ("config", DESCRIPTOR),
    ("layers", Type::List(&DESCRIPTOR)),
    ("manifests", Type::List(&DESCRIPTOR)),
    ("subject", Type::Pointer(&DESCRIPTOR)),
    ("artifactType", Type::Text),
    ("annotations", REMARKS),
]);
const IMAGE: Type = Type::Struct(&[("image", Type::Text), ("contentDigest", Type::Text), ("imageType", Type::Text)]);
/// A `bundle.json`.
pub const BUNDLE: Type = Type::Struct(&[
    ("schemaVersion", Type::Text),
    ("name", Type::Text),
    ("version", Type::Text),
    ("invocationImages", Type::List(&IMAGE)),
    ("images", Type::Map(&IMAGE)),
]);

/// How a document may be announced.
const ANNOUNCED: [&str; 5] = [
    "",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// A descriptor, as far as it says what is fetched and what is chosen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    media_type: String,
    digest: String,
    annotations: Vec<(String, String)>,
    platform: Option<[String; 4]>,
    artifact_type: String,
}

/// A manifest or an index.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listing {
    config: Listed,
    layers: Vec<Listed>,
    manifests: Vec<Listed>,
    subject: Option<Listed>,
    artifact_type: String,
    annotations: Vec<(String, String)>,
}

/// A bundle: its texts that decide something, its container images by component, reference and digest, and its other images by
/// reference and type. What decides nothing may have a wrong form: others refuse it then, and nobody reads something else.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    texts: [String; 3],
    images: Vec<(Option<String>, String, Option<String>)>,
    other_images: Vec<(String, String)>,
}

/// Whether a manifest or index is read alike, however it is announced; false where we refuse it.
///
/// # Panics
/// When it is read in two ways.
pub fn document(bytes: &[u8]) -> bool {
    let accepted = ANNOUNCED.iter().filter(|announced| {
        let Ok(document) = Document::parse(bytes, announced) else { return false };
        let theirs = unmarshal(bytes, DOCUMENT);
        // A registry serves it under the announced type, and its readers compare that with its own.
        let own_type = theirs.as_ref().map_or("", |theirs| theirs.text("mediaType"));
        assert!(announced.is_empty() || own_type.is_empty() || own_type == **announced, "{own_type:?} {announced:?}");
        same(bytes, &Listing::ours(&document), theirs.as_ref().map(Listing::theirs));
        true
    });
    accepted.count() > 0
}

/// Whether a `bundle.json` is read alike; false where we refuse it.
///
/// # Panics
/// When it is read in two ways.
pub fn bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = Bundle::parse(bytes) else { return false };
    same(bytes, &Named::ours(&bundle), unmarshal(bytes, BUNDLE).as_ref().map(Named::theirs));
    true
}

fn same<T: Debug + PartialEq>(bytes: &[u8], ours: &T, theirs: Option<T>) {
    assert!(
        theirs.as_ref() == Some(ours),
        "read in two ways:\n{}\nours:   {ours:?}\ntheirs: {theirs:?}",
        String::from_utf8_lossy(bytes)
    );
}

impl Listing {
    fn ours(document: &Document) -> Self {
        let subject = document.subject().map(Listed::ours);
        match document {
            Document::Image(image) => Self {
                config: Listed::ours(&image.config),
                layers: image.layers.iter().map(Listed::ours).collect(),
                manifests: Vec::new(),
                subject,
                artifact_type: image.artifact_type.clone().unwrap_or_default(),
                annotations: our_remarks(&image.annotations),
            },
            Document::Index(index) => Self {
                config: Listed::default(),
                layers: Vec::new(),
                manifests: index.manifests.iter().map(Listed::ours).collect(),
                subject,
                artifact_type: index.artifact_type.clone().unwrap_or_default(),
                annotations: our_remarks(&index.annotations),
            },
        }
    }

    fn theirs(document: &Variable) -> Self {
        Self {
            config: document.field("config").map(Listed::theirs).unwrap_or_default(),
            layers: document.list("layers").iter().map(Listed::theirs).collect(),
            manifests: document.list("manifests").iter().map(Listed::theirs).collect(),
            subject: pointee(document, "subject").map(Listed::theirs),
            artifact_type: document.text("artifactType").to_owned(),
            annotations: their_remarks(document),
        }
    }
}

impl Listed {
    fn ours(descriptor: &Descriptor) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.to_string(),
            annotations: our_remarks(&descriptor.annotations),
            platform: descriptor.platform.as_ref().map(|platform| {
                let (os, architecture) = (platform.os.clone(), platform.architecture.clone());
                [os, architecture, text(&platform.variant), text(&platform.os_version)]
            }),
            artifact_type: text(&descriptor.artifact_type),
        }
    }

    fn theirs(descriptor: &Variable) -> Self {
        Self {
            media_type: descriptor.text("mediaType").to_owned(),
            digest: descriptor.text("digest").to_owned(),
            annotations: their_remarks(descriptor),
            // One that says nothing is one that nobody chooses.
            platform: pointee(descriptor, "platform")
                .map(|it| ["os", "architecture", "variant", "os.version"].map(|name| it.text(name).to_owned()))
                .filter(|members| members.iter().any(|member| !member.is_empty())),
            artifact_type: descriptor.text("artifactType").to_owned(),
        }
    }
}

impl Named {
    fn ours(bundle: &Bundle) -> Self {
        let texts = [&bundle.schema_version, &bundle.name, &bundle.version];
        let digest = |digest: &Digest| digest.to_string();
        let images = bundle.images.iter();
        let images =
            images.map(|it| (it.component.clone(), it.reference.clone(), it.digest.as_ref().map(digest))).collect();
        let other_images = bundle.other_images.iter().map(|it| (it.reference.clone(), it.image_type.clone())).collect();
        Self { texts: texts.map(Clone::clone), images, other_images }
    }

    fn theirs(bundle: &Variable) -> Self {
        let image = |component: Option<&str>, image: &Variable| {
            let (reference, stated) = (image.text("image"), image.text("contentDigest"));
            let named = || reference.parse::<Reference>().ok()?.digest().map(Digest::to_string);
            let digest = Some(stated.to_owned()).filter(|stated| !stated.is_empty()).or_else(named);
            (component.map(str::to_owned), reference.to_owned(), digest)
        };
        let invocation = bundle.list("invocationImages").iter().map(|it| (None, it));
        let components = bundle.map("images");
        let components = components.into_iter().map(|(name, it)| (Some(name), it));
        let is_container = |it: &Variable| ["", "oci", "docker"].contains(&it.text("imageType"));
        let (containers, others): (Vec<_>, Vec<_>) = invocation.chain(components).partition(|(_, it)| is_container(it));
        let other = |it: &Variable| (it.text("image").to_owned(), it.text("imageType").to_owned());
        Self {
            texts: ["schemaVersion", "name", "version"].map(|name| bundle.text(name).to_owned()),
            images: containers.into_iter().map(|(component, it)| image(component, it)).collect(),
            other_images: others.into_iter().map(|(_, it)| other(it)).collect(),
        }
    }
}

fn pointee<'v>(of: &'v Variable, name: &str) -> Option<&'v Variable> {
    of.field(name).filter(|variable| **variable != Variable::Nil)
}

fn our_remarks(annotations: &Annotations) -> Vec<(String, String)> {
    annotations.iter().map(|(key, remark)| (key.to_owned(), remark.to_owned())).collect()
}

fn their_remarks(of: &Variable) -> Vec<(String, String)> {
    of.map("annotations").into_iter().map(|(key, remark)| (key.to_owned(), remark.as_text().to_owned())).collect()
}
