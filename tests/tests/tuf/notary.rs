//! Notary v1 as a dialect of the engine: against real metadata, and against twins of a repository that are broken in one way.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::dialect::{CertificateError, DialectName, NotaryError, PinError, PinnedBy, check_pin};
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::{
    Dialect, Limits, MetadataError, TrustAnchor, TrustedRepository, TrustedState, TufError, update,
};
use sealift_tests::notary_repository::{
    Authority, CertificateWish, GUN, NotaryKey, NotaryRepository, described, file_name, key_id,
};
use sealift_tests::tuf_repository::{TufRepository, now};
use serde_json::{Value, json};

/// Metadata of Notary 0.7.0, before and after a rotation of its root, by the names that the files have in an archive.
fn real(generation: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/tuf/notary-v1").join(generation);
    let names = ["1.root", "2.root", "3.root", "4.root", "timestamp", "snapshot", "targets", "targets/releases"];
    let read = |name: &str| {
        Some((name.replace('/', "%2F") + ".json", std::fs::read(folder.join(name.to_owned() + ".json")).ok()?))
    };
    names.into_iter().filter_map(read).collect()
}

fn real_dialect() -> Dialect {
    Dialect::Notary("localhost:15601/org/dct".parse().unwrap())
}

fn real_time() -> Timestamp {
    "2026-11-26T00:00:00Z".parse().unwrap()
}

fn open_real(
    pinned: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    state: &TrustedState,
) -> Result<TrustedRepository, TufError> {
    let pinned = TrustAnchor { root: pinned, dialect: &real_dialect() };
    update(pinned, state, &mut CarriedMetadata::new(files.clone()), real_time(), &Limits::default())
}

/// What is proven: the role and the digests of each tag, the versions of all roles, and when each expires.
fn proven(pinned: &[u8], files: &BTreeMap<String, Vec<u8>>, state: &TrustedState) -> Result<String, TufError> {
    let mut repository = open_real(pinned, files, state)?;
    let mut carried = CarriedMetadata::new(files.clone());
    let mut proven = String::new();
    for tag in ["1.0", "2.0", "3.0", "latest"] {
        proven += &format!("{tag}: {:?}\n", repository.resolve(&mut carried, tag)?);
    }
    for role in repository.roles() {
        proven += &format!("{} {} {}\n", role.role, role.version, role.expires);
    }
    Ok(proven)
}

#[test]
fn real_metadata_is_accepted_from_one_generation_to_the_next_and_never_back() {
    let (first, second) = (real("first"), real("second"));
    let nothing = TrustedState::default();
    for root in ["1.root.json", "2.root.json", "3.root.json"] {
        assert!(proven(&first[root], &first, &nothing).unwrap().contains("2.0: Some"), "{root}");
    }
    let mut accepted = open_real(&first["1.root.json"], &first, &nothing).unwrap();
    accepted.resolve(&mut CarriedMetadata::new(first.clone()), "2.0").unwrap().unwrap();
    let versions: Vec<_> = accepted.roles().iter().map(|role| (role.role.to_string(), role.version)).collect();
    let expected = [("root", 3), ("timestamp", 6), ("snapshot", 7), ("targets", 4), ("targets/releases", 1)];
    assert_eq!(versions, expected.map(|(role, version)| (role.to_owned(), version)));
    let state = accepted.into_state(None);

    let mut later = open_real(&first["1.root.json"], &second, &state).unwrap();
    assert!(later.resolve(&mut CarriedMetadata::new(second.clone()), "2.0").unwrap().is_none());
    let later = later.into_state(None);
    assert_refused!(open_real(&first["1.root.json"], &first, &later), TufError::Rollback { role, .. } if role.as_str() == "timestamp");
    // The root stays at the newest one, and the old snapshot lists an older one.
    let mut mixed = second.clone();
    for name in ["snapshot.json", "timestamp.json"] {
        mixed.insert(name.to_owned(), first[name].clone());
    }
    assert_refused!(
        open_real(&first["1.root.json"], &mixed, &nothing),
        TufError::Mismatch { role, .. } if role.as_str() == "root"
    );
}

