//! Content of every form crosses byte for byte: from a registry into an archive, and from there into our registry, those of others, and a
//! layout.

use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_core::delivery_file::{DeliveryFile, DeliveryFileError, DeliveryForm};
use sealift_core::export::{ExportRequest, ItemOrigin, ItemRequest, PlanError, SourceReference};
use sealift_core::import::{DeliveryError, Destination, ImportError, Naming};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::media_type::{DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ForeignLayers, ManifestBytes, ManifestError, Platforms, Reference};
use sealift_core::progress::Unwatched;
use sealift_core::registry::{RegistryError, RegistrySink, RegistrySource, own_remedy};
use sealift_core::remedy::{Interrupter, Remediable as _, Remedy, Sought};
use sealift_core::transfer::{SinkError, Source, Workers};
use sealift_core::verify::Selection;
use sealift_tests::crossing::{Crossing, IMAGE, Refused};
use sealift_tests::images::Image;
use sealift_tests::real_registry;
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::{Value, json};

use super::client;

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// An index of layers, as BuildKit writes its cache.
const OF_LAYERS: &str = "BuildKit's cache, as an index of layers";

/// The descriptor of a content, with these members too.
fn described(media_type: &str, content: &[u8], more: &Value) -> Value {
    let mut descriptor = json!({"mediaType": media_type, "digest": Digest::sha256(content), "size": content.len()});
    descriptor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    descriptor
}

/// A manifest with this configuration and these layers, each with what else its descriptor says.
fn made(config: (&str, &[u8], Value), layers: &[(&str, &[u8], Value)], more: &Value) -> Image {
    made_as(OCI_MANIFEST, config, layers, more)
}

/// The same as a manifest of this media type.
fn made_as(media_type: &str, config: (&str, &[u8], Value), layers: &[(&str, &[u8], Value)], more: &Value) -> Image {
    let list = |(media_type, content, more): &(&str, &[u8], Value)| described(media_type, content, more);
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": list(&config),
        "layers": layers.iter().map(list).collect::<Vec<_>>(),
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let bytes = manifest.to_string().into_bytes();
    let blobs = layers.iter().chain([&config]).map(|(media_type, content, _)| {
        let descriptor = Descriptor::of(media_type, content);
        (descriptor.digest.clone(), (descriptor, content.to_vec()))
    });
    let manifests = vec![ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap()];
    Image { manifests, blobs: blobs.collect() }
}

/// An index that lists layers, or other blobs.
fn listed(layers: &[(&str, &[u8])]) -> Image {
    let manifests: Vec<Value> =
        layers.iter().map(|(media_type, content)| described(media_type, content, &json!({}))).collect();
    let bytes = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string().into_bytes();
    let blobs = layers.iter().map(|(media_type, content)| {
        let descriptor = Descriptor::of(media_type, content);
        (descriptor.digest.clone(), (descriptor, content.to_vec()))
    });
    let manifests = vec![ManifestBytes::new(Descriptor::of(OCI_INDEX, &bytes), bytes).unwrap()];
    Image { manifests, blobs: blobs.collect() }
}

/// An image with these layers.
fn layered(layers: &[(&str, &[u8], Value)]) -> Image {
    let config = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    made((OCI_CONFIG, config, json!({})), layers, &json!({}))
}

