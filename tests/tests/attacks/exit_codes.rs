//! What an operator gets to see: the exit code, the class and a hint, as `docs/exit-codes.md` promises them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use sealift_archive_format::Reader;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::supply_chain::SupplyChain;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::malicious_exporter::exporter_key;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_tests::sealift_command::sealift);

/// A far side that is run with the command. Its clock is the system's.
struct Operator {
    folder: TempDir,
    now: Timestamp,
}

/// How a command ended.
struct Ended {
    exit_code: Option<i32>,
    /// What it wrote to standard output, with `--json`.
    result: Value,
    /// What it wrote to standard error, with `--json`.
    failure: Value,
}

impl Operator {
    fn new() -> (Self, Sample) {
        Self::hours_after_the_release(0)
    }

    fn hours_after_the_release(count: i64) -> (Self, Sample) {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let sample = Sample::new(now - SignedDuration::from_hours(count)).unwrap();
        (Self { folder: tempfile::tempdir().unwrap(), now }, sample)
    }

    /// Accepts the exporter, and pins nothing.
    fn trusts_no_publisher(self) -> Self {
        let pem = exporter_key().public_key().unwrap().to_pem().unwrap();
        fs::write(self.folder.path().join("carrier.pub"), pem).unwrap();
        assert_eq!(self.run(&["trust", "add-exporter", "carrier", "carrier.pub"]).exit_code, Some(0));
        self
    }

    /// Pins the sample's root and accepts the exporter.
    fn trusts(self, sample: &Sample) -> Self {
        fs::write(self.folder.path().join("root.json"), &sample.repository.past_roots[0]).unwrap();
        assert_eq!(self.run(&["trust", "pin-root", "demo", "root.json"]).exit_code, Some(0));
        self.trusts_no_publisher()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(&*SEALIFT)
            .args(["--json", "--quiet", "--trust", "trust"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("SOURCE_DATE_EPOCH")
            .output()
            .unwrap();
        let failure = serde_json::from_slice(&output.stderr).unwrap_or_default();
        let result = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ended { exit_code: output.status.code(), result, failure }
    }

    fn policy(&self, text: &str) {
        fs::write(self.folder.path().join("trust/policy.toml"), text).unwrap();
    }

    fn import(&self, archive: &[u8]) -> Ended {
        self.import_by(archive, &[])
    }

    fn import_by(&self, archive: &[u8], arguments: &[&str]) -> Ended {
        fs::write(self.folder.path().join("shop.sealift"), archive).unwrap();
        self.run(&[&["import", "shop.sealift", "--to-layout", "delivered"], arguments].concat())
    }

    /// Imports what must be refused in this way.
    fn refuses(&self, archive: &[u8], exit_code: i32, class: &str, hint: &str) {
        self.refuses_by(archive, &[], exit_code, class, hint);
    }

    fn refuses_by(&self, archive: &[u8], arguments: &[&str], exit_code: i32, class: &str, hint: &str) {
        let ended = self.import_by(archive, arguments);
        assert_eq!(ended.exit_code, Some(exit_code), "{}", ended.failure);
        assert_eq!(ended.failure["exitCode"], json!(exit_code));
        assert_eq!(ended.failure["class"], json!(class));
        let found = ended.failure["hint"].as_str().unwrap();
        assert!(found.contains(hint), "the hint is {found:?}");
        let index = fs::read_to_string(self.folder.path().join("delivered/index.json")).unwrap_or_default();
        assert!(!index.contains(BUNDLE), "nothing is tagged");
    }

    fn packed(&self, sample: &Sample) -> Consignment {
        self.packed_hours_ago(sample, 0)
    }

    fn packed_hours_ago(&self, sample: &Sample, count: i64) -> Consignment {
        Consignment::of(sample, self.now - SignedDuration::from_hours(count))
    }
}

#[test]
fn exit_code_0_for_the_archive_that_the_others_are_made_of() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    assert_eq!(operator.import(&operator.packed(&sample).archive()).exit_code, Some(0));
}

#[test]
fn exit_code_10_for_an_archive_cut_short() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    let archive = operator.packed(&sample).archive();
    operator.refuses(&archive[..archive.len() - 2048], 10, "archive-format", "carry the archive again");
}

