//! A map of names: below which path each repository goes on this side.
//!
//! Promise: the longest beginning that is written for a repository decides ([`NameBeginning`]). Whether two names meet is checked like with
//! every other naming.

use std::collections::BTreeMap;

use crate::oci::{NameBeginning, NameBeginningError, Repository};
use crate::remedy::{Remediable, Remedy};

/// The most entries of a map.
const MAXIMUM_ENTRIES: usize = 100_000;

/// From repositories, or the beginnings of their names, to paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap(BTreeMap<NameBeginning, String>);

/// Why a text is not a map of names.
#[derive(Debug, thiserror::Error)]
pub enum NameMapError {
    /// It is not TOML, or not a table of texts.
    #[error("the map of names is not a table of texts: {0}")]
    Toml(String),
    /// It has too many entries.
    #[error("the map of names has {count} entries; the limit is {MAXIMUM_ENTRIES}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// What it maps from is not a registry, or the beginning of the name of a repository.
    #[error(transparent)]
    From(#[from] NameBeginningError),
    /// Two of its entries mean the same.
    #[error("{first:?} and {second:?} mean the same, {meant}")]
    Twice {
        /// One, as it is written.
        first: String,
        /// The other.
        second: String,
        /// What both mean.
        meant: String,
    },
    /// What it maps to is not a path.
    #[error("{from:?} is mapped to {to:?}, which is not a path of repositories")]
    To {
        /// What is mapped.
        from: String,
        /// To what.
        to: String,
    },
}

impl Remediable for NameMapError {
    fn remedy(&self) -> Remedy {
        Remedy::CorrectNameMap
    }
}

impl NameMap {
    /// Reads a map: a TOML table from names to paths, such as `"docker.io/library" = "base"`.
    ///
    /// # Errors
    /// [`NameMapError`].
    pub fn parse(text: &str) -> Result<Self, NameMapError> {
        let read: BTreeMap<String, String> =
            toml::from_str(text).map_err(|error| NameMapError::Toml(error.message().to_owned()))?;
        if read.len() > MAXIMUM_ENTRIES {
            return Err(NameMapError::TooMany { count: read.len() });
        }
        let (mut map, mut written) = (BTreeMap::new(), BTreeMap::new());
        for (from, to) in read {
            let full: NameBeginning = from.parse()?;
            let path = to.trim_matches('/');
            if !path.is_empty() && Repository::new("registry.example", path).is_err() {
                return Err(NameMapError::To { from, to });
            }
            map.insert(full.clone(), path.to_owned());
            if let Some(first) = written.insert(full.clone(), from.clone()) {
                return Err(NameMapError::Twice { first, second: from, meant: full.to_string() });
            }
        }
        Ok(Self(map))
    }

    /// The path of a repository; `None` if the map says nothing about it.
    pub(super) fn path(&self, repository: &Repository) -> Option<String> {
        let (path, rest) = NameBeginning::longest(repository, |beginning| self.0.get(beginning))?;
        Some(match (path.as_str(), rest) {
            ("", rest) => rest.to_owned(),
            (path, "") => path.to_owned(),
            (path, rest) => format!("{path}/{rest}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Reference;

    #[test]
    fn the_longest_prefix_decides() {
        let map = NameMap::parse(
            r#"
            "docker.io" = "hub"
            "docker.io/library" = "base"
            "docker.io/library/nginx" = "web/nginx"
            "Quay.io:443/acme" = ""
            "localhost:5000" = "local"
            "docker.io/redis" = "cache"
            "docker.io/library/mongo" = "documents"
            "index.docker.io/mongo" = "near-documents"
            "#,
        )
        .unwrap();
        let path = |name: &str| map.path(name.parse::<Reference>().unwrap().repository());
        for (name, expected) in [
            ("nginx:1", Some("web/nginx")),
            ("alpine", Some("base/alpine")),
            // What is written short means what it means in a name, and what is below it too.
            ("redis:7", Some("cache")),
            ("docker.io/library/redis", Some("cache")),
            ("docker.io/redis/stack", Some("cache/stack")),
            ("docker.io/redisx", Some("base/redisx")),
            ("mongo", Some("documents")),
            ("docker.io/mongo/tools", Some("near-documents/tools")),
            ("docker.io/library2/a", Some("hub/library2/a")),
            ("quay.io/acme/app/part:2", Some("app/part")),
            ("localhost:5000/a/b", Some("local/a/b")),
            ("quay.io/acmes/app", None),
            ("ghcr.io/a/b", None),
        ] {
            assert_eq!(path(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused_for_its_reason() {
        assert!(matches!(NameMap::parse("a = 1"), Err(NameMapError::Toml(_))));
        assert!(matches!(NameMap::parse("["), Err(NameMapError::Toml(_))));
        for from in [
            "library",
            "docker.io/UPPER",
            "docker.io/",
            "",
            "docker.io//a",
            "acme/foo.bar",
            "acme/app:1",
            "localhosts/a",
            "UPPER",
        ] {
            assert!(matches!(NameMap::parse(&format!("{from:?} = \"x\"")), Err(NameMapError::From(_))), "{from}");
        }
        for (first, second) in [
            ("docker.io", "index.docker.io"),
            ("Quay.io/acme", "quay.io/acme"),
            ("e.x", "e.x:443"),
            ("LOCALHOST:5000", "localhost:5000"),
        ] {
            for path in ["a", "b"] {
                let refused = NameMap::parse(&format!("{first:?} = \"a\"\n{second:?} = {path:?}")).unwrap_err();
                let NameMapError::Twice { meant, .. } = &refused else { panic!("{refused}") };
                let text = refused.to_string();
                assert!(text.contains(first) && text.contains(second) && text.contains(meant.as_str()), "{text}");
            }
        }
        for to in ["UPPER", "a b", "../a", "a//b"] {
            assert!(matches!(NameMap::parse(&format!("\"e.x\" = {to:?}")), Err(NameMapError::To { .. })), "{to}");
        }
        let many: String = (0..=MAXIMUM_ENTRIES).map(|number| format!("\"e.x/r{number}\" = \"a\"\n")).collect();
        assert!(matches!(NameMap::parse(&many), Err(NameMapError::TooMany { .. })));
    }
}
