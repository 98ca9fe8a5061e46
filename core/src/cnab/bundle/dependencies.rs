//! The bundles that a bundle needs: `io.cnab.dependencies` (CNAB Dependencies 1.0, §500), and Porter's second form of it.

use std::collections::BTreeMap;
use std::fmt;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ItemRecord;
use sealift_archive_format::strict_json::{self, Names};
use semver::Version;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::oci::{Reference, Tag};
use crate::version_range::{VersionRange, version_in};

/// The extension of CNAB.
pub(super) const EXTENSION: &str = "io.cnab.dependencies";
/// The second form that Porter gave it.
pub(super) const PORTER_EXTENSION: &str = "org.getporter.dependencies@v2";

/// The most bundles that one bundle may need.
const MAXIMUM_DEPENDENCIES: usize = 1_000;
/// The most ranges of versions of one of them.
const MAXIMUM_RANGES: usize = 100;

/// The characters that the ranges of a dependency may have together.
const MAXIMUM_LENGTH_OF_RANGES: usize = 4_096;

/// A bundle that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What the bundle that needs it calls it.
    pub name: String,
    /// Where it is, as it is written: `REGISTRY/NAME`, with or without a tag.
    pub bundle: String,
    /// The versions that will do, as they are written; all if there are none.
    pub ranges: Vec<String>,
    /// Whether versions that are not yet released will do.
    pub prereleases: bool,
    /// What it refers to, if that is a reference.
    reference: Option<Reference>,
}

/// A bundle that is carried, which another one may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedBundle {
    name: Reference,
    digest: Digest,
}

impl CarriedBundle {
    /// A bundle by its name, and the digest of what this name means in a registry; `None` where the name is not a reference.
    pub fn new(name: &str, digest: &Digest) -> Option<Self> {
        Some(Self { name: name.parse().ok()?, digest: digest.clone() })
    }

    /// The bundles among what an inventory lists.
    pub(crate) fn among<'r>(items: impl IntoIterator<Item = &'r ItemRecord>) -> Vec<Self> {
        let bundles = items.into_iter().filter(|item| item.as_bundle().is_some());
        bundles.filter_map(|item| Self::new(item.reference(), &item.named_content().digest)).collect()
    }
}

/// Why it is not known which bundles a bundle needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DependenciesError(String);

#[derive(Deserialize)]
struct Extended {
    #[serde(default)]
    custom: Option<Extensions>,
}

/// What is read of `custom`, a map: names that differ are different extensions.
#[derive(Default)]
struct Extensions {
    first: Option<Requires<RawVersions>>,
    second: Option<Requires<String>>,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExtensionsVisitor;
        impl<'de> Visitor<'de> for ExtensionsVisitor {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("extensions by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Extensions, A::Error> {
                let mut extensions = Extensions::default();
                while let Some(name) = access.next_key::<String>()? {
                    match name.as_str() {
                        EXTENSION => extensions.first = access.next_value()?,
                        PORTER_EXTENSION => extensions.second = access.next_value()?,
                        _ => drop(access.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(extensions)
            }
        }
        deserializer.deserialize_map(ExtensionsVisitor)
    }
}

#[derive(Deserialize)]
struct Requires<V> {
    #[serde(default = "Limited::none")]
    requires: Limited<V>,
}

/// What is needed, of a bounded number.
struct Limited<V>(BTreeMap<String, RawDependency<V>>);

impl<V> Limited<V> {
    fn none() -> Self {
        Self(BTreeMap::new())
    }
}

#[derive(Deserialize)]
struct RawDependency<V> {
    bundle: String,
    #[serde(default = "Option::default")]
    version: Option<V>,
}

#[derive(Default, Deserialize)]
struct RawVersions {
    #[serde(default)]
    ranges: Option<Vec<String>>,
    #[serde(default)]
    prereleases: Option<bool>,
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Limited<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitedVisitor<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for LimitedVisitor<V> {
            type Value = Limited<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAXIMUM_DEPENDENCIES} bundles by name")
            }

