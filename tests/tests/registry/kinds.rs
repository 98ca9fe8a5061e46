//! Registries as they are: each row is something that some registry does otherwise than the specification says, and what comes of
//! it. A new kind of registry is a new row.

use std::sync::{Arc, Mutex};

use sealift_archive_format::Digest;
use sealift_core::authorization::Credentials;
use sealift_core::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes, Reference};
use sealift_core::registry::{
    OnRemark, RegistriesConf, RegistryClient, RegistryError, RegistryMirrors, RegistrySettings, RegistrySink,
    RegistrySource, own_remedy,
};
use sealift_core::transfer::{Checked, Offer, Sink as _, SinkError, Source as _};
use sealift_tests::registry::{Action, Answer, Authentication, Fault, Registry};
use serde_json::{Value, json};

use super::http_client;

/// A kind of registry.
struct Row {
    name: String,
    /// What makes it one.
    is: Box<dyn Fn(&Registry)>,
    /// What is asked of it, and what comes of it, in words.
    asked: fn(&Registry, &RegistryClient) -> Result<String, RegistryError>,
    comes: &'static str,
    /// The beginning of what is remarked, after the registry's name.
    remarked: Option<&'static str>,
}

fn row(
    name: &str,
    is: impl Fn(&Registry) + 'static,
    asked: fn(&Registry, &RegistryClient) -> Result<String, RegistryError>,
    comes: &'static str,
) -> Row {
    Row { name: name.to_owned(), is: Box::new(is), asked, comes, remarked: None }
}

impl Row {
    fn remarking(self, remarked: &'static str) -> Self {
        Self { remarked: Some(remarked), ..self }
    }
}

fn always(method: &'static str, part_of_path: &'static str, action: Action) -> impl Fn(&Registry) {
    move |registry| registry.inject(Fault::always(method, part_of_path, action.clone()))
}

fn page(status: u16, media_type: &str, body: &str) -> Action {
    Action::Answer(Answer::new(status, &[("content-type", media_type)], body.as_bytes().to_vec()))
}

/// An image without layers, and a signature of it.
fn image() -> ManifestBytes {
    manifest(
        &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": Descriptor::of("a/b", b"{}"), "layers": []}),
    )
}

fn signature() -> ManifestBytes {
    let subject = image().descriptor().clone();
    let config = Descriptor::of("a/signature", b"{}");
    let signature =
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [], "subject": subject});
    manifest(&signature)
}

fn manifest(document: &Value) -> ManifestBytes {
    let bytes = document.to_string().into_bytes();
    let digest = Digest::sha256(&bytes);
    ManifestBytes::describe(bytes, OCI_MANIFEST, digest).unwrap()
}

/// The registry has the image, its signature, and a list of these under the tag.
fn with_a_list(registry: &Registry) {
    with_the_image(registry);
    registry.add_manifest("app", "s", OCI_MANIFEST, signature().bytes());
    let listed = [Descriptor::of(OCI_MANIFEST, signature().bytes())];
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).to_string();
    registry.add_manifest("app", &list_tag(), OCI_INDEX, index.as_bytes());
}

fn with_the_image(registry: &Registry) {
    registry.add_manifest("app", "1", OCI_MANIFEST, image().bytes());
}

fn list_tag() -> String {
    format!("sha256-{}", image().descriptor().digest.hex())
}

fn referrers(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    let found = client.referrers(&registry.repository("app"), &image().descriptor().digest, None)?;
    Ok(format!("{} found", found.len()))
}

/// An index that lists the image.
fn index() -> Vec<u8> {
    let listed = [image().descriptor().clone()];
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).to_string().into_bytes()
}

fn referrers_of_the_index(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    let found = client.referrers(&registry.repository("app"), &Digest::sha256(&index()), None)?;
    Ok(format!("{} found", found.len()))
}

/// Stores the signature twice, and says where it is listed.
fn sign(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    for _ in 0..2 {
        client.put_manifest(&registry.repository("app"), None, &signature())?;
    }
    let asked = registry.count("GET", "/referrers/");
    let state = registry.state();
    let listed = state.manifests.contains_key(&("app".to_owned(), list_tag()));
    Ok(format!("{} under the tag, asked {asked} times", if listed { "listed" } else { "not listed" }))
}