#[test]
fn exit_code_11_for_an_unknown_exporter() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    let archive = operator.packed(&sample).sealed_by(&[SigningKey::from_seed(&[99; 32])]);
    operator.refuses(&archive, 11, "seal", "compare the fingerprint");
}

#[test]
fn exit_code_12_for_the_root_of_another_publisher() {
    let (operator, publisher) = Operator::new();
    let other = Sample::new(operator.now).unwrap();
    let operator = operator.trusts(&other);
    operator.refuses(&operator.packed(&publisher).archive(), 12, "tuf", "the pinned root might not be");
}

#[test]
fn exit_code_12_for_a_file_that_no_metadata_leads_to() {
    let (operator, sample) = Operator::new();
    let mut consignment = operator.packed(&sample);
    consignment.tuf().insert("targets/stray".to_owned(), b"stray".to_vec());
    operator.trusts(&sample).refuses(&consignment.archive(), 12, "tuf", "ask the exporter what was packed");
}

#[test]
fn exit_code_13_for_a_link_that_a_stranger_signed() {
    let (operator, mut sample) = Operator::new();
    let digest = sample.repository.released[BUNDLE].digest.clone();
    let stranger = SigningKey::from_seed(&[99; 32]);
    let forged = SupplyChain::link("release", &stranger, json!({}), "bundle.json", &digest);
    let is_release = |path: &str| path.contains(digest.hex()) && path.contains("/release.");
    let released = sample.repository.released.iter_mut();
    *released.into_iter().find(|(path, _)| is_release(path)).unwrap().1 = Target::served(forged.bytes);
    let operator = operator.trusts(&sample);
    operator.refuses(&operator.packed(&sample).archive(), 13, "in-toto", "which step");
}

#[test]
fn exit_code_14_for_a_level_below_the_policy() {
    let (operator, mut sample) = Operator::new();
    sample.repository.released.get_mut(BUNDLE).unwrap().custom = None;
    let operator = operator.trusts(&sample);
    fs::write(operator.folder.path().join("trust/policy.toml"), "minimum_level = \"4\"\n").unwrap();
    operator.refuses(&operator.packed(&sample).archive(), 14, "policy", "minimum_level");
}

#[test]
fn exit_code_14_for_an_archive_that_was_on_its_way_for_too_long_whichever_clock_is_asked_for() {
    let (operator, sample) = Operator::hours_after_the_release(49);
    let operator = operator.trusts(&sample);
    operator.policy("freshness = \"now\"\nmaximum_transit = \"2d\"\n");
    let archive = operator.packed_hours_ago(&sample, 49).archive();
    operator.refuses_by(&archive, &["--freshness", "now"], 14, "policy", "carry it faster");
    let verified = operator.run(&["verify", "shop.sealift", "--freshness", "at-export"]);
    assert_eq!(verified.exit_code, Some(14));
    assert!(verified.failure["hint"].as_str().unwrap().contains("carry it faster"), "{}", verified.failure);
    operator.policy("maximum_transit = \"2d\"\n");
    operator.refuses(&archive, 14, "policy", "carry it faster");
    operator.refuses_by(&archive, &["--freshness", "now"], 14, "policy", "carry it faster");
}

#[test]
fn exit_code_14_for_an_export_time_in_the_future() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    let later = operator.packed_hours_ago(&sample, -1).archive();
    operator.refuses(&later, 14, "policy", "if this side's clock is slow, set it");
}

#[test]
fn exit_code_14_for_an_export_time_in_the_future_where_nothing_is_proven() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts_no_publisher();
    operator.policy("minimum_level = \"0\"\n");
    let mut unproven = operator.packed_hours_ago(&sample, -1);
    unproven.repositories.clear();
    operator.refuses(&unproven.archive(), 14, "policy", "if this side's clock is slow, set it");
    unproven.exported_at = operator.now;
    assert_eq!(operator.import(&unproven.archive()).exit_code, Some(0));
}

