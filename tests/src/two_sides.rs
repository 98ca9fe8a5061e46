//! Two sides of a gap in one folder: the sample publisher's release on one, a trust store on each, and the pipelines
//! between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{
    self, ExportRequest, ItemOrigin, ItemRequest, PlanError, PrepareError, Prepared, SourceReference,
};
use sealift_core::import::{self, Delivered, Destination, ImportError};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::Platforms;
use sealift_core::oci::referrer::usual_kinds;
use sealift_core::progress::Unwatched;
use sealift_core::transfer::{Sink, Source, Workers};
use sealift_core::trust::{Carrier, Extent};
use sealift_core::trust_store::TrustStore;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_core::verify::{self, Discard, HeadError, Judged, Transport, Verified};
use sealift_proof::freshness::AskedClock;
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::{Published, Sample};
use tempfile::TempDir;

/// The two sides, and what was published.
pub struct TwoSides {
    /// Everything lies below it; it goes with this value.
    pub folder: TempDir,
    /// Where the sample was written.
    pub published: Published,
    /// The exporter's key.
    pub exporter: SigningKey,
    /// The clock of both sides.
    pub now: Timestamp,
}

impl TwoSides {
    /// Publishes a sample, pins its root on both sides, and lets the far side accept the exporter.
    pub fn of(sample: &Sample, now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let published = sample.write(folder.path()).unwrap();
        let sides = Self { folder, published, exporter: SigningKey::from_seed(&[42; 32]), now };
        let root = std::fs::read(&sides.published.root).unwrap();
        for store in [sides.near(), sides.far()] {
            store.begin().unwrap().pin_root(&"demo".parse().unwrap(), &root, None).unwrap();
        }
        let key = sides.exporter.public_key().unwrap();
        sides.far().update().unwrap().add_exporter(&"alice".parse().unwrap(), &key).unwrap();
        sides
    }

    /// The sample as it is, made now.
    pub fn new() -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        Self::of(&Sample::new(now).unwrap(), now)
    }

    /// A path below the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The trust store of the connected side.
    pub fn near(&self) -> TrustStore {
        TrustStore::at(self.path("near"))
    }

    /// The trust store of the disconnected side.
    pub fn far(&self) -> TrustStore {
        TrustStore::at(self.path("far"))
    }

    /// Publishes another release in place of the present one.
    pub fn publish(&mut self, sample: &Sample) {
        self.published = sample.write(self.folder.path()).unwrap();
    }

    /// Lets the clock of both sides run.
    pub fn wait(&mut self, duration: SignedDuration) {
        self.now += duration;
    }

    /// A place in the sample's layout.
    pub fn place(&self, reference: &str) -> SourceReference {
        SourceReference { source: self.layout(), reference: reference.parse().unwrap() }
    }

    /// The sample's layout, where its bundles and images are found.
    pub fn layout(&self) -> Arc<dyn Source> {
        Arc::new(LayoutSource::open(&self.published.layout).unwrap())
    }

    /// The request for the sample's bundle.
    pub fn request(&self) -> ExportRequest {
        let name = self.published.bundle.clone();
        let origin = ItemOrigin::Bundle(self.place(&name));
        ExportRequest { items: vec![ItemRequest { name, origin }], platforms: Platforms::All, referrers: usual_kinds() }
    }

    /// The request for one image.
    pub fn image_request(&self, name: &str) -> ExportRequest {
        let image = ItemRequest { name: name.to_owned(), origin: ItemOrigin::Image(self.place(name)) };
        ExportRequest { items: vec![image], platforms: Platforms::All, referrers: usual_kinds() }
    }

    /// Plans and prepares an export.
    pub fn prepare(&self, request: &ExportRequest) -> Result<Prepared, ExportFailure> {
        let plan = export::plan(request, &Workers::default())?;
        let trust = self.near().load().unwrap();
        let tuf = &self.published.tuf;
        let mut metadata = RepositoryFolder::new(tuf.join("metadata"), tuf.join("targets"));
        let mut targets = metadata.clone();
        let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
        let settings = export::ExportSettings {
            now: self.now,
            exported_at: self.now,
            exporter: Exporter { name: "test".to_owned(), version: "0".to_owned() },
            keys: std::slice::from_ref(&self.exporter),
            inspections: Inspections::NotRun,
            extent: Extent::WhatIsNeeded,
        };
        let live = BTreeMap::from([("demo".parse().unwrap(), carrier)]);
        Ok(export::prepare(plan, &trust, live, &settings)?)
    }

    /// Exports to memory.
    pub fn export(&self, request: &ExportRequest) -> Result<Vec<u8>, ExportFailure> {
        let prepared = self.prepare(request)?;
        Ok(prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap())
    }

    /// The sample's bundle, exported.
    pub fn archive(&self) -> Vec<u8> {
        self.export(&self.request()).unwrap()
    }

    /// Judges the head of an archive on the far side, by the policy's freshness.
    pub fn judge<'a>(&self, archive: &'a [u8]) -> Result<Judged<&'a [u8]>, HeadError> {
        self.judge_by(archive, None)
    }

    /// Judges the head of an archive on the far side, by the clock that is asked for.
    pub fn judge_by<'a>(&self, archive: &'a [u8], asked: Option<AskedClock>) -> Result<Judged<&'a [u8]>, HeadError> {
        let settings = verify::VerifySettings { now: self.now, asked, inspections: Inspections::NotRun };
        verify::open(archive, &self.far().load().unwrap(), &settings)
    }

    /// Verifies an archive that must be accepted.
    pub fn verify(&self, archive: &[u8]) -> Verified {
        self.judge(archive).unwrap().receive(&Discard, &Transport::default()).unwrap()
    }

    /// Imports an archive into a sink, and remembers it.
    pub fn import_to(&self, archive: &[u8], sink: &dyn Sink) -> Result<Delivered, ImportFailure> {
        let update = self.far().update().unwrap();
        let judged = self.judge(archive)?;
        let destination = Destination::Layout { folder: "/delivered".into() };
        Ok(import::deliver(judged, &destination, &[], &update, sink, &Transport::default())?)
    }

    /// Imports an archive into a layout in this folder, and remembers it.
    pub fn import(&self, archive: &[u8], layout: &Path) -> Result<Delivered, ImportFailure> {
        self.import_to(archive, &LayoutSink::open(layout).unwrap())
    }
}

impl Default for TwoSides {
    fn default() -> Self {
        Self::new()
    }
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailure {
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The far side would refuse it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// Why an archive was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// Its head is refused.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// It was not delivered.
    #[error(transparent)]
    Import(#[from] ImportError),
}
