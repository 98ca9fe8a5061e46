//! The report on a verified archive, made from what was proven. Nothing is decided here.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::inventory::{ImageRecord, Inventory, ItemRecord, ReferrerChoice};
use sealift_proof::freshness::{Clock, Freshness, Verdict, Verdicts};
use sealift_proof::in_toto::SignatureCheck;

use super::Head;
use super::documents::{Closed, ClosedImage, ClosedItem};
use crate::oci::referrer::kind_of;
use crate::oci::{Companions, CosignTag, Document, Graph, ReferrerKind};
use crate::report::{
    AbsentSeen, ArchiveReport, AttestationReport, AuditFinding, AuditReport, ContentReport, ExpiryReport, FORMAT,
    ItemReport, LeftOutReport, ReferrerReport, Report, RepositoryReport, RoleReport, SupplyChainReport, TargetReport,
    TimeReport, Warning, WarningReport, not_vouched_for, of_attestations, of_origin, of_referrers, of_repositories,
};
use crate::trust::{
    CheckedAttestation, ExaminedReferrer, Finding, Findings, ItemSupplyChain, Purpose, Regression, RepositoryEvidence,
    Terms, examined,
};
use crate::trust_store::RepositoryName;
use crate::trust_store::period::Period;

/// What is reported of the items.
pub(crate) fn items(findings: &Findings, closed: &Closed, inventory: &Inventory, clock: &Clock) -> Vec<ItemReport> {
    let items = findings.items.iter().zip(&closed.items).zip(&inventory.items);
    items.map(|((finding, closed), record)| item(finding, closed, record, clock)).collect()
}

/// The report on what was proven.
pub(super) fn report(head: &Head, findings: &Findings, content: ContentReport) -> Report {
    let Head { inventory, seal, closed, terms, exporter_threshold, .. } = head;
    let clock = terms.clock();
    let repositories: Vec<_> = findings.repositories.iter().map(|evidence| repository(evidence, clock)).collect();
    let mut report = Report {
        format: FORMAT,
        archive: ArchiveReport {
            exporter: format!("{} {}", inventory.exporter.name, inventory.exporter.version),
            sealed_by: seal.signers().to_vec(),
            sealed_by_keys: seal.keys().to_vec(),
            statement: seal.statement_digest().clone(),
            sha256: None,
            threshold: exporter_threshold.get(),
            entries: inventory.carried().count(),
        },
        time: time(terms, inventory.exported_at, findings.expiries()),
        audit: audit(findings, terms.purpose()),
        repositories,
        items: items(findings, closed, inventory, clock),
        content,
        warnings: Vec::new(),
    };
    report.warnings = warnings(&report, head, findings).into_iter().map(WarningReport::from).collect();
    report
}

/// What an audit states.
fn audit(findings: &Findings, purpose: Purpose) -> Option<AuditReport> {
    let of_repository = |evidence: &RepositoryEvidence| {
        let repository = evidence.name.clone();
        let finding = move |it: &Regression| AuditFinding {
            message: format!("repository {repository}: {it}"),
            repository: repository.clone(),
            contradiction: it.clone(),
        };
        evidence.contradictions.iter().map(finding).collect::<Vec<_>>()
    };
    match purpose {
        Purpose::Acceptance => None,
        Purpose::Audit => {
            Some(AuditReport { findings: findings.repositories.iter().flat_map(of_repository).collect() })
        }
    }
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
    let role = |role: &Arc<sealift_proof::tuf::RoleEvidence>| RoleReport {
        role: role.role.to_string(),
        version: role.version,
        threshold: role.threshold,
        signed_by: role.signed_by.clone(),
        expiry: expiry(role.expires, clock),
    };
    RepositoryReport {
        notary: evidence.dialect.gun().map(|gun| gun.to_string()),
        name: evidence.name.clone(),
        pinned_root: evidence.pinned_root.clone(),
        judged_at: evidence.judged_at,
        later_export: evidence.later_export,
        roles: evidence.roles.iter().map(role).collect(),
    }
}

