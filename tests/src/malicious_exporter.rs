//! An exporter that seals whatever it is told to, with a key that the far side trusts.
//!
//! The honest export refuses to seal what the far side would refuse. To show that the far side does not rely on that, a
//! [`Consignment`] begins as what an honest exporter would pack, is broken by a test in one place, and is then sealed as
//! it is: frame, digests and seal are right, so nothing but the attack itself can be the reason for a refusal.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sealift_archive_format::inventory::{
    BundleRecord, Completeness, DescriptorRecord, EntryRecord, Exporter, FILE_MEDIA_TYPE, FileRecord, FormatVersion,
    ImageRecord, ImageRole, ItemRecord, LeftOutRecord, ReferrerChoice, RepositoryRecord,
};
use sealift_archive_format::{Digest, DigestAlgorithm, EntryName, FileName, Inventory, Seal, Writer};
use sealift_core::archive_layout;
use sealift_core::seal;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::Sample;
use sealift_sample_publisher::image::Blobs;
use serde_json::{Value, json};

/// The name under which the sample's TUF repository is carried and pinned.
pub const REPOSITORY: &str = "demo";

/// The files of a TUF repository by path: `metadata/…` and `targets/…`.
pub type TufFiles = BTreeMap<String, Vec<u8>>;

/// What is to be sealed.
#[derive(Debug, Clone)]
pub struct Consignment {
    /// The bundles, as the inventory lists them.
    pub bundles: Vec<BundleRecord>,
    /// The images that stand alone.
    pub images: Vec<ImageRecord>,
    /// The plain files.
    pub files: Vec<FileRecord>,
    /// The TUF repositories.
    pub repositories: BTreeMap<String, TufFiles>,
    /// The blobs in the order of the archive, documents first.
    pub blobs: Vec<(Digest, Vec<u8>)>,
    /// An `index.json` other than the one that the inventory has.
    pub index: Option<Vec<u8>>,
    /// The time that the seal states.
    pub exported_at: Timestamp,
}

/// The key of the exporter. Far sides of tests trust it.
pub fn exporter_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

impl Consignment {
    /// What an honest exporter would pack: the sample's bundle with everything below it, and what of its TUF repository
    /// speaks for them.
    pub fn of(sample: &Sample, exported_at: Timestamp) -> Self {
        let (reference, index) = &sample.references[0];
        let manifests = below(&sample.blobs, index, "manifests");
        let bundle_json = document(&sample.blobs, &manifests[0])["config"].clone();
        let images = sample.references[1..].iter().zip(&manifests[1..]);
        let bundle = BundleRecord {
            descriptor: record(&bundle_json),
            images: images.map(|((reference, image), listed)| image_record(reference, image, role(listed))).collect(),
            index: Some(record(index)),
            reference: reference.clone(),
            referrer_choice: ReferrerChoice::default(),
            referrers: Vec::new(),
            tagged: Vec::new(),
            target: None,
            thick_bundle: None,
        };
        Self {
            bundles: vec![bundle],
            images: Vec::new(),
            files: Vec::new(),
            repositories: BTreeMap::from([(REPOSITORY.to_owned(), tuf_files(sample, &sample.references))]),
            blobs: blobs(&sample.blobs, &[&bundle_json], &[index]),
            index: None,
            exported_at,
        }
    }

    /// What an honest exporter would pack for one image of the sample alone.
    pub fn of_image(sample: &Sample, place: usize, exported_at: Timestamp) -> Self {
        let (reference, image) = &sample.references[place];
        Self {
            bundles: Vec::new(),
            images: vec![image_record(reference, image, ImageRole::StandAlone)],
            blobs: blobs(&sample.blobs, &[], &[image]),
            repositories: BTreeMap::from([(
                REPOSITORY.to_owned(),
                tuf_files(sample, &sample.references[place..=place]),
            )]),
            ..Self::of(sample, exported_at)
        }
    }

