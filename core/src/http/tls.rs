//! Whose certificates are believed, and which one we show: lists that do not depend on the machine.
//!
//! Promise: a server is believed if a trusted authority signed its certificate, or if this very certificate was named; in both
//! cases only for a name that is in it, and only between its dates.

use std::slice;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use ureq::tls::{PemItem, parse_pem};

use super::error::{PemError, SettingsError, TransportError};
use super::settings::{CertificateAuthorities, ClientIdentity, PemFile};

/// TLS by rustls and ring.
pub(super) fn config(
    authorities: &CertificateAuthorities,
    more: &[PemFile],
    identity: Option<&ClientIdentity>,
) -> Result<Arc<ClientConfig>, SettingsError> {
    let files = match authorities {
        CertificateAuthorities::Bundled => &[][..],
        CertificateAuthorities::BundledAnd(files) => files,
        CertificateAuthorities::Only(file) => slice::from_ref(file),
    };
    let mut named = Vec::new();
    for file in files.iter().chain(more) {
        named.extend(certificates(file)?);
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
            builder.with_client_auth_cert(chain, key).map_err(|error| SettingsError::ClientKey {
                path: identity.key.path.clone(),
                source: PemError::OtherKey(Arc::new(TransportError::new(error.into()))),
            })?
        }
    };
    Ok(Arc::new(config))
}

/// Every certificate of a file. Anything that is not a certificate is ignored; a file without any certificate is an error.
fn certificates(file: &PemFile) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let failed = |source| SettingsError::Certificates { path: file.path.clone(), source };
    let mut certificates = Vec::new();
    for item in items(file).map_err(failed)? {
        if let PemItem::Certificate(certificate) = item {
            certificates.push(CertificateDer::from(certificate.der().to_vec()));
        }
    }
    if certificates.is_empty() { Err(failed(PemError::NoCertificate)) } else { Ok(certificates) }
}

/// The first private key of a file.
fn private_key(file: &PemFile) -> Result<PrivateKeyDer<'static>, SettingsError> {
    let failed = |source| SettingsError::ClientKey { path: file.path.clone(), source };
    let key = items(file).map_err(failed)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => PrivateKeyDer::try_from(key.der().to_vec()).ok(),
        _ => None,
    });
    key.ok_or_else(|| failed(PemError::NoPrivateKey))
}

fn items(file: &PemFile) -> Result<Vec<PemItem<'static>>, PemError> {
    let pem = file.content.as_ref().map_err(|error| PemError::Unreadable(Arc::clone(error)))?;
    let not_pem = |error| PemError::NotPem(Arc::new(TransportError::new(error)));
    parse_pem(pem).collect::<Result<_, _>>().map_err(not_pem)
}

fn tls_error(error: rustls::Error) -> SettingsError {
    SettingsError::Tls(TransportError::new(error.into()))
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
        Ok(Self {
            by_authority: by_authority.map_err(|error| tls_error(rustls::Error::General(error.to_string())))?,
            named,
        })
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
