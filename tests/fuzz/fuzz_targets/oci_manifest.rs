//! Whatever is a manifest or an index can be read and walked, is only one of the two, and keeps its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::Digest;
use sealift_core::oci::{Descriptor, Document, ForeignLayers, Graph, ManifestBytes, ManifestError, Platforms};

const OTHER_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = ManifestBytes::describe(data.to_vec(), "", Digest::sha256(data)) else { return };
    assert_eq!(manifest.bytes(), data);
    let own_type = manifest.descriptor().media_type.clone();
    let document = manifest.document();
    for other in OTHER_TYPES.into_iter().filter(|other| *other != own_type) {
        if let Ok(read_as_other) = Document::parse(data, other) {
            assert_eq!(matches!(read_as_other, Document::Index(_)), matches!(document, Document::Index(_)));
        }
    }
    // Every child is missing, so only a manifest without manifests below it has a graph.
    let fetch = |_: &Descriptor| Err::<ManifestBytes, _>(ManifestError::Undeclared);
    if let Ok(graph) = Graph::walk(manifest.clone(), &Platforms::All, ForeignLayers::LeaveOut, fetch) {
        assert_eq!(graph.manifests().len(), 1);
    }
});
