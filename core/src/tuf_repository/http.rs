//! A repository behind `http` or `https`.

use std::io::Read;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sealift_archive_format::Digest;
use sealift_proof::tuf::provider::target_file_path;
use sealift_proof::tuf::{MetadataProvider, ProviderError, RoleName, TargetProvider};

use super::TargetFiles;
use crate::http::{HttpClient, HttpError, SteadyReader, Url, UrlError};

/// What stays as it is in the path of a target: unreserved characters (RFC 3986 §2.3) and `/`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A repository that a web server serves. Retries and their delays are the client's.
#[derive(Clone)]
pub struct HttpRepository {
    client: HttpClient,
    metadata: String,
    targets: String,
}

impl HttpRepository {
    /// A repository whose metadata and targets lie below these URLs.
    pub fn new(client: HttpClient, metadata: &Url, targets: &Url) -> Self {
        Self { client, metadata: folder(metadata), targets: folder(targets) }
    }

    /// The file of a target, and where it is; `None` for a name that servers do not agree on.
    fn target_url(&self, path: &str, digest_prefix: Option<&Digest>) -> Option<(String, Result<Url, UrlError>)> {
        let is_dots = |segment: &str| matches!(&*percent_decode_str(segment).collect::<Vec<_>>(), b"." | b"..");
        if path.split('/').any(is_dots) {
            return None;
        }
        let file = target_file_path(path, digest_prefix);
        let url = format!("{}{}", self.targets, encoded(&file)).parse();
        Some((file, url))
    }

    fn fetch(&self, url: Result<Url, UrlError>, file_name: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| ProviderError::Unavailable {
            file_name: file_name.to_owned(),
            source,
        };
        match self.client.get(&url.map_err(|error| unavailable(error.into()))?, limit) {
            Ok(found) => Ok(found),
            Err(HttpError::TooLarge { limit, .. }) => {
                Err(ProviderError::TooLong { file_name: file_name.to_owned(), limit })
            }
            Err(error) => Err(unavailable(error.into())),
        }
    }
}

/// A path for a URL.
fn encoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut url = utf8_percent_encode(parts.next().unwrap_or_default(), ENCODED).to_string();
    for part in parts {
        let is_encoded = part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        url.push_str(if is_encoded { "%" } else { "%25" });
        url.extend(utf8_percent_encode(part, ENCODED));
    }
    url
}

fn is_forbidden(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(HttpError::Status { status: 403, .. }))
}

fn folder(url: &Url) -> String {
    let text = url.to_text();
    if text.ends_with('/') { text } else { format!("{text}/") }
}

impl MetadataProvider for HttpRepository {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let file_name = role.file_name(version);
        match self.fetch(format!("{}{file_name}", self.metadata).parse(), &file_name, limit) {
            // Storage services whose contents cannot be listed answer in this way for a root that does not exist yet.
            Err(ProviderError::Unavailable { source, .. }) if is_forbidden(&*source) && *role == RoleName::root() => {
                Ok(None)
            }
            found => found,
        }
    }

    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }
}

impl TargetFiles for HttpRepository {
    fn open(
        &self,
        path: &str,
        digest_prefix: Option<&Digest>,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>, ProviderError> {
        let Some((file, url)) = self.target_url(path, digest_prefix) else { return Ok(None) };
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| ProviderError::Unavailable {
            file_name: file.clone(),
            source,
        };
        let url = url.map_err(|error| unavailable(error.into()))?;
        let reader = SteadyReader::open(&self.client, &url, length).map_err(|error| unavailable(error.into()))?;
        Ok(reader.map(|reader| -> Box<dyn Read + Send> { Box::new(reader) }))
    }
}

impl TargetProvider for HttpRepository {
    /// A name with a `.` or `..` segment is treated as missing, because servers differ in what they make of it. What is
    /// percent-encoded in a name stays as it is (TUF 1.0.34 §4.5: target paths align with URLs).
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let Some((file, url)) = self.target_url(path, digest_prefix) else { return Ok(None) };
        self.fetch(url, &file, limit)
    }

    fn twin(&self) -> Option<Box<dyn TargetProvider>> {
        Some(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_stays_so_and_what_is_not_becomes_so() {
        for (path, expected) in [
            ("a b/c:d@e", "a%20b/c%3Ad%40e"),
            ("a%20b/%2F%2f", "a%20b/%2F%2f"),
            ("100%", "100%25"),
            ("%zz%2", "%25zz%252"),
            ("%\u{e9}?#", "%25%C3%A9%3F%23"),
        ] {
            assert_eq!(encoded(path), expected, "{path}");
        }
    }
}
