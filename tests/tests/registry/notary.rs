//! A server of Notary, which asks for tokens as registries do: what it is asked for, who gets the credentials, and what it may not do.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealift_archive_format::Digest;
use sealift_core::authorization::{AuthorizationError, Credentials};
use sealift_core::http::{HttpError, Url};
use sealift_core::layout::LayoutSink;
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::tuf_repository::NotaryRepository;
use sealift_proof::tuf::{Gun, MetadataProvider as _, ProviderError, RoleName};
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::notary_repository::{
    Authority, CertificateWish, NotaryKey, NotaryRepository as Collection, file_name,
};
use sealift_tests::registry::{Action, Answer, Authentication, Fault, Received, Registry};
use sealift_tests::sealift_command::sealift;
use serde_json::json;

use super::authentication::{basic, config};
use super::{explain, http_client};

const GUN: &str = "example.com/acme/web";
/// More than any of these files has.
const LIMIT: u64 = 10_000;

fn gun() -> Gun {
    GUN.parse().unwrap()
}

fn url(server: &Registry) -> Url {
    format!("http://{}", server.domain()).parse().unwrap()
}

fn repository(server: &Registry) -> NotaryRepository {
    NotaryRepository::at_server(http_client(), Credentials::none(), &url(server), &gun())
}

fn repository_with(server: &Registry, config: &str) -> NotaryRepository {
    let credentials = Credentials::from_docker_config(config.as_bytes()).unwrap();
    NotaryRepository::at_server(http_client(), credentials, &url(server), &gun())
}

fn releases() -> RoleName {
    RoleName::delegated("targets/releases").unwrap()
}

/// A file that lists others, with their SHA-256.
fn listing(version: u64, others: &[(&str, &[u8])]) -> Vec<u8> {
    let described = |bytes: &[u8]| json!({"hashes": {"sha256": BASE64.encode(sha256(bytes))}, "length": bytes.len()});
    let meta: serde_json::Map<_, _> =
        others.iter().map(|(name, bytes)| ((*name).to_owned(), described(bytes))).collect();
    json!({"signed": {"version": version, "meta": meta}, "signatures": []}).to_string().into_bytes()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    hex::decode(Digest::sha256(bytes).hex()).unwrap()
}

fn hashed(role: &str, bytes: &[u8]) -> String {
    format!("{role}.{}.json", Digest::sha256(bytes).hex())
}

/// The paths that were asked for below the GUN.
fn asked(server: &Registry) -> Vec<String> {
    let below = format!("/v2/{GUN}/_trust/tuf/");
    let state = server.state();
    state.received.iter().filter_map(|request| Some(request.path.strip_prefix(&below)?.to_owned())).collect()
}

#[test]
fn each_file_is_asked_for_by_what_the_one_before_lists() {
    let server = Registry::start();
    let targets = b"{\"signed\":{\"version\":1}}";
    let snapshot = listing(1, &[("targets", targets), ("targets/releases", b"releases")]);
    let timestamp = listing(1, &[("snapshot", &snapshot)]);
    server.add_trust_file(GUN, "timestamp.json", &timestamp);
    server.add_trust_file(GUN, &hashed("snapshot", &snapshot), &snapshot);
    server.add_trust_file(GUN, &hashed("targets", targets), targets);
    server.add_trust_file(GUN, &hashed("targets/releases", b"releases"), b"releases");
    // The collection has moved on meanwhile.
    for name in ["snapshot.json", "targets.json", "targets/releases.json"] {
        server.add_trust_file(GUN, name, b"newer");
    }
    let mut repository = repository(&server);
    let mut fetch = |role: &RoleName| repository.metadata(role, None, LIMIT).unwrap().unwrap();
    assert_eq!(fetch(&RoleName::timestamp()), timestamp);
    assert_eq!(fetch(&RoleName::snapshot()), snapshot);
    assert_eq!(fetch(&RoleName::targets()), targets);
    // As another thread would have it.
    let mut twin = repository.twin().unwrap();
    assert_eq!(twin.metadata(&releases(), None, LIMIT).unwrap().unwrap(), b"releases");
    assert_eq!(asked(&server).len(), 4, "one request for each: {:?}", asked(&server));
}

