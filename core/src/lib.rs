//! Sealift's domain: everything that decides what is proven, and nothing that talks to a person.
//!
//! This crate never prints, never reads the environment or the time of day, and knows no flag's name: time, credentials and
//! progress come in as arguments. Only `http` opens sockets; it, `authorization` and `registry` are there with the feature
//! `network`.
//! `docs/architecture.md` is the map.
//!
//! | you want to | begin with |
//! |---|---|
//! | look into an archive, believing nothing | [`inspect`](mod@inspect) |
//! | verify an archive | [`verify::open`], which yields [`Judged`], then [`Verified`], then a [`Report`] |
//! | deliver what was verified | [`import::deliver`], to a [`Sink`] |
//! | make an archive | [`export::plan()`], [`export::prepare`], [`export::Prepared::write`] |
//! | sign an archive that others sealed | [`CoSigner`] |
//! | say what this side trusts, and read what it remembers | [`TrustStore`], and [`Trust`] as a value |
//! | read content from elsewhere, or deliver it elsewhere | implement [`Source`] (an example is there) or [`Sink`] |
//! | use an image layout or a registry | [`layout::LayoutSource`], [`layout::LayoutSink`]; `registry::RegistrySource`, `registry::RegistrySink` |
//! | read TUF repositories | [`tuf_repository`] |
//! | read, write and repair the volumes that an archive is cut into | [`volume_set`] |
//! | tell a person what can be done about an error | [`remedy::Remediable`], which yields a [`remedy::Remedy`] |
//! | tell a cluster where images are now | [`mirror_config::files`] |
//! | understand a place as people write it | [`place::Place`] |
//! | show a text without the passwords in it | [`user_info::hidden`] |
//! | read a list of what to export | [`shipment_file::ShipmentFile`] |
//!
//! What is proven is decided in `sealift-proof`, and the bytes of an archive are those of `sealift-archive-format`; their types are in
//! signatures here.
//!
//! # Verifying an archive
//!
//! ```
//! # use std::sync::Arc;
//! #
//! # use sealift_archive_format::inventory::Exporter;
//! # use sealift_core::export::{self, ExportRequest, ExportSettings, ItemOrigin, ItemRequest, SourceReference};
//! # use sealift_core::layout::LayoutSource;
//! # use sealift_core::oci::Platforms;
//! # use sealift_core::transfer::{Source, Workers};
//! # use sealift_core::progress::Unwatched;
//! # use sealift_core::trust::{Carrier, Extent};
//! # use sealift_core::trust_store::TrustStore;
//! # use sealift_core::tuf_repository::RepositoryFolder;
//! use sealift_proof::in_toto::Inspections;
//! use sealift_core::trust::Purpose;
//! use sealift_core::verify::{self, Discard, Transport, VerifySettings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second())?;
//! # let published = sealift_sample_publisher::Sample::new(now)?.write(folder.path())?;
//! # let key = sealift_proof::signature::SigningKey::from_seed(&[42; 32]);
//! # let store = TrustStore::at(folder.path().join("trust"));
//! # store.begin()?.pin_root(&"demo".parse()?, &std::fs::read(&published.root)?, None)?;
//! # store.update()?.add_exporter(&"alice".parse()?, &key.public_key()?)?;
//! # let source: Arc<dyn Source> = Arc::new(LayoutSource::open(&published.layout)?);
//! # let place = SourceReference { source, reference: published.bundle.parse()? };
//! # let origin = ItemOrigin::Bundle { place, images: None };
//! # let request = ExportRequest::new(vec![ItemRequest { name: published.bundle.clone(), origin }]);
//! # // Every reference is resolved before a layer is fetched.
//! # let plan = export::plan(&request, &Workers::default())?;
//! #
//! # let mut metadata = RepositoryFolder::new(published.tuf.join("metadata"), published.tuf.join("targets"));
//! # let mut targets = metadata.clone();
//! # let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
//! # let settings = ExportSettings {
//! #     base: None,
//! #     now,
//! #     exported_at: now,
//! #     exporter: Exporter { name: "example".to_owned(), version: "1".to_owned() },
//! #     keys: &[key],
//! #     inspections: Inspections::NotRun,
//! #     extent: Extent::WhatIsNeeded,
//! #     workers: Workers::default(),
//! # };
//! # // Judged as the far side will judge it, then sealed; the bytes of the layers come last.
//! # let prepared = export::prepare(plan, &store.load()?, [("demo".parse()?, carrier)].into(), &settings)?;
//! # let archive: Vec<u8> = prepared.write(Vec::new(), &Workers::default(), &Unwatched)?;
//! // `store` is the trust store, with a pinned root and the exporter's key. `archive` can be any reader.
//! let trust = store.load()?;
//! let settings = VerifySettings {
//!     now: jiff::Timestamp::now(),
//!     asked: None, // The policy's own clock.
//!     purpose: Purpose::Acceptance,
//!     inspections: Inspections::NotRun,
//! };
//! // The seal, the TUF metadata and the in-toto documents are judged before a layer is looked at.
//! let judged = verify::open(archive.as_slice(), &trust, &settings)?;
//! // To its last byte: every blob is what the sealed inventory says. A receiver other than `Discard` would get them.
//! let report = judged.receive(&Discard, &Transport::default())?.report();
//! let bundle = report.items.first().ok_or("no item")?;
//! assert_eq!(bundle.name, "example.com/demo/shop:1.0.0");
//! #
//! # // One byte of a layer, in the middle.
//! # let mut damaged = archive.clone();
//! # let middle = damaged.len() / 2;
//! # damaged[middle] ^= 1;
//! # let verified = verify::open(damaged.as_slice(), &trust, &settings).map(|judged| judged.receive(&Discard, &Transport::default()));
//! # assert!(!matches!(verified, Ok(Ok(_))));
//! # Ok(())
//! # }
//! ```
//!
//! # Exporting an archive
//!
//! ```
//! use std::sync::Arc;
//!
//! use sealift_archive_format::inventory::Exporter;
//! use sealift_core::export::{self, ExportRequest, ExportSettings, ItemOrigin, ItemRequest, SourceReference};
//! use sealift_core::layout::LayoutSource;
//! use sealift_core::oci::Platforms;
//! use sealift_core::transfer::{Source, Workers};
//! use sealift_core::progress::Unwatched;
//! use sealift_core::trust::{Carrier, Extent};
//! use sealift_core::trust_store::TrustStore;
//! use sealift_core::tuf_repository::RepositoryFolder;
//! use sealift_proof::in_toto::Inspections;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second())?;
//! # let published = sealift_sample_publisher::Sample::new(now)?.write(folder.path())?;
//! # let key = sealift_proof::signature::SigningKey::from_seed(&[42; 32]);
//! # let store = TrustStore::at(folder.path().join("trust"));
//! # store.begin()?.pin_root(&"demo".parse()?, &std::fs::read(&published.root)?, None)?;
//! // `published` is a sample on the disk: an image layout and a TUF repository, whose root is pinned in `store`. `key` seals.
//! let source: Arc<dyn Source> = Arc::new(LayoutSource::open(&published.layout)?);
//! let place = SourceReference { source, reference: published.bundle.parse()? };
//! let origin = ItemOrigin::Bundle { place, images: None };
//! let request = ExportRequest::new(vec![ItemRequest { name: published.bundle.clone(), origin }]);
//! // Every reference is resolved before a layer is fetched.
//! let plan = export::plan(&request, &Workers::default())?;
//!
//! let mut metadata = RepositoryFolder::new(published.tuf.join("metadata"), published.tuf.join("targets"));
//! let mut targets = metadata.clone();
//! let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
//! let settings = ExportSettings {
//!     base: None,
//!     now,
//!     exported_at: now,
//!     exporter: Exporter { name: "example".to_owned(), version: "1".to_owned() },
//!     keys: &[key],
//!     inspections: Inspections::NotRun,
//!     extent: Extent::WhatIsNeeded,
//!     workers: Workers::default(),
//! };
//! // Judged as the far side will judge it, then sealed; the bytes of the layers come last.
//! let prepared = export::prepare(plan, &store.load()?, [("demo".parse()?, carrier)].into(), &settings)?;
//! let archive: Vec<u8> = prepared.write(Vec::new(), &Workers::default(), &Unwatched)?;
//! assert_eq!(archive.len() as u64, prepared.length());
//! # Ok(())
//! # }
//! ```

pub mod archive_layout;
#[cfg(feature = "network")]
pub mod authorization;
pub mod cnab;
pub mod co_sign;
pub mod delivery_file;
pub mod docker_archive;
pub mod export;
pub mod found_path;
pub mod free_room;
#[cfg(feature = "network")]
pub mod http;
pub mod image_scan;
pub mod import;
pub mod inspect;
pub mod layout;
pub mod measured_file;
pub mod mirror_config;
mod nearness;
pub mod oci;
pub mod place;
pub mod plain_file;
pub mod progress;
pub mod receipt;
#[cfg(feature = "network")]
pub mod registry;
pub mod remedy;
pub mod report;
pub mod seal;
pub mod shipment_file;
pub mod source_file;
pub mod tag_rule;
pub mod tarball;
pub mod thick_bundle;
pub mod transfer;
pub mod trust;
pub mod trust_store;
pub mod tuf_repository;
pub mod user_info;
pub mod verify;
mod version_range;
pub mod volume_set;
pub mod whole_file;

pub use co_sign::CoSigner;
pub use report::Report;
pub use transfer::{Sink, Source};
pub use trust_store::{Trust, TrustStore};
pub use verify::{Judged, Verified};
