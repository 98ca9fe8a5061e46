//! Carried files, but the timestamp that was accepted.

use super::{MetadataProvider, ProviderError};
use crate::tuf::role_name::RoleName;
use crate::tuf::state::TrustedState;

/// The metadata that another provider has, with the timestamp that was accepted before in place of its own. It leads to the snapshot and the
/// roles that were accepted with it; of these, the provider may have what this side does not remember.
pub struct AcceptedTimestamp<'a> {
    timestamp: Option<&'a [u8]>,
    metadata: &'a mut dyn MetadataProvider,
}

impl<'a> AcceptedTimestamp<'a> {
    /// Puts the timestamp of `state` in the place of the one that `metadata` has.
    pub fn new(state: &'a TrustedState, metadata: &'a mut dyn MetadataProvider) -> Self {
        let timestamp = state.metadata.get(RoleName::timestamp().as_str()).map(Vec::as_slice);
        Self { timestamp, metadata }
    }
}

impl MetadataProvider for AcceptedTimestamp<'_> {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        match *role == RoleName::timestamp() {
            true => Ok(self.timestamp.map(<[u8]>::to_vec)),
            false => self.metadata.metadata(role, version, limit),
        }
    }

    /// No timestamp is read there.
    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        self.metadata.at_hand()
    }

    fn hand_out(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) -> Result<bool, ProviderError> {
        Ok(*role != RoleName::timestamp() && self.metadata.hand_out(role, version, bytes)?)
    }
}
