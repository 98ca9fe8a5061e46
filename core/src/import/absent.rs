//! What an archive leaves out: proven where it is delivered to, before anything there gets a name.
//!
//! The one place where the target is asked. A layer may be in another repository of the same registry; it is then shared from there.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::Inventory;

use super::shipment::WantedContents;
use super::{DeliveryError, ImportError};
use crate::oci::{Descriptor, Reference, Repository};
use crate::progress::Progress;
use crate::report::AbsentSeen;
use crate::transfer::{Offer, Sink, SinkError, Workers};
use crate::trust_store::Deliveries;

/// The most repositories that are asked for a layer that is not where it should be.
const MAXIMUM_ASKED: usize = 256;
/// How many layers are named to a person.
const MAXIMUM_NAMED: usize = 5;
/// How much is read at once, in bytes.
const BUFFER_LENGTH: usize = 128 << 10;

/// How much of what is left out is looked at in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetProof {
    /// Each layer is read back, once, and has its digest.
    #[default]
    ReadBack,
    /// The target says that it has each layer.
    Present,
}

/// A layer that an archive leaves out, and that the target does not have as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingBlob {
    /// The layer.
    pub digest: Digest,
    /// Its size, in bytes.
    pub size: u64,
    /// Where it is damaged, if it is there.
    pub damaged_in: Option<String>,
}

impl LackingBlob {
    fn of(descriptor: &Descriptor, damaged_in: Option<String>) -> Self {
        Self { digest: descriptor.digest.clone(), size: descriptor.size, damaged_in }
    }

    /// How many layers lack, in words.
    pub fn counted(blobs: &[Self]) -> String {
        match blobs.len() {
            1 => "a layer".to_owned(),
            count => format!("{count} layers"),
        }
    }

    /// The first of the layers that lack, in words, after a colon.
    pub fn listed(blobs: &[Self]) -> String {
        let one = |blob: &Self| match &blob.damaged_in {
            None => format!("{} ({} bytes)", blob.digest, blob.size),
            Some(repository) => format!("{} ({} bytes, damaged in {repository})", blob.digest, blob.size),
        };
        let more = blobs.len().checked_sub(MAXIMUM_NAMED).filter(|more| *more > 0).map(|more| format!("{more} more"));
        let named = blobs.iter().take(MAXIMUM_NAMED).map(one).chain(more).collect::<Vec<_>>();
        format!(": {}", named.join(", "))
    }
}

impl From<TargetProof> for AbsentSeen {
    fn from(proof: TargetProof) -> Self {
        match proof {
            TargetProof::ReadBack => Self::ReadBack,
            TargetProof::Present => Self::Present,
        }
    }
}

/// Asks one target.
pub(super) struct TargetSearch<'a> {
    pub(super) sink: &'a dyn Sink,
    pub(super) proof: TargetProof,
    /// Repositories that may have what is not where it should be.
    pub(super) elsewhere: &'a [Repository],
}

/// The repositories in which this side has delivered to a registry, and that an archive is not delivered to.
pub(super) fn elsewhere(deliveries: &Deliveries, domain: Option<&str>) -> Vec<Repository> {
    let references = deliveries.iter().filter_map(|(key, _)| key.parse::<Reference>().ok());
    let mut seen = HashSet::new();
    let repositories = references.map(|reference| reference.repository().clone());
    let here = repositories.filter(|it| domain == Some(it.domain()) && seen.insert(it.clone()));
    here.take(MAXIMUM_ASKED).collect()
}

