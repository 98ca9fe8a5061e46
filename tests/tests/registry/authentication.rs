//! User names, passwords and tokens: who gets them, and who does not.

use sealift_core::authorization::{AuthorizationError, Credentials};
use sealift_core::http::{HttpClient, HttpError};
use sealift_core::oci::Descriptor;
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::registry::{RegistryClient, RegistryError, RegistrySettings};
use sealift_core::transfer::BlobContent;
use sealift_tests::registry::{Action, Answer, Authentication, Fault, Received, Registry};

use super::{client, client_with, explain, settings};

/// `u:p` in base64.
const AUTH: &str = "dTpw";

pub(crate) fn basic() -> Authentication {
    Authentication::Basic { pair: "u:p".to_owned() }
}

/// A docker configuration with `u:p` for a registry.
pub(crate) fn config(domain: &str) -> String {
    format!(r#"{{"auths":{{"{domain}":{{"auth":"{AUTH}"}}}}}}"#)
}

/// Tokens from the registry's own service, under this host name.
fn bearer(registry: &Registry, host: &str, pair: Option<&str>) -> Authentication {
    let realm = format!("http://{host}:{}/token", registry.port());
    Authentication::Bearer { realm, pair: pair.map(ToOwned::to_owned), identity_token: None }
}

fn fetch(client: &RegistryClient, registry: &Registry) -> Result<(), RegistryError> {
    client.resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).map(drop)
}

fn with_manifest() -> Registry {
    let registry = Registry::start();
    let descriptor = Descriptor::of("a/b", b"{}");
    let manifest = serde_json::json!({"schemaVersion": 2, "config": descriptor, "layers": []}).to_string();
    registry.add_manifest("app", "1", OCI_MANIFEST, manifest.as_bytes());
    registry
}

#[test]
fn basic_authentication_is_used_when_asked_for() {
    let registry = with_manifest();
    registry.state().authentication = Some(basic());
    let known = client_with(&config(&registry.domain()));
    fetch(&known, &registry).unwrap();
    assert_eq!(registry.state().received[0].header("authorization"), None, "nothing is sent before it is asked for");
    let asked = registry.state().received.len();
    fetch(&known, &registry).unwrap();
    assert_eq!(registry.state().received.len(), asked + 1, "and then it is remembered");
    assert!(matches!(
        fetch(&client(), &registry),
        Err(RegistryError::Authorization(AuthorizationError::CredentialsMissing { .. }))
    ));
    let wrong = client_with(&config(&registry.domain()).replace(AUTH, "dTpx"));
    assert!(matches!(fetch(&wrong, &registry), Err(RegistryError::Http(_))));
}

#[test]
fn tokens_are_fetched_anonymously_with_a_password_or_with_an_identity_token() {
    let registry = with_manifest();
    registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
    fetch(&client(), &registry).unwrap();
    registry.state().authentication = Some(bearer(&registry, "127.0.0.1", Some("u:p")));
    assert!(fetch(&client(), &registry).is_err());
    fetch(&client_with(&config(&registry.domain())), &registry).unwrap();

    let realm = format!("http://{}/token", registry.domain());
    let identity_token = Some("i/d=&t".to_owned());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token });
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"i/d=&t"}}}}}}"#, registry.domain());
    fetch(&client_with(&config), &registry).unwrap();
    assert_eq!(registry.count("POST", "/token"), 1);
}

#[test]
fn a_token_is_kept_for_its_scope_and_renewed_when_it_no_longer_serves() {
    let registry = with_manifest();
    registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
    let client = client();
    for _ in 0..3 {
        fetch(&client.clone(), &registry).unwrap();
    }
    assert_eq!(registry.count("GET", "/token"), 1);
    let blob = Descriptor::of("", b"blob");
    let content = &mut sealift_core::transfer::Checked::new(&b"blob"[..], &blob);
    client.put_blob(&registry.repository("app"), &blob, content).unwrap();
    assert_eq!(registry.count("GET", "/token"), 2, "pushing is another scope");
    let realm =
        format!("Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:app:pull\"", registry.domain());
    registry.inject(Fault::once("GET", "/manifests/", Action::status(401, &[("www-authenticate", &realm)])));
    fetch(&client, &registry).unwrap();
    assert_eq!(registry.count("GET", "/token"), 3);
}

/// What each request to the token service asked for.
fn asked(registry: &Registry) -> Vec<Vec<String>> {
    let scopes = |request: &Received| request.parameters("scope");
    let state = registry.state();
    state.received.iter().filter(|request| request.path == "/token").map(scopes).collect()
}

