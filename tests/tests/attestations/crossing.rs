//! Both sides of the gap, with images in a layout and a trust store on either side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{
    self, ExportRequest, ItemOrigin, ItemRequest, LeftOutReferrer, PlanError, PrepareError, SourceReference,
};
use sealift_core::import::{self, Delivered, Destination, ImportError};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::referrer::usual_kinds;
use sealift_core::oci::{Descriptor, Platforms, Reference, ReferrerKind};
use sealift_core::progress::Unwatched;
use sealift_core::transfer::{Sink, Source, Workers};
use sealift_core::trust::Extent;
use sealift_core::trust_store::{Trust, TrustStore};
use sealift_core::verify::{self, HeadError, Transport, VerifySettings};
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;
use sealift_tests::images::Image;
use tempfile::TempDir;

/// The name of the image in all tests.
pub(crate) const NAME: &str = "example.com/org/app:1";

/// A folder with a layout to export from, and trust stores.
pub(crate) struct Crossing {
    folder: TempDir,
}

/// Why something did not cross.
#[derive(Debug)]
pub(crate) enum Refused {
    Plan(PlanError),
    Prepare(PrepareError),
    Head(HeadError),
    Import(ImportError),
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

impl Crossing {
    /// Trust stores that accept one exporter, and images that nobody signed.
    pub(crate) fn new() -> Self {
        let crossing = Self { folder: tempfile::tempdir().unwrap() };
        for side in ["near", "far"] {
            let update = crossing.store(side).begin().unwrap();
            update.add_exporter(&"carrier".parse().unwrap(), &key().public_key().unwrap()).unwrap();
            fs::write(crossing.folder.path().join(side).join("policy.toml"), "minimum_level = \"0\"\n").unwrap();
        }
        crossing
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self, side: &str) -> TrustStore {
        TrustStore::at(self.path(side))
    }

    fn trust(&self, side: &str) -> Trust {
        self.store(side).load().unwrap()
    }

    /// Puts an image and what refers to it into the layout on the near side.
    pub(crate) fn publish(&self, image: &Image, referrers: &[Image]) {
        let sink = LayoutSink::open(&self.path("source")).unwrap();
        image.push(&sink, &reference(NAME)).unwrap();
        for referrer in referrers {
            referrer.store(&sink, reference(NAME).repository()).unwrap();
        }
    }

    /// Exports the image from the layout on the near side.
    pub(crate) fn export(&self) -> Result<Vec<u8>, Refused> {
        self.export_from(Arc::new(LayoutSource::open(&self.path("source")).unwrap()), NAME)
    }

    /// Exports from another source.
    pub(crate) fn export_from(&self, source: Arc<dyn Source>, name: &str) -> Result<Vec<u8>, Refused> {
        self.export_with(source, name, usual_kinds()).map(|(archive, _)| archive)
    }

    /// Exports from the layout on the near side with these kinds of referrers; returns what was left out too.
    pub(crate) fn export_kinds(&self, kinds: &[ReferrerKind]) -> Result<(Vec<u8>, Vec<LeftOutReferrer>), Refused> {
        let source = Arc::new(LayoutSource::open(&self.path("source")).unwrap());
        self.export_with(source, NAME, kinds.iter().copied().collect())
    }

    fn export_with(
        &self,
        source: Arc<dyn Source>,
        name: &str,
        referrers: BTreeSet<ReferrerKind>,
    ) -> Result<(Vec<u8>, Vec<LeftOutReferrer>), Refused> {
        let place = SourceReference { source, reference: reference(name) };
        let items = vec![ItemRequest { name: NAME.to_owned(), origin: ItemOrigin::Image(place) }];
        let request = ExportRequest { items, platforms: Platforms::All, referrers };
        let plan = export::plan(&request, &Workers::default()).map_err(Refused::Plan)?;
        let settings = export::ExportSettings {
            now: now(),
            exported_at: now(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            keys: &[key()],
            inspections: Inspections::NotRun,
            extent: Extent::WhatIsNeeded,
        };
        let prepared =
            export::prepare(plan, &self.trust("near"), BTreeMap::new(), &settings).map_err(Refused::Prepare)?;
        let left_out = prepared.left_out().to_vec();
        Ok((prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap(), left_out))
    }

    /// Lets a side take these kinds of referrers.
    pub(crate) fn let_in(&self, side: &str, kinds: &[ReferrerKind]) {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("{:?}", kind.name())).collect();
        let policy = format!("minimum_level = \"0\"\nreferrers = [{}]\n", kinds.join(", "));
        fs::write(self.path(side).join("policy.toml"), policy).unwrap();
    }

    /// Imports on the far side, into a layout.
    pub(crate) fn import(&self, archive: &[u8]) -> Result<Delivered, Refused> {
        let sink = LayoutSink::open(&self.path("delivered")).unwrap();
        self.import_to(archive, &Destination::layout(&self.path("delivered")).unwrap(), &sink)
    }

    /// Imports on the far side.
    pub(crate) fn import_to(
        &self,
        archive: &[u8],
        destination: &Destination,
        sink: &dyn Sink,
    ) -> Result<Delivered, Refused> {
        let update = self.store("far").update().unwrap();
        let trust = update.trust().unwrap();
        let settings = VerifySettings { now: now(), asked: None, inspections: Inspections::NotRun };
        let judged = verify::open(archive, &trust, &settings).map_err(Refused::Head)?;
        import::deliver(judged, destination, &[], &update, sink, &Transport::default()).map_err(Refused::Import)
    }

    /// What a source finds to refer to a manifest, by digest.
    pub(crate) fn referrers(source: &dyn Source, name: &str, subject: &Digest) -> Vec<Digest> {
        let mut found: Vec<Digest> = source
            .referrers(reference(name).repository(), subject)
            .unwrap()
            .into_iter()
            .map(|referrer: Descriptor| referrer.digest)
            .collect();
        found.sort();
        found
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

pub(crate) fn now() -> Timestamp {
    "2026-07-01T12:00:00Z".parse().unwrap()
}
