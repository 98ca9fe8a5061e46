//! What is delivered of an archive that is verified as a whole all the same: everything, or what a person names.
//!
//! Promise: what is chosen is delivered as the archive has it, with what hangs off it; a name or a platform that the archive does not
//! have is an error, which says what it has.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;

use sealift_archive_format::{Digest, FileName, FileNameError, FormatError, file_name};

use super::Judged;
use super::documents::{Closed, ClosedBundle, ClosedImage, ClosedItem};
use crate::oci::graph::NotHere;
use crate::oci::stated_platform::{self, ChosenImages};
use crate::oci::{Companions, Graph, ManifestBytes, Platforms, Reference, ReferenceError, Repository};
use crate::remedy::{Remediable, Remedy};
use crate::report::Warning;
use crate::trust::{Finding, ItemKind};

/// What an item, or a part of one, is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectedName {
    /// A bundle or an image.
    Reference(Reference),
    /// A plain file.
    File(FileName),
}

/// Why a text is not the name of anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectedNameError {
    /// It is not a valid reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It is not a valid name of a file.
    #[error(transparent)]
    File(#[from] FileNameError),
}

impl FromStr for SelectedName {
    type Err = SelectedNameError;

    fn from_str(text: &str) -> Result<Self, SelectedNameError> {
        Ok(match text.starts_with(file_name::PREFIX) {
            true => Self::File(text.parse()?),
            false => Self::Reference(text.parse()?),
        })
    }
}

impl From<Reference> for SelectedName {
    fn from(reference: Reference) -> Self {
        Self::Reference(reference)
    }
}

impl fmt::Display for SelectedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(f),
            Self::File(name) => name.fmt(f),
        }
    }
}

/// What is delivered.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The bundles, images and files.
    pub names: SelectedNames,
    /// The platforms of images.
    pub platforms: Platforms,
}

/// The bundles, images and files that are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SelectedNames {
    /// All that there are.
    #[default]
    All,
    /// Those with these names. A part of a bundle may be named too.
    Only(Vec<SelectedName>),
}

impl SelectedNames {
    fn listed(&self) -> &[SelectedName] {
        match self {
            Self::All => &[],
            Self::Only(names) => names,
        }
    }
}

/// Why nothing can be delivered by a selection.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// The archive has nothing of this name.
    #[error("the archive has no {name}; it has {}", .there.join(", "))]
    Name {
        /// The name.
        name: SelectedName,
        /// The first names that it has.
        there: Vec<String>,
    },
    /// None of several archives has anything of this name.
    #[error("none of the {archives} archives has {name}; they have {}", .there.join(", "))]
    NameInNone {
        /// The name.
        name: SelectedName,
        /// How many archives there are.
        archives: usize,
        /// The first names that they have.
        there: Vec<String>,
    },
    /// An image is not there for any of the chosen platforms.
    #[error("{name} is carried for {}, and for none of the chosen platforms", or_unstated(.there))]
    Platform {
        /// The image.
        name: String,
        /// The platforms for which it is carried.
        there: Vec<String>,
    },
    /// An image was exported without some of the chosen platforms.
    #[error("{name} was exported without {}; it is carried for {}", .left_out.join(", "), or_unstated(.there))]
    LeftOut {
        /// The image.
        name: String,
        /// The chosen platforms that were left out.
        left_out: Vec<String>,
        /// The platforms for which it is carried.
        there: Vec<String>,
    },
    /// No index says for which platform an image is, and what says it comes too late in the archive.
    #[error(
        "no index states the platform of {name}, and its configuration comes too late in the archive to choose by it"
    )]
    TooLate {
        /// The image.
        name: String,
    },
    /// The archive is not what its seal says.
    #[error("the archive is not what its seal says")]
    Archive(#[source] FormatError),
}

fn or_unstated(platforms: &[String]) -> String {
    if platforms.is_empty() { "platforms that no index states".to_owned() } else { platforms.join(", ") }
}