/// Asserts that each byte of a file counts: with any of them flipped it is refused. Returns how many there are.
fn flip_all<T: std::fmt::Debug>(name: &str, file: &[u8], mut read: impl FnMut(&[u8]) -> Result<T, TufError>) -> usize {
    read(file).unwrap();
    for place in 0..file.len() {
        let mut broken = file.to_vec();
        broken[place] ^= 1;
        let found = read(&broken);
        assert!(found.is_err(), "{name}, byte {place}: {found:?}");
    }
    file.len()
}

#[test]
fn no_flipped_byte_of_real_metadata_changes_what_is_proven() {
    let mut flipped = 0;
    for generation in ["first", "second"] {
        let files = real(generation);
        let dialect = &real_dialect();
        // Each file is read where the one before it leads. The first root is pinned, and not read from here.
        let mut chain = RootChain::begin(TrustAnchor { root: &files["1.root.json"], dialect }).unwrap();
        while let Some(root) = files.get(&format!("{}.root.json", chain.version() + 1)) {
            flipped += flip_all(generation, root, |root| chain.clone().accept(root));
            chain.accept(root).unwrap();
        }
        let newest = files[&format!("{}.root.json", chain.version())].clone();
        let root = chain.finish(real_time()).unwrap();
        let file = &files["timestamp.json"];
        flipped += flip_all(generation, file, |file| root.clone().timestamp(file, None));
        let timestamp = root.timestamp(file, None).unwrap().0;
        flipped += flip_all(generation, &files["snapshot.json"], |file| timestamp.snapshot(file, None));
        for name in ["targets.json", "targets%2Freleases.json"] {
            flipped += flip_all(generation, &files[name], |file| {
                let mut changed = files.clone();
                changed.insert(name.to_owned(), file.to_vec());
                proven(&newest, &changed, &TrustedState::default())
            });
        }
    }
    let lengths = ["first", "second"].map(|generation| real(generation).values().map(Vec::len).sum::<usize>());
    let pinned = ["first", "second"].map(|generation| real(generation)["1.root.json"].len());
    assert_eq!(flipped, lengths.iter().sum::<usize>() - pinned.iter().sum::<usize>());
}

fn malformed(error: TufError) -> MetadataError {
    match error {
        TufError::TrustedRoot { source } => malformed(*source),
        TufError::Malformed { source, .. } => source,
        other => panic!("refused for another reason: {other:?}"),
    }
}

/// Why a repository is refused whose root is changed before it is signed.
fn with_root(change: impl FnOnce(&mut NotaryRepository)) -> MetadataError {
    let mut repository = NotaryRepository::new();
    change(&mut repository);
    repository.publish_root();
    repository.publish_all();
    malformed(repository.first_update().unwrap_err())
}

#[test]
fn a_repository_as_notary_makes_it_is_read() {
    let mut repository = NotaryRepository::new();
    repository.add_tag("targets", "1.0", b"one");
    repository.body("targets", "targets")["1.0"]["custom"] = json!([1, "two", null]);
    repository.delegate("targets", "targets/releases", &[""]);
    repository.add_tag("targets/releases", "2.0", b"two");
    repository.publish_all();
    let mut trusted = repository.first_update().unwrap();
    let found = trusted.resolve(&mut repository.carried(), "1.0").unwrap().unwrap();
    assert_eq!(found.custom(), Some(&json!([1, "two", null])));
    found.check(b"one").unwrap();
    let found = trusted.resolve(&mut repository.carried(), "2.0").unwrap().unwrap();
    assert_eq!(found.roles().last().unwrap().as_str(), "targets/releases");
    assert!(trusted.resolve(&mut repository.carried(), "3.0").unwrap().is_none());
    assert!(!trusted.has_consistent_snapshots());
}

#[test]
fn a_repository_pinned_as_one_dialect_is_never_read_as_the_other() {
    let repository = NotaryRepository::new();
    let as_tuf = update(
        &repository.files["1.root.json"],
        &TrustedState::default(),
        &mut repository.carried(),
        now(),
        &Limits::default(),
    );
    assert!(matches!(
        malformed(as_tuf.unwrap_err()),
        MetadataError::Dialect { expected: DialectName::Tuf, found: DialectName::Notary }
    ));
    let mut tuf = TufRepository::new();
    let dialect = Dialect::Notary(GUN.parse().unwrap());
    let pinned = tuf.pinned_root();
    let as_notary = TrustAnchor { root: &pinned, dialect: &dialect };
    let as_notary = update(as_notary, &TrustedState::default(), &mut tuf, now(), &Limits::default());
    let of_tuf = |error| {
        matches!(malformed(error), MetadataError::Dialect { expected: DialectName::Notary, found: DialectName::Tuf })
    };
    assert!(of_tuf(as_notary.unwrap_err()));
    // One file of the other is refused as well, whichever it is.
    for role in ["timestamp", "snapshot", "targets"] {
        let mut mixed = repository.clone();
        mixed.files.insert(file_name(role), tuf.file(role).to_vec());
        let error = mixed.first_update().unwrap_err();
        match role {
            "timestamp" => assert!(of_tuf(error)),
            _ => assert!(matches!(error, TufError::Mismatch { .. } | TufError::Provider(_)), "{role}: {error:?}"),
        }
    }
}

