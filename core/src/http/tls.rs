//! Whose certificates are trusted: a complete list that does not depend on the machine.

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::error::{SettingsError, TransportError};
use super::settings::CertificateAuthorities;

/// TLS by rustls and ring, trusting these authorities.
pub(super) fn config(authorities: &CertificateAuthorities) -> Result<TlsConfig, SettingsError> {
    let certificates = match authorities {
        CertificateAuthorities::Bundled => bundled().collect(),
        CertificateAuthorities::BundledAnd(pem) => bundled().chain(from_pem(pem)?).collect(),
        CertificateAuthorities::Only(pem) => from_pem(pem)?,
    };
    let roots: Vec<Certificate<'static>> = certificates;
    Ok(TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(RootCerts::from(roots)).build())
}

fn bundled() -> impl Iterator<Item = Certificate<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| Certificate::from_der(certificate))
}

/// Every certificate of a PEM text. Anything that is not a certificate is ignored; a text without any certificate is an
/// error.
fn from_pem(pem: &[u8]) -> Result<Vec<Certificate<'static>>, SettingsError> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        let item = item.map_err(|error| SettingsError::CertificateAuthorities(TransportError::new(error)))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(SettingsError::NoCertificate) } else { Ok(certificates) }
}