#[test]
fn an_import_is_judged_by_no_looser_clock_than_the_policy_s() {
    let (operator, sample) = Operator::hours_after_the_release(25);
    let operator = operator.trusts(&sample);
    operator.policy("freshness = \"now\"\n");
    let archive = operator.packed_hours_ago(&sample, 25).archive();
    operator.refuses(&archive, 12, "tuf", "export again");
    // At export it was valid, and an operator may look at it so, but not let it in.
    assert_eq!(operator.run(&["verify", "shop.sealift", "--freshness", "at-export"]).exit_code, Some(0));
    operator.refuses_by(&archive, &["--freshness", "at-export"], 14, "policy", "import and sign may only be stricter");
    let yesterday = (operator.now - SignedDuration::from_hours(24)).to_string();
    operator.refuses_by(
        &archive,
        &["--freshness", &yesterday],
        2,
        "usage",
        &format!("sealift --trust trust verify --audit --freshness {yesterday} shop.sealift"),
    );
    // The other way round it is taken or refused as a stricter policy would.
    operator.policy("freshness = \"at-export\"\n");
    operator.refuses_by(&archive, &["--freshness", "now"], 12, "tuf", "export again");
    assert_eq!(operator.import_by(&archive, &["--freshness", "at-export"]).exit_code, Some(0));
}

#[test]
fn another_clock_than_the_policy_s_is_used_and_the_report_says_so() {
    let (operator, sample) = Operator::hours_after_the_release(25);
    let operator = operator.trusts(&sample);
    operator.policy("freshness = \"now\"\nmaximum_transit = \"2d\"\n");
    let archive = operator.packed_hours_ago(&sample, 25).archive();
    operator.refuses(&archive, 12, "tuf", "export again");
    let time = |arguments: &[&str]| {
        let ended = operator.run(&[&["verify", "shop.sealift"], arguments].concat());
        assert_eq!(ended.exit_code, Some(0), "{}", ended.failure);
        (ended.result["time"].clone(), ended.result["warnings"].to_string())
    };
    let (at_export, warnings) = time(&["--freshness", "at-export"]);
    assert_eq!(at_export["policy"], "at-export");
    assert_eq!(at_export["insteadOf"], "now");
    assert_eq!(at_export["maximumTransit"], "2d");
    assert!(warnings.contains("not judged by the policy's clock: at-export instead of now"), "{warnings}");

    let yesterday = (operator.now - SignedDuration::from_hours(24)).to_string();
    let (as_of, warnings) = time(&["--freshness", &yesterday]);
    assert_eq!((&as_of["policy"], &as_of["asOf"]), (&json!("as-of"), &json!(yesterday)));
    assert_eq!(as_of["insteadOf"], "now");
    assert!(warnings.contains("which proves nothing about today"), "{warnings}");

    operator.policy("maximum_transit = \"2d\"\n");
    let (at_export, warnings) = time(&["--freshness", "at-export"]);
    assert_eq!(at_export.get("insteadOf"), None);
    assert!(!warnings.contains("policy's clock"), "{warnings}");
    assert_eq!(operator.import_by(&archive, &["--freshness", &yesterday]).exit_code, Some(2), "an audit is no import");
}

#[test]
fn exit_code_14_for_a_tag_that_would_move_to_a_lower_level_unless_it_is_named() {
    let (operator, mut sample) = Operator::new();
    let operator = operator.trusts(&sample);
    assert_eq!(operator.import(&operator.packed(&sample).archive()).exit_code, Some(0));
    let index = || fs::read_to_string(operator.folder.path().join("delivered/index.json")).unwrap();
    let before = index();
    // Nobody says any more how the image was made, and it is another one.
    let web = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    sample.references[web].1 = sample.references[3 - web].1.clone();
    let repository = &mut sample.repository;
    let other = repository.released.iter().find(|(name, _)| **name == sample.references[3 - web].0).unwrap().1.clone();
    repository.released.insert(WEB.to_owned(), Target { custom: None, ..other });
    for role in [&mut repository.releases, &mut repository.snapshot, &mut repository.timestamp] {
        role.version += 1;
    }
    let archive = Consignment::of_image(&sample, web, operator.now).archive();
    let ended = operator.import(&archive);
    assert_eq!((ended.exit_code, &ended.failure["class"]), (Some(14), &json!("policy")), "{}", ended.failure);
    assert_eq!(index(), before, "nothing is tagged");
    // The hint can be pasted.
    let hint = ended.failure["hint"].as_str().unwrap();
    assert!(hint.contains(&format!("--replace-tag {WEB};")), "{hint}");
    assert_eq!(ended.failure["remedy"], json!({ "kind": "allow-lower-level", "tag": WEB }));
    assert_eq!(operator.import_by(&archive, &["--replace-tag", WEB]).exit_code, Some(0));
    assert_ne!(index(), before);
}

