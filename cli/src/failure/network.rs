//! How a command ends over the network.

use sealift_core::authorization::CredentialError;
use sealift_core::http::SettingsError;
use sealift_core::registry::RegistriesConfError;
pub(super) use sealift_core::registry::own_remedy;
use sealift_core::remedy::{Remediable, Remedy};
use sealift_serve::{ListenError, ServeError};

use super::{Conclusion, NOTHING_SERVED, archive, sink};
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
    /// An archive is not served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no server.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Remediable for NetworkError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Settings(error) => error.remedy(),
            Self::Credentials(error) => error.remedy(),
            Self::Registries(error) => error.remedy(),
            Self::Serve(error) => error.remedy(),
            Self::Listen(error) => error.remedy(),
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
        NetworkError::Serve(error) => serve(error),
        NetworkError::Listen(
            ListenError::Address { .. } | ListenError::Certificate { .. } | ListenError::PrivateKey { .. },
        ) => ExitCode::System.noting(NOTHING_SERVED),
    }
}

fn serve(error: &ServeError) -> Conclusion {
    match error {
        ServeError::Import(error) => sink::import(error),
        ServeError::Format(error) => archive::format(error),
        ServeError::Mirror(error) => sink::mirror(error),
        ServeError::Compressed | ServeError::Packed { .. } | ServeError::Changed { .. } => {
            ExitCode::ArchiveFormat.noting(NOTHING_SERVED)
        }
        ServeError::Lacking { .. } => ExitCode::Content.noting(NOTHING_SERVED),
        ServeError::TagTaken { .. } | ServeError::OtherRoot { .. } => ExitCode::Policy.noting(NOTHING_SERVED),
    }
}
