//! Whatever file another tool wrote, it is recognised or refused, and what is in it is read or refused.
#![no_main]

use std::fs;
use std::io::{self, Read as _};

use libfuzzer_sys::fuzz_target;
use sealift_core::oci::Document;
use sealift_core::progress::Unwatched;
use sealift_core::source_file::SourceFile;
use sealift_core::transfer::Source;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, data).unwrap();
    let Ok(file) = SourceFile::open(&path, None, folder.path(), &Unwatched) else { return };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is unpacked under a name");
    let name = "e.example/a:1".parse().unwrap();
    match &file {
        SourceFile::ThinBundle => {}
        SourceFile::ThickBundle(bundle) => bundle.images.iter().for_each(|images| read(images, &name)),
        SourceFile::Layout(layout) => read(layout, &layout.reference_of(&name, None).unwrap()),
        SourceFile::DockerArchive(archive) => read(archive, &archive.reference_of(&name, None).unwrap()),
    }
});

fn read(source: &dyn Source, name: &sealift_core::oci::Reference) {
    let Ok(manifest) = source.resolve(name) else { return };
    let Document::Image(image) = manifest.document() else { return };
    for blob in std::iter::once(&image.config).chain(&image.layers) {
        if let Ok(content) = source.blob(name.repository(), blob) {
            let _ = io::copy(&mut content.take(1 << 20), &mut io::sink());
        }
    }
}
