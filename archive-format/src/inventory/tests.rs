use serde_json::{Value, json};

use super::*;
use crate::ReferrerKind;
use crate::digest::DigestAlgorithm;
use crate::entry_name::EntryPlace;
use crate::strict_json;

fn bundle(inventory: &mut Inventory) -> &mut BundleRecord {
    match &mut inventory.items[0] {
        ItemRecord::Bundle(bundle) => bundle,
        ItemRecord::Image(_) | ItemRecord::File(_) => panic!("the first item is a bundle"),
    }
}

fn alone(inventory: &mut Inventory) -> &mut ImageRecord {
    match &mut inventory.items[1] {
        ItemRecord::Image(image) => image,
        ItemRecord::Bundle(_) | ItemRecord::File(_) => panic!("the second item is an image"),
    }
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn descriptor(content: &[u8]) -> DescriptorRecord {
    let (digest, size) = (Digest::sha256(content), content.len() as u64);
    DescriptorRecord { digest, media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(), size }
}

fn image(role: ImageRole, reference: &str) -> ImageRecord {
    ImageRecord {
        completeness: Completeness::AllPlatforms,
        descriptor: descriptor(b"image"),
        role,
        left_out: LeftOutRecord::default(),
        made_from: None,
        platforms: vec!["linux/amd64".to_owned()],
        reference: reference.to_owned(),
        referrer_choice: ReferrerChoice::default(),
        referrers: vec![descriptor(b"signature")],
        tagged: Vec::new(),
        target: None,
    }
}

/// One of everything.
fn inventory() -> Inventory {
    let target = Some(TargetRecord { name: "example.com/shop:1.4".to_owned() });
    let blob = |content: &[u8]| EntryRecord::blob(&Digest::sha256(content), content.len() as u64);
    let the_bundle = BundleRecord {
        descriptor: descriptor(b"bundle"),
        images: vec![
            image(ImageRole::Invocation, "example.com/shop-installer:1.4"),
            image(ImageRole::Component("web".to_owned()), "example.com/web:1"),
        ],
        index: Some(descriptor(b"index")),
        reference: "example.com/shop:1.4".to_owned(),
        referrer_choice: ReferrerChoice::default(),
        referrers: Vec::new(),
        tagged: Vec::new(),
        target,
        thick_bundle: None,
    };
    let alone = ImageRecord { completeness: Completeness::Selected, ..image(ImageRole::StandAlone, "alone:1") };
    Inventory {
        base: None,
        entries: vec![
            EntryRecord::of(EntryName::oci_layout(), b"{}"),
            EntryRecord::of(EntryName::oci_index(), b"{}"),
            EntryRecord::of(EntryName::tuf_metadata(&name("main"), "1.root.json").unwrap(), b"root"),
            EntryRecord::of(EntryName::tuf_target(&name("main"), "shop.layout").unwrap(), b"layout"),
            blob(b"bundle"),
            blob(b"index"),
            blob(b"image"),
            blob(b"signature"),
        ],
        exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        exporter: Exporter { name: "sealift".to_owned(), version: "0.1.0".to_owned() },
        format_version: FormatVersion::CURRENT,
        items: vec![ItemRecord::Bundle(the_bundle), ItemRecord::Image(alone)],
        repositories: vec![RepositoryRecord { name: name("main") }],
    }
}

fn statement() -> Value {
    strict_json::parse(&inventory().to_statement().unwrap()).unwrap()
}

type Change = fn(&mut Value);

fn parse(statement: &Value) -> Result<Inventory, InventoryError> {
    Inventory::parse(statement.to_string().as_bytes())
}

/// The error of the inventory after a change to it; the rule must hold for writing and for reading.
fn refused(change: impl FnOnce(&mut Inventory)) -> InventoryError {
    let mut inventory = inventory();
    change(&mut inventory);
    let error = inventory.to_statement().map(drop).unwrap_err();
    let written = super::statement::encode(&inventory).unwrap();
    assert!(Inventory::parse(&written).is_err(), "{error} only when writing");
    error
}

/// The error of the statement after a change to its JSON.
fn unreadable(change: impl FnOnce(&mut Value)) -> InventoryError {
    let mut statement = statement();
    change(&mut statement);
    parse(&statement).unwrap_err()
}

#[test]
fn an_inventory_survives_being_written_and_read() {
    let bytes = inventory().to_statement().unwrap();
    assert_eq!(Inventory::parse(&bytes).unwrap(), inventory());
    assert_eq!(inventory().to_statement().unwrap(), bytes);
}

#[test]
fn the_statement_is_canonical_json() {
    let bytes = inventory().to_statement().unwrap();
    let mut sorted = strict_json::parse(&bytes).unwrap();
    sorted.sort_all_objects();
    assert_eq!(String::from_utf8(bytes).unwrap(), sorted.to_string());
}

#[test]
fn the_subjects_are_the_bundles_and_the_images_that_stand_alone() {
    let expected = json!([
        {"name": "example.com/shop:1.4", "digest": {"sha256": Digest::sha256(b"bundle").hex()}},
        {"name": "alone:1", "digest": {"sha256": Digest::sha256(b"image").hex()}},
    ]);
    assert_eq!(statement()["subject"], expected);
    assert!(matches!(
        unreadable(|statement| statement["subject"][0]["name"] = "other".into()),
        InventoryError::NotCanonical { near, .. } if near.contains("other")
    ));
}

#[test]
fn another_statement_is_refused() {
    let other = unreadable(|statement| statement["_type"] = "https://in-toto.io/Statement/v0.1".into());
    assert!(matches!(other, InventoryError::NotAStatement { .. }));
    let other = unreadable(|statement| statement["predicateType"] = "https://slsa.dev/provenance/v1".into());
    assert!(matches!(other, InventoryError::NotAnInventory { .. }));
    assert!(matches!(Inventory::parse(b"{}"), Err(InventoryError::NotAStatement { .. })));
    assert!(matches!(Inventory::parse(b"{"), Err(InventoryError::Json(_))));
}

#[test]
fn a_newer_major_version_is_refused_as_such() {
    let newer = unreadable(|statement| statement["predicate"]["formatVersion"] = "2.0".into());
    assert!(matches!(newer, InventoryError::NewerMajor { found } if found == "2.0"));
    let newer = unreadable(|statement| statement["predicateType"] = "sealift:inventory/v2".into());
    assert!(matches!(newer, InventoryError::NewerMajor { found } if found == "2"));
}

#[test]
fn a_newer_major_version_is_called_newer_whatever_else_it_has() {
    let changes: [(&str, Change); 9] = [
        ("2", |statement| statement["predicate"]["formatVersion"] = 2.into()),
        ("2", |statement| statement["predicate"] = json!([1])),
        ("2", |statement| statement["predicate"]["formatVersion"] = json!({"major": 2})),
        ("2", |statement| statement["_type"] = "https://in-toto.io/Statement/v2".into()),
        ("2", |statement| drop(statement.as_object_mut().unwrap().remove("subject"))),
        ("10", |statement| statement["predicateType"] = "sealift:inventory/v10".into()),
        ("18446744073709551616", |statement| {
            statement["predicateType"] = "sealift:inventory/v18446744073709551616".into();
        }),
        ("10.0", |statement| statement["predicate"]["formatVersion"] = "10.0".into()),
        ("4294967296.7", |statement| statement["predicate"]["formatVersion"] = "4294967296.7".into()),
    ];
    for (expected, change) in changes {
        let newer = unreadable(|statement| {
            if !expected.contains('.') {
                statement["predicateType"] = "sealift:inventory/v2".into();
            }
            change(statement);
        });
        assert!(matches!(&newer, InventoryError::NewerMajor { found } if found == expected), "{expected}: {newer:?}");
    }
}

#[test]
fn what_only_resembles_a_newer_major_version_is_another_statement() {
    for text in [
        "sealift:inventory/v02",
        "sealift:inventory/v",
        "sealift:inventory/v2.0",
        "sealift:inventory/v0",
        "sealift:inventory/v+2",
        "Sealift:inventory/v2",
        "https://sealift.dev/inventory/v1",
    ] {
        let other = unreadable(|statement| statement["predicateType"] = text.into());
        assert!(matches!(&other, InventoryError::NotAnInventory { found } if found == text), "{text}: {other:?}");
    }
    let other = unreadable(|statement| statement["predicateType"] = json!(["sealift:inventory/v1"]));
    assert!(matches!(other, InventoryError::NotAnInventory { .. }), "{other:?}");
    let other = unreadable(|statement| statement["_type"] = Value::Null);
    assert!(matches!(other, InventoryError::NotAStatement { .. }), "{other:?}");
}

#[test]
fn a_newer_minor_version_keeps_the_forms_of_what_is_known() {
    let newer = |change: fn(&mut Value)| {
        let mut statement = statement();
        statement["predicate"]["formatVersion"] = "1.1".into();
        change(&mut statement);
        parse(&statement)
    };
    assert!(newer(|_| {}).is_ok());
    let forms: [(&str, Change); 9] = [
        ("an array for an entry", |statement| {
            let entry = &mut statement["predicate"]["entries"][0];
            *entry = json!([entry["digest"], entry["name"], entry["size"]]);
        }),
        ("an array for the exporter", |statement| statement["predicate"]["exporter"] = json!(["sealift", "1"])),
        ("an array for the statement's predicate", |statement| statement["predicate"]["items"][1] = json!([])),
        ("an array for a subject", |statement| statement["subject"][0] = json!([{}, "x"])),
        ("null for a target", |statement| statement["predicate"]["items"][0]["target"] = Value::Null),
        ("null for an index", |statement| statement["predicate"]["items"][0]["index"] = Value::Null),
        ("null for a component", |statement| statement["predicate"]["items"][1]["component"] = Value::Null),
        ("null for a list", |statement| statement["predicate"]["repositories"] = Value::Null),
        ("a number that is no integer", |statement| statement["predicate"]["entries"][0]["size"] = json!(2.0)),
    ];
    for (what, change) in forms {
        let result = newer(change);
        assert!(matches!(result, Err(InventoryError::Json(_))), "{what}: {result:?}");
    }
    let null = newer(|statement| statement["predicate"]["base"] = Value::Null);
    assert!(matches!(null, Err(InventoryError::Json(_))), "{null:?}");
    let twice = statement().to_string().replacen(
        "\"formatVersion\":\"1.0\"",
        "\"formatVersion\":\"1.1\",\"x\":{\"a\":1,\"a\":2}",
        1,
    );
    assert!(matches!(Inventory::parse(twice.as_bytes()), Err(InventoryError::Json(_))));
}

#[test]
fn platforms_and_repositories_are_sorted() {
    let with = |platforms: &[&str]| {
        let platforms: Vec<String> = platforms.iter().map(|&platform| platform.to_owned()).collect();
        move |inventory: &mut Inventory| alone(inventory).platforms = platforms
    };
    for platforms in [["linux/arm64", "linux/amd64"], ["linux/amd64", "linux/amd64"]] {
        let error = refused(with(&platforms));
        assert!(
            matches!(&error, InventoryError::PlatformOrder { platform, .. } if platform == platforms[1]),
            "{error}"
        );
    }
    let error = refused(|inventory| {
        alone(inventory).left_out.platforms = vec!["b/b".to_owned(), "a/a".to_owned()];
    });
    assert!(matches!(&error, InventoryError::PlatformOrder { platform, .. } if platform == "a/a"), "{error}");
    let error = refused(|inventory| {
        inventory.repositories.insert(0, RepositoryRecord { name: name("zzz") });
    });
    assert!(matches!(&error, InventoryError::RepositoryOrder { .. }), "{error}");
}

#[test]
fn what_was_left_out_is_listed_in_one_way() {
    let mut inventory = inventory();
    let layers: Vec<Digest> = [b"a", b"b"].map(|layer: &[u8; 1]| Digest::sha256(layer)).into();
    let mut sorted = layers.clone();
    sorted.sort();
    let platforms = vec!["linux/arm64".to_owned()];
    let left_out = LeftOutRecord { foreign_layers: sorted.clone(), manifests: sorted.clone(), platforms };
    alone(&mut inventory).left_out = left_out;
    let statement = inventory.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), inventory);
    let reversed: Vec<Digest> = sorted.iter().rev().cloned().collect();
    let twice = vec![sorted[0].clone(), sorted[0].clone()];
    let lists: [fn(&mut LeftOutRecord) -> &mut Vec<Digest>; 2] = [|it| &mut it.foreign_layers, |it| &mut it.manifests];
    for (digests, list) in [&reversed, &twice].into_iter().flat_map(|digests| lists.map(|list| (digests, list))) {
        let error = refused(|inventory| list(&mut alone(inventory).left_out).clone_from(digests));
        assert!(matches!(&error, InventoryError::LeftOutOrder { digest, .. } if *digest == digests[1]), "{error}");
    }
}

