//! The promises of a sink.

use sealift_core::oci::Descriptor;
use sealift_core::transfer::{Checked, Offer, SinkError};

use super::{Target, contents, read};
use crate::images::{Image, put_blob};

/// Tries every promise, each on a target of its own.
///
/// # Panics
/// When one is broken.
pub fn check<T: Target>(new: impl Fn() -> T) {
    wants_a_blob_until_it_has_it(&new());
    stores_nothing_that_is_not_what_it_is_called(&new());
    shares_a_blob_among_repositories(&new());
    moves_a_tag(&new());
    tells_what_a_tag_holds(&new());
    takes_everything_twice(&new());
    is_shared_by_threads(&new());
}

fn wants_a_blob_until_it_has_it(target: &impl Target) {
    let repository = target.reference("app:1").repository().clone();
    for content in contents() {
        let descriptor = Descriptor::of("application/octet-stream", &content);
        let mut blob = Checked::new(content.as_slice(), &descriptor);
        assert!(put_blob(&*target.sink(), &repository, &descriptor, &mut blob).unwrap(), "{} bytes", content.len());
        let offered = target.sink();
        assert!(matches!(offered.offer(&repository, &descriptor), Ok(Offer::There)), "{} bytes", content.len());
    }
}

fn stores_nothing_that_is_not_what_it_is_called(target: &impl Target) {
    let repository = target.reference("app:1").repository().clone();
    for content in contents() {
        let descriptor = Descriptor::of("", &content);
        let mut flipped = content.clone();
        flipped.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        let longer = [&content[..], b"x"].concat();
        let shorter = content.get(1..).unwrap_or_default();
        for wrong in [flipped.as_slice(), &longer, shorter].into_iter().filter(|wrong| *wrong != content) {
            let sink = target.sink();
            let stored = put_blob(&*sink, &repository, &descriptor, &mut Checked::new(wrong, &descriptor));
            assert!(matches!(stored, Err(SinkError::Content(_))), "{} for {}: {stored:?}", wrong.len(), content.len());
            if content.is_empty() {
                continue; // What was stored before more came is the empty blob.
            }
            let sink = if target.goes_on_after_wrong_content() {
                sink
            } else {
                assert!(sink.offer(&repository, &descriptor).is_err(), "it takes nothing more");
                assert!(sink.finish().is_err(), "and shows nothing");
                target.sink()
            };
            // It is proven to be something, but not what was offered.
            let mut proven = Checked::new(wrong, &Descriptor::of("", wrong));
            let stored = put_blob(&*sink, &repository, &descriptor, &mut proven);
            assert!(matches!(stored, Err(SinkError::Content(_))), "{} for {}: {stored:?}", wrong.len(), content.len());
            assert!(read(&*target.source(), &repository, &descriptor).is_err(), "nothing was stored");
            for sink in [sink, target.sink()] {
                assert!(matches!(sink.offer(&repository, &descriptor), Ok(Offer::Wanted(_))), "it is still wanted");
            }
        }
    }
}

fn shares_a_blob_among_repositories(target: &impl Target) {
    let content = vec![7; 200_000];
    let descriptor = Descriptor::of("", &content);
    let sink = target.sink();
    for name in ["one:1", "two:1", "three/four:1"] {
        let repository = target.reference(name).repository().clone();
        put_blob(&*sink, &repository, &descriptor, &mut Checked::new(content.as_slice(), &descriptor)).unwrap();
        assert!(read(&*target.source(), &repository, &descriptor).unwrap() == content, "{name}");
    }
}

fn tells_what_a_tag_holds(target: &impl Target) {
    let reference = target.reference("app:1");
    for image in ["one", "other"].map(Image::for_two_platforms) {
        let sink = target.sink();
        image.push(&*sink, &reference).unwrap();
        assert_eq!(sink.held(&reference).unwrap().as_ref(), Some(&image.root().descriptor().digest));
        assert_eq!(sink.held(&target.reference("app:2")).unwrap(), None, "another tag");
        assert_eq!(target.source().resolve(&reference).unwrap().bytes(), image.root().bytes());
    }
}

fn moves_a_tag(target: &impl Target) {
    let reference = target.reference("app:1");
    let [one, other] = ["one", "other"].map(Image::for_two_platforms);
    for image in [&one, &other, &one] {
        image.push(&*target.sink(), &reference).unwrap();
        assert_eq!(target.source().resolve(&reference).unwrap().bytes(), image.root().bytes());
    }
    let replaced = reference.with_digest(other.root().descriptor().digest.clone());
    match target.source().resolve(&replaced) {
        Ok(found) => assert_eq!(found.bytes(), other.root().bytes()),
        Err(error) => assert!(!target.keeps_untagged(), "what it held is still there: {error}"),
    }
}

fn takes_everything_twice(target: &impl Target) {
    let (image, reference) = (Image::for_two_platforms("twice"), target.reference("app:1"));
    let note = Image::referrer(image.root().descriptor(), "text/plain", b"note");
    for _ in 0..2 {
        let sink = target.sink();
        image.give(&*sink, &reference).unwrap();
        note.give_content(&*sink, reference.repository()).unwrap();
        sink.finish().unwrap();
    }
    let listed = target.source().referrers(reference.repository(), &image.root().descriptor().digest).unwrap();
    assert_eq!(listed.len(), 1, "a referrer is listed once");
}

fn is_shared_by_threads(target: &impl Target) {
    let images: Vec<Image> = (0..8).map(|number| Image::for_two_platforms(&format!("image {}", number % 4))).collect();
    let sink = target.sink();
    std::thread::scope(|scope| {
        for (number, image) in images.iter().enumerate() {
            let (sink, reference) = (&*sink, target.reference(&format!("app:{number}")));
            scope.spawn(move || {
                image.give(sink, &reference).unwrap();
                Image::referrer(image.root().descriptor(), "text/plain", number.to_string().as_bytes())
                    .give_content(sink, reference.repository())
                    .unwrap();
            });
        }
    });
    sink.finish().unwrap();
    let source = target.source();
    for (number, image) in images.iter().enumerate() {
        let reference = target.reference(&format!("app:{number}"));
        assert_eq!(source.resolve(&reference).unwrap().bytes(), image.root().bytes());
        let referrers = source.referrers(reference.repository(), &image.root().descriptor().digest).unwrap();
        assert_eq!(referrers.len(), 2, "those of both threads that stored this image");
        for (descriptor, content) in image.blobs.values() {
            assert!(read(&*source, reference.repository(), descriptor).unwrap() == *content);
        }
    }
}
