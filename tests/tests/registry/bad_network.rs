//! What a bad network, or a registry behind one, does to downloads, uploads and manifests, and that it is survived and shown.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpSettings, OnRetry, Retry};
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::oci::{Descriptor, ManifestBytes};
use sealift_core::registry::{RegistryClient, RegistryError, UploadError};
use sealift_core::remedy::Remedy;
use sealift_core::transfer::{Checked, Repeatable};
use sealift_tests::registry::{Action, Answer, Authentication, Fault, Registry};

use super::{client, content, explain, impatient, settings};

/// More than fits into one request.
const LARGE: usize = 14 << 20;

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":null}"#;

/// Something that a client does with a registry; whether the outcome is right.
type Work = fn(&RegistryClient, &Registry) -> Result<bool, String>;

fn download(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    let descriptor = registry.add_blob("app", &content(1_000_000));
    let mut read = Vec::new();
    let blob = client.blob(&registry.repository("app"), &descriptor);
    blob.map_err(|error| explain(&error))?.read_to_end(&mut read).map_err(|error| explain(&error))?;
    Ok(read == content(1_000_000))
}

fn put(client: &RegistryClient, registry: &Registry, length: usize) -> Result<Descriptor, UploadError> {
    let bytes = content(length);
    let descriptor = Descriptor::of("", &bytes);
    client.put_blob(&registry.repository("app"), &descriptor, &mut Checked::new(&bytes[..], &descriptor))?;
    let key = ("app".to_owned(), descriptor.digest.to_string());
    assert!(registry.state().blobs[&key] == bytes);
    Ok(descriptor)
}

fn upload(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    put(client, registry, 1_000_000).map(|_| true).map_err(|error| explain(&error))
}

fn upload_in_pieces(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    put(client, registry, LARGE).map(|_| true).map_err(|error| explain(&error))
}

/// Puts what can be read again.
fn put_repeatable(client: &RegistryClient, registry: &Registry, length: usize) -> Result<bool, String> {
    let bytes = content(length);
    let descriptor = Descriptor::of("", &bytes);
    let open = || Checked::new(&bytes[..], &descriptor);
    let mut content = Repeatable::new(open(), || Ok(open()));
    let put = client.put_blob(&registry.repository("app"), &descriptor, &mut content);
    put.map_err(|error| explain(&error))?;
    let key = ("app".to_owned(), descriptor.digest.to_string());
    Ok(registry.state().blobs[&key] == bytes)
}

fn upload_repeatable(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    put_repeatable(client, registry, 1_000_000)
}

fn upload_large_repeatable(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    put_repeatable(client, registry, LARGE)
}

fn manifest() -> ManifestBytes {
    ManifestBytes::new(Descriptor::of(OCI_MANIFEST, MANIFEST), MANIFEST.to_vec()).unwrap()
}

fn fetch_manifest(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    registry.add_manifest("app", "1", OCI_MANIFEST, MANIFEST);
    let resolved = client.resolve(&format!("{}/app:1", registry.domain()).parse().unwrap());
    resolved.map(|resolved| resolved.bytes() == MANIFEST).map_err(|error| explain(&error))
}

fn list_tags(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    registry.add_manifest("app", "1", OCI_MANIFEST, MANIFEST);
    let tags = client.tags(&registry.repository("app"));
    tags.map(|tags| tags == ["1".parse().unwrap()]).map_err(|error| explain(&error))
}

/// Asks for a token, and for a manifest with it.
fn authenticate(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    let realm = format!("http://{}/token", registry.domain());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    fetch_manifest(client, registry)
}

fn put_manifest(client: &RegistryClient, registry: &Registry) -> Result<bool, String> {
    let put = client.put_manifest(&registry.repository("app"), Some(&"1".parse().unwrap()), &manifest());
    put.map(|()| true).map_err(|error| explain(&error))
}

/// Says nothing until the client gives up.
fn stall() -> Action {
    Action::write(|_| {
        thread::sleep(Duration::from_millis(1500));
        Ok(())
    })
}

/// Begins a body and stalls.
fn stall_in_body() -> Action {
    Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 -\r\ncontent-length: 1000000\r\n\r\n")?;
        to.write_all(&content(300_000))?;
        to.flush()?;
        thread::sleep(Duration::from_millis(1500));
        Ok(())
    })
}

