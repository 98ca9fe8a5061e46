//! Registries over TLS, with an authority that nobody else knows.

use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sealift_core::authorization::Credentials;
use sealift_core::http::{
    CertificateAuthorities, ClientIdentity, HostCertificates, HttpClient, HttpError, HttpSettings, PemError, PemFile,
    PlainHttp, SettingsError,
};
use sealift_core::oci::{Descriptor, Repository};
use sealift_core::registry::{RegistryClient, RegistryError, UploadError, own_remedy};
use sealift_core::remedy::Remedy;
use sealift_core::transfer::{Checked, SinkError};
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

fn file(pem: Vec<u8>) -> PemFile {
    PemFile::new("ca.pem", pem)
}

fn only(pem: Vec<u8>) -> CertificateAuthorities {
    CertificateAuthorities::Only(file(pem))
}

fn also(pem: Vec<u8>) -> CertificateAuthorities {
    CertificateAuthorities::BundledAnd(vec![file(pem)])
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
    for authorities in [also(authority.clone()), only(authority)] {
        assert!(ask(&client(authorities, PlainHttp::Never), &registry).unwrap());
    }
    let asked = registry.state().received.len();
    let (_, other) = registry_for("127.0.0.1");
    for authorities in [CertificateAuthorities::Bundled, also(other)] {
        let error = ask(&client(authorities, PlainHttp::Never), &registry).unwrap_err();
        assert!(explain(&error).contains("certificate"), "{}", explain(&error));
    }
    assert_eq!(registry.state().received.len(), asked, "nothing is said to a server that is not believed");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (registry, authority) = registry_for("r.example");
    let error = ask(&client(only(authority), PlainHttp::Never), &registry).unwrap_err();
    assert!(explain(&error).contains("certificate"), "{}", explain(&error));
}

/// What `openssl req -x509` makes: a certificate for a name that says that it is an authority, unless told otherwise.
fn self_signed(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
    certificate.is_ca = is_ca;
    certificate
}

const AUTHORITY: IsCa = IsCa::Ca(BasicConstraints::Unconstrained);

#[test]
fn a_certificate_that_is_named_itself_is_believed_for_its_name_and_between_its_dates() {
    for is_ca in [AUTHORITY, IsCa::NoCa, IsCa::ExplicitNoCa] {
        let good = self_signed("127.0.0.1", is_ca);
        let (registry, named) = Registry::showing(good.clone(), None);
        let (_, another) = Registry::showing(good.clone(), None);
        for (authorities, believed) in [
            (only(named.clone()), true),
            (also(named), true),
            (CertificateAuthorities::Bundled, false),
            (only(another), false),
        ] {
            let asked = ask(&client(authorities, PlainHttp::Never), &registry);
            assert_eq!(asked.is_ok(), believed, "{is_ca:?}: {asked:?}");
        }
        let mut expired = good.clone();
        (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        let mut later = good;
        (later.not_before, later.not_after) = (date_time_ymd(2300, 1, 1), date_time_ymd(2301, 1, 1));
        for (certificate, refusal) in
            [(expired, "at this time"), (later, "at this time"), (self_signed("r.example", is_ca), "another name")]
        {
            let (registry, named) = Registry::showing(certificate, None);
            let error = ask(&client(only(named), PlainHttp::Never), &registry).unwrap_err();
            assert!(explain(&error).contains(refusal), "{is_ca:?}: {}", explain(&error));
        }
    }
}

/// The address of a server that answers everything with a page, as web servers answer what they do not understand.
fn speaks_plainly() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            let _ = io::copy(&mut stream, &mut io::sink());
        }
    });
    address
}

