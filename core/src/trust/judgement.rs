//! From items to findings: what each repository says about each name, and whether that is enough for the policy.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_proof::in_toto::{Inspections, VerifiedSupplyChain, Work};
use sealift_proof::level::{Assurance, Level, MinimumLevel};
use sealift_proof::tuf::map::{AgreedTarget, MapSearchError, RepositoryMap};
use sealift_proof::tuf::{Measured, MismatchError, VerifiedTarget};

use super::item::{Item, ItemKind};
use super::repositories::{Carried, Carrier, Repositories, RepositoryError, RepositoryEvidence};
use super::supply_chain::{self, SupplyChainError};
use super::terms::Terms;
use crate::trust_store::policy;
use crate::trust_store::requirement::{Asked, InBundles, Rule};
use crate::trust_store::{RepositoryName, Trust};

/// What to judge, and how.
pub struct Question<'a> {
    /// The items.
    pub items: Vec<Arc<Item>>,
    /// By which clock.
    pub terms: &'a Terms,
    /// Whether in-toto inspections are run.
    pub inspections: Inspections<'a>,
    /// The bytes of `bundle.json` and of manifests, by the digests that the items have: they are compared with targets and
    /// products, and given to inspections.
    pub documents: &'a BTreeMap<Digest, Arc<[u8]>>,
}

/// What was proven.
#[derive(Debug)]
pub struct Judgement {
    /// The repositories that spoke.
    pub repositories: Vec<RepositoryEvidence>,
    /// What was found about each item, in the order of the question.
    pub items: Vec<Finding>,
}

/// What was proven about one item.
#[derive(Debug)]
pub struct Finding {
    /// The item.
    pub item: Arc<Item>,
    /// The target that vouches for it, and the repositories that agree on it.
    pub target: Option<AgreedTarget>,
    /// Its supply chain: how it was made.
    pub supply_chain: Option<VerifiedSupplyChain>,
    /// What was proven about each of its parts.
    pub parts: Vec<Self>,
}

/// Why something is refused.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// Nothing says which repositories speak for which names.
    #[error("{count} roots are pinned, but no map says which repository speaks for which names")]
    NoMap {
        /// How many roots are pinned.
        count: usize,
    },
    /// A repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The archive says that the target of another name vouches for it.
    #[error("the archive names target {target} to vouch for {reference}; only the target with its own name can")]
    OtherTarget {
        /// The reference.
        reference: String,
        /// The target that the archive names.
        target: String,
    },
    /// The repositories do not agree.
    #[error("the repositories do not settle what {reference} is")]
    Search {
        /// The reference.
        reference: String,
        /// Why they do not agree.
        source: MapSearchError,
    },
    /// A repository lists two contents for one name, in two spellings.
    #[error("repository {name} lists {first} and {second} with different contents, and both mean {reference}")]
    TwoTargets {
        /// The reference.
        reference: String,
        /// The repository.
        name: RepositoryName,
        /// One of the targets.
        first: String,
        /// The other.
        second: String,
    },
    /// The content is not what the target describes.
    #[error("{reference} is not the target that TUF vouches for: {} bytes with digest {}, but {target} lists {} bytes with {}", .item.length, .item.digest, .listed_length, .listed.iter().map(Digest::to_string).collect::<Vec<_>>().join(" and "))]
    Binding {
        /// The reference.
        reference: String,
        /// The item.
        item: Arc<Item>,
        /// The target under whose name it was found.
        target: String,
        /// The length that the target lists, in bytes.
        listed_length: u64,
        /// The digests that it lists.
        listed: Vec<Digest>,
        /// What differs.
        source: MismatchError,
    },
    /// A target vouches for it, but the archive has no bytes to compare with the target.
    #[error("{reference} is not in the archive: there are no {} bytes with digest {}", .item.length, .item.digest)]
    NotBrought {
        /// The reference.
        reference: String,
        /// The item that has no bytes.
        item: Arc<Item>,
    },
    /// The supply chain is refused.
    #[error("the supply chain of {reference} is refused")]
    SupplyChain {
        /// The reference.
        reference: String,
        /// Why it is refused.
        source: SupplyChainError,
    },
    /// The level is too low.
    #[error("{reference} reaches level {level}, but {rule} requires level {minimum}")]
    Level {
        /// The reference.
        reference: String,
        /// The level that it reaches.
        level: Level,
        /// The level that is required.
        minimum: MinimumLevel,
        /// The part of the policy that requires it.
        rule: Rule,
    },
    /// A repository that the policy names does not vouch for it.
    #[error("{reference} is vouched for by {}, but {rule} requires {repository}", listed(.vouching))]
    NotVouchedFor {
        /// The reference.
        reference: String,
        /// The required repository.
        repository: RepositoryName,
        /// Those that vouch.
        vouching: Vec<RepositoryName>,
        /// The part of the policy that requires it.
        rule: Rule,
    },
}

