//! The report: what was proven, by whom, by which clock, as a value.
//!
//! `docs/schema/report.schema.json` documents its JSON. The command turns it into text for people; it decides nothing.
//! Fields are only ever added within a major version of [`FORMAT`].

mod warning;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{BaseRecord, ImageRole, LeftOutRecord, MadeFrom, ReferrerChoice};
use sealift_proof::freshness::{Verdict, Verdicts};
use sealift_proof::in_toto::{Attestation, SignatureCheck, Trace};
use sealift_proof::level::Level;
use serde::Serialize;

pub use warning::{Warning, WarningReport};
pub(crate) use warning::{not_vouched_for, of_attestations, of_bundle, of_origin, of_referrers, of_repositories};

use crate::oci::ReferrerKind;
use crate::trust::{ItemKind, NamedLayout, Regression, Unlisted, Vouched};
use crate::trust_store::RepositoryName;
use crate::trust_store::period::Period;

/// The name and version of the report's form.
pub const FORMAT: &str = "sealift-report/1";

/// What was proven about an archive.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: &'static str,
    /// The archive and its seal.
    pub archive: ArchiveReport,
    /// By which clock it was judged.
    pub time: TimeReport,
    /// What contradicts what was accepted before, in an audit; `None` where it was judged to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditReport>,
    /// The TUF repositories, and who signed their roles.
    pub repositories: Vec<RepositoryReport>,
    /// The items, in the order of the inventory.
    pub items: Vec<ItemReport>,
    /// The content that was checked.
    pub content: ContentReport,
    /// What a person should know, although it is not a reason to refuse.
    pub warnings: Vec<WarningReport>,
}

/// The archive and its seal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ArchiveReport {
    /// The name and version of the program that made it, as it says.
    pub exporter: String,
    /// The names, in this side's trust store, of the exporters whose signatures are valid.
    pub sealed_by: Vec<String>,
    /// The fingerprints of their keys, in the same order.
    pub sealed_by_keys: Vec<Digest>,
    /// The SHA-256 of what they signed, which lists every file in the archive with its digest.
    pub statement: Digest,
    /// The SHA-256 of the archive as a file, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// How many of them had to sign.
    pub threshold: u32,
    /// The number of entries after the seal.
    pub entries: usize,
}

/// What an audit states beside the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditReport {
    /// What it contradicts of what was accepted before. An import refuses the archive, unless the metadata that was accepted since vouches
    /// for all of it.
    pub findings: Vec<AuditFinding>,
}

/// What an archive contradicts of what was accepted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditFinding {
    /// The repository of which something else was accepted.
    pub repository: RepositoryName,
    /// What it contradicts.
    #[serde(flatten)]
    pub contradiction: Regression,
    /// What it says.
    pub message: String,
}

/// By which clock an archive was judged.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TimeReport {
    /// This side's clock.
    pub now: Timestamp,
    /// The sealed export time.
    pub exported_at: Timestamp,
    /// The policy: `at-export`, `now` or `as-of`.
    pub policy: &'static str,
    /// The policy of this trust store, if another was requested: `at-export` or `now`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<&'static str>,
    /// The instant that an `as-of` policy names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// The longest time between export and now that was allowed; `None` for `as-of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_transit: Option<Period>,
    /// The instant after which the policy that judged refuses this archive; `None` for `as-of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red_line: Option<Timestamp>,
}

/// A TUF repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RepositoryReport {
    /// The name under which its root is pinned.
    pub name: RepositoryName,
    /// SHA-256 of the pinned root file.
    pub pinned_root: Digest,
    /// Its name in Notary (GUN), if it is a repository of Notary v1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notary: Option<String>,
    /// The instant at which expiry was judged.
    pub judged_at: Timestamp,
    /// The export with which the metadata that judged was accepted, if the archive comes after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later_export: Option<Timestamp>,
    /// The roles that were verified, root first.
    pub roles: Vec<RoleReport>,
}

/// A role of a TUF repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoleReport {
    /// The role.
    pub role: String,
    /// The version of its metadata.
    pub version: u64,
    /// How many different keys had to sign.
    pub threshold: u32,
    /// The key ids of those that did.
    pub signed_by: Vec<String>,
    /// When it expires, judged by both clocks.
    #[serde(flatten)]
    pub expiry: ExpiryReport,
}

