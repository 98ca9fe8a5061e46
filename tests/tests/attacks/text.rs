//! Text that acts: every name, message and document that reaches a person is what an attacker would like it to be.
//!
//! Each case runs the command as a person would, for people and with `--json`, with colours and without, and requires that
//! no byte of what it writes acts on a terminal, hides or reorders text, or begins a line that the attacker wrote; and that
//! the text is there all the same, escaped.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use sealift_archive_format::inventory::TargetRecord;
use sealift_core::layout::LayoutSink;
use sealift_sample_publisher::keys::sign;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::{Forger, exporter_key, signed};
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_tests::sealift_command::sealift);

/// What an attacker puts wherever text may stand: it clears the screen, in two ways; begins lines; erases the line that it
/// is on; reverses, isolates and hides.
const ACTING: &str = "x\u{1b}[2J\u{9b}2J\r\nforged\u{8}\u{7f}\u{85}\u{2028}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}y";
/// The same where controls are refused before anything is shown.
const FORMATTING: &str = "x\u{202e}\u{2066}\u{2028}\u{200b}\u{feff}\u{61c}\u{e0041}y";

/// Whether a character acts. A list of its own, so that it does not forget what the command's forgets.
fn acts(character: char) -> bool {
    let code = u32::from(character);
    [0..=0x1f, 0x7f..=0x9f, 0xad..=0xad, 0x61c..=0x61c, 0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x2069]
        .iter()
        .chain(&[0xfeff..=0xfeff, 0xe0000..=0xe007f])
        .any(|range| range.contains(&code))
}

/// What the command's own styles are: `ESC [`, numbers, `m`.
fn without_styles(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|character: char| !character.is_ascii_digit() && character != ';').unwrap_or(0);
        match piece[end..].strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => plain.push_str(&format!("\u{1b}[{piece}")),
        }
    }
    plain
}

/// Someone who runs the command in a folder.
struct Person {
    folder: TempDir,
    now: Timestamp,
}

impl Person {
    /// Has keys and a trust store that accepts what nobody signed.
    fn new() -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let person = Self { folder: tempfile::tempdir().unwrap(), now };
        person.write("exporter.pem", exporter_key().to_pem(None).unwrap().as_bytes());
        person.write("carrier.pub", exporter_key().public_key().unwrap().to_pem().unwrap().as_bytes());
        assert!(person.run(&["trust", "add-exporter", "carrier", "carrier.pub"], false, &[]).status.success());
        person.write("trust/policy.toml", b"minimum_level = \"0\"\ninspections = \"optional\"\n");
        person
    }

    fn pins(self, sample: &Sample) -> Self {
        self.write("root.json", &sample.repository.past_roots[0]);
        assert!(self.run(&["trust", "pin-root", "demo", "root.json"], false, &[]).status.success());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, arguments: &[&str], colours: bool, environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(&*SEALIFT);
        command.args(arguments).current_dir(self.folder.path()).env("SEALIFT_TRUST", "trust");
        for name in ["SOURCE_DATE_EPOCH", "NO_COLOR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        if colours {
            command.env("CLICOLOR_FORCE", "1");
        }
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// Runs the command in each way; what it writes is harmless, and tells of the text.
    fn sees(&self, arguments: &[&str]) {
        self.sees_in(arguments, &[], Said::Escaped);
    }

    /// The same where the text itself need not be told.
    fn sees_nothing_act(&self, arguments: &[&str]) {
        self.sees_in(arguments, &[], Said::OrNot);
    }

    fn sees_in(&self, arguments: &[&str], environment: &[(&str, &str)], said: Said) {
        for colours in [true, false] {
            for json in [&[][..], &["--json"]] {
                let all = [json, arguments].concat();
                // What an earlier run left behind is not to be in the way.
                let _ = fs::remove_file(self.path("out.sealift"));
                let output = self.run(&all, colours, environment);
                let text = [&output.stderr[..], b"\n", &output.stdout].concat();
                let text = String::from_utf8(text).unwrap_or_else(|_| panic!("{all:?} writes what is not UTF-8"));
                let plain = without_styles(&text);
                let found = plain.chars().find(|character| *character != '\n' && acts(*character));
                assert!(found.is_none(), "{all:?}: {found:?} acts in {plain:?}");
                let forged = plain.lines().find(|line| line.trim_start().starts_with("forged"));
                assert!(forged.is_none(), "{all:?}: a line was forged in {plain:?}");
                let must_tell = match said {
                    Said::Escaped => true,
                    Said::ToPeople => json.is_empty(),
                    Said::OrNot => false,
                };
                assert!(!must_tell || plain.contains("202e"), "{all:?} does not tell: {plain}");
                let is_json = |bytes: &[u8]| bytes.is_empty() || serde_json::from_slice::<Value>(bytes).is_ok();
                if !json.is_empty() {
                    assert!(is_json(&output.stdout), "{all:?}: {text}");
                    let failure = plain.lines().filter(|line| line.starts_with("{\""));
                    assert!(failure.map(str::as_bytes).all(is_json), "{all:?}: {text}");
                }
            }
        }
    }
}

