//! The interface of OCI Distribution 1.1, a token service, and what Notary's clients read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealift_archive_format::Digest;
use sealift_core::oci::Descriptor;
use serde_json::json;

use super::State;
use super::protocol::{Answer, Received};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What is between a GUN and the name of a file.
const TRUST: &str = "/_trust/tuf/";

/// Who may do what.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// User name and password for everything.
    Basic {
        /// `user:password`.
        pair: String,
    },
    /// Tokens for everything, from a token service.
    Bearer {
        /// The token service's URL; `/token` of this registry is one.
        realm: String,
        /// `user:password`, when the service here asks for them.
        pair: Option<String>,
        /// The identity token, when the service here exchanges one.
        identity_token: Option<String>,
    },
}

/// The right answer to a request; of a status without a digest, where what is stored is confirmed so.
pub(super) fn answer(state: &mut State, request: &Received) -> Answer {
    let answer = specified_answer(state, request);
    match state.confirms_with {
        Some(status) if request.method == "PUT" && answer.status == 201 => Answer::new(status, &[], Vec::new()),
        _ => answer,
    }
}

fn specified_answer(state: &mut State, request: &Received) -> Answer {
    if request.path == "/token" {
        return token(state, request);
    }
    if let Some(refusal) = refuse(state, request) {
        return refusal;
    }
    let Some(rest) = request.path.strip_prefix("/v2/") else { return not_found() };
    let split = |part: &str| rest.split_once(part).map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    if rest.is_empty() {
        Answer::new(200, &[], b"{}".to_vec())
    } else if let Some((name, upload)) = split("/blobs/uploads/") {
        upload_blob(state, request, &name, &upload)
    } else if let Some(key) = split("/blobs/") {
        blob(state, request, &key)
    } else if let Some(key) = split("/manifests/") {
        manifest(state, request, &key)
    } else if let Some((name, _)) = split("/tags/list") {
        tags(state, request, &name)
    } else if let Some(key) = split("/referrers/") {
        referrers(state, &key)
    } else if let Some(key) = split(TRUST) {
        state.trust_files.get(&key).map_or_else(not_found, |bytes| Answer::new(200, &[], bytes.clone()))
    } else {
        not_found()
    }
}

fn not_found() -> Answer {
    Answer::new(404, &[], br#"{"errors":[{"code":"NOT_FOUND","message":"it is not there"}]}"#.to_vec())
}

/// `repository:name:pull` or with `,push`, as the request needs.
fn needed_scope(request: &Received) -> String {
    let rest = request.path.strip_prefix("/v2/").unwrap_or_default();
    let ends = ["/blobs/", "/manifests/", "/tags/", "/referrers/", TRUST];
    let name = ends.iter().find_map(|end| rest.split_once(end)).map_or("", |(name, _)| name);
    let actions = if matches!(request.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
    let from = request.parameter("from").map(|from| format!(" repository:{from}:pull")).unwrap_or_default();
    format!("repository:{name}:{actions}{from}")
}

/// Whether a token, which names what it allows, allows all of it.
fn allows(authorization: &str, needed: &str) -> bool {
    let allowed: Vec<&str> =
        authorization.strip_prefix("Bearer token-for-").map(|it| it.split(' ').collect()).unwrap_or_default();
    needed.split(' ').all(|scope| allowed.contains(&scope))
}

fn refuse(state: &State, request: &Received) -> Option<Answer> {
    let authorization = request.header("authorization").unwrap_or_default();
    let (is_right, challenge) = match state.authentication.as_ref()? {
        Authentication::Basic { pair } => (authorization == basic(pair), "Basic realm=\"test\"".to_owned()),
        Authentication::Bearer { realm, .. } => {
            let scope = needed_scope(request);
            let challenge = format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"{scope}\"");
            (allows(authorization, &scope), challenge)
        }
    };
    (!is_right).then(|| Answer::new(401, &[("www-authenticate", &challenge)], Vec::new()))
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64.encode(pair))
}

