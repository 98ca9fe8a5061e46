//! Links (in-toto 1.0 §4.4): what one functionary reports about one step.
//!
//! Two forms are accepted: the `link` of the specification, and the Link predicate 0.3 in an in-toto Statement (in-toto
//! Attestation Framework), whose products are the Statement's subjects.

use sealift_archive_format::strict_json::{self, JsonError};
use serde::Deserialize;
use serde_json::Value;

use super::artifact::{ArtifactError, ArtifactHashes, Artifacts};

/// The Link predicate's type.
const LINK_PREDICATE: &str = "https://in-toto.io/attestation/link/v0.3";
/// The types of Statement that may carry it.
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The step that it claims to report.
    pub name: String,
    /// The command that was run.
    pub command: Vec<String>,
    /// What was there before.
    pub materials: Artifacts,
    /// What was there after.
    pub products: Artifacts,
}

/// Why a document is not a link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A member is missing or of the wrong type.
    #[error("the link does not have the members of a link")]
    Form(#[source] JsonError),
    /// `_type` and `predicateType` say it is something else.
    #[error("the document is a {0:?}, not a link")]
    Type(String),
    /// A name appears twice among a Statement's subjects or materials.
    #[error("the artifact {0:?} is listed twice")]
    Twice(String),
    /// A list of artifacts is not valid.
    #[error("the link's artifacts cannot be used")]
    Artifacts(#[from] ArtifactError),
}

#[derive(Deserialize)]
struct RawLink {
    name: String,
    command: Option<Vec<String>>,
    materials: Option<Artifacts>,
    products: Option<Artifacts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatement {
    subject: Vec<Resource>,
    predicate_type: String,
    predicate: Option<RawPredicate>,
}

#[derive(Deserialize)]
struct RawPredicate {
    name: String,
    command: Option<Vec<String>>,
    materials: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    name: Option<String>,
    uri: Option<String>,
    digest: Option<ArtifactHashes>,
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn parse(payload: &Value) -> Result<Self, LinkError> {
        let kind = payload.get("_type").and_then(Value::as_str).unwrap_or_default();
        let link = match kind {
            "link" => {
                let raw: RawLink = strict_json::into(payload.clone()).map_err(LinkError::Form)?;
                Self {
                    name: raw.name,
                    command: raw.command.unwrap_or_default(),
                    materials: raw.materials.unwrap_or_default(),
                    products: raw.products.unwrap_or_default(),
                }
            }
            kind if STATEMENTS.contains(&kind) => Self::from_statement(payload)?,
            other => return Err(LinkError::Type(other.chars().take(80).collect())),
        };
        link.materials.check()?;
        link.products.check()?;
        Ok(link)
    }

    fn from_statement(payload: &Value) -> Result<Self, LinkError> {
        let raw: RawStatement = strict_json::into(payload.clone()).map_err(LinkError::Form)?;
        let Some(predicate) = raw.predicate.filter(|_| raw.predicate_type == LINK_PREDICATE) else {
            return Err(LinkError::Type(raw.predicate_type.chars().take(80).collect()));
        };
        Ok(Self {
            name: predicate.name,
            command: predicate.command.unwrap_or_default(),
            materials: artifacts(predicate.materials.unwrap_or_default())?,
            products: artifacts(raw.subject)?,
        })
    }
}

fn artifacts(resources: Vec<Resource>) -> Result<Artifacts, LinkError> {
    let mut named = std::collections::BTreeMap::new();
    for resource in resources {
        let name = resource.name.or(resource.uri).unwrap_or_default();
        if named.insert(name.clone(), resource.digest.unwrap_or_default()).is_some() {
            return Err(LinkError::Twice(name));
        }
    }
    Ok(named.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_is_read() {
        let link = json!({"_type": "link", "name": "build", "command": ["make"], "materials": {},
            "products": {"foo": {"sha256": "ab"}}, "byproducts": {"return-value": 0}, "environment": {}});
        let link = Link::parse(&link).unwrap();
        assert_eq!((link.name.as_str(), link.products.len()), ("build", 1));
    }

    #[test]
    fn a_link_predicate_is_the_same_link() {
        let statement = json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "foo", "digest": {"sha256": "ab"}}],
            "predicateType": LINK_PREDICATE, "predicate": {"name": "build", "command": ["make"], "materials": []}});
        let link = json!({"_type": "link", "name": "build", "command": ["make"], "materials": {},
            "products": {"foo": {"sha256": "ab"}}});
        assert_eq!(Link::parse(&statement).unwrap(), Link::parse(&link).unwrap());
    }

    #[test]
    fn what_is_not_a_link_is_refused() {
        let provenance = json!({"_type": "https://in-toto.io/Statement/v1", "subject": [],
            "predicateType": "https://slsa.dev/provenance/v1", "predicate": {"name": "build"}});
        assert!(matches!(Link::parse(&provenance), Err(LinkError::Type(_))));
        assert!(matches!(Link::parse(&json!({"_type": "layout"})), Err(LinkError::Type(_))));
        assert!(matches!(Link::parse(&json!([])), Err(LinkError::Type(_))));
        let odd = json!({"_type": "link", "name": "x", "materials": [], "products": {}});
        assert!(matches!(Link::parse(&odd), Err(LinkError::Form(_))));
        let twice = json!({"_type": "link", "name": "x", "products": {"a": {}, "./a": {}}});
        assert!(matches!(Link::parse(&twice), Err(LinkError::Artifacts(_))));
        let subjects = json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "foo", "digest": {}}, {"name": "foo", "digest": {}}],
            "predicateType": LINK_PREDICATE, "predicate": {"name": "build"}});
        assert!(matches!(Link::parse(&subjects), Err(LinkError::Twice(_))));
    }
}
