//! Registries over TLS, with an authority that nobody else knows.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sealift_core::http::{CertificateAuthorities, HttpClient, HttpError, HttpSettings, PlainHttp, SettingsError};
use sealift_core::oci::Descriptor;
use sealift_core::registry::{Credentials, RegistryClient, RegistryError, UploadError};
use sealift_core::transfer::Checked;
use sealift_tests::registry::{Action, Fault, Registry};

use super::{explain, settings};

/// A registry with a certificate for a name, and the PEM text of its authority.
fn registry_for(name: &str) -> (Registry, Vec<u8>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Registry::start_with_tls(Arc::new(config)), authority.pem().into_bytes())
}

fn client(ca_certificates: CertificateAuthorities, plain_http: PlainHttp) -> RegistryClient {
    let settings = HttpSettings { ca_certificates, plain_http, ..settings() };
    RegistryClient::new(HttpClient::new(settings).unwrap(), Credentials::none())
}

fn ask(client: &RegistryClient, registry: &Registry) -> Result<bool, RegistryError> {
    client.has_blob(&registry.repository("app"), &Descriptor::of("", b"blob"))
}

#[test]
fn an_extra_authority_is_believed_and_no_other() {
    let (registry, authority) = registry_for("127.0.0.1");
    registry.add_blob("app", b"blob");
    for authorities in [CertificateAuthorities::BundledAnd(authority.clone()), CertificateAuthorities::Only(authority)]
    {
        assert!(ask(&client(authorities, PlainHttp::Never), &registry).unwrap());
    }
    let asked = registry.state().received.len();
    let (_, other) = registry_for("127.0.0.1");
    for authorities in [CertificateAuthorities::Bundled, CertificateAuthorities::BundledAnd(other)] {
        let error = ask(&client(authorities, PlainHttp::Never), &registry).unwrap_err();
        assert!(explain(&error).contains("certificate"), "{}", explain(&error));
    }
    assert_eq!(registry.state().received.len(), asked, "nothing is said to a server that is not believed");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (registry, authority) = registry_for("r.example");
    let error = ask(&client(CertificateAuthorities::Only(authority), PlainHttp::Never), &registry).unwrap_err();
    assert!(explain(&error).contains("certificate"), "{}", explain(&error));
}

#[test]
fn a_server_that_is_not_believed_is_not_spoken_to_plainly_instead() {
    let (registry, _) = registry_for("127.0.0.1");
    let error = ask(&client(CertificateAuthorities::Bundled, PlainHttp::Always), &registry).unwrap_err();
    assert!(explain(&error).contains("certificate"), "{}", explain(&error));
}

#[test]
fn tls_is_spoken_on_loopback_too_where_it_is_understood() {
    let (registry, authority) = registry_for("127.0.0.1");
    registry.add_blob("app", b"blob");
    assert!(ask(&client(CertificateAuthorities::Only(authority), PlainHttp::Loopback), &registry).unwrap());
}

#[test]
fn a_redirect_does_not_lead_out_of_tls() {
    let (registry, authority) = registry_for("127.0.0.1");
    let plain = Registry::start();
    let location = format!("http://{}/", plain.domain());
    registry.inject(Fault::always("HEAD", "/blobs/", Action::status(307, &[("location", &location)])));
    let error = ask(&client(CertificateAuthorities::Only(authority), PlainHttp::Always), &registry).unwrap_err();
    assert!(matches!(error, RegistryError::Http(HttpError::RedirectToPlainHttp { .. })));
    assert!(plain.state().received.is_empty());
}

#[test]
fn what_is_not_a_certificate_is_no_authority() {
    let make = |pem: &[u8]| {
        let ca_certificates = CertificateAuthorities::Only(pem.to_vec());
        HttpClient::new(HttpSettings { ca_certificates, ..settings() }).err()
    };
    assert!(matches!(make(b""), Some(SettingsError::NoCertificate)));
    let broken = b"-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n";
    assert!(matches!(make(broken), Some(SettingsError::CertificateAuthorities(_))));
}

#[test]
fn an_upload_does_not_lead_out_of_tls() {
    let (registry, authority) = registry_for("127.0.0.1");
    let plain = Registry::start();
    plain.inject(Fault::always("PUT", "/store", Action::status(201, &[])));
    let location = format!("http://{}/store", plain.domain());
    registry.inject(Fault::always("POST", "/blobs/", Action::status(202, &[("location", &location)])));
    let client = client(CertificateAuthorities::Only(authority), PlainHttp::Always);
    let descriptor = Descriptor::of("", b"blob");
    let content = &mut Checked::new(&b"blob"[..], &descriptor);
    let sent = client.put_blob(&registry.repository("app"), &descriptor, content);
    assert!(
        matches!(&sent, Err(UploadError::Registry(RegistryError::UploadLocation { location: said, .. }))
            if *said == location),
        "{sent:?}"
    );
    assert!(plain.state().received.is_empty());
}
