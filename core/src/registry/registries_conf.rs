//! `registries.conf`, as podman, skopeo and CRI-O read it: which names are blocked, and where the others are really fetched from.
//!
//! Promise: what is read means what containers-registries.conf(5) says of it; what is not read is listed ([`RegistriesConf::unread`]); and
//! what cannot be understood is an error, because a name that was to be blocked would not be. Of one table, the mirrors come first, in their
//! order, and its location last. Prefixes are compared as they are written: `docker.io/nginx` is a folder of repositories, as that page
//! says, and not `docker.io/library/nginx`.

use std::collections::BTreeMap;

use sealift_proof::domain::Domain;
use toml::{Table, Value};

use super::mirrors::MirrorPlace;
use crate::oci::{NameBeginning, Repository};
use crate::remedy::{Remediable, Remedy};

/// The most tables, and the most mirrors of one table, that are read.
const MAXIMUM_TABLES: usize = 10_000;
const MAXIMUM_MIRRORS: usize = 100;

/// What a `registries.conf` says about names.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    beginnings: BTreeMap<NameBeginning, RegistryTable>,
    /// By what the domain ends with, such as `.example.com`.
    subdomains: BTreeMap<String, RegistryTable>,
    unread: Vec<String>,
}

/// What one table says about the names of its prefix.
#[derive(Debug, Clone)]
pub(super) struct RegistryTable {
    /// The prefix, as it is written.
    pub(super) prefix: String,
    /// Nothing of it may be fetched.
    pub(super) blocked: bool,
    /// Where names with this prefix are really fetched from; `None` if from where they say.
    location: Option<MirrorPlace>,
    mirrors: Vec<ConfiguredMirror>,
}

#[derive(Debug, Clone)]
struct ConfiguredMirror {
    place: MirrorPlace,
    pulls: Pulls,
}

/// Which kinds of names are looked up in a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulls {
    All,
    ByDigest,
    ByTag,
}

/// What kind of name something is requested by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    Tag,
    Digest,
}

/// Why a text is not a `registries.conf` that can be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistriesConfError {
    /// It is not TOML.
    #[error("it is not TOML: {0}")]
    Toml(String),
    /// It is in the format of version 1.
    #[error("it is in the format of version 1, with lists below [registries]")]
    VersionOne,
    /// A value is not of the required kind.
    #[error("{key} is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A table has neither a prefix nor a location.
    #[error("the [[registry]] number {number} has neither prefix nor location")]
    NoPrefix {
        /// Which one it is, counted from 1.
        number: usize,
    },
    /// A prefix is not the beginning of a name, or has a tag or a digest.
    #[error("the prefix {0:?} is not a registry, a registry with the beginning of a path, or *.DOMAIN")]
    Prefix(String),
    /// A location is not the beginning of a name.
    #[error("the location {0:?} is not a registry, or a registry with the beginning of a path")]
    Location(String),
    /// Two tables have the same prefix.
    #[error("two tables have the prefix {0}")]
    Twice(String),
    /// It has too many tables.
    #[error("it has more than {limit} {what} tables")]
    TooMany {
        /// The limit.
        limit: usize,
        /// What kind of table it has too many of.
        what: &'static str,
    },
}

impl Remediable for RegistriesConfError {
    fn remedy(&self) -> Remedy {
        Remedy::CorrectRegistriesConf
    }
}

