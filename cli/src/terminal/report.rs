//! The report as a person reads it.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use indicatif::HumanBytes;
use sealift_core::report::{
    AbsentReport, AbsentSeen, AttestationReport, ExpiryReport, ItemReport, LeftOutReport, ReferrerReport, Report,
    ReportedKind, RepositoryReport, Warning, WarningReport,
};
use sealift_core::trust::{NamedBy, NamedLayout, Vouched};
use sealift_proof::in_toto::{Attestation, AttestationClaim, SignatureCheck};

use crate::terminal;
use crate::terminal::ground::Ground;
use crate::terminal::remedy::words;
use crate::terminal::text::{Line, Text};

const STRONG: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();

/// The column that follows the titles.
const INDENT: &str = "           ";

/// The report, as text.
pub(crate) fn render(report: &Report, name: &str) -> Text {
    let mut text = Text::default();
    write(&mut text, report, name);
    text
}

/// The verdict on one line, for `--quiet`: its ground, and how many warnings there are of other things.
pub(crate) fn one_line(report: &Report) -> Line {
    let is_other = |it: &&WarningReport| !matches!(it.warning, Warning::NotVouchedFor { .. });
    let line = Ground::of_report(report).line();
    match report.warnings.iter().filter(is_other).count() {
        0 => line,
        1 => line.then(" ").styled(WARN, "1 warning."),
        count => line.then(" ").styled(WARN, format_args!("{count} warnings.")),
    }
}

/// What an audit found that contradicts what was accepted here, a line for each.
fn findings(report: &Report) -> Text {
    let mut text = Text::default();
    for finding in report.audit.iter().flat_map(|audit| &audit.findings) {
        text.line(Line::default().styled(WARN, "finding:").then(" ").then(&finding.message));
    }
    text
}

/// The shortest summary: what was accepted, at which level, its ground, and the warnings.
pub(crate) fn summary(report: &Report) -> Text {
    let mut text = Text::default();
    for ItemReport { kind, name, level, .. } in &report.items {
        let kind = kind_name(*kind);
        text.line(accepted().then(format_args!(" {kind} {name} at level {level}")));
    }
    text.line(format_args!("Expiry: {}", expiry_in_short(report)));
    text.join(warnings(&report.warnings));
    text.line(Ground::of_report(report).line());
    text
}

fn kind_name(kind: ReportedKind) -> &'static str {
    match kind {
        ReportedKind::Bundle => "bundle",
        ReportedKind::ThickBundle => "thick bundle",
        ReportedKind::Image => "image",
        ReportedKind::File => "file",
        ReportedKind::Invocation => "invocation",
        ReportedKind::Component => "component",
    }
}

fn accepted() -> Line {
    Line::default().styled(GOOD, "Accepted")
}

/// A line that begins with a title.
fn titled(title: &str) -> Line {
    let padding = INDENT.get(title.len()..).unwrap_or_default();
    Line::default().styled(STRONG, title).then(padding)
}

/// Warnings, a line for each, with what can be done about it. What is about registries and layouts was said on the way, where anything was.
pub(crate) fn warnings(warnings: &[WarningReport]) -> Text {
    let mut text = Text::default();
    let is_new = |it: &&WarningReport| !matches!(it.warning, Warning::Source { .. }) || terminal::is_quiet();
    for WarningReport { message, remedy, .. } in warnings.iter().filter(is_new) {
        let remedy = remedy.as_ref().map(|remedy| format!("; {}", words(remedy, None))).unwrap_or_default();
        text.line(Line::default().styled(WARN, "warning:").then(" ").then(message).then(remedy));
    }
    text
}

