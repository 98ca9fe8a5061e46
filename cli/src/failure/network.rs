//! How a command ends over the network.

use sealift_core::authorization::CredentialError;
use sealift_core::http::SettingsError;
use sealift_core::registry::RegistriesConfError;
pub(super) use sealift_core::registry::own_remedy;
use sealift_core::remedy::{Remediable, Remedy};

use super::Conclusion;
use crate::exit_code::ExitCode;

/// Why the network cannot be used as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {
    /// It cannot be set up.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The configuration of registries cannot be followed.
    #[error(transparent)]
    Registries(#[from] RegistriesConfError),
}

impl Remediable for NetworkError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Settings(error) => error.remedy(),
            Self::Credentials(error) => error.remedy(),
            Self::Registries(error) => error.remedy(),
        }
    }
}

pub(super) fn network(error: &NetworkError) -> Conclusion {
    match error {
        NetworkError::Settings(error) => match error {
            SettingsError::Certificates { .. } | SettingsError::ClientKey { .. } => ExitCode::System.into(),
            // Only requests run into what is wrong with a proxy, and report it themselves.
            SettingsError::Tls(_) | SettingsError::Proxy(_) | SettingsError::ProxyProtocol => ExitCode::Usage.into(),
        },
        // These are files of this side, which nobody exports.
        NetworkError::Credentials(_) | NetworkError::Registries(_) => ExitCode::System.into(),
    }
}
