//! The form that a bundle has in a registry: a config manifest around `bundle.json`, and an index over it and the
//! images, or over it alone; its invocation images may have an index of their own (CNAB Registries 1.0 §201).
//!
//! Nobody signs these documents, and others read them: docker, containerd, cnab-to-oci, porter. So they are a
//! function of what is signed, in one of the few forms in which they may be written. A function writes each of them,
//! and [`check`] accepts only what these write: no other member, no other value, no other entry.

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::{Deserialize, Serialize};

use super::{Bundle, BundleImage};
use crate::oci::descriptor::{Annotations, null_as_default};
use crate::oci::manifest::ImageIndex;
use crate::oci::media_type::{DOCKER_CONFIG, DOCKER_INDEX, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::oci::{Descriptor, Document, Graph, ManifestBytes, ManifestError};

/// The media type of `bundle.json` in a registry.
pub(crate) const BUNDLE_MEDIA_TYPE: &str = "application/vnd.cnab.bundle.config.v1+json";
/// The media types that `bundle.json` is known to have in a registry: that of the specification, that of cnab-to-oci,
/// and the two for registries that accept no others.
const BUNDLE_MEDIA_TYPES: [&str; 4] =
    [BUNDLE_MEDIA_TYPE, "application/vnd.cnab.config.v1+json", OCI_CONFIG, DOCKER_CONFIG];

const KIND: &str = "io.cnab.manifest.type";
const COMPONENT: &str = "io.cnab.component.name";
const CONFIG: &str = "config";
const INVOCATION: &str = "invocation";
const ARTIFACT_TYPE: &str = "org.opencontainers.artifactType";
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
/// The longest annotation that repeats a list, in bytes.
const MAXIMUM_LIST_LENGTH: usize = 64 * 1024;

/// Why documents are not the form of a bundle in a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryFormError {
    /// It is the index of something else.
    #[error("the index lists no manifest of type \"config\", so it is not the index of a CNAB bundle")]
    NotABundle,
    /// An image that the bundle names is not listed.
    #[error("the bundle names image {reference}, but its index does not list it")]
    ImageNotListed {
        /// The reference.
        reference: String,
    },
    /// A document has a member that it has in no known form, or a member of another type.
    #[error("{document} is not written in a known form")]
    Members {
        /// An index, or the config manifest.
        document: Digest,
        /// What is wrong.
        source: JsonError,
    },
    /// An entry of the index is not the one that the bundle has there.
    #[error("the index lists {found} where it should list {expected}")]
    Entry {
        /// What is listed: its digest and its stated role, or the end of the list.
        found: String,
        /// What should be listed, in the same form.
        expected: String,
    },
    /// The index of the invocation images does not list exactly these.
    #[error("index {index} does not list the invocation images of the bundle, and nothing else, in a known form")]
    InvocationImages {
        /// The index.
        index: Digest,
    },
    /// An annotation of the index does not agree with `bundle.json`.
    #[error("the index has an annotation {name} that does not agree with bundle.json")]
    Annotation {
        /// The name of the annotation.
        name: String,
    },
    /// The config manifest does not hold `bundle.json`, and nothing else.
    #[error("config manifest {manifest} does not hold bundle.json, and nothing else, in a known form")]
    ConfigManifest {
        /// The manifest.
        manifest: Digest,
    },
}

/// How the two documents are written, where there is a choice that makes no difference to their readers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WrittenForm {
    index: IndexForm,
    config: ConfigForm,
}

/// How an index is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct IndexForm {
    /// Its own media type, if it states it. A Docker manifest list always does.
    media_type: Option<String>,
    /// The names of its annotations.
    annotations: Vec<String>,
    images: ListedImages,
}

/// Which images an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ListedImages {
    /// Each image, in an entry of its own.
    Each,
    /// One index of all invocation images, and each component.
    InvocationsTogether(Descriptor),
    /// None: they are found by the references that the bundle has.
    None,
}

/// How a config manifest is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ConfigForm {
    /// Its own media type, if it states it. A Docker manifest always does.
    media_type: Option<String>,
    layers: Layers,
}

