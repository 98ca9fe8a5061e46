//! From items to findings: what each repository says about each name, and whether that is enough for the policy.
//!
//! Promise: a judgement has two moments, each with a type. An [`OpenJudgement`] is decided by the head of an archive, before the
//! first layer, and knows which requirements are left. A [`Judgement`](super::Judgement) has none left; only [`Attestations`]
//! makes one, once every attestation has been checked.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::in_toto::{LayoutKey, ProductContent, Work};
use sealift_proof::level::Level;
use sealift_proof::tuf::map::{AgreedTarget, RepositoryMap};
use sealift_proof::tuf::{Measured, VerifiedTarget};

use super::attestations::{Attestations, InvalidAttestation};
use super::error::JudgementError;
use super::evidence::{Evidence, Finding, MAXIMUM_LISTED, Unlisted};
use super::item::Item;
use super::memory::Late;
use super::question::{Brought, Question};
use super::referrers::{self, NamedGraphs, ReferrerRefusal};
use super::repositories::{Carried, Carrier, Repositories, RepositoryEvidence};
use super::requirement::{self, OpenRequirements};
use super::supply_chain;
use crate::trust_store::{RepositoryName, Trust};

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// The repositories that spoke.
    pub repositories: Vec<RepositoryEvidence>,
    /// What was found about each item, in the order of the question.
    pub items: Vec<Finding>,
    /// The attestations beside manifests of images that prove nothing, because they cannot be read as such.
    pub invalid_attestations: Vec<InvalidAttestation>,
}

impl Findings {
    /// The lowest level that an item reaches; `None` without items, or where two levels cannot be compared.
    pub(crate) fn lowest_level(&self) -> Option<Level> {
        let levels = || self.items.iter().map(Finding::level);
        levels().find(|level| levels().all(|other| *level <= other))
    }
}

/// Items that are what the policy requires of their names, as far as targets can decide it. What the policy requires of
/// referrers and attestations is open.
#[derive(Debug)]
pub struct OpenJudgement {
    findings: Findings,
    open: OpenRequirements,
    /// The pinned attesters.
    attesters: Vec<LayoutKey>,
    judged_at: Timestamp,
    /// Why everything has to be vouched for, if the archive comes after a later export.
    late: Option<Late>,
}