            fn visit_unit<E>(self) -> Result<Limited<V>, E> {
                Ok(Limited::none())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Limited<V>, A::Error> {
                let mut needed = BTreeMap::new();
                while let Some((name, dependency)) = access.next_entry()? {
                    if needed.len() == MAXIMUM_DEPENDENCIES {
                        return Err(A::Error::invalid_length(MAXIMUM_DEPENDENCIES + 1, &self));
                    }
                    needed.insert(name, dependency);
                }
                Ok(Limited(needed))
            }
        }
        deserializer.deserialize_any(LimitedVisitor(std::marker::PhantomData))
    }
}

/// The bundles that a bundle needs, in the order of the names that it gives them. Its file has been read strictly before.
///
/// # Errors
/// [`DependenciesError`]: the extension is not written as its specification says.
pub(super) fn read(bundle_json: &[u8]) -> Result<Vec<Dependency>, DependenciesError> {
    let read: Extended = strict_json::read_again(bundle_json, Names::Folded)
        .map_err(|error| DependenciesError(format!("the extension is not in its known form: {error}")))?;
    let Extensions { first, second } = read.custom.unwrap_or_default();
    let mut needed = Vec::new();
    for (name, RawDependency { bundle, version }) in first.into_iter().flat_map(|first| first.requires.0) {
        let RawVersions { ranges, prereleases } = version.unwrap_or_default();
        let (ranges, prereleases) = (ranges.unwrap_or_default(), prereleases.unwrap_or_default());
        needed.push(Dependency::new(name, bundle, ranges, prereleases)?);
    }
    for (name, RawDependency { bundle, version }) in second.into_iter().flat_map(|second| second.requires.0) {
        let ranges = version.filter(|range| !range.is_empty()).into_iter().collect();
        needed.push(Dependency::new(name, bundle, ranges, false)?);
    }
    Ok(needed)
}

impl Dependency {
    fn new(name: String, bundle: String, ranges: Vec<String>, prereleases: bool) -> Result<Self, DependenciesError> {
        let alternatives: usize = ranges.iter().map(|range| range.split("||").count()).sum();
        let length: usize = ranges.iter().map(String::len).sum();
        if alternatives > MAXIMUM_RANGES || length > MAXIMUM_LENGTH_OF_RANGES {
            return Err(DependenciesError(format!(
                "{name} has more than {MAXIMUM_RANGES} ranges of versions, or more than {MAXIMUM_LENGTH_OF_RANGES} characters of them"
            )));
        }
        let reference = bundle.parse().ok();
        Ok(Self { name, bundle, ranges, prereleases, reference })
    }

    /// Whether a bundle is the one that is needed: that very tag or digest where one is written, and otherwise any version that will do,
    /// or any at all where nothing is said about versions.
    pub fn is_met_by(&self, CarriedBundle { name, digest }: &CarriedBundle) -> bool {
        let same = |needed: &&Reference| needed.repository() == name.repository();
        let Some(needed) = self.reference.as_ref().filter(same) else { return false };
        if let Some(needed) = needed.digest() {
            return needed == digest;
        }
        match (needed.tag(), name.tag_or_latest()) {
            (Some(tag), found) => found.as_ref() == Some(tag),
            (None, _) if self.ranges.is_empty() => true,
            (None, Some(found)) => self.takes(&found).is_some(),
            (None, None) => false,
        }
    }

    /// The version that a tag stands for, if it will do.
    fn takes(&self, tag: &Tag) -> Option<Version> {
        let version = version_in(tag.as_str())?;
        if !version.pre.is_empty() && !self.prereleases {
            return None;
        }
        let mut ranges = self.alternatives().filter_map(VersionRange::parse);
        let fits = self.ranges.is_empty() || ranges.any(|range| range.has(&version));
        fits.then_some(version)
    }

    /// The ranges, each by itself.
    fn alternatives(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().flat_map(|range| range.split("||")).map(str::trim)
    }

