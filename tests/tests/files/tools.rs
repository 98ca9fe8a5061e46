//! What real tools make of our files, and we of theirs: skopeo, umoci, podman, buildah, containerd; and what the command says.

use std::ffi::OsStr;
use std::process::{Command, Output};
use std::sync::LazyLock;

use sealift_tests::containerd::Containerd;
use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::outside_programs;
use serde_json::{Value, json};

use super::docker_archives::Saved;
use super::*;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_tests::sealift_command::sealift);

const NAME: &str = "example.com/org/app:1";

/// A folder in which everything happens: one trust store that trusts one exporter.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let key = exporter_key();
        fs::write(bench.path("exporter.pub"), key.public_key().unwrap().to_pem().unwrap()).unwrap();
        let made = bench.sealift(&["key", "generate", "--out", "k.pem"]);
        assert!(made.status.success(), "{made:?}");
        bench.succeeds(&["trust", "add-exporter", "me", "k.pem.pub"]);
        fs::write(bench.path("trust/policy.toml"), "minimum_level = \"0\"\n").unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sealift(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*SEALIFT);
        command.current_dir(self.0.path()).env("SEALIFT_TRUST", self.path("trust")).args(["--quiet", "--json"]);
        command.args(arguments).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> Value {
        let output = self.sealift(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn fails(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.sealift(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new(program).current_dir(self.0.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program:?} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Exports an image from a place, verifies it, and returns the report of the export.
    fn crosses(&self, place: &str) -> Value {
        let _ = fs::remove_file(self.path("a.sealift"));
        let report =
            self.succeeds(&["export", "--image", &format!("{NAME}={place}"), "--key", "k.pem", "-o", "a.sealift"]);
        self.succeeds(&["verify", "a.sealift"]);
        report
    }

    fn imports(&self, form: &str, file: &str) {
        let _ = fs::remove_file(self.path(file));
        self.succeeds(&["import", "a.sealift", &format!("--to-{form}"), file, "--results", "results"]);
    }

    fn layout(&self, image: &Image) {
        image.push(&LayoutSink::open(&self.path("layout")).unwrap(), &NAME.parse().unwrap()).unwrap();
    }
}

fn digest_of(report: &Value) -> &str {
    report["items"][0]["digest"].as_str().unwrap()
}

fn image() -> Image {
    Image::new("linux/amd64", &[("one", b"one"), ("two", &[7; 100_000])])
}

#[test]
fn skopeo_and_umoci() {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    let Some(umoci) = outside_programs::find("umoci") else { return };
    let (bench, image) = (Bench::new(), image());
    bench.layout(&image);
    let from = format!("oci:layout:{NAME}");
    for to in [
        format!("oci-archive:o.tar:{NAME}"),
        "oci-archive:nameless.tar".to_owned(),
        format!("docker-archive:d.tar:{NAME}"),
    ] {
        bench.run(&skopeo, &["copy", &from, &to]);
    }
    bench.run(&outside_programs::find("gzip").unwrap(), &["-k", "o.tar"]);
    let signed = image.root().descriptor().digest.to_string();
    for place in [
        "o.tar",
        "./o.tar",
        "oci-archive:o.tar",
        &format!("oci-archive:o.tar:{NAME}"),
        "oci:o.tar",
        "o.tar.gz",
        "nameless.tar",
    ] {
        let report = bench.crosses(place);
        assert_eq!(digest_of(&report), signed, "{place}");
        assert_eq!(report["madeHere"], json!([]));
        bench.imports("layout-archive", "out.tar");
        let raw = bench.run(&skopeo, &["inspect", "--raw", &format!("oci-archive:out.tar:{NAME}")]);
        assert_eq!(digest(&raw).to_string(), signed, "skopeo reads what we wrote");
        bench.imports("docker-archive", "out.tar");
        bench.run(&skopeo, &["inspect", &format!("docker-archive:out.tar:{NAME}")]);
    }
    for place in ["d.tar", "docker-archive:d.tar", &format!("docker-archive:d.tar:{NAME}")] {
        let report = bench.crosses(place);
        assert_eq!(report["madeHere"][0]["image"], NAME);
        assert_eq!(report["madeHere"][0]["digest"], digest_of(&report));
        bench.imports("docker-archive", "out.tar");
        bench.run(&skopeo, &["inspect", &format!("docker-archive:out.tar:{NAME}")]);
        assert_eq!(digest_of(&bench.crosses("out.tar")), digest_of(&report), "and back");
    }
    // umoci reads folders: a layout archive is one when it is unpacked.
    bench.crosses("o.tar");
    bench.imports("layout-archive", "out.tar");
    fs::create_dir(bench.path("unpacked")).unwrap();
    bench.run(&outside_programs::find("tar").unwrap(), &["-xf", "out.tar", "-C", "unpacked"]);
    assert_eq!(String::from_utf8(bench.run(&umoci, &["list", "--layout", "unpacked"])).unwrap().trim(), NAME);
    let unpack = ["unpack", "--rootless", "--image", &format!("unpacked:{NAME}"), "files"];
    bench.run(&umoci, &unpack);
    assert_eq!(fs::read(bench.path("files/rootfs/one")).unwrap(), b"one");
}

#[test]
fn podman_and_buildah() {
    let Some(podman) = outside_programs::find("podman") else { return };
    let Some(buildah) = outside_programs::find("buildah") else { return };
    let (bench, image) = (Bench::new(), image());
    bench.layout(&image);
    let stores = [bench.path("store"), bench.path("run")].map(|path| path.display().to_string());
    let own = ["--root", stores[0].as_str(), "--runroot", &stores[1], "--storage-driver", "vfs"];
    let run = |program: &Path, arguments: &[&str]| bench.run(program, &[&own, arguments].concat());
    bench.crosses("layout");
    bench.imports("docker-archive", "out.tar");
    assert!(String::from_utf8(run(&podman, &["load", "-i", "out.tar"])).unwrap().contains(NAME));
    run(&podman, &["save", "--format", "docker-archive", "-o", "p-docker.tar", NAME]);
    run(&podman, &["save", "--format", "oci-archive", "-o", "p-oci.tar", NAME]);
    run(&buildah, &["push", NAME, &format!("oci-archive:b-oci.tar:{NAME}")]);
    run(&buildah, &["push", NAME, &format!("docker-archive:b-docker.tar:{NAME}")]);
    for saved in ["p-docker.tar", "p-oci.tar", "b-oci.tar", "b-docker.tar"] {
        let report = bench.crosses(saved);
        for form in ["docker-archive", "layout-archive"] {
            bench.imports(form, "out.tar");
            assert!(
                String::from_utf8(run(&podman, &["load", "-i", "out.tar"])).unwrap().contains(NAME),
                "{saved}, {form}"
            );
            fs::copy(bench.path("out.tar"), bench.path("again.tar")).unwrap();
            assert_eq!(digest_of(&bench.crosses("again.tar")), digest_of(&report), "{saved}, {form}");
        }
    }
}

#[test]
fn containerd() {
    let Some(containerd) = Containerd::start() else { return };
    let bench = Bench::new();
    bench.layout(&image());
    let run = |arguments: &[&str]| containerd.ctr(bench.0.path(), arguments);
    let report = bench.crosses("layout");
    bench.imports("docker-archive", "out.tar");
    run(&["images", "import", "--no-unpack", "out.tar"]);
    let listed = run(&["images", "ls"]);
    assert!(listed.contains(NAME) && listed.contains(digest_of(&report)), "{listed}");
    run(&["images", "export", "exported.tar", NAME]);
    assert_eq!(digest_of(&bench.crosses("exported.tar")), digest_of(&report), "with the digest of the registry");
}

/// Compressed with every tool that there is.
#[test]
fn compressed_files_are_unpacked_where_tmpdir_says() {
    let Some(zstd) = outside_programs::find("zstd") else { return };
    let (bench, image) = (Bench::new(), image());
    let files = layout_files(&[(NAME, &image)]);
    fs::write(bench.path("plain.tar"), Tar::new().files("", &files).bytes()).unwrap();
    bench.run(&zstd, &["-q", "plain.tar", "-o", "packed.tar.zst"]);
    assert_eq!(digest_of(&bench.crosses("packed.tar.zst")), image.root().descriptor().digest.to_string());
    let mut command = Command::new(&*SEALIFT);
    command.current_dir(bench.0.path()).env("SEALIFT_TRUST", bench.path("trust")).env("TMPDIR", bench.path("nowhere"));
    let place = format!("{NAME}=packed.tar.zst");
    let output = command.args(["export", "--image", &place, "--key", "k.pem", "-o", "b.sealift"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nowhere") && said.contains("TMPDIR"), "{said}");
}

#[test]
fn the_images_of_a_bundle_may_be_in_any_kind_of_file() {
    let (bench, image) = (Bench::new(), image());
    let digest = image.root().descriptor().digest.to_string();
    let files = layout_files(&[(NAME, &image)]);
    let write = |name: &str, bytes: Vec<u8>| fs::write(bench.path(name), bytes).unwrap();
    write("layout.tar", Tar::new().files("", &files).bytes());
    write("thick.tgz", gzip(&Tar::new().file("bundle.json", b"{}").files("artifacts/layout/", &files).bytes()));
    let bundle = |image: Value| {
        json!({ "schemaVersion": "v1.0.0", "name": "a", "version": "1.0.0", "invocationImages": [image] }).to_string()
    };
    let promised = bundle(json!({ "image": NAME, "imageType": "docker", "contentDigest": digest }));
    write("bundle.json", promised.clone().into_bytes());
    write("thin.tgz", gzip(&Tar::new().file("bundle.json", promised.as_bytes()).bytes()));
    bench.layout(&image);
    let export = |bundle: &str, images: &str| {
        let _ = fs::remove_file(bench.path("b.sealift"));
        let bundle = format!("example.com/org/bundle:1={bundle}");
        let arguments = ["export", "--bundle", &bundle, "--images-from", images, "--key", "k.pem", "-o", "b.sealift"];
        bench.succeeds(&arguments)
    };
    for bundle in ["bundle.json", "thin.tgz"] {
        for images in ["layout.tar", "oci-archive:layout.tar", "oci:layout.tar", "thick.tgz", "oci:layout", "layout"] {
            export(bundle, images);
            bench.succeeds(&["verify", "b.sealift"]);
        }
    }
    // A bundle without a digest takes what has the name, and the report says whose digest that is.
    write("bundle.json", bundle(json!({ "image": NAME, "imageType": "docker" })).into_bytes());
    write("saved.tar", Saved::image(&[b"one"]).tar().bytes());
    let report = export("bundle.json", "docker-archive:saved.tar");
    assert_eq!(report["madeHere"][0]["image"], NAME);
}

#[test]
fn what_an_export_did_not_look_for_and_what_it_made_is_said_on_the_far_side() {
    let bench = Bench::new();
    fs::write(bench.path("saved.tar"), Saved::image(&[b"one"]).tar().bytes()).unwrap();
    let images = [1, 2, 3, 4].map(|tag| format!("--image=example.com/org/app:{tag}=docker-archive:saved.tar:@0"));
    let mut export = vec!["export", "--key=k.pem", "-o", "a.sealift", "--referrers=none"];
    export.extend(images.iter().map(String::as_str));
    bench.succeeds(&export);
    let expected = [
        "warning: when the archive was made, nothing that refers to example.com/org/app:1, example.com/org/app:2, example.com/org/app:3 and 1 more was looked for: no signatures, attestations and SBOMs of these came with them\n",
        "of example.com/org/app:1 was made when the archive was made, because a docker-archive keeps none; no registry has this digest\n",
    ];
    let commands =
        [vec!["inspect", "a.sealift"], vec!["verify", "a.sealift"], vec!["import", "a.sealift", "--to-layout", "out"]];
    for command in commands {
        let mut told = Command::new(&*SEALIFT);
        told.current_dir(bench.0.path()).env("SEALIFT_TRUST", bench.path("trust"));
        let text = String::from_utf8(told.args(&command).output().unwrap().stdout).unwrap();
        assert!(expected.iter().all(|line| text.contains(line)), "{command:?}: {text}");
        let report = bench.succeeds(&command);
        let warnings = report["warnings"].as_array().unwrap();
        let count = |kind: &str| warnings.iter().filter(|warning| warning["kind"] == kind).count();
        assert_eq!((count("referrers-not-looked-for"), count("manifest-made-here")), (1, 4), "{report}");
        let item = &report["items"][0];
        assert_eq!(item["referrerChoice"], json!({ "kinds": [] }), "{report}");
        assert_eq!(item["madeFrom"], "dockerArchive", "{report}");
    }
}

#[test]
fn one_kind_given_for_another_is_answered_with_the_option_to_use() {
    let bench = Bench::new();
    let write = |name: &str, tar: Tar| fs::write(bench.path(name), tar.bytes()).unwrap();
    write("saved.tar", Saved::image(&[b"one"]).tar());
    write("thin.tar", Tar::new().file("bundle.json", b"{}"));
    write("letter.tar", Tar::new().file("letter", b"dear"));
    write("old.tar", Tar::new().file("repositories", b"{}"));
    write("two.tar", Tar::new().file("bundle.json", b"{}").file("bundle.cnab", b"{}"));
    let bundle =
        r#"{"schemaVersion":"v1.0.0","name":"a","version":"1.0.0","invocationImages":[{"image":"e.example/i:1"}]}"#;
    fs::write(bench.path("bundle.json"), bundle).unwrap();
    for (option, place, extra, code, said) in [
        ("--bundle", "saved.tar", None, 2, ["is a docker-archive, which holds images and no bundle", "--image"]),
        ("--image", "thin.tar", None, 2, ["is not a file that holds images", "--bundle"]),
        ("--bundle", "bundle.json", Some("thin.tar"), 2, ["holds no images", "--images-from"]),
        ("--image", "letter.tar", None, 16, ["holds neither a bundle nor", "check that this is the file"]),
        ("--image", "old.tar", None, 16, ["before version 1.10", "save it again"]),
        ("--bundle", "two.tar", None, 16, ["has both bundle.json and bundle.cnab", "save it again"]),
        ("--image", "docker-archive:letter.tar", None, 16, ["is not a docker-archive", "save it again"]),
        ("--image", "oci-archive:letter.tar", None, 16, ["is not an OCI image layout", "layout"]),
        (
            "--image",
            "docker-archive:saved.tar:other:1",
            None,
            16,
            ["it has example.com/org/app:1", "example.com/org/app:1=docker-archive:saved.tar:example.com/org/app:1"],
        ),
        ("--image", "missing.tar", None, 1, ["missing.tar", "check the path"]),
    ] {
        let item = format!("{NAME}={place}");
        let mut arguments = vec!["export", option, &item, "--key", "k.pem", "-o", "x.sealift"];
        arguments.extend(extra.iter().flat_map(|images| ["--images-from", images]));
        let (ended, told) = bench.fails(&arguments);
        assert_eq!(ended, Some(code), "{place}: {told}");
        said.iter().for_each(|text| assert!(told.contains(text), "{place}: {text:?} is not in {told}"));
    }
    assert!(!bench.path("x.sealift").exists());
}

#[test]
fn what_a_file_cannot_hold_or_replace_is_said_before_anything_is_written() {
    let bench = Bench::new();
    bench.layout(&Image::for_two_platforms("app"));
    bench.crosses("layout");
    fs::write(bench.path("mine.tar"), "mine").unwrap();
    for (form, file, code, said) in [
        ("docker-archive", "out.tar", 2, ["has several platforms", "--platform"]),
        ("thick-bundle", "out.tgz", 2, ["0 bundles and 1 images", "--to-layout-archive"]),
        ("layout-archive", "mine.tar", 1, ["mine.tar already exists", "nothing was written"]),
        ("layout-archive", "no/where.tar", 17, ["there is no folder no", "check the path"]),
    ] {
        let (ended, told) = bench.fails(&["import", "a.sealift", &format!("--to-{form}"), file]);
        assert_eq!(ended, Some(code), "{form}: {told}");
        said.iter().for_each(|text| assert!(told.contains(text), "{form}: {text:?} is not in {told}"));
    }
    let names = fs::read_dir(bench.0.path()).unwrap().map(|it| it.unwrap().file_name());
    assert!(names.into_iter().all(|name| name != OsStr::new("out.tar") && name != OsStr::new("out.tgz")));
    assert_eq!(fs::read(bench.path("mine.tar")).unwrap(), b"mine");
}