#[test]
fn a_failure_of_tls_says_what_it_is_and_what_helps() {
    let believing = |pem| client(only(pem), PlainHttp::Never);
    let (unknown, _) = registry_for("127.0.0.1");
    let (other, of_other) = registry_for("r.example");
    let (itself, _) = Registry::showing(self_signed("127.0.0.1", AUTHORITY), None);
    let (strict, named) = Registry::showing(self_signed("127.0.0.1", AUTHORITY), Some(&of_other));
    let plain = speaks_plainly();
    let mut expired = self_signed("127.0.0.1", AUTHORITY);
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let (expired, of_expired) = Registry::showing(expired, None);
    let usual = || client(CertificateAuthorities::Bundled, PlainHttp::Never);
    for (domain, client, says, remedy) in [
        (unknown.domain(), usual(), "not signed by an authority", Remedy::NameAuthority),
        (itself.domain(), usual(), "not signed by an authority", Remedy::NameAuthority),
        (other.domain(), believing(of_other.clone()), "for another name", Remedy::UseCertifiedName),
        (expired.domain(), believing(of_expired), "not valid at this time", Remedy::RenewCertificate),
        (plain.clone(), usual(), "does not speak https", Remedy::AllowPlainHttp { host: plain }),
        (
            strict.domain(),
            believing(named),
            "this client's certificate",
            Remedy::GiveClientKey { host: strict.domain() },
        ),
    ] {
        let repository = Repository::new(&domain, "app").unwrap();
        let error = client.has_blob(&repository, &Descriptor::of("", b"blob")).unwrap_err();
        assert!(explain(&error).contains(says), "{says}: {}", explain(&error));
        assert_eq!(own_remedy(&error), Some(remedy.clone()), "{}", explain(&error));
        let stored = SinkError::from(error);
        assert_eq!(own_remedy(&stored), Some(remedy), "where something is stored, too");
    }
}