impl Remediable for SelectionError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Name { .. } | Self::NameInNone { .. } | Self::Platform { .. } => Remedy::InspectArchive,
            Self::LeftOut { .. } => Remedy::ExportPlatforms,
            Self::TooLate { .. } => Remedy::DeliverAllPlatforms,
            Self::Archive(error) => error.remedy(),
        }
    }
}

/// How many names an error lists.
const MAXIMUM_NAMES: usize = 20;

/// Something that is delivered under its name.
pub(crate) struct Selected<'j> {
    /// What was found about it.
    pub(crate) finding: &'j Finding,
    /// Its graphs, as far as they are delivered.
    pub(crate) item: ClosedItem,
}

impl Selection {
    /// What is delivered of an archive, in its order, and the images that are not there for some of the chosen platforms. `read` has those configurations that have been read.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub(super) fn of<'j, 'c>(
        &self,
        findings: &'j [Finding],
        closed: &Closed,
        read: impl Fn(&Digest) -> Option<&'c [u8]>,
    ) -> Result<(Vec<Selected<'j>>, Vec<Warning>), SelectionError> {
        let mut selected = Vec::new();
        let mut names = AskedNames::of(&self.names);
        let mut graphs =
            SelectedGraphs { platforms: &self.platforms, read, graphs: HashMap::new(), absent: Vec::new() };
        for (finding, item) in findings.iter().zip(&closed.items) {
            let is_whole = names.take(finding, item.named_digest());
            if is_whole {
                selected.push(Selected { finding, item: graphs.item(finding, item)? });
            }
            for (part, image) in finding.parts.iter().zip(item.images()) {
                // A part that is named beside its bundle is there with it.
                if names.take(part, Some(&image.graph.root().descriptor().digest)) && !is_whole {
                    selected.push(Selected { finding: part, item: ClosedItem::Image(graphs.image(part, image)?) });
                }
            }
        }
        match names.missed() {
            None => Ok((selected, graphs.absent)),
            Some(name) => Err(SelectionError::Name { name: name.clone(), there: named(findings).collect() }),
        }
    }

    /// What is delivered of each of several archives: of the names, those that it has.
    ///
    /// # Errors
    /// [`SelectionError`] where none of them has a name.
    pub fn shared_out<R: Read>(&self, archives: &[Judged<R>]) -> Result<Vec<Self>, SelectionError> {
        let SelectedNames::Only(names) = &self.names else { return Ok(vec![self.clone(); archives.len()]) };
        let found: Vec<HashSet<usize>> =
            archives.iter().map(|it| AskedNames::of(&self.names).found_in(it.items(), it.closed())).collect();
        let is_missed = |at: usize| found.iter().all(|found| !found.contains(&at));
        if let Some((_, name)) = names.iter().enumerate().find(|(at, _)| is_missed(*at)) {
            let (name, there) = (name.clone(), archives.iter().flat_map(|it| named(it.items())));
            let there = there.take(MAXIMUM_NAMES).collect();
            return Err(match archives {
                [_] => SelectionError::Name { name, there },
                several => SelectionError::NameInNone { name, archives: several.len(), there },
            });
        }
        let of = |found: HashSet<usize>| {
            let names = names.iter().enumerate().filter(|(at, _)| found.contains(at)).map(|(_, name)| name.clone());
            Self { names: SelectedNames::Only(names.collect()), platforms: self.platforms.clone() }
        };
        Ok(found.into_iter().map(of).collect())
    }

    /// The configurations that say for which platforms the images of this selection are, each with the name of an image.
    pub(super) fn configurations<'s>(&self, selected: &'s [Selected<'_>]) -> HashMap<&'s Digest, &'s str> {
        let images = selected.iter().flat_map(Selected::images);
        let configurations = images.flat_map(|(name, image)| {
            let unstated = stated_platform::unstated(&image.graph, &self.platforms);
            unstated.into_iter().map(move |it| (&it.configuration.digest, name))
        });
        configurations.collect()
    }
}