fn write(text: &mut Text, report: &Report, name: &str) {
    let (archive, time, content) = (&report.archive, &report.time, &report.content);
    let (entries, exporter) = (archive.entries, &archive.exporter);
    text.line(titled("Archive").then(format_args!("{name}: {entries} entries, written by {exporter}")));
    text.line(format_args!("{INDENT}exported at {}, read at {}", time.exported_at, time.now));
    let (signers, needed) = (archive.sealed_by.join(", "), archive.threshold);
    text.line(titled("Sealed by").then(format_args!("{signers} ({needed} needed)")));
    text.line(format_args!("{INDENT}statement {}", archive.statement));
    if let Some(digest) = &archive.sha256 {
        text.line(format_args!("{INDENT}file {digest}"));
    }
    text.line(titled("Expiry").then(expiry_in_short(report)));
    if let (Some(transit), Some(line)) = (time.maximum_transit, time.red_line) {
        text.line(format_args!("{INDENT}may be in transit for {transit}; refused after {line}"));
    }
    for repository in &report.repositories {
        write_repository(text, repository);
    }
    for item in &report.items {
        let ItemReport { kind, name, level, .. } = item;
        let title = match kind {
            ReportedKind::Bundle | ReportedKind::ThickBundle => "Bundle",
            ReportedKind::Image | ReportedKind::Invocation | ReportedKind::Component => "Image",
            ReportedKind::File => "File",
        };
        text.line(titled(title).then(format_args!("{name}: CNAB Security level {level}")));
        write_item(text, item, INDENT);
        for part in &item.parts {
            text.line(format_args!("{INDENT}{} {}", kind_name(part.kind), part.name));
            write_item(text, part, "             ");
        }
    }
    text.line(titled("Content").then(format_args!(
        "{} blobs, {}, of which {} manifests: every digest is as sealed, every reference resolves",
        content.blobs,
        HumanBytes(content.bytes),
        content.manifests,
    )));
    if let Some(AbsentReport { blobs, bytes, seen, .. }) = &content.absent {
        let seen = match seen {
            AbsentSeen::Nothing => "not looked at",
            AbsentSeen::Present => "the target says that it has them",
            AbsentSeen::ReadBack => "read back from the target, every digest as sealed",
            AbsentSeen::OtherArchives => "in the other archives, every digest as sealed",
        };
        text.line(format_args!("{INDENT}{blobs} layers, {}, are left out: {seen}", HumanBytes(*bytes)));
    }
    text.join(warnings(&report.warnings));
    text.join(findings(report));
    text.line(Ground::of_report(report).line());
}

/// The policy in force, and both verdicts on everything that expires.
fn expiry_in_short(report: &Report) -> String {
    let time = &report.time;
    let judged_at = match time.as_of {
        Some(instant) => format!(" {instant}"),
        None if time.policy == "now" => format!(", {}", time.now),
        None => format!(", {}", time.exported_at),
    };
    let policy = time.policy.replace('-', " ");
    let (all, at_export, now) = report.expiries().fold((0, 0, 0), |(all, at_export, now), expiry| {
        (all + 1, at_export + u32::from(!expiry.valid_at_export), now + u32::from(!expiry.valid_now))
    });
    format!(
        "judged {policy}{judged_at}; of {all} roles and layouts, {at_export} had expired at export, and {now} have expired by now"
    )
}

fn write_repository(text: &mut Text, repository: &RepositoryReport) {
    let (name, root) = (&repository.name, repository.pinned_root.short());
    let notary = repository.notary.as_ref().map(|gun| format!(" ({gun} in Notary v1)")).unwrap_or_default();
    text.line(titled("TUF").then(format_args!("repository {name}{notary}, from pinned root sha256:{root}…")));
    if let Some(later) = repository.later_export {
        text.line(format_args!("{INDENT}judged by what was accepted with the later export of {later}"));
    }
    for role in &repository.roles {
        let line = Line::from(format_args!(
            "{INDENT}{:<17} version {:<3} signed by {} ({} needed)  expires {}  ",
            role.role,
            role.version,
            role.signed_by.len(),
            role.threshold,
            role.expiry.expires,
        ));
        text.line(line.join(&verdicts(&role.expiry)));
    }
}

/// Both verdicts on an expiry.
fn verdicts(expiry: &ExpiryReport) -> Line {
    let word = |line: Line, valid: bool, when: &str| {
        let (style, word) = if valid { (GOOD, "valid") } else { (BAD, "expired") };
        line.styled(style, format_args!("{word} {when}"))
    };
    match (expiry.valid_at_export, expiry.valid_now) {
        (at_export, now) if at_export == now => word(Line::default(), now, "at export and now"),
        (at_export, now) => word(word(Line::default(), at_export, "at export").then(", "), now, "now"),
    }
}

