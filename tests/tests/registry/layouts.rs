//! OCI layouts: written whole, read with care.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use sealift_core::layout::{LayoutError, LayoutSink, LayoutSource};
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::oci::{Descriptor, ForeignLayers, Graph, Platforms, Reference};
use sealift_core::place::InnerName;
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::{Checked, ContentError, Offer, Sink, SinkError, Source};
use sealift_tests::images::{Image, put_blob};
use sealift_tests::outside_programs;
use sealift_tests::registry::Registry;
use serde_json::{Value, json};

use super::client;

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// A layout with an image under `r.example/app:1`.
fn layout(image: &Image) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    image.push(&LayoutSink::open(folder.path()).unwrap(), &reference("r.example/app:1")).unwrap();
    folder
}

fn index(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap()
}

fn blob_path(folder: &Path, descriptor: &Descriptor) -> std::path::PathBuf {
    folder.join("blobs/sha256").join(descriptor.digest.hex())
}

/// Copies an image from a source to a sink, as the pipelines do.
fn copy(source: &dyn Source, sink: &dyn Sink, from: &Reference, to: &Reference) -> Arc<Graph> {
    let root = source.resolve(from).unwrap();
    let graph =
        Graph::walk(root, &Platforms::All, ForeignLayers::Refuse, |d| source.manifest(from.repository(), d)).unwrap();
    for blob in graph.blobs() {
        put_blob(sink, to.repository(), blob, &mut source.blob(from.repository(), blob).unwrap()).unwrap();
    }
    for manifest in graph.manifests() {
        sink.put_manifest(to.repository(), manifest).unwrap();
    }
    sink.tag(to, graph.manifests().last().unwrap()).unwrap();
    sink.finish().unwrap();
    graph
}

#[test]
fn an_image_goes_through_a_registry_and_comes_back_the_same() {
    let image = Image::for_two_platforms("round");
    let first = layout(&image);
    let registry = Registry::start();
    let (there, back) = (reference(&format!("{}/app:1", registry.domain())), tempfile::tempdir().unwrap());
    let sink = RegistrySink::new(client());
    copy(&LayoutSource::open(first.path()).unwrap(), &sink, &reference("r.example/app:1"), &there);
    let sink = LayoutSink::open(back.path()).unwrap();
    let graph = copy(&RegistrySource::new(client()), &sink, &there, &reference("r.example/app:1"));
    assert_eq!(graph.root().descriptor(), image.root().descriptor());
    for entry in fs::read_dir(first.path().join("blobs/sha256")).unwrap() {
        let name = entry.unwrap().file_name();
        let read = |folder: &Path| fs::read(folder.join("blobs/sha256").join(&name)).unwrap();
        assert_eq!(read(first.path()), read(back.path()));
    }
    assert_eq!(index(first.path()), index(back.path()));
}

#[test]
fn names_are_merged_and_replaced_and_nothing_else_is_lost() {
    let old = Image::new("linux/amd64", &[("a", b"old")]);
    let folder = layout(&old);
    let mut edited = index(folder.path());
    edited["annotations"] = serde_json::json!({"kept": "yes"});
    fs::write(folder.path().join("index.json"), edited.to_string()).unwrap();
    let new = Image::new("linux/amd64", &[("a", b"new")]);
    let sink = LayoutSink::open(folder.path()).unwrap();
    for name in ["r.example/other:1", "r.example/app:1", "r.example/app:1"] {
        new.push(&sink, &reference(name)).unwrap();
    }
    let index = index(folder.path());
    assert_eq!(index["annotations"]["kept"], "yes");
    let names: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|entry| &entry["annotations"]).collect();
    assert_eq!(
        names.iter().map(|name| &name["org.opencontainers.image.ref.name"]).collect::<Vec<_>>(),
        ["r.example/app:1", "r.example/other:1"]
    );
    let resolved = LayoutSource::open(folder.path()).unwrap().resolve(&reference("r.example/app:1")).unwrap();
    assert_eq!(resolved.descriptor().digest, new.root().descriptor().digest);
}

#[test]
fn what_is_there_and_right_is_kept_and_what_is_wrong_is_written_again() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let (descriptor, content) = image.blobs.values().next().unwrap();
    let path = blob_path(folder.path(), descriptor);
    let repository = reference("r.example/app").repository().clone();
    assert!(matches!(LayoutSink::open(folder.path()).unwrap().offer(&repository, descriptor), Ok(Offer::There)));
    let mut corrupt = content.clone();
    corrupt[0] ^= 1;
    fs::write(&path, corrupt).unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    assert!(put_blob(&sink, &repository, descriptor, &mut Checked::new(content.as_slice(), descriptor)).unwrap());
    assert_eq!(fs::read(path).unwrap(), *content);
}

