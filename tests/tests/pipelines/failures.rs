//! Why there is no plan, nothing that could be sealed, or no whole archive: each failure by its name.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::sync::Arc;

use sealift_archive_format::inventory::Exporter;
use sealift_archive_format::{Digest, WriteError};
use sealift_core::archive_layout::ArchiveLayoutError;
use sealift_core::cnab::RegistryFormError;
use sealift_core::cnab::{Bundle, BundleError};
use sealift_core::export::request::SourceReference;
use sealift_core::export::{
    self, ExportError, ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, PlanError, PrepareError, Shard, ShardError,
};
use sealift_core::oci::GraphError;
use sealift_core::progress::Unwatched;
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::{Source, Workers};
use sealift_core::trust::{Extent, RepositoryError, gather};
use sealift_core::trust_store::{Policy, Trust};
use sealift_core::tuf_repository::mirror::MirrorError;
use sealift_core::verify::documents::DocumentError;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::Limits;
use sealift_proof::tuf::provider::{CarriedMetadata, CarriedTargets};
use sealift_sample_publisher::Sample;
use sealift_sample_publisher::bundle::{BundleImage, store_bundle};
use sealift_tests::crossing::{BUNDLE, Crossing, Refused};
use sealift_tests::hostile_source::HostileSource;
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::exporter_key;
use serde_json::{Value, json};

use super::WEB;

pub(super) const INSTALLER: &str = "example.com/demo/installer:1.0.0";

fn plan_of(sides: &Crossing, request: &ExportRequest) -> PlanError {
    match sides.prepare(request).err().unwrap() {
        Refused::Plan(error) => error,
        other => panic!("{other:?}"),
    }
}

fn item(name: &str, origin: ItemOrigin) -> ExportRequest {
    ExportRequest::new(vec![ItemRequest { name: name.to_owned(), origin }])
}

/// A bundle of this name in this source.
fn stored(source: Arc<dyn Source>, name: &str) -> ExportRequest {
    item(name, ItemOrigin::Bundle { place: SourceReference { source, reference: name.parse().unwrap() }, images: None })
}

/// An image of this name in this source.
pub(super) fn lone_image(source: Arc<dyn Source>, name: &str) -> ExportRequest {
    let place = SourceReference { source, reference: name.parse().unwrap() };
    item(name, ItemOrigin::Image(place))
}

fn document(bundle_json: &[u8], images: ImagesFrom) -> ExportRequest {
    item("example.com/demo/thin:1", ItemOrigin::ThinBundle { bundle_json: bundle_json.to_vec(), images })
}

/// The file of a blob of the near side's layout.
pub(super) fn blob(sides: &Crossing, digest: &Digest) -> std::path::PathBuf {
    sides.path("layout").join("blobs/sha256").join(digest.hex())
}