#[test]
fn what_passes_is_survived() {
    let date = [("date", "Wed, 21 Oct 2026 07:28:00 GMT"), ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")];
    let everywhere: [(&str, Action); 9] = [
        ("closed", Action::write(|_| Ok(()))),
        ("a cut header", Action::write(|to| to.write_all(b"HTTP/1.1 20"))),
        ("408", Action::status(408, &[])),
        ("429, seconds", Action::status(429, &[("retry-after", "0")])),
        ("429, a date", Action::status(429, &date)),
        ("500", Action::status(500, &[])),
        ("502", Action::status(502, &[])),
        ("503", Action::status(503, &[])),
        ("504", Action::status(504, &[("retry-after", "0")])),
    ];
    let works: [(&str, &str, Work); 16] = [
        ("GET", "/blobs/", download),
        ("POST", "/blobs/uploads/", upload),
        ("PUT", "/blobs/uploads/", upload),
        ("POST", "/blobs/uploads/", upload_in_pieces),
        ("PATCH", "/blobs/uploads/0", upload_in_pieces),
        ("PATCH", "/blobs/uploads/1", upload_in_pieces),
        ("GET", "/blobs/uploads/", upload_in_pieces),
        ("PUT", "/blobs/uploads/", upload_in_pieces),
        ("POST", "/blobs/uploads/", upload_repeatable),
        ("PUT", "/blobs/uploads/", upload_repeatable),
        ("PUT", "/blobs/uploads/", upload_large_repeatable),
        ("GET", "/manifests/", fetch_manifest),
        ("PUT", "/manifests/", put_manifest),
        ("GET", "/tags/list", list_tags),
        ("GET", "/token", authenticate),
        ("GET", "/v2/", fetch_manifest),
    ];
    let mut rows: Vec<(&str, &str, &str, Action, Work)> = Vec::new();
    for (method, part, work) in works {
        rows.extend(everywhere.iter().map(|(name, action)| (*name, method, part, action.clone(), work)));
    }
    for length in [0, 1, 300_000, 999_999] {
        rows.push(("a cut body", "GET", "/blobs/", Action::CutAfter(length), download));
    }
    for (part, work) in [("/manifests/", fetch_manifest as Work), ("/tags/list", list_tags), ("/token", authenticate)] {
        rows.push(("a cut body", "GET", part, Action::CutAfter(10), work));
    }
    for length in [0, 1, 300_000] {
        rows.push(("a cut request", "PUT", "/blobs/uploads/", Action::CutRequestAfter(length), upload));
        rows.push(("a cut request", "PUT", "/blobs/uploads/", Action::CutRequestAfter(length), upload_repeatable));
        let large = Action::CutRequestAfter(length * 40);
        rows.push(("a cut request", "PUT", "/blobs/uploads/", large, upload_large_repeatable));
        rows.push(("a cut request", "PUT", "/manifests/", Action::CutRequestAfter(length.min(10)), put_manifest));
        rows.push(("a cut request", "PATCH", "/blobs/uploads/", Action::CutRequestAfter(length), upload_in_pieces));
    }
    for (name, method, part, action, work) in rows {
        let registry = Registry::start();
        // A request for the state of an upload follows only a failure.
        if (method, part) == ("GET", "/blobs/uploads/") {
            registry.inject(Fault::once("PATCH", "/blobs/uploads/", Action::status(503, &[])));
        }
        registry.inject(Fault::once(method, part, action));
        assert_eq!(work(&client(), &registry), Ok(true), "{name}: {method} {part}");
        registry.state().faults.retain(|fault| fault.times > 0);
    }
}

#[test]
fn a_stall_is_survived() {
    let mut settings = impatient();
    settings.retries = super::settings().retries;
    let client = || RegistryClient::new(HttpClient::new(settings.clone()).unwrap(), Credentials::none());
    let works: [(&str, &str, Action, Work); 7] = [
        ("GET", "/blobs/", stall(), download),
        ("GET", "/blobs/", stall_in_body(), download),
        ("POST", "/blobs/uploads/", stall(), upload),
        ("PUT", "/blobs/uploads/", stall(), upload),
        ("PATCH", "/blobs/uploads/", stall(), upload_in_pieces),
        ("GET", "/manifests/", stall(), fetch_manifest),
        ("PUT", "/manifests/", stall(), put_manifest),
    ];
    for (method, part, action, work) in works {
        let registry = Registry::start();
        registry.inject(Fault::once(method, part, action));
        assert_eq!(work(&client(), &registry), Ok(true), "{method} {part}");
    }
}

#[test]
fn nothing_is_tried_for_ever() {
    let works: [(&str, &str, Work, usize); 7] = [
        ("GET", "/blobs/", download, 3),
        ("POST", "/blobs/uploads/", upload, 3),
        ("PUT", "/blobs/uploads/", upload, 3),
        ("PATCH", "/blobs/uploads/", upload_in_pieces, 3),
        ("PUT", "/blobs/uploads/", upload_in_pieces, 3),
        ("GET", "/manifests/", fetch_manifest, 3),
        ("PUT", "/manifests/", put_manifest, 3),
    ];
    for (method, part, work, count) in works {
        let registry = Registry::start();
        registry.inject(Fault::always(method, part, Action::status(503, &[])));
        let error = work(&client(), &registry).unwrap_err();
        assert!(error.contains("answered 503"), "{method} {part}: {error}");
        assert_eq!(registry.count(method, part), count, "{method} {part}");
    }
}

#[test]
fn a_registry_that_asks_for_a_long_wait_is_not_waited_for_and_says_so() {
    for (method, part, work) in [
        ("GET", "/blobs/", download as Work),
        ("PATCH", "/blobs/", upload_in_pieces),
        ("PUT", "/manifests/", put_manifest),
    ] {
        let registry = Registry::start();
        registry.inject(Fault::always(method, part, Action::status(429, &[("retry-after", "3600")])));
        let error = work(&client(), &registry).unwrap_err();
        assert!(error.contains("answered 429 (asking to wait 60 minutes)"), "{error}");
        assert_eq!(registry.count(method, part), 1);
    }
}

#[test]
fn what_does_not_pass_is_not_repeated() {
    for (method, part, work) in [
        ("GET", "/blobs/", download as Work),
        ("PUT", "/blobs/", upload),
        ("PATCH", "/blobs/", upload_in_pieces),
        ("GET", "/manifests/", fetch_manifest),
        ("PUT", "/manifests/", put_manifest),
    ] {
        let registry = Registry::start();
        registry.inject(Fault::always(method, part, Action::status(403, &[])));
        assert!(work(&client(), &registry).unwrap_err().contains("answered 403"));
        assert_eq!(registry.count(method, part), 1);
    }
}

#[test]
fn each_further_attempt_is_shown() {
    let told: Arc<Mutex<Vec<Retry>>> = Arc::default();
    let kept = told.clone();
    let on_retry = OnRetry::call(move |retry: &Retry| kept.lock().unwrap().push(retry.clone()));
    let settings = HttpSettings { on_retry, ..settings() };
    let client = RegistryClient::new(HttpClient::new(settings).unwrap(), Credentials::none());
    for (method, work, action, reason) in [
        ("GET", download as Work, Action::status(503, &[]), "answered 503"),
        ("GET", download, Action::CutAfter(10), "broke the connection"),
        ("PUT", upload, Action::status(429, &[("retry-after", "0")]), "answered 429"),
        ("PATCH", upload_in_pieces, Action::status(502, &[]), "answered 502"),
        ("PATCH", upload_in_pieces, Action::status(416, &[]), "answered 416"),
        ("PUT", put_manifest, Action::write(|_| Ok(())), "broke the connection"),
    ] {
        let registry = Registry::start();
        registry.inject(Fault { times: 2, ..Fault::always(method, "/", action) });
        assert_eq!(work(&client, &registry), Ok(true), "{reason}");
        let told: Vec<Retry> = told.lock().unwrap().drain(..).collect();
        let shown: Vec<_> = told.iter().map(|it| (it.reason.to_string(), it.attempt, it.attempts)).collect();
        assert_eq!(shown, [(reason.to_owned(), 2, 3), (reason.to_owned(), 3, 3)]);
        assert!(told.iter().all(|retry| retry.host == registry.domain() && retry.wait <= Duration::from_secs(2)));
    }
}

#[test]
fn an_upload_goes_on_where_it_was_cut() {
    let piece = 5 << 20;
    for cut in [1, 300_000, piece - 1, piece] {
        let registry = Registry::start();
        registry.inject(Fault::once("PATCH", "/blobs/", Action::CutRequestAfter(cut)));
        put(&client(), &registry, LARGE).unwrap();
        let state = registry.state();
        let ranges: Vec<_> = state.received.iter().filter_map(|request| request.header("content-range")).collect();
        // What arrived is not sent again, but for a single byte: registries cannot say that there is one.
        assert_eq!(ranges[0], format!("0-{}", piece - 1));
        match cut {
            1 => assert_eq!(ranges[1], format!("0-{}", piece / 2 - 1)),
            cut if cut == piece => assert_eq!(ranges[1], format!("{piece}-{}", 2 * piece - 1)),
            cut => assert_eq!(ranges[1], format!("{cut}-{}", piece - 1)),
        }
        assert_eq!(state.next_upload, if cut == 1 { 2 } else { 1 }, "one session is enough");
    }
}

#[test]
fn pieces_are_longer_until_one_fails() {
    let registry = Registry::start();
    let client = client();
    put(&client, &registry, 30 << 20).unwrap();
    let lengths = |registry: &Registry| -> Vec<u64> {
        let state = registry.state();
        let pieces = state.received.iter().filter(|request| request.method == "PATCH");
        pieces.map(|request| request.header("content-length").unwrap().parse::<u64>().unwrap() >> 20).collect()
    };
    assert_eq!(lengths(&registry), [5, 5, 10, 10]);
    let registry = Registry::start();
    registry.inject(Fault::once("PATCH", "/blobs/", Action::status(503, &[])));
    put(&client, &registry, 30 << 20).unwrap();
    assert_eq!(lengths(&registry), [5, 5, 5, 5, 5, 5, 5]);
}

#[test]
fn a_lost_answer_to_the_end_of_an_upload_is_no_loss() {
    let registry = Registry::start();
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(503, &[])));
    let bytes = content(LARGE);
    let descriptor = Descriptor::of("", &bytes);
    registry.add_blob("app", &bytes);
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(404, &[])));
    let sent = client().put_blob(&registry.repository("app"), &descriptor, &mut Checked::new(&bytes[..], &descriptor));
    sent.unwrap();
    assert_eq!(registry.count("HEAD", "/blobs/"), 1);
}

