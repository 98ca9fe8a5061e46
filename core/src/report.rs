//! The report: what was proven, by whom, by which clock, as a value.
//!
//! `docs/schema/report.schema.json` documents its JSON. The command turns it into text for people; it decides nothing.
//! Fields are only ever added within a major version of [`FORMAT`].

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::Digest;
use sealift_proof::freshness::{Clock, Freshness, Verdict, Verdicts};
use sealift_proof::in_toto::{Attestation, Trace, VerifiedSupplyChain};
use sealift_proof::level::Level;
use serde::Serialize;

use crate::oci::attestation::Attached;
use crate::oci::{Document, Graph, ReferrerKind};
use crate::trust::{Finding, Judgement, RepositoryEvidence, Terms};
use crate::trust_store::policy::Period;
use crate::verify::documents::ClosedImage;
use crate::verify::{Attestations, Proof, attested_by};

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
    /// The TUF repositories, and who signed their roles.
    pub repositories: Vec<RepositoryReport>,
    /// The bundles.
    pub bundles: Vec<BundleReport>,
    /// The images that belong to no bundle.
    pub images: Vec<ItemReport>,
    /// The content that was checked.
    pub content: ContentReport,
    /// What a person should know, although it is not a reason to refuse.
    pub warnings: Vec<String>,
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
    /// How many of them had to sign.
    pub threshold: u32,
    /// The number of entries after the seal.
    pub entries: usize,
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
    pub name: String,
    /// SHA-256 of the pinned root file.
    pub pinned_root: Digest,
    /// The instant at which expiry was judged.
    pub judged_at: Timestamp,
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

/// A bundle.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BundleReport {
    /// The bundle itself.
    #[serde(flatten)]
    pub item: ItemReport,
    /// The level of CNAB Security that it reached.
    pub level: Level,
    /// Its images.
    pub images: Vec<ItemReport>,
}

/// A bundle or an image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemReport {
    /// Its reference.
    pub name: String,
    /// The digest that is vouched for: of `bundle.json`, or of the image's manifest or index.
    pub digest: Digest,
    /// The platforms that are carried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// What TUF says about it; `None` if no repository speaks for it.
    pub tuf: Option<TargetReport>,
    /// What in-toto says about it; `None` if its target lists no supply chain.
    pub in_toto: Option<SupplyChainReport>,
    /// The referrers of an image, which are delivered with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<ReferrerReport>,
    /// The attestations that are attached to an image or to its referrers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<AttestationReport>,
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
    /// The pinned attesters that vouch for it; empty if nobody does.
    pub attested_by: Vec<String>,
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
    pub repositories: Vec<String>,
    /// The roles from `targets` to the one that signs it.
    pub roles: Vec<String>,
}

/// The content that was checked.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentReport {
    /// Blobs whose digests are as sealed.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Manifests and indexes among them; every reference in them resolves to a blob in the archive.
    pub manifests: usize,
}

impl Report {
    /// The report on what was proven.
    pub(crate) fn of(proof: &Proof, attestations: &Attestations, content: ContentReport) -> Self {
        let Proof { inventory, seal, judgement, closed, terms, exporter_threshold, .. } = proof;
        let clock = terms.clock();
        let repositories: Vec<_> = judgement.repositories.iter().map(|evidence| repository(evidence, clock)).collect();
        let images = |findings: &[Finding], closed: &[ClosedImage]| {
            let found = findings.iter().zip(closed).map(|(finding, image)| ItemReport {
                referrers: referrers(image, attestations),
                platforms: image.graph.platforms().map(str::to_owned).collect(),
                attestations: image.attestations().filter_map(|attached| attestation(attached, attestations)).collect(),
                ..item(finding, clock)
            });
            found.collect()
        };
        let bundles = judgement.bundles.iter().zip(&closed.bundles);
        let bundles = bundles.map(|(bundle, closed)| BundleReport {
            item: item(&bundle.finding, clock),
            level: bundle.level,
            images: images(&bundle.images, &closed.images),
        });
        let mut report = Self {
            format: FORMAT,
            archive: ArchiveReport {
                exporter: format!("{} {}", inventory.exporter.name, inventory.exporter.version),
                sealed_by: seal.signers().to_vec(),
                threshold: exporter_threshold.get(),
                entries: inventory.entries.len(),
            },
            time: time(terms, inventory.exported_at, expiries(judgement)),
            repositories,
            bundles: bundles.collect(),
            images: images(&judgement.images, &closed.images),
            content,
            warnings: Vec::new(),
        };
        report.warnings = warnings(&report, proof);
        report
    }

