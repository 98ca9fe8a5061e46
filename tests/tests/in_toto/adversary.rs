//! What an adversary would try that needs more than a file: floods, order, and what the trace says of it.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_archive_format::{Digest, dsse};
use sealift_proof::canonical_json;
use sealift_proof::in_toto::artifact::ArtifactError;
use sealift_proof::in_toto::key::{NotSigned, UnusableKey};
use sealift_proof::in_toto::layout::InTotoLayoutError;
use sealift_proof::in_toto::link::LinkError;
use sealift_proof::in_toto::metadata::{PAYLOAD_TYPE, SignedDocumentError};
use sealift_proof::in_toto::product::UnboundProduct;
use sealift_proof::in_toto::refusal::LinkProblem;
use sealift_proof::in_toto::rule_processing::RuleViolation;
use sealift_proof::in_toto::{
    BindingRule, Cause, FinalProduct, InTotoKey, InspectionError, InspectionOutcome, InspectionRequest,
    InspectionRunner, Inspections, LayoutKey, Parameters, ProductContent, ProductFile, Refusal, RefusalClass,
    SupplyChain, VerifiedSupplyChain, Work, verify,
};
use sealift_proof::signature::SigningKey;
use serde_json::{Value, json};

const BUNDLE: &[u8] = b"{}";

/// A person's key; the label is the seed.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn label(seed: u8) -> String {
    format!("{seed:02x}").repeat(32)
}

