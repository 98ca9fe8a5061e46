//! Files as a target: written once, whole, and the same each time.

use sealift_core::delivery_file::{DeliveryFile, DeliveryFileError, DeliveryForm};
use sealift_core::layout::LayoutSource;
use sealift_core::oci::{Descriptor, Reference};
use sealift_core::transfer::{Checked, Offer, Sink, SinkError, Source};
use sealift_tests::images::put_blob;
use serde_json::Value;

use super::*;

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn begin(folder: &TempDir, form: DeliveryForm) -> DeliveryFile {
    DeliveryFile::begin(&folder.path().join("out"), form).unwrap()
}

/// Delivers images, and reads the file.
fn delivered(form: DeliveryForm, images: &[(&str, &Image)]) -> (TempDir, BTreeMap<String, Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let sink = begin(&folder, form);
    images.iter().for_each(|(name, image)| image.give(&sink, &reference(name)).unwrap());
    sink.finish().unwrap();
    let files = contents(&folder.path().join("out"));
    (folder, files)
}

fn json(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap()
}

fn reason(error: &SinkError) -> &DeliveryFileError {
    error.reason().unwrap()
}

#[test]
fn a_layout_archive_has_what_a_folder_has() {
    let image = Image::for_two_platforms("app");
    let note = Image::referrer(image.root().descriptor(), "text/plain", b"note");
    let folder = tempfile::tempdir().unwrap();
    let sink = begin(&folder, DeliveryForm::LayoutArchive);
    let (first, second) = (reference("r.example/app:1"), reference("r.example/app:2"));
    image.give(&sink, &first).unwrap();
    image.give(&sink, &second).unwrap();
    note.give_content(&sink, first.repository()).unwrap();
    assert!(!folder.path().join("out").exists());
    sink.finish().unwrap();
    let place = folder.path().join("out");
    let tarball = Arc::new(Tarball::open(&place, folder.path(), &Unwatched).unwrap());
    let layout = LayoutSource::in_tarball(tarball, "").unwrap();
    for name in [&first, &second] {
        assert_eq!(layout.resolve(name).unwrap().descriptor().digest, image.root().descriptor().digest);
    }
    assert_eq!(layout.referrers(first.repository(), &image.root().descriptor().digest).unwrap().len(), 1);
    let bytes = fs::read(&place).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let names: Vec<String> =
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(names.first().unwrap(), "oci-layout");
    assert_eq!(names.last().unwrap(), "index.json", "what is cut short is not a layout");
    let blobs = image.blobs.len() + image.manifests.len() + note.blobs.len() + note.manifests.len();
    assert_eq!(names.iter().filter(|name| name.len() > 64).count(), blobs, "each blob once");
}

