//! Images of which some platforms were left behind: what becomes of their indexes, in registries that ask for everything and in
//! others, and in layouts.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sealift_core::delivery_file::{DeliveryFile, DeliveryForm};
use sealift_core::export::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, PlanError, SourceReference};
use sealift_core::import::{
    Delivered, DeliveredForm, DeliveredPart, DeliveryError, Destination, ImportError, Naming, Sparse,
};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::{Descriptor, Document, ManifestBytes, Platforms, Reference, sparse::MADE_FROM};
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::Source as _;
use sealift_tests::crossing::{Crossing, IMAGE, Refused};
use sealift_tests::images::Image;
use sealift_tests::outside_programs;
use sealift_tests::real_registry::{self, RealRegistry};
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::json;

use super::client;

const BUNDLE: &str = "example.com/org/shop:1";

fn three_platforms(name: &str) -> Image {
    let on = |platform: &str| Image::new(platform, &[("base", b"the same"), (name, platform.as_bytes())]);
    Image::index(&[on("linux/amd64"), on("linux/arm64"), on("windows/amd64")])
}

fn only(platforms: &[&str]) -> Platforms {
    Platforms::Only(platforms.iter().map(|platform| platform.parse().unwrap()).collect())
}

/// An archive with these platforms of an image of three.
fn partial(image: &Image, platforms: &[&str]) -> (Crossing, Vec<u8>) {
    let crossing = Crossing::of_images();
    crossing.publish_image(image, &[]);
    let request = ExportRequest { platforms: only(platforms), ..crossing.request() };
    let archive = crossing.export(&request).unwrap();
    (crossing, archive)
}

fn deliver(crossing: &mut Crossing, archive: &[u8], domain: &str) -> Result<Delivered, Refused> {
    let naming = Naming::Flat;
    crossing.far.destination = Destination::Registry { domain: domain.to_owned(), prefix: String::new(), naming };
    crossing.far.import_from(&mut &*archive, &RegistrySink::new(client()))
}

