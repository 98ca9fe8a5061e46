//! Totals: what a trusted exporter's archive costs before it is accepted or refused, when all of it is made to cost as much
//! as it can. Each is about 10 MB, and may take 96 MiB.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{
    BundleRecord, Completeness, ImageRecord, ImageRole, LeftOutRecord, ReferrerChoice,
};
use sealift_archive_format::strict_json::JsonError;
use sealift_core::export::{self, ExportRequest, ItemOrigin, ItemRequest, SourceReference};
use sealift_core::oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, GraphError, ManifestError};
use sealift_core::transfer::Workers;
use sealift_core::trust::Purpose;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{self, Discard, HeadError, Transport, VerifySettings};
use sealift_proof::in_toto::Inspections;
use sealift_sample_publisher::Sample;
use sealift_tests::crossing::FarSide;
use sealift_tests::hostile_source::HostileSource;
use sealift_tests::malicious_exporter::{Consignment, blobs};
use serde_json::{Value, json};

use crate::MEBIBYTE;
use crate::counting_allocator::peak_of;

/// What an archive of about 10 MB may take, in bytes, beside itself.
const MOST: usize = 96 * MEBIBYTE;

/// What an exporter packs, piece by piece.
#[derive(Default)]
struct Pile {
    blobs: BTreeMap<Digest, Vec<u8>>,
    roots: Vec<Value>,
    bundle_files: Vec<Value>,
    images: Vec<ImageRecord>,
    bundles: Vec<BundleRecord>,
}

impl Pile {
    fn store(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.blobs.insert(descriptor.digest.clone(), bytes);
        descriptor
    }

    fn manifest(&mut self, layers: &[Descriptor], annotations: &Value) -> Descriptor {
        let config = self.store(OCI_CONFIG, b"{}".to_vec());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers, "annotations": annotations });
        self.store(OCI_MANIFEST, manifest.to_string().into_bytes())
    }

    fn layers(&mut self, count: usize) -> Vec<Descriptor> {
        (0..count).map(|number| self.store(OCI_LAYER_GZIP, number.to_string().into_bytes())).collect()
    }

    fn index(&mut self, children: &[Descriptor]) -> Descriptor {
        let index = json!({ "schemaVersion": 2, "manifests": children });
        self.store(OCI_INDEX, index.to_string().into_bytes())
    }

    fn image(&mut self, image: &Descriptor) {
        let reference = format!("e.example/i{}:1", self.images.len());
        self.images.push(record(&reference, ImageRole::StandAlone, image));
        let root = json!(image);
        if self.roots.last() != Some(&root) {
            self.roots.push(root);
        }
    }

    /// Verifies it on a side that asks for nothing; prints and bounds what that takes.
    fn verified(self, what: &str) -> Result<(), HeadError> {
        let mut consignment = Consignment::of_image(&Sample::new(now()).unwrap(), 1, now());
        consignment.repositories.clear();
        let (files, roots): (Vec<&Value>, Vec<&Value>) =
            (self.bundle_files.iter().collect(), self.roots.iter().collect());
        consignment.blobs = blobs(&self.blobs, &files, &roots);
        (consignment.images, consignment.bundles) = (self.images, self.bundles);
        let archive = consignment.archive();
        let far = FarSide::trusting_nobody(now());
        far.policy("minimum_level = \"0\"\n");
        let trust = far.store().load().unwrap();
        let settings =
            VerifySettings { now: now(), asked: None, purpose: Purpose::Acceptance, inspections: Inspections::NotRun };
        let started = std::time::Instant::now();
        let (outcome, peak) = peak_of(|| {
            verify::open(archive.as_slice(), &trust, &settings).map(|judged| {
                judged.receive(&Discard, &Transport::default()).unwrap().report();
            })
        });
        println!("{what:40} {:>9} bytes: {:>6} KiB, {} ms", archive.len(), peak / 1_024, started.elapsed().as_millis());
        assert!(archive.len() < 12_000_000, "{what}: {} bytes", archive.len());
        assert!(peak < MOST, "{what}: {peak} bytes");
        outcome
    }
}

fn now() -> jiff::Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn record(reference: &str, role: ImageRole, image: &Descriptor) -> ImageRecord {
    ImageRecord {
        completeness: Completeness::AllPlatforms,
        descriptor: image.into(),
        role,
        left_out: LeftOutRecord::default(),
        made_from: None,
        platforms: Vec::new(),
        reference: reference.to_owned(),
        referrer_choice: ReferrerChoice::default(),
        referrers: Vec::new(),
        tagged: Vec::new(),
        target: None,
    }
}

