//! The promises of a source.

use std::io::Read as _;

use sealift_core::oci::Descriptor;
use sealift_core::transfer::Checked;

use super::{Target, contents, nothing, read};
use crate::images::{Image, put_blob};

/// Tries every promise, each on a target of its own.
///
/// # Panics
/// When one is broken.
pub fn check<T: Target>(new: impl Fn() -> T) {
    gives_what_a_reference_stands_for(&new());
    gives_manifests_by_descriptor_and_no_others(&new());
    gives_blobs_of_every_length_and_no_others(&new());
    never_gives_the_end_of_a_corrupt_blob(&new());
    lists_what_refers_to_a_manifest(&new());
    lists_the_tags_of_a_repository(&new());
    finds_tags_and_tells_when_there_is_none(&new());
    is_shared_by_threads(&new());
}

fn gives_what_a_reference_stands_for(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("resolve"), target.reference("app:1"));
    image.push(&*target.sink(), &reference).unwrap();
    let source = target.source();
    let root = image.root();
    assert_eq!(source.resolve(&reference).unwrap().bytes(), root.bytes());
    let by_digest = reference.clone().with_digest(root.descriptor().digest.clone());
    assert_eq!(source.resolve(&by_digest).unwrap().bytes(), root.bytes());
    assert!(source.resolve(&target.reference("app:2")).is_err(), "a tag that does not exist");
    assert!(source.resolve(&reference.with_digest(nothing())).is_err(), "a digest is a promise, whatever the tag has");
}

fn finds_tags_and_tells_when_there_is_none(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("find"), target.reference("app:1"));
    image.push(&*target.sink(), &reference).unwrap();
    let (source, repository) = (target.source(), reference.repository());
    let find = |tag: &str| source.find(repository, &tag.parse().unwrap()).unwrap();
    assert_eq!(find("1").unwrap().bytes(), image.root().bytes());
    let signature = format!("sha256-{}.sig", image.root().descriptor().digest.hex());
    for missing in ["2", "latest", &signature] {
        assert!(find(missing).is_none(), "{missing}");
    }
}

fn gives_manifests_by_descriptor_and_no_others(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("manifests"), target.reference("app:1"));
    image.push(&*target.sink(), &reference).unwrap();
    let (source, repository) = (target.source(), reference.repository());
    for manifest in &image.manifests {
        let descriptor = manifest.descriptor();
        assert_eq!(source.manifest(repository, descriptor).unwrap().bytes(), manifest.bytes());
        let longer = Descriptor::new(&descriptor.media_type, descriptor.digest.clone(), descriptor.size + 1);
        assert!(source.manifest(repository, &longer).is_err(), "another size than was described");
    }
    let missing = Descriptor::new(&image.root().descriptor().media_type, nothing(), 2);
    assert!(source.manifest(repository, &missing).is_err(), "a manifest that is not there");
}

fn gives_blobs_of_every_length_and_no_others(target: &impl Target) {
    let repository = target.reference("app:1").repository().clone();
    let sink = target.sink();
    for content in contents() {
        let descriptor = Descriptor::of("application/octet-stream", &content);
        put_blob(&*sink, &repository, &descriptor, &mut Checked::new(content.as_slice(), &descriptor)).unwrap();
        let source = target.source();
        assert!(read(&*source, &repository, &descriptor).unwrap() == content, "{} bytes", content.len());
        for size in [descriptor.size + 1, descriptor.size.saturating_sub(1)] {
            let other = Descriptor::new("", descriptor.digest.clone(), size);
            let same = other.size == descriptor.size;
            assert!(same || read(&*source, &repository, &other).is_err(), "{} bytes, not {size}", content.len());
        }
    }
    assert!(read(&*target.source(), &repository, &Descriptor::new("", nothing(), 1)).is_err());
}

fn lists_the_tags_of_a_repository(target: &impl Target) {
    let image = Image::for_two_platforms("tags");
    for name in ["app:1", "app:2.0", "other:3"] {
        image.push(&*target.sink(), &target.reference(name)).unwrap();
    }
    let mut tags = target.source().tags(target.reference("app:1").repository()).unwrap();
    tags.sort();
    assert_eq!(tags, ["1", "2.0"].map(|tag| tag.parse().unwrap()));
    assert_eq!(target.source().tags(target.reference("none:1").repository()).unwrap(), []);
}

fn never_gives_the_end_of_a_corrupt_blob(target: &impl Target) {
    let repository = target.reference("app:1").repository().clone();
    let sink = target.sink();
    for content in contents().into_iter().filter(|content| !content.is_empty()) {
        let descriptor = Descriptor::of("", &content);
        put_blob(&*sink, &repository, &descriptor, &mut Checked::new(content.as_slice(), &descriptor)).unwrap();
        if !target.corrupt(&descriptor.digest) {
            return;
        }
        let source = target.source();
        let mut given = Vec::new();
        if let Ok(mut blob) = source.blob(&repository, &descriptor) {
            assert!(blob.read_to_end(&mut given).is_err(), "{} corrupt bytes", content.len());
        }
        assert!(given.len() < content.len(), "{} corrupt bytes", content.len());
    }
}

fn lists_what_refers_to_a_manifest(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("subject"), target.reference("app:1"));
    let repository = reference.repository();
    image.push(&*target.sink(), &reference).unwrap();
    let subject = image.root().descriptor();
    assert!(target.source().referrers(repository, &subject.digest).unwrap().is_empty(), "nothing refers to it yet");
    let notes = ["one", "two"].map(|text| Image::referrer(subject, "text/plain", text.as_bytes()));
    let sink = target.sink();
    notes.iter().for_each(|note| note.give_content(&*sink, repository).unwrap());
    sink.finish().unwrap();
    let source = target.source();
    let mut listed: Vec<_> = source.referrers(repository, &subject.digest).unwrap();
    listed.sort_by(|one, other| one.digest.cmp(&other.digest));
    let mut expected: Vec<_> = notes.iter().map(|note| note.root().descriptor().digest.clone()).collect();
    expected.sort();
    assert_eq!(listed.iter().map(|it| it.digest.clone()).collect::<Vec<_>>(), expected);
    for referrer in listed {
        source.manifest(repository, &referrer).unwrap();
    }
    let elsewhere = image.manifests[0].descriptor();
    assert!(source.referrers(repository, &elsewhere.digest).unwrap().is_empty(), "nothing refers to its platforms");
}

fn is_shared_by_threads(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("threads"), target.reference("app:1"));
    image.push(&*target.sink(), &reference).unwrap();
    let source = target.source();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(source.resolve(&reference).unwrap().bytes(), image.root().bytes());
                for (descriptor, content) in image.blobs.values() {
                    assert!(read(&*source, reference.repository(), descriptor).unwrap() == *content);
                }
                source.referrers(reference.repository(), &image.root().descriptor().digest).unwrap();
            });
        }
    });
}