/// The layers of a config manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layers {
    /// `null`, as Go writes none.
    Null,
    /// An empty list.
    Empty,
    /// `bundle.json` again, for registries that accept no manifest without layers.
    Bundle,
}

/// An index, with every member that it may have.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Index {
    schema_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    manifests: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    media_type: String,
    digest: Digest,
    size: u64,
    annotations: Annotations,
}

/// An index of invocation images, with every member that it may have. None of its entries states a platform: which one runs where is
/// for the images to say, and nobody signs this list.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InvocationIndex {
    schema_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    manifests: Vec<Content>,
}

/// A config manifest, with every member that it may have.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigManifest {
    schema_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    config: Content,
    layers: Option<Vec<Content>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    media_type: String,
    digest: Digest,
    size: u64,
}

impl WrittenForm {
    /// The form in which Sealift writes a bundle that comes from a file.
    fn own() -> Self {
        let annotations = [ARTIFACT_TYPE, TITLE, VERSION].map(str::to_owned).to_vec();
        Self {
            index: IndexForm { media_type: Some(OCI_INDEX.to_owned()), annotations, images: ListedImages::Each },
            config: ConfigForm { media_type: Some(OCI_MANIFEST.to_owned()), layers: Layers::Empty },
        }
    }
}

/// The index of a bundle, as a function: first the config manifest, then the invocation images, then the components.
///
/// If there are several invocation images, cnab-to-oci treats the last one listed as the bundle's first. So they are
/// listed from the last to the first: then everyone finds the same one.
fn index(form: &IndexForm, bundle: &Bundle, config: &Descriptor, images: &[Descriptor]) -> Index {
    let named = bundle.images.iter().zip(images);
    let (invocation, components): (Vec<_>, Vec<_>) = named.partition(|(image, _)| image.component.is_none());
    let mut manifests = vec![entry(config, &[(KIND, CONFIG)])];
    let as_invocation = |descriptor: &Descriptor| entry(descriptor, &[(KIND, INVOCATION)]);
    match &form.images {
        ListedImages::Each => {
            manifests.extend(invocation.iter().rev().map(|(_, descriptor)| as_invocation(descriptor)))
        }
        ListedImages::InvocationsTogether(index) => manifests.push(as_invocation(index)),
        ListedImages::None => {}
    }
    if form.images != ListedImages::None {
        manifests.extend(components.iter().map(|(image, descriptor)| {
            let component = image.component.as_deref().unwrap_or_default();
            entry(descriptor, &[(KIND, "component"), (COMPONENT, component)])
        }));
    }
    let own = |name: &String| Some((name.clone(), annotation(name, bundle)?));
    let annotations = form.annotations.iter().filter_map(own).collect();
    Index { schema_version: 2, media_type: form.media_type.clone(), manifests, annotations }
}

/// The index of a bundle's invocation images, as a function: they are listed in the order of the bundle.
fn invocation_index(media_type: Option<String>, bundle: &Bundle, images: &[Descriptor]) -> InvocationIndex {
    let invocation = bundle.images.iter().zip(images).filter(|(image, _)| image.component.is_none());
    let manifests = invocation.map(|(_, descriptor)| Content::from(descriptor)).collect();
    InvocationIndex { schema_version: 2, media_type, manifests }
}

/// What an annotation of the index says about a bundle; `None` for an unknown annotation, or for a list.
fn annotation(name: &str, bundle: &Bundle) -> Option<String> {
    Some(match name {
        ARTIFACT_TYPE => "application/vnd.cnab.manifest.v1".to_owned(),
        "io.cnab.runtime_version" => bundle.schema_version.clone(),
        TITLE => bundle.name.clone(),
        VERSION => bundle.version.clone(),
        "org.opencontainers.image.description" => bundle.description.clone(),
        _ => return None,
    })
}

/// The parts of `bundle.json` that an index may repeat as lists.
#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    keywords: Short<String>,
    #[serde(default)]
    maintainers: Short<Maintainer>,
}

