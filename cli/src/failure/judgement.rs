//! What to tell the operator about the judgement: TUF, freshness, in-toto, level.

use sealift_core::trust::{AttestationRefusal, JudgementError, RepositoryError, SupplyChainError};
use sealift_core::trust_store::Rule;
use sealift_proof::freshness::{FreshnessError, LooserFreshness};
use sealift_proof::in_toto::AttestationError;
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{FetchError, ProviderError, TufError};

use super::{Advice, advice, network};
use crate::exit_code::ExitCode;

pub(super) fn judgement(error: &JudgementError) -> Advice {
    match error {
        JudgementError::NoMap { .. } => advice(
            ExitCode::TrustStore,
            "say which repository speaks for which names: sealift trust map MAP.json (TAP 4)",
        ),
        JudgementError::Repository(error) => repository(error),
        JudgementError::OtherTarget { .. } => advice(
            ExitCode::Tuf,
            "ask the exporter to pack it under the name that its publisher signed; nothing was written",
        ),
        JudgementError::TwoTargets { .. } => advice(
            ExitCode::Tuf,
            "ask the publisher to withdraw one of the two targets, because both names mean the same tag; nothing was written",
        ),
        JudgementError::Search { source, .. } => search(source),
        JudgementError::Binding { .. } => advice(
            ExitCode::Tuf,
            "the content and the signed metadata do not belong together: export both again, or ask the publisher which is right",
        ),
        JudgementError::NotBrought { .. } => {
            advice(ExitCode::Tuf, "export again: what the publisher signed is not in the archive; nothing was written")
        }
        JudgementError::SupplyChain { source, .. } => supply_chain(source),
        JudgementError::Level { rule, .. } => advice(
            ExitCode::Policy,
            match rule {
                Rule::MinimumLevel => {
                    "ask the publisher to sign more; or, knowing what it means, lower minimum_level in policy.toml or add a [[require]] for \
                     this name; nothing was written"
                }
                Rule::Requirement(_) => {
                    "ask the publisher to sign more; or, knowing what it means, lower the level in that [[require]] in policy.toml; nothing \
                     was written"
                }
            },
        ),
        JudgementError::NotVouchedFor { .. } => advice(
            ExitCode::Policy,
            "check that map.json lets that repository speak for this name, and ask its publisher; or, knowing what it means, change vouched_by in \
             policy.toml; nothing was written",
        ),
    }
}

pub(super) fn attestation(error: &AttestationRefusal) -> Advice {
    let source = match error {
        AttestationRefusal::Refused { source, .. } => source,
        AttestationRefusal::NotRead { .. } => {
            return advice(ExitCode::InToto, "ask the exporter to export it again; nothing was tagged");
        }
    };
    let hint = match source {
        AttestationError::NotSigned { .. } => {
            "ask them to sign it; or, if you trust its maker, add their key: sealift trust add-attester NAME KEY (and add their name to attested_by in policy.toml, if that is set)"
        }
        AttestationError::NotAboutThis { .. } => {
            "it is attached to an image that it is not about: ask the publisher; nothing was tagged"
        }
        AttestationError::TooLong { .. } | AttestationError::TooManySubjects { .. } => {
            "ask the publisher to attach a shorter one"
        }
        AttestationError::Work(_) => {
            "ask its maker: it has more signatures, or slower keys, than any honest attestation"
        }
        AttestationError::Json(_)
        | AttestationError::Envelope(_)
        | AttestationError::PlainSignature
        | AttestationError::NotAStatement(_) => "ask the publisher: what is attached is not an in-toto attestation",
    };
    advice(ExitCode::InToto, hint)
}

fn repository(error: &RepositoryError) -> Advice {
    match error {
        RepositoryError::NotPinned { .. } => advice(
            ExitCode::TrustStore,
            "get the root from the publisher in a way that you trust, then: sealift trust pin-root NAME root.json",
        ),
        RepositoryError::NotCarried { name, .. } => advice(ExitCode::Tuf, format!("export with --tuf {name}=LOCATION")),
        RepositoryError::Stray { .. } => advice(
            ExitCode::Tuf,
            "ask the exporter what was packed: nothing that was verified refers to this file; nothing was written",
        ),
        RepositoryError::ArchiveTime(source) | RepositoryError::Freshness { source, .. } => freshness(source),
        RepositoryError::Tuf { source, .. } => tuf(source),
        RepositoryError::Target { source, .. } => match source {
            FetchError::Provider(error) => provider(error),
            FetchError::Missing { .. } | FetchError::Mismatch { .. } => {
                advice(ExitCode::Tuf, "ask the publisher: the repository does not have a file as it lists it")
            }
        },
    }
}

fn search(error: &MapSearchError) -> Advice {
    match error {
        MapSearchError::NoAgreement { .. } => {
            advice(ExitCode::Tuf, "ask the publishers: the repositories that must agree do not")
        }
        MapSearchError::Repository { source, .. } => tuf(source),
    }
}