    /// What an honest exporter would pack for these images by these names, for which no repository speaks.
    pub fn of_images(sample: &Sample, images: &[(&str, &Value)], exported_at: Timestamp) -> Self {
        let record = |(name, image): &(&str, &Value)| {
            let mut record = image_record(name, image, ImageRole::StandAlone);
            record.platforms = vec!["linux/amd64".to_owned()];
            record
        };
        let roots: Vec<&Value> = images.iter().map(|(_, image)| *image).collect();
        Self {
            bundles: Vec::new(),
            images: images.iter().map(record).collect(),
            blobs: blobs(&sample.blobs, &[], &roots),
            repositories: BTreeMap::new(),
            ..Self::of(sample, exported_at)
        }
    }

    /// What an honest exporter would pack for one plain file that the sample's repository lists.
    pub fn of_file(sample: &Sample, path: &str, content: &[u8], exported_at: Timestamp) -> Self {
        let named = [(path.to_owned(), Value::Null)];
        Self {
            bundles: Vec::new(),
            files: vec![file_record(path, content)],
            blobs: vec![(Digest::sha256(content), content.to_vec())],
            repositories: BTreeMap::from([(REPOSITORY.to_owned(), tuf_files(sample, &named))]),
            ..Self::of(sample, exported_at)
        }
    }

    /// The files of the sample's repository.
    pub fn tuf(&mut self) -> &mut TufFiles {
        self.repositories.get_mut(REPOSITORY).unwrap()
    }

    /// The inventory, and the content of every entry that it lists.
    pub fn pack(&self) -> (Inventory, Vec<Vec<u8>>) {
        let bundles = self.bundles.iter().cloned().map(ItemRecord::Bundle);
        let images = self.images.iter().cloned().map(ItemRecord::Image);
        let mut inventory = Inventory {
            base: None,
            entries: Vec::new(),
            exported_at: self.exported_at,
            exporter: Exporter { name: "malicious".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: bundles.chain(images).chain(self.files.iter().cloned().map(ItemRecord::File)).collect(),
            repositories: self
                .repositories
                .keys()
                .map(|name| RepositoryRecord { name: name.parse().unwrap() })
                .collect(),
        };
        let mut tuf = BTreeMap::new();
        for (repository, files) in &self.repositories {
            for (path, bytes) in files {
                tuf.insert(entry_name(repository, path), bytes.clone());
            }
        }
        let index = self.index.clone().unwrap_or_else(|| archive_layout::index(&inventory).unwrap());
        let mut entries =
            vec![(EntryName::oci_layout(), archive_layout::MARKER.to_vec()), (EntryName::oci_index(), index)];
        entries.extend(tuf);
        entries.extend(self.blobs.iter().map(|(digest, bytes)| (EntryName::blob(digest), bytes.clone())));
        inventory.entries = entries.iter().map(|(name, bytes)| EntryRecord::of(name.clone(), bytes)).collect();
        (inventory, entries.into_iter().map(|(_, bytes)| bytes).collect())
    }

    /// The archive, sealed with these keys.
    pub fn sealed_by(&self, keys: &[SigningKey]) -> Vec<u8> {
        let (inventory, contents) = self.pack();
        archive(inventory, contents.iter().map(Vec::as_slice), keys)
    }

    /// The archive, sealed by the exporter that far sides trust.
    pub fn archive(&self) -> Vec<u8> {
        self.sealed_by(&[exporter_key()])
    }
}

/// Seals an inventory and writes the archive.
pub fn archive<'a>(inventory: Inventory, contents: impl Iterator<Item = &'a [u8]>, keys: &[SigningKey]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &sealed(inventory.clone(), keys)).unwrap();
    for (entry, content) in inventory.carried().zip(contents) {
        writer.append(&entry.name, &mut &*content).unwrap();
    }
    writer.finish().unwrap()
}

/// Seals an inventory.
pub fn sealed(inventory: Inventory, keys: &[SigningKey]) -> Seal {
    let statement = inventory.to_statement().unwrap();
    let signatures = keys.iter().map(|key| seal::sign(&statement, key).unwrap()).collect();
    Seal::new(inventory, signatures).unwrap()
}