#[test]
fn wrong_content_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    let descriptor = Descriptor::of("", b"right");
    let repository = reference("r.example/app").repository().clone();
    let error = put_blob(&sink, &repository, &descriptor, &mut Checked::new(&b"wrong"[..], &descriptor)).unwrap_err();
    assert!(matches!(error, SinkError::Content(error) if ContentError::inside(&error).is_some()));
    assert_eq!(fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 0);
    assert!(!folder.path().join("index.json").exists());
}

#[test]
fn a_corrupt_blob_is_noticed_when_read() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let repository = reference("r.example/app").repository().clone();
    let (descriptor, content) = image.blobs.values().next().unwrap();
    let mut corrupt = content.clone();
    corrupt[0] ^= 1;
    fs::write(blob_path(folder.path(), descriptor), corrupt).unwrap();
    let source = LayoutSource::open(folder.path()).unwrap();
    assert!(source.blob(&repository, descriptor).unwrap().read_to_end(&mut Vec::new()).is_err());
    fs::write(blob_path(folder.path(), descriptor), b"short").unwrap();
    assert!(matches!(source.blob(&repository, descriptor).err().unwrap().reason(), Some(LayoutError::Size { .. })));
    fs::write(blob_path(folder.path(), image.root().descriptor()), b"{}").unwrap();
    let resolved = source.resolve(&reference("r.example/app:1"));
    assert!(matches!(resolved.err().unwrap().reason(), Some(LayoutError::Manifest { .. })));
}

#[test]
fn a_list_that_cannot_be_kept_is_noticed_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let _begun = LayoutSink::open(folder.path()).unwrap();
    fs::write(folder.path().join("index.json"), "{\"manifests\":").unwrap();
    assert!(matches!(LayoutSink::open(folder.path()), Err(LayoutError::Json { .. })));
}

#[test]
fn symbolic_links_and_pipes_are_not_followed() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let (descriptor, content) = image.blobs.values().next().unwrap();
    let repository = reference("r.example/app").repository().clone();
    let path = blob_path(folder.path(), descriptor);
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), content).unwrap();
    let open = || LayoutSource::open(folder.path()).unwrap().blob(&repository, descriptor).err();

    fs::remove_file(&path).unwrap();
    assert!(matches!(open().unwrap().reason(), Some(LayoutError::BlobNotFound { .. })));
    symlink(outside.path(), &path).unwrap();
    let link = open().unwrap();
    assert!(matches!(link.reason(), Some(LayoutError::NotRegular { is_link: true, .. })));
    assert!(link.to_string().contains("is a symbolic link, and links in a layout are not followed"), "{link}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(open().unwrap().reason(), Some(LayoutError::NotRegular { is_link: false, .. })));
    fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert!(matches!(open().unwrap().reason(), Some(LayoutError::NotRegular { .. })));

    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(folder.path().join("blobs"), elsewhere.path().join("blobs")).unwrap();
    symlink(elsewhere.path().join("blobs"), folder.path().join("blobs")).unwrap();
    assert!(matches!(open().unwrap().reason(), Some(LayoutError::NotAFolder { is_link: true, .. })));
    let sink = LayoutSink::open(folder.path()).unwrap();
    let pushed = put_blob(&sink, &repository, descriptor, &mut Checked::new(content.as_slice(), descriptor));
    assert!(matches!(pushed.err().unwrap().reason(), Some(LayoutError::NotAFolder { .. })));
}

#[test]
fn other_folders_and_versions_are_no_layouts() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(LayoutSource::open(folder.path()), Err(LayoutError::NotALayout { .. })));
    fs::write(folder.path().join("letter.txt"), "dear").unwrap();
    assert!(matches!(LayoutSink::open(folder.path()), Err(LayoutError::NotALayout { .. })));
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(
        matches!(LayoutSource::open(folder.path()), Err(LayoutError::Version { version, .. }) if version == "2.0.0")
    );
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    assert!(matches!(LayoutSource::open(folder.path()), Err(LayoutError::NoIndex { .. })));
    fs::write(folder.path().join("index.json"), vec![b' '; 5 << 20]).unwrap();
    assert!(matches!(LayoutSource::open(folder.path()), Err(LayoutError::TooLarge { .. })));
}

