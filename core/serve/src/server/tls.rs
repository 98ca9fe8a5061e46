//! How the server shows who it is.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sealift_core::http::PemFile;

use super::ListenError;

/// A certificate with its chain, and its key.
#[derive(Debug, Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

impl TlsIdentity {
    /// Reads both, and checks that they belong together.
    ///
    /// # Errors
    /// [`ListenError::Certificate`], [`ListenError::PrivateKey`].
    pub fn read(certificates: &PemFile, key: &PemFile) -> Result<Self, ListenError> {
        let wrong = |source| ListenError::Certificate { path: certificates.path.clone(), source };
        let read = CertificateDer::pem_slice_iter(bytes(certificates).map_err(wrong)?).collect::<Result<Vec<_>, _>>();
        let chain = read.map_err(|error| wrong(invalid(error)))?;
        if chain.is_empty() {
            return Err(wrong(invalid("it holds no certificate")));
        }
        let wrong = |source| ListenError::PrivateKey { path: key.path.clone(), source };
        let key = PrivateKeyDer::from_pem_slice(bytes(key).map_err(wrong)?).map_err(|error| wrong(invalid(error)))?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(io::Error::other(error)))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| wrong(invalid(error)))?;
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn into_config(self) -> Arc<ServerConfig> {
        self.0
    }
}

fn bytes(file: &PemFile) -> io::Result<&[u8]> {
    file.content.as_ref().map(|bytes| bytes.as_slice()).map_err(|error| io::Error::new(error.kind(), Arc::clone(error)))
}

fn invalid(reason: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