/// Whether the text must be in what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Escaped,
    /// JSON does not repeat every argument.
    ToPeople,
    OrNot,
}

/// An archive of the sample, changed.
fn packed(person: &Person, sample: &Sample, change: impl FnOnce(&mut Consignment)) {
    let mut consignment = Consignment::of(sample, person.now);
    change(&mut consignment);
    person.write("shop.sealift", &consignment.archive());
}

fn fresh() -> (Person, Sample) {
    let person = Person::new();
    let sample = Sample::new(person.now).unwrap();
    (person.pins(&sample), sample)
}

const READERS: [&[&str]; 3] = [
    &["inspect", "shop.sealift"],
    &["verify", "shop.sealift"],
    &["import", "shop.sealift", "--to-layout", "delivered"],
];

fn every_reader_shows(person: &Person) {
    for arguments in READERS {
        person.sees_nothing_act(arguments);
    }
}

#[test]
fn text_that_acts_in_what_an_inventory_says() {
    let (person, sample) = fresh();
    packed(&person, &sample, |it| it.bundles[0].images[0].platforms = vec![format!("linux/{FORMATTING}")]);
    every_reader_shows(&person);
    person.sees(&["inspect", "shop.sealift"]);
    for change in [
        |it: &mut Consignment| it.bundles[0].reference = format!("example.com/{FORMATTING}:1"),
        |it: &mut Consignment| it.bundles[0].images[1].reference = format!("example.com/{FORMATTING}:1"),
        |it: &mut Consignment| it.bundles[0].descriptor.media_type = FORMATTING.to_owned(),
        |it: &mut Consignment| it.bundles[0].target = Some(TargetRecord { name: FORMATTING.to_owned() }),
        |it: &mut Consignment| {
            it.tuf().insert(format!("targets/{FORMATTING}/file"), Vec::new());
        },
    ] {
        packed(&person, &sample, change);
        every_reader_shows(&person);
    }
}

#[test]
fn text_that_acts_in_metadata() {
    let (person, sample) = fresh();
    packed(&person, &sample, |it| {
        Forger::new(&sample, it.tuf()).edit("timestamp", |signed| signed["expires"] = json!(ACTING));
    });
    person.sees(&["inspect", "shop.sealift"]);
    every_reader_shows(&person);
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 6] = [
        ("timestamp", |signed| signed["_type"] = json!(ACTING)),
        ("timestamp", |signed| signed["version"] = json!(ACTING)),
        ("snapshot", |signed| signed["meta"][ACTING] = json!({ "version": ACTING })),
        ("targets", |signed| signed["delegations"]["roles"][0]["name"] = json!(ACTING)),
        ("targets", |signed| signed["delegations"]["roles"][0]["keyids"] = json!([ACTING])),
        ("targets/releases", |signed| signed["targets"][BUNDLE]["hashes"] = json!({ ACTING: ACTING })),
    ];
    for (role, change) in changes {
        packed(&person, &sample, |it| Forger::new(&sample, it.tuf()).edit(role, change));
        every_reader_shows(&person);
    }
    for document in [
        format!("\"{ACTING}\""),
        format!("{{\"{FORMATTING}\":1,\"{FORMATTING}\":2}}"),
        format!("<html>{ACTING}</html>"),
        json!({ "signed": {}, "signatures": [{ "keyid": ACTING, "sig": ACTING }], ACTING: 1 }).to_string(),
    ] {
        for role in ["timestamp", "targets/releases"] {
            packed(&person, &sample, |it| Forger::new(&sample, it.tuf()).replace(role, document.clone().into_bytes()));
            every_reader_shows(&person);
        }
    }
}