fn expiry(expires: Timestamp, clock: &Clock) -> ExpiryReport {
    (expires, Verdicts::on(expires, clock)).into()
}

fn attestation(checked: &CheckedAttestation) -> AttestationReport {
    AttestationReport {
        digest: checked.digest().clone(),
        attached_to: checked.attached_to().clone(),
        attestation: checked.attestation().clone(),
    }
}

fn referrers(companions: &Companions, finding: &Finding) -> Vec<ReferrerReport> {
    let examined = examined(companions, finding);
    let tags = companions.referrers.iter().map(|_| None).chain(companions.tagged.iter().map(|it| Some(&it.tag)));
    let report = |((referrer, tag), examined): ((&Arc<Graph>, Option<&CosignTag>), ExaminedReferrer)| {
        let ExaminedReferrer { attested_by, signature } = examined;
        let root = referrer.root();
        let (artifact_type, subject) = match root.document() {
            Document::Image(image) => (image.artifact_type.as_ref().or(Some(&image.config.media_type)), &image.subject),
            Document::Index(index) => (index.artifact_type.as_ref(), &index.subject),
        };
        let manifests = referrer.manifests().iter().map(|manifest| manifest.descriptor());
        ReferrerReport {
            digest: root.descriptor().digest.clone(),
            kind: kind_as_read(referrer, signature.as_ref()),
            artifact_type: artifact_type.unwrap_or(&root.descriptor().media_type).clone(),
            size: manifests.chain(referrer.blobs()).map(|it| it.size).sum(),
            subject: match (tag, subject) {
                (Some(tag), _) => tag.subject().clone(),
                (None, subject) => subject.as_ref().unwrap_or(root.descriptor()).digest.clone(),
            },
            tag: tag.map(ToString::to_string),
            attested_by: attested_by.into_iter().collect(),
            looked_at: signature.is_some(),
            signature,
        }
    };
    companions.graphs().zip(tags).zip(examined).map(report).collect()
}

/// The kind of a referrer; of attestations of which none makes a claim, because they are signatures alone, that of these.
fn kind_as_read(referrer: &Graph, read: Option<&SignatureCheck>) -> ReferrerKind {
    match kind_of(referrer) {
        ReferrerKind::Attestation if read.is_none() && !referrer.attestations().is_empty() => ReferrerKind::Signature,
        kind => kind,
    }
}

fn item(finding: &Finding, closed: &ClosedItem, record: &ItemRecord, clock: &Clock) -> ItemReport {
    match (closed, record) {
        (ClosedItem::Bundle(bundle), ItemRecord::Bundle(record)) => {
            let parts = finding.parts.iter().zip(&bundle.images).zip(&record.images);
            ItemReport {
                parts: parts.map(|((part, closed), record)| image(part, closed, record, clock)).collect(),
                referrer_choice: record.referrer_choice.clone(),
                referrers: referrers(&bundle.companions, finding),
                ..judged(finding, clock)
            }
        }
        (ClosedItem::Image(closed), ItemRecord::Image(record)) => image(finding, closed, record, clock),
        _ => judged(finding, clock),
    }
}

fn image(finding: &Finding, image: &ClosedImage, record: &ImageRecord, clock: &Clock) -> ItemReport {
    ItemReport {
        kind: (&record.role).into(),
        made_from: record.made_from,
        referrer_choice: record.referrer_choice.clone(),
        platforms: image.graph.platforms().map(str::to_owned).collect(),
        left_out: (&image.left_out()).into(),
        referrers: referrers(&image.companions, finding),
        ..judged(finding, clock)
    }
}

