//! The whole sample: `example.com/demo/shop:1.0.0`, a bundle with an invocation image and one component, at level 4.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::Digest;
use sealift_proof::signature::{KeyError, SigningKey, SigningKeyError};
use serde_json::{Value, json};

use crate::bundle::{BundleImage, bundle_json, store_bundle};
use crate::image::{Blobs, multi_platform_image};
use crate::keys::key_id;
use crate::supply_chain::SupplyChain;
use crate::tuf_repository::{Role, Target, TufRepository};

const BUNDLE: &str = "example.com/demo/shop:1.0.0";
const INSTALLER: &str = "example.com/demo/installer:1.0.0";
const WEB: &str = "example.com/demo/web:1.0.0";
const METADATA: &str = "example.com/demo/shop/in-toto-metadata";
const PUBKEYS: &str = "example.com/demo/shop/in-toto-pubkeys";

/// Why the sample cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A key cannot be made.
    #[error("cannot make a key for the sample")]
    Key(#[from] SigningKeyError),
    /// A public key cannot be encoded.
    #[error("cannot encode a public key of the sample")]
    PublicKey(#[from] KeyError),
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image cannot be built.
    #[error("cannot build a sample image")]
    Image(#[source] io::Error),
    /// The image came out without a digest: a defect of this crate.
    #[error("a descriptor of the sample has no valid digest")]
    Descriptor,
}

/// Everything that the sample publisher made, in memory. Tests change a part before it is written.
#[derive(Debug)]
pub struct Sample {
    /// The blobs of the images and the bundle.
    pub blobs: Blobs,
    /// Named descriptors: the bundle's index and the images.
    pub references: Vec<(String, Value)>,
    /// The in-toto supply chain.
    pub supply_chain: SupplyChain,
    /// The TUF repository.
    pub repository: TufRepository,
}

/// Where the sample was written.
#[derive(Debug, Clone)]
pub struct Published {
    /// The reference of the bundle, which is its TUF target name too.
    pub bundle: String,
    /// An OCI image layout with the bundle and its images.
    pub layout: PathBuf,
    /// The TUF repository: `metadata/` and `targets/`.
    pub tuf: PathBuf,
    /// Root version 1, which the far side pins.
    pub root: PathBuf,
}

impl Sample {
    /// Makes the sample with fresh keys. Root is good for a year, timestamp for a day, as CNAB-Sec 301 suggests.
    ///
    /// # Errors
    /// [`PublishError`] when keys or images cannot be made.
    pub fn new(now: Timestamp) -> Result<Self, PublishError> {
        let days = |days: i64| now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
        let role = |count: u32, threshold: u32, expires: Timestamp| -> Result<Role, PublishError> {
            let keys = (0..count).map(|_| SigningKey::generate()).collect::<Result<Vec<_>, _>>()?;
            Ok(Role { keys, threshold, version: 1, expires })
        };
        let supply_chain = SupplyChain {
            owner: SigningKey::generate()?,
            author: SigningKey::generate()?,
            releaser: SigningKey::generate()?,
            expires: days(90),
        };
        let mut repository = TufRepository {
            root: role(3, 2, days(365))?,
            timestamp: role(1, 1, days(1))?,
            snapshot: role(1, 1, days(7))?,
            targets: role(3, 2, days(90))?,
            releases: role(1, 1, days(30))?,
            release_paths: vec!["example.com/demo/*:*".to_owned(), format!("{METADATA}/*/*.link")],
            top_level: Default::default(),
            released: Default::default(),
            past_roots: Vec::new(),
        };
        repository.renew_root();

        let mut blobs = Blobs::new();
        let mut image = |path: &str, content: &[u8]| {
            multi_platform_image(&mut blobs, path, content, &["amd64", "arm64"]).map_err(PublishError::Image)
        };
        let installer = image("cnab/app/run", b"#!/bin/sh\necho installing the shop\n")?;
        let web = image("srv/index.html", b"<h1>The shop is open</h1>\n")?;
        let images = vec![
            BundleImage { component: None, reference: INSTALLER.to_owned(), descriptor: installer },
            BundleImage { component: Some("web".to_owned()), reference: WEB.to_owned(), descriptor: web },
        ];
        let bundle_json = bundle_json("shop", "1.0.0", &images);
        let bundle_index = store_bundle(&mut blobs, bundle_json.clone(), &images);

        let mut sample = Self { blobs, references: Vec::new(), supply_chain, repository };
        sample.publish_layout()?;
        let length = bundle_json.len() as u64;
        sample.release(BUNDLE, "bundle.json", &Digest::sha256(&bundle_json), length);
        sample.references.push((BUNDLE.to_owned(), bundle_index));
        for BundleImage { reference, descriptor, .. } in images {
            let digest = descriptor.get("digest").and_then(Value::as_str).and_then(|text| text.parse().ok());
            let digest: Digest = digest.ok_or(PublishError::Descriptor)?;
            let length = descriptor.get("size").and_then(Value::as_u64).ok_or(PublishError::Descriptor)?;
            sample.release(&reference, "manifest.json", &digest, length);
            sample.references.push((reference, descriptor));
        }
        Ok(sample)
    }

    /// Signs the layout and its key into the top-level targets role (CNAB-Sec 301).
    fn publish_layout(&mut self) -> Result<(), PublishError> {
        let owner = &self.supply_chain.owner;
        let key_path = format!("{PUBKEYS}/{}.pub", key_id(owner));
        let mut layout = Target::served(self.supply_chain.layout());
        layout.custom = Some(json!({ "in-toto": [key_path] }));
        let key = Target::served(owner.public_key()?.to_pem()?.into_bytes());
        self.repository.top_level.insert(format!("{METADATA}/root.layout"), layout);
        self.repository.top_level.insert(key_path, key);
        Ok(())
    }

    /// Signs a bundle or image, and the links about it, into `targets/releases`.
    pub fn release(&mut self, name: &str, product: &str, digest: &Digest, length: u64) {
        let mut listed = vec![format!("{METADATA}/root.layout")];
        for link in self.supply_chain.links(product, digest) {
            let path = format!("{METADATA}/{}/{}", digest.hex(), link.name);
            listed.push(path.clone());
            self.repository.released.insert(path, Target::served(link.bytes));
        }
        let custom = Some(json!({ "in-toto": listed }));
        let target = Target { length, digest: digest.clone(), custom, content: None };
        self.repository.released.insert(name.to_owned(), target);
    }

    /// Writes `layout/` and `tuf/` below a folder.
    ///
    /// # Errors
    /// [`PublishError::Write`].
    pub fn write(&self, folder: &Path) -> Result<Published, PublishError> {
        let (layout, tuf) = (folder.join("layout"), folder.join("tuf"));
        for (digest, bytes) in &self.blobs {
            write(&layout.join("blobs").join(digest.algorithm().name()).join(digest.hex()), bytes)?;
        }
        let manifests: Vec<Value> = self.references.iter().map(named).collect();
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
        });
        write(&layout.join("index.json"), index.to_string().as_bytes())?;
        write(&layout.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        for (path, bytes) in self.repository.files() {
            write(&tuf.join(path), &bytes)?;
        }
        let root = tuf.join("metadata/1.root.json");
        Ok(Published { bundle: BUNDLE.to_owned(), layout, tuf, root })
    }
}

/// The descriptor with its reference as annotation, as an OCI layout's `index.json` lists it.
fn named((reference, descriptor): &(String, Value)) -> Value {
    let mut descriptor = descriptor.clone();
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("annotations".to_owned(), json!({ "org.opencontainers.image.ref.name": reference }));
    }
    descriptor
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
    let attempt = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)
    };
    attempt().map_err(|source| PublishError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_can_be_made_whatever_the_clock_says() {
        for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            Sample::new(now).unwrap();
        }
    }
}
