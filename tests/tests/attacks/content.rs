//! What manifests list and the archive brings, and which image of a bundle is which.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, Once};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{Completeness, EntryRecord, ImageRole, LeftOutRecord};
use sealift_core::archive_layout::ArchiveLayoutError;
use sealift_core::import::{DeliveryError, Destination, ImportError};
use sealift_core::oci::{Descriptor, GraphError, ManifestBytes, Reference, Repository};
use sealift_core::progress::Progress;
use sealift_core::transfer::{BlobContent, Offer, Sink, SinkError, Upload};
use sealift_core::trust::{JudgementError, Purpose};
use sealift_core::trust_store::TrustStoreError;
use sealift_core::verify::documents::{DocumentError, MAXIMUM_HELD};
use sealift_core::verify::{self, Discard, HeadError, ReceiveError, Transport, VerifySettings};
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Consignment, REPOSITORY, archive, digest, document, exporter_key};
use serde_json::{Value, json};

use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A far side that asks for nothing.
fn far() -> FarSide {
    let far = FarSide::trusting_nobody(hours(2));
    far.policy("minimum_level = \"0\"\n");
    far
}

fn refused(consignment: &Consignment) -> DocumentError {
    far().refuses(&consignment.archive()).documents()
}

/// These images, by these names, and nothing else.
fn images(sample: &Sample, images: &[(&str, &Value)]) -> Consignment {
    Consignment::of_images(sample, images, hours(0))
}

fn image() -> (Sample, Value) {
    let mut sample = sample();
    let image = multi_platform_image(&mut sample.blobs, "app", b"app", &["amd64"]).unwrap();
    (sample, image)
}

#[test]
fn an_archive_without_something_that_its_manifests_list() {
    let (sample, image) = image();
    let whole = images(&sample, &[("example.com/org/app:1", &image)]);
    far().accepts(&whole.archive());
    // An index, a manifest, a configuration and a layer; without its root there is nothing that could list anything.
    assert_eq!(whole.blobs.len(), 4);
    for at in [2, 3] {
        let mut without = whole.clone();
        let (gone, _) = without.blobs.remove(at);
        assert_error!(refused(&without), DocumentError::Missing { digest } if digest == gone);
    }
}

#[test]
fn an_archive_with_a_blob_of_another_size_than_its_manifest_lists() {
    for (part, pointer) in [("config", "/config/size"), ("layer", "/layers/0/size")] {
        for by in [-1_i64, 1] {
            let (mut sample, image) = image();
            let mut index = document(&sample.blobs, &image);
            let mut manifest = document(&sample.blobs, &index["manifests"][0]);
            let size = manifest.pointer_mut(pointer).unwrap();
            *size = json!(size.as_i64().unwrap() + by);
            let listed = if part == "config" { &manifest["config"] } else { &manifest["layers"][0] };
            let listed = digest(listed);
            let manifest = store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes());
            index["manifests"][0]["digest"] = manifest["digest"].clone();
            index["manifests"][0]["size"] = manifest["size"].clone();
            let media_type = image["mediaType"].as_str().unwrap();
            let image = store(&mut sample.blobs, media_type, index.to_string().into_bytes());
            let consignment = images(&sample, &[("example.com/org/app:1", &image)]);
            assert_error!(refused(&consignment), DocumentError::Missing { digest } if digest == listed);
        }
    }
}

#[test]
fn an_image_without_one_of_its_manifests() {
    let (sample, image) = image();
    let mut without = images(&sample, &[("example.com/org/app:1", &image)]);
    let (gone, _) = without.blobs.remove(1);
    assert_error!(refused(&without), DocumentError::Graph { reference, source }
        if reference == "example.com/org/app:1" && format!("{source:?}").contains(gone.hex()));
}

