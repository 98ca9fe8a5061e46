//! The media types that decide how content is treated. Everything else is opaque.

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI layer, not compressed.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI layer, compressed with zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// OCI layer, compressed with gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What kind of document a manifest's media type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestKind {
    /// A manifest of one image or artifact.
    Image,
    /// A list of manifests.
    Index,
}

/// A supported media type, and the kind of manifest that it stands for.
pub fn manifest(media_type: &str) -> Option<(&'static str, ManifestKind)> {
    let known = [
        (OCI_MANIFEST, ManifestKind::Image),
        (DOCKER_MANIFEST, ManifestKind::Image),
        (OCI_INDEX, ManifestKind::Index),
        (DOCKER_INDEX, ManifestKind::Index),
    ];
    known.into_iter().find(|(known, _)| *known == media_type)
}

/// Whether this is the type of an image manifest of Docker's schema 1, signed or not.
pub(crate) fn is_docker_schema_1(media_type: &str) -> bool {
    let rest = media_type.strip_prefix("application/vnd.docker.distribution.manifest.v1+");
    rest.is_some_and(|encoding| encoding == "json" || encoding == "prettyjws")
}

/// Whether content of this type is compressed, by its name.
pub(crate) fn is_compressed(media_type: &str) -> bool {
    ["+gzip", "+zstd", ".gzip", ".zstd"].iter().any(|ending| media_type.ends_with(ending))
}

/// What a descriptor or a `Content-Type` announces. It is read in this one way everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Announced {
    /// Nothing: the type is empty, or one that any document could have (`application/json`, or `binary/octet-stream`, with which object
    /// stores answer). The document itself
    /// decides.
    Nothing,
    /// This type, without parameters and in lower case.
    Type(String),
}

impl Announced {
    /// What a text announces.
    pub(crate) fn by(text: &str) -> Self {
        let essence = essence(text);
        match essence.as_str() {
            "" | "application/json" | "text/plain" | "application/octet-stream" | "binary/octet-stream" => {
                Self::Nothing
            }
            _ => Self::Type(essence),
        }
    }
}

/// Whether an entry of an index with this type is a manifest, or might be one. Anything else is opaque content, a blob: OCI Image 1.1,
/// "Image Index", demands that an unknown type is not an error.
pub(crate) fn may_be_manifest(media_type: &str) -> bool {
    match Announced::by(media_type) {
        Announced::Nothing => true,
        // An obsolete form is refused by name.
        Announced::Type(essence) => manifest(&essence).is_some() || is_docker_schema_1(&essence),
    }
}

/// Whether an entry of an index with this type is a layer, or the configuration of a cache: BuildKit exports its cache as an index of
/// these. They are for every platform.
pub(crate) fn is_layer_in_index(media_type: &str) -> bool {
    let media_type = essence(media_type);
    media_type == "application/vnd.buildkit.cacheconfig.v0" || is_file_system(&media_type)
}

/// The media types of layers of a container's file system.
pub(crate) fn is_file_system(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.")
}

/// Whether a layer of this type is meant to be fetched from its publisher and not from registries
/// (OCI Image 1.1, "Non-Distributable Layers"; Docker's foreign layers).
pub(crate) fn is_foreign_layer(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}

/// The type without its parameters, in lower case, as a `Content-Type` is compared (RFC 9110 §8.3.1).
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
