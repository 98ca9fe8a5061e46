//! What a plain file is in a registry or a layout: an artifact (OCI Image Specification 1.1, "Guidelines for Artifact Usage").
//!
//! Promise: the manifest follows from the file's name, digest and length alone, so that the same file has the same digest wherever it is
//! delivered. Nobody signed it: it is made where it is delivered.

use std::sync::Arc;

use sealift_archive_format::FileName;
use sealift_archive_format::inventory::FileRecord;
use serde_json::json;

use crate::oci::media_type::OCI_MANIFEST;
use crate::oci::{Descriptor, ForeignLayers, Graph, ManifestBytes, Platforms, Reference, ReferenceError, Repository};

/// The content of its configuration, which says nothing.
pub(crate) const EMPTY_CONFIG: &[u8] = b"{}";
const EMPTY_CONFIG_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// What kind of artifact it is.
const ARTIFACT_TYPE: &str = "application/vnd.sealift.file.v1";
/// The annotation that gives a layer the path of a file.
const TITLE: &str = "org.opencontainers.image.title";
/// The folder of files among repositories.
const FOLDER: &str = "files";

/// The artifact that holds a file; `None` if there can be no such manifest.
pub(crate) fn artifact(file: &FileRecord) -> Option<Arc<Graph>> {
    let config = Descriptor::of(EMPTY_CONFIG_TYPE, EMPTY_CONFIG);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": { "mediaType": config.media_type, "digest": config.digest, "size": config.size },
        "layers": [{
            "mediaType": file.descriptor.media_type,
            "digest": file.descriptor.digest,
            "size": file.descriptor.size,
            "annotations": { TITLE: file.name.path() },
        }],
    });
    let bytes = sealift_proof::canonical_json::encode(&manifest).ok()?;
    let manifest = ManifestBytes::new(Descriptor::of(OCI_MANIFEST, &bytes), bytes).ok()?;
    Graph::walk(manifest, &Platforms::All, ForeignLayers::Carry, |_| Err(NothingBelow)).ok()
}

/// There is no manifest below such an artifact.
#[derive(Debug, thiserror::Error)]
#[error("a file has nothing below it")]
struct NothingBelow;

/// Where a file is among the repositories of a registry: in the repository of its folder, below `files`, with its last part for a tag.
/// What cannot stand there is replaced, so that two names may come to one place.
pub(crate) fn place(domain: &str, prefix: &str, name: &FileName) -> Result<Reference, ReferenceError> {
    let folder = name.folder().into_iter().flat_map(|folder| folder.split('/')).map(component);
    let path = [prefix.trim_matches('/').to_owned(), FOLDER.to_owned()].into_iter().chain(folder);
    let path: Vec<String> = path.filter(|part| !part.is_empty()).collect();
    let repository = Repository::new(domain, &path.join("/"))?;
    format!("{repository}:{}", tag(name.last_part())).parse()
}

/// A part of a path as a component of a repository's path: lower case, and single separators between words.
fn component(part: &str) -> String {
    let lower = part.to_lowercase();
    let mut component = String::new();
    let mut between: Option<char> = None;
    for letter in lower.chars() {
        if letter.is_ascii_alphanumeric() {
            component.extend(between.take().filter(|_| !component.is_empty()));
            component.push(letter);
        } else {
            let separator = if matches!(letter, '.' | '_') { letter } else { '-' };
            between = Some(if between.is_none() { separator } else { '-' });
        }
    }
    // What has no letter or digit is a part of the path all the same.
    if component.is_empty() { "0".to_owned() } else { component }
}

/// A part of a path as a tag.
fn tag(part: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let tag: String = part.chars().map(|letter| if allowed(letter) { letter } else { '_' }).collect();
    if tag.starts_with(['.', '-']) { format!("_{tag}") } else { tag }
}

#[cfg(test)]
mod tests {
    use sealift_archive_format::Digest;
    use sealift_archive_format::inventory::{DescriptorRecord, FILE_MEDIA_TYPE};

    use super::*;

    #[test]
    fn a_file_is_in_the_repository_of_its_folder() {
        for (path, expected) in [
            (
                "simple/datadog-a_b/a_b-1.0-py3-none-any.whl",
                "r.inner:5000/m/files/simple/datadog-a_b:a_b-1.0-py3-none-any.whl",
            ),
            ("installer.exe", "r.inner:5000/m/files:installer.exe"),
            ("Charts/Sh\u{f6}p/x+y.tgz", "r.inner:5000/m/files/charts/sh-p:x_y.tgz"),
            ("a..b/--/.hidden", "r.inner:5000/m/files/a-b/0:_.hidden"),
            ("_a_/b__c/d", "r.inner:5000/m/files/a/b-c:d"),
        ] {
            let name = FileName::of_target(path).unwrap();
            assert_eq!(place("r.inner:5000", "/m/", &name).unwrap().to_string(), expected, "{path}");
        }
        let long = FileName::of_target(&"n".repeat(200)).unwrap();
        assert!(place("r.inner", "", &long).is_err(), "a tag has 128 characters at most");
    }

    #[test]
    fn an_artifact_follows_from_its_file_alone() {
        let digest = Digest::sha256(b"wheel");
        let descriptor = DescriptorRecord { digest, media_type: FILE_MEDIA_TYPE.to_owned(), size: 5 };
        let name = FileName::of_target("simple/a.whl").unwrap();
        let made = artifact(&FileRecord { descriptor: descriptor.clone(), name: name.clone(), sha512: None }).unwrap();
        let expected = concat!(
            r#"{"artifactType":"application/vnd.sealift.file.v1","config":{"digest":"#,
            r#""sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
            r#""mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[{"annotations":"#,
            r#"{"org.opencontainers.image.title":"simple/a.whl"},"digest":"#,
        );
        let text = String::from_utf8(made.root().bytes().to_vec()).unwrap();
        assert!(text.starts_with(expected), "{text}");
        let sha512 = Some(Digest::of(sealift_archive_format::DigestAlgorithm::Sha512, b"wheel"));
        let again = artifact(&FileRecord { descriptor, name, sha512 }).unwrap();
        assert_eq!(again.root().descriptor(), made.root().descriptor(), "whatever else is known of it");
        assert_eq!(made.blobs().len(), 2);
    }
}