#[test]
fn a_server_that_keeps_only_the_newest_files_is_read_by_their_names() {
    let server = Registry::start();
    let snapshot = listing(1, &[("targets", b"something else")]);
    server.add_trust_file(GUN, "timestamp.json", &listing(1, &[("snapshot", b"something else")]));
    server.add_trust_file(GUN, "snapshot.json", &snapshot);
    server.add_trust_file(GUN, "targets.json", b"targets");
    let mut repository = repository(&server);
    let mut fetch = |role: &RoleName| repository.metadata(role, None, LIMIT).unwrap();
    assert_eq!(fetch(&RoleName::targets()).unwrap(), b"targets", "nothing is known of it yet");
    fetch(&RoleName::timestamp()).unwrap();
    assert_eq!(fetch(&RoleName::snapshot()).unwrap(), snapshot);
    assert_eq!(fetch(&RoleName::targets()).unwrap(), b"targets");
    assert_eq!(fetch(&releases()), None);
}

#[test]
fn a_root_is_found_by_its_version() {
    let server = Registry::start();
    let root = |version: u64| listing(version, &[]);
    server.add_trust_file(GUN, "1.root.json", &root(1));
    server.add_trust_file(GUN, "root.json", &root(3));
    let mut repository = repository(&server);
    let mut fetch = |version| repository.metadata(&RoleName::root(), Some(version), LIMIT).unwrap();
    assert_eq!(fetch(1).unwrap(), root(1));
    assert_eq!(fetch(2), None, "root.json is another one");
    assert_eq!(fetch(3).unwrap(), root(3), "root.json is the one");
    assert_eq!(fetch(4), None);
}

#[test]
fn what_is_not_there_is_missing_and_what_cannot_be_said_is_an_error() {
    for (status, is_missing) in [(404, true), (410, true), (403, false), (400, false), (204, false)] {
        let server = Registry::start();
        server.inject(Fault::always("GET", "/timestamp.json", Action::status(status, &[])));
        match repository(&server).metadata(&RoleName::timestamp(), None, LIMIT) {
            Ok(found) => assert!(is_missing && found.is_none(), "{status}"),
            Err(error) => {
                assert!(!is_missing && matches!(error, ProviderError::Unavailable { .. }), "{status}: {error}")
            }
        }
    }
    let server = Registry::start();
    server.add_trust_file(GUN, "timestamp.json", &[b'x'; 100]);
    let refused = repository(&server).metadata(&RoleName::timestamp(), None, 99).unwrap_err();
    assert!(matches!(refused, ProviderError::TooLong { limit: 99, .. }), "{refused}");
    assert_eq!(repository(&server).metadata(&RoleName::timestamp(), None, 100).unwrap().unwrap().len(), 100);
}

#[test]
fn what_passes_is_tried_again_and_content_that_breaks_off_is_asked_for_again() {
    let server = Registry::start();
    server.add_trust_file(GUN, "timestamp.json", b"the timestamp");
    server.inject(Fault::once("GET", "/timestamp.json", Action::status(503, &[])));
    server.inject(Fault::once("GET", "/timestamp.json", Action::CutAfter(3)));
    let found = repository(&server).metadata(&RoleName::timestamp(), None, LIMIT).unwrap();
    assert_eq!((found.unwrap(), asked(&server).len()), (b"the timestamp".to_vec(), 3));
}

#[test]
fn plain_http_is_spoken_only_where_it_is_allowed() {
    let url = "http://notary.example".parse().unwrap();
    let mut repository = NotaryRepository::at_server(http_client(), Credentials::none(), &url, &gun());
    let refused = repository.metadata(&RoleName::timestamp(), None, LIMIT).unwrap_err();
    assert!(
        matches!(refused.remedy(), Remedy::UseHttps { .. } | Remedy::AllowPlainHttp { .. }),
        "{}",
        explain(&refused)
    );
}