/// Copies one platform out of a place, as a client there would.
fn skopeo_copies(from: &str, architecture: &str) {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    let folder = tempfile::tempdir().unwrap();
    let to = format!("dir:{}", folder.path().join("copy").display());
    let mut command = Command::new(skopeo);
    command.args(["--insecure-policy", "--override-os", "linux", "--override-arch", architecture, "copy"]);
    let output = command.args(["--src-tls-verify=false", from, &to]).output().unwrap();
    assert!(output.status.success(), "{from}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Registries of others that refuse an index of which something is missing.
fn those_that_ask_for_all() -> impl Iterator<Item = RealRegistry> {
    real_registry::each().filter(|registry| registry.product.asks_for_every_platform)
}

fn resolve(reference: &str) -> sealift_core::oci::ManifestBytes {
    RegistrySource::new(client()).resolve(&reference.parse().unwrap()).unwrap()
}

#[test]
fn the_one_platform_that_is_carried_gets_the_tag_where_a_registry_asks_for_all() {
    for registry in those_that_ask_for_all() {
        let image = three_platforms("app");
        let (mut crossing, archive) = partial(&image, &["linux/amd64"]);
        let tag = format!("{}/org/app:1", registry.domain());
        for attempt in 0..2 {
            let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            assert_eq!((set.reference.as_str(), set.form), (tag.as_str(), DeliveredForm::OnePlatform), "{attempt}");
            assert_eq!(set.digest, image.manifests[0].descriptor().digest);
            assert_eq!(set.carried, image.root().descriptor().digest);
            assert_eq!(set.before.as_ref(), (attempt > 0).then_some(&set.digest), "new, and then as it was");
            assert_eq!(resolve(&tag).bytes(), image.manifests[0].bytes());
        }
        // What was signed is what is remembered.
        let deliveries = crossing.far.store().deliveries().unwrap();
        assert_eq!(deliveries.tag(&tag).unwrap().digest, image.root().descriptor().digest);
        skopeo_copies(&format!("docker://{tag}"), "amd64");
    }
}

#[test]
fn several_platforms_get_an_index_that_is_made_the_same_everywhere_and_says_so() {
    for first in those_that_ask_for_all() {
        let second = first.product.start();
        let image = three_platforms("app");
        let (mut crossing, archive) = partial(&image, &["linux/amd64", "linux/arm64"]);
        let mut made = Vec::new();
        for registry in [&first, &second, &second] {
            let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            assert_eq!(set.form, DeliveredForm::MadeHere);
            assert_eq!(set.carried, image.root().descriptor().digest);
            made.push(set.digest.clone());
        }
        assert!(
            made.iter().all(|digest| *digest == made[0] && *digest != image.root().descriptor().digest),
            "{made:?}"
        );
        let tag = format!("{}/org/app:1", first.domain());
        let index = resolve(&tag);
        let Document::Index(document) = index.document() else { panic!("not an index") };
        let listed: Vec<_> = document.manifests.iter().map(|child| &child.digest).collect();
        assert_eq!(listed, [0, 1].map(|at| &image.manifests[at].descriptor().digest));
        assert!(document.manifests.iter().all(|child| child.platform.is_some()), "as the signed index lists them");
        let signed = image.root().descriptor().digest.to_string();
        assert_eq!(document.annotations.get(MADE_FROM), Some(signed.as_str()));
        for architecture in ["amd64", "arm64"] {
            skopeo_copies(&format!("docker://{tag}"), architecture);
        }
    }
}

#[test]
fn what_is_carried_of_nested_indexes_is_listed_at_the_top_with_its_platforms() {
    let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
    let unstated = |platform: &str| on(platform).without_platform();
    let pair = || Image::index(&[on("linux/amd64"), on("linux/arm64")]);
    let nested = Image::index(&[pair(), on("linux/s390x")]);
    let deep = Image::index(&[Image::index(&[pair()]), Image::index(&[on("linux/s390x")])]);
    let by_configuration =
        Image::index(&[unstated("linux/arm64"), Image::index(&[unstated("linux/amd64"), unstated("linux/s390x")])]);
    // What a nested index is for, what is in it is for.
    let mut for_arm = Image::index(&[unstated("linux/arm64")]);
    let root = for_arm.manifests.pop().unwrap();
    let described = Descriptor { platform: "linux/arm64/v8".parse().ok(), ..root.descriptor().clone() };
    for_arm.manifests.push(ManifestBytes::new(described, root.bytes().to_vec()).unwrap());
    let inherited = Image::index(&[on("linux/amd64"), for_arm, on("linux/s390x")]);
    let cases = [
        (&deep, &["linux/amd64"][..], &[][..]),
        (&nested, &["linux/amd64"], &[]),
        (&nested, &["linux/s390x"], &[]),
        (&nested, &["linux/amd64", "linux/arm64"], &["linux/amd64", "linux/arm64"]),
        (&nested, &["linux/amd64", "linux/s390x"], &["linux/amd64", "linux/s390x"]),
        (&deep, &["linux/arm64", "linux/s390x"], &["linux/arm64", "linux/s390x"]),
        (&by_configuration, &["linux/arm64", "linux/amd64"], &["linux/arm64", "linux/amd64"]),
        (&by_configuration, &["linux/amd64"], &[]),
        (&inherited, &["linux/amd64", "linux/arm64"], &["linux/amd64", "linux/arm64/v8"]),
    ];
    for registry in those_that_ask_for_all() {
        for (number, (image, chosen, listed)) in cases.iter().enumerate() {
            let (mut crossing, archive) = partial(image, chosen);
            let (domain, naming) = (registry.domain(), Naming::Flat);
            crossing.far.destination = Destination::Registry { domain, prefix: format!("case{number}"), naming };
            let delivered = crossing.far.import_from(&mut &*archive, &RegistrySink::new(client())).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            let there = resolve(&set.reference);
            assert_eq!(there.descriptor().digest, set.digest);
            match there.document() {
                Document::Image(_) => {
                    assert_eq!((set.form, listed.len()), (DeliveredForm::OnePlatform, 0), "{number}");
                    let plain = on(chosen[0]);
                    assert_eq!(there.bytes(), plain.root().bytes(), "{number}");
                }
                Document::Index(index) => {
                    assert_eq!(set.form, DeliveredForm::MadeHere, "{number}");
                    let platforms = index.manifests.iter().map(|child| child.platform.as_ref().unwrap().to_string());
                    assert_eq!(platforms.collect::<Vec<_>>(), *listed, "{number}");
                }
            }
            for platform in *chosen {
                skopeo_copies(&format!("docker://{}", set.reference), platform.strip_prefix("linux/").unwrap());
            }
        }
    }
}

/// Go's tools write `{"architecture": "", "os": ""}` for what has no platform, and others `{}`.
#[test]
fn a_platform_that_says_nothing_is_none_and_the_configuration_decides() {
    let plain = three_platforms("app");
    for stated in [
        json!({}),
        json!(null),
        json!({ "architecture": "", "os": "" }),
        json!({ "architecture": null, "os": null }),
        json!({ "os": "", "variant": "" }),
    ] {
        let mut index: serde_json::Value = serde_json::from_slice(plain.root().bytes()).unwrap();
        for entry in index["manifests"].as_array_mut().unwrap() {
            entry["platform"] = stated.clone();
        }
        let image = plain.clone().with_manifest(&index);
        let (mut crossing, archive) = partial(&image, &["linux/amd64", "linux/arm64"]);
        for registry in those_that_ask_for_all() {
            let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            let made = resolve(&set.reference);
            let Document::Index(made) = made.document() else { panic!("an index") };
            let platforms = made.manifests.iter().map(|child| child.platform.as_ref().unwrap().to_string());
            assert_eq!(platforms.collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"], "{stated}");
        }
        let whole = crossing.archive();
        let registry = Registry::start();
        let delivered = deliver(&mut crossing, &whole, &registry.domain()).unwrap();
        assert_eq!(delivered.tags[0].digest, image.root().descriptor().digest, "{stated}");
    }
    // Others take a half of one for a platform.
    for half in [
        json!({ "os": "linux" }),
        json!({ "os": "", "architecture": "arm64" }),
        json!({ "variant": "v8" }),
        json!({ "os": 7, "architecture": "amd64" }),
    ] {
        let mut index: serde_json::Value = serde_json::from_slice(plain.root().bytes()).unwrap();
        index["manifests"][0]["platform"] = half.clone();
        let bytes = index.to_string().into_bytes();
        let descriptor = Descriptor::of(&plain.root().descriptor().media_type, &bytes);
        assert!(ManifestBytes::new(descriptor, bytes).is_err(), "{half}");
    }
}

#[test]
fn a_name_by_digest_is_new_once_and_has_the_digest_that_is_there() {
    let image = three_platforms("app");
    let mut crossing = Crossing::of_images();
    crossing.publish_image(&image, &[]);
    crossing.policy("minimum_level = \"0\"\n");
    let signed = image.root().descriptor().digest.clone();
    let name = format!("example.com/org/app@{signed}");
    let items = vec![ItemRequest { name: name.clone(), origin: ItemOrigin::Image(crossing.place(&name)) }];
    let request = ExportRequest { items, ..crossing.request() };
    let whole = crossing.export(&request).unwrap();
    let of =
        |platforms: &[&str]| crossing.export(&ExportRequest { platforms: only(platforms), ..request.clone() }).unwrap();
    let (partial, two) = (of(&["linux/amd64"]), of(&["linux/amd64", "linux/arm64"]));
    for registry in those_that_ask_for_all() {
        let only = image.manifests[0].descriptor();
        for before in [None, Some(only.digest.clone())] {
            let delivered = deliver(&mut crossing, &partial, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            assert_eq!((set.form, &set.digest, &set.carried), (DeliveredForm::OnePlatform, &only.digest, &signed));
            assert_eq!(set.reference, format!("{}/org/app@{}", registry.domain(), only.digest));
            assert_eq!(resolve(&set.reference).bytes(), image.manifests[0].bytes());
            assert_eq!(set.before, before, "new, and then as it was");
        }
        for is_new in [true, false] {
            let delivered = deliver(&mut crossing, &two, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            assert_eq!(set.form, DeliveredForm::MadeHere);
            assert_eq!(set.before.as_ref(), (!is_new).then_some(&set.digest), "new, and then as it was");
            // No configuration of a mirror can lead to the digest that was signed, and this is said.
            let [relocated] = delivered.relocated.as_slice() else { panic!("{:?}", delivered.relocated) };
            let said = relocated.not_found().unwrap();
            let instead = format!("it is found as {}/org/app@{}", registry.domain(), set.digest);
            assert!(
                said.starts_with(&format!("example.com/org/app@{signed} is not there")) && said.ends_with(&instead),
                "{said}"
            );
        }
        for before in [None, Some(signed.clone())] {
            let delivered = deliver(&mut crossing, &whole, &registry.domain()).unwrap();
            let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
            assert_eq!(set.reference, format!("{}/org/app@{signed}", registry.domain()));
            assert_eq!(set.before, before, "new, and then as it was");
            assert_eq!(delivered.relocated[0].not_found(), None);
        }
    }
}

#[test]
fn a_file_of_dockers_says_which_image_it_has() {
    let image = three_platforms("app");
    let (mut crossing, archive) = partial(&image, &["linux/amd64"]);
    let path = crossing.path("delivered.tar");
    crossing.far.destination = Destination::File { form: DeliveryForm::DockerArchive };
    let file = DeliveryFile::begin(&path, DeliveryForm::DockerArchive).unwrap();
    let delivered = crossing.far.import_from(&mut &*archive, &file).unwrap();
    let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
    let only = &image.manifests[0].descriptor().digest;
    assert_eq!((set.form, &set.digest), (DeliveredForm::OnePlatform, only));
    assert_eq!(set.carried, image.root().descriptor().digest);
    let mapped: Vec<_> = delivered.relocation.iter().map(|(_, place)| place.to_owned()).collect();
    assert_eq!(mapped, [format!("example.com/org/app@{only}")]);
}

#[test]
fn the_signed_index_is_delivered_where_a_registry_takes_it() {
    let registry = Registry::start();
    let image = three_platforms("app");
    let (mut crossing, archive) = partial(&image, &["linux/amd64"]);
    for sparse in [Sparse::Try, Sparse::Keep] {
        crossing.far.sparse = sparse;
        let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
        assert_eq!(delivered.tags[0].form, DeliveredForm::AsCarried, "{sparse:?}");
        assert_eq!(delivered.tags[0].digest, image.root().descriptor().digest);
    }
    let other = Registry::start();
    crossing.far.sparse = Sparse::Rebuild;
    let delivered = deliver(&mut crossing, &archive, &other.domain()).unwrap();
    assert_eq!(delivered.tags[0].form, DeliveredForm::OnePlatform);
    let signed = format!("manifests/{}", image.root().descriptor().digest);
    assert!(!other.state().received.iter().any(|request| request.is("PUT", &signed)), "it is not tried");
}

#[test]
fn an_index_that_is_refused_is_an_error_where_it_was_to_be_kept() {
    let image = three_platforms("app");
    let (mut crossing, archive) = partial(&image, &["linux/amd64"]);
    crossing.far.sparse = Sparse::Keep;
    // One that says no more than this, as zot does.
    let near = Registry::start();
    let body = br#"{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}"#.to_vec();
    let signed = format!("manifests/{}", image.root().descriptor().digest);
    near.state().faults = vec![Fault::always("PUT", &signed, Action::Answer(Answer::new(400, &[], body)))];
    let others: Vec<RealRegistry> = those_that_ask_for_all().collect();
    for domain in others.iter().map(RealRegistry::domain).chain([near.domain()]) {
        match deliver(&mut crossing, &archive, &domain).err() {
            Some(Refused::Import(ImportError::Delivery(error @ DeliveryError::Manifest { .. }))) => {
                assert_eq!(error.remedy(), Remedy::AllowSparse, "{error:?}");
            }
            other => panic!("{other:?}"),
        }
        assert!(crossing.far.store().deliveries().unwrap().is_empty());
    }
}

#[test]
fn nothing_moves_where_incomplete_images_are_refused() {
    let registry = Registry::start();
    let (mut crossing, archive) = partial(&three_platforms("app"), &["linux/amd64"]);
    crossing.far.sparse = Sparse::Refuse;
    match deliver(&mut crossing, &archive, &registry.domain()).err() {
        Some(Refused::Import(ImportError::Sparse { reference, left_out })) => {
            assert_eq!((reference.as_str(), left_out), (IMAGE, vec!["linux/arm64".into(), "windows/amd64".into()]));
        }
        other => panic!("{other:?}"),
    }
    assert!(registry.state().received.is_empty());
    // A complete image is none of this.
    let whole = crossing.archive();
    assert!(deliver(&mut crossing, &whole, &registry.domain()).is_ok());
}

#[test]
fn only_a_refusal_that_may_be_because_something_is_missing_leads_to_another_index() {
    let image = three_platforms("app");
    let (mut crossing, archive) = partial(&image, &["linux/amd64", "linux/arm64"]);
    let signed = format!("manifests/{}", image.root().descriptor().digest);
    let missing = image.manifests[2].descriptor().digest.to_string();
    let says = |code: &str, message: &str| {
        let body = json!({"errors": [{"code": code, "message": message}]}).to_string().into_bytes();
        Action::Answer(Answer::new(400, &[], body))
    };
    for (answer, is_rebuilt) in [
        (says("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"), true),
        (says("MANIFEST_UNKNOWN", "manifest unknown"), true),
        (says("MANIFEST_INVALID", &format!("images with digests [{missing}] do not exist")), true),
        // Zot says no more of an index that lists what it does not have.
        (says("MANIFEST_INVALID", "manifest invalid"), true),
        (says("DENIED", "the quota is used up"), false),
        (Action::status(403, &[]), false),
    ] {
        let registry = Registry::start();
        registry.state().faults = vec![Fault::always("PUT", &signed, answer)];
        let delivered = deliver(&mut crossing, &archive, &registry.domain());
        match delivered {
            Ok(delivered) if is_rebuilt => assert_eq!(delivered.tags[0].form, DeliveredForm::MadeHere),
            Err(Refused::Import(ImportError::Delivery(DeliveryError::Manifest { .. }))) if !is_rebuilt => {}
            other => panic!("{is_rebuilt}: {:?}", other.map(|delivered| delivered.tags)),
        }
        crossing.far.store().begin().unwrap().reset_deliveries(None).unwrap();
    }
}

/// A layout with two images of three platforms and one of a single platform, and a `bundle.json` that names them.
fn bundle(crossing: &Crossing) -> (ExportRequest, Vec<(&'static str, Image)>) {
    let installer = Image::new("linux/amd64", &[("run", b"install")]);
    let images = vec![
        ("example.com/org/installer:1", installer),
        ("example.com/org/api:1", three_platforms("api")),
        ("example.com/org/web:1", three_platforms("web")),
    ];
    let sink = LayoutSink::open(&crossing.path("layout")).unwrap();
    for (name, image) in &images {
        image.push(&sink, &name.parse().unwrap()).unwrap();
    }
    let named = |at: usize| {
        let (name, image): &(&str, Image) = &images[at];
        json!({"image": name, "imageType": "oci", "contentDigest": image.root().descriptor().digest})
    };
    let bundle_json = json!({
        "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0",
        "invocationImages": [named(0)], "images": {"api": named(1), "web": named(2)},
    });
    let images_from = ImagesFrom::TheirReferences(crossing.layout());
    let origin = ItemOrigin::ThinBundle { bundle_json: bundle_json.to_string().into_bytes(), images: images_from };
    let items = vec![ItemRequest { name: BUNDLE.to_owned(), origin }];
    (ExportRequest { items, ..crossing.request() }, images)
}

#[test]
fn a_bundle_of_incomplete_images_arrives_with_a_mapping_that_works() {
    for registry in those_that_ask_for_all() {
        for platforms in [&["linux/amd64"][..], &["linux/amd64", "linux/arm64"]] {
            let mut crossing = Crossing::of_images();
            let (request, images) = bundle(&crossing);
            let archive = crossing.export(&ExportRequest { platforms: only(platforms), ..request }).unwrap();
            for _ in 0..2 {
                let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
                let [set] = delivered.tags.as_slice() else { panic!("{:?}", delivered.tags) };
                assert_eq!(set.form, DeliveredForm::MadeHere);
                let index = resolve(&set.reference);
                let Document::Index(index) = index.document() else { panic!("not an index") };
                assert_eq!(index.manifests.len(), 1 + images.len(), "the configuration, and every image");
                assert_eq!(delivered.relocation.iter().count(), images.len());
                let is_there = |platform: &&String| platforms.contains(&platform.as_str());
                assert!(!set.without.is_empty() && !set.without.iter().any(|without| is_there(&without)));
                // The installer has one platform, and is whole.
                let parts: Vec<_> = set.parts.iter().map(|part| (part.reference.as_str(), &part.carried)).collect();
                let whole = images[1..].iter().map(|(name, image)| (*name, &image.root().descriptor().digest));
                assert_eq!(parts, whole.collect::<Vec<_>>());
                for DeliveredPart { reference, digest, carried, form } in &set.parts {
                    let one = if platforms.len() == 1 { DeliveredForm::OnePlatform } else { DeliveredForm::MadeHere };
                    assert!(*form == one && digest != carried, "{reference}");
                    let mapped = delivered.relocation.iter().find(|(original, _)| original == reference).unwrap().1;
                    assert!(mapped.ends_with(&format!("@{digest}")), "{mapped}");
                }
                for (original, mapped) in delivered.relocation.iter() {
                    let there = resolve(mapped);
                    let listed = index.manifests.iter().any(|child| child.digest == there.descriptor().digest);
                    assert!(listed, "the index leads to {original} too");
                    skopeo_copies(&format!("docker://{mapped}"), "amd64");
                }
                // What was made here is not the bundle that is signed, and says what it is.
                let source = Arc::new(RegistrySource::new(client()));
                let place = SourceReference { source, reference: set.reference.parse().unwrap() };
                let origin = ItemOrigin::Bundle { place, images: None };
                let again = ExportRequest::new(vec![ItemRequest { name: BUNDLE.to_owned(), origin }]);
                match crossing.export(&again) {
                    Err(Refused::Plan(error @ PlanError::MadeOnImport { .. })) => {
                        assert_eq!(error.remedy(), Remedy::ExportFromWhole);
                    }
                    other => panic!("{:?}", other.map(|archive| archive.len())),
                }
            }
        }
    }
}

#[test]
fn a_layout_keeps_the_signed_index() {
    let image = three_platforms("app");
    let (crossing, archive) = partial(&image, &["linux/amd64"]);
    let delivered = crossing.far.accepts(&archive);
    assert_eq!(delivered.tags[0].form, DeliveredForm::AsCarried);
    let Destination::Layout { folder } = &crossing.far.destination else { panic!("not a layout") };
    let source = LayoutSource::open(folder).unwrap();
    let name: Reference = IMAGE.parse().unwrap();
    assert_eq!(source.resolve(&name).unwrap().bytes(), image.root().bytes());
    let place = |folder: &Path| format!("oci:{}:{IMAGE}", folder.display());
    skopeo_copies(&place(folder), "amd64");
}

#[test]
fn platforms_that_are_not_there_are_an_error_that_lists_what_is_there() {
    let crossing = Crossing::of_images();
    let sink = LayoutSink::open(&crossing.path("layout")).unwrap();
    let attested = attested(&Image::new("linux/amd64", &[("a", b"a")]));
    let nested = Image::index(&[three_platforms("nested")]);
    let unlisted = Image::index(&[Image::new("linux/arm64", &[("a", b"a")]).without_platform()]);
    let three = vec!["linux/amd64", "linux/arm64", "windows/amd64"];
    for (name, image, offered) in [
        ("e.example/index:1", three_platforms("a"), three.clone()),
        ("e.example/nested:1", nested, three),
        ("e.example/attested:1", attested, vec!["linux/amd64"]),
        ("e.example/lone:1", Image::new("linux/arm64", &[("a", b"a")]), vec!["linux/arm64"]),
        ("e.example/unlisted:1", unlisted, vec!["linux/arm64"]),
    ] {
        image.push(&sink, &name.parse().unwrap()).unwrap();
        let export = |platform: &str| {
            crossing.export(&ExportRequest { platforms: only(&[platform]), ..crossing.image_request(name) })
        };
        for absent in ["linux/s390x", "unknown/unknown", "linux/arm64/v9", "Linux/amd64"] {
            match export(absent) {
                Err(Refused::Plan(PlanError::NoPlatform { reference, offered: found })) => {
                    assert_eq!((reference.as_str(), found), (name, offered.iter().map(ToString::to_string).collect()));
                }
                other => panic!("{name} {absent}: {:?}", other.map(|archive| archive.len())),
            }
        }
        assert!(crossing.far.judge(export(offered[0]).unwrap().as_slice()).is_ok(), "{name}");
    }
    // An artifact is for every platform.
    let artifact = Image::referrer(three_platforms("a").root().descriptor(), "text/plain", b"a chart");
    artifact.push(&sink, &"e.example/chart:1".parse().unwrap()).unwrap();
    let request = crossing.image_request("e.example/chart:1");
    crossing.export(&ExportRequest { platforms: only(&["linux/s390x"]), ..request }).unwrap();
}

#[test]
fn a_configuration_that_cannot_be_read_does_not_pass_for_one_of_a_chosen_platform() {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    crossing.publish_image(&image, &[]);
    let Document::Image(manifest) = image.root().document() else { panic!("not an image") };
    let config = crossing.path("layout/blobs/sha256").join(manifest.config.digest.hex());
    let changed = std::fs::read_to_string(&config).unwrap().replace("amd64", "arm64");
    std::fs::write(&config, changed).unwrap();
    let export = crossing.export(&ExportRequest { platforms: only(&["linux/arm64"]), ..crossing.request() });
    assert!(matches!(export, Err(Refused::Plan(PlanError::Config { .. }))), "{:?}", export.map(|it| it.len()));
}

#[test]
fn a_variant_is_carried_exactly() {
    let crossing = Crossing::of_images();
    let sink = LayoutSink::open(&crossing.path("layout")).unwrap();
    let platforms = ["linux/arm64", "linux/arm64/v9", "linux/arm/v6", "linux/arm/v7", "linux/amd64", "linux/amd64/v3"];
    let images = platforms.map(|platform| Image::new(platform, &[("a", platform.as_bytes())]));
    let image = Image::index(&images);
    // As some tools write it.
    let mut document: serde_json::Value = serde_json::from_slice(image.root().bytes()).unwrap();
    document["manifests"][4]["platform"]["variant"] = json!("");
    let image = image.with_manifest(&document);
    image.push(&sink, &IMAGE.parse().unwrap()).unwrap();
    for (wish, carried) in [
        ("linux/arm64/v8", &["linux/arm64"][..]),
        ("linux/arm64/v9", &["linux/arm64/v9"]),
        ("linux/arm64", &["linux/arm64"]),
        ("linux/arm64/*", &["linux/arm64", "linux/arm64/v9"]),
        ("linux/arm/v7", &["linux/arm/v7"]),
        ("linux/arm", &["linux/arm/v7"]),
        ("linux/arm/*", &["linux/arm/v6", "linux/arm/v7"]),
        ("linux/amd64/v3", &["linux/amd64/v3"]),
        ("linux/amd64", &["linux/amd64"]),
        ("linux/amd64/*", &["linux/amd64", "linux/amd64/v3"]),
    ] {
        let archive = crossing.export(&ExportRequest { platforms: only(&[wish]), ..crossing.request() }).unwrap();
        let report = crossing.far.verify(&archive).report();
        assert_eq!(report.items[0].platforms, carried, "{wish}");
        let left_out: Vec<&str> = report.items[0].left_out.platforms.iter().map(String::as_str).collect();
        let mut expected: Vec<&str> = platforms.into_iter().filter(|platform| !carried.contains(platform)).collect();
        expected.sort_unstable();
        assert_eq!(left_out, expected, "{wish}");
    }
}

#[test]
fn an_attestation_goes_with_what_it_is_about_and_the_tag_with_the_platform() {
    for registry in those_that_ask_for_all() {
        let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
        let (intel, arm) = (on("linux/amd64"), on("linux/arm64"));
        let children: Vec<Image> = [attested(&intel), attested(&arm)].iter().flat_map(split).collect();
        let image = Image::index(&children);
        let (mut crossing, archive) = partial(&image, &["linux/amd64"]);
        let judged = crossing.far.judge(archive.as_slice()).unwrap();
        assert_eq!(judged.inventory().all_images().next().unwrap().left_out.platforms, ["linux/arm64"]);
        let delivered = deliver(&mut crossing, &archive, &registry.domain()).unwrap();
        assert_eq!(delivered.tags[0].digest, intel.root().descriptor().digest);
        // The attestation is there too.
        let attestation = children[1].root();
        let there = resolve(&format!("{}/org/app@{}", registry.domain(), attestation.descriptor().digest));
        assert_eq!(there.bytes(), attestation.bytes());
    }
}

/// An image, and a statement about it beside it.
fn attested(image: &Image) -> Image {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p", "predicate": {},
        "subject": [{"name": "_", "digest": {"sha256": image.root().descriptor().digest.hex()}}],
    });
    Image::with_buildkit_attestation(image, statement.to_string().as_bytes())
}

/// What an index lists, one by one.
fn split(index: &Image) -> Vec<Image> {
    let children = index.manifests.iter().take(index.manifests.len() - 1);
    children.map(|manifest| Image { manifests: vec![manifest.clone()], blobs: index.blobs.clone() }).collect()
}

#[test]
fn a_source_is_asked_for_what_was_chosen_alone() {
    let registry = Registry::start();
    let image = three_platforms("app");
    let name: Reference = format!("{}/org/app:1", registry.domain()).parse().unwrap();
    image.push(&RegistrySink::new(client()), &name).unwrap();
    registry.state().received.clear();
    let crossing = Crossing::of_images();
    let source = Arc::new(RegistrySource::new(client()));
    let place = sealift_core::export::SourceReference { source, reference: name };
    let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
    let request = ExportRequest { platforms: only(&["linux/amd64"]), ..ExportRequest::new(items) };
    crossing.export(&request).unwrap();
    for other in &image.manifests[1..3] {
        let part = other.descriptor().digest.to_string();
        let asked = registry.state().received.iter().any(|request| request.path.contains(&part));
        assert!(!asked, "nothing of another platform is fetched");
    }
}