    /// The tag of the newest version that will do.
    pub fn newest<'t>(&self, tags: impl IntoIterator<Item = &'t Tag>) -> Option<&'t Tag> {
        let fitting = tags.into_iter().filter_map(|tag| Some((self.takes(tag)?, tag)));
        fitting.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, tag)| tag)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bundle)?;
        if self.ranges.is_empty() {
            return Ok(());
        }
        write!(f, " ({}", self.ranges.join(" or "))?;
        for unread in self.alternatives().filter(|range| !range.is_empty() && VersionRange::parse(range).is_none()) {
            write!(f, "; {unread:?} is not a range of versions that is supported")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(bundle: &str, ranges: &[&str], prereleases: bool) -> Dependency {
        let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
        Dependency::new("db".to_owned(), bundle.to_owned(), ranges, prereleases).unwrap()
    }

    #[test]
    fn a_comparator_may_stand_apart_and_an_empty_range_means_nothing() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let takes =
            |range: &str, version: &str| dependency("e.x/mysql", &[range], false).takes(&tag(version)).is_some();
        assert!(takes(">= 1.2, < 2", "1.3.0") && !takes(">= 1.2, < 2", "2.0.0"));
        assert!(takes("^ 1.2 || ~ 3.1", "3.1.4") && !takes("^ 1.2 || ~ 3.1", "2.0.0"));
        assert!(!takes("", "1.0.0") && !takes("1.x ||", "2.0.0") && takes("1.x ||", "1.5.0"));
        assert!(takes("~> 1.2", "1.2.9") && !takes("~> 1.2", "1.3.0"));
    }

    #[test]
    fn ranges_are_read_as_porter_reads_them() {
        for (range, in_it, outside) in [
            ("!=1.2.3", &["1.2.2", "2.0.0"][..], &["1.2.3"][..]),
            ("!= 1.2.x", &["1.3.0", "0.1.0"], &["1.2.0", "1.2.9"]),
            (">=1.0, !=1.2.3, !=1.4", &["1.0.0", "1.2.4", "1.5.0"], &["0.9.0", "1.2.3", "1.4.1"]),
            ("!=v1.2.3", &["1.2.4"], &["1.2.3"]),
            ("=> 1.2", &["1.2.0"], &["1.1.9"]),
            ("=<1.2", &["1.2.9"], &["1.3.0"]),
            (">=v1.2.x", &["1.2.0"], &["1.1.0"]),
            ("*", &["1.0.0"], &[]),
            ("1.*", &["1.7.0"], &["2.0.0"]),
            ("1.2.X - 1.4", &["1.2.0", "1.4.9"], &["1.5.0"]),
        ] {
            let needed = dependency("e.x/mysql", &[range], true);
            let takes = |version: &&str| needed.takes(&version.parse().unwrap()).is_some();
            assert!(in_it.iter().all(takes), "{range}: {in_it:?}");
            assert!(!outside.iter().any(takes), "{range}: {outside:?}");
        }
        let unfinished = dependency("e.x/mysql", &["!=1.2.3-rc.1"], true);
        let takes = |version: &str| unfinished.takes(&version.parse().unwrap()).is_some();
        assert!(takes("1.2.3") && takes("1.2.3-rc.2") && !takes("1.2.3-rc.1"));
    }

    #[test]
    fn a_range_that_cannot_be_read_is_named() {
        let needed = dependency("e.x/mysql", &["1.x || about 2", ">=", "!=*"], false);
        assert_eq!(
            needed.to_string(),
            "e.x/mysql (1.x || about 2 or >= or !=*; \"about 2\" is not a range of versions that is supported; \">=\" is not a \
             range of versions that is supported; \"!=*\" is not a range of versions that is supported)"
        );
        assert_eq!(dependency("e.x/mysql", &["!=1.2 || "], false).to_string(), "e.x/mysql (!=1.2 || )");
    }

    #[test]
    fn alternatives_are_limited_as_ranges_are() {
        let new = |range: String| Dependency::new("db".to_owned(), "e.x/db".to_owned(), vec![range], false);
        assert!(new(vec!["1.0.0"; MAXIMUM_RANGES].join("||")).is_ok());
        assert!(new(vec!["1.0.0"; MAXIMUM_RANGES + 1].join("||")).is_err());
        assert!(new("1".repeat(MAXIMUM_LENGTH_OF_RANGES + 1)).is_err());
    }

    #[test]
    fn both_forms_are_read() {
        let needed = read(
            br#"{"custom":{"io.cnab.dependencies":{"sequence":["db"],"requires":{"db":{"bundle":"e.x/mysql","version":{"ranges":["5.7.x"],"prereleases":true}},"log":{"bundle":"e.x/log:1"}}},
                "org.getporter.dependencies@v2":{"requires":{"net":{"bundle":"e.x/net","version":"^1.2","sharing":{"mode":"none"}}}}}}"#,
        )
        .unwrap();
        let texts: Vec<_> = needed.iter().map(|it| format!("{}: {it} {}", it.name, it.prereleases)).collect();
        assert_eq!(texts, ["db: e.x/mysql (5.7.x) true", "log: e.x/log:1 false", "net: e.x/net (^1.2) false"]);
        let null = br#"{"custom":{"io.cnab.dependencies":{"requires":{"db":{"bundle":"e.x/db","version":{"prereleases":null,"ranges":null}}}}}}"#;
        assert_eq!(read(null).unwrap(), [dependency("e.x/db", &[], false)]);
        for none in [r#"{}"#, r#"{"custom":null}"#, r#"{"custom":{"io.cnab.dependencies":{"requires":null}}}"#] {
            assert_eq!(read(none.as_bytes()).unwrap(), []);
        }
        for wrong in [
            r#"{"custom":{"io.cnab.dependencies":[]}}"#,
            r#"{"custom":{"io.cnab.dependencies":{"requires":{"db":{"Bundle":"e.x/mysql"}}}}}"#,
            r#"{"custom":{"io.cnab.dependencies":{"requires":{"db":{"bundle":7}}}}}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_newest_version_that_will_do_is_found() {
        let tags = ["latest", "v1.2.3", "1.2.9", "1.3.0", "2.0.0", "2.1.0-rc.1", "3.9.9_b1", "4.0.0"];
        let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        for (ranges, prereleases, newest) in [
            (&["1.2.3"][..], false, Some("v1.2.3")),
            (&["v1.2.x"], false, Some("1.2.9")),
            (&["1.x"], false, Some("1.3.0")),
            (&["1.2.x - 3"], false, Some("3.9.9_b1")),
            (&["1.2.3", "2.x"], false, Some("2.0.0")),
            (&["2.x"], true, Some("2.1.0-rc.1")),
            (&["^1.2"], false, Some("1.3.0")),
            (&[">=1.2.9 <2"], false, Some("1.3.0")),
            (&["9.x || 1.2.3"], false, Some("v1.2.3")),
            (&[], false, Some("4.0.0")),
            (&["5.x"], false, None),
            (&["not a range"], false, None),
        ] {
            let found = dependency("e.x/mysql", ranges, prereleases).newest(&tags).map(Tag::as_str);
            assert_eq!(found, newest, "{ranges:?}");
        }
    }

    #[test]
    fn a_dependency_is_met_by_what_it_asks_for() {
        let digest = Digest::sha256(b"bundle");
        let met =
            |dependency: &Dependency, name: &str| dependency.is_met_by(&CarriedBundle::new(name, &digest).unwrap());
        let ranged = dependency("e.x/mysql", &["5.7.x"], false);
        assert!(met(&ranged, "e.x/mysql:5.7.1") && !met(&ranged, "e.x/mysql:5.8.0"));
        assert!(!met(&ranged, "e.x/mysql") && !met(&ranged, "e.x/other:5.7.1"));
        let tagged = dependency("e.x/mysql:1", &["5.7.x"], false);
        assert!(met(&tagged, "e.x/mysql:1") && !met(&tagged, "e.x/mysql:5.7.1"));
        let bare = dependency("e.x/mysql", &[], false);
        assert!(met(&bare, "e.x/mysql:latest") && met(&bare, "e.x/mysql:1") && !met(&bare, "e.x/other:1"));
        let pinned = |digest: &Digest| dependency(&format!("e.x/mysql@{digest}"), &[], false);
        assert!(met(&pinned(&digest), "e.x/mysql:1") && met(&pinned(&digest), &format!("e.x/mysql@{digest}")));
        assert!(!met(&pinned(&Digest::sha256(b"other")), "e.x/mysql:1"));
        assert!(!met(&dependency("Not A Reference", &[], false), "e.x/mysql:1"));
    }
}
