//! User names and passwords in locations (RFC 3986 §3.2.1), as in `https://user:password@registry.example/app`.
//!
//! Promise: they are found wherever people write them, with or without a scheme, so that a program can refuse them, and never shows them.

use std::borrow::Cow;
use std::ops::Range;

/// What is shown instead of a user name and a password.
const HIDDEN: &str = "***";
/// What stands for a user name and a password in an instruction, and is shown.
pub const PLACEHOLDER: &str = "USER:PASSWORD";
/// What follows an `@` that belongs to a digest.
const DIGESTS: [&str; 4] = ["sha256:", "sha384:", "sha512:", "blake3:"];
/// What may stand before the first colon of an address of mail, which is no password.
const MAIL: [&str; 2] = ["mailto", "email"];

/// A text of any kind, in which `***` stands for each user name and password of a location.
pub fn hidden(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let is_end =
        |character: char| character.is_whitespace() || character.is_control() || "\"'`<>\\".contains(character);
    let shown = text.split_inclusive(is_end).flat_map(|word| {
        let (mut rest, end) = word.split_at(word.trim_end_matches(is_end).len());
        let mut pieces = Vec::new();
        while let Some(found) = find(rest) {
            let shown = if rest.get(found.clone()) == Some(PLACEHOLDER) { PLACEHOLDER } else { HIDDEN };
            pieces.extend([rest.get(..found.start).unwrap_or_default(), shown]);
            rest = rest.get(found.end..).unwrap_or_default();
        }
        pieces.extend([rest, end]);
        pieces
    });
    Cow::Owned(shown.collect())
}

/// A location without its scheme, its user name and its password; `None` if it has no user name.
pub fn location_after(text: &str) -> Option<&str> {
    find(text).and_then(|found| text.get(found.end + 1..))
}

/// The user name and the password in one word. What follows their end is an `@`.
fn find(word: &str) -> Option<Range<usize>> {
    match word.split_once("://") {
        Some((scheme, rest)) => {
            let start = scheme.len() + "://".len();
            let end = end_in_url(rest).map(|end| start + end);
            // There may be a second location in the same word.
            end.map(|end| start..end).or_else(|| find(rest).map(|it| it.start + start..it.end + start))
        }
        None => find_without_scheme(word),
    }
}

/// Where the user information ends, of which a text after a scheme begins with one.
fn end_in_url(text: &str) -> Option<usize> {
    let authority = text.split(['/', '?', '#', ',']).next().unwrap_or_default();
    let is_port = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit()) || it.ends_with(']');
    match last_at(authority, |after| !after.is_empty()) {
        // A password may have been typed as it is, with a slash in it.
        None if authority.rsplit_once(':').is_some_and(|(_, port)| !is_port(port)) => last_at(text, is_host),
        found => found,
    }
}

fn find_without_scheme(word: &str) -> Option<Range<usize>> {
    let end = last_at(word, is_host)?;
    let before = word.get(..end)?;
    let starts = before.rmatch_indices(['=', ',']).map(|(at, _)| at + 1).chain([0]);
    starts.map(|start| start..end).find(|range| {
        let found = before.get(range.clone()).and_then(|it| it.split_once(':'));
        found.is_some_and(|(user, password)| {
            let is_plain = !user.is_empty() && !user.contains('/') && !password.contains('/');
            is_plain && !MAIL.contains(&user)
        })
    })
}

/// The last `@` that is not that of a digest or of a place in a list, and after which there is something like this.
fn last_at(text: &str, is_meant: impl Fn(&str) -> bool) -> Option<usize> {
    text.rmatch_indices('@').map(|(at, _)| at).find(|at| {
        let after = text.get(at + 1..).unwrap_or_default();
        let is_position = !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit());
        let is_digest = DIGESTS.iter().any(|digest| after.starts_with(digest));
        !is_position && !is_digest && is_meant(after)
    })
}

/// Whether a text begins with a host that no tag is called like: it has a dot or a port, or is this machine.
fn is_host(text: &str) -> bool {
    let authority = text.split(['/', '?', '#', ',']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_port = port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    authority.starts_with('[') || !host.is_empty() && is_name && (host.contains('.') || is_port || host == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_and_passwords_are_hidden_wherever_they_are_written() {
        for (text, shown) in [
            ("https://user:s3cret@r.example/a:1", "https://***@r.example/a:1"),
            ("docker://user@registry/a", "docker://***@registry/a"),
            ("HTTPS://user:p@ss@r.example", "HTTPS://***@r.example"),
            ("https://user:pa/ss@r.example/a", "https://***@r.example/a"),
            ("https://user:p:w@[::1]:5000/a", "https://***@[::1]:5000/a"),
            ("a:1=docker://user:s3cret@r.example/a@sha256:12", "a:1=docker://***@r.example/a@sha256:12"),
            ("a:1=user:s3cret@r.example/a:1", "a:1=***@r.example/a:1"),
            ("user:s3=cret@r.example:5000", "***@r.example:5000"),
            ("user:p@ss@localhost/a", "***@localhost/a"),
            ("cannot read \"user:s3cret@r.example/a\": no", "cannot read \"***@r.example/a\": no"),
            ("{\"a\":\"http://u:p@h/x\",\"b\":\"u:p@h.x\"}", "{\"a\":\"http://***@h/x\",\"b\":\"***@h.x\"}"),
            ("acme=https://u:p@h/m,https://u:q@h/t", "acme=https://***@h/m,https://***@h/t"),
            ("docker://https://u:p@h/m", "docker://https://***@h/m"),
            ("http://USER:PASSWORD@h/m,http://u:p@h", "http://USER:PASSWORD@h/m,http://***@h"),
        ] {
            assert_eq!(hidden(text), shown);
        }
    }

    #[test]
    fn what_is_not_a_user_name_stays() {
        for text in [
            "docker.io/library/nginx:1@sha256:12",
            "nginx:1@sha512:12",
            "docker://nginx:1@sha256:12",
            "ocidir://folder:1@sha256:12",
            "r.example:5000/a@sha256:12",
            "oci:folder:@0",
            "ocidir://folder:@0",
            "pkg:deb/debian/curl@7.88.1",
            "git+https://example.com/org/shop@v1.0",
            "https://github.com/org/app/.github/workflows/x.yml@refs/heads/main",
            "alice@example.com",
            "mailto:alice@example.com",
            "https://r.example:5000/@scope/app",
            "https://user:s3cret",
            "12:30 @ noon",
        ] {
            assert_eq!(hidden(text), text);
            assert_eq!(location_after(text), None, "{text}");
        }
    }

    #[test]
    fn what_follows_is_the_location() {
        for text in ["docker://user:s3cret@r.example/a:1", "user:s3cret@r.example/a:1", "HTTPS://user@r.example/a:1"] {
            assert_eq!(location_after(text), Some("r.example/a:1"));
        }
    }
}
