//! What policy requires of a name, and whether a finding meets it.
//!
//! Promise: every item, and every part of one, is held to the level and the repositories that policy requires of its own
//! name. Attesters are required by name as well; whether they vouch shows only when attestations have been read.

use std::collections::BTreeSet;

use super::error::JudgementError;
use super::evidence::Finding;
use super::item::full_name;
use crate::trust_store::requirement::{Asked, InBundles};
use crate::trust_store::{AttesterName, Policy, Trust};

/// Passes a finding that is what the policy requires of the item's name, and of the names of its parts.
///
/// # Errors
/// [`JudgementError::Level`] and [`JudgementError::NotVouchedFor`].
pub(super) fn check(finding: &Finding, policy: &Policy) -> Result<(), JudgementError> {
    let asked_of = |finding: &Finding| policy.asked_of(&finding.item.full_name());
    let asked = asked_of(finding);
    // What the parts' own names require is added to what the whole requires, or replaces it.
    let also = finding.parts.iter().filter(|part| asked_of(part).in_bundles == InBundles::Also);
    require(finding, &asked, asked.level.is_met(finding.assurance(), finding.images(also)))?;
    for part in &finding.parts {
        let asked = asked_of(part);
        require(part, &asked, asked.level.is_met_by_image(finding.assurance(), part.assurance()))?;
    }
    Ok(())
}

/// Passes what has the required level, and is vouched for by the required repositories.
fn require(finding: &Finding, asked: &Asked<'_>, has_level: bool) -> Result<(), JudgementError> {
    let (reference, rule) = (finding.item.reference.clone(), asked.rule());
    if !has_level {
        let (level, minimum) = (finding.level(), asked.level);
        return Err(JudgementError::Level { reference, level, minimum, rule });
    }
    match asked.vouched_by.iter().find(|required| !finding.vouching().any(|name| name == *required)) {
        None => Ok(()),
        Some(repository) => {
            let (repository, vouching) = (repository.clone(), finding.vouching().cloned().collect());
            Err(JudgementError::NotVouchedFor { reference, repository, vouching, rule })
        }
    }
}

/// The attesters of whom one must vouch for every referrer of what has this reference; `None` where nobody needs to.
pub(super) fn attesters<'t>(reference: &str, trust: &'t Trust) -> Option<BTreeSet<&'t AttesterName>> {
    let asked: BTreeSet<&AttesterName> = match trust.policy.asked_of(&full_name(reference)).attested_by {
        Some(named) => named.iter().collect(),
        None => trust.attesters.keys().collect(),
    };
    Some(asked).filter(|asked| !asked.is_empty())
}