    /// Every item: bundles, their images, and images that belong to no bundle.
    pub fn items(&self) -> impl Iterator<Item = &ItemReport> {
        let bundles = self.bundles.iter().flat_map(|bundle| std::iter::once(&bundle.item).chain(&bundle.images));
        bundles.chain(&self.images)
    }

    /// Every expiry: of the roles, and of the first layout of each supply chain.
    pub fn expiries(&self) -> impl Iterator<Item = ExpiryReport> {
        let roles = self.repositories.iter().flat_map(|repository| &repository.roles).map(|role| role.expiry);
        let layouts = self.items().filter_map(|item| item.in_toto.as_ref()).map(|chain| chain.expiry);
        roles.chain(layouts)
    }
}

/// When each role expires, and the first layout of each supply chain.
pub(crate) fn expiries(judgement: &Judgement) -> impl Iterator<Item = Timestamp> {
    let roles = judgement.repositories.iter().flat_map(|evidence| &evidence.roles).map(|role| role.expires);
    let bundles = judgement.bundles.iter().flat_map(|bundle| std::iter::once(&bundle.finding).chain(&bundle.images));
    let chains = bundles.chain(&judgement.images).filter_map(|finding| finding.supply_chain.as_ref());
    roles.chain(chains.map(VerifiedSupplyChain::expires))
}

fn time(terms: &Terms, exported_at: Timestamp, expiries: impl Iterator<Item = Timestamp>) -> TimeReport {
    let (freshness, policy_freshness) = (terms.freshness(), terms.policy_freshness());
    let as_of = match freshness {
        Freshness::AsOf(instant) => Some(instant),
        Freshness::AtExport { .. } | Freshness::Now { .. } => None,
    };
    TimeReport {
        now: terms.now(),
        exported_at,
        policy: freshness.name(),
        instead_of: (freshness != policy_freshness).then(|| policy_freshness.name()),
        as_of,
        maximum_transit: freshness.maximum_transit().map(Period),
        red_line: freshness.red_line(terms.clock(), expiries),
    }
}

fn repository(evidence: &RepositoryEvidence, clock: &Clock) -> RepositoryReport {
    let role = |role: &sealift_proof::tuf::RoleEvidence| RoleReport {
        role: role.role.to_string(),
        version: role.version,
        threshold: role.threshold,
        signed_by: role.signed_by.clone(),
        expiry: expiry(role.expires, clock),
    };
    RepositoryReport {
        name: evidence.name.to_string(),
        pinned_root: evidence.pinned_root.clone(),
        judged_at: evidence.judged_at,
        roles: evidence.roles.iter().map(role).collect(),
    }
}

fn expiry(expires: Timestamp, clock: &Clock) -> ExpiryReport {
    (expires, Verdicts::on(expires, clock)).into()
}

fn attestation(attached: &Attached, attestations: &Attestations) -> Option<AttestationReport> {
    Some(AttestationReport {
        digest: attached.layer.digest.clone(),
        attached_to: attached.subject.clone(),
        attestation: attestations.found(attached)?.clone(),
    })
}

