//! `--json`: what every command prints is what its schema in `docs/schema/` describes, and a report with a member that is added later
//! is so too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use sealift_archive_format::dsse::DsseEnvelope;
use sealift_tests::notary_repository::{GUN, NotaryRepository};
use sealift_tests::outside_programs;
use sealift_tests::sealift_command::sealift;
use sealift_tests::serving_command::ServingCommand;
use serde_json::{Value, json};

/// Validates the documents that it is given on standard input, each with its schema.
const VALIDATE: &str = "
import json, sys, jsonschema
for name, schema, document in json.load(sys.stdin):
    with open(schema) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
        print(name, error.json_path, error.message)
";

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/schema")
}

/// The schema of each command, as the page beside them says.
fn listed() -> BTreeMap<String, String> {
    let page = fs::read_to_string(schemas().join("README.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `sealift "));
    rows.map(|row| {
        let (command, rest) = row.split_once("` | [`").unwrap();
        (command.to_owned(), rest.split_once('`').unwrap().0.to_owned())
    })
    .collect()
}

/// What the commands print, each run in a folder of the demo.
fn printed(folder: &Path) -> Vec<(&'static str, Value)> {
    let sealift = sealift();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&sealift);
        command.arg("--json").args(arguments).current_dir(folder.join("demo")).env_remove("SOURCE_DATE_EPOCH");
        let output = command.env("SEALIFT_TRUST", "far").output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        assert_eq!(error, "", "{arguments:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    };
    let demo = Command::new(&sealift).args(["--json", "demo", "--keep", "demo"]).current_dir(folder).output().unwrap();
    assert!(demo.status.success() && demo.stderr.is_empty());
    let mut lines = Vec::new();
    let (bundle, image) = ("example.com/demo/shop:1.0.0=oci:layout", "example.com/demo/web:1.0.0");
    let root = "tuf/metadata/1.root.json";
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{ image: nginx:1, args: [quay.io/org/app:1] }]\n";
    fs::write(folder.join("demo/pod.yaml"), pod).unwrap();
    fs::write(folder.join("demo/map.json"), r#"{"repositories": {}, "mapping": []}"#).unwrap();
    vec![
        ("demo", serde_json::from_slice(&demo.stdout).unwrap()),
        ("verify", run(&["verify", "--sha256", "shop.sealift"])),
        ("verify", run(&["verify", "--quiet", "--audit", "shop.sealift"])),
        ("inspect", run(&["inspect", "shop.sealift"])),
        (
            "export",
            run(&["export", "--bundle", bundle, "--tuf", "demo=tuf", "--key", "exporter.pem", "-o", "a.sealift"]),
        ),
        ("plan", {
            let list = format!("bundles = [\"{bundle}\"]\n[tuf]\ndemo = \"tuf\"\n");
            fs::write(folder.join("demo/week.toml"), list).unwrap();
            run(&["plan", "-f", "week.toml", "--lock"])
        }),
        ("shipment init", run(&["shipment", "init"])),
        ("shipment add", run(&["shipment", "add", "--from", "pod.yaml"])),
        ("import", run(&["import", "a.sealift", "--to-layout", "out", "--tuf-mirror", "mirror"])),
        ("extract", run(&["extract", "a.sealift", image, "--to-layout", "taken"])),
        ("serve", {
            let mut serve = Command::new(&sealift);
            serve.args(["--json", "--trust", "far", "serve", "a.sealift"]).current_dir(folder.join("demo"));
            let served = ServingCommand::start(serve);
            let mut socket = TcpStream::connect(served.host()).unwrap();
            socket.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
            std::io::copy(&mut socket, &mut std::io::sink()).unwrap();
            let serving = served.serving.clone();
            let (code, mut requests, _) = served.end("-TERM");
            assert_eq!((code, requests.len()), (Some(0), 1));
            lines.push(requests.remove(0));
            serving
        }),
        ("serve", lines.remove(0)),
        ("key generate", run(&["key", "generate", "--out", "second.pem"])),
        ("key public", run(&["key", "public", "second.pem"])),
        (
            "export",
            run(&[
                "export",
                "--bundle",
                bundle,
                "--tuf",
                "demo=tuf",
                "--key",
                "exporter.pem",
                "--volume-size",
                "1MB",
                "--parity",
                "1",
                "-o",
                "cut",
            ]),
        ),
        ("verify", {
            fs::remove_file(folder.join("demo/cut.001.sealift-volume")).unwrap();
            run(&["verify", "cut.002.sealift-volume"])
        }),
        ("repair", run(&["repair", "cut.002.sealift-volume"])),
        ("sign", run(&["sign", "a.sealift", "--key", "second.pem"])),
        ("trust add-receiver", run(&["trust", "add-receiver", "plant-7", "second.pem.pub"])),
        ("import", {
            let site = ["--receipt", "r", "--receipt-key", "second.pem", "--site", "plant-7", "--inventory"];
            run(&[&["import", "a.sealift", "--to-layout", "out"][..], &site].concat())
        }),
        ("receipt", run(&["receipt", "--layout", "out", "--site", "plant-7", "--key", "second.pem", "-o", "r"])),
        ("history", run(&["history"])),
        ("trust remove receiver", run(&["trust", "remove", "receiver", "plant-7"])),
        ("trust add-exporter", run(&["trust", "add-exporter", "second", "second.pem.pub"])),
        ("trust add-attester", run(&["trust", "add-attester", "builder", "second.pem.pub"])),
        ("trust set-threshold", run(&["trust", "set-threshold", "2"])),
        ("trust pin-root", run(&["trust", "pin-root", "other", root])),
        ("trust pin-collections", {
            let collection = NotaryRepository::new();
            let own = folder.join("demo/collections").join(GUN);
            fs::create_dir_all(&own).unwrap();
            fs::write(own.join("root.json"), collection.newest_root()).unwrap();
            let key = &collection.signers["root"][0].id;
            run(&["trust", "pin-collections", "collections", &format!("{GUN}={key}")])
        }),
        ("trust map", run(&["trust", "map", "map.json"])),
        ("trust map add", run(&["trust", "map", "add", "example.com/demo/*", "demo"])),
        ("trust list", run(&["trust", "list"])),
        ("trust show", run(&["trust", "show", "demo"])),
        ("trust remove map", run(&["trust", "remove", "map"])),
        ("trust remove root", run(&["trust", "remove", "root", "other"])),
        ("trust remove exporter", run(&["trust", "remove", "exporter", "second"])),
        ("trust remove attester", run(&["trust", "remove", "attester", "builder"])),
        ("trust reset-state", {
            let reset = run(&["trust", "reset-state", "demo", "--export-time"]);
            assert!(reset["forgotten"]["versions"]["targets"].is_u64() && reset["forgotten"]["lastExport"].is_string());
            reset
        }),
        ("trust reset-deliveries", {
            let reset = run(&["trust", "reset-deliveries"]);
            let tags = reset["forgotten"]["tags"].as_object().unwrap();
            assert!(tags.keys().any(|tag| tag.ends_with(":example.com/demo/shop:1.0.0")), "{reset}");
            assert!(tags.values().all(|held| held["level"] == "4" && held["digest"].is_string()), "{reset}");
            reset
        }),
        ("trust reset-policy", {
            fs::remove_file(folder.join("demo/far/policy.toml")).unwrap();
            run(&["trust", "reset-policy"])
        }),
        ("completions", run(&["completions", "bash"])),
        ("man", run(&["man", "pages"])),
    ]
}