fn listed(seed: u8) -> Value {
    let public = hex::encode(key(seed).public_bytes());
    json!({"keyid": label(seed), "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}})
}

fn metablock(signed: &Value, signers: &[u8]) -> Vec<u8> {
    let message = canonical_json::encode(signed).unwrap();
    let signature = |seed: &u8| json!({"keyid": label(*seed), "sig": hex::encode(key(*seed).sign(&message))});
    json!({"signed": signed, "signatures": signers.iter().map(signature).collect::<Vec<_>>()}).to_string().into_bytes()
}

fn envelope(payload_type: &str, payload: &Value, seed: u8) -> Vec<u8> {
    let payload = payload.to_string().into_bytes();
    let signature =
        dsse::DsseSignature { key_id: label(seed), bytes: key(seed).sign(&dsse::pae(payload_type, &payload)) };
    dsse::DsseEnvelope { payload_type: payload_type.to_owned(), payload, signatures: vec![signature] }.encode()
}

const OWNER: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;

/// One step, "pack", by alice, with one link that reports the bundle.
struct Chain {
    layout: Value,
    link: Value,
    more: BTreeMap<String, Vec<u8>>,
    parameters: BTreeMap<String, String>,
    bundle: &'static [u8],
    at: Timestamp,
}

impl Chain {
    fn new() -> Self {
        let step = json!({"_type": "step", "name": "pack", "threshold": 1, "pubkeys": [label(ALICE)],
            "expected_command": [], "expected_materials": [], "expected_products": [["CREATE", "*"], ["DISALLOW", "*"]]});
        Self {
            layout: json!({"_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "steps": [step],
                "inspect": [], "keys": {label(ALICE): listed(ALICE), label(BOB): listed(BOB)}}),
            link: json!({"_type": "link", "name": "pack", "command": [], "materials": {}, "byproducts": {},
                "environment": {}, "products": {"bundle.json": {"sha256": Digest::sha256(BUNDLE).hex()}}}),
            more: BTreeMap::new(),
            parameters: BTreeMap::new(),
            bundle: BUNDLE,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn verify(&self, inspections: Inspections<'_>) -> Result<VerifiedSupplyChain, Refusal> {
        self.verify_with(&[OWNER], vec![self.product()], inspections)
    }

    fn product(&self) -> ProductFile<'static> {
        ProductFile {
            name: "bundle.json".to_owned(),
            digests: vec![Digest::sha256(self.bundle)],
            content: ProductContent::Bytes(self.bundle),
        }
    }

    /// The same, for these files, and with the keys of these owners, the first of whom signed the layout.
    fn verify_with(
        &self,
        owners: &[u8],
        files: Vec<ProductFile<'_>>,
        inspections: Inspections<'_>,
    ) -> Result<VerifiedSupplyChain, Refusal> {
        let layout = metablock(&self.layout, &[OWNER]);
        self.verify_layout(&layout, owners, files, inspections)
    }

    fn verify_layout(
        &self,
        layout: &[u8],
        owners: &[u8],
        files: Vec<ProductFile<'_>>,
        inspections: Inspections<'_>,
    ) -> Result<VerifiedSupplyChain, Refusal> {
        let mut links = self.more.clone();
        links.entry("pack.02020202.link".to_owned()).or_insert_with(|| metablock(&self.link, &[ALICE]));
        let chain = SupplyChain {
            layout,
            layout_keys: owners
                .iter()
                .map(|owner| LayoutKey {
                    label: label(*owner),
                    key: InTotoKey::from(key(*owner).public_key().unwrap()),
                })
                .collect(),
            links,
            parameters: Parameters::new(self.parameters.clone()).unwrap(),
        };
        let product = FinalProduct { files, binding: BindingRule::EveryFile };
        verify(&chain, &product, self.at, inspections, &mut Work::of_an_archive())
    }

    fn cause(&self) -> Cause {
        *self.verify(Inspections::NotRun).unwrap_err().cause
    }

    fn class(&self) -> RefusalClass {
        match self.verify(Inspections::NotRun) {
            Ok(_) => panic!("the chain holds"),
            Err(refusal) => refusal.class(),
        }
    }
}

#[test]
fn the_chain_that_the_others_break_holds() {
    let verified = Chain::new().verify(Inspections::NotRun).unwrap();
    assert_eq!(verified.product()[0].step, "pack");
    assert_eq!(verified.expires().to_string(), "2030-01-01T00:00:00Z");
}

#[test]
fn a_layout_is_expired_at_its_expiry() {
    let mut chain = Chain::new();
    chain.at = "2029-12-31T23:59:59Z".parse().unwrap();
    chain.verify(Inspections::NotRun).unwrap();
    chain.at = "2030-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(chain.class(), RefusalClass::Expired);
}

#[test]
fn a_flood_of_signatures_is_a_limit_and_not_a_long_wait() {
    let mut chain = Chain::new();
    // 1,000 keys that alice's step names, 64 signatures in each of 100 links.
    let names: Vec<String> = (0..1000).map(|index| format!("{index:064x}")).collect();
    for name in &names {
        let mut key = listed(ALICE);
        key["keyid"] = json!(name);
        chain.layout["keys"][name] = key;
    }
    chain.layout["steps"][0]["pubkeys"] = json!(names);
    let flood = metablock(&json!({"_type": "link", "name": "pack"}), &[BOB; 64]);
    chain.more = (0..100).map(|index| (format!("pack.{index:08x}.link"), flood.clone())).collect();
    assert_eq!(chain.class(), RefusalClass::Limit);
}

#[test]
fn a_flood_of_signatures_over_many_steps_is_one_flood() {
    // Each step alone stays far below the limit: 16 keys, and one file with 64 signatures by others.
    let mut chain = Chain::new();
    let names: Vec<String> = (0..16).map(|index| format!("{index:064x}")).collect();
    for name in &names {
        let mut key = listed(ALICE);
        key["keyid"] = json!(name);
        chain.layout["keys"][name] = key;
    }
    let pack = chain.layout["steps"][0].clone();
    let steps = (0..30).map(|index| {
        let mut step = pack.clone();
        (step["name"], step["pubkeys"]) = (json!(format!("step-{index}")), json!(names));
        step
    });
    chain.layout["steps"] = steps.chain([pack.clone()]).collect();
    for index in 0..30 {
        let name = format!("step-{index}");
        let link = json!({"_type": "link", "name": name, "materials": {}, "products": {}});
        chain.more.insert(format!("{name}.00000000.link"), metablock(&link, &[ALICE]));
        chain.more.insert(format!("{name}.ffffffff.link"), metablock(&link, &[BOB; 64]));
    }
    let refusal = chain.verify(Inspections::NotRun).unwrap_err();
    assert_eq!(refusal.class(), RefusalClass::Limit);
    assert!(refusal.trace.steps.len() > 20, "{}", refusal.trace.steps.len());
    // A third of it is tolerated.
    chain.more.retain(|file, _| !file.ends_with("ffffffff.link") || file.starts_with("step-1"));
    chain.verify(Inspections::NotRun).unwrap();
}

#[test]
fn a_flood_of_files_is_a_limit() {
    let mut chain = Chain::new();
    chain.more = (0..10_001).map(|index| (format!("other.{index:08x}.link"), Vec::new())).collect();
    assert_eq!(chain.class(), RefusalClass::Limit);
}

#[test]
fn a_link_of_another_step_never_counts_even_beside_the_right_one() {
    let mut chain = Chain::new();
    chain.more.insert("pack.03030303.link".to_owned(), metablock(&chain.link, &[BOB]));
    let verified = chain.verify(Inspections::NotRun).unwrap();
    let step = &verified.trace().steps[0];
    assert_eq!(step.links.len(), 1);
    assert_eq!(step.passed_over[0].file, "pack.03030303.link");
    assert!(step.passed_over[0].reason.contains("which this step does not name"), "{}", step.passed_over[0].reason);
}

#[test]
fn a_second_link_of_one_signer_does_not_count_and_must_agree() {
    let mut chain = Chain::new();
    chain.more.insert("pack.00000000.link".to_owned(), metablock(&chain.link, &[ALICE]));
    let verified = chain.verify(Inspections::NotRun).unwrap();
    assert_eq!(verified.trace().steps[0].links.len(), 1);
    let mut other = chain.link.clone();
    other["products"]["bundle.json"]["sha256"] = json!("00");
    chain.more.insert("pack.00000000.link".to_owned(), metablock(&other, &[ALICE]));
    assert_eq!(chain.class(), RefusalClass::Disagreement);
}

#[test]
fn a_link_predicate_in_a_statement_is_a_link() {
    let statement = |name: &str| {
        json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "bundle.json", "digest": {"sha256": Digest::sha256(BUNDLE).hex()}}],
            "predicateType": "https://in-toto.io/attestation/link/v0.3", "predicate": {"name": name, "command": []}})
    };
    let mut chain = Chain::new();
    chain.more.insert("pack.02020202.link".to_owned(), envelope(PAYLOAD_TYPE, &statement("pack"), ALICE));
    chain.verify(Inspections::NotRun).unwrap();
    chain.more.insert("pack.02020202.link".to_owned(), envelope(PAYLOAD_TYPE, &statement("other"), ALICE));
    assert_eq!(chain.class(), RefusalClass::Threshold);
}

