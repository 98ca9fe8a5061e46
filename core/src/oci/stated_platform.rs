//! Platforms that no index states.
//!
//! Promise: where platforms are chosen, an image whose manifests are listed without a platform, or not listed at all, is taken only
//! if the configuration of one of them states a chosen platform, or none of them states any. Both sides decide by this one rule.

use super::media_type::{DOCKER_CONFIG, OCI_CONFIG, essence};
use super::{Descriptor, Graph, Platform, Platforms};

/// The longest configuration that is read to find its platform, in bytes.
const MAXIMUM_CONFIGURATION: u64 = 4 << 20;

/// The configurations that say for which platform an image is; none where an index says so, or all platforms are chosen.
pub(crate) fn configurations<'g>(image: &'g Graph, platforms: &Platforms) -> Vec<&'g Descriptor> {
    if *platforms == Platforms::All || image.platforms().next().is_some() {
        return Vec::new();
    }
    let is_of_image = |config: &&Descriptor| {
        [OCI_CONFIG, DOCKER_CONFIG].contains(&essence(&config.media_type).as_str())
            && config.size <= MAXIMUM_CONFIGURATION
    };
    image.configs().into_iter().filter(is_of_image).collect()
}

/// The platform that a configuration states, if it states one.
pub(crate) fn stated(configuration: &[u8]) -> Option<Platform> {
    // A configuration has the members of a platform among others (OCI Image 1.1, "Image Configuration"); what is not one states none.
    let stated: Option<Platform> = serde_json::from_slice(configuration).ok();
    stated.filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty())
}

/// Refuses an image of which the [`configurations`] state these platforms, and none that is chosen.
///
/// # Errors
/// The platforms that there are.
pub(crate) fn require_chosen(image: &Graph, platforms: &Platforms, stated: &[Platform]) -> Result<(), Vec<String>> {
    if stated.is_empty() || stated.iter().any(|stated| platforms.carries(stated)) {
        return Ok(());
    }
    let mut offered: Vec<String> = stated.iter().map(ToString::to_string).collect();
    offered.extend(image.left_out_platforms());
    offered.sort();
    offered.dedup();
    Err(offered)
}
