//! Lists that come in pages: tags, and the referrers of a manifest. OCI Distribution 1.1, "Listing Tags", "Listing
//! Referrers".

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde_json::Number;
use ureq::http::header::{ACCEPT, CONTENT_TYPE, LINK};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::{RegistryClient, Remark, Scope};
use crate::http::{HttpRequest, Url};
use crate::oci::descriptor::{Annotations, null_as_default};
use crate::oci::manifest::{MAXIMUM_CHILDREN, MAXIMUM_LENGTH};
use crate::oci::media_type::OCI_INDEX;
use crate::oci::{Descriptor, Repository, Tag};
use crate::transfer::lock;

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
    manifests: Option<Vec<ListedReferrer>>,
}

/// What is read of an entry. Whatever else a registry writes there decides nothing.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedReferrer {
    media_type: Option<String>,
    digest: Option<String>,
    size: Option<Number>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Annotations,
}

impl ListedReferrer {
    /// The descriptor that an entry is. An entry that is not a descriptor is reported by the beginning of the digest that it states.
    fn descriptor(self) -> Result<Descriptor, String> {
        let Self { media_type, digest, size, artifact_type, annotations } = self;
        let parsed = digest.as_ref().and_then(|digest| digest.parse().ok());
        match (media_type, parsed, size.and_then(|size| size.as_u64())) {
            (Some(media_type), Some(digest), Some(size)) => {
                Ok(Descriptor { artifact_type, annotations, ..Descriptor::new(&media_type, digest, size) })
            }
            _ => Err(digest.unwrap_or_default().chars().take(100).collect()),
        }
    }
}

/// Whether there is a list.
enum PagedList {
    Complete,
    /// There is none, because of this answer to the request for the first page.
    Absent(StatusCode),
}

/// The statuses, beside 404, by which registries that do not list referrers say so. All are answers to a request that is
/// understood and authorised elsewhere in the same repository; 401 counts only without a challenge.
const NO_REFERRERS: [StatusCode; 9] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::GONE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::NOT_IMPLEMENTED,
];

impl RegistryClient {
    /// The tags of a repository, in the registry's order. Invalid tags are left out.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::ListContinues`] for an endless list.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let first = self.url(repository, &format!("tags/list?n={TAGS_A_PAGE}"))?;
        let mut tags = Vec::new();
        self.pages(repository, first, &[], |_, bytes| {
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
        let mut referrers = Vec::new();
        let mut unreadable = Vec::new();
        let is_listed = self.referrer_pages(repository, first, |bytes| {
            let page: ReferrerList = strict_json::read(bytes, Names::Folded)?;
            for entry in page.manifests.into_iter().flatten() {
                match entry.descriptor() {
                    Ok(listed) => referrers.push(listed),
                    Err(shown) => unreadable.push(shown),
                }
            }
            Ok(referrers.len().saturating_add(unreadable.len()) <= MAXIMUM_CHILDREN)
        })?;
        for referrer in unreadable {
            let (repository, subject) = (repository.clone(), subject.clone());
            self.remark(Remark::UnreadableReferrer { repository, subject, referrer });
        }
        if !is_listed {
            referrers = self.referrers_by_tag(repository, subject)?;
        }
        // Registries may ignore the filter.
        referrers
            .retain(|referrer| artifact_type.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)));
        Ok(referrers)
    }

    /// Whether a registry lists the referrers of a repository, of which this manifest is a subject. That is asked once.
    pub(super) fn lists_referrers(&self, repository: &Repository, subject: &Digest) -> Result<bool, RegistryError> {
        if let Some(known) = lock(&self.0.lists_referrers).get(repository) {
            return Ok(*known);
        }
        let first = self.url(repository, &format!("referrers/{subject}"))?;
        let is_listed = self.referrer_pages(repository, first, |_| Ok(true))?;
        lock(&self.0.lists_referrers).insert(repository.clone(), is_listed);
        Ok(is_listed)
    }

    /// Reads a list of referrers page after page; returns whether the registry has such lists. Anything but an index comes from
    /// one that has none.
    fn referrer_pages(
        &self,
        repository: &Repository,
        first: Url,
        mut page: impl FnMut(&[u8]) -> Result<bool, JsonError>,
    ) -> Result<bool, RegistryError> {
        let mut other_page = None;
        let listing = self.pages(repository, first, &NO_REFERRERS, |content_type, bytes| {
            if content_type == OCI_INDEX && !bytes.is_empty() {
                return page(bytes);
            }
            let shown = if bytes.is_empty() { "an empty page" } else { content_type };
            other_page.get_or_insert_with(|| shown.chars().take(100).collect::<String>());
            Ok(true)
        })?;
        let answer = match (listing, other_page) {
            (PagedList::Complete, None) => return Ok(true),
            (PagedList::Absent(StatusCode::NOT_FOUND), _) => return Ok(false),
            (PagedList::Absent(status), _) => status.as_u16().to_string(),
            (PagedList::Complete, Some(shown)) if shown.is_empty() => "a page of no type".to_owned(),
            (PagedList::Complete, Some(shown)) => shown,
        };
        self.remark(Remark::NoReferrers { registry: repository.domain().to_owned(), answer });
        Ok(false)
    }

    /// Reads a list page after page, as long as `page` says that there may be more. There is no list if the first page is answered
    /// with 404 or a status in `absent`.
    fn pages(
        &self,
        repository: &Repository,
        first: Url,
        absent: &[StatusCode],
        mut page: impl FnMut(&str, &[u8]) -> Result<bool, JsonError>,
    ) -> Result<PagedList, RegistryError> {
        let mut url = first.clone();
        for number in 0..MAXIMUM_PAGES {
            let mut request = HttpRequest::new(Method::GET, url.clone());
            request
                .headers
                .push((ACCEPT, HeaderValue::from_static("application/json, application/vnd.oci.image.index.v1+json")));
            request.whole_within = Some(MAXIMUM_LENGTH);
            let is_absent = |status| number == 0 && (status == StatusCode::NOT_FOUND || absent.contains(&status));
            let response = match self.call(&Scope::pull(repository), request) {
                Err(error) if error.is_bare_refusal() && is_absent(StatusCode::UNAUTHORIZED) => {
                    return Ok(PagedList::Absent(StatusCode::UNAUTHORIZED));
                }
                outcome => outcome?,
            };
            match response.status() {
                StatusCode::OK => {}
                status if is_absent(status) => return Ok(PagedList::Absent(status)),
                _ => return Err(response.into_error().into()),
            }
            let content_type = crate::oci::media_type::essence(response.header(&CONTENT_TYPE).unwrap_or_default());
            let next = response.header_values(&LINK).find_map(next_link).map(|link| response.url().join(link));
            let bytes = response.into_bytes(MAXIMUM_LENGTH)?;
            let within =
                page(&content_type, &bytes).map_err(|source| RegistryError::List { url: url.clone(), source })?;
            match next {
                _ if !within => break,
                None => return Ok(PagedList::Complete),
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