/// Changes the last byte of a file.
fn spoil(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_plan_names_what_is_wrong_with_its_request() {
    let sides = Crossing::new();
    let no_bundle = plan_of(&sides, &stored(sides.layout(), WEB));
    assert!(
        matches!(&no_bundle, PlanError::RegistryForm { source: RegistryFormError::NotABundle, .. }),
        "{no_bundle:?}"
    );
    let twice = ExportRequest {
        items: [WEB, INSTALLER]
            .map(|name| ItemRequest {
                name: "example.com/one:1".to_owned(),
                origin: ItemOrigin::Image(sides.place(name)),
            })
            .to_vec(),
        ..sides.image_request(WEB)
    };
    assert!(matches!(plan_of(&sides, &twice), PlanError::Names(DocumentError::TwoContents { .. })));
    let promised = Digest::sha256(b"something else");
    let mut other = sides.image_request(WEB);
    other.items[0].name = format!("{WEB}@{promised}");
    let refused = plan_of(&sides, &other);
    assert!(matches!(&refused, PlanError::OtherContent { promised: it, .. } if *it == promised), "{refused:?}");
}

#[test]
fn a_plan_has_no_more_shards_than_items() {
    let sides = Crossing::new();
    let planned = || export::plan(&sides.image_request(WEB), &Workers::default()).unwrap();
    let shard = |text: &str| text.parse::<Shard>().unwrap();
    assert_eq!(shard("1/2").of(planned()).unwrap().items.len(), 1);
    let empty = shard("2/2").of(planned()).unwrap_err();
    assert!(matches!(&empty, ShardError::Empty { items: 1, .. }), "{empty}");
}

#[test]
fn a_plan_names_what_is_wrong_with_a_bundle_json() {
    let sides = Crossing::new();
    let repository = sides.place(WEB).reference.repository().clone();
    let anywhere = || ImagesFrom::TheirReferences(sides.layout());
    assert!(matches!(plan_of(&sides, &document(b"{}", anywhere())), PlanError::Bundle { .. }));
    let image = json!({ "image": WEB, "imageType": "oci" });
    let bundle = json!({ "schemaVersion": "v1.2.0", "name": "s", "version": "1.0.0", "invocationImages": [image] });
    let there = ImagesFrom::OneRepository(sides.layout(), repository);
    let refused = plan_of(&sides, &document(bundle.to_string().as_bytes(), there));
    assert!(matches!(&refused, PlanError::NoDigest { image } if image == WEB), "{refused:?}");
    // What is stored under its digest is not it.
    spoil(&blob(&sides, &bundle_of(&sides)));
    assert!(matches!(plan_of(&sides, &sides.request()), PlanError::Read { .. }));
}

/// The digest of the sample's bundle.json.
fn bundle_of(sides: &Crossing) -> Digest {
    sides.prepare(&sides.request()).unwrap().inventory().items[0].descriptor().digest.clone()
}

#[test]
fn a_bundle_whose_index_does_not_list_an_image_is_not_complete() {
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    let mut sample = Sample::new(now).unwrap();
    let of = |at: usize, component: Option<&str>| BundleImage {
        component: component.map(str::to_owned),
        reference: sample.references[at].0.clone(),
        descriptor: sample.references[at].1.clone(),
    };
    let images = [of(1, None), of(2, Some("web"))];
    let bundle_json = sealift_sample_publisher::bundle::bundle_json("shop", "1.0.0", &images);
    sample.references[0].1 = store_bundle(&mut sample.blobs, bundle_json, &images[..1]);
    let sides = Crossing::of(&sample, now);
    let refused = plan_of(&sides, &sides.request());
    assert!(
        matches!(&refused, PlanError::RegistryForm { source: RegistryFormError::ImageNotListed { reference }, .. }
            if reference == WEB),
        "{refused:?}"
    );
}

fn plan_of_request(request: &ExportRequest) -> PlanError {
    export::plan(request, &Workers::default()).err().unwrap()
}

#[test]
fn an_image_is_not_a_bundle() {
    let mut source = HostileSource::default();
    let image = source.image("a");
    source.serve(image);
    let refused = plan_of_request(&stored(Arc::new(source), "e.example/a:1"));
    assert!(matches!(&refused, PlanError::AnImage { reference } if reference == "e.example/a:1"), "{refused:?}");
}

#[test]
fn more_referrers_than_are_carried_are_not_left_behind() {
    let mut source = HostileSource::default();
    let image = source.image("a");
    for number in 0..1001 {
        let referrer = source.index(&[], Some(&image));
        // Never fetched: the list is refused first.
        let digest = Digest::sha256(format!("{number}").as_bytes());
        source.refer(sealift_core::oci::Descriptor { digest, ..referrer });
    }
    source.serve(image);
    let refused = plan_of_request(&lone_image(Arc::new(source), "e.example/a:1"));
    assert!(matches!(&refused, PlanError::TooManyReferrers { .. }), "{refused:?}");
}

#[test]
fn a_thin_bundle_whose_index_would_be_too_long_has_no_registry_form() {
    let mut source = HostileSource::default();
    let image = source.image("a");
    let child = source.index(&[image], None);
    let digest = child.digest.clone();
    source.serve(child);
    // Shorter than a bundle.json may be; the descriptors of its images are what the index is too long by.
    let named =
        |number: usize| (format!("c{number:0>240}"), json!({ "image": "e.example/a:1", "contentDigest": digest }));
    let images: serde_json::Map<String, Value> = (0..9_000).map(named).collect();
    let invocation = json!([{ "image": "e.example/a:1", "contentDigest": digest }]);
    let bundle = json!({ "schemaVersion": "v1", "name": "s", "version": "1", "invocationImages": invocation,
        "images": images });
    let refused =
        plan_of_request(&document(bundle.to_string().as_bytes(), ImagesFrom::TheirReferences(Arc::new(source))));
    assert!(matches!(&refused, PlanError::Manifest { .. }), "{refused:?}");
}

#[test]
fn a_bundle_json_has_limits() {
    let long = vec![b' '; 4 * 1024 * 1024 + 1];
    assert!(matches!(Bundle::parse(&long), Err(BundleError::TooLong { length }) if length == long.len()));
    let image = json!({ "image": "e.example/a:1" });
    let bundle = |count: usize| {
        let bundle =
            json!({ "schemaVersion": "v1", "name": "s", "version": "1", "invocationImages": vec![&image; count] });
        Bundle::parse(bundle.to_string().as_bytes())
    };
    assert!(!matches!(bundle(10_000), Err(BundleError::TooManyImages { .. })));
    assert!(matches!(bundle(10_001), Err(BundleError::TooManyImages { count: 10_001 })));
}

#[test]
fn a_repository_that_is_not_pinned_speaks_for_nothing() {
    let sides = Crossing::new();
    sides.near().update().unwrap().remove_root(&"demo".parse().unwrap()).unwrap();
    match sides.prepare(&sides.request()).err().unwrap() {
        Refused::Prepare(PrepareError::NotPinned { name, .. }) => assert_eq!(name.as_str(), "demo"),
        other => panic!("{other:?}"),
    }
    let trust = Trust {
        policy: Policy::default(),
        map: None,
        repositories: BTreeMap::new(),
        exporters: BTreeMap::new(),
        attesters: BTreeMap::new(),
    };
    let tuf = &sides.path("tuf");
    let mut metadata = sealift_core::tuf_repository::RepositoryFolder::new(tuf.join("metadata"), tuf.join("targets"));
    let mut targets = metadata.clone();
    let carrier = sealift_core::trust::Carrier { metadata: &mut metadata, targets: &mut targets };
    let mut live = BTreeMap::from([("demo".parse().unwrap(), carrier)]);
    let gathered = gather(&trust, &mut live, Extent::WhatIsNeeded, sides.now, |_, _| Ok::<_, RepositoryError>(()));
    assert!(matches!(gathered, Err(RepositoryError::NotPinned { name, .. }) if name.as_str() == "demo"));
}

fn settings<'a>(sides: &Crossing, exporter: &str, keys: &'a [SigningKey]) -> export::ExportSettings<'a> {
    export::ExportSettings {
        base: None,
        now: sides.now,
        exported_at: sides.now,
        exporter: Exporter { name: exporter.to_owned(), version: "1".to_owned() },
        keys,
        inspections: sealift_proof::in_toto::Inspections::NotRun,
        extent: Extent::WhatIsNeeded,
        workers: Workers::default(),
    }
}

