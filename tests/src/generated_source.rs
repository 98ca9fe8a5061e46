//! A source that is made up as it goes: images, bundles and referrers in every form that layouts and registries have them
//! in, right and wrong, a request for some of it, and the archive that comes of it. What is made follows from a string of
//! bytes and from nothing else, so property tests and fuzzers can share it: this file needs nothing else of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{self, ExportRequest, ExportSettings, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use sealift_core::layout::LayoutError;
use sealift_core::oci::{
    CosignTag, Descriptor, ForeignLayers, ManifestBytes, ManifestError, Platforms, Reference, ReferrerKind, Repository,
    Tag,
};
use sealift_core::progress::Unwatched;
use sealift_core::transfer::{BlobContent, Checked, Source, SourceError, Workers};
use sealift_core::trust::Extent;
use sealift_core::trust_store::Trust;
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Choices, one after the other; when there are no more, always the first.
pub struct Choices<'b>(&'b [u8]);

impl<'b> Choices<'b> {
    /// The choices that these bytes stand for.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    fn one_of<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// Whether something happens that does so once in `odds` times.
    fn rarely(&mut self, odds: usize) -> bool {
        self.below(odds) == odds - 1
    }
}

/// What the source has.
#[derive(Debug, Clone, Default)]
pub struct GeneratedSource {
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// What each name stands for, and the media type with which it is announced.
    names: BTreeMap<String, (String, Digest)>,
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
}

impl Source for GeneratedSource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        let tagged = reference.tag_or_latest().map(|tag| format!("{}:{tag}", reference.repository()));
        let named = || tagged.and_then(|name| self.names.get(&name).cloned());
        let (announced, digest) = match reference.digest() {
            Some(digest) => (String::new(), digest.clone()),
            None => named().ok_or_else(missing)?,
        };
        let bytes = self.blobs.get(&digest).cloned().ok_or_else(missing)?;
        ManifestBytes::describe(bytes, &announced, digest).map_err(unusable)
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        let reference = Reference::new(repository.clone(), Some(tag.clone()), None);
        let is_there = self.names.contains_key(&reference.to_string());
        is_there.then(|| self.resolve(&reference)).transpose()
    }

    fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        let bytes = self.blobs.get(&descriptor.digest).cloned().ok_or_else(missing)?;
        ManifestBytes::new(descriptor.clone(), bytes).map_err(unusable)
    }

    fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        let bytes: &[u8] = self.blobs.get(&descriptor.digest).ok_or_else(missing)?;
        Ok(Box::new(Checked::new(bytes.take(u64::MAX), descriptor)))
    }

    fn referrers(&self, _: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        Ok(self.referrers.get(subject).cloned().unwrap_or_default())
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        let named = self.names.keys().filter_map(|name| name.parse::<Reference>().ok());
        Ok(named.filter(|named| named.repository() == repository).filter_map(|named| named.tag_or_latest()).collect())
    }
}

fn missing() -> SourceError {
    LayoutError::NotALayout { folder: "a source that is made up".into() }.into()
}

fn unusable(source: ManifestError) -> SourceError {
    let (folder, name) = ("a source that is made up".into(), String::new());
    LayoutError::Manifest { folder, name, source: Box::new(source) }.into()
}

