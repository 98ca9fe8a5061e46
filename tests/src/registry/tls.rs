//! Registries over TLS.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS12;
use rustls::{ALL_VERSIONS, RootCertStore, ServerConfig};

use super::Registry;

impl Registry {
    /// Starts a registry that shows this certificate, which is its own authority; returns that certificate in PEM, too. It asks for
    /// certificates of clients that the authority in `clients`, in PEM, signed, if there is one.
    ///
    /// # Panics
    /// If the certificate cannot be made or used.
    pub fn showing(certificate: CertificateParams, clients: Option<&[u8]>) -> (Self, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // In TLS 1.3 a client may be reset before it reads why it was refused.
        let versions = if clients.is_some() { vec![&TLS12] } else { ALL_VERSIONS.to_vec() };
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        (Self::start_with_tls(Arc::new(config)), certificate.pem().into_bytes())
    }
}
