//! Delegations (TUF 1.0.34 §4.5, DELEGATIONS): who else may speak for which target names.
//!
//! By path patterns, by prefixes of the SHA-256 of the name (hashed bins), or by TAP 15 succinct roles, which describe
//! a power of two of bins in one entry.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::Name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::RoleName;
use super::key::{KeyIds, Keys, RoleKeys};
use super::matching::{MatchingSteps, OutOfSteps};
use super::metadata::Snapshot;
use super::path_pattern::PathPattern;
use super::texts::Texts;

/// The delegations of one targets role, in their order of priority.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "DelegationsObject")]
pub(crate) struct Delegations {
    pub(crate) keys: Keys,
    pub(crate) roles: DelegatedRoles,
    /// The positions of the listed roles, in the order of their names.
    by_name: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum DelegatedRoles {
    Listed(Vec<DelegatedRole>),
    Succinct(SuccinctRoles),
}

#[derive(Deserialize)]
struct DelegationsObject {
    keys: Keys,
    roles: Option<Vec<DelegatedRole>>,
    succinct_roles: Option<SuccinctRoles>,
}

impl TryFrom<DelegationsObject> for Delegations {
    type Error = String;

    fn try_from(object: DelegationsObject) -> Result<Self, String> {
        match (object.roles, object.succinct_roles) {
            (Some(roles), None) => Self::listed(object.keys, roles),
            (None, Some(succinct)) => {
                let roles = DelegatedRoles::Succinct(succinct);
                Ok(Self { keys: object.keys, roles, by_name: Vec::new() })
            }
            _ => Err("delegations have either roles or succinct_roles".to_owned()),
        }
    }
}

impl Delegations {
    /// Delegations to roles that are listed, each of them once.
    pub(crate) fn listed(keys: Keys, roles: Vec<DelegatedRole>) -> Result<Self, String> {
        let name = |place: &usize| roles.get(*place).map(|role| &role.name);
        let mut by_name: Vec<usize> = (0..roles.len()).collect();
        by_name.sort_by_key(name);
        let twice = by_name.iter().zip(by_name.iter().skip(1)).find(|(one, next)| name(one) == name(next));
        if let Some(repeated) = twice.and_then(|(one, _)| name(one)) {
            return Err(format!("role {repeated} is delegated to twice"));
        }
        Ok(Self { keys, roles: DelegatedRoles::Listed(roles), by_name })
    }
}

/// A delegation to one role.
#[derive(Debug, Clone)]
pub(crate) struct DelegatedRole {
    pub(crate) name: RoleName,
    pub(crate) keys: RoleKeys,
    pub(crate) terminating: bool,
    paths: Paths,
}

#[derive(Debug, Clone)]
enum Paths {
    Patterns(Vec<PathPattern>),
    HashPrefixes(HashPrefixes),
    /// Prefixes of names. A role cannot delegate names that it may not speak for itself.
    Prefixes(Vec<String>),
}

/// What a role may delegate, as far as it matters to the search for one name: a search asks a role only about what all roles on the way
/// may speak for, and of the prefixes that bound what it can delegate only those count that the name begins with. Of two of these
/// the longer one lies within the shorter one, so the shortest says it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DelegationScope {
    /// The length, in bytes, of the shortest beginning of the name that it may speak for.
    shortest: usize,
}

impl DelegationScope {
    /// It may delegate any name.
    pub(crate) const EVERYTHING: Self = Self { shortest: 0 };
}

/// Beginnings of hashes in hexadecimal.
#[derive(Debug, Clone)]
struct HashPrefixes(Texts);

impl<'de> Deserialize<'de> for HashPrefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Texts::of(&Vec::<Name<'de>>::deserialize(deserializer)?)))
    }
}

#[derive(Deserialize)]
struct DelegatedRoleObject<'n> {
    #[serde(borrow)]
    name: Name<'n>,
    keyids: KeyIds,
    threshold: NonZeroU32,
    #[serde(default)]
    terminating: bool,
    paths: Option<Vec<String>>,
    path_hash_prefixes: Option<HashPrefixes>,
}

