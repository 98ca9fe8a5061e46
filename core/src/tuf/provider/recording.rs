//! A provider that remembers every file it handed out: what must be carried so that the same search succeeds again.

use super::{CarriedMetadata, MetadataProvider, ProviderError};
use crate::tuf::role_name::RoleName;

/// Passes on what another provider has, and keeps a copy.
pub struct Recording<'a> {
    source: &'a mut dyn MetadataProvider,
    carried: CarriedMetadata,
}

impl<'a> Recording<'a> {
    /// Records what `source` hands out from now on.
    pub fn new(source: &'a mut dyn MetadataProvider) -> Self {
        Self { source, carried: CarriedMetadata::default() }
    }

    /// All files handed out so far.
    pub fn carried(&self) -> &CarriedMetadata {
        &self.carried
    }

    /// Keeps a file that came from elsewhere, as if it had been handed out.
    pub(crate) fn record(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) {
        self.carried.insert(role, version, bytes.to_vec());
    }

    /// All files handed out so far.
    pub fn into_carried(self) -> CarriedMetadata {
        self.carried
    }
}

impl MetadataProvider for Recording<'_> {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let bytes = self.source.metadata(role, version, limit)?;
        if let Some(bytes) = &bytes {
            self.carried.insert(role, version, bytes.clone());
        }
        Ok(bytes)
    }
}