impl RegistriesConf {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`RegistriesConfError`].
    pub fn parse(text: &str) -> Result<Self, RegistriesConfError> {
        let mut file: Table =
            text.parse().map_err(|error: toml::de::Error| RegistriesConfError::Toml(error.message().to_owned()))?;
        if file.contains_key("registries") {
            return Err(RegistriesConfError::VersionOne);
        }
        let mut conf = Self::default();
        let tables = tables(&mut file, "registry", "", MAXIMUM_TABLES)?;
        for (at, table) in tables.into_iter().enumerate() {
            conf.add(table, at + 1)?;
        }
        conf.unread.extend(file.into_iter().map(|(key, _)| key));
        Ok(conf)
    }

    /// The keys of the file that this program ignores, each with its table.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    fn add(&mut self, mut table: Table, number: usize) -> Result<(), RegistriesConfError> {
        let written = text(&mut table, "prefix", "")?;
        let located = text(&mut table, "location", "")?;
        let prefix = written.filter(|it| !it.is_empty()).or_else(|| located.clone());
        let prefix = prefix.ok_or(RegistriesConfError::NoPrefix { number })?;
        let of = format!("[[registry]] {prefix}: ");
        let location = located.as_deref().map(place).transpose()?;
        let blocked = flag(&mut table, "blocked", &of)?;
        self.note_insecure(&mut table, &of)?;
        let by_digest_only = flag(&mut table, "mirror-by-digest-only", &of)?;
        let mut mirrors = Vec::new();
        for mut mirror in tables(&mut table, "mirror", &of, MAXIMUM_MIRRORS)? {
            let there = text(&mut mirror, "location", &of)?.unwrap_or_default();
            let of = format!("{of}mirror {there}: ");
            self.note_insecure(&mut mirror, &of)?;
            let pulls = match text(&mut mirror, "pull-from-mirror", &of)?.as_deref() {
                None | Some("" | "all") if by_digest_only => Pulls::ByDigest,
                None | Some("" | "all") => Pulls::All,
                Some("digest-only") => Pulls::ByDigest,
                Some("tag-only") if !by_digest_only => Pulls::ByTag,
                Some(_) => {
                    let expected = "all, digest-only or tag-only (tag-only excludes mirror-by-digest-only)";
                    return Err(RegistriesConfError::Value { key: format!("{of}pull-from-mirror"), expected });
                }
            };
            mirrors.push(ConfiguredMirror { place: place(&there)?, pulls });
            self.unread.extend(mirror.into_iter().map(|(key, _)| format!("{of}{key}")));
        }
        self.unread.extend(table.into_iter().map(|(key, _)| format!("{of}{key}")));
        let table = RegistryTable { prefix: prefix.clone(), blocked, location, mirrors };
        let is_twice = match prefix.strip_prefix('*') {
            Some(subdomains) => {
                let domain = subdomains.strip_prefix('.').and_then(|domain| domain.parse::<Domain>().ok());
                let domain = domain.ok_or_else(|| RegistriesConfError::Prefix(prefix.clone()))?;
                self.subdomains.insert(format!(".{domain}"), table).is_some()
            }
            None => {
                let beginning = prefix.trim_end_matches('/').parse();
                let beginning = beginning.map_err(|_| RegistriesConfError::Prefix(prefix.clone()))?;
                self.beginnings.insert(beginning, table).is_some()
            }
        };
        if is_twice { Err(RegistriesConfError::Twice(prefix)) } else { Ok(()) }
    }

    /// Only `--plain-http` permits a host to be reached without TLS, so `insecure` is noted and ignored.
    fn note_insecure(&mut self, table: &mut Table, of: &str) -> Result<(), RegistriesConfError> {
        if flag(table, "insecure", of)? {
            self.unread.push(format!("{of}insecure"));
        }
        Ok(())
    }

    /// The table of a repository, and the part of its path after the prefix: the longest prefix counts, and `*.DOMAIN` only where no
    /// other fits.
    pub(super) fn table<'r>(&self, repository: &'r Repository) -> Option<(&RegistryTable, &'r str)> {
        let name = repository.to_string();
        // None of them is a short way to write a name.
        let mut as_written = repository.beginnings().filter(|(beginning, rest)| !rest.is_empty() || *beginning == name);
        let exact = as_written.find_map(|(beginning, rest)| Some((self.beginnings.get(beginning.as_str())?, rest)));
        let ends = || repository.domain().match_indices('.').filter_map(|(at, _)| repository.domain().get(at..));
        exact.or_else(|| {
            let table = ends().find_map(|end| self.subdomains.get(end))?;
            Some((table, repository.path()))
        })
    }
}

impl RegistryTable {
    /// Where a repository is looked for, in this order.
    pub(super) fn places(&self, repository: &Repository, rest: &str, asked_by: AskedBy) -> Vec<Repository> {
        let is_asked = |mirror: &&ConfiguredMirror| match mirror.pulls {
            Pulls::All => true,
            Pulls::ByDigest => asked_by == AskedBy::Digest,
            Pulls::ByTag => asked_by == AskedBy::Tag,
        };
        let mirrors = self.mirrors.iter().filter(is_asked);
        let mirrors = mirrors.filter_map(|mirror| mirror.place.mirrored(repository, rest));
        let last = self.location.as_ref().and_then(|place| place.mirrored(repository, rest));
        mirrors.chain([last.unwrap_or_else(|| repository.clone())]).collect()
    }
}