/// A list of no more items than an annotation has room for; `null` is an empty one.
#[derive(Default, PartialEq, Eq)]
struct Short<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Short<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShortVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for ShortVisitor<T> {
            type Value = Short<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "at most {MAXIMUM_LIST_LENGTH} items")
            }

            fn visit_unit<E>(self) -> Result<Short<T>, E> {
                Ok(Short(Vec::new()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut access: A) -> Result<Short<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    if items.len() == MAXIMUM_LIST_LENGTH / 2 {
                        return Err(serde::de::Error::invalid_length(items.len() + 1, &self));
                    }
                    items.push(item);
                }
                Ok(Short(items))
            }
        }
        deserializer.deserialize_any(ShortVisitor(std::marker::PhantomData))
    }
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Maintainer {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    email: String,
    #[serde(deserialize_with = "null_as_default")]
    url: String,
}

/// Whether an annotation is one that an index may have, and agrees with `bundle.json`.
fn is_right(name: &str, value: &str, bundle: &Bundle, bundle_json: &[u8]) -> bool {
    if value.len() > MAXIMUM_LIST_LENGTH && annotation(name, bundle).is_none() {
        return false;
    }
    // It has been read strictly, as the bundle.
    let lists = || strict_json::read_again::<Lists>(bundle_json, Names::Exact).ok();
    let listed = value.as_bytes();
    match name {
        "io.cnab.keywords" => {
            let found = strict_json::read::<Short<String>>(listed, Names::Folded).ok();
            found.is_some() && found == lists().map(|lists| lists.keywords)
        }
        "org.opencontainers.image.authors" => {
            let found = strict_json::read::<Short<Maintainer>>(listed, Names::Folded).ok();
            found.is_some() && found == lists().map(|lists| lists.maintainers)
        }
        name => annotation(name, bundle).is_some_and(|own| own == value),
    }
}

/// The config manifest of a bundle, as a function.
fn config_manifest(form: &ConfigForm, bundle_json: &Descriptor) -> ConfigManifest {
    let config = Content::from(bundle_json);
    let layers = match form.layers {
        Layers::Null => None,
        Layers::Empty => Some(Vec::new()),
        Layers::Bundle => Some(vec![config.clone()]),
    };
    ConfigManifest { schema_version: 2, media_type: form.media_type.clone(), config, layers }
}

impl From<&Descriptor> for Content {
    fn from(descriptor: &Descriptor) -> Self {
        let Descriptor { media_type, digest, size, .. } = descriptor.clone();
        Self { media_type, digest, size }
    }
}

fn entry(descriptor: &Descriptor, annotations: &[(&str, &str)]) -> Entry {
    let Descriptor { media_type, digest, size, .. } = descriptor.clone();
    Entry { media_type, digest, size, annotations: annotations.iter().copied().collect() }
}

/// The manifests that only the index of a bundle has, children first: its config manifest and the index itself. What it lists beside
/// these are images, which have names of their own.
pub(crate) fn own_manifests(index: &Graph) -> Vec<&Digest> {
    let root = index.root();
    let config = match root.document() {
        Document::Index(document) => config_entry(document).ok().map(|entry| &entry.digest),
        Document::Image(_) => None,
    };
    config.into_iter().chain([&root.descriptor().digest]).collect()
}

/// The documents of a bundle in a registry, as its index points to them. They are believed only after [`check`].
///
/// # Errors
/// [`RegistryFormError::NotABundle`].
pub(crate) fn config_entry(index: &ImageIndex) -> Result<&Descriptor, RegistryFormError> {
    let mut configs = index.manifests.iter().filter(|entry| kind(entry) == Some(CONFIG));
    configs.next().ok_or(RegistryFormError::NotABundle)
}