#[test]
fn an_upload_that_the_registry_forgot_is_sent_again_while_it_is_held_and_an_error_after_that() {
    let is_gone = |sent: Result<Descriptor, UploadError>| {
        matches!(sent, Err(UploadError::Registry(RegistryError::UploadGone { .. })))
    };
    let registry = Registry::start();
    registry.state().forgets_cut_uploads = true;
    registry.inject(Fault::once("PATCH", "/blobs/", Action::CutRequestAfter(300_000)));
    put(&client(), &registry, LARGE).unwrap();
    // With the second piece, with a failure before that is noticed, and at the end.
    for (limit, fault) in [(1, None), (1, Some(503)), (LARGE, None)] {
        let registry = Registry::start();
        registry.state().forgets_uploads_at = Some(limit);
        let failure = fault.map(|status| Fault::once("PATCH", "/", Action::status(status, &[])));
        registry.state().faults.extend(failure);
        assert!(is_gone(put(&client(), &registry, LARGE)), "{limit} {fault:?}");
        assert!(registry.state().blobs.is_empty());
    }
}

#[test]
fn a_registry_that_refuses_pieces_gets_one_stream() {
    for status in [400, 404, 405, 501] {
        let registry = Registry::start();
        registry.state().refuses_pieces = Some(status);
        let client = client();
        for _ in 0..2 {
            put(&client, &registry, LARGE).unwrap();
        }
        // A registry that says 400 or 404 may have lost only that session.
        let asked = if status < 405 { 2 } else { 1 };
        assert_eq!((registry.count("PATCH", "/"), registry.count("PUT", "/")), (asked, 2), "{status}");
    }
}

