//! Files of other tools: tar files in, tar files out, and what real tools make of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod crossings;
mod deliveries;
mod docker_archives;
mod hostile;
mod plain_files;
mod thick_bundles;
mod tools;
mod whole_thick_bundles;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sealift_archive_format::Digest;
use sealift_core::layout::LayoutSink;
use sealift_core::progress::Unwatched;
use sealift_core::source_file::{SourceFile, SourceFileError};
use sealift_core::tarball::{Tarball, TarballError};
use sealift_tests::folder_content;
use sealift_tests::images::Image;
use tempfile::TempDir;

/// A tar file that is being made, entry by entry.
struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn header(kind: tar::EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        header
    }

    fn file(mut self, name: &str, content: &[u8]) -> Self {
        let mut header = Self::header(tar::EntryType::Regular, content.len() as u64);
        self.0.append_data(&mut header, name, content).unwrap();
        self
    }

    /// An entry whose name is written as it is, and says nothing of itself.
    fn raw(mut self, name: &str, kind: tar::EntryType, size: u64, content: &[u8]) -> Self {
        let mut header = Self::header(kind, size);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn link(mut self, name: &str, kind: tar::EntryType, target: &str) -> Self {
        let mut header = Self::header(kind, 0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_link_name_literal(target).unwrap();
        header.set_cksum();
        self.0.append(&header, std::io::empty()).unwrap();
        self
    }

    fn files(self, prefix: &str, files: &BTreeMap<PathBuf, Vec<u8>>) -> Self {
        files.iter().fold(self, |tar, (name, content)| tar.file(&format!("{prefix}{}", name.display()), content))
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Compressed in several members, as pigz, bgzip and eStargz write them, or in several frames, beside some without content.
fn in_parts(bytes: &[u8]) -> [Vec<u8>; 3] {
    let skippable = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00any".to_vec();
    let (one, other) = bytes.split_at(bytes.len() / 2);
    let frames = [zstd(one), skippable.clone(), zstd(other), skippable.clone()].concat();
    [[gzip(one), gzip(other), gzip(b"")].concat(), frames.clone(), [skippable, frames].concat()]
}

/// A folder with one file in it.
struct Place(TempDir);

impl Place {
    fn of(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), bytes).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("file")
    }

    fn tarball(&self) -> Result<Arc<Tarball>, TarballError> {
        Tarball::open(&self.path(), self.0.path(), &Unwatched).map(Arc::new)
    }

    fn open(&self) -> Result<SourceFile, SourceFileError> {
        SourceFile::open(&self.path(), None, self.0.path(), &Unwatched)
    }
}

/// The files of a layout with images.
fn layout_files(images: &[(&str, &Image)]) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    for (name, image) in images {
        image.push(&sink, &name.parse().unwrap()).unwrap();
    }
    folder_content::files(folder.path())
}

/// Every file in a tar file, by name; a compressed one is unpacked.
fn contents(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let tarball = Tarball::open(path, folder.path(), &Unwatched).unwrap();
    let read = |name: &str| (name.to_owned(), tarball.read(name, 1 << 30).unwrap().unwrap());
    tarball.names().map(read).collect()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(bytes)
}
