//! The far side of a test: a trust store, a layout to import into, and a clock.
//!
//! [`FarSide::refuses`] does what a test of an attack needs beside the error itself: no tag may have been set, and the
//! trusted state must be byte for byte what it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_archive_format::{FormatError, Problem};
use sealift_core::import::{self, Delivered, Destination, ImportError};
use sealift_core::layout::LayoutSink;
use sealift_core::oci::Reference;
use sealift_core::seal::SealError;
use sealift_core::transfer::Sink;
use sealift_core::trust::{JudgementError, RepositoryError, SupplyChainError};
use sealift_core::trust_store::TrustStore;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{self, HeadError, ReceiveError, Transport, VerifySettings};
use sealift_proof::freshness::{AskedClock, FreshnessError};
use sealift_proof::in_toto::{Inspections, Refusal};
use sealift_proof::signature::PublicKey;
use sealift_proof::tuf::TufError;
use sealift_proof::tuf::map::MapSearchError;
use sealift_sample_publisher::Sample;
use tempfile::TempDir;

use crate::folder_content;
use crate::malicious_exporter::{REPOSITORY, exporter_key};

/// The side that has no network.
pub struct FarSide {
    folder: TempDir,
    /// Its clock.
    pub now: Timestamp,
    /// By which clock it judges expiry; the policy's own choice where there is none.
    pub asked: Option<AskedClock>,
    /// Where it delivers to. Whatever that is, a layout stands for it.
    pub destination: Destination,
    /// The tags that may move to another name or a lower level.
    pub replace: Vec<Reference>,
}

/// Why it did not import.
#[derive(Debug)]
pub enum Refused {
    /// The head of the archive is refused.
    Head(HeadError),
    /// The content is refused, or cannot be delivered.
    Import(ImportError),
}

impl FarSide {
    /// Trusts the exporter, and nothing else. Its policy is the default one.
    pub fn trusting_nobody(now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::Layout { folder: folder.path().join("layout") };
        let far = Self { folder, now, asked: None, destination, replace: Vec::new() };
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
        self.store().begin().unwrap().set_map(text.as_bytes()).unwrap();
    }

    /// The folder of the trust store.
    pub fn trust(&self) -> PathBuf {
        self.folder.path().join("trust")
    }

    /// The trust store.
    pub fn store(&self) -> TrustStore {
        TrustStore::at(self.trust())
    }

    /// The layout that it imports into.
    pub fn sink(&self) -> LayoutSink {
        LayoutSink::open(&self.folder.path().join("layout")).unwrap()
    }

    /// The names that are tagged in the layout, with their digests.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let Ok(index) = fs::read(self.folder.path().join("layout/index.json")) else { return BTreeMap::new() };
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
        format!("oci:{}:{name}", self.folder.path().join("layout").display())
    }

    /// Imports into a sink and remembers, in the order of the command.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn import_from(&self, archive: &mut dyn Read, sink: &dyn Sink) -> Result<Delivered, Refused> {
        let update = self.store().update().unwrap();
        let trust = update.trust().unwrap();
        let settings = VerifySettings { now: self.now, asked: self.asked, inspections: Inspections::NotRun };
        let judged = verify::open(archive, &trust, &settings).map_err(Refused::Head)?;
        import::deliver(judged, &self.destination, &self.replace, &update, sink, &Transport::default())
            .map_err(Refused::Import)
    }

    /// Imports what must be accepted.
    ///
    /// # Panics
    /// When it is refused.
    pub fn accepts(&self, archive: &[u8]) -> Delivered {
        match self.import_from(&mut &*archive, &self.sink()) {
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
        let Err(refused) = self.import_from(&mut &*archive, &self.sink()) else {
            panic!("accepted, and should not be")
        };
        assert!(before == (self.trusted_state(), self.tags()), "the refusal left a trace: {refused:?}");
        refused
    }
}

/// Each of these takes out the error of one room; it panics when another room refused.
impl Refused {
    /// The head's own error.
    pub fn head(self) -> HeadError {
        match self {
            Self::Head(error) => error,
            other => panic!("the content was refused, not the head: {other:?}"),
        }
    }

    /// What is wrong with the frame, wherever it was noticed.
    pub fn format(self) -> FormatError {
        match self {
            Self::Head(HeadError::Format(error)) => error,
            Self::Import(ImportError::Receive(ReceiveError::Archive(error))) => error,
            other => panic!("not a matter of the frame: {other:?}"),
        }
    }

    /// What is wrong with the frame, without its place.
    pub fn problem(self) -> Problem {
        self.format().problem
    }

    /// What is wrong with the seal.
    pub fn seal(self) -> SealError {
        match self.head() {
            HeadError::Seal(error) => error,
            other => panic!("not a matter of the seal: {other:?}"),
        }
    }

    /// What is wrong with the documents.
    pub fn documents(self) -> DocumentError {
        match self.head() {
            HeadError::Documents(error) => error,
            other => panic!("not a matter of the documents: {other:?}"),
        }
    }

    /// What is wrong with what is claimed.
    pub fn judgement(self) -> JudgementError {
        match self.head() {
            HeadError::Judgement(error) => error,
            other => panic!("not a matter of the judgement: {other:?}"),
        }
    }

    /// What is wrong with a repository.
    pub fn repository(self) -> RepositoryError {
        match self.judgement() {
            JudgementError::Repository(error) => error,
            JudgementError::SupplyChain { source: SupplyChainError::Repository(error), .. } => error,
            other => panic!("not a matter of a repository: {other:?}"),
        }
    }

    /// What is wrong with TUF metadata.
    pub fn tuf(self) -> TufError {
        match self.judgement() {
            JudgementError::Repository(RepositoryError::Tuf { source, .. }) => source,
            JudgementError::Search { source: MapSearchError::Repository { source, .. }, .. } => *source,
            other => panic!("not a matter of TUF metadata: {other:?}"),
        }
    }

    /// What is wrong with the time.
    pub fn freshness(self) -> FreshnessError {
        match self.repository() {
            RepositoryError::ArchiveTime(source) | RepositoryError::Freshness { source, .. } => source,
            other => panic!("not a matter of freshness: {other:?}"),
        }
    }

    /// What is wrong with a supply chain.
    pub fn supply_chain(self) -> SupplyChainError {
        match self.judgement() {
            JudgementError::SupplyChain { source, .. } => source,
            other => panic!("not a matter of a supply chain: {other:?}"),
        }
    }

    /// Why in-toto refuses.
    pub fn in_toto(self) -> Refusal {
        match self.supply_chain() {
            SupplyChainError::Refused(refusal) => refusal,
            other => panic!("not a refusal by in-toto: {other:?}"),
        }
    }
}
