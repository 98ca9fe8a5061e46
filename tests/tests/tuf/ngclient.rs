//! A mirror that was published from what was carried, used by python-tuf's `ngclient` over http.

use std::process::Command;

use sealift_archive_format::Digest;
use sealift_core::trust::Extent;
use sealift_core::tuf_repository::mirror::Mirror;
use sealift_proof::tuf::Dialect;
use sealift_tests::outside_programs;
use sealift_tests::tuf_repository::{Delegated, TufRepository};
use serde_json::json;

/// Chains of roots, bins, an odd role name, targets in folders and with colons; valid for whoever reads a real clock.
fn repository(consistent: bool) -> TufRepository {
    let mut repository = TufRepository::new();
    repository.role("root")["consistent_snapshot"] = json!(consistent);
    repository.delegate("targets", Delegated::paths("odd name/\u{e9}%2f", &["odd/*"]));
    repository.delegate("targets", Delegated::paths("bins", &["*", "*/*", "*/*/*"]));
    let bins = repository.delegate_succinctly("bins", "bin", 4);
    for (path, content) in &TARGETS[..3] {
        repository.add_target("targets", path, content);
    }
    repository.add_target("odd name/\u{e9}%2f", "odd/file.txt", b"odd");
    let digit = Digest::sha256(b"example.com/org/shop:1.4").hex()[..1].to_owned();
    repository.add_target(&bins[usize::from_str_radix(&digit, 16).unwrap()], "example.com/org/shop:1.4", b"shop");
    for signed in repository.signed.values_mut() {
        signed["expires"] = json!("2100-01-01T00:00:00Z");
    }
    repository.rotate_keys("root");
    repository.publish(&["root"]);
    repository.publish(&["root"]);
    repository.publish_everything();
    repository
}

const TARGETS: [(&str, &[u8]); 5] = [
    ("top.txt", b"top"),
    ("a%20blank%2Fslash \u{e9}@x", b"encoded"),
    ("100%", b"percent"),
    ("odd/file.txt", b"odd"),
    ("example.com/org/shop:1.4", b"shop"),
];

fn ngclient_downloads_from_the_mirror(consistent: bool, extent: Extent) {
    let Some(python) = outside_programs::python_with("tuf.ngclient") else { return };
    let mut repository = repository(consistent);
    let folder = tempfile::tempdir().unwrap();
    let pinned = repository.pinned_root();
    let pinned_path = folder.path().join("pinned.json");
    std::fs::write(&pinned_path, &pinned).unwrap();

    let mirror = Mirror::new(&folder.path().join("mirror"), &Dialect::Tuf);
    for (path, content) in TARGETS {
        let target = repository.resolve(path).unwrap().unwrap();
        mirror.write_target(&target, content, consistent).unwrap();
    }
    mirror.write_metadata(&repository.gather(&pinned, &TARGETS.map(|(path, _)| path), extent).unwrap()).unwrap();

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tuf/ngclient.py");
    let output = Command::new(python)
        .arg(script)
        .args([folder.path().join("mirror"), pinned_path, folder.path().join("work")])
        .args(TARGETS.map(|(path, _)| path))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let downloaded = String::from_utf8(output.stdout).unwrap();
    let expected: Vec<_> = TARGETS.iter().map(|(_, content)| Digest::sha256(content).hex().to_owned()).collect();
    assert_eq!(downloaded.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn ngclient_downloads_from_a_mirror_with_consistent_snapshots() {
    ngclient_downloads_from_the_mirror(true, Extent::EveryRole);
}

#[test]
fn ngclient_downloads_from_a_mirror_without_consistent_snapshots() {
    ngclient_downloads_from_the_mirror(false, Extent::EveryRole);
}

#[test]
fn ngclient_downloads_the_chosen_targets_from_what_they_alone_need() {
    ngclient_downloads_from_the_mirror(true, Extent::WhatIsNeeded);
}