#[test]
fn exhaustion_many_images_that_share_one_manifest_of_very_many_layers() {
    let mut pile = Pile::default();
    let layers = pile.layers(7_000);
    let manifest = pile.manifest(&layers, &json!({}));
    (0..400).for_each(|_| pile.image(&manifest));
    pile.verified("400 images, 7,000 layers").unwrap();
    // None of the layers has to be there to be counted.
    let mut pile = Pile::default();
    let layers: Vec<Descriptor> =
        (0..9_999).map(|number| Descriptor::of(OCI_LAYER_GZIP, number.to_string().as_bytes())).collect();
    let manifest = pile.manifest(&layers, &json!({}));
    (0..400).for_each(|_| pile.image(&manifest));
    let refused = pile.verified("400 images, 9,999 layers not there").unwrap_err();
    assert!(matches!(refused, HeadError::Documents(DocumentError::Missing { .. })), "{refused:?}");
}

#[test]
fn exhaustion_many_images_that_share_one_index_of_very_many_manifests() {
    let mut pile = Pile::default();
    let children: Vec<Descriptor> =
        (0..4_000).map(|number| pile.manifest(&[], &json!({ "n": number.to_string() }))).collect();
    let index = pile.index(&children);
    (0..1_000).for_each(|_| pile.image(&index));
    pile.verified("1,000 images, one index of 4,000").unwrap();
}

#[test]
fn exhaustion_many_indexes_over_one_index_of_very_many_manifests() {
    let mut pile = Pile::default();
    let children: Vec<Descriptor> =
        (0..4_000).map(|number| pile.manifest(&[], &json!({ "n": number.to_string() }))).collect();
    let inner = pile.index(&children);
    for number in 0..500 {
        let index = json!({ "schemaVersion": 2, "manifests": [inner], "annotations": { "n": number.to_string() } });
        let index = pile.store(OCI_INDEX, index.to_string().into_bytes());
        pile.image(&index);
    }
    let refused = pile.verified("500 indexes over one of 4,000").unwrap_err();
    let HeadError::Documents(DocumentError::Graph { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, GraphError::ManifestsTogether), "{source:?}");
}

#[test]
fn exhaustion_many_manifests_that_list_the_same_very_many_layers() {
    let mut pile = Pile::default();
    let layers = pile.layers(2_000);
    for number in 0..20 {
        let manifest = pile.manifest(&layers, &json!({ "n": number.to_string() }));
        (0..50).for_each(|_| pile.image(&manifest));
    }
    pile.verified("20 manifests of the same 2,000 layers").unwrap();
    let mut pile = Pile::default();
    let layers: Vec<Descriptor> = std::iter::repeat_n(pile.layers(1).remove(0), 9_000).collect();
    let children: Vec<Descriptor> =
        (0..6).map(|number| pile.manifest(&layers, &json!({ "n": number.to_string() }))).collect();
    for number in 0..100 {
        let index = json!({ "schemaVersion": 2, "manifests": children, "annotations": { "n": number.to_string() } });
        let index = pile.store(OCI_INDEX, index.to_string().into_bytes());
        pile.image(&index);
    }
    let refused = pile.verified("100 indexes of 6 manifests, 9,000 layers").unwrap_err();
    let HeadError::Documents(DocumentError::Graph { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, GraphError::BlobsTogether), "{source:?}");
}

#[test]
fn exhaustion_documents_of_very_many_short_remarks() {
    let remarks: BTreeMap<String, &str> = (0..350_000).map(|number| (format!("{number:x}"), "")).collect();
    let mut pile = Pile::default();
    for number in 0..2 {
        let mut remarks = remarks.clone();
        remarks.insert(format!("other {number}"), "");
        let manifest = pile.manifest(&[], &json!(remarks));
        pile.image(&manifest);
    }
    let refused = pile.verified("two manifests of 350,000 remarks").unwrap_err();
    let HeadError::Documents(DocumentError::Manifest { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, ManifestError::Json(JsonError::TooMuchMemory { .. })), "{source:?}");
    let mut pile = Pile::default();
    let mut layer = pile.layers(1).remove(0);
    layer.annotations = [("", "")].into_iter().collect();
    let layers: Vec<Descriptor> = std::iter::repeat_n(layer, 9_998).collect();
    for number in 0..5 {
        let manifest = pile.manifest(&layers, &json!({ "n": number.to_string() }));
        pile.image(&manifest);
    }
    pile.verified("5 manifests of 9,998 layers with remarks").unwrap();
}