/// The same value with other words wherever a schema gives examples of words: in the places of these keys.
fn with_new_words(value: &Value, keys: &BTreeSet<String>) -> Value {
    match value {
        Value::Object(members) => {
            let changed = members.iter().map(|(name, value)| match value {
                Value::String(_) if keys.contains(name) => (name.clone(), json!("a-word-of-a-later-release")),
                value => (name.clone(), with_new_words(value, keys)),
            });
            changed.collect()
        }
        Value::Array(items) => items.iter().map(|item| with_new_words(item, keys)).collect(),
        other => other.clone(),
    }
}

/// The members of which a schema gives examples.
fn keys_with_examples(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let with_examples = members.iter().filter(|(_, value)| value.get("examples").is_some());
            found.extend(with_examples.map(|(name, _)| name.clone()));
            members.values().for_each(|value| keys_with_examples(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| keys_with_examples(item, found)),
        _ => {}
    }
}

/// The same value with a member more in every object.
fn with_new_members(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), with_new_members(value)));
            members.chain([("aMemberOfALaterRelease".to_owned(), json!({}))]).collect()
        }
        Value::Array(items) => items.iter().map(with_new_members).collect(),
        other => other.clone(),
    }
}

/// What is wrong with documents, each with the file of its schema.
fn complaints(documents: &[(&str, &str, Value)]) -> String {
    let schemas = schemas();
    let documents: Vec<Value> =
        documents.iter().map(|(name, schema, value)| json!([name, schemas.join(schema), value])).collect();
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", VALIDATE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(json!(documents).to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Whether there is a Python that can validate.
fn can_validate() -> bool {
    if outside_programs::find("python3").is_none() {
        return false;
    }
    let found =
        Command::new("python3").args(["-c", "import jsonschema"]).stderr(Stdio::null()).status().unwrap().success();
    if !found {
        assert!(std::env::var_os("SEALIFT_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "jsonschema is required");
        eprintln!("SKIPPED: python3 has no jsonschema");
    }
    found
}

#[test]
fn what_every_command_prints_is_what_its_schema_describes() {
    if !can_validate() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let printed = printed(folder.path());
    let listed = listed();
    let run: BTreeSet<&str> = printed.iter().map(|(command, _)| *command).collect();
    assert_eq!(run, listed.keys().map(String::as_str).collect(), "every command is run, and has a schema");
    let documents = printed.iter().flat_map(|(command, value)| {
        let schema = listed[*command].as_str();
        let mut words = BTreeSet::new();
        keys_with_examples(&serde_json::from_slice(&fs::read(schemas().join(schema)).unwrap()).unwrap(), &mut words);
        [value.clone(), with_new_members(value), with_new_words(value, &words)].map(|value| (*command, schema, value))
    });
    let documents: Vec<_> = documents.collect();
    assert_eq!(complaints(&documents), "");
    let mut receipt = Vec::new();
    GzDecoder::new(fs::File::open(folder.path().join("demo/r")).unwrap()).read_to_end(&mut receipt).unwrap();
    let receipt = DsseEnvelope::parse(&receipt).unwrap();
    let statement: Value = serde_json::from_slice(&receipt.payload).unwrap();
    assert_eq!(complaints(&[("receipt", "receipt-statement.schema.json", statement.clone())]), "");
    assert_ne!(complaints(&[("receipt", "receipt-statement.schema.json", with_new_members(&statement))]), "");
    // And it notices what is missing.
    let mut wrong = documents[0].2.clone();
    wrong.as_object_mut().unwrap().remove("commands");
    assert!(complaints(&[("demo", "demo.schema.json", wrong)]).contains("'commands' is a required property"));
}

#[test]
fn an_import_of_which_only_the_mirror_fails_prints_what_it_did_and_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(sealift());
        command.arg("--json").args(arguments).current_dir(&folder).env_remove("SOURCE_DATE_EPOCH").output().unwrap()
    };
    assert!(run(&["demo", "--keep", "demo"]).status.success());
    // A file is where the mirror of the repository would be.
    std::fs::create_dir(folder.path().join("taken")).unwrap();
    std::fs::write(folder.path().join("taken/demo"), "").unwrap();
    let import = ["import", "demo/shop.sealift", "--trust", "demo/far", "--to-layout", "out", "--tuf-mirror"];
    let imported = run(&[&import[..], &["taken"]].concat());
    assert!(!imported.status.success());
    let report: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!((&report["format"], &report["tufMirrors"]), (&json!("sealift-report/1"), &json!([])));
    let failure: Value = serde_json::from_slice(&imported.stderr).unwrap();
    assert!(failure["error"].as_str().unwrap().contains(" was imported, but its TUF mirror was not written"));
    if can_validate() {
        let documents = [("import", "report.schema.json", report), ("failure", "failure.schema.json", failure)];
        assert_eq!(complaints(&documents), "");
    }
}

#[test]
fn what_a_failure_writes_is_what_its_schema_describes() {
    if !can_validate() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let failures =
        [&["verify", "nothing"][..], &["verify"], &["trust", "list", "--trust", "nothing"]].map(|arguments| {
            let output = Command::new(sealift()).arg("--json").args(arguments).current_dir(&folder).output().unwrap();
            assert!(!output.status.success() && output.stdout.is_empty());
            serde_json::from_slice::<Value>(&output.stderr).unwrap()
        });
    let documents = failures.map(|value| ("failure", "failure.schema.json", with_new_members(&value)));
    assert_eq!(complaints(&documents), "");
}
