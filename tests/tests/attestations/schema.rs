//! `docs/schema/report.schema.json` describes every member of a report, and lets new ones come.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::inventory::{BaseRecord, MadeFrom, ReceiptRecord, ReferrerChoice};
use sealift_archive_format::volume::{DamageKind, DamagedRange};
use sealift_archive_format::{Digest, ReferrerKind};
use sealift_core::cnab::Deviation;
use sealift_core::export::{Base, ExportRequest};
use sealift_core::layout::LayoutSink;
use sealift_core::oci::Platforms;
use sealift_core::report::{Report, Warning, WarningReport};
use sealift_core::trust::{Regression, Unlisted};
use sealift_core::trust_store::RepositoryName;
use sealift_core::verify::{Discard, Transport};
use sealift_proof::freshness::AskedClock;
use sealift_proof::in_toto::trace::{InspectionTrace, LinkTrace, PassedOver, RuleTrace, StepTrace, Trace};
use sealift_proof::level::Level;
use sealift_proof::signature::SigningKey;
use sealift_tests::crossing::Crossing;
use sealift_tests::images::Image;
use sealift_tests::weekly_image::sent;
use serde_json::{Value, json};

use super::statements::{BARE, DSSE, digest, provenance, sbom, signed};

/// Checks values against as much of JSON Schema as the schema uses, and notes the properties that it met.
struct Checker {
    schema: Value,
    met: BTreeSet<String>,
}

impl Checker {
    fn new() -> Self {
        let text = include_str!("../../../docs/schema/report.schema.json");
        Self { schema: serde_json::from_str(text).unwrap(), met: BTreeSet::new() }
    }

    /// Panics where `value` is not what the schema at `pointer` describes.
    fn check(&mut self, value: &Value, pointer: &str) {
        let schema = self.schema.pointer(pointer).unwrap().clone();
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "format" | "pattern" | "minimum"
                | "required" => {}
                "$ref" => self.check(value, rule.as_str().unwrap().strip_prefix('#').unwrap()),
                "const" => assert_eq!(value, rule, "{pointer}"),
                "enum" | "examples" => assert!(rule.as_array().unwrap().contains(value), "{pointer}: {value}"),
                "type" => assert!(is(value, rule.as_str().unwrap()), "{pointer}: {value}"),
                "anyOf" if value.is_null() => assert_eq!(rule[1], json!({"type": "null"})),
                "anyOf" => self.check(value, &format!("{pointer}/anyOf/0")),
                "items" => {
                    for item in value.as_array().unwrap() {
                        self.check(item, &format!("{pointer}/items"));
                    }
                }
                "properties" => self.check_members(value, &schema, pointer),
                other => panic!("the test does not know {other}"),
            }
        }
    }

    fn check_members(&mut self, value: &Value, schema: &Value, pointer: &str) {
        // Members are added within a major version, and who reads the report is not to fail over them.
        assert!(schema.get("additionalProperties").is_none(), "{pointer}");
        for required in schema["required"].as_array().unwrap() {
            assert!(value.get(required.as_str().unwrap()).is_some(), "{pointer}: {required} is missing");
        }
        for (name, member) in value.as_object().unwrap() {
            assert!(schema["properties"].get(name).is_some(), "{pointer} does not describe {name}");
            let pointer = format!("{pointer}/properties/{name}");
            self.met.insert(pointer.clone());
            self.check(member, &pointer);
        }
    }

    /// Every property that the schema describes, wherever.
    fn described(&self) -> BTreeSet<String> {
        let mut described = BTreeSet::new();
        collect(&self.schema, "", &mut described);
        described
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the test does not know {other}"),
    }
}

fn collect(schema: &Value, pointer: &str, described: &mut BTreeSet<String>) {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (name, property) in members(&schema["properties"]) {
        let pointer = format!("{pointer}/properties/{name}");
        collect(&property, &pointer, described);
        described.insert(pointer);
    }
    for (name, definition) in members(&schema["$defs"]) {
        collect(&definition, &format!("{pointer}/$defs/{name}"), described);
    }
}

