//! Failures, as an operator reads them: what happened, why, and what to do.
//!
//! The one place that turns each error into a message, its causes, a hint and an exit code. No `match` here has a `_`
//! arm: a new way to fail does not compile until someone has decided what to tell the operator.

mod archive;
mod judgement;
#[cfg_attr(not(feature = "network"), path = "no_network.rs")]
mod network;
mod seal;
mod sink;
mod source;
mod trust_store;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::error::ErrorKind;
use sealift_archive_format::FormatError;
use sealift_core::export::{ExportError, PlanError, PrepareError};
use sealift_core::import::ImportError;
use sealift_core::layout::LayoutError;
use sealift_core::oci::ReferenceError;
use sealift_core::place::PlaceError;
use sealift_core::seal::SignError;
use sealift_core::trust_store::{NameError, TrustStoreError};
use sealift_core::tuf_repository::mirror::MirrorError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_proof::freshness::LooserFreshness;
use sealift_proof::in_toto::Refusal;
use sealift_proof::signature::{KeyError, SigningKeyError};
use sealift_sample_publisher::PublishError;

use crate::exit_code::ExitCode;
pub(crate) use network::NetworkError;

use crate::terminal;
use crate::terminal::text::{self, Line, Text};

/// What an error begins with.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// What a command could not do, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    attempt: String,
    reason: Box<Reason>,
}

