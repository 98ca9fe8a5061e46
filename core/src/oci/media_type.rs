//! The media types that decide how content is treated. Everything else is opaque.

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI layer, compressed with gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Docker image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What a manifest's media type makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestKind {
    /// A manifest of one image or artifact.
    Image,
    /// A list of manifests.
    Index,
}

/// The kind of manifest that a media type stands for, if it is one that is understood.
pub fn manifest_kind(media_type: &str) -> Option<ManifestKind> {
    match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => Some(ManifestKind::Image),
        OCI_INDEX | DOCKER_INDEX => Some(ManifestKind::Index),
        _ => None,
    }
}

/// Whether a layer of this type is meant to be fetched from its publisher and not from registries
/// (OCI Image 1.1, "Non-Distributable Layers"; Docker's foreign layers).
pub fn is_foreign_layer(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}

/// The type without its parameters, in lower case, as a `Content-Type` is compared (RFC 9110 §8.3.1).
pub fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
