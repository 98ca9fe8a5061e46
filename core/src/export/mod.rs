//! Export: from references and a TUF repository to one sealed archive.
//!
//! 1. [`plan()`] resolves every reference to its closed graph, so every digest and size is known before a layer is fetched.
//! 2. [`prepare`] gathers the TUF metadata that proves the names, judges twice (live, and then from only what it
//!    gathered, as the far side will), checks the attestations, and seals the inventory.
//! 3. [`Prepared::write`] streams each blob once from its source into a pipe, or [`Prepared::write_file`] several at once into a file
//!    ([`Unfinished`]), which is taken up where an earlier attempt stopped.

mod base;
pub mod lock;
mod outlook;
pub mod plan;
pub mod request;
mod shard;
mod source_remedy;
mod validity;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sealift_archive_format::inventory::{EntryRecord, Exporter, FormatVersion, RepositoryRecord};
use sealift_archive_format::seal::SealFormatError;
use sealift_archive_format::volume::{ShapeError, VolumeShape};
use sealift_archive_format::{Digest, EntryName, EntryNameError, Inventory, InventoryError, Seal};
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::TrustedState;

pub use base::{AssumeError, AssumedArchive, Base, assume};
pub use lock::{LockError, MovedName, ShipmentLock};
pub use outlook::{Foreseen, ForeseenItem, foresee, foresee_each};
pub use plan::{ItemWeight, LeftOutReferrer, Plan, PlanError, plan};
pub use request::{Dependencies, ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
pub use shard::{MAXIMUM_SHARDS, Shard, ShardError};
pub use validity::{Expiring, FirstExpiry, ValidityError, first_expiries, require_valid_until};
pub use write::{ExportError, TakenUp, Unfinished, UnfinishedError};

use crate::archive_layout::{self, ArchiveLayoutError};
use crate::oci::Descriptor;
use crate::remedy::{Remediable, Remedy};
use crate::report::{ItemReport, Warning, not_vouched_for, of_attestations, of_repositories};
use crate::seal::{self, SignError};
use crate::thick_bundle::ThickContentError;
use crate::transfer::{SourceError, Workers};
use crate::trust::{
    self, AttestationRefusal, Attestations, Carried, Carrier, Extent, Item, Judgement, JudgementError, OpenRefusal,
    Question, ReferrerRefusal, Terms,
};
use crate::trust_store::{HistoryEvent, NewHistoryLine, RepositoryName, SeenReceipt, Trust, policy};
use crate::verify::documents::{Blob, Closed, DocumentError, Documents};
use crate::verify::{TooMuchMetadata, count_in_room};
use crate::volume_set::{Cut, shape_of};

/// Who exports, and when.
pub struct ExportSettings<'a> {
    /// This side's clock.
    pub now: Timestamp,
    /// The time that the seal will state.
    pub exported_at: Timestamp,
    /// The name and version of the program.
    pub exporter: Exporter,
    /// The keys to seal with.
    pub keys: &'a [SigningKey],
    /// Whether in-toto inspections are run.
    pub inspections: Inspections<'a>,
    /// How much of the TUF repositories is carried.
    pub extent: Extent,
    /// How many of their files are fetched at once.
    pub workers: Workers,
    /// What is where the archive goes; everything is carried where there is none.
    pub base: Option<&'a Base>,
}