fn place(written: &str) -> Result<MirrorPlace, RegistriesConfError> {
    written.parse().map_err(|()| RegistriesConfError::Location(written.to_owned()))
}

fn text(table: &mut Table, key: &str, of: &str) -> Result<Option<String>, RegistriesConfError> {
    match table.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(RegistriesConfError::Value { key: format!("{of}{key}"), expected: "a string" }),
    }
}

fn flag(table: &mut Table, key: &str, of: &str) -> Result<bool, RegistriesConfError> {
    match table.remove(key) {
        None => Ok(false),
        Some(Value::Boolean(set)) => Ok(set),
        Some(_) => Err(RegistriesConfError::Value { key: format!("{of}{key}"), expected: "true or false" }),
    }
}

fn tables(table: &mut Table, key: &'static str, of: &str, limit: usize) -> Result<Vec<Table>, RegistriesConfError> {
    let wrong = || RegistriesConfError::Value { key: format!("{of}{key}"), expected: "a list of tables" };
    let Some(value) = table.remove(key) else { return Ok(Vec::new()) };
    let Value::Array(items) = value else { return Err(wrong()) };
    if items.len() > limit {
        return Err(RegistriesConfError::TooMany { limit, what: key });
    }
    let as_table = |item| if let Value::Table(table) = item { Ok(table) } else { Err(wrong()) };
    items.into_iter().map(as_table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Reference;

    fn places(conf: &str, name: &str, asked_by: AskedBy) -> Vec<String> {
        let conf = RegistriesConf::parse(conf).unwrap();
        let name: Reference = name.parse().unwrap();
        let Some((table, rest)) = conf.table(name.repository()) else { return vec!["-".to_owned()] };
        if table.blocked {
            return vec![format!("blocked by {}", table.prefix)];
        }
        table.places(name.repository(), rest, asked_by).iter().map(ToString::to_string).collect()
    }

    /// The example of containers-registries.conf(5), and the rules that it states.
    #[test]
    fn names_are_looked_for_where_the_page_says() {
        let conf = r#"
            unqualified-search-registries = ["example.com"]

            [[registry]]
            prefix = "example.com/foo"
            insecure = false
            blocked = false
            location = "internal.example.net/bar"
            [[registry.mirror]]
            location = "mirror-0.local/mirror-for-foo"
            [[registry.mirror]]
            location = "mirror-1.local/mirrors/foo"
            insecure = true

            [[registry]]
            location = "example.com"

            [[registry]]
            prefix = "example.com/foo/secret"
            blocked = true

            [[registry]]
            prefix = "*.example.com"
            location = "wild.example.net/all"

            [[registry]]
            prefix = "*.deep.example.com"
            blocked = true

            [[registry]]
            prefix = "docker.io/alpine"
            location = "near.example/alpine"

            [[registry]]
            prefix = "docker.io/library/redis"
            location = "near.example/redis"
        "#;
        let three = [
            "mirror-0.local/mirror-for-foo/image",
            "mirror-1.local/mirrors/foo/image",
            "internal.example.net/bar/image",
        ];
        for (name, expected) in [
            ("example.com/foo/image:latest", &three[..]),
            ("EXAMPLE.com:443/foo/image", &three),
            ("example.com/fool/image", &["example.com/fool/image"]),
            ("example.com/foo/secret/image", &["blocked by example.com/foo/secret"]),
            ("example.com/foo/secret", &["blocked by example.com/foo/secret"]),
            ("a.example.com/x:1", &["wild.example.net/all/x"]),
            ("b.deep.example.com/x:1", &["blocked by *.deep.example.com"]),
            ("deep.example.com/x:1", &["wild.example.net/all/x"]),
            ("badexample.com/x:1", &["-"]),
            // As the page says: the prefix without library/ is a folder of repositories.
            ("alpine:3", &["-"]),
            ("docker.io/alpine/git:1", &["near.example/alpine/git"]),
            ("redis:7", &["near.example/redis"]),
        ] {
            assert_eq!(places(conf, name, AskedBy::Tag), expected, "{name}");
        }
        let unread = RegistriesConf::parse(conf).unwrap();
        assert_eq!(
            unread.unread(),
            [
                "[[registry]] example.com/foo: mirror mirror-1.local/mirrors/foo: insecure",
                "unqualified-search-registries"
            ]
        );
    }

    #[test]
    fn mirrors_may_be_asked_for_digests_or_for_tags_alone() {
        let conf = |mirrors: &str| format!("[[registry]]\nprefix = \"e.x\"\n{mirrors}");
        let by_digest = conf("mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.x\"");
        assert_eq!(places(&by_digest, "e.x/a:1", AskedBy::Tag), ["e.x/a"]);
        assert_eq!(places(&by_digest, "e.x/a:1", AskedBy::Digest), ["m.x/a", "e.x/a"]);
        for (pull, by_tag, by_digest) in [
            ("all", &["m.x/a", "e.x/a"][..], &["m.x/a", "e.x/a"][..]),
            ("digest-only", &["e.x/a"], &["m.x/a", "e.x/a"]),
            ("tag-only", &["m.x/a", "e.x/a"], &["e.x/a"]),
        ] {
            let conf = conf(&format!("[[registry.mirror]]\nlocation = \"m.x\"\npull-from-mirror = \"{pull}\""));
            assert_eq!(places(&conf, "e.x/a:1", AskedBy::Tag), by_tag, "{pull}");
            assert_eq!(places(&conf, "e.x/a:1", AskedBy::Digest), by_digest, "{pull}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused_for_its_reason() {
        let refused = |text: &str| RegistriesConf::parse(text).unwrap_err();
        assert!(matches!(refused("["), RegistriesConfError::Toml(_)));
        assert_eq!(refused("[registries.block]\nregistries = ['e.x']"), RegistriesConfError::VersionOne);
        assert_eq!(refused("[[registry]]\nblocked = true"), RegistriesConfError::NoPrefix { number: 1 });
        for prefix in ["e.x/a:1", "e.x/UPPER", "library/nginx", "*", "*.e.x/a", "*e.x", "e.*.x", "https://e.x", " e.x"]
        {
            assert_eq!(
                refused(&format!("[[registry]]\nprefix = {prefix:?}\nblocked = true")),
                RegistriesConfError::Prefix(prefix.to_owned())
            );
        }
        for location in ["https://e.x", "e.x/UPPER", "e.x/a:1", ""] {
            let text = format!("[[registry]]\nprefix = \"e.x\"\n[[registry.mirror]]\nlocation = {location:?}");
            assert_eq!(refused(&text), RegistriesConfError::Location(location.to_owned()));
        }
        for text in [
            "registry = 1",
            "registry = [1]",
            "[[registry]]\nlocation = 1",
            "[[registry]]\nlocation = \"e.x\"\nblocked = \"true\"",
            "[[registry]]\nlocation = \"e.x\"\ninsecure = 1",
            "[[registry]]\nlocation = \"e.x\"\nmirror = \"m.x\"",
            "[[registry]]\nlocation = \"e.x\"\n[[registry.mirror]]\nlocation = \"m.x\"\npull-from-mirror = \"often\"",
            "[[registry]]\nlocation = \"e.x\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.x\"\npull-from-mirror = \"tag-only\"",
        ] {
            assert!(matches!(refused(text), RegistriesConfError::Value { .. }), "{text}");
        }
        for other in ["E.x:443", "e.x/", "e.x."] {
            let text = format!("[[registry]]\nlocation = \"e.x\"\n[[registry]]\nprefix = {other:?}\nblocked = true");
            assert_eq!(refused(&text), RegistriesConfError::Twice(other.to_owned()));
        }
        let many = "[[registry]]\nlocation = \"e.x\"\n".repeat(MAXIMUM_TABLES + 1);
        assert!(matches!(refused(&many), RegistriesConfError::TooMany { .. }));
        // What is not known is said, and not taken for something else.
        let conf =
            RegistriesConf::parse("[aliases]\na = \"e.x/a\"\n[[registry]]\nlocation = \"e.x\"\nblockd = true").unwrap();
        assert_eq!(conf.unread(), ["[[registry]] e.x: blockd", "aliases"]);
    }
}
