//! The configurations that lead a cluster to what was delivered, read by the programs that they are for.

use std::fs;
use std::process::Command;

use sealift_core::mirror_config::{self, Relocated};
use sealift_core::oci::Reference;
use sealift_core::registry::RegistrySink;
use sealift_tests::containerd::Containerd;
use sealift_tests::images::Image;
use sealift_tests::outside_programs;
use sealift_tests::real_registry::{self, RealRegistry};
use tempfile::TempDir;

use super::client;

const NAME: &str = "quay.example/org/app:1";

/// A registry that has an image below a prefix, once with its tag and once as a part of a bundle, and the configurations for it.
struct Relocation {
    _registry: RealRegistry,
    folder: TempDir,
    image: Image,
}

impl Relocation {
    fn each() -> impl Iterator<Item = Self> {
        real_registry::each().map(Self::into)
    }

    fn into(registry: RealRegistry) -> Self {
        let image = Image::for_two_platforms("mirrored");
        let place = |path: &str| -> Reference { format!("{}/mirror/{path}", registry.domain()).parse().unwrap() };
        let (tagged, in_bundle) = (place("quay.example/org/app:1"), place("quay.example/org/shop:1"));
        let sink = RegistrySink::new(client());
        image.push(&sink, &tagged).unwrap();
        image.store(&sink, in_bundle.repository()).unwrap();
        let relocated = [(NAME, &tagged, true), ("quay.example/org/part:1", &in_bundle, false)];
        let relocated = relocated.map(|(original, target, is_tagged)| Relocated {
            original: original.parse().unwrap(),
            target: target.repository().clone(),
            is_tagged,
            stand_in: None,
        });
        let folder = tempfile::tempdir().unwrap();
        for file in mirror_config::files(relocated, true) {
            let path = folder.path().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.content).unwrap();
        }
        fs::write(folder.path().join("accept.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
        Self { _registry: registry, folder, image }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The part, by its digest.
    fn part(&self) -> String {
        format!("quay.example/org/part@{}", self.image.root().descriptor().digest)
    }
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn skopeo_finds_images_by_tag_and_parts_by_digest() {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    for relocation in Relocation::each() {
        let inspect_by = |conf: &str, name: &str| {
            let mut command = Command::new(&skopeo);
            command.args(["--registries-conf", &relocation.path(conf), "inspect", "--raw"]);
            command.arg(format!("docker://{name}"));
            command
        };
        let inspect = |name: &str| inspect_by("registries-with-tags.conf", name);
        let by_digest = |name: &str| inspect_by("registries.conf", name);
        assert_eq!(succeeds(&mut by_digest(&relocation.part())).as_bytes(), relocation.image.root().bytes());
        assert!(!by_digest(NAME).output().unwrap().status.success(), "no tag is looked up there");
        for name in [NAME.to_owned(), relocation.part()] {
            assert_eq!(succeeds(&mut inspect(&name)).as_bytes(), relocation.image.root().bytes(), "{name}");
        }
        assert!(!inspect("quay.example/org/part:1").output().unwrap().status.success(), "a part has no tag there");
    }
}

#[test]
fn podman_pulls_through_it() {
    let Some(podman) = outside_programs::find("podman") else { return };
    for relocation in Relocation::each() {
        let mut command = Command::new(&podman);
        command.env("CONTAINERS_REGISTRIES_CONF", relocation.path("registries.conf"));
        command.args([
            "--root",
            &relocation.path("root"),
            "--runroot",
            &relocation.path("run"),
            "--storage-driver",
            "vfs",
        ]);
        command.args(["pull", "--quiet", "--signature-policy", &relocation.path("accept.json"), &relocation.part()]);
        succeeds(&mut command);
    }
}

#[test]
fn containerd_fetches_through_it() {
    let Some(containerd) = Containerd::start() else { return };
    for relocation in Relocation::each() {
        let run = |arguments: &[&str]| containerd.ctr(relocation.folder.path(), arguments);
        run(&["content", "fetch", "--all-platforms", "--hosts-dir", &relocation.path("certs.d"), NAME]);
        let listed = run(&["images", "ls"]);
        assert!(listed.contains(&relocation.image.root().descriptor().digest.to_string()), "{listed}");
    }
}
