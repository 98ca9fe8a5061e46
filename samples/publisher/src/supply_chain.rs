//! An in-toto supply chain of two steps: `author` makes a thing, `release` passes on exactly that thing.
//!
//! In-toto 1.0 §4.3 (layout) and §4.4 (links). One layout serves the bundle and its images; each has links of its own.

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::signature::SigningKey;
use serde_json::{Value, json};

use crate::keys::{key_id, key_object, sign};

/// The owner of the layout and the functionaries of its two steps.
#[derive(Debug)]
pub struct SupplyChain {
    /// Signs the layout.
    pub owner: SigningKey,
    /// May sign step `author`.
    pub author: SigningKey,
    /// May sign step `release`.
    pub releaser: SigningKey,
    /// When the layout expires.
    pub expires: Timestamp,
}

/// A link and the file name that in-toto gives it: `STEP.KEYID8.link`.
#[derive(Debug, Clone)]
pub struct Link {
    /// The file name.
    pub name: String,
    /// The signed document.
    pub bytes: Vec<u8>,
}

impl SupplyChain {
    /// The signed layout.
    pub fn layout(&self) -> Vec<u8> {
        let from_author = json!(["MATCH", "*", "WITH", "PRODUCTS", "FROM", "author"]);
        let nothing_else = json!(["DISALLOW", "*"]);
        let step = |name: &str, key: &SigningKey, materials: Vec<&Value>, products: Vec<&Value>| {
            json!({
                "_type": "step", "name": name, "pubkeys": [key_id(key)], "threshold": 1, "expected_command": [],
                "expected_materials": materials, "expected_products": products,
            })
        };
        let create = json!(["CREATE", "*"]);
        let mut keys = serde_json::Map::new();
        for key in [&self.author, &self.releaser] {
            let mut object = key_object(key);
            if let Some(fields) = object.as_object_mut() {
                fields.insert("keyid".to_owned(), json!(key_id(key)));
            }
            keys.insert(key_id(key), object);
        }
        let signed = json!({
            "_type": "layout", "readme": "Written by an author, passed on unchanged by a releaser.",
            "expires": self.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "keys": keys, "inspect": [],
            "steps": [
                step("author", &self.author, vec![&nothing_else], vec![&create, &nothing_else]),
                step("release", &self.releaser, vec![&from_author, &nothing_else], vec![&from_author, &nothing_else]),
            ],
        });
        sign(&signed, std::slice::from_ref(&self.owner))
    }

    /// The links of both steps for one product.
    pub fn links(&self, product: &str, digest: &Digest) -> Vec<Link> {
        vec![
            Self::link("author", &self.author, json!({}), product, digest),
            Self::link("release", &self.releaser, artifact(product, digest), product, digest),
        ]
    }

    /// One link. Tests use it to sign with a key that must not.
    pub fn link(step: &str, key: &SigningKey, materials: Value, product: &str, digest: &Digest) -> Link {
        let signed = json!({
            "_type": "link", "name": step, "command": [], "environment": {}, "byproducts": {},
            "materials": materials, "products": artifact(product, digest),
        });
        let short: String = key_id(key).chars().take(8).collect();
        Link { name: format!("{step}.{short}.link"), bytes: sign(&signed, std::slice::from_ref(key)) }
    }
}

/// One artifact with its hash.
pub fn artifact(name: &str, digest: &Digest) -> Value {
    json!({ name: { digest.algorithm().name(): digest.hex() } })
}
