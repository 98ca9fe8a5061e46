//! Options that several commands share, and what they are read into.

pub(crate) mod base;
#[cfg(feature = "network")]
mod certificate_folders;
pub(crate) mod connections;
pub(crate) mod cut;
pub(crate) mod local_path;
pub(crate) mod lock;
pub(crate) mod naming;
#[cfg_attr(not(feature = "network"), path = "no_network.rs")]
pub(crate) mod network;
pub(crate) mod place;
pub(crate) mod receipt;
pub(crate) mod referrers;
pub(crate) mod registry_name;
pub(crate) mod selection;
pub(crate) mod source;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod verdict;
pub(crate) mod wanted;
