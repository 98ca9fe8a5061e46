//! What programs that know nothing of Sealift make of an archive, and a second reader of it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sealift_archive_format::{EntryName, Reader, SealedReader, tar_profile};
use sealift_proof::signature::SigningKey;
use sealift_tests::archive_mutator::{Record, Sample};
use sealift_tests::outside_programs::{find, python_with};
use tempfile::TempDir;

/// A folder with the sample archive in it.
fn sample_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sealift");
    std::fs::write(&path, Sample::default().bytes()).unwrap();
    (folder, path)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{command:?} complains: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn assert_unpacked(folder: &Path) {
    for (name, content) in Sample::default().contents {
        assert_eq!(std::fs::read(folder.join(name.as_str())).unwrap(), content, "{name}");
    }
    assert_eq!(std::fs::read(folder.join("sealift/seal.json")).unwrap(), Sample::default().seal().bytes().to_bytes());
}

#[test]
fn tar_programs_unpack_an_archive_without_complaint() {
    for program in ["tar", "bsdtar"].iter().filter_map(|program| find(program)) {
        let (folder, path) = sample_file();
        run(Command::new(program).arg("-xf").arg(path).arg("-C").arg(folder.path()));
        assert_unpacked(folder.path());
    }
}

#[test]
fn pythons_tarfile_unpacks_an_archive() {
    let Some(python) = find("python3") else { return };
    let (folder, path) = sample_file();
    run(Command::new(python).args(["-m", "tarfile", "-e"]).arg(path).arg(folder.path()));
    assert_unpacked(folder.path());
}

/// A file that is sparse on disk, with entries of 8 GiB and more, under a short and a long name.
fn large_archive(folder: &Path) -> (PathBuf, Vec<(EntryName, u64)>) {
    let entries = vec![
        (EntryName::oci_layout(), tar_profile::MAXIMUM_PLAIN_SIZE),
        (EntryName::oci_index(), tar_profile::MAXIMUM_PLAIN_SIZE + 1),
        (
            EntryName::tuf_target(&"main".parse().unwrap(), "long/".repeat(40).trim_end_matches('/')).unwrap(),
            9_000_000_001,
        ),
        (EntryName::tuf_target(&"main".parse().unwrap(), "last").unwrap(), 1),
    ];
    let path = folder.join("large.tar");
    let mut file = File::create(&path).unwrap();
    for (name, size) in &entries {
        file.write_all(&tar_profile::header(name, *size)).unwrap();
        let skipped = size + u64::try_from(tar_profile::padding(*size)).unwrap();
        file.seek(SeekFrom::Current(skipped.try_into().unwrap())).unwrap();
    }
    file.write_all(&tar_profile::END).unwrap();
    (path, entries)
}

#[test]
fn tar_programs_read_entries_of_more_than_8_gib() {
    let folder = tempfile::tempdir().unwrap();
    let (path, entries) = large_archive(folder.path());
    for program in ["tar", "bsdtar"].iter().filter_map(|program| find(program)) {
        let listing = run(Command::new(program).arg("-tvf").arg(&path));
        let lines: Vec<Vec<&str>> = listing.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), entries.len(), "{listing}");
        for (line, (name, size)) in lines.iter().zip(&entries) {
            assert_eq!(line.last(), Some(&name.as_str()));
            assert!(line.contains(&size.to_string().as_str()), "{line:?}");
        }
    }
    if let Some(python) = find("python3") {
        let script = "import sys, tarfile\nfor member in tarfile.open(sys.argv[1]): print(member.size, member.name)";
        let listing = run(Command::new(python).args(["-c", script]).arg(&path));
        let expected: String = entries.iter().map(|(name, size)| format!("{size} {name}\n")).collect();
        assert_eq!(listing, expected);
    }
}

#[test]
fn skopeo_reads_an_archive_as_an_oci_archive() {
    let Some(skopeo) = find("skopeo") else { return };
    let (folder, path) = sample_file();
    let source = format!("oci-archive:{}", path.display());
    let inspected = run(Command::new(&skopeo).arg("inspect").arg(&source));
    assert!(inspected.contains("\"Architecture\": \"amd64\""), "{inspected}");
    let copy = folder.path().join("copy");
    let copied = format!("dir:{}", copy.display());
    run(Command::new(&skopeo)
        .args(["--insecure-policy", "copy", "-q"])
        .arg(format!("{source}:example.com/shop-installer:1.4"))
        .arg(copied));
    let manifest = std::fs::read(copy.join("manifest.json")).unwrap();
    assert!(Sample::default().inventory.items[0].images()[0].descriptor.digest.matches(&manifest));
}