#[test]
fn a_root_certificate_is_made_out_to_the_repository() {
    for name in [GUN, "example.com/acme/*", "*"] {
        let key = NotaryKey::certified(&CertificateWish { common_names: &[name], ..CertificateWish::default() });
        NotaryRepository::with_root_key(key).first_update().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let refused = |wish: &CertificateWish<'_>| {
        let mut repository = NotaryRepository::new();
        repository.signers.insert("root".to_owned(), vec![NotaryKey::certified(wish)]);
        repository.declare_keys();
        repository.publish_root();
        malformed(repository.first_update().unwrap_err())
    };
    for name in ["example.com/acme/we", "example.com/acme/web/", "example.com/other/*", "EXAMPLE.com/acme/web"] {
        let error = refused(&CertificateWish { common_names: &[name], ..CertificateWish::default() });
        assert!(
            matches!(&error, MetadataError::Notary(NotaryError::CommonName { found, .. }) if found == name),
            "{error:?}"
        );
    }
    let error = refused(&CertificateWish { common_names: &[], ..CertificateWish::default() });
    assert!(
        matches!(
            error,
            MetadataError::Notary(NotaryError::RootKey { source: CertificateError::CommonNames { count: 0 }, .. })
        ),
        "{error:?}"
    );
    let error = refused(&CertificateWish { is_authority: true, ..CertificateWish::default() });
    assert!(
        matches!(error, MetadataError::Notary(NotaryError::RootKey { source: CertificateError::Order, .. })),
        "{error:?}"
    );
}

#[test]
fn a_certificate_for_several_repositories_follows_only_one_that_was_pinned_like_that() {
    let shared = || {
        NotaryKey::certified(&CertificateWish { common_names: &["example.com/acme/*"], ..CertificateWish::default() })
    };
    let followed_by = |first: NotaryKey, second: NotaryKey| {
        let mut repository = NotaryRepository::with_root_key(first.clone());
        repository.signers.insert("root".to_owned(), vec![second.clone()]);
        repository.declare_keys();
        repository.bump("root");
        let root = repository.sign_with("root", &[first, second]);
        repository.files.insert("2.root.json".to_owned(), root);
        repository.publish_next();
        repository
    };
    let alone = || NotaryKey::certified(&CertificateWish::default());
    let refused = followed_by(alone(), shared());
    assert_refused!(
        refused.first_update(),
        TufError::SharedCertificate { version: 2, name } if name == "example.com/acme/*"
    );
    // Nor is it one that follows what was accepted.
    let state = NotaryRepository::first_update(&{
        let mut before = refused.clone();
        before.files.remove("2.root.json");
        *before.body("root", "version") = json!(1);
        before.publish_snapshot();
        before
    });
    assert_refused!(refused.update(&state.unwrap().into_state(None)), TufError::SharedCertificate { .. });
    let of = |repository: &NotaryRepository| repository.first_update().unwrap().shared_certificate().map(str::to_owned);
    assert_eq!(of(&followed_by(shared(), shared())).as_deref(), Some("example.com/acme/*"));
    assert_eq!(of(&followed_by(shared(), alone())), None);
    assert_eq!(of(&followed_by(alone(), alone())), None);
}

#[test]
fn a_root_key_without_certificate_is_refused() {
    let error = with_root(|repository| {
        repository.signers.insert("root".to_owned(), vec![NotaryKey::ecdsa()]);
        repository.declare_keys();
    });
    assert!(matches!(
        error,
        MetadataError::Notary(NotaryError::RootKey { source: CertificateError::NotACertificate, .. })
    ));
}