#[test]
fn what_was_signed_as_another_type_is_no_link() {
    let mut chain = Chain::new();
    chain.more.insert("pack.02020202.link".to_owned(), envelope(PAYLOAD_TYPE, &chain.link, ALICE));
    chain.verify(Inspections::NotRun).unwrap();
    chain.more.insert("pack.02020202.link".to_owned(), envelope("application/json", &chain.link, ALICE));
    assert_eq!(chain.class(), RefusalClass::Threshold);
}

/// Counts how often it is asked.
struct Counting(Cell<usize>);

impl InspectionRunner for Counting {
    fn run(&self, request: &InspectionRequest<'_>) -> Result<InspectionOutcome, InspectionError> {
        self.0.set(self.0.get() + 1);
        let artifact =
            |file: &ProductFile<'_>| (file.name.clone(), sealift_proof::in_toto::ArtifactHashes::of(&file.digests));
        let materials: sealift_proof::in_toto::Artifacts = request.product.iter().map(artifact).collect();
        Ok(InspectionOutcome { exit_status: 0, products: materials.clone(), materials })
    }
}

#[test]
fn no_inspection_sees_a_product_that_is_not_the_chains() {
    let mut chain = Chain::new();
    chain.layout["inspect"] = json!([{"_type": "inspection", "name": "look", "run": ["look"],
        "expected_materials": [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "pack"], ["DISALLOW", "*"]],
        "expected_products": []}]);
    let runner = Counting(Cell::new(0));
    let verified = chain.verify(Inspections::Run(&runner)).unwrap();
    assert_eq!((runner.0.get(), verified.inspections_not_run().len()), (1, 0));
    chain.bundle = b"tampered";
    let refusal = chain.verify(Inspections::Run(&runner)).unwrap_err();
    assert_eq!((refusal.class(), runner.0.get()), (RefusalClass::Product, 1));
    // Nor does any run while a step's rules do not hold.
    chain.bundle = BUNDLE;
    chain.link["products"]["unexpected"] = json!({"sha256": "00"});
    chain.link["materials"]["unexpected"] = json!({"sha256": "00"});
    let refusal = chain.verify(Inspections::Run(&runner)).unwrap_err();
    assert_eq!((refusal.class(), runner.0.get()), (RefusalClass::Rule, 1));
}