#[test]
fn what_gzip_and_zstd_compress_is_read() {
    for (program, arguments) in [("gzip", &["-c"][..]), ("zstd", &["-c", "-q"]), ("zstd", &["-c", "-q", "-19"])] {
        let Some(program) = find(program) else { continue };
        let (_folder, path) = sample_file();
        let output = Command::new(program).args(arguments).arg(path).output().unwrap();
        assert!(output.status.success());
        assert_eq!(
            Reader::open(&*output.stdout).unwrap().read_inventory().unwrap().finish().unwrap(),
            Sample::default().layout().length
        );
    }
}

#[test]
fn the_worked_example_can_be_made_from_the_document_alone() {
    let Some(python) = python_with("cryptography") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = [folder.join("tests/archive/from_the_document.py"), folder.join("../docs/format.md")];
    let made = Command::new(python).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout == Sample::default().bytes(), "{} bytes, and others", made.stdout.len());
}

/// Runs the reader in `samples/` that is written from the document alone, through a pipe.
fn second_reader(python: &Path, arguments: &[&str], archive: &[u8]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/read_archive.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may refuse, and stop reading, before it has all.
    let _ = child.stdin.take().unwrap().write_all(archive);
    child.wait_with_output().unwrap()
}

#[test]
fn a_second_reader_made_from_the_document_reads_the_sample() {
    let Some(python) = find("python3") else { return };
    let output = second_reader(&python, &[], &Sample::default().bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("8 entries, every digest right"), "{text}");
    for (name, _) in Sample::default().contents {
        assert!(text.contains(name.as_str()), "{name}");
    }
}

#[test]
fn a_second_reader_verifies_the_signature() {
    let Some(python) = python_with("cryptography") else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = Sample::default().bytes();
    let read_with = |key: &SigningKey| {
        let path = folder.path().join("key.pem");
        std::fs::write(&path, key.public_key().unwrap().to_pem().unwrap()).unwrap();
        second_reader(&python, &["--key", path.to_str().unwrap()], &archive)
    };
    let verified = read_with(&Sample::key());
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(String::from_utf8(verified.stdout).unwrap().contains("verified: signed by key"));
    let unknown = read_with(&SigningKey::from_seed(&[2; 32]));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("did not sign"));
}

#[test]
fn both_readers_refuse_the_same_archives() {
    let Some(python) = find("python3") else { return };
    let sample = Sample::default();
    let bytes = sample.bytes();
    let mut archives: Vec<Vec<u8>> = Vec::new();
    for entry in &sample.layout().entries {
        let (header, content) = (entry.header_offset, entry.content_offset);
        // In the name, the mode, the checksum, the type, the magic; the first and last byte of the content, the padding.
        let places = [0, 103, 150, 156, 260].map(|offset| header + offset);
        for place in places.into_iter().chain([content, content + entry.size - 1, content + entry.size]) {
            let mut changed = bytes.clone();
            changed[usize::try_from(place).unwrap()] ^= 1;
            archives.push(changed);
        }
    }
    let end = bytes.len();
    archives.extend([0, 511, 512, 7_680, end - 1_025, end - 512, end - 1].map(|length| bytes[..length].to_vec()));
    archives.push([&*bytes, &[0]].concat());
    let mut mutator = sample.mutator();
    mutator.records.swap(6, 7);
    archives.push(mutator.bytes());
    mutator = sample.mutator();
    mutator.records.push(Record::new("other", b"content", |_| {}));
    archives.push(mutator.bytes());
    for archive in &archives {
        let ours = Reader::open(&**archive).and_then(SealedReader::read_inventory).and_then(Reader::finish);
        let theirs = second_reader(&python, &[], archive);
        let refusal = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!(ours.is_ok(), theirs.status.success(), "{ours:?}\n{refusal}");
        let Err(error) = ours else { continue };
        let place = error.entry.map_or_else(|| "the end".to_owned(), |entry| entry.to_string());
        assert!(refusal.contains(&format!("refused at {place}: ")), "{place}: {}\n{refusal}", error.problem);
    }
}

#[test]
fn python_verifies_the_seal_as_any_dsse_envelope() {
    let Some(python) = python_with("securesystemslib") else { return };
    let script = r#"
import json, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
envelope = Envelope.from_dict(json.load(open(sys.argv[1])))
(key_id,) = envelope.signatures
key = SSlibKey(key_id, "ed25519", "ed25519", {"public": sys.argv[2]})
verified = envelope.verify([key], 1)
statement = json.loads(envelope.payload)
print(sorted(verified), envelope.payload_type, statement["predicateType"])
"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.json");
    std::fs::write(&path, Sample::default().seal().bytes().to_bytes()).unwrap();
    let key = hex::encode(Sample::key().public_bytes());
    let printed = run(Command::new(python).args(["-c", script]).arg(path).arg(key));
    let fingerprint = Sample::key().public_key().unwrap().fingerprint().unwrap();
    let expected = format!("['{}'] application/vnd.in-toto+json sealift:inventory/v1\n", fingerprint.hex());
    assert_eq!(printed, expected);
}
