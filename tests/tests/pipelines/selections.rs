//! What is delivered of an archive that is verified as a whole: what a person chose, and what becomes of its tags.

use sealift_archive_format::{Digest, Problem};
use std::collections::BTreeSet;

use sealift_core::export::{ExportRequest, PlanError};
use sealift_core::import::{self, DeliveryWishes, Destination, ImportError};
use sealift_core::inspect::inspect;
use sealift_core::layout::LayoutSink;
use sealift_core::oci::{Descriptor, Platforms};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::report::Warning;
use sealift_core::verify::{SelectedNames, Selection, SelectionError, Transport};
use sealift_tests::crossing::{BUNDLE, Crossing, IMAGE, Refused};
use sealift_tests::folder_content::files;
use sealift_tests::images::Image;
use serde_json::json;

use super::{WEB, listed};

const INSTALLER: &str = "example.com/demo/installer:1.0.0";

/// The sample's bundle, and one of its images on its own.
fn archive(sides: &Crossing) -> Vec<u8> {
    let mut request = sides.request();
    request.items.extend(sides.image_request(WEB).items);
    sides.export(&request).unwrap()
}

fn chosen(names: &[&str], platforms: &[&str]) -> Selection {
    let platforms = match platforms {
        [] => Platforms::All,
        chosen => Platforms::Only(chosen.iter().map(|platform| platform.parse().unwrap()).collect()),
    };
    let names = match names {
        [] => SelectedNames::All,
        chosen => SelectedNames::Only(chosen.iter().map(|name| name.parse().unwrap()).collect()),
    };
    Selection { names, platforms }
}

fn names(sides: &Crossing) -> Vec<String> {
    sides.far.tags().into_keys().collect()
}

#[test]
fn what_is_named_is_delivered_and_nothing_else() {
    for (selected, delivered) in [
        (&[WEB][..], &[WEB][..]),
        (&[BUNDLE], &[INSTALLER, BUNDLE, WEB]),
        (&[INSTALLER], &[INSTALLER]),
        (&[BUNDLE, INSTALLER], &[INSTALLER, BUNDLE, WEB]),
        (&["example.com:443/demo/web:1.0.0"], &[WEB]),
        (&[], &[INSTALLER, BUNDLE, WEB]),
    ] {
        let mut sides = Crossing::new();
        let archive = archive(&sides);
        sides.far.selection = chosen(selected, &[]);
        sides.far.import(&archive).unwrap();
        assert_eq!(names(&sides), delivered, "{selected:?}");
    }
    let mut sides = Crossing::new();
    let archive = archive(&sides);
    sides.far.selection = chosen(&[INSTALLER], &[]);
    sides.far.import(&archive).unwrap();
    let web = listed(&sides.path("layout"), WEB).unwrap();
    let blob = sides.path("delivered/blobs/sha256").join(web.strip_prefix("sha256:").unwrap());
    assert!(!blob.exists(), "what was not chosen is not stored");
    // What was left is delivered later, from the same archive.
    sides.far.selection = Selection::default();
    sides.far.import(&archive).unwrap();
    assert!(blob.exists());
}