#[test]
fn a_registry_does_not_choose_what_a_token_allows() {
    for scope in [
        "repository:app:pull,push,delete",
        "repository:other:pull,push",
        "repository:app:pull registry:catalog:*",
        "registry:catalog:*",
        "aws",
        "",
    ] {
        let registry = with_manifest();
        registry.state().authentication = Some(bearer(&registry, "127.0.0.1", Some("u:p")));
        let realm = format!("http://{}/token", registry.domain());
        let challenge = format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"{scope}\"");
        registry.inject(Fault::once("GET", "/manifests/", Action::status(401, &[("www-authenticate", &challenge)])));
        fetch(&client_with(&config(&registry.domain())), &registry).unwrap();
        assert_eq!(asked(&registry), [["repository:app:pull"]], "{scope:?}");
    }
}

#[test]
fn an_identity_token_is_exchanged_for_nothing_that_the_registry_adds() {
    let registry = with_manifest();
    let realm = format!("http://{}/token", registry.domain());
    let identity_token = Some("t".to_owned());
    let challenge = format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:other:pull,push\"");
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token });
    registry.inject(Fault::once("GET", "/manifests/", Action::status(401, &[("www-authenticate", &challenge)])));
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"t"}}}}}}"#, registry.domain());
    fetch(&client_with(&config), &registry).unwrap();
    let state = registry.state();
    let form = state.received.iter().find(|request| request.path == "/token").unwrap();
    let form = Received { query: String::from_utf8(form.body.clone()).unwrap(), ..form.clone() };
    assert_eq!(form.parameters("scope"), ["repository:app:pull"]);
}

#[test]
fn a_mount_asks_for_both_repositories_and_sends_what_was_refused_with_the_same_token() {
    for refuses_mounts in [false, true] {
        let registry = Registry::start();
        registry.state().authentication = Some(bearer(&registry, "127.0.0.1", Some("u:p")));
        registry.state().refuses_mounts = refuses_mounts;
        let blob = registry.add_blob("first", b"blob");
        let client = client_with(&config(&registry.domain()));
        let content = || -> Result<Box<dyn BlobContent>, RegistryError> {
            Ok(Box::new(sealift_core::transfer::Checked::new(&b"blob"[..], &blob)))
        };
        let (from, to) = (registry.repository("first"), registry.repository("second"));
        client.mount_or_put_blob(&from, &to, &blob, content).unwrap();
        assert_eq!(asked(&registry), [["repository:second:pull,push", "repository:first:pull"]]);
        assert!(registry.state().blobs.contains_key(&("second".to_owned(), blob.digest.to_string())));
    }
}

#[test]
fn a_token_service_on_another_host_does_not_get_the_password() {
    let registry = with_manifest();
    let elsewhere = Registry::start();
    let realm = format!("https://localhost:{}/token", elsewhere.port());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    let error = fetch(&client_with(&config(&registry.domain())), &registry).unwrap_err();
    assert!(
        matches!(error, RegistryError::Authorization(AuthorizationError::TokenServiceElsewhere { .. })),
        "{}",
        explain(&error)
    );
    let plain = format!("http://localhost:{}/token", elsewhere.port());
    registry.state().authentication = Some(Authentication::Bearer { realm: plain, pair: None, identity_token: None });
    for client in [client(), client_with(&config(&registry.domain()))] {
        assert!(matches!(
            fetch(&client, &registry),
            Err(RegistryError::Authorization(AuthorizationError::TokenServiceInsecure { .. }))
        ));
    }
    assert!(elsewhere.state().received.is_empty());
}

#[test]
fn a_token_service_that_redirects_does_not_pass_the_password_on() {
    let registry = with_manifest();
    let elsewhere = Registry::start();
    registry.state().authentication = Some(bearer(&registry, "127.0.0.1", Some("u:p")));
    let location = format!("http://localhost:{}/token", elsewhere.port());
    registry.inject(Fault::always("GET", "/token", Action::status(302, &[("location", &location)])));
    assert!(fetch(&client_with(&config(&registry.domain())), &registry).is_err());
    let state = elsewhere.state();
    assert!(!state.received.is_empty());
    assert!(state.received.iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn an_identity_token_is_not_sent_on_by_a_redirect() {
    let registry = with_manifest();
    let elsewhere = Registry::start();
    let realm = format!("http://{}/token", registry.domain());
    let identity_token = Some("token".to_owned());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token });
    let location = format!("http://localhost:{}/token", elsewhere.port());
    registry.inject(Fault::always("POST", "/token", Action::status(307, &[("location", &location)])));
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"token"}}}}}}"#, registry.domain());
    let error = fetch(&client_with(&config), &registry).unwrap_err();
    assert!(matches!(error, RegistryError::Http(HttpError::UploadRedirected { .. })), "{}", explain(&error));
    assert!(elsewhere.state().received.is_empty());
}