#[test]
fn an_entry_may_be_called_anything_and_has_a_place_in_the_list() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let mut listed = index(folder.path());
    let first = listed["manifests"][0].clone();
    let named = |name: &str| {
        let mut entry = first.clone();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        entry
    };
    let mut nameless = first.clone();
    nameless.as_object_mut().unwrap().remove("annotations");
    listed["manifests"] =
        json!([nameless, { "digest": "sha256:odd" }, named("1.0.0+build"), named("Not A Name"), nameless]);
    fs::write(folder.path().join("index.json"), listed.to_string()).unwrap();
    let source = LayoutSource::open(folder.path()).unwrap();
    let name = reference("r.example/other:2");
    let text = |text: &str| InnerName::Text(text.to_owned());
    for entry in [text("1.0.0+build"), text("Not A Name"), InnerName::Position(0), InnerName::Position(4)] {
        let found = source.reference_of(&name, Some(&entry)).unwrap();
        assert_eq!(found.digest(), Some(&image.root().descriptor().digest), "{entry:?}");
        assert_eq!(source.resolve(&found).unwrap().bytes(), image.root().bytes());
    }
    // What cannot be used has its place in the list all the same.
    for entry in [text("1.0.0"), text(""), InnerName::Position(1), InnerName::Position(5)] {
        let error = source.reference_of(&name, Some(&entry)).unwrap_err();
        let LayoutError::NameNotFound { listed, odd, .. } = &error else { panic!("{entry:?}: {error}") };
        // The nearest comes first.
        let mut all = listed.clone();
        all.sort();
        assert_eq!(all, ["1.0.0+build", "@0", "@4", "Not A Name"]);
        assert!(entry != text("1.0.0") || listed[0] == "1.0.0+build", "{listed:?}");
        assert_eq!(odd.len(), 1);
        assert!(error.to_string().contains("entry @1 was passed over"), "{error}");
        let Remedy::NameEntry { place, .. } = error.remedy() else { panic!("{error}") };
        assert_eq!(place, format!("oci:{}", folder.path().display()));
    }
}

