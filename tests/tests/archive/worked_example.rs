//! The worked example of `docs/format.md` is what the code makes, to the byte.

use std::fmt::Write;

use sealift_archive_format::Digest;
use sealift_proof::signature::SigningKey;
use sealift_tests::archive_mutator::Sample;

const DOCUMENT: &str = include_str!("../../../docs/format.md");

/// As `hexdump -C` writes it, from `offset` on.
fn hexdump(bytes: &[u8], offset: usize) -> String {
    let mut text = String::new();
    let (mut previous, mut starred) = (None, false);
    for (line, chunk) in bytes.chunks(16).enumerate() {
        if previous == Some(chunk) {
            if !std::mem::replace(&mut starred, true) {
                text.push_str("    *\n");
            }
            continue;
        }
        (previous, starred) = (Some(chunk), false);
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let printable = |&byte: &u8| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' };
        let (left, right) = hex.split_at(hex.len().min(8));
        let hex = format!("{}  {}", left.join(" "), right.join(" "));
        let start = offset + line * 16;
        writeln!(text, "    {start:08x}  {hex:<48}  |{}|", chunk.iter().map(printable).collect::<String>()).unwrap();
    }
    writeln!(text, "    {:08x}", offset + bytes.len()).unwrap();
    text
}

/// JSON as people like to read it, indented as a code block.
fn pretty(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap().lines().map(|line| format!("    {line}\n")).collect()
}

fn section() -> String {
    let sample = Sample::default();
    let (bytes, layout, seal) = (sample.bytes(), sample.layout(), sample.seal());
    let at = |offset: u64| usize::try_from(offset).unwrap();
    let dump = |start: usize, end: usize| hexdump(&bytes[start..end], start);
    let slots = at(layout.entries[1].header_offset) - 16 * 256;
    let long = layout.entries.iter().find(|entry| entry.name.as_str().len() > 100).unwrap();
    let key = Sample::key().public_key().unwrap();
    let mut text = String::from("## Worked example\n\n");
    let mut line = |line: &str| text.push_str(&format!("{line}\n"));
    line(
        "A bundle with one image, and a TUF repository in name only: its two files are not real metadata. Everything that the archive is made of",
    );
    line("is given here. A test of this repository makes the archive and compares it with this section.\n");
    line("The key that seals it is the ed25519 key whose seed (RFC 8032) is 32 bytes of 0x01. Its fingerprint is");
    line(&format!("`{}`.", key.fingerprint().unwrap().hex()));
    line(&format!("The archive has {} bytes, and the SHA-256", bytes.len()));
    line(&format!("`{}`.\n", Digest::sha256(&bytes).hex()));
    line("### What is in it\n");
    line(
        "Each content is one line, without the four blanks before it and without a line feed at its end; but the last one, the layer, is",
    );
    line(&format!("{} zeros: an empty tar file.\n", sample.contents.last().unwrap().1.len()));
    for (name, content) in sample.contents.iter().rev().skip(1).rev() {
        line(&format!("`{name}`:\n\n    {}\n", str::from_utf8(content).unwrap()));
    }
    line("### Where everything lies\n");
    line("| header at | content at | size | name |\n|---:|---:|---:|---|");
    for entry in &layout.entries {
        let (header, content, size) = (entry.header_offset, entry.content_offset, entry.size);
        line(&format!("| {header} | {content} | {size} | `{}` |", entry.name));
    }
    line(&format!("| {} | | | the end |\n", layout.length - 1_024));
    line("### The header of the seal\n");
    line(&dump(0, 512));
    line("### The header of a name of more than 100 bytes\n");
    line(&dump(at(long.header_offset), at(long.content_offset)));
    line("### The statement\n");
    line(&format!(
        "Indented here; in the archive it is one line of {} bytes without white space, with the SHA-256",
        seal.bytes().statement().len()
    ));
    line(&format!("`{}`.\n", seal.bytes().statement_digest().hex()));
    line(&pretty(seal.bytes().statement()));
    line("### The beginning of the seal, and its first and last slots\n");
    line(&dump(512, 512 + 64));
    line(&dump(slots, slots + 256));
    line(&dump(slots + 15 * 256, slots + 16 * 256));
    line("What is signed begins with:\n");
    line(&hexdump(&seal.bytes().signed_bytes()[..64], 0));
    text
}

