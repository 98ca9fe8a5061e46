//! What a person can do about a warning or an error, as a value.
//!
//! Each public error of this crate names its [`Remedy`] beside itself, and so does each [`Warning`](crate::report::Warning).
//! The errors of `sealift-archive-format` and `sealift-proof` name theirs here. A program words a remedy in its own terms: the
//! command in its flags, a server in its buttons. Promise: no remedy knows a flag's name, and this room leans on no other.

mod archive_format;
mod matter;
mod proof;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_archive_format::{Digest, RepositoryName};
use serde::{Serialize, Serializer};

pub use archive_format::of_byte_order_mark;
pub use matter::{ExporterMatter, Interrupter, PublisherMatter};

/// An error about which a person can do something.
pub trait Remediable {
    /// What can be done about it.
    fn remedy(&self) -> Remedy;
}

impl Remediable for Infallible {
    fn remedy(&self) -> Remedy {
        match *self {}
    }
}

/// What is to be exported, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Sought {
    /// An item: where it is can be said for it alone.
    Item {
        /// Its name.
        name: String,
    },
    /// An image of a bundle: where the images of a bundle are can be said only for all of them.
    Part {
        /// The name of the image.
        name: String,
        /// The name of the bundle.
        bundle: String,
    },
}

/// What an archive holds, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum LackingItem {
    /// A bundle.
    Bundle {
        /// Its name.
        name: String,
    },
    /// An image.
    Image {
        /// Its name.
        name: String,
    },
    /// A plain file.
    File {
        /// Its name.
        name: String,
    },
}

