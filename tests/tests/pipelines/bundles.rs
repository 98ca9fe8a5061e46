//! Bundles in every form that CNAB Registries knows, and what is said about those that break a rule or need others.

use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_core::export::{Dependencies, ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, PlanError};
use sealift_core::import::{Destination, DestinationError, ImportError, NameMap, Naming};
use sealift_core::inspect::inspect;
use sealift_core::layout::LayoutSink;
use sealift_core::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes, Reference};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::{Checked, Sink as _};
use sealift_tests::crossing::{Crossing, Refused};
use sealift_tests::images::{Image, put_blob};
use serde_json::{Value, json};

use super::listed;

const BUNDLE_TYPE: &str = "application/vnd.cnab.bundle.config.v1+json";
const NAME: &str = "example.com/org/shop:1.0.0";
const INSTALLER: &str = "example.com/org/installer:1";

fn installer() -> Image {
    Image::new("linux/amd64", &[("run", b"install")])
}

fn digest_of(image: &Image) -> Digest {
    image.root().descriptor().digest.clone()
}

/// Both sides, with the installer in the layout.
fn sides() -> Crossing {
    let sides = Crossing::of_images();
    store(&sides, &installer(), INSTALLER);
    sides
}

fn store(sides: &Crossing, image: &Image, name: &str) {
    image.push(&LayoutSink::open(&sides.path("layout")).unwrap(), &name.parse().unwrap()).unwrap();
}

/// A bundle of the installer, with other members.
fn bundle(name: &str, version: &str, more: &Value) -> Vec<u8> {
    let image = json!({ "contentDigest": digest_of(&installer()), "image": INSTALLER });
    let mut bundle =
        json!({ "invocationImages": [image], "name": name, "schemaVersion": "v1.2.0", "version": version });
    bundle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sealift_proof::canonical_json::encode(&bundle).unwrap()
}

fn thin(sides: &Crossing, bundle_json: Vec<u8>) -> ExportRequest {
    let images = ImagesFrom::TheirReferences(sides.layout());
    let origin = ItemOrigin::ThinBundle { bundle_json, images };
    ExportRequest::new(vec![ItemRequest { name: NAME.to_owned(), origin }])
}

/// Stores a bundle under a name, in the form in which its index lists what comes after the manifest of its configuration.
fn store_bundle(sides: &Crossing, name: &str, bundle_json: &[u8], listed: &[Value]) {
    let sink = LayoutSink::open(&sides.path("layout")).unwrap();
    give_bundle(&sink, name, bundle_json, listed);
    sink.finish().unwrap();
}

fn give_bundle(sink: &LayoutSink, name: &str, bundle_json: &[u8], listed: &[Value]) {
    let name: Reference = name.parse().unwrap();
    let config = Descriptor::of(BUNDLE_TYPE, bundle_json);
    put_blob(sink, name.repository(), &config, &mut Checked::new(bundle_json, &config)).unwrap();
    let manifest = |media_type: &str, document: Value| {
        let bytes = document.to_string().into_bytes();
        let manifest = ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap();
        sink.put_manifest(name.repository(), &manifest).unwrap();
        manifest
    };
    let config = manifest(OCI_MANIFEST, json!({ "schemaVersion": 2, "config": config, "layers": [] }));
    let first = entry(config.descriptor(), "config");
    let manifests: Vec<&Value> = std::iter::once(&first).chain(listed).collect();
    let index = manifest(OCI_INDEX, json!({ "schemaVersion": 2, "manifests": manifests }));
    sink.tag(&name, &index).unwrap();
}

fn entry(descriptor: &Descriptor, kind: &str) -> Value {
    let Descriptor { media_type, digest, size, .. } = descriptor;
    let annotations = json!({ "io.cnab.manifest.type": kind });
    json!({ "mediaType": media_type, "digest": digest, "size": size, "annotations": annotations })
}

fn stored(sides: &Crossing, name: &str) -> ExportRequest {
    let origin = ItemOrigin::Bundle { place: sides.place(name), images: None };
    ExportRequest::new(vec![ItemRequest { name: name.to_owned(), origin }])
}

/// What is said about the bundles of an archive, by export, by verify and by inspect: it is the same. So is what export and verify say
/// of what nobody vouches for, which nothing here is.
fn warnings(sides: &Crossing, request: &ExportRequest) -> Vec<String> {
    let prepared = sides.prepare(request).unwrap();
    let (unvouched, exported): (Vec<_>, Vec<_>) =
        prepared.warnings().iter().map(ToString::to_string).partition(|text| text.starts_with("nobody vouches for "));
    let archive = sides.export(request).unwrap();
    let texts = |warnings: &[sealift_core::report::WarningReport], beginning: &str| -> Vec<String> {
        warnings.iter().map(|it| it.message.clone()).filter(|text| text.starts_with(beginning)).collect()
    };
    let verified = sides.far.verify(&archive);
    let report = verified.report();
    assert_eq!(texts(&report.warnings, "bundle "), exported);
    assert_eq!(texts(&report.warnings, "nobody vouches for "), unvouched);
    assert_eq!(unvouched.len(), report.walk().count(), "items and parts: {unvouched:?}");
    assert_eq!(texts(&inspect(archive.as_slice()).unwrap().warnings, "bundle "), exported);
    exported
}

