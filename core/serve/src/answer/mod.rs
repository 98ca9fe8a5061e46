//! What is answered to a request: a function of the catalogue and the request's head (OCI Distribution 1.1, "Endpoints").

mod content;
mod error_code;
mod list;

use std::borrow::Cow;
use std::ops::Range;

use sealift_archive_format::Digest;

use crate::catalogue::{Catalogue, ServedContent, ServedRepository};
use crate::http::request::{RequestConditions, RequestFault, RequestHead};
use crate::http::response::ResponseHead;
use crate::http::route::Route;
use content::part;
use error_code::{ErrorCode, error};
use list::{catalogue as repositories, referrers, tags};

const OCTETS: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// An answer, as it is sent.
pub(crate) struct RegistryAnswer<'c> {
    pub(crate) head: ResponseHead,
    pub(crate) content: AnswerContent<'c>,
    /// Whether the connection ends after it.
    pub(crate) is_last: bool,
}

/// The content of an answer.
pub(crate) enum AnswerContent<'c> {
    /// These bytes.
    Bytes(Cow<'c, [u8]>),
    /// A part of what was verified.
    Part(&'c ServedContent, Range<u64>),
}

impl AnswerContent<'_> {
    /// The length, in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part(_, range) => range.end.saturating_sub(range.start),
        }
    }
}

impl<'c> RegistryAnswer<'c> {
    fn of(head: ResponseHead, content: impl Into<Cow<'c, [u8]>>) -> Self {
        Self { head, content: AnswerContent::Bytes(content.into()), is_last: false }
    }

    fn json(status: u16, value: &serde_json::Value) -> Self {
        let head = ResponseHead::new(status).with("Content-Type", JSON);
        Self::of(head, value.to_string().into_bytes())
    }

    /// The answer to what is not a request.
    pub(crate) fn to_fault(fault: RequestFault) -> Self {
        Self { is_last: true, ..error(fault.status(), ErrorCode::Unsupported, fault.to_string()) }
    }

    /// The answer to a request.
    pub(crate) fn to(catalogue: &'c Catalogue<'_>, request: &RequestHead) -> Self {
        let answer = match request.method.as_str() {
            "GET" | "HEAD" if request.has_content => {
                error(400, ErrorCode::Unsupported, "a request for something has no content")
            }
            "GET" | "HEAD" => Self::to_route(catalogue, Route::of(&request.target), &request.conditions),
            _ => {
                let refused = error(405, ErrorCode::Unsupported, "nothing can be changed here");
                Self { head: refused.head.with("Allow", "GET, HEAD"), ..refused }
            }
        };
        Self { is_last: request.has_content || !request.keep_alive, ..answer }
    }

    fn to_route(catalogue: &'c Catalogue<'_>, route: Route, conditions: &RequestConditions) -> Self {
        let repository = |name: &str| catalogue.repositories().get(name);
        match route {
            Route::Health => Self::of(ResponseHead::new(200).with("Content-Type", "text/plain"), &b"ok\n"[..]),
            Route::Base => {
                let base = Self::json(200, &serde_json::json!({}));
                Self { head: base.head.with("Docker-Distribution-Api-Version", "registry/2.0"), ..base }
            }
            Route::Catalogue(page) => repositories(catalogue, &page),
            Route::Tags { repository: name, page } => match repository(&name) {
                Some(repository) => tags(&name, repository, &page),
                None => unknown_name(&name),
            },
            Route::Manifest { repository: name, reference } => match repository(&name) {
                Some(repository) => Self::manifest(repository, &reference, conditions),
                None => unknown_name(&name),
            },
            Route::Blob { repository: name, digest } => match (repository(&name), digest.parse::<Digest>()) {
                (None, _) => unknown_name(&name),
                (_, Err(_)) => error(400, ErrorCode::DigestInvalid, "this is not a valid digest"),
                (Some(_), Ok(digest)) => match catalogue.blob(&name, &digest) {
                    Some(content) => part(content, OCTETS, Some(&digest), conditions),
                    None => error(404, ErrorCode::BlobUnknown, "the repository has no such blob"),
                },
            },
            Route::Referrers { repository: name, digest, artifact_type } => {
                match (repository(&name), digest.parse::<Digest>()) {
                    (None, _) => unknown_name(&name),
                    (_, Err(_)) => error(400, ErrorCode::DigestInvalid, "this is not a valid digest"),
                    (Some(repository), Ok(subject)) => referrers(repository, &subject, artifact_type.as_deref()),
                }
            }
            Route::Mirrored { repository, path } => {
                let media_type = if path.ends_with(".json") { JSON } else { OCTETS };
                match catalogue.mirrored(&repository, &path) {
                    Some(content) => part(content, media_type, None, conditions),
                    None => nothing_there(),
                }
            }
            Route::Nowhere => nothing_there(),
        }
    }

    fn manifest(repository: &'c ServedRepository, reference: &str, conditions: &RequestConditions) -> Self {
        let digest = reference.parse().ok();
        let digest: Option<&Digest> = digest.as_ref().or_else(|| repository.tagged(reference));
        let Some(manifest) = digest.and_then(|digest| repository.manifest(digest)) else {
            return error(404, ErrorCode::ManifestUnknown, "the repository has no such manifest");
        };
        let descriptor = manifest.descriptor();
        let (digest, etag) = (descriptor.digest.to_string(), format!("\"{}\"", descriptor.digest));
        if content::is_known(conditions, &etag) {
            return Self::of(ResponseHead::new(304).with("ETag", etag), &b""[..]);
        }
        let head = ResponseHead::new(200).with("Content-Type", &*descriptor.media_type);
        Self::of(head.with("Docker-Content-Digest", digest).with("ETag", etag), manifest.bytes())
    }
}

fn unknown_name<'c>(name: &str) -> RegistryAnswer<'c> {
    error(404, ErrorCode::NameUnknown, format!("there is no repository {name:?}"))
}

fn nothing_there<'c>() -> RegistryAnswer<'c> {
    RegistryAnswer::of(ResponseHead::new(404).with("Content-Type", "text/plain"), &b"there is nothing here\n"[..])
}
