//! Plain files in the form in which Datadog publishes them, made by python-tuf, python in-toto and gpg (`samples/file_publisher.py`),
//! from the publisher to a folder on the far side and to a TUF client there.

use std::process::{Command, Output};
use std::sync::LazyLock;

use sealift_tests::outside_programs;
use sealift_tests::serving_command::ServingCommand;
use serde_json::Value;

use super::*;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_tests::sealift_command::sealift);

const WHEEL: &str = "simple/datadog-shop/datadog_shop-1.4.0-py3-none-any.whl";
const POLICY: &str = "policies/Export Policy.txt";

/// A publisher, and both sides, in one folder.
struct Gap {
    folder: TempDir,
    python: PathBuf,
    /// Whether commands of layouts can be run here.
    inspects: bool,
}

impl Gap {
    /// A publisher of one release. `None` where a program for it is missing.
    fn with(options: &[&str]) -> Option<Self> {
        let python = outside_programs::python_with("in_toto")?;
        outside_programs::find("gpg")?;
        let unzip = outside_programs::find("unzip").is_some();
        let gap = Self { folder: tempfile::tempdir().unwrap(), python, inspects: unzip && sandbox_runs() };
        gap.publish(options);
        gap.succeeds(&["key", "generate", "--out", "k.pem"]);
        gap.succeeds(&["--trust", "far", "trust", "add-exporter", "me", "k.pem.pub"]);
        for trust in ["near", "far"] {
            let digest = Digest::sha256(&fs::read(gap.path("pub/root.json")).unwrap());
            let pin = ["trust", "pin-root", "datadog", "pub/root.json", "--sha256", digest.hex()];
            gap.succeeds(&[&["--trust", trust], &pin[..]].concat());
            if !gap.inspects {
                fs::write(gap.path(trust).join("policy.toml"), "inspections = \"optional\"\n").unwrap();
            }
        }
        Some(gap)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&self, options: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/file_publisher.py");
        let mut publish = Command::new(&self.python);
        publish.current_dir(self.folder.path()).args([script, "--out", "pub"]).args(options);
        let output = publish.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn sealift(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*SEALIFT);
        command.current_dir(self.folder.path()).env("SEALIFT_TRUST", self.path("near"));
        command.args(["--quiet", "--json"]).args(arguments);
        // Those that judge run what layouts ask for.
        let judges = ["export", "verify", "import"].iter().any(|it| arguments.contains(it));
        if judges && self.inspects {
            command.arg("--run-inspections");
        }
        command.output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> Value {
        let output = self.sealift(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The exit code of what must fail.
    fn code(&self, arguments: &[&str]) -> Option<i32> {
        let output = self.sealift(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        output.status.code()
    }

    fn export<'a>(&self, file: &'a str, output: &'a str) -> Vec<&'a str> {
        let _ = fs::remove_file(self.path(&format!("{output}.partial")));
        vec!["export", "--file", file, "--tuf", "datadog=pub/tuf", "--key", "k.pem", "-o", output, "--fresh"]
    }

    /// The published file of a target, by the end of its name.
    fn target(&self, end: &str) -> PathBuf {
        let files = folder_content::files(&self.path("pub/tuf/targets"));
        let found = files.keys().find(|path| path.to_string_lossy().ends_with(end));
        self.path("pub/tuf/targets").join(found.unwrap_or_else(|| panic!("{end} is not published")))
    }
}

fn sandbox_runs() -> bool {
    let probe = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
    let runs = probe.is_ok_and(|output| output.status.success());
    if !runs {
        outside_programs::skip("this system gives no namespaces to the sandbox");
    }
    runs
}

#[test]
fn a_wheel_crosses_at_the_level_of_tuf_and_in_toto_and_is_what_was_published() {
    let Some(gap) = Gap::with(&[]) else { return };
    let mut export = gap.export(WHEEL, "a.sealift");
    export.extend(["--file", POLICY]);
    let exported = gap.succeeds(&export);
    assert_eq!(exported["items"][0]["level"], "4");
    let report = gap.succeeds(&["--trust", "far", "verify", "a.sealift"]);
    let wheel = &report["items"][0];
    assert_eq!((&wheel["kind"], &wheel["level"]), (&"file".into(), &"4".into()), "{wheel}");
    let signers = &wheel["inToto"]["trace"]["steps"][0]["links"][0]["key"].to_string();
    assert!(signers.contains("OpenPGP"), "{signers}");
    assert_eq!(wheel["inToto"]["inspectionsNotRun"].as_array().unwrap().is_empty(), gap.inspects);
    assert_eq!(report["items"][1]["level"], "2", "a target without a supply chain");
    let import =
        ["--trust", "far", "import", "a.sealift", "--to-files", "out", "--tuf-mirror", "mirror", "--results", "r"];
    let delivered = gap.succeeds(&import);
    assert_eq!(delivered["tags"][0]["change"], "new");
    assert_eq!(fs::read(gap.path("out").join(WHEEL)).unwrap(), fs::read(gap.target(".whl")).unwrap());
    assert_eq!(fs::read(gap.path("out").join(POLICY)).unwrap(), b"Nothing leaves without a signature.\n");
    assert_eq!(gap.succeeds(&import)["tags"][0]["change"], "as-it-was");
    // The far side's own TUF clients find it too.
    let script = "import sys; from tuf.ngclient import Updater; root = open('pub/root.json', 'rb').read()\n\
                  import functools, http.server, os, threading\n\
                  serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory='mirror/datadog')\n\
                  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), serve)\n\
                  threading.Thread(target=server.serve_forever, daemon=True).start()\n\
                  url = f'http://127.0.0.1:{server.server_port}/'\n\
                  os.mkdir('client'); os.mkdir('client/targets')\n\
                  client = Updater('client', url + 'metadata/', 'client/targets', url + 'targets/', bootstrap=root)\n\
                  client.refresh(); print(client.download_target(client.get_targetinfo(sys.argv[1])))";
    let ngclient =
        Command::new(&gap.python).current_dir(gap.folder.path()).args(["-c", script, WHEEL]).output().unwrap();
    assert!(ngclient.status.success(), "{}", String::from_utf8_lossy(&ngclient.stderr));
    // And straight from the archive, which is not copied for it.
    let mut serve = Command::new(&*SEALIFT);
    serve.current_dir(gap.folder.path()).args(["--json", "--trust", "far", "serve", "a.sealift"]);
    if gap.inspects {
        serve.arg("--run-inspections");
    }
    let served = ServingCommand::start(serve);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tuf/ngclient.py");
    let mut ngclient = Command::new(&gap.python);
    ngclient.current_dir(gap.folder.path()).arg(script).arg(format!("http://{}/tuf/datadog", served.host()));
    let ngclient = ngclient.args(["pub/root.json", "from-archive", WHEEL]).output().unwrap();
    assert!(ngclient.status.success(), "{}", String::from_utf8_lossy(&ngclient.stderr));
    let wheel = Digest::sha256(&fs::read(gap.target(".whl")).unwrap());
    assert_eq!(String::from_utf8_lossy(&ngclient.stdout).trim(), wheel.hex());
    // And a reader that was written from the format alone.
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/read_archive.py");
    let read = Command::new(&gap.python).current_dir(gap.folder.path()).args([reader, "a.sealift"]).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn a_wheel_of_which_only_a_sha512_is_listed_crosses_too() {
    let Some(gap) = Gap::with(&["--sha512"]) else { return };
    gap.succeeds(&gap.export(WHEEL, "a.sealift"));
    gap.succeeds(&["--trust", "far", "import", "a.sealift", "--to-files", "out", "--results", "r"]);
    assert_eq!(fs::read(gap.path("out").join(WHEEL)).unwrap(), fs::read(gap.target(".whl")).unwrap());
    let mut file = fs::read(gap.target(".whl")).unwrap();
    *file.last_mut().unwrap() ^= 1;
    fs::write(gap.target(".whl"), file).unwrap();
    assert_eq!(
        gap.code(&gap.export(WHEEL, "b.sealift")),
        Some(12),
        "it is read for its SHA-256, and is not what is listed"
    );
}

#[test]
fn each_broken_twin_of_a_repository_is_refused_by_its_own_code() {
    let Some(gap) = Gap::with(&[]) else { return };
    let good = |end: &str| (gap.target(end), fs::read(gap.target(end)).unwrap());
    for (end, code) in [(".whl", 16), ("wheels-builder", 12), ("root.layout", 12), (".pub", 12)] {
        let published = folder_content::files(&gap.path("pub/tuf/targets"));
        let end =
            published.keys().map(|path| path.to_string_lossy()).find(|path| path.contains(end)).unwrap().into_owned();
        let (path, content) = good(&end);
        let mut broken = content.clone();
        *broken.last_mut().unwrap() ^= 1;
        fs::write(&path, broken).unwrap();
        assert_eq!(gap.code(&gap.export(WHEEL, "a.sealift")), Some(code), "{end}");
        fs::write(&path, content).unwrap();
    }
    assert_eq!(gap.code(&gap.export("simple/datadog-shop/other.whl", "a.sealift")), Some(12), "it is not listed");
    fs::write(gap.path("local.whl"), "something else").unwrap();
    assert_eq!(gap.code(&gap.export(&format!("{WHEEL}=local.whl"), "a.sealift")), Some(12), "it is not what is listed");
    fs::copy(gap.target(".whl"), gap.path("local.whl")).unwrap();
    gap.succeeds(&gap.export(&format!("{WHEEL}=local.whl"), "local.sealift"));
    // A second generation is accepted, and the first one after it is a rollback.
    gap.succeeds(&gap.export(WHEEL, "first.sealift"));
    gap.publish(&["--version", "1.5.0"]);
    let next = WHEEL.replace("1.4.0", "1.5.0");
    gap.succeeds(&gap.export(&next, "second.sealift"));
    let import = |archive| ["--trust", "far", "import", archive, "--to-files", "out", "--results", "r"];
    gap.succeeds(&import("second.sealift"));
    assert_eq!(gap.code(&import("first.sealift")), Some(20));
    assert!(!gap.path("out").join(WHEEL).exists());
}

#[test]
fn a_supply_chain_that_does_not_hold_is_refused_before_anything_is_sealed() {
    for (option, code) in [("--other-key", 13), ("--expired", 13)] {
        let Some(gap) = Gap::with(&[option]) else { return };
        assert_eq!(gap.code(&gap.export(WHEEL, "a.sealift")), Some(code), "{option}");
        assert!(!gap.path("a.sealift").exists());
    }
}

/// What Datadog did with its layouts: wheels go on listing the first one, and who verifies says which is in force.
#[test]
fn the_policy_may_say_which_layout_is_in_force() {
    let Some(gap) = Gap::with(&["--superseded"]) else { return };
    let policy = |side: &str, layout: &str| {
        let inspections = if gap.inspects { "" } else { "inspections = \"optional\"\n" };
        let rule = format!("{inspections}[[require]]\nnames = [\"file:/simple/*/*\"]\nlevel = \"4\"\n");
        let layout = if layout.is_empty() { String::new() } else { format!("layout = \"{layout}\"\n") };
        fs::write(gap.path(side).join("policy.toml"), rule + &layout).unwrap();
    };
    let (listed, in_force) = ("in-toto-metadata/1.root.layout", "in-toto-metadata/2.root.layout");
    assert_eq!(gap.code(&gap.export(WHEEL, "a.sealift")), Some(13), "what the wheel lists has expired");
    policy("near", in_force);
    let exported = gap.succeeds(&gap.export(WHEEL, "a.sealift"));
    assert_eq!(exported["items"][0]["level"], "4");
    let verify = ["--trust", "far", "verify", "a.sealift"];
    policy("far", in_force);
    let layout = &gap.succeeds(&verify)["items"][0]["inToto"]["layout"];
    let expected = serde_json::json!({ "target": in_force, "repository": "datadog", "namedBy": "policy" });
    assert_eq!(*layout, expected);
    gap.succeeds(&["--trust", "far", "import", "a.sealift", "--to-files", "out", "--results", "r"]);
    // The archive has the layout by which the export was judged, and no other.
    let refused = |layout: &str, cause: &str, remedy: &str| {
        policy("far", layout);
        let output = gap.sealift(&verify);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(13), "{said}");
        assert!(said.contains(cause), "{said}");
        assert!(said.contains(remedy), "{said}");
    };
    refused(
        listed,
        "the policy asks for layout in-toto-metadata/1.root.layout; repository datadog lists it, but its file is not there",
        "export-by-this-layout",
    );
    refused(
        "in-toto-metadata/3.root.layout",
        "asks for layout in-toto-metadata/3.root.layout, which repository datadog does not list",
        "check-layout-of-policy",
    );
    policy("far", "");
    assert_eq!(gap.code(&verify), Some(12), "the layout that the wheel lists is not in the archive");
}