impl<'de> Deserialize<'de> for DelegatedRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DelegatedRoleObject::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl TryFrom<DelegatedRoleObject<'_>> for DelegatedRole {
    type Error = String;

    fn try_from(object: DelegatedRoleObject<'_>) -> Result<Self, String> {
        let name = RoleName::delegated(object.name).map_err(|error| error.to_string())?;
        let paths = match (object.paths, object.path_hash_prefixes) {
            (Some(_), Some(_)) => return Err(format!("role {name} has both paths and path_hash_prefixes")),
            (None, Some(prefixes)) => Paths::HashPrefixes(prefixes),
            (patterns, None) => {
                Paths::Patterns(patterns.iter().flatten().map(|pattern| PathPattern::new(pattern)).collect())
            }
        };
        let DelegatedRoleObject { keyids, threshold, terminating, .. } = object;
        Ok(Self { name, keys: RoleKeys { keyids, threshold }, terminating, paths })
    }
}

impl DelegatedRole {
    /// A role that may speak for names that begin with one of these prefixes, and is asked in its turn.
    pub(crate) fn by_prefixes(name: RoleName, keys: RoleKeys, prefixes: Vec<String>) -> Self {
        Self { name, keys, terminating: false, paths: Paths::Prefixes(prefixes) }
    }

    /// What it may delegate of a name; `None` if it may not speak for it.
    fn scope(
        &self,
        target: &SoughtTarget<'_>,
        within: DelegationScope,
        steps: &mut MatchingSteps,
    ) -> Result<Option<DelegationScope>, OutOfSteps> {
        let everything = Some(DelegationScope::EVERYTHING);
        match &self.paths {
            Paths::Patterns(patterns) => {
                for pattern in patterns {
                    if pattern.matches_within(steps, target.name)? {
                        return Ok(everything);
                    }
                }
                Ok(None)
            }
            Paths::HashPrefixes(HashPrefixes(prefixes)) => {
                steps.take(prefixes.len())?;
                Ok(everything.filter(|_| prefixes.iter().any(|prefix| target.hash.hex().starts_with(prefix))))
            }
            Paths::Prefixes(prefixes) => {
                steps.take(prefixes.len())?;
                let of_name = prefixes.iter().filter(|prefix| target.name.starts_with(prefix.as_str()));
                let lengths = of_name.map(String::len).filter(|length| *length >= within.shortest);
                Ok(lengths.min().map(|shortest| DelegationScope { shortest }))
            }
        }
    }
}

/// TAP 15: 2^`bit_length` bins, all signed by the same keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "SuccinctRolesObject")]
pub(crate) struct SuccinctRoles {
    pub(crate) keys: RoleKeys,
    bit_length: u8,
    name_prefix: String,
}

#[derive(Deserialize)]
struct SuccinctRolesObject {
    #[serde(flatten)]
    keys: RoleKeys,
    bit_length: u8,
    name_prefix: String,
}

impl TryFrom<SuccinctRolesObject> for SuccinctRoles {
    type Error = String;

    fn try_from(object: SuccinctRolesObject) -> Result<Self, String> {
        let bit_length = object.bit_length;
        if !(1..=32).contains(&bit_length) {
            return Err(format!("succinct roles have a bit_length of {bit_length}; it lies between 1 and 32"));
        }
        Ok(Self { keys: object.keys, bit_length, name_prefix: object.name_prefix })
    }
}

impl SuccinctRoles {
    /// The role of the bin that a target name falls into: the first `bit_length` bits of its SHA-256.
    fn bin(&self, target: &SoughtTarget<'_>) -> Option<RoleName> {
        let first_32_bits = u32::from_str_radix(target.hash.hex().get(..8)?, 16).ok()?;
        let bin = first_32_bits >> (32 - self.bit_length);
        // A prefix, a hyphen and a digit are never the name of a top-level role.
        RoleName::delegated(format!("{}{bin:0width$x}", self.common_prefix(), width = self.suffix_length())).ok()
    }

    /// What distinguishes these bins from others.
    pub(crate) fn identity(&self) -> (String, u8) {
        (self.name_prefix.clone(), self.bit_length)
    }

    /// The prefix of all bins' names.
    pub(crate) fn common_prefix(&self) -> String {
        format!("{}-", self.name_prefix)
    }