/// The report on an image with attestations of every kind.
fn with_attestations() -> Report {
    let crossing = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    let attach = |layer_type: &str, content: &[u8]| Image::referrer(image.root().descriptor(), layer_type, content);
    let key = SigningKey::from_seed(&[1; 32]);
    let referrers = [
        attach(BARE, &sbom(&digest(&image))),
        attach(DSSE, &signed(provenance(&digest(&image)), &key)),
        attach(BARE, &super::statements::statement(&digest(&image), "https://example.com/claim", &json!({}))),
    ];
    crossing.publish_image(&image, &referrers);
    let tag = format!("example.com/org/app:sha256-{}.sig", image.root().descriptor().digest.hex());
    referrers[0].push(&LayoutSink::open(&crossing.path("layout")).unwrap(), &tag.parse().unwrap()).unwrap();
    crossing.far.import(&crossing.archive()).unwrap().verified().report()
}

/// The report on an attestation that a pinned key signed.
fn with_a_pinned_key() -> Report {
    let crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("app", b"app")]);
    let key = SigningKey::from_seed(&[1; 32]);
    let envelope = signed(provenance(&digest(&image)), &key);
    crossing.publish_image(&image, &[Image::referrer(image.root().descriptor(), DSSE, &envelope)]);
    let archive = crossing.archive();
    let pem = key.public_key().unwrap().to_pem().unwrap();
    crossing.far.store().begin().unwrap().add_attester(&"builder".parse().unwrap(), pem.as_bytes()).unwrap();
    crossing.far.import(&archive).unwrap().verified().report()
}

/// A trace with one of everything.
fn trace() -> Trace {
    let rules = vec![RuleTrace { rule: "ALLOW *".to_owned(), consumed: vec!["a".to_owned()] }];
    let text = String::new;
    let link = LinkTrace { file: text(), key_id: text(), key: text(), sublayout: Some(Box::default()) };
    let step = StepTrace {
        links: vec![link],
        passed_over: vec![PassedOver { file: text(), reason: text() }],
        materials: rules.clone(),
        ..StepTrace::default()
    };
    let (materials, products) = (rules.clone(), rules);
    let inspection = InspectionTrace { name: text(), command: vec![text()], exit_status: Some(0), materials, products };
    Trace { steps: vec![step], inspections: vec![inspection], ..Trace::default() }
}

/// A warning of every kind.
fn warnings() -> Vec<WarningReport> {
    let (instant, text) = (Timestamp::UNIX_EPOCH, String::new);
    let repository: RepositoryName = "shop".parse().unwrap();
    let all = [
        Warning::Audit { instant },
        Warning::OtherClock { judged_by: "now", policy: "at-export" },
        Warning::RedLine { red_line: instant },
        Warning::RoleExpired { role: text(), repository: repository.clone(), expires: instant },
        Warning::RolePassedOver { role: text(), repository: repository.clone(), reason: text() },
        Warning::Late { repository: repository.clone(), later_export: instant },
        Warning::LayoutExpired { item: text(), expires: instant },
        Warning::InspectionsNotRun { item: text(), names: vec![text()] },
        Warning::Step { step: text(), item: text(), text: text() },
        Warning::NotPinned { repository: repository.clone() },
        Warning::SharedCertificate { repository, common_name: text() },
        Warning::NotVouchedFor { item: text(), level: Level::Zero, unlisted: vec![unlisted()] },
    ];
    let about_bundles = deviations().into_iter().map(|deviation| Warning::BundleRule {
        item: text(),
        section: deviation.section(),
        deviation,
    });
    let others = [
        Warning::OtherImage { item: text(), image: text(), image_type: text() },
        Warning::BundleNotCarried { item: text(), bundle: text(), ranges: vec![text()] },
        Warning::PlatformsNotThere { item: text(), platforms: vec![text()] },
        Warning::ReferrersNotLookedFor { items: vec![text()] },
        Warning::ReferrersLeftOut { item: text(), counts: ReferrerKind::ALL.map(|kind| (kind, 1)).into() },
        Warning::UnvouchedReferrers { items: vec![text()], counts: [(ReferrerKind::Sbom, 1)].into() },
        Warning::ManifestMadeHere { item: text(), digest: Digest::sha256(b""), made_from: MadeFrom::DockerArchive },
        Warning::InvalidAttestation { item: text(), attestation: Digest::sha256(b""), reason: text() },
        Warning::Source { text: text() },
        Warning::VolumeMissing { volume: 1 },
        Warning::VolumeDamaged { volume: 1, damaged: damaged().to_vec() },
        Warning::VolumeUnread { file: text(), reason: text() },
        Warning::LayersNotSeen { count: 1, bytes: 1, base: by_receipt() },
    ];
    all.into_iter().chain(about_bundles).chain(others).map(WarningReport::from).collect()
}