/// The token service: a token names its scope.
fn token(state: &State, request: &Received) -> Answer {
    let Some(Authentication::Bearer { pair, identity_token, .. }) = &state.authentication else { return not_found() };
    let form = Received { query: String::from_utf8_lossy(&request.body).into_owned(), ..request.clone() };
    let known = match (pair, identity_token) {
        (_, Some(token)) => form.parameter("refresh_token").as_ref() == Some(token),
        (Some(pair), None) => request.header("authorization") == Some(&basic(pair)),
        (None, None) => true,
    };
    let asked = if request.method == "POST" { &form } else { request };
    if !known || asked.parameter("service").as_deref() != Some("test") {
        return Answer::new(401, &[], Vec::new());
    }
    let answer = json!({"token": format!("token-for-{}", asked.parameters("scope").join(" "))});
    Answer::new(200, &[], answer.to_string().into_bytes())
}

fn blob(state: &State, request: &Received, key: &(String, String)) -> Answer {
    let Some(content) = state.blobs.get(key) else { return not_found() };
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match range.filter(|_| !state.ignores_ranges) {
        Some(start) if start < content.len() => {
            let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
            Answer::new(206, &[("content-range", &range)], content[start..].to_vec())
        }
        Some(_) => Answer::new(416, &[], Vec::new()),
        None => Answer::new(200, &[("docker-content-digest", &key.1)], content.clone()),
    }
}

fn manifest(state: &mut State, request: &Received, key: &(String, String)) -> Answer {
    if request.method == "PUT" {
        let digest = Digest::sha256(&request.body).to_string();
        let manifest = (request.header("content-type").unwrap_or_default().to_owned(), request.body.clone());
        state.manifests.insert((key.0.clone(), digest.clone()), manifest.clone());
        state.manifests.insert(key.clone(), manifest);
        return match note_referrer(state, request, &key.0).or_else(|| confirmed_subject(state, request)) {
            Some(subject) => {
                Answer::new(201, &[("docker-content-digest", &digest), ("oci-subject", &subject)], Vec::new())
            }
            None => Answer::new(201, &[("docker-content-digest", &digest)], Vec::new()),
        };
    }
    let key = match key.1.split_once("sha256-") {
        Some(("", hex)) if state.takes_tags_for_digests => (key.0.clone(), format!("sha256:{hex}")),
        _ => key.clone(),
    };
    let Some((media_type, bytes)) = state.manifests.get(&key) else { return not_found() };
    let digest = Digest::sha256(bytes).to_string();
    Answer::new(200, &[("content-type", media_type), ("docker-content-digest", &digest)], bytes.clone())
}

/// The subject of a manifest, where it is confirmed without an interface for referrers.
fn confirmed_subject(state: &State, request: &Received) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    manifest["subject"]["digest"].as_str().filter(|_| state.confirms_subjects).map(ToOwned::to_owned)
}

/// Notes a manifest that has a subject, where there is an interface for referrers; the subject.
fn note_referrer(state: &mut State, request: &Received, repository: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    let subject = manifest["subject"]["digest"].as_str()?.to_owned();
    let listed = state.referrers.as_mut()?.entry((repository.to_owned(), subject.clone())).or_default();
    let referrer = Descriptor::of(request.header("content-type")?, &request.body);
    if !listed.contains(&referrer) {
        listed.push(referrer);
    }
    Some(subject)
}