#[test]
fn the_images_of_a_bundle_exchanged_in_one_respect() {
    type Change = fn(&mut Consignment);
    let changes: [(&str, Change); 6] = [
        ("roles", |consignment| {
            let [one, other] = &mut consignment.bundles[0].images[..] else { panic!() };
            std::mem::swap(&mut one.role, &mut other.role);
        }),
        ("names", |consignment| {
            let [one, other] = &mut consignment.bundles[0].images[..] else { panic!() };
            std::mem::swap(&mut one.reference, &mut other.reference);
        }),
        ("contents", |consignment| {
            let [one, other] = &mut consignment.bundles[0].images[..] else { panic!() };
            std::mem::swap(&mut one.descriptor, &mut other.descriptor);
        }),
        ("places", |consignment| consignment.bundles[0].images.swap(0, 1)),
        ("a role of no component", |consignment| {
            consignment.bundles[0].images[1].role = ImageRole::Component("api".to_owned());
        }),
        ("one left out", |consignment| drop(consignment.bundles[0].images.pop())),
    ];
    for (name, change) in changes {
        let mut consignment = consignment(&sample());
        change(&mut consignment);
        match refused(&consignment) {
            DocumentError::BundleImage { bundle, reference } if bundle == BUNDLE => {
                assert!(reference.starts_with("example.com/demo/"), "{name}: {reference}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_bundle_with_an_image_that_it_does_not_name() {
    let mut consignment = consignment(&sample());
    let mut more = consignment.bundles[0].images[1].clone();
    more.role = ImageRole::Component("api".to_owned());
    consignment.bundles[0].images.push(more);
    assert_error!(refused(&consignment), DocumentError::ExtraImage { bundle, reference }
        if bundle == BUNDLE && reference == WEB);
}

#[test]
fn a_platform_that_has_no_such_name() {
    let (sample, image) = image();
    let mut consignment = images(&sample, &[("example.com/org/app:1", &image)]);
    consignment.images[0].completeness = Completeness::Selected;
    consignment.images[0].platforms = vec!["linux".to_owned()];
    assert_error!(refused(&consignment), DocumentError::Graph { source: GraphError::NoPlatform { offered, .. }, .. }
        if *offered == ["linux/amd64"]);
}

#[test]
fn something_else_left_out_than_the_inventory_says() {
    let (sample, image) = image();
    let honest = images(&sample, &[("example.com/org/app:1", &image)]);
    let lies: [fn(&mut LeftOutRecord); 3] = [
        |left_out| left_out.platforms = vec!["linux/arm64".to_owned()],
        |left_out| left_out.foreign_layers = vec![Digest::sha256(b"a layer")],
        |left_out| left_out.manifests = vec![Digest::sha256(b"a manifest")],
    ];
    for lie in lies {
        let mut consignment = honest.clone();
        lie(&mut consignment.images[0].left_out);
        assert_error!(refused(&consignment), DocumentError::Platforms { reference, .. }
            if reference == "example.com/org/app:1");
    }
}

/// Manifests of images without layers, each as long as is read, in an index.
fn long_manifests(count: usize) -> Consignment {
    let mut sample = sample();
    let config = store(&mut sample.blobs, "application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let mut listed = Vec::new();
    for number in 0..count {
        let padding = format!("{number:04}").repeat(1 << 20);
        let padding = &padding[..(4 << 20) - 1024];
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
            "annotations": { "padding": padding },
        });
        let mut manifest = store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes());
        manifest["platform"] = json!({ "architecture": "amd64", "os": "linux", "variant": format!("v{number}") });
        listed.push(manifest);
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": listed });
    let index = store(&mut sample.blobs, media_type, index.to_string().into_bytes());
    let mut consignment = images(&sample, &[("example.com/org/app:1", &index)]);
    consignment.images[0].platforms = (0..count).map(|number| format!("linux/amd64/v{number}")).collect();
    consignment.images[0].platforms.sort();
    consignment
}

#[test]
fn more_documents_than_are_held() {
    let fit = usize::try_from(MAXIMUM_HELD >> 22).unwrap();
    far().accepts(&long_manifests(fit).archive());
    let archive = long_manifests(fit + 1).archive();
    // Before anything is judged: it is all the same whether it may be believed.
    for far in [far(), FarSide::trusting_nobody(hours(2))] {
        assert_error!(far.refuses(&archive).documents(), DocumentError::TooMuch);
    }
}

/// What was stored, and in which repository.
type Stored = Vec<(String, Digest)>;

/// Keeps nothing, and notes what it is asked to keep, and where.
#[derive(Default)]
struct Noting {
    shares_nothing: bool,
    blobs: Mutex<Stored>,
    manifests: Mutex<Stored>,
    tags: Mutex<Vec<String>>,
}

/// A blob on its way to where it is noted.
struct Noted<'n>(&'n Noting, (String, Digest));

impl Upload for Noted<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        std::io::copy(content, &mut std::io::sink()).map_err(SinkError::Content)?;
        self.0.blobs.lock().unwrap().push(self.1);
        Ok(())
    }
}

