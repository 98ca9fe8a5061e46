//! Why there is no server.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sealift_core::remedy::{Remediable, Remedy};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file of the certificate cannot be read, is not PEM, or has no certificate.
    #[error("cannot use the certificates in {}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The file of the key cannot be read, is not PEM, has no key, or its key does not belong to the certificate.
    #[error("cannot use the private key in {}", .path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Remediable for ListenError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Address { .. } => Remedy::ListenElsewhere,
            Self::Certificate { path, .. } => Remedy::CorrectCertificates { path: path.clone() },
            Self::PrivateKey { path, .. } => Remedy::CorrectServerKey { path: path.clone() },
        }
    }
}