#[test]
fn a_piece_is_as_long_as_the_registry_asks_for_within_a_bound() {
    for (shortest, pieces) in [(1, 3), (7 << 20, 2), (1 << 40, 0)] {
        let registry = Registry::start();
        registry.state().shortest_piece = Some(shortest);
        put(&client(), &registry, LARGE).unwrap();
        assert_eq!(registry.count("PATCH", "/"), pieces, "{shortest}");
    }
}

#[test]
fn a_token_that_ends_during_an_upload_is_renewed() {
    for (method, length) in [("PATCH", LARGE), ("PUT", LARGE), ("PUT", 1_000_000)] {
        let registry = Registry::start();
        let realm = format!("http://{}/token", registry.domain());
        let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
        registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
        let ended = Action::status(401, &[("www-authenticate", &challenge)]);
        registry.inject(Fault::once(method, "/blobs/uploads/", ended));
        put(&client(), &registry, length).unwrap();
        assert_eq!(registry.count("GET", "/token"), 2, "{method}");
    }
}

#[test]
fn content_that_turns_out_wrong_never_arrives_whole_in_pieces_either() {
    for (refuses_pieces, length) in [(None, LARGE), (Some(405), LARGE), (None, 5 << 20)] {
        let registry = Registry::start();
        registry.state().refuses_pieces = refuses_pieces;
        let mut bytes = content(length);
        let descriptor = Descriptor::of("", &bytes);
        bytes[0] ^= 1;
        let mut checked = Checked::new(&bytes[..], &descriptor);
        let sent = client().put_blob(&registry.repository("app"), &descriptor, &mut checked);
        assert!(matches!(sent, Err(UploadError::Content(_))));
        assert_eq!(registry.count("PUT", "/"), 0, "it is never completed");
        let state = registry.state();
        assert!(state.blobs.is_empty());
        assert!(state.uploads.values().all(|(_, received)| received.len() < length));
    }
}

