//! The head of an archive: everything that trust needs, which comes before the first layer.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::Inventory;
use sealift_archive_format::reader::{EntryReader, Reader, SealedReader};
use sealift_archive_format::{Digest, FormatError};
use sealift_proof::in_toto::Inspections;
use sealift_proof::tuf::provider::{CarriedMetadata, CarriedTargets};

use super::documents::{DocumentError, Documents};
use super::receive::ReadAhead;
use super::{Head, Judged, VerifySettings};
use crate::archive_layout::{self, ArchiveLayoutError};
use crate::remedy::{ExporterMatter, Remediable, Remedy};
use crate::seal::{self, ExporterKey, SealError};
use crate::trust::{
    self, Carried, CarriedRepository, Item, JudgementError, MAXIMUM_TUF, OpenRefusal, Question, ReferrerRefusal, Terms,
};
use crate::trust_store::{RepositoryName, Trust, TrustBasis};

/// An inventory lists more than may be held in memory before judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the archive carries {length} bytes of TUF metadata; the limit is {MAXIMUM_TUF}")]
pub struct TooMuchMetadata {
    /// How many bytes the inventory lists.
    pub length: u64,
}

/// Why the head of an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// It is not in the format, or not what its seal says.
    #[error("the archive is not what its seal says")]
    Format(#[from] FormatError),
    /// Too few of the pinned exporters have sealed it.
    #[error("the seal is refused")]
    Seal(#[from] SealError),
    /// The OCI layout files do not match the inventory.
    #[error("the archive's OCI layout does not match its inventory")]
    Layout(#[from] ArchiveLayoutError),
    /// It carries more TUF metadata than the limit.
    #[error(transparent)]
    TooMuchMetadata(#[from] TooMuchMetadata),
    /// Its documents are inconsistent.
    #[error("the bundles and manifests in the archive are inconsistent")]
    Documents(#[from] DocumentError),
    /// A referrer of an image is not accepted.
    #[error("a referrer of an image is refused")]
    Referrer(#[from] ReferrerRefusal),
    /// Its content is refused by judgement.
    #[error(transparent)]
    Judgement(#[from] JudgementError),
}

impl From<OpenRefusal> for HeadError {
    fn from(refusal: OpenRefusal) -> Self {
        match refusal {
            OpenRefusal::Referrer(error) => error.into(),
            OpenRefusal::Judgement(error) => error.into(),
        }
    }
}

impl Remediable for HeadError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Format(error) => error.remedy(),
            Self::Seal(error) => error.remedy(),
            Self::Layout(_) | Self::TooMuchMetadata(_) => Remedy::AskExporter { about: ExporterMatter::Archive },
            Self::Documents(error) => error.remedy(),
            Self::Referrer(error) => error.remedy(),
            Self::Judgement(error) => error.remedy().in_archive(),
        }
    }
}

/// Reads the head of an archive and judges it: frame, seal, TUF, binding, in-toto, level, and the graph of documents.
///
/// # Errors
/// [`HeadError`]: the first rule that is broken. No byte of a layer has been read, and nothing was written.
pub fn open<R: Read>(input: R, trust: &Trust, settings: &VerifySettings<'_>) -> Result<Judged<R>, HeadError> {
    open_sealed(Reader::open_with_limit(input, trust.policy.limits.seal_length)?, trust, settings)
}

/// Judges the head of an archive whose seal has already been read.
///
/// # Errors
/// As [`open`].
pub fn open_sealed<R: Read>(
    sealed: SealedReader<R>,
    trust: &Trust,
    settings: &VerifySettings<'_>,
) -> Result<Judged<R>, HeadError> {
    let exporters: Vec<ExporterKey> =
        trust.exporters.iter().map(|(name, key)| ExporterKey { name: name.to_string(), key: key.clone() }).collect();
    let seal = seal::verify(sealed.seal(), &exporters, trust.policy.exporter_threshold)?;
    let inventory = Arc::clone(seal.inventory());
    let mut reader = sealed.with_inventory(Arc::clone(&inventory));
    let (mut carried, documents) = read_head(&mut reader, &inventory)?;
    let bound = documents.bind(&inventory)?;
    let mut contents = bound.contents();
    let mut ahead = ReadAhead::default();
    if let Inspections::Run(_) = settings.inspections {
        // Inspections look at files, which come after the documents.
        let files: HashSet<&Digest> = inventory.files().map(|file| &file.descriptor.digest).collect();
        ahead.read_if_room(&mut reader, &inventory, &files)?;
        let read = files.into_iter().filter_map(|file| Some((file.clone(), Arc::clone(ahead.content(file)?))));
        contents.extend(read);
    }
    let terms = Terms::of_archive(
        trust,
        settings.now,
        settings.asked,
        settings.purpose,
        inventory.exported_at,
        carried.repositories.keys(),
    )
    .map_err(JudgementError::from)?;
    let question = Question {
        items: Item::all(&inventory.items),
        terms: &terms,
        inspections: settings.inspections,
        documents: &contents,
    };
    let judgement = trust::judge_carried(&question, trust, &mut carried)?;
    // Graphs are walked only for what has been accepted.
    let closed = bound.close(&inventory)?;
    let judgement = judgement.await_attestations(&closed.named_graphs(&inventory), &closed.documents())?;
    let exporter_threshold = trust.policy.exporter_threshold;
    let basis = TrustBasis::of(trust);
    let absent = Vec::new();
    let head = Head { inventory, seal, closed, carried, terms, basis, exporter_threshold, absent };
    Ok(Judged { reader, judgement, head, ahead })
}

/// Reads the entries before the first blob that is not a document.
fn read_head<R: Read>(reader: &mut Reader<R>, inventory: &Inventory) -> Result<(Carried, Documents), HeadError> {
    check_tuf_length(inventory)?;
    let mut documents = Documents::expected_by(inventory);
    let names = inventory.repositories.iter().map(|repository| repository.name.clone());
    let mut files: BTreeMap<RepositoryName, TufFiles> = names.map(|name| (name, TufFiles::default())).collect();
    for record in &inventory.entries {
        let name = record.name.clone();
        if let EntryPlace::Blob(digest) = name.place() {
            if !documents.expects(digest) {
                break;
            }
            documents.check_room(record.size)?;
        }
        // Before what is here is taken for it.
        if record.absent {
            return Err(DocumentError::Absent { digest: record.digest.clone() }.into());
        }
        let Some(mut entry) = reader.next_entry()? else { break };
        match name.place() {
            EntryPlace::OciLayout => archive_layout::check_marker(&read(&mut entry)?)?,
            EntryPlace::OciIndex => archive_layout::check_index(&read(&mut entry)?, inventory)?,
            EntryPlace::TufMetadata { repository, .. } => {
                let file = name.as_str().rsplit('/').next().unwrap_or_default().to_owned();
                files.entry(repository.clone()).or_default().metadata.insert(file, read(&mut entry)?);
            }
            EntryPlace::TufTarget { repository, path } => {
                files.entry(repository.clone()).or_default().targets.insert(path.clone(), read(&mut entry)?);
            }
            EntryPlace::Blob(digest) => documents.add(digest, read(&mut entry)?)?,
            EntryPlace::Seal => {}
        }
    }
    let repositories = files.into_iter().map(|(name, files)| (name, files.into())).collect();
    Ok((Carried { repositories }, documents))
}

/// Reads an entry whole. The caller has checked its size.
fn read<R: Read>(entry: &mut EntryReader<'_, R>) -> Result<Vec<u8>, HeadError> {
    Ok(entry.read_all()?)
}

/// Everything that is not a blob is held in memory, so there is a limit on the total. Both sides check it.
pub(crate) fn check_tuf_length(inventory: &Inventory) -> Result<(), TooMuchMetadata> {
    let held = inventory.entries.iter().filter(|entry| !matches!(entry.name.place(), EntryPlace::Blob(_)));
    let length = held.map(|entry| entry.size).fold(0, u64::saturating_add);
    if length > MAXIMUM_TUF { Err(TooMuchMetadata { length }) } else { Ok(()) }
}

/// The files of one repository, as they arrive.
#[derive(Default)]
struct TufFiles {
    metadata: BTreeMap<String, Vec<u8>>,
    targets: BTreeMap<String, Vec<u8>>,
}

impl From<TufFiles> for CarriedRepository {
    fn from(files: TufFiles) -> Self {
        Self { metadata: CarriedMetadata::new(files.metadata), targets: CarriedTargets::new(files.targets) }
    }
}
