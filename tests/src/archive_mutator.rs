//! A small sealed archive, whole, and the same archive taken apart, so that a test can break it in one place.
//!
//! [`Sample`] is a correct archive: a bundle with one image, and a TUF repository with a name that needs a pax header.
//! [`Mutator`] holds its tar records as raw bytes; a test changes one and puts them together again.

use sealift_archive_format::inventory::{
    BundleRecord, Completeness, DescriptorRecord, EntryRecord, Exporter, FormatVersion, ImageRecord, ImageRole,
    ItemRecord, LeftOutRecord, ReferrerChoice, RepositoryRecord, TargetRecord,
};
use sealift_archive_format::tar_profile::BLOCK_LENGTH;
use sealift_archive_format::{Digest, EntryName, EntryOffsets, Inventory, Seal, Writer};
use sealift_core::seal::{self, ExporterKey};
use sealift_proof::signature::SigningKey;
use serde_json::json;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// An inventory and contents that fit it, until a test changes one of them.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What is sealed.
    pub inventory: Inventory,
    /// The contents, in order.
    pub contents: Vec<(EntryName, Vec<u8>)>,
}

impl Default for Sample {
    fn default() -> Self {
        // An empty tar file is two blocks of zeros.
        let layer = vec![0; 2 * BLOCK_LENGTH];
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::sha256(&layer).to_string()]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, &config), "layers": [descriptor(LAYER_TYPE, &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        let image = descriptor(MANIFEST_TYPE, &manifest);
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX_TYPE,
            "manifests": [{
                "mediaType": image.media_type, "digest": image.digest, "size": image.size,
                "annotations": {"org.opencontainers.image.ref.name": "example.com/shop-installer:1.4"},
            }],
        });
        let bundle = json!({
            "schemaVersion": "v1.2.0", "name": "shop", "version": "1.4.0",
            "invocationImages": [{
                "imageType": "oci", "image": "example.com/shop-installer:1.4", "contentDigest": image.digest,
            }],
        });
        let bundle = bundle.to_string().into_bytes();
        let blob = |content: Vec<u8>| (EntryName::blob(&Digest::sha256(&content)), content);
        let contents = vec![
            (EntryName::oci_layout(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            (EntryName::oci_index(), index.to_string().into_bytes()),
            (EntryName::tuf_metadata(&"main".parse().unwrap(), "1.root.json").unwrap(), b"(the first root)".to_vec()),
            (EntryName::tuf_target(&"main".parse().unwrap(), &long_target()).unwrap(), b"(an in-toto layout)".to_vec()),
            blob(bundle.clone()),
            blob(manifest),
            blob(config),
            blob(layer),
        ];
        let bundle = BundleRecord {
            descriptor: descriptor("application/json", &bundle),
            images: vec![ImageRecord {
                completeness: Completeness::AllPlatforms,
                descriptor: image,
                role: ImageRole::Invocation,
                left_out: LeftOutRecord::default(),
                made_from: None,
                platforms: Vec::new(),
                reference: "example.com/shop-installer:1.4".to_owned(),
                referrer_choice: ReferrerChoice::default(),
                referrers: Vec::new(),
                tagged: Vec::new(),
                target: None,
            }],
            index: None,
            reference: "example.com/shop:1.4".to_owned(),
            referrer_choice: ReferrerChoice::default(),
            referrers: Vec::new(),
            tagged: Vec::new(),
            target: Some(TargetRecord { name: "example.com/shop:1.4".to_owned() }),
            thick_bundle: None,
        };
        let inventory = Inventory {
            base: None,
            entries: contents.iter().map(|(name, content)| EntryRecord::of(name.clone(), content)).collect(),
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            exporter: Exporter { name: "example".to_owned(), version: "1.0".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: vec![ItemRecord::Bundle(bundle)],
            repositories: vec![RepositoryRecord { name: "main".parse().unwrap() }],
        };
        Self { inventory, contents }
    }
}

/// A TUF target whose entry name is longer than 100 bytes.
fn long_target() -> String {
    format!("example.com/shop/{}.shop.layout", Digest::sha256(b"(an in-toto layout)").hex())
}

fn descriptor(media_type: &str, content: &[u8]) -> DescriptorRecord {
    DescriptorRecord { digest: Digest::sha256(content), media_type: media_type.to_owned(), size: content.len() as u64 }
}

impl Sample {
    /// The key that seals it.
    pub fn key() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    /// The exporter whose key that is.
    pub fn exporter() -> ExporterKey {
        ExporterKey { name: "example".to_owned(), key: Self::key().public_key().unwrap() }
    }

    /// Its seal.
    pub fn seal(&self) -> Seal {
        let signature = seal::sign(&self.inventory.to_statement().unwrap(), &Self::key()).unwrap();
        Seal::new(self.inventory.clone(), vec![signature]).unwrap()
    }

    /// The archive.
    pub fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &self.seal()).unwrap();
        for (name, content) in &self.contents {
            writer.append(name, &mut content.as_slice()).unwrap();
        }
        writer.finish().unwrap()
    }

    /// Where everything lies in it.
    pub fn layout(&self) -> EntryOffsets {
        self.seal().layout()
    }

    /// The archive, taken apart.
    pub fn mutator(&self) -> Mutator {
        let bytes = self.bytes();
        let layout = self.layout();
        let at = |offset: u64| usize::try_from(offset).unwrap();
        let mut ends: Vec<usize> = layout.entries.iter().skip(1).map(|entry| at(entry.header_offset)).collect();
        let end = bytes.len() - 2 * BLOCK_LENGTH;
        ends.push(end);
        let records = layout.entries.iter().zip(ends).map(|(entry, end)| Record {
            header: bytes[at(entry.header_offset)..at(entry.content_offset)].to_vec(),
            content: bytes[at(entry.content_offset)..end].to_vec(),
        });
        Mutator { records: records.collect(), end: bytes[end..].to_vec() }
    }
}