/// Why an archive cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The root of a named repository is not pinned.
    #[error("no root is pinned for repository {name}")]
    NotPinned {
        /// The repository.
        name: RepositoryName,
        /// The pinned repository that was probably meant.
        meant: Option<RepositoryName>,
    },
    /// The far side would refuse it.
    #[error("it cannot be proven here, so the far side would refuse it")]
    Judgement(#[from] JudgementError),
    /// The bundles and manifests do not fit together.
    #[error("the bundles and manifests are inconsistent")]
    Documents(#[from] DocumentError),
    /// An attestation, a thick bundle or a file cannot be fetched to be checked.
    #[error("{digest} cannot be fetched, to be checked")]
    Source {
        /// The attestation, the thick bundle or the file.
        digest: Digest,
        /// Why the source does not supply it.
        source: SourceError,
    },
    /// The far side would refuse a thick bundle.
    #[error("the far side would refuse this")]
    ThickBundle(#[from] ThickContentError),
    /// An attestation or a file cannot be read to be checked.
    #[error("{digest} cannot be read, to be checked")]
    Read {
        /// The attestation or the file.
        digest: Digest,
        /// Why reading failed.
        source: io::Error,
    },
    /// The far side would not accept a referrer of an image.
    #[error("the far side would refuse this")]
    Referrer(#[from] ReferrerRefusal),
    /// The far side would refuse an attestation.
    #[error("the far side would refuse this")]
    Attestation(#[from] AttestationRefusal),
    /// The far side would refuse an index of so many names.
    #[error("the far side would refuse this")]
    Layout(#[from] ArchiveLayoutError),
    /// The far side would not hold so much TUF metadata.
    #[error("the far side would refuse this")]
    TooMuchMetadata(#[from] TooMuchMetadata),
    /// A TUF file has a name that no entry can have.
    #[error("a file of the TUF repository cannot be carried")]
    EntryName(#[from] EntryNameError),
    /// The inventory breaks a rule of the format.
    #[error("the inventory of the archive cannot be made")]
    Inventory(#[from] InventoryError),
    /// The inventory cannot be signed.
    #[error("the inventory cannot be sealed")]
    Sign(#[from] SignError),
    /// The seal cannot be made.
    #[error("the seal cannot be made")]
    Seal(#[from] SealFormatError),
}

impl From<OpenRefusal> for PrepareError {
    fn from(refusal: OpenRefusal) -> Self {
        match refusal {
            OpenRefusal::Referrer(error) => error.into(),
            OpenRefusal::Judgement(error) => error.into(),
        }
    }
}

impl Remediable for PrepareError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NotPinned { name, meant } => Remedy::PinRoot { repository: name.clone(), meant: meant.clone() },
            Self::Judgement(error) => match error.remedy() {
                // There is no archive yet: only the time that it would state can be wrong.
                Remedy::CarryFaster { exported_at } => Remedy::CorrectExportTime { exported_at },
                remedy => remedy,
            },
            Self::Source { source, .. } => source_remedy::of_part(source).unwrap_or(Remedy::CheckNetwork),
            Self::Read { source, .. } => source_remedy::of_reading(source).unwrap_or(Remedy::CheckNetwork),
            Self::Attestation(error) => error.remedy(),
            Self::ThickBundle(_) => Remedy::ExportItsContent,
            Self::Referrer(error) => error.remedy(),
            Self::Documents(error) => error.remedy(),
            Self::Layout(_) => Remedy::ExportFewer,
            Self::TooMuchMetadata(_) => Remedy::ExportLessMetadata,
            Self::EntryName(_) => Remedy::LeaveFileOut,
            Self::Inventory(InventoryError::DuplicateReference { .. }) => Remedy::NameOnce,
            Self::Inventory(InventoryError::FilesCollide { first, second }) => {
                Remedy::SeparateArchives { items: [first.to_string(), second.to_string()] }
            }
            Self::Inventory(InventoryError::TooManyFiles { .. }) => Remedy::ExportFewer,
            Self::Inventory(InventoryError::TooManyPlatforms { .. }) => Remedy::ExportFewerPlatforms,
            Self::Inventory(InventoryError::TooManyLeftOut { .. }) => Remedy::ExportFewer,
            Self::Inventory(InventoryError::Text { what: "component", .. }) => Remedy::CorrectBundle,
            Self::Inventory(_) => Remedy::ShortenName,
            Self::Sign(error) => error.remedy(),
            Self::Seal(error) => error.remedy(),
        }
    }
}

/// An archive that has been judged and sealed, and only needs its content.
pub struct Prepared {
    seal: Seal,
    files: BTreeMap<EntryName, Vec<u8>>,
    plan: Plan,
    judgement: Judgement,
    red_line: Option<Timestamp>,
    items: Vec<ItemReport>,
}

/// Gathers, judges and seals. Nothing is written.
///
/// # Errors
/// [`PrepareError`], for everything that the far side would refuse.
pub fn prepare(
    plan: Plan,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    settings: &ExportSettings<'_>,
) -> Result<Prepared, PrepareError> {
    let Foreseen { inventory, files, judgement, red_line, items, length: _ } = foresee(&plan, trust, live, settings)?;
    let statement = inventory.to_statement()?;
    let signatures = settings.keys.iter().map(|key| seal::sign(&statement, key)).collect::<Result<_, _>>()?;
    let seal = Seal::new(inventory, signatures)?;
    Ok(Prepared { seal, files, plan, judgement, red_line, items })
}

/// The bytes of `bundle.json` and of manifests, by digest.
type DocumentContents = BTreeMap<Digest, Arc<[u8]>>;

/// The files that inspections can look at, in the order of the archive, as far as the far side reads them ahead.
fn inspected_files(plan: &Plan) -> Result<DocumentContents, PrepareError> {
    let mut read = DocumentContents::new();
    let documents = plan.closed.documents();
    let mut blobs = plan.closed.blobs();
    blobs.retain(|blob| !documents.contains_key(blob.digest));
    let in_room = count_in_room(0, blobs.iter().map(|blob| blob.size));
    let files: HashSet<&Digest> = plan.closed.files().map(|file| &file.descriptor.digest).collect();
    for Blob { digest, size } in blobs.into_iter().take(in_room) {
        let Some(origin) = plan.origins.get(digest).filter(|_| files.contains(digest)) else { continue };
        let unfetched = |source| PrepareError::Source { digest: digest.clone(), source };
        let mut bytes = Vec::new();
        let content =
            origin.open(&Descriptor::new("", digest.clone(), size)).map_err(unfetched)?.read_to_end(&mut bytes);
        content.map_err(|source| PrepareError::Read { digest: digest.clone(), source })?;
        read.insert(digest.clone(), bytes.into());
    }
    Ok(read)
}

/// What a plan claims, to be judged.
fn question<'a>(
    plan: &Plan,
    documents: &'a DocumentContents,
    terms: &'a Terms,
    inspections: Inspections<'a>,
) -> Question<'a> {
    Question { items: Item::all(&plan.items), terms, inspections, documents }
}

/// What the live repositories say, judged and gathered. Inspections are run later, and once, over what was gathered.
fn gather(
    plan: &Plan,
    documents: &DocumentContents,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    settings: &ExportSettings<'_>,
) -> Result<Carried, JudgementError> {
    let terms = Terms::live(trust, settings.now);
    let question = question(plan, documents, &terms, Inspections::NotRun);
    let mut gathering = trust.clone();
    gathering.policy.inspections = policy::InspectionPolicy::Optional;
    let mut ahead = trust::fetch_ahead(&question, &gathering, live, settings.extent, &settings.workers);
    let mut live = ahead.iter_mut().map(|(name, repository)| (name.clone(), repository.carrier())).collect();
    trust::gather(&gathering, &mut live, settings.extent, settings.now, |trust, carriers| {
        trust::judge(&question, trust, carriers).map(drop)
    })
}

/// The same check of documents that the far side makes, from only their bytes.
fn check_documents(inventory: &Inventory, plan: &Plan) -> Result<Closed, DocumentError> {
    let contents = plan.closed.documents();
    let mut documents = Documents::expected_by(inventory);
    for blob in plan.closed.blobs() {
        if let Some(bytes) = contents.get(blob.digest) {
            documents.add(blob.digest, bytes.to_vec())?;
        }
    }
    documents.bind(inventory)?.close(inventory)
}

/// The same check of attestations that the far side makes. Each is fetched for this, and again when it is written.
fn check_attestations(mut judgement: Attestations, plan: &Plan) -> Result<Judgement, PrepareError> {
    for Blob { digest, size } in plan.closed.blobs() {
        let Some(origin) = plan.origins.get(digest).filter(|_| judgement.expects(digest)) else { continue };
        judgement.require_length(digest, size)?;
        let unfetched = |source| PrepareError::Source { digest: digest.clone(), source };
        let mut bytes = Vec::new();
        let descriptor = Descriptor::new("", digest.clone(), size);
        let read = origin.open(&descriptor).map_err(unfetched)?.read_to_end(&mut bytes);
        read.map_err(|source| PrepareError::Read { digest: digest.clone(), source })?;
        judgement.check(digest, &bytes)?;
    }
    Ok(judgement.close()?)
}

/// The same check of thick bundles that the far side makes. Each is read once for this, and again when it is written.
fn check_thick_bundles(closed: &Closed, inventory: &Inventory, plan: &Plan) -> Result<(), PrepareError> {
    let packed = closed.packed();
    for digest in closed.thick_bundles() {
        let Some(expected) = closed.thick_content(digest, &inventory.items, &packed) else { continue };
        let record = inventory.entries.iter().find(|entry| entry.digest == *digest);
        let Some((origin, record)) = plan.origins.get(digest).zip(record) else { continue };
        let unfetched = |source| PrepareError::Source { digest: digest.clone(), source };
        let content = origin.open(&Descriptor::new("", digest.clone(), record.size)).map_err(unfetched)?;
        expected.check::<PrepareError>(content, record.size, |_, _| Ok(()))?;
    }
    Ok(())
}

/// The inventory, and the content of every entry that is not a blob.
fn inventory(
    plan: &Plan,
    carried: &Carried,
    settings: &ExportSettings<'_>,
) -> Result<(Inventory, BTreeMap<EntryName, Vec<u8>>), PrepareError> {
    let mut inventory = Inventory {
        base: settings.base.map(|base| base.record.clone()),
        entries: Vec::new(),
        exported_at: settings.exported_at,
        exporter: settings.exporter.clone(),
        format_version: FormatVersion::CURRENT,
        items: plan.items.clone(),
        repositories: Vec::new(),
    };
    let mut files = BTreeMap::new();
    for (name, repository) in &carried.repositories {
        inventory.repositories.push(RepositoryRecord { name: name.clone() });
        for (file, bytes) in repository.metadata.files() {
            // TUF writes file names percent-encoded, and an entry name encodes what it is given.
            let file = percent_decode_str(file).decode_utf8_lossy();
            files.insert(EntryName::tuf_metadata(name, &file)?, bytes.clone());
        }
        for (path, bytes) in repository.targets.files() {
            files.insert(EntryName::tuf_target(name, path)?, bytes.clone());
        }
    }
    let index = archive_layout::index(&inventory)?;
    archive_layout::check_index(&index, &inventory)?;
    let head = [(EntryName::oci_layout(), archive_layout::MARKER.to_vec()), (EntryName::oci_index(), index)];
    let tuf = files.iter().map(|(name, bytes)| EntryRecord::of(name.clone(), bytes));
    let head_records = head.iter().map(|(name, bytes)| EntryRecord::of(name.clone(), bytes));
    let layers = plan.closed.other_layers();
    let blobs = plan.closed.blobs().into_iter().map(|blob| EntryRecord {
        // The one place where that is decided.
        absent: layers.contains(blob.digest) && settings.base.is_some_and(|base| base.leaves_out(blob.digest)),
        ..EntryRecord::blob(blob.digest, blob.size)
    });
    inventory.entries = head_records.chain(tuf).chain(blobs).collect();
    files.extend(head);
    Ok((inventory, files))
}

impl Prepared {
    /// The sealed inventory.
    pub fn inventory(&self) -> &Inventory {
        self.seal.inventory()
    }

    /// What the far side will report of the items, if it trusts what this side does.
    pub fn items(&self) -> &[ItemReport] {
        &self.items
    }

    /// What was proven on this side.
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// What should be known about the repositories that vouch for something, about what nobody vouches for, about the bundles, and
    /// about platforms that nothing is there for.
    pub fn warnings(&self) -> Vec<Warning> {
        let findings = self.judgement.findings();
        let mut warnings: Vec<_> = of_repositories(&findings.repositories).collect();
        warnings.extend(not_vouched_for(findings));
        warnings.extend(of_attestations(findings));
        warnings.extend(self.plan.closed.bundle_warnings(&self.plan.items));
        warnings.extend(self.plan.absent.iter().cloned());
        warnings
    }

    /// The referrers of the images that are not carried.
    pub fn left_out(&self) -> &[LeftOutReferrer] {
        &self.plan.left_out
    }

    /// The digest of the sealed statement: it identifies the archive.
    pub fn statement_digest(&self) -> Digest {
        self.seal.bytes().statement_digest()
    }

    /// The fingerprints of the keys that seal the archive.
    pub fn sealed_by(&self) -> Vec<Digest> {
        self.seal.bytes().signatures().iter().map(|signature| signature.key.clone()).collect()
    }

    /// The instant after which the policy of this side would refuse the archive.
    pub fn red_line(&self) -> Option<Timestamp> {
        self.red_line
    }

    /// How long the archive will be, in bytes.
    pub fn length(&self) -> u64 {
        self.seal.layout().length
    }

    /// The volumes that the archive is cut into.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn volumes(&self, cut: Cut) -> Result<VolumeShape, ShapeError> {
        let (data, parity) = cut.counts(self.length())?;
        shape_of(self.seal.bytes(), data, parity, self.length())
    }

    /// How many bytes of content will be written.
    pub fn content_bytes(&self) -> u64 {
        self.inventory().carried().map(|entry| entry.size).sum()
    }

    /// What the history says of it, once the archive is written.
    pub fn history_line(&self, now: Timestamp, sealed_by: Vec<String>, receipt: Option<SeenReceipt>) -> NewHistoryLine {
        let Inventory { exported_at, items, .. } = self.inventory();
        NewHistoryLine {
            time: now,
            event: HistoryEvent::Export,
            archive: self.statement_digest(),
            exported_at: *exported_at,
            sealed_by,
            items: items.len(),
            level: self.judgement.findings().lowest_level(),
            place: None,
            receipt,
        }
    }

    /// What to remember about the repositories once the archive is written: the metadata that this side accepted, but
    /// no export time, which only the far side remembers.
    pub fn states(&self, trust: &Trust) -> BTreeMap<RepositoryName, TrustedState> {
        let state = |evidence: &trust::RepositoryEvidence| {
            let mut state = evidence.next_state.clone();
            state.last_export = trust.repositories.get(&evidence.name).and_then(|pinned| pinned.state.last_export);
            (evidence.name.clone(), state)
        };
        self.judgement.findings().repositories.iter().map(state).collect()
    }
}