#[test]
fn threads_share_the_renewal_of_a_token() {
    let registry = Registry::start();
    let realm = format!("http://{}/token", registry.domain());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    let descriptor = registry.add_blob("app", b"blob");
    let (client, repository) = (client(), registry.repository("app"));
    client.has_blob(&registry.repository("other"), &descriptor).unwrap();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert!(client.has_blob(&repository, &descriptor).unwrap()));
        }
    });
    let asked = |scope: &str| {
        let state = registry.state();
        let tokens = state.received.iter().filter(|request| request.path == "/token");
        tokens.filter(|request| request.parameters("scope") == [scope]).count()
    };
    assert_eq!(asked("repository:app:pull"), 1);
}

#[test]
fn what_is_not_there_leaves_the_connection_usable() {
    let registry = Registry::start();
    let descriptor = registry.add_blob("app", b"blob");
    let client = client();
    let resolve = || client.resolve(&format!("{}/app:none", registry.domain()).parse().unwrap());
    for _ in 0..5 {
        assert!(matches!(resolve(), Err(RegistryError::ManifestNotFound { .. })));
        client.has_blob(&registry.repository("app"), &descriptor).unwrap();
    }
    // One that begins a handshake, and one for everything else.
    assert_eq!(registry.state().connections, 2);
}

#[test]
fn what_can_be_read_again_goes_in_one_stream_until_a_stream_fails() {
    let registry = Registry::start();
    let client = client();
    let requests = |method| registry.count(method, "/blobs/uploads/");
    assert!(put_repeatable(&client, &registry, LARGE).unwrap());
    assert_eq!((requests("PUT"), requests("PATCH")), (1, 0));
    registry.inject(Fault::once("PUT", "/blobs/uploads/", Action::CutRequestAfter(8 << 20)));
    assert!(put_repeatable(&client, &registry, LARGE + 1).unwrap());
    assert!(requests("PATCH") > 1, "after a stream was cut, pieces can go on where they were cut");
    // What is always cut is given up.
    registry.inject(Fault::always("PATCH", "/blobs/uploads/", Action::CutRequestAfter(0)));
    registry.inject(Fault::always("PUT", "/blobs/uploads/", Action::CutRequestAfter(0)));
    assert!(put_repeatable(&client, &registry, LARGE + 2).is_err());
    assert!(requests("POST") < 20);
}

