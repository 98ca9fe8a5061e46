//! What real clients make of it: skopeo, podman, containerd, crane, oras and curl, plain and over TLS.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sealift_core::http::PemFile;
use sealift_serve::{ServerLimits, TlsIdentity};
use sealift_tests::containerd::Containerd;
use sealift_tests::outside_programs;

use super::{APP, Served};

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server over TLS, and the folder with the certificate that its clients are to believe, for every tool by its own name.
fn over_tls() -> (Served, tempfile::TempDir) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut certificate = rcgen::CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    certificate.is_ca = rcgen::IsCa::NoCa;
    let certificate = certificate.self_signed(&key).unwrap().pem();
    let (shown, key) = (
        PemFile::new("c.pem", certificate.clone().into_bytes()),
        PemFile::new("k.pem", key.serialize_pem().into_bytes()),
    );
    let identity = TlsIdentity::read(&shown, &key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.crt"), certificate).unwrap();
    (Served::with(ServerLimits::default(), Some(identity)), folder)
}

impl Served {
    fn name(&self) -> String {
        format!("{}/{APP}", self.server.address)
    }

    /// What skopeo copied into a layout is what was exported.
    fn is_copied_by(&self, skopeo: &mut Command) {
        let layout = self.crossing.path("copied");
        let from = format!("docker://{}:1", self.name());
        succeeds(skopeo.arg(from).arg(format!("oci:{}", layout.display())));
        let blobs = layout.join("blobs/sha256");
        for (digest, (_, content)) in &self.image.blobs {
            assert_eq!(fs::read(blobs.join(digest.hex())).unwrap(), *content);
        }
        let root = self.image.root();
        assert_eq!(fs::read(blobs.join(root.descriptor().digest.hex())).unwrap(), root.bytes());
    }
}

#[test]
fn skopeo_copies_and_lists() {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    let served = Served::new();
    served.is_copied_by(Command::new(&skopeo).args(["copy", "--all", "--src-tls-verify=false"]));
    let mut list = Command::new(&skopeo);
    let listed = succeeds(list.args(["list-tags", "--tls-verify=false", &format!("docker://{}", served.name())]));
    assert!(listed.contains("\"1\""), "{listed}");
}

#[test]
fn skopeo_copies_over_tls() {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    let (served, certificates) = over_tls();
    served.is_copied_by(Command::new(&skopeo).args(["copy", "--src-cert-dir"]).arg(certificates.path()));
    // Without the certificate, it does not believe the server.
    let mut unbelieving = Command::new(&skopeo);
    let unbelieving =
        unbelieving.args(["inspect", "--raw", &format!("docker://{}:1", served.name())]).output().unwrap();
    assert!(!unbelieving.status.success());
}

#[test]
fn podman_pulls_by_tag_and_by_digest() {
    let Some(podman) = outside_programs::find("podman") else { return };
    let served = Served::new();
    fs::write(served.crossing.path("accept.json"), r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
    let path = |name: &str| -> PathBuf { served.crossing.path(name) };
    for name in
        [format!("{}:1", served.name()), format!("{}@{}", served.name(), served.image.root().descriptor().digest)]
    {
        let mut command = Command::new(&podman);
        command.arg("--root").arg(path("root")).arg("--runroot").arg(path("run")).args(["--storage-driver", "vfs"]);
        command
            .args(["pull", "--quiet", "--tls-verify=false", "--signature-policy"])
            .arg(path("accept.json"))
            .arg(name);
        succeeds(&mut command);
    }
}

#[test]
fn containerd_fetches_by_tag() {
    let Some(containerd) = Containerd::start() else { return };
    let served = Served::new();
    let name = format!("{}:1", served.name());
    let run = |arguments: &[&str]| containerd.ctr(served.crossing.far.trust().as_path(), arguments);
    run(&["content", "fetch", "--all-platforms", "--plain-http", &name]);
    let listed = run(&["images", "ls"]);
    assert!(listed.contains(&served.image.root().descriptor().digest.to_string()), "{listed}");
}

#[test]
fn crane_pulls_and_checks_every_byte() {
    let Some(crane) = outside_programs::find("crane") else { return };
    let served = Served::new();
    let name = format!("{}:1", served.name());
    succeeds(
        Command::new(&crane).args(["pull", "--insecure", "--format", "oci", &name]).arg(served.crossing.path("pulled")),
    );
    let blobs = served.crossing.path("pulled/blobs/sha256");
    for (digest, (_, content)) in &served.image.blobs {
        assert_eq!(fs::read(blobs.join(digest.hex())).unwrap(), *content);
    }
    assert_eq!(succeeds(Command::new(&crane).args(["ls", "--insecure", &served.name()])).trim(), "1");
}

#[test]
fn oras_finds_the_referrers_and_copies_with_them() {
    let Some(oras) = outside_programs::find("oras") else { return };
    let served = Served::new();
    let name = format!("{}:1", served.name());
    let found = succeeds(Command::new(&oras).args(["discover", "--plain-http", "--format", "json", &name]));
    let referrer = served.referrer.root().descriptor().digest.clone();
    assert!(found.contains(&referrer.to_string()), "{found}");
    let layout = served.crossing.path("copied");
    let mut copy = Command::new(&oras);
    copy.args(["copy", "--recursive", "--from-plain-http", &name, "--to-oci-layout"]);
    succeeds(copy.arg(format!("{}:1", layout.display())));
    assert_eq!(fs::read(layout.join("blobs/sha256").join(referrer.hex())).unwrap(), served.referrer.root().bytes());
}

#[test]
fn curl_gets_a_range_over_tls_and_http_1_0_is_understood() {
    let Some(curl) = outside_programs::find("curl") else { return };
    let (served, certificates) = over_tls();
    let layer = &served.layers()[0];
    let url = format!("https://{}{}", served.server.address, Served::blob(&layer.digest));
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--fail", "--http1.0", "--range", "300000-300009", "--cacert"]);
    let output = command.arg(certificates.path().join("ca.crt")).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, served.content(&layer.digest)[300_000..300_010]);
}

#[test]
fn a_client_without_tls_gets_nothing_from_a_server_with_it() {
    let (served, _certificates) = over_tls();
    let answer = served.server.get("/healthz");
    assert_eq!(answer.status, 0);
    assert!(!String::from_utf8_lossy(&answer.content).contains("ok"));
}