fn tuf(error: &TufError) -> Advice {
    match error {
        TufError::Signatures { .. } => advice(
            ExitCode::Tuf,
            "if the role is root, the pinned root may not be the publisher's: compare its SHA-256; otherwise ask the publisher",
        ),
        TufError::Rollback { .. } | TufError::Removed(_) => advice(
            ExitCode::Rollback,
            "someone may be replaying old metadata: export again from the publisher's own repository",
        ),
        TufError::Expired { .. } => advice(
            ExitCode::Tuf,
            "export again from the publisher's repository; if that is expired too, ask the publisher to renew it",
        ),
        TufError::Malformed { .. } => advice(
            ExitCode::Tuf,
            "check what the repository's location serves (perhaps a login page), or ask the publisher; nothing was written",
        ),
        TufError::Version { .. }
        | TufError::Mismatch { .. }
        | TufError::NotInSnapshot { .. }
        | TufError::TooManyRoles { .. }
        | TufError::TooDeep { .. }
        | TufError::Unprovable { .. } => advice(
            ExitCode::Tuf,
            "the repository is inconsistent: export again, in case it was being updated, or ask the publisher; nothing was written",
        ),
        TufError::TooManyRoots { .. } => advice(
            ExitCode::Tuf,
            "pin a newer root of this publisher, or raise root_versions in policy.toml; nothing was written",
        ),
        TufError::Missing { .. } => advice(
            ExitCode::Tuf,
            "check the location of the repository: it must hold metadata/; or ask the publisher for the missing file",
        ),
        TufError::Provider(error) => provider(error),
        TufError::DamagedState { .. } => advice(
            ExitCode::TrustStore,
            "restore the trust store from a backup; or, accepting that an older archive could then be imported once: sealift trust reset-state NAME",
        ),
        TufError::TrustedRoot { .. } => advice(
            ExitCode::TrustStore,
            "restore the trust store from a backup, or pin the same root again: sealift trust pin-root NAME root.json --replace",
        ),
    }
}

fn provider(error: &ProviderError) -> Advice {
    match error {
        ProviderError::TooLong { .. } => advice(
            ExitCode::Tuf,
            "check the location of the repository, or ask the publisher why the file is so long; nothing was written",
        ),
        ProviderError::TooMuch { .. } => advice(
            ExitCode::Source,
            "export fewer names or repositories at once, or leave out --whole-metadata; nothing was written",
        ),
        ProviderError::Unavailable { source, .. } => network::unavailable(&**source)
            .unwrap_or_else(|| advice(ExitCode::Source, "check that the TUF repository can be read")),
    }
}

pub(super) fn looser_freshness(error: &LooserFreshness) -> Advice {
    match error {
        LooserFreshness::Audit { .. } => {
            advice(ExitCode::Usage, "use `sealift verify` for audits; nothing was written")
        }
        LooserFreshness::AtExport | LooserFreshness::LongerTransit { .. } => advice(
            ExitCode::Policy,
            "to import or to sign, one may only be stricter than policy.toml: leave --freshness out, or change the policy knowingly; \
             `sealift verify` can judge by any clock; nothing was written",
        ),
    }
}

fn freshness(error: &FreshnessError) -> Advice {
    match error {
        FreshnessError::NoExportTime => advice(ExitCode::Policy, "use --freshness now"),
        FreshnessError::ExportedInTheFuture { .. } => advice(
            ExitCode::Policy,
            "this side's clock may be slow: set it, and import the same archive again; if the exporter's clock was fast, or SOURCE_DATE_EPOCH was set, export again",
        ),
        FreshnessError::ClockBehindLastAccepted { .. } => advice(
            ExitCode::Policy,
            "set this side's clock, then import the same archive again; if the clock was wrong when that export was accepted: sealift trust reset-state NAME --export-time",
        ),
        FreshnessError::OlderThanLastAccepted { .. } => advice(
            ExitCode::Rollback,
            "import a newer export: archives of one repository must be imported in the order in which they were exported; if a clock was wrong when that export was accepted: sealift trust reset-state NAME --export-time",
        ),
        FreshnessError::TooLongInTransit { .. } => advice(
            ExitCode::Policy,
            "export again and carry it faster; or, knowing what it means, raise maximum_transit in policy.toml",
        ),
    }
}

fn supply_chain(error: &SupplyChainError) -> Advice {
    match error {
        SupplyChainError::Listing { .. }
        | SupplyChainError::Layouts { .. }
        | SupplyChainError::Unexpected { .. }
        | SupplyChainError::NoKeys { .. }
        | SupplyChainError::NotATarget { .. }
        | SupplyChainError::DuplicateLink { .. }
        | SupplyChainError::Key { .. } => advice(
            ExitCode::InToto,
            "ask the publisher: the target's custom.in-toto does not describe a supply chain (CNAB-Sec 301)",
        ),
        SupplyChainError::NotFromTopLevel { .. } => advice(
            ExitCode::InToto,
            "ask the publisher to sign layouts and their keys with the offline keys of the targets role",
        ),
        SupplyChainError::Repository(error) => repository(error),
        SupplyChainError::Work(_) => advice(
            ExitCode::InToto,
            "export fewer bundles and images at once; if a single one takes too much, ask its publisher; nothing was written",
        ),
        SupplyChainError::Refused(_) => {
            advice(ExitCode::InToto, "ask the publisher which step is missing or not authorised; nothing was written")
        }
        SupplyChainError::InspectionsNotRun { .. } => advice(
            ExitCode::InToto,
            "run them with --run-inspections; or, knowing what it means, set inspections = \"optional\" in policy.toml",
        ),
    }
}
