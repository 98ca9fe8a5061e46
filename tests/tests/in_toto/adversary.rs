//! What an adversary would try that needs more than a file: floods, order, and what the trace says of it.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_archive_format::{Digest, dsse};
use sealift_proof::canonical_json;
use sealift_proof::in_toto::metadata::PAYLOAD_TYPE;
use sealift_proof::in_toto::{
    BindingRule, FinalProduct, InspectionError, InspectionOutcome, InspectionRequest, InspectionRunner, Inspections,
    Key, LayoutKey, Parameters, ProductContent, ProductFile, Refusal, RefusalClass, SupplyChain, VerifiedSupplyChain,
    Work, verify,
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
    let signature = dsse::Signature { key_id: label(seed), bytes: key(seed).sign(&dsse::pae(payload_type, &payload)) };
    dsse::Envelope { payload_type: payload_type.to_owned(), payload, signatures: vec![signature] }.encode()
}

const OWNER: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;

/// One step, "pack", by alice, with one link that reports the bundle.
struct Chain {
    layout: Value,
    link: Value,
    more: BTreeMap<String, Vec<u8>>,
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
            bundle: BUNDLE,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn verify(&self, inspections: Inspections<'_>) -> Result<VerifiedSupplyChain, Refusal> {
        let layout = metablock(&self.layout, &[OWNER]);
        let mut links = self.more.clone();
        links.entry("pack.02020202.link".to_owned()).or_insert_with(|| metablock(&self.link, &[ALICE]));
        let chain = SupplyChain {
            layout: &layout,
            layout_keys: vec![LayoutKey {
                label: "owner".to_owned(),
                key: Key::from(key(OWNER).public_key().unwrap()),
            }],
            links,
            parameters: Parameters::default(),
        };
        let file = ProductFile {
            name: "bundle.json".to_owned(),
            digests: vec![Digest::sha256(self.bundle)],
            content: ProductContent::Bytes(self.bundle),
        };
        let product = FinalProduct { files: vec![file], binding: BindingRule::EveryFile };
        verify(&chain, &product, self.at, inspections, &mut Work::of_an_archive())
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
    // A third of it is put up with.
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
        let artifact = |file: &ProductFile<'_>| (file.name.clone(), sealift_proof::in_toto::Hashes::of(&file.digests));
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
    assert_eq!(trace["layoutSignedBy"], json!(["owner"]));
    assert_eq!(trace["steps"][0]["links"][0]["keyId"], json!(label(ALICE)));
    assert_eq!(trace["steps"][0]["products"][0], json!({"rule": "CREATE *", "consumed": ["bundle.json"]}));
    let text = refusal.trace.lines().join("\n");
    assert!(text.contains("step pack (threshold 1)") && text.contains("products: CREATE * → bundle.json"), "{text}");
}