/// One of every form.
fn forms() -> Vec<(&'static str, Image)> {
    let none = || json!({});
    // The beginning of a zstd frame, and of a gzip member: what follows is nobody's concern here.
    let zstd: &[u8] = b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello";
    let gzip: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff and more";
    let chunked = json!({"annotations": {
        "io.github.containers.zstd-chunked.manifest-checksum": Digest::sha256(b"a table of contents"),
        "io.github.containers.zstd-chunked.manifest-position": "5:10:15:1",
    }});
    let stargz = json!({"annotations": {
        "containerd.io/snapshot/stargz/toc.digest": Digest::sha256(b"a table of contents"),
        "io.containers.estargz.uncompressed-size": "1024",
    }});
    let inline = json!({"data": "e30="});
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
    let nested = Image::index(&[Image::index(&[on("linux/amd64"), on("linux/arm64")]), on("windows/amd64")]);
    let statement = |image: &Image| {
        json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p", "predicate": {},
            "subject": [{"name": "_", "digest": {"sha256": image.root().descriptor().digest.hex()}}],
        })
        .to_string()
    };
    let attested = on("linux/amd64");
    let cache = "application/vnd.buildkit.cacheconfig.v0";
    vec![
        ("zstd", layered(&[("application/vnd.oci.image.layer.v1.tar+zstd", zstd, none())])),
        ("zstd:chunked", layered(&[("application/vnd.oci.image.layer.v1.tar+zstd", zstd, chunked)])),
        ("eStargz", layered(&[("application/vnd.oci.image.layer.v1.tar+gzip", gzip, stargz)])),
        ("uncompressed", layered(&[("application/vnd.oci.image.layer.v1.tar", &[0; 1024], none())])),
        ("an empty layer", layered(&[("application/vnd.oci.image.layer.v1.tar", b"", none())])),
        ("no layers", layered(&[])),
        ("twice the same layer", layered(&[("text/plain", b"a", none()), ("text/plain", b"a", none())])),
        (
            "a Helm chart",
            made(
                ("application/vnd.cncf.helm.config.v1+json", b"{\"name\":\"shop\"}", none()),
                &[(chart, gzip, none())],
                &none(),
            ),
        ),
        (
            "a WASM module",
            made(
                ("application/vnd.wasm.config.v0+json", b"{}", none()),
                &[("application/wasm", b"\0asm\x01\0\0\0", none())],
                &none(),
            ),
        ),
        (
            "an artifact of ORAS",
            made(
                (EMPTY, b"{}", inline.clone()),
                &[(
                    "application/vnd.example.thing",
                    b"a thing",
                    json!({"annotations": {"org.opencontainers.image.title": "thing"}}),
                )],
                &json!({"artifactType": "application/vnd.example.thing", "annotations": {"a": "b"}}),
            ),
        ),
        (
            "inline data",
            made((EMPTY, b"{}", inline.clone()), &[(EMPTY, b"{}", inline)], &json!({"artifactType": "a/b"})),
        ),
        ("nested indexes", nested),
        ("BuildKit's attestation", Image::with_buildkit_attestation(&attested, statement(&attested).as_bytes())),
        (
            OF_LAYERS,
            listed(&[
                ("application/vnd.oci.image.layer.v1.tar+gzip", gzip),
                ("application/vnd.oci.image.layer.v1.tar", b""),
                (cache, b"{\"layers\":[]}"),
            ]),
        ),
        (
            "BuildKit's cache, as an image",
            made(
                (cache, b"{\"layers\":[]}", none()),
                &[("application/vnd.oci.image.layer.v1.tar+gzip", gzip, none())],
                &none(),
            ),
        ),
    ]
}

/// Everything of an image is at a place, byte for byte.
fn is_there(source: &dyn Source, name: &Reference, image: &Image, form: &str) {
    let root = source.resolve(name).unwrap_or_else(|error| panic!("{form}: {error}"));
    assert_eq!(root.bytes(), image.root().bytes(), "{form}");
    for manifest in &image.manifests {
        let found = source.manifest(name.repository(), manifest.descriptor()).unwrap();
        assert_eq!(found.bytes(), manifest.bytes(), "{form}");
    }
    for (descriptor, content) in image.blobs.values() {
        let mut found = Vec::new();
        source.blob(name.repository(), descriptor).unwrap().read_to_end(&mut found).unwrap();
        assert_eq!(found, *content, "{form}");
    }
}

fn request(registry: &str) -> ExportRequest {
    let reference: Reference = format!("{registry}/org/app:1").parse().unwrap();
    let place = SourceReference { source: Arc::new(RegistrySource::new(client())), reference };
    ExportRequest::new(vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }])
}

