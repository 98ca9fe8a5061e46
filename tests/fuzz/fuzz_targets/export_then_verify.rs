//! What `export` seals, the far side takes: over sources and requests of every form, right and wrong.
#![no_main]

#[path = "../../src/generated_source.rs"]
mod generated_source;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sealift_core::trust::Purpose;
use sealift_core::trust_store::{Policy, Trust};
use sealift_core::verify::{self, Discard, Transport, VerifySettings};
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;

/// The one side that is exporter and importer: it trusts its own key and asks for nothing else.
static SIDE: LazyLock<(SigningKey, Trust, Timestamp)> = LazyLock::new(|| {
    let key = SigningKey::from_seed(&[7; 32]);
    let trust = Trust {
        policy: Policy::parse(generated_source::POLICY).unwrap(),
        map: None,
        repositories: BTreeMap::new(),
        exporters: BTreeMap::from([("carrier".parse().unwrap(), key.public_key().unwrap())]),
        attesters: BTreeMap::new(),
    };
    (key, trust, "2026-06-01T12:00:00Z".parse().unwrap())
});

fuzz_target!(|data: &[u8]| {
    let (key, trust, now) = &*SIDE;
    let Some(archive) = generated_source::export(data, key, trust, *now) else { return };
    let (now, asked, purpose) = (*now, None, Purpose::Acceptance);
    let settings = VerifySettings { now, asked, purpose, inspections: Inspections::NotRun };
    let judged = verify::open(archive.as_slice(), trust, &settings).expect("the head of an exported archive");
    judged.receive(&Discard, &Transport::default()).expect("the content of an exported archive");
});
