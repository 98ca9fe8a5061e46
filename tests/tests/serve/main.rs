//! Archives that are served: what clients get, what hostile ones do not, and what becomes of a file that is changed under the server.

// Functions that several tests share are part of the tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod changes;
mod clients;
mod command;
mod deltas;
mod hostile;
mod many;
mod protocol;
mod refused;
mod tuf;

use std::fs;
use std::path::PathBuf;

use sealift_archive_format::Digest;
use sealift_core::oci::Descriptor;
use sealift_serve::{ServerLimits, TlsIdentity};
use sealift_tests::crossing::Crossing;
use sealift_tests::images::Image;
use sealift_tests::served::ServedArchives;

/// Where the image that nobody signed is served.
const APP: &str = "example.com/org/app";
/// The type of what refers to it.
const SBOM: &str = "application/spdx+json";

/// Both sides, an archive with an image of two layers, one of them in several pieces, and a server.
struct Served {
    crossing: Crossing,
    image: Image,
    referrer: Image,
    archive: PathBuf,
    server: ServedArchives,
}

impl Served {
    fn new() -> Self {
        Self::with(ServerLimits::default(), None)
    }

    fn with(limits: ServerLimits, tls: Option<TlsIdentity>) -> Self {
        let crossing = Crossing::of_images();
        let image = Image::new("linux/amd64", &[("big", &noise(1_000_000)), ("small", b"small")]);
        let referrer = Image::referrer(image.root().descriptor(), SBOM, b"{\"spdxVersion\": \"SPDX-2.3\"}");
        crossing.publish_image(&image, std::slice::from_ref(&referrer));
        let archive = crossing.path("app.sealift");
        fs::write(&archive, crossing.archive()).unwrap();
        let server = ServedArchives::start(&crossing.far, &[&archive], limits, tls);
        Self { crossing, image, referrer, archive, server }
    }

    /// The layers of the image, the large one first.
    fn layers(&self) -> Vec<Descriptor> {
        let layers = self.image.root().document();
        let mut layers: Vec<Descriptor> = match layers {
            sealift_core::oci::Document::Image(image) => image.layers.clone(),
            sealift_core::oci::Document::Index(_) => panic!("an image"),
        };
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.size));
        layers
    }

    fn content(&self, digest: &Digest) -> &[u8] {
        &self.image.blobs[digest].1
    }

    /// Where a blob of it is.
    fn blob(digest: &Digest) -> String {
        format!("/v2/{APP}/blobs/{digest}")
    }
}

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}
