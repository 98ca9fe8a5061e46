//! What should be known about an archive, but is not a reason to refuse it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{BaseRecord, ItemRecord, MadeFrom};
use sealift_archive_format::volume::DamagedRange;
use sealift_proof::level::Level;
use sealift_proof::tuf::RolePassedOver;
use serde::Serialize;

use super::Report;
use crate::cnab::{Bundle, CarriedBundle, Deviation, OtherImage};
use crate::oci::ReferrerKind;
use crate::remedy::Remedy;
use crate::trust::{Findings, InvalidAttestation, RepositoryEvidence, Unlisted, Vouched};
use crate::trust_store::RepositoryName;

/// How many things one warning names before it counts the others.
const MAXIMUM_NAMED: usize = 3;

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Warning {
    /// Expiry was judged at a stated instant, for an audit.
    Audit {
        /// The instant.
        instant: Timestamp,
    },
    /// Expiry was judged by another clock than the policy's.
    OtherClock {
        /// The clock: `at-export`, `now` or `as-of`.
        judged_by: &'static str,
        /// The policy's.
        policy: &'static str,
    },
    /// The policy will soon refuse the archive.
    RedLine {
        /// After this instant.
        red_line: Timestamp,
    },
    /// A role was valid at export, and has expired since.
    RoleExpired {
        /// The role.
        role: String,
        /// Its repository.
        repository: RepositoryName,
        /// When it expired.
        expires: Timestamp,
    },
    /// A delegated role could not be verified. Nothing that was looked for needs it.
    RolePassedOver {
        /// The role.
        role: String,
        /// Its repository.
        repository: RepositoryName,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive comes after a later export of a repository, and what was accepted with that one judged it.
    Late {
        /// The repository.
        repository: RepositoryName,
        /// The later export.
        later_export: Timestamp,
    },
    /// An in-toto layout was valid at export, and has expired since.
    LayoutExpired {
        /// The reference of the item that the layout is about.
        item: String,
        /// When it expired.
        expires: Timestamp,
    },
    /// A layout asks for inspections that were not run.
    InspectionsNotRun {
        /// The reference of the item that the layout is about.
        item: String,
        /// The names of the inspections.
        names: Vec<String>,
    },
    /// A step was not done quite as its layout expects.
    Step {
        /// The name of the step.
        step: String,
        /// The reference of the item that the layout is about.
        item: String,
        /// What was different.
        text: String,
    },
    /// A repository was carried that this side does not know.
    NotPinned {
        /// The repository.
        repository: RepositoryName,
    },
    /// A root certificate of a repository of Notary is made out to other repositories as well, so that nothing tells theirs from it.
    SharedCertificate {
        /// The repository.
        repository: RepositoryName,
        /// The name in the certificate.
        common_name: String,
    },
    /// Nobody vouches for an item or a part of one, so it is what the exporter packed, and nobody says that its makers released it.
    NotVouchedFor {
        /// The reference of the item or the part.
        item: String,
        /// The level that it reaches.
        level: Level,
        /// The repositories that speak for its name, and do not list it.
        unlisted: Vec<Unlisted>,
    },
    /// A bundle breaks a rule of CNAB Core.
    BundleRule {
        /// The reference of the bundle.
        item: String,
        /// The section of the specification.
        section: &'static str,
        /// The rule, and how it is broken.
        #[serde(flatten)]
        deviation: Deviation,
    },
    /// A bundle names an image that is not a container image, so it was not carried.
    OtherImage {
        /// The reference of the bundle.
        item: String,
        /// Where the bundle says that the image is.
        image: String,
        /// Its type.
        image_type: String,
    },
    /// A bundle needs another one, which was not carried with it.
    BundleNotCarried {
        /// The reference of the bundle.
        item: String,
        /// The bundle that it needs, as it writes it.
        bundle: String,
        /// The versions that will do; all if there are none.
        ranges: Vec<String>,
    },
    /// Nothing that refers to these was looked for when the archive was made.
    ReferrersNotLookedFor {
        /// The references of the bundles and images.
        items: Vec<String>,
    },
    /// Referrers were left out when the archive was made, because their kinds were not chosen.
    ReferrersLeftOut {
        /// The reference of the bundle or image.
        item: String,
        /// How many of each kind there were.
        counts: BTreeMap<ReferrerKind, usize>,
    },
    /// Nobody vouches for referrers that came along.
    UnvouchedReferrers {
        /// The references of the bundles and images that they refer to.
        items: Vec<String>,
        /// How many of each kind there are.
        counts: BTreeMap<ReferrerKind, usize>,
    },
    /// The exporter made the manifest of an image, so no registry has its digest.
    ManifestMadeHere {
        /// The reference of the image.
        item: String,
        /// The digest.
        digest: Digest,
        /// What it was made from.
        made_from: MadeFrom,
    },
    /// BuildKit put something beside a manifest of an image that says that it is an attestation, and is not.
    InvalidAttestation {
        /// The reference of the item or part that it comes with.
        item: String,
        /// The digest of the attestation.
        attestation: Digest,
        /// What is wrong with it.
        reason: String,
    },
    /// A registry or a layout does otherwise than its specification says, and there was a way around it.
    Source {
        /// What it does.
        text: String,
    },
    /// A volume of the archive is missing; what it holds was restored, or was not needed.
    VolumeMissing {
        /// Its number.
        volume: u8,
    },
    /// A volume of the archive is damaged; what was needed of it was restored from the others.
    VolumeDamaged {
        /// Its number.
        volume: u8,
        /// Its damaged chunks, as far as they were read.
        damaged: Vec<DamagedRange>,
    },
    /// A file with the name of a volume cannot be read as one, so it was ignored.
    VolumeUnread {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive leaves out layers, and nobody looked whether they are where it goes.
    LayersNotSeen {
        /// How many layers.
        count: usize,
        /// Their bytes.
        bytes: u64,
        /// On whose word they were left out.
        base: BaseRecord,
    },
    /// An image has nothing for some of the platforms that were chosen.
    PlatformsNotThere {
        /// The reference of the image.
        item: String,
        /// The platforms for which there is nothing.
        platforms: Vec<String>,
    },
}

/// What should be known about a bundle. `images` are the media types and sizes of the manifests of its images, in their order;
/// `carried` are the bundles that are carried with it.
pub(crate) fn of_bundle<'i>(
    item: &str,
    (bundle, bundle_json): (&Bundle, &[u8]),
    images: impl IntoIterator<Item = (&'i str, u64)>,
    carried: &[CarriedBundle],
) -> Vec<Warning> {
    let item = || item.to_owned();
    let deviations = bundle.deviations(bundle_json, images).into_iter();
    let rules =
        deviations.map(|deviation| Warning::BundleRule { item: item(), section: deviation.section(), deviation });
    let others = bundle.other_images.iter().map(|OtherImage { reference, image_type }| Warning::OtherImage {
        item: item(),
        image: reference.clone(),
        image_type: image_type.clone(),
    });
    let needed = bundle.dependencies.as_deref().unwrap_or_default().iter();
    let left_behind = needed.filter(|needed| !carried.iter().any(|bundle| needed.is_met_by(bundle)));
    let left_behind = left_behind.map(|needed| Warning::BundleNotCarried {
        item: item(),
        bundle: needed.bundle.clone(),
        ranges: needed.ranges.clone(),
    });
    rules.chain(others).chain(left_behind).collect()
}

/// What the inventory states of where its bundles and images come from, and nothing in the archive shows.
pub(crate) fn of_origin(items: &[ItemRecord]) -> Vec<Warning> {
    let bundles = items.iter().filter_map(ItemRecord::as_bundle).map(|it| (&it.reference, &it.referrer_choice));
    let images = || items.iter().flat_map(ItemRecord::images);
    let choices: Vec<_> = bundles.chain(images().map(|it| (&it.reference, &it.referrer_choice))).collect();
    let unsought = choices.iter().filter(|(_, choice)| choice.kinds.is_empty());
    let unsought: BTreeSet<&String> = unsought.map(|(reference, _)| *reference).collect();
    let not_looked_for = || Warning::ReferrersNotLookedFor { items: unsought.iter().copied().cloned().collect() };
    let mut warnings: Vec<Warning> = (!unsought.is_empty()).then(not_looked_for).into_iter().collect();
    let left_out = choices.into_iter().filter(|(_, choice)| !choice.left_out.is_empty());
    warnings.extend(left_out.map(|(reference, choice)| Warning::ReferrersLeftOut {
        item: reference.clone(),
        counts: choice.left_out_counts(),
    }));
    warnings.extend(images().filter_map(|image| {
        let (item, digest) = (image.reference.clone(), image.descriptor.digest.clone());
        image.made_from.map(|made_from| Warning::ManifestMadeHere { item, digest, made_from })
    }));
    warnings
}

/// The items, and the parts of items, that nobody vouches for.
pub(crate) fn not_vouched_for(findings: &Findings) -> impl Iterator<Item = Warning> {
    let by_nobody = findings.walk().filter(|finding| finding.vouched() == Vouched::ByNobody);
    by_nobody.map(|finding| Warning::NotVouchedFor {
        item: finding.item.reference.clone(),
        level: finding.level(),
        unlisted: finding.unlisted.clone(),
    })
}

/// The referrers in a report that nobody vouches for.
pub(crate) fn of_referrers(report: &Report) -> Option<Warning> {
    let (mut items, mut counts, mut seen) = (Vec::new(), BTreeMap::<ReferrerKind, usize>::new(), BTreeSet::new());
    for item in report.walk() {
        let unvouched = item.referrers.iter().filter(|referrer| referrer.attested_by.is_empty());
        for (at, referrer) in unvouched.enumerate() {
            if at == 0 {
                items.push(item.name.clone());
            }
            if seen.insert(&referrer.digest) {
                let count = counts.entry(referrer.kind).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    (!items.is_empty()).then_some(Warning::UnvouchedReferrers { items, counts })
}

/// What calls itself an attestation and is not.
pub(crate) fn of_attestations(findings: &Findings) -> impl Iterator<Item = Warning> {
    findings.invalid_attestations.iter().cloned().map(|InvalidAttestation { item, attestation, reason }| {
        Warning::InvalidAttestation { item, attestation, reason }
    })
}

/// What should be known about the repositories that vouched for something.
pub(crate) fn of_repositories(repositories: &[RepositoryEvidence]) -> impl Iterator<Item = Warning> {
    repositories.iter().flat_map(|evidence| {
        let repository = || evidence.name.clone();
        let shared = evidence.shared_certificate.clone();
        let shared = shared.map(|common_name| Warning::SharedCertificate { repository: repository(), common_name });
        let passed_over = evidence.roles_passed_over.iter().map(move |RolePassedOver { role, reason }| {
            Warning::RolePassedOver { role: role.to_string(), repository: repository(), reason: reason.clone() }
        });
        let late = evidence.later_export.map(|later_export| Warning::Late { repository: repository(), later_export });
        late.into_iter().chain(shared).chain(passed_over)
    })
}

impl Warning {
    /// What a person can do about it; `None` where nothing needs to be done on this side.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::RedLine { .. } => Some(Remedy::ImportSoon),
            Self::InspectionsNotRun { .. } => Some(Remedy::RunInspections),
            Self::NotPinned { repository } => Some(Remedy::PinRoot { repository: repository.clone(), meant: None }),
            Self::BundleNotCarried { .. } => Some(Remedy::ExportWithDependencies),
            Self::LayersNotSeen { .. } => Some(Remedy::LookInTarget),
            Self::VolumeMissing { .. } | Self::VolumeDamaged { .. } => Some(Remedy::RepairVolumes),
            Self::Audit { .. }
            | Self::OtherClock { .. }
            | Self::RoleExpired { .. }
            | Self::RolePassedOver { .. }
            | Self::Late { .. }
            | Self::LayoutExpired { .. }
            | Self::Step { .. }
            | Self::SharedCertificate { .. }
            | Self::NotVouchedFor { .. }
            | Self::BundleRule { .. }
            | Self::OtherImage { .. }
            | Self::ReferrersNotLookedFor { .. }
            | Self::ReferrersLeftOut { .. }
            | Self::UnvouchedReferrers { .. }
            | Self::ManifestMadeHere { .. }
            | Self::InvalidAttestation { .. }
            | Self::Source { .. }
            | Self::VolumeUnread { .. }
            | Self::PlatformsNotThere { .. } => None,
        }
    }
}

/// The first of some names, and how many more there are.
fn first_of(names: &[String]) -> String {
    let (first, more) = names.split_at(names.len().min(MAXIMUM_NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", first.join(", "))
}

fn by_kind(counts: &BTreeMap<ReferrerKind, usize>) -> String {
    counts.iter().map(|(kind, count)| format!("{count} of kind {kind}")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audit { instant } => write!(f, "expiry was judged as of {instant}, which proves nothing about today"),
            Self::OtherClock { judged_by, policy } => {
                write!(f, "expiry was not judged by the policy's clock: {judged_by} instead of {policy}")
            }
            Self::RedLine { red_line } => write!(f, "this archive will be refused after {red_line}"),
            Self::RoleExpired { role, repository, expires } => {
                write!(f, "role {role} of repository {repository} expired in transit, at {expires}")
            }
            Self::RolePassedOver { role, repository, reason } => {
                write!(
                    f,
                    "role {role} of repository {repository} is not trusted, and nothing that was looked for needs it: {reason}"
                )
            }
            Self::Late { repository, later_export } => {
                write!(
                    f,
                    "it comes late: an export of {later_export} was accepted from repository {repository} before, and the metadata that came with that one has decided"
                )
            }
            Self::LayoutExpired { item, expires } => {
                write!(f, "the in-toto layout of {item} expired in transit, at {expires}")
            }
            Self::InspectionsNotRun { item, names } => {
                write!(f, "inspections of {item} were not run: {}", names.join(", "))
            }
            Self::Step { step, item, text } => write!(f, "step {step} of {item}: {text}"),
            Self::NotPinned { repository } => {
                write!(f, "repository {repository} was carried, but no root is pinned for it here, so it was ignored")
            }
            Self::SharedCertificate { repository, common_name } => {
                write!(
                    f,
                    "the root certificate of repository {repository} is for {common_name:?}, so what is signed for another collection under the same root key can be taken for its own"
                )
            }
            Self::NotVouchedFor { item, level, unlisted } => {
                write!(f, "nobody vouches for {item}: it is what the exporter packed (level {level})")?;
                unlisted.iter().try_for_each(|unlisted| write!(f, "; {unlisted}"))
            }
            Self::BundleRule { item, section, deviation } => {
                write!(f, "bundle {item} does not follow {section}: {deviation}")
            }
            Self::OtherImage { item, image, image_type } => {
                write!(
                    f,
                    "bundle {item} names {image}, which is of type {image_type:?} and not a container image, so it is not carried"
                )
            }
            Self::BundleNotCarried { item, bundle, ranges } => {
                write!(f, "bundle {item} needs bundle {bundle}")?;
                if !ranges.is_empty() {
                    write!(f, " ({})", ranges.join(" or "))?;
                }
                f.write_str(", which is not carried with it")
            }
            Self::ReferrersNotLookedFor { items } => {
                write!(
                    f,
                    "when the archive was made, nothing that refers to {} was looked for: no signatures, attestations and SBOMs of these came with them",
                    first_of(items)
                )
            }
            Self::ReferrersLeftOut { item, counts } => {
                write!(
                    f,
                    "referrers of {item} were left out when the archive was made: {}; the report has their digests",
                    by_kind(counts)
                )
            }
            Self::UnvouchedReferrers { items, counts } => {
                write!(
                    f,
                    "nobody vouches for referrers of {}, which came along: {}; the report says which were looked at",
                    first_of(items),
                    by_kind(counts)
                )
            }
            Self::ManifestMadeHere { item, digest, made_from: MadeFrom::DockerArchive } => {
                write!(
                    f,
                    "the manifest {digest} of {item} was made when the archive was made, because a docker-archive keeps none; no registry has this digest"
                )
            }
            Self::InvalidAttestation { item, attestation, reason } => {
                write!(
                    f,
                    "the attestation {attestation} in {item} is not a valid in-toto Statement, so it proves nothing: {reason}"
                )
            }
            Self::Source { text } => f.write_str(text),
            Self::VolumeMissing { volume } => {
                write!(f, "volume {volume} is missing; the others make up for it")
            }
            Self::VolumeDamaged { volume, damaged } => {
                let chunks: u64 = damaged.iter().map(|range| range.last - range.first + 1).sum();
                let chunks = if chunks == 1 { "1 chunk".to_owned() } else { format!("{chunks} chunks") };
                write!(f, "volume {volume} is damaged: {chunks} of it, restored from the other volumes")
            }
            Self::VolumeUnread { file, reason } => write!(f, "{file} was ignored: {reason}"),
            Self::LayersNotSeen { count, bytes, base } => {
                let count = if *count == 1 { "1 layer".to_owned() } else { format!("{count} layers") };
                let word = match base {
                    BaseRecord::Receipt(receipt) => format!("the site with key {} says", receipt.key),
                    BaseRecord::Archives(archives) if archives.len() == 1 => "an archive was sent before".to_owned(),
                    BaseRecord::Archives(archives) => format!("{} archives were sent before", archives.len()),
                };
                write!(
                    f,
                    "{count} ({bytes} bytes) are left out of the archive because they are where it goes: so {word}, and nobody has looked here"
                )
            }
            Self::PlatformsNotThere { item, platforms } => {
                write!(f, "{item} has nothing for {}; only other chosen platforms are there", platforms.join(" or "))
            }
        }
    }
}

/// A warning in a report: its parts, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WarningReport {
    /// What it is about.
    #[serde(flatten)]
    pub warning: Warning,
    /// What it says.
    pub message: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl From<Warning> for WarningReport {
    fn from(warning: Warning) -> Self {
        Self { message: warning.to_string(), remedy: warning.remedy(), warning }
    }
}
