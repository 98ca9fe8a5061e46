//! Repositories made by the tools of publishers: each is exported, verified and imported against the root that was pinned, and moves
//! forward only.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use sealift_core::layout::LayoutSink;
use sealift_tests::images::Image;
use sealift_tests::outside_programs;
use serde_json::Value;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_tests::sealift_command::sealift);

/// The one that is in both generations, and the one that the second one adds.
const NAMES: [&str; 2] = ["example.com/org/app:1", "example.com/org/app:2"];

/// Two sides in one folder, an image layout with two images, and two generations of a repository that speaks for them.
struct Bench(tempfile::TempDir);

impl Bench {
    /// A folder with the images, and with a file for each that has the bytes of its manifest.
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let layout = LayoutSink::open(&bench.path("layout")).unwrap();
        for (name, content) in NAMES.iter().zip([&b"one"[..], b"two"]) {
            let image = Image::new("linux/amd64", &[("file", content)]);
            image.push(&layout, &name.parse().unwrap()).unwrap();
            fs::write(bench.manifest(name), image.root().bytes()).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the bytes of an image's manifest are.
    fn manifest(&self, name: &str) -> PathBuf {
        self.path(&name.replace(['/', ':'], "-"))
    }

    /// Has a program make both generations. It gets the folder, and each name with its file.
    fn publish(&self, program: &mut Command) {
        program.arg(self.0.path());
        program.args(NAMES.map(|name| format!("{name}={}", self.manifest(name).display())));
        succeeded(&program.output().unwrap());
    }

    fn sealift(&self, side: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*SEALIFT);
        command.current_dir(self.0.path()).env("SEALIFT_TRUST", self.path(side)).args(["--quiet", "--json"]);
        command.args(arguments).output().unwrap()
    }

    /// Exports images that a generation speaks for.
    fn export(&self, side: &str, names: &[&str], generation: &str, archive: &str) -> Output {
        let tuf = format!("maker={generation}");
        let images: Vec<String> = names.iter().map(|name| format!("{name}=oci:layout:{name}")).collect();
        let mut arguments = vec!["export", "--tuf", &tuf, "--key", "k.pem", "-o", archive];
        images.iter().for_each(|image| arguments.extend(["--image", image]));
        self.sealift(side, &arguments)
    }

    fn import(&self, archive: &str, results: &str) -> Output {
        self.sealift("far", &["import", archive, "--to-layout", "delivered", "--results", results])
    }

    /// Everything that must hold of both generations. A search for one name needs so many metadata files.
    fn crosses(&self, needed: usize) {
        succeeded(&self.sealift("near", &["key", "generate", "--out", "k.pem"]));
        succeeded(&self.sealift("far", &["trust", "add-exporter", "me", "k.pem.pub"]));
        for side in ["near", "beside", "far"] {
            succeeded(&self.sealift(side, &["trust", "pin-root", "maker", "root.json"]));
        }
        succeeded(&self.export("near", &NAMES[..1], "first", "one.sealift"));
        // Archives state the second of their export.
        thread::sleep(Duration::from_millis(1_100));
        succeeded(&self.export("near", &NAMES, "second", "two.sealift"));
        let files = self.metadata_in("one.sealift");
        assert_eq!(files.len(), needed, "{files:?}");
        self.every_file_counts(&files);

        succeeded(&self.sealift("far", &["verify", "two.sealift"]));
        let report: Value = serde_json::from_slice(&succeeded(&self.import("one.sealift", "1"))).unwrap();
        assert_eq!(report["items"][0]["level"], "2", "{report}");
        succeeded(&self.import("two.sealift", "2"));
        // The first comes late now, and what was accepted since still vouches for it.
        let late: Value = serde_json::from_slice(&succeeded(&self.import("one.sealift", "3"))).unwrap();
        assert!(late["repositories"][0]["laterExport"].is_string(), "{late}");
    }

    /// One broken byte in any of the files is refused before anything is sealed. The root is the one that was pinned, and not asked for.
    fn every_file_counts(&self, files: &[String]) {
        for file in files.iter().filter(|file| !file.ends_with("root.json")) {
            let path = self.path("first/metadata").join(file);
            let whole = fs::read(&path).unwrap();
            let mut broken = whole.clone();
            let place = broken.iter().rposition(u8::is_ascii_hexdigit).unwrap();
            broken[place] = if broken[place] == b'1' { b'2' } else { b'1' };
            fs::write(&path, broken).unwrap();
            // By a side that has accepted nothing so far.
            refused(&self.export("beside", &NAMES[..1], "first", "broken.sealift"), 12);
            fs::write(&path, whole).unwrap();
        }
    }