fn rows_of_referrers() -> Vec<Row> {
    let found = "1 found";
    let mut rows = vec![
        row("no interface, as specified", with_a_list, referrers, found),
        row(
            "GitLab: the tag is the digest",
            |registry| {
                with_the_image(registry);
                registry.state().takes_tags_for_digests = true;
            },
            referrers,
            "0 found",
        ),
        row(
            "GitLab: the tag is the digest, and what an index lists does not refer to it",
            |registry| {
                registry.add_manifest("app", "1", OCI_INDEX, &index());
                registry.state().takes_tags_for_digests = true;
            },
            referrers_of_the_index,
            "0 found",
        ),
        row(
            "GitLab: the tag is the digest, and a referrer comes",
            |registry| {
                with_the_image(registry);
                registry.state().takes_tags_for_digests = true;
            },
            sign,
            "not listed under the tag, asked 0 times",
        )
        .remarking("cannot list referrers"),
        row(
            "ECR: the subject is confirmed, and there is no interface",
            |registry| {
                with_the_image(registry);
                registry.state().confirms_subjects = true;
            },
            sign,
            "listed under the tag, asked 1 times",
        ),
        row(
            "zot: the subject is confirmed, and there is an interface",
            |registry| {
                with_the_image(registry);
                registry.state().referrers = Some(std::collections::BTreeMap::new());
            },
            sign,
            "not listed under the tag, asked 1 times",
        ),
        row(
            "an entry that says more than it should",
            always("GET", "/referrers/", {
                let entry = json!({"mediaType": OCI_MANIFEST, "digest": image().descriptor().digest, "size": 5,
                    "artifactType": null, "annotations": null, "platform": {"os": "linux"}});
                page(200, OCI_INDEX, &json!({"schemaVersion": 2, "manifests": [entry]}).to_string())
            }),
            referrers,
            found,
        ),
        row(
            "an entry that nobody can read, beside another",
            always("GET", "/referrers/", {
                let entry = json!({"mediaType": OCI_MANIFEST, "digest": image().descriptor().digest, "size": 5});
                let sha1 = json!({"mediaType": OCI_MANIFEST, "digest": "sha1:00", "size": 5});
                page(200, OCI_INDEX, &json!({"schemaVersion": 2, "manifests": [sha1, entry]}).to_string())
            }),
            referrers,
            found,
        )
        .remarking("lists \"sha1:00\" as a referrer of sha256:"),
    ];
    for (action, remarked) in [
        (page(400, "application/json", "{}"), "does not list referrers (it answered 400)"),
        (Action::status(401, &[]), "does not list referrers (it answered 401)"),
        (Action::status(403, &[]), "does not list referrers (it answered 403)"),
        (Action::status(405, &[]), "does not list referrers (it answered 405)"),
        (Action::status(406, &[]), "does not list referrers (it answered 406)"),
        (Action::status(410, &[]), "does not list referrers (it answered 410)"),
        (Action::status(415, &[]), "does not list referrers (it answered 415)"),
        (Action::status(422, &[]), "does not list referrers (it answered 422)"),
        (Action::status(501, &[]), "does not list referrers (it answered 501)"),
        (page(200, "text/html; charset=utf-8", "<html>"), "does not list referrers (it answered text/html)"),
        (page(200, "application/json", "{}"), "does not list referrers (it answered application/json)"),
        (page(200, OCI_INDEX, ""), "does not list referrers (it answered an empty page)"),
        (Action::status(200, &[]), "does not list referrers (it answered an empty page)"),
    ] {
        let answers = always("GET", "/referrers/", action);
        let is = move |registry: &Registry| {
            with_a_list(registry);
            answers(registry);
        };
        rows.push(row(remarked, is, referrers, found).remarking(remarked));
    }
    for (status, comes) in [(404, found), (429, "answered 429"), (500, "answered 500"), (409, "answered 409")] {
        let answers = always("GET", "/referrers/", Action::status(status, &[]));
        let is = move |registry: &Registry| {
            with_a_list(registry);
            answers(registry);
        };
        rows.push(row(&format!("{status} for referrers"), is, referrers, comes));
    }
    rows
}

/// Reads the image by its tag.
fn read(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    client.resolve(&Reference::new(registry.repository("app"), "1".parse().ok(), None)).map(|_| "read".to_owned())
}

const ENCODED: &str = r#"answered with content in the encoding "gzip", which was not asked for, instead of"#;
const PAGE: &str = "answered with an HTML page (perhaps a login page), instead of what was requested";

