//! A crossing of the gap in one folder: a side that exports, archives, and a side that imports ([`FarSide`]).
//!
//! What is exported is the sample publisher's release ([`Crossing::of`]), or images that nobody signed
//! ([`Crossing::of_images`]). A test changes what it is about: the sample, the request, a policy, a clock, an archive.

mod far_side;
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{self, Base, ExportRequest, ItemOrigin, ItemRequest, Prepared, SourceReference};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::progress::Unwatched;
use sealift_core::transfer::{Source, Workers};
use sealift_core::trust::{Carrier, Extent};
use sealift_core::trust_store::TrustStore;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_proof::in_toto::Inspections;
use sealift_sample_publisher::Sample;

use crate::images::Image;
use crate::malicious_exporter::{REPOSITORY, exporter_key};

pub use far_side::FarSide;
pub use refused::Refused;

/// The name of the sample's bundle.
pub const BUNDLE: &str = "example.com/demo/shop:1.0.0";
/// The name of the image that nobody signed.
pub const IMAGE: &str = "example.com/org/app:1";

/// Both sides. The exporting one has a layout, a TUF repository where the sample was published, and a trust store.
pub struct Crossing {
    /// The side that imports.
    pub far: FarSide,
    /// The clock of the exporting side.
    pub now: Timestamp,
}

impl Crossing {
    /// Publishes a sample, and pins its root on both sides.
    pub fn of(sample: &Sample, now: Timestamp) -> Self {
        let crossing = Self { far: FarSide::trusting(sample, now), now };
        crossing.publish(sample);
        let (near, root) = (crossing.near().begin().unwrap(), &sample.repository.past_roots[0]);
        near.pin_root(&REPOSITORY.parse().unwrap(), root, None).unwrap();
        crossing
    }

    /// The sample as it is, made now.
    pub fn new() -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        Self::of(&Sample::new(now).unwrap(), now)
    }

    /// Images that nobody signed, which both sides accept. There are none yet.
    pub fn of_images() -> Self {
        let now = "2026-07-01T12:00:00Z".parse().unwrap();
        let crossing = Self { far: FarSide::trusting_nobody(now), now };
        drop(crossing.near().begin().unwrap());
        crossing.policy("minimum_level = \"0\"\n");
        crossing
    }

    /// A path below the folder of both sides.
    pub fn path(&self, name: &str) -> PathBuf {
        self.far.folder.path().join(name)
    }

    /// The trust store of the exporting side.
    pub fn near(&self) -> TrustStore {
        TrustStore::at(self.path("near"))
    }

    /// Replaces the policy of both sides.
    pub fn policy(&self, text: &str) {
        fs::write(self.path("near/policy.toml"), text).unwrap();
        self.far.policy(text);
    }

    /// Publishes a release, in place of any before it.
    pub fn publish(&self, sample: &Sample) {
        sample.write(self.far.folder.path()).unwrap();
    }

    /// Puts the image that nobody signed into the layout, and what refers to it.
    pub fn publish_image(&self, image: &Image, referrers: &[Image]) {
        let (sink, name) = (LayoutSink::open(&self.path("layout")).unwrap(), IMAGE.parse().unwrap());
        image.push(&sink, &name).unwrap();
        for referrer in referrers {
            referrer.store(&sink, name.repository()).unwrap();
        }
    }

    /// Lets the clocks of both sides run.
    pub fn wait(&mut self, duration: SignedDuration) {
        self.now += duration;
        self.far.now += duration;
    }

    /// A place in the layout.
    pub fn place(&self, reference: &str) -> SourceReference {
        SourceReference { source: self.layout(), reference: reference.parse().unwrap() }
    }

    /// The layout to export from.
    pub fn layout(&self) -> Arc<dyn Source> {
        Arc::new(LayoutSource::open(&self.path("layout")).unwrap())
    }

    fn is_sample(&self) -> bool {
        self.path("tuf").exists()
    }

    /// The request for the sample's bundle, or for the image that nobody signed.
    pub fn request(&self) -> ExportRequest {
        if !self.is_sample() {
            return self.image_request(IMAGE);
        }
        let origin = ItemOrigin::Bundle { place: self.place(BUNDLE), images: None };
        let items = vec![ItemRequest { name: BUNDLE.to_owned(), origin }];
        ExportRequest::new(items)
    }

    /// The request for one image.
    pub fn image_request(&self, name: &str) -> ExportRequest {
        let image = ItemRequest { name: name.to_owned(), origin: ItemOrigin::Image(self.place(name)) };
        ExportRequest::new(vec![image])
    }

    /// Plans and prepares an export.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn prepare(&self, request: &ExportRequest) -> Result<Prepared, Refused> {
        self.prepare_on(request, None)
    }

    /// Plans and prepares an export that leaves out what a base has.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn prepare_on(&self, request: &ExportRequest, base: Option<&Base>) -> Result<Prepared, Refused> {
        let plan = export::plan(request, &Workers::default())?;
        let trust = self.near().load().unwrap();
        let mut metadata = RepositoryFolder::new(self.path("tuf/metadata"), self.path("tuf/targets"));
        let mut targets = metadata.clone();
        let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
        let live = self.is_sample().then(|| (REPOSITORY.parse().unwrap(), carrier));
        let settings = export::ExportSettings {
            base,
            now: self.now,
            exported_at: self.now,
            exporter: Exporter { name: "test".to_owned(), version: "0".to_owned() },
            keys: &[exporter_key()],
            inspections: Inspections::NotRun,
            extent: Extent::WhatIsNeeded,
            workers: Workers::default(),
        };
        Ok(export::prepare(plan, &trust, BTreeMap::from_iter(live), &settings)?)
    }

    /// Exports to memory.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn export(&self, request: &ExportRequest) -> Result<Vec<u8>, Refused> {
        Ok(self.prepare(request)?.write(Vec::new(), &Workers::default(), &Unwatched).unwrap())
    }

    /// Exports to memory what a base does not have.
    pub fn delta(&self, request: &ExportRequest, base: &Base) -> Vec<u8> {
        self.prepare_on(request, Some(base)).unwrap().write(Vec::new(), &Workers::default(), &Unwatched).unwrap()
    }

    /// [`Self::request`], exported.
    pub fn archive(&self) -> Vec<u8> {
        self.export(&self.request()).unwrap()
    }
}

impl Default for Crossing {
    fn default() -> Self {
        Self::new()
    }
}