/// An expiry, judged by both clocks.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExpiryReport {
    /// When it expires.
    pub expires: Timestamp,
    /// Whether it was valid when the archive was exported.
    pub valid_at_export: bool,
    /// Whether it is valid by this side's clock.
    pub valid_now: bool,
}

impl From<(Timestamp, Verdicts)> for ExpiryReport {
    fn from((expires, verdicts): (Timestamp, Verdicts)) -> Self {
        Self {
            expires,
            valid_at_export: verdicts.at_export.is_none_or(Verdict::is_valid),
            valid_now: verdicts.now.is_valid(),
        }
    }
}

/// What an item or a part is, in the words of the inventory (`docs/format.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ReportedKind {
    /// A bundle, by its `bundle.json`.
    Bundle,
    /// A bundle, by the file that it came in with its images.
    ThickBundle,
    /// An image that belongs to no bundle.
    Image,
    /// An invocation image of a bundle.
    Invocation,
    /// Another image of a bundle.
    Component,
    /// A plain file.
    File,
}

impl ReportedKind {
    /// The word for it, as it is in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::ThickBundle => "thickBundle",
            Self::Image => "image",
            Self::Invocation => "invocation",
            Self::Component => "component",
            Self::File => "file",
        }
    }
}

impl From<ItemKind> for ReportedKind {
    fn from(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Bundle => Self::Bundle,
            ItemKind::ThickBundle => Self::ThickBundle,
            ItemKind::Image => Self::Image,
            ItemKind::File => Self::File,
        }
    }
}

impl From<&ImageRole> for ReportedKind {
    fn from(role: &ImageRole) -> Self {
        match role {
            ImageRole::Invocation => Self::Invocation,
            ImageRole::Component(_) => Self::Component,
            ImageRole::StandAlone => Self::Image,
        }
    }
}

/// An item, or a part of one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemReport {
    /// What it is.
    pub kind: ReportedKind,
    /// Its reference.
    pub name: String,
    /// The digest that is vouched for: of `bundle.json`, of a thick bundle that travels as it is, or of the image's manifest or index.
    pub digest: Digest,
    /// The level of CNAB Security that it reached together with its parts. An image is judged as a bundle of itself.
    pub level: Level,
    /// The platforms that are carried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// What it lists that is not carried.
    #[serde(skip_serializing_if = "LeftOutReport::is_empty")]
    pub left_out: LeftOutReport,
    /// What the exporter made its manifest from, so that no registry has its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFrom>,
    /// Which referrers were chosen when the archive was made.
    #[serde(skip_serializing_if = "ReferrerChoice::is_usual")]
    pub referrer_choice: ReferrerChoice,
    /// Why it counts as what its makers released, or that nobody says so.
    pub vouched: Vouched,
    /// The repositories that vouch for it: for its name, or else for the bundle that states its digest.
    pub vouched_for_by: Vec<RepositoryName>,
    /// What TUF says about its name; `None` if nobody vouches for that.
    pub tuf: Option<TargetReport>,
    /// The repositories that speak for its name and do not list it, where nobody vouches for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Unlisted>,
    /// What in-toto says about it; `None` if it has no target, or its target lists no supply chain.
    pub in_toto: Option<SupplyChainReport>,
    /// The referrers of an image, or of a bundle's index, which are delivered with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<ReferrerReport>,
    /// The attestations that are attached to an image or to its referrers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<AttestationReport>,
    /// The items that it consists of: the images of a bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}

impl ItemReport {
    /// This item, and then its parts.
    pub fn walk(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(std::iter::once(self).chain(self.parts.iter().flat_map(Self::walk)))
    }
}

/// What an image lists that was left behind on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LeftOutReport {
    /// The platforms that were not chosen.
    pub platforms: Vec<String>,
    /// The layers that registries are not meant to distribute.
    pub foreign_layers: Vec<Digest>,
    /// Digests of what was left behind although the indexes that list it do not show why.
    pub manifests: Vec<Digest>,
}