#[test]
fn what_is_there_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let sink = begin(&folder, DeliveryForm::LayoutArchive);
    fs::write(folder.path().join("out"), "mine").unwrap();
    assert!(matches!(reason(&sink.finish().unwrap_err()), DeliveryFileError::Exists { .. }));
    let again = DeliveryFile::begin(&folder.path().join("out"), DeliveryForm::LayoutArchive);
    assert!(matches!(again, Err(DeliveryFileError::Exists { .. })));
    drop(sink);
    assert_eq!(fs::read(folder.path().join("out")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let nowhere = DeliveryFile::begin(&folder.path().join("no/where"), DeliveryForm::LayoutArchive);
    assert!(matches!(nowhere, Err(DeliveryFileError::Access { .. })));
}

#[test]
fn after_wrong_content_there_is_no_file() {
    for form in [DeliveryForm::LayoutArchive, DeliveryForm::DockerArchive, DeliveryForm::ThickBundle] {
        let folder = tempfile::tempdir().unwrap();
        let (sink, name) = (begin(&folder, form), reference("r.example/app:1"));
        let (right, wrong) = (vec![1; 300_000], vec![2; 300_000]);
        let descriptor = Descriptor::of("", &right);
        let mut other = Checked::new(wrong.as_slice(), &Descriptor::of("", &wrong));
        let refused = put_blob(&sink, name.repository(), &descriptor, &mut other);
        assert!(matches!(refused, Err(SinkError::Content(_))), "proven to be something else: nothing was begun");
        assert!(matches!(sink.offer(name.repository(), &descriptor), Ok(Offer::Wanted(_))));
        let refused = put_blob(&sink, name.repository(), &descriptor, &mut Checked::new(wrong.as_slice(), &descriptor));
        assert!(matches!(refused, Err(SinkError::Content(_))), "{refused:?}");
        let Err(broken) = sink.offer(name.repository(), &descriptor) else { panic!("it is broken") };
        assert!(matches!(reason(&broken), DeliveryFileError::Broken { .. }));
        assert!(matches!(reason(&sink.finish().unwrap_err()), DeliveryFileError::Broken { .. }));
        drop(sink);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn threads_share_it() {
    let images: Vec<Image> = (0..8).map(|number| Image::for_two_platforms(&format!("image {}", number % 4))).collect();
    let folder = tempfile::tempdir().unwrap();
    let sink = begin(&folder, DeliveryForm::ThickBundle);
    std::thread::scope(|scope| {
        for (number, image) in images.iter().enumerate() {
            let sink = &sink;
            scope.spawn(move || image.give(sink, &reference(&format!("r.example/app:{number}"))).unwrap());
        }
    });
    sink.finish().unwrap();
    let tarball = Arc::new(Tarball::open(&folder.path().join("out"), folder.path(), &Unwatched).unwrap());
    let layout = LayoutSource::in_tarball(tarball, "artifacts/layout/").unwrap();
    for (number, image) in images.iter().enumerate() {
        let found = layout.resolve(&reference(&format!("r.example/app:{number}"))).unwrap();
        assert_eq!(found.bytes(), image.root().bytes());
    }
}

#[test]
fn the_same_deliveries_make_the_same_bytes() {
    for form in [DeliveryForm::LayoutArchive, DeliveryForm::ThickBundle] {
        let image = Image::for_two_platforms("app");
        let make = || fs::read(delivered(form, &[("r.example/app:1", &image)]).0.path().join("out")).unwrap();
        let first = make();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert!(first == make(), "{form:?}: no time, no owner, no chance is in it");
    }
}

#[test]
fn a_docker_archive_names_one_platform_of_each_image() {
    let (one, other) = (Image::new("linux/amd64", &[("a", b"a")]), Image::new("linux/arm64", &[("b", b"b")]));
    let attested = Image::with_buildkit_attestation(&other, b"{}");
    let names = [("example.com/org/app:1", &one), ("app:2", &one), ("example.com/org/attested:1", &attested)];
    let (_folder, files) = delivered(DeliveryForm::DockerArchive, &names);
    let list = json(&files, "manifest.json");
    assert_eq!(list[0]["RepoTags"], serde_json::json!(["docker.io/library/app:2", "example.com/org/app:1"]));
    assert_eq!(list[1]["RepoTags"], serde_json::json!(["example.com/org/attested:1"]));
    assert_eq!(list.as_array().unwrap().len(), 2, "an image that has two names is there once");
    for path in
        list.as_array().unwrap().iter().flat_map(|it| it["Layers"].as_array().unwrap().iter().chain([&it["Config"]]))
    {
        assert!(files.contains_key(path.as_str().unwrap()), "{path}");
    }
    let index = json(&files, "index.json");
    assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "example.com/org/app:1");
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1");
    assert_eq!(index["manifests"][2]["digest"], attested.root().descriptor().digest.to_string());
}

#[test]
fn what_a_docker_archive_cannot_hold_is_refused_for_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, name) = (begin(&folder, DeliveryForm::DockerArchive), reference("r.example/app:1"));
    let refused = Image::for_two_platforms("app").give(&sink, &name).unwrap_err();
    let DeliveryFileError::SeveralPlatforms { platforms, .. } = reason(&refused) else { panic!("{refused:?}") };
    assert_eq!(platforms, &["linux/amd64", "linux/arm64"]);
    let artifact = Image::referrer(&Descriptor::of("a/b", b""), "text/plain", b"note");
    let refused = artifact.give(&sink, &name).unwrap_err();
    assert!(matches!(reason(&refused), DeliveryFileError::NotAnImage { .. }));
}

#[test]
fn an_index_has_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let sink = begin(&folder, DeliveryForm::LayoutArchive);
    let image = Image::new("linux/amd64", &[]);
    let long = "n".repeat(200);
    image.give_content(&sink, reference("a/b").repository()).unwrap();
    (0..12_000).for_each(|number| sink.tag(&reference(&format!("r.example/{long}:{number}")), image.root()).unwrap());
    assert!(matches!(reason(&sink.finish().unwrap_err()), DeliveryFileError::IndexLength { .. }));
    assert!(!folder.path().join("out").exists());
}