/// An archive's tar records as raw bytes.
#[derive(Debug, Clone)]
pub struct Mutator {
    /// The records; the seal is the first.
    pub records: Vec<Record>,
    /// What comes after the last.
    pub end: Vec<u8>,
}

/// A tar record.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its header blocks: one, or with a pax header three or more.
    pub header: Vec<u8>,
    /// Its content, padded.
    pub content: Vec<u8>,
}

impl Record {
    /// A record with the header that `build` makes of an ordinary one.
    pub fn new(name: &str, content: &[u8], build: impl FnOnce(&mut tar::Header)) -> Self {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        build(&mut header);
        header.set_cksum();
        let mut content = content.to_vec();
        content.resize(content.len().next_multiple_of(BLOCK_LENGTH), 0);
        Self { header: header.as_bytes().to_vec(), content }
    }

    /// Changes the last header block, and makes its checksum right again.
    pub fn change_header(&mut self, change: impl FnOnce(&mut tar::Header)) {
        let start = self.header.len() - BLOCK_LENGTH;
        let mut header = tar::Header::from_byte_slice(&self.header[start..]).clone();
        change(&mut header);
        header.set_cksum();
        self.header[start..].copy_from_slice(header.as_bytes());
    }
}

impl Mutator {
    /// The archive, put together again.
    pub fn bytes(&self) -> Vec<u8> {
        let records = self.records.iter().flat_map(|record| [&record.header, &record.content]);
        records.chain([&self.end]).flatten().copied().collect()
    }
}

/// The first bundle among the items.
///
/// # Panics
/// When there is none.
pub fn bundle(inventory: &mut Inventory) -> &mut BundleRecord {
    let bundle = inventory.items.iter_mut().find_map(|item| match item {
        ItemRecord::Bundle(bundle) => Some(bundle),
        ItemRecord::Image(_) | ItemRecord::File(_) => None,
    });
    bundle.unwrap()
}

/// The first image among the items.
///
/// # Panics
/// When there is none.
pub fn image(inventory: &mut Inventory) -> &mut ImageRecord {
    let image = inventory.items.iter_mut().find_map(|item| match item {
        ItemRecord::Image(image) => Some(image),
        ItemRecord::Bundle(_) | ItemRecord::File(_) => None,
    });
    image.unwrap()
}
