//! What one side remembers about a TUF repository between two archives, as a plain value.
//!
//! The trust store writes it down; the engine reads it, and hands back the next one. It never moves back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::role_name::RoleName;

/// The last accepted metadata of one repository under one pinned root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedState {
    /// The raw bytes of the metadata last accepted, by role name: `root`, `timestamp`, `snapshot`, `targets` and the
    /// delegated roles that were loaded, as long as the snapshot lists them; all that can be reached, where snapshots state no versions.
    /// Empty before the first acceptance.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// The export time of the last accepted archive: the floor. An archive that was exported before is late.
    pub last_export: Option<Timestamp>,
}

impl TrustedState {
    /// Only the newest accepted root: which keys count is remembered, and which versions were accepted is not.
    #[must_use]
    pub fn root_only(&self) -> Self {
        let root = self.metadata.get_key_value(RoleName::root().as_str());
        let metadata = root.map(|(role, bytes)| (role.clone(), bytes.clone())).into_iter().collect();
        Self { metadata, last_export: None }
    }
}