#[test]
fn text_that_acts_in_a_supply_chain() {
    let person = Person::new();
    let sample = || Sample::new(person.now).unwrap();
    let root = &sample().repository.past_roots[0].clone();
    person.write("root.json", root);
    let layout = "example.com/demo/shop/in-toto-metadata/root.layout";
    type Change = fn(&mut Value);
    let changes: [(Said, Change); 8] = [
        (Said::Escaped, |layout| layout["steps"][0]["name"] = json!(ACTING)),
        (Said::Escaped, |layout| layout["steps"][0]["name"] = json!(FORMATTING)),
        (Said::Escaped, |layout| {
            layout["steps"][0]["expected_products"] = json!([["REQUIRE", ACTING], ["DISALLOW", "*"]]);
        }),
        (Said::Escaped, |layout| {
            layout["steps"][0]["expected_products"] = json!([["CREATE", ACTING], ["DISALLOW", "*"]]);
        }),
        (Said::OrNot, |layout| layout["steps"][0]["expected_command"] = json!([ACTING])),
        (Said::OrNot, |layout| layout["steps"][1]["pubkeys"] = json!([ACTING])),
        (Said::Escaped, |layout| {
            layout["inspect"] = json!([{ "_type": "inspection", "name": FORMATTING, "run": [ACTING],
                "expected_materials": [["ALLOW", ACTING]], "expected_products": [["ALLOW", "*"]] }]);
        }),
        (Said::OrNot, |layout| layout["expires"] = json!(ACTING)),
    ];
    for (told, change) in changes {
        let mut sample = sample();
        let mut said = signed(&sample.supply_chain.layout());
        change(&mut said);
        let bytes = sign(&said, std::slice::from_ref(&sample.supply_chain.owner));
        let custom = sample.repository.top_level[layout].custom.clone();
        sample.repository.top_level.insert(layout.to_owned(), Target { custom, ..Target::served(bytes) });
        person.write("root.json", &sample.repository.past_roots[0]);
        person.run(&["trust", "remove", "root", "demo"], false, &[]);
        assert!(person.run(&["trust", "pin-root", "demo", "root.json"], false, &[]).status.success());
        packed(&person, &sample, |_| {});
        every_reader_shows(&person);
        person.sees_in(&["verify", "shop.sealift"], &[], told);
    }
}

#[test]
fn text_that_acts_in_an_attestation_that_is_accepted() {
    let person = Person::new();
    let image = Image::new("linux/amd64", &[("app", b"the app")]);
    let about = &image.root().descriptor().digest;
    let statement = |predicate_type: &str, predicate: Value| {
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
            "subject": [{ "name": ACTING, "digest": { "sha256": about.hex() } }] })
    };
    let statements = [
        statement("https://slsa.dev/provenance/v1", json!({ "runDetails": { "builder": { "id": ACTING } } })),
        statement("https://spdx.dev/Document", json!({ "spdxVersion": ACTING })),
        statement(ACTING, json!({})),
    ];
    let sink = LayoutSink::open(&person.path("source")).unwrap();
    let reference: sealift_core::oci::Reference = "example.com/org/app:1".parse().unwrap();
    image.push(&sink, &reference).unwrap();
    for statement in statements {
        let bytes = statement.to_string().into_bytes();
        let referrer = Image::referrer(image.root().descriptor(), "application/vnd.in-toto+json", &bytes);
        referrer.store(&sink, reference.repository()).unwrap();
    }
    drop(sink);
    let export = ["export", "--image", "example.com/org/app:1=oci:source", "--key", "exporter.pem", "-o"];
    assert!(person.run(&[&export[..], &["shop.sealift"]].concat(), false, &[]).status.success());
    assert!(person.run(&["verify", "shop.sealift"], false, &[]).status.success());
    person.sees(&["verify", "shop.sealift"]);
    every_reader_shows(&person);
    // The report is read by people too.
    for file in ["report.json", "relocation-mapping.json"] {
        let text = fs::read_to_string(person.path("shop.imported/latest").join(file)).unwrap();
        assert!(!text.chars().any(|character| character != '\n' && acts(character)), "{file}");
    }
    person.sees(&[&export[..], &["out.sealift", "--platform", FORMATTING]].concat());
}

