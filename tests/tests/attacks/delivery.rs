//! Interrupted delivery: whatever breaks, and wherever, nothing is half done, and doing it again ends in the same place.

use std::io::{self, Read};
use std::sync::Mutex;

use sealift_archive_format::{Digest, DigestAlgorithm, Problem, Reader};
use sealift_core::import::{DeliveryError, ImportError};
use sealift_core::layout::LayoutSink;
use sealift_core::oci::{Descriptor, ManifestBytes, Reference, Repository};
use sealift_core::transfer::{BlobContent, Offer, Sink, SinkError, Upload};
use sealift_core::trust_store::TrustStoreError;
use sealift_core::verify::ReceiveError;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{Forger, REPOSITORY};

use super::*;

/// What a sink is asked to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Blob,
    Manifest,
    Tag,
    Listing,
}

/// A layout that stops working after a number of things were stored, and counts them.
struct Failing {
    sink: LayoutSink,
    left: Option<usize>,
    stored: Mutex<Vec<Stored>>,
}

impl Failing {
    fn after(far: &FarSide, left: Option<usize>) -> Self {
        Self { sink: far.sink(), left, stored: Mutex::default() }
    }

    fn store(&self, what: Stored) -> Result<(), SinkError> {
        let mut stored = self.stored.lock().unwrap();
        if self.left == Some(stored.len()) {
            return Err(SinkError::Content(io::Error::other("the power is cut")));
        }
        stored.push(what);
        Ok(())
    }

    fn count(&self, what: Stored) -> usize {
        self.stored.lock().unwrap().iter().filter(|stored| **stored == what).count()
    }
}

impl Sink for Failing {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        Ok(match self.sink.offer(repository, descriptor)? {
            Offer::There => Offer::There,
            Offer::Wanted(upload) => Offer::Wanted(Box::new(FailingUpload { sink: self, upload })),
        })
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.store(Stored::Manifest)?;
        self.sink.put_manifest(repository, manifest)
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        self.sink.held(reference)
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.store(Stored::Tag)?;
        self.sink.tag(reference, manifest)
    }

    fn finish(&self) -> Result<(), SinkError> {
        self.store(Stored::Listing)?;
        self.sink.finish()
    }
}

struct FailingUpload<'s> {
    sink: &'s Failing,
    upload: Box<dyn Upload + 's>,
}

impl Upload for FailingUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        self.sink.store(Stored::Blob)?;
        self.upload.store(content)
    }
}

#[test]
fn a_delivery_interrupted_anywhere_sets_no_tag_before_all_content_and_is_completed_by_another_one() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let whole = FarSide::trusting(&sample, hours(2));
    let counting = Failing::after(&whole, None);
    assert!(whole.import_from(&mut archive.as_slice(), &counting).is_ok());
    let steps = counting.stored.into_inner().unwrap();
    let first_tag = steps.iter().position(|step| *step == Stored::Tag).unwrap();
    let (listing, tags) = steps[first_tag..].split_last().unwrap();
    assert!(*listing == Stored::Listing && tags.iter().all(|step| *step == Stored::Tag), "tags come last: {steps:?}");
    for (done, step) in steps.iter().enumerate() {
        let far = FarSide::trusting(&sample, hours(2));
        let before = far.accepted();
        let Err(refused) = far.import_from(&mut archive.as_slice(), &Failing::after(&far, Some(done))) else {
            panic!("delivered without step {done}")
        };
        let error = match refused {
            Refused::Import(ImportError::Receive(ReceiveError::Receiver(error)) | ImportError::Delivery(error)) => {
                error
            }
            other => panic!("{other:?}"),
        };
        let expected = match step {
            Stored::Blob => matches!(error, DeliveryError::Blob { .. }),
            Stored::Manifest => matches!(error, DeliveryError::Manifest { .. }),
            Stored::Tag => matches!(error, DeliveryError::Tag { .. }),
            Stored::Listing => matches!(error, DeliveryError::Finish(_)),
        };
        assert!(expected, "{step:?}: {error:?}");
        assert!(far.tags().is_empty(), "a layout lists everything at once");
        assert_eq!(far.accepted(), before);
        let remembered = far.store().deliveries().unwrap();
        assert_eq!(remembered.is_empty(), done < first_tag, "what this side has not begun to set, it has not set");
        far.accepts(&archive);
        assert_eq!(far.tags(), whole.tags());
    }
}

