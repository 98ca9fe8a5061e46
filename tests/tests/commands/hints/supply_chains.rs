//! Hints about supply chains, attestations and what else hangs off an image.

use sealift_archive_format::Digest;
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, pae};
use sealift_core::layout::LayoutSink;
use sealift_proof::in_toto::attestation::MAXIMUM_LENGTH;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::supply_chain::SupplyChain;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::images::Image;
use serde_json::json;

use super::*;

const LAYOUT: &str = "example.com/demo/shop/in-toto-metadata/root.layout";
/// The type of a bare Statement, and that of a DSSE envelope.
const BARE: &str = "application/vnd.in-toto+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";

fn refused(sample: &Sample) -> Said {
    Far::trusting(sample).verify(&packed(sample).archive())
}

#[test]
fn chains() {
    let mut listing = sample();
    listing.repository.released.get_mut(BUNDLE).unwrap().custom = Some(json!({ "in-toto": [7] }));
    refused(&listing).hints(
        13,
        BUNDLE,
        "ask the publisher: the target's custom.in-toto does not describe a supply chain (CNAB-Sec 301)",
    );
    let mut delegated = sample();
    delegated.repository.release_paths = vec!["example.com/*/*".to_owned(), "example.com/demo/shop/*/*".to_owned()];
    delegated.repository.release_paths.push("example.com/demo/shop/*/*/*".to_owned());
    let target = delegated.repository.top_level.remove(LAYOUT).unwrap();
    delegated.repository.released.insert(LAYOUT.to_owned(), target);
    refused(&delegated).hints(
        13,
        LAYOUT,
        "ask the publisher to sign layouts and their keys with the offline keys of the targets role",
    );
    let mut forged = sample();
    let digest = forged.repository.released[BUNDLE].digest.clone();
    let stranger = SigningKey::from_seed(&[99; 32]);
    let link = SupplyChain::link("release", &stranger, json!({}), "bundle.json", &digest);
    let is_release = |path: &str| path.contains(digest.hex()) && path.contains("/release.");
    let released = forged.repository.released.iter_mut();
    *released.into_iter().find(|(path, _)| is_release(path)).unwrap().1 = Target::served(link.bytes);
    refused(&forged).hints(
        13,
        "release",
        "ask the publisher which step is missing or not authorised; nothing was written",
    );
}

/// An image that nobody signed in the layout of a side that exports, and what is attached to it.
fn attached(layer_type: &str, content: &[u8]) -> (Near, Image) {
    let near = Near::asking_for_nothing();
    let image = image();
    let sink = LayoutSink::open(&near.path().join("layout")).unwrap();
    let name = IMAGE.parse().unwrap();
    image.push(&sink, &name).unwrap();
    Image::referrer(image.root().descriptor(), layer_type, content).store(&sink, name.repository()).unwrap();
    (near, image)
}

const IMAGE: &str = "example.com/org/app:1";
const EXPORT: [&str; 2] = ["--image", "example.com/org/app:1=oci:layout"];

fn image() -> Image {
    Image::new("linux/amd64", &[("app", b"the app")])
}

fn statement(about: &Digest) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "app", "digest": { "sha256": about.hex() } }],
        "predicateType": "https://spdx.dev/Document",
        "predicate": { "spdxVersion": "SPDX-2.3", "packages": [] },
    })
    .to_string()
    .into_bytes()
}

fn about_the_image() -> Vec<u8> {
    statement(&image().root().descriptor().digest)
}

/// Has a key pinned whose signature every attestation needs.
fn pins_an_attester(near: &Near) {
    let pem = SigningKey::from_seed(&[1; 32]).public_key().unwrap().to_pem().unwrap();
    fs::write(near.path().join("builder.pub"), pem).unwrap();
    near.run(&["trust", "add-attester", "builder", "builder.pub"]).remarks("");
}

#[test]
fn attestations() {
    let (near, _) = attached(BARE, &statement(&Digest::sha256(b"another image")));
    near.export(&EXPORT).hints(
        13,
        "",
        "ask the publisher: the attestation is attached to an image that it is not about; nothing was tagged",
    );
    let mut long = about_the_image();
    long.resize(MAXIMUM_LENGTH + 1, b' ');
    attached(BARE, &long).0.export(&EXPORT).hints(13, "", "ask the publisher to attach a shorter one");
    attached(BARE, b"not JSON").0.export(&EXPORT).hints(
        13,
        "",
        "ask the publisher: what is attached is not an in-toto attestation",
    );
    let (near, _) = attached(BARE, &about_the_image());
    pins_an_attester(&near);
    near.export(&EXPORT).hints(
        13,
        "not signed by anyone who may vouch for it",
        "ask them to sign it; or, if you trust its maker, add their key (and their name to attested_by in policy.toml, if that is set): sealift --trust near trust add-attester NAME KEY.pub",
    );
}

#[test]
fn an_attestation_that_takes_too_much_work() {
    let stranger = SigningKey::from_seed(&[2; 32]);
    let payload = about_the_image();
    let bytes = stranger.sign(&pae(BARE, &payload));
    let signatures = (0..64).map(|number| DsseSignature { key_id: number.to_string(), bytes: bytes.clone() });
    let envelope = DsseEnvelope { payload_type: BARE.to_owned(), payload, signatures: signatures.collect() };
    let (near, _) = attached(DSSE, &envelope.encode());
    let attesters = near.path().join("near/attesters");
    fs::create_dir_all(&attesters).unwrap();
    for number in 0..400_u16 {
        let [high, low] = number.to_be_bytes();
        let mut seed = [high; 32];
        seed[0] = low;
        let pem = SigningKey::from_seed(&seed).public_key().unwrap().to_pem().unwrap();
        fs::write(attesters.join(format!("builder-{number}.pub")), pem).unwrap();
    }
    near.export(&EXPORT).hints(
        13,
        "",
        "ask its maker: it has more signatures, or slower keys, than any honest attestation",
    );
}

#[test]
fn referrers() {
    let (near, _) = attached("text/plain", b"a note");
    near.policy("minimum_level = \"0\"\nreferrers = [\"signature\"]\n");
    near.export(&EXPORT).hints(
        14,
        "is of kind other",
        "ask for an export without --referrers other; or, knowing what it means, add \"other\" to referrers in policy.toml",
    );
    near.export(&[&EXPORT[..], &["--referrers", "none"]].concat()).remarks("");
    let (near, _) = attached("text/plain", b"a note");
    near.policy("minimum_level = \"0\"\n[[require]]\nnames = [\"*\"]\nlevel = \"0\"\nattested_by = [\"builder\"]\n");
    pins_an_attester(&near);
    near.export(&EXPORT).hints(
        14,
        "is not vouched for by anyone who may",
        "ask its maker to attest it, or ask for an export without it: --referrers attestation,signature,sbom",
    );
    near.export(&[&EXPORT[..], &["--referrers", "attestation,signature,sbom"]].concat()).remarks("");
}
