//! `sealift key`: make the keys that seal archives, and show their public halves.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealift_proof::signature::{PublicKey, SigningKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::key::{prompt, read_passphrase, read_signing_key};
use crate::files::output::write_new;
use crate::terminal::text::Text;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a new ed25519 key: FILE (private) and FILE.pub (public)
    #[command(
        after_long_help = "Example:\n  sealift key generate --out exporter.pem --passphrase\n\nBring exporter.pem.pub to the other side separately from any archive, and compare the fingerprint out of band."
    )]
    Generate(GenerateArguments),
    /// Write the public half of a private key to standard output
    #[command(after_long_help = "Example:\n  sealift key public exporter.pem > exporter.pub")]
    Public(PublicArguments),
}

/// Where to write the new key, and how to protect it.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// The file of the private key, readable by its owner only; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Encrypt the private key with a passphrase, which is asked for on the terminal
    #[arg(long)]
    passphrase: bool,

    /// Encrypt the private key with the first line of this file as the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
    passphrase_file: Option<PathBuf>,
}

/// Which key to show.
#[derive(Debug, Args)]
pub(crate) struct PublicArguments {
    /// The file of the private key
    file: PathBuf,

    /// A file whose first line is the passphrase of the key
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// A key, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyReport {
    fingerprint: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_file: Option<PathBuf>,
}

impl KeyReport {
    fn new(key: &SigningKey) -> Result<Self, Failure> {
        let attempt = || "cannot encode the public key".to_owned();
        let public: PublicKey = key.public_key().attempt(attempt)?;
        Ok(Self {
            fingerprint: public.fingerprint().attempt(attempt)?.to_string(),
            public_key: public.to_pem().attempt(attempt)?,
            private_key_file: None,
            public_key_file: None,
        })
    }
}

/// Runs `sealift key …`.
pub(crate) fn run(command: KeyCommand, context: &Context) -> Result<(), Failure> {
    match command {
        KeyCommand::Generate(arguments) => generate(&arguments, context),
        KeyCommand::Public(arguments) => {
            let report = KeyReport::new(&read_signing_key(&arguments.file, arguments.passphrase_file.as_deref())?)?;
            context.remark(format_args!("Fingerprint: {}", report.fingerprint));
            context.result(&report, || {
                let mut pem = Text::default();
                pem.block(&report.public_key);
                pem
            })
        }
    }
}

fn generate(arguments: &GenerateArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot make the key {}", arguments.out.display());
    let passphrase = new_passphrase(arguments)?;
    let key = SigningKey::generate().attempt(attempt)?;
    let pem = key.to_pem(passphrase.as_deref().map(String::as_str)).attempt(attempt)?;
    let mut report = KeyReport::new(&key)?;

    let public_file = with_suffix(&arguments.out, ".pub");
    if public_file.symlink_metadata().is_ok() {
        return Err(Reason::FileExists(public_file)).attempt(attempt);
    }
    write_new(&arguments.out, pem.as_bytes(), 0o600).attempt(attempt)?;
    if let Err(reason) = write_new(&public_file, report.public_key.as_bytes(), 0o644) {
        // One half alone is of no use, and would be in the way of the next attempt.
        let _ = fs::remove_file(&arguments.out);
        return Err(reason).attempt(attempt);
    }

    let encrypted = if passphrase.is_some() { "encrypted" } else { "not encrypted" };
    let mut text = Text::from(format_args!("Private key: {} ({encrypted})", arguments.out.display()));
    text.line(format_args!("Public key:  {}", public_file.display()));
    text.line(format_args!("Fingerprint: {}", report.fingerprint));
    report.private_key_file = Some(arguments.out.clone());
    report.public_key_file = Some(public_file);
    context.result(&report, || text)
}

fn new_passphrase(arguments: &GenerateArguments) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(path) = &arguments.passphrase_file {
        return read_passphrase(path).map(Some);
    }
    if !arguments.passphrase {
        return Ok(None);
    }
    let attempt = || "cannot accept the passphrase".to_owned();
    let first = prompt("New passphrase: ")?;
    if first.is_empty() {
        return Err(Reason::EmptyPassphrase).attempt(attempt);
    }
    if *prompt("Repeat passphrase:  ")? != *first {
        return Err(Reason::PassphrasesDiffer).attempt(attempt);
    }
    Ok(Some(first))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
