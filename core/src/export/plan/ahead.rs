//! Fetches, side by side, what the planning will ask for.
//!
//! The plan is made by one thread, in one order, and decides alone. This only has the answers ready: whatever is not here is asked for
//! again, and an answer that is an error is told where the plan needs it.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sealift_archive_format::Digest;

use super::super::request::{ExportRequest, ItemOrigin, SourceReference};
use super::budget::PlanBudget;
use super::referrers::{MAXIMUM_LISTED, plain};
use super::{address, locate};
use crate::cnab::Bundle;
use crate::oci::graph::{MAXIMUM_DEPTH, MAXIMUM_MANIFEST_BYTES, choose};
use crate::oci::manifest::Document;
use crate::oci::{
    Choice, CosignTag, Descriptor, ForeignLayers, ManifestBytes, Platforms, Reference, Repository, referrer,
};
use crate::transfer::{Source, SourceError, Workers};

/// How many requests are under way at once, at most: an answer may have 4 MiB.
const MAXIMUM_AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).unwrap();

type Resolved = Result<ManifestBytes, SourceError>;
type ListedReferrers = Result<Vec<Descriptor>, SourceError>;
type FoundByTag = Result<Option<ManifestBytes>, SourceError>;

/// Answers that are used once.
#[derive(Default)]
pub(super) struct Ahead {
    resolved: HashMap<(usize, String), Resolved>,
    manifests: HashMap<Digest, ManifestBytes>,
    listed: HashMap<(usize, Repository, Digest), ListedReferrers>,
    found: HashMap<(usize, Repository, CosignTag), FoundByTag>,
}

impl Ahead {
    /// What a reference resolves to.
    pub(super) fn resolved(&mut self, place: &SourceReference) -> Option<Resolved> {
        self.resolved.remove(&(address(&place.source), place.reference.to_string()))
    }

    /// A manifest.
    pub(super) fn manifest(&mut self, digest: &Digest) -> Option<ManifestBytes> {
        self.manifests.remove(digest)
    }

    /// What a tag of cosign's resolves to.
    pub(super) fn found(&mut self, place: &SourceReference, tag: &CosignTag) -> Option<FoundByTag> {
        self.found.remove(&(address(&place.source), place.reference.repository().clone(), tag.clone()))
    }

    /// The list of what refers to a manifest.
    pub(super) fn listed(&mut self, place: &SourceReference, subject: &Digest) -> Option<ListedReferrers> {
        self.listed.remove(&(address(&place.source), place.reference.repository().clone(), subject.clone()))
    }
}

/// One request.
struct Ask {
    source: Arc<dyn Source>,
    repository: Repository,
    what: What,
    /// What follows from the answer.
    then: Then,
}

enum What {
    Resolve(Reference),
    Manifest(Descriptor),
    Referrers(Digest),
    Find(CosignTag),
}

/// How far what is found is followed.
#[derive(Clone, Copy)]
struct Then {
    /// How many more indexes may be nested.
    indexes: usize,
    /// How many more levels of referrers are listed.
    referrers: usize,
    /// How many more levels of tags are asked for.
    tags: usize,
    /// Whether platforms are chosen below it.
    is_referrer: bool,
}

enum Answer {
    Manifest(Resolved),
    Referrers(ListedReferrers),
    Found(FoundByTag),
}

impl Answer {
    /// How many bytes were not counted before they arrived, because nothing lists how long they are: what a name resolves to.
    fn unlisted_size(&self, ask: &Ask) -> u64 {
        match (self, &ask.what) {
            (Self::Manifest(Ok(manifest)), What::Resolve(_)) | (Self::Found(Ok(Some(manifest))), _) => {
                manifest.descriptor().size
            }
            _ => 0,
        }
    }

    /// How many things it lists, which are kept until the plan is made.
    fn listed_count(&self) -> usize {
        match self {
            Self::Referrers(Ok(listed)) => listed.len(),
            Self::Manifest(_) | Self::Found(_) | Self::Referrers(Err(_)) => 0,
        }
    }
}

