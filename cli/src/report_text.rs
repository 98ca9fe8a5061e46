//! The report as a person reads it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use indicatif::HumanBytes;
use sealift_core::in_toto::{Attestation, Claim, SignatureCheck};
use sealift_core::report::{AttestationReport, BundleReport, ExpiryReport, ItemReport, Report, RepositoryReport};

const STRONG: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();

/// The report, as text; colours are taken out again where the output is not a terminal.
pub(crate) fn render(report: &Report, name: &str) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, report, name);
    text
}

/// The shortest account: what was accepted, at which level, and what to be warned of.
pub(crate) fn summary(report: &Report) -> String {
    let mut text = String::new();
    for bundle in &report.bundles {
        text.push_str(&format!("{GOOD}Accepted{GOOD:#} bundle {} at level {}\n", bundle.item.name, bundle.level));
    }
    for image in &report.images {
        text.push_str(&format!("{GOOD}Accepted{GOOD:#} image {}\n", image.name));
    }
    text.push_str(&format!("Expiry: {}\n", expiry_in_short(report)));
    for warning in &report.warnings {
        text.push_str(&format!("{WARN}warning:{WARN:#} {warning}\n"));
    }
    text
}

fn write(text: &mut String, report: &Report, name: &str) -> std::fmt::Result {
    let (archive, time, content) = (&report.archive, &report.time, &report.content);
    writeln!(
        text,
        "{STRONG}Archive{STRONG:#}    {name}: {} entries, written by {}",
        archive.entries, archive.exporter
    )?;
    writeln!(text, "           exported at {}, read at {}", time.exported_at, time.now)?;
    let needed = archive.threshold;
    writeln!(text, "{STRONG}Sealed by{STRONG:#}  {} ({needed} needed)", archive.sealed_by.join(", "))?;
    writeln!(text, "{STRONG}Expiry{STRONG:#}     {}", expiry_in_short(report))?;
    if let (Some(transit), Some(line)) = (time.maximum_transit, time.red_line) {
        writeln!(text, "           may be on its way for {transit}; refused after {line}")?;
    }
    for repository in &report.repositories {
        write_repository(text, repository)?;
    }
    for bundle in &report.bundles {
        write_bundle(text, bundle)?;
    }
    for image in &report.images {
        writeln!(text, "{STRONG}Image{STRONG:#}      {}", image.name)?;
        write_item(text, image, "           ")?;
    }
    writeln!(
        text,
        "{STRONG}Content{STRONG:#}    {} blobs, {}, of which {} manifests: every digest as sealed, every reference leads somewhere",
        content.blobs,
        HumanBytes(content.bytes),
        content.manifests,
    )?;
    for warning in &report.warnings {
        writeln!(text, "{WARN}warning:{WARN:#} {warning}")?;
    }
    writeln!(text, "{GOOD}Accepted{GOOD:#}: this is what its makers released, as far as the levels above say.")
}

/// The policy in force, and both verdicts on everything that expires.
fn expiry_in_short(report: &Report) -> String {
    let time = &report.time;
    let judged_at = match time.as_of {
        Some(instant) => instant,
        None if time.policy == "now" => time.now,
        None => time.exported_at,
    };
    let policy = time.policy.replace('-', " ");
    let (all, at_export, now) = report.expiries().fold((0, 0, 0), |(all, at_export, now), expiry| {
        (all + 1, at_export + u32::from(!expiry.valid_at_export), now + u32::from(!expiry.valid_now))
    });
    format!(
        "judged {policy}, {judged_at}; of {all} roles and layouts {at_export} had expired at export, and {now} have by now"
    )
}

fn write_repository(text: &mut String, repository: &RepositoryReport) -> std::fmt::Result {
    let root = repository.pinned_root.short();
    writeln!(text, "{STRONG}TUF{STRONG:#}        repository {}, from pinned root sha256:{root}…", repository.name)?;
    for role in &repository.roles {
        writeln!(
            text,
            "           {:<20} version {:<4} signed by {} ({} needed)  expires {}  {}",
            role.role,
            role.version,
            role.signed_by.len(),
            role.threshold,
            role.expiry.expires,
            verdicts(&role.expiry),
        )?;
    }
    Ok(())
}

/// Both verdicts on an expiry.
fn verdicts(expiry: &ExpiryReport) -> String {
    let word = |valid: bool, when: &str| {
        if valid { format!("{GOOD}valid {when}{GOOD:#}") } else { format!("{BAD}expired {when}{BAD:#}") }
    };
    format!("{}, {}", word(expiry.valid_at_export, "at export"), word(expiry.valid_now, "now"))
}

fn write_bundle(text: &mut String, bundle: &BundleReport) -> std::fmt::Result {
    writeln!(text, "{STRONG}Bundle{STRONG:#}     {}: CNAB Security level {}", bundle.item.name, bundle.level)?;
    write_item(text, &bundle.item, "           ")?;
    for image in &bundle.images {
        writeln!(text, "           image {}", image.name)?;
        write_item(text, image, "             ")?;
    }
    Ok(())
}

fn write_item(text: &mut String, item: &ItemReport, indent: &str) -> std::fmt::Result {
    write!(text, "{indent}{}", item.digest)?;
    if !item.platforms.is_empty() {
        write!(text, "  {}", item.platforms.join(", "))?;
    }
    writeln!(text)?;
    match &item.tuf {
        None => writeln!(text, "{indent}TUF: {WARN}no repository speaks for it{WARN:#}")?,
        Some(target) => {
            let (repositories, roles) = (target.repositories.join(", "), target.roles.join(" → "));
            writeln!(text, "{indent}TUF: target {}, signed by {roles} of {repositories}", target.target)?;
        }
    }
    for attestation in &item.attestations {
        writeln!(text, "{indent}attestation: {}", attestation_text(attestation))?;
    }
    let Some(chain) = &item.in_toto else { return writeln!(text, "{indent}in-toto: no supply chain is listed") };
    let (expires, verdicts) = (chain.expiry.expires, verdicts(&chain.expiry));
    writeln!(text, "{indent}in-toto: layout expires {expires}  {verdicts}")?;
    for step in &chain.trace.steps {
        let signers: Vec<String> =
            step.links.iter().map(|link| format!("{}…", link.key_id.chars().take(8).collect::<String>())).collect();
        writeln!(text, "{indent}in-toto: step {} by {}", step.name, signers.join(", "))?;
    }
    for binding in &chain.trace.product {
        writeln!(text, "{indent}in-toto: {binding}")?;
    }
    Ok(())
}

/// What an attestation says, who signed it, and what it is about.
fn attestation_text(report: &AttestationReport) -> String {
    let Attestation { predicate_type, signature, claim } = &report.attestation;
    let claim = match claim {
        Claim::Provenance { builder, .. } => format!("SLSA provenance by {builder}"),
        Claim::Sbom { format, components } => format!("SBOM in {format} of {components} components"),
        Claim::Other => predicate_type.clone(),
    };
    let signature = match signature {
        SignatureCheck::SignedBy(name) => format!("{GOOD}signed by {name}{GOOD:#}"),
        SignatureCheck::NotChecked => format!("{WARN}signature not checked{WARN:#}"),
        SignatureCheck::Unsigned => format!("{WARN}not signed{WARN:#}"),
    };
    format!("{}, {signature}, about {}", plain(&claim), report.attached_to.short())
}

/// A text from outside, without what a terminal would act on.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