#[test]
fn exit_code_17_for_a_target_that_is_no_layout() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    fs::write(operator.folder.path().join("delivered"), "a file").unwrap();
    operator.refuses(&operator.packed(&sample).archive(), 17, "sink", "give a folder that this user can write to");
}

#[test]
fn exit_code_18_for_a_memory_of_tags_that_is_lost() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    let archive = operator.packed(&sample).archive();
    assert_eq!(operator.import(&archive).exit_code, Some(0));
    fs::remove_file(operator.folder.path().join("trust/deliveries.json")).unwrap();
    fs::remove_dir_all(operator.folder.path().join("delivered")).unwrap();
    operator.refuses(&archive, 18, "trust-store", "sealift --trust trust trust reset-deliveries");
    assert_eq!(operator.run(&["trust", "reset-deliveries"]).exit_code, Some(0));
    assert_eq!(operator.import(&archive).exit_code, Some(0));
}

#[test]
fn exit_code_15_for_a_flipped_byte_in_a_layer() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts(&sample);
    let mut archive = operator.packed(&sample).archive();
    let layout = Reader::open(archive.as_slice()).unwrap().read_inventory().unwrap().layout();
    archive[usize::try_from(layout.entries.last().unwrap().content_offset).unwrap()] ^= 1;
    operator.refuses(&archive, 15, "content", "nothing was tagged");
}

#[test]
fn exit_code_20_for_metadata_that_went_back() {
    let (operator, mut sample) = Operator::new();
    sample.repository.timestamp.version = 2;
    let operator = operator.trusts(&sample);
    assert_eq!(operator.import(&operator.packed(&sample).archive()).exit_code, Some(0));
    fs::remove_dir_all(operator.folder.path().join("delivered")).unwrap();
    sample.repository.timestamp.version = 1;
    operator.refuses(&operator.packed(&sample).archive(), 20, "rollback", "old metadata");
}

#[test]
fn exit_code_20_for_an_export_before_the_last_accepted_one() {
    let (operator, mut sample) = Operator::hours_after_the_release(2);
    let operator = operator.trusts(&sample);
    let older = operator.packed_hours_ago(&sample, 1).archive();
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.releases] {
        role.version += 1;
    }
    repository.released.remove(BUNDLE);
    let newer = Consignment::of_image(&sample, 1, operator.now).archive();
    assert_eq!(operator.import(&newer).exit_code, Some(0));
    fs::remove_dir_all(operator.folder.path().join("delivered")).unwrap();
    operator.refuses(&older, 20, "rollback", "only what the publisher still vouches for is accepted");
}