#[test]
fn text_that_acts_in_a_bundle_and_a_layout() {
    let person = Person::new();
    let images = |name: &str| json!([{ "imageType": "oci", "image": name }]);
    let bundles = [
        json!({ "schemaVersion": "v1.2.0", "name": ACTING, "version": "1.0.0", "invocationImages": images(ACTING) }),
        json!({ "schemaVersion": ACTING, "name": "shop", "version": ACTING, "invocationImages": images("a.example/b:1") }),
        json!({ "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", "invocationImages": images("a.example/b:1"),
            "images": { ACTING: { "image": ACTING, "contentDigest": ACTING } } }),
        json!({ "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", ACTING: 1,
            "invocationImages": [{ "image": "a.example/b:1", "mediaType": ACTING, "contentDigest": ACTING, "size": ACTING }] }),
    ];
    fs::create_dir_all(person.path("layout")).unwrap();
    person.write("layout/oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let listed = json!({ "mediaType": ACTING, "digest": ACTING, "size": 1,
        "annotations": { "org.opencontainers.image.ref.name": ACTING } });
    person.write("layout/index.json", json!({ "schemaVersion": 2, "manifests": [] }).to_string().as_bytes());
    let end = ["--key", "exporter.pem", "-o", "out.sealift"];
    for bundle in bundles {
        person.write("bundle.json", bundle.to_string().as_bytes());
        let what = ["export", "--bundle", "a.example/shop:1=bundle.json", "--images-from", "oci:layout"];
        person.sees_nothing_act(&[&what[..], &end].concat());
    }
    person.write("bundle.json", format!("{{\"{ACTING}").as_bytes());
    person.sees_nothing_act(&[&["export", "--bundle", "a.example/shop:1=bundle.json"][..], &end].concat());
    let image = ["export", "--image", "a.example/b:1=oci:layout"];
    for index in [json!({ "schemaVersion": 2, "manifests": [listed] }).to_string(), format!("[\"{ACTING}\"")] {
        person.write("layout/index.json", index.as_bytes());
        person.sees_nothing_act(&[&image[..], &end].concat());
    }
}

