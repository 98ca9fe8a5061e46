//! Small, real OCI images: one gzipped layer a platform, a config each, an index over them.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use sealift_archive_format::Digest;
use serde_json::{Value, json};

/// Blobs by digest, as an OCI image layout keeps them.
pub type Blobs = BTreeMap<Digest, Vec<u8>>;

/// Adds bytes to the blobs and describes them (OCI Image Specification 1.1, "Descriptors").
pub fn store(blobs: &mut Blobs, media_type: &str, bytes: Vec<u8>) -> Value {
    let digest = Digest::sha256(&bytes);
    let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
    blobs.insert(digest, bytes);
    descriptor
}

/// Builds an image that holds one file for each of the architectures, and returns the descriptor of its index.
///
/// # Errors
/// Never in practice: the archive is written to memory.
pub fn multi_platform_image(
    blobs: &mut Blobs,
    path: &str,
    content: &[u8],
    architectures: &[&str],
) -> io::Result<Value> {
    let mut manifests = Vec::new();
    for architecture in architectures {
        let mut file = content.to_vec();
        writeln!(file, "# built for linux/{architecture}")?;
        let (layer, diff_id) = layer(path, &file)?;
        let layer = store(blobs, "application/vnd.oci.image.layer.v1.tar+gzip", layer);
        let config = json!({
            "architecture": architecture, "os": "linux",
            "config": { "Cmd": [format!("/{path}")] },
            "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        });
        let config = store(blobs, "application/vnd.oci.image.config.v1+json", config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer],
        });
        let mut manifest =
            store(blobs, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes());
        if let Some(fields) = manifest.as_object_mut() {
            fields.insert("platform".to_owned(), json!({ "architecture": architecture, "os": "linux" }));
        }
        manifests.push(manifest);
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
    Ok(store(blobs, media_type, index.to_string().into_bytes()))
}

/// A gzipped tar with one executable file, and the digest of the tar inside.
fn layer(path: &str, content: &[u8]) -> io::Result<(Vec<u8>, Digest)> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
    header.set_mode(0o755);
    header.set_mtime(0);
    tar.append_data(&mut header, path, content)?;
    let tar = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    gzip.write_all(&tar)?;
    Ok((gzip.finish()?, Digest::sha256(&tar)))
}
