//! `docs/schema/inventory.schema.json` accepts what is written, and refuses what it can of what is not.

use std::path::Path;
use std::process::Command;

use sealift_archive_format::inventory::{
    BaseRecord, DescriptorRecord, FILE_MEDIA_TYPE, FileRecord, ImageRole, ItemRecord, LeftOutRecord, TaggedRecord,
};
use sealift_archive_format::{Digest, DigestAlgorithm, FileName, Inventory};
use sealift_tests::archive_mutator::{Sample, bundle};
use sealift_tests::outside_programs;
use serde_json::{Value, json};

const VALIDATE: &str = r"
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
print(json.dumps([validator.is_valid(statement) for statement in json.load(open(sys.argv[2]))]))
";

/// The sample with one of everything.
fn statement() -> Value {
    let mut inventory = Sample::default().inventory;
    let invocation = bundle(&mut inventory).images[0].clone();
    let mut component = invocation.clone();
    component.role = ImageRole::Component("web".to_owned());
    component.referrers = vec![invocation.descriptor.clone()];
    component.target = bundle(&mut inventory).target.clone();
    let mut alone = invocation.clone();
    alone.role = ImageRole::StandAlone;
    let tag = format!("sha256-{}.sig", alone.descriptor.digest.hex());
    let tagged = vec![TaggedRecord { descriptor: invocation.descriptor.clone(), tag }];
    alone.left_out = LeftOutRecord {
        foreign_layers: vec![alone.descriptor.digest.clone()],
        manifests: vec![alone.descriptor.digest.clone()],
        platforms: vec!["linux/arm64".to_owned()],
    };
    alone.tagged.clone_from(&tagged);
    bundle(&mut inventory).tagged = tagged;
    bundle(&mut inventory).referrers = vec![invocation.descriptor.clone()];
    let file = invocation.descriptor.clone();
    bundle(&mut inventory).index = Some(invocation.descriptor);
    bundle(&mut inventory).images.push(component);
    inventory.items.push(ItemRecord::Image(alone));
    let descriptor = DescriptorRecord { media_type: FILE_MEDIA_TYPE.to_owned(), ..file };
    let sha512 = Some(Digest::of(DigestAlgorithm::Sha512, b""));
    let name = FileName::of_target("simple/app.whl").unwrap();
    inventory.items.push(ItemRecord::File(FileRecord { descriptor, name, sha512 }));
    inventory.base = Some(BaseRecord::Archives(vec![Digest::sha256(b"before")]));
    inventory.entries.last_mut().unwrap().absent = true;
    serde_json::from_slice(&inventory.to_statement().unwrap()).unwrap()
}

/// Every statement that has one change too many.
fn broken() -> Vec<Value> {
    let changes: [(&str, Value); 32] = [
        ("/predicate/base", json!({})),
        ("/predicate/base/archives", json!([])),
        ("/_type", "https://in-toto.io/Statement/v0.1".into()),
        ("/predicateType", "sealift:inventory/v2".into()),
        ("/subject/0/digest", json!({})),
        ("/predicate/formatVersion", "2.0".into()),
        ("/predicate/exportedAt", "2026-01-02T03:04:05+00:00".into()),
        ("/predicate/exporter", json!({"name": "x"})),
        ("/predicate/repositories/0/name", "../main".into()),
        ("/predicate/entries/0/name", "/oci-layout".into()),
        ("/predicate/entries/0/size", (-1).into()),
        ("/predicate/entries/0/size", 1.5.into()),
        ("/predicate/entries/0/digest", "sha256:00".into()),
        ("/predicate/entries/0", json!({"name": "oci-layout", "size": 30})),
        ("/predicate/items/0/reference", "".into()),
        ("/predicate/items/0/reference", "a\nb".into()),
        ("/predicate/items/0/parts/0/kind", "image".into()),
        ("/predicate/items/0/parts/0/kind", "component".into()),
        ("/predicate/items/0/parts/1/component", Value::Null),
        ("/predicate/items/1/complete", "some".into()),
        ("/predicate/items/1/kind", "invocation".into()),
        ("/predicate/items/0/referrers", json!([])),
        ("/predicate/items/0/tagged", json!([])),
        ("/predicate/items/1/tagged/0/tag", "latest".into()),
        ("/predicate/items/1/leftOut", json!({"platforms": ["linux/arm64"]})),
        ("/predicate/items/1/leftOut/foreignLayers/0", "sha256:00".into()),
        ("/predicate/items/1/leftOut/manifests", json!([])),
        ("/predicate/items/1/leftOut/platforms", json!(["a", "a"])),
        ("/predicate/items/2/kind", "folder".into()),
        ("/predicate/items/2/reference", "simple/app.whl".into()),
        ("/predicate/items/2/reference", "file://simple/app.whl".into()),
        ("/predicate/items/2/sha512", format!("sha256:{}", "0".repeat(64)).into()),
    ];
    let changed = changes.into_iter().map(|(pointer, value)| {
        let mut statement = statement();
        *statement.pointer_mut(pointer).expect(pointer) = value;
        statement
    });
    let unknown = ["", "/predicate", "/predicate/entries/0", "/predicate/items/0", "/predicate/items/1/descriptor"];
    let unknown = unknown.into_iter().map(|pointer| {
        let mut statement = statement();
        statement.pointer_mut(pointer).expect(pointer)["novel"] = 1.into();
        statement
    });
    let mut carried = statement();
    carried["predicate"]["entries"].as_array_mut().unwrap().last_mut().unwrap()["absent"] = json!(false);
    let mut without_base = statement();
    without_base["predicate"].as_object_mut().unwrap().remove("base");
    changed.chain(unknown).chain([carried, without_base]).collect()
}

#[test]
fn the_schema_and_the_parser_agree() {
    let Some(python) = outside_programs::python_with("jsonschema") else { return };
    let mut statements = broken();
    let expected: Vec<bool> = statements.iter().map(|_| false).chain([true]).collect();
    statements.push(statement());
    let ours: Vec<bool> =
        statements.iter().map(|statement| Inventory::parse(statement.to_string().as_bytes()).is_ok()).collect();
    assert_eq!(ours, expected);
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("statements.json");
    std::fs::write(&cases, Value::from(statements).to_string()).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/inventory.schema.json");
    let output = Command::new(python).args(["-c", VALIDATE]).args([schema, cases]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(theirs, expected);
}
