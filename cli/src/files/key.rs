//! Reading keys from files, and passphrases from files or the terminal.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use sealift_proof::signature::{PublicKey, SigningKey, SigningKeyError};
use zeroize::Zeroizing;

use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::read_file;
use crate::terminal;
use crate::terminal::text::Line;

/// The longest key or passphrase file that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 64 * 1024;

/// The private key that a command signs with.
#[derive(Debug, Args)]
pub(crate) struct SigningKeyArguments {
    /// The private key that signs: ed25519, PKCS #8 PEM, as `sealift key generate` writes it
    #[arg(long, value_name = "FILE", help_heading = "Seal")]
    key: PathBuf,

    /// A file whose first line is the passphrase of the key
    ///
    /// Without it, the passphrase of an encrypted key is asked for on the terminal.
    #[arg(long, value_name = "FILE", help_heading = "Seal")]
    passphrase_file: Option<PathBuf>,
}

impl SigningKeyArguments {
    /// Reads the key, asking for its passphrase if it has one and none was given.
    pub(crate) fn read(&self) -> Result<SigningKey, Failure> {
        read_signing_key(&self.key, self.passphrase_file.as_deref())
    }
}

/// Reads a private key, asking for its passphrase if it has one and none was given.
pub(crate) fn read_signing_key(path: &Path, passphrase_file: Option<&Path>) -> Result<SigningKey, Failure> {
    let attempt = || format!("cannot read the private key {}", path.display());
    let of_key = |reason| match reason {
        Reason::File { path, source } => Reason::PrivateKeyFile { path, source },
        other => other,
    };
    let pem = Zeroizing::new(read_text(path).map_err(of_key).attempt(attempt)?);
    let passphrase = passphrase_file.map(read_passphrase).transpose()?;
    match SigningKey::from_pem(&pem, passphrase.as_deref().map(String::as_str)) {
        Err(SigningKeyError::PassphraseNeeded) if io::stdin().is_terminal() => {
            let passphrase = prompt(format_args!("Passphrase of {}: ", path.display()))?;
            SigningKey::from_pem(&pem, Some(&passphrase)).attempt(attempt)
        }
        result => result.attempt(attempt),
    }
}

/// Reads a public key: SPKI PEM.
pub(crate) fn read_public_key(path: &Path) -> Result<PublicKey, Failure> {
    let attempt = || format!("cannot read the public key {}", path.display());
    let of_key = |reason| match reason {
        Reason::File { path, source } => Reason::PublicKeyFile { path, source },
        other => other,
    };
    let pem = read_text(path).map_err(of_key).attempt(attempt)?;
    PublicKey::from_pem(&pem, None).attempt(attempt)
}

/// The first line of a passphrase file.
pub(crate) fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let attempt = || format!("cannot read the passphrase file {}", path.display());
    let text = Zeroizing::new(read_text(path).attempt(attempt)?);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(Reason::EmptyPassphrase).attempt(attempt),
    }
}

/// Asks for a passphrase on the terminal, without showing it.
pub(crate) fn prompt(question: impl Into<Line>) -> Result<Zeroizing<String>, Failure> {
    terminal::ask(&question.into()).map_err(Reason::Terminal).attempt(|| "cannot ask for the passphrase".to_owned())
}

fn read_text(path: &Path) -> Result<String, Reason> {
    let bytes = read_file(path, FilePurpose::Key, MAXIMUM_LENGTH)?;
    let not_text = |error| Reason::File { path: path.to_owned(), source: io::Error::other(error) };
    String::from_utf8(bytes).map_err(not_text)
}
