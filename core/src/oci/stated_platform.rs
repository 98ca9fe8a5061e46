//! Platforms that no index states.
//!
//! Promise: where platforms are chosen, a manifest for which no index above it states a platform is carried unless its configuration
//! states one that was not chosen; an image is taken only if there is something in it for a chosen platform, or nothing in it states
//! any; and a chosen platform for which nothing is there is named. Both sides decide by this one rule.

use std::collections::{BTreeSet, HashMap, HashSet};

use sealift_archive_format::Digest;

use super::attestation;
use super::manifest::Document;
use super::media_type::{DOCKER_CONFIG, OCI_CONFIG, essence};
use super::{Descriptor, Graph, ManifestBytes, Platform, Platforms};

/// The longest configuration that is read to find its platform, in bytes.
const MAXIMUM_CONFIGURATION: u64 = 4 << 20;

/// A manifest for which no index states a platform, and the configuration that may state one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unstated<'g> {
    manifest: &'g Digest,
    pub(crate) configuration: &'g Descriptor,
}

/// The manifests whose configurations say for which platforms they are; none where all platforms are chosen.
pub(crate) fn unstated<'g>(image: &'g Graph, platforms: &Platforms) -> Vec<Unstated<'g>> {
    if *platforms == Platforms::All { Vec::new() } else { all_unstated(image) }
}

/// The manifests for which no index states a platform, whatever is chosen.
pub(crate) fn all_unstated(image: &Graph) -> Vec<Unstated<'_>> {
    let carried: HashMap<&Digest, &ManifestBytes> =
        image.manifests().iter().map(|manifest| (&manifest.descriptor().digest, manifest)).collect();
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    let mut next = vec![image.root()];
    while let Some(manifest) = next.pop() {
        let digest = &manifest.descriptor().digest;
        if !seen.insert(digest) {
            continue;
        }
        match manifest.document() {
            Document::Image(image) => {
                let is_of_image = [OCI_CONFIG, DOCKER_CONFIG].contains(&essence(&image.config.media_type).as_str());
                if is_of_image && image.config.size <= MAXIMUM_CONFIGURATION {
                    found.push(Unstated { manifest: digest, configuration: &image.config });
                }
            }
            Document::Index(index) => {
                // An attestation goes where its subject goes.
                let listed: HashSet<&Digest> = index.children().map(|child| &child.digest).collect();
                let is_about = |child: &Descriptor| attestation::attested(child).is_some_and(|it| listed.contains(&it));
                let unstated = index.children().filter(|child| child.platform.is_none() && !is_about(child));
                next.extend(unstated.filter_map(|child| carried.get(&child.digest)));
            }
        }
    }
    found
}

/// The platform that a configuration states, if it states one.
pub(crate) fn stated(configuration: &[u8]) -> Option<Platform> {
    // A configuration has the members of a platform among others (OCI Image 1.1, "Image Configuration"); what is not one states none.
    serde_json::from_slice(configuration).ok().and_then(Platform::if_stated)
}

/// What a choice of platforms means for an image.
#[derive(Debug, Default)]
pub(crate) struct ChosenImages {
    /// The manifests that are left out, because their configurations state platforms that were not chosen.
    pub(crate) without: BTreeSet<Digest>,
    /// The chosen platforms for which nothing is there, if the image states platforms at all.
    pub(crate) absent: Vec<String>,
}

/// What a choice of platforms means for an image, of which what is for others by its indexes has been left out. `read` has the
/// configurations of those manifests that are [`unstated`].
///
/// # Errors
/// The platforms of the image, if none of them was chosen.
pub(crate) fn choose<'c>(
    image: &Graph,
    platforms: &Platforms,
    read: impl Fn(&Digest) -> Option<&'c [u8]>,
) -> Result<ChosenImages, Vec<String>> {
    let by_configuration: Vec<(&Digest, Platform)> = unstated(image, platforms)
        .into_iter()
        .filter_map(|it| Some((it.manifest, stated(read(&it.configuration.digest)?)?)))
        .collect();
    let (here, others): (Vec<_>, Vec<_>) =
        by_configuration.iter().partition(|(_, platform)| platforms.carries(platform));
    let here: Vec<&Platform> = here.iter().map(|(_, platform)| platform).chain(image.stated_platforms()).collect();
    if by_configuration.is_empty() || !here.is_empty() {
        let wishes = match platforms {
            Platforms::Only(wishes) if !here.is_empty() => wishes.as_slice(),
            _ => &[],
        };
        let absent = wishes.iter().filter(|wish| !here.iter().any(|platform| wish.selects(platform)));
        let without = others.iter().map(|(manifest, _)| (*manifest).clone()).collect();
        return Ok(ChosenImages { without, absent: absent.map(ToString::to_string).collect() });
    }
    let mut offered: Vec<String> = by_configuration.iter().map(|(_, platform)| platform.with_version()).collect();
    offered.extend(image.offered());
    offered.sort();
    offered.dedup();
    Err(offered)
}