impl LeftOutReport {
    /// Whether nothing was left behind.
    pub fn is_empty(&self) -> bool {
        self.platforms.is_empty() && self.foreign_layers.is_empty() && self.manifests.is_empty()
    }
}

impl From<&LeftOutRecord> for LeftOutReport {
    fn from(LeftOutRecord { foreign_layers, manifests, platforms }: &LeftOutRecord) -> Self {
        let (platforms, foreign_layers) = (platforms.clone(), foreign_layers.clone());
        Self { platforms, foreign_layers, manifests: manifests.clone() }
    }
}

/// A referrer of an image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReferrerReport {
    /// Its digest.
    pub digest: Digest,
    /// What it is: `attestation`, `signature`, `sbom`, `other` or `image`.
    pub kind: ReferrerKind,
    /// The artifact type that it states; its media type if it states none.
    pub artifact_type: String,
    /// The size of it and of everything below it, in bytes.
    pub size: u64,
    /// The manifest that it refers to.
    pub subject: Digest,
    /// The tag that says so, if it is not a `subject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The pinned attesters that vouch for it; empty if nobody does.
    pub attested_by: Vec<String>,
    /// Whether anything in it was read here. What was not is carried as it is.
    pub looked_at: bool,
    /// Who signed what was read in it, as far as that was checked: the least of all attestations in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureCheck>,
}

/// An attestation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttestationReport {
    /// The digest of the attestation.
    pub digest: Digest,
    /// The manifest or index that it is attached to, and is about.
    pub attached_to: Digest,
    /// What it says, and who signed it.
    #[serde(flatten)]
    pub attestation: Attestation,
}

/// The in-toto supply chain of an item.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SupplyChainReport {
    /// By which layout it was verified.
    pub layout: NamedLayout,
    /// When the first of its layouts expires, judged by both clocks.
    #[serde(flatten)]
    pub expiry: ExpiryReport,
    /// The inspections that the layout asks for and that were not run.
    pub inspections_not_run: Vec<String>,
    /// Step by step, what was found.
    pub trace: Trace,
}

/// The TUF target that vouches for an item.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TargetReport {
    /// The name of the target.
    pub target: String,
    /// The repositories that agree on it.
    pub repositories: Vec<RepositoryName>,
    /// The roles from `targets` to the one that signs it.
    pub roles: Vec<String>,
}

/// The content that was checked.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentReport {
    /// Blobs whose digests are as sealed.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Manifests and indexes among them; every reference in them resolves to a blob in the archive.
    pub manifests: usize,
    /// What the archive leaves out; absent where it carries everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<AbsentReport>,
}

/// What an archive leaves out, because it is where the archive goes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AbsentReport {
    /// How many layers.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// On whose word.
    pub base: BaseRecord,
    /// What was seen of them.
    pub seen: AbsentSeen,
}

/// What was seen of what an archive leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentSeen {
    /// Nothing: nobody asked where it is.
    Nothing,
    /// The registry or layout says that it has all of it.
    Present,
    /// All of it was read back there, and every digest is as sealed.
    ReadBack,
    /// All of it is in other archives, which were verified together with this one.
    OtherArchives,
}

impl Report {
    /// What the archive leaves out was looked for where it goes, and found: nothing has to be said of it any more.
    pub fn saw(&mut self, seen: AbsentSeen) {
        self.content.absent.iter_mut().for_each(|absent| absent.seen = seen);
        self.warnings.retain(|it| !matches!(it.warning, Warning::LayersNotSeen { .. }));
    }

    /// Every item, followed by its parts.
    pub fn walk(&self) -> impl Iterator<Item = &ItemReport> {
        self.items.iter().flat_map(ItemReport::walk)
    }

    /// Every expiry: of the roles, and of the first layout of each supply chain.
    pub fn expiries(&self) -> impl Iterator<Item = ExpiryReport> {
        let roles = self.repositories.iter().flat_map(|repository| &repository.roles).map(|role| role.expiry);
        let layouts = self.walk().filter_map(|item| item.in_toto.as_ref()).map(|chain| chain.expiry);
        roles.chain(layouts)
    }
}