/// Asks for everything that a request leads to, in rounds: what was found in one is followed in the next.
pub(super) fn fetch(request: &ExportRequest, workers: &Workers, budget: PlanBudget) -> (Ahead, PlanBudget) {
    let (mut ahead, budget, bytes) = (Ahead::default(), Mutex::new(budget), AtomicU64::new(0));
    let listed = AtomicUsize::new(0);
    let at_once = workers.at_most(MAXIMUM_AT_ONCE);
    let mut asked = HashSet::new();
    let mut round = roots(request);
    while !round.is_empty() {
        round.retain(|ask| asked.insert(ask.key()));
        let answers = Mutex::new(Vec::new());
        let spent = at_once.for_each(
            &round,
            |_| 0,
            |ask, _| {
                budget.lock().unwrap_or_else(PoisonError::into_inner).request().map_err(drop)?;
                // Counted before it arrives, because others are on their way too.
                let length = ask.listed_size();
                if bytes.fetch_add(length, Ordering::Relaxed).saturating_add(length) > MAXIMUM_MANIFEST_BYTES {
                    return Err(());
                }
                let answer = ask.answer();
                if bytes.fetch_add(answer.unlisted_size(ask), Ordering::Relaxed) > MAXIMUM_MANIFEST_BYTES {
                    return Err(());
                }
                let arrived = answer.listed_count();
                if listed.fetch_add(arrived, Ordering::Relaxed).saturating_add(arrived) > MAXIMUM_LISTED {
                    return Err(());
                }
                answers.lock().unwrap_or_else(PoisonError::into_inner).push((ask.key(), ask, answer));
                Ok(())
            },
        );
        let mut next = Vec::new();
        for (key, ask, answer) in answers.into_inner().unwrap_or_else(PoisonError::into_inner) {
            next.extend(ask.follow(&answer, &request.platforms));
            ahead.keep(key, answer);
        }
        // Where a limit is reached, the plan reaches it too, and says which.
        round = if spent.is_ok() { next } else { Vec::new() };
    }
    (ahead, budget.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn roots(request: &ExportRequest) -> Vec<Ask> {
    let (levels, tags) = if request.referrers.is_empty() { (0, 0) } else { (referrer::MAXIMUM_DEPTH + 1, 2) };
    let ask = |place: &SourceReference| Ask {
        source: Arc::clone(&place.source),
        repository: place.reference.repository().clone(),
        what: What::Resolve(place.reference.clone()),
        then: Then { indexes: MAXIMUM_DEPTH, referrers: levels, tags, is_referrer: false },
    };
    let mut roots = Vec::new();
    for item in &request.items {
        match &item.origin {
            ItemOrigin::Bundle { place, .. } | ItemOrigin::Image(place) => roots.push(ask(place)),
            ItemOrigin::ThinBundle { bundle_json, images } => {
                let bundle = Bundle::parse(bundle_json);
                let places = bundle.iter().flat_map(|bundle| &bundle.images).filter_map(|it| locate(it, images).ok());
                roots.extend(places.map(|place| ask(&place)));
            }
            // All of it is here.
            ItemOrigin::ThickBundle { .. } | ItemOrigin::File(_) => {}
        }
    }
    roots
}

/// What an answer is kept under.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Resolved(usize, String),
    /// Wherever it comes from.
    Manifest(Digest),
    Referrers(usize, Repository, Digest),
    Found(usize, Repository, CosignTag),
}

impl Ask {
    fn key(&self) -> Key {
        let source = address(&self.source);
        match &self.what {
            What::Resolve(reference) => Key::Resolved(source, reference.to_string()),
            What::Manifest(descriptor) => Key::Manifest(descriptor.digest.clone()),
            What::Referrers(subject) => Key::Referrers(source, self.repository.clone(), subject.clone()),
            What::Find(tag) => Key::Found(source, self.repository.clone(), tag.clone()),
        }
    }

    fn answer(&self) -> Answer {
        match &self.what {
            What::Resolve(reference) => Answer::Manifest(self.source.resolve(reference)),
            What::Manifest(descriptor) => Answer::Manifest(self.source.manifest(&self.repository, descriptor)),
            What::Referrers(subject) => {
                let listed = self.source.referrers(&self.repository, subject);
                Answer::Referrers(listed.map(|listed| listed.iter().map(plain).collect()))
            }
            What::Find(tag) => Answer::Found(self.source.find(&self.repository, &tag.tag())),
        }
    }

    /// How long the answer will be, in bytes, as far as something lists it.
    fn listed_size(&self) -> u64 {
        match &self.what {
            What::Manifest(descriptor) => descriptor.size,
            What::Resolve(_) | What::Referrers(_) | What::Find(_) => 0,
        }
    }

    fn also(&self, what: What, then: Then) -> Self {
        Self { source: Arc::clone(&self.source), repository: self.repository.clone(), what, then }
    }

    /// What the plan will ask for because of an answer.
    fn follow(&self, answer: &Answer, platforms: &Platforms) -> Vec<Self> {
        match answer {
            Answer::Manifest(Ok(manifest)) | Answer::Found(Ok(Some(manifest))) => {
                self.follow_manifest(manifest, platforms)
            }
            Answer::Referrers(Ok(listed)) if listed.len() <= referrer::MAXIMUM_REFERRERS => {
                let then = Then { indexes: MAXIMUM_DEPTH, is_referrer: true, ..self.then };
                listed.iter().map(|it| self.also(What::Manifest(it.clone()), then)).collect()
            }
            Answer::Manifest(Err(_)) | Answer::Referrers(_) | Answer::Found(_) => Vec::new(),
        }
    }

    fn follow_manifest(&self, manifest: &ManifestBytes, platforms: &Platforms) -> Vec<Self> {
        let then = self.then;
        let mut asks = Vec::new();
        if let (Document::Index(index), Some(indexes)) = (manifest.document(), then.indexes.checked_sub(1)) {
            let platforms = if then.is_referrer { &Platforms::All } else { platforms };
            let (chosen, _) = choose(&Choice::of(platforms, ForeignLayers::Carry), index);
            for child in chosen {
                // Nothing is asked to refer to what is below a referrer.
                let (referrers, tags) = if then.is_referrer { (0, 0) } else { (then.referrers, then.tags) };
                let then = Then { indexes, referrers, tags, ..then };
                asks.push(self.also(What::Manifest(child.clone()), then));
            }
        }
        let subject = &manifest.descriptor().digest;
        if let Some(referrers) = then.referrers.checked_sub(1) {
            asks.push(self.also(What::Referrers(subject.clone()), Then { referrers, ..then }));
        }
        // A referrer of a referrer of a referrer is not carried, whatever hangs off it.
        let is_subject = !then.is_referrer || then.referrers > 0 || matches!(self.what, What::Find(_));
        if let Some(tags) = then.tags.checked_sub(1).filter(|_| is_subject) {
            let then = Then { indexes: MAXIMUM_DEPTH, referrers: 0, tags, is_referrer: true };
            asks.extend(CosignTag::all_of(subject).map(|tag| self.also(What::Find(tag), then)));
        }
        asks
    }
}

impl Ahead {
    fn keep(&mut self, key: Key, answer: Answer) {
        match (key, answer) {
            (Key::Resolved(source, reference), Answer::Manifest(answer)) => {
                self.resolved.insert((source, reference), answer);
            }
            // An error may be that of one of several sources that have it: the plan asks the right one again.
            (Key::Manifest(digest), Answer::Manifest(Ok(manifest))) => {
                self.manifests.insert(digest, manifest);
            }
            (Key::Referrers(source, repository, subject), Answer::Referrers(answer)) => {
                self.listed.insert((source, repository, subject), answer);
            }
            (Key::Found(source, repository, tag), Answer::Found(answer)) => {
                self.found.insert((source, repository, tag), answer);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::export::ItemRequest;
    use crate::oci::Tag;
    use crate::oci::media_type::OCI_MANIFEST;
    use crate::transfer::BlobContent;

    /// Has a manifest of a MiB for every name, and nothing else.
    struct LongManifests;

    impl Source for LongManifests {
        fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
            let config = Descriptor::of("application/vnd.oci.empty.v1+json", b"{}");
            let remarks = serde_json::json!({ "name": reference.to_string(), "padding": "x".repeat(1 << 20) });
            let manifest =
                serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [], "annotations": remarks });
            let bytes = manifest.to_string().into_bytes();
            ManifestBytes::new(Descriptor::of(OCI_MANIFEST, &bytes), bytes).map_err(SourceError::new)
        }

        fn find(&self, _: &Repository, _: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
            Ok(None)
        }

        fn manifest(&self, _: &Repository, _: &Descriptor) -> Result<ManifestBytes, SourceError> {
            Err(SourceError::new(std::io::Error::from(std::io::ErrorKind::NotFound)))
        }

        fn blob(&self, _: &Repository, _: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
            Err(SourceError::new(std::io::Error::from(std::io::ErrorKind::NotFound)))
        }

        fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, SourceError> {
            Ok(Vec::new())
        }

        fn tags(&self, _: &Repository) -> Result<Vec<Tag>, SourceError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn what_very_many_names_resolve_to_is_held_within_a_limit() {
        let source: Arc<dyn Source> = Arc::new(LongManifests);
        let item = |number: usize| {
            let name = format!("e.example/a:{number}");
            let place = SourceReference { source: Arc::clone(&source), reference: name.parse().unwrap() };
            ItemRequest { name, origin: ItemOrigin::Image(place) }
        };
        let items = (0..200).map(item).collect();
        let request = ExportRequest { referrers: BTreeSet::new(), ..ExportRequest::new(items) };
        let (ahead, _) = fetch(&request, &Workers::default(), PlanBudget::begin());
        let held: u64 = ahead.resolved.values().flatten().map(|manifest| manifest.descriptor().size).sum();
        assert!((1 << 20..=MAXIMUM_MANIFEST_BYTES + (2 << 20)).contains(&held), "{held} bytes are held");
    }
}