#[test]
fn an_expired_root_certificate_is_refused_and_the_next_one_is_accepted() {
    let expired = NotaryKey::certified(&CertificateWish { years: (2024, 2026), ..CertificateWish::default() });
    let mut repository = NotaryRepository::with_root_key(expired.clone());
    assert_refused!(repository.first_update(), TufError::CertificatesExpired { version: 1, .. });
    let not_yet = NotaryKey::certified(&CertificateWish { years: (2027, 2030), ..CertificateWish::default() });
    assert_refused!(
        NotaryRepository::with_root_key(not_yet).first_update(),
        TufError::CertificatesNotYetValid { version: 1, .. }
    );
    // A root that follows an expired one is signed by both keys.
    let next = NotaryKey::certified(&CertificateWish { years: (2026, 2027), ..CertificateWish::default() });
    repository.signers.insert("root".to_owned(), vec![next.clone()]);
    repository.declare_keys();
    repository.bump("root");
    let root = repository.sign_with("root", &[expired, next]);
    repository.files.insert("2.root.json".to_owned(), root);
    repository.publish_next();
    let accepted = repository.first_update().unwrap();
    assert_eq!(accepted.roles()[0].version, 2);
    // What the certificate says is part of when the root expires.
    let mut long = NotaryRepository::with_root_key(NotaryKey::certified(&CertificateWish {
        years: (2025, 2027),
        ..CertificateWish::default()
    }));
    *long.body("root", "expires") = json!("2040-01-01T00:00:00Z");
    long.publish_root();
    long.publish_snapshot();
    assert_eq!(long.first_update().unwrap().roles()[0].expires.to_string(), "2027-01-01T00:00:00Z");
}

#[test]
fn keys_have_the_ids_that_follow_from_them_and_are_all_listed() {
    let error = with_root(|repository| {
        let keys = repository.body("root", "keys").as_object_mut().unwrap();
        let (id, key) = keys
            .iter()
            .find(|(_, key)| key["keytype"] == "ed25519")
            .map(|(id, key)| (id.clone(), key.clone()))
            .unwrap();
        let other = NotaryKey::ed25519(9).object;
        keys.insert(id, other);
        keys.insert(key_id(&key), key);
        let other = keys.iter().find(|(_, key)| key["keytype"] == "ecdsa").map(|(id, _)| id.clone()).unwrap();
        keys.insert(other, NotaryKey::ed25519(9).object);
    });
    assert!(matches!(error, MetadataError::Notary(NotaryError::KeyId { .. })), "{error:?}");
    let error = with_root(|repository| {
        let keys = repository.body("root", "keys").as_object_mut().unwrap();
        let id = keys.iter().find(|(_, key)| key["keytype"] == "ecdsa").map(|(id, _)| id.clone()).unwrap();
        keys.remove(&id);
    });
    assert!(matches!(error, MetadataError::Notary(NotaryError::KeyNotListed { role, .. }) if role == "targets"));
    let error = with_root(|repository| {
        let keys = repository.body("root", "keys").as_object_mut().unwrap();
        let key = keys.values_mut().find(|key| key["keytype"] == "ecdsa").unwrap();
        key["keyval"]["private"] = json!("AAAA");
    });
    assert!(matches!(error, MetadataError::Notary(NotaryError::PrivateKey { .. })));
}

#[test]
fn a_signature_counts_only_by_the_method_of_its_key() {
    let mut repository = NotaryRepository::new();
    let mut timestamp: Value = serde_json::from_slice(&repository.files["timestamp.json"]).unwrap();
    for method in ["ecdsa", "rsapss", "EDDSA", "rsapkcs1v15", ""] {
        timestamp["signatures"][0]["method"] = json!(method);
        repository.files.insert("timestamp.json".to_owned(), timestamp.to_string().into_bytes());
        assert_refused!(repository.first_update(), TufError::Signatures { role, .. } if role.as_str() == "timestamp");
    }
}