#[test]
fn a_refusal_names_the_rule_the_artifact_and_what_came_before() {
    let mut chain = Chain::new();
    chain.link["materials"]["source.txt"] = json!({"sha256": "00"});
    chain.link["products"]["source.txt"] = json!({"sha256": "00"});
    let refusal = chain.verify(Inspections::NotRun).unwrap_err();
    let said = refusal.to_string();
    assert!(said.contains("DISALLOW *") && said.contains("source.txt") && said.contains("pack"), "{said}");
    let trace = serde_json::to_value(&refusal.trace).unwrap();
    assert_eq!(trace["layoutSignedBy"], json!([label(OWNER)]));
    assert_eq!(trace["steps"][0]["links"][0]["keyId"], json!(label(ALICE)));
    assert_eq!(trace["steps"][0]["products"][0], json!({"rule": "CREATE *", "consumed": ["bundle.json"]}));
    let text = refusal.trace.lines().join("\n");
    assert!(text.contains("; expires 2030-01-01T00:00:00Z, judged at 1970-01-01"), "{text}");
    assert!(text.contains("step pack (threshold 1)") && text.contains("products: CREATE * → bundle.json"), "{text}");
}

#[test]
fn a_chain_without_a_key_for_its_layout_proves_nothing() {
    let chain = Chain::new();
    let refusal = chain.verify_with(&[], vec![chain.product()], Inspections::NotRun).unwrap_err();
    assert!(matches!(*refusal.cause, Cause::NoLayoutKey), "{:?}", refusal.cause);
}

#[test]
fn a_chain_of_no_product_proves_nothing() {
    let refusal = Chain::new().verify_with(&[OWNER], Vec::new(), Inspections::NotRun).unwrap_err();
    assert!(matches!(*refusal.cause, Cause::Product(UnboundProduct::Empty)), "{:?}", refusal.cause);
}

#[test]
fn a_product_is_the_content_that_its_digest_states() {
    let chain = Chain::new();
    let product = ProductFile { content: ProductContent::Bytes(b"other"), ..chain.product() };
    let refusal = chain.verify_with(&[OWNER], vec![product], Inspections::NotRun).unwrap_err();
    assert!(
        matches!(&*refusal.cause, Cause::Product(UnboundProduct::NotItsContent { file, stated })
            if file == "bundle.json" && *stated == Digest::sha256(BUNDLE)),
        "{:?}",
        refusal.cause
    );
}

#[test]
fn a_layout_has_limits() {
    type Fill = fn(&mut Value, usize);
    let cases: [(&str, usize, Fill); 6] = [
        ("rules in a list", 10_000, |layout, count| {
            layout["steps"][0]["expected_materials"] = json!(vec![json!(["ALLOW", "*"]); count]);
        }),
        ("rules in a list", 10_000, |layout, count| {
            layout["steps"][0]["expected_products"] = json!(vec![json!(["ALLOW", "*"]); count]);
        }),
        ("keys in a step", 1024, |layout, count| {
            let keys: Vec<String> = (1..count).map(|index| format!("{index:064x}")).chain([label(ALICE)]).collect();
            layout["steps"][0]["pubkeys"] = json!(keys);
        }),
        ("keys", 1024, |layout, count| {
            for index in 2..count {
                let mut key = listed(BOB);
                key["keyid"] = json!(format!("{index:064x}"));
                layout["keys"][format!("{index:064x}")] = key;
            }
        }),
        ("steps", 1024, |layout, count| {
            let mut step = layout["steps"][0].clone();
            for index in 1..count {
                step["name"] = json!(format!("step-{index}"));
                layout["steps"].as_array_mut().unwrap().push(step.clone());
            }
        }),
        ("inspections", 1024, |layout, count| {
            let inspection = |index| {
                json!({"_type": "inspection", "name": format!("look-{index}"), "run": ["look"],
                "expected_materials": [], "expected_products": []})
            };
            layout["inspect"] = (0..count).map(inspection).collect();
        }),
    ];
    for (what, limit, fill) in cases {
        let mut chain = Chain::new();
        fill(&mut chain.layout, limit);
        let at_limit = chain.verify(Inspections::NotRun).err().map(|refusal| *refusal.cause);
        assert!(!matches!(at_limit, Some(Cause::Layout(_))), "{what}: {at_limit:?}");
        let mut chain = Chain::new();
        fill(&mut chain.layout, limit + 1);
        let cause = chain.cause();
        assert!(
            matches!(&cause, Cause::Layout(InTotoLayoutError::TooMany { what: found, count, limit: said })
                if *found == what && (*count, *said) == (limit + 1, limit)),
            "{what}: {cause:?}"
        );
    }
}