#[test]
fn text_that_acts_in_what_a_server_answers() {
    let person = Person::new();
    let header_text = "x\u{202e}\u{9b}2J\u{200b}y";
    let body = json!({ "errors": [{ "code": ACTING, "message": ACTING, "detail": { ACTING: ACTING } }] }).to_string();
    let answers = [
        Action::Answer(Answer::new(400, &[], body.clone().into_bytes())),
        Action::Answer(Answer::new(500, &[], ACTING.as_bytes().to_vec())),
        Action::Answer(Answer::new(
            401,
            &[("WWW-Authenticate", &format!("Bearer realm=\"{header_text}\""))],
            Vec::new(),
        )),
        Action::Answer(Answer::new(401, &[("WWW-Authenticate", header_text)], Vec::new())),
        Action::Answer(Answer::new(302, &[("Location", header_text)], Vec::new())),
        Action::Answer(Answer::new(200, &[("Content-Type", header_text)], body.clone().into_bytes())),
        Action::Answer(Answer::new(200, &[("Docker-Content-Digest", header_text)], b"{}".to_vec())),
        Action::write(|to| {
            to.write_all("HTTP/1.1 418 \u{1b}[2J\u{9b}2J\u{202e}\r\nContent-Length: 0\r\n\r\n".as_bytes())
        }),
        Action::write(|to| to.write_all(ACTING.as_bytes())),
        Action::Answer(Answer::new(
            200,
            &[("Content-Type", "application/vnd.oci.image.manifest.v1+json")],
            json!({ "schemaVersion": 2, "config": { "mediaType": ACTING, "digest": ACTING, "size": 1 }, "layers": [] })
                .to_string()
                .into_bytes(),
        )),
        Action::Answer(Answer::new(
            200,
            &[("Content-Type", "application/vnd.oci.image.manifest.v1+json")],
            json!({ "schemaVersion": ACTING, "mediaType": ACTING, ACTING: ACTING }).to_string().into_bytes(),
        )),
    ];
    for action in answers {
        let registry = Registry::start();
        registry.inject(Fault::always("GET", "", action.clone()));
        let image = format!("example.com/a/b:1={}/a/b:1", registry.domain());
        let end = ["--key", "exporter.pem", "-o", "out.sealift"];
        person.sees_nothing_act(&[&["export", "--image", &image][..], &end].concat());
    }
    // A TUF server.
    let (person, _) = fresh();
    for action in [
        Action::Answer(Answer::new(200, &[], format!("<html>{ACTING}</html>").into_bytes())),
        Action::Answer(Answer::new(403, &[], ACTING.as_bytes().to_vec())),
        Action::write(|to| to.write_all("HTTP/1.1 418 \u{1b}[2J\u{202e}\r\nContent-Length: 0\r\n\r\n".as_bytes())),
    ] {
        let registry = Registry::start();
        registry.inject(Fault::always("GET", "", action));
        let tuf = format!("demo=http://{}/tuf", registry.domain());
        let image = ["export", "--image", "a.example/b:1=oci:source", "--tuf", &tuf];
        let sink = LayoutSink::open(&person.path("source")).unwrap();
        Image::new("linux/amd64", &[]).push(&sink, &"a.example/b:1".parse().unwrap()).unwrap();
        person.sees_nothing_act(&[&image[..], &["--key", "exporter.pem", "-o", "out.sealift"]].concat());
    }
}

#[test]
fn text_that_acts_in_where_an_import_goes() {
    let (person, sample) = fresh();
    packed(&person, &sample, |_| {});
    let registry = Registry::start();
    let body = json!({ "errors": [{ "code": ACTING, "message": ACTING }] }).to_string().into_bytes();
    for method in ["POST", "PUT", "HEAD"] {
        registry.inject(Fault::always(method, "", Action::Answer(Answer::new(403, &[], body.clone()))));
    }
    person.sees_nothing_act(&["import", "shop.sealift", "--to-registry", &registry.domain()]);
    let folder = format!("to{ACTING}");
    person.sees_nothing_act(&["import", "shop.sealift", "--to-layout", "delivered", "--results", &folder]);
    person.sees(&["import", "shop.sealift", "--to-layout", "delivered", "--tuf-mirror", &folder]);
    fs::write(person.path(ACTING), b"no folder").unwrap();
    person.sees(&["import", "shop.sealift", "--to-layout", ACTING]);
    person.sees(&["import", "shop.sealift", "--to-layout", "delivered", "--results", ACTING]);
}

