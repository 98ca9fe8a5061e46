//! Docker archives as a source.

use std::io::Read as _;

use sealift_archive_format::inventory::MadeFrom;
use sealift_core::docker_archive::{DockerArchiveError, DockerArchiveSource, OtherForm};
use sealift_core::oci::{Document, Reference};
use sealift_core::place::InnerName;
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::Source;
use serde_json::{Value, json};

use super::*;

/// What `docker save` wrote before Docker 25.
pub(crate) struct Saved {
    pub(crate) layers: Vec<(String, Vec<u8>)>,
    pub(crate) config: Value,
    pub(crate) config_name: Option<String>,
    pub(crate) tags: Value,
}

impl Saved {
    /// An image of these layers, not compressed.
    pub(crate) fn image(layers: &[&[u8]]) -> Self {
        let tars: Vec<Vec<u8>> = layers.iter().map(|content| Tar::new().file("file", content).bytes()).collect();
        let diff_ids: Vec<Digest> = tars.iter().map(|tar| digest(tar)).collect();
        let config =
            json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let name = |tar: &[u8]| format!("{}/layer.tar", digest(tar).hex());
        let layers = tars.into_iter().map(|tar| (name(&tar), tar)).collect();
        Self { layers, config, config_name: None, tags: json!(["example.com/org/app:1"]) }
    }

    pub(crate) fn tar(&self) -> Tar {
        let config = self.config.to_string().into_bytes();
        let name = self.config_name.clone().unwrap_or_else(|| format!("{}.json", digest(&config).hex()));
        let layers: Vec<&String> = self.layers.iter().map(|(name, _)| name).collect();
        let list = json!([{ "Config": name, "RepoTags": self.tags, "Layers": layers }]);
        let tar = Tar::new().file(&name, &config);
        let tar = self.layers.iter().fold(tar, |tar, (name, layer)| tar.file(name, layer));
        tar.file("manifest.json", format!("{list}\n").as_bytes()).file("repositories", b"{}")
    }

    fn open(&self) -> Result<DockerArchiveSource, DockerArchiveError> {
        open(&self.tar().bytes())
    }
}

fn open(bytes: &[u8]) -> Result<DockerArchiveSource, DockerArchiveError> {
    DockerArchiveSource::open(Place::of(bytes).tarball()?, &Unwatched)
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// All of an image, read.
fn read(source: &DockerArchiveSource, name: &Reference) -> (Digest, Vec<String>, Vec<Vec<u8>>) {
    let manifest = source.resolve(name).unwrap();
    let Document::Image(image) = manifest.document() else { panic!("an image") };
    let blobs = std::iter::once(&image.config).chain(&image.layers);
    let contents = blobs.map(|blob| {
        let mut content = Vec::new();
        source.blob(name.repository(), blob).unwrap().read_to_end(&mut content).unwrap();
        content
    });
    let types = image.layers.iter().map(|layer| layer.media_type.clone()).collect();
    assert_eq!(source.manifest(name.repository(), manifest.descriptor()).unwrap(), manifest);
    assert!(source.referrers(name.repository(), &manifest.descriptor().digest).unwrap().is_empty());
    (manifest.descriptor().digest.clone(), types, contents.collect())
}

#[test]
fn a_manifest_is_made_that_is_always_the_same() {
    let saved = Saved::image(&[b"one", b"two"]);
    let source = saved.open().unwrap();
    let (made, types, contents) = read(&source, &reference("example.com/org/app:1"));
    assert_eq!(types, ["application/vnd.oci.image.layer.v1.tar"; 2]);
    assert_eq!(contents[0], saved.config.to_string().into_bytes());
    assert_eq!(contents[1..], [saved.layers[0].1.clone(), saved.layers[1].1.clone()]);
    assert_eq!(read(&saved.open().unwrap(), &reference("example.com/org/app:1")).0, made);
    assert_eq!(source.made_from(&made), Some(MadeFrom::DockerArchive));
    let by_digest = reference(&format!("any.example/name@{made}"));
    assert_eq!(source.resolve(&by_digest).unwrap().descriptor().digest, made);
}

#[test]
fn equal_layers_may_be_links() {
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let saved = Saved::image(&[b"one", b"one"]);
        let (first, tar) = &saved.layers[0];
        let config = saved.config.to_string().into_bytes();
        let target = if kind == tar::EntryType::Symlink { format!("../{first}") } else { first.clone() };
        let list =
            json!([{ "Config": "config.json", "RepoTags": ["e.example/a:1"], "Layers": [first, "second/layer.tar"] }]);
        let bytes = Tar::new()
            .file("config.json", &config)
            .file(first, tar)
            .link("second/layer.tar", kind, &target[..target.len().min(100)])
            .file("manifest.json", list.to_string().as_bytes())
            .bytes();
        let (_, _, contents) = read(&open(&bytes).unwrap(), &reference("e.example/a:1"));
        assert_eq!(contents[1..], [tar.clone(), tar.clone()]);
    }
}