#[test]
fn a_flood_of_files_and_one_of_signatures_are_told_apart() {
    let mut chain = Chain::new();
    chain.more = (0..10_001).map(|index| (format!("other.{index:08x}.link"), Vec::new())).collect();
    let cause = chain.cause();
    assert!(matches!(cause, Cause::TooManyFiles { limit: 10_000, .. }), "{cause:?}");
    let mut chain = Chain::new();
    let flood = metablock(&json!({"_type": "link", "name": "pack"}), &[BOB; 64]);
    chain.more = (0..5000).map(|index| (format!("pack.{index:08x}.link"), flood.clone())).collect();
    assert!(matches!(chain.cause(), Cause::Work(_)));
}

#[test]
fn a_layout_that_is_no_document_cannot_be_read() {
    let chain = Chain::new();
    for layout in [&b"not JSON"[..], b"{}", b"[]"] {
        let refusal = chain.verify_layout(layout, &[OWNER], vec![chain.product()], Inspections::NotRun).unwrap_err();
        assert!(matches!(*refusal.cause, Cause::LayoutUnreadable(_)), "{:?}", refusal.cause);
    }
}

/// Why alice's file does not count, if it is this one.
fn passed_over(file: Vec<u8>) -> LinkProblem {
    let mut chain = Chain::new();
    chain.more.insert("pack.02020202.link".to_owned(), file);
    match chain.cause() {
        Cause::Threshold { mut passed_over, .. } => passed_over.remove(0).1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_does_not_count_says_why() {
    let link = Chain::new().link;
    let long = [b"{\"x\":\"".as_slice(), &vec![b'x'; 32 << 20], b"\"}"].concat();
    assert!(matches!(passed_over(long), LinkProblem::Unreadable(SignedDocumentError::TooLong { .. })));
    assert!(matches!(passed_over(b"not JSON".to_vec()), LinkProblem::Unreadable(_)));
    let no_envelope = json!({"payloadType": PAYLOAD_TYPE, "payload": "e30=", "signatures": "none"}).to_string();
    let problem = passed_over(no_envelope.into_bytes());
    assert!(matches!(problem, LinkProblem::Unreadable(SignedDocumentError::Envelope(_))), "{problem:?}");
    let mut no_link = link.clone();
    no_link["materials"] = json!([]);
    assert!(matches!(passed_over(metablock(&no_link, &[ALICE])), LinkProblem::NotALink(_)));
    let problem = passed_over(metablock(&link, &[]));
    assert!(matches!(problem, LinkProblem::NotSigned(NotSigned::NoSignature)), "{problem:?}");
    let mut changed: Value = serde_json::from_slice(&metablock(&link, &[ALICE])).unwrap();
    changed["signed"]["command"] = json!(["make"]);
    let problem = passed_over(changed.to_string().into_bytes());
    assert!(matches!(problem, LinkProblem::NotSigned(NotSigned::BadSignature)), "{problem:?}");
}

#[test]
fn a_key_that_cannot_be_used_says_why() {
    type Spoil = fn(&mut Value);
    type IsIt = fn(&UnusableKey) -> bool;
    let cases: [(Spoil, IsIt); 5] = [
        (|key| key["keyval"] = json!({}), |why| matches!(why, UnusableKey::NoPublicPart)),
        (|key| key["keytype"] = json!("ed448"), |why| matches!(why, UnusableKey::Type(_))),
        (|key| key["scheme"] = json!("ed448"), |why| matches!(why, UnusableKey::Scheme(_))),
        (|key| key["keyval"]["public"] = json!("00"), |why| matches!(why, UnusableKey::Public(_))),
        (|key| key["method"] = json!("pgp+none"), |why| matches!(why, UnusableKey::OpenPgp(_))),
    ];
    for (spoil, is_it) in cases {
        let mut chain = Chain::new();
        spoil(&mut chain.layout["keys"][label(ALICE)]);
        match chain.cause() {
            Cause::Threshold { passed_over, .. } => {
                let LinkProblem::NotSigned(NotSigned::Unusable(why)) = &passed_over[0].1 else {
                    panic!("{passed_over:?}")
                };
                assert!(is_it(why), "{why:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Reports what it is told to.
struct Reporting(Result<i32, ()>);

impl InspectionRunner for Reporting {
    fn run(&self, request: &InspectionRequest<'_>) -> Result<InspectionOutcome, InspectionError> {
        let exit_status = self.0.map_err(|()| InspectionError::new(std::io::Error::other("no sandbox")))?;
        let artifact =
            |file: &ProductFile<'_>| (file.name.clone(), sealift_proof::in_toto::ArtifactHashes::of(&file.digests));
        let materials: sealift_proof::in_toto::Artifacts = request.product.iter().map(artifact).collect();
        Ok(InspectionOutcome { exit_status, products: materials.clone(), materials })
    }
}

#[test]
fn the_rules_of_an_inspection_hold_for_its_materials_and_for_its_products() {
    let disallow = json!([["DISALLOW", "*"]]);
    for list in ["expected_materials", "expected_products"] {
        let mut chain = Chain::new();
        let mut inspection = json!({"_type": "inspection", "name": "look", "run": ["look"],
            "expected_materials": [], "expected_products": []});
        inspection[list] = disallow.clone();
        chain.layout["inspect"] = json!([inspection]);
        let refusal = chain.verify(Inspections::Run(&Reporting(Ok(0)))).unwrap_err();
        assert!(
            matches!(&*refusal.cause, Cause::Rule(RuleViolation::Disallowed { item, .. }) if item == "look"),
            "{list}: {:?}",
            refusal.cause
        );
        assert!(refusal.to_string().contains("bundle.json"), "{refusal}");
    }
}

#[test]
fn an_inspection_that_fails_or_cannot_be_run_refuses_the_chain() {
    let mut chain = Chain::new();
    chain.layout["inspect"] = json!([{"_type": "inspection", "name": "look", "run": ["look"],
        "expected_materials": [], "expected_products": []}]);
    let cause = |runner: Reporting| *chain.verify(Inspections::Run(&runner)).unwrap_err().cause;
    let failed = cause(Reporting(Ok(3)));
    assert!(matches!(failed, Cause::InspectionFailed { exit_status: 3, .. }), "{failed:?}");
    let not_run = cause(Reporting(Err(())));
    assert!(matches!(not_run, Cause::InspectionNotRun { .. }), "{not_run:?}");
}

#[test]
fn a_link_reports_no_more_artifacts_than_are_read() {
    let mut link = Chain::new().link;
    let artifacts: serde_json::Map<_, _> = (0..500_001).map(|number| (format!("{number:x}"), json!({}))).collect();
    link["materials"] = Value::Object(artifacts);
    let problem = passed_over(metablock(&link, &[ALICE]));
    assert!(
        matches!(&problem, LinkProblem::NotALink(LinkError::Artifacts(ArtifactError::TooMany { count: 500_001 }))),
        "{problem:?}"
    );
}

#[test]
fn a_command_with_a_parameter_that_nobody_gave_cannot_be_filled_in() {
    let mut chain = Chain::new();
    chain.parameters = [("target".to_owned(), "all".to_owned())].into();
    chain.layout["steps"][0]["expected_command"] = json!(["make", "{target}"]);
    chain.verify(Inspections::NotRun).unwrap();
    chain.layout["steps"][0]["expected_command"] = json!(["make", "{missing}"]);
    let cause = chain.cause();
    assert!(matches!(&cause, Cause::Layout(InTotoLayoutError::Command { item, .. }) if item == "pack"), "{cause:?}");
}