#[test]
fn a_delegated_role_speaks_for_the_prefixes_that_it_and_its_delegators_have() {
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/a", &["v1", "w"]);
    repository.delegate("targets/a", "targets/a/x", &["v1.1", "", "z"]);
    for (role, tags) in [("targets/a", ["v1.0", "v2.0"]), ("targets/a/x", ["v1.1", "v1.2"])] {
        tags.iter().for_each(|tag| repository.add_tag(role, tag, tag.as_bytes()));
    }
    repository.add_tag("targets/a/x", "z", b"z");
    repository.publish_all();
    let by = |tag: &str| repository.lookup(tag).unwrap().map(|(role, _)| role);
    assert_eq!(by("v1.0").as_deref(), Some("targets/a"));
    assert_eq!(by("v2.0"), None, "a tag that the role may not sign");
    assert_eq!(by("v1.1").as_deref(), Some("targets/a/x"));
    assert_eq!(by("v1.2"), None, "an empty prefix is wider than what the delegator has");
    assert_eq!(by("z"), None);
}

#[test]
fn the_targets_role_comes_first_and_then_roles_in_their_order_level_by_level() {
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/a", &[""]);
    repository.delegate("targets", "targets/releases", &[""]);
    repository.delegate("targets/a", "targets/a/x", &[""]);
    for (role, tags) in [
        ("targets", &["both"][..]),
        ("targets/releases", &["both", "deep", "released"]),
        ("targets/a/x", &["deep", "deepest"]),
    ] {
        tags.iter().for_each(|tag| repository.add_tag(role, tag, format!("{tag} of {role}").as_bytes()));
    }
    repository.publish_all();
    let by = |tag: &str| repository.lookup(tag).unwrap().map(|(role, _)| role);
    assert_eq!(by("both").as_deref(), Some("targets"));
    assert_eq!(by("released").as_deref(), Some("targets/releases"));
    assert_eq!(by("deep").as_deref(), Some("targets/releases"), "breadth first, as notary looks up");
    assert_eq!(by("deepest").as_deref(), Some("targets/a/x"));
    assert_eq!(by("none"), None);
}

#[test]
fn a_role_that_has_published_nothing_is_silent_and_one_that_has_does_not_fall_silent() {
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/bob", &[""]);
    let bob = repository.signed.remove("targets/bob").unwrap();
    repository.delegate("targets", "targets/releases", &[""]);
    repository.add_tag("targets/releases", "1.0", b"one");
    repository.publish_all();
    assert_eq!(repository.lookup("1.0").unwrap().unwrap().0, "targets/releases");
    // From here on a snapshot lists it.
    repository.signed.insert("targets/bob".to_owned(), bob);
    repository.publish_next();
    let state = repository.first_update().unwrap().into_state(None);
    let mut withheld = repository.clone();
    withheld.signed.remove("targets/bob");
    withheld.publish_next();
    assert_refused!(withheld.update(&state), TufError::Removed(file) if file == "targets/bob.json");
    // Who takes the delegation back may leave it out.
    let roles = withheld.body("targets", "delegations")["roles"].as_array_mut().unwrap();
    roles.retain(|role| role["name"] != "targets/bob");
    withheld.bump("targets");
    withheld.publish_next();
    withheld.update(&state).unwrap();
}

#[test]
fn no_role_goes_back_although_nothing_lists_versions() {
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/releases", &[""]);
    repository.add_tag("targets/releases", "1.0", b"one");
    for role in ["targets", "targets/releases", "snapshot", "timestamp"] {
        *repository.body(role, "version") = json!(5);
    }
    repository.publish_all();
    let mut accepted = repository.first_update().unwrap();
    accepted.resolve(&mut repository.carried(), "1.0").unwrap().unwrap();
    let state = accepted.into_state(None);
    for role in ["timestamp", "snapshot", "targets", "targets/releases"] {
        let mut back = repository.clone();
        for newer in ["snapshot", "timestamp"] {
            back.bump(newer);
        }
        *back.body(role, "version") = json!(4);
        back.publish_all();
        let found = back.update(&state).and_then(|mut found| found.resolve(&mut back.carried(), "1.0").map(drop));
        assert_refused!(found, TufError::Rollback { role: refused, trusted: 5, found: 4, .. } if refused.as_str() == role);
    }
}

#[test]
fn a_withheld_root_is_noticed_because_the_snapshot_lists_the_newest() {
    let mut repository = NotaryRepository::new();
    repository.bump("root");
    repository.publish_root();
    repository.publish_next();
    repository.first_update().unwrap();
    repository.files.remove("2.root.json");
    assert_refused!(
        repository.first_update(),
        TufError::Mismatch { role, listed_by, .. } if (role.as_str(), listed_by.as_str()) == ("root", "snapshot")
    );
}

