//! Whose certificates are believed, and which one we show: lists that do not depend on the machine.
//!
//! Promise: a server is believed if a trusted authority signed its certificate, or if this very certificate was named; in both
//! cases only for a name that is in it, and only between its dates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use ureq::tls::{PemItem, parse_pem};

use super::error::{SettingsError, TransportError};
use super::settings::{CertificateAuthorities, ClientIdentity};

/// TLS by rustls and ring.
pub(super) fn config(
    authorities: &CertificateAuthorities,
    more: &[u8],
    identity: Option<&ClientIdentity>,
) -> Result<Arc<ClientConfig>, SettingsError> {
    let texts: Vec<&[u8]> = match authorities {
        CertificateAuthorities::Bundled => Vec::new(),
        CertificateAuthorities::BundledAnd(texts) => texts.iter().map(Vec::as_slice).collect(),
        CertificateAuthorities::Only(text) => vec![text],
    };
    let mut named = Vec::new();
    for text in texts.into_iter().chain(Some(more).filter(|more| !more.is_empty())) {
        named.extend(certificates(text)?);
    }
    let mut roots = RootCertStore::empty();
    if !matches!(authorities, CertificateAuthorities::Only(_)) {
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    }
    // A certificate of an old version is no authority, and may still be what a server shows.
    roots.add_parsable_certificates(named.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::new(roots, named, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls_error)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = (certificates(&identity.certificates)?, private_key(&identity.key)?);
            builder.with_client_auth_cert(chain, key).map_err(tls_error)?
        }
    };
    Ok(Arc::new(config))
}

/// Every certificate of a PEM text. Anything that is not a certificate is ignored; a text without any certificate is an
/// error.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        let item = item.map_err(|error| SettingsError::CertificateAuthorities(TransportError::new(error)))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(CertificateDer::from(certificate.der().to_vec()));
        }
    }
    if certificates.is_empty() { Err(SettingsError::NoCertificate) } else { Ok(certificates) }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, SettingsError> {
    for item in parse_pem(pem) {
        if let PemItem::PrivateKey(key) = item.map_err(|error| SettingsError::ClientKey(TransportError::new(error)))? {
            return PrivateKeyDer::try_from(key.der().to_vec()).map_err(|_| SettingsError::NoClientKey);
        }
    }
    Err(SettingsError::NoClientKey)
}

fn tls_error(error: rustls::Error) -> SettingsError {
    SettingsError::ClientKey(TransportError::new(error.into()))
}

/// Believes who an authority vouches for, and whoever shows a certificate that was named itself.
///
/// `openssl req -x509` makes a certificate that says it is an authority, and people give it to a server: webpki refuses such a one as
/// a server's, whoever signed it. To believe exactly this certificate is stricter than to believe whatever its key signs.
#[derive(Debug)]
struct Verifier {
    by_authority: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, SettingsError> {
        let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        Ok(Self { by_authority: by_authority.map_err(|_| SettingsError::NoCertificate)?, named })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(error) if lacks_only_an_issuer(&error) && self.named.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Whether nobody vouches for a certificate that is otherwise right. webpki checks the dates before it looks for an issuer, and before
/// it refuses an authority as a server.
fn lacks_only_an_issuer(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => is_authority(other),
        _ => false,
    }
}

/// Whether a server's certificate was refused because it says that it is an authority.
pub(super) fn is_authority(refusal: &OtherError) -> bool {
    matches!(refusal.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