/// All metadata of the sample's repository, and the in-toto files that the targets of these names list.
fn tuf_files(sample: &Sample, references: &[(String, Value)]) -> TufFiles {
    let repository = &sample.repository;
    let target = |name: &str| repository.top_level.get(name).or_else(|| repository.released.get(name));
    let mut pending: Vec<String> = references.iter().map(|(name, _)| name.clone()).collect();
    let mut listed = BTreeSet::new();
    while let Some(name) = pending.pop() {
        let names = target(&name).and_then(|target| target.custom.as_ref()?["in-toto"].as_array().cloned());
        for name in names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)) {
            let Some(target) = target(&name) else { continue };
            let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
            if listed.insert(format!("targets/{folder}/{}.{file}", target.digest.hex())) {
                pending.push(name);
            }
        }
    }
    let mut files = repository.files();
    files.retain(|path, _| !path.starts_with("targets/") || listed.contains(path));
    files
}

/// The entry of a TUF file. TUF writes the names of metadata files percent-encoded, and an entry name encodes them anew.
fn entry_name(repository: &str, path: &str) -> EntryName {
    let repository = &repository.parse().unwrap();
    match path.split_once('/') {
        Some(("metadata", file)) => {
            EntryName::tuf_metadata(repository, &percent_decode_str(file).decode_utf8().unwrap()).unwrap()
        }
        Some(("targets", path)) => EntryName::tuf_target(repository, path).unwrap(),
        _ => panic!("{path} is no file of a TUF repository"),
    }
}

/// The descriptor as an inventory writes it.
pub fn record(descriptor: &Value) -> DescriptorRecord {
    DescriptorRecord {
        digest: digest(descriptor),
        media_type: descriptor["mediaType"].as_str().unwrap().to_owned(),
        size: descriptor["size"].as_u64().unwrap(),
    }
}

/// The record of an image with all its platforms.
pub fn image_record(reference: &str, descriptor: &Value, role: ImageRole) -> ImageRecord {
    ImageRecord {
        completeness: Completeness::AllPlatforms,
        descriptor: record(descriptor),
        role,
        left_out: LeftOutRecord::default(),
        made_from: None,
        platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
        reference: reference.to_owned(),
        referrer_choice: ReferrerChoice::default(),
        referrers: Vec::new(),
        tagged: Vec::new(),
        target: None,
    }
}

/// The record of a plain file, with both of its digests.
pub fn file_record(path: &str, content: &[u8]) -> FileRecord {
    let (digest, size) = (Digest::sha256(content), content.len() as u64);
    FileRecord {
        descriptor: DescriptorRecord { digest, media_type: FILE_MEDIA_TYPE.to_owned(), size },
        name: FileName::of_target(path).unwrap(),
        sha512: Some(Digest::of(DigestAlgorithm::Sha512, content)),
    }
}

/// What the index of a bundle says that an image is.
fn role(listed: &Value) -> ImageRole {
    match listed["annotations"]["io.cnab.component.name"].as_str() {
        Some(component) => ImageRole::Component(component.to_owned()),
        None => ImageRole::Invocation,
    }
}

/// The digest in a descriptor.
pub fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

/// The JSON document that a descriptor describes.
pub fn document(blobs: &Blobs, descriptor: &Value) -> Value {
    serde_json::from_slice(&blobs[&digest(descriptor)]).unwrap()
}

fn is_there(all: &Blobs, descriptor: &Value) -> bool {
    descriptor["digest"].as_str().and_then(|digest| digest.parse().ok()).is_some_and(|digest| all.contains_key(&digest))
}

fn below(blobs: &Blobs, descriptor: &Value, list: &str) -> Vec<Value> {
    document(blobs, descriptor)[list].as_array().cloned().unwrap_or_default()
}

