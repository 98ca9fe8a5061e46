//! What is delivered of an archive that is verified as a whole all the same: everything, or what a person names.
//!
//! Promise: what is chosen is delivered as the archive has it, with what hangs off it; a name or a platform that the archive does not
//! have is an error, which says what it has.

use std::collections::HashSet;
use std::sync::Arc;

use sealift_archive_format::Digest;

use super::documents::{Closed, ClosedBundle, ClosedImage, ClosedItem};
use crate::oci::{Companions, Graph, ManifestBytes, Platforms, Reference};
use crate::remedy::{Remediable, Remedy};
use crate::trust::Finding;

/// What is delivered.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The bundles and images, by name; everything, if none is named. A part of a bundle may be named too.
    pub names: Vec<Reference>,
    /// The platforms of images.
    pub platforms: Platforms,
}

/// Why nothing can be delivered by a selection.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// The archive has nothing of this name.
    #[error("the archive has no {name}; it has {}", .there.join(", "))]
    Name {
        /// The name.
        name: Reference,
        /// The first names that it has.
        there: Vec<String>,
    },
    /// An image is not there for any of the chosen platforms.
    #[error("{name} is carried for {}, and for none of the chosen platforms", .there.join(", "))]
    Platform {
        /// The image.
        name: String,
        /// The platforms for which it is carried.
        there: Vec<String>,
    },
}

impl Remediable for SelectionError {
    fn remedy(&self) -> Remedy {
        Remedy::InspectArchive
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
    /// What is delivered of an archive, in its order.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub(super) fn of<'j>(&self, findings: &'j [Finding], closed: &Closed) -> Result<Vec<Selected<'j>>, SelectionError> {
        let mut selected = Vec::new();
        let mut used = vec![false; self.names.len()];
        for (finding, item) in findings.iter().zip(&closed.items) {
            if self.takes(finding, item, &mut used) {
                selected.push(Selected { finding, item: self.item(finding, item)? });
            }
            let is_whole = selected.last().is_some_and(|it| std::ptr::eq(it.finding, finding));
            for (part, image) in finding.parts.iter().zip(item.images()) {
                let image = ClosedItem::Image(image.clone());
                // A part that is named beside its bundle is there with it.
                if self.takes(part, &image, &mut used) && !is_whole {
                    selected.push(Selected { finding: part, item: self.item(part, &image)? });
                }
            }
        }
        match self.names.iter().zip(used).find(|(_, used)| !used) {
            None => Ok(selected),
            Some((name, _)) => {
                let there = findings.iter().flat_map(Finding::walk).map(|it| it.item.reference.clone());
                Err(SelectionError::Name { name: name.clone(), there: there.take(MAXIMUM_NAMES).collect() })
            }
        }
    }

    fn takes(&self, finding: &Finding, item: &ClosedItem, used: &mut [bool]) -> bool {
        let Ok(name) = finding.item.reference.parse::<Reference>() else { return self.names.is_empty() };
        let mut is_named = self.names.is_empty();
        for (asked, used) in self.names.iter().zip(used) {
            let is_meant = asked.repository() == name.repository()
                && match asked.digest() {
                    Some(digest) => *digest == finding.item.digest || item.named_digest() == Some(digest),
                    None => asked.tagged_name() == name.tagged_name(),
                };
            *used |= is_meant;
            is_named |= is_meant;
        }
        is_named
    }

    fn item(&self, finding: &Finding, item: &ClosedItem) -> Result<ClosedItem, SelectionError> {
        if self.platforms == Platforms::All {
            return Ok(item.clone());
        }
        match item {
            ClosedItem::Image(image) => self.image(finding, image).map(ClosedItem::Image),
            ClosedItem::Bundle(bundle) => {
                let images = finding.parts.iter().zip(&bundle.images).map(|(part, image)| self.image(part, image));
                let images = images.collect::<Result<_, _>>()?;
                let index =
                    bundle.index.as_ref().map(|index| self.graph(&finding.item.reference, index)).transpose()?;
                Ok(ClosedItem::Bundle(ClosedBundle { images, index, ..bundle.clone() }))
            }
        }
    }

    fn image(&self, finding: &Finding, image: &ClosedImage) -> Result<ClosedImage, SelectionError> {
        let graph = self.graph(&finding.item.reference, &image.graph)?;
        let companions = about(&graph, &image.companions);
        Ok(ClosedImage { graph, companions })
    }

    fn graph(&self, name: &str, graph: &Graph) -> Result<Arc<Graph>, SelectionError> {
        graph.select(&self.platforms).map_err(|_| {
            let there = graph.platforms().map(str::to_owned).collect();
            SelectionError::Platform { name: name.to_owned(), there }
        })
    }
}

/// Those companions that are about what is left of an image.
fn about(image: &Graph, companions: &Companions) -> Companions {
    let digest = |manifest: &ManifestBytes| manifest.descriptor().digest.clone();
    let mut there: HashSet<Digest> = image.manifests().iter().map(digest).collect();
    let mut referrers = Vec::new();
    // Each comes after its subject.
    for referrer in &companions.referrers {
        if referrer.root().document().subject().is_some_and(|subject| there.contains(&subject.digest)) {
            there.extend(referrer.manifests().iter().map(digest));
            referrers.push(Arc::clone(referrer));
        }
    }
    let mut tagged = Vec::new();
    // So does what is at a tag.
    for companion in &companions.tagged {
        if there.contains(companion.tag.subject()) {
            there.extend(companion.graph.manifests().iter().map(digest));
            tagged.push(companion.clone());
        }
    }
    Companions { referrers, tagged }
}
