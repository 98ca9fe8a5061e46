//! Manifests, fetched and stored by tag or by digest. OCI Distribution 1.1, "Pulling manifests", "Pushing Manifests".

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use ureq::http::header::{ACCEPT, CONTENT_TYPE};
use ureq::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::blobs::is_refused_head;
use super::error::RegistryError;
use super::{RegistryClient, Scope};
use crate::http::{HttpError, HttpRequest, RequestBody, Response, Url};
use crate::oci::manifest::{Document, MAXIMUM_LENGTH, ManifestBytes, ManifestError};
use crate::oci::{Descriptor, Reference, Repository, Tag};

/// The supported types of manifests.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The header with which a registry says that it lists a manifest among the referrers of its subject.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// The codes with which a registry says that it lacks what a manifest lists (OCI Distribution 1.1, "Error Codes").
const UNKNOWN: [&str; 2] = ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];
/// The code with which a registry refuses a digest.
const DIGEST_INVALID: &str = "DIGEST_INVALID";
/// How often that is waited for, at most.
const MOST_WAITS_FOR_BLOBS: u32 = 2;

impl RegistryClient {
    /// The manifest that a reference resolves to: by its digest if it has one, otherwise by its tag.
    ///
    /// # Errors
    /// [`RegistryError`], among them [`RegistryError::ManifestNotFound`] and, for bytes that do not have the reference's
    /// digest, [`RegistryError::Manifest`].
    pub fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, RegistryError> {
        let repository = reference.repository();
        let name = match (reference.digest(), reference.tag_or_latest()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or_else(Tag::latest).to_string(),
        };
        let response = self.request_manifest(repository, &name, Method::GET, MAXIMUM_LENGTH)?;
        let (url, other_form) = (response.url().clone(), response.other_form());
        let announced_digest = response.header(&CONTENT_DIGEST).map(ToOwned::to_owned);
        let media_type = response.header(&CONTENT_TYPE).unwrap_or_default().to_owned();
        let bytes = response.into_bytes(MAXIMUM_LENGTH)?;
        let digest = match reference.digest() {
            Some(digest) => digest.clone(),
            None => digest_as_announced(&bytes, announced_digest.as_deref()),
        };
        let others = |announced: &String| match Announcement::of(announced, &digest) {
            Announcement::Same => false,
            Announcement::OtherAlgorithm(other) => !other.matches(&bytes),
            Announcement::Other => true,
        };
        if let Some(announced) = announced_digest.filter(others) {
            return Err(RegistryError::DigestHeader { url, announced: announced.chars().take(200).collect(), digest });
        }
        let manifest = ManifestBytes::describe(bytes, &media_type, digest);
        manifest.map_err(|error| in_other_form(url, other_form, unusable(repository, &name, error)))
    }

    /// The manifest that a descriptor describes.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Manifest`] for bytes other than those described.
    pub fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, RegistryError> {
        let name = descriptor.digest.to_string();
        if descriptor.size > MAXIMUM_LENGTH {
            let error = ManifestError::Length { length: descriptor.size };
            return Err(unusable(repository, &name, error));
        }
        let response = self.request_manifest(repository, &name, Method::GET, descriptor.size)?;
        let (url, other_form) = (response.url().clone(), response.other_form());
        let manifest = ManifestBytes::new(descriptor.clone(), response.into_bytes(descriptor.size)?);
        manifest.map_err(|error| in_other_form(url, other_form, unusable(repository, &name, error)))
    }

