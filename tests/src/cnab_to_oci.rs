//! A model of cnab-to-oci: what its pull makes of a bundle's index.

use std::collections::BTreeMap;

use crate::go_reader::{Variable, unmarshal};
use crate::read_alike::{BUNDLE, DOCUMENT};

/// What cnab-to-oci makes of a bundle in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the `bundle.json`.
    pub bundle: String,
    /// From the references of images to their digests.
    pub relocation: BTreeMap<String, String>,
}

/// Pulls a bundle, given its index and whatever is stored by digest; `None` where cnab-to-oci reports an error.
pub fn pull(index: &[u8], stored: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Pulled> {
    const TYPES: [&str; 4] = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ];
    let index = unmarshal(index, DOCUMENT)?;
    let annotation = |entry: &Variable, name: &str| Some(entry.map("annotations").get(name)?.as_text().to_owned());
    let kind = |entry: &Variable| annotation(entry, "io.cnab.manifest.type");
    let config = index.list("manifests").iter().find(|entry| kind(entry).as_deref() == Some("config"))?;
    let config = unmarshal(&stored(config.text("digest"))?, DOCUMENT)?;
    let bundle_digest = config.field("config")?.text("digest").to_owned();
    let bundle = unmarshal(&stored(&bundle_digest)?, BUNDLE)?;
    let mut relocation = BTreeMap::new();
    for entry in index.list("manifests") {
        if !TYPES.contains(&entry.text("mediaType")) {
            return None;
        }
        let name = match kind(entry)?.as_str() {
            "config" => continue,
            "invocation" => bundle.list("invocationImages").first()?.text("image").to_owned(),
            "component" => {
                let component = annotation(entry, "io.cnab.component.name")?;
                bundle.map("images").get(component.as_str())?.text("image").to_owned()
            }
            _ => return None,
        };
        relocation.insert(name, entry.text("digest").to_owned());
    }
    Some(Pulled { bundle: bundle_digest, relocation })
}