#[test]
fn what_a_bundle_breaks_is_said_on_both_sides_and_it_is_carried() {
    let sides = sides();
    assert_eq!(warnings(&sides, &thin(&sides, bundle("shop", "1.0.0", &json!({})))), Vec::<String>::new());
    let spaced =
        serde_json::to_vec_pretty(&serde_json::from_slice::<Value>(&bundle("shop", "1.0.0", &json!({}))).unwrap());
    for (bundle_json, said) in [
        (spaced.unwrap(), "CNAB 101, \"The bundle.json File\": bundle.json is not canonical JSON"),
        (bundle("shop", "latest", &json!({})), "\"Name and Version\": its version \"latest\" is not a SemVer version"),
        (bundle("\u{202e}evil", "1.0.0", &json!({})), "has characters that are not graphic"),
        (bundle("shop", "1.0.0", &json!({ "schemaVersion": "1.2.0" })), "its schemaVersion is \"1.2.0\""),
        (bundle("shop", "1.0.0", &json!({ "foo": 1 })), "it has a member \"foo\", which no bundle has"),
        (bundle("shop", "1.0.0", &json!({ "actions": { "install": {} } })), "defines the action install"),
        (
            bundle("shop", "1.0.0", &json!({ "custom": { "com.x": 1 }, "requiredExtensions": ["com.x"] })),
            "it requires the extension \"com.x\"",
        ),
        (
            bundle(
                "shop",
                "1.0.0",
                &json!({ "definitions": { "d": {} }, "outputs": { "o": { "definition": "d", "path": "/etc/passwd" } } }),
            ),
            "CNAB 101, \"Outputs\": its member \"outputs.o.path\" is \"/etc/passwd\"",
        ),
        (
            bundle("shop", "1.0.0", &json!({ "credentials": { "c": { "env": "CNAB_KEY" } } })),
            "CNAB 103, \"Parameters as Variables\": its member \"credentials.c.env\" is the variable \"CNAB_KEY\"",
        ),
        (
            bundle("shop", "1.0.0", &json!({ "maintainers": [{ "email": "a@example.com" }] })),
            "CNAB 104, \"Formatting and Transmitting Thin Bundles\": it lacks the member \"maintainers.name\"",
        ),
        (
            bundle("shop", "1.0.0", &json!({ "invocationImages": [{ "image": INSTALLER }] })),
            "it states no contentDigest for example.com/org/installer:1",
        ),
        (
            bundle(
                "shop",
                "1.0.0",
                &json!({ "images": { "vm": { "image": "https://e.x/vm.ova", "imageType": "vm" } } }),
            ),
            "names https://e.x/vm.ova, which is of type \"vm\" and not a container image, so it is not carried",
        ),
        (
            bundle("shop", "1.0.0", &json!({ "custom": { "io.cnab.dependencies": 7 } })),
            "the bundles that it needs cannot be read",
        ),
    ] {
        let found = warnings(&sides, &thin(&sides, bundle_json));
        assert!(found.len() == 1 && found[0].contains(said), "{said}: {found:?}");
        assert!(found[0].starts_with("bundle example.com/org/shop:1.0.0 "), "{found:?}");
    }
}

#[test]
fn an_index_of_bundle_json_alone_crosses_the_gap_with_its_images() {
    let sides = sides();
    let bundle_json = bundle("shop", "1.0.0", &json!({}));
    store_bundle(&sides, NAME, &bundle_json, &[]);
    let archive = sides.export(&stored(&sides, NAME)).unwrap();
    let report = sides.far.verify(&archive).report();
    assert_eq!(report.items[0].parts[0].name, INSTALLER);
    let delivered = sides.far.import(&archive).unwrap();
    let target = sides.path("delivered");
    assert_eq!(listed(&target, NAME), listed(&sides.path("layout"), NAME), "the index keeps its form");
    assert_eq!(listed(&target, INSTALLER), Some(digest_of(&installer()).to_string()));
    let mapping: Vec<_> = delivered.relocation.iter().collect();
    assert_eq!(mapping, [(INSTALLER, format!("example.com/org/installer@{}", digest_of(&installer())).as_str())]);
}

