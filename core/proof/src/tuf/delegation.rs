//! Delegations (TUF 1.0.34 §4.5, DELEGATIONS): who else may speak for which target names.
//!
//! By path patterns, by prefixes of the SHA-256 of the name (hashed bins), or by TAP 15 succinct roles, which describe
//! a power of two of bins in one entry.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;
use serde::Deserialize;

use super::RoleName;
use super::key::{Keys, RoleKeys};
use super::metadata::Snapshot;
use super::path_pattern::PathPattern;

/// The delegations of one targets role, in their order of priority.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "DelegationsObject")]
pub(crate) struct Delegations {
    pub(crate) keys: Keys,
    pub(crate) roles: DelegatedRoles,
    /// The position of each listed role.
    places: BTreeMap<RoleName, usize>,
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
                Ok(Self { keys: object.keys, roles, places: BTreeMap::new() })
            }
            _ => Err("delegations have either roles or succinct_roles".to_owned()),
        }
    }
}

impl Delegations {
    /// Delegations to roles that are listed, each of them once.
    pub(crate) fn listed(keys: Keys, roles: Vec<DelegatedRole>) -> Result<Self, String> {
        let mut places = BTreeMap::new();
        for (place, role) in roles.iter().enumerate() {
            if places.insert(role.name.clone(), place).is_some() {
                return Err(format!("role {} is delegated to twice", role.name));
            }
        }
        Ok(Self { keys, roles: DelegatedRoles::Listed(roles), places })
    }
}

/// A delegation to one role.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "DelegatedRoleObject")]
pub(crate) struct DelegatedRole {
    pub(crate) name: RoleName,
    pub(crate) keys: RoleKeys,
    pub(crate) terminating: bool,
    paths: Paths,
}

#[derive(Debug, Clone)]
enum Paths {
    Patterns(Vec<PathPattern>),
    HashPrefixes(Vec<String>),
    /// What names begin with. A role does not delegate what it may not speak for itself.
    Prefixes(Vec<String>),
}

/// What a role may speak for, as far as its delegators bound what it can delegate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DelegationScope {
    /// It may delegate any name: a search asks a role only about what all roles on the way may speak for.
    Everything,
    /// It may delegate what begins with one of these.
    Prefixes(Vec<String>),
}

impl DelegationScope {
    fn allows(&self, prefix: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Prefixes(allowed) => allowed.iter().any(|allowed| prefix.starts_with(allowed.as_str())),
        }
    }
}

#[derive(Deserialize)]
struct DelegatedRoleObject {
    name: String,
    #[serde(flatten)]
    keys: RoleKeys,
    #[serde(default)]
    terminating: bool,
    paths: Option<Vec<String>>,
    path_hash_prefixes: Option<Vec<String>>,
}

impl TryFrom<DelegatedRoleObject> for DelegatedRole {
    type Error = String;

    fn try_from(object: DelegatedRoleObject) -> Result<Self, String> {
        let name = RoleName::delegated(&object.name).map_err(|error| error.to_string())?;
        let paths = match (object.paths, object.path_hash_prefixes) {
            (Some(_), Some(_)) => return Err(format!("role {name} has both paths and path_hash_prefixes")),
            (None, Some(prefixes)) => Paths::HashPrefixes(prefixes),
            (patterns, None) => {
                Paths::Patterns(patterns.iter().flatten().map(|pattern| PathPattern::new(pattern)).collect())
            }
        };
        Ok(Self { name, keys: object.keys, terminating: object.terminating, paths })
    }
}

impl DelegatedRole {
    /// A role that may speak for names that begin with one of these prefixes, and is asked in its turn.
    pub(crate) fn by_prefixes(name: RoleName, keys: RoleKeys, prefixes: Vec<String>) -> Self {
        Self { name, keys, terminating: false, paths: Paths::Prefixes(prefixes) }
    }

    fn speaks_for(&self, target: &SoughtTarget<'_>, within: &DelegationScope) -> bool {
        match &self.paths {
            Paths::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(target.name)),
            Paths::HashPrefixes(prefixes) => prefixes.iter().any(|prefix| target.hash.hex().starts_with(prefix)),
            Paths::Prefixes(prefixes) => {
                prefixes.iter().any(|prefix| within.allows(prefix) && target.name.starts_with(prefix.as_str()))
            }
        }
    }

    fn scope(&self, within: &DelegationScope) -> DelegationScope {
        match &self.paths {
            Paths::Patterns(_) | Paths::HashPrefixes(_) => DelegationScope::Everything,
            Paths::Prefixes(prefixes) => {
                DelegationScope::Prefixes(prefixes.iter().filter(|prefix| within.allows(prefix)).cloned().collect())
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
        RoleName::delegated(&format!("{}{bin:0width$x}", self.common_prefix(), width = self.suffix_length())).ok()
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
    pub(crate) fn speakers(&self, target: &SoughtTarget<'_>, within: &DelegationScope) -> Speakers {
        match &self.roles {
            DelegatedRoles::Succinct(succinct) => {
                let bin = succinct.bin(target).map(|bin| (bin, DelegationScope::Everything));
                Speakers { roles: bin.into_iter().collect(), terminating: false }
            }
            DelegatedRoles::Listed(listed) => {
                let mut roles = Vec::new();
                for role in listed.iter().filter(|role| role.speaks_for(target, within)) {
                    roles.push((role.name.clone(), role.scope(within)));
                    if role.terminating {
                        return Speakers { roles, terminating: true };
                    }
                }
                Speakers { roles, terminating: false }
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
                let listed = snapshot.meta.range(prefix.clone()..).map(|(path, _)| path);
                let listed = listed.take_while(|path| path.starts_with(&prefix));
                let names = listed.filter_map(|path| path.strip_suffix(".json"));
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
            DelegatedRoles::Listed(roles) => roles.get(*self.places.get(role)?).map(|role| &role.keys),
            DelegatedRoles::Succinct(succinct) => succinct.names(role.as_str()).then_some(&succinct.keys),
        }
    }
}