impl GeneratedSource {
    fn store(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::sha256(&bytes);
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    /// A descriptor of something, with the liberties that people take.
    fn descriptor(&mut self, choices: &mut Choices<'_>, media_type: &str, bytes: Vec<u8>) -> Value {
        let size = bytes.len();
        let digest = self.store(bytes);
        let written = match choices.below(24) {
            19 => format!("{media_type}; charset=utf-8"),
            20 => media_type.to_uppercase(),
            21 => "application/json".to_owned(),
            22 => String::new(),
            23 => format!(" {media_type}"),
            _ => media_type.to_owned(),
        };
        let mut descriptor = json!({ "mediaType": written, "digest": digest, "size": size });
        match choices.below(40) {
            35 => descriptor["annotations"] = Value::Null,
            36 => descriptor["data"] = "e30=".into(),
            37 => descriptor["urls"] = json!(["https://example.com/x"]),
            38 => descriptor["size"] = (size + 1).into(),
            39 => descriptor["digest"] = Digest::sha256(b"not there").to_string().into(),
            _ => {}
        }
        descriptor
    }

    /// One image or artifact.
    fn manifest(&mut self, choices: &mut Choices<'_>, subject: Option<&Value>) -> (String, Value) {
        let media_type = *choices.one_of(&[MANIFEST, MANIFEST, MANIFEST, DOCKER_MANIFEST]);
        let config_types = [
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.oci.empty.v1+json",
            "application/vnd.example.config",
        ];
        let config_type = *choices.one_of(&config_types);
        let config = self.descriptor(choices, config_type, b"{}".to_vec());
        let layer_types = [
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/spdx+json",
            "text/plain",
        ];
        let mut layers = Vec::new();
        for _ in 0..choices.below(4) {
            let layer_type = *choices.one_of(&layer_types);
            let content = vec![b'x'; choices.below(4)];
            layers.push(self.descriptor(choices, layer_type, content));
        }
        let mut document = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        if choices.rarely(6) {
            document["layers"] = Value::Null;
        }
        self.decorate(choices, &mut document, subject);
        (media_type.to_owned(), document)
    }

    /// What any document may have, or not.
    fn decorate(&mut self, choices: &mut Choices<'_>, document: &mut Value, subject: Option<&Value>) {
        if let Some(subject) = subject {
            document["subject"] = subject.clone();
        }
        match choices.below(30) {
            20..=23 => drop(document.as_object_mut().map(|members| members.remove("mediaType"))),
            24 => document["schemaVersion"] = 1.into(),
            25 => drop(document.as_object_mut().map(|members| members.remove("schemaVersion"))),
            26 => document["Config"] = json!({}),
            27 => document["annotations"] = json!({ "a": "1", "A": "2" }),
            28 => document["artifactType"] = "a/b".into(),
            29 => document["unknown"] = json!({ "x": [1, null] }),
            _ => {}
        }
    }

    /// An image, or an index of images, as it is listed.
    fn image(&mut self, choices: &mut Choices<'_>, depth: usize, subject: Option<&Value>) -> Value {
        if depth == 0 || choices.below(3) < 2 {
            let (media_type, document) = self.manifest(choices, subject);
            return self.descriptor(choices, &media_type, document.to_string().into_bytes());
        }
        let media_type = *choices.one_of(&[INDEX, INDEX, DOCKER_INDEX]);
        let mut children: Vec<Value> = Vec::new();
        for _ in 0..choices.below(4) {
            let mut child = self.image(choices, depth - 1, None);
            match choices.below(8) {
                0 => {}
                1 => child["platform"] = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" }),
                2 => child["platform"] = json!({ "os": "linux", "architecture": "arm", "variant": "v7" }),
                3 => child["platform"] = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.1" }),
                4 => child["platform"] = json!({ "os": "unknown", "architecture": "unknown" }),
                5 => child["platform"] = json!({ "os": "", "architecture": "a/b" }),
                _ => child["platform"] = json!({ "os": "linux", "architecture": "amd64" }),
            }
            if let Some(first) = children.first().filter(|_| choices.rarely(5)) {
                child["annotations"] = json!({
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": first["digest"],
                });
            }
            children.push(child);
        }
        let mut document = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": children });
        self.decorate(choices, &mut document, subject);
        self.descriptor(choices, media_type, document.to_string().into_bytes())
    }

    /// What refers to something.
    fn refer(&mut self, choices: &mut Choices<'_>, subject: &Value) {
        for _ in 0..choices.below(3) {
            let referrer = self.image(choices, 1, Some(subject));
            let (Ok(about), Ok(listed)) = (parse(subject), parse(&referrer)) else { continue };
            self.referrers.entry(about.digest).or_default().push(listed);
            if choices.rarely(4) {
                self.refer(choices, &referrer);
            }
        }
    }

    /// What has a tag of cosign's for something.
    fn sign(&mut self, choices: &mut Choices<'_>, name: &str, image: &Value) {
        let (Ok(about), Ok(reference)) = (parse(image), name.parse::<Reference>()) else { return };
        for tag in CosignTag::all_of(&about.digest).filter(|_| choices.rarely(4)).collect::<Vec<_>>() {
            let subject = choices.rarely(3).then_some(image);
            let Ok(signature) = parse(&self.image(choices, 1, subject)) else { continue };
            let name = format!("{}:{tag}", reference.repository());
            self.names.insert(name, (signature.media_type, signature.digest));
        }
    }

    fn name(&mut self, name: &str, choices: &mut Choices<'_>, image: &Value) {
        let Ok(image) = parse(image) else { return };
        let Ok(reference) = name.parse::<Reference>() else { return };
        let announced = if choices.rarely(4) { String::new() } else { image.media_type };
        let tag = reference.tag_or_latest().map_or_else(|| "latest".to_owned(), |tag| tag.to_string());
        self.names.insert(format!("{}:{tag}", reference.repository()), (announced, image.digest));
    }
}

fn parse(descriptor: &Value) -> Result<Descriptor, serde_json::Error> {
    serde_json::from_value(descriptor.clone())
}

/// A name, mostly one that can be used.
fn name(choices: &mut Choices<'_>, image: Option<&Value>) -> String {
    let names = [
        "example.com/org/web:1",
        "example.com/org/web",
        "example.com/org/api:1",
        "example.com:443/org/web:1",
        "EXAMPLE.com/org/web:2",
        "ubuntu",
        "library/ubuntu",
        "docker.io/library/ubuntu:latest",
        "localhost:5000/a:1",
        "example.com/org/web:not a tag",
        "example.com/Org/web",
        "example.com/org/\u{202e}web",
    ];
    let name = (*choices.one_of(&names)).to_owned();
    match (choices.below(8), image) {
        (6, Some(image)) => format!("{name}@{}", image["digest"].as_str().unwrap_or_default()),
        (7, _) => format!("{name}@{}", Digest::sha256(b"not this")),
        _ => name,
    }
}

/// A `bundle.json` with these images.
fn bundle_json(choices: &mut Choices<'_>, images: &[(String, Value)]) -> Vec<u8> {
    let mut define = |(reference, image): &(String, Value)| {
        let mut definition = json!({ "image": reference, "imageType": "oci" });
        if !choices.rarely(3) {
            definition["contentDigest"] = image["digest"].clone();
        }
        definition
    };
    let definitions: Vec<Value> = images.iter().map(&mut define).collect();
    let invocation: Vec<&Value> = definitions.iter().take(1).collect();
    let components: BTreeMap<String, &Value> =
        definitions.iter().skip(1).enumerate().map(|(at, image)| (format!("c{at}"), image)).collect();
    let mut bundle = json!({
        "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", "description": "d",
        "invocationImages": invocation, "images": components,
    });
    match choices.below(12) {
        9 => bundle["images"] = Value::Null,
        10 => bundle["Name"] = "other".into(),
        11 => bundle["keywords"] = json!(["a"]),
        _ => {}
    }
    bundle.to_string().into_bytes()
}

/// Makes a source, and a request for some of what it has.
fn generate(bytes: &[u8]) -> ExportRequest {
    let choices = &mut Choices::new(bytes);
    let mut source = GeneratedSource::default();
    let mut request = ExportRequest::new(Vec::new());
    request.referrers = ReferrerKind::ALL.into_iter().filter(|_| !choices.rarely(4)).collect::<BTreeSet<_>>();
    if choices.rarely(3) {
        let wishes = ["linux/amd64", "linux/arm", "linux/arm64", "windows/amd64", "plan9/386"];
        let wishes = (0..=choices.below(2)).filter_map(|_| choices.one_of(&wishes).parse().ok()).collect();
        request.platforms = Platforms::Only(wishes);
    }
    let mut images: Vec<(String, Value)> = Vec::new();
    for _ in 0..=choices.below(3) {
        let image = match images.last().filter(|_| choices.rarely(5)) {
            Some((_, image)) => image.clone(),
            None => source.image(choices, 2, None),
        };
        let name = name(choices, Some(&image));
        source.name(&name, choices, &image);
        source.refer(choices, &image);
        source.sign(choices, &name, &image);
        images.push((name, image));
    }
    let source: Arc<dyn Source> = Arc::new(source);
    let place = |name: &str| Some(SourceReference { source: Arc::clone(&source), reference: name.parse().ok()? });
    if choices.rarely(2) {
        let bundle_name = name(choices, None);
        let origin = ItemOrigin::ThinBundle {
            bundle_json: bundle_json(choices, &images),
            images: ImagesFrom::TheirReferences(Arc::clone(&source)),
        };
        request.items.push(ItemRequest { name: bundle_name, origin });
    }
    for (name, _) in &images {
        if let Some(place) = place(name).filter(|_| !choices.rarely(3)) {
            request.items.push(ItemRequest { name: name.clone(), origin: ItemOrigin::Image(place) });
        }
    }
    if choices.rarely(4) {
        request.foreign_layers = ForeignLayers::LeaveOut;
    }
    request
}

/// A policy that asks for nothing: what is exported under it is refused for no other reason than its form.
pub const POLICY: &str = "minimum_level = \"0\"
referrers = [\"attestation\", \"signature\", \"sbom\", \"other\", \"image\"]
";

/// Makes a source and exports what is asked of it, for a side that trusts `key`; `None` where export refuses.
pub fn export(bytes: &[u8], key: &SigningKey, trust: &Trust, now: Timestamp) -> Option<Vec<u8>> {
    let plan = export::plan(&generate(bytes), &Workers::default()).ok()?;
    let settings = ExportSettings {
        base: None,
        now,
        exported_at: now,
        exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
        keys: std::slice::from_ref(key),
        inspections: Inspections::NotRun,
        extent: Extent::WhatIsNeeded,
        workers: Workers::default(),
    };
    let prepared = export::prepare(plan, trust, BTreeMap::new(), &settings).ok()?;
    // A blob that its source does not have is found when it is fetched.
    prepared.write(Vec::new(), &Workers::default(), &Unwatched).ok()
}