#[test]
fn a_compressed_layer_keeps_its_bytes_and_has_its_diff_id() {
    let mut saved = Saved::image(&[b"one"]);
    saved.layers[0].1 = gzip(&saved.layers[0].1);
    let (_, types, contents) = read(&saved.open().unwrap(), &reference("example.com/org/app:1"));
    assert_eq!(types, ["application/vnd.oci.image.layer.v1.tar+gzip"]);
    assert_eq!(contents[1], saved.layers[0].1);
    saved.layers[0].1 = gzip(b"something else");
    assert!(matches!(saved.open(), Err(DockerArchiveError::Layer { .. })));
}

#[test]
fn a_layer_in_several_members_or_frames_is_read_to_its_end() {
    let plain = Saved::image(&[b"one"]);
    for bytes in in_parts(&plain.layers[0].1) {
        let mut saved = Saved::image(&[b"one"]);
        saved.layers[0].1 = bytes;
        let (_, types, contents) = read(&saved.open().unwrap(), &reference("example.com/org/app:1"));
        let ending = if saved.layers[0].1.starts_with(b"\x1f\x8b") { "+gzip" } else { "+zstd" };
        assert_eq!(types, [format!("application/vnd.oci.image.layer.v1.tar{ending}")]);
        assert_eq!(contents[1], saved.layers[0].1, "its bytes are kept");
        for more in [&b"more"[..], &[0], b"\x28\xb5\x2f", b"\x5a\x2a\x4d\x18\x03\x00\x00\x00a"] {
            let mut followed = Saved::image(&[b"one"]);
            followed.layers[0].1 = [saved.layers[0].1.as_slice(), more].concat();
            assert!(followed.open().is_err(), "{more:?}");
        }
    }
}

