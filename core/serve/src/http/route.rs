//! What a target asks for: paths of OCI Distribution 1.1 ("Endpoints"), of mirrors, and of this server itself.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a target asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Whether the server answers.
    Health,
    /// Whether it is a registry.
    Base,
    /// The repositories.
    Catalogue(PageWish),
    /// The tags of a repository.
    Tags {
        /// The path of the repository.
        repository: String,
        /// Which of them.
        page: PageWish,
    },
    /// A manifest.
    Manifest {
        /// The path of the repository.
        repository: String,
        /// A tag or a digest.
        reference: String,
    },
    /// A blob.
    Blob {
        /// The path of the repository.
        repository: String,
        /// A digest.
        digest: String,
    },
    /// The referrers of a manifest.
    Referrers {
        /// The path of the repository.
        repository: String,
        /// A digest.
        digest: String,
        /// The one type that is asked for.
        artifact_type: Option<String>,
    },
    /// A file of a TUF repository.
    Mirrored {
        /// The name of the repository.
        repository: String,
        /// The path of the file below it.
        path: String,
    },
    /// Nothing that there is.
    Nowhere,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageWish {
    /// How many entries, as it was written.
    pub(crate) count: Option<String>,
    /// The entry after which it begins.
    pub(crate) last: Option<String>,
}

impl Route {
    /// Reads a target.
    pub fn of(target: &str) -> Self {
        let (path, query) = split(target);
        // A name in TUF may have a slash, which its clients encode: a mirror has it decoded, as every web server would.
        if let Some((repository, path)) = path.strip_prefix("/tuf/").and_then(|rest| rest.split_once('/')) {
            return Self::mirrored(repository, path).unwrap_or(Self::Nowhere);
        }
        let segments: Option<Vec<Cow<'_, str>>> = path.split('/').skip(1).map(segment).collect();
        let Some(segments) = segments else { return Self::Nowhere };
        let names: Vec<&str> = segments.iter().map(|it| &**it).collect();
        let page = || PageWish { count: parameter(query, "n"), last: parameter(query, "last") };
        match names.as_slice() {
            ["healthz"] => Self::Health,
            ["v2"] | ["v2", ""] => Self::Base,
            ["v2", "_catalog"] => Self::Catalogue(page()),
            ["v2", repository @ .., "tags", "list"] => Self::Tags { repository: repository.join("/"), page: page() },
            ["v2", repository @ .., "manifests", reference] => {
                Self::Manifest { repository: repository.join("/"), reference: (*reference).to_owned() }
            }
            ["v2", repository @ .., "blobs", digest] => {
                Self::Blob { repository: repository.join("/"), digest: (*digest).to_owned() }
            }
            ["v2", repository @ .., "referrers", digest] => Self::Referrers {
                repository: repository.join("/"),
                digest: (*digest).to_owned(),
                artifact_type: parameter(query, "artifactType"),
            },
            _ => Self::Nowhere,
        }
    }

    fn mirrored(repository: &str, path: &str) -> Option<Self> {
        let repository = segment(repository)?.into_owned();
        Some(Self::Mirrored { repository, path: percent_decode_str(path).decode_utf8().ok()?.into_owned() })
    }
}

/// The path and the query of a target, which may be a whole URL (RFC 9112 §3.2.2).
fn split(target: &str) -> (&str, &str) {
    let after_scheme = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let local = after_scheme.map_or(target, |rest| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    let local = local.split('#').next().unwrap_or_default();
    local.split_once('?').unwrap_or((local, ""))
}

/// A segment, decoded; `None` where it would be more than one, or is not UTF-8.
fn segment(text: &str) -> Option<Cow<'_, str>> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (!decoded.contains(['/', '\0'])).then_some(decoded)
}

/// The first parameter with this name. A `+` is one: types have it in their names.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut parameters = query.split('&').filter_map(|it| it.split_once('='));
    let (_, value) = parameters.find(|(found, _)| *found == name)?;
    Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_asks_for_one_thing() {
        let repository = || "example.com/org/app".to_owned();
        let page = |count: Option<&str>, last: Option<&str>| PageWish {
            count: count.map(str::to_owned),
            last: last.map(str::to_owned),
        };
        for (target, expected) in [
            ("/healthz", Route::Health),
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("http://host:1/v2/", Route::Base),
            ("/v2/?x=y", Route::Base),
            ("/v2/_catalog?n=5&last=a%2Fb", Route::Catalogue(page(Some("5"), Some("a/b")))),
            ("/v2/example.com/org/app/tags/list", Route::Tags { repository: repository(), page: page(None, None) }),
            (
                "/v2/example.com/org/app/manifests/1.0?ns=example.com",
                Route::Manifest { repository: repository(), reference: "1.0".to_owned() },
            ),
            (
                "/v2/example.com/org/app/blobs/sha256%3A00",
                Route::Blob { repository: repository(), digest: "sha256:00".to_owned() },
            ),
            (
                "/v2/example.com/org/app/referrers/sha256:00?artifactType=a/b+json",
                Route::Referrers {
                    repository: repository(),
                    digest: "sha256:00".to_owned(),
                    artifact_type: Some("a/b+json".to_owned()),
                },
            ),
            (
                "/tuf/shop/targets/a%20b%2Fc/d",
                Route::Mirrored { repository: "shop".to_owned(), path: "targets/a b/c/d".to_owned() },
            ),
        ] {
            assert_eq!(Route::of(target), expected, "{target}");
        }
    }

    #[test]
    fn everything_else_is_nowhere() {
        for target in [
            "",
            "*",
            "/",
            "//v2/",
            "/V2/",
            "/v1/",
            "/v2/app",
            "/v2/a%2Fb/manifests/1",
            "/v2/%ff/manifests/1",
            "/v2/a/manifests/%00",
        ] {
            assert_eq!(Route::of(target), Route::Nowhere, "{target}");
        }
    }
}