/// Tokens from this server's own service.
fn bearer(server: &Registry, pair: Option<&str>) -> Authentication {
    let realm = format!("http://{}/token", server.domain());
    Authentication::Bearer { realm, pair: pair.map(ToOwned::to_owned), identity_token: None }
}

fn timestamp_of(mut repository: NotaryRepository) -> Result<Vec<u8>, ProviderError> {
    repository.metadata(&RoleName::timestamp(), None, LIMIT).map(Option::unwrap)
}

fn with_timestamp() -> Registry {
    let server = Registry::start();
    server.add_trust_file(GUN, "timestamp.json", b"the timestamp");
    server
}

#[test]
fn one_token_is_asked_for_to_pull_what_the_gun_names() {
    for pair in [None, Some("u:p")] {
        let server = with_timestamp();
        server.state().authentication = Some(bearer(&server, pair));
        let mut repository = repository_with(&server, &config(&server.domain()));
        for _ in 0..3 {
            assert!(repository.metadata(&RoleName::timestamp(), None, LIMIT).unwrap().is_some());
        }
        let mut twin = repository.twin().unwrap();
        assert!(twin.metadata(&RoleName::timestamp(), None, LIMIT).unwrap().is_some());
        let state = server.state();
        let tokens: Vec<&Received> = state.received.iter().filter(|request| request.path == "/token").collect();
        assert_eq!(tokens.len(), 1);
        assert_eq!(tokens[0].parameters("scope"), [format!("repository:{GUN}:pull")]);
    }
}