#[test]
fn layers_that_expand_without_end_are_not_read_to_it() {
    let large = |blocks: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
        (0..blocks).for_each(|_| encoder.write_all(&vec![0; 1 << 20]).unwrap());
        encoder.finish().unwrap()
    };
    let mut saved = Saved::image(&[b"one"]);
    saved.layers[0].1 = large(1400);
    match saved.open() {
        Err(DockerArchiveError::Expansion { name, limit, .. }) => {
            assert!(name == saved.layers[0].0 && limit < 1400 << 20, "{name} {limit}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn the_first_image_of_a_name_is_the_one_that_is_meant() {
    let [one, other] = [&b"one"[..], b"other"].map(|content| Saved::image(&[content]));
    let name = |saved: &Saved| format!("{}.json", digest(saved.config.to_string().as_bytes()).hex());
    let list = [(&one, json!(["e.x/a:1", "e.x/a", "not a name"])), (&other, json!(["e.x/a:1", "E.X:443/a:2"]))];
    let list =
        list.map(|(saved, tags)| json!({"Config": name(saved), "RepoTags": tags, "Layers": [saved.layers[0].0]}));
    let tar = [&one, &other].into_iter().fold(Tar::new(), |tar, saved| {
        let tar = tar.file(&name(saved), saved.config.to_string().as_bytes());
        tar.file(&saved.layers[0].0, &saved.layers[0].1)
    });
    let source = open(&tar.file("manifest.json", json!(list).to_string().as_bytes()).bytes()).unwrap();
    let config = |name: &str| read(&source, &reference(name)).2[0].clone();
    let [first, second] = [&one, &other].map(|saved| saved.config.to_string().into_bytes());
    assert_eq!([config("e.x/a:1"), config("e.x/a:latest"), config("e.x/a:2")], [first.clone(), first, second]);
    let tags = source.tags(reference("e.x/a").repository()).unwrap();
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1", "latest", "1", "2"]);
}

#[test]
fn a_plain_layer_that_is_something_else_cannot_be_read_to_its_end() {
    let mut saved = Saved::image(&[b"one"]);
    saved.layers[0].1[600] ^= 1;
    let source = saved.open().unwrap();
    let manifest = source.resolve(&reference("example.com/org/app:1")).unwrap();
    let Document::Image(image) = manifest.document() else { panic!("an image") };
    let name = reference("a/b");
    let read = source.blob(name.repository(), &image.layers[0]).unwrap().read_to_end(&mut Vec::new());
    assert!(read.is_err());
    let missing = sealift_core::oci::Descriptor::of("", b"missing");
    let missing = source.blob(name.repository(), &missing).err().unwrap();
    assert!(matches!(missing.reason(), Some(DockerArchiveError::BlobNotFound { .. })));
}

#[test]
fn an_only_image_without_a_name_is_the_one_that_is_meant() {
    let name = reference("example.com/org/app:1");
    for tags in [Value::Null, json!([])] {
        let source = Saved { tags, ..Saved::image(&[b"one"]) }.open().unwrap();
        assert!(source.resolve(&name).is_err());
        source.resolve(&source.reference_of(&name, None).unwrap()).unwrap();
    }
    let other = Saved { tags: json!(["example.com/org/other:1"]), ..Saved::image(&[b"one"]) }.open().unwrap();
    let error = other.resolve(&other.reference_of(&name, None).unwrap()).err().unwrap();
    let Some(DockerArchiveError::NameNotFound { names, .. }) = error.reason() else { panic!("{error:?}") };
    assert_eq!(names, &["example.com/org/other:1"]);
    // No digest but its own, which no registry has.
    let wanted = digest(b"the manifest in a registry");
    let error = other.resolve(&reference(&format!("example.com/org/other@{wanted}"))).err().unwrap();
    let Some(reason @ DockerArchiveError::DigestNotFound { digest, .. }) = error.reason() else { panic!("{error:?}") };
    assert_eq!(*digest, wanted);
    assert!(matches!(reason.remedy(), Remedy::ExportSignedManifest { .. }), "{:?}", reason.remedy());
}

#[test]
fn an_image_without_a_name_has_a_place_in_the_list() {
    let name = reference("example.com/org/app:1");
    let source =
        Saved { tags: json!(["example.com/org/other:1", "not a+name"]), ..Saved::image(&[b"one"]) }.open().unwrap();
    for entry in [InnerName::Position(0), InnerName::Text("not a+name".to_owned())] {
        source.resolve(&source.reference_of(&name, Some(&entry)).unwrap()).unwrap();
    }
    let nameless = Saved { tags: Value::Null, ..Saved::image(&[b"one"]) }.open().unwrap();
    let error = nameless.reference_of(&name, Some(&InnerName::Position(1))).unwrap_err();
    assert!(matches!(&error, DockerArchiveError::NameNotFound { names, .. } if names == &["@0"]), "{error}");
    let Remedy::NameEntry { place, listed, .. } = error.remedy() else { panic!("{error}") };
    assert!(place.starts_with("docker-archive:") && listed == ["@0"], "{place}");
}

#[test]
fn what_does_not_fit_together_is_refused_for_its_reason() {
    let mut saved = Saved::image(&[b"one", b"two"]);
    saved.config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
    assert!(matches!(saved.open(), Err(DockerArchiveError::LayerCount { listed: 2, stated: 1, .. })));
    let named = |name: &str| Saved { config_name: Some(name.to_owned()), ..Saved::image(&[b"one"]) }.open();
    let other = digest(b"something else");
    let promises = [format!("{}.json", other.hex()), format!("blobs/sha256/{}", other.hex()), other.to_string()];
    for name in promises {
        assert!(matches!(named(&name), Err(DockerArchiveError::Config { .. })), "{name}");
    }
    assert!(named("config.json").is_ok(), "a name that is not a digest promises nothing");
    let with = |list: &str| open(&Tar::new().file("manifest.json", list.as_bytes()).bytes());
    assert!(matches!(with(r#"[{"Config":7}]"#), Err(DockerArchiveError::Json { .. })));
    assert!(matches!(with(r#"[{"Config":"c","Layers":[]}]"#), Err(DockerArchiveError::Missing { .. })));
    let many = format!("[{}]", vec![r#"{"Config":"c"}"#; 10_001].join(","));
    assert!(matches!(with(&many), Err(DockerArchiveError::TooMany { count: 10_001, .. })));
    let old = open(&Tar::new().file("repositories", b"{}").bytes());
    assert!(matches!(old, Err(DockerArchiveError::TooOld { .. })));
    assert!(matches!(open(&Tar::new().bytes()), Err(DockerArchiveError::NotOne { .. })));
}

#[test]
fn a_layout_beside_the_list_has_the_digests() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let files = layout_files(&[("example.com/org/app:1", &image)]);
    let place = Place::of(&Saved::image(&[b"one"]).tar().files("", &files).bytes());
    let SourceFile::Layout(layout) = place.open().unwrap() else { panic!("a layout") };
    let resolved = layout.resolve(&reference("example.com/org/app:1")).unwrap();
    assert_eq!(resolved.descriptor().digest, image.root().descriptor().digest);
}

#[test]
fn what_else_is_called_manifest_json_is_named() {
    for (manifest, expected) in [
        (json!([{ "ImageIndex": null, "Image": { "Refs": [] } }]), OtherForm::Imgpkg),
        (json!({ "schemaVersion": 2, "layers": [] }), OtherForm::Manifest),
        (json!([{ "id": 1 }]), OtherForm::Unknown),
        (json!({}), OtherForm::Unknown),
    ] {
        let tar = Tar::new().file("manifest.json", manifest.to_string().as_bytes());
        let found = open(&tar.bytes()).err();
        let is_expected = matches!(&found, Some(DockerArchiveError::OtherForm { form, .. }) if *form == expected);
        assert!(is_expected, "{manifest}: {found:?}");
    }
    let meant = Tar::new().file("manifest.json", br#"[{"Config":"a.json","Image":"x"},{"Config":7}]"#);
    assert!(matches!(open(&meant.bytes()), Err(DockerArchiveError::Json { .. })));
    let empty = Tar::new().file("manifest.json", b"[]");
    assert!(open(&empty.bytes()).is_ok());
}