#[test]
fn what_containerd_named_is_moved_too() {
    let (image, other) = (Image::new("linux/amd64", &[("a", b"a")]), Image::new("linux/amd64", &[("b", b"b")]));
    let folder = layout(&image);
    let mut listed = index(folder.path());
    listed["manifests"][0]["annotations"] =
        json!({ "org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "r.example/app:1" });
    fs::write(folder.path().join("index.json"), listed.to_string()).unwrap();
    let name = reference("r.example/app:1");
    let sink = LayoutSink::open(folder.path()).unwrap();
    assert_eq!(sink.held(&name).unwrap(), Some(image.root().descriptor().digest.clone()));
    other.push(&sink, &name).unwrap();
    let listed = index(folder.path())["manifests"].as_array().unwrap().clone();
    assert!(listed.iter().all(|entry| entry["digest"] == json!(other.root().descriptor().digest)), "{listed:?}");
    let source = LayoutSource::open(folder.path()).unwrap();
    assert_eq!(source.resolve(&name).unwrap().bytes(), other.root().bytes());
}

#[test]
fn names_are_compared_by_what_they_mean_and_stay_as_others_wrote_them() {
    let names = |name: &str| json!({ "org.opencontainers.image.ref.name": name });
    let containerd =
        |tag: &str, name: &str| json!({ "org.opencontainers.image.ref.name": tag, "io.containerd.image.name": name });
    let full = "docker.io/library/nginx:1";
    let (old, new) = (Image::new("linux/amd64", &[("a", b"old")]), Image::new("linux/amd64", &[("a", b"new")]));
    let (before, now) = (old.root().descriptor().digest.clone(), new.root().descriptor().digest.clone());
    for (there, moved, kept) in [
        (vec![names("nginx:1")], vec![names("nginx:1"), names(full)], vec![]),
        (vec![names("docker.io/nginx:1")], vec![names("docker.io/nginx:1"), names(full)], vec![]),
        (
            vec![names("Docker.IO:443/library/nginx:1"), names("library/nginx:1")],
            vec![names("Docker.IO:443/library/nginx:1"), names("library/nginx:1"), names(full)],
            vec![],
        ),
        (vec![names(full), names("nginx:1"), names(full)], vec![names(full), names("nginx:1")], vec![]),
        (vec![containerd("1", full), containerd("1", full)], vec![containerd("1", full), names(full)], vec![]),
        (vec![containerd("1", "nginx:1")], vec![containerd("1", "nginx:1"), names(full)], vec![]),
        // It stays what it is by its other name.
        (
            vec![containerd("nginx:1", "e.x/other:1")],
            vec![names(full)],
            vec![json!({ "io.containerd.image.name": "e.x/other:1" })],
        ),
        // Just a tag is not a name.
        (
            vec![names("1"), names("nginx"), names("nginx:2")],
            vec![names(full)],
            vec![names("1"), names("nginx"), names("nginx:2")],
        ),
    ] {
        let folder = layout(&old);
        let mut listed = index(folder.path());
        let entry = listed["manifests"][0].clone();
        let entries = there.iter().map(|annotations| {
            let mut entry = entry.clone();
            entry["annotations"] = annotations.clone();
            entry
        });
        listed["manifests"] = entries.collect();
        fs::write(folder.path().join("index.json"), listed.to_string()).unwrap();
        let was_there = there.len() > kept.len() || there[0].to_string().contains("nginx:1");
        let reads = |spelling: &str| LayoutSource::open(folder.path()).unwrap().resolve(&reference(spelling));
        if was_there {
            assert_eq!(reads(full).unwrap().bytes(), old.root().bytes(), "{there:?}");
        }
        let sink = LayoutSink::open(folder.path()).unwrap();
        let held = sink.held(&reference("nginx:1")).unwrap();
        assert_eq!(held, was_there.then(|| before.clone()), "{there:?}");
        // Whatever is delivered again changes nothing.
        for _ in 0..2 {
            new.push(&LayoutSink::open(folder.path()).unwrap(), &reference(full)).unwrap();
            let entries = index(folder.path())["manifests"].as_array().unwrap().clone();
            let called = |digest: &sealift_archive_format::Digest| -> Vec<Value> {
                let those = entries.iter().filter(|entry| entry["digest"] == json!(digest));
                those.map(|entry| entry["annotations"].clone()).collect()
            };
            assert_eq!(called(&now), moved, "{there:?}");
            assert_eq!(called(&before), kept, "{there:?}");
        }
        for spelling in ["nginx:1", full] {
            assert_eq!(reads(spelling).unwrap().bytes(), new.root().bytes(), "{there:?}");
        }
    }
}

#[test]
fn two_things_whose_names_mean_the_same_are_both_named() {
    let (one, other) = (Image::new("linux/amd64", &[("a", b"one")]), Image::new("linux/amd64", &[("a", b"other")]));
    let folder = layout(&one);
    other.push(&LayoutSink::open(folder.path()).unwrap(), &reference("r.example/other:1")).unwrap();
    let mut listed = index(folder.path());
    for (at, name) in ["docker.io/library/nginx:1", "nginx:1"].into_iter().enumerate() {
        listed["manifests"][at]["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
    }
    fs::write(folder.path().join("index.json"), listed.to_string()).unwrap();
    let source = LayoutSource::open(folder.path()).unwrap();
    for spelling in ["nginx:1", "docker.io/library/nginx:1", "docker.io/nginx:1"] {
        let error = source.resolve(&reference(spelling)).unwrap_err();
        let error: &LayoutError = error.reason().unwrap();
        let [first, second] = [&one, &other].map(|image| &image.root().descriptor().digest);
        let told = format!("@0 is \"docker.io/library/nginx:1\", {first}, @1 is \"nginx:1\", {second}");
        assert!(error.to_string().ends_with(&told), "{error}");
        let place = format!("oci:{}", folder.path().display());
        let listed = ["@0", "@1"].map(str::to_owned).to_vec();
        assert_eq!(error.remedy(), Remedy::TellEntriesApart { wanted: None, place, listed });
    }
}

#[test]
fn a_layout_whose_beginning_was_interrupted_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".sealift-a1b2c3"), b"{\"imageLay").unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    assert!(folder.path().join("oci-layout").exists());
    drop(sink);
    assert!(!folder.path().join("oci-layout").exists(), "nothing was stored in it");
}

#[test]
fn a_name_must_be_there_and_mean_one_thing() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let source = LayoutSource::open(folder.path()).unwrap();
    assert_eq!(source.only_entry().unwrap().descriptor().digest, image.root().descriptor().digest);
    let missing = source.resolve(&reference("r.example/app:2"));
    assert!(matches!(missing.err().unwrap().reason(), Some(LayoutError::NameNotFound { .. })));
    let by_digest = reference(&format!("any.example/name@{}", image.root().descriptor().digest));
    assert_eq!(source.resolve(&by_digest).unwrap().bytes(), image.root().bytes());
    let other = Image::new("linux/amd64", &[("b", b"b")]);
    other.push(&LayoutSink::open(folder.path()).unwrap(), &reference("r.example/other:1")).unwrap();
    assert!(matches!(
        LayoutSource::open(folder.path()).unwrap().only_entry(),
        Err(LayoutError::NameAmbiguous { count: 2, .. })
    ));
}