fn into_registry(crossing: &mut Crossing, archive: &[u8], domain: &str) -> Result<Reference, Refused> {
    let (domain, prefix, naming) = (domain.to_owned(), String::new(), Naming::Flat);
    let name = format!("{domain}/org/app:1").parse().unwrap();
    crossing.far.destination = Destination::Registry { domain, prefix, naming };
    crossing.far.import_from(&mut &*archive, &RegistrySink::new(client())).map(|_| name)
}

#[test]
fn every_form_crosses_byte_for_byte() {
    let others: Vec<_> = real_registry::each().collect();
    for (form, image) in forms() {
        let mut crossing = Crossing::of_images();
        let (near, far) = (Registry::start(), Registry::start());
        let name = format!("{}/org/app:1", near.domain()).parse().unwrap();
        image.push(&RegistrySink::new(client()), &name).unwrap();
        let archive = crossing.export(&request(&near.domain())).unwrap_or_else(|error| panic!("{form}: {error:?}"));
        let layout = crossing.path("there");
        let destination = Destination::Layout { folder: layout.clone() };
        crossing.far.destination = destination;
        crossing.far.import_from(&mut archive.as_slice(), &LayoutSink::open(&layout).unwrap()).unwrap();
        is_there(&LayoutSource::open(&layout).unwrap(), &IMAGE.parse().unwrap(), &image, form);
        let name = into_registry(&mut crossing, &archive, &far.domain()).unwrap();
        is_there(&RegistrySource::new(client()), &name, &image, form);
        for other in &others {
            crossing.far.store().begin().unwrap().reset_deliveries(None).unwrap();
            let product = other.product;
            match into_registry(&mut crossing, &archive, &other.domain()) {
                Ok(name) => is_there(&RegistrySource::new(client()), &name, &image, form),
                Err(Refused::Import(ImportError::Delivery(DeliveryError::NotSeen {
                    source: SinkError::Missing(_),
                    ..
                }))) if form == OF_LAYERS && !product.takes_indexes_of_layers => {}
                Err(error) => panic!("{form} in {}: {error:?}", product.name),
            }
        }
        // And once more, out of the layout.
        let place = SourceReference {
            source: Arc::new(LayoutSource::open(&layout).unwrap()),
            reference: IMAGE.parse().unwrap(),
        };
        let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
        assert_eq!(crossing.export(&ExportRequest::new(items)).unwrap(), archive, "{form}: the same archive");
    }
}

#[test]
fn docker_schema_1_is_refused_by_that_name() {
    let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let document = br#"{"schemaVersion":1,"name":"org/app","tag":"1","fsLayers":[],"history":[]}"#;
    for media_type in [signed, "application/json"] {
        let near = Registry::start();
        let key = ("org/app".to_owned(), "1".to_owned());
        near.state().manifests.insert(key, (media_type.to_owned(), document.to_vec()));
        let Err(Refused::Plan(PlanError::Source { source, .. })) =
            Crossing::of_images().export(&request(&near.domain()))
        else {
            panic!("{media_type}: not refused for what it is")
        };
        match source.reason() {
            Some(RegistryError::Manifest { source, .. }) if matches!(**source, ManifestError::DockerSchema1) => {}
            other => panic!("{media_type}: {other:?}"),
        }
        assert!(super::explain(&source).contains("schema 1"), "{}", super::explain(&source));
    }
}

/// An image of Windows, whose first layer registries are not meant to distribute.
fn windows() -> Image {
    windows_in_the_form(OCI_MANIFEST)
}

