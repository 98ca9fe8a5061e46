//! The relocation mapping: from each reference in a bundle to where the image now is (CNAB Core 1.2 §103).

use std::collections::BTreeMap;

/// Original references and the relocated ones. It serialises as the JSON object that CNAB 103 describes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct RelocationMapping(BTreeMap<String, String>);

impl RelocationMapping {
    /// Adds an image. The original is kept exactly as the bundle writes it: references that mean the same but are
    /// written differently are separate entries.
    pub fn insert(&mut self, original: impl Into<String>, relocated: impl Into<String>) {
        self.0.insert(original.into(), relocated.into());
    }

    /// The entries, in the order of the original references.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(original, relocated)| (original.as_str(), relocated.as_str()))
    }

    /// Whether nothing was relocated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
