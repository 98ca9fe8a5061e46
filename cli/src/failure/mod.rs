//! Failures, as an operator reads them: what happened, why, and what to do.
//!
//! The one place that turns each error into a message, its causes, a hint and an exit code. What can be done about an error,
//! the error says itself, as a [`Remedy`]; this command words it in its flags. No `match` here has a `_` arm: a new way to fail
//! does not compile until someone has decided how the command ends.

mod archive;
mod causes;
mod judgement;
#[cfg_attr(not(feature = "network"), path = "no_network.rs")]
mod network;
mod receipt;
mod seal;
mod sink;
mod source;
mod trust_store;

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::error::ErrorKind;
use sealift_archive_format::FormatError;
use sealift_core::delivery_file::DeliveryFileError;
use sealift_core::export::{AssumeError, ExportError, LockError, PlanError, PrepareError, ShardError, ValidityError};
use sealift_core::found_path::{self, FoundPath};
use sealift_core::image_scan::ImageScanError;
use sealift_core::import::{ImportError, NameMapError};
use sealift_core::layout::LayoutError;
use sealift_core::place::PlaceError;
use sealift_core::plain_file::FileSourceError;
use sealift_core::receipt::{ReceiptError, SurveyError};
use sealift_core::remedy::{Remediable as _, Remedy, Sought, of_byte_order_mark};
use sealift_core::seal::SignError;
use sealift_core::shipment_file::ShipmentFileError;
use sealift_core::source_file::SourceFileError;
use sealift_core::tag_rule::TagsError;
use sealift_core::tarball::TarballError;
use sealift_core::trust::LookupError;
use sealift_core::trust_store::{NameError, TrustStoreError};
use sealift_core::tuf_repository::mirror::MirrorError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_core::volume_set::VolumeSetError;
use sealift_proof::freshness::LooserFreshness;
use sealift_proof::in_toto::Refusal;
use sealift_proof::signature::{KeyError, SigningKeyError};
use sealift_proof::tuf::Dialect;
use sealift_sample_publisher::PublishError;

use crate::exit_code::ExitCode;
pub(crate) use causes::in_one_line;
pub(crate) use network::NetworkError;

use crate::terminal;
use crate::terminal::remedy::{policy_lines, words};
use crate::terminal::shell::help;
use crate::terminal::text::{self, Line, Text};

/// What an error begins with.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// What a command could not do, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    attempt: String,
    reason: Box<Reason>,
    /// The file of the archive that it is about.
    archive: Option<PathBuf>,
    /// What was to be exported, where it is about that.
    wanted: Option<Sought>,
    /// The thick bundle that is meant by what TUF lists, where a bundle in it was to be exported.
    thick_bundle: Option<PathBuf>,
    /// Whether a bundle was to be exported as an image.
    is_of_bundle: bool,
    /// Whether it ended an audit.
    is_of_audit: bool,
    /// What is left for the next attempt.
    left: Option<String>,
}

/// What a file that a person names is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilePurpose {
    /// Something to be exported, which others wrote.
    Content,
    /// A key, or the passphrase of one.
    Key,
    /// What the trust store is to hold.
    Trust,
    /// A setting of this side: credentials, certificates, a map of names.
    Setting,
    /// A list of what is to be exported.
    Shipment,
    /// What another site has sent back.
    Receipt,
}

