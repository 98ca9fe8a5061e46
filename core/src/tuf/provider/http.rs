//! A repository behind `http` or `https`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_archive_format::Digest;

use super::{MetadataProvider, ProviderError, TargetProvider, target_file_path};
use crate::http::{Client, HttpError, Url, UrlError};
use crate::tuf::role_name::RoleName;

/// What stays as it is in the path of a target: unreserved characters (RFC 3986 §2.3) and `/`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A repository that a web server serves. Retries and their delays are the client's.
#[derive(Clone)]
pub struct HttpRepository {
    client: Client,
    metadata: String,
    targets: String,
}

impl HttpRepository {
    /// A repository whose metadata and targets lie below these URLs.
    pub fn new(client: Client, metadata: &Url, targets: &Url) -> Self {
        Self { client, metadata: folder(metadata), targets: folder(targets) }
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
            // Storage services that do not let their contents be listed answer so for the root that is still to come.
            Err(ProviderError::Unavailable { source, .. }) if is_forbidden(&*source) && *role == RoleName::root() => {
                Ok(None)
            }
            found => found,
        }
    }
}

impl TargetProvider for HttpRepository {
    /// A name with a `.` or `..` segment is nowhere: what a server makes of it is not known.
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Ok(None);
        }
        let file = target_file_path(path, digest_prefix);
        let url = format!("{}{}", self.targets, utf8_percent_encode(&file, ENCODED)).parse();
        self.fetch(url, &file, limit)
    }
}