fn write_item(text: &mut Text, item: &ItemReport, indent: &str) {
    let platforms = item.platforms.join(", ");
    let space = if platforms.is_empty() { "" } else { "  " };
    text.line(format_args!("{indent}{}{space}{platforms}", item.digest));
    for left_out in left_out_lines(&item.left_out) {
        text.line(Line::from(indent).then("left out: ").styled(WARN, left_out));
    }
    let through_bundle = match item.vouched {
        Vouched::ByName | Vouched::ByNobody => String::new(),
        Vouched::ByBundle => {
            let makers: Vec<_> = item.vouched_for_by.iter().map(ToString::to_string).collect();
            format!("; its bundle, for which {} vouches, states its digest", makers.join(" and "))
        }
    };
    for (kind, digests) in &item.referrer_choice.left_out {
        for digest in digests {
            let referrer = format_args!("{kind} {digest}, which refers to it");
            text.line(Line::from(indent).then("left out: ").styled(WARN, referrer));
        }
    }
    let style = if item.vouched == Vouched::ByNobody { WARN } else { Style::new() };
    let about_name =
        |line: &dyn Display| Line::from(indent).then("TUF: ").styled(style, format_args!("{line}{through_bundle}"));
    match &item.tuf {
        None if item.unlisted.is_empty() => text.line(about_name(&"no repository speaks for it")),
        None => item.unlisted.iter().for_each(|it| text.line(about_name(it))),
        Some(target) => {
            let repositories: Vec<_> = target.repositories.iter().map(ToString::to_string).collect();
            let (repositories, roles) = (repositories.join(", "), target.roles.join(" → "));
            text.line(format_args!("{indent}TUF: target {}, signed by {roles} of {repositories}", target.target));
        }
    }
    for referrer in &item.referrers {
        text.line(Line::from(indent).then("referrer:  ").join(&referrer_line(referrer)));
    }
    for attestation in &item.attestations {
        text.line(Line::from(indent).then("attestation: ").join(&attestation_line(attestation)));
    }
    let Some(chain) = &item.in_toto else {
        // Only a target could list one.
        if item.tuf.is_some() {
            text.line(format_args!("{indent}in-toto: its target lists no supply chain"));
        }
        return;
    };
    let NamedLayout { target, repository, named_by } = &chain.layout;
    let layout = match named_by {
        NamedBy::Target => format!("{target} of {repository}"),
        NamedBy::Policy => format!("{target} of {repository} (named by the policy)"),
        NamedBy::Within => format!("in target {target} of {repository}"),
    };
    let expires = Line::from(format_args!("{indent}in-toto: layout {layout} expires {}  ", chain.expiry.expires));
    text.line(expires.join(&verdicts(&chain.expiry)));
    for step in &chain.trace.steps {
        let signers: Vec<String> =
            step.links.iter().map(|link| format!("{}…", link.key_id.chars().take(8).collect::<String>())).collect();
        text.line(format_args!("{indent}in-toto: step {} by {}", step.name, signers.join(", ")));
    }
    for binding in &chain.trace.product {
        text.line(format_args!("{indent}in-toto: {binding}"));
    }
}

/// What an image lists that was left behind on purpose.
pub(crate) fn left_out_lines(left_out: &LeftOutReport) -> Vec<String> {
    let LeftOutReport { platforms, foreign_layers, manifests, .. } = left_out;
    let platforms =
        (!platforms.is_empty()).then(|| format!("platforms {}, and what refers to these alone", platforms.join(", ")));
    let layers = match foreign_layers.len() {
        0 => None,
        1 => Some("1 foreign layer".to_owned()),
        many => Some(format!("{many} foreign layers")),
    };
    let manifests = manifests.iter().map(|digest| format!("index entry {digest}"));
    platforms.into_iter().chain(layers).chain(manifests).collect()
}

/// What refers to an image, and who vouches for it.
fn referrer_line(report: &ReferrerReport) -> Line {
    let ReferrerReport { digest, kind, artifact_type, size, tag, attested_by, signature, .. } = report;
    let tag = tag.as_ref().map(|tag| format!(", tag {tag}")).unwrap_or_default();
    let line = Line::from(format_args!("{kind} {digest} ({artifact_type}, {}{tag}), ", HumanBytes(*size)));
    match (attested_by.as_slice(), signature) {
        ([], None) => line.styled(WARN, "nobody vouches for it; carried, and not looked at"),
        ([], Some(SignatureCheck::Unsigned)) => line.styled(WARN, "nobody vouches for it; read, not signed"),
        ([], Some(SignatureCheck::NotChecked | SignatureCheck::SignedBy(_))) => {
            line.styled(WARN, "nobody vouches for it; read, and not signed by anyone who is pinned here")
        }
        (names, _) => line.styled(GOOD, format_args!("vouched for by {}", names.join(" and "))),
    }
}

/// What an attestation says, who signed it, and what it is about.
fn attestation_line(report: &AttestationReport) -> Line {
    let Attestation { predicate_type, signature, claim } = &report.attestation;
    let line = match claim {
        AttestationClaim::Provenance { builder, .. } => Line::from(format_args!("SLSA provenance by {builder}")),
        AttestationClaim::Sbom { format, components } => {
            Line::from(format_args!("SBOM in {format} of {components} components"))
        }
        AttestationClaim::Other => Line::from(predicate_type),
    };
    let line = match signature {
        SignatureCheck::SignedBy(names) => {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            line.then(", ").styled(GOOD, format_args!("signed by {names}"))
        }
        SignatureCheck::NotChecked => line.then(", ").styled(WARN, "signature not checked"),
        SignatureCheck::Unsigned => line.then(", ").styled(WARN, "not signed"),
    };
    line.then(format_args!(", about {}", report.attached_to.short()))
}
