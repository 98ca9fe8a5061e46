//! What the policy asks of a name, and whether what was found meets it.
//!
//! Promise: every item, and every part of one, is held to everything that the policy asks of its own name, and
//! [`ask`] is the one place that says what this is. The level and the repositories are decided by the targets, before the
//! first layer. Which referrers may come with a name, and who must vouch for them, stays [`Open`] until the referrers are
//! known and their attestations have been read.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{JudgementError, Shortfall};
use super::evidence::Finding;
use crate::oci::ReferrerKind;
use crate::trust_store::requirement::{Asked, InBundles, Rule};
use crate::trust_store::{AttesterName, RepositoryName, Trust};

/// What the policy asks of a name and targets cannot decide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The kinds of referrers that may come with it.
    pub(super) kinds: BTreeSet<ReferrerKind>,
    /// The attesters of whom one must have signed every attestation that comes with it, and must vouch for every referrer;
    /// `None` where nobody needs to.
    pub(super) attesters: Option<BTreeSet<String>>,
}

/// For a name that nobody asked about: no referrer and no attestation may come with it.
static NOTHING_ACCEPTED: Open = Open { kinds: BTreeSet::new(), attesters: Some(BTreeSet::new()) };

/// What is still open for each name that was asked about, by reference.
#[derive(Debug, Default)]
pub(super) struct OpenRequirements(pub(super) BTreeMap<String, Open>);

impl OpenRequirements {
    /// What is open for a reference.
    pub(super) fn of(&self, reference: &str) -> &Open {
        self.0.get(reference).unwrap_or(&NOTHING_ACCEPTED)
    }
}

/// Asks everything that the policy requires of an item's name, and of the names of its parts. What the finding cannot
/// decide is added to `open`.
///
/// # Errors
/// [`JudgementError::Level`], [`JudgementError::NotVouchedFor`] and [`JudgementError::UnpinnedRequired`].
pub(super) fn ask(finding: &Finding, trust: &Trust, open: &mut OpenRequirements) -> Result<(), JudgementError> {
    let asked_of = |finding: &Finding| trust.policy.asked_of(&finding.item.full_name());
    let asked = asked_of(finding);
    // What the parts' own names require is added to what the whole requires, or replaces it.
    let also = finding.parts.iter().filter(|part| asked_of(part).in_bundles == InBundles::Also);
    let has_level = asked.level.is_met(finding.assurance(), finding.images(also));
    ask_one(finding, &asked, has_level, trust, open)?;
    for part in &finding.parts {
        let asked = asked_of(part);
        let has_level = asked.level.is_met_by_image(finding.assurance(), part.assurance());
        ask_one(part, &asked, has_level, trust, open)?;
    }
    Ok(())
}

/// Asks everything that is required of one name.
fn ask_one(
    finding: &Finding,
    asked: &Asked<'_>,
    has_level: bool,
    trust: &Trust,
    open: &mut OpenRequirements,
) -> Result<(), JudgementError> {
    let reference = || finding.item.reference.clone();
    if !has_level {
        let (level, minimum, source) = (finding.level(), asked.level, Shortfall::of(finding, trust));
        return Err(JudgementError::Level { reference: reference(), level, minimum, rule: asked.rule(), source });
    }
    if let Some(repository) = asked.vouched_by.iter().find(|it| !finding.vouching().any(|name| name == *it)) {
        return Err(not_vouched_for(finding, repository, asked.rule(), trust));
    }
    let kinds = trust.policy.referrers.clone();
    open.0.insert(reference(), Open { kinds, attesters: attesters(asked, trust) });
    Ok(())
}

/// Why a repository that is required does not vouch for an item.
fn not_vouched_for(finding: &Finding, repository: &RepositoryName, rule: Rule, trust: &Trust) -> JudgementError {
    let (reference, repository) = (finding.item.reference.clone(), repository.clone());
    let is_pinned = trust.repositories.contains_key(&repository);
    match trust.meant(&repository).filter(|_| !is_pinned) {
        Some(meant) => JudgementError::UnpinnedRequired { reference, repository, meant, rule },
        None => {
            let vouching = finding.vouching().cloned().collect();
            JudgementError::NotVouchedFor { reference, repository, vouching, rule }
        }
    }
}

/// Those whom a requirement names; any pinned attester where it names nobody.
fn attesters(asked: &Asked<'_>, trust: &Trust) -> Option<BTreeSet<String>> {
    let names: BTreeSet<String> = match asked.attested_by {
        Some(named) => named.iter().map(AttesterName::to_string).collect(),
        None => trust.attesters.keys().map(AttesterName::to_string).collect(),
    };
    Some(names).filter(|names| !names.is_empty())
}