fn upload_blob(state: &mut State, request: &Received, name: &str, upload: &str) -> Answer {
    if request.method == "POST" {
        let mounted = request.parameter("mount").zip(request.parameter("from"));
        if let Some((digest, from)) = mounted.filter(|_| !state.refuses_mounts)
            && let Some(content) = state.blobs.get(&(from, digest.clone())).cloned()
        {
            state.blobs.insert((name.to_owned(), digest.clone()), content);
            return Answer::new(201, &[("docker-content-digest", &digest)], Vec::new());
        }
        let number = state.next_upload;
        state.next_upload += 1;
        state.uploads.insert(number, (name.to_owned(), Vec::new()));
        let mut answer = upload_state(name, number, 0, 202);
        let shortest = state.shortest_piece.map(|shortest| ("oci-chunk-min-length".to_owned(), shortest.to_string()));
        answer.headers.extend(shortest);
        return answer;
    }
    let number = upload.parse().unwrap_or(0);
    let limit = state.forgets_uploads_at.unwrap_or(usize::MAX);
    state.uploads.retain(|_, (_, received)| received.len() < limit);
    let Some((_, received)) = state.uploads.get_mut(&number).filter(|(repository, _)| repository == name) else {
        return not_found();
    };
    if request.method == "GET" {
        return upload_state(name, number, received.len(), 204);
    }
    // The location changes with every piece.
    if request.parameter("state") != Some(received.len().to_string()) {
        return not_found();
    }
    if request.method == "PATCH" {
        if let Some(status) = state.refuses_pieces {
            return Answer::new(status, &[], Vec::new());
        }
        let end = received.len() + request.body.len();
        if request.header("content-range") != Some(&format!("{}-{}", received.len(), end - 1)) {
            return Answer::new(416, &[], Vec::new());
        }
        received.extend(&request.body);
        return upload_state(name, number, end, 202);
    }
    let digest = request.parameter("digest").unwrap_or_default();
    let (_, mut content) = state.uploads.remove(&number).expect("it was there");
    content.extend(&request.body);
    if !digest.parse().is_ok_and(|digest: Digest| digest.matches(&content)) {
        return Answer::new(400, &[], br#"{"errors":[{"code":"DIGEST_INVALID"}]}"#.to_vec());
    }
    // It knows content by SHA-256, as docker-registry does.
    let known_as = Digest::sha256(&content).to_string();
    state.blobs.insert((name.to_owned(), digest), content);
    Answer::new(201, &[("docker-content-digest", &known_as)], Vec::new())
}

/// Where an upload continues, and how much of it has arrived: `0-0` also for nothing, as registries say it.
fn upload_state(name: &str, number: u64, received: usize, status: u16) -> Answer {
    let location = format!("/v2/{name}/blobs/uploads/{number}?state={received}");
    let range = format!("0-{}", received.saturating_sub(1));
    Answer::new(status, &[("location", &location), ("range", &range)], Vec::new())
}

/// What becomes of an upload whose connection was cut.
pub(super) fn interrupt(state: &mut State, request: &Received) {
    let number = request.path.rsplit_once('/').and_then(|(_, number)| number.parse().ok()).unwrap_or(u64::MAX);
    if state.forgets_cut_uploads {
        state.uploads.remove(&number);
    } else if let Some((_, received)) = state.uploads.get_mut(&number) {
        received.extend(&request.body);
    }
}

fn tags(state: &State, request: &Received, name: &str) -> Answer {
    let last = request.parameter("last").unwrap_or_default();
    let tags = state.manifests.keys().filter(|(repository, tag)| repository == name && !tag.contains(':'));
    let tags: Vec<&String> = tags.map(|(_, tag)| tag).filter(|tag| **tag > last).collect();
    let page: Vec<&String> = tags.iter().copied().take(state.page_length.unwrap_or(usize::MAX)).collect();
    let body = json!({"name": name, "tags": page}).to_string().into_bytes();
    match page.last() {
        Some(last) if page.len() < tags.len() => {
            let next = format!("</v2/{name}/tags/list?last={last}>; rel=\"next\"");
            Answer::new(200, &[("link", &next)], body)
        }
        _ => Answer::new(200, &[], body),
    }
}

fn referrers(state: &State, key: &(String, String)) -> Answer {
    let Some(referrers) = &state.referrers else { return not_found() };
    let manifests = referrers.get(key).cloned().unwrap_or_default();
    let body = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    Answer::new(200, &[("content-type", OCI_INDEX)], body.to_string().into_bytes())
}