#[test]
fn what_is_read_to_see_what_refers_to_what_has_a_total_whatever_is_stated() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let folder = layout(&image);
    let index = folder.path().join("index.json");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    let entries = document["manifests"].as_array_mut().unwrap();
    let content = vec![b' '; 4 << 20];
    let long = Descriptor::of(OCI_MANIFEST, &content);
    fs::write(blob_path(folder.path(), &long), content).unwrap();
    let name = json!({"org.opencontainers.image.ref.name": "long"});
    entries.extend(vec![json!({"mediaType": OCI_MANIFEST, "digest": long.digest, "size": 1, "annotations": name}); 64]);
    // What only states that it is long is not read.
    entries[0]["size"] = (256_u64 << 20).into();
    fs::write(&index, document.to_string()).unwrap();
    let subject = image.root().descriptor().digest.clone();
    let referrers = LayoutSource::open(folder.path()).unwrap().referrers(reference("a/b").repository(), &subject);
    assert!(matches!(referrers.err().unwrap().reason(), Some(LayoutError::TooMuchListed { .. })));
    document["manifests"].as_array_mut().unwrap().pop();
    fs::write(&index, document.to_string()).unwrap();
    let referrers = LayoutSource::open(folder.path()).unwrap().referrers(reference("a/b").repository(), &subject);
    assert_eq!(referrers.unwrap(), []);
}

#[test]
fn skopeo_reads_what_was_written() {
    let Some(skopeo) = outside_programs::find("skopeo") else { return };
    let image = Image::for_two_platforms("skopeo");
    let folder = layout(&image);
    let name = format!("oci:{}:r.example/app:1", folder.path().display());
    let output = std::process::Command::new(skopeo).args(["inspect", "--raw", &name]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, image.root().bytes());
}

#[test]
fn an_odd_entry_of_an_index_is_passed_over_unless_it_is_the_one_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (image, name) = (Image::for_two_platforms("good"), "r.example/app:1".parse::<Reference>().unwrap());
    image.push(&LayoutSink::open(folder.path()).unwrap(), &name).unwrap();
    let path = folder.path().join("index.json");
    let good: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let digest = format!("sha256:{}", "12".repeat(32));
    let named = json!({ "org.opencontainers.image.ref.name": "r.example/other:1" });
    for (odd, in_index) in [
        (json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": 5, "annotations": named }), false),
        (json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": -1, "annotations": named }), true),
        (json!(7), true),
    ] {
        let mut index = good.clone();
        index["manifests"].as_array_mut().unwrap().push(odd.clone());
        fs::write(&path, index.to_string()).unwrap();
        let source = LayoutSource::open(folder.path()).unwrap();
        assert_eq!(source.resolve(&name).unwrap().bytes(), image.root().bytes(), "{odd}");
        assert_eq!(source.referrers(name.repository(), &image.root().descriptor().digest).unwrap(), []);
        let entry = if in_index { "entry @1".to_owned() } else { digest.clone() };
        assert_eq!(source.passed_over().iter().map(|odd| &odd.entry).collect::<Vec<_>>(), [&entry], "{odd}");
        assert!(source.resolve(&"r.example/other:1".parse().unwrap()).is_err(), "{odd}");
    }
    for wrong in [json!({ "schemaVersion": 2 }), json!({ "schemaVersion": 2, "manifests": 7 }), json!([])] {
        fs::write(&path, wrong.to_string()).unwrap();
        assert!(LayoutSource::open(folder.path()).is_err(), "{wrong}");
    }
    let mut two_readings = good.clone();
    let odd = json!({ "mediaType": OCI_MANIFEST, "digest": digest, "Digest": digest, "size": 5 });
    two_readings["manifests"].as_array_mut().unwrap().push(odd);
    fs::write(&path, two_readings.to_string()).unwrap();
    assert!(LayoutSource::open(folder.path()).is_err(), "an entry with two readings is not just odd");
    let text = good.to_string().replacen("\"manifests\":[", "\"Manifests\":[],\"manifests\":[7,", 1);
    fs::write(&path, text).unwrap();
    assert!(LayoutSource::open(folder.path()).is_err(), "what is around the entries has one reading");
}