#[test]
fn a_choice_of_referrers_is_stated_where_it_is_not_the_usual_one_and_does_not_contradict_itself() {
    let digests = |count: usize| {
        (0..count).map(|it| Digest::sha256(&it.to_le_bytes())).collect::<std::collections::BTreeSet<_>>()
    };
    let choice = |kinds: &[ReferrerKind], left_out: &[(ReferrerKind, usize)]| ReferrerChoice {
        kinds: kinds.iter().copied().collect(),
        left_out: left_out.iter().map(|(kind, count)| (*kind, digests(*count))).collect(),
    };
    let (signature, sbom) = (ReferrerKind::Signature, ReferrerKind::Sbom);
    let mut inventory = inventory();
    assert!(!String::from_utf8(inventory.to_statement().unwrap()).unwrap().contains("referrerChoice"));
    alone(&mut inventory).referrer_choice = choice(&[signature, ReferrerKind::Attestation], &[(sbom, 2)]);
    bundle(&mut inventory).referrer_choice = choice(&[], &[]);
    let statement = inventory.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), inventory);
    let text = String::from_utf8(statement).unwrap();
    let two = serde_json::to_string(&digests(2)).unwrap();
    let written = format!(r#""referrerChoice":{{"kinds":["attestation","signature"],"leftOut":{{"sbom":{two}}}}}"#);
    assert!(text.contains(&written) && text.contains(r#""referrerChoice":{"kinds":[]}"#), "{text}");
    for (from, to) in [
        (r#"["attestation","signature"]"#, r#"["signature","attestation"]"#),
        (r#"["attestation","signature"]"#, r#"["attestation","attestation","signature"]"#),
        (r#"{"kinds":[]}"#, r#"{"kinds":["attestation","other","sbom","signature"]}"#),
        (r#"{"kinds":[]}"#, r#"{"kinds":[],"leftOut":{}}"#),
        (two.as_str(), &serde_json::to_string(&digests(2).iter().rev().collect::<Vec<_>>()).unwrap()),
    ] {
        let error = Inventory::parse(text.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(&error, InventoryError::NotCanonical { .. }), "{to}: {error}");
    }
    let error = Inventory::parse(text.replace("\"sbom\":[", "\"poem\":[").as_bytes()).unwrap_err();
    assert!(matches!(&error, InventoryError::Json(_)), "{error}");
    alone(&mut inventory).referrer_choice = choice(&[signature], &[(sbom, 9_999), (ReferrerKind::Other, 1)]);
    inventory.check().unwrap();
    for contradiction in [
        choice(&[signature, sbom], &[(sbom, 1)]),
        choice(&[signature], &[(sbom, 0)]),
        choice(&[signature], &[(sbom, 10_000), (ReferrerKind::Other, 1)]),
        choice(&[], &[(sbom, 1)]),
        // A referrer is carried.
        choice(&[], &[]),
    ] {
        let error = refused(|inventory| alone(inventory).referrer_choice = contradiction.clone());
        assert!(matches!(&error, InventoryError::ReferrerChoice { .. }), "{contradiction:?}: {error}");
    }
}

#[test]
fn what_a_manifest_was_made_from_is_stated() {
    let mut inventory = inventory();
    alone(&mut inventory).made_from = Some(MadeFrom::DockerArchive);
    let statement = inventory.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), inventory);
    let text = String::from_utf8(statement).unwrap();
    let error = Inventory::parse(text.replace("\"dockerArchive\"", "\"thinAir\"").as_bytes()).unwrap_err();
    assert!(text.contains(r#""madeFrom":"dockerArchive""#) && matches!(&error, InventoryError::Json(_)), "{error}");
}

#[test]
fn what_was_left_out_has_a_limit_for_all_images_together() {
    let list = |count: usize| (0..count).map(|number| format!("linux/{number:07}")).collect::<Vec<_>>();
    let mut many = inventory();
    alone(&mut many).left_out.platforms = list(10 * MAXIMUM_PLATFORMS);
    assert_eq!(Inventory::parse(&many.to_statement().unwrap()).unwrap(), many);
    let error = refused(|inventory| alone(inventory).left_out.platforms = list(MAXIMUM_LEFT_OUT + 1));
    assert!(matches!(&error, InventoryError::TooManyLeftOut { count: 1_000_001, .. }), "{error}");
    let error = refused(|inventory| {
        alone(inventory).left_out.platforms = list(MAXIMUM_LEFT_OUT);
        bundle(inventory).images[0].left_out.platforms = list(1);
    });
    assert!(matches!(&error, InventoryError::TooManyLeftOut { count: 1_000_001, .. }), "{error}");
    let long = |number: usize| format!("linux/{number:01000}");
    let error = refused(|inventory| alone(inventory).left_out.platforms = (0..17_000).map(long).collect());
    assert!(matches!(&error, InventoryError::TooManyLeftOut { count: 17_000, bytes: 17_102_000 }), "{error}");
}

#[test]
fn what_is_tagged_has_a_tag_that_is_made_from_a_digest() {
    let mut inventory = inventory();
    let hex = Digest::sha256(b"image").hex().to_owned();
    let tagged = |tag: String| TaggedRecord { descriptor: descriptor(b"signature"), tag };
    let all = |hex: &str| ["att", "sbom", "sig"].map(|kind| tagged(format!("sha256-{hex}.{kind}"))).to_vec();
    alone(&mut inventory).tagged = all(&hex);
    bundle(&mut inventory).tagged = all(&hex);
    bundle(&mut inventory).referrers = vec![descriptor(b"signature")];
    let statement = inventory.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), inventory);
    let upper = format!("sha256-{}.sig", hex.to_uppercase());
    let short = format!("sha256-{}.sig", &hex[1..]);
    let others = ["latest".to_owned(), format!("sha256-{hex}"), format!("sha256-{hex}.pub"), upper, short];
    for wrong in others.into_iter().chain([format!("sha512-{hex}.sig"), String::new()]) {
        let error = refused(|inventory| alone(inventory).tagged = vec![tagged(wrong.clone())]);
        assert!(matches!(&error, InventoryError::Tag { tag } if *tag == wrong), "{error}");
        let error = refused(|inventory| bundle(inventory).tagged = vec![tagged(wrong.clone())]);
        assert!(matches!(&error, InventoryError::Tag { tag } if *tag == wrong), "{error}");
    }
}

#[test]
fn a_target_is_not_a_file_and_a_folder() {
    let with = |paths: &'static [&'static str]| {
        move |inventory: &mut Inventory| {
            let first_blob =
                inventory.entries.iter().position(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)));
            let mut tuf: Vec<EntryRecord> = paths
                .iter()
                .map(|path| EntryRecord::of(EntryName::tuf_target(&name("main"), path).unwrap(), b"t"))
                .collect();
            let entries = &mut inventory.entries;
            entries.splice(
                2..first_blob.unwrap(),
                [EntryRecord::of(EntryName::tuf_metadata(&name("main"), "1.root.json").unwrap(), b"r")],
            );
            tuf.sort_by(|one, other| one.name.cmp(&other.name));
            entries.splice(3..3, tuf);
        }
    };
    for paths in [&["a", "a/b"][..], &["a", "a-b", "a.c/d", "a/b/c"], &["x/y", "x/y/z", "x"], &["q", "q-r", "q-r/s"]] {
        let error = refused(with(paths));
        assert!(matches!(&error, InventoryError::FileAndFolder { .. }), "{paths:?}: {error}");
    }
    let mut inventory = inventory();
    with(&["a", "a-b", "ab/c", "ab/d", "a b/c"])(&mut inventory);
    inventory.check().unwrap();
}

#[test]
fn a_version_has_one_form() {
    for text in ["", "1", "1.", "01.0", "02.0", "1.00", "+1.0", "2.+0", "2", "1.0.0", "0.9", "v1.0", "1.4294967296"] {
        let wrong = unreadable(|statement| statement["predicate"]["formatVersion"] = text.into());
        assert!(matches!(wrong, InventoryError::FormatVersion { .. }), "{text}");
    }
}

#[test]
fn an_unknown_member_is_refused_in_this_version_and_ignored_in_a_newer_minor() {
    let mut statement = statement();
    statement["predicate"]["entries"][1]["novel"] = 1.into();
    assert!(matches!(
        parse(&statement),
        Err(InventoryError::NotCanonical { near, .. }) if near.contains("novel")
    ));
    statement["predicate"]["formatVersion"] = "1.1".into();
    statement["novel"] = "too".into();
    let newer = parse(&statement).unwrap();
    assert_eq!(newer.format_version, FormatVersion { major: 1, minor: 1 });
    assert_eq!(newer.entries, inventory().entries);
    assert!(matches!(newer.to_statement(), Err(InventoryError::WriteVersion { .. })));
    statement["subject"][0]["name"] = "other".into();
    assert!(matches!(parse(&statement), Err(InventoryError::Subject)));
}

#[test]
fn white_space_escapes_and_explicit_nulls_are_not_canonical() {
    let bytes = inventory().to_statement().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for other in [
        format!("{text}\n"),
        text.replacen("\"size\":2", "\"size\": 2", 1),
        text.replacen("sealift", "se\\u0061lift", 1),
        text.replacen("\"size\":2", "\"size\":2.0", 1),
    ] {
        assert_ne!(other, text);
        assert!(Inventory::parse(other.as_bytes()).is_err());
    }
    let null = unreadable(|statement| statement["predicate"]["items"][1]["target"] = Value::Null);
    assert!(matches!(null, InventoryError::Json(crate::strict_json::JsonError::Form(_))), "{null:?}");
}

#[test]
fn a_member_that_comes_twice_is_refused_in_every_version() {
    let text = statement().to_string();
    for version in ["1.0", "1.1"] {
        let text = text.replacen("\"formatVersion\":\"1.0\"", &format!("\"formatVersion\":\"{version}\""), 1);
        for (once, twice) in [
            ("\"items\":[", "\"items\":[],\"items\":["),
            ("\"size\":2", "\"size\":3,\"size\":2"),
            ("\"kind\":", "\"kind\":\"image\",\"kind\":"),
            ("\"subject\":", "\"subject\":[],\"subject\":"),
        ] {
            let twice = text.replacen(once, twice, 1);
            assert_ne!(twice, text);
            assert!(matches!(Inventory::parse(twice.as_bytes()), Err(InventoryError::Json(_))), "{twice}");
        }
    }
}

#[test]
fn a_list_of_platforms_has_a_limit() {
    let list = |count: usize| (0..count).map(|number| format!("linux/riscv{number:03}")).collect::<Vec<_>>();
    let many = refused(|inventory| alone(inventory).platforms = list(MAXIMUM_PLATFORMS + 1));
    assert!(matches!(many, InventoryError::TooManyPlatforms { count: 257, .. }));
    let mut all = inventory();
    alone(&mut all).platforms = list(MAXIMUM_PLATFORMS);
    assert_eq!(Inventory::parse(&all.to_statement().unwrap()).unwrap(), all);
}

#[test]
fn a_base_is_a_receipt_or_archives() {
    let [one, other] = [b"1", b"2"].map(|text| Digest::sha256(text));
    let receipt = BaseRecord::Receipt(ReceiptRecord { key: one.clone(), statement: other.clone() });
    let (least, most) = if one < other { (one, other) } else { (other, one) };
    for base in [receipt, BaseRecord::Archives(vec![least.clone(), most.clone()])] {
        let delta = Inventory { base: Some(base), ..inventory() };
        assert_eq!(Inventory::parse(&delta.to_statement().unwrap()).unwrap(), delta);
    }
    for archives in [vec![], vec![most.clone(), least.clone()], vec![most.clone(), most.clone()]] {
        let refused = refused(|it| it.base = Some(BaseRecord::Archives(archives)));
        assert!(matches!(refused, InventoryError::Base));
    }
    let sha512 = Digest::of(DigestAlgorithm::Sha512, b"");
    assert!(matches!(refused(|it| it.base = Some(BaseRecord::Archives(vec![sha512]))), InventoryError::Base));
    for base in [json!({}), json!({ "archives": [least], "receipt": { "key": least, "statement": most } }), json!([])] {
        let base = unreadable(|statement| statement["predicate"]["base"] = base);
        assert!(matches!(base, InventoryError::Json(_)));
    }
}

#[test]
fn only_a_blob_is_absent_and_only_in_an_archive_with_a_base() {
    let base = Some(BaseRecord::Archives(vec![Digest::sha256(b"before")]));
    let last = |it: &mut Inventory| it.entries.last_mut().unwrap().absent = true;
    assert!(matches!(refused(last), InventoryError::Absent { .. }));
    let refused = refused(|it| {
        it.base.clone_from(&base);
        it.entries[1].absent = true;
    });
    assert!(matches!(refused, InventoryError::Absent { entry } if entry == EntryName::oci_index()));
    let mut delta = inventory();
    delta.base = base;
    last(&mut delta);
    let parsed = Inventory::parse(&delta.to_statement().unwrap()).unwrap();
    assert_eq!(parsed, delta);
    assert_eq!((parsed.carried().count() + 1, parsed.absent().count()), (parsed.entries.len(), 1));
    let said = unreadable(|statement| statement["predicate"]["entries"][0]["absent"] = json!(false));
    assert!(matches!(said, InventoryError::NotCanonical { .. }));
}

#[test]
fn an_export_time_has_one_form() {
    for text in ["0000-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "9999-12-30T22:00:00Z"] {
        let mut statement = statement();
        statement["predicate"]["exportedAt"] = text.into();
        assert_eq!(parse(&statement).unwrap().exported_at.to_string(), text);
    }
    for text in [
        "2026-02-29T00:00:00Z",
        "9999-12-30T22:00:01Z",
        "2026-01-02T24:00:00Z",
        "-000001-01-02T03:04:05Z",
        "2026-01-02T03:04:05z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.5Z",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02",
        "2026-01-02T03:04:60Z",
    ] {
        let wrong = unreadable(|statement| statement["predicate"]["exportedAt"] = text.into());
        assert!(matches!(wrong, InventoryError::Json(_)), "{text}");
    }
    let fraction = refused(|inventory| inventory.exported_at = "2026-01-02T03:04:05.5Z".parse().unwrap());
    assert!(matches!(fraction, InventoryError::ExportTime { .. }));
}

#[test]
fn a_component_has_a_name_and_nothing_else_has_one() {
    let nameless = unreadable(|statement| {
        statement["predicate"]["items"][0]["parts"][1].as_object_mut().unwrap().remove("component");
    });
    assert!(matches!(nameless, InventoryError::Json(_)));
    let named = unreadable(|statement| statement["predicate"]["items"][1]["component"] = "web".into());
    assert!(matches!(named, InventoryError::Json(_)));
}

#[test]
fn texts_are_not_empty_nor_long_nor_have_control_characters() {
    for text in ["", "a\nb", "\u{85}", &"x".repeat(MAXIMUM_TEXT_LENGTH + 1)] {
        for change in [
            |inventory: &mut Inventory, text: String| bundle(inventory).reference = text,
            |inventory: &mut Inventory, text: String| bundle(inventory).images[0].reference = text,
            |inventory: &mut Inventory, text: String| bundle(inventory).target = Some(TargetRecord { name: text }),
            |inventory: &mut Inventory, text: String| bundle(inventory).images[1].role = ImageRole::Component(text),
            |inventory: &mut Inventory, text: String| alone(inventory).platforms[0] = text,
            |inventory: &mut Inventory, text: String| alone(inventory).descriptor.media_type = text,
            |inventory: &mut Inventory, text: String| inventory.exporter.name = text,
            |inventory: &mut Inventory, text: String| inventory.exporter.version = text,
        ] {
            let error = refused(|inventory| change(inventory, text.to_owned()));
            assert!(matches!(error, InventoryError::Text { .. }), "{text:?}: {error}");
        }
    }
}

#[test]
fn references_and_components_are_unique() {
    let twice = refused(|inventory| alone(inventory).reference = bundle(inventory).reference.clone());
    assert!(matches!(twice, InventoryError::DuplicateReference { .. }));
    let twice = refused(|inventory| {
        let component = bundle(inventory).images[1].clone();
        bundle(inventory).images.push(component);
    });
    assert!(matches!(twice, InventoryError::DuplicateComponent { component, .. } if component == "web"));
}

#[test]
fn an_image_stands_alone_or_in_a_bundle() {
    let in_bundle = refused(|inventory| bundle(inventory).images[0].role = ImageRole::StandAlone);
    assert!(matches!(in_bundle, InventoryError::MisplacedImage { .. }));
    let bundled = refused(|inventory| alone(inventory).role = ImageRole::Invocation);
    assert!(matches!(bundled, InventoryError::MisplacedImage { .. }));
}

#[test]
fn the_layout_files_come_first_then_tuf_by_name_then_blobs() {
    for (one, other) in [(0, 1), (1, 2), (2, 3), (3, 4), (0, 7)] {
        let error = refused(|inventory| inventory.entries.swap(one, other));
        assert!(matches!(error, InventoryError::WrongOrder { .. }), "{one} and {other}: {error}");
    }
    let mut blobs = inventory();
    blobs.entries.swap(4, 7);
    assert!(blobs.check().is_ok(), "the order of blobs is the exporter's");
    let seal = refused(|inventory| inventory.entries.insert(0, EntryRecord::of(EntryName::seal(), b"")));
    assert!(matches!(seal, InventoryError::WrongOrder { .. }));
}

#[test]
fn entries_are_unique_and_the_layout_files_are_there() {
    let twice = refused(|inventory| inventory.entries.push(inventory.entries[4].clone()));
    assert!(matches!(twice, InventoryError::DuplicateEntry { .. }));
    for index in [0, 1] {
        let absent = refused(|inventory| drop(inventory.entries.remove(index)));
        assert!(matches!(absent, InventoryError::MissingEntry { .. }));
    }
}

#[test]
fn entries_are_limited_in_number_and_size() {
    let many = refused(|inventory| {
        inventory.entries = vec![EntryRecord::of(EntryName::oci_layout(), b""); MAXIMUM_ENTRIES + 1];
    });
    assert!(matches!(many, InventoryError::TooManyEntries { count: 100_001 }));
    for size in [MAXIMUM_SIZE, u64::MAX] {
        let large = refused(|inventory| inventory.entries[0].size = size);
        assert!(matches!(large, InventoryError::TooLarge), "{size}");
    }
    let sum = refused(|inventory| (0..2).for_each(|index| inventory.entries[index].size = MAXIMUM_SIZE / 2));
    assert!(matches!(sum, InventoryError::TooLarge));
}

#[test]
fn a_blob_has_the_digest_of_its_name_and_all_else_sha256() {
    let other = refused(|inventory| inventory.entries[4].digest = Digest::sha256(b"other"));
    assert!(matches!(other, InventoryError::EntryDigest { .. }));
    let sha512 = Digest::from_hex(DigestAlgorithm::Sha512, &"0".repeat(128)).unwrap();
    let long = refused(|inventory| inventory.entries[0].digest = sha512.clone());
    assert!(matches!(long, InventoryError::EntryDigest { .. }));
    let mut blob = inventory();
    blob.entries.push(EntryRecord::blob(&sha512, 5));
    assert_eq!(Inventory::parse(&blob.to_statement().unwrap()).unwrap(), blob);
}

#[test]
fn repositories_are_listed_once_and_carried() {
    let twice = refused(|inventory| inventory.repositories.push(inventory.repositories[0].clone()));
    assert!(matches!(twice, InventoryError::DuplicateRepository { .. }));
    let empty = refused(|inventory| inventory.repositories.push(RepositoryRecord { name: name("other") }));
    assert!(matches!(empty, InventoryError::EmptyRepository { name } if name.as_str() == "other"));
    let unlisted = refused(|inventory| inventory.repositories.clear());
    assert!(matches!(unlisted, InventoryError::UnlistedRepository { .. }));
    let statement = String::from_utf8(inventory().to_statement().unwrap()).unwrap();
    for name in ["../main", "Main", "main~"] {
        let wrong = statement.replace(r#"[{"name":"main"}]"#, &format!(r#"[{{"name":"{name}"}}]"#));
        let wrong = Inventory::parse(wrong.as_bytes());
        assert!(matches!(wrong, Err(InventoryError::Json(_))), "{wrong:?}");
    }
}

#[test]
fn what_a_descriptor_names_is_carried_with_its_size() {
    let change: [fn(&mut Inventory) -> &mut DescriptorRecord; 5] = [
        |inventory| &mut bundle(inventory).descriptor,
        |inventory| bundle(inventory).index.as_mut().unwrap(),
        |inventory| &mut bundle(inventory).images[0].descriptor,
        |inventory| &mut alone(inventory).descriptor,
        |inventory| &mut alone(inventory).referrers[0],
    ];
    for descriptor in change {
        let absent = refused(|inventory| descriptor(inventory).digest = Digest::sha256(b"absent"));
        assert!(matches!(absent, InventoryError::MissingBlob { .. }));
        let other = refused(|inventory| descriptor(inventory).size += 1);
        assert!(matches!(other, InventoryError::DescriptorSize { .. }));
    }
    let layout_only = refused(|inventory| bundle(inventory).descriptor = descriptor(b"layout"));
    assert!(matches!(layout_only, InventoryError::MissingBlob { .. }), "a TUF target is no blob");
}

#[test]
fn a_thick_bundle_is_an_entry_and_is_described_by_both_of_its_digests() {
    let thick = || ThickBundleRecord {
        descriptor: descriptor(b"signature"),
        sha512: Digest::of(DigestAlgorithm::Sha512, b"signature"),
    };
    let mut whole = inventory();
    bundle(&mut whole).thick_bundle = Some(thick());
    let statement = whole.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), whole);
    let subject = &strict_json::parse(&statement).unwrap()["subject"][0]["digest"]["sha256"];
    assert_eq!(subject, thick().descriptor.digest.hex(), "the file is what is vouched for");
    let refused = |thick_bundle| refused(|inventory| bundle(inventory).thick_bundle = Some(thick_bundle));
    let absent = refused(ThickBundleRecord { descriptor: descriptor(b"absent"), ..thick() });
    assert!(matches!(absent, InventoryError::MissingBlob { .. }));
    let mut long = thick();
    long.descriptor.digest = long.sha512.clone();
    let short = ThickBundleRecord { sha512: Digest::sha256(b"signature"), ..thick() };
    for thick in [long, short] {
        assert!(matches!(refused(thick), InventoryError::ThickBundleDigests { .. }));
    }
    // One file under two names has the same digests under both.
    let other = ThickBundleRecord { sha512: Digest::of(DigestAlgorithm::Sha512, b"something else"), ..thick() };
    let mut second = bundle(&mut whole).clone();
    "example.com/shop:1.5".clone_into(&mut second.reference);
    second.thick_bundle = Some(other);
    whole.items.push(ItemRecord::Bundle(second));
    assert!(matches!(whole.to_statement(), Err(InventoryError::ThickBundleDigests { .. })));
}

