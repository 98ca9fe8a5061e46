//! What an export leaves out: what the far side says that it holds, or what was sent before.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_core::export::{AssumedArchive, Base, assume};
use sealift_core::receipt::{self, MAXIMUM_LENGTH};
use sealift_core::seal::ExporterKey;
use sealift_core::trust_store::{ReceiverName, SeenReceipt, Trust, TrustStore};
use sealift_proof::signature::SigningKey;

use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::archive::ArchiveArgument;
use crate::files::input::read_file;

/// What is left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct BaseArguments {
    /// Leave out the layers that the far side holds, as its receipt says
    ///
    /// The receipt must be signed by a key that was added with `trust add-receiver`, and none that is older than one used here before
    /// is taken. One that is a single line lists no layers: it takes --assume too. Everything that trust needs is carried all the same, and the far side proves what it holds before it sets a tag.
    #[arg(long, value_name = "RECEIPT", help_heading = "Delta")]
    since: Option<PathBuf>,

    /// The site that the archive is for: the receipt of another one is refused
    #[arg(long, value_name = "NAME", requires = "since", help_heading = "Delta")]
    receiver: Option<ReceiverName>,

    /// Leave out the layers of this archive, which was sent before; may be given more than once
    ///
    /// For a link on which nothing comes back; or beside --since, which then has to confirm each of these archives. Its seal is verified, by the key that seals the new archive or by pinned exporters.
    #[arg(long, value_name = "ARCHIVE", help_heading = "Delta")]
    assume: Vec<PathBuf>,

    /// Carry this layer all the same; may be given more than once
    #[arg(long, value_name = "DIGEST", help_heading = "Delta")]
    carry: Vec<Digest>,
}

/// What is left out, and by which receipt.
#[derive(Default)]
pub(crate) struct ReadBase {
    pub(crate) base: Option<Base>,
    pub(crate) receipt: Option<SeenReceipt>,
}

impl BaseArguments {
    /// Reads and verifies it. The key that seals counts as an exporter's.
    pub(crate) fn read(
        &self,
        store: &TrustStore,
        (trust, now): (&Trust, Timestamp),
        key: Option<&SigningKey>,
    ) -> Result<ReadBase, Failure> {
        let (carry, archives) = (self.carry.iter().cloned(), self.assumed(trust, key)?);
        if let Some(path) = &self.since {
            let attempt = || format!("cannot use the receipt {}", path.display());
            let bytes = read_file(path, FilePurpose::Receipt, MAXIMUM_LENGTH).attempt(attempt)?;
            let receivers = store.receivers().attempt(attempt)?;
            let receipt = receipt::verify(&bytes, &receivers, self.receiver.as_ref()).attempt(attempt)?;
            receipt.require_newest(&store.history().attempt(attempt)?, now).attempt(attempt)?;
            let base = Base::of_confirmed(&receipt, archives, carry).map_err(Reason::Assume).attempt(attempt)?;
            return Ok(ReadBase { base: Some(base), receipt: Some(receipt.seen().clone()) });
        }
        match archives.is_empty() {
            true => Ok(ReadBase::default()),
            false => Ok(ReadBase { base: Some(Base::of_archives(archives, carry)), receipt: None }),
        }
    }

    /// The archives that were sent before. The key that seals counts as an exporter's.
    fn assumed(&self, trust: &Trust, key: Option<&SigningKey>) -> Result<Vec<AssumedArchive>, Failure> {
        let mut exporters: Vec<ExporterKey> = trust
            .exporters
            .iter()
            .map(|(name, key)| ExporterKey { name: name.to_string(), key: key.clone() })
            .collect();
        if let Some(key) = key {
            let key = key.public_key().attempt(|| "cannot seal".to_owned())?;
            exporters.push(ExporterKey { name: "the key that seals".to_owned(), key });
        }
        self.assume.iter().map(|path| assumed(path, &exporters)).collect()
    }
}

fn assumed(path: &Path, exporters: &[ExporterKey]) -> Result<AssumedArchive, Failure> {
    let attempt = || format!("cannot rest on {}", path.display());
    let input = ArchiveArgument::named(path).open_files()?;
    assume(input.reader, exporters).map_err(Reason::Assume).attempt(attempt)
}