/// Why a command failed: an error of the domain, or one of the command itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    /// The command line is not valid.
    #[error("{0}")]
    CommandLine(String),
    /// A file cannot be read or written.
    #[error("{}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that would be overwritten is there already.
    #[error("{} already exists", .0.display())]
    FileExists(PathBuf),
    /// A file is longer than anything it could be.
    #[error("{} is longer than {limit} bytes", .path.display())]
    FileTooLong {
        /// The file.
        path: PathBuf,
        /// The longest that is read, in bytes.
        limit: u64,
    },
    /// Standard output cannot be written to.
    #[error("standard output")]
    StandardOutput(#[source] io::Error),
    /// The terminal cannot be asked for a passphrase.
    #[error("the terminal cannot be used to ask for it")]
    Terminal(#[source] io::Error),
    /// There is no home folder, and no trust store was named.
    #[error("there is no home folder")]
    NoHomeFolder,
    /// `SOURCE_DATE_EPOCH` is not a time.
    #[error("SOURCE_DATE_EPOCH is {0:?}, which is not a number of seconds since 1970")]
    SourceDateEpoch(String),
    /// The passphrase has no characters.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The passphrase was typed differently the second time.
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    /// A public key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A private key.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// Adding a signature to an archive.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The trust store.
    #[error(transparent)]
    TrustStore(#[from] TrustStoreError),
    /// A name in the trust store.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An import or a signature was asked for by a clock that takes what the policy refuses.
    #[error(transparent)]
    Freshness(#[from] LooserFreshness),
    /// The folder of a TUF repository is not a folder.
    #[error("{} is not a folder", .0.display())]
    NoTufFolder(PathBuf),
    /// A TUF repository was named twice.
    #[error("--tuf names this repository twice")]
    TufTwice,
    /// A file was given where an image should be.
    #[error("{} is a file, not an image", .0.display())]
    NotAnImage(PathBuf),
    /// The network cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A build without the network was asked for something that is behind one.
    #[error("this build of sealift has no network")]
    NoNetwork,
    /// A reference is not valid.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A place is not one.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A layout cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An export cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An archive cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// An archive cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The head of an archive is refused.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// An archive cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The content of an archive is refused.
    #[error(transparent)]
    Receive(#[from] ReceiveError<Infallible>),
    /// An archive was not delivered.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A TUF mirror cannot be written.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The sample cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The demo did not go as it should.
    #[error("{0}")]
    Demo(&'static str),
}

/// What to do about a failure.
struct Advice {
    exit_code: ExitCode,
    hint: String,
}

fn advice(exit_code: ExitCode, hint: impl Into<String>) -> Advice {
    Advice { exit_code, hint: hint.into() }
}

impl Reason {
    fn advice(&self) -> Advice {
        match self {
            Self::CommandLine(_) => advice(ExitCode::Usage, "see `sealift help`, or `sealift help COMMAND`"),
            Self::File { path, source } => file(path, source),
            Self::FileExists(_) => {
                advice(ExitCode::System, "choose another name, or move the existing file away first")
            }
            Self::FileTooLong { .. } => advice(ExitCode::System, "check that this is the file you meant"),
            Self::StandardOutput(_) => advice(ExitCode::System, "check where standard output is redirected to"),
            Self::Terminal(_) => advice(ExitCode::System, "give the passphrase with --passphrase-file"),
            Self::NoHomeFolder => advice(ExitCode::Usage, "name the trust store with --trust DIR or SEALIFT_TRUST"),
            Self::SourceDateEpoch(_) => advice(ExitCode::Usage, "unset SOURCE_DATE_EPOCH, or set it to whole seconds"),
            Self::EmptyPassphrase | Self::PassphrasesDiffer => {
                advice(ExitCode::Key, "type the same passphrase twice; nothing was written")
            }
            Self::Key(error) => key(error),
            Self::SigningKey(error) => signing_key(error),
            Self::Sign(error) => seal::sign(error),
            Self::TrustStore(error) => trust_store::trust_store(error),
            Self::Name(_) => advice(
                ExitCode::Usage,
                "use lower-case letters, digits, -, _ and ., beginning with a letter or a digit",
            ),
            Self::Freshness(error) => judgement::looser_freshness(error),
            Self::NoTufFolder(_) => advice(
                ExitCode::Source,
                "name the folder or URL that contains the repository's metadata/: --tuf REPOSITORY=LOCATION",
            ),
            Self::TufTwice => advice(ExitCode::Usage, "give one location for each repository"),
            Self::NotAnImage(_) => advice(ExitCode::Usage, "export a bundle.json with --bundle NAME=FILE"),
            Self::Network(error) => network::network(error),
            Self::NoNetwork => advice(
                ExitCode::Usage,
                "name OCI image layouts (NAME=oci:DIR, --images-from oci:DIR, --to-layout DIR), or use a build with the feature `network`",
            ),
            Self::Reference(_) => advice(ExitCode::Usage, "give a reference such as registry.example.com/org/name:tag"),
            Self::Place(_) => advice(
                ExitCode::Usage,
                "name a file, a layout (oci:FOLDER or oci:FOLDER:REFERENCE), or a reference such as registry.example.com/org/name:tag",
            ),
            Self::Layout(_) => advice(ExitCode::System, "give a folder that holds an OCI image layout"),
            Self::Plan(error) => source::plan(error),
            Self::Prepare(error) => source::prepare(error),
            Self::Export(error) => source::export(error),
            Self::Head(error) => archive::head(error),
            Self::Format(error) => archive::format(error),
            Self::Receive(error) => archive::receive(error, |never| match *never {}),
            Self::Import(error) => sink::import(error),
            Self::Mirror(error) => sink::mirror(error),
            Self::Publish(_) => advice(ExitCode::System, "check the folder in which the demo works"),
            Self::Demo(_) => advice(ExitCode::System, "read the output above, then report this as a bug"),
        }
    }
}

fn file(path: &std::path::Path, source: &io::Error) -> Advice {
    // `ErrorKind` is open: only the standard library can list it in full.
    let hint = if source.kind() == io::ErrorKind::NotFound {
        format!("check the path {}", path.display())
    } else if source.kind() == io::ErrorKind::PermissionDenied {
        format!("check who may read and write {}", path.display())
    } else {
        format!("check {} and the disk it is on", path.display())
    };
    advice(ExitCode::System, hint)
}

fn key(error: &KeyError) -> Advice {
    match error {
        KeyError::Malformed(_) | KeyError::TooLong { .. } => {
            advice(ExitCode::Key, "give a public key in SPKI PEM, as `sealift key public` writes it")
        }
        KeyError::UnsupportedAlgorithm(_) | KeyError::SchemeMismatch(_) | KeyError::RsaSize { .. } => {
            advice(ExitCode::Key, "use an ed25519, ECDSA P-256 or P-384, or RSA key of 2048 to 8192 bits")
        }
        KeyError::BadSignature => advice(ExitCode::Key, "check that the private and the public key belong together"),
    }
}

fn signing_key(error: &SigningKeyError) -> Advice {
    match error {
        SigningKeyError::PassphraseNeeded => {
            advice(ExitCode::Key, "give the passphrase with --passphrase-file, or run in a terminal")
        }
        SigningKeyError::WrongPassphrase => advice(ExitCode::Key, "check the passphrase; nothing was signed"),
        SigningKeyError::Malformed(_) => {
            advice(ExitCode::Key, "give an ed25519 key in PKCS #8 PEM, as `sealift key generate` writes it")
        }
        SigningKeyError::NoRandomness => advice(ExitCode::System, "check that the system's random device works"),
    }
}

/// Says what was being attempted when something failed.
pub(crate) trait Attempt<T> {
    /// Turns the error into a [`Failure`] of `attempt`: "cannot …".
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Reason>> Attempt<T> for Result<T, E> {
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure { attempt: attempt(), reason: Box::new(error.into()) })
    }
}

impl Failure {
    /// What is wrong with the command line, without the usage that follows for people.
    pub(crate) fn command_line(error: &clap::Error) -> Self {
        let text = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a subcommand is missing".to_owned(),
            _ => error.to_string(),
        };
        let problem = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { attempt: "cannot read the command line".to_owned(), reason: Box::new(Reason::CommandLine(problem)) }
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.advice().exit_code
    }

    /// What to do. A server that asks to wait knows best.
    fn advice(&self) -> Advice {
        let Advice { exit_code, hint } = self.reason.advice();
        advice(exit_code, network::wait(&*self.reason).unwrap_or(hint))
    }

    /// The reason, and what each error names as its own source, without repetition.
    fn causes(&self) -> Vec<String> {
        let mut causes = vec![self.reason.to_string()];
        let mut source = self.reason.source();
        while let Some(error) = source {
            let text = error.to_string();
            if causes.last().is_none_or(|last| !last.contains(&text)) {
                causes.push(text);
            }
            source = error.source();
        }
        causes
    }

    /// The refusal of a supply chain among the reasons: it knows how far the verification came.
    fn refusal(&self) -> Option<&Refusal> {
        let mut source: Option<&(dyn Error + 'static)> = Some(&self.reason);
        while let Some(error) = source {
            if let Some(refusal) = error.downcast_ref::<Refusal>() {
                return Some(refusal);
            }
            source = error.source();
        }
        None
    }

    /// Writes the failure to standard error.
    pub(crate) fn report(&self, json: bool) {
        let Advice { exit_code, hint } = self.advice();
        if json {
            let mut object = serde_json::json!({
                "error": self.attempt, "causes": self.causes(), "hint": hint,
                "exitCode": exit_code.number(), "class": exit_code.name(),
            });
            if let (Some(refusal), Some(fields)) = (self.refusal(), object.as_object_mut()) {
                let in_toto = serde_json::json!({ "class": refusal.class(), "trace": refusal.trace });
                fields.insert("inToto".to_owned(), in_toto);
            }
            terminal::tell(&text::json_line(&object).into());
            return;
        }
        terminal::tell(&self.text());
    }

    /// The failure, as a person reads it.
    pub(crate) fn text(&self) -> Text {
        let Advice { hint, .. } = self.advice();
        let mut text = Text::default();
        text.line(Line::default().styled(ERROR, "error:").then(" ").then(&self.attempt));
        for cause in self.causes() {
            text.line(format_args!("  cause: {cause}"));
        }
        if let Some(refusal) = self.refusal() {
            for line in refusal.trace.lines() {
                text.line(format_args!("  trace: {line}"));
            }
        }
        text.line(format_args!("  hint:  {hint}"));
        text
    }
}
