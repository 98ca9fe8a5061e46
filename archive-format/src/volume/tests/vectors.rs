//! What another implementation wrote, and what the document says of its example.

use std::fs;
use std::path::Path;

use super::*;
use crate::Digest;

#[derive(serde::Deserialize)]
struct VolumeVector {
    name: String,
    length: usize,
    data: u8,
    parity: u8,
    archive: String,
    set: String,
    volumes: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneFileVector {
    name: String,
    archive_length: usize,
    data: u8,
    parity: u8,
    destroyed: Vec<(usize, usize)>,
    length: usize,
    file: String,
    outcome: String,
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The archive of a vector, as `generate.py` makes it.
fn archive_of(length: usize) -> Vec<u8> {
    let pieces = (0..length.div_ceil(32)).flat_map(|count| {
        let digest = Digest::sha256(format!("volume vector {count}").as_bytes());
        hex::decode(digest.hex()).unwrap()
    });
    pieces.take(length).collect()
}

fn volumes_of(archive: &[u8], data: u8, parity: u8) -> (SetId, Vec<Vec<u8>>) {
    let length = archive.len() as u64;
    let set = SetId::of(&archive[..archive.len().min(512)], data, parity, length);
    let shape = VolumeShape::new(set, data, parity, length).unwrap();
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); usize::from(shape.volumes())]).unwrap();
    writer.write_all(archive).unwrap();
    (set, writer.finish().unwrap())
}

#[test]
fn another_implementation_writes_the_same_volumes() {
    let vectors: Vec<VolumeVector> = serde_json::from_str(&file("tests/vectors/volume/vectors.json")).unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let archive = archive_of(vector.length);
        assert_eq!(Digest::sha256(&archive).hex(), vector.archive, "{}", vector.name);
        let (set, volumes) = volumes_of(&archive, vector.data, vector.parity);
        assert_eq!(set.to_string(), vector.set, "{}", vector.name);
        let digests: Vec<String> = volumes.iter().map(|it| Digest::sha256(it).hex().to_owned()).collect();
        assert_eq!(digests, vector.volumes, "{}", vector.name);
    }
}

#[test]
fn of_one_file_that_is_damaged_what_another_implementation_says_is_restored_or_refused() {
    let vectors: Vec<OneFileVector> = serde_json::from_str(&file("tests/vectors/volume/one_file.json")).unwrap();
    assert_eq!(vectors.len(), 14);
    for vector in vectors {
        let archive = archive_of(vector.archive_length);
        let mut bytes = volumes_of(&archive, vector.data, vector.parity).1.concat();
        for (start, end) in vector.destroyed {
            bytes[start..end].iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        bytes.resize(vector.length, 0);
        assert_eq!(Digest::sha256(&bytes).hex(), vector.file, "{}", vector.name);
        let outcome = match read_one_file(&bytes) {
            Ok((read, damage)) if read == archive && damage.ranges().is_empty() => "whole",
            Ok((read, _)) if read == archive => "restored",
            Err(VolumeError::FileDamaged { .. }) => "too-much",
            Err(VolumeError::Header { .. } | VolumeError::NoVolumes) => "no-volumes",
            other => panic!("{}: {other:?}", vector.name),
        };
        assert_eq!(outcome, vector.outcome, "{}", vector.name);
    }
}

#[test]
fn the_worked_example_is_what_the_document_says() {
    let (document, (set, volumes)) = (file("docs/volumes.md"), volumes_of(&archive_of(100_000), 2, 1));
    let example = document.split("## Worked example").nth(1).unwrap();
    assert!(example.contains(&format!("The set id is `{set}`")));
    assert!(example.contains(&format!("each volume has {} bytes", volumes[0].len())));
    for line in [0, 0x10, 0x20, 0x30, 0x1e0, 0x1f0] {
        let bytes: Vec<String> = volumes[0][line..line + 16].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(example.contains(&format!("    {line:08x}  {}\n", bytes.join(" "))), "{line}");
    }
    for (index, volume) in volumes.iter().enumerate() {
        let (chunk, digest) =
            (hex::encode(&volume[HEADER..HEADER + 8]), hex::encode(&volume[HEADER + CHUNK_LENGTH..][..32]));
        let row = format!("| {} | `{chunk}` | `{digest}` | `{}` |\n", index + 1, Digest::sha256(volume).hex());
        assert!(example.contains(&row), "{row}");
    }
}