#[test]
fn the_document_shows_what_the_code_writes() {
    let section = section();
    let start = DOCUMENT.find("## Worked example\n").unwrap();
    let end = DOCUMENT.find("## References\n").unwrap();
    if DOCUMENT[start..end] != section {
        println!("{section}");
        panic!("the worked example of docs/format.md is not what the code makes; what it makes is printed above");
    }
}

#[test]
fn the_examples_key_is_the_one_that_is_described() {
    assert_eq!(Sample::key().public_bytes(), SigningKey::from_seed(&[1; 32]).public_bytes());
}

#[test]
fn the_limits_in_the_document_are_those_in_the_code() {
    use sealift_archive_format::{entry_name, inventory, repository_name, seal, strict_json};
    use sealift_core::cnab::bundle;
    use sealift_core::oci::{graph, manifest, referrer};
    use sealift_core::verify::documents;
    use sealift_proof::in_toto::attestation;
    let grouped = |number: u64| {
        let digits = number.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    };
    let number = |number: usize| u64::try_from(number).unwrap();
    for (what, limit, unit) in [
        ("the seal", seal::MAXIMUM_LENGTH, " bytes"),
        ("signatures in the seal", number(seal::MAXIMUM_SIGNATURES), ""),
        ("entries after the seal", number(inventory::MAXIMUM_ENTRIES), ""),
        ("the platforms of an image", number(inventory::MAXIMUM_PLATFORMS), ""),
        ("the platforms that are left out, of all images together", number(inventory::MAXIMUM_LEFT_OUT), ""),
        ("the same, together", number(inventory::MAXIMUM_LEFT_OUT_BYTES), " bytes"),
        ("a name", number(entry_name::MAXIMUM_LENGTH), " bytes"),
        ("a part of a name between slashes", number(entry_name::MAXIMUM_SEGMENT_LENGTH), " bytes"),
        ("a repository's name", number(repository_name::MAXIMUM_LENGTH), " bytes"),
        ("another text in the inventory", number(inventory::MAXIMUM_TEXT_LENGTH), " bytes"),
        ("an entry's size, and the archive's", inventory::MAXIMUM_SIZE, " bytes"),
        ("a statement and what is read from it, in memory", number(inventory::MAXIMUM_MEMORY), " bytes"),
        ("a manifest, an index", manifest::MAXIMUM_LENGTH, " bytes"),
        ("the layers of a manifest, the manifests of an index", number(manifest::MAXIMUM_CHILDREN), ""),
        ("a `bundle.json`", number(bundle::MAXIMUM_LENGTH), " bytes"),
        ("the images that a `bundle.json` names", number(bundle::MAXIMUM_IMAGES), ""),
        ("all `bundle.json`, manifests and indexes together, each counted once", documents::MAXIMUM_HELD, " bytes"),
        ("indexes above a manifest", number(graph::MAXIMUM_DEPTH), ""),
        (
            "manifests and indexes at and below one image, bundle index or referrer",
            number(graph::MAXIMUM_MANIFESTS),
            "",
        ),
        (
            "the same of all of these, one that is in several counted in each",
            number(graph::MAXIMUM_MANIFESTS_TOGETHER),
            "",
        ),
        (
            "configurations and layers that the manifests of all of these list",
            number(graph::MAXIMUM_BLOBS_TOGETHER),
            "",
        ),
        (
            "attestations, each counted for everything that it is attached to",
            number(graph::MAXIMUM_ATTESTATIONS_TOGETHER),
            "",
        ),
        ("manifests that are listed and not carried", number(graph::MAXIMUM_LEFT_OUT_TOGETHER), ""),
        (
            "the referrers and the tagged manifests of an image, or of the index of a bundle",
            number(referrer::MAXIMUM_REFERRERS),
            "",
        ),
        ("an attestation", number(attestation::MAXIMUM_LENGTH), " bytes"),
        ("levels of arrays and objects in JSON", number(strict_json::MAXIMUM_DEPTH), ""),
    ] {
        let row = format!("| {what} | {}{unit} |\n", grouped(limit));
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}