fn listed(vouching: &[RepositoryName]) -> String {
    match vouching {
        [] => "nobody".to_owned(),
        names => names.iter().map(RepositoryName::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Judges items against what this side trusts.
///
/// # Errors
/// [`JudgementError`]: the first rule that is broken. Nothing in the archive may then be believed.
pub fn judge(
    question: &Question<'_>,
    trust: &Trust,
    carriers: BTreeMap<RepositoryName, Carrier<'_>>,
) -> Result<Judgement, JudgementError> {
    let (items, repositories) = find(question, trust, carriers)?;
    let repositories = repositories.into_heard().into_evidence(question.terms.exported_at());
    Ok(Judgement { repositories, items })
}

/// Judges items from only what an archive carries. For the repositories that are pinned here, it may carry only what
/// the judgement needs, and what belongs to the verified metadata.
///
/// # Errors
/// As [`judge`], and [`RepositoryError::Stray`].
pub fn judge_carried(
    question: &Question<'_>,
    trust: &Trust,
    carried: &mut Carried,
) -> Result<Judgement, JudgementError> {
    let (items, repositories) = find(question, trust, carried.carriers())?;
    let repositories = repositories.into_heard();
    repositories.require_no_stray(trust, carried)?;
    Ok(Judgement { repositories: repositories.into_evidence(question.terms.exported_at()), items })
}

/// The finding for each item, and the repositories that were asked.
fn find<'a>(
    question: &Question<'_>,
    trust: &Trust,
    carriers: BTreeMap<RepositoryName, Carrier<'a>>,
) -> Result<(Vec<Finding>, Repositories<'a>), JudgementError> {
    let map = map(trust)?;
    let repositories = Repositories::open(trust, carriers, question.terms)?;
    let mut judge =
        Judge { question, trust, map, repositories, measured: BTreeMap::new(), work: Work::of_an_archive() };
    let items = question.items.iter().map(|item| judge.item(item)).collect::<Result<_, _>>()?;
    Ok((items, judge.repositories))
}

/// The map of the trust store. Without one, a single pinned root speaks for every name.
fn map(trust: &Trust) -> Result<Option<RepositoryMap>, JudgementError> {
    if trust.map.is_some() {
        return Ok(trust.map.clone());
    }
    let mut names = trust.repositories.keys();
    match (names.next(), names.len()) {
        (None, _) => Ok(None),
        (Some(only), 0) => Ok(Some(RepositoryMap::of_one(only, Vec::new()))),
        (Some(_), others) => Err(JudgementError::NoMap { count: others + 1 }),
    }
}

struct Judge<'a, 'b> {
    question: &'a Question<'a>,
    trust: &'a Trust,
    map: Option<RepositoryMap>,
    repositories: Repositories<'b>,
    /// What has already been measured, by the digest in the inventory.
    measured: BTreeMap<Digest, Rc<Measured>>,
    /// What is left of what verifying all supply chains may take.
    work: Work,
}

/// The content of an item.
pub(super) struct Brought<'a> {
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// Their length and digests.
    pub(super) measured: Rc<Measured>,
}

impl<'a> Judge<'a, '_> {
    /// What is proven about an item and its parts, if it is what the policy requires of their names.
    fn item(&mut self, item: &Arc<Item>) -> Result<Finding, JudgementError> {
        let finding = self.find(item)?;
        self.require(&finding)?;
        Ok(finding)
    }

    fn require(&self, finding: &Finding) -> Result<(), JudgementError> {
        let asked = self.asked_of(&finding.item);
        // What the parts' own names require is added to what the whole requires, or replaces it.
        let also = finding.parts.iter().filter(|part| self.asked_of(&part.item).in_bundles == InBundles::Also);
        let counted = finding.images(also);
        require(finding, &asked, asked.level.is_met(finding.assurance(), counted))?;
        for part in &finding.parts {
            let asked = self.asked_of(&part.item);
            require(part, &asked, asked.level.is_met_by_image(finding.assurance(), part.assurance()))?;
        }
        Ok(())
    }

    /// What the policy requires of a name, however it is written.
    fn asked_of(&self, item: &Item) -> Asked<'_> {
        self.trust.policy.asked_of(&item.full_name())
    }

    /// What is proven about an item, and then about each of its parts.
    fn find(&mut self, item: &Arc<Item>) -> Result<Finding, JudgementError> {
        let (target, supply_chain) = match self.evidence(item)? {
            Some((target, supply_chain)) => (Some(target), supply_chain),
            None => (None, None),
        };
        let parts = item.parts.iter().map(|part| self.find(part)).collect::<Result<_, _>>()?;
        Ok(Finding { item: Arc::clone(item), target, supply_chain, parts })
    }

    fn evidence(
        &mut self,
        item: &Arc<Item>,
    ) -> Result<Option<(AgreedTarget, Option<VerifiedSupplyChain>)>, JudgementError> {
        // A seal says who packed the archive, not what the contents are: an old release under a new name would also be
        // sealed.
        if item.target != item.reference {
            let (reference, target) = (item.reference.clone(), item.target.clone());
            return Err(JudgementError::OtherTarget { reference, target });
        }
        let Some(agreed) = self.resolve(item)? else { return Ok(None) };
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
        let required = self.trust.policy.inspections == policy::Inspections::Required;
        let (repositories, work) = (&mut self.repositories, &mut self.work);
        let chain = supply_chain::verify(item, &product, &agreed, repositories, self.question, required, work)
            .map_err(|source| JudgementError::SupplyChain { reference: item.reference.clone(), source })?;
        Ok(Some((agreed, chain)))
    }

    /// The bytes of an item, measured. An inventory lists them by one digest; targets and links may list
    /// others.
    fn brought(&mut self, item: &Arc<Item>) -> Result<Brought<'a>, JudgementError> {
        let question = self.question;
        let missing = || JudgementError::NotBrought { reference: item.reference.clone(), item: Arc::clone(item) };
        let bytes = question.documents.get(&item.digest).ok_or_else(missing)?;
        let measured = self.measured.entry(item.digest.clone()).or_insert_with(|| Rc::new(Measured::of(bytes)));
        if measured.length() != item.length || !measured.digests().contains(&item.digest) {
            return Err(missing());
        }
        Ok(Brought { bytes, measured: Rc::clone(measured) })
    }

    /// The target that the repositories that speak for a name agree on, however the name is written.
    fn resolve(&mut self, item: &Item) -> Result<Option<AgreedTarget>, JudgementError> {
        let Some(map) = &self.map else { return Ok(None) };
        let repositories = &mut self.repositories;
        map.resolve(&item.full_name(), |name| say(repositories, name, item))
            .map_err(|error| JudgementError::of_search(error, &item.reference))
    }
}

