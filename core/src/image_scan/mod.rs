//! Images that other files name: rendered Kubernetes manifests, what Helm renders, files of Compose, and charts that list their images.
//!
//! Promise: nothing is run, rendered or looked up, and no variable is replaced. Everything that looks like an image and is not taken is
//! said, with its line. Length, nesting and the number of values have limits, also where aliases repeat them.

mod error;
mod finding;
mod walk;
mod yaml;

use std::collections::BTreeSet;

pub use error::ImageScanError;

use crate::oci::Reference;
use walk::ImageWalk;

/// The longest file that is read, in bytes.
pub const MAXIMUM_LENGTH: u64 = 16 << 20;
/// The most values in a file, each counted as often as aliases repeat it.
pub const MAXIMUM_VALUES: usize = 1_000_000;
/// How deep lists and mappings may nest.
pub const MAXIMUM_DEPTH: usize = 100;
/// The most images, and the most of what is not taken.
pub const MAXIMUM_FOUND: usize = 10_000;

/// An image that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// Its name, as it is written.
    pub name: String,
    /// What names it: `Deployment web`, `service db`.
    pub owner: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// What may be an image, and is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Untaken {
    /// What is written.
    pub text: String,
    /// What it belongs to: `Deployment web`, `service db`.
    pub owner: String,
    /// The line, counted from 1.
    pub line: usize,
    /// Why it is not taken.
    pub reason: UntakenReason,
}

/// Why something is not taken for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UntakenReason {
    /// It has a variable or an expression of a template in it.
    NotRendered,
    /// It is not a reference.
    NotAReference,
    /// The name is in several parts.
    InParts,
    /// Compose builds it.
    BuiltHere,
    /// It is an argument or another text that only looks like an image.
    LooksLikeOne,
}

impl UntakenReason {
    /// The reason, to stand after what is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotRendered => "has a variable or a template in it",
            Self::NotAReference => "is not a valid reference",
            Self::InParts => "is written in parts, which only its program puts together",
            Self::BuiltHere => "is built by Compose, and has no name",
            Self::LooksLikeOne => "looks like an image, but is not where images are named",
        }
    }

    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotRendered => "not-rendered",
            Self::NotAReference => "not-a-reference",
            Self::InParts => "in-parts",
            Self::BuiltHere => "built-here",
            Self::LooksLikeOne => "looks-like-one",
        }
    }
}

/// What a file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageScan {
    /// The images, each once, in the order of the file.
    pub images: Vec<FoundImage>,
    /// What may be an image, and is not taken.
    pub untaken: Vec<Untaken>,
}

/// Finds the images that a YAML or JSON file of one or several documents names.
///
/// # Errors
/// [`ImageScanError`], which names the line.
pub fn scan(bytes: &[u8]) -> Result<ImageScan, ImageScanError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImageScanError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut walk = ImageWalk::default();
    for document in yaml::documents(text)? {
        walk.document(&document)?;
    }
    Ok(walk.into_scan())
}

/// What a name means, if it is a reference: `nginx` is `docker.io/library/nginx:latest`.
pub fn meaning(name: &str) -> Option<String> {
    let reference: Reference = name.parse().ok()?;
    Some(match (reference.digest(), reference.tag_or_latest()) {
        (Some(digest), _) => format!("{}@{digest}", reference.repository()),
        (None, Some(tag)) => format!("{}:{tag}", reference.repository()),
        (None, None) => reference.repository().to_string(),
    })
}

/// Leaves of each image the first.
fn distinct(images: Vec<FoundImage>) -> Vec<FoundImage> {
    let mut seen = BTreeSet::new();
    images.into_iter().filter(|image| seen.insert(meaning(&image.name))).collect()
}

#[cfg(test)]
mod tests;
