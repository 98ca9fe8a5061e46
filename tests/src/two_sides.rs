//! Two sides of a gap in one folder: the sample publisher's release on one, a trust store on each, and the pipelines
//! between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::request::Place;
use sealift_core::export::{
    self, BundleOrigin, BundleRequest, ImageRequest, PrepareError, Prepared, Request, SourceId,
};
use sealift_core::export::{PlanError, Sources};
use sealift_core::import::{self, Delivered, Destination, ImportError};
use sealift_core::oci::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::referrer::usual_kinds;
use sealift_core::oci::{Platforms, Sink};
use sealift_core::progress::Unwatched;
use sealift_core::trust::{Carrier, Extent};
use sealift_core::trust_store::TrustStore;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_core::verify::{self, Discard, HeadError, Judged, Verified};
use sealift_proof::freshness::Freshness;
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

/// The sources that the sample's bundles and images are found in: its layout.
const LAYOUT: SourceId = SourceId(0);

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
    pub fn place(reference: &str) -> Place {
        Place { source: LAYOUT, reference: reference.parse().unwrap() }
    }

    /// The request for the sample's bundle.
    pub fn request(&self) -> Request {
        let name = self.published.bundle.clone();
        let origin = BundleOrigin::Stored(Self::place(&name));
        Request {
            bundles: vec![BundleRequest { name, origin }],
            images: Vec::new(),
            platforms: Platforms::All,
            referrers: usual_kinds(),
        }
    }

    /// The request for one image.
    pub fn image_request(name: &str) -> Request {
        let image = ImageRequest { name: name.to_owned(), place: Self::place(name) };
        Request { bundles: Vec::new(), images: vec![image], platforms: Platforms::All, referrers: usual_kinds() }
    }

    fn sources(&self) -> Sources<'static> {
        vec![Box::new(LayoutSource::open(&self.published.layout).unwrap())]
    }

    /// Plans and prepares an export.
    pub fn prepare(&self, request: &Request) -> Result<Prepared, ExportFailure> {
        let mut sources = self.sources();
        let plan = export::plan(request, &mut sources)?;
        let trust = self.near().load().unwrap();
        let tuf = &self.published.tuf;
        let mut metadata = RepositoryFolder::new(tuf.join("metadata"), tuf.join("targets"));
        let mut targets = metadata.clone();
        let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
        let settings = export::Settings {
            now: self.now,
            exported_at: self.now,
            exporter: Exporter { name: "test".to_owned(), version: "0".to_owned() },
            keys: std::slice::from_ref(&self.exporter),
            inspections: Inspections::NotRun,
            extent: Extent::WhatIsNeeded,
        };
        let live = BTreeMap::from([("demo".parse().unwrap(), carrier)]);
        Ok(export::prepare(plan, &mut sources, &trust, live, &settings)?)
    }

    /// Exports to memory.
    pub fn export(&self, request: &Request) -> Result<Vec<u8>, ExportFailure> {
        let prepared = self.prepare(request)?;
        Ok(prepared.write(Vec::new(), &mut self.sources(), &Unwatched).unwrap())
    }

    /// The sample's bundle, exported.
    pub fn archive(&self) -> Vec<u8> {
        self.export(&self.request()).unwrap()
    }

    /// Judges the head of an archive on the far side, by the policy's freshness.
    pub fn judge<'a>(&self, archive: &'a [u8]) -> Result<Judged<&'a [u8]>, HeadError> {
        let trust = self.far().load().unwrap();
        self.judge_by(archive, trust.policy.freshness())
    }

    /// Judges the head of an archive on the far side, by this freshness.
    pub fn judge_by<'a>(&self, archive: &'a [u8], freshness: Freshness) -> Result<Judged<&'a [u8]>, HeadError> {
        let settings = verify::Settings { now: self.now, freshness, inspections: Inspections::NotRun };
        verify::open(archive, &self.far().load().unwrap(), &settings)
    }

    /// Verifies an archive that must be accepted.
    pub fn verify(&self, archive: &[u8]) -> Verified {
        self.judge(archive).unwrap().receive(&mut Discard, &Unwatched).unwrap()
    }

    /// Imports an archive into a sink, and remembers it.
    pub fn import_to(&self, archive: &[u8], sink: &mut dyn Sink) -> Result<Delivered, ImportFailure> {
        let update = self.far().update().unwrap();
        let judged = self.judge(archive)?;
        let destination = Destination::Layout { folder: "/delivered".into() };
        Ok(import::deliver(judged, &destination, &[], &update, sink, &Unwatched)?)
    }

    /// Imports an archive into a layout in this folder, and remembers it.
    pub fn import(&self, archive: &[u8], layout: &Path) -> Result<Delivered, ImportFailure> {
        self.import_to(archive, &mut LayoutSink::open(layout).unwrap())
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