    /// The bytes of what is stored as a manifest, whatever it is; `None` if there is no such manifest. They are not checked.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not tell.
    pub(super) fn opaque_manifest(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        if descriptor.size > MAXIMUM_LENGTH {
            return Ok(None);
        }
        let mut request =
            HttpRequest::new(Method::GET, self.url(repository, &format!("manifests/{}", descriptor.digest))?);
        let any = HeaderValue::from_str(&descriptor.media_type).unwrap_or_else(|_| HeaderValue::from_static("*/*"));
        request.headers.push((ACCEPT, any));
        request.whole_within = Some(descriptor.size);
        let response = self.call(&Scope::pull(repository), request)?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.into_bytes(descriptor.size)?)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(response.into_error().into()),
        }
    }

    /// Whether a repository has a manifest.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not tell.
    pub fn has_manifest(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        match self.request_manifest(repository, &digest.to_string(), Method::HEAD, 0) {
            Ok(_) => Ok(true),
            Err(RegistryError::ManifestNotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a tag resolves to; `None` if there is no such tag.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not tell.
    pub fn tag_digest(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, RegistryError> {
        let announced = match self.request_manifest(repository, tag.as_str(), Method::HEAD, 0) {
            Ok(response) => response.header(&CONTENT_DIGEST).and_then(|digest| digest.parse().ok()),
            Err(RegistryError::ManifestNotFound { .. }) => return Ok(None),
            Err(error) if error.is_bare_refusal() => None,
            Err(RegistryError::Http(HttpError::Status { status, .. }))
                if StatusCode::from_u16(status).is_ok_and(is_refused_head) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        if announced.is_some() {
            return Ok(announced);
        }
        match self.resolve(&Reference::new(repository.clone(), Some(tag.clone()), None)) {
            Err(RegistryError::ManifestNotFound { .. }) => Ok(None),
            found => Ok(Some(found?.descriptor().digest.clone())),
        }
    }

    /// Whether a tag is known to resolve to a manifest. Anything unclear, a refusal or a failure too, means that it is not known.
    pub(super) fn has_tag(&self, repository: &Repository, tag: &Tag, digest: &Digest) -> bool {
        let Ok(url) = self.url(repository, &format!("manifests/{tag}")) else { return false };
        let mut request = HttpRequest::new(Method::HEAD, url);
        request.headers.push((ACCEPT, HeaderValue::from_static(ACCEPTED)));
        self.call_once(&Scope::push(repository), request).is_ok_and(|response| {
            response.status() == StatusCode::OK && response.header(&CONTENT_DIGEST) == Some(digest.to_string().as_str())
        })
    }

    /// Stores a manifest, under a tag or under its digest alone. If the registry does not list it as a referrer of its
    /// subject, it is added to the referrers tag: also where the registry says that it does, and then has no such list.
    ///
    /// # Errors
    /// [`RegistryError`]; registries refuse a manifest whose blobs they do not have.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        manifest: &ManifestBytes,
    ) -> Result<(), RegistryError> {
        let response = self.send_manifest(repository, tag, manifest)?;
        let Some(subject) = manifest.document().subject().map(|subject| &subject.digest) else { return Ok(()) };
        let is_announced = response.header(&OCI_SUBJECT) == Some(subject.to_string().as_str());
        if is_announced && self.lists_referrers(repository, subject)? {
            return Ok(());
        }
        self.list_under_tag(repository, subject, manifest)
    }

    pub(super) fn send_manifest(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        manifest: &ManifestBytes,
    ) -> Result<Response, RegistryError> {
        let digest = &manifest.descriptor().digest;
        let name = tag.map_or_else(|| digest.to_string(), ToString::to_string);
        let url = self.url(repository, &format!("manifests/{name}"))?;
        let media_type = HeaderValue::from_str(&manifest.descriptor().media_type).map_err(|_| {
            unusable(repository, &name, ManifestError::MediaType(manifest.descriptor().media_type.clone()))
        })?;
        let (mut attempts, mut waits) = (self.attempts(), 0);
        loop {
            let mut request = HttpRequest::new(Method::PUT, url.clone());
            request.headers.push((CONTENT_TYPE, media_type.clone()));
            request.body = RequestBody::Bytes(manifest.bytes());
            let error = match self.call_once(&Scope::push(repository), request) {
                Ok(response) if response.status().is_success() => {
                    confirm_digest(&response, digest, |other| Ok(other.matches(manifest.bytes())))?;
                    if !is_confirmed(&response) && !self.has_bytes(repository, &name, manifest.bytes()) {
                        return Err(not_stored(&response));
                    }
                    return Ok(response);
                }
                Ok(response) => response.into_error(),
                Err(RegistryError::Http(error)) => error,
                Err(other) => return Err(other),
            };
            // Some registries answer what is wrong with a manifest as if they had failed (500). Then another attempt changes nothing.
            if !lacks_listed(&error, manifest) {
                if tag.is_none() && digest.algorithm() != DigestAlgorithm::Sha256 && error.says(DIGEST_INVALID) {
                    let (repository, digest) = (repository.clone(), digest.clone());
                    return Err(RegistryError::DigestAlgorithm { repository, digest, source: Box::new(error) });
                }
                attempts.wait_after(error).map_err(RegistryError::Http)?;
                continue;
            }
            // While somebody else stores the same blob there, some registries show a blob that they do not have yet. Manifests
            // are there before an index that lists them.
            if waits == MOST_WAITS_FOR_BLOBS || matches!(manifest.document(), Document::Index(_)) {
                let (repository, digest) = (repository.clone(), digest.clone());
                return Err(RegistryError::ListedMissing { repository, digest, source: Box::new(error) });
            }
            waits += 1;
            attempts.wait_despite(error).map_err(RegistryError::Http)?;
        }
    }

    /// Whether a name is known to resolve to these bytes. Anything unclear, including a refusal or a failure, means that it is not.
    fn has_bytes(&self, repository: &Repository, name: &str, bytes: &[u8]) -> bool {
        let length = bytes.len() as u64;
        let found = self.request_manifest(repository, name, Method::GET, length);
        found.is_ok_and(|response| response.into_bytes(length).is_ok_and(|found| found == bytes))
    }

    fn request_manifest(
        &self,
        repository: &Repository,
        name: &str,
        method: Method,
        limit: u64,
    ) -> Result<Response, RegistryError> {
        let mut request = HttpRequest::new(method, self.url(repository, &format!("manifests/{name}"))?);
        request.headers.push((ACCEPT, HeaderValue::from_static(ACCEPTED)));
        request.whole_within = Some(limit);
        let response = self.call(&Scope::pull(repository), request)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(RegistryError::ManifestNotFound { repository: repository.clone(), reference: name.to_owned() })
            }
            _ => Err(response.into_error().into()),
        }
    }
}

/// Whether a registry refuses a manifest because it lacks something that the manifest lists: it says so by a code, or names what an
/// index lists.
fn lacks_listed(error: &HttpError, manifest: &ManifestBytes) -> bool {
    let names_child = || match manifest.document() {
        Document::Index(index) => index.manifests.iter().any(|child| error.says(child.digest.hex())),
        Document::Image(_) => false,
    };
    UNKNOWN.iter().any(|code| error.says(code)) || names_child()
}

/// How the digest that a registry announces compares with the one that it was sent or asked for.
enum Announcement {
    /// The digest that it was sent or asked for.
    Same,
    /// Another digest of the same algorithm, or something that is not a digest of a known algorithm.
    Other,
    /// A digest of another algorithm, possibly of the same content: some registries know content by SHA-256, whatever they were
    /// sent.
    OtherAlgorithm(Digest),
}

impl Announcement {
    /// Some put the digest into quotes, as an `ETag` has it.
    fn of(announced: &str, digest: &Digest) -> Self {
        match announced.trim_matches('"').parse::<Digest>() {
            Ok(found) if found == *digest => Self::Same,
            Ok(found) if found.algorithm() != digest.algorithm() => Self::OtherAlgorithm(found),
            _ => Self::Other,
        }
    }
}

/// Refuses a confirmation of a digest other than the one that was sent. `is_same` says whether a digest by another algorithm is that of
/// the same content.
pub(super) fn confirm_digest(
    response: &Response,
    digest: &Digest,
    is_same: impl FnOnce(&Digest) -> Result<bool, RegistryError>,
) -> Result<(), RegistryError> {
    let Some(announced) = response.header(&CONTENT_DIGEST) else { return Ok(()) };
    let is_confirmed = match Announcement::of(announced, digest) {
        Announcement::Same => true,
        Announcement::OtherAlgorithm(other) => is_same(&other)?,
        Announcement::Other => false,
    };
    if is_confirmed {
        return Ok(());
    }
    let (url, announced) = (response.url().clone(), announced.chars().take(200).collect());
    Err(RegistryError::DigestHeader { url, announced, digest: digest.clone() })
}

/// The error, with what the answer really is, if its headers say so.
pub(super) fn in_other_form(url: Url, other_form: Option<String>, error: RegistryError) -> RegistryError {
    match other_form {
        Some(what) => RegistryError::OtherForm { url, what, source: Box::new(error) },
        None => error,
    }
}

/// Whether an answer that means success says that what was sent is stored: by 201, which the specification demands, or by a digest.
/// Others, such as the page with which a portal asks to log in, or 202, say no such thing.
pub(super) fn is_confirmed(response: &Response) -> bool {
    response.status() == StatusCode::CREATED || response.header(&CONTENT_DIGEST).is_some()
}

/// The error that what was sent is not there, although the answer means success.
pub(super) fn not_stored(response: &Response) -> RegistryError {
    RegistryError::NotStored { url: response.url().clone(), status: response.status().as_u16() }
}

/// The digest of `bytes`, by the algorithm that the registry uses for them.
fn digest_as_announced(bytes: &[u8], announced: Option<&str>) -> Digest {
    let announced: Option<Digest> = announced.and_then(|digest| digest.parse().ok());
    let mut hasher = Hasher::new(announced.map_or(DigestAlgorithm::Sha256, |digest| digest.algorithm()));
    hasher.update(bytes);
    hasher.finish()
}

pub(super) fn unusable(repository: &Repository, reference: &str, error: ManifestError) -> RegistryError {
    let (repository, reference) = (repository.clone(), reference.to_owned());
    RegistryError::Manifest { repository, reference, source: Box::new(error) }
}
