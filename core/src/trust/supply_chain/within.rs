//! The in-toto documents that a target has within it, as signy writes them: the targets of a collection of Notary are tags, so that no
//! file can be listed there.
//!
//! Promise: only a target with all three members is taken for one that has such documents, and then it is held to them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_proof::in_toto::verify::LayoutKey;
use sealift_proof::in_toto::{InTotoKey, Work};
use sealift_proof::tuf::VerifiedTarget;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{
    ChainDocuments, Demands, FILE_COST, MAXIMUM_FILES, NamedBy, NamedLayout, SupplyChainError, require_top_level,
};
use crate::trust::repositories::MAXIMUM_TARGET_LENGTH;
use crate::trust_store::RepositoryName;

/// What `custom` has, all of it.
const MEMBERS: [&str; 3] = ["key", "layout", "links"];

/// A supply chain in `custom`, each document in Base64.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentsWithin {
    /// The public key that signed the layout.
    key: DocumentBytes,
    layout: DocumentBytes,
    /// The links, by the names of their files.
    links: BTreeMap<String, DocumentBytes>,
}

/// The bytes of a document.
#[derive(Debug)]
struct DocumentBytes(Vec<u8>);

impl<'de> Deserialize<'de> for DocumentBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The documents of a target, if it has any within it.
///
/// # Errors
/// [`SupplyChainError::Within`] and [`SupplyChainError::Key`] when they cannot be read, [`SupplyChainError::NotFromTopLevel`] when a role
/// signs them that may be online, [`SupplyChainError::LayoutElsewhere`] when the policy names another layout, [`SupplyChainError::Work`].
pub(super) fn documents(
    repository: &RepositoryName,
    target: &VerifiedTarget,
    demands: Demands<'_>,
    work: &mut Work,
) -> Result<Option<ChainDocuments>, SupplyChainError> {
    let path = || target.path().to_owned();
    let has_all = |custom: &&Value| MEMBERS.iter().all(|member| custom.get(member).is_some());
    let Some(custom) = target.custom().filter(has_all) else { return Ok(None) };
    require_top_level(target, || format!("the layout in target {}", target.path()))?;
    if let Some(layout) = demands.layout {
        return Err(SupplyChainError::LayoutElsewhere { layout: layout.as_str().to_owned(), target: path() });
    }
    let malformed = |reason: String| SupplyChainError::Within { target: path(), reason };
    let links = custom.get("links").and_then(Value::as_object).into_iter().flat_map(Map::values);
    for document in MEMBERS.iter().filter_map(|member| custom.get(member)).chain(links) {
        let length = u64::try_from(document.as_str().map_or(0, str::len)).unwrap_or(u64::MAX);
        if length > MAXIMUM_TARGET_LENGTH {
            return Err(malformed(format!("a document has more than {MAXIMUM_TARGET_LENGTH} characters")));
        }
        work.spend(length.saturating_add(FILE_COST))?;
    }
    let DocumentsWithin { key, layout, links } =
        DocumentsWithin::deserialize(custom).map_err(|error| malformed(error.to_string()))?;
    if links.len() > MAXIMUM_FILES {
        return Err(malformed(format!("it has more than {MAXIMUM_FILES} links")));
    }
    let unusable = |source| SupplyChainError::Key { file: format!("the key in target {}", target.path()), source };
    let key = LayoutKey { label: "key".to_owned(), key: InTotoKey::from_file(&key.0).map_err(unusable)? };
    Ok(Some(ChainDocuments {
        named: NamedLayout { target: path(), repository: repository.clone(), named_by: NamedBy::Within },
        layout: layout.0,
        layout_keys: vec![key],
        links: links.into_iter().map(|(name, DocumentBytes(bytes))| (name, bytes)).collect(),
    }))
}