#[test]
fn metadata_is_read_as_strictly_as_notary_reads_it() {
    let refused = |role: &str, change: fn(&mut Value)| {
        let mut repository = NotaryRepository::new();
        repository.delegate("targets", "targets/releases", &[""]);
        repository.add_tag("targets", "1.0", b"one");
        repository.publish_all();
        repository.lists_files = role != "snapshot";
        change(repository.signed.get_mut(role).unwrap());
        match role {
            "timestamp" => repository.publish("timestamp"),
            _ => repository.publish_all(),
        }
        malformed(
            repository
                .first_update()
                .and_then(|mut found| found.resolve(&mut repository.carried(), "2.0"))
                .unwrap_err(),
        )
    };
    let refused_as = |role: &str, change: fn(&mut Value), expected: fn(&MetadataError) -> bool| {
        let error = refused(role, change);
        assert!(expected(&error), "{role}: {error:?}");
    };
    let json: fn(&MetadataError) -> bool = |error| matches!(error, MetadataError::Json(_));
    for role in ["timestamp", "snapshot", "targets", "targets/releases"] {
        refused_as(role, |signed| signed["version"] = json!(0), json);
        refused_as(role, |signed| signed["expires"] = json!("tomorrow"), json);
        refused_as(
            role,
            |signed| signed["_type"] = json!("Mirror"),
            |error| matches!(error, MetadataError::Type { .. }),
        );
    }
    refused_as(
        "timestamp",
        |signed| signed["meta"]["snapshot"]["hashes"] = json!({}),
        |error| matches!(error, MetadataError::Notary(NotaryError::Hash(_))),
    );
    refused_as(
        "timestamp",
        |signed| signed["meta"]["snapshot"]["hashes"]["sha256"] = json!("AAAA"),
        |error| matches!(error, MetadataError::Notary(NotaryError::Hash(_))),
    );
    refused_as("timestamp", |signed| signed["meta"]["snapshot"]["length"] = Value::Null, json);
    for listed in ["root", "targets"] {
        let change: fn(&mut Value) = match listed {
            "root" => |signed| drop(signed["meta"].as_object_mut().unwrap().remove("root")),
            _ => |signed| drop(signed["meta"].as_object_mut().unwrap().remove("targets")),
        };
        refused_as("snapshot", change, |error| matches!(error, MetadataError::Notary(NotaryError::NotListed(_))));
    }
    refused_as(
        "targets",
        |signed| signed["targets"]["1.0"]["hashes"]["sha256"] = json!("e3b0"),
        |error| matches!(error, MetadataError::Notary(NotaryError::Hash(_))),
    );
    for name in
        ["targets/releases/deep", "targets", "other", "targets/Releases", "targets/a.b", "targets/", "targets/../x"]
    {
        let mut repository = NotaryRepository::new();
        repository.delegate("targets", name, &[""]);
        repository.signed.retain(|role, _| !role.starts_with("targets/") && role != "other");
        let error = match name {
            "targets" => {
                *repository.body("targets", "delegations") = json!({ "keys": {}, "roles": [
                    { "name": "targets", "keyids": [], "threshold": 1, "paths": [""] } ] });
                *repository.body("targets", "targets") = json!({});
                repository.signers.insert("targets".to_owned(), NotaryRepository::new().signers["targets"].clone());
                repository.declare_keys();
                repository.publish_root();
                repository.publish_all();
                repository.first_update().unwrap_err()
            }
            _ => {
                repository.publish_all();
                repository.first_update().unwrap_err()
            }
        };
        assert!(matches!(malformed(error), MetadataError::Notary(NotaryError::DelegatedName { .. })), "{name}");
    }
    refused_as(
        "targets",
        |signed| {
            let role = signed["delegations"]["roles"][0].clone();
            signed["delegations"]["roles"].as_array_mut().unwrap().push(role);
        },
        |error| matches!(error, MetadataError::Notary(NotaryError::Delegations(_))),
    );
}