/// What a person can do about a warning or an error.
///
/// In JSON, `kind` says which it is in kebab case, and the other members are its parts in camel case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Remedy {
    // Asking others.
    /// Ask the publisher of what is carried.
    AskPublisher {
        /// About what.
        about: PublisherMatter,
    },
    /// Ask whoever made the archive.
    AskExporter {
        /// About what.
        about: ExporterMatter,
    },
    /// Report a defect of this program.
    Report,

    // Once more.
    /// Nothing needs to be done.
    Nothing,
    /// Do the same again: it is judged anew.
    JudgeAgain,
    /// Check what failed, and do the same again: an export into a file continues where it stopped.
    Resume {
        /// What failed.
        check: Interrupter,
    },
    /// Check the network, and try again.
    CheckNetwork,
    /// Wait for some minutes: a server is asked too often, and does not say how long to wait.
    AwaitServer,
    /// Wait, because a server asks for it, and do the same again.
    Wait {
        /// How long, in seconds.
        seconds: u64,
    },
    /// Carry the archive again, and compare its digest on both sides.
    CarryAgain,
    /// Check the medium that the archive is on.
    CheckMedium,

    // Files and folders of this side.
    /// Check that a path is right.
    CheckPath {
        /// The path.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
        /// The path of something that is there and was probably meant.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown_if_known")]
        meant: Option<PathBuf>,
    },
    /// Give the path of a file, because that of a folder was given.
    GiveFile {
        /// The folder.
        #[serde(serialize_with = "as_shown")]
        folder: PathBuf,
    },
    /// Give another folder, because there is a file in its place or above it.
    GiveFolder {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        file: PathBuf,
    },
    /// Check who may read and write a file or folder.
    CheckAccess {
        /// The file or folder.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Check a file or folder, and the disk it is on.
    CheckDisk {
        /// The file or folder.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Check who may write the archive, and the disk it is on.
    CheckArchive,
    /// Check that a file is the one that was meant.
    CheckFile {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Choose another name for what is written, or move away what is there.
    ChooseAnotherName {
        /// What is there.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Choose another name for the archive, or let the unfinished one be written over.
    StartAfresh {
        /// The unfinished archive.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Wait until another export has ended.
    AwaitExport,
    /// Have the archive sent without long pauses, or put it into a file first.
    SendSteadily,
    /// Free room in a folder, or choose one with more room.
    FreeRoom {
        /// How much more is needed, in bytes.
        bytes: u64,
        /// The folder.
        #[serde(serialize_with = "as_shown")]
        folder: PathBuf,
    },

    // What is given to be read.
    /// Give a file that is an archive.
    GiveAnArchive,
    /// Give an archive instead of a signed statement of another kind.
    GiveAnotherStatement,
    /// Give volumes that `export` wrote.
    GiveVolumes,
    /// Have somebody exchange the discs in a drive, or copy all volumes into one folder.
    ExchangeDiscs,
    /// Wait until another command has read the same volumes, or keep them in another folder.
    AwaitReading,
    /// Keep volumes in another folder, or move away what is there.
    KeepElsewhere {
        /// What is there.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Have volumes sent again.
    SendVolumes {
        /// Their numbers.
        volumes: Vec<u8>,
        /// How many of them are enough.
        needed: u8,
    },
    /// Have all volumes looked at, because some of these must be sent again, and perhaps others.
    SurveyVolumes {
        /// The numbers of those that are known to be damaged or missing.
        volumes: Vec<u8>,
    },
    /// Copy a file again from its medium, or have it carried again.
    CopyFileAgain,
    /// Give the volumes of one archive alone, each once.
    SeparateVolumes,
    /// Write the volumes again that are lost or damaged.
    RepairVolumes,
    /// Cut the archive into fewer volumes.
    MakeFewerVolumes,
    /// Cut the archive into larger volumes.
    MakeLargerVolumes,
    /// Give an archive that is not compressed as a whole.
    Decompress,
    /// Import the archive into a registry: it cannot be served from its file.
    ImportInstead,
    /// Serve the archives apart, each at an address of its own.
    ServeApart,
    /// Serve the archives apart, or choose one of two contents for a tag by its digest.
    ServeOneOfTwo,
    /// Serve the archives together with those that have what they leave out.
    ServeTogether,
    /// Choose another address to listen on.
    ListenElsewhere,
    /// Give the private key of the server's certificate.
    CorrectServerKey {
        /// The file.
        path: PathBuf,
    },
    /// Carry a newer release of the program across.
    UseNewerRelease,
    /// Give a name that is allowed.
    GiveName,
    /// Give a valid reference.
    GiveReference,
    /// Give a file, a layout or a reference.
    GivePlace,
    /// Give a folder that holds an OCI image layout.
    GiveLayout,
    /// Put a copy of what a symbolic link leads to in its place.
    CopyInsteadOfLink {
        /// The link.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Give a public key in the usual form.
    GivePublicKey,
    /// Use a key of a supported algorithm and size.
    UseSupportedKey,
    /// Check that the private and the public key belong together.
    MatchKeys,
    /// Give the passphrase.
    GivePassphrase,
    /// Check the passphrase.
    CheckPassphrase,
    /// Give a private key in the usual form.
    GivePrivateKey,
    /// Check the system's source of randomness.
    CheckRandomness,

    // What is exported.
    /// Correct the file that lists what is to be exported.
    CorrectShipment,
    /// Correct a rule by which tags are chosen.
    CorrectTagRule,
    /// Ask the publisher for metadata that expires later, or ask for less.
    AwaitLongerValidity,
    /// Cut what is listed into fewer shards.
    ChooseFewerShards,
    /// Lock a shipment before it is cut: the machines have to agree on what it is.
    LockFirst {
        /// The file that lists what is to be exported.
        #[serde(serialize_with = "as_shown")]
        shipment: PathBuf,
    },
    /// Render templates first, and give what comes out.
    RenderTemplates,
    /// Give a file that names images in one of the forms that are read.
    GiveManifests,
    /// Split a file, and give the parts one after another.
    SplitManifests,
    /// Restore the lock of a shipment, or make it anew.
    RestoreLock {
        /// The file that lists what is to be exported.
        #[serde(serialize_with = "as_shown")]
        shipment: PathBuf,
    },
    /// Renew the lock of a shipment: what it has stays.
    RenewLock {
        /// The file that lists what is to be exported.
        #[serde(serialize_with = "as_shown")]
        shipment: PathBuf,
    },
    /// Look at what moved since a shipment was locked, and lock it again.
    UpdateLock {
        /// The file that lists what is to be exported.
        #[serde(serialize_with = "as_shown")]
        shipment: PathBuf,
    },
    /// Check the reference, the network and the credentials, or say where it is stored.
    CheckSource {
        /// What is to be exported, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<Sought>,
    },
    /// Push the image to its source again: something of it is missing there.
    PushImageAgain,
    /// Push the image to its source again, or choose platforms.
    PushImageOrChoosePlatforms,
    /// Have the image built in another way: it cannot be carried as it is.
    RebuildImage,
    /// Have the credentials allow it.
    AskForAccess {
        /// The host that refuses it.
        host: String,
    },
    /// Leave it out, or export it from another source: this one is not allowed to give it out.
    ExportFromElsewhere {
        /// What is to be exported, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<Sought>,
    },
    /// Choose a platform that there is.
    ChoosePlatform {
        /// The platforms that there are.
        offered: Vec<String>,
    },
    /// Leave out layers that registries are not meant to distribute, or export from a source that has them.
    LeaveForeignLayersOut,
    /// Check the network, and whether the source lists referrers correctly.
    CheckReferrers,
    /// Correct the source's list of referrers.
    CorrectReferrers,
    /// Delete referrers, or export a copy without them.
    DeleteReferrers,
    /// Save it again with a current release of the tool that made it, because no reader can rely on what is in this file.
    SaveAgain,
    /// Decompress it, and give the plain file.
    DecompressSource,
    /// Save a document as UTF-8 without a byte order mark, and sign it again if it is signed.
    SaveWithoutMark,
    /// Copy it into a registry with imgpkg, which wrote it, and export from there.
    CopyToRegistry {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Copy it into a layout with skopeo, which wrote it, and export from there.
    CopyIntoLayout,
    /// Free room in the folder that compressed files are unpacked into, or choose another.
    UnpackElsewhere {
        /// The folder.
        #[serde(serialize_with = "as_shown")]
        folder: PathBuf,
    },
    /// Name a folder for temporary files that is there and can be written to.
    NameTemporaryFolder {
        /// The folder that cannot be used.
        #[serde(serialize_with = "as_shown")]
        folder: PathBuf,
    },
    /// Name a file that does not exist yet.
    NameNewFile,
    /// Write what a thing is called before where it is.
    NamePlace {
        /// The name that was written, which a registry may know.
        name: String,
        /// The place, as it was written.
        place: String,
    },
    /// Say whether a layout or file here, or a registry, is meant.
    TellPlacesApart {
        /// What was written.
        name: String,
    },
    /// Push or save it again: what is stored there is damaged or incomplete.
    RepairSource,
    /// Say which of the entries of a layout or a file is meant.
    NameEntry {
        /// What is to be exported, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<Sought>,
        /// The layout or the file, as it is named on a command line: `oci:FOLDER`.
        place: String,
        /// Some of the entries, as they are named after a colon, the one first that is most like what was looked for.
        listed: Vec<String>,
    },
    /// Say which of several entries of a layout is meant that are called alike.
    TellEntriesApart {
        /// What is to be exported, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<Sought>,
        /// The layout, as it is named on a command line: `oci:FOLDER`.
        place: String,
        /// Some of the entries, as they are named after a colon.
        listed: Vec<String>,
    },
    /// Check the path of a key, or make one.
    MakeKey {
        /// Where it would be.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
        /// The path of something that is there and was probably meant.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown_if_known")]
        meant: Option<PathBuf>,
    },
    /// Name each bundle and each image once.
    NameOnce,
    /// Look at why the reader of a pipe has ended.
    CheckReader,
    /// Export it as an image, not as a bundle.
    ExportAsImage,
    /// Export what is in a thick bundle, if that is what its makers vouch for, or get the file again.
    ExportItsContent,
    /// Export it as a bundle, not as an image.
    ExportAsBundle,
    /// Convert the image with a current tool: the form that it is in was given up.
    ConvertImage,
    /// Pass on the archive that was imported, or export from a place that has everything.
    ExportFromWhole,
    /// Export it as an image, or push the bundle again as CNAB Registries describes.
    PushBundleAgain,
    /// Correct `bundle.json`, and sign it again.
    CorrectBundle,
    /// State the digest of every image in `bundle.json`, or take images from where the bundle says.
    StateDigests,
    /// Export from a source that has the content that the name promises, or correct the name.
    ExportPromisedContent,
    /// Export it from a place that keeps manifests: the one that was made for it never has the digest that was signed.
    ExportSignedManifest {
        /// The name of the image.
        name: String,
    },
    /// Use a full name, and export again.
    UseFullName,
    /// Use a shorter name.
    ShortenName,
    /// Export the bundle that is needed by its own name.
    NameDependency,
    /// Carry the bundles that it needs as well.
    ExportWithDependencies,
    /// Export fewer bundles and images at once.
    ExportFewer,
    /// Export fewer bundles and images at once, or ask the publisher of one whose proof takes too much work.
    ExportLessProof,
    /// Export fewer platforms of an image.
    ExportFewerPlatforms,
    /// Export a bundle under another name, or correct it: what it names cannot be kept apart.
    RenameBundle {
        /// The bundle.
        bundle: String,
    },
    /// Export fewer bundles and images at once, or leave out referrers.
    ExportFewerReferrers,
    /// Try again when the source is faster, or export fewer bundles and images at once.
    AwaitFasterSource,
    /// Export from fewer repositories at once, or less of their metadata.
    ExportLessMetadata,
    /// Leave out the file that an archive cannot hold, or ask the publisher.
    LeaveFileOut,
    /// Export the two in separate archives, or give one of them another name.
    SeparateArchives {
        /// The two.
        items: [String; 2],
    },
    /// Export it without referrers of a kind, or allow them in the policy.
    AllowReferrers {
        /// The kind of referrers.
        referrers: &'static str,
    },
    /// Have it exported without referrers.
    LeaveReferrersOut,
    /// Have a referrer attested, or export without it.
    AttestReferrer {
        /// The other kinds of referrers, which may stay.
        others: Vec<&'static str>,
    },
    /// Export with the metadata of a repository.
    CarryRepository {
        /// The repository.
        repository: RepositoryName,
        /// The repositories that were carried and are not known here: one may be the same by another name.
        unknown: Vec<RepositoryName>,
    },
    /// Export again, with what the publisher signed.
    ExportSigned,
    /// Export the content and its metadata again, because they do not belong together.
    ExportBoth,
    /// Export the thick bundle as it is, if that is what the publisher vouches for; otherwise the content and its metadata again.
    ExportThickBundle {
        /// The name of the bundle.
        name: String,
        /// The file, where it is known.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown_if_known")]
        file: Option<PathBuf>,
    },
    /// Export again, in case the repository was being updated.
    ExportConsistent,
    /// Export again from the publisher's own repository: old metadata may be replayed.
    ExportFromPublisher,
    /// Export again from the publisher's repository, or have its metadata renewed.
    RenewMetadata,
    /// Check what the location of a repository serves.
    CheckMetadata,
    /// Check that a repository can be read.
    CheckRepository,
    /// Check the location of a repository: it has no metadata.
    LocateMetadata,

    // Connections.
    /// Use an encrypted connection, or allow a plain one to this host.
    UseHttps {
        /// The host, with its port where it has one.
        host: String,
    },
    /// Have a server that is reached over https redirect to https.
    RedirectToHttps {
        /// The host of the server, with its port where it has one.
        host: String,
    },
    /// Name the registry without `http://`, and allow plain http to it.
    NamePlainHost {
        /// The host, with its port where it has one.
        host: String,
        /// The reference without `http://`.
        reference: String,
    },
    /// Log in to a registry, and name it without a user name and a password.
    LeaveOutUserInfo {
        /// The host, with its port where it has one.
        host: String,
        /// The location without them.
        location: String,
    },
    /// Leave out `https://` before a host that does not speak it, and to which plain http is allowed.
    LeaveOutHttps {
        /// The host, with its port where it has one.
        host: String,
    },
    /// Allow plain http to a host that does not speak https.
    AllowPlainHttp {
        /// The host, with its port where it has one.
        host: String,
    },
    /// Reach the server by a name that is in its certificate, or have a certificate made for this name.
    UseCertifiedName,
    /// Have the server's certificate renewed, or set this side's clock.
    RenewCertificate,
    /// Have a certificate made that a server can use.
    ReplaceCertificate,
    /// Give the certificate and the key that this client is to show.
    GiveClientKey {
        /// The host, with its port where it has one.
        host: String,
    },
    /// Log in to a registry, or name the credentials for it.
    LogIn {
        /// The registry, where it is known.
        registry: Option<String>,
    },
    /// Correct the proxy.
    CorrectProxy,
    /// Name the proxy as one that speaks plain `http`.
    UsePlainProxy {
        /// Its URL.
        proxy: String,
    },
    /// Give the user name and the password that the proxy asks for.
    LogInToProxy {
        /// The proxy's URL.
        proxy: String,
    },
    /// Check the proxy and what it lets through, or reach the host without it.
    CheckProxy {
        /// The proxy's URL.
        proxy: String,
        /// The host that was to be reached.
        host: String,
    },
    /// Name the certificate authority that signed the server's certificate.
    NameAuthority,
    /// Correct a file of certificates in PEM, or name another one.
    CorrectCertificates {
        /// The file.
        path: PathBuf,
    },
    /// Correct a file that has to hold the private key of the certificate beside it.
    CorrectClientKey {
        /// The file.
        path: PathBuf,
    },
    /// Check the location, the network and the proxy.
    CheckConnection,
    /// Check the location, or ask whoever runs the server.
    AskServer,
    /// Check the name of a registry, or ask whoever runs it: it does not answer as a registry does.
    AskRegistry {
        /// The registry, with its port where it has one.
        registry: String,
    },
    /// Check the location: no TUF repository answers like this.
    CheckLocation,
    /// Correct the file of credentials.
    CorrectCredentials,
    /// Correct a `registries.conf`, or leave it out.
    CorrectRegistriesConf,
    /// Ask whoever blocks a name, or say where else it is stored.
    Unblock {
        /// What is to be exported, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<Sought>,
    },

    // Time.
    /// Import the archive soon, or have it exported again.
    ImportSoon,
    /// Judge by the present time.
    JudgeNow,
    /// Judge it in an audit as of a time at which nothing had expired, such as that of its export.
    AuditAsOfExport,
    /// Verify for audits, and do not import.
    OnlyVerify {
        /// The instant to judge by, if one was asked for.
        as_of: Option<Timestamp>,
    },
    /// Judge as strictly as the policy does.
    KeepFreshness,
    /// Set the clock that is wrong.
    SetClock,
    /// Have the time right that an archive states as that of its export.
    CorrectExportTime {
        /// What it would state.
        exported_at: Timestamp,
    },
    /// Set this side's clock, or forget the time of the last export.
    SetThisClock {
        /// The repository whose last export is remembered, if it is about a single one.
        repository: Option<RepositoryName>,
    },
    /// Export again what is still needed: what nothing newer vouches for is accepted in the order of the exports alone.
    ImportInOrder {
        /// The repository whose last export is remembered, if it is about a single one.
        repository: Option<RepositoryName>,
    },
    /// Export again and carry it faster, or allow a longer transit.
    CarryFaster {
        /// When the archive was exported.
        exported_at: Timestamp,
    },
    /// Import a newer archive.
    ImportNewer,

    // What this side asks for.
    /// Have the publisher sign more, or lower the level that the policy asks of everything.
    LowerMinimumLevel,
    /// Pin the root of its publisher; or allow a name for which nobody vouches.
    PinOrAllow {
        /// The full name, without a tag.
        name: String,
        /// The pattern of the requirement that applies now, above which the new one has to stand.
        above: Option<String>,
    },
    /// Say which repository speaks for a name; or allow a name for which nobody vouches.
    MapOrAllow {
        /// The full name, without a tag: that of the part, where it is about a part of a bundle.
        name: String,
        /// The repositories whose roots are pinned: it is one of them, or one whose root has to be pinned first.
        pinned: Vec<RepositoryName>,
        /// The pattern of the requirement that applies to this name now, above which the new one has to stand.
        above: Option<String>,
        /// Whether it is about a part of a bundle, which the new requirement has to allow in bundles too.
        in_bundle: bool,
    },
    /// Check the name and its tag; if they are right, ask the publisher to sign it.
    CheckName {
        /// The repository that does not list it.
        repository: RepositoryName,
        /// Some of the tags that it lists.
        listed: Vec<String>,
    },
    /// Have the publisher sign it, if it is theirs; or allow a name for which nobody vouches.
    SignOrAllow {
        /// The repository that does not list it, under any tag.
        repository: RepositoryName,
        /// A full name that it lists and that was probably meant.
        #[serde(skip_serializing_if = "Option::is_none")]
        meant: Option<String>,
        /// The full name, without a tag: that of the part, where it is about a part of a bundle.
        name: String,
        /// The pattern of the requirement that applies to this name now, above which the new one has to stand.
        above: Option<String>,
        /// Whether it is about a part of a bundle, which the new requirement has to allow in bundles too.
        in_bundle: bool,
    },
    /// Have the publisher sign more, or lower the level in the requirement of the policy.
    LowerRequiredLevel,
    /// Let the required repository speak for the name, or change who must vouch.
    ChangeVouching {
        /// The required repository.
        repository: RepositoryName,
    },
    /// Name a layout that the publisher has.
    CheckLayoutOfPolicy,
    /// Have it exported by a policy that names the same layout.
    ExportByThisLayout,
    /// Give the names a requirement of their own.
    RequireWithoutLayout,
    /// Have the inspections run.
    RunInspections,
    /// Have the inspections run where what they need is there, or make them optional.
    InspectElsewhere,
    /// Have the inspections run, or make them optional.
    RunOrWaiveInspections,
    /// Find out why another name would take a tag, or allow it.
    AllowOtherName {
        /// The tag.
        tag: String,
    },
    /// Export it again, or allow a tag to go back to an earlier export.
    AllowOlder {
        /// The tag.
        tag: String,
    },
    /// Have it signed as before, or allow a tag to be of a lower level.
    AllowLowerLevel {
        /// The tag.
        tag: String,
    },

    // Seals.
    /// Compare the fingerprint of an exporter, and add its key.
    AddExporter,
    /// Have the other exporters sign.
    AddSignatures,
    /// Replace the key of an exporter.
    ReplaceExporter {
        /// The exporter.
        exporter: String,
    },
    /// Sign with an ed25519 key.
    SignWithEd25519,
    /// Sign again with the key whose signing was interrupted.
    SignAgain,
    /// Export again with fewer keys.
    SealWithFewerKeys,
    /// Give a file that is a receipt.
    GiveReceipt,
    /// Compare the fingerprint of a receiver, and add its key.
    AddReceiver,
    /// Have the receipt of the right site sent, or add its key under the name that the site has.
    MatchReceiver {
        /// The site, as the receipt names it.
        site: String,
        /// The receiver that was expected.
        receiver: String,
    },
    /// Import it where what it leaves out is.
    ImportDelta,
    /// Look for it in the registry or layout that the archive goes to.
    LookInTarget,
    /// Have what is lacking sent, and nothing else that was sent before.
    SendLacking {
        /// What the archive holds.
        items: Vec<LackingItem>,
        /// The layers that are lacking.
        blobs: Vec<Digest>,
    },
    /// Give the archive that a receipt confirms as one that has arrived.
    AssumeConfirmed {
        /// Its statement digest.
        archive: Digest,
    },
    /// Have the receipt made and carried again.
    AskForReceipt,
    /// Import something first.
    ImportFirst,
    /// Have fewer things in a receipt.
    SplitReceipt,
    /// Compare the digest of the statement with the person who told it.
    CompareStatement,

    // Where it is delivered to.
    /// Choose another destination.
    ChooseDestination {
        /// A destination that is like the one that was chosen, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        like: Option<String>,
    },
    /// Keep each name's registry in its path, or export the two in separate archives.
    KeepRegistries,
    /// Give each of the two repositories a path of its own in the map of names.
    SeparateInNameMap,
    /// Correct the map of names.
    CorrectNameMap,
    /// Make the folder of the layout one that can be written to, or give another one.
    RepairTargetLayout,
    /// Look at what is in the archive.
    InspectArchive,
    /// Export the platforms that were left behind, or choose others.
    ExportPlatforms,
    /// Deliver all platforms, or choose what it is for which platforms are chosen.
    DeliverAllPlatforms,
    /// Let images be delivered of which some platforms were left behind, or export all platforms.
    AllowSparse,
    /// Deliver the index as it is, or export all platforms.
    KeepSparse,
    /// Let the registry take an index that lists layers, or write it in another form.
    RelaxRegistry,
    /// Let the registry take foreign layers, which it does not have.
    AllowForeignLayers,
    /// Repair the destination, and import again.
    RepairDestination,
    /// Check the name of the registry that is delivered to, and the network.
    CheckDestination {
        /// The registry, with its port where it has one.
        registry: String,
    },
    /// Have the repository made that is delivered to, or check its name.
    MakeRepository {
        /// The registry, with its port where it has one.
        registry: String,
    },
    /// Have the credentials allow writing there.
    AskToWrite {
        /// The registry, with its port where it has one.
        registry: String,
    },
    /// Choose another name for the file that is delivered, or move away what is there.
    DeliverUnderAnotherName {
        /// What is there.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Find out who put a file there, and move it away, or let it be replaced.
    MoveFileOrReplace {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
        /// Its name.
        tag: String,
    },
    /// Choose one platform, or deliver it in a form that holds several.
    ChooseOnePlatform,
    /// Choose one bundle, or deliver in another form.
    DeliverOneBundle,
    /// Deliver plain files to a folder or into a layout, and the rest apart.
    DeliverToFolder,
    /// Choose plain files alone, or deliver into a layout.
    SelectFiles,
    /// Deliver it in a form that holds more than runnable images.
    DeliverInAnotherForm,
    /// Deliver all of it, deliver it in a form that can lack a part, or export all of it.
    DeliverWhole,
    /// Publish the mirror where its long names are allowed.
    MirrorElsewhere,
    /// Publish the mirror in another folder, because its clients would refuse it.
    MirrorApart,
    /// Repair the folder of the mirror, and import again.
    RepairMirror,

    // The trust store.
    /// Name another trust store, or create one.
    CreateTrustStore {
        /// The folder, which is not a trust store.
        #[serde(serialize_with = "as_shown")]
        folder: PathBuf,
        /// The path of something that is there and was probably meant.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown_if_known")]
        meant: Option<PathBuf>,
    },
    /// Name a new or an empty folder.
    NameNewTrustStore,
    /// Restore the policy, or start over with the strict one.
    RestorePolicy,
    /// Correct the policy.
    CorrectPolicy,
    /// Wait until another process is done with the trust store.
    AwaitTrustStore,
    /// Leave the lock in its place, and check what was accepted.
    KeepLock,
    /// Move something out of the trust store, or give it a valid name.
    MoveStray {
        /// What does not belong there.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Say which repository speaks for which names.
    SetMap {
        /// A name about which nothing says which repository speaks for it, without its tag, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The repositories whose roots are pinned.
        pinned: Vec<RepositoryName>,
    },
    /// Give a map as TAP 4 describes it.
    CorrectMap,
    /// Restore the map of the trust store, or set another one.
    RestoreMap {
        /// The map's file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
    /// Look up which names are known.
    ListTrust {
        /// The known name that was probably meant.
        #[serde(skip_serializing_if = "Option::is_none")]
        meant: Option<String>,
    },
    /// Get the root from the publisher in a trusted way, and pin it.
    PinRoot {
        /// The repository.
        repository: RepositoryName,
        /// The pinned repository that was probably meant.
        #[serde(skip_serializing_if = "Option::is_none")]
        meant: Option<RepositoryName>,
    },
    /// Choose another name, or replace the pinned root.
    ReplaceRoot {
        /// The repository.
        repository: RepositoryName,
    },
    /// Pin the root again that is missing.
    PinLostRoot {
        /// The repository.
        repository: RepositoryName,
    },
    /// Find out who changed the pinned root.
    ExplainRoot {
        /// The repository.
        repository: RepositoryName,
    },
    /// Compare the digest of the pinned root with the publisher's.
    CompareRoot,
    /// Pin a newer root, or raise the limit.
    PinNewerRoot,
    /// Give root metadata as the publisher signed it.
    GiveRoot,
    /// Pin the root as one of Notary, and name its repository there.
    PinAsNotary,
    /// Pin the root as one of TUF 1.0: it is not a root of Notary.
    PinAsTuf,
    /// Correct the file, or pin the root again.
    CorrectDialect {
        /// The file.
        path: PathBuf,
    },
    /// Restore the trust store, or pin the same root again.
    RestoreRoot {
        /// The repository, where it is known.
        repository: Option<RepositoryName>,
    },
    /// Restore the trust store, or audit with another one that has the same root.
    RestoreStateForAudit {
        /// The repository, where it is known.
        repository: Option<RepositoryName>,
    },
    /// Restore the trust store, or forget what was accepted from a repository.
    RestoreState {
        /// The repository, where it is known.
        repository: Option<RepositoryName>,
    },
    /// Restore the trust store, or forget which tags were set.
    RestoreDeliveries,
    /// Restore the trust store, or put the history away and begin a new one.
    RestoreHistory {
        /// The file of the history.
        path: PathBuf,
    },
    /// Forget the tags of a place that no longer exists.
    ForgetDeliveries,
    /// Choose another name for a key, or remove the one that has it.
    RenameKey {
        /// The ring: `exporter` or `attester`.
        keyring: &'static str,
        /// The name.
        name: String,
    },
    /// Leave a key as it is: it counts once, whatever it is called.
    KeepKey {
        /// The ring: `exporter` or `attester`.
        keyring: &'static str,
        /// The name that it has.
        name: String,
    },
    /// Have it signed, or trust its maker's key.
    AddAttester,
    /// Give an attester's key in a supported form.
    GiveAttesterKey,
    /// Remove the damaged key of an exporter, and add it again.
    AddExporterAgain {
        /// The file of the key.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
    },
}

impl Remedy {
    /// Whether what has to be corrected is a file of settings on this side: credentials, certificates, or which mirrors there are.
    pub fn is_about_settings(&self) -> bool {
        matches!(
            self,
            Self::CorrectCredentials
                | Self::CorrectRegistriesConf
                | Self::CorrectCertificates { .. }
                | Self::CorrectClientKey { .. }
        )
    }

    /// What can be done about a file or folder that cannot be read or written.
    pub fn of_file(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        // `ErrorKind` is open: only the standard library can list it in full.
        if matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::InvalidFilename
                | io::ErrorKind::InvalidInput
        ) {
            Self::CheckPath { path, meant: None }
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            Self::CheckAccess { path }
        } else {
            Self::CheckDisk { path }
        }
    }

    /// Which of these entries of a layout or a file is meant; `place` is how a person names it, `None` for a part of a thick bundle.
    pub(crate) fn name_entry(place: Option<&String>, listed: &[String]) -> Self {
        match place {
            None => Self::CorrectBundle,
            Some(_) if listed.is_empty() => Self::SaveAgain,
            Some(place) => Self::NameEntry { wanted: None, place: place.clone(), listed: listed.to_vec() },
        }
    }

    /// The same, about an archive: what is missing there was left out by whoever packed it, and there is no location to check.
    pub(crate) fn in_archive(self) -> Self {
        match self {
            Self::LocateMetadata
            | Self::CheckMetadata
            | Self::AskPublisher { about: PublisherMatter::ListedFile | PublisherMatter::LongFile } => {
                Self::AskExporter { about: ExporterMatter::Content }
            }
            other => other,
        }
    }

    /// Which of these entries of a layout is meant, which are called alike; `place` is how a person names it, `None` for a part of a thick
    /// bundle.
    pub(crate) fn tell_entries_apart(place: Option<&String>, listed: &[String]) -> Self {
        match place {
            None => Self::CorrectBundle,
            Some(place) => Self::TellEntriesApart { wanted: None, place: place.clone(), listed: listed.to_vec() },
        }
    }

    /// The same, about what is to be exported, where only that was missing.
    #[must_use]
    pub fn about(self, wanted: Sought) -> Self {
        let wanted = Some(wanted);
        match self {
            Self::CheckSource { .. } => Self::CheckSource { wanted },
            Self::ExportFromElsewhere { .. } => Self::ExportFromElsewhere { wanted },
            Self::NameEntry { place, listed, .. } => Self::NameEntry { wanted, place, listed },
            Self::TellEntriesApart { place, listed, .. } => Self::TellEntriesApart { wanted, place, listed },
            Self::Unblock { .. } => Self::Unblock { wanted },
            other => other,
        }
    }

    /// The same, with the path that was probably meant, where a path is wrong.
    #[must_use]
    pub fn meaning(self, find: impl FnOnce(&Path) -> Option<PathBuf>) -> Self {
        match self {
            Self::CheckPath { path, .. } => Self::CheckPath { meant: find(&path), path },
            Self::MakeKey { path, .. } => Self::MakeKey { meant: find(&path), path },
            Self::CreateTrustStore { folder, .. } => Self::CreateTrustStore { meant: find(&folder), folder },
            other => other,
        }
    }

    /// The same for an audit, which needs nothing to be forgotten, exported again or imported.
    #[must_use]
    pub fn for_audit(self) -> Self {
        match self {
            Self::RenewMetadata | Self::CarryFaster { .. } => Self::AuditAsOfExport,
            Self::RestoreState { repository } => Self::RestoreStateForAudit { repository },
            Self::ExplainRoot { repository } => Self::RestoreStateForAudit { repository: Some(repository) },
            other => other,
        }
    }

    /// The same, about a bundle that was to be exported as an image.
    #[must_use]
    pub fn of_bundle(self) -> Self {
        match self {
            Self::ExportBoth => Self::ExportAsBundle,
            other => other,
        }
    }

    /// The same, about the file that a bundle was taken from.
    #[must_use]
    pub fn in_thick_bundle(self, path: &Path) -> Self {
        match self {
            Self::ExportThickBundle { name, .. } => Self::ExportThickBundle { name, file: Some(path.to_owned()) },
            other => other,
        }
    }

    /// The same, about a repository, where only its name was missing.
    pub(crate) fn in_repository(self, name: &RepositoryName) -> Self {
        let known = |repository: Option<RepositoryName>| Some(repository.unwrap_or_else(|| name.clone()));
        match self {
            Self::SetThisClock { repository } => Self::SetThisClock { repository: known(repository) },
            Self::ImportInOrder { repository } => Self::ImportInOrder { repository: known(repository) },
            Self::RestoreRoot { repository } => Self::RestoreRoot { repository: known(repository) },
            Self::RestoreState { repository } => Self::RestoreState { repository: known(repository) },
            Self::RestoreStateForAudit { repository } => Self::RestoreStateForAudit { repository: known(repository) },
            other => other,
        }
    }
}

/// A path as people read it: a file's name need not be Unicode.
fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn as_shown_if_known<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.display().to_string()).serialize(serializer)
}