#[test]
fn hosts_have_certificates_of_their_own() {
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(self_signed("x", AUTHORITY), KeyPair::generate().unwrap()).unwrap();
    let certificate = CertificateParams::new(vec!["me".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let (registry, authorities) =
        Registry::showing(self_signed("127.0.0.1", AUTHORITY), Some(authority.pem().as_bytes()));
    let identity = ClientIdentity {
        certificates: PemFile::new("client.cert", certificate.pem().into_bytes()),
        key: PemFile::new("client.key", key.serialize_pem().into_bytes()),
    };
    let client = |host_certificates: Vec<HostCertificates>| {
        let settings = HttpSettings { host_certificates, plain_http: PlainHttp::Never, ..settings() };
        RegistryClient::new(HttpClient::new(settings).unwrap(), Credentials::none())
    };
    let of = |host: String, identity: Option<ClientIdentity>| {
        client(vec![HostCertificates { host, authorities: vec![file(authorities.clone())], identity }])
    };
    assert!(!ask(&of(registry.domain(), Some(identity.clone())), &registry).unwrap());
    let error = ask(&of(registry.domain(), None), &registry).unwrap_err();
    assert!(explain(&error).contains("this client's certificate"), "{}", explain(&error));
    for elsewhere in ["127.0.0.1", "127.0.0.1:1", "r.example"] {
        let error = ask(&of(elsewhere.to_owned(), Some(identity.clone())), &registry).unwrap_err();
        assert!(explain(&error).contains("not signed by an authority"), "{}", explain(&error));
    }
    // What is wrong with the folder of a host matters there alone.
    for (certificates, key) in
        [(&b"x"[..], key.serialize_pem().into_bytes()), (authority.pem().as_bytes(), b"x".into())]
    {
        let [certificates, key] = [("client.cert", certificates.to_vec()), ("client.key", key)];
        let pem = |(name, pem)| PemFile::new(name, pem);
        let broken = ClientIdentity { certificates: pem(certificates), key: pem(key) };
        let error = ask(&of(registry.domain(), Some(broken.clone())), &registry).unwrap_err();
        assert!(matches!(error, RegistryError::Http(HttpError::Certificates { .. })), "{}", explain(&error));
        let error = ask(&of("r.example".to_owned(), Some(broken)), &registry).unwrap_err();
        assert!(explain(&error).contains("not signed by an authority"), "{}", explain(&error));
    }
    // And it names the file.
    let refusal_of = |identity: ClientIdentity, more: Option<PemFile>| {
        let authorities = more.into_iter().chain([file(authorities.clone())]).collect();
        let host = HostCertificates { host: registry.domain(), authorities, identity: Some(identity) };
        let error = ask(&client(vec![host]), &registry).unwrap_err();
        let RegistryError::Http(HttpError::Certificates { source, .. }) = error else { panic!("{}", explain(&error)) };
        let (path, source) = match &*source {
            SettingsError::Certificates { path, source } | SettingsError::ClientKey { path, source } => (path, source),
            other => panic!("{other:?}"),
        };
        (path.display().to_string(), source.clone())
    };
    let absent = |path: &str| PemFile { path: path.into(), content: Err(Arc::new(io::ErrorKind::NotFound.into())) };
    let with_key = |key: PemFile| refusal_of(ClientIdentity { key, ..identity.clone() }, None);
    let another = KeyPair::generate().unwrap().serialize_pem().into_bytes();
    let (path, refusal) = with_key(PemFile::new("client.key", another));
    assert!(path == "client.key" && matches!(refusal, PemError::OtherKey(_)), "{path}: {refusal}");
    let (path, refusal) = with_key(PemFile::new("client.key", Vec::new()));
    assert!(path == "client.key" && matches!(refusal, PemError::NoPrivateKey), "{path}: {refusal}");
    let (path, refusal) = with_key(absent("client.key"));
    assert!(path == "client.key" && matches!(refusal, PemError::Unreadable(_)), "{path}: {refusal}");
    let (path, refusal) = refusal_of(ClientIdentity { certificates: absent("client.cert"), ..identity.clone() }, None);
    assert!(path == "client.cert" && matches!(refusal, PemError::Unreadable(_)), "{path}: {refusal}");
    for (more, names) in [(PemFile::new("empty.crt", Vec::new()), "empty.crt"), (absent("gone.crt"), "gone.crt")] {
        assert_eq!(refusal_of(identity.clone(), Some(more)).0, names);
    }
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
    let believing = client(only(authority), PlainHttp::Loopback);
    assert!(ask(&believing, &registry).unwrap());
    assert!(!believing.is_plain_http(&registry.domain()).unwrap(), "though it is allowed");
    assert!(believing.is_plain_http(&Registry::start().domain()).unwrap());
}

#[test]
fn a_redirect_does_not_lead_out_of_tls() {
    let (registry, authority) = registry_for("127.0.0.1");
    let plain = Registry::start();
    let location = format!("http://{}/", plain.domain());
    registry.inject(Fault::always("HEAD", "/blobs/", Action::status(307, &[("location", &location)])));
    let error = ask(&client(only(authority), PlainHttp::Always), &registry).unwrap_err();
    assert!(matches!(error, RegistryError::Http(HttpError::RedirectToPlainHttp { .. })));
    assert_eq!(own_remedy(&error), Some(Remedy::RedirectToHttps { host: registry.domain() }));
    assert!(plain.state().received.is_empty());
}

#[test]
fn what_is_not_a_certificate_is_no_authority() {
    let make = |pem: &[u8]| {
        let ca_certificates = only(pem.to_vec());
        HttpClient::new(HttpSettings { ca_certificates, ..settings() }).err()
    };
    let is_without = |error: &SettingsError, file: &str| matches!(error, SettingsError::Certificates { path, source: PemError::NoCertificate } if path.ends_with(file));
    assert!(is_without(&make(b"").unwrap(), "ca.pem"));
    let (_, good) = registry_for("127.0.0.1");
    let files = vec![file(good), PemFile::new("other.pem", b"nothing".to_vec())];
    let ca_certificates = CertificateAuthorities::BundledAnd(files);
    let beside_a_good_one = HttpClient::new(HttpSettings { ca_certificates, ..settings() }).err();
    assert!(is_without(&beside_a_good_one.unwrap(), "other.pem"));
    let broken = b"-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n";
    assert!(matches!(make(broken), Some(SettingsError::Certificates { source: PemError::NotPem(_), .. })));
    let not_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(make(not_der), Some(SettingsError::Tls(_))), "there is no authority at all");
}

#[test]
fn an_upload_does_not_lead_out_of_tls() {
    let (registry, authority) = registry_for("127.0.0.1");
    let plain = Registry::start();
    plain.inject(Fault::always("PUT", "/store", Action::status(201, &[])));
    let location = format!("http://{}/store", plain.domain());
    registry.inject(Fault::always("POST", "/blobs/", Action::status(202, &[("location", &location)])));
    let client = client(only(authority), PlainHttp::Always);
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