#[test]
fn a_file_that_is_not_the_listed_one_is_refused() {
    let mut repository = NotaryRepository::new();
    repository.add_tag("targets", "1.0", b"one");
    repository.publish_all();
    let mut other = repository.clone();
    other.add_tag("targets", "1.0", b"two");
    for role in ["snapshot", "targets"] {
        let mut mixed = repository.clone();
        mixed.files.insert(file_name(role), other.sign(role));
        let result = mixed.first_update();
        match role {
            // It is signed anew, with the same content: ed25519 signatures are the same.
            "snapshot" => assert!(result.is_ok()),
            _ => assert_refused!(result, TufError::Mismatch { role, .. } if role.as_str() == "targets"),
        }
    }
    assert_eq!(described(b"one")["length"], 3);
}

#[test]
fn a_root_is_pinned_by_its_certificate_or_by_the_authority_that_made_it() {
    let authority = Authority::new((2020, 2030));
    let key = NotaryKey::certified_by(&authority, &CertificateWish::default());
    let repository = NotaryRepository::with_root_key(key.clone());
    let (gun, root) = (GUN.parse().unwrap(), repository.newest_root());
    let check = |pinned_by: PinnedBy| check_pin(&gun, &root, &pinned_by, now());
    check(PinnedBy::Certificates(vec![key.id.parse().unwrap()])).unwrap();
    let shown = sealift_proof::tuf::dialect::root_certificates(&gun, &root).unwrap();
    assert_eq!((shown.len(), shown[0].common_name.as_str()), (1, GUN));
    let fingerprint = shown[0].fingerprint.hex();
    let with_colons: Vec<_> = (0..32).map(|at| fingerprint[2 * at..2 * at + 2].to_uppercase()).collect();
    check(PinnedBy::Certificates(vec![with_colons.join(":").parse().unwrap()])).unwrap();
    assert_refused!(
        check(PinnedBy::Certificates(vec!["00".repeat(32).parse().unwrap()])),
        PinError::OtherCertificate { expected, found }
            if expected.to_string() == "00".repeat(32) && found == [key.id.clone()]
    );

    check(PinnedBy::Authority(authority.pem.clone().into_bytes())).unwrap();
    let both = Authority::new((2020, 2030)).pem + &authority.pem;
    check(PinnedBy::Authority(both.into_bytes())).unwrap();
    assert_refused!(
        check(PinnedBy::Authority(Authority::new((2020, 2030)).pem.into_bytes())),
        PinError::NotVouchedFor { source: CertificateError::NotVouchedFor(_), .. }
    );
    assert_refused!(
        check(PinnedBy::Authority(Authority::new((2020, 2025)).pem.into_bytes())),
        PinError::Authority(CertificateError::NotValidAt(_))
    );
    assert_refused!(
        check(PinnedBy::Authority(b"nonsense".to_vec())),
        PinError::Authority(CertificateError::NotACertificate)
    );
    // Its own certificate vouches for nothing.
    let own: Value = key.object;
    let own = own["keyval"]["public"].as_str().unwrap();
    let own = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, own).unwrap();
    assert_refused!(check(PinnedBy::Authority(own)), PinError::Authority(CertificateError::Order));
    let other = "example.com/other".parse().unwrap();
    let refused = check_pin(&other, &root, &PinnedBy::Authority(authority.pem.into_bytes()), now());
    assert_refused!(refused, PinError::Root(_));
}

