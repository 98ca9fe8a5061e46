//! Receipts that this side makes: who it is, and by which key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_core::receipt::{self, AcceptedRepository, Holdings, Receipt, ReceiptTerms};
use sealift_core::trust_store::{ReceiverName, TrustStore, TrustStoreError};
use sealift_core::whole_file;
use sealift_proof::signature::SigningKey;
use serde::Serialize;

use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::key::read_signing_key;
use crate::terminal::text::counted;

/// The roles of TUF whose versions a receipt states.
const ROLES: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

/// The site and its key.
#[derive(Debug, Clone, Args)]
pub(crate) struct SiteArguments {
    /// The name of this site, by which the connected side has added its key
    #[arg(long, value_name = "NAME", help_heading = "Receipt")]
    site: ReceiverName,

    /// The private key of this site: ed25519, PKCS #8 PEM, as `sealift key generate` writes it
    #[arg(long, value_name = "FILE", help_heading = "Receipt")]
    key: PathBuf,

    /// A file whose first line is the passphrase of the key
    #[arg(long, value_name = "FILE", help_heading = "Receipt")]
    passphrase_file: Option<PathBuf>,
}

/// The same beside the options of an import.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportReceiptArguments {
    /// Also write a receipt for the connected side: what was accepted here, and which layers are there now
    #[arg(long, value_name = "FILE", requires_all = ["receipt_key", "site"], help_heading = "Receipt")]
    receipt: Option<PathBuf>,

    /// The name of this site, by which the connected side has added its key
    #[arg(long, value_name = "NAME", requires = "receipt", help_heading = "Receipt")]
    site: Option<ReceiverName>,

    /// The private key of this site: ed25519, PKCS #8 PEM, as `sealift key generate` writes it
    #[arg(long, value_name = "FILE", requires = "receipt", help_heading = "Receipt")]
    receipt_key: Option<PathBuf>,

    /// A file whose first line is the passphrase of the site's key
    #[arg(long, value_name = "FILE", requires = "receipt", help_heading = "Receipt")]
    receipt_passphrase_file: Option<PathBuf>,

    /// Write the receipt as one line, for a phone or an email: it confirms the archive that was exported last of those that were imported
    /// there, and lists no layers
    #[arg(long, requires = "receipt", conflicts_with = "inventory", help_heading = "Receipt")]
    pub(crate) receipt_brief: bool,

    /// Also ask the registry or layout what it holds of earlier imports
    #[arg(long, requires = "receipt", help_heading = "Receipt")]
    pub(crate) inventory: bool,
}

/// A site that can sign.
pub(crate) struct Site {
    name: ReceiverName,
    key: SigningKey,
    file: PathBuf,
}

/// A receipt that was written, as `--json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenReceipt {
    pub(crate) file: PathBuf,
    pub(crate) site: ReceiverName,
    pub(crate) made_at: Timestamp,
    /// What it is about.
    pub(crate) place: String,
    /// The statement digests of the archives that it confirms, the newest first.
    pub(crate) accepted: Vec<Digest>,
    /// How many layers it lists.
    pub(crate) layers: usize,
    /// How long the file is, in bytes.
    pub(crate) bytes: usize,
    /// What is in the file, where it is one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<String>,
}

impl SiteArguments {
    pub(crate) fn read(&self, file: &Path) -> Result<Site, Failure> {
        let key = read_signing_key(&self.key, self.passphrase_file.as_deref())?;
        Ok(Site { name: self.site.clone(), key, file: file.to_owned() })
    }
}

impl ImportReceiptArguments {
    /// The site, where a receipt is to be written.
    pub(crate) fn read(&self) -> Result<Option<Site>, Failure> {
        let Self { receipt: Some(file), site: Some(name), receipt_key: Some(key), .. } = self else { return Ok(None) };
        let key = read_signing_key(key, self.receipt_passphrase_file.as_deref())?;
        Ok(Some(Site { name: name.clone(), key, file: file.clone() }))
    }
}

impl Site {
    /// Signs what this side remembers and holds, and writes it in place of an older receipt.
    pub(crate) fn write(
        &self,
        store: &TrustStore,
        place: &str,
        holdings: Holdings,
        now: Timestamp,
    ) -> Result<WrittenReceipt, Failure> {
        let attempt = || "cannot make a receipt".to_owned();
        let history = store.history().attempt(attempt)?;
        let tuf = accepted(store).attempt(attempt)?;
        let terms = ReceiptTerms { site: &self.name, now, place };
        let made = receipt::make(&terms, &history, tuf, holdings).attempt(attempt)?;
        let bytes = made.sign(&self.key).attempt(attempt)?;
        self.put(made, &bytes, None)
    }

    /// Signs, as one line, that the archive that was exported last of those that were delivered to the place has arrived.
    pub(crate) fn write_brief(
        &self,
        store: &TrustStore,
        place: &str,
        now: Timestamp,
    ) -> Result<WrittenReceipt, Failure> {
        let attempt = || "cannot make a receipt".to_owned();
        let history = store.history().attempt(attempt)?;
        let made = receipt::make_brief(&ReceiptTerms { site: &self.name, now, place }, &history).attempt(attempt)?;
        let line = made.sign(&self.key);
        self.put(made.into(), format!("{line}\n").as_bytes(), Some(line))
    }

    /// Writes it in place of an older receipt.
    fn put(&self, made: Receipt, bytes: &[u8], line: Option<String>) -> Result<WrittenReceipt, Failure> {
        let failed = |source| Reason::File { path: self.file.clone(), source };
        let written = whole_file::replace(&self.file, bytes).map_err(failed);
        written.attempt(|| "cannot make a receipt".to_owned())?;
        Ok(WrittenReceipt {
            file: self.file.clone(),
            site: made.site,
            made_at: made.made_at,
            place: made.place,
            layers: made.holds.iter().map(|held| held.blobs.len()).sum(),
            accepted: made.accepted.into_iter().map(|it| it.statement).collect(),
            bytes: bytes.len(),
            line,
        })
    }
}

/// What was last accepted from each TUF repository.
fn accepted(store: &TrustStore) -> Result<BTreeMap<String, AcceptedRepository>, TrustStoreError> {
    let repository = |name: sealift_core::trust_store::RepositoryName| {
        let mut versions = store.versions(&name)?;
        versions.retain(|role, _| ROLES.contains(&role.as_str()));
        let floor = store.state(&name)?.last_export;
        Ok((name.to_string(), AcceptedRepository { floor, versions }))
    };
    store.repositories()?.into_iter().map(repository).collect()
}

impl WrittenReceipt {
    /// As a person reads it: where it is, and then the receipt itself where it is one line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let extent = match self.line {
            Some(_) => "one line".to_owned(),
            None => counted(self.layers, "layer"),
        };
        let bytes = indicatif::HumanBytes(u64::try_from(self.bytes).unwrap_or(u64::MAX));
        let written = format!("Receipt of {}: {} ({bytes}, {extent})", self.site, self.file.display());
        [written].into_iter().chain(self.line.clone()).collect()
    }
}