    /// Whether a role name is that of one of the bins.
    pub(crate) fn names(&self, role: &str) -> bool {
        let suffix = role.strip_prefix(&self.common_prefix());
        suffix.is_some_and(|suffix| {
            suffix.len() == self.suffix_length()
                && suffix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && u64::from_str_radix(suffix, 16).is_ok_and(|bin| bin >> self.bit_length == 0)
        })
    }

    /// How many hexadecimal digits the last bin's number has.
    fn suffix_length(&self) -> usize {
        usize::from(self.bit_length.div_ceil(4))
    }
}

/// A target name and its SHA-256, computed once for a whole search.
#[derive(Debug)]
pub(crate) struct SoughtTarget<'a> {
    pub(crate) name: &'a str,
    hash: Digest,
}

impl<'a> SoughtTarget<'a> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self { name, hash: Digest::sha256(name.as_bytes()) }
    }
}

/// The roles that may speak for a target, in order, up to and with the first terminating one.
#[derive(Debug)]
pub(crate) struct Speakers {
    pub(crate) roles: Vec<(RoleName, DelegationScope)>,
    /// Whether the last one ends the search if it does not know the target.
    pub(crate) terminating: bool,
}

impl Delegations {
    /// Who may speak for a target, of what the delegator may delegate. Bins of succinct roles do not terminate a search
    /// (TAP 15), but the role that delegates to them may.
    pub(crate) fn speakers(
        &self,
        target: &SoughtTarget<'_>,
        within: DelegationScope,
        steps: &mut MatchingSteps,
    ) -> Result<Speakers, OutOfSteps> {
        match &self.roles {
            DelegatedRoles::Succinct(succinct) => {
                let bin = succinct.bin(target).map(|bin| (bin, DelegationScope::EVERYTHING));
                Ok(Speakers { roles: bin.into_iter().collect(), terminating: false })
            }
            DelegatedRoles::Listed(listed) => {
                let mut roles = Vec::new();
                for role in listed {
                    steps.take(1)?;
                    let Some(scope) = role.scope(target, within, steps)? else { continue };
                    roles.push((role.name.clone(), scope));
                    if role.terminating {
                        return Ok(Speakers { roles, terminating: true });
                    }
                }
                Ok(Speakers { roles, terminating: false })
            }
        }
    }

    /// The roles that are delegated to here; of succinct roles that are not `expanded` yet, those bins that the snapshot lists.
    pub(crate) fn role_names(&self, snapshot: &Snapshot, expanded: &mut BTreeSet<(String, u8)>) -> Vec<RoleName> {
        match &self.roles {
            DelegatedRoles::Succinct(succinct) if !expanded.insert(succinct.identity()) => Vec::new(),
            DelegatedRoles::Listed(roles) => roles.iter().map(|role| role.name.clone()).collect(),
            DelegatedRoles::Succinct(succinct) => {
                let prefix = succinct.common_prefix();
                let names = snapshot.meta.names_beginning(&prefix).filter_map(|path| path.strip_suffix(".json"));
                names.filter(|name| succinct.names(name)).filter_map(|name| RoleName::delegated(name).ok()).collect()
            }
        }
    }