#[test]
fn a_root_is_pinned_by_certificates_that_signed_it_and_are_as_many_as_it_asks_for() {
    let [one, two, other] = [(); 3].map(|()| NotaryKey::certified(&CertificateWish::default()));
    // A root that lists these certificates, asks for so many signatures, and has these.
    let root = |listed: [&NotaryKey; 2], threshold: u32, signers: &[NotaryKey]| {
        let mut repository = NotaryRepository::new();
        repository.signers.insert("root".to_owned(), listed.map(Clone::clone).to_vec());
        repository.declare_keys();
        repository.body("root", "roles")["root"]["threshold"] = json!(threshold);
        repository.sign_with("root", signers)
    };
    let check = |root: &[u8], named: &[&NotaryKey]| {
        let fingerprints = named.iter().map(|key| key.id.parse().unwrap()).collect();
        check_pin(&GUN.parse().unwrap(), root, &PinnedBy::Certificates(fingerprints), now())
    };
    let by_both = root([&one, &two], 2, &[one.clone(), two.clone()]);
    check(&by_both, &[&one, &two]).unwrap();
    check(&by_both, &[&one, &two, &one]).unwrap();
    assert_refused!(check(&by_both, &[&one]), PinError::TooFewNamed(_));
    assert_refused!(check(&by_both, &[&one, &one]), PinError::TooFewNamed(_));
    assert_refused!(
        check(&by_both, &[&one, &other]),
        PinError::OtherCertificate { expected, .. } if expected.to_string() == other.id
    );
    let by_either = root([&one, &two], 1, &[one.clone(), two.clone()]);
    for named in [&[&one][..], &[&two], &[&one, &two]] {
        check(&by_either, named).unwrap();
    }
    // Whoever signed it may have listed the other one.
    let by_two = root([&one, &two], 1, std::slice::from_ref(&two));
    check(&by_two, &[&two]).unwrap();
    for named in [&[&one][..], &[&one, &two], &[&two, &one]] {
        assert_refused!(
            check(&by_two, named),
            PinError::NotSigned { fingerprint, .. } if fingerprint.to_string() == one.id
        );
    }
    // Two certificates of one key are one signer.
    let again = one.clone().written_as("ecdsa-x509", &format!("{}\n", one.pem()));
    let by_one = root([&one, &again], 1, &[one.clone(), again.clone()]);
    check(&by_one, &[&one, &again]).unwrap();
    let by_one_twice = root([&one, &again], 2, &[one.clone(), again.clone()]);
    assert_refused!(check(&by_one_twice, &[&one, &again]), PinError::Root(_));
}

#[test]
fn an_authority_vouches_for_a_root_only_if_it_made_all_its_certificates_and_is_not_asked_about_later_roots() {
    let authority = Authority::new((2020, 2030));
    let made = NotaryKey::certified_by(&authority, &CertificateWish::default());
    let stranger = NotaryKey::certified(&CertificateWish::default());
    let mut repository = NotaryRepository::with_root_key(made.clone());
    let check = |root: &[u8]| {
        let pinned_by = PinnedBy::Authority(authority.pem.clone().into_bytes());
        check_pin(&GUN.parse().unwrap(), root, &pinned_by, now())
    };
    check(&repository.newest_root()).unwrap();
    // A mixture, whoever of the two signs it.
    repository.signers.insert("root".to_owned(), vec![made.clone(), stranger.clone()]);
    repository.declare_keys();
    repository.body("root", "roles")["root"]["threshold"] = json!(1);
    for signer in [&made, &stranger] {
        assert_refused!(
            check(&repository.sign_with("root", std::slice::from_ref(signer))),
            PinError::NotVouchedFor { key_id, .. } if key_id == stranger.id
        );
    }
    // The pinned root decides which one follows it, as any root does.
    repository.signers.insert("root".to_owned(), vec![stranger.clone()]);
    repository.declare_keys();
    repository.bump("root");
    let root = repository.sign_with("root", &[made, stranger.clone()]);
    repository.files.insert("2.root.json".to_owned(), root);
    repository.publish_next();
    assert_eq!(repository.first_update().unwrap().roles()[0].signed_by, [stranger.id]);
}

#[test]
fn the_certificates_of_a_root_key_are_read_strictly() {
    let key = NotaryKey::certified(&CertificateWish::default());
    let refused = |keytype: &str, pem: &str| {
        let mut repository = NotaryRepository::new();
        repository.signers.insert("root".to_owned(), vec![key.clone().written_as(keytype, pem)]);
        repository.declare_keys();
        repository.publish_root();
        match malformed(repository.first_update().unwrap_err()) {
            MetadataError::Notary(NotaryError::RootKey { source, .. }) => source,
            other => panic!("refused for another reason: {other:?}"),
        }
    };
    let pem = key.pem();
    assert!(matches!(refused("ecdsa-x509", &pem.repeat(9)), CertificateError::TooMany));
    assert!(matches!(refused("ecdsa-x509", &pem.repeat(2)), CertificateError::Order));
    assert!(matches!(refused("rsa-x509", &pem), CertificateError::Key(_)));
    assert!(matches!(refused("ecdsa", &pem), CertificateError::NotACertificate));
    for broken in [
        pem.replace("MII", "MIA"),
        pem.replace("-----END CERTIFICATE-----", ""),
        format!("{pem}and more"),
        pem.replace("CERTIFICATE-----\n", "CERTIFICATE-----\nAAAA"),
    ] {
        assert!(matches!(refused("ecdsa-x509", &broken), CertificateError::Malformed(_)), "{broken}");
    }
}
