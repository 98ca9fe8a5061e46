//! Hints about things that are of another kind than the option says, and about registries that do not answer as registries do.

use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::json;

use super::*;

#[test]
fn an_image_that_is_a_bundle_and_a_bundle_that_is_none() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let as_image = format!("{BUNDLE}=oci:layout");
    near.export(&["--image", &as_image, "--tuf", "demo=tuf"]).hints(
        12,
        "is not the target that TUF vouches for",
        "export it with --bundle instead of --image",
    );
    near.export(&["--bundle", &format!("{WEB}=oci:layout")]).hints(
        16,
        "is not the index of a CNAB bundle",
        "if it is an image, export it with --image; otherwise push the bundle again with a tool that follows CNAB Registries",
    );
    fs::write(near.path().join("bundle.json"), " {}").unwrap();
    fs::write(near.path().join("note"), "a note").unwrap();
    near.export(&["--image", "example.com/a:1=bundle.json"]).hints(
        2,
        "bundle.json is not a file that holds images",
        "export it with --bundle instead of --image",
    );
    near.export(&["--image", "example.com/a:1=note"]).hints(
        16,
        "note is neither a tar file nor a bundle.json",
        "check that this is the file you meant",
    );
    near.export(&["--thick-bundle", "example.com/a:1=bundle.json"]).hints(
        2,
        "bundle.json holds no images, so it is not a thick bundle",
        "export it with --bundle instead of --thick-bundle; its images are found by their references, or with --images-from",
    );
    near.export(&["--thick-bundle", "example.com/a:1=layout"]).hints(
        2,
        "needs a file",
        "see what it takes: sealift help export",
    );
}

#[test]
fn a_registry_that_does_not_answer_as_registries_do() {
    const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let (near, registry) = (Near::asking_for_nothing(), Registry::start());
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": sha256(b"{}") });
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [] }).to_string();
    let other = sha256(b"other");
    let host = registry.domain();
    for (headers, cause) in [
        ([("content-type", OCI_MANIFEST), ("docker-content-digest", &*other)], "announces digest"),
        ([("content-type", "application/vnd.other"), ("x-a", "b")], "was announced as \"application/vnd.other\""),
        ([("content-type", "text/html"), ("x-a", "b")], "was announced as \"text/html\""),
        ([("content-type", OCI_MANIFEST), ("content-encoding", "gzip")], "in the encoding \"gzip\""),
    ] {
        let body = if cause.contains("gzip") { b"\x1f\x8b".to_vec() } else { manifest.clone().into_bytes() };
        let answer = Answer::new(200, &headers, body);
        registry.state().faults = vec![Fault::always("GET", "/manifests/1", Action::Answer(answer))];
        near.export(&["--image", &format!("example.com/a:1={host}/a:1")]).hints(
            16,
            cause,
            &format!("check that {host} is the right registry; if it is, ask whoever runs it, because it, or a proxy before it, does not answer as a registry does"),
        );
    }
}

/// What was said on the way is in every report too, and is said with `--quiet`.
#[test]
fn a_registry_where_referrers_are_not_found_is_named_in_the_report() {
    let (near, far) = (Near::asking_for_nothing(), Far::taking_everything());
    let sink = sealift_core::layout::LayoutSink::open(&near.path().join("layout")).unwrap();
    let image = Image::for_two_platforms("app");
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    let sbom = Image::referrer(image.root().descriptor(), "application/spdx+json", b"{}");
    let name = format!("example.com/org/app@{}", sbom.root().descriptor().digest);
    sbom.push(&sink, &name.parse().unwrap()).unwrap();
    near.export(&["--image", "example.com/org/app:1=oci:layout"]).remarks("");
    let archive = fs::read(near.path().join("out.sealift")).unwrap();
    let registry = Registry::start();
    registry.state().referrers = None;
    registry.state().takes_tags_for_digests = true;
    let domain = registry.domain();
    let said = format!("{domain} cannot list referrers; they are stored there, and are found by their digests");
    far.import(&archive, &["--to-registry", &domain]).remarks(&said);
    let report = fs::read_to_string(far.folder().join("results/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let about = report["warnings"].as_array().unwrap().iter().filter(|it| it["kind"] == "source");
    assert_eq!(about.map(|it| it["message"].as_str().unwrap()).collect::<Vec<_>>(), [&said]);
    let import = ["--trust", "far", "import", "shop.sealift", "--results", "again", "--to-registry", &domain];
    for quiet in [&["--quiet"][..], &[]] {
        let text = told(&far.folder(), &[quiet, &import].concat());
        assert_eq!(text.matches(&said).count(), 1, "{text}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    sealift_archive_format::Digest::sha256(bytes).to_string()
}