    /// The keys of every role that is delegated to here.
    pub(crate) fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        let (listed, succinct) = match &self.roles {
            DelegatedRoles::Listed(roles) => (roles.as_slice(), None),
            DelegatedRoles::Succinct(succinct) => (&[][..], Some(&succinct.keys)),
        };
        listed.iter().map(|role| &role.keys).chain(succinct)
    }

    /// The keys of a role that is delegated to here, whichever names it may speak for.
    pub(crate) fn keys_of(&self, role: &RoleName) -> Option<&RoleKeys> {
        match &self.roles {
            DelegatedRoles::Listed(roles) => {
                let name = |place: &usize| roles.get(*place).map(|role| &role.name);
                let found = self.by_name.binary_search_by_key(&Some(role), name).ok()?;
                roles.get(*self.by_name.get(found)?).map(|role| &role.keys)
            }
            DelegatedRoles::Succinct(succinct) => succinct.names(role.as_str()).then_some(&succinct.keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_prefixes(prefixes: &[String]) -> DelegatedRole {
        let keys = serde_json::from_value(serde_json::json!({ "keyids": [], "threshold": 1 })).unwrap();
        DelegatedRole::by_prefixes(RoleName::delegated("role").unwrap(), keys, prefixes.to_vec())
    }

    /// The scope as it is defined: the prefixes that lie within one of the delegator's.
    fn within<'a>(allowed: &[&'a str], prefixes: &[&'a str]) -> Vec<&'a str> {
        let lies = |prefix: &&&str| allowed.iter().any(|allowed| prefix.starts_with(allowed));
        prefixes.iter().filter(lies).copied().collect()
    }

    #[test]
    fn a_scope_is_what_the_prefixes_of_all_delegators_allow() {
        let texts = ["", "v", "v1", "v1.", "v1.1", "v1.10", "v2", "w"];
        let some = |bits: usize| -> Vec<&str> {
            texts.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, text)| *text).collect()
        };
        let owned = |prefixes: &[&str]| prefixes.iter().map(|&prefix| prefix.to_owned()).collect::<Vec<_>>();
        for name in ["v1.1", "v1.10", "v1", "w", "x", ""] {
            let target = SoughtTarget::new(name);
            for (first, second) in (0..256).flat_map(|first| (0..256).step_by(7).map(move |second| (first, second))) {
                let mut steps = MatchingSteps::new(100);
                let (first, second) = (some(first), some(second));
                let expected = within(&within(&[""], &first), &second);
                let expected = expected.iter().any(|prefix| name.starts_with(prefix))
                    && within(&[""], &first).iter().any(|prefix| name.starts_with(prefix));
                let outer =
                    by_prefixes(&owned(&first)).scope(&target, DelegationScope::EVERYTHING, &mut steps).unwrap();
                let found =
                    outer.and_then(|outer| by_prefixes(&owned(&second)).scope(&target, outer, &mut steps).unwrap());
                assert_eq!(found.is_some(), expected, "{name:?} by {first:?}, {second:?}");
            }
        }
    }

    #[test]
    fn bins_of_each_kind_are_expanded_once() {
        let bins = |prefix: &str, bit_length: u8| -> Delegations {
            serde_json::from_value(serde_json::json!({
                "keys": {},
                "succinct_roles": { "keyids": [], "threshold": 1, "bit_length": bit_length, "name_prefix": prefix },
            }))
            .unwrap()
        };
        let listed = ["a-0", "a-1", "a-00", "b-0", "b-1", "a-2"]
            .map(|role| (format!("{role}.json"), serde_json::json!({ "version": 1 })));
        let snapshot: Snapshot = serde_json::from_value(serde_json::json!({
            "meta": listed.into_iter().collect::<serde_json::Map<_, _>>(),
        }))
        .unwrap();
        let mut expanded = BTreeSet::new();
        let mut names = |delegations: &Delegations| -> Vec<String> {
            delegations.role_names(&snapshot, &mut expanded).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&bins("a", 1)), ["a-0", "a-1"]);
        assert_eq!(names(&bins("b", 1)), ["b-0", "b-1"]);
        assert_eq!(names(&bins("a", 5)), ["a-00"]);
        assert_eq!(names(&bins("a", 1)), [""; 0]);
    }

    #[test]
    fn prefixes_below_prefixes_take_work_that_grows_with_their_number_and_not_with_its_square() {
        let count = 20_000;
        let numbered = |letter: char| (0..count).map(move |number| format!("{letter}{number:06}"));
        let allowed: Vec<String> = numbered('x').chain(["1".to_owned()]).collect();
        let asked: Vec<String> = numbered('y').chain(["1.0".to_owned()]).collect();
        let (target, mut steps) = (SoughtTarget::new("1.0"), MatchingSteps::new(u64::MAX));
        let outer = by_prefixes(&allowed).scope(&target, DelegationScope::EVERYTHING, &mut steps).unwrap().unwrap();
        let inner = by_prefixes(&asked).scope(&target, outer, &mut steps).unwrap();
        assert_eq!(inner, Some(DelegationScope { shortest: 3 }));
        assert_eq!(size_of::<DelegationScope>(), size_of::<usize>(), "what a role may delegate is no list");
        assert_eq!(steps.taken(), 2 * (count + 1));
    }
}
