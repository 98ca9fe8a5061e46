//! What does not fit into the place where it is delivered is refused before its first byte.

use std::fs::{self, File};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_core::delivery_file::{DeliveryFile, DeliveryForm};
use sealift_core::import::{DeliveryError, Destination, ImportError};
use sealift_core::layout::LayoutSink;
use sealift_core::oci::Descriptor;
use sealift_core::oci::media_type::{OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST};
use sealift_core::progress::Unwatched;
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::{Sink, SinkError, Workers};
use sealift_core::verify::Selection;
use sealift_sample_publisher::Sample;
use sealift_tests::crossing::{Crossing, FarSide, Refused};
use sealift_tests::hostile_source::HostileSource;
use sealift_tests::malicious_exporter::exporter_key;
use serde_json::json;

use super::failures::{lone_image, prepare_request};

/// More than any disk has.
const VAST: u64 = 1 << 50;

fn layer(content: &[u8], size: u64) -> Descriptor {
    Descriptor::new(OCI_LAYER, Digest::sha256(content), size)
}

/// An archive up to its first layer, which is vast, and the side that it goes to.
fn vast() -> (Vec<u8>, FarSide) {
    let sides = Crossing::new();
    let mut source = HostileSource::default();
    let config = source.store("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let layers = [layer(b"a layer", VAST)];
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers });
    let root = source.store(OCI_MANIFEST, manifest.to_string().into_bytes());
    source.serve(root);
    let request = lone_image(Arc::new(source), "e.example/a:1");
    let prepared = prepare_request(&sides, &request, "test", &[exporter_key()]).unwrap();
    let mut head = Vec::new();
    prepared.write(&mut head, &Workers::default(), &Unwatched).unwrap_err();
    let far = FarSide::trusting(&Sample::new(sides.now).unwrap(), sides.now);
    far.policy("minimum_level = \"0\"\n");
    far.store().update().unwrap().remove_root(&"demo".parse().unwrap()).unwrap();
    (head, far)
}

fn assert_no_room(refused: &Refused) {
    let Refused::Import(ImportError::Delivery(error @ DeliveryError::Begin(SinkError::NoRoom(no_room)))) = refused
    else {
        panic!("{refused:?}")
    };
    assert!(no_room.needed > VAST && no_room.needed > no_room.free);
    let (bytes, folder) = (no_room.needed - no_room.free, no_room.folder.clone());
    assert_eq!(error.remedy(), Remedy::FreeRoom { bytes, folder });
}

#[test]
fn a_layout_without_room_gets_nothing() {
    let (head, far) = vast();
    let refused = far.refuses(&head);
    assert_no_room(&refused);
    let layout = far.trust().parent().unwrap().join("delivered");
    assert!(!layout.exists(), "not even what says that it is a layout");
}

#[test]
fn a_file_without_room_is_not_begun() {
    for form in [DeliveryForm::LayoutArchive, DeliveryForm::DockerArchive] {
        let (head, mut far) = vast();
        far.destination = Destination::File { form };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.tar");
        let mut judged = far.judge(head.as_slice()).unwrap();
        let sink = DeliveryFile::of(&path, form, &mut judged, &Selection::default()).unwrap();
        let Err(refused) = far.import_from(&mut head.as_slice(), &sink) else { panic!("delivered") };
        assert_no_room(&refused);
        drop(sink);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn what_a_layout_has_already_needs_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    // As long as a file can be, and all of it a hole.
    let (there, lacking) = (layer(b"there", 1 << 43), layer(b"lacking", 1 << 43));
    let blobs = folder.path().join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    File::create(blobs.join(there.digest.hex())).unwrap().set_len(there.size).unwrap();
    sink.require_room(&[&there]).unwrap();
    let refused = sink.require_room(&[&there, &lacking]).unwrap_err();
    assert!(matches!(&refused, SinkError::NoRoom(no_room) if no_room.needed == lacking.size), "{refused:?}");
}

#[test]
fn of_a_thick_bundle_only_what_is_compressed_already_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.tgz");
    let sink = DeliveryFile::begin(&path, DeliveryForm::ThickBundle).unwrap();
    sink.require_room(&[&layer(b"a", VAST)]).unwrap();
    for media_type in [OCI_LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip"] {
        let compressed = Descriptor { media_type: media_type.to_owned(), ..layer(b"a", VAST) };
        assert!(matches!(sink.require_room(&[&compressed]), Err(SinkError::NoRoom(_))));
    }
}