#[test]
fn what_the_archive_does_not_have_is_said_with_what_it_has() {
    let mut sides = Crossing::new();
    let archive = archive(&sides);
    let before = sides.far.accepted();
    sides.far.selection = chosen(&[WEB, "example.com/demo/other:1"], &[]);
    match sides.far.import(&archive).err().unwrap() {
        Refused::Import(ImportError::Selection(SelectionError::Name { name, there })) => {
            assert_eq!(name.to_string(), "example.com/demo/other:1");
            assert_eq!(there, [BUNDLE, INSTALLER, WEB, WEB]);
        }
        other => panic!("{other:?}"),
    }
    sides.far.selection = chosen(&[WEB], &["plan9/386"]);
    match sides.far.import(&archive).err().unwrap() {
        Refused::Import(ImportError::Selection(SelectionError::Platform { name, there })) => {
            assert_eq!(name, WEB);
            assert!(there.contains(&"linux/amd64".to_owned()), "{there:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sides.far.accepted(), before);
    assert!(names(&sides).is_empty());
}

#[test]
fn platforms_are_chosen_with_what_hangs_off_them() {
    let mut sides = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    let about = |at: usize| Image::referrer(image.manifests[at].descriptor(), "text/plain", b"note");
    sides.publish_image(&image, &[about(0), about(1)]);
    let archive = sides.archive();
    assert_eq!(inspect(archive.as_slice()).unwrap().items[0].referrers, 2);
    sides.far.selection = chosen(&[], &["linux/arm64"]);
    let delivered = sides.far.import(&archive).unwrap();
    assert_eq!(delivered.verified().report().items[0].referrers.len(), 2, "it is verified as a whole");
    let there = files(&sides.path("delivered/blobs/sha256"));
    let has = |manifest: &Image, at: usize| {
        there.contains_key(std::path::Path::new(manifest.manifests[at].descriptor().digest.hex()))
    };
    assert!(has(&image, 1) && has(&about(1), 0) && has(&image, 2), "one platform, what is about it, and the index");
    assert!(!has(&image, 0) && !has(&about(0), 0), "nothing of the other platform");
}

#[test]
fn of_a_bundle_whose_platforms_are_chosen_nothing_else_is_delivered_by_its_index_either() {
    let mut sides = Crossing::new();
    let archive = sides.archive();
    sides.far.selection = chosen(&[], &["linux/amd64"]);
    sides.far.accepts(&archive);
    let some = files(&sides.path("delivered/blobs/sha256"));
    let mut left_out = 0;
    for manifest in some.values().filter_map(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok()) {
        assert_ne!(manifest["architecture"], "arm64", "a configuration of another platform");
        let is_arm64 = |listed: &&serde_json::Value| listed["platform"]["architecture"] == "arm64";
        for other in manifest["manifests"].as_array().into_iter().flatten().filter(is_arm64) {
            let digest: Digest = other["digest"].as_str().unwrap().parse().unwrap();
            assert!(!some.contains_key(std::path::Path::new(digest.hex())), "{other}");
            left_out += 1;
        }
    }
    assert_eq!(left_out, 2, "one of each image");
}

/// Its bytes, with the configuration changed, which nothing before the content of the archive notices.
fn with_another_architecture(archive: &[u8]) -> Vec<u8> {
    let (stated, other) = (&b"\"architecture\":\"arm64\""[..], b"\"architecture\":\"amd64\"");
    let at = archive.windows(stated.len()).position(|window| window == stated).unwrap();
    let mut changed = archive.to_vec();
    changed[at..at + stated.len()].copy_from_slice(other);
    changed
}

#[test]
fn an_image_that_no_index_gives_a_platform_is_chosen_by_its_configuration() {
    let mut sides = Crossing::of_images();
    let image = Image::new("linux/arm64", &[("a", b"a")]);
    sides.publish_image(&image, &[]);
    let archive = sides.archive();
    sides.far.selection = chosen(&[], &["linux/amd64"]);
    match sides.far.import(&archive).err().unwrap() {
        Refused::Import(ImportError::Selection(SelectionError::Platform { name, there })) => {
            assert_eq!((name.as_str(), there), (IMAGE, vec!["linux/arm64".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    assert!(names(&sides).is_empty());
    match sides.far.import(&with_another_architecture(&archive)).err().unwrap() {
        Refused::Import(ImportError::Selection(SelectionError::Archive(error))) => {
            assert!(matches!(error.problem, Problem::Digest { .. }), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    // What was read to decide is delivered all the same.
    sides.far.selection = chosen(&[], &["linux/arm64"]);
    sides.far.accepts(&archive);
    for blob in image.blobs.keys() {
        assert!(sides.path("delivered/blobs/sha256").join(blob.hex()).exists(), "{blob}");
    }
}

#[test]
fn what_an_index_lists_without_a_platform_is_chosen_by_its_configuration() {
    let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
    let unstated = |platform: &str| on(platform).without_platform();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p", "predicate": {},
        "subject": [{"name": "_", "digest": {"sha256": on("linux/arm64").root().descriptor().digest.hex()}}],
    });
    let attested = Image::with_buildkit_attestation(&unstated("linux/arm64"), statement.to_string().as_bytes());
    let attestation = Image { manifests: vec![attested.manifests[1].clone()], blobs: attested.blobs.clone() };
    let intel = on("linux/amd64").root().descriptor().digest.clone();
    let arm = on("linux/arm64").root().descriptor().digest.clone();
    for (case, image, platforms) in [
        ("none stated", Image::index(&[unstated("linux/amd64"), unstated("linux/arm64")]), &[][..]),
        ("one stated", Image::index(&[on("linux/amd64"), unstated("linux/arm64")]), &["linux/amd64"]),
        ("nested", Image::index(&[Image::index(&[unstated("linux/arm64")]), unstated("linux/amd64")]), &[]),
        ("attested", Image::index(&[unstated("linux/amd64"), unstated("linux/arm64"), attestation]), &[]),
    ] {
        let mut sides = Crossing::of_images();
        sides.publish_image(&image, &[]);
        let whole = sides.archive();
        let wish = chosen(&[], &["linux/amd64"]);
        let part = sides.export(&ExportRequest { platforms: wish.platforms.clone(), ..sides.request() }).unwrap();
        let report = sides.far.verify(&part).report();
        assert_eq!(report.items[0].left_out.manifests, std::slice::from_ref(&arm), "{case}");
        assert_eq!(report.items[0].platforms, platforms, "{case}");
        let carries = |archive: &[u8], digest: &Digest| {
            let judged = sides.far.judge(archive).unwrap();
            judged.inventory().entries.iter().any(|entry| entry.digest == *digest)
        };
        assert!(carries(&part, &intel) && !carries(&part, &arm) && carries(&whole, &arm), "{case}");
        // The far side decides by the same rule.
        sides.far.selection = wish;
        for archive in [&whole, &part] {
            sides.far.accepts(archive);
            let there = files(&sides.path("delivered/blobs/sha256"));
            let has = |digest: &Digest| there.contains_key(std::path::Path::new(digest.hex()));
            assert!(has(&intel) && !has(&arm), "{case}");
        }
    }
}

#[test]
fn a_chosen_platform_that_nothing_is_there_for_is_named() {
    let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
    let artifact = Image::referrer(on("linux/amd64").root().descriptor(), "text/plain", b"a chart");
    let unstated = Image::index(&[on("linux/amd64").without_platform(), on("linux/arm64").without_platform()]);
    for (image, is_for_platforms) in
        [(Image::for_two_platforms("app"), true), (unstated, true), (on("linux/amd64"), true), (artifact, false)]
    {
        let mut sides = Crossing::of_images();
        sides.publish_image(&image, &[]);
        let selection = chosen(&[], &["linux/amd64", "linux/riscv64"]);
        let platforms = vec!["linux/riscv64".to_owned()];
        let warning = Warning::PlatformsNotThere { item: IMAGE.to_owned(), platforms };
        let expected: Vec<Warning> = is_for_platforms.then_some(warning).into_iter().collect();
        let of_platforms = |warning: &Warning| matches!(warning, Warning::PlatformsNotThere { .. });
        let request = ExportRequest { platforms: selection.platforms.clone(), ..sides.request() };
        let exported = sides.prepare(&request).unwrap().warnings();
        assert_eq!(exported.into_iter().filter(of_platforms).collect::<Vec<_>>(), expected);
        let archive = sides.archive();
        sides.far.selection = selection;
        let report = sides.far.accepts(&archive).verified().report();
        let warnings = report.warnings.into_iter().map(|it| it.warning).filter(of_platforms);
        assert_eq!(warnings.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_version_of_the_operating_system_can_be_chosen() {
    let versions = ["windows/amd64:10.0.17763.1", "windows/amd64:10.0.20348.2"];
    let on = |platform: &str| Image::new(platform, &[("a", platform.as_bytes())]);
    let stated = Image::index(&versions.map(on));
    let unstated = Image::index(&versions.map(|platform| on(platform).without_platform()));
    for image in [stated, unstated] {
        let digests = versions.map(|platform| on(platform).root().descriptor().digest.clone());
        for (wish, here) in [(versions[0], 0), ("windows(10.0.20348.2)/amd64", 1)] {
            let mut sides = Crossing::of_images();
            sides.publish_image(&image, &[]);
            let selection = chosen(&[], &[wish]);
            let platforms = selection.platforms.clone();
            let part = sides.export(&ExportRequest { platforms, ..sides.request() }).unwrap();
            let whole = sides.archive();
            let report = sides.far.verify(&part).report();
            assert_eq!(report.items[0].left_out.manifests, [digests[1 - here].clone()], "{wish}");
            sides.far.selection = selection;
            for archive in [&part, &whole] {
                sides.far.accepts(archive);
                let there = files(&sides.path("delivered/blobs/sha256"));
                let has = |digest: &Digest| there.contains_key(std::path::Path::new(digest.hex()));
                assert_eq!([has(&digests[here]), has(&digests[1 - here])], [true, false], "{wish}");
            }
        }
        let sides = Crossing::of_images();
        sides.publish_image(&image, &[]);
        let platforms = chosen(&[], &["windows/amd64:10.0.1.1"]).platforms;
        match sides.export(&ExportRequest { platforms, ..sides.request() }) {
            Err(Refused::Plan(PlanError::NoPlatform { offered, .. })) => assert_eq!(offered, versions),
            other => panic!("{:?}", other.map(|archive| archive.len())),
        }
    }
}

#[test]
fn an_attestation_that_the_source_lacks_is_left_out_where_less_was_asked_for() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let index = Image::with_buildkit_attestation(&image, b"{}");
    let (whole, part) = (ExportRequest::new(Vec::new()), chosen(&[], &["linux/amd64"]).platforms);
    let lacking = |lacking: &Image| {
        let sides = Crossing::of_images();
        sides.publish_image(&index, &[]);
        let digest = lacking.root().descriptor().digest.clone();
        std::fs::remove_file(sides.path("layout/blobs/sha256").join(digest.hex())).unwrap();
        (sides, digest)
    };
    let attestation = Image { manifests: vec![index.manifests[1].clone()], ..index.clone() };
    for (platforms, referrers) in
        [(part.clone(), whole.referrers.clone()), (part.clone(), BTreeSet::new()), (Platforms::All, BTreeSet::new())]
    {
        let (sides, missing) = lacking(&attestation);
        let archive = sides.export(&ExportRequest { platforms, referrers, ..sides.request() }).unwrap();
        sides.far.accepts(&archive);
        let report = sides.far.verify(&archive).report();
        assert_eq!(report.items[0].left_out.manifests, [missing]);
        assert_eq!(report.items[0].platforms, ["linux/amd64"]);
    }
    for (absent, platforms, remedy) in
        [(&attestation, &Platforms::All, Remedy::PushImageOrChoosePlatforms), (&image, &part, Remedy::PushImageAgain)]
    {
        let (sides, _) = lacking(absent);
        let request = ExportRequest { platforms: platforms.clone(), ..sides.request() };
        match sides.export(&request) {
            Err(Refused::Plan(error @ PlanError::Graph { .. })) => assert_eq!(error.remedy(), remedy),
            other => panic!("{:?}", other.map(|archive| archive.len())),
        }
    }
}

#[test]
fn an_artifact_is_for_every_platform() {
    let mut sides = Crossing::of_images();
    let subject = Image::new("linux/arm64", &[("a", b"a")]);
    sides.publish_image(&Image::referrer(subject.root().descriptor(), "text/plain", b"a chart"), &[]);
    let archive = sides.archive();
    sides.far.selection = chosen(&[], &["linux/amd64"]);
    sides.far.accepts(&archive);
}

#[test]
fn a_configuration_that_comes_late_is_not_waited_for_without_a_limit() {
    let mut sides = Crossing::of_images();
    let mut artifact = Image::new("linux/amd64", &[]);
    let content = vec![0; 33 << 20];
    let config = Descriptor::of("application/x", &content);
    let mut document: serde_json::Value = serde_json::from_slice(artifact.root().bytes()).unwrap();
    document["config"] = serde_json::to_value(&config).unwrap();
    artifact.blobs = [(config.digest.clone(), (config, content))].into();
    let sink = LayoutSink::open(&sides.path("layout")).unwrap();
    let (first, second) = ("e.example/a:1", "e.example/b:1");
    artifact.with_manifest(&document).push(&sink, &first.parse().unwrap()).unwrap();
    Image::new("linux/arm64", &[]).push(&sink, &second.parse().unwrap()).unwrap();
    let mut request = sides.image_request(first);
    request.items.extend(sides.image_request(second).items);
    let archive = sides.export(&request).unwrap();
    sides.far.selection = chosen(&[], &["linux/arm64"]);
    let refused = sides.far.import(&archive).err().unwrap();
    let Refused::Import(ImportError::Selection(SelectionError::TooLate { name })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(name, second);
}

#[test]
fn a_platform_that_the_export_left_out_is_told_from_one_that_never_was() {
    let mut sides = Crossing::of_images();
    sides.publish_image(&Image::for_two_platforms("app"), &[]);
    let platforms = chosen(&[], &["linux/amd64"]).platforms;
    let archive = sides.export(&ExportRequest { platforms, ..sides.request() }).unwrap();
    for (asked, is_left_out) in
        [(&["linux/arm64"][..], true), (&["linux/amd64", "linux/arm64"], true), (&["linux/arm/v7"], false)]
    {
        sides.far.selection = chosen(&[], asked);
        match sides.far.import(&archive).err().unwrap() {
            Refused::Import(ImportError::Selection(SelectionError::LeftOut { name, left_out, there }))
                if is_left_out =>
            {
                assert_eq!(
                    (name.as_str(), left_out[0].as_str(), there[0].as_str()),
                    (IMAGE, "linux/arm64", "linux/amd64")
                );
            }
            Refused::Import(ImportError::Selection(SelectionError::Platform { .. })) if !is_left_out => {}
            other => panic!("{asked:?}: {other:?}"),
        }
    }
}

#[test]
fn one_of_very_many_platforms_crosses_the_gap() {
    let sides = Crossing::of_images();
    let images: Vec<Image> = (0..300).map(|number| Image::new(&format!("linux/p{number}"), &[])).collect();
    sides.publish_image(&Image::index(&images), &[]);
    let platforms = chosen(&[], &["linux/p7"]).platforms;
    let archive = sides.export(&ExportRequest { platforms, ..sides.request() }).unwrap();
    sides.far.accepts(&archive);
    assert_eq!(sides.far.verify(&archive).report().items[0].left_out.platforms.len(), 299);
}

#[test]
fn each_tag_is_new_or_moved_or_as_it_was() {
    let sides = Crossing::of_images();
    let [one, other] = ["one", "other"].map(Image::for_two_platforms);
    let digest = |image: &Image| image.root().descriptor().digest.clone();
    for (image, before) in [(&one, None), (&one, Some(&one)), (&other, Some(&one))] {
        sides.publish_image(image, &[]);
        let delivered = sides.far.import(&sides.archive()).unwrap();
        assert_eq!(delivered.tags[0].before, before.map(digest));
        assert_eq!(delivered.tags[0].digest, digest(image));
    }
}

#[test]
fn each_bundle_has_a_mapping_of_its_own() {
    let mut sides = Crossing::new();
    let archive = archive(&sides);
    let delivered = sides.far.import(&archive).unwrap();
    let [(name, mapping)] = delivered.bundles.as_slice() else { panic!("{:?}", delivered.bundles) };
    let mapped: Vec<_> = mapping.iter().map(|(original, _)| original).collect();
    assert_eq!((name.as_str(), mapped.as_slice()), (BUNDLE, &[INSTALLER, WEB][..]));
    // In a registry, its images are in its repository.
    sides.far.destination =
        Destination::Registry { domain: "r.inner".into(), prefix: "m".into(), naming: import::Naming::WithDomain };
    let delivered = sides.far.import(&archive).unwrap();
    for (_, place) in delivered.bundles[0].1.iter() {
        assert!(place.starts_with("r.inner/m/example.com/demo/shop@sha256:"), "{place}");
    }
    let moved: Vec<String> = delivered
        .relocated
        .iter()
        .map(|it| format!("{} {} {}", it.original.as_given(), it.target, it.is_tagged))
        .collect();
    let shop = "r.inner/m/example.com/demo/shop";
    assert_eq!(
        moved,
        [
            format!("{BUNDLE} {shop} true"),
            format!("{INSTALLER} {shop} false"),
            format!("{WEB} {shop} false"),
            format!("{WEB} r.inner/m/example.com/demo/web true"),
        ]
    );
    // A bundle of which only a part was delivered cannot be used.
    sides.far.selection = chosen(&[INSTALLER], &[]);
    assert!(sides.far.import(&archive).unwrap().bundles.is_empty());
}

#[test]
fn what_is_extracted_is_judged_and_not_remembered() {
    let sides = Crossing::new();
    let archive = archive(&sides);
    let before = sides.far.trusted_state();
    let folder = sides.path("taken");
    let extract = |archive: &[u8]| {
        let judged = sides.far.judge(archive).map_err(|error| format!("{error:?}"))?;
        let sink = LayoutSink::open(&folder).unwrap();
        let wishes = DeliveryWishes { selection: chosen(&[WEB], &[]), ..DeliveryWishes::default() };
        let destination = Destination::layout(&folder).unwrap();
        import::extract(judged, &destination, &wishes, &sink, &Transport::default())
            .map_err(|error| format!("{error:?}"))
    };
    let extracted = extract(&archive).unwrap();
    assert_eq!(extracted.tags[0].reference, WEB);
    assert_eq!(listed(&folder, WEB), listed(&sides.path("layout"), WEB));
    assert_eq!(sides.far.trusted_state(), before);
    let unsigned = Crossing::of_images();
    unsigned.publish_image(&Image::for_two_platforms("app"), &[]);
    let request = ExportRequest { ..unsigned.request() };
    assert!(extract(&unsigned.export(&request).unwrap()).is_err(), "no decision is skipped");
}
