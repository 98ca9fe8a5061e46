//! What a person is told while the network fails, and after it failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::registry::{Action, Authentication, Fault, Registry};
use sealift_tests::sealift_command;

static SEALIFT: LazyLock<std::path::PathBuf> = LazyLock::new(sealift_command::sealift);

/// Exports an image that is not there from a registry; the exit code, and what is said.
fn export(registry: &Registry, options: &[&str]) -> (Option<i32>, String) {
    export_in(registry, options, |_| Vec::new())
}

/// The same with variables, which may name files in the folder.
fn export_in(
    registry: &Registry,
    options: &[&str],
    variables: impl Fn(&Path) -> Vec<(&'static str, PathBuf)>,
) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("exporter.pem"), exporter_key().to_pem(None).unwrap().as_bytes()).unwrap();
    let public = exporter_key().public_key().unwrap().to_pem().unwrap();
    fs::write(folder.path().join("exporter.pub"), public).unwrap();
    let mut trust = Command::new(&*SEALIFT);
    trust.current_dir(folder.path()).args(["trust", "add-exporter", "carrier", "exporter.pub", "--trust", "trust"]);
    assert!(trust.output().unwrap().status.success());
    let image = format!("example.com/a/b:1={}/a/b:1", registry.domain());
    let mut command = Command::new(&*SEALIFT);
    command.current_dir(folder.path()).args([
        "export",
        "--image",
        &image,
        "--key",
        "exporter.pem",
        "-o",
        "out.sealift",
    ]);
    for variable in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "SSL_CERT_FILE"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder.path()).envs(variables(folder.path()));
    let output = command.args(["--trust", "trust"]).args(options).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn each_further_attempt_is_a_line_and_none_with_quiet() {
    for (action, reason) in [
        (Action::status(503, &[("retry-after", "1")]), "answered 503"),
        (Action::status(429, &[("retry-after", "1")]), "answered 429"),
        (Action::write(|_| Ok(())), "broke the connection"),
    ] {
        let registry = Registry::start();
        registry.inject(Fault { times: 2, ..Fault::always("GET", "/manifests/", action.clone()) });
        let (code, said) = export(&registry, &[]);
        assert_eq!(code, Some(16), "{said}");
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("trying again")).collect();
        assert_eq!(lines.len(), 2, "{said}");
        for (line, attempt) in lines.iter().zip(["(attempt 2 of 5)", "(attempt 3 of 5)"]) {
            let begins = format!("{} {reason}; trying again in ", registry.domain());
            assert!(line.starts_with(&begins) && line.ends_with(attempt), "{line}");
        }
        registry.inject(Fault { times: 1, ..Fault::always("GET", "/manifests/", action) });
        let (_, said) = export(&registry, &["--quiet"]);
        assert!(!said.contains("trying again"), "{said}");
    }
}

#[test]
fn a_registry_that_asks_for_a_long_wait_is_not_waited_for_and_the_hint_is_to_wait() {
    let registry = Registry::start();
    registry.inject(Fault::always("GET", "/manifests/", Action::status(429, &[("retry-after", "3600")])));
    let (code, said) = export(&registry, &[]);
    assert_eq!(code, Some(16));
    assert!(said.contains("answered 429 (asking to wait 60 minutes)"), "{said}");
    assert!(said.contains("hint:  wait for 60 minutes, as the server asks, and run the command again"), "{said}");
    assert!(!said.contains("trying again"), "{said}");
}

#[test]
fn credentials_are_found_where_docker_podman_and_skopeo_keep_them_and_missing_ones_say_where() {
    let registry = Registry::start();
    registry.state().authentication = Some(Authentication::Basic { pair: "u:p".to_owned() });
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"dTpw"}}}}}}"#, registry.domain());
    let put = |folder: &Path, path: &str, content: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let found = "has no manifest 1";
    type Variables = fn(&Path) -> Vec<(&'static str, PathBuf)>;
    let places: [(&str, Variables); 4] = [
        (".docker/config.json", |_| Vec::new()),
        ("docker/config.json", |folder| vec![("DOCKER_CONFIG", folder.join("docker"))]),
        ("auth.json", |folder| vec![("REGISTRY_AUTH_FILE", folder.join("auth.json"))]),
        ("run/containers/auth.json", |folder| vec![("XDG_RUNTIME_DIR", folder.join("run"))]),
    ];
    for (place, variables) in places {
        let (code, said) = export_in(&registry, &[], |folder| {
            put(folder, place, &config);
            variables(folder)
        });
        assert_eq!(code, Some(16), "{said}");
        assert!(said.contains(found), "{place}: {said}");
        let (_, said) = export_in(&registry, &[], variables);
        assert!(
            said.contains("none for it (looked in: ") && said.contains(&format!("{place} (which does not exist)")),
            "{said}"
        );
        assert!(said.contains(&format!("hint:  log in with `docker login {}`", registry.domain())), "{said}");
    }
    let (_, said) = export_in(&registry, &["--registry-config", "auth.json"], |folder| {
        put(folder, ".docker/config.json", &config);
        put(folder, "auth.json", "");
        Vec::new()
    });
    assert!(said.contains("(looked in: auth.json)"), "{said}");
    let wrong = config.replace("dTpw", "dTpx");
    let (_, said) = export_in(&registry, &["--registry-config", "auth.json"], |folder| {
        put(folder, "auth.json", &wrong);
        Vec::new()
    });
    assert!(
        said.contains("answered 401") && said.contains("hint:  log in again with docker, podman or skopeo"),
        "{said}"
    );
}

#[test]
fn a_file_of_authorities_that_holds_none_is_refused_wherever_it_is_named() {
    let registry = Registry::start();
    let (code, said) = export_in(&registry, &[], |folder| vec![("SSL_CERT_FILE", folder.join("exporter.pub"))]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot use the certificates in ") && said.contains("it holds no certificate"), "{said}");
    let (code, said) = export(&registry, &["--ca", "exporter.pub"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("hint:  correct or replace exporter.pub: it has to hold a certificate in PEM"), "{said}");
}

#[test]
fn what_is_named_one_way_is_fetched_from_its_mirror() {
    let (registry, other) = (Registry::start(), Registry::start());
    let mirror = format!("{}/a={}/mirrored", registry.domain(), other.domain());
    let (_, said) = export(&registry, &["--mirror", &mirror]);
    assert!(said.contains(&format!("repository {}/mirrored/b has no manifest 1", other.domain())), "{said}");
    assert_eq!(registry.count("GET", ""), 0);
    let (code, said) = export(&registry, &["--mirror", "nonsense"]);
    assert_eq!(code, Some(2), "{said}");
}