#[test]
fn a_part_with_a_tag_of_its_own_and_an_image_of_another_registry_do_not_share_a_tag() {
    let mut sides = sides();
    store_bundle(&sides, NAME, &bundle("shop", "1.0.0", &json!({})), &[]);
    let other = "other.example/org/installer:1";
    store(&sides, &Image::new("linux/amd64", &[("run", b"something else")]), other);
    let mut request = stored(&sides, NAME);
    request.items.extend(sides.image_request(other).items);
    let archive = sides.export(&request).unwrap();
    let map = NameMap::parse("\"example.com/org\" = \"org\"\n\"other.example/org\" = \"org\"").unwrap();
    for (naming, remedy) in [
        (Naming::Flat, Some(Remedy::KeepRegistries)),
        (Naming::Mapped(map), Some(Remedy::SeparateInNameMap)),
        (Naming::WithDomain, None),
    ] {
        sides.far.destination =
            Destination::Registry { domain: "r.inner".into(), prefix: String::new(), naming: naming.clone() };
        match (sides.far.import(&archive), remedy) {
            (Err(Refused::Import(ImportError::Destination(error))), Some(remedy)) => {
                let DestinationError::Collision { first, second, tag, .. } = &error else { panic!("{error:?}") };
                assert_eq!(
                    (first.as_str(), second.as_str(), tag.as_str()),
                    (INSTALLER, other, "r.inner/org/installer:1")
                );
                assert_eq!(error.remedy(), remedy);
            }
            (Ok(delivered), None) => assert_eq!(delivered.tags.len(), 3),
            (found, _) => panic!("{naming:?}: {:?}", found.map(|delivered| delivered.tags)),
        }
    }
}

#[test]
fn invocation_images_behind_an_index_of_their_own_cross_the_gap() {
    let sides = sides();
    let other = Image::new("windows/amd64", &[("run", b"install there")]);
    store(&sides, &other, "example.com/org/installer:windows");
    let images = json!([
        { "contentDigest": digest_of(&installer()), "image": INSTALLER },
        { "contentDigest": digest_of(&other), "image": "example.com/org/installer:windows" },
    ]);
    let bundle_json = bundle("shop", "1.0.0", &json!({ "invocationImages": images }));
    let plain = |image: &Image| {
        let Descriptor { media_type, digest, size, .. } = image.root().descriptor();
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    };
    let store_listing = |manifests: Value| {
        let bytes =
            json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }).to_string().into_bytes();
        let index = ManifestBytes::new(Descriptor::of(OCI_INDEX, &bytes), bytes).unwrap();
        let repository: Reference = NAME.parse().unwrap();
        LayoutSink::open(&sides.path("layout")).unwrap().put_manifest(repository.repository(), &index).unwrap();
        store_bundle(&sides, NAME, &bundle_json, &[entry(index.descriptor(), "invocation")]);
    };
    store_listing(json!([plain(&installer()), plain(&other)]));
    let archive = sides.export(&stored(&sides, NAME)).unwrap();
    let report = sides.far.verify(&archive).report();
    let parts: Vec<_> = report.items[0].parts.iter().map(|part| &part.digest).collect();
    assert_eq!(parts, [&digest_of(&installer()), &digest_of(&other)]);
    sides.far.import(&archive).unwrap();
    assert_eq!(listed(&sides.path("delivered"), NAME), listed(&sides.path("layout"), NAME));

    store_listing(json!([plain(&other), plain(&installer())]));
    let exchanged = sides.export(&stored(&sides, NAME));
    assert!(matches!(exchanged, Err(Refused::Plan(PlanError::RegistryForm { .. }))), "{exchanged:?}");
}

/// A bundle that needs others, each with the ranges of its versions.
fn needing(name: &str, needed: &[(&str, &[&str])]) -> Vec<u8> {
    let requires: serde_json::Map<String, Value> = (0..)
        .zip(needed)
        .map(|(number, (bundle, ranges)): (u32, _)| {
            let version = json!({ "ranges": ranges });
            let needed = if ranges.is_empty() {
                json!({ "bundle": bundle })
            } else {
                json!({ "bundle": bundle, "version": version })
            };
            (format!("d{number}"), needed)
        })
        .collect();
    bundle(name, "1.0.0", &json!({ "custom": { "io.cnab.dependencies": { "requires": requires } } }))
}

/// The same request, with what bundles need.
fn with_dependencies(sides: &Crossing, request: ExportRequest) -> ExportRequest {
    ExportRequest { dependencies: Some(Dependencies(Arc::clone(&sides.layout()))), ..request }
}