#[test]
fn items_come_in_any_order_and_of_known_kinds_only() {
    let mut swapped = inventory();
    swapped.items.reverse();
    let parsed = Inventory::parse(&swapped.to_statement().unwrap()).unwrap();
    assert_eq!(parsed, swapped);
    assert_eq!(parsed.all_images().next().unwrap().reference, "alone:1");
    for version in ["1.0", "1.1"] {
        let changed = |change: fn(&mut Value)| {
            let mut statement: Value = serde_json::from_slice(&inventory().to_statement().unwrap()).unwrap();
            statement["predicate"]["formatVersion"] = version.into();
            change(&mut statement["predicate"]["items"]);
            Inventory::parse(&serde_json::to_vec(&statement).unwrap())
        };
        for change in [
            |items: &mut Value| items[0]["kind"] = "chart".into(),
            |items: &mut Value| items[0]["kind"] = "image".into(),
            |items: &mut Value| items[1]["kind"] = "bundle".into(),
            |items: &mut Value| items[1]["kind"] = "invocation".into(),
            |items: &mut Value| items[0]["parts"] = Value::Null,
            |items: &mut Value| drop(items[0].as_object_mut().unwrap().remove("parts")),
            |items: &mut Value| drop(items[1].as_object_mut().unwrap().remove("platforms")),
        ] {
            let refused = changed(change);
            assert!(matches!(refused, Err(InventoryError::Json(_))), "{version}: {refused:?}");
        }
        let foreign = changed(|items| items[1]["parts"] = json!([]));
        assert_eq!(foreign.is_ok(), version == "1.1", "{foreign:?}");
    }
}