impl Sink for Noting {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let mut blobs = self.blobs.lock().unwrap();
        let place = (repository.to_string(), descriptor.digest.clone());
        let is_known = !self.shares_nothing && blobs.iter().any(|(_, digest)| *digest == descriptor.digest);
        if blobs.contains(&place) {
            return Ok(Offer::There);
        }
        if is_known {
            blobs.push(place);
            return Ok(Offer::There);
        }
        Ok(Offer::Wanted(Box::new(Noted(self, place))))
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.manifests.lock().unwrap().push((repository.to_string(), manifest.descriptor().digest.clone()));
        Ok(())
    }

    fn held(&self, _: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(None)
    }

    fn tag(&self, reference: &Reference, _: &ManifestBytes) -> Result<(), SinkError> {
        self.tags.lock().unwrap().push(reference.to_string());
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn what_several_repositories_share_is_stored_in_each_of_them_once() {
    let (sample, image) = image();
    let names = ["example.com/org/app:1", "example.com/org/copy:1", "example.com/org/app:2"];
    let archive = images(&sample, &names.map(|name| (name, &image))).archive();
    let mut far = far();
    far.destination = Destination::Registry {
        domain: "registry.inner".to_owned(),
        prefix: String::new(),
        naming: sealift_core::import::Naming::Flat,
    };
    let sink = Noting::default();
    far.import_from(&mut archive.as_slice(), &sink).unwrap();
    let Noting { blobs, manifests: stored, tags, .. } = sink;
    let [mut blobs, mut stored] = [blobs, stored].map(|noted| noted.into_inner().unwrap());
    assert_eq!(
        *tags.lock().unwrap(),
        ["org/app:1", "org/copy:1", "org/app:2"].map(|name| format!("registry.inner/{name}"))
    );
    let manifests = [&image, &document(&sample.blobs, &image)["manifests"][0]].map(digest);
    for all in [&mut stored, &mut blobs] {
        all.sort();
        let mut once = all.clone();
        once.dedup();
        assert_eq!(*all, once, "nothing is stored twice");
    }
    for repository in ["registry.inner/org/app", "registry.inner/org/copy"] {
        let of = |stored: &[(String, Digest)]| stored.iter().filter(|(place, _)| place == repository).count();
        assert_eq!((of(&stored), of(&blobs)), (2, 2), "{repository}");
        for manifest in &manifests {
            assert!(stored.contains(&(repository.to_owned(), manifest.clone())), "{repository}: {manifest}");
        }
    }
}

/// Counts the bytes that pass.
#[derive(Default)]
struct Counting(Mutex<u64>);

impl Progress for Counting {
    fn begin(&self, _: &str, _: Option<u64>) {}

    fn item(&self, _: &str) {}

    fn finish(&self) {}

    fn advance(&self, bytes: u64) {
        *self.0.lock().unwrap() += bytes;
    }
}

#[test]
fn what_is_reported_of_the_content_is_what_the_archive_has() {
    let consignment = consignment(&sample());
    let archive = consignment.archive();
    let far = far();
    let trust = far.store().load().unwrap();
    let settings = VerifySettings {
        now: far.now,
        asked: None,
        purpose: Purpose::Acceptance,
        inspections: sealift_proof::in_toto::Inspections::NotRun,
    };
    let judged = verify::open(archive.as_slice(), &trust, &settings).unwrap();
    let remaining = judged.remaining_bytes();
    let counted = Counting::default();
    let content =
        judged.receive(&Discard, &Transport { progress: &counted, ..Transport::default() }).unwrap().report().content;
    let bytes: usize = consignment.blobs.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!((content.blobs, content.bytes), (consignment.blobs.len(), bytes as u64));
    // The index, the config manifest, and of each image an index and two manifests.
    assert_eq!(content.manifests, 2 + 2 * 3);
    let is_layer = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_err();
    let layers: usize = consignment.blobs.iter().map(|(_, bytes)| bytes).filter(|it| is_layer(it)).map(Vec::len).sum();
    assert!(remaining >= layers as u64, "{remaining}");
    assert_eq!(*counted.0.lock().unwrap(), remaining, "progress ends where it was said to");
}

#[test]
fn an_archive_whose_oci_layout_is_another_one() {
    let sample = sample();
    let (mut inventory, mut contents) = consignment(&sample).pack();
    contents[0] = br#"{"imageLayoutVersion":"1.0.1"}"#.to_vec();
    inventory.entries[0] = EntryRecord::of(inventory.entries[0].name.clone(), &contents[0]);
    let archive = archive(inventory, contents.iter().map(Vec::as_slice), &[exporter_key()]);
    assert_error!(far().refuses(&archive).head(), HeadError::Layout(ArchiveLayoutError::Marker));
}

#[test]
fn a_blob_that_cannot_be_shared_is_not_left_out() {
    let (sample, image) = image();
    let names = ["example.com/org/app:1", "example.com/org/copy:1"];
    let archive = images(&sample, &names.map(|name| (name, &image))).archive();
    let mut far = far();
    far.destination = Destination::Registry {
        domain: "registry.inner".to_owned(),
        prefix: String::new(),
        naming: sealift_core::import::Naming::Flat,
    };
    let sink = Noting { shares_nothing: true, ..Noting::default() };
    let refused = far.import_from(&mut archive.as_slice(), &sink).err().unwrap();
    assert_error!(refused, Refused::Import(ImportError::Receive(ReceiveError::Receiver(DeliveryError::NotShared { repository, .. })))
        if repository == "registry.inner/org/copy");
    assert!(sink.tags.lock().unwrap().is_empty());
}

#[test]
fn one_manifest_listed_as_two_things() {
    let (mut sample, image) = image();
    let mut index = document(&sample.blobs, &image);
    let mut again = index["manifests"][0].clone();
    again["mediaType"] = image["mediaType"].clone();
    index["manifests"].as_array_mut().unwrap().push(again);
    let media_type = image["mediaType"].as_str().unwrap();
    let image = store(&mut sample.blobs, media_type, index.to_string().into_bytes());
    let error = refused(&images(&sample, &[("example.com/org/app:1", &image)]));
    let DocumentError::Graph { source, .. } = error else { panic!("{error:?}") };
    assert_error!(source, GraphError::Manifest { .. });
}

#[test]
fn something_that_is_not_a_document_for_what_is_signed() {
    let sample = sample();
    let mut consignment = Consignment::of_image(&sample, 2, hours(0));
    consignment.images[0].descriptor.media_type = "application/vnd.oci.image.config.v1+json".to_owned();
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::NotBrought { reference, .. } if reference == WEB);
}