/// Why what was found is not accepted, whatever the attestations say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenRefusal {
    /// A referrer.
    #[error(transparent)]
    Referrer(#[from] ReferrerRefusal),
    /// An item or a part.
    #[error(transparent)]
    Judgement(#[from] JudgementError),
}

/// Judges items against what this side trusts, as far as targets decide it.
///
/// # Errors
/// [`JudgementError`]: the first rule that is broken. Nothing in the archive may then be believed.
pub fn judge(
    question: &Question<'_>,
    trust: &Trust,
    carriers: BTreeMap<RepositoryName, Carrier<'_>>,
) -> Result<OpenJudgement, JudgementError> {
    let (found, repositories) = find(question, trust, carriers)?;
    Ok(found.with(repositories.into_heard().into_evidence(question.terms.exported_at())))
}

/// Judges each item on its own, as far as targets decide it: one that is refused ends nothing.
///
/// # Errors
/// [`JudgementError`], for what is about no item in particular.
pub(crate) fn judge_each(
    question: &Question<'_>,
    trust: &Trust,
    carriers: BTreeMap<RepositoryName, Carrier<'_>>,
) -> Result<Vec<Result<Finding, JudgementError>>, JudgementError> {
    let mut judge = Judge::of(question, trust, carriers)?;
    Ok(question.items.iter().map(|item| judge.item(item)).collect())
}

/// Judges items from only what an archive carries. For the repositories that are pinned here, it may carry only what
/// the judgement needs, and what belongs to the verified metadata.
///
/// # Errors
/// As [`judge`], and [`RepositoryError::Stray`](super::RepositoryError::Stray).
pub fn judge_carried(
    question: &Question<'_>,
    trust: &Trust,
    carried: &mut Carried,
) -> Result<OpenJudgement, JudgementError> {
    let late = Late::of(trust, question.terms, carried.names());
    let judged = judge_only_carried(question, trust, carried);
    let judged = judged.map_err(|error| late.iter().fold(error, |error, late| late.explain(error)))?;
    Ok(OpenJudgement { late, ..judged })
}

fn judge_only_carried(
    question: &Question<'_>,
    trust: &Trust,
    carried: &mut Carried,
) -> Result<OpenJudgement, JudgementError> {
    let (found, repositories) = find(question, trust, carried.carriers())?;
    let repositories = repositories.into_heard();
    repositories.require_no_stray(trust, carried)?;
    Ok(found.with(repositories.into_evidence(question.terms.exported_at())))
}

/// The finding for each item, with what is open, and the repositories that were asked.
fn find<'a>(
    question: &Question<'_>,
    trust: &Trust,
    carriers: BTreeMap<RepositoryName, Carrier<'a>>,
) -> Result<(OpenJudgement, Repositories<'a>), JudgementError> {
    let mut judge = Judge::of(question, trust, carriers)?;
    let items = question.items.iter().map(|item| judge.item(item)).collect::<Result<_, _>>()?;
    let attesters = trust.attesters.iter();
    let attesters = attesters.map(|(name, key)| LayoutKey { label: name.to_string(), key: key.clone() }).collect();
    let findings = Findings { repositories: Vec::new(), items, invalid_attestations: Vec::new() };
    let judged_at = question.terms.judged_at();
    Ok((OpenJudgement { findings, open: judge.open, attesters, judged_at, late: None }, judge.repositories))
}

/// The map of the trust store. Without one, a single pinned root speaks for every name.
pub(super) fn map(trust: &Trust, first_name: Option<String>) -> Result<Option<RepositoryMap>, JudgementError> {
    if trust.map.is_some() {
        return Ok(trust.map.clone());
    }
    let mut names = trust.repositories.keys();
    match (names.next(), names.len()) {
        (None, _) => Ok(None),
        (Some(only), 0) => Ok(Some(RepositoryMap::of_one(only, Vec::new()))),
        (Some(_), _) => {
            Err(JudgementError::NoMap { pinned: trust.repositories.keys().cloned().collect(), name: first_name })
        }
    }
}

struct Judge<'a, 'b> {
    question: &'a Question<'a>,
    trust: &'a Trust,
    map: Option<RepositoryMap>,
    repositories: Repositories<'b>,
    open: OpenRequirements,
    /// What has already been measured, by the digest in the inventory.
    measured: BTreeMap<Digest, Rc<Measured>>,
    /// What is left of what verifying all supply chains may take.
    work: Work,
    /// For how many more names it is looked which tags are listed beside them.
    looks_left: usize,
}

/// For how many names for which nobody vouches it is said which tags are listed instead.
const MAXIMUM_LOOKS: usize = 16;

impl<'a, 'b> Judge<'a, 'b> {
    fn of(
        question: &'a Question<'a>,
        trust: &'a Trust,
        carriers: BTreeMap<RepositoryName, Carrier<'b>>,
    ) -> Result<Self, JudgementError> {
        let map = map(trust, question.first_name())?;
        let repositories = Repositories::open(trust, carriers, question.terms)?;
        let (open, measured, work) = (OpenRequirements::default(), BTreeMap::new(), Work::of_an_archive());
        Ok(Self { question, trust, map, repositories, open, measured, work, looks_left: MAXIMUM_LOOKS })
    }
}