impl TargetSearch<'_> {
    /// Proves that each layer that an archive leaves out is in every repository that needs it. One that lacks it shares it from where it
    /// was found.
    ///
    /// # Errors
    /// [`ImportError::Lacking`], with every layer that is not; [`DeliveryError::Blob`] when the target cannot be asked.
    pub(super) fn prove(
        &self,
        wanted: &WantedContents<'_>,
        inventory: &Inventory,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        self.each(wanted, inventory, (workers, progress), |descriptor, repositories| {
            self.shared(descriptor, repositories)
        })
    }

    /// Finds each layer that an archive leaves out in the target, and changes nothing there.
    ///
    /// # Errors
    /// As [`TargetSearch::prove`].
    pub(super) fn look(
        &self,
        wanted: &WantedContents<'_>,
        inventory: &Inventory,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<(), ImportError> {
        self.each(wanted, inventory, (workers, progress), |descriptor, repositories| {
            self.found(descriptor, repositories)
        })
    }

    fn each(
        &self,
        wanted: &WantedContents<'_>,
        inventory: &Inventory,
        (workers, progress): (&Workers, &dyn Progress),
        lacks: impl Fn(&Descriptor, &[&Repository]) -> Result<Option<LackingBlob>, DeliveryError> + Sync,
    ) -> Result<(), ImportError> {
        let left_out: HashSet<&Digest> = inventory.absent().map(|entry| &entry.digest).collect();
        let asked: Vec<_> = wanted.iter().filter(|(digest, _)| left_out.contains(digest)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let lacking = Mutex::new(Vec::new());
        progress.begin("proving what is there", None);
        workers.for_each(
            &asked,
            |(_, (descriptor, _))| descriptor.size,
            |(_, (descriptor, repositories)), _| {
                if let Some(lacks) = lacks(descriptor, repositories)? {
                    lacking.lock().unwrap_or_else(PoisonError::into_inner).push(lacks);
                }
                Ok::<_, DeliveryError>(())
            },
        )?;
        let mut blobs = lacking.into_inner().unwrap_or_else(PoisonError::into_inner);
        blobs.sort_by(|one: &LackingBlob, other| one.digest.cmp(&other.digest));
        match blobs.is_empty() {
            true => Ok(()),
            false => Err(ImportError::Lacking {
                blobs,
                base: inventory.base.clone(),
                unknown: Vec::new(),
                items: super::items(inventory),
            }),
        }
    }

    /// What is wrong with a layer that every repository should have in the end.
    fn shared(
        &self,
        descriptor: &Descriptor,
        repositories: &[&Repository],
    ) -> Result<Option<LackingBlob>, DeliveryError> {
        if let Some(lacking) = self.found(descriptor, repositories)? {
            return Ok(Some(lacking));
        }
        for repository in repositories {
            if !self.has(repository, descriptor)? {
                return Ok(Some(LackingBlob::of(descriptor, None)));
            }
        }
        Ok(None)
    }

    /// What is wrong with a layer that should be somewhere in the target.
    fn found(
        &self,
        descriptor: &Descriptor,
        repositories: &[&Repository],
    ) -> Result<Option<LackingBlob>, DeliveryError> {
        for repository in repositories.iter().copied().chain(self.elsewhere) {
            if !self.has(repository, descriptor)? {
                continue;
            }
            let is_right = self.proof == TargetProof::Present || self.reads_back(repository, descriptor)?;
            let damaged = || LackingBlob::of(descriptor, Some(self.sink.shown(repository)));
            return Ok((!is_right).then(damaged));
        }
        Ok(Some(LackingBlob::of(descriptor, None)))
    }

    fn has(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, DeliveryError> {
        let offered = self.sink.offer(repository, descriptor).map_err(self.failed(repository, descriptor))?;
        Ok(matches!(offered, Offer::There))
    }

    /// Whether the target's content has the digest and the size, as far as the offer has not shown it.
    fn reads_back(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, DeliveryError> {
        let opened = self.sink.read_back(repository, descriptor).map_err(self.failed(repository, descriptor))?;
        let Some(mut content) = opened else { return Ok(true) };
        let mut buffer = vec![0; BUFFER_LENGTH];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::InvalidData | io::ErrorKind::NotFound => return Ok(false),
                    _ => return Err(self.failed(repository, descriptor)(SinkError::ReadBack(error))),
                },
            }
        }
    }

    fn failed(&self, repository: &Repository, descriptor: &Descriptor) -> impl FnOnce(SinkError) -> DeliveryError {
        let (digest, repository) = (descriptor.digest.clone(), self.sink.shown(repository));
        |source| DeliveryError::Blob { digest, repository, source }
    }
}
