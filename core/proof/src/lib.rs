//! What is proven, decided from bytes: TUF, in-toto, the signatures below both, the levels of CNAB Security, and how
//! old a proof may be.
//!
//! Promise: nothing here does I/O, reads a clock or the environment, or speaks to a network. Bytes, pinned roots and keys,
//! and the time to judge by come in as arguments. Of the system it asks for threads, which verify what comes
//! next, and how many cores there are. `docs/architecture.md` is the map.
//!
//! | you want to | begin with |
//! |---|---|
//! | update a TUF repository, and find a target in it | [`tuf::update()`], [`tuf::TrustedRepository::resolve`] |
//! | know which repositories speak for a name (TAP 4) | [`tuf::RepositoryMap`] |
//! | verify an in-toto supply chain | [`in_toto::verify()`] over an [`in_toto::SupplyChain`] |
//! | read and check an attestation (DSSE) | [`in_toto::Attestation`] |
//! | verify one signature, or a threshold of them | [`PublicKey`], [`signature::require_threshold`] |
//! | sign | [`SigningKey`] |
//! | judge how old a proof may be | [`freshness::Freshness`] |
//! | name a level of CNAB Security | [`Level`] |
//!
//! # The TUF engine alone
//!
//! From a pinned root and files in memory to a proven target. Files from elsewhere come through an implementation of
//! [`tuf::MetadataProvider`].
//!
//! ```
//! use sealift_proof::tuf::provider::CarriedMetadata;
//! use sealift_proof::tuf::{self, Limits, TrustedState};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (root, files) = publish();
//! // `root` is the pinned root. `files` are timestamp.json, snapshot.json, targets.json and newer roots, by name.
//! let mut provider = CarriedMetadata::new(files);
//! let remembered = TrustedState::default();
//! let now = "2026-01-15T00:00:00Z".parse()?;
//! let mut repository = tuf::update(&root, &remembered, &mut provider, now, &Limits::default())?;
//!
//! let target = repository.resolve(&mut provider, "greeting.txt")?.ok_or("the repository has no such target")?;
//! target.check(b"hello")?;
//! assert!(target.check(b"Hello").is_err());
//!
//! // Who remembers this is safe from rollback the next time.
//! let remembered = repository.into_state(None);
//! assert!(tuf::update(&root, &remembered, &mut provider, "2027-01-15T00:00:00Z".parse()?, &Limits::default()).is_err());
//! # Ok(())
//! # }
//! # fn publish() -> (Vec<u8>, std::collections::BTreeMap<String, Vec<u8>>) {
//! #     use serde_json::json;
//! #     let key = sealift_proof::signature::SigningKey::from_seed(&[7; 32]);
//! #     let sign = |kind: &str, fields: serde_json::Value| {
//! #         let mut signed = json!({ "_type": kind, "spec_version": "1.0.34", "version": 1, "expires": "2026-06-01T00:00:00Z" });
//! #         signed.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
//! #         let signature = key.sign(&sealift_proof::canonical_json::encode(&signed).unwrap());
//! #         let signatures = json!([{ "keyid": "k", "sig": hex::encode(signature) }]);
//! #         json!({ "signatures": signatures, "signed": signed }).to_string().into_bytes()
//! #     };
//! #     let public = json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": hex::encode(key.public_bytes()) } });
//! #     let role = json!({ "keyids": ["k"], "threshold": 1 });
//! #     let roles = json!({ "root": role, "timestamp": role, "snapshot": role, "targets": role });
//! #     let root = sign("root", json!({ "consistent_snapshot": false, "keys": { "k": public }, "roles": roles }));
//! #     let sha256 = sealift_archive_format::Digest::sha256(b"hello").hex().to_owned();
//! #     let targets = json!({ "greeting.txt": { "length": 5, "hashes": { "sha256": sha256 } } });
//! #     let files = [
//! #         ("timestamp.json", sign("timestamp", json!({ "meta": { "snapshot.json": { "version": 1 } } }))),
//! #         ("snapshot.json", sign("snapshot", json!({ "meta": { "targets.json": { "version": 1 } } }))),
//! #         ("targets.json", sign("targets", json!({ "targets": targets }))),
//! #     ];
//! #     (root, files.map(|(name, bytes)| (name.to_owned(), bytes)).into())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod canonical_json;
pub mod domain;
pub mod freshness;
pub mod in_toto;
pub mod level;
pub mod signature;
pub mod tuf;

pub use level::Level;
pub use signature::{PublicKey, SigningKey};
