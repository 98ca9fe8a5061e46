//! Docker Content Trust: the same attacks, on a repository of Notary v1.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_archive_format::Digest;
use sealift_core::export::PrepareError;
use sealift_core::layout::LayoutSink;
use sealift_core::report::Warning;
use sealift_core::trust::{JudgementError, NamedBy, NamedLayout, RepositoryError, SupplyChainError};
use sealift_core::trust_store::TrustStoreError;
use sealift_proof::in_toto::RefusalClass;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::dialect::{DialectName, NotaryError, PinError, PinnedBy, check_pin, root_certificates};
use sealift_proof::tuf::{Dialect, Gun, MetadataError, TrustAnchor, TufError};
use sealift_sample_publisher::supply_chain::SupplyChain;
use sealift_tests::crossing::{Crossing, Refused};
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::REPOSITORY;
use sealift_tests::notary_repository::{CertificateWish, GUN, NotaryKey, NotaryRepository, file_name};
use serde_json::{Map, Value, json};

use super::*;

const TAG: &str = "1.0";

fn reference() -> String {
    format!("{GUN}:{TAG}")
}

fn gun() -> Gun {
    GUN.parse().unwrap()
}

/// An image in a layout, and a repository of Notary whose tag it is, pinned on both sides.
struct Content {
    crossing: Crossing,
    notary: NotaryRepository,
    image: Image,
}

impl Content {
    fn new() -> Self {
        Self::of(NotaryRepository::new())
    }

    fn of(notary: NotaryRepository) -> Self {
        let crossing = Crossing::of_images();
        let image = Image::new("linux/amd64", &[("app", b"one")]);
        let mut content = Self { crossing, notary, image };
        content.notary.delegate("targets", "targets/releases", &[""]);
        let bytes = content.image.root().bytes().to_vec();
        content.notary.add_tag("targets/releases", TAG, &bytes);
        content.notary.expire_at("2026-12-01T00:00:00.5+01:00");
        content.push(&reference());
        let dialect = Dialect::Notary(gun());
        let root = content.notary.newest_root();
        let anchor = TrustAnchor { root: &root, dialect: &dialect };
        for store in [content.crossing.near(), content.crossing.far.store()] {
            store.begin().unwrap().pin_root(&REPOSITORY.parse().unwrap(), anchor, None).unwrap();
        }
        content.crossing.policy("minimum_level = \"1a\"\n");
        content.serve();
        content
    }

    fn push(&self, name: &str) {
        let sink = LayoutSink::open(&self.crossing.path("layout")).unwrap();
        self.image.push(&sink, &name.parse().unwrap()).unwrap();
    }