/// Prepares an image that nobody signed.
pub(super) fn prepare(sides: &Crossing, exporter: &str, keys: &[SigningKey]) -> Result<export::Prepared, PrepareError> {
    prepare_request(sides, &sides.image_request(WEB), exporter, keys)
}

/// Prepares images that nobody signed.
pub(super) fn prepare_request(
    sides: &Crossing,
    request: &ExportRequest,
    exporter: &str,
    keys: &[SigningKey],
) -> Result<export::Prepared, PrepareError> {
    fs::write(sides.path("near/policy.toml"), "minimum_level = \"0\"\n").unwrap();
    let update = sides.near().update().unwrap();
    update.remove_root(&"demo".parse().unwrap()).unwrap_or_default();
    let plan = export::plan(request, &Workers::default()).unwrap();
    let trust = sides.near().load().unwrap();
    export::prepare(plan, &trust, BTreeMap::new(), &settings(sides, exporter, keys))
}

#[test]
fn what_no_seal_can_say_is_not_sealed() {
    let sides = Crossing::new();
    let key = exporter_key;
    assert!(prepare(&sides, "test", &[key()]).is_ok());
    for keys in [vec![], vec![key(), key()]] {
        let refused = prepare(&sides, "test", &keys).err().unwrap();
        assert!(matches!(&refused, PrepareError::Seal(_)), "{refused:?}");
    }
    let refused = prepare(&sides, "two\nlines", &[key()]).err().unwrap();
    assert!(matches!(&refused, PrepareError::Inventory(_)), "{refused:?}");
}

/// Takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_archive_that_cannot_be_written_to_its_end_says_why() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let write = || prepared.write(Vec::new(), &Workers::default(), &Unwatched).err();
    assert!(write().is_none());
    let refused = prepared.write(Full, &Workers::default(), &Unwatched).err();
    assert!(matches!(&refused, Some(ExportError::Write(WriteError::Output(_)))), "{refused:?}");
    let layer = prepared.inventory().entries.last().unwrap().digest.clone();
    spoil(&blob(&sides, &layer));
    let refused = write();
    assert!(matches!(&refused, Some(ExportError::Write(WriteError::Content { .. }))), "{refused:?}");
    fs::remove_file(blob(&sides, &layer)).unwrap();
    let refused = write();
    assert!(matches!(&refused, Some(ExportError::Source { digest, .. }) if *digest == layer), "{refused:?}");
}

#[test]
fn a_mirror_that_cannot_be_written_says_where() {
    let sides = Crossing::new();
    let delivered = sides.far.import(&sides.archive()).unwrap();
    let file = sides.path("mirror");
    fs::create_dir_all(file.join("demo/metadata")).unwrap();
    fs::write(file.join("demo/targets"), b"").unwrap();
    let refused = delivered.publish_mirrors(&file, &Limits::default());
    assert!(matches!(&refused, Err(MirrorError::Write { path, .. }) if path.starts_with(&file)), "{refused:?}");
}