impl<'a> Judge<'a, '_> {
    /// What is proven about an item and its parts, if it is what the policy requires of their names.
    fn item(&mut self, item: &Arc<Item>) -> Result<Finding, JudgementError> {
        let finding = self.find(item)?;
        requirement::ask(&finding, self.trust, &mut self.open)?;
        Ok(finding)
    }

    /// What is proven about an item, and then about each of its parts.
    fn find(&mut self, item: &Arc<Item>) -> Result<Finding, JudgementError> {
        let evidence = self.evidence(item)?;
        let unlisted = if evidence.is_empty() { self.unlisted(item) } else { Vec::new() };
        let parts = item.parts.iter().map(|part| self.find(part)).collect::<Result<_, _>>()?;
        Ok(Finding { item: Arc::clone(item), evidence, unlisted, through_bundle: Vec::new(), parts })
    }

    /// What each scheme proves about an item, each from the proof of the one before.
    fn evidence(&mut self, item: &Arc<Item>) -> Result<Vec<Evidence>, JudgementError> {
        // A seal says who packed the archive, not what the contents are: an old release under a new name would also be
        // sealed.
        if item.target != item.own_target() {
            let (reference, target) = (item.reference.clone(), item.target.clone());
            return Err(JudgementError::OtherTarget { reference, target });
        }
        let Some(agreed) = self.resolve(item)? else { return Ok(Vec::new()) };
        let target = agreed.target();
        let product = self.brought(item)?;
        target.check_measured(&product.measured).map_err(|source| JudgementError::Binding {
            reference: item.reference.clone(),
            item: Arc::clone(item),
            target: target.path().to_owned(),
            listed_length: target.length(),
            listed: target.hashes().to_vec(),
            source,
        })?;
        let demands = supply_chain::Demands::of(&self.trust.policy, item);
        let (repositories, work) = (&mut self.repositories, &mut self.work);
        let chain = supply_chain::verify(item, &product, &agreed, repositories, self.question, demands, work)
            .map_err(|source| JudgementError::SupplyChain { reference: item.reference.clone(), source })?;
        Ok(std::iter::once(Evidence::Tuf(agreed)).chain(chain.map(Evidence::InToto)).collect())
    }

    /// The repositories that speak for a name for which nobody vouches: they do not list it. What they list instead is said for the first
    /// such names only, because looking takes a copy of what a repository has.
    fn unlisted(&mut self, item: &Item) -> Vec<Unlisted> {
        let Some(map) = &self.map else { return Vec::new() };
        let full_name = item.full_name();
        let mut asked = Vec::new();
        // Nothing is found anew: this only says who was asked.
        let _ = map.resolve(&full_name, |name| {
            asked.push(name.clone());
            Ok::<_, std::convert::Infallible>(None)
        });
        let name = full_name.rsplit('/').next().unwrap_or(&full_name).to_owned();
        let unlisted = |repository: RepositoryName| {
            let listed = match self.looks_left.checked_sub(1) {
                None => Vec::new(),
                Some(left) => {
                    self.looks_left = left;
                    let tags = self.repositories.tags_beside(&repository, item, MAXIMUM_LISTED);
                    let meant = || self.repositories.name_meant(&repository, &full_name).into_iter().collect();
                    if tags.is_empty() { meant() } else { tags }
                }
            };
            Unlisted { repository, name: name.clone(), listed }
        };
        asked.into_iter().map(unlisted).collect()
    }

    /// The bytes of an item, measured. An inventory lists them by one digest; targets and links may list
    /// others. A thick bundle comes after the judgement, and is held to what is stated about it then; so does a file, unless it was read
    /// ahead.
    fn brought(&mut self, item: &Arc<Item>) -> Result<Brought<'a>, JudgementError> {
        let question = self.question;
        let missing = || JudgementError::NotBrought { reference: item.reference.clone(), item: Arc::clone(item) };
        let Some(bytes) = question.documents.get(&item.digest) else {
            let stated = std::iter::once(&item.digest).chain(&item.sha512).cloned().collect();
            let measured = item.comes_later().then(|| Rc::new(Measured::stated(item.length, stated)));
            return Ok(Brought { content: ProductContent::Later, measured: measured.ok_or_else(missing)? });
        };
        let measured = self.measured.entry(item.digest.clone()).or_insert_with(|| Rc::new(Measured::of(bytes)));
        let mut stated = std::iter::once(&item.digest).chain(&item.sha512);
        if measured.length() != item.length || !stated.all(|digest| measured.digests().contains(digest)) {
            return Err(missing());
        }
        Ok(Brought { content: ProductContent::Bytes(bytes), measured: Rc::clone(measured) })
    }

    /// The target that the repositories that speak for a name agree on, however the name is written.
    fn resolve(&mut self, item: &Item) -> Result<Option<AgreedTarget>, JudgementError> {
        let Some(map) = &self.map else { return Ok(None) };
        let repositories = &mut self.repositories;
        map.resolve(&item.full_name(), |name| say(repositories, name, item))
            .map_err(|error| JudgementError::of_search(error, &item.reference))
    }
}