    /// Puts what is published where the exporting side reads it.
    fn serve(&self) {
        let folder = self.crossing.path("tuf/metadata");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in &self.notary.files {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }

    fn export(&self, name: &str) -> Result<Vec<u8>, Refused> {
        self.crossing.export(&self.crossing.image_request(name))
    }

    fn archive(&self) -> Vec<u8> {
        self.serve();
        self.export(&reference()).unwrap()
    }
}

/// Why the exporting side, which judges as the far side does, made no archive.
fn judgement(refused: Refused) -> JudgementError {
    match refused {
        Refused::Prepare(PrepareError::Judgement(error)) => error,
        other => panic!("refused for another reason: {other:?}"),
    }
}

fn metadata_error(error: TufError) -> MetadataError {
    match error {
        TufError::TrustedRoot { source } => metadata_error(*source),
        TufError::Malformed { source, .. } => source,
        other => panic!("refused for another reason: {other:?}"),
    }
}

#[test]
fn a_tag_of_docker_content_trust_crosses_at_level_1a_and_its_next_generation_after_it() {
    let mut content = Content::new();
    let first = content.archive();
    let verified = content.crossing.far.verify(&first);
    let findings = verified.judgement().findings();
    assert_eq!(findings.items[0].level().name(), "2");
    assert_eq!(findings.repositories[0].dialect, Dialect::Notary(gun()));
    assert_eq!(findings.items[0].target().unwrap().target().path(), TAG);
    content.crossing.far.accepts(&first);
    content.notary.bump("targets/releases");
    content.notary.publish_next();
    content.crossing.wait(jiff::SignedDuration::from_hours(1));
    let second = content.archive();
    content.crossing.far.accepts(&second);
    // The first comes late, and the second still vouches for what it brings. Whatever is remembered is read again, and does not go back.
    let accepted = content.crossing.far.accepted();
    content.crossing.far.accepts(&first);
    assert!(content.crossing.far.accepted() == accepted);
    // Until the tag is another image.
    content.image = Image::new("linux/amd64", &[("app", b"two")]);
    content.push(&reference());
    let bytes = content.image.root().bytes().to_vec();
    content.notary.add_tag("targets/releases", TAG, &bytes);
    content.notary.bump("targets/releases");
    content.notary.publish_next();
    content.crossing.wait(jiff::SignedDuration::from_hours(1));
    content.crossing.far.accepts(&content.archive());
    assert_error!(content.crossing.far.refuses(&first).late(), JudgementError::Binding { .. });
}

#[test]
fn a_delegated_role_of_notary_does_not_go_back() {
    let mut content = Content::new();
    *content.notary.body("targets/releases", "version") = json!(7);
    content.notary.publish_next();
    content.crossing.far.accepts(&content.archive());
    *content.notary.body("targets/releases", "version") = json!(6);
    content.notary.publish_next();
    let error = content.crossing.far.refuses(&content.archive()).tuf();
    assert_error!(error, TufError::Rollback { role, trusted: 7, found: 6, .. } if role.as_str() == "targets/releases");
}

/// The tag is in `targets`, so that no search comes to a delegated role: `targets/releases`, and one below it.
fn with_roles_that_are_not_asked() -> Content {
    let mut content = Content::new();
    let bytes = content.image.root().bytes().to_vec();
    content.notary.add_tag("targets", TAG, &bytes);
    content.notary.delegate("targets/releases", "targets/releases/deep", &[""]);
    *content.notary.body("targets/releases", "version") = json!(7);
    content.notary.publish_next();
    content
}

#[test]
fn a_delegated_role_of_notary_that_no_search_came_to_does_not_go_back() {
    let mut content = with_roles_that_are_not_asked();
    content.crossing.far.accepts(&content.archive());
    *content.notary.body("targets/releases", "version") = json!(6);
    content.notary.publish_next();
    let error = content.crossing.far.refuses(&content.archive()).tuf();
    assert_error!(error, TufError::Rollback { role, trusted: 7, found: 6, .. } if role.as_str() == "targets/releases");
}

#[test]
fn a_delegated_role_of_notary_below_another_is_not_hidden_in_two_deliveries() {
    let mut content = with_roles_that_are_not_asked();
    content.crossing.far.accepts(&content.archive());
    content.notary.signed.remove("targets/releases/deep");
    content.notary.files.remove(&file_name("targets/releases/deep"));
    for _ in 0..2 {
        content.notary.publish_next();
        let error = content.crossing.far.refuses(&content.archive()).tuf();
        assert_error!(error, TufError::Removed(file) if file == "targets/releases/deep.json");
    }
}

#[test]
fn a_delegated_role_of_notary_that_is_broken_and_that_nothing_needs_is_a_warning_with_its_reason() {
    let mut content = with_roles_that_are_not_asked();
    content.crossing.far.accepts(&content.archive());
    content.notary.signers.insert("targets/releases/deep".to_owned(), vec![NotaryKey::ecdsa()]);
    content.notary.publish_next();
    let is_expected = |warning: &Warning| {
        let Warning::RolePassedOver { role, repository, reason } = warning else { return false };
        (role.as_str(), repository.as_str()) == ("targets/releases/deep", REPOSITORY) && reason.contains("signature")
    };
    let prepared = content.crossing.prepare(&content.crossing.image_request(&reference()));
    content.serve();
    let archive = content.archive();
    assert!(!prepared.unwrap().warnings().iter().any(is_expected), "before it was served");
    let prepared = content.crossing.prepare(&content.crossing.image_request(&reference())).unwrap();
    assert!(prepared.warnings().iter().any(is_expected), "{:?}", prepared.warnings());
    let report = content.crossing.far.accepts(&archive).verified().report();
    assert!(report.warnings.iter().any(|it| is_expected(&it.warning)), "{:?}", report.warnings);
}

#[test]
fn another_root_certificate_than_that_of_the_repository_is_refused() {
    let mut content = Content::new();
    let wish = CertificateWish { common_names: &["example.com/acme/other"], ..CertificateWish::default() };
    let old = content.notary.signers["root"].clone();
    content.notary.signers.insert("root".to_owned(), vec![NotaryKey::certified(&wish)]);
    content.notary.declare_keys();
    content.notary.bump("root");
    let both = [old, content.notary.signers["root"].clone()].concat();
    let root = content.notary.sign_with("root", &both);
    content.notary.files.insert("2.root.json".to_owned(), root);
    content.notary.publish_next();
    content.serve();
    let JudgementError::Repository(RepositoryError::Tuf { source: error, .. }) =
        judgement(content.export(&reference()).unwrap_err())
    else {
        panic!("refused for another reason");
    };
    assert_error!(metadata_error(error), MetadataError::Notary(NotaryError::CommonName { found, .. })
        if found == "example.com/acme/other");
}

#[test]
fn a_forged_root_that_lists_the_publisher_s_certificate_is_not_vouched_for_by_it() {
    let mut genuine = NotaryRepository::new();
    let [publisher] = genuine.signers["root"].clone().try_into().unwrap();
    let fingerprints = |root: &[u8]| {
        let shown = root_certificates(&gun(), root).unwrap();
        let shown = shown.into_iter().find(|certificate| certificate.key_id == publisher.id).unwrap();
        [shown.key_id, shown.fingerprint.hex().to_owned()]
    };
    let check = |root: &[u8], fingerprint: &str| {
        let now = "2026-07-01T12:00:00Z".parse().unwrap();
        check_pin(&gun(), root, &PinnedBy::Certificates(vec![fingerprint.parse().unwrap()]), now)
    };
    for fingerprint in fingerprints(&genuine.newest_root()) {
        check(&genuine.newest_root(), &fingerprint).unwrap();
    }
    // The forger's certificate is for the same name, one signature is enough, and it is the forger's.
    let forger = NotaryKey::certified(&CertificateWish::default());
    genuine.signers.insert("root".to_owned(), vec![publisher.clone(), forger.clone()]);
    genuine.declare_keys();
    genuine.body("root", "roles")["root"]["threshold"] = json!(1);
    let forged = genuine.sign_with("root", std::slice::from_ref(&forger));
    for fingerprint in fingerprints(&forged) {
        assert_error!(check(&forged, &fingerprint).unwrap_err(), PinError::NotSigned { .. });
    }
    // A signature that only claims to be the publisher's is none.
    let mut claimed: serde_json::Value = serde_json::from_slice(&forged).unwrap();
    let mut false_signature = claimed["signatures"][0].clone();
    false_signature["keyid"] = json!(publisher.id);
    claimed["signatures"].as_array_mut().unwrap().push(false_signature);
    assert_error!(check(claimed.to_string().as_bytes(), &publisher.id).unwrap_err(), PinError::NotSigned { .. });
}

#[test]
fn a_certificate_for_several_collections_is_said_wherever_its_root_is_trusted() {
    let wish = CertificateWish { common_names: &["example.com/acme/*"], ..CertificateWish::default() };
    let content = Content::of(NotaryRepository::with_root_key(NotaryKey::certified(&wish)));
    let [shown] = root_certificates(&gun(), &content.notary.newest_root()).unwrap().try_into().unwrap();
    assert!(shown.is_shared);
    let expected = Warning::SharedCertificate {
        repository: REPOSITORY.parse().unwrap(),
        common_name: "example.com/acme/*".to_owned(),
    };
    let prepared = content.crossing.prepare(&content.crossing.image_request(&reference())).unwrap();
    assert!(prepared.warnings().contains(&expected));
    let archive = content.archive();
    let report = content.crossing.far.verify(&archive).report();
    assert!(report.warnings.iter().any(|it| it.warning == expected), "{:?}", report.warnings);
    // What it comes to: the roots of another collection with the same root key lead on from this one's.
    let mut other = content;
    let root_key = other.notary.signers["root"].clone();
    other.notary.signers.insert("targets".to_owned(), vec![NotaryKey::ecdsa()]);
    other.notary.declare_keys();
    other.notary.bump("root");
    let root = other.notary.sign_with("root", &root_key);
    other.notary.files.insert("2.root.json".to_owned(), root);
    other.notary.publish_next();
    other.crossing.far.accepts(&other.archive());
}

#[test]
fn a_tag_that_a_delegated_role_may_not_sign_is_vouched_for_by_nobody() {
    let mut content = Content::new();
    let roles = content.notary.body("targets", "delegations")["roles"].as_array_mut().unwrap();
    roles[0]["paths"] = json!(["2."]);
    content.notary.publish_next();
    content.serve();
    assert!(matches!(judgement(content.export(&reference()).unwrap_err()), JudgementError::Level { .. }));
}

#[test]
fn a_repository_of_notary_vouches_for_no_other_repository_s_tags() {
    let content = Content::new();
    for name in ["example.com/acme/other:1.0", "example.com/acme/web/deeper:1.0", "other.example/acme/web:1.0"] {
        content.push(name);
        let error = judgement(content.export(name).unwrap_err());
        assert!(matches!(error, JudgementError::Level { .. }), "{name}: {error:?}");
    }
    content.push("example.com/acme/web:2.0");
    let error = judgement(content.export("example.com/acme/web:2.0").unwrap_err());
    assert!(matches!(error, JudgementError::Level { .. }), "a tag that is not there");
}

#[test]
fn another_image_under_a_tag_of_notary_is_refused() {
    let mut content = Content::new();
    content.image = Image::new("linux/amd64", &[("app", b"evil")]);
    content.push(&reference());
    assert!(matches!(judgement(content.export(&reference()).unwrap_err()), JudgementError::Binding { .. }));
}

#[test]
fn the_pin_says_the_dialect_and_an_archive_cannot() {
    let content = Content::new();
    let archive = content.archive();
    // A side that has pinned the same name as a repository of TUF 1.0.
    let far = sealift_tests::crossing::FarSide::trusting(&sample(), content.crossing.now);
    let error = metadata_error(far.refuses(&archive).tuf());
    assert_error!(error, MetadataError::Dialect { expected: DialectName::Tuf, found: DialectName::Notary });

    // And the other way round: a root of TUF 1.0 is not pinned as one of Notary, nor one of Notary as one of TUF 1.0.
    let (store, name) = (content.crossing.far.store(), REPOSITORY.parse().unwrap());
    let (root, dialect) = (content.notary.newest_root(), Dialect::Notary(gun()));
    let refused = store.begin().unwrap().replace_root(&name, &root, None);
    assert_error!(
        refused.unwrap_err(),
        TrustStoreError::RootOfOtherDialect { expected: DialectName::Tuf, found: DialectName::Notary }
    );
    let tuf_root = sample().repository.past_roots[0].clone();
    let refused = store.begin().unwrap().replace_root(&name, TrustAnchor { root: &tuf_root, dialect: &dialect }, None);
    assert_error!(
        refused.unwrap_err(),
        TrustStoreError::RootOfOtherDialect { expected: DialectName::Notary, found: DialectName::Tuf }
    );
}

#[test]
fn a_pin_of_notary_is_kept_with_the_name_of_its_repository() {
    let content = Content::new();
    let (store, name) = (content.crossing.far.store(), REPOSITORY.parse().unwrap());
    assert_eq!(store.root(&name).unwrap().dialect, Dialect::Notary(gun()));
    let file = content.crossing.far.trust().join("roots").join(REPOSITORY).join("dialect.toml");
    assert!(fs::read_to_string(&file).unwrap().contains(&format!("notary = \"{GUN}\"")));

    // The same root for another name: a certificate may be for many.
    let wish = CertificateWish { common_names: &["example.com/acme/*"], ..CertificateWish::default() };
    let root = NotaryRepository::with_root_key(NotaryKey::certified(&wish)).newest_root();
    let [web, shop] = ["web", "shop"].map(|name| Dialect::Notary(format!("example.com/acme/{name}").parse().unwrap()));
    let anchor = |dialect| TrustAnchor { root: &root, dialect };
    let update = store.begin().unwrap();
    let other = "acme".parse().unwrap();
    update.pin_root(&other, anchor(&web), None).unwrap();
    update.pin_root(&other, anchor(&web), None).unwrap();
    let refused = update.pin_root(&other, anchor(&shop), None).unwrap_err();
    assert_error!(refused, TrustStoreError::OtherDialect { pinned, offered, .. } if (&pinned, &offered) == (&web, &shop));
    update.replace_root(&other, anchor(&shop), None).unwrap();
    assert_eq!(store.root(&other).unwrap().dialect, shop);
    // What replaces it as a root of TUF 1.0 leaves no name behind.
    let tuf_root = sample().repository.past_roots[0].clone();
    update.replace_root(&other, &tuf_root, None).unwrap();
    assert_eq!(store.root(&other).unwrap().dialect, Dialect::Tuf);
    update.remove_root(&other).unwrap();
    drop(update);

    // A name that is broken, and one that is lost, are noticed.
    fs::write(&file, "notary = \"../up\"\n").unwrap();
    assert_error!(store.root(&name).unwrap_err(), TrustStoreError::Dialect { .. });
    fs::remove_file(&file).unwrap();
    let error = metadata_error(content.crossing.far.refuses(&content.archive()).tuf());
    assert_error!(error, MetadataError::Dialect { .. });
}

/// A supply chain as signy has it, within the target: `custom` of the tag.
fn within(chain: &SupplyChain, image: &Image) -> Value {
    let encoded = |bytes: &[u8]| json!(STANDARD.encode(bytes));
    let digest = Digest::sha256(image.root().bytes());
    let links = chain.links("manifest.json", &digest).into_iter().map(|link| (link.name, encoded(&link.bytes)));
    let key = chain.owner.public_key().unwrap().to_pem().unwrap();
    json!({ "key": encoded(key.as_bytes()), "layout": encoded(&chain.layout()), "links": Map::from_iter(links) })
}

fn a_chain() -> SupplyChain {
    let [owner, author, releaser] = [71, 72, 73].map(|number| SigningKey::from_seed(&[number; 32]));
    SupplyChain { owner, author, releaser, expires: "2027-06-01T00:00:00Z".parse().unwrap() }
}

/// The tag is in a role, and has this in its `custom`.
fn with_custom(role: &str, custom: impl FnOnce(&Image) -> Value) -> Content {
    let mut content = Content::new();
    let bytes = content.image.root().bytes().to_vec();
    content.notary.add_tag(role, TAG, &bytes);
    content.notary.body(role, "targets")[TAG]["custom"] = custom(&content.image);
    content.notary.publish_all();
    content
}

#[test]
fn a_supply_chain_within_a_target_is_verified_as_one_that_a_target_lists() {
    let content = with_custom("targets", |image| within(&a_chain(), image));
    content.crossing.policy("minimum_level = \"4\"\n");
    let verified = content.crossing.far.verify(&content.archive());
    let finding = &verified.judgement().findings().items[0];
    assert_eq!(finding.level().name(), "4");
    let NamedLayout { target, named_by, .. } = &finding.supply_chain().unwrap().layout;
    assert_eq!((target.as_str(), *named_by), (TAG, NamedBy::Within));
    // What is not all of it is anything else that a publisher keeps there.
    for custom in
        [json!({ "key": "a", "layout": "b" }), json!({ "layout": 1, "links": {} }), json!(["key", "layout", "links"])]
    {
        let content = with_custom("targets", |_| custom);
        let verified = content.crossing.far.verify(&content.archive());
        assert_eq!(verified.judgement().findings().items[0].level().name(), "2");
    }
}

#[test]
fn a_supply_chain_within_a_target_that_is_not_one() {
    let refused = |role: &str, custom: &dyn Fn(&Image) -> Value| {
        let content = with_custom(role, custom);
        content.serve();
        match judgement(content.export(&reference()).unwrap_err()) {
            JudgementError::SupplyChain { source, .. } => source,
            other => panic!("refused for another reason: {other:?}"),
        }
    };
    let changed = |name: &'static str, value: Value| {
        move |image: &Image| {
            let mut custom = within(&a_chain(), image);
            custom[name] = value.clone();
            custom
        }
    };
    for custom in [
        changed("key", json!("?")),
        changed("layout", json!(null)),
        changed("links", json!(["a"])),
        changed("links", json!({ "author.00000000.link": 7 })),
        changed("in-toto", json!([])),
    ] {
        assert_error!(refused("targets", &custom), SupplyChainError::Within { target, .. } if target == TAG);
    }
    let key = changed("key", json!(STANDARD.encode("no key")));
    assert_error!(refused("targets", &key), SupplyChainError::Key { file, .. } if file.ends_with(TAG));
    let class = |custom: &dyn Fn(&Image) -> Value| match refused("targets", custom) {
        SupplyChainError::Refused(refusal) => refusal.class(),
        other => panic!("refused for another reason: {other:?}"),
    };
    assert_eq!(class(&changed("links", json!({}))), RefusalClass::MissingLink);
    let stranger = SigningKey::from_seed(&[99; 32]).public_key().unwrap().to_pem().unwrap();
    assert_eq!(class(&changed("key", json!(STANDARD.encode(stranger)))), RefusalClass::LayoutSignature);
    let other = Image::new("linux/amd64", &[("app", b"another")]);
    assert_eq!(class(&|_| within(&a_chain(), &other)), RefusalClass::Product);
    let expired = SupplyChain { expires: "2026-01-01T00:00:00Z".parse().unwrap(), ..a_chain() };
    assert_eq!(class(&|image| within(&expired, image)), RefusalClass::Expired);
    // A role that may be online could let anything be made in any way.
    let online = refused("targets/releases", &|image| within(&a_chain(), image));
    assert_error!(online, SupplyChainError::NotFromTopLevel { role, .. } if role == "targets/releases");
}

#[test]
fn another_layout_than_the_policy_names_within_a_target() {
    let content = with_custom("targets", |image| within(&a_chain(), image));
    content.crossing.policy("[[require]]\nnames = [\"*\"]\nlevel = \"4\"\nlayout = \"root.layout\"\n");
    content.serve();
    let JudgementError::SupplyChain { source, .. } = judgement(content.export(&reference()).unwrap_err()) else {
        panic!("refused for another reason");
    };
    assert_error!(source, SupplyChainError::LayoutElsewhere { target, .. } if target == TAG);
}
