//! Mirrors: where a name is really fetched from.

use std::str::FromStr;

use sealift_proof::domain::Domain;

use crate::oci::{NameBeginning, Reference, Repository};

/// What is named one way is fetched from another place. Both are a registry, or a registry and the beginning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    from: NameBeginning,
    to: MirrorPlace,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct MirrorPlace {
    domain: String,
    /// Without a slash at either end; may be empty.
    path: String,
}

/// Why a text does not name a mirror.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not FROM=TO, each a registry, or a registry and the beginning of a path")]
pub struct MirrorNameError(String);

impl FromStr for RegistryMirror {
    type Err = MirrorNameError;

    fn from_str(text: &str) -> Result<Self, MirrorNameError> {
        let error = || MirrorNameError(text.chars().take(200).collect());
        let (from, to) = text.split_once('=').ok_or_else(error)?;
        let from = from.strip_suffix('/').unwrap_or(from).parse().map_err(|_| error())?;
        Ok(Self { from, to: to.parse().map_err(|()| error())? })
    }
}

impl FromStr for MirrorPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (domain, path) = text.split_once('/').unwrap_or((text, ""));
        let domain: Domain = domain.parse().map_err(|_| ())?;
        let place = Self { domain: domain.to_string(), path: path.to_owned() };
        // Whether it can be the beginning of a repository's name.
        place.repository("x").map(|_| place).ok_or(())
    }
}

impl MirrorPlace {
    /// The repository with this path behind this place.
    fn repository(&self, rest: &str) -> Option<Repository> {
        let parts = [self.path.as_str(), rest].into_iter().filter(|part| !part.is_empty());
        Repository::new(&self.domain, &parts.collect::<Vec<_>>().join("/")).ok()
    }
}

/// Mirrors of any number of registries.
#[derive(Debug, Clone, Default)]
pub(super) struct RegistryMirrors(Vec<RegistryMirror>);

impl RegistryMirrors {
    pub(super) fn new(mirrors: Vec<RegistryMirror>) -> Self {
        Self(mirrors)
    }

    /// Where a repository is fetched from: by the mirror of the longest name that it begins with, or from where it says.
    pub(super) fn repository(&self, repository: &Repository) -> Repository {
        let of = |beginning: &NameBeginning| self.0.iter().rfind(|mirror| mirror.from == *beginning);
        let mirrored = NameBeginning::longest(repository, of).and_then(|(mirror, rest)| {
            // What is exactly FROM keeps its last component where TO has none to give it.
            let last = repository.path().rsplit('/').next().unwrap_or_default();
            mirror.to.repository(rest).or_else(|| mirror.to.repository(last))
        });
        mirrored.unwrap_or_else(|| repository.clone())
    }

    /// The same for a reference.
    pub(super) fn reference(&self, reference: &Reference) -> Reference {
        let repository = self.repository(reference.repository());
        Reference::new(repository, reference.tag().cloned(), reference.digest().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(mirrors: &[&str], name: &str) -> String {
        let mirrors = RegistryMirrors::new(mirrors.iter().map(|mirror| mirror.parse().unwrap()).collect());
        mirrors.reference(&name.parse().unwrap()).to_string()
    }

    #[test]
    fn the_longest_name_that_fits_says_where_it_is_fetched_from() {
        let mirrors = ["docker.io=near.example:5000/hub", "docker.io/acme/=near.example/acme", "Quay.io:443=q.example"];
        for (name, expected) in [
            ("nginx:1", "near.example:5000/hub/library/nginx:1"),
            ("acme/shop:1", "near.example/acme/shop:1"),
            ("docker.io/acmes/shop:1", "near.example:5000/hub/acmes/shop:1"),
            ("quay.io/a/b:1", "q.example/a/b:1"),
            ("r.example/a:1", "r.example/a:1"),
            ("quay.io.example/a:1", "quay.io.example/a:1"),
        ] {
            assert_eq!(fetched(&mirrors, name), expected, "{name}");
        }
        let library = ["docker.io/nginx=near.example/web", "docker.io/library=near.example/base", "docker.io/x=y.example"];
        for (name, expected) in [
            ("nginx:1", "near.example/web:1"),
            ("docker.io/library/nginx:1", "near.example/web:1"),
            ("docker.io/nginx/ingress:1", "near.example/web/ingress:1"),
            ("alpine:1", "near.example/base/alpine:1"),
            ("docker.io/x:1", "y.example/x:1"),
        ] {
            assert_eq!(fetched(&library, name), expected, "{name}");
        }
        assert_eq!(fetched(&["r.example/a/b=s.example/c"], "r.example/a/b:1"), "s.example/c:1");
        assert_eq!(fetched(&["r.example/a/b=s.example"], "r.example/a/b:1"), "s.example/b:1");
        assert_eq!(fetched(&["r.example/a/b=s.example"], "r.example/a/b/c:1"), "s.example/c:1");
    }

    #[test]
    fn what_cannot_be_a_place_is_refused() {
        for text in [
            "",
            "docker.io",
            "=r.example",
            "docker.io=",
            "a b=r.example",
            "docker.io=r.example/A",
            "docker.io=https://r.example",
            "library/nginx=r.example",
            "nginx=r.example",
        ] {
            assert!(text.parse::<RegistryMirror>().is_err(), "{text}");
        }
    }
}
