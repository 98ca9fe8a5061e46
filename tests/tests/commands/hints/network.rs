//! Hints about registries, servers of files, certificates, credentials and proxies.

use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use sealift_archive_format::Digest;
use sealift_core::oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes};
use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Answer, Authentication, Fault, Registry};
use sealift_tests::tuf_repository::{Delegated, TufRepository};
use serde_json::json;

use super::*;

/// Exports the image `1` of the repository `app`.
fn export(registry: &Registry, options: &[&str]) -> Said {
    export_from(&Near::asking_for_nothing(), registry, options)
}

fn export_from(near: &Near, registry: &Registry, options: &[&str]) -> Said {
    near.export(&[&["--image", &format!("example.com/app:1={}/app:1", registry.domain())], options].concat())
}

fn always(registry: &Registry, part_of_path: &str, action: Action) {
    registry.inject(Fault::always("GET", part_of_path, action));
}

fn status(status: u16) -> Action {
    Action::status(status, &[])
}

/// A registry that has an image for two platforms.
fn with_an_image() -> (Registry, Image) {
    let registry = Registry::start();
    let image = Image::for_two_platforms("app");
    store(&registry, &image);
    (registry, image)
}

fn store(registry: &Registry, image: &Image) {
    for (descriptor, content) in image.blobs.values() {
        registry.add_blob("app", content);
        assert_eq!(descriptor.size, content.len() as u64);
    }
    let add = |manifest: &ManifestBytes, tag: &str| {
        registry.add_manifest("app", tag, &manifest.descriptor().media_type, manifest.bytes());
    };
    image.manifests.iter().for_each(|manifest| add(manifest, "1"));
}

#[test]
fn what_is_not_there() {
    let registry = Registry::start();
    export(&registry, &[]).hints(
        16,
        "has no manifest 1",
        "check the reference, the network and the credentials; if it is stored elsewhere, say where: example.com/app:1=WHERE",
    );
    let (registry, image) = with_an_image();
    let gone = image.manifests[0].descriptor().digest.to_string();
    registry.state().manifests.remove(&("app".to_owned(), gone));
    export(&registry, &[]).hints(
        16,
        "example.com/app:1",
        "push the image to the source again, where it is incomplete; or choose platforms with --platform",
    );
    export(&registry, &["--platform", "linux/amd64,linux/arm64"]);
    export(&registry, &["--platform", "linux/amd64"]).hints(
        16,
        "example.com/app:1",
        "push the image to the source again: it is incomplete there",
    );
    let (registry, image) = with_an_image();
    for (descriptor, _) in image.blobs.values().filter(|(descriptor, _)| descriptor.media_type != OCI_CONFIG) {
        registry.state().blobs.remove(&("app".to_owned(), descriptor.digest.to_string()));
    }
    export(&registry, &[]).hints(16, "has no blob", "push the image to the source again: it is incomplete there");
}

#[test]
fn what_is_kept_back() {
    for (answered, hint) in [
        (403, "log in as somebody who may read this, or ask whoever runs the-registry"),
        (
            451,
            "this registry is not allowed to serve it: leave it out, or say where else it is stored: example.com/app:1=WHERE",
        ),
        (400, "check the network, and try again"),
    ] {
        let (registry, image) = with_an_image();
        let listed = &image.manifests[0].descriptor().digest;
        always(&registry, &listed.to_string(), status(answered));
        let hint = hint.replace("the-registry", &registry.domain());
        export(&registry, &[]).hints(16, &format!("answered {answered}"), &hint);
    }
    let (registry, _) = with_an_image();
    always(&registry, "/blobs/", status(451));
    export(&registry, &[]).hints(
        16,
        "answered 451",
        "this registry is not allowed to serve it: leave it out, or export it from somewhere else",
    );
    let registry = Registry::start();
    always(&registry, "/manifests/", Action::status(429, &[("retry-after", "18446744073709551615")]));
    export(&registry, &[]).hints(
        16,
        "answered 429",
        "wait a few minutes, and run the command again: this server limits how often it can be asked",
    );
}