/// An inventory with these files, all of one content.
fn with_files(files: &[FileRecord]) -> Inventory {
    let mut inventory = inventory();
    inventory.items.extend(files.iter().cloned().map(ItemRecord::File));
    inventory.entries.push(EntryRecord::blob(&Digest::sha256(b"file"), 4));
    inventory
}

fn file(path: &str) -> FileRecord {
    let descriptor = DescriptorRecord { media_type: FILE_MEDIA_TYPE.to_owned(), ..descriptor(b"file") };
    FileRecord { descriptor, name: FileName::of_target(path).unwrap(), sha512: None }
}

#[test]
fn a_file_is_written_in_one_way_and_read_again() {
    let sha512 = Some(Digest::of(DigestAlgorithm::Sha512, b"file"));
    let inventory = with_files(&[FileRecord { sha512, ..file("simple/A.whl") }, file("b")]);
    let statement = inventory.to_statement().unwrap();
    assert_eq!(Inventory::parse(&statement).unwrap(), inventory);
    let text = String::from_utf8(statement).unwrap();
    assert!(
        text.contains(r#""kind":"file","reference":"file:/b"}"#) && text.contains(r#""sha512":"sha512:"#),
        "{text}"
    );
    for (written, other) in [
        (r#""reference":"file:/b""#, r#""reference":"file:/../b""#),
        (r#""reference":"file:/b""#, r#""reference":"b""#),
        (r#""kind":"file","reference":"file:/b"}"#, r#""kind":"file","reference":"file:/b","target":{"name":"c"}}"#),
        (r#""kind":"file""#, r#""kind":"folder""#),
    ] {
        assert!(Inventory::parse(text.replacen(written, other, 1).as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn files_that_would_be_in_each_other_s_way_are_refused() {
    with_files(&[file("a/b"), file("a/c"), file("ab"), file("a-b/c"), file("a\u{fc}")]).check().unwrap();
    for [first, second] in
        [["simple/a.whl", "Simple/A.whl"], ["stra\u{df}e", "STRASSE"], ["a", "A/b"], ["a/b/c", "A"], ["x/y/z", "x/Y"]]
    {
        let refused = with_files(&[file("a-b"), file(first), file("ab"), file(second), file("x.y")]).check();
        assert!(matches!(refused, Err(InventoryError::FilesCollide { .. })), "{first} {second}: {refused:?}");
    }
    let same = with_files(&[file("a"), file("a")]).check();
    assert!(matches!(same, Err(InventoryError::DuplicateReference { .. })), "{same:?}");
}

#[test]
fn a_file_has_its_one_form() {
    let sha512 = |content: &[u8]| Some(Digest::of(DigestAlgorithm::Sha512, content));
    let with = |change: fn(&mut FileRecord)| {
        let mut changed = file("a");
        change(&mut changed);
        with_files(&[changed]).check()
    };
    for change in [
        (|file| file.descriptor.media_type = "application/zip".to_owned()) as fn(&mut FileRecord),
        |file| file.sha512 = Some(Digest::sha256(b"file")),
        |file| file.descriptor.digest = Digest::of(DigestAlgorithm::Sha512, b"file"),
    ] {
        assert!(matches!(with(change), Err(InventoryError::FileForm { .. })));
    }
    let twice = |second| with_files(&[FileRecord { sha512: sha512(b"file"), ..file("a") }, second]).check();
    twice(FileRecord { sha512: sha512(b"file"), ..file("b") }).unwrap();
    twice(file("b")).unwrap();
    let differ = twice(FileRecord { sha512: sha512(b"other"), ..file("b") });
    assert!(matches!(differ, Err(InventoryError::FileForm { .. })), "{differ:?}");
}

#[test]
fn no_more_files_are_read_than_the_limit() {
    let files: Vec<FileRecord> = (0..=MAXIMUM_FILES).map(|number| file(&number.to_string())).collect();
    with_files(&files[1..]).check().unwrap();
    let refused = with_files(&files).check();
    assert!(matches!(refused, Err(InventoryError::TooManyFiles { count: 10_001 })), "{refused:?}");
}
