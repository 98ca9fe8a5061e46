//! Lists: repositories, tags, and referrers.

use std::collections::BTreeMap;
use std::ops::Bound;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_archive_format::Digest;
use sealift_core::oci::media_type::OCI_INDEX;
use serde_json::json;

use super::error_code::{ErrorCode, error};
use super::{AnswerContent, RegistryAnswer};
use crate::catalogue::{Catalogue, ServedRepository};
use crate::http::response::ResponseHead;
use crate::http::route::PageWish;

/// The most entries in one answer; a link says where the others are.
const MAXIMUM_PAGE: usize = 1_000;

/// The repositories.
pub(super) fn catalogue<'c>(catalogue: &'c Catalogue<'_>, wish: &PageWish) -> RegistryAnswer<'c> {
    listed(catalogue.repositories(), wish, "/v2/_catalog", |names| json!({ "repositories": names }))
}

/// The tags of a repository.
pub(super) fn tags<'c>(name: &str, repository: &'c ServedRepository, wish: &PageWish) -> RegistryAnswer<'c> {
    let here = format!("/v2/{name}/tags/list");
    listed(repository.tags(), wish, &here, |tags| json!({ "name": name, "tags": tags }))
}

/// A page of the keys of a list, and where the next one is (OCI Distribution 1.1, "Listing Tags").
fn listed<'c, T>(
    list: &BTreeMap<String, T>,
    wish: &PageWish,
    here: &str,
    shown: impl FnOnce(&[&str]) -> serde_json::Value,
) -> RegistryAnswer<'c> {
    let Some(count) = wish.count.as_deref().map_or(Some(MAXIMUM_PAGE), |count| count.parse().ok()) else {
        return error(400, ErrorCode::PaginationNumberInvalid, "n is not a number");
    };
    let after = wish.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = list.range::<str, _>((after, Bound::Unbounded)).map(|(name, _)| name.as_str());
    let count = count.min(MAXIMUM_PAGE);
    let page: Vec<&str> = rest.by_ref().take(count).collect();
    let answer = RegistryAnswer::json(200, &shown(&page));
    match (page.last(), rest.next()) {
        (Some(last), Some(_)) => {
            let last = utf8_percent_encode(last, NON_ALPHANUMERIC);
            let link = format!("<{here}?n={count}&last={last}>; rel=\"next\"");
            RegistryAnswer { head: answer.head.with("Link", link), ..answer }
        }
        _ => answer,
    }
}

/// The referrers of a manifest, which may be none (OCI Distribution 1.1, "Listing Referrers").
pub(super) fn referrers<'c>(
    repository: &ServedRepository,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> RegistryAnswer<'c> {
    let referrers = repository.referrers(subject);
    let asked: Vec<_> =
        referrers.filter(|it| artifact_type.is_none_or(|asked| it.artifact_type.as_deref() == Some(asked))).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": asked });
    let mut head = ResponseHead::new(200).with("Content-Type", OCI_INDEX);
    if artifact_type.is_some() {
        head = head.with("OCI-Filters-Applied", "artifactType");
    }
    let content = AnswerContent::Bytes(index.to_string().into_bytes().into());
    RegistryAnswer { head, content, is_last: false }
}