/// A layout before whose first manifest somebody changes the trust store.
struct Meanwhile<'a> {
    sink: LayoutSink,
    change: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Sink for Meanwhile<'_> {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        self.sink.offer(repository, descriptor)
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        if let Some(change) = self.change.lock().unwrap().take() {
            change();
        }
        self.sink.put_manifest(repository, manifest)
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        self.sink.held(reference)
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.sink.tag(reference, manifest)
    }

    fn finish(&self) -> Result<(), SinkError> {
        self.sink.finish()
    }
}

#[test]
fn a_trust_store_that_changes_while_bytes_move_is_respected() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let import = |change: fn(&FarSide)| {
        let far = FarSide::trusting(&sample, hours(2));
        let change: Box<dyn FnOnce() + Send + '_> = Box::new(|| change(&far));
        let sink = Meanwhile { sink: far.sink(), change: Mutex::new(Some(change)) };
        let outcome = far.import_from(&mut archive.as_slice(), &sink).map(drop);
        drop(sink);
        (outcome, far)
    };
    let changes: [fn(&FarSide); 3] = [
        |far| far.policy("minimum_level = \"4\"\n"),
        |far| far.store().update().unwrap().remove_exporter(&"carrier".parse().unwrap()).unwrap(),
        |far| far.store().update().unwrap().remove_root(&REPOSITORY.parse().unwrap()).unwrap(),
    ];
    for change in changes {
        let (outcome, far) = import(change);
        let Err(Refused::Import(ImportError::Deliveries(error))) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(error, TrustStoreError::Changed { .. }), "{error:?}");
        assert!(far.tags().is_empty() && far.store().deliveries().unwrap().is_empty());
    }
    // Somebody else delivered the same in the meantime: what follows from it is known already.
    let far = FarSide::trusting(&sample, hours(2));
    let change: Box<dyn FnOnce() + Send + '_> = Box::new(|| drop(far.accepts(&archive)));
    let sink = Meanwhile { sink: far.sink(), change: Mutex::new(Some(change)) };
    assert!(far.import_from(&mut archive.as_slice(), &sink).is_ok());
    // Whoever holds the store for a moment is waited for.
    let (outcome, far) = import(|far| {
        let update = far.store().update().unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            drop(update);
        });
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(!far.tags().is_empty());
}

#[test]
fn a_delivery_of_an_archive_that_stops_coming() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let before = far.trusted_state();
    let layers = Reader::open(archive.as_slice()).unwrap().read_inventory().unwrap().layout();
    let last = usize::try_from(layers.entries.last().unwrap().content_offset + 1).unwrap();
    let mut broken = archive[..last].chain(Unplugged);
    let Err(refused) = far.import_from(&mut broken, &far.sink()) else { panic!("delivered") };
    assert_error!(refused.problem(), Problem::Io(_));
    assert!(far.tags().is_empty() && far.trusted_state() == before);
    far.accepts(&archive);
}

/// A medium that was pulled out.
struct Unplugged;

impl Read for Unplugged {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("no such device"))
    }
}

#[test]
fn a_delivery_that_is_repeated_stores_no_blob_twice_and_changes_nothing() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    far.accepts(&archive);
    let before = (far.trusted_state(), far.tags());
    let again = Failing::after(&far, None);
    assert!(far.import_from(&mut archive.as_slice(), &again).is_ok());
    assert_eq!(again.count(Stored::Blob), 0);
    assert!(before == (far.trusted_state(), far.tags()));
}

#[test]
fn a_mirror_has_what_a_target_lists_by_another_algorithm_than_the_archive() {
    let sample = sample();
    let bundle_json = &sample.blobs[&sample.repository.released[BUNDLE].digest];
    let sha512 = Digest::of(DigestAlgorithm::Sha512, bundle_json);
    let mut consignment = consignment(&sample);
    Forger::new(&sample, consignment.tuf()).edit("targets/releases", |signed| {
        signed["targets"][BUNDLE]["hashes"] = serde_json::json!({ "sha512": sha512.hex() });
    });
    let delivered = FarSide::trusting(&sample, hours(2)).accepts(&consignment.archive());
    let folder = tempfile::tempdir().unwrap();
    delivered.publish_mirrors(folder.path(), &sealift_proof::tuf::Limits::default()).unwrap();
    let target = folder.path().join(format!("demo/targets/example.com/demo/{}.shop:1.0.0", sha512.hex()));
    assert_eq!(&std::fs::read(target).unwrap(), bundle_json);
}