/// Has everything, and takes the state of a repository away while it tags.
struct Saboteur(PathBuf, Once);

impl Sink for Saboteur {
    fn offer(&self, _: &Repository, _: &Descriptor) -> Result<Offer<'_>, SinkError> {
        Ok(Offer::There)
    }

    fn put_manifest(&self, _: &Repository, _: &ManifestBytes) -> Result<(), SinkError> {
        Ok(())
    }

    fn held(&self, _: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(None)
    }

    fn tag(&self, _: &Reference, _: &ManifestBytes) -> Result<(), SinkError> {
        self.1.call_once(|| {
            fs::remove_dir_all(&self.0).unwrap();
            fs::write(&self.0, b"").unwrap();
        });
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_delivery_that_cannot_be_remembered_says_whether_anything_was_tagged() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let sink = Saboteur(far.trust().join("state").join(REPOSITORY), Once::new());
    let refused = far.import_from(&mut archive.as_slice(), &sink).err().unwrap();
    assert_error!(refused, Refused::Import(ImportError::NotRemembered(_)));

    let far = FarSide::trusting(&sample, hours(2));
    far.accepts(&archive);
    let deliveries = far.trust().join("deliveries.json");
    fs::write(&deliveries, b"{}").unwrap();
    assert_error!(
        far.refuses(&archive),
        Refused::Import(ImportError::Deliveries(TrustStoreError::DeliveriesDamaged { .. }))
    );
}