#[test]
fn the_bundles_that_a_bundle_needs_are_named_or_carried() {
    let sides = sides();
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        let mysql = needing("mysql", &[("example.com/org/log:1", &[])]);
        store_bundle(&sides, &format!("example.com/org/mysql:{version}"), &mysql, &[]);
    }
    // What it needs needs it too.
    let log = needing("log", &[("example.com/org/shop:1.0.0", &[])]);
    store_bundle(&sides, "example.com/org/log:1", &log, &[]);
    let request = thin(&sides, needing("shop", &[("example.com/org/mysql", &["1.x"])]));
    let said = warnings(&sides, &request);
    assert_eq!(
        said,
        ["bundle example.com/org/shop:1.0.0 needs bundle example.com/org/mysql (1.x), which is not carried with it"]
    );

    let request = with_dependencies(&sides, request);
    assert_eq!(warnings(&sides, &request), Vec::<String>::new());
    let report = sides.far.verify(&sides.export(&request).unwrap()).report();
    let names: Vec<_> = report.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, [NAME, "example.com/org/mysql:1.2.0", "example.com/org/log:1"]);
}

#[test]
fn a_bundle_that_is_asked_for_by_name_is_the_one_that_is_needed() {
    let sides = sides();
    for version in ["1.0.0", "1.2.0"] {
        store_bundle(&sides, &format!("example.com/org/mysql:{version}"), &bundle("mysql", version, &json!({})), &[]);
    }
    let mut request = thin(&sides, needing("shop", &[("example.com/org/mysql", &["1.x"])]));
    request.items.extend(stored(&sides, "example.com/org/mysql:1.0.0").items);
    let report = sides.far.verify(&sides.export(&with_dependencies(&sides, request)).unwrap()).report();
    let names: Vec<_> = report.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, [NAME, "example.com/org/mysql:1.0.0"]);
}

#[test]
fn a_need_of_no_version_is_met_by_any_and_carried_as_the_newest() {
    let sides = sides();
    for version in ["1.0.0", "1.2.0"] {
        store_bundle(&sides, &format!("example.com/org/mysql:{version}"), &bundle("mysql", version, &json!({})), &[]);
    }
    let request = |needed: &str| thin(&sides, needing("shop", &[(needed, &[])]));
    let names = |request: &ExportRequest| -> Vec<String> {
        let report = sides.far.verify(&sides.export(request).unwrap()).report();
        report.items.iter().map(|item| item.name.clone()).collect()
    };
    let any = request("example.com/org/mysql");
    assert_eq!(names(&with_dependencies(&sides, any.clone())), [NAME, "example.com/org/mysql:1.2.0"]);
    let beside = |mut request: ExportRequest| {
        request.items.extend(stored(&sides, "example.com/org/mysql:1.0.0").items);
        request
    };
    assert_eq!(warnings(&sides, &beside(any.clone())), Vec::<String>::new());
    assert_eq!(names(&with_dependencies(&sides, beside(any))), [NAME, "example.com/org/mysql:1.0.0"]);
    // By its digest it is the same under any tag.
    let found = sides.layout().resolve(&"example.com/org/mysql:1.0.0".parse().unwrap()).unwrap();
    let pinned = request(&format!("example.com/org/mysql@{}", found.descriptor().digest));
    assert_eq!(warnings(&sides, &beside(pinned)), Vec::<String>::new());
}

#[test]
fn a_bundle_whose_needs_cannot_be_met_is_refused_where_they_are_to_be_carried() {
    let sides = sides();
    store_bundle(&sides, "example.com/org/mysql:2.0.0", &bundle("mysql", "2.0.0", &json!({})), &[]);
    let plan = |bundle_json: Vec<u8>| match sides.prepare(&with_dependencies(&sides, thin(&sides, bundle_json))) {
        Err(Refused::Plan(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was exported"),
    };
    let no_version = plan(needing("shop", &[("example.com/org/mysql", &["1.x"])]));
    assert!(matches!(no_version, PlanError::NoVersion { count: 1, .. }), "{no_version:?}");
    let missing = plan(needing("shop", &[("example.com/org/none:1", &[])]));
    assert!(matches!(missing, PlanError::Source { .. }), "{missing:?}");
    let unreadable = plan(needing("shop", &[("Not A Reference", &[])]));
    assert!(matches!(unreadable, PlanError::DependencyReference { .. }), "{unreadable:?}");
    let unread = plan(bundle("shop", "1.0.0", &json!({ "custom": { "io.cnab.dependencies": 7 } })));
    assert!(matches!(unread, PlanError::Dependencies { .. }), "{unread:?}");
    // Each needs the next, and there is no last one.
    let sink = LayoutSink::open(&sides.path("layout")).unwrap();
    for number in 0..1_100 {
        let next = format!("example.com/org/chain:{}", number + 1);
        give_bundle(&sink, &format!("example.com/org/chain:{number}"), &needing("chain", &[(&next, &[])]), &[]);
    }
    sink.finish().unwrap();
    let endless = plan(needing("shop", &[("example.com/org/chain:0", &[])]));
    assert!(matches!(endless, PlanError::TooManyDependencies), "{endless:?}");
}