/// Each blob once: the bundles, then manifests from the roots down, then configurations, then layers. What is listed and
/// not there is passed over.
pub fn blobs(all: &Blobs, bundles: &[&Value], roots: &[&Value]) -> Vec<(Digest, Vec<u8>)> {
    let mut seen: BTreeSet<Digest> = BTreeSet::new();
    let mut blobs: Vec<(Digest, Vec<u8>)> = Vec::new();
    let mut add = |descriptor: &Value| {
        let digest = digest(descriptor);
        if seen.insert(digest.clone()) {
            blobs.push((digest.clone(), all[&digest].clone()));
            return true;
        }
        false
    };
    bundles.iter().for_each(|bundle| _ = add(bundle));
    let mut manifests: Vec<Value> = roots.iter().copied().filter(|root| add(root)).cloned().collect();
    let mut documents: Vec<Value> = Vec::new();
    while let Some(manifest) = manifests.get(documents.len()) {
        let document = document(all, manifest);
        let listed = document["manifests"].as_array().into_iter().flatten();
        manifests.extend(listed.filter(|child| is_there(all, child) && add(child)).cloned());
        documents.push(document);
    }
    let there = |descriptor: &&Value| is_there(all, descriptor);
    documents.iter().map(|document| &document["config"]).filter(there).for_each(|config| _ = add(config));
    let layers = documents.iter().filter_map(|document| document["layers"].as_array()).flatten();
    layers.filter(there).for_each(|layer| _ = add(layer));
    blobs
}

/// Someone who has keys of a TUF repository: changes what a role says, and has the roles above it describe the change.
pub struct Forger<'a> {
    sample: &'a Sample,
    files: &'a mut TufFiles,
}

impl<'a> Forger<'a> {
    /// Has all the keys of the sample's repository.
    pub fn new(sample: &'a Sample, files: &'a mut TufFiles) -> Self {
        Self { sample, files }
    }

    /// Changes what a role signs, with its keys; snapshot and timestamp follow.
    pub fn edit(&mut self, role: &str, change: impl FnOnce(&mut Value)) {
        let keys = match role {
            "targets" => &self.sample.repository.targets.keys,
            "targets/releases" => &self.sample.repository.releases.keys,
            "snapshot" => &self.sample.repository.snapshot.keys,
            _ => &self.sample.repository.timestamp.keys,
        };
        self.edit_signed_by(role, keys, change);
    }

    /// The same, with other keys.
    pub fn edit_signed_by(&mut self, role: &str, keys: &[SigningKey], change: impl FnOnce(&mut Value)) {
        let path = self.path(role);
        let mut signed = signed(&self.files[&path]);
        change(&mut signed);
        let bytes = sealift_sample_publisher::keys::sign(&signed, keys);
        self.replace(role, bytes);
    }

    /// Puts other bytes in the place of a role's file; snapshot and timestamp follow.
    pub fn replace(&mut self, role: &str, bytes: Vec<u8>) {
        let path = self.path(role);
        let listed = json!({ "length": bytes.len(), "hashes": { "sha256": Digest::sha256(&bytes).hex() } });
        self.files.insert(path, bytes);
        let above = match role {
            "timestamp" => return,
            "snapshot" => "timestamp",
            _ => "snapshot",
        };
        self.edit(above, |signed| {
            let file = &mut signed["meta"][format!("{role}.json")];
            file["length"] = listed["length"].clone();
            file["hashes"] = listed["hashes"].clone();
        });
    }

    fn path(&self, role: &str) -> String {
        let repository = &self.sample.repository;
        match role {
            "timestamp" => "metadata/timestamp.json".to_owned(),
            "snapshot" => format!("metadata/{}.snapshot.json", repository.snapshot.version),
            "targets" => format!("metadata/{}.targets.json", repository.targets.version),
            _ => format!("metadata/{}.targets%2Freleases.json", repository.releases.version),
        }
    }
}

/// What a metadata file or in-toto document signs.
pub fn signed(bytes: &[u8]) -> Value {
    serde_json::from_slice::<Value>(bytes).unwrap()["signed"].clone()
}