/// The same as an OCI manifest or as Docker's.
fn windows_in_the_form(media_type: &str) -> Image {
    let (configuration, foreign, layer) = match media_type {
        OCI_MANIFEST => (
            OCI_CONFIG,
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.v1.tar",
        ),
        _ => (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
    };
    let content = br#"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let urls = json!({"urls": ["https://example.com/layer"]});
    let layers: [(&str, &[u8], Value); 2] =
        [(foreign, b"a base of Windows", urls), (layer, b"what is on top", json!({}))];
    made_as(media_type, (configuration, content, json!({})), &layers, &json!({}))
}

#[test]
fn foreign_layers_are_carried_where_they_are_there() {
    let (mut crossing, near, far) = (Crossing::of_images(), Registry::start(), Registry::start());
    let image = windows();
    image.push(&RegistrySink::new(client()), &format!("{}/org/app:1", near.domain()).parse().unwrap()).unwrap();
    let archive = crossing.export(&request(&near.domain())).unwrap();
    let name = into_registry(&mut crossing, &archive, &far.domain()).unwrap();
    is_there(&RegistrySource::new(client()), &name, &image, "foreign layers");
    assert!(crossing.far.verify(&archive).report().items[0].left_out.is_empty());
}

#[test]
fn foreign_layers_that_are_not_there_are_called_by_that_name_and_can_be_left_out() {
    let (mut crossing, near, far) = (Crossing::of_images(), Registry::start(), Registry::start());
    let mut image = windows();
    let foreign = Digest::sha256(b"a base of Windows");
    image.blobs.remove(&foreign);
    image.push(&RegistrySink::new(client()), &format!("{}/org/app:1", near.domain()).parse().unwrap()).unwrap();
    match crossing.export(&request(&near.domain())) {
        Err(Refused::Plan(error @ PlanError::ForeignLayer { .. })) => {
            let text = super::explain(&error);
            assert!(text.contains("foreign layer") && text.contains(&foreign.to_string()), "{text}");
        }
        other => panic!("{:?}", other.map(|archive| archive.len())),
    }
    let request = ExportRequest { foreign_layers: ForeignLayers::LeaveOut, ..request(&near.domain()) };
    let archive = crossing.export(&request).unwrap();
    let report = crossing.far.verify(&archive).report();
    assert_eq!(report.items[0].left_out.foreign_layers, std::slice::from_ref(&foreign));
    let name = into_registry(&mut crossing, &archive, &far.domain()).unwrap();
    is_there(&RegistrySource::new(client()), &name, &image, "without its foreign layer");
    // A layout takes it too.
    let layout = crossing.path("there");
    crossing.far.destination = Destination::Layout { folder: layout.clone() };
    crossing.far.import_from(&mut archive.as_slice(), &LayoutSink::open(&layout).unwrap()).unwrap();
    is_there(&LayoutSource::open(&layout).unwrap(), &IMAGE.parse().unwrap(), &image, "in a layout");
    // What lists each layer by its file does not.
    let (path, mut judged) = (crossing.path("out.tar"), crossing.far.judge(&*archive).unwrap());
    let refused = DeliveryFile::of(&path, DeliveryForm::DockerArchive, &mut judged, &Selection::default()).err();
    let Some(DeliveryFileError::NotWhole { left_out, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(
        (left_out.as_slice(), refused.as_ref().unwrap().remedy()),
        (&[foreign.to_string()][..], Remedy::DeliverWhole)
    );
    assert!(!path.exists());
}

#[test]
fn registries_of_others_do_not_ask_for_foreign_layers() {
    let (mut crossing, near) = (Crossing::of_images(), Registry::start());
    for registry in real_registry::each() {
        for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
            let mut image = windows_in_the_form(media_type);
            image.blobs.remove(&Digest::sha256(b"a base of Windows"));
            let name = format!("{}/org/app:1", near.domain()).parse().unwrap();
            image.push(&RegistrySink::new(client()), &name).unwrap();
            let request = ExportRequest { foreign_layers: ForeignLayers::LeaveOut, ..request(&near.domain()) };
            let archive = crossing.export(&request).unwrap();
            match into_registry(&mut crossing, &archive, &registry.domain()) {
                Ok(name) => is_there(&RegistrySource::new(client()), &name, &image, media_type),
                Err(_) if media_type == DOCKER_MANIFEST && !registry.product.takes_dockers_foreign_layers => {}
                Err(error) => panic!("{media_type}: {error:?}"),
            }
            crossing.far.store().begin().unwrap().reset_deliveries(None).unwrap();
        }
    }
}

#[test]
fn an_image_in_an_index_is_without_its_foreign_layers_wherever_it_is() {
    let (mut crossing, near, far) = (Crossing::of_images(), Registry::start(), Registry::start());
    let linux = Image::new("linux/amd64", &[("a", b"a")]);
    let windows = windows();
    let platform = json!({"os": "windows", "architecture": "amd64"});
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [linux.root().descriptor(), described(OCI_MANIFEST, windows.root().bytes(), &json!({"platform": platform}))],
    });
    let mut image = Image::index(&[linux, windows]).with_manifest(&index);
    image.blobs.remove(&Digest::sha256(b"a base of Windows"));
    image.push(&RegistrySink::new(client()), &format!("{}/org/app:1", near.domain()).parse().unwrap()).unwrap();
    let request = ExportRequest { foreign_layers: ForeignLayers::LeaveOut, ..request(&near.domain()) };
    let archive = crossing.export(&request).unwrap();
    let record = crossing.far.judge(archive.as_slice()).unwrap().inventory().all_images().next().unwrap().clone();
    assert_eq!((record.platforms.len(), record.left_out.foreign_layers.len()), (2, 1), "every platform is there");
    let name = into_registry(&mut crossing, &archive, &far.domain()).unwrap();
    is_there(&RegistrySource::new(client()), &name, &image, "without its foreign layer");
}