/// The first names that an archive has.
fn named(findings: &[Finding]) -> impl Iterator<Item = String> {
    findings.iter().flat_map(Finding::walk).map(|it| it.item.reference.clone()).take(MAXIMUM_NAMES)
}

impl Selected<'_> {
    /// Its images, with their names.
    fn images(&self) -> impl Iterator<Item = (&str, &ClosedImage)> {
        let findings = match &self.item {
            ClosedItem::Bundle(_) => self.finding.parts.as_slice(),
            ClosedItem::Image(_) | ClosedItem::File(_) => std::slice::from_ref(self.finding),
        };
        findings.iter().map(|finding| finding.item.reference.as_str()).zip(self.item.images())
    }
}

/// The names that a person asks for, and which of them were found.
struct AskedNames<'n> {
    takes_all: bool,
    names: &'n [SelectedName],
    files: HashMap<&'n str, Vec<usize>>,
    by_tag: HashMap<String, Vec<usize>>,
    by_digest: HashMap<(&'n Repository, &'n Digest), Vec<usize>>,
    found: HashSet<usize>,
}

impl<'n> AskedNames<'n> {
    fn of(names: &'n SelectedNames) -> Self {
        let (takes_all, names) = (*names == SelectedNames::All, names.listed());
        let (files, by_tag, by_digest) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut asked = Self { takes_all, names, files, by_tag, by_digest, found: HashSet::new() };
        for (at, name) in names.iter().enumerate() {
            let name = match name {
                SelectedName::Reference(name) => name,
                SelectedName::File(name) => {
                    asked.files.entry(name.as_str()).or_default().push(at);
                    continue;
                }
            };
            if let Some(digest) = name.digest() {
                asked.by_digest.entry((name.repository(), digest)).or_default().push(at);
            } else if let Some(tag) = name.tagged_name() {
                asked.by_tag.entry(tag).or_default().push(at);
            }
        }
        asked
    }

    /// Which of them an archive has.
    fn found_in(mut self, findings: &[Finding], closed: &Closed) -> HashSet<usize> {
        for (finding, item) in findings.iter().zip(&closed.items) {
            self.take(finding, item.named_digest());
            for (part, image) in finding.parts.iter().zip(item.images()) {
                self.take(part, Some(&image.graph.root().descriptor().digest));
            }
        }
        self.found
    }

    /// Whether something is asked for.
    fn take(&mut self, finding: &Finding, named_digest: Option<&Digest>) -> bool {
        if self.takes_all {
            return true;
        }
        if finding.item.kind == ItemKind::File {
            let meant = self.files.get(finding.item.reference.as_str());
            self.found.extend(meant.into_iter().flatten());
            return meant.is_some();
        }
        let Ok(name) = finding.item.reference.parse::<Reference>() else { return false };
        let before = name.tagged_name().and_then(|tag| self.by_tag.get(&tag)).into_iter();
        let digests = std::iter::once(&finding.item.digest).chain(named_digest);
        let by_digest = digests.filter_map(|digest| self.by_digest.get(&(name.repository(), digest)));
        let meant: Vec<usize> = before.chain(by_digest).flatten().copied().collect();
        self.found.extend(&meant);
        !meant.is_empty()
    }

    /// The first name that was not found.
    fn missed(&self) -> Option<&'n SelectedName> {
        self.names.iter().enumerate().find(|(at, _)| !self.found.contains(at)).map(|(_, name)| name)
    }
}

/// What is left of graphs for the chosen platforms. Each is walked once, however many names it has.
struct SelectedGraphs<'s, R> {
    platforms: &'s Platforms,
    /// The configurations that have been read.
    read: R,
    /// By where the whole graph is in memory.
    graphs: HashMap<*const Graph, SelectedGraph>,
    /// The images that are not there for some of the platforms.
    absent: Vec<Warning>,
}

