//! What programs written in Go read from OCI documents: a small model of `encoding/json`, and of what cnab-to-oci's pull
//! makes of a bundle's index.
//!
//! Go finds the field for a member by its exact name, or else by any name that is equal under simple case folding; of
//! several members for one field, the last one counts. That is why a document may not have two names that fold to one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value with every member that an object has, in order, duplicates included.
#[derive(Debug, Clone, PartialEq)]
pub enum GoValue {
    /// `null`: leaves a field as it is.
    Null,
    /// A text.
    Text(String),
    /// A list.
    List(Vec<GoValue>),
    /// An object.
    Object(Vec<(String, GoValue)>),
    /// Anything else.
    Other,
}

impl<'de> Deserialize<'de> for GoValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = GoValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<GoValue, E> {
                Ok(GoValue::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<GoValue, E> {
                Ok(GoValue::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<GoValue, E> {
                Ok(GoValue::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<GoValue, E> {
                Ok(GoValue::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<GoValue, E> {
                Ok(GoValue::Other)
            }

            fn visit_str<E>(self, text: &str) -> Result<GoValue, E> {
                Ok(GoValue::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<GoValue, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(GoValue::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<GoValue, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(GoValue::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Simple case folding, as far as it leads to ASCII letters: all that field names are made of.
fn fold(name: &str) -> String {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

impl GoValue {
    /// Reads a document, as far as it is JSON.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value that a struct's field of this name gets.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let fits = |member: &&(String, Self)| fold(&member.0) == fold(name) && member.1 != Self::Null;
        members.iter().rfind(fits).map(|(_, value)| value)
    }

    /// A field that is a text; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Some(Self::Text(text)) => text,
            _ => "",
        }
    }

    /// A field that is a list; empty where there is none.
    pub fn list(&self, name: &str) -> &[Self] {
        match self.field(name) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }

    /// A field that is a map: its keys are told apart by every character.
    pub fn map(&self, name: &str) -> BTreeMap<&str, &Self> {
        match self.field(name) {
            Some(Self::Object(members)) => members.iter().map(|(key, value)| (key.as_str(), value)).collect(),
            _ => BTreeMap::new(),
        }
    }
}

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
    let index = GoValue::read(index)?;
    let kind = |entry: &GoValue| match entry.map("annotations").get("io.cnab.manifest.type") {
        Some(GoValue::Text(kind)) => Some(kind.clone()),
        _ => None,
    };
    let config = index.list("manifests").iter().find(|entry| kind(entry).as_deref() == Some("config"))?;
    let config = GoValue::read(&stored(config.text("digest"))?)?;
    let bundle_digest = config.field("config")?.text("digest").to_owned();
    let bundle = GoValue::read(&stored(&bundle_digest)?)?;
    let mut relocation = BTreeMap::new();
    for entry in index.list("manifests") {
        if !TYPES.contains(&entry.text("mediaType")) {
            return None;
        }
        let name = match kind(entry)?.as_str() {
            "config" => continue,
            "invocation" => bundle.list("invocationImages").first()?.text("image").to_owned(),
            "component" => match entry.map("annotations").get("io.cnab.component.name")? {
                GoValue::Text(component) => bundle.map("images").get(component.as_str())?.text("image").to_owned(),
                _ => return None,
            },
            _ => return None,
        };
        relocation.insert(name, entry.text("digest").to_owned());
    }
    Some(Pulled { bundle: bundle_digest, relocation })
}