    /// The names of the metadata files in an archive.
    fn metadata_in(&self, archive: &str) -> Vec<String> {
        let file = fs::File::open(self.path(archive)).unwrap();
        let mut tar = tar::Archive::new(file);
        let paths = tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        paths.filter_map(|path| Some(path.strip_prefix("sealift/tuf/maker/metadata/")?.to_owned())).collect()
    }
}

/// What a command printed.
fn succeeded(output: &Output) -> Vec<u8> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    output.stdout.clone()
}

fn refused(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
}

/// The script that drives publishers' tools that are written in Python, if this machine has one.
fn script(module: &str, publisher: &str) -> Option<Command> {
    let mut command = Command::new(outside_programs::python_with(module)?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tuf/publishers/publish.py")).arg(publisher);
    Some(command)
}

#[test]
fn hashed_bins_as_warehouse_has_them() {
    let Some(mut program) = script("tuf", "warehouse") else { return };
    let bench = Bench::new();
    bench.publish(&mut program);
    // Root, timestamp, snapshot, targets, bins, and one of 16,384.
    bench.crosses(6);
}

#[test]
fn succinct_bins() {
    let Some(mut program) = script("tuf", "succinct") else { return };
    let bench = Bench::new();
    bench.publish(&mut program);
    bench.crosses(5);
}

#[test]
fn tuf_on_ci() {
    let Some(mut program) = script("tuf_on_ci_sign._signer_repository", "tuf-on-ci") else { return };
    let bench = Bench::new();
    bench.publish(&mut program);
    bench.crosses(5);
}

#[test]
fn repository_service_for_tuf() {
    let Some(mut program) = script("repository_service_tuf.cli.admin.ceremony", "rstuf") else { return };
    let bench = Bench::new();
    bench.publish(&mut program);
    bench.crosses(5);

    // Everything, for a mirror: four top-level roles and 256 bins.
    let whole = ["export", "--image", &format!("{0}=oci:layout:{0}", NAMES[1]), "--tuf", "maker=second"];
    let whole = whole.into_iter().chain(["--whole-metadata", "--key", "k.pem", "-o", "whole.sealift"]);
    succeeded(&bench.sealift("near", &whole.collect::<Vec<_>>()));
    assert_eq!(bench.metadata_in("whole.sealift").len(), 260);
    let mirror = ["import", "whole.sealift", "--to-layout", "delivered", "--results", "4", "--tuf-mirror", "mirror"];
    succeeded(&bench.sealift("far", &mirror));
}

#[test]
fn go_tuf_0_7() {
    let Some(tuf) = outside_programs::find("tuf") else { return };
    let bench = Bench::new();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&tuf);
        command.current_dir(bench.0.path()).args(["--insecure-plaintext", "--dir", "go"]).args(arguments);
        succeeded(&command.output().unwrap());
    };
    fs::create_dir(bench.path("go")).unwrap();
    run(&["init", "--consistent-snapshot=true"]);
    for (role, scheme) in [
        ("root", "rsassa-pss-sha256"),
        ("targets", "ecdsa-sha2-nistp256"),
        ("snapshot", "ed25519"),
        ("timestamp", "ecdsa-sha2-nistp256"),
    ] {
        run(&["gen-key", &format!("--scheme={scheme}"), "--expires=365", role]);
    }
    for (name, generation) in NAMES.iter().zip(["first", "second"]) {
        let staged = bench.path("go/staged/targets").join(name);
        fs::create_dir_all(staged.parent().unwrap()).unwrap();
        fs::copy(bench.manifest(name), staged).unwrap();
        run(&["add", name]);
        run(&["snapshot"]);
        run(&["timestamp"]);
        run(&["commit"]);
        let metadata = bench.path(generation).join("metadata");
        fs::create_dir_all(&metadata).unwrap();
        for file in fs::read_dir(bench.path("go/repository")).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), metadata.join(file.file_name())).unwrap();
            }
        }
    }
    fs::copy(bench.path("first/metadata/1.root.json"), bench.path("root.json")).unwrap();
    let targets = fs::read_to_string(bench.path("first/metadata/1.targets.json")).unwrap();
    assert!(targets.contains("\"sha512\"") && !targets.contains("\"sha256\""), "{targets}");
    bench.crosses(4);
}

#[test]
fn go_tuf_2() {
    let Some(program) = outside_programs::find("go-tuf-2-publisher") else { return };
    let bench = Bench::new();
    bench.publish(&mut Command::new(program));
    bench.crosses(5);
}