fn by_receipt() -> BaseRecord {
    let (key, statement) = (Digest::sha256(b"key"), Digest::sha256(b"receipt"));
    BaseRecord::Receipt(ReceiptRecord { key, statement })
}

/// Chunks that are damaged in every way.
fn damaged() -> [DamagedRange; 4] {
    [DamageKind::Missing, DamageKind::Short, DamageKind::Unreadable, DamageKind::Changed].map(|kind| DamagedRange {
        volume: 1,
        kind,
        first: 0,
        last: 1,
    })
}

/// A repository that does not list a name.
fn unlisted() -> Unlisted {
    let (name, listed) = ("app:2".to_owned(), vec!["1".to_owned()]);
    Unlisted { repository: "demo".parse().unwrap(), name, listed }
}

/// What an audit can find.
fn contradictions() -> Vec<Regression> {
    let instant = Timestamp::UNIX_EPOCH;
    vec![
        Regression::OlderExport { exported_at: instant, floor: instant },
        Regression::ClockBehind { now: instant, floor: instant },
        Regression::OlderVersion { role: String::new(), accepted: 2, found: 1 },
        Regression::RoleNotListed { file: String::new() },
    ]
}

/// An archive, after a later one of the same publisher was accepted.
fn overtaken() -> (Crossing, Vec<u8>) {
    let mut sides = Crossing::new();
    let older = sides.archive();
    sides.wait(SignedDuration::from_mins(1));
    sides.far.accepts(&sides.archive());
    (sides, older)
}

/// The report on one that is accepted late.
fn late() -> Report {
    let (sides, older) = overtaken();
    sides.far.verify(&older).report()
}

/// The report on an image that the pinned repository does not list, for an audit after something newer was accepted.
fn audited_and_unlisted() -> Report {
    let (sides, older) = overtaken();
    let mut report =
        sides.far.audit(older.as_slice()).unwrap().receive(&Discard, &Transport::default()).unwrap().report();
    report.items[0].unlisted.push(unlisted());
    report
}

/// A deviation of every kind.
fn deviations() -> Vec<Deviation> {
    let text = String::new;
    vec![
        Deviation::NotCanonical,
        Deviation::SchemaVersion { written: text() },
        Deviation::Name { written: text() },
        Deviation::Version { written: text() },
        Deviation::UnknownMember { member: text() },
        Deviation::MemberForm { member: text(), expected: "a text" },
        Deviation::MissingMember { member: text() },
        Deviation::UndefinedDefinition { member: text(), definition: text() },
        Deviation::ReservedVariable { member: text(), variable: text() },
        Deviation::NoDestination { member: text() },
        Deviation::SameDestination { destination: text() },
        Deviation::RelativePath { member: text(), path: text() },
        Deviation::InputPath { member: text(), path: text() },
        Deviation::OutputPath { member: text(), path: text() },
        Deviation::SameOutputPath { member: text(), path: text() },
        Deviation::BuiltInAction { action: text() },
        Deviation::UnknownExtension { extension: text() },
        Deviation::UndefinedExtension { extension: text() },
        Deviation::Dependencies { reason: text() },
        Deviation::NoContentDigest { image: text() },
        Deviation::DigestInReference { image: text() },
        Deviation::Size { image: text(), stated: Some(1), found: 2 },
        Deviation::MediaType { image: text(), stated: Some(text()), found: text() },
        Deviation::More { count: 1 },
    ]
}