#[test]
fn text_that_acts_in_the_trust_store() {
    let (person, _) = fresh();
    let list: &[&[&str]] = &[&["trust", "list"], &["trust", "show", "demo"], &["verify", "carrier.pub"]];
    for policy in [format!("minimum_levle{FORMATTING} = 1\n"), format!("minimum_level = \"{FORMATTING}\"\n")] {
        person.write("trust/policy.toml", policy.as_bytes());
        person.sees(&["trust", "list"]);
    }
    for policy in [ACTING.to_owned(), format!("minimum_level = \"{ACTING}\"\n"), format!("# {ACTING}\nx")] {
        person.write("trust/policy.toml", policy.as_bytes());
        person.sees_nothing_act(&["trust", "list"]);
    }
    person.write("trust/policy.toml", b"minimum_level = \"0\"\n");
    for map in [
        json!({ "repositories": { ACTING: [] }, "mapping": [] }),
        json!({ "repositories": { "demo": [ACTING] }, ACTING: 1 }),
        json!({ "repositories": {}, "mapping": [{ "paths": [ACTING], "repositories": [ACTING], "threshold": 1,
            "terminating": true }] }),
    ] {
        person.write("map.json", map.to_string().as_bytes());
        person.sees_nothing_act(&["trust", "map", "map.json"]);
    }
    let keys: [Value; 3] = [
        json!({ "keytype": ACTING, "scheme": ACTING, "keyval": { "public": ACTING } }),
        json!({ "keytype": "ed25519", "scheme": ACTING, "keyval": { "public": ACTING } }),
        json!({ ACTING: 1 }),
    ];
    for key in keys {
        person.write("key.json", key.to_string().as_bytes());
        person.sees_nothing_act(&["trust", "add-attester", "builder", "key.json"]);
        person.sees_nothing_act(&["trust", "pin-root", "other", "key.json"]);
        person.sees_nothing_act(&["trust", "add-exporter", "other", "key.json"]);
    }
    fs::write(person.path("trust/roots").join(ACTING.replace('/', "")), b"x").unwrap();
    for arguments in list {
        person.sees_nothing_act(arguments);
    }
}

#[test]
fn text_that_acts_in_the_command_line_and_in_names_of_files() {
    let (person, sample) = fresh();
    packed(&person, &sample, |_| {});
    fs::rename(person.path("shop.sealift"), person.path(ACTING)).unwrap();
    for arguments in [
        &["inspect", ACTING][..],
        &["verify", ACTING],
        &["import", ACTING, "--to-layout", "delivered"],
        &["sign", ACTING, "--key", "exporter.pem"],
        &[ACTING],
        &["trust", ACTING],
        &[&format!("--{FORMATTING}")],
        &["verify", ACTING, ACTING],
        &["verify", "--freshness", ACTING, "x"],
        &["verify", &format!("missing{FORMATTING}")],
        &["export", "--image", ACTING, "--key", "k", "-o", "o"],
        &["export", "--image", "a.example/b:1", "--tuf", ACTING, "--key", "k", "-o", "o"],
        &["export", "--image", "a.example/b:1", "--platform", ACTING, "--key", "k", "-o", "o"],
        &["export", "--image", "a.example/b:1", "--key", ACTING, "-o", "o"],
        &["export", "--image", "a.example/b:1=oci:no", "--key", "exporter.pem", "-o", ACTING],
        &["trust", "pin-root", ACTING, "root.json"],
        &["trust", "pin-root", "demo", "root.json", "--sha256", ACTING],
        &["trust", "pin-root", "demo", ACTING],
        &["trust", "map", ACTING],
        &["trust", "set-threshold", ACTING],
        &["trust", "--trust", ACTING, "list"],
        &["completions", ACTING],
        &["man", &format!("man/{ACTING}")],
    ] {
        person.sees_nothing_act(arguments);
    }
    for reader in ["inspect", "verify"] {
        person.sees_in(&[reader, ACTING], &[], Said::ToPeople);
    }
    person.sees(&["verify", "--freshness", ACTING, "x"]);
    person.sees(&["trust", "set-threshold", ACTING]);
    let key = format!("key{ACTING}");
    for arguments in [&["key", "generate", "--out", &key][..], &["key", "public", &key]] {
        person.sees_nothing_act(arguments);
    }
    let image = ["export", "--image", "a.example/b:1", "--key", "exporter.pem", "-o", "o"];
    for variable in ["SOURCE_DATE_EPOCH", "HTTPS_PROXY", "SEALIFT_TRUST", "DOCKER_CONFIG"] {
        person.sees_in(&image, &[(variable, ACTING)], Said::OrNot);
    }
}