/// Reads a blob.
fn read_blob(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    client.blob(&registry.repository("app"), &Descriptor::of("", b"another blob")).map(|_| "read".to_owned())
}

/// Reads twice.
fn read_twice(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    read(registry, client)?;
    read(registry, client)?;
    Ok(format!("read with {} tokens", registry.count("GET", "/token")))
}

/// Sends a blob, and gives the image a tag.
fn deliver(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    let sink = RegistrySink::new(client.clone());
    let (blob, repository) = (Descriptor::of("", b"blob"), registry.repository("app"));
    let failed = |error: SinkError| match error {
        SinkError::Target(reason) | SinkError::Invalid(reason) => *reason.downcast::<RegistryError>().unwrap(),
        other => panic!("{other}"),
    };
    let there = match sink.offer(&repository, &blob).map_err(failed)? {
        Offer::Wanted(upload) => {
            upload.store(&mut Checked::new(&b"blob"[..], &blob)).map_err(failed)?;
            "sent"
        }
        Offer::There => "there",
    };
    let reference = Reference::new(repository, "1".parse().ok(), None);
    let held = sink.held(&reference).map_err(failed)?;
    sink.tag(&reference, &image()).map_err(failed)?;
    let tags = registry.count("PUT", "/manifests/1");
    Ok(format!("{there}, held {}, tagged {tags} times", held.is_some()))
}

/// Tokens for everybody, from this place.
fn with_tokens(realm: impl Fn(&Registry) -> String) -> impl Fn(&Registry) {
    move |registry| {
        with_the_image(registry);
        let realm = realm(registry);
        registry.state().authentication = Some(Authentication::Bearer { realm, pair: None, identity_token: None });
    }
}