/// What is left of a graph.
struct SelectedGraph {
    graph: Arc<Graph>,
    /// What is in it.
    digests: Arc<HashSet<Digest>>,
    /// The chosen platforms that nothing of it is for.
    absent: Vec<String>,
}

impl<'c, R: Fn(&Digest) -> Option<&'c [u8]>> SelectedGraphs<'_, R> {
    fn item(&mut self, finding: &Finding, item: &ClosedItem) -> Result<ClosedItem, SelectionError> {
        match item {
            ClosedItem::Image(image) => self.image(finding, image).map(ClosedItem::Image),
            ClosedItem::File(file) => Ok(ClosedItem::File(file.clone())),
            ClosedItem::Bundle(bundle) => {
                let images = finding.parts.iter().zip(&bundle.images).map(|(part, image)| self.image(part, image));
                let images = images.collect::<Result<_, _>>()?;
                let index = bundle.index.as_ref();
                let index = index.map(|index| self.graph(&finding.item.reference, index)).transpose()?;
                let index = index.map(|index| Arc::clone(&index.graph));
                Ok(ClosedItem::Bundle(ClosedBundle { images, index, ..bundle.clone() }))
            }
        }
    }

    fn image(&mut self, finding: &Finding, image: &ClosedImage) -> Result<ClosedImage, SelectionError> {
        let name = &finding.item.reference;
        let SelectedGraph { graph, digests, absent } = self.graph(name, &image.graph)?;
        let image = ClosedImage { graph: Arc::clone(graph), companions: about(digests, &image.companions) };
        let platforms = absent.clone();
        if !platforms.is_empty() {
            self.absent.push(Warning::PlatformsNotThere { item: name.clone(), platforms });
        }
        Ok(image)
    }

    fn graph(&mut self, name: &str, whole: &Arc<Graph>) -> Result<&SelectedGraph, SelectionError> {
        match self.graphs.entry(Arc::as_ptr(whole)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let not_here = |NotHere { left_out }| {
                    let (name, there) = (name.to_owned(), whole.platforms().map(str::to_owned).collect());
                    match left_out.is_empty() {
                        true => SelectionError::Platform { name, there },
                        false => SelectionError::LeftOut { name, left_out, there },
                    }
                };
                let mut graph = match self.platforms {
                    Platforms::All => Arc::clone(whole),
                    chosen => whole.select(chosen, &BTreeSet::new()).map_err(not_here)?,
                };
                let ChosenImages { without, absent } = stated_platform::choose(&graph, self.platforms, &self.read)
                    .map_err(|there| SelectionError::Platform { name: name.to_owned(), there })?;
                if !without.is_empty() {
                    graph = whole.select(self.platforms, &without).map_err(not_here)?;
                }
                let digests = graph.manifests().iter().map(|manifest| manifest.descriptor().digest.clone());
                let digests = Arc::new(digests.collect());
                Ok(vacant.insert(SelectedGraph { graph, digests, absent }))
            }
        }
    }
}

/// Those companions that are about what is left of an image.
fn about(image: &HashSet<Digest>, companions: &Companions) -> Companions {
    let digest = |manifest: &ManifestBytes| manifest.descriptor().digest.clone();
    // What hangs off them may be about the image, or about one that was taken before.
    let mut taken: HashSet<Digest> = HashSet::new();
    let mut referrers = Vec::new();
    // Each comes after its subject.
    for referrer in &companions.referrers {
        let is_there = |subject: &Digest| image.contains(subject) || taken.contains(subject);
        if referrer.root().document().subject().is_some_and(|subject| is_there(&subject.digest)) {
            taken.extend(referrer.manifests().iter().map(digest));
            referrers.push(Arc::clone(referrer));
        }
    }
    let mut tagged = Vec::new();
    // So does what is at a tag.
    for companion in &companions.tagged {
        let subject = companion.tag.subject();
        if image.contains(subject) || taken.contains(subject) {
            taken.extend(companion.graph.manifests().iter().map(digest));
            tagged.push(companion.clone());
        }
    }
    Companions { referrers, tagged }
}
