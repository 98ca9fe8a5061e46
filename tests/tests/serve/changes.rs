//! A file that is changed, cut short or replaced after it was verified.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;

use sealift_serve::CutReason;

use super::{APP, Served};

/// Where a content is in the archive.
fn position(archive: &std::path::Path, content: &[u8]) -> u64 {
    let bytes = fs::read(archive).unwrap();
    let start = &content[..64];
    let at = bytes.windows(start.len()).position(|window| window == start).unwrap();
    u64::try_from(at).unwrap()
}

#[test]
fn a_flipped_byte_after_the_verification_cuts_the_connection_before_it_is_sent() {
    let served = Served::new();
    let layer = served.layers()[0].clone();
    let content = served.content(&layer.digest).to_vec();
    let at = 3 * (256 << 10) + 17;
    let file = OpenOptions::new().write(true).open(&served.archive).unwrap();
    file.write_all_at(&[content[at] ^ 1], position(&served.archive, &content) + u64::try_from(at).unwrap()).unwrap();

    let got = served.server.get(&Served::blob(&layer.digest));
    assert_eq!(got.status, 200);
    assert!(!got.is_complete(), "a body that is not what was verified came to its end");
    // What went out is what was verified: the pieces before the flipped one.
    assert_eq!(got.content, content[..3 * (256 << 10)]);
    assert_eq!(served.server.log().last().unwrap().cut, Some(CutReason::Changed));

    // A range over the flipped piece is cut too, and one beside it is not.
    let over =
        served.server.ask("GET", &Served::blob(&layer.digest), &format!("Range: bytes={}-{}\r\n", at - 5, at - 3));
    assert!(over.status == 206 && over.content.is_empty() && !over.is_complete());
    let beside = served.server.ask("GET", &Served::blob(&layer.digest), "Range: bytes=5-9\r\n");
    assert_eq!((beside.status, beside.content.as_slice()), (206, &content[5..10]));
    // Manifests are in memory, and others are served on.
    assert_eq!(served.server.get(&format!("/v2/{APP}/manifests/1")).content, served.image.root().bytes());
    let small = &served.layers()[1].digest;
    assert_eq!(served.server.get(&Served::blob(small)).content, served.content(small));
}

#[test]
fn a_file_that_is_cut_short_cuts_the_connection() {
    let served = Served::new();
    let layer = served.layers()[0].clone();
    let content = served.content(&layer.digest).to_vec();
    let file = OpenOptions::new().write(true).open(&served.archive).unwrap();
    file.set_len(position(&served.archive, &content) + 300_000).unwrap();
    let got = served.server.get(&Served::blob(&layer.digest));
    assert!(got.status == 200 && !got.is_complete());
    assert_eq!(got.content, content[..256 << 10]);
    assert_eq!(served.server.log().last().unwrap().cut, Some(CutReason::Unreadable));
}

#[test]
fn another_file_at_its_path_changes_nothing() {
    let served = Served::new();
    fs::remove_file(&served.archive).unwrap();
    fs::write(&served.archive, "something else").unwrap();
    for (digest, (_, content)) in &served.image.blobs {
        assert_eq!(served.server.get(&Served::blob(digest)).content, *content);
    }
    drop(File::open(&served.archive).unwrap());
}