#[test]
fn a_manifest_that_is_refused_for_another_reason_is_not_taken_for_one_without_platforms() {
    let (mut crossing, near, far) = (Crossing::of_images(), Registry::start(), Registry::start());
    let platform = json!({"os": "windows", "architecture": "amd64"});
    let (linux, windows) = (Image::new("linux/amd64", &[("a", b"a")]), windows());
    let listed = described(OCI_MANIFEST, windows.root().bytes(), &json!({"platform": platform}));
    let refused = windows.root().descriptor().digest.to_string();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [linux.root().descriptor(), listed]});
    let image = Image::index(&[linux, windows]).with_manifest(&index);
    image.push(&RegistrySink::new(client()), &format!("{}/org/app:1", near.domain()).parse().unwrap()).unwrap();
    let platforms = Platforms::Only(vec!["windows/amd64".parse().unwrap()]);
    let foreign_layers = ForeignLayers::LeaveOut;
    let archive = crossing.export(&ExportRequest { platforms, foreign_layers, ..request(&near.domain()) }).unwrap();
    // distribution answers some of this as a failure of its own.
    let plain = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    let among_others = r#"{"errors":[{"code":"UNKNOWN","message":"unknown error"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    for (status, body) in [(400, plain), (500, among_others)] {
        let answer = Answer::new(status, &[], body.into());
        far.state().faults = vec![Fault::always("PUT", &refused, Action::Answer(answer))];
        let before = far.count("PUT", &refused);
        match into_registry(&mut crossing, &archive, &far.domain()) {
            Err(Refused::Import(ImportError::Delivery(error))) => {
                let DeliveryError::NotSeen { source, .. } = &error else { panic!("{error:?}") };
                assert!(matches!(source.reason(), Some(RegistryError::ListedMissing { .. })), "{source:?}");
                assert!(error.to_string().contains(&refused), "{error}");
                assert_eq!(error.remedy(), Remedy::AllowForeignLayers, "nothing that --sparse says would help");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(far.count("PUT", &refused) - before, 3, "{status}: somebody else may just be storing it");
    }
}

