//! Mirrors: where a name is really fetched from.

use std::str::FromStr;

use sealift_proof::domain::Domain;

use super::RegistryError;
use super::registries_conf::{AskedBy, RegistriesConf};
use crate::oci::{NameBeginning, Repository};

/// What is named one way is fetched from another place. Both are a registry, or a registry and the beginning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    from: NameBeginning,
    to: MirrorPlace,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MirrorPlace {
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
    /// Where a repository is in this mirror. `rest` is the part of its path after the prefix that the mirror is for.
    pub(super) fn mirrored(&self, repository: &Repository, rest: &str) -> Option<Repository> {
        // If nothing comes after the prefix and the mirror has no path, the last component is kept.
        let last = repository.path().rsplit('/').next().unwrap_or_default();
        self.repository(rest).or_else(|| self.repository(last))
    }

    /// The repository with this path behind this place.
    fn repository(&self, rest: &str) -> Option<Repository> {
        let parts = [self.path.as_str(), rest].into_iter().filter(|part| !part.is_empty());
        Repository::new(&self.domain, &parts.collect::<Vec<_>>().join("/")).ok()
    }
}

/// Where names are really fetched from: what the command line says, and then what a `registries.conf` does.
#[derive(Debug, Clone, Default)]
pub struct RegistryMirrors {
    asked: Vec<RegistryMirror>,
    configured: RegistriesConf,
}

impl RegistryMirrors {
    /// These mirrors, and for all other names what a `registries.conf` says. What it blocks stays blocked, even if a mirror is named for it.
    pub fn new(asked: Vec<RegistryMirror>, configured: RegistriesConf) -> Self {
        Self { asked, configured }
    }

    /// Where a repository is looked for, in this order; at least one place. A mirror of `asked` is the only place.
    ///
    /// # Errors
    /// [`RegistryError::Blocked`].
    pub(super) fn places(&self, repository: &Repository, asked_by: AskedBy) -> Result<Vec<Repository>, RegistryError> {
        let configured = self.configured.table(repository);
        if let Some((table, _)) = configured
            && table.blocked
        {
            let (repository, prefix) = (repository.clone(), table.prefix.clone());
            return Err(RegistryError::Blocked { repository, prefix });
        }
        let of = |beginning: &NameBeginning| self.asked.iter().rfind(|mirror| mirror.from == *beginning);
        let asked = NameBeginning::longest(repository, of);
        if let Some(mirrored) = asked.and_then(|(mirror, rest)| mirror.to.mirrored(repository, rest)) {
            return Ok(vec![mirrored]);
        }
        Ok(configured
            .map_or_else(|| vec![repository.clone()], |(table, rest)| table.places(repository, rest, asked_by)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;
    use crate::oci::Reference;

    fn fetched(mirrors: &[&str], name: &str) -> String {
        let asked = mirrors.iter().map(|mirror| mirror.parse().unwrap()).collect();
        let mirrors = RegistryMirrors::new(asked, RegistriesConf::default());
        let name: Reference = name.parse().unwrap();
        let places = mirrors.places(name.repository(), AskedBy::Tag).unwrap();
        assert_eq!(places.len(), 1);
        Reference::new(places[0].clone(), name.tag().cloned(), None).to_string()
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
        let library =
            ["docker.io/nginx=near.example/web", "docker.io/library=near.example/base", "docker.io/x=y.example"];
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
    fn what_is_blocked_is_so_whatever_mirror_is_asked_for() {
        let conf = "[[registry]]\nprefix = \"e.x/a\"\nblocked = true\n[[registry]]\nlocation = \"e.x\"\n\
                    [[registry.mirror]]\nlocation = \"m.x\"\n";
        let mirrors = RegistryMirrors::new(vec!["e.x=near.x".parse().unwrap()], RegistriesConf::parse(conf).unwrap());
        let places = |name: &str| {
            let name: Reference = name.parse().unwrap();
            mirrors.places(name.repository(), AskedBy::Tag)
        };
        assert!(matches!(places("e.x/a/b:1"), Err(RegistryError::Blocked { prefix, .. }) if prefix == "e.x/a"));
        assert_eq!(places("e.x/b:1").unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(), ["near.x/b"]);
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
