//! A name that is read is the one name of its place, has a header that tar reads, and stays where it is unpacked.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::{EntryName, EntryPlace, tar_profile};

fuzz_target!(|text: &str| {
    let Ok(name) = text.parse::<EntryName>() else { return };
    let again = match name.place() {
        EntryPlace::Seal => EntryName::seal(),
        EntryPlace::OciLayout => EntryName::oci_layout(),
        EntryPlace::OciIndex => EntryName::oci_index(),
        EntryPlace::TufMetadata { repository, file } => EntryName::tuf_metadata(repository, file).expect("it was read"),
        EntryPlace::TufTarget { repository, path } => EntryName::tuf_target(repository, path).expect("it was read"),
        EntryPlace::Blob(digest) => EntryName::blob(digest),
    };
    assert_eq!((again.as_str(), again.place()), (text, name.place()));
    assert!(Path::new(text).components().all(|part| matches!(part, Component::Normal(_))));
    for size in [0, u64::MAX] {
        assert_eq!(tar_profile::header(&name, size).len() % tar_profile::BLOCK_LENGTH, 0);
    }
});