/// A token service whose first tokens end after so many seconds, or when something says so.
fn with_ends(expires_in: &'static str) -> impl Fn(&Registry) {
    move |registry| {
        with_tokens(|registry| format!("http://{}/token", registry.domain()))(registry);
        let token = format!(r#"{{"token":"token-for-repository:app:pull","expires_in":{expires_in}}}"#);
        registry.inject(Fault::always("GET", "/token", page(200, "application/json", &token)));
    }
}

fn rows_of_authorisation() -> Vec<Row> {
    let mut rows = vec![
        row("the realm is a path", with_tokens(|_| "/token".to_owned()), read, "read"),
        row(
            "an anonymous token ends, and a password is asked for",
            |registry| {
                with_tokens(|registry| format!("http://{}/token", registry.domain()))(registry);
                // The first two requests got the token, and what they asked for.
                let basic = [("www-authenticate", "Basic realm=\"x\"")];
                let refusal = Action::status(401, &basic);
                registry.inject(Fault { after: 2, ..Fault::once("GET", "/manifests/", refusal) });
            },
            read_twice,
            "read with 2 tokens",
        ),
        row(
            "the realm is empty",
            with_tokens(|_| String::new()),
            read,
            r#"names the token service "", which is not a URL"#,
        ),
        row(
            "the realm is no URL",
            with_tokens(|_| "x y".to_owned()),
            read,
            r#"names the token service "x y", which is"#,
        ),
        row(
            "a token is not ASCII",
            |registry| {
                with_tokens(|registry| format!("http://{}/token", registry.domain()))(registry);
                registry.inject(Fault::always(
                    "GET",
                    "/token",
                    page(200, "application/json", "{\"token\":\"g\u{f6}\"}"),
                ));
            },
            read,
            "returned a token with characters that no request can carry",
        ),
        row(
            "401 without a challenge",
            always("GET", "/manifests/", Action::status(401, &[])),
            read,
            "answered 401, and does not say how to log in {\"kind\":\"log-in\"",
        ),
        row(
            "credentials are needed",
            |registry| {
                with_the_image(registry);
                registry.state().authentication = Some(Authentication::Basic { pair: "u:p".to_owned() });
            },
            read,
            "requires credentials, but there are none for it (looked in: no file)",
        ),
    ];
    for (expires_in, comes) in [
        ("300", "read with 1 tokens"),
        ("0", "read with 2 tokens"),
        ("\"300\"", "read with 1 tokens"),
        ("null", "read with 1 tokens"),
        ("[]", "read with 1 tokens"),
    ] {
        rows.push(row(&format!("tokens end after {expires_in}"), with_ends(expires_in), read_twice, comes));
    }
    rows
}

fn rows_of_questions() -> Vec<Row> {
    let mut rows = vec![
        row("as specified", with_the_image, deliver, "sent, held true, tagged 0 times"),
        row("nothing there", |_| (), deliver, "sent, held false, tagged 1 times"),
        row(
            "HEAD says yes to everything",
            |registry| {
                with_the_image(registry);
                registry.inject(Fault::always("HEAD", "/blobs/", Action::status(200, &[("content-length", "0")])));
            },
            deliver,
            "sent, held true, tagged 0 times",
        ),
        row(
            "HEAD is answered 401, with a challenge that nobody can meet",
            always("HEAD", "/blobs/", Action::status(401, &[("www-authenticate", "Basic")])),
            deliver,
            "requires credentials",
        ),
        row(
            "too many requests",
            always("GET", "/manifests/", Action::status(429, &[("retry-after", "3600")])),
            read,
            "answered 429 (asking to wait 60 minutes) {\"kind\":\"wait\",\"seconds\":3600}",
        ),
    ];
    for (name, part_of_path, action) in [
        ("a manifest is answered 202, and not stored", "/manifests/", Action::status(202, &[])),
        ("a manifest is answered with a page to log in", "/manifests/", page(200, "text/html", "<html>")),
        ("a tag is answered 204, and not set", "/manifests/1", Action::status(204, &[])),
        ("a blob is answered 202, and not stored", "/uploads/", Action::status(202, &[])),
        ("a blob is answered with a page to log in", "/uploads/", page(200, "text/html", "<html>")),
    ] {
        rows.push(row(
            name,
            always("PUT", part_of_path, action),
            deliver,
            "which confirms nothing, and does not have what was sent",
        ));
    }
    rows.push(row(
        "HEAD is answered with a page to log in, and so is what is sent",
        |registry| {
            registry.inject(Fault::always("HEAD", "/blobs/", page(200, "text/html", "<html>")));
            registry.inject(Fault::always("PUT", "/uploads/", page(200, "text/html", "<html>")));
        },
        deliver,
        "which confirms nothing, and does not have what was sent",
    ));
    for (asked, comes) in [
        ("259200", "answered 429 (asking to wait 3 days) {\"kind\":\"wait\",\"seconds\":259200}"),
        ("18446744073709551615", "answered 429 (asking to wait more than 30 days) {\"kind\":\"await-server\"}"),
        ("0", "answered 429 {\"kind\":\"await-server\"}"),
    ] {
        let answers = always("GET", "/manifests/", Action::status(429, &[("retry-after", asked)]));
        rows.push(row(&format!("too many requests, and a wait of {asked}"), answers, read, comes));
    }
    let packed = [("content-encoding", "gzip"), ("content-type", OCI_MANIFEST)];
    let packed = Action::Answer(Answer::new(200, &packed, b"\x1f\x8b\x08".to_vec()));
    let page_to_log_in = page(200, "text/html; charset=utf-8", "<html>");
    for (name, path, action, asked, comes) in [
        ("a manifest is packed", "/manifests/", packed.clone(), read as fn(&_, &_) -> _, ENCODED),
        ("a blob is packed", "/blobs/", packed, read_blob, ENCODED),
        ("a manifest is a page to log in", "/manifests/", page_to_log_in.clone(), read, PAGE),
        ("a blob is a page to log in", "/blobs/", page_to_log_in, read_blob, PAGE),
    ] {
        rows.push(row(name, always("GET", path, action), asked, comes));
    }
    rows.extend(rows_of_products());
    let elsewhere = [("location", "http://storage.example:9000/app")];
    rows.push(row(
        "what is asked for is elsewhere, over plain http",
        always("GET", "/manifests/", Action::status(307, &elsewhere)),
        read,
        r#"{"host":"storage.example:9000","kind":"use-https"}"#,
    ));
    rows.push(row(
        "uploads go elsewhere, over plain http",
        always("POST", "/uploads/", Action::status(202, &elsewhere)),
        deliver,
        r#"{"host":"storage.example:9000","kind":"use-https"}"#,
    ));
    for status in [200, 202, 204] {
        rows.push(row(
            &format!("what is stored is answered {status}, without a digest"),
            move |registry| registry.state().confirms_with = Some(status),
            deliver,
            "sent, held false, tagged 1 times",
        ));
    }
    for status in [400, 401, 403, 405, 501] {
        let answers = always("HEAD", "", Action::status(status, &[]));
        let is = move |registry: &Registry| {
            with_the_image(registry);
            answers(registry);
        };
        rows.push(row(&format!("HEAD is answered {status}"), is, deliver, "sent, held true, tagged 1 times"));
    }
    rows
}

/// Answers of products, as their users see them.
fn rows_of_products() -> Vec<Row> {
    let json = |status, body: Value| page(status, "application/json", &body.to_string());
    let immutable = "Failed to process request due to '1' configured as immutable.";
    let immutable = json!({"errors": [{"code": "PRECONDITION", "message": immutable}]});
    let unscanned = "current image with 3 vulnerabilities cannot be pulled due to configured policy";
    let unscanned = json!({"errors": [{"code": "PROJECTPOLICYVIOLATION", "message": unscanned}]});
    let unknown = json!({"errors": [{"code": "NOT_FOUND", "message": "artifact app:1 not found"}]});
    let forbidden = json!({"errors": [{"status": 403, "message": "The client does not have permission for manifest"}]});
    let mut rows = Vec::new();
    for (name, method, action, asked, comes) in [
        (
            "Harbor: the tag is immutable",
            "PUT",
            json(412, immutable),
            deliver as fn(&_, &_) -> _,
            "answered 412: PRECONDITION Failed to process request due to '1' configured as immutable.",
        ),
        (
            "Harbor: its policy keeps the image back",
            "GET",
            json(412, unscanned),
            read,
            "answered 412: PROJECTPOLICYVIOLATION current image with 3 vulnerabilities cannot be pulled",
        ),
        ("Harbor: there is no such artifact", "GET", json(404, unknown), read, "/app has no manifest 1"),
        (
            "Artifactory: an error has a status, and no code",
            "GET",
            json(403, forbidden),
            read,
            "answered 403: The client does not have permission for manifest",
        ),
    ] {
        rows.push(row(name, always(method, "/manifests/1", action), asked, comes));
    }
    rows.push(row(
        "Quay: a repository that is not there is answered 401, with a token too",
        |registry| {
            with_tokens(|registry| format!("http://{}/token", registry.domain()))(registry);
            let challenge = format!("Bearer realm=\"http://{}/token\",service=\"quay\"", registry.domain());
            let refusal = Action::status(401, &[("www-authenticate", &challenge)]);
            registry.inject(Fault::always("GET", "/manifests/", refusal));
        },
        read,
        "\"kind\":\"log-in\"",
    ));
    rows.push(row(
        "ACR: blobs are in a storage of another host",
        |registry| {
            with_tokens(|registry| format!("http://{}/token", registry.domain()))(registry);
            let storage: &Registry = Box::leak(Box::new(Registry::start()));
            storage.add_blob("app", b"another blob");
            let there = format!("http://{}/v2/app/blobs/{}", storage.domain(), Digest::sha256(b"another blob"));
            registry.inject(Fault::always("GET", "/blobs/", Action::status(307, &[("location", &there)])));
        },
        read_blob,
        "read",
    ));
    rows
}

fn tags(registry: &Registry, client: &RegistryClient) -> Result<String, RegistryError> {
    let tags = client.tags(&registry.repository("app"))?;
    let asked = registry.count("GET", "/tags/list");
    Ok(format!("{} tags, asked {asked} times", tags.len()))
}

fn rows_of_tags() -> Vec<Row> {
    let list = |link: &'static str, count: usize| {
        let tags: Vec<String> = (0..count).map(|number| format!("1.0.{number}")).collect();
        let body = json!({ "name": "app", "tags": tags }).to_string().into_bytes();
        let headers: &[(&str, &str)] = if link.is_empty() { &[] } else { &[("link", link)] };
        always("GET", "/tags/list", Action::Answer(Answer::new(200, headers, body)))
    };
    let refused = "\"kind\":\"log-in\"";
    let beyond = "continues its list beyond the limit, or on another host";
    vec![
        row("tags: as specified", list("", 3), tags, "3 tags, asked 1 times"),
        row("tags: there is no such repository", always("GET", "/tags/list", Action::status(404, &[])), tags, "0 tags"),
        row(
            "tags: not without logging in",
            always("GET", "/tags/list", Action::status(401, &[("www-authenticate", "Basic realm=\"x\"")])),
            tags,
            refused,
        ),
        row(
            "tags: a page for people",
            always("GET", "/tags/list", page(200, "text/html", "<html></html>")),
            tags,
            "answered with a list that cannot be read",
        ),
        row("tags: a list without end", list("</v2/app/tags/list?last=1.0.2&n=3>; rel=\"next\"", 3), tags, beyond),
        row(
            "tags: a list that goes on at another host",
            list("<http://127.0.0.1:9/v2/app/tags/list>; rel=\"next\"", 3),
            tags,
            beyond,
        ),
        row("tags: 1,000,000 in pages", list("</v2/app/tags/list?last=x>; rel=\"next\"", 50_000), tags, beyond),
        row("tags: 1,000,000 in one answer", list("", 1_000_000), tags, "limit of 4194304"),
    ]
}