impl JudgementError {
    /// Why a search failed. Only metadata that is refused keeps a repository from answering; any other error already
    /// says all.
    fn of_search(error: MapSearchError<Self>, reference: &str) -> Self {
        let source = match error {
            MapSearchError::NoAgreement { target, asked, known_to, threshold } => {
                MapSearchError::NoAgreement { target, asked, known_to, threshold }
            }
            MapSearchError::Repository { repository, target, source } => match *source {
                Self::Repository(RepositoryError::Tuf { source, .. }) => {
                    MapSearchError::Repository { repository, target, source: Box::new(source) }
                }
                other => return other,
            },
        };
        Self::Search { reference: reference.to_owned(), source }
    }
}

/// Passes what has the required level, and is vouched for by the required repositories.
fn require(finding: &Finding, asked: &Asked<'_>, is_met: bool) -> Result<(), JudgementError> {
    let reference = &finding.item.reference;
    if !is_met {
        let (reference, level) = (reference.clone(), finding.level());
        let (minimum, rule) = (asked.level, asked.rule());
        return Err(JudgementError::Level { reference, level, minimum, rule });
    }
    let vouching: Vec<RepositoryName> =
        finding.target.iter().flat_map(AgreedTarget::witnesses).map(|(name, _)| name.clone()).collect();
    match asked.vouched_by.iter().find(|name| !vouching.contains(name)) {
        None => Ok(()),
        Some(repository) => {
            let (reference, repository, rule) = (reference.clone(), repository.clone(), asked.rule());
            Err(JudgementError::NotVouchedFor { reference, repository, vouching, rule })
        }
    }
}

/// What one repository says about a name in any spelling: it must not list two contents.
fn say(
    repositories: &mut Repositories<'_>,
    name: &RepositoryName,
    item: &Item,
) -> Result<Option<VerifiedTarget>, JudgementError> {
    let mut said: Option<VerifiedTarget> = None;
    for spelling in item.spellings() {
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

impl Finding {
    /// How well the name is proven.
    pub fn assurance(&self) -> Assurance {
        match (&self.target, &self.supply_chain) {
            (None, _) => Assurance::Unsigned,
            (Some(_), None) => Assurance::Tuf,
            (Some(_), Some(_)) => Assurance::TufAndInToto,
        }
    }

    /// The level that an item and its parts reach together.
    pub fn level(&self) -> Level {
        Level::of(self.assurance(), self.images(&self.parts).unwrap_or(Assurance::Unsigned))
    }

    /// What is proven about the images, of which these parts count: the least that is proven about any of them. A
    /// bundle without images proves nothing about images. An image is judged as a bundle of itself.
    fn images<'a>(&self, counted: impl IntoIterator<Item = &'a Self>) -> Option<Assurance> {
        match self.item.kind {
            ItemKind::Bundle if self.parts.is_empty() => Some(Assurance::Unsigned),
            ItemKind::Bundle => counted.into_iter().map(Self::assurance).min(),
            ItemKind::Image => Some(self.assurance()),
        }
    }

    /// This finding, and then those about its parts.
    pub fn walk(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(std::iter::once(self).chain(self.parts.iter().flat_map(Self::walk)))
    }
}

impl Judgement {
    /// Every finding, each item followed by its parts.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.items.iter().flat_map(Finding::walk)
    }
}