#[test]
fn more_names_than_an_index_may_list_are_not_sealed() {
    let sides = Crossing::new();
    fs::write(sides.path("near/policy.toml"), "minimum_level = \"0\"\n").unwrap();
    sides.near().update().unwrap().remove_root(&"demo".parse().unwrap()).unwrap();
    let mut source = HostileSource::default();
    let image = source.image("a");
    source.serve(image);
    let source: Arc<dyn Source> = Arc::new(source);
    let names = (0..10_001).map(|number| format!("e.example/a:{number}"));
    let items = names.flat_map(|name| lone_image(Arc::clone(&source), &name).items).collect();
    let plan = export::plan(&ExportRequest { items, ..sides.image_request(WEB) }, &Workers::default()).unwrap();
    let (trust, keys) = (sides.near().load().unwrap(), [exporter_key()]);
    let prepared = export::prepare(plan, &trust, BTreeMap::new(), &settings(&sides, "test", &keys));
    let refused = prepared.err().unwrap();
    assert!(matches!(&refused, PrepareError::Layout(ArchiveLayoutError::TooMany { count: 10_001, .. })), "{refused:?}");
}

#[test]
fn more_layers_than_an_archive_has_entries_are_not_planned() {
    let mut source = HostileSource::default();
    let config = source.store("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let digest = |number: usize| Digest::sha256(&number.to_be_bytes());
    let layer = |number: usize| json!({ "mediaType": "a/b", "digest": digest(number), "size": 1 });
    let manifests: Vec<_> = (0..11)
        .map(|part| {
            let layers: Vec<Value> = (part * 9_999..(part + 1) * 9_999).map(layer).collect();
            let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
            source.store("application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes())
        })
        .collect();
    let index = source.index(&manifests, None);
    source.serve(index);
    let refused = plan_of_request(&lone_image(Arc::new(source), "e.example/a:1"));
    assert_eq!(refused.remedy(), Remedy::ExportFewer);
    let PlanError::Graph { source, .. } = refused else { panic!("{refused:?}") };
    assert!(matches!(*source, GraphError::Entries), "{source:?}");
}

#[test]
fn what_is_complete_and_cannot_be_carried_is_not_called_incomplete() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let deep = (0..5).fold(image.clone(), |image, _| Image::index(&[image]));
    let mut two_sizes: Value = serde_json::from_slice(image.root().bytes()).unwrap();
    let mut layer = two_sizes["layers"][0].clone();
    layer["size"] = json!(layer["size"].as_u64().unwrap() + 1);
    two_sizes["layers"].as_array_mut().unwrap().push(layer);
    for image in [deep, image.with_manifest(&two_sizes)] {
        let sides = Crossing::of_images();
        sides.publish_image(&image, &[]);
        match sides.export(&sides.request()) {
            Err(Refused::Plan(error @ PlanError::Graph { .. })) => {
                assert_eq!(error.remedy(), Remedy::RebuildImage);
                assert!(!error.to_string().contains("incomplete"), "{error}");
            }
            other => panic!("{:?}", other.map(|archive| archive.len())),
        }
    }
}

#[test]
fn a_file_by_a_name_that_no_entry_can_have_is_not_carried() {
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    let mut sample = Sample::new(now).unwrap();
    let released = &mut sample.repository.released;
    let mut listed = released[BUNDLE].custom.clone().unwrap();
    for at in [1, 2] {
        let link = listed["in-toto"][at].as_str().unwrap().to_owned();
        let folder = link.rsplit('/').nth(1).unwrap();
        let outside = link.replace(folder, "..");
        let target = released.remove(&link).unwrap();
        released.insert(outside.clone(), target);
        listed["in-toto"][at] = json!(outside);
    }
    released.get_mut(BUNDLE).unwrap().custom = Some(listed);
    let sides = Crossing::of(&sample, now);
    let (mut metadata, mut targets) = (BTreeMap::new(), BTreeMap::new());
    for (path, bytes) in sample.repository.files() {
        match path.split_once('/') {
            Some(("metadata", file)) => drop(metadata.insert(file.to_owned(), bytes)),
            Some((_, file)) => drop(targets.insert(file.to_owned(), bytes)),
            None => {}
        }
    }
    let (mut metadata, mut targets) = (CarriedMetadata::new(metadata), CarriedTargets::new(targets));
    let carrier = sealift_core::trust::Carrier { metadata: &mut metadata, targets: &mut targets };
    let plan = export::plan(&sides.request(), &Workers::default()).unwrap();
    let (trust, keys) = (sides.near().load().unwrap(), [exporter_key()]);
    let live = BTreeMap::from([("demo".parse().unwrap(), carrier)]);
    let prepared = export::prepare(plan, &trust, live, &settings(&sides, "test", &keys));
    let refused = prepared.err().unwrap();
    assert!(matches!(&refused, PrepareError::EntryName(_)), "{refused:?}");
}
