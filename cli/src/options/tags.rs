//! Images and bundles whose tags rules choose: from the lock, or from what is listed where they are stored.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use sealift_core::export::{PlanError, ShipmentLock};
use sealift_core::oci::{Repository, Tag};
use sealift_core::progress::Progress;
use sealift_core::shipment_file::{ShipmentFileError, WrittenTagRule};
use sealift_core::tag_rule::{ChosenTags, TagRule};
use sealift_core::transfer::{Source, Workers};

use crate::failure::{Attempt as _, Failure, Reason};
use crate::options::place::Named;
use crate::options::source::OpenedSources;
use crate::options::wanted::WantedArguments;

/// How many lists of tags are read at once, because each may be long.
const MAXIMUM_AT_ONCE: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// An image, or a bundle, whose tags a rule chooses.
#[derive(Debug, Clone)]
pub(crate) struct RuledItem {
    /// What it is called, without a tag, and where it is.
    pub(crate) named: Named,
    /// Whether it is a bundle.
    pub(crate) is_bundle: bool,
    /// The rule.
    pub(crate) rule: TagRule,
}

impl RuledItem {
    /// Reads what a shipment says.
    pub(crate) fn read(written: &WrittenTagRule) -> Result<Self, ShipmentFileError> {
        let WrittenTagRule { name, has_bundles, from, rule } = written;
        let named = match from {
            None => name.read()?,
            Some(from) => {
                let both = format!("{}={}", name.text(), from.text());
                both.parse().map_err(|error: String| from.refused(&error))?
            }
        };
        Ok(Self { named, is_bundle: *has_bundles, rule: rule.clone() })
    }
}

/// The tags of one repository, and the rules that choose among them.
struct TagListing<'w> {
    image: &'w str,
    repository: Repository,
    source: Arc<dyn Source>,
    rules: Vec<&'w TagRule>,
}

impl TagListing<'_> {
    fn choose(&self) -> Result<Vec<Vec<Tag>>, Failure> {
        let attempt = || format!("cannot choose tags of {}", self.image);
        let unlisted = |source| PlanError::Source { reference: self.image.to_owned(), part_of: None, source };
        let tags = self.source.tags(&self.repository).map_err(unlisted).attempt(attempt)?;
        let each = self.rules.iter().map(|rule| rule.choose(&self.repository, &tags));
        let chosen: Result<_, _> = each.collect();
        chosen.map_err(Reason::Tags).attempt(attempt)
    }
}

/// Adds the images and bundles that rules choose to those that are wanted; what is locked, as it is locked. Returns what was chosen.
pub(crate) fn choose(
    wanted: &mut WantedArguments,
    lock: Option<&ShipmentLock>,
    opened: &mut OpenedSources<'_>,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<ChosenTags, Failure> {
    let mut chosen = ChosenTags::default();
    let ruled = std::mem::take(&mut wanted.tags);
    let mut listed: Vec<TagListing<'_>> = Vec::new();
    for RuledItem { named, is_bundle: _, rule } in &ruled {
        let attempt = || format!("cannot choose tags of {}", named.name);
        if let Some(tags) = lock.and_then(|lock| lock.tags().by_rule(&named.name, rule)) {
            chosen.add(&named.name, rule, tags.to_vec()).map_err(Reason::Tags).attempt(attempt)?;
            continue;
        }
        let (source, repository) = opened.repository(named)?;
        let known = listed
            .iter_mut()
            .find(|it| it.image == named.name && it.repository == repository && Arc::ptr_eq(&it.source, &source));
        match known {
            Some(known) => known.rules.push(rule),
            None => listed.push(TagListing { image: &named.name, repository, source, rules: vec![rule] }),
        }
    }
    let chosen = list(&listed, chosen, workers, progress)?;
    for RuledItem { named, is_bundle, rule } in &ruled {
        let listed = if *is_bundle { &mut wanted.bundle } else { &mut wanted.image };
        let mut names: HashSet<String> = listed.iter().map(|item| item.name.clone()).collect();
        for tag in chosen.by_rule(&named.name, rule).unwrap_or_default() {
            let item = named.tagged(tag).map_err(Reason::CommandLine);
            let item = item.attempt(|| format!("cannot choose tags of {}", named.name))?;
            if names.insert(item.name.clone()) {
                listed.push(item);
            }
        }
    }
    wanted.tags = ruled;
    Ok(chosen)
}

/// Reads lists of tags, and adds what is chosen among them.
fn list(
    listed: &[TagListing<'_>],
    chosen: ChosenTags,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<ChosenTags, Failure> {
    if listed.is_empty() {
        return Ok(chosen);
    }
    progress.begin("listing tags", None);
    let count = NonZeroUsize::new(workers.count()).unwrap_or(MAXIMUM_AT_ONCE);
    let chosen = Mutex::new(chosen);
    let outcome = Workers::connections(count.min(MAXIMUM_AT_ONCE)).for_each(
        listed,
        |_| 0,
        |listed, _| {
            let tags = listed.choose()?;
            let mut chosen = chosen.lock().unwrap_or_else(PoisonError::into_inner);
            let mut each = listed.rules.iter().zip(tags);
            let added = each.try_for_each(|(rule, tags)| chosen.add(listed.image, rule, tags));
            added.map_err(Reason::Tags).attempt(|| format!("cannot choose tags of {}", listed.image))
        },
    );
    progress.finish();
    outcome.map(|()| chosen.into_inner().unwrap_or_else(PoisonError::into_inner))
}