#[test]
fn registries_as_they_are() {
    let rows = rows_of_referrers().into_iter().chain(rows_of_authorisation()).chain(rows_of_questions());
    let rows = rows.chain(rows_of_tags());
    let wrong: Vec<String> = rows.filter_map(|row| wrong(&row)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_in_another_form_is_an_error_of_its_own() {
    let registry = Registry::start();
    registry.inject(Fault::always("GET", "/manifests/", page(200, "text/html", "<html>")));
    let client = RegistryClient::new(http_client(), Credentials::none());
    assert!(matches!(read(&registry, &client), Err(RegistryError::OtherForm { .. })));
}

/// What comes of a row, if it is not what should.
fn wrong(row: &Row) -> Option<String> {
    let registry = Registry::start();
    (row.is)(&registry);
    let (client, remarks) = remarking();
    let came = (row.asked)(&registry, &client).unwrap_or_else(|error| {
        let help = own_remedy(&error).map(|remedy| json!(remedy).to_string()).unwrap_or_default();
        format!("{} {help}", super::explain(&error))
    });
    let remarks = remarks.lock().unwrap();
    let is_remarked = match (row.remarked, remarks.as_slice()) {
        (None, remarks) => remarks.is_empty(),
        (Some(expected), [remark]) => remark.starts_with(&format!("{} {expected}", registry.domain())),
        (Some(_), _) => false,
    };
    (!came.contains(row.comes) || !is_remarked).then(|| format!("{}: {came}; remarks: {remarks:?}", row.name))
}

#[test]
fn names_are_fetched_from_their_mirrors_and_stay_as_they_are() {
    let registry = Registry::start();
    registry.add_manifest("hub/library/app", "1", OCI_MANIFEST, image().bytes());
    let mirror = format!("docker.io={}/hub", registry.domain()).parse().unwrap();
    let mirrors = RegistryMirrors::new(vec![mirror], RegistriesConf::default());
    let source = RegistrySource::with_mirrors(RegistryClient::new(http_client(), Credentials::none()), mirrors);
    let reference: Reference = "app:1".parse().unwrap();
    let repository = reference.repository();
    assert_eq!(source.resolve(&reference).unwrap().descriptor(), image().descriptor());
    assert_eq!(source.manifest(repository, image().descriptor()).unwrap().bytes(), image().bytes());
    assert!(source.find(repository, &"1".parse().unwrap()).unwrap().is_some());
    assert!(source.referrers(repository, &image().descriptor().digest).unwrap().is_empty());
    assert_eq!(source.tags(repository).unwrap(), ["1".parse().unwrap()]);
    let config = registry.add_blob("hub/library/app", b"{}");
    assert!(source.blob(repository, &config).is_ok());
}

/// A tag that says what hangs off an image is looked for where the image was found, and nowhere else: the origin may be out of
/// reach, and what it has would belong to another copy.
#[test]
fn what_a_mirror_lacks_beside_an_image_is_not_asked_of_the_origin() {
    for only in ["", "mirror-by-digest-only = true\n"] {
        let [origin, mirror] = [Registry::start(), Registry::start()];
        origin.inject(Fault::always("", "", Action::status(500, &[])));
        mirror.add_manifest("near/org/app", "1", OCI_MANIFEST, image().bytes());
        let config = mirror.add_blob("near/org/app", b"{}");
        let conf = format!(
            "[[registry]]\nprefix = \"e.example\"\nlocation = \"{}\"\n{only}[[registry.mirror]]\nlocation = \"{}/near\"\n",
            origin.domain(),
            mirror.domain()
        );
        let (client, remarks) = remarking();
        let mirrors = RegistryMirrors::new(Vec::new(), RegistriesConf::parse(&conf).unwrap());
        let source = RegistrySource::with_mirrors(client, mirrors);
        let reference = Reference::new(
            "e.example/org/app:1".parse::<Reference>().unwrap().repository().clone(),
            None,
            Some(image().descriptor().digest.clone()),
        );
        let repository = reference.repository();
        source.resolve(&reference).unwrap();
        for kind in ["sig", "att", "sbom"] {
            let tag = format!("{}.{kind}", list_tag()).parse().unwrap();
            assert!(source.find(repository, &tag).unwrap().is_none());
        }
        assert!(source.referrers(repository, &image().descriptor().digest).unwrap().is_empty());
        assert!(source.blob(repository, &config).is_ok());
        assert_eq!(origin.state().received.len(), 0);
        assert_eq!(remarks.lock().unwrap().len(), 0);
    }
}

/// A client, and what it remarks.
fn remarking() -> (RegistryClient, Arc<Mutex<Vec<String>>>) {
    let remarks = Arc::new(Mutex::new(Vec::new()));
    let told = remarks.clone();
    let on_remark = OnRemark::call(move |remark| told.lock().unwrap().push(remark.to_string()));
    let settings = RegistrySettings { on_remark, ..RegistrySettings::default() };
    (RegistryClient::with_settings(http_client(), settings), remarks)
}

#[test]
fn the_places_of_a_registries_conf_are_asked_in_turn_and_what_it_blocks_is_asked_of_nobody() {
    let [broken, without, with] = [Registry::start(), Registry::start(), Registry::start()];
    broken.inject(Fault::always("GET", "/manifests/", Action::status(403, &[])));
    with.add_manifest("hub/org/app", "1", OCI_MANIFEST, image().bytes());
    let config = with.add_blob("hub/org/app", b"{}");
    let conf = format!(
        "[[registry]]\nprefix = \"e.example\"\nlocation = \"{}/hub\"\n\
         [[registry.mirror]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}/near\"\n\
         [[registry]]\nprefix = \"e.example/org/secret\"\nblocked = true\n",
        with.domain(),
        broken.domain(),
        without.domain()
    );
    let (client, remarks) = remarking();
    let mirrors = RegistryMirrors::new(Vec::new(), RegistriesConf::parse(&conf).unwrap());
    let source = RegistrySource::with_mirrors(client, mirrors);
    let reference: Reference = "e.example/org/app:1".parse().unwrap();
    let repository = reference.repository();
    assert_eq!(source.resolve(&reference).unwrap().descriptor(), image().descriptor());
    let said = remarks.lock().unwrap().clone();
    assert_eq!(said.len(), 2, "{said:?}");
    for (remark, not_used, next) in [(&said[0], &broken, without.domain()), (&said[1], &without, with.domain())] {
        assert!(remark.starts_with(&not_used.domain()) && remark.contains(" is not used ("), "{remark}");
        assert!(remark.contains(&format!("); {next}/")) && remark.ends_with(" is asked instead"), "{remark}");
    }
    // What was found once is not looked for elsewhere again.
    let asked = broken.state().received.len() + without.state().received.len();
    assert_eq!(source.manifest(repository, image().descriptor()).unwrap().bytes(), image().bytes());
    assert!(source.blob(repository, &config).is_ok());
    assert_eq!(source.tags(repository).unwrap(), ["1".parse().unwrap()]);
    assert_eq!(broken.state().received.len() + without.state().received.len(), asked);
    assert_eq!(source.find(repository, &"2".parse().unwrap()).unwrap().map(|_| ()), None);
    assert_eq!(broken.state().received.len() + without.state().received.len(), asked);

    let before = with.state().received.len();
    let secret: Reference = "e.example/org/secret:1".parse().unwrap();
    let refused = source.resolve(&secret).unwrap_err();
    assert!(matches!(refused.reason(), Some(RegistryError::Blocked { .. })), "{refused}");
    assert!(source.tags(secret.repository()).is_err() && source.blob(secret.repository(), &config).is_err());
    assert_eq!(with.state().received.len(), before);
}