fn referrers(image: &ClosedImage, attestations: &Attestations) -> Vec<ReferrerReport> {
    let names = attested_by(image, attestations);
    let report = |(referrer, names): (&Arc<Graph>, BTreeSet<String>)| {
        let root = referrer.root();
        let (artifact_type, subject) = match root.document() {
            Document::Image(image) => (image.artifact_type.as_ref().or(Some(&image.config.media_type)), &image.subject),
            Document::Index(index) => (index.artifact_type.as_ref(), &index.subject),
        };
        let manifests = referrer.manifests().iter().map(|manifest| manifest.descriptor());
        ReferrerReport {
            digest: root.descriptor().digest.clone(),
            kind: ReferrerKind::of(referrer),
            artifact_type: artifact_type.unwrap_or(&root.descriptor().media_type).clone(),
            size: manifests.chain(referrer.blobs()).map(|it| it.size).sum(),
            subject: subject.as_ref().unwrap_or(root.descriptor()).digest.clone(),
            attested_by: names.into_iter().collect(),
        }
    };
    image.referrers.iter().zip(names).map(report).collect()
}

fn item(finding: &Finding, clock: &Clock) -> ItemReport {
    let tuf = finding.target.as_ref().map(|agreed| TargetReport {
        target: agreed.target().path().to_owned(),
        repositories: agreed.witnesses().iter().map(|(name, _)| name.clone()).collect(),
        roles: agreed.target().roles().iter().map(ToString::to_string).collect(),
    });
    let in_toto = finding.supply_chain.as_ref().map(|chain| SupplyChainReport {
        expiry: expiry(chain.expires(), clock),
        inspections_not_run: chain.inspections_not_run().to_vec(),
        trace: chain.trace().clone(),
    });
    ItemReport {
        name: finding.claim.reference.clone(),
        digest: finding.claim.digest.clone(),
        platforms: Vec::new(),
        referrers: Vec::new(),
        tuf,
        in_toto,
        attestations: Vec::new(),
    }
}

/// What should be known, but is not a reason to refuse.
fn warnings(report: &Report, proof: &Proof) -> Vec<String> {
    let Proof { judgement, carried, terms, .. } = proof;
    let mut warnings = time_warnings(&report.time, terms.warn_before_expiry());
    for repository in &report.repositories {
        for role in repository.roles.iter().filter(|role| !role.expiry.valid_now) {
            let (name, role, expires) = (&repository.name, &role.role, role.expiry.expires);
            warnings.push(format!("role {role} of repository {name} expired in transit, at {expires}"));
        }
    }
    for item in report.items() {
        let Some(chain) = &item.in_toto else { continue };
        if !chain.expiry.valid_now {
            warnings
                .push(format!("the in-toto layout of {} expired in transit, at {}", item.name, chain.expiry.expires));
        }
        if !chain.inspections_not_run.is_empty() {
            let names = chain.inspections_not_run.join(", ");
            warnings.push(format!("inspections of {} were not run: {names}", item.name));
        }
        for step in &chain.trace.steps {
            warnings.extend(step.warnings.iter().map(|text| format!("step {} of {}: {text}", step.name, item.name)));
        }
    }
    let spoke = |name: &&crate::trust_store::RepositoryName| {
        !judgement.repositories.iter().any(|evidence| evidence.name == **name)
    };
    for name in carried.names().into_iter().filter(spoke) {
        warnings.push(format!("repository {name} was carried, but no root is pinned for it here, so it was ignored"));
    }
    warnings
}

/// What should be known about the clock that judged.
fn time_warnings(time: &TimeReport, notice: SignedDuration) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(instant) = time.as_of {
        warnings.push(format!("expiry was judged as of {instant}, which proves nothing about today"));
    }
    if let Some(policy) = time.instead_of {
        warnings.push(format!("expiry was not judged by the policy's clock: {} instead of {policy}", time.policy));
    }
    if let Some(line) = time.red_line
        && Verdict::at(time.now, line).is_near_the_end(notice)
    {
        warnings.push(format!("this archive will be refused after {line}: import it before then, or export again"));
    }
    warnings
}