#[test]
fn a_proxy_that_limits_requests_gets_shorter_ones() {
    let registry = Registry::start();
    let client = client();
    registry.inject(Fault::once("PUT", "/blobs/uploads/", Action::status(413, &[])));
    let too_long = Fault { times: 3, ..Fault::always("PATCH", "/blobs/uploads/", Action::status(413, &[])) };
    registry.inject(too_long);
    assert!(put_repeatable(&client, &registry, LARGE).unwrap());
    assert!(registry.count("PATCH", "/blobs/uploads/") > 3);
    registry.inject(Fault::always("PATCH", "/blobs/uploads/", Action::status(413, &[])));
    assert!(put_repeatable(&client, &registry, LARGE + 1).is_err(), "there is a shortest piece");
    // And so does one that says nothing, and takes nothing.
    let registry = Registry::start();
    registry.inject(Fault { times: 2, ..Fault::always("PATCH", "/blobs/uploads/", Action::CutRequestAfter(0)) });
    put(&self::client(), &registry, LARGE).unwrap();
    let state = registry.state();
    let ranges: Vec<_> = state.received.iter().filter_map(|request| request.header("content-range")).collect();
    assert_eq!(ranges[..3], ["0-5242879", "0-2621439", "0-1310719"]);
}

#[test]
fn a_blob_that_another_client_is_just_storing_is_waited_for() {
    let body = br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
    let unknown = || Action::Answer(Answer::new(400, &[], body.to_vec()));
    for (times, is_stored) in [(2, true), (3, false)] {
        let registry = Registry::start();
        registry.inject(Fault { times, ..Fault::always("PUT", "/manifests/", unknown()) });
        assert_eq!(put_manifest(&client(), &registry).is_ok(), is_stored, "{times}");
    }
}

#[test]
fn a_token_that_ends_while_a_stream_is_sent_is_renewed() {
    let registry = Registry::start();
    let realm = format!("http://{}/token", registry.domain());
    registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    registry.inject(Fault::once("PUT", "/blobs/uploads/", Action::status(401, &[])));
    assert!(put_repeatable(&client(), &registry, LARGE).unwrap());
}

/// Content that does not come for a while, after so many bytes.
struct Pausing<'c> {
    content: &'c [u8],
    passed: usize,
    pauses_at: usize,
}

impl Read for Pausing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = if self.passed < self.pauses_at { self.pauses_at - self.passed } else { usize::MAX };
        if self.passed == self.pauses_at {
            thread::sleep(Duration::from_secs(2));
        }
        let read = (&mut self.content).take(most as u64).read(buffer)?;
        self.passed += read;
        Ok(read)
    }
}

fn put_pausing(registry: &Registry, length: usize, pauses_at: usize) -> Result<(), UploadError> {
    let client = RegistryClient::new(HttpClient::new(impatient()).unwrap(), Credentials::none());
    let content = content(length);
    let descriptor = Descriptor::of("application/octet-stream", &content);
    let pausing = Pausing { content: &content, passed: 0, pauses_at };
    client.put_blob(&registry.repository("app"), &descriptor, &mut Checked::new(pausing, &descriptor))
}

#[test]
fn a_registry_is_not_kept_waiting_for_content_that_pauses() {
    // Whole, and in pieces: the registry would have to be patient for longer than this side itself is.
    for (length, pauses_at) in [(300_000, 100_000), (7 << 20, 1 << 20), (7 << 20, 11 << 19)] {
        let registry = Registry::start();
        put_pausing(&registry, length, pauses_at).unwrap();
        assert_eq!(registry.state().blobs.len(), 1);
    }
}

#[test]
fn a_pause_of_the_content_is_not_blamed_on_the_registry() {
    let registry = Registry::start();
    registry.state().refuses_pieces = Some(405);
    let length = 7 << 20;
    // Whoever is between the two gives up meanwhile.
    registry.inject(Fault::once("PUT", "/blobs/uploads/", Action::CutRequestAfter(6 << 20)));
    let refused = put_pausing(&registry, length, 11 << 19).unwrap_err();
    let UploadError::Registry(error @ RegistryError::Paused { seconds: 2, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(sealift_core::registry::own_remedy(&error), Some(Remedy::SendSteadily));
}