/// A bundle in a tar file, without its images.
fn thin_bundle() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let bundle_json =
        br#"{"invocationImages":[{"image":"e.example/i:1"}],"name":"b","schemaVersion":"v1","version":"1.0.0"}"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(bundle_json.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "bundle.json", &bundle_json[..]).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn what_a_command_cannot_make_sense_of_is_said_in_words() {
    let (operator, sample) = Operator::new();
    let operator = operator.trusts_no_publisher();
    let folder = operator.folder.path();
    sample.write(folder).unwrap();
    fs::write(folder.join("x"), consignment(&sample).archive()).unwrap();
    let image = format!("{WEB}=oci:layout");
    let pem = exporter_key().to_pem(None).unwrap();
    fs::write(folder.join("key.pem"), pem.as_bytes()).unwrap();
    let pem = SigningKey::from_seed(&[8; 32]).to_pem(None).unwrap();
    fs::write(folder.join("second.pem"), pem.as_bytes()).unwrap();
    let export = |more: &[&str], epoch: Option<&str>| {
        let mut command = Command::new(&*SEALIFT);
        command.args(["--quiet", "--trust", "trust", "export", "--key", "key.pem", "-o", "x.sealift"]).args(more);
        command.current_dir(folder).env_remove("SOURCE_DATE_EPOCH").envs(epoch.map(|it| ("SOURCE_DATE_EPOCH", it)));
        command
    };
    let mut sign = Command::new(&*SEALIFT);
    sign.args([
        "--quiet",
        "--trust",
        "trust",
        "sign",
        "--freshness",
        "2026-01-01T00:00:00Z",
        "--key",
        "second.pem",
        "x",
    ]);
    sign.current_dir(folder);
    fs::write(folder.join("passphrase"), "a passphrase").unwrap();
    fs::write(folder.join("bundle.json"), "{}").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    let sealed = SigningKey::from_seed(&[9; 32]).to_pem(Some("a passphrase")).unwrap();
    fs::write(folder.join("sealed.pem"), sealed.as_bytes()).unwrap();
    fs::create_dir(folder.join("half")).unwrap();
    fs::write(folder.join("half/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(folder.join("thin.tgz"), thin_bundle()).unwrap();
    let mut locked = Command::new(&*SEALIFT);
    locked.args(["--quiet", "--trust", "trust", "export", "--image", &image, "-o", "y.sealift"]).current_dir(folder);
    locked.args(["--key", "sealed.pem", "--passphrase-file", "empty"]);
    let import = |target: &[&str]| {
        let mut command = Command::new(&*SEALIFT);
        command.args(["--quiet", "--trust", "trust", "import", "x"]).args(target).current_dir(folder);
        command
    };
    let mut generate = Command::new(&*SEALIFT);
    generate
        .args(["--quiet", "key", "generate", "--out", "key.pem", "--passphrase-file", "passphrase"])
        .current_dir(folder);
    for (mut command, said, code) in [
        (generate, "key.pem already exists", 1),
        (export(&["--image", "e.example/a:1=bundle.json"], None), "is not a file that holds images", 2),
        (export(&["--image", &image, "--tuf", "demo=./nowhere"], None), "is not a folder", 16),
        (
            export(&["--image", &image, "--tuf", "demo=tuf", "--tuf", "demo=tuf"], None),
            "this repository is named twice",
            2,
        ),
        (export(&["--image", &image], Some("today")), ", which is not a number of seconds since 1970", 2),
        (sign, "which proves nothing about today", 2),
        (export(&["--image", "e.example/a:1=half"], None), "it has no index.json", 16),
        (export(&["--image", "e.example/a:1=half"], None), "a folder, or a tar file, that holds", 16),
        (export(&["--image", "e.example/a:1=oci:layout:@9"], None), "e.example/a:1=oci:layout:", 16),
        (
            export(&["--image", "e.example/a:1=layout:1"], None),
            "if you mean the registry, write docker://layout:1; if you mean what is here, write oci:layout:1",
            2,
        ),
        (export(&["--image", "e.example/a:1=dir:layout"], None), "dir: is not supported", 2),
        (
            export(&["--thick-bundle", "e.example/b:1=thin.tgz"], None),
            "holds no images, so it is not a thick bundle",
            2,
        ),
        (locked, "write it into the first line of the file that --passphrase-file names", 19),
        (import(&["--to-layout-archive", "-"]), "./- for a file named -", 2),
        (import(&["--to-docker-archive", "/dev/null"]), "name a file that does not exist yet", 1),
        (import(&["--to-thick-bundle", "nowhere/"]), "cannot make nowhere/", 17),
        (import(&["--to-layout", "new", "--mirror-config", "mirrors"]), "cannot be used with", 2),
    ] {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said), "{said}: {text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}
