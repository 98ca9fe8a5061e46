//! Lists that come in pages: tags, and the referrers of a manifest. OCI Distribution 1.1, "Listing Tags", "Listing
//! Referrers".

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use ureq::http::header::{ACCEPT, CONTENT_TYPE, LINK};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::{RegistryClient, Scope};
use crate::http::{HttpRequest, Url};
use crate::oci::manifest::{MAXIMUM_CHILDREN, MAXIMUM_LENGTH};
use crate::oci::media_type::OCI_INDEX;
use crate::oci::{Descriptor, Repository, Tag};

/// The most pages of one list.
const MAXIMUM_PAGES: usize = 200;
/// The most tags of one repository.
const MAXIMUM_TAGS: usize = 100_000;
/// How many tags are requested at once.
const TAGS_A_PAGE: usize = 1000;

#[derive(serde::Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

#[derive(serde::Deserialize)]
struct ReferrerList {
    manifests: Option<Vec<Descriptor>>,
}

impl RegistryClient {
    /// The tags of a repository, in the registry's order. Invalid tags are left out.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::ListContinues`] for an endless list.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let first = self.url(repository, &format!("tags/list?n={TAGS_A_PAGE}"))?;
        let mut tags = Vec::new();
        self.pages(repository, first, |_, bytes| {
            let list: TagList = strict_json::read(bytes, Names::Folded)?;
            tags.extend(list.tags.into_iter().flatten().filter_map(|tag| tag.parse().ok()));
            Ok(tags.len() <= MAXIMUM_TAGS)
        })?;
        Ok(tags)
    }

    /// The manifests whose `subject` is this manifest, of one artifact type or of all.
    ///
    /// # Errors
    /// [`RegistryError`]; having no referrers is not an error.
    pub fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let filter = artifact_type.map(|wanted| utf8_percent_encode(wanted, NON_ALPHANUMERIC).to_string());
        let filter = filter.map(|wanted| format!("?artifactType={wanted}")).unwrap_or_default();
        let first = self.url(repository, &format!("referrers/{subject}{filter}"))?;
        let (mut referrers, mut is_index) = (Vec::new(), true);
        let found = self.pages(repository, first, |content_type, bytes| {
            // Anything but an index comes from a registry that does not support the interface.
            is_index = content_type == OCI_INDEX;
            if is_index {
                let page: ReferrerList = strict_json::read(bytes, Names::Folded)?;
                referrers.extend(page.manifests.into_iter().flatten());
            }
            Ok(referrers.len() <= MAXIMUM_CHILDREN)
        })?;
        if !found || !is_index {
            referrers = self.referrers_by_tag(repository, subject)?;
        }
        // Registries may ignore the filter.
        referrers
            .retain(|referrer| artifact_type.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)));
        Ok(referrers)
    }

    /// Reads a list page after page, as long as `page` says that there may be more; returns whether the list exists.
    fn pages(
        &self,
        repository: &Repository,
        first: Url,
        mut page: impl FnMut(&str, &[u8]) -> Result<bool, JsonError>,
    ) -> Result<bool, RegistryError> {
        let mut url = first.clone();
        for number in 0..MAXIMUM_PAGES {
            let mut request = HttpRequest::new(Method::GET, url.clone());
            request
                .headers
                .push((ACCEPT, HeaderValue::from_static("application/json, application/vnd.oci.image.index.v1+json")));
            request.whole_within = Some(MAXIMUM_LENGTH);
            let response = self.call(&Scope::pull(repository), request)?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND if number == 0 => return Ok(false),
                _ => return Err(response.into_error().into()),
            }
            let content_type = crate::oci::media_type::essence(response.header(&CONTENT_TYPE).unwrap_or_default());
            let next = response.header_values(&LINK).find_map(next_link).map(|link| response.url().join(link));
            let bytes = response.into_bytes(MAXIMUM_LENGTH)?;
            let within =
                page(&content_type, &bytes).map_err(|source| RegistryError::List { url: url.clone(), source })?;
            match next {
                _ if !within => break,
                None => return Ok(true),
                Some(Ok(next)) if next.same_origin(&first) => url = next,
                Some(_) => break,
            }
        }
        Err(RegistryError::ListContinues { url: first })
    }
}

/// The target of a `Link` whose relation is `next` (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let is_next = |parameters: &str| {
        parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        })
    };
    let mut rest = header;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, link)| link.split_once('>')) {
        let (parameters, following) = after.split_once(",").unwrap_or((after, ""));
        if is_next(parameters) {
            return Some(target);
        }
        rest = following;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(next_link(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#), Some("/v2/a/tags/list?last=b&n=2"));
        assert_eq!(next_link("<a>; rel=prev, <b>; title=x; REL=Next"), Some("b"));
        for header in ["", "<a", "<a>", "<a>; rel=prev", "a; rel=next"] {
            assert_eq!(next_link(header), None, "{header}");
        }
    }
}