/// What one repository says about a name in any spelling: it must not list two contents.
fn say(
    repositories: &mut Repositories<'_>,
    name: &RepositoryName,
    item: &Item,
) -> Result<Option<VerifiedTarget>, JudgementError> {
    let mut said: Option<VerifiedTarget> = None;
    for spelling in repositories.targets_for(name, item) {
        match (&said, repositories.resolve(name, &spelling)?) {
            (None, found) => said = found,
            (Some(first), Some(second)) if !first.agrees_with(&second) => {
                let [first, second] = [first, &second].map(|target| target.path().to_owned());
                let (reference, name) = (item.reference.clone(), name.clone());
                return Err(JudgementError::TwoTargets { reference, name, first, second });
            }
            (Some(_), _) => {}
        }
    }
    Ok(said)
}

impl OpenJudgement {
    fn with(self, repositories: Vec<RepositoryEvidence>) -> Self {
        Self { findings: Findings { repositories, ..self.findings }, ..self }
    }

    /// What has been found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Checks the referrers that come with each name, and from now on expects the attestations that do. The names are
    /// those of the findings, in their order: each item, followed by its parts. What attestations are about is among the
    /// `documents`.
    ///
    /// # Errors
    /// [`OpenRefusal`].
    pub(crate) fn await_attestations(
        self,
        named: &[NamedGraphs<'_>],
        documents: &HashMap<&Digest, &[u8]>,
    ) -> Result<Attestations, OpenRefusal> {
        let Self { mut findings, open, attesters, judged_at, late } = self;
        findings.pass_on_to_parts(named);
        late.map_or(Ok(()), |late| late.require_vouched(&findings))?;
        referrers::check(named, &open)?;
        Ok(Attestations::expected_by(findings, named, documents, &open, attesters, judged_at))
    }
}

impl Findings {
    /// Every finding, each item followed by its parts.
    pub fn walk(&self) -> impl Iterator<Item = &Finding> {
        self.items.iter().flat_map(Finding::walk)
    }

    /// Whoever vouches for a bundle vouches for the images whose digests it states, and for no other. The names are those of the
    /// findings, in their order: each item, followed by its parts.
    fn pass_on_to_parts(&mut self, named: &[NamedGraphs<'_>]) {
        let mut named = named.iter();
        for item in &mut self.items {
            named.next();
            let vouching: Vec<_> = item.vouching().cloned().collect();
            for (part, named) in item.parts.iter_mut().zip(&mut named) {
                if named.is_stated_by_bundle && named.reference == part.item.reference {
                    part.through_bundle.clone_from(&vouching);
                }
            }
        }
    }

    /// When each role expires, and the first layout of each supply chain.
    pub(crate) fn expiries(&self) -> impl Iterator<Item = Timestamp> {
        let roles = self.repositories.iter().flat_map(|evidence| &evidence.roles).map(|role| role.expires);
        roles.chain(self.walk().filter_map(Finding::supply_chain).map(|chain| chain.verified.expires()))
    }
}