/// What was found about an item of any kind.
fn judged(finding: &Finding, clock: &Clock) -> ItemReport {
    let tuf = finding.target().map(|agreed| TargetReport {
        target: agreed.target().path().to_owned(),
        repositories: agreed.witnesses().iter().map(|(name, _)| name.clone()).collect(),
        roles: agreed.target().roles().iter().map(ToString::to_string).collect(),
    });
    let in_toto = finding.supply_chain().map(|ItemSupplyChain { layout, verified }| SupplyChainReport {
        layout: layout.clone(),
        expiry: expiry(verified.expires(), clock),
        inspections_not_run: verified.inspections_not_run().to_vec(),
        trace: verified.trace().clone(),
    });
    ItemReport {
        kind: finding.item.kind.into(),
        name: finding.item.reference.clone(),
        digest: finding.item.digest.clone(),
        level: finding.level(),
        platforms: Vec::new(),
        left_out: LeftOutReport::default(),
        made_from: None,
        referrer_choice: ReferrerChoice::default(),
        referrers: Vec::new(),
        vouched: finding.vouched(),
        vouched_for_by: finding.makers(),
        tuf,
        unlisted: finding.unlisted.clone(),
        in_toto,
        attestations: finding.attestations().map(attestation).collect(),
        parts: Vec::new(),
    }
}

/// What should be known, but is not a reason to refuse.
fn warnings(report: &Report, head: &Head, findings: &Findings) -> Vec<Warning> {
    let Head { carried, closed, inventory, terms, absent, .. } = head;
    let mut warnings = time_warnings(&report.time, terms.warn_before_expiry());
    for repository in &report.repositories {
        let expired = repository.roles.iter().filter(|role| !role.expiry.valid_now);
        warnings.extend(expired.map(|role| Warning::RoleExpired {
            role: role.role.clone(),
            repository: repository.name.clone(),
            expires: role.expiry.expires,
        }));
    }
    warnings.extend(of_repositories(&findings.repositories));
    warnings.extend(not_vouched_for(findings));
    warnings.extend(of_attestations(findings));
    warnings.extend(of_referrers(report));
    for item in report.walk() {
        let Some(chain) = &item.in_toto else { continue };
        let name = || item.name.clone();
        if !chain.expiry.valid_now {
            warnings.push(Warning::LayoutExpired { item: name(), expires: chain.expiry.expires });
        }
        if !chain.inspections_not_run.is_empty() {
            warnings.push(Warning::InspectionsNotRun { item: name(), names: chain.inspections_not_run.clone() });
        }
        for step in &chain.trace.steps {
            let of_step = |text: &String| Warning::Step { step: step.name.clone(), item: name(), text: text.clone() };
            warnings.extend(step.warnings.iter().map(of_step));
        }
    }
    let was_ignored = |name: &&RepositoryName| !findings.repositories.iter().any(|it| it.name == **name);
    let ignored = carried.names().into_iter().filter(was_ignored);
    warnings.extend(ignored.map(|repository| Warning::NotPinned { repository: repository.clone() }));
    warnings.extend(closed.bundle_warnings(&inventory.items));
    warnings.extend(of_origin(&inventory.items));
    warnings.extend(absent.iter().cloned());
    let unseen = report.content.absent.iter().filter(|absent| absent.seen == AbsentSeen::Nothing);
    warnings.extend(unseen.map(|absent| Warning::LayersNotSeen {
        count: absent.blobs,
        bytes: absent.bytes,
        base: absent.base.clone(),
    }));
    warnings
}

/// What should be known about the clock that judged.
fn time_warnings(time: &TimeReport, notice: SignedDuration) -> Vec<Warning> {
    let audit = time.as_of.map(|instant| Warning::Audit { instant });
    let other_clock = time.instead_of.map(|policy| Warning::OtherClock { judged_by: time.policy, policy });
    let near = time.red_line.filter(|line| Verdict::at(time.now, *line).is_near_the_end(notice));
    audit.into_iter().chain(other_clock).chain(near.map(|red_line| Warning::RedLine { red_line })).collect()
}