#[test]
fn the_password_of_the_registry_serves_where_the_token_service_is_its_own() {
    // The GUN's registry is on this host, on another port, and so is the token service: the registry itself, or on a third one.
    let (server, other) = (with_timestamp(), Registry::start());
    for authority in [other.domain(), "127.0.0.1:5000".to_owned()] {
        let near: Gun = format!("{authority}/web").parse().unwrap();
        server.add_trust_file(near.as_str(), "timestamp.json", b"the timestamp");
        other.state().authentication = Some(bearer(&other, Some("u:p")));
        server.state().authentication = Some(bearer(&other, Some("u:p")));
        let known = Credentials::from_docker_config(config(&authority).as_bytes()).unwrap();
        let known = NotaryRepository::at_server(http_client(), known, &url(&server), &near);
        assert_eq!(timestamp_of(known).unwrap(), b"the timestamp");
    }
    server.state().authentication = Some(bearer(&server, Some("u:p")));
    // Of another registry, whose token service this is not.
    server.state().received.clear();
    let known = Credentials::from_docker_config(config("example.com").as_bytes()).unwrap();
    let elsewhere = NotaryRepository::at_server(http_client(), known, &url(&server), &gun());
    let refused = timestamp_of(elsewhere).unwrap_err();
    assert_eq!(refused.remedy(), Remedy::LogIn { registry: None }, "{}", explain(&refused));
    assert!(server.state().received.iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn the_password_of_the_registry_is_not_shown_to_the_server_itself() {
    let server = with_timestamp();
    server.state().authentication = Some(basic());
    let registry = repository_with(&server, &config("example.com"));
    let refused = timestamp_of(registry).unwrap_err();
    let missing = |error: &ProviderError| match error {
        ProviderError::Unavailable { source, .. } => {
            matches!(source.downcast_ref(), Some(AuthorizationError::CredentialsMissing { .. }))
        }
        _ => false,
    };
    assert!(missing(&refused), "{}", explain(&refused));
    assert_eq!(refused.remedy(), Remedy::LogIn { registry: Some(server.domain()) });
    assert!(server.state().received.iter().all(|request| request.header("authorization").is_none()));
    assert_eq!(timestamp_of(repository_with(&server, &config(&server.domain()))).unwrap(), b"the timestamp");
}

#[test]
fn the_password_of_the_registry_is_not_shown_to_the_server_as_its_own_token_service() {
    let server = with_timestamp();
    let shown = |gun: &str| {
        server.add_trust_file(gun, "timestamp.json", b"the timestamp");
        server.state().received.clear();
        server.state().authentication = Some(bearer(&server, Some("u:p")));
        let (registry, _) = gun.split_once('/').unwrap();
        let known = Credentials::from_docker_config(config(registry).as_bytes()).unwrap();
        let found =
            timestamp_of(NotaryRepository::at_server(http_client(), known, &url(&server), &gun.parse().unwrap()));
        let state = server.state();
        let asked: Vec<&Received> = state.received.iter().filter(|request| request.path == "/token").collect();
        assert_eq!(asked.len(), 1, "a token is asked for all the same: {gun}");
        let shown = asked.iter().any(|request| request.header("authorization").is_some());
        assert_eq!(found.is_ok(), shown, "{gun}");
        shown
    };
    // The registry has another port of the same host: what names the token service is not the registry.
    assert!(!shown("127.0.0.1:5000/web"));
    // One server for both is the registry.
    assert!(shown(&format!("{}/web", server.domain())));
}

#[test]
fn a_redirect_takes_no_token_along_and_its_target_cannot_ask_for_one() {
    let (server, storage) = (with_timestamp(), with_timestamp());
    server.state().authentication = Some(bearer(&server, Some("u:p")));
    let location = format!("http://localhost:{}/v2/{GUN}/_trust/tuf/timestamp.json", storage.port());
    let mut repository = repository_with(&server, &config(&server.domain()));
    repository.metadata(&RoleName::timestamp(), None, LIMIT).unwrap();
    server.inject(Fault::always("GET", "/timestamp.json", Action::status(307, &[("location", &location)])));
    assert!(repository.metadata(&RoleName::timestamp(), None, LIMIT).unwrap().is_some());
    storage.state().authentication = Some(basic());
    assert!(repository.metadata(&RoleName::timestamp(), None, LIMIT).is_err());
    assert!(storage.state().received.iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn a_token_service_that_is_somewhere_else_or_gives_none_is_an_error_with_a_remedy() {
    let server = with_timestamp();
    let realm = "https://localhost:1/token".to_owned();
    server.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    let refused = timestamp_of(repository_with(&server, &config(&server.domain()))).unwrap_err();
    assert_eq!(refused.remedy(), Remedy::AskServer, "{}", explain(&refused));
    server.state().authentication = Some(bearer(&server, None));
    server.inject(Fault::always("GET", "/token", Action::Answer(Answer::new(200, &[], b"{}".to_vec()))));
    let refused = timestamp_of(repository(&server)).unwrap_err();
    assert_eq!(refused.remedy(), Remedy::AskServer, "{}", explain(&refused));
    let failed = AuthorizationError::from(HttpError::TooManyRedirects { url: url(&server), limit: 1 });
    assert_eq!(failed.remedy(), HttpError::TooManyRedirects { url: url(&server), limit: 1 }.remedy());
}

/// Two collections behind one server, and in one folder as a client keeps them: pinned by one command, exported by one option.
#[test]
fn several_collections_of_one_server_are_pinned_and_exported_at_once() {
    let (server, folder) = (Registry::start(), tempfile::tempdir().unwrap());
    let authority = Authority::new((2025, 2100));
    fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    fs::write(folder.path().join("key.pem"), exporter_key().to_pem(None).unwrap().as_bytes()).unwrap();
    fs::write(folder.path().join("key.pub"), exporter_key().public_key().unwrap().to_pem().unwrap()).unwrap();
    let sealift = |trust: &str, arguments: &[&str]| {
        let mut command = Command::new(sealift());
        command.args(["--json", "--quiet", "--trust", trust]).args(arguments).current_dir(folder.path());
        let output = command.env_remove("SOURCE_DATE_EPOCH").env("HOME", folder.path()).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let done = |trust: &str, arguments: &[&str]| {
        let (code, said) = sealift(trust, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    };
    let guns = ["example.com/acme/web", "example.com/acme/db"];
    let sink = LayoutSink::open(&folder.path().join("images")).unwrap();
    for gun in guns {
        let image = Image::for_two_platforms(gun);
        image.push(&sink, &format!("{gun}:1").parse().unwrap()).unwrap();
        let wish = CertificateWish { common_names: &[gun], years: (2025, 2100), ..CertificateWish::default() };
        let mut collection = Collection::with_root_key(NotaryKey::certified_by(&authority, &wish));
        collection.add_tag("targets", "1", image.root().bytes());
        collection.expire_at("2099-01-01T00:00:00Z");
        let kept = folder.path().join("tuf").join(gun).join("metadata");
        fs::create_dir_all(&kept).unwrap();
        for role in ["root", "timestamp", "snapshot", "targets"] {
            let bytes =
                if role == "root" { collection.newest_root() } else { collection.files[&file_name(role)].clone() };
            server.add_trust_file(gun, &format!("{role}.json"), &bytes);
            fs::write(kept.join(format!("{role}.json")), bytes).unwrap();
        }
    }
    let pin = [&["trust", "pin-collections", "tuf"], &guns[..], &["--ca", "ca.pem"]].concat();
    for trust in ["near", "far"] {
        done(trust, &["trust", "add-exporter", "alice", "key.pub"]);
        fs::write(folder.path().join(trust).join("policy.toml"), "minimum_level = \"1a\"\n").unwrap();
        let said = done(trust, &pin);
        assert!(said.contains("example.com-acme-web") && said.contains("it speaks for example.com/acme/db"), "{said}");
        let map = fs::read(folder.path().join(trust).join("map.json")).unwrap();
        done(trust, &pin);
        assert_eq!(fs::read(folder.path().join(trust).join("map.json")).unwrap(), map, "once more changes nothing");
    }
    // Each needs one of the two that can vouch for it.
    let hex = "0".repeat(64);
    for collections in [&["a.example/b"][..], &[&*format!("a.example/b={hex}"), "--ca", "ca.pem"]] {
        let (code, said) = sealift("third", &[&["trust", "pin-collections", "tuf"], collections].concat());
        assert!(code == Some(2) && said.contains("needs either --ca or"), "{said}");
    }
    // Nothing is pinned where one of them is not vouched for: this root is another collection's.
    fs::create_dir_all(folder.path().join("tuf/example.com/acme/other")).unwrap();
    fs::copy(
        folder.path().join("tuf/example.com/acme/db/metadata/root.json"),
        folder.path().join("tuf/example.com/acme/other/root.json"),
    )
    .unwrap();
    let with_other = ["trust", "pin-collections", "tuf", guns[0], "example.com/acme/other", "--ca", "ca.pem"];
    let (code, said) = sealift("third", &with_other);
    assert_eq!((code, folder.path().join("third").exists()), (Some(18), false), "{said}");

    let at_server = format!("http://{}", server.domain());
    for (place, archive) in [(at_server.as_str(), "server.sealift"), ("./tuf", "folder.sealift")] {
        let images = guns.map(|gun| format!("{gun}:1=oci:images"));
        let export = ["export", "--image", &images[0], "--image", &images[1], "--key", "key.pem", "-o", archive];
        let said = done("near", &[&export[..], &["--notary", place]].concat());
        assert_eq!(said.matches("\"level\": \"2\"").count(), 2, "{said}");
        done("far", &["verify", archive]);
    }
    assert!(guns.iter().all(|gun| asked_of(&server, gun) > 0), "each by its own name");
    // What is exported belongs to none of them.
    let image = Image::for_two_platforms("other");
    image.push(&sink, &"example.com/acme/other:1".parse().unwrap()).unwrap();
    let export =
        ["export", "--image", "example.com/acme/other:1=oci:images", "--key", "key.pem", "-o", "other.sealift"];
    let (code, said) = sealift("near", &[&export[..], &["--notary", &at_server]].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no collection of Notary that is pinned here"), "{said}");
}

fn asked_of(server: &Registry, gun: &str) -> usize {
    let below = format!("/v2/{gun}/_trust/tuf/");
    server.state().received.iter().filter(|request| request.path.starts_with(&below)).count()
}