#[test]
fn exhaustion_one_list_of_attestations_for_very_many_things() {
    let mut pile = Pile::default();
    let image = pile.manifest(&[], &json!({}));
    let layers: Vec<Descriptor> = (0..9_000)
        .map(|number: usize| Descriptor::of("application/vnd.in-toto+json", number.to_string().as_bytes()))
        .collect();
    let child = pile.manifest(&layers, &json!({}));
    let entry = |number: usize| {
        let about = Digest::sha256(number.to_string().as_bytes()).to_string();
        let remarks = [("vnd.docker.reference.type", "attestation-manifest"), ("vnd.docker.reference.digest", &about)];
        Descriptor { annotations: remarks.into_iter().collect(), ..child.clone() }
    };
    let entries: Vec<Descriptor> = (0..9_000).map(entry).collect();
    let index = json!({ "schemaVersion": 2, "manifests": entries, "subject": image });
    let referrer = pile.store(OCI_INDEX, index.to_string().into_bytes());
    pile.image(&image);
    pile.images[0].referrers = vec![(&referrer).into()];
    pile.roots.push(json!(referrer));
    let refused = pile.verified("9,000 layers attached to 9,000 things").unwrap_err();
    let HeadError::Documents(DocumentError::Graph { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, GraphError::AttestationsTogether), "{source:?}");
}

#[test]
fn exhaustion_very_many_choices_of_one_platform_from_one_index() {
    let mut pile = Pile::default();
    let child = pile.manifest(&[], &json!({}));
    let platform = |number: usize| format!("linux/a{}", number % 250);
    let listed = |number: usize| Descriptor { platform: platform(number).parse().ok(), ..child.clone() };
    let children: Vec<Descriptor> = (0..9_000).map(listed).collect();
    let index = pile.index(&children);
    for number in 0..400 {
        pile.image(&index);
        let record = pile.images.last_mut().unwrap();
        (record.completeness, record.platforms) = (Completeness::Selected, vec![platform(number)]);
        let others: BTreeSet<String> = (0..250).map(platform).filter(|other| *other != platform(number)).collect();
        record.left_out.platforms = others.into_iter().collect();
    }
    let refused = pile.verified("400 choices from an index of 9,000").unwrap_err();
    let HeadError::Documents(DocumentError::Graph { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, GraphError::LeftOutTogether), "{source:?}");
}

#[test]
fn exhaustion_one_bundle_by_very_many_names() {
    let mut pile = Pile::default();
    let image = pile.manifest(&[], &json!({}));
    let components: BTreeMap<String, Value> =
        (0..1_000).map(|n| (format!("c{n}"), json!({ "image": format!("e.example/i{n}:1") }))).collect();
    let bundle = json!({
        "schemaVersion": "v1", "name": "s", "version": "1", "description": "x".repeat(3 * MEBIBYTE),
        "invocationImages": [{ "image": "e.example/i:1" }], "images": components,
    });
    let bundle = pile.store("application/vnd.cnab.bundle.config.v1+json", bundle.to_string().into_bytes());
    pile.bundle_files.push(json!(bundle));
    pile.roots.push(json!(image));
    let mut names: Vec<String> = (0..1_000).map(|n| format!("c{n}")).collect();
    names.sort();
    let component = |name: &String| {
        let reference = format!("e.example/i{}:1", name.trim_start_matches('c'));
        record(&reference, ImageRole::Component(name.clone()), &image)
    };
    let mut images = vec![record("e.example/i:1", ImageRole::Invocation, &image)];
    images.extend(names.iter().map(component));
    for number in 0..15 {
        pile.bundles.push(BundleRecord {
            descriptor: (&bundle).into(),
            images: images.clone(),
            index: None,
            reference: format!("e.example/s{number}:1"),
            referrer_choice: ReferrerChoice::default(),
            referrers: Vec::new(),
            tagged: Vec::new(),
            target: None,
            thick_bundle: None,
        });
    }
    pile.verified("15 names of a bundle of 1,001 images").unwrap();
}

#[test]
fn exhaustion_a_source_that_invents_referrers_takes_no_more_than_a_plan_may_hold() {
    let mut source = HostileSource::default();
    let image = source.image("a");
    for referrer in 0..16 {
        let children: Vec<Descriptor> = (0..7).map(|child| source.long_manifest(referrer * 7 + child)).collect();
        let index = source.index(&children, Some(&image));
        source.refer(index);
    }
    source.serve(image);
    let name = "e.example/a:1".to_owned();
    let place = SourceReference { source: std::sync::Arc::new(source), reference: name.parse().unwrap() };
    let request = ExportRequest::new(vec![ItemRequest { name, origin: ItemOrigin::Image(place) }]);
    let (plan, peak) = peak_of(|| export::plan(&request, &Workers::default()));
    println!("16 referrers of 7 long manifests: {} KiB", peak / 1_024);
    assert!(plan.is_err() && peak < MOST, "{peak}");
}