#[test]
fn a_redirected_blob_is_fetched_without_our_credentials_and_its_storage_cannot_ask_for_them() {
    let (registry, storage) = (Registry::start(), Registry::start());
    registry.state().authentication = Some(basic());
    let blob = registry.add_blob("app", b"blob");
    let location = format!("http://localhost:{}/v2/app/blobs/{}", storage.port(), blob.digest);
    let client = client_with(&config(&registry.domain()));
    client.has_blob(&registry.repository("app"), &blob).unwrap();
    registry.inject(Fault::always("GET", "/blobs/", Action::status(307, &[("location", &location)])));
    storage.state().authentication = Some(basic());
    storage.add_blob("app", b"blob");
    assert!(client.blob(&registry.repository("app"), &blob).is_err());
    let authorized = |request: &sealift_tests::registry::Received| request.header("authorization").is_some();
    assert!(!storage.state().received.is_empty() && !storage.state().received.iter().any(authorized));
    storage.state().authentication = None;
    client.blob(&registry.repository("app"), &blob).unwrap();
    assert!(!storage.state().received.iter().any(authorized));
}

#[test]
fn a_challenge_that_is_not_understood_is_named() {
    let registry = with_manifest();
    registry.inject(Fault::always("GET", "/manifests/", Action::status(401, &[("www-authenticate", "Negotiate")])));
    let error = fetch(&client(), &registry).unwrap_err();
    assert!(
        matches!(error, RegistryError::Authorization(AuthorizationError::Challenge { challenge, .. }) if challenge == "Negotiate")
    );
}

#[test]
fn a_named_token_host_is_trusted() {
    let registry = with_manifest();
    let realm = format!("https://localhost:{}/token", registry.port());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    let credentials = Credentials::from_docker_config(config(&registry.domain()).as_bytes()).unwrap();
    let http = HttpClient::new(settings()).unwrap();
    let token_hosts = vec!["LOCALHOST".to_owned()];
    let settings = RegistrySettings { credentials, token_hosts, ..RegistrySettings::default() };
    let client = RegistryClient::with_settings(http, settings);
    // It is asked now; that there is no TLS behind it is another matter.
    assert!(matches!(fetch(&client, &registry), Err(RegistryError::Http(_))));
}

#[test]
fn a_token_service_that_gives_no_token_is_an_error() {
    for answer in ["", "[]", "{}", r#"{"token":""}"#, r#"{"token":7}"#, r#"{"access_token":""}"#] {
        let registry = with_manifest();
        registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
        registry.inject(Fault::always("GET", "/token", token_answer(200, answer)));
        let refused = fetch(&client(), &registry).unwrap_err();
        assert!(
            matches!(refused, RegistryError::Authorization(AuthorizationError::TokenMissing { .. })),
            "{answer}: {refused:?}"
        );
    }
}

#[test]
fn a_token_for_the_registry_is_shown_to_it_and_to_nobody_else() {
    let registry = with_manifest();
    registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
    let config = |token| format!(r#"{{"auths":{{"{}":{{"registrytoken":"{token}"}}}}}}"#, registry.domain());
    fetch(&client_with(&config("token-for-repository:app:pull")), &registry).unwrap();
    let refused = fetch(&client_with(&config("another")), &registry).unwrap_err();
    assert!(matches!(refused, RegistryError::Http(HttpError::Status { status: 401, .. })), "{refused:?}");
    assert_eq!(registry.count("GET", "/token"), 0);
}

#[test]
fn a_token_that_no_request_can_carry_is_an_error() {
    for answer in ["{\"token\":\"a\\nb\"}", "{\"token\":\"\u{f6}\"}"] {
        let registry = with_manifest();
        registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
        registry.inject(Fault::always("GET", "/token", token_answer(200, answer)));
        let refused = fetch(&client(), &registry).unwrap_err();
        assert!(
            matches!(refused, RegistryError::Authorization(AuthorizationError::TokenUnusable { .. })),
            "{answer}: {refused:?}"
        );
    }
}

#[test]
fn a_token_beside_a_refusal_is_no_token() {
    for status in [201, 202, 400, 401, 403] {
        let registry = with_manifest();
        registry.state().authentication = Some(bearer(&registry, "127.0.0.1", None));
        registry.inject(Fault::always("GET", "/token", token_answer(status, r#"{"token":"t"}"#)));
        let refused = fetch(&client(), &registry).unwrap_err();
        assert!(matches!(&refused, RegistryError::Http(_)), "{status}: {refused:?}");
        let state = registry.state();
        assert!(state.received.iter().all(|request| request.header("authorization") != Some("Bearer t")), "{status}");
    }
}

fn token_answer(status: u16, body: &str) -> Action {
    Action::Answer(Answer::new(status, &[], body.as_bytes().to_vec()))
}