/// The entries of a bundle's images, in the order of the bundle's images; `None` if the index lists `bundle.json` alone. Believed only
/// after [`check`]. `held` supplies the manifests below the index.
///
/// # Errors
/// [`RegistryFormError::ImageNotListed`].
pub(crate) fn image_entries<'a>(
    index: &'a ImageIndex,
    bundle: &Bundle,
    held: impl Fn(&Digest) -> Option<&'a ManifestBytes>,
) -> Result<Option<Vec<&'a Descriptor>>, RegistryFormError> {
    if index.manifests.len() == 1 && !bundle.images.is_empty() {
        return Ok(None);
    }
    let mut invocation: Vec<&Descriptor> = index.manifests.iter().filter(|it| kind(it) == Some(INVOCATION)).collect();
    invocation.reverse();
    let promised = |image: &BundleImage, entry: &Descriptor| image.digest.as_ref() == Some(&entry.digest);
    if let [only] = invocation.as_slice()
        && !bundle.images.iter().any(|image| promised(image, only))
        && let Some(Document::Index(together)) = held(&only.digest).map(ManifestBytes::document)
        && (bundle.images.iter().filter(|image| image.component.is_none()).count() > 1
            || together.manifests.iter().any(|entry| bundle.images.iter().any(|image| promised(image, entry))))
    {
        invocation = together.manifests.iter().collect();
    }
    let mut in_order = invocation.iter().copied();
    let mut find = |image: &BundleImage| {
        let by_kind = match &image.component {
            None => in_order.next(),
            Some(component) => index.manifests.iter().find(|entry| entry.annotations.get(COMPONENT) == Some(component)),
        };
        // What the bundle promises is signed with it; annotations are not.
        let by_promise = |digest: &Digest| {
            let mut listed = index.manifests.iter().chain(invocation.iter().copied());
            listed.find(|entry| entry.digest == *digest)
        };
        let found = image.digest.as_ref().map_or(by_kind, by_promise);
        found.ok_or_else(|| RegistryFormError::ImageNotListed { reference: image.reference.clone() })
    };
    bundle.images.iter().map(&mut find).collect::<Result<_, _>>().map(Some)
}

fn kind(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(KIND)
}

/// Makes the config manifest and the index for a `bundle.json` that comes from a file. The same bundle and images give
/// the same bytes.
///
/// # Errors
/// [`ManifestError`] when there are more images than an index may list.
pub(crate) fn build(
    bundle: &Bundle,
    bundle_json: &[u8],
    images: &[Descriptor],
) -> Result<(ManifestBytes, ManifestBytes), ManifestError> {
    let form = WrittenForm::own();
    let config = config_manifest(&form.config, &Descriptor::of(BUNDLE_MEDIA_TYPE, bundle_json));
    let config = encode(OCI_MANIFEST, &config)?;
    let index = encode(OCI_INDEX, &index(&form.index, bundle, config.descriptor(), images))?;
    Ok((config, index))
}

fn encode(media_type: &str, document: &impl Serialize) -> Result<ManifestBytes, ManifestError> {
    let bytes = serde_json::to_vec(document).map_err(JsonError::from)?;
    ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes)
}

/// Checks that an index, and the config manifest below it, are what the two functions make from a bundle and its
/// images. `bundle_json` describes the file, with the media type that it has in the registry; `held` supplies the
/// manifests below the index.
///
/// # Errors
/// [`RegistryFormError`].
pub(crate) fn check<'m>(
    found: &ManifestBytes,
    bundle: &Bundle,
    (bundle_json, bytes): (&Descriptor, &[u8]),
    images: &[Descriptor],
    held: impl Fn(&Digest) -> Option<&'m ManifestBytes>,
) -> Result<(), RegistryFormError> {
    let read: Index = exactly(found)?;
    let config = read.manifests.first().and_then(|entry| held(&entry.digest)).ok_or(RegistryFormError::NotABundle)?;
    check_config_manifest(config, bundle_json)?;
    let must_state = found.descriptor().media_type == DOCKER_INDEX;
    if read.schema_version != 2 || (must_state && read.media_type.is_none()) {
        return Err(RegistryFormError::NotABundle);
    }
    if let Some((name, _)) = read.annotations.iter().find(|(name, value)| !is_right(name, value, bundle, bytes)) {
        return Err(RegistryFormError::Annotation { name: name.to_owned() });
    }
    let listed = listed_images(&read.manifests, bundle, images, &held)?;
    let form = IndexForm { media_type: read.media_type.clone(), annotations: Vec::new(), images: listed };
    let mut expected = index(&form, bundle, config.descriptor(), images);
    let first_component = expected.manifests.partition_point(|entry| entry.annotations.get(COMPONENT).is_none());
    let mut listed = read.manifests;
    // Components are found by name: their order makes no difference to anyone.
    for entries in [&mut listed, &mut expected.manifests] {
        let components = entries.get_mut(first_component..).unwrap_or_default();
        components.sort_by(|one, other| one.annotations.get(COMPONENT).cmp(&other.annotations.get(COMPONENT)));
    }
    for at in 0..listed.len().max(expected.manifests.len()) {
        let (found, expected) = (listed.get(at), expected.manifests.get(at));
        if found != expected {
            let mut shown = described(found);
            if let (Some(found), Some(expected)) = (found, expected)
                && shown == described(Some(expected))
            {
                shown.push_str(&format!(", with another {}", difference(found, expected)));
            }
            return Err(RegistryFormError::Entry { found: shown, expected: described(expected) });
        }
    }
    Ok(())
}

