//! What a person is told while the network fails, and after it failed.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::registry::{Action, Fault, Registry};
use sealift_tests::sealift_command;

static SEALIFT: LazyLock<std::path::PathBuf> = LazyLock::new(sealift_command::sealift);

/// Exports an image that is not there from a registry; the exit code, and what is said.
fn export(registry: &Registry, options: &[&str]) -> (Option<i32>, String) {
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
    assert!(said.contains("answered 429 (it asks to wait 3600 seconds)"), "{said}");
    assert!(said.contains("hint:  wait for 3600 seconds, as the server asks, and run the command again"), "{said}");
    assert!(!said.contains("trying again"), "{said}");
}