#[test]
fn the_schema_describes_every_field_of_a_report_and_no_others() {
    let mut checker = Checker::new();
    let sides = Crossing::new();
    let archive = sides.archive();
    let judged = sides.far.judge_by(archive.as_slice(), Some(AskedClock::AsOf(sides.now))).unwrap();
    let audited = judged.receive(&Discard, &Transport::default()).unwrap().report();
    let chosen = Platforms::Only(vec!["linux/amd64".parse().unwrap()]);
    let partial = sides.export(&ExportRequest { platforms: chosen, ..sides.request() }).unwrap();
    let partial = sides.far.verify(&partial).report();
    let accepted = sides.far.verify(&archive).report();
    for report in [with_attestations(), with_a_pinned_key(), accepted, partial, audited, audited_and_unlisted(), late()]
    {
        checker.check(&serde_json::to_value(report).unwrap(), "");
    }
    let base = Base::of_archives(vec![sent(&archive)], []);
    let mut delta = sides.far.verify(&sides.delta(&sides.request(), &base)).report();
    checker.check(&serde_json::to_value(&delta).unwrap(), "");
    delta.content.absent.as_mut().unwrap().base = by_receipt();
    checker.check(&serde_json::to_value(&delta).unwrap(), "");
    let choice = ReferrerChoice {
        kinds: BTreeSet::new(),
        left_out: ReferrerKind::ALL.map(|kind| (kind, BTreeSet::from([Digest::sha256(b"left out")]))).into(),
    };
    let mut report = with_attestations();
    (report.items[0].referrer_choice, report.items[0].made_from) = (choice, Some(MadeFrom::DockerArchive));
    checker.check(&serde_json::to_value(report).unwrap(), "");
    for contradiction in contradictions() {
        let mut finding = serde_json::to_value(&contradiction).unwrap();
        finding["message"] = json!(contradiction.to_string());
        finding["repository"] = json!("demo");
        checker.check(&finding, "/$defs/auditFinding");
    }
    checker.check(&serde_json::to_value(trace()).unwrap(), "/$defs/trace");
    for warning in warnings() {
        checker.check(&serde_json::to_value(warning).unwrap(), "/$defs/warning");
    }
    let unmet: Vec<String> = checker.described().difference(&checker.met).cloned().collect();
    // What an import adds is the command's own, and is checked there.
    let of_import = [
        "/$defs/attachedTag/properties/before",
        "/$defs/attachedTag/properties/digest",
        "/$defs/attachedTag/properties/held",
        "/$defs/attachedTag/properties/outcome",
        "/$defs/attachedTag/properties/reference",
        "/$defs/leftBehind/properties/count",
        "/$defs/leftBehind/properties/reference",
        "/$defs/repository/properties/notary",
        "/$defs/tag/properties/before",
        "/$defs/tag/properties/carried",
        "/$defs/tag/properties/change",
        "/$defs/tag/properties/digest",
        "/$defs/tag/properties/form",
        "/$defs/tag/properties/parts",
        "/$defs/tag/properties/reference",
        "/$defs/tag/properties/without",
        "/$defs/tagPart/properties/carried",
        "/$defs/tagPart/properties/digest",
        "/$defs/tagPart/properties/form",
        "/$defs/tagPart/properties/reference",
        "/$defs/tufMirror/properties/everyRole",
        "/$defs/tufMirror/properties/folder",
        "/$defs/tufMirror/properties/repository",
        "/properties/archive/properties/sha256",
        "/properties/attachedTags",
        "/properties/leftBehind",
        "/properties/receipt",
        "/properties/receipt/properties/accepted",
        "/properties/receipt/properties/bytes",
        "/properties/receipt/properties/file",
        "/properties/receipt/properties/layers",
        "/properties/receipt/properties/line",
        "/properties/receipt/properties/madeAt",
        "/properties/receipt/properties/place",
        "/properties/receipt/properties/site",
        "/properties/tags",
        "/properties/tufMirrors",
    ];
    assert_eq!(unmet, of_import);
}

#[test]
fn the_checker_notices_what_is_not_described() {
    let report = serde_json::to_value(with_a_pinned_key()).unwrap();
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut report = report.clone();
        change(&mut report);
        std::panic::catch_unwind(move || Checker::new().check(&report, "")).is_err()
    };
    assert!(!wrong(&|_| {}));
    assert!(wrong(&|report| report["unknown"] = json!(1)));
    assert!(wrong(&|report| drop(report.as_object_mut().unwrap().remove("time"))));
    assert!(wrong(&|report| report["items"][0]["attestations"][0]["signature"]["check"] = json!("perhaps")));
}