/// Which images an index lists, as far as its entries tell.
fn listed_images<'m>(
    entries: &[Entry],
    bundle: &Bundle,
    images: &[Descriptor],
    held: impl Fn(&Digest) -> Option<&'m ManifestBytes>,
) -> Result<ListedImages, RegistryFormError> {
    let first = match entries {
        [_] if !images.is_empty() => return Ok(ListedImages::None),
        [_, first, ..] if first.annotations.get(KIND) == Some(INVOCATION) => first,
        _ => return Ok(ListedImages::Each),
    };
    let index = match held(&first.digest) {
        Some(index) if !images.iter().any(|image| image.digest == first.digest) => index,
        _ => return Ok(ListedImages::Each),
    };
    let read: InvocationIndex = exactly(index)?;
    let must_state = index.descriptor().media_type == DOCKER_INDEX;
    if read != invocation_index(read.media_type.clone(), bundle, images) || (must_state && read.media_type.is_none()) {
        return Err(RegistryFormError::InvocationImages { index: first.digest.clone() });
    }
    let Entry { media_type, digest, size, .. } = first;
    Ok(ListedImages::InvocationsTogether(Descriptor::new(media_type, digest.clone(), *size)))
}

fn check_config_manifest(found: &ManifestBytes, bundle_json: &Descriptor) -> Result<(), RegistryFormError> {
    let read: ConfigManifest = exactly(found)?;
    let layers = match read.layers.as_deref() {
        None => Layers::Null,
        Some([]) => Layers::Empty,
        Some(_) => Layers::Bundle,
    };
    let is_docker = found.descriptor().media_type == DOCKER_MANIFEST;
    let form = ConfigForm { media_type: read.media_type.clone(), layers };
    let is_known = BUNDLE_MEDIA_TYPES.contains(&bundle_json.media_type.as_str())
        && (!is_docker || (form.media_type.is_some() && layers == Layers::Bundle));
    if is_known && read == config_manifest(&form, bundle_json) {
        return Ok(());
    }
    Err(RegistryFormError::ConfigManifest { manifest: found.descriptor().digest.clone() })
}

/// Reads a document that has only the members of its type.
fn exactly<T: serde::de::DeserializeOwned>(document: &ManifestBytes) -> Result<T, RegistryFormError> {
    strict_json::read(document.bytes(), Names::Folded)
        .map_err(|source| RegistryFormError::Members { document: document.descriptor().digest.clone(), source })
}

/// An entry, for people.
fn described(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else { return "nothing more".to_owned() };
    let kind = entry.annotations.get(KIND).unwrap_or("of no kind");
    match entry.annotations.get(COMPONENT) {
        Some(component) => format!("{} as {kind} {component:?}", entry.digest),
        None => format!("{} as {kind}", entry.digest),
    }
}

/// In which member two entries differ.
fn difference(found: &Entry, expected: &Entry) -> String {
    let annotations = || found.annotations.iter().chain(expected.annotations.iter()).map(|(key, _)| key);
    let other = annotations().find(|key| found.annotations.get(key) != expected.annotations.get(key));
    match other {
        Some(key) => format!("annotation {key:?}"),
        None if found.media_type != expected.media_type => "media type".to_owned(),
        None => "size".to_owned(),
    }
}

#[cfg(test)]
mod tests;
