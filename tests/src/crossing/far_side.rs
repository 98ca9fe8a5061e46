//! The side that imports: a trust store, a layout to import into, and a clock.
//!
//! [`FarSide::refuses`] does what a test of an attack needs beside the error itself: no tag may have been set, and the
//! trusted state must be byte for byte what it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_core::import::{self, Delivered, DeliveryWishes, Destination, Sparse, TargetProof};
use sealift_core::layout::LayoutSink;
use sealift_core::transfer::Sink;
use sealift_core::trust::Purpose;
use sealift_core::trust_store::TrustStore;
use sealift_core::verify::{
    self, Discard, HeadError, Judged, SelectedName, Selection, Transport, Verified, VerifySettings,
};
use sealift_proof::freshness::AskedClock;
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::PublicKey;
use sealift_sample_publisher::Sample;
use tempfile::TempDir;

use super::Refused;
use crate::folder_content;
use crate::malicious_exporter::{REPOSITORY, exporter_key};

/// The side that has no network.
pub struct FarSide {
    pub(super) folder: TempDir,
    /// Its clock.
    pub now: Timestamp,
    /// By which clock it judges expiry; the policy's own choice where there is none.
    pub asked: Option<AskedClock>,
    /// Where it delivers to. Whatever that is, a layout stands for it.
    pub destination: Destination,
    /// The tags that may move to another name or a lower level.
    pub replace: Vec<SelectedName>,
    /// What becomes of indexes of which platforms were left behind.
    pub sparse: Sparse,
    /// What is delivered.
    pub selection: Selection,
}

impl FarSide {
    /// Trusts the exporter, and nothing else. Its policy is the default one.
    pub fn trusting_nobody(now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::Layout { folder: folder.path().join("delivered") };
        let far = Self {
            folder,
            now,
            asked: None,
            destination,
            replace: Vec::new(),
            sparse: Sparse::Try,
            selection: Selection::default(),
        };
        far.add_exporter("carrier", &exporter_key().public_key().unwrap());
        far
    }

    /// Trusts the exporter, and has pinned the sample's first root.
    pub fn trusting(sample: &Sample, now: Timestamp) -> Self {
        let far = Self::trusting_nobody(now);
        far.pin(REPOSITORY, sample);
        far
    }

    /// Pins a sample's first root.
    pub fn pin(&self, repository: &str, sample: &Sample) {
        let root = &sample.repository.past_roots[0];
        self.store().begin().unwrap().pin_root(&repository.parse().unwrap(), root, None).unwrap();
    }

    /// Accepts another exporter.
    pub fn add_exporter(&self, name: &str, key: &PublicKey) {
        self.store().begin().unwrap().add_exporter(&name.parse().unwrap(), key).unwrap();
    }

    /// Replaces the policy.
    pub fn policy(&self, text: &str) {
        fs::write(self.trust().join("policy.toml"), text).unwrap();
    }

    /// Sets the map of repositories.
    pub fn map(&self, text: &str) {
        self.store().begin().unwrap().set_map(Path::new("map.json"), text.as_bytes()).unwrap();
    }

    /// The folder of the trust store.
    pub fn trust(&self) -> PathBuf {
        self.folder.path().join("far")
    }

    /// The trust store.
    pub fn store(&self) -> TrustStore {
        TrustStore::at(self.trust())
    }

    /// The layout that it imports into.
    pub fn sink(&self) -> LayoutSink {
        LayoutSink::open(&self.folder.path().join("delivered")).unwrap()
    }

    /// The names that are tagged in the layout, with their digests.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let Ok(index) = fs::read(self.folder.path().join("delivered/index.json")) else { return BTreeMap::new() };
        let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
        let named = |manifest: &serde_json::Value| {
            let name = manifest["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
            Some((name.to_owned(), manifest["digest"].as_str()?.to_owned()))
        };
        index["manifests"].as_array().into_iter().flatten().filter_map(named).collect()
    }

    /// Every file of the trust store but its lock.
    pub fn trusted_state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = folder_content::files(&self.trust());
        files.remove(Path::new("lock"));
        files
    }

    /// What was accepted of each repository.
    pub fn accepted(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = folder_content::files(&self.trust().join("state"));
        files.retain(|path, _| path.ends_with("state.json"));
        files
    }

    /// Under which key a tag in the layout is remembered.
    pub fn tag_key(&self, name: &str) -> String {
        format!("oci:{}:{name}", self.folder.path().join("delivered").display())
    }

    /// Judges the head of an archive.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn judge<R: Read>(&self, archive: R) -> Result<Judged<R>, HeadError> {
        self.judge_by(archive, self.asked)
    }

    /// Judges the head of an archive by the clock that is asked for.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn judge_by<R: Read>(&self, archive: R, asked: Option<AskedClock>) -> Result<Judged<R>, HeadError> {
        let settings =
            VerifySettings { now: self.now, asked, purpose: Purpose::Acceptance, inspections: Inspections::NotRun };
        verify::open(archive, &self.store().load().unwrap(), &settings)
    }

    /// Judges the head of an archive for an audit.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn audit<R: Read>(&self, archive: R) -> Result<Judged<R>, HeadError> {
        let inspections = Inspections::NotRun;
        let settings = VerifySettings { now: self.now, asked: self.asked, purpose: Purpose::Audit, inspections };
        verify::open(archive, &self.store().load().unwrap(), &settings)
    }

    /// Verifies what must be accepted.
    pub fn verify(&self, archive: &[u8]) -> Verified {
        self.judge(archive).unwrap().receive(&Discard, &Transport::default()).unwrap()
    }

    /// Imports into a sink and remembers, in the order of the command.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn import_from(&self, archive: &mut dyn Read, sink: &dyn Sink) -> Result<Delivered, Refused> {
        let judged = self.judge(archive)?;
        let wishes = DeliveryWishes {
            selection: self.selection.clone(),
            replace: &self.replace,
            sparse: self.sparse,
            proof: TargetProof::ReadBack,
            mirror: None,
        };
        Ok(import::deliver(judged, &self.destination, &wishes, &self.store(), sink, &Transport::default())?)
    }

    /// Imports into the layout.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn import(&self, archive: &[u8]) -> Result<Delivered, Refused> {
        self.import_from(&mut &*archive, &self.sink())
    }

    /// Imports what must be accepted.
    ///
    /// # Panics
    /// When it is refused.
    pub fn accepts(&self, archive: &[u8]) -> Delivered {
        match self.import(archive) {
            Ok(delivered) => delivered,
            Err(refused) => panic!("refused, and should not be: {refused:?}"),
        }
    }

    /// Imports what must be refused, and requires that nothing was tagged and nothing was forgotten or remembered.
    ///
    /// # Panics
    /// When it is accepted, or leaves a trace.
    pub fn refuses(&self, archive: &[u8]) -> Refused {
        let before = (self.trusted_state(), self.tags());
        let Err(refused) = self.import(archive) else { panic!("accepted, and should not be") };
        assert!(before == (self.trusted_state(), self.tags()), "the refusal left a trace: {refused:?}");
        refused
    }
}
