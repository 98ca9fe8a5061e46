//! Against Debian's `docker-registry`, and looked at with `skopeo`.

use std::process::Command;

use sealift_core::oci::{ForeignLayers, Graph, Platforms, Reference};
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::transfer::Source;
use sealift_tests::docker_registry::DockerRegistry;
use sealift_tests::images::Image;
use sealift_tests::outside_programs;

use super::client;

fn reference(registry: &DockerRegistry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.domain()).parse().unwrap()
}

#[test]
fn an_image_with_two_platforms_arrives_byte_for_byte() {
    let Some(registry) = DockerRegistry::start() else { return };
    let image = Image::for_two_platforms("real");
    let name = reference(&registry, "team/app:1.0");
    image.push(&RegistrySink::new(client()), &name).unwrap();

    let source = RegistrySource::new(client());
    let root = source.resolve(&name).unwrap();
    let walked =
        Graph::walk(root, &Platforms::All, ForeignLayers::Refuse, |child| source.manifest(name.repository(), child));
    let graph = walked.unwrap();
    assert_eq!(graph.manifests(), image.manifests);
    for blob in graph.blobs() {
        let mut content = Vec::new();
        source.blob(name.repository(), blob).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, image.blobs[&blob.digest].1);
    }
    assert_eq!(client().tags(name.repository()).unwrap(), ["1.0".parse().unwrap()]);
    assert!(client().referrers(name.repository(), &graph.root().descriptor().digest, None).unwrap().is_empty());

    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    for manifest in &image.manifests {
        let name = format!("docker://{}@{}", name.repository(), manifest.descriptor().digest);
        let output = Command::new(&skopeo).args(["inspect", "--raw", "--tls-verify=false", &name]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, manifest.bytes());
    }
}

#[test]
fn a_second_repository_gets_its_blobs_by_mount() {
    let Some(registry) = DockerRegistry::start() else { return };
    let image = Image::for_two_platforms("mounted");
    let sink = RegistrySink::new(client());
    for name in ["first:1", "second:1"] {
        image.push(&sink, &reference(&registry, name)).unwrap();
    }
    let name = reference(&registry, "second:1");
    let resolved = RegistrySource::new(client()).resolve(&name).unwrap();
    assert_eq!(resolved.bytes(), image.root().bytes());
    let uploads = registry.storage().join("docker/registry/v2/repositories/second/_uploads");
    assert!(
        std::fs::read_dir(uploads).map_or(0, Iterator::count) == 0,
        "no upload was opened in the second repository"
    );
}