#[test]
fn what_an_index_lists_with_a_type_that_is_not_known_is_carried_as_it_is() {
    for media_type in ["application/vnd.oci.artifact.manifest.v1+json", "application/vnd.example.thing"] {
        let (mut crossing, near, far) = (Crossing::of_images(), Registry::start(), Registry::start());
        let image = Image::index(&[Image::new("linux/amd64", &[("a", b"a")]), Image::new("linux/arm64", &[])]);
        let opaque = Descriptor::of(media_type, b"something");
        let mut document: serde_json::Value = serde_json::from_slice(image.root().bytes()).unwrap();
        document["manifests"].as_array_mut().unwrap().push(serde_json::to_value(&opaque).unwrap());
        let mut image = image.with_manifest(&document);
        let name: Reference = format!("{}/org/app:1", near.domain()).parse().unwrap();
        image.blobs.insert(opaque.digest.clone(), (opaque.clone(), b"something".to_vec()));
        image.push(&RegistrySink::new(client()), &name).unwrap();
        for is_stored_as_manifest in [false, true] {
            let key = ("org/app".to_owned(), opaque.digest.to_string());
            if is_stored_as_manifest {
                let bytes = near.state().blobs.remove(&key).unwrap();
                near.state().manifests.insert(key.clone(), (media_type.to_owned(), bytes));
            }
            let archive = crossing.export(&request(&near.domain())).unwrap();
            into_registry(&mut crossing, &archive, &far.domain()).unwrap();
            let there = far.state().blobs.keys().any(|(_, digest)| *digest == opaque.digest.to_string());
            assert!(there, "{media_type} {is_stored_as_manifest}");
            assert_eq!(crossing.far.verify(&archive).report().items[0].left_out.manifests, []);
        }
        // Nobody knows for which platform it is.
        let platforms = Platforms::Only(vec!["linux/amd64".parse().unwrap()]);
        let archive = crossing.export(&ExportRequest { platforms, ..request(&near.domain()) }).unwrap();
        let report = crossing.far.verify(&archive).report();
        assert_eq!(report.items[0].left_out.manifests, [opaque.digest]);
        assert_eq!(report.items[0].platforms, ["linux/amd64"]);
        into_registry(&mut crossing, &archive, &far.domain()).unwrap();
    }
}

#[test]
fn what_a_registry_keeps_from_us_is_not_said_to_be_missing_and_what_is_missing_is() {
    let (crossing, near) = (Crossing::of_images(), Registry::start());
    let (one, other) = (Image::new("linux/amd64", &[("a", b"a")]), Image::new("linux/arm64", &[("b", b"b")]));
    let child = other.root().descriptor().digest.to_string();
    let image = Image::index(&[one, other]);
    image.push(&RegistrySink::new(client()), &format!("{}/org/app:1", near.domain()).parse().unwrap()).unwrap();
    let host = near.domain();
    let denied = Remedy::AskForAccess { host: host.clone() };
    let again = Remedy::Resume { check: Interrupter::Network };
    let log_in = Remedy::LogIn { registry: Some(host.clone()) };
    let name = request(&host).items[0].name.clone();
    let of_item = Remedy::ExportFromElsewhere { wanted: Some(Sought::Item { name }) };
    for (status, of_manifest, of_blob) in [
        (401, Some(&log_in), &log_in),
        (403, Some(&denied), &denied),
        (404, None, &Remedy::PushImageAgain),
        (410, None, &Remedy::PushImageAgain),
        (451, Some(&of_item), &Remedy::ExportFromElsewhere { wanted: None }),
        (503, Some(&Remedy::CheckNetwork), &again),
    ] {
        let answers = |path: &str| near.state().faults = vec![Fault::always("GET", path, Action::status(status, &[]))];
        answers(&child);
        let refused = crossing.prepare(&request(&host)).err();
        let Some(Refused::Plan(error)) = refused else { panic!("{status}: {refused:?}") };
        assert_eq!(matches!(error, PlanError::Unavailable { .. }), of_manifest.is_some(), "{status}: {error:?}");
        let remedy = own_remedy(&error).unwrap_or_else(|| error.remedy());
        assert_eq!(&remedy, of_manifest.unwrap_or(&Remedy::PushImageOrChoosePlatforms), "{status}: {error:?}");
        answers("/blobs/");
        let prepared = crossing.prepare(&request(&host)).unwrap();
        let error = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap_err();
        let remedy = own_remedy(&error).unwrap_or_else(|| error.remedy());
        assert_eq!(&remedy, of_blob, "{status}: {error:?}");
    }
}