/// Why a command failed: an error of the domain, or one of the command itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    /// The command line is not valid.
    #[error("{0}")]
    CommandLine(String),
    /// The command line lacks something.
    #[error("{problem}")]
    Incomplete {
        /// What it lacks.
        problem: String,
        /// A command line that has it.
        hint: String,
    },
    /// A file cannot be read or written.
    #[error("cannot read or write {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Temporary files cannot be made.
    #[error("cannot write to {}", .path.display())]
    TemporaryFolder {
        /// The folder for temporary files.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is to hold a private key cannot be read.
    #[error("cannot read {}", .path.display())]
    PrivateKeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is to hold a public key cannot be read.
    #[error("cannot read {}", .path.display())]
    PublicKeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive is a folder.
    #[error("{} is a folder", .0.display())]
    ArchiveIsFolder(PathBuf),
    /// An archive in volumes was to be signed.
    #[error("{} is one of several volumes, or a folder of them, and a signature would change them all", .0.display())]
    VolumesToSign(PathBuf),
    /// Volumes cannot be read or written.
    #[error(transparent)]
    Volumes(#[from] VolumeSetError),
    /// What was to be repaired has no volumes.
    #[error("{} is not a volume, nor a folder with volumes in it", .0.display())]
    NoVolumes(PathBuf),
    /// The results of an import cannot be written where they would be.
    #[error("cannot write to {}", .path.display())]
    Results {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder that something is to be delivered to cannot be written to.
    #[error("cannot write to {}", .path.display())]
    DeliveryFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output is something that cannot be written like a file.
    #[error("{} is {kind}", .path.display())]
    OutputKind {
        /// The output.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A file that would be overwritten is there already.
    #[error("{} already exists", .0.display())]
    FileExists(PathBuf),
    /// A file is longer than anything it could be.
    #[error("{} is longer than {limit} bytes", .path.display())]
    FileTooLong {
        /// The file.
        path: PathBuf,
        /// What it was read as.
        purpose: FilePurpose,
        /// The longest that is read, in bytes.
        limit: u64,
    },
    /// Standard output cannot be written to.
    #[error("cannot write to standard output")]
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
    #[error("{} is not a folder", .metadata.display())]
    NoTufFolder {
        /// The repository.
        repository: String,
        /// Where its metadata would be.
        metadata: PathBuf,
        /// What to give to `--tuf`, where another folder was meant.
        meant: Option<String>,
    },
    /// The folder of a collection of Notary is not a folder.
    #[error("{} is not a folder", .folder.display())]
    NoNotaryFolder {
        /// The repository.
        repository: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A TUF repository was named as one of another dialect than its root.
    #[error("its root is pinned as {dialect}")]
    OtherDialect {
        /// The repository.
        repository: String,
        /// The dialect of its root.
        dialect: Dialect,
    },
    /// A TUF repository was named twice.
    #[error("this repository is named twice")]
    TufTwice,
    /// A file was given where an image should be.
    #[error("{} is not a file that holds images", .0.display())]
    NotAnImage(PathBuf),
    /// A file of images was given where a bundle should be.
    #[error("{} is a docker-archive, which holds images and no bundle", .0.display())]
    NotABundle(PathBuf),
    /// A thick bundle was to travel as it is, but the file holds no images.
    #[error("{} holds no images, so it is not a thick bundle", .0.display())]
    ThinFile(PathBuf),
    /// A file was given to find images in, and has none.
    #[error("{} holds no images", .0.display())]
    NoImages(PathBuf),
    /// A file of another tool cannot be used.
    #[error(transparent)]
    SourceFile(#[from] SourceFileError),
    /// The network cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Connections cannot be waited for.
    #[cfg(feature = "network")]
    #[error("connections cannot be waited for")]
    Listening(#[source] io::Error),
    /// A build without the network was asked for something that is behind one.
    #[error("this build of sealift has no network")]
    NoNetwork,
    /// A map of names.
    #[error(transparent)]
    NameMap(#[from] NameMapError),
    /// A list of what is to be exported.
    #[error(transparent)]
    ShipmentFile(#[from] ShipmentFileError),
    /// What proves an export expires too soon.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// A rule chooses no tags.
    #[error(transparent)]
    Tags(TagsError),
    /// A file cannot be searched for images.
    #[error(transparent)]
    ImageScan(#[from] ImageScanError),
    /// Files name no image.
    #[error("no image is named there")]
    NothingNamed,
    /// There is no such shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A shipment is to be cut, and what its names stand for is not fixed.
    #[error("a shipment that is not locked cannot be cut: machines would not agree on what it is")]
    NotLocked {
        /// The shipment.
        shipment: PathBuf,
    },
    /// The lock of a shipment cannot be used.
    #[error("{}", .file.display())]
    Lock {
        /// The file of the lock.
        file: PathBuf,
        /// The shipment beside it.
        shipment: PathBuf,
        /// Why.
        source: LockError,
    },
    /// A receipt is not used, or cannot be made.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// An archive that was sent before cannot be assumed.
    #[error(transparent)]
    Assume(AssumeError),
    /// It cannot be told what a registry or a layout holds.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A place is not one.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A layout cannot be written to.
    #[error(transparent)]
    Target(LayoutError),
    /// A layout cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An export cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It cannot be told what a file is.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The content of a file cannot be had.
    #[error(transparent)]
    FileSource(#[from] FileSourceError),
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
    /// The file to deliver to cannot be made.
    #[error(transparent)]
    DeliveryFile(#[from] DeliveryFileError),
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

const NOTHING_WRITTEN: &str = "nothing was written";
const NOTHING_IMPORTED: &str = "nothing was imported";
const NOTHING_TAGGED: &str = "nothing was tagged";
const NOTHING_CHANGED: &str = "nothing was changed";
#[cfg(feature = "network")]
const NOTHING_SERVED: &str = "nothing was served";

/// How a command ends, and what it has done by then, where that has to be said.
struct Conclusion {
    exit_code: ExitCode,
    note: Option<&'static str>,
}

impl From<ExitCode> for Conclusion {
    fn from(exit_code: ExitCode) -> Self {
        Self { exit_code, note: None }
    }
}

impl ExitCode {
    /// A conclusion that says what was done or not done.
    const fn noting(self, note: &'static str) -> Conclusion {
        Conclusion { exit_code: self, note: Some(note) }
    }
}

/// What to do about a failure.
struct Advice {
    exit_code: ExitCode,
    /// As a value, if the failure is not one of the command itself.
    remedy: Option<Remedy>,
    /// The words of the command itself, where it has no remedy.
    own_hint: Cow<'static, str>,
    /// What was done by then, where that has to be said.
    note: Option<&'static str>,
}

impl Advice {
    /// What to do, as a person reads it.
    fn hint(&self, archive: Option<&Path>) -> String {
        let hint =
            self.remedy.as_ref().map_or_else(|| self.own_hint.clone().into_owned(), |remedy| words(remedy, archive));
        self.note.map_or_else(|| hint.clone(), |note| format!("{hint}; {note}"))
    }

    /// The lines to add to the policy, where the hint speaks of them.
    fn policy_lines(&self) -> Vec<String> {
        self.remedy.as_ref().map(policy_lines).unwrap_or_default()
    }
}

/// About a failure of the command itself.
fn advice(exit_code: ExitCode, own_hint: impl Into<Cow<'static, str>>) -> Advice {
    Advice { exit_code, remedy: None, own_hint: own_hint.into(), note: None }
}

/// About a failure for which core has a remedy.
fn remedied(conclusion: impl Into<Conclusion>, remedy: Remedy) -> Advice {
    let Conclusion { exit_code, note } = conclusion.into();
    Advice { exit_code, remedy: Some(remedy), own_hint: Cow::Borrowed(""), note }
}

impl Reason {
    /// The file or folder that cannot be used, if the reason says nothing else.
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. }
            | Self::TemporaryFolder { path, .. }
            | Self::PrivateKeyFile { path, .. }
            | Self::PublicKeyFile { path, .. }
            | Self::DeliveryFolder { path, .. }
            | Self::Results { path, .. } => Some(path),
            Self::StandardOutput(_) => Some(Path::new("standard output")),
            _ => None,
        }
    }

    /// The file or folder that the system did not open or make.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Target(LayoutError::Access { path, .. })
            | Self::Layout(LayoutError::Access { path, .. })
            | Self::SourceFile(SourceFileError::Tarball(TarballError::Access { path, .. }))
            | Self::DeliveryFile(DeliveryFileError::Access { path, .. })
            | Self::Volumes(VolumeSetError::Access { path, .. }) => Some(path),
            Self::StandardOutput(_) => None,
            _ => self.file(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::CommandLine(_) => advice(ExitCode::Usage, format!("see what it takes: {}", help())),
            Self::Incomplete { hint, .. } => advice(ExitCode::Usage, hint.clone()),
            Self::File { path, source } => remedied(ExitCode::System, Remedy::of_file(path, source)),
            Self::TemporaryFolder { .. } => advice(
                ExitCode::System,
                "name a folder that exists, and that this user can write to, in the variable TMPDIR; or a new folder: --keep DIR",
            ),
            Self::PrivateKeyFile { path, source }
                if source.kind() == io::ErrorKind::NotFound && path.extension().is_none_or(|it| it != "pub") =>
            {
                remedied(ExitCode::Key, Remedy::MakeKey { path: path.clone(), meant: None })
            }
            Self::PrivateKeyFile { path, source } | Self::PublicKeyFile { path, source } => {
                remedied(ExitCode::Key, Remedy::of_file(path, source))
            }
            Self::ArchiveIsFolder(_) => advice(
                ExitCode::System,
                "give the file of the archive, which `sealift export` wrote; a layout is not one",
            ),
            Self::VolumesToSign(_) => {
                advice(ExitCode::Usage, "say where the new volumes go, for example -o signed/shop; nothing was signed")
            }
            Self::Volumes(error) => remedied(archive::volume_set(error), error.remedy()),
            Self::NoVolumes(_) => remedied(ExitCode::ArchiveFormat, Remedy::GiveVolumes),
            Self::Results { .. } => advice(
                ExitCode::System,
                "name a folder for the results that this user can write to: --results DIR; nothing was imported",
            ),
            Self::DeliveryFolder { path, source } => {
                remedied(ExitCode::Sink.noting(NOTHING_IMPORTED), Remedy::of_file(path, source))
            }
            Self::OutputKind { .. } => advice(
                ExitCode::System,
                "give the name of a new file with -o, or write to standard output with -o - and send it there",
            ),
            Self::FileExists(_) => {
                advice(ExitCode::System, "choose another name, or move the existing file away first")
            }
            // As what else is wrong with such a file.
            Self::FileTooLong { path, purpose, .. } => {
                let exit_code = match purpose {
                    FilePurpose::Content => ExitCode::Source,
                    FilePurpose::Key => ExitCode::Key,
                    FilePurpose::Trust => ExitCode::TrustStore,
                    FilePurpose::Setting => ExitCode::System,
                    FilePurpose::Shipment => ExitCode::Usage,
                    FilePurpose::Receipt => ExitCode::Receipt,
                };
                remedied(exit_code, Remedy::CheckFile { path: path.clone() })
            }
            Self::StandardOutput(_) => advice(ExitCode::System, "check where standard output is redirected to"),
            Self::Terminal(_) => advice(ExitCode::System, "give the passphrase with --passphrase-file"),
            Self::NoHomeFolder => advice(ExitCode::Usage, "name the trust store with --trust DIR or SEALIFT_TRUST"),
            Self::SourceDateEpoch(_) => advice(ExitCode::Usage, "unset SOURCE_DATE_EPOCH, or set it to whole seconds"),
            Self::EmptyPassphrase => advice(
                ExitCode::Key,
                "give a passphrase: type it, or write it into the first line of the file that --passphrase-file names; nothing was written",
            ),
            Self::PassphrasesDiffer => advice(ExitCode::Key, "type the same passphrase twice; nothing was written"),
            Self::Key(error) => remedied(key(error), error.remedy()),
            Self::SigningKey(error) => remedied(signing_key(error), error.remedy()),
            Self::Sign(error) => remedied(seal::sign(error), error.remedy()),
            Self::TrustStore(error) => remedied(trust_store::trust_store(error), error.remedy()),
            Self::Name(error) => remedied(ExitCode::Usage, error.remedy()),
            Self::Freshness(error) => remedied(judgement::looser_freshness(error), error.remedy()),
            Self::NoTufFolder { repository, meant: None, .. } => advice(
                ExitCode::Source,
                format!("name the folder or URL that contains the repository's metadata/: --tuf {repository}=LOCATION"),
            ),
            Self::NoTufFolder { meant: Some(meant), .. } => advice(
                ExitCode::Source,
                format!("name the folder that contains the repository's metadata/: --tuf {meant}"),
            ),
            Self::NoNotaryFolder { repository, .. } => advice(
                ExitCode::Source,
                format!(
                    "name the URL of the server, or the folder that contains root.json and timestamp.json: --notary {repository}=LOCATION"
                ),
            ),
            Self::OtherDialect { repository, dialect: Dialect::Tuf } => {
                advice(ExitCode::Usage, format!("say where its metadata/ is: --tuf {repository}=LOCATION"))
            }
            Self::OtherDialect { repository, dialect: Dialect::Notary(_) } => advice(
                ExitCode::Usage,
                format!("name its server, or the folder of its files: --notary {repository}=LOCATION"),
            ),
            Self::TufTwice => advice(ExitCode::Usage, "give one location for each repository"),
            Self::NotAnImage(_) => remedied(ExitCode::Usage, Remedy::ExportAsBundle),
            Self::NotABundle(_) => remedied(ExitCode::Usage, Remedy::ExportAsImage),
            Self::ThinFile(_) => advice(
                ExitCode::Usage,
                "export it with --bundle instead of --thick-bundle; its images are found by their references, or with --images-from",
            ),
            Self::NoImages(_) => {
                advice(ExitCode::Usage, "name a repository, a layout, or a file that holds images, with --images-from")
            }
            Self::SourceFile(error) => remedied(source::file(error), error.remedy()),
            Self::Network(error) => remedied(network::network(error), error.remedy()),
            #[cfg(feature = "network")]
            Self::Listening(_) => advice(
                ExitCode::System,
                "check the limits of this system on open files and threads (ulimit -n, ulimit -u)",
            ),
            Self::NoNetwork => advice(
                ExitCode::Usage,
                "name layouts or files (NAME=oci:DIR, NAME=FILE, --images-from oci:DIR, --to-layout DIR), or use a build with the feature `network`",
            ),
            Self::NameMap(error) => remedied(ExitCode::System, error.remedy()),
            Self::ShipmentFile(error) => remedied(shipment_file(error), error.remedy()),
            Self::Validity(error) => remedied(ExitCode::Policy.noting(NOTHING_WRITTEN), error.remedy()),
            Self::Tags(error) => remedied(ExitCode::Source.noting(NOTHING_WRITTEN), error.remedy()),
            Self::Shard(error) => remedied(ExitCode::Usage.noting(NOTHING_WRITTEN), error.remedy()),
            Self::NotLocked { shipment } => {
                remedied(ExitCode::Usage.noting(NOTHING_WRITTEN), Remedy::LockFirst { shipment: shipment.clone() })
            }
            Self::ImageScan(error) => remedied(image_scan(error), error.remedy()),
            Self::NothingNamed => remedied(ExitCode::Source.noting(NOTHING_WRITTEN), Remedy::GiveManifests),
            Self::Lock { shipment, source, .. } => remedied(lock(source), source.remedy_for(shipment)),
            Self::Receipt(error) => remedied(receipt::receipt(error), error.remedy()),
            Self::Assume(AssumeError::Format(error)) => remedied(archive::format(error), error.remedy()),
            Self::Assume(AssumeError::Seal(error)) => remedied(archive::seal(error), error.remedy()),
            Self::Assume(error @ (AssumeError::Unconfirmed { .. } | AssumeError::NothingAssumed { .. })) => {
                remedied(ExitCode::Receipt.noting(NOTHING_WRITTEN), error.remedy())
            }
            Self::Survey(error) => remedied(receipt::survey(error), error.remedy()),
            Self::Place(error) => remedied(ExitCode::Usage, error.remedy()),
            Self::Target(_) => remedied(ExitCode::Sink, Remedy::RepairTargetLayout),
            Self::Layout(error) => remedied(source::layout(error), error.remedy()),
            Self::Plan(error) => remedied(source::plan(error), error.remedy()),
            Self::Lookup(error) => remedied(judgement::lookup(error), error.remedy()),
            Self::FileSource(error) => remedied(source::plain_file(error), error.remedy()),
            Self::Prepare(error) => remedied(source::prepare(error), error.remedy()),
            Self::Export(error) => remedied(source::export(error), error.remedy()),
            Self::Head(error) => remedied(archive::head(error), error.remedy()),
            Self::Format(error) => remedied(archive::format(error), error.remedy()),
            Self::Receive(error) => remedied(archive::receive(error, |never| match *never {}), error.remedy()),
            Self::Import(error) => remedied(sink::import(error), error.remedy()),
            Self::DeliveryFile(error) => remedied(sink::file(error), error.remedy()),
            Self::Mirror(error) => remedied(sink::mirror(error), error.remedy()),
            Self::Publish(_) => advice(ExitCode::System, "check the folder in which the demo works"),
            Self::Demo(_) => advice(ExitCode::System, "read the output above, then report this as a bug"),
        }
    }
}

fn key(error: &KeyError) -> Conclusion {
    match error {
        KeyError::Malformed(_)
        | KeyError::TooLong { .. }
        | KeyError::UnsupportedAlgorithm(_)
        | KeyError::SchemeMismatch(_)
        | KeyError::RsaSize { .. }
        | KeyError::BadSignature => ExitCode::Key.into(),
    }
}

fn shipment_file(error: &ShipmentFileError) -> Conclusion {
    match error {
        ShipmentFileError::NotUtf8
        | ShipmentFileError::NotToml { .. }
        | ShipmentFileError::UnknownKey { .. }
        | ShipmentFileError::OtherKind { .. }
        | ShipmentFileError::TooManyEntries { .. }
        | ShipmentFileError::TooLong { .. }
        | ShipmentFileError::ListedTwice { .. }
        | ShipmentFileError::Value { .. } => ExitCode::Usage.noting(NOTHING_WRITTEN),
    }
}

fn image_scan(error: &ImageScanError) -> Conclusion {
    match error {
        ImageScanError::NotUtf8
        | ImageScanError::NotYaml { .. }
        | ImageScanError::Template { .. }
        | ImageScanError::TooDeep { .. }
        | ImageScanError::TooManyValues
        | ImageScanError::TooManyFound { .. } => ExitCode::Source.noting(NOTHING_WRITTEN),
    }
}

fn lock(error: &LockError) -> Conclusion {
    match error {
        LockError::Malformed(_)
        | LockError::LaterVersion { .. }
        | LockError::TooManyNames { .. }
        | LockError::NotLocked { .. }
        | LockError::NoLongerListed { .. }
        | LockError::RuleNotLocked { .. }
        | LockError::RuleNoLongerListed { .. } => ExitCode::Usage.noting(NOTHING_WRITTEN),
        LockError::Moved { .. } => ExitCode::Source.noting(NOTHING_WRITTEN),
    }
}

fn signing_key(error: &SigningKeyError) -> Conclusion {
    match error {
        SigningKeyError::PassphraseNeeded | SigningKeyError::Malformed(_) => ExitCode::Key.into(),
        SigningKeyError::WrongPassphrase => ExitCode::Key.noting("nothing was signed"),
        SigningKeyError::NoRandomness => ExitCode::System.into(),
    }
}

/// Says what was being attempted when something failed.
pub(crate) trait Attempt<T> {
    /// Turns the error into a [`Failure`] of `attempt`: "cannot …".
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Reason>> Attempt<T> for Result<T, E> {
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(attempt(), error.into()))
    }
}

impl Failure {
    pub(crate) fn new(attempt: String, reason: Reason) -> Self {
        let wanted = match &reason {
            Reason::Plan(error) => error.wanted(),
            _ => None,
        };
        Self {
            attempt,
            reason: Box::new(reason),
            archive: None,
            wanted,
            thick_bundle: None,
            is_of_bundle: false,
            is_of_audit: false,
            left: None,
        }
    }

    /// The same about an archive, which hints name.
    pub(crate) fn about(self, archive: Option<&Path>) -> Self {
        Self { archive: archive.map(Path::to_owned), ..self }
    }

    /// The same about an item that was to be exported, which hints name.
    pub(crate) fn about_item(self, name: &str) -> Self {
        Self { wanted: Some(Sought::Item { name: name.to_owned() }), ..self }
    }

    /// The same, with what is left for the next attempt.
    pub(crate) fn leaving(self, left: String) -> Self {
        Self { left: Some(left), ..self }
    }

    /// The same in an audit, for which no hint asks to forget anything.
    pub(crate) fn in_audit(self) -> Self {
        Self { is_of_audit: true, ..self }
    }

    /// The same about a bundle in this thick bundle, which hints name.
    pub(crate) fn in_thick_bundle(self, file: Option<PathBuf>) -> Self {
        Self { thick_bundle: file, ..self }
    }

    /// The same about a bundle that was to be exported as an image.
    pub(crate) fn of_bundle(self) -> Self {
        Self { is_of_bundle: true, ..self }
    }

    /// What is wrong with the command line, without the usage that follows for people, and what helps where that is known.
    pub(crate) fn command_line(error: &clap::Error, hint: Option<String>) -> Self {
        let text = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a subcommand is missing".to_owned(),
            _ => error.to_string(),
        };
        let problem = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = match hint {
            Some(hint) => Reason::Incomplete { problem, hint },
            None => Reason::CommandLine(problem),
        };
        Self::new("cannot read the command line".to_owned(), reason)
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.advice().exit_code
    }

    /// What to do. What helps the connection, or whoever wrote the document, comes before anything else.
    fn advice(&self) -> Advice {
        let told = self.reason.advice();
        let told = match network::own_remedy(&*self.reason).or_else(|| of_byte_order_mark(&*self.reason)) {
            // A source that cannot be read because of a file of this side. After a failure of a sink, tags may have been set.
            Some(own) if told.exit_code == ExitCode::Source && own.is_about_settings() => {
                remedied(ExitCode::System, own)
            }
            Some(own) => remedied(told.exit_code, own),
            None => told,
        };
        let remedy = match (told.remedy, self.wanted.clone()) {
            (Some(remedy), Some(wanted)) => Some(remedy.about(wanted)),
            (remedy, _) => remedy,
        };
        let remedy = match (remedy, &self.thick_bundle) {
            (Some(remedy), Some(file)) => Some(remedy.in_thick_bundle(file)),
            (remedy, _) => remedy,
        };
        let remedy = if self.is_of_bundle { remedy.map(Remedy::of_bundle) } else { remedy };
        let remedy = match (remedy, self.found()) {
            (Some(Remedy::CheckPath { path, .. } | Remedy::CheckDisk { path }), Some(found)) => {
                Some(found.remedy(&path))
            }
            (remedy, _) => remedy,
        };
        let remedy = remedy.map(|remedy| remedy.meaning(found_path::meant));
        let remedy = if self.is_of_audit { remedy.map(Remedy::for_audit) } else { remedy };
        Advice { remedy, ..told }
    }

    /// The reason, and what each error names as its own source, but nothing that has been said before.
    fn causes(&self) -> Vec<String> {
        let causes = causes::of(&self.attempt, &*self.reason, self.reason.file());
        match (self.found(), causes::system_error(&*self.reason)) {
            (Some(found), Some(said)) => causes::with_found(causes, &found, said),
            _ => causes,
        }
    }

    /// What is at the path that the system did not open or make, where that explains it.
    fn found(&self) -> Option<FoundPath> {
        let said = causes::system_error(&*self.reason)?;
        FoundPath::at(self.reason.path()?, said.kind())
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

    fn hint(&self, advice: &Advice) -> String {
        let hint = advice.hint(self.archive.as_deref());
        self.left.as_ref().map_or_else(|| hint.clone(), |left| format!("{hint}; {left}"))
    }

    /// Writes the failure to standard error.
    pub(crate) fn report(&self, json: bool) {
        let advice = self.advice();
        let hint = self.hint(&advice);
        let lines = advice.policy_lines();
        let Advice { exit_code, remedy, .. } = advice;
        if json {
            let hint = std::iter::once(hint).chain(lines).collect::<Vec<_>>().join("\n");
            let mut object = serde_json::json!({
                "error": self.attempt, "causes": self.causes(), "hint": hint,
                "exitCode": exit_code.number(), "class": exit_code.name(),
            });
            let remedy = remedy.map(|remedy| ("remedy", serde_json::json!(remedy)));
            let in_toto = self
                .refusal()
                .map(|refusal| ("inToto", serde_json::json!({ "class": refusal.class(), "trace": refusal.trace })));
            if let Some(fields) = object.as_object_mut() {
                fields.extend(remedy.into_iter().chain(in_toto).map(|(name, value)| (name.to_owned(), value)));
            }
            terminal::tell(&text::json_line(&object).into());
            return;
        }
        terminal::tell(&self.text());
    }

    /// The failure, as a person reads it.
    pub(crate) fn text(&self) -> Text {
        let advice = self.advice();
        let hint = self.hint(&advice);
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
        for line in advice.policy_lines() {
            text.line(format_args!("         {line}"));
        }
        text
    }
}