#[test]
fn what_no_reader_can_use() {
    let registry = Registry::start();
    registry.add_manifest("app", "1", OCI_INDEX, b"{}");
    export(&registry, &[]).hints(
        16,
        "",
        "ask whoever builds the image to build it differently, with a current tool; pushing it again does not help",
    );
    let registry = Registry::start();
    registry.add_manifest("app", "1", "application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}");
    export(&registry, &[]).hints(
        16,
        "",
        "pull it with a tool that still reads this form, and push or save it again with a current one",
    );
    let (registry, image) = with_an_image();
    let mut listed = serde_json::to_value(image.manifests[0].descriptor()).unwrap();
    listed["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    let of_no_platform = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]});
    registry.add_manifest("app", "1", OCI_INDEX, of_no_platform.to_string().as_bytes());
    export(&registry, &["--platform", "linux/amd64"]).hints(16, "no platform that it states", "leave out --platform");
}

#[test]
fn a_scheme_that_is_written_decides() {
    let (registry, _) = with_an_image();
    // Where nothing is written, this machine is asked over plain http too.
    let domain = format!("localhost:{}", registry.port());
    let near = Near::asking_for_nothing();
    let image = |place: &str| format!("example.com/app:1={place}");
    near.export(&["--image", &image(&format!("docker://{domain}/app:1"))]).remarks("");
    let archive = fs::read(near.path().join("out.sealift")).unwrap();
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    let asked = registry.count("GET", "");
    let is_refused = |said: &Said, code: i32| {
        let cause = format!("cannot reach https://{domain}/v2/");
        assert!(said.code == Some(code) && said.all.contains(&cause), "{:?}: {}", said.code, said.all);
    };
    let mirror = format!("example.com=https://{domain}");
    let bundle = ["--bundle", "example.com/org/shop:1=bundle.json", "--images-from", &format!("https://{domain}/app")];
    let digest = Digest::sha256(b"");
    let thin = json!({"schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", "invocationImages": [
        {"image": "example.com/app:1", "imageType": "oci", "contentDigest": digest}]});
    fs::write(near.path().join("bundle.json"), thin.to_string()).unwrap();
    for arguments in [
        &["--image", &*image(&format!("https://{domain}/app:1"))][..],
        &["--image", "example.com/app:1", "--mirror", &mirror],
        &bundle,
    ] {
        is_refused(&near.export(arguments), 16);
    }
    let far = Far::taking_everything();
    is_refused(&far.import(&archive, &["--to-registry", &format!("https://{domain}/in")]), 17);
    assert_eq!(registry.count("GET", ""), asked, "nothing was asked over plain http");
    let plain = speaks_plainly();
    near.export(&["--image", &image(&format!("https://{plain}/app:1"))]).hints(
        16,
        "does not speak https",
        &format!(
            "if this is the right address, and knowing that nothing will be encrypted, name it without https:// (a registry) or with http:// (another server): plain http is allowed to {plain}"
        ),
    );
    let elsewhere = plain.replace("127.0.0.1", "0.0.0.0");
    near.export(&["--image", &image(&format!("{elsewhere}/app:1"))]).hints(
        16,
        "does not speak https",
        &format!(
            "if this is the right address, and knowing that nothing will be encrypted, allow plain http to it, without https:// before its name: --plain-http {elsewhere}"
        ),
    );
    near.export(&["--image", &image(&format!("http://{domain}/app:1"))]).hints(
        2,
        "asks for plain http",
        &format!(
            "write docker://{domain}/app:1, and, knowing that nothing will be encrypted, allow plain http to it: --plain-http {domain}"
        ),
    );
    let refused = far.import(&archive, &["--to-registry", &format!("http://{domain}/in")]);
    let named = format!("name the registry without it: {domain}/in --plain-http {domain}");
    assert!(refused.code == Some(2) && refused.all.contains(&named), "{}", refused.all);
    far.import(&archive, &["--to-registry", &format!("{domain}/in")]).remarks("");
}

/// A registry with an image, and this list of what refers to it.
fn with_referrers(listed: &[Descriptor]) -> Registry {
    let (registry, image) = with_an_image();
    let subject = image.root().descriptor().digest.to_string();
    registry.state().referrers = Some([(("app".to_owned(), subject), listed.to_vec())].into());
    registry
}

#[test]
fn referrers() {
    let (registry, _) = with_an_image();
    registry.state().referrers = Some([].into());
    always(&registry, "/referrers/", Action::Answer(Answer::new(200, &[("content-type", OCI_INDEX)], b"{".to_vec())));
    export(&registry, &[]).hints(
        16,
        "",
        "check the network, and whether this source lists referrers correctly; or export without them: --referrers none",
    );
    export(&registry, &["--referrers", "none"]).remarks("");
    let gone = with_referrers(&[Descriptor::of(OCI_MANIFEST, b"gone")]);
    export(&gone, &[]).hints(
        16,
        "",
        "have the source's list of referrers corrected, which is out of date or wrong; or export without referrers: --referrers none",
    );
    let many: Vec<_> = (0..1_001).map(|number: u32| Descriptor::of(OCI_MANIFEST, &number.to_be_bytes())).collect();
    export(&with_referrers(&many), &[]).hints(
        16,
        "more than 1000",
        "delete referrers that are no longer needed, or export a copy of the image without them",
    );
}

/// An image with one layer of this size, of which the registry has this.
fn with_a_layer(content: &[u8], size: u64) -> Registry {
    let registry = Registry::start();
    let config = registry.add_blob("app", br#"{"os":"linux","architecture":"amd64"}"#);
    let config = Descriptor::new(OCI_CONFIG, config.digest, config.size);
    let layer = registry.add_blob("app", content);
    let layer = Descriptor::new(OCI_LAYER, layer.digest, size);
    let image = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
    registry.add_manifest("app", "1", OCI_MANIFEST, image.to_string().as_bytes());
    registry
}

#[test]
fn an_export_that_ends_early() {
    let near = Near::asking_for_nothing();
    let content = vec![7; 100_000];
    let registry = with_a_layer(&content, content.len() as u64);
    let layer = Descriptor::of(OCI_LAYER, &content).digest.to_string();
    let other = Action::Answer(Answer::new(200, &[], vec![8; 100_000]));
    registry.inject(Fault { times: 1, ..Fault::always("GET", &layer, other) });
    export_from(&near, &registry, &[]).hints(
        16,
        "",
        "run the same command again, because the source failed or sent other bytes than it announced: an export into a file continues where it stopped",
    );
    registry.inject(Fault::once("GET", &layer, status(400)));
    export_from(&near, &registry, &[]).hints(
        16,
        "answered 400",
        "check the network, and run the same command again: an export into a file continues where it stopped",
    );
    // The same name for something else.
    near.export(&["--image", &format!("example.com/other:1={}/app:1", registry.domain())]).hints(
        1,
        "is an unfinished archive of something else",
        "choose another name with -o, or write over it: run the same command with --fresh",
    );
    near.export(&["--fresh", "--image", &format!("example.com/other:1={}/app:1", registry.domain())]).remarks("");
}

#[test]
fn two_exports_at_once() {
    let near = Near::asking_for_nothing();
    let registry = with_a_layer(b"a layer", 7);
    let layer = Descriptor::of(OCI_LAYER, b"a layer").digest.to_string();
    let slow = Action::write(|_| {
        thread::sleep(std::time::Duration::from_secs(20));
        Ok(())
    });
    registry.inject(Fault::once("GET", &layer, slow));
    let name = format!("example.com/app:1={}/app:1", registry.domain());
    let mut first = near.command(&["--image", &name]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while registry.count("GET", &layer) == 0 {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    near.export(&["--image", &name]).hints(
        1,
        "is being written by another export",
        "wait until the other export has ended",
    );
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn room() {
    let said = export(&with_a_layer(b"a layer", 1 << 50), &[]);
    let hint = said.failure["hint"].as_str().unwrap();
    let (free, rest) = hint.split_once(" more there, or choose a place with more room").unwrap();
    assert!(free.starts_with("free ") && free.ends_with("TiB") && rest.is_empty(), "{hint}");
    said.hints(1, "more bytes are needed in ", hint);
}

const BROKEN_PIPE: &str =
    "look at what the program that reads the pipe says, and run both again: it ended before the archive did";

#[test]
fn what_is_written_to() {
    let near = Near::asking_for_nothing();
    let content = vec![7; 1_000_000];
    let registry = with_a_layer(&content, content.len() as u64);
    let name = format!("example.com/app:1={}/app:1", registry.domain());
    let export = |output: &str, shell: &str| {
        let line = format!(
            "trap '' XFSZ; {shell} '{}' --json --quiet --trust near export --image {name} --key key.pem -o {output}",
            SEALIFT.display()
        );
        Command::new("bash").args(["-o", "pipefail", "-c", &line]).current_dir(near.path()).output().unwrap()
    };
    // As from a disk that is full, for whoever runs this.
    Said::of(&export("full.sealift", "ulimit -f 100;")).hints(
        1,
        "file too large",
        "check the free space on the disk, and run the same command again: an export into a file continues where it stopped",
    );
    Said::of(&export("- | true", "")).hints(1, "broken pipe", BROKEN_PIPE);
}

/// A side whose publisher's files are at this location.
fn export_proof_from(location: &str, variables: &[(&str, &str)], options: &[&str]) -> Said {
    let near = Near::pinning(&sample());
    let mut export = near.command(&["--image", &format!("{WEB}=oci:layout"), "--tuf", &format!("demo={location}")]);
    Said::of(&export.args(options).envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn servers_of_files() {
    let registry = Registry::start();
    let url = |path: &str| format!("http://{}/{path}", registry.domain());
    always(&registry, "/refused/", status(400));
    export_proof_from(&url("refused"), &[], &[]).hints(
        16,
        "answered 400",
        "check the location, ask whoever runs this server, or try again later",
    );
    always(&registry, "/around/", Action::status(302, &[("location", "/around/metadata/")]));
    export_proof_from(&url("around"), &[], &[]).hints(
        16,
        "redirect",
        "check the location: a TUF repository does not answer like this",
    );
    export_proof_from(&url("nothing"), &[], &[]).hints(
        12,
        "",
        "check the location of the repository: it must hold metadata/; or ask the publisher for the missing file",
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreached = export_proof_from(&format!("http://{closed}/tuf"), &[], &[]);
    unreached.hints(
        16,
        "cannot reach",
        "check the location, the network and the proxy that HTTPS_PROXY names, and try again",
    );
    let causes = unreached.failure["causes"].as_array().unwrap();
    assert_eq!(causes.last().unwrap(), "connection refused");
    export_proof_from("http://r.example/tuf", &[], &[]).hints(
        16,
        "plain http is not allowed for this host",
        "use https; or, knowing what it means, allow plain http to this host: --plain-http r.example",
    );
}

#[test]
fn a_file_that_no_archive_can_hold() {
    let mut repository = TufRepository::new();
    for role in ["root", "timestamp", "snapshot", "targets"] {
        repository.role(role)["expires"] = json!("2100-01-01T00:00:00Z");
    }
    let role = "x".repeat(300);
    repository.delegate("targets", Delegated::paths(&role, &["nothing"]));
    repository.role(&role)["expires"] = json!("2100-01-01T00:00:00Z");
    repository.publish(&["root"]);
    repository.publish_everything();
    let registry = with_a_layer(b"a layer", 7);
    for (name, bytes) in &repository.files {
        always(&registry, &format!("/tuf/metadata/{name}"), Action::Answer(Answer::new(200, &[], bytes.clone())));
    }
    let near = Near::asking_for_nothing();
    fs::write(near.path().join("root.json"), repository.pinned_root()).unwrap();
    near.run(&["trust", "pin-root", "demo", "root.json"]).remarks("");
    let tuf = format!("demo=http://{}/tuf", registry.domain());
    export_from(&near, &registry, &["--tuf", &tuf, "--whole-metadata"]).hints(
        16,
        "entry name",
        "leave out --whole-metadata, or ask the publisher: an archive cannot hold a file with that name; nothing was written",
    );
    export_from(&near, &registry, &["--tuf", &tuf]).remarks("");
}

#[test]
fn proxies() {
    let by = |proxy: &str| export_proof_from("https://r.example/tuf", &[("HTTPS_PROXY", proxy)], &[]);
    by("gopher://r.example").hints(16, "", "correct HTTPS_PROXY or ALL_PROXY, or unset it");
    let proxy = Registry::start();
    proxy.inject(Fault::once("CONNECT", "", status(407)));
    let host = proxy.domain();
    by(&format!("http://{host}")).hints(
        16,
        "",
        &format!("give the proxy a user name and a password: HTTPS_PROXY=http://USER:PASSWORD@{host}"),
    );
    proxy.inject(Fault::once("CONNECT", "", status(403)));
    by(&format!("http://{host}")).hints(
        16,
        "",
        &format!(
            "check that HTTPS_PROXY names the right proxy, and that http://{host} is running and allows connections to r.example; or, if r.example can be reached without the proxy, add r.example to NO_PROXY"
        ),
    );
    let plain = speaks_plainly();
    by(&format!("https://{plain}")).hints(
        16,
        "",
        &format!("name the proxy with http instead of https: HTTPS_PROXY=http://{plain}"),
    );
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

fn certificate_for(name: &str) -> CertificateParams {
    let mut certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
    certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    certificate
}

/// Exports with the metadata from a server, whose certificate may be named.
fn export_over_tls(host: &str, named: Option<&[u8]>) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, named.unwrap_or_default()).unwrap();
    let options: &[&str] = if named.is_some() { &["--ca", file.to_str().unwrap()] } else { &[] };
    export_proof_from(&format!("https://{host}/tuf"), &[], options)
}

#[test]
fn certificates() {
    let (server, _) = Registry::showing(certificate_for("127.0.0.1"), None);
    export_over_tls(&server.domain(), None).hints(
        16,
        "not signed by an authority that is trusted here",
        "if your own certificate authority signed this server's certificate, or if it is self-signed, name the authority or the certificate: --ca FILE",
    );
    let (server, named) = Registry::showing(certificate_for("r.example"), None);
    export_over_tls(&server.domain(), Some(&named)).hints(
        16,
        "for another name",
        "reach the server by a name that is in its certificate, or ask whoever runs it for a certificate that has this name as a subjectAltName",
    );
    let mut expired = certificate_for("127.0.0.1");
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let (server, named) = Registry::showing(expired, None);
    export_over_tls(&server.domain(), Some(&named)).hints(
        16,
        "not valid at this time",
        "check this side's clock; if it is right, have the server's certificate renewed",
    );
    let (server, of_server) = Registry::showing(certificate_for("127.0.0.1"), Some(&named));
    export_over_tls(&server.domain(), Some(&of_server)).hints(
        16,
        "this client's certificate",
        &format!(
            "put client.cert and client.key, in PEM, into the folder of this host in certs.d, for example /etc/docker/certs.d/{}",
            server.domain()
        ),
    );
    let mut of_clients = certificate_for("127.0.0.1");
    of_clients.is_ca = IsCa::ExplicitNoCa;
    of_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (server, named) = Registry::showing(of_clients, None);
    export_over_tls(&server.domain(), Some(&named)).hints(
        16,
        "not one that a server can use",
        "ask whoever runs this server for a certificate of X.509 version 3 that has the server's name as a subjectAltName",
    );
    let plain = speaks_plainly();
    export_over_tls(&plain, None).hints(
        16,
        "does not speak https",
        &format!(
            "if this is the right address, and knowing that nothing will be encrypted, name it without https:// (a registry) or with http:// (another server): plain http is allowed to {plain}"
        ),
    );
    let (server, named) = Registry::showing(certificate_for("127.0.0.1"), None);
    always(&server, "/tuf/", Action::status(302, &[("location", "http://127.0.0.1:1/")]));
    export_over_tls(&server.domain(), Some(&named)).hints(
        16,
        "redirect",
        &format!(
            "ask whoever runs {} to redirect to https: a redirect from https to plain http is not followed",
            server.domain()
        ),
    );
    let near = Near::pinning(&sample());
    let export = |options: &[&str]| {
        let tuf = format!("demo=https://{}/tuf", server.domain());
        near.export(&[&["--image", &*format!("{WEB}=oci:layout"), "--tuf", &*tuf], options].concat())
    };
    fs::write(near.path().join("ca.pem"), "nothing").unwrap();
    export(&["--ca", "ca.pem"]).hints(
        1,
        "it holds no certificate",
        "correct or replace ca.pem: it has to hold a certificate in PEM",
    );
    let folder = near.path().join(".config/containers/certs.d").join(server.domain());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("client.cert"), &named).unwrap();
    fs::write(folder.join("client.key"), "nothing").unwrap();
    let key = folder.join("client.key").display().to_string();
    export(&[]).hints(
        1,
        "client.key",
        &format!("correct {key}: it has to hold the private key, in PEM, of the certificate beside it"),
    );
}

#[test]
fn credentials() {
    let registry = Registry::start();
    registry.state().authentication = Some(Authentication::Basic { pair: "u:p".to_owned() });
    let host = registry.domain();
    export(&registry, &[]).hints(
        16,
        "none for it",
        &format!(
            "log in with `docker login {host}`, or with podman or skopeo; or name the file of credentials: --registry-config FILE"
        ),
    );
    let near = Near::asking_for_nothing();
    let wrong = format!(r#"{{"auths":{{"{host}":{{"auth":"dTpx"}}}}}}"#);
    fs::write(near.path().join("auth.json"), wrong).unwrap();
    export_from(&near, &registry, &["--registry-config", "auth.json"]).hints(
        16,
        "answered 401",
        "log in again with docker, podman or skopeo; or name the file of credentials: --registry-config FILE",
    );
    fs::write(near.path().join("auth.json"), "{").unwrap();
    export_from(&near, &registry, &["--registry-config", "auth.json"]).hints(
        1,
        "",
        "correct the file, or name another one: --registry-config FILE",
    );
    // One that is wrong about this registry is noticed only when it asks.
    fs::write(near.path().join("auth.json"), format!(r#"{{"auths":{{"{host}":{{"auth":"!"}}}}}}"#)).unwrap();
    export_from(&near, &registry, &["--registry-config", "auth.json"]).hints(
        1,
        "is not a user name and password in base64",
        "correct the file, or name another one: --registry-config FILE",
    );
}

#[test]
fn registries_conf() {
    let (near, registry) = (Near::asking_for_nothing(), Registry::start());
    let conf = |text: &str| {
        fs::write(near.path().join("registries.conf"), text).unwrap();
        export_from(&near, &registry, &["--registries-conf", "registries.conf"])
    };
    conf("[[registry]\n").hints(
        1,
        "",
        "correct it as containers-registries.conf(5) describes version 2, or leave out --registries-conf",
    );
    conf(&format!("[[registry]]\nlocation = \"{}\"\nblocked = true\n", registry.domain())).hints(
        16,
        "block",
        "ask whoever wrote that file why the repository is blocked; if it may be fetched from somewhere else, say where: example.com/app:1=WHERE",
    );
}
