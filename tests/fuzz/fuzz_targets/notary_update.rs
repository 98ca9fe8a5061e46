//! A whole update over a repository of Notary v1: whatever is accepted, was published, or is what the roles' key signed.
//!
//! Input: a byte that says what follows. Instructions of four bytes each, which copy, remove, cut, extend or change one of the files that Notary
//! published in two generations; or a root; or the signed part of a timestamp, a snapshot or targets, which is signed here.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use sealift_archive_format::Digest;
use sealift_proof::canonical_json;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::{Dialect, Limits, TrustAnchor, TrustedState, update};
use serde_json::{Value, json};

macro_rules! published {
    ($($generation:literal: $($name:literal)*;)*) => {
        [$($((
            concat!($generation, "/", $name),
            include_bytes!(concat!("../../vectors/tuf/notary-v1/", $generation, "/", $name, ".json")) as &[u8],
        )),*),*]
    };
}

/// What Notary published, before and after a rotation of its root.
const PUBLISHED: [(&str, &[u8]); 15] = published! {
    "first": "1.root" "2.root" "3.root" "timestamp" "snapshot" "targets" "targets/releases";
    "second": "1.root" "2.root" "3.root" "4.root" "timestamp" "snapshot" "targets" "targets/releases";
};

/// A root under which one ed25519 key signs everything else: `NotaryRepository` of the tests made it.
const ROOT: &[u8] = include_bytes!("notary_root.json");

fn dialect(gun: &str) -> Dialect {
    Dialect::Notary(gun.parse().unwrap())
}

fn generation(name: &str) -> BTreeMap<String, Vec<u8>> {
    let of_it = PUBLISHED.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(name)?.strip_prefix('/')?, bytes)));
    of_it.map(|(role, bytes)| (role.replace('/', "%2F") + ".json", bytes.to_vec())).collect()
}

static FILES: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| generation("second"));

fn rearrange(files: &mut BTreeMap<String, Vec<u8>>, instruction: &[u8]) {
    let &[what, which, place, value] = instruction else { return };
    let names: Vec<&String> = FILES.keys().collect();
    let Some(bytes) = files.get_mut(names[usize::from(which) % names.len()]) else { return };
    let at = usize::from(place) * bytes.len().max(1) / 256;
    match what % 6 {
        0 => *bytes = PUBLISHED[usize::from(value) % PUBLISHED.len()].1.to_vec(),
        1 => drop(files.remove(names[usize::from(which) % names.len()])),
        2 => bytes.truncate(at),
        3 => bytes.extend(std::iter::repeat_n(value, usize::from(place))),
        4 => bytes.insert(at, value),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
    }
}

fn rearranged(data: &[u8]) {
    let mut files = FILES.clone();
    data.chunks(4).take(32).for_each(|instruction| rearrange(&mut files, instruction));
    let dialect = dialect("localhost:15601/org/dct");
    let pinned = TrustAnchor { root: PUBLISHED[0].1, dialect: &dialect };
    let now = "2026-11-26T00:00:00Z".parse().unwrap();
    let mut carried = CarriedMetadata::new(files);
    let Ok(mut repository) = update(pinned, &TrustedState::default(), &mut carried, now, &Limits::default()) else {
        return;
    };
    let versions: Vec<u64> = repository.roles().iter().map(|role| role.version).collect();
    assert!([[3, 6, 7, 4], [4, 9, 10, 4]].iter().any(|known| versions == known), "mix and match: {versions:?}");
    let Ok(found) = repository.resolve(&mut carried, "2.0") else { return };
    assert_eq!(found.is_some(), versions[0] == 3, "{versions:?}");
}

fn sign(signed: &Value) -> Option<Vec<u8>> {
    let key = SigningKey::from_seed(&[1; 32]);
    let object =
        json!({ "keytype": "ed25519", "keyval": { "private": null, "public": STANDARD.encode(key.public_bytes()) } });
    let id = Digest::sha256(&canonical_json::encode(&object).ok()?).hex().to_owned();
    let signature = STANDARD.encode(key.sign(&canonical_json::encode(signed).ok()?));
    let signatures = json!([{ "keyid": id, "method": "eddsa", "sig": signature }]);
    Some(json!({ "signed": signed, "signatures": signatures }).to_string().into_bytes())
}

fn described(bytes: &[u8]) -> Value {
    let hash = hex::decode(Digest::sha256(bytes).hex()).unwrap();
    json!({ "length": bytes.len(), "hashes": { "sha256": STANDARD.encode(hash) } })
}

/// A file of a role, with what above it leads to it.
fn signed(role: u8, data: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let given = sign(&serde_json::from_slice(data).ok()?)?;
    let header = |kind: &str| json!({ "_type": kind, "version": 1, "expires": "2090-01-01T00:00:00.000000001+02:00" });
    let mut files = BTreeMap::new();
    if role == 2 {
        files.insert("timestamp.json".to_owned(), given);
        return Some(files);
    }
    let mut snapshot = header("Snapshot");
    snapshot["meta"] = json!({ "root": described(ROOT), "targets": described(&given) });
    let snapshot = if role == 3 { given.clone() } else { sign(&snapshot)? };
    let mut timestamp = header("Timestamp");
    timestamp["meta"] = json!({ "snapshot": described(&snapshot) });
    files.insert("timestamp.json".to_owned(), sign(&timestamp)?);
    files.insert("snapshot.json".to_owned(), snapshot);
    files.insert("targets.json".to_owned(), given);
    Some(files)
}

fuzz_target!(|data: &[u8]| {
    let Some((&what, data)) = data.split_first() else { return };
    let dialect = dialect("example.com/acme/web");
    match what % 5 {
        0 => rearranged(data),
        1 => {
            let pinned = TrustAnchor { root: data, dialect: &dialect };
            if RootChain::begin(pinned).is_ok() {
                assert!(RootChain::begin(data).is_err(), "no file is of both dialects");
            }
        }
        role => {
            let Some(files) = signed(role, data) else { return };
            let mut carried = CarriedMetadata::new(files);
            let pinned = TrustAnchor { root: ROOT, dialect: &dialect };
            let now = "2026-01-15T00:00:00Z".parse().unwrap();
            if let Ok(mut found) = update(pinned, &TrustedState::default(), &mut carried, now, &Limits::default()) {
                let _ = found.resolve(&mut carried, "1.0");
                let _ = found.names_beside("", 4);
            }
        }
    }
});
