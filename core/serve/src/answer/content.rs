//! A content, or the part of it that is asked for (RFC 9110 §13, §14).

use sealift_archive_format::Digest;

use super::{AnswerContent, RegistryAnswer};
use crate::catalogue::ServedContent;
use crate::http::byte_range::AskedRange;
use crate::http::request::RequestConditions;
use crate::http::response::ResponseHead;

/// A content, by its digest where it has one.
pub(super) fn part<'c>(
    content: &'c ServedContent,
    media_type: &'static str,
    digest: Option<&Digest>,
    conditions: &RequestConditions,
) -> RegistryAnswer<'c> {
    let length = content.length();
    let etag = digest.map(|digest| format!("\"{digest}\""));
    if let Some(etag) = etag.as_ref().filter(|etag| is_known(conditions, etag)) {
        return RegistryAnswer::of(ResponseHead::new(304).with("ETag", etag.as_str()), &b""[..]);
    }
    // A part of something else than what the client has is of no use to it.
    let is_same = conditions.if_range.is_none() || conditions.if_range == etag;
    let asked = conditions.range.as_ref().filter(|_| is_same);
    let (head, range) = match asked.map_or(AskedRange::Whole, |field| AskedRange::of(field, length)) {
        AskedRange::Whole => (ResponseHead::new(200), 0..length),
        AskedRange::Part(range) => {
            let last = range.end.saturating_sub(1);
            let stated = format!("bytes {}-{last}/{length}", range.start);
            (ResponseHead::new(206).with("Content-Range", stated), range)
        }
        AskedRange::Beyond => {
            return RegistryAnswer::of(
                ResponseHead::new(416).with("Content-Range", format!("bytes */{length}")),
                &b""[..],
            );
        }
    };
    let mut head = head.with("Content-Type", media_type).with("Accept-Ranges", "bytes");
    if let (Some(digest), Some(etag)) = (digest, etag) {
        head = head.with("Docker-Content-Digest", digest.to_string()).with("ETag", etag);
    }
    RegistryAnswer { head, content: AnswerContent::Part(content, range), is_last: false }
}

/// Whether the client has it already.
pub(super) fn is_known(conditions: &RequestConditions, etag: &str) -> bool {
    let known = conditions.if_none_match.as_deref().unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}
