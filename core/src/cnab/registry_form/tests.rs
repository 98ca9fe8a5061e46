//! The forms that are known, and everything that is not one of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::oci::Document;

use super::*;

const BUNDLE_JSON: &[u8] = br#"{
    "schemaVersion": "v1.2.0", "name": "shop", "version": "0.1.0", "description": "a <shop> & more",
    "keywords": ["a", "<b>"], "maintainers": [{"name": "Jane", "email": "jane@example.com"}],
    "invocationImages": [{"image": "e/installer:1"}, {"image": "e/other:1"}],
    "images": {"web": {"image": "e/web:1"}, "api": {"image": "e/api:1"}}
}"#;

/// A bundle's two documents as they are found, to be changed.
struct Found {
    index: Value,
    index_type: &'static str,
    config_manifest: Value,
    config_manifest_type: &'static str,
    config: Descriptor,
}

fn images() -> Vec<Descriptor> {
    ["installer", "other", "api", "web"].map(|name| Descriptor::of(OCI_INDEX, name.as_bytes())).to_vec()
}

fn listed(descriptor: &Descriptor, annotations: &[(&str, &str)]) -> Value {
    let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
    json!({
        "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
        "annotations": annotations,
    })
}

impl Found {
    /// The form that cnab-to-oci writes, with a choice of `bundle.json`'s media type.
    fn with_config_type(media_type: &str) -> Self {
        let config = Descriptor::of(media_type, BUNDLE_JSON);
        let content = json!({ "mediaType": media_type, "digest": config.digest, "size": config.size });
        let config_manifest = json!({ "schemaVersion": 2, "config": content, "layers": null });
        let mut found = Self {
            index: Value::Null,
            index_type: OCI_INDEX,
            config_manifest,
            config_manifest_type: OCI_MANIFEST,
            config,
        };
        found.index = found.listing();
        found
    }

    fn new() -> Self {
        Self::with_config_type(BUNDLE_MEDIA_TYPE)
    }

    /// The index over the config manifest as it is.
    fn listing(&self) -> Value {
        let [installer, other, api, web] = <[Descriptor; 4]>::try_from(images()).unwrap();
        let component = |name| [(KIND, "component"), (COMPONENT, name)];
        json!({ "schemaVersion": 2, "manifests": [
            listed(&self.config_descriptor(), &[(KIND, "config")]),
            listed(&other, &[(KIND, "invocation")]), listed(&installer, &[(KIND, "invocation")]),
            listed(&api, &component("api")), listed(&web, &component("web")),
        ] })
    }

    fn config_descriptor(&self) -> Descriptor {
        Descriptor::of(self.config_manifest_type, self.config_manifest.to_string().as_bytes())
    }

    /// Another config manifest, and the index that lists it.
    fn with_config_manifest(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.index = self.listing();
        self
    }

    fn check(&self) -> Result<(), RegistryFormError> {
        let read = |media_type: &str, document: &Value| {
            let bytes = document.to_string().into_bytes();
            ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap()
        };
        let index = read(self.index_type, &self.index);
        let config = read(self.config_manifest_type, &self.config_manifest);
        let held = |digest: &Digest| Some(&config).filter(|config| config.descriptor().digest == *digest);
        check(&index, &Bundle::parse(BUNDLE_JSON).unwrap(), (&self.config, BUNDLE_JSON), &images(), held)
    }
}

#[test]
fn what_is_built_is_read_back() {
    let bundle = Bundle::parse(BUNDLE_JSON).unwrap();
    let (config, index) = build(&bundle, BUNDLE_JSON, &images()).unwrap();
    let Document::Index(listed) = index.document() else { panic!("not an index") };
    assert_eq!(config_entry(listed).unwrap().digest, config.descriptor().digest);
    let found = image_entries(listed, &bundle, |_| None).unwrap().unwrap();
    assert!(found.iter().map(|entry| &entry.digest).eq(images().iter().map(|image| &image.digest)));
    let bundle_json = Descriptor::of(BUNDLE_MEDIA_TYPE, BUNDLE_JSON);
    check(&index, &bundle, (&bundle_json, BUNDLE_JSON), &images(), |_| Some(&config)).unwrap();
}

#[test]
fn every_known_form_is_taken() {
    for config_type in BUNDLE_MEDIA_TYPES {
        let mut found = Found::with_config_type(config_type);
        found.check().unwrap();
        found.index["mediaType"] = json!(OCI_INDEX);
        found.check().unwrap();
        (found.index["mediaType"], found.index_type) = (json!(DOCKER_INDEX), DOCKER_INDEX);
        found.check().unwrap();
        for layers in [json!([]), json!([found.config_manifest["config"]])] {
            let change = |found: &mut Found| {
                found.config_manifest["layers"] = layers.clone();
                found.config_manifest["mediaType"] = json!(OCI_MANIFEST);
            };
            Found::with_config_type(config_type).with_config_manifest(change).check().unwrap();
        }
    }
    let docker = Found::with_config_type(DOCKER_CONFIG).with_config_manifest(|found| {
        found.config_manifest["layers"] = json!([found.config_manifest["config"]]);
        found.config_manifest["mediaType"] = json!(DOCKER_MANIFEST);
        found.config_manifest_type = DOCKER_MANIFEST;
    });
    docker.check().unwrap();
}

#[test]
fn annotations_say_what_bundle_json_says() {
    let right = json!({
        "io.cnab.keywords": r#"["a","\u003cb\u003e"]"#,
        "io.cnab.runtime_version": "v1.2.0",
        "org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1",
        "org.opencontainers.image.authors": r#"[{"name":"Jane","email":"jane@example.com","url":""}]"#,
        "org.opencontainers.image.description": "a <shop> & more",
        "org.opencontainers.image.title": "shop",
        "org.opencontainers.image.version": "0.1.0",
    });
    let mut found = Found::new();
    found.index["annotations"] = right.clone();
    found.check().unwrap();
    let names: Vec<&String> = right.as_object().unwrap().keys().collect();
    for name in names {
        found.index["annotations"] = json!({ name: right[name] });
        found.check().unwrap();
        for other in ["", "x", "[]", r#"["a"]"#, r#"[{"name":"Jane","email":"jane@example.com","url":"","x":1,"X":2}]"#]
        {
            found.index["annotations"] = json!({ name: other });
            let error = found.check().unwrap_err();
            assert!(
                matches!(error, RegistryFormError::Annotation { name: refused } if refused == *name),
                "{name} {other}"
            );
        }
    }
    let long = format!("[{}]", vec!["{}"; 30_000].join(","));
    found.index["annotations"] = json!({ "org.opencontainers.image.authors": long });
    assert!(matches!(found.check(), Err(RegistryFormError::Annotation { .. })));
    found.index["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    assert!(matches!(found.check(), Err(RegistryFormError::Annotation { .. })));
}

#[test]
fn a_list_that_is_null_is_an_empty_one() {
    let own = |lists: &str| format!(r#"{{"name":"a",{lists}}}"#).into_bytes();
    let none = own(r#""keywords":null,"maintainers":null"#);
    let unnamed = own(r#""keywords":[],"maintainers":[{"email":null,"name":"Jane","url":null}]"#);
    let bundle = Bundle::parse(BUNDLE_JSON).unwrap();
    let is_right = |name, value: &str, bundle_json: &[u8]| super::is_right(name, value, &bundle, bundle_json);
    for bundle_json in [&none, &unnamed] {
        for value in ["null", "[]"] {
            assert!(is_right("io.cnab.keywords", value, bundle_json), "{value}");
        }
        assert!(!is_right("io.cnab.keywords", r#"["a"]"#, bundle_json));
    }
    let authors = "org.opencontainers.image.authors";
    assert!(is_right(authors, "null", &none) && !is_right(authors, "null", &unnamed));
    for value in [r#"[{"name":"Jane"}]"#, r#"[{"email":null,"name":"Jane","url":""}]"#] {
        assert!(is_right(authors, value, &unnamed) && !is_right(authors, value, &none), "{value}");
    }
}

#[test]
fn an_entry_of_the_index_is_the_one_that_the_bundle_has_there() {
    let stranger = listed(&Descriptor::of(OCI_INDEX, b"stranger"), &[(KIND, "invocation")]);
    type Change<'c> = &'c dyn Fn(&mut Vec<Value>);
    let changes: [(&str, Change<'_>); 14] = [
        ("one more", &|entries| entries.push(stranger.clone())),
        ("one more in front", &|entries| entries.insert(0, stranger.clone())),
        ("one less", &|entries| drop(entries.pop())),
        ("one twice", &|entries| entries.push(entries[4].clone())),
        ("another in its place", &|entries| entries[2] = stranger.clone()),
        ("exchanged invocation images", &|entries| entries.swap(1, 2)),
        ("the config later", &|entries| entries.swap(0, 1)),
        ("an invocation image after a component", &|entries| entries.swap(2, 3)),
        ("exchanged components", &|entries| {
            let first = entries[3]["annotations"].take();
            entries[3]["annotations"] = std::mem::replace(&mut entries[4]["annotations"], first);
        }),
        ("exchanged kinds", &|entries| {
            let first = entries[2]["annotations"].take();
            entries[2]["annotations"] = std::mem::replace(&mut entries[4]["annotations"], first);
        }),
        ("a component's name in other case", &|entries| entries[4]["annotations"][COMPONENT] = json!("Web")),
        ("no component's name", &|entries| drop(entries[4]["annotations"].as_object_mut().unwrap().remove(COMPONENT))),
        ("one more remark", &|entries| entries[4]["annotations"]["x"] = json!("y")),
        ("another size", &|entries| entries[4]["size"] = json!(1)),
    ];
    for (what, change) in changes {
        let mut found = Found::new();
        change(found.index["manifests"].as_array_mut().unwrap());
        let error = found.check().unwrap_err();
        let refused = matches!(
            error,
            RegistryFormError::Entry { .. } | RegistryFormError::NotABundle | RegistryFormError::Members { .. }
        );
        assert!(refused, "{what}: {error}");
    }
    let mut reordered = Found::new();
    reordered.index["manifests"].as_array_mut().unwrap().swap(3, 4);
    reordered.check().unwrap();
}

#[test]
fn no_document_has_a_member_that_is_not_known() {
    let subject = json!(Descriptor::of(OCI_MANIFEST, b"any"));
    for (member, value) in [("subject", subject.clone()), ("artifactType", json!("a/b")), ("x", json!(1))] {
        let mut found = Found::new();
        found.index[member] = value.clone();
        assert!(matches!(found.check(), Err(RegistryFormError::Members { .. })), "{member}");
        let found = Found::new().with_config_manifest(|found| found.config_manifest[member] = value.clone());
        assert!(matches!(found.check(), Err(RegistryFormError::Members { .. })), "{member}");
    }
    for (member, value) in [
        ("platform", json!({"os": "linux", "architecture": "amd64"})),
        ("urls", json!(["https://example.com"])),
        ("data", json!("e30=")),
        ("artifactType", json!("a/b")),
    ] {
        let mut found = Found::new();
        found.index["manifests"][1][member] = value;
        assert!(matches!(found.check(), Err(RegistryFormError::Members { .. })), "{member}");
    }
}

#[test]
fn a_config_manifest_holds_the_bundle_and_nothing_else() {
    let layer = json!({ "mediaType": "a/b", "digest": Digest::sha256(b"stowaway"), "size": 8 });
    type Change<'c> = &'c dyn Fn(&mut Found);
    let changes: [(&str, Change<'_>); 5] = [
        ("a layer", &|found| found.config_manifest["layers"] = json!([layer])),
        ("bundle.json and a layer", &|found| {
            found.config_manifest["layers"] = json!([found.config_manifest["config"], layer]);
        }),
        ("another bundle.json", &|found| found.config_manifest["config"] = layer.clone()),
        ("another media type", &|found| found.config_manifest["config"]["mediaType"] = json!("text/plain")),
        ("Docker's form without its media type", &|found| found.config_manifest_type = DOCKER_MANIFEST),
    ];
    for (what, change) in changes {
        let error = Found::new().with_config_manifest(|found| change(found)).check().unwrap_err();
        assert!(matches!(error, RegistryFormError::ConfigManifest { .. }), "{what}: {error}");
    }
}

#[test]
fn an_index_of_something_else_is_not_a_bundle() {
    let index =
        ImageIndex { manifests: images(), subject: None, artifact_type: None, annotations: Annotations::default() };
    assert!(matches!(config_entry(&index), Err(RegistryFormError::NotABundle)));
}

#[test]
fn an_index_may_list_bundle_json_alone() {
    let mut found = Found::new();
    found.index["manifests"].as_array_mut().unwrap().truncate(1);
    found.check().unwrap();
    let read = ManifestBytes::new(
        Descriptor::of(OCI_INDEX, found.index.to_string().as_bytes()),
        found.index.to_string().into_bytes(),
    );
    let read = read.unwrap();
    let Document::Index(index) = read.document() else { panic!("not an index") };
    assert!(image_entries(index, &Bundle::parse(BUNDLE_JSON).unwrap(), |_| None).unwrap().is_none());
    found.index["manifests"][0]["annotations"] = json!({ (KIND): "invocation" });
    assert!(matches!(found.check(), Err(RegistryFormError::Entry { .. })));
}

/// A bundle whose invocation images have an index of their own.
struct Together {
    found: Found,
    index: ManifestBytes,
}

impl Together {
    fn new(media_type: &str, index: &Value) -> Self {
        let bytes = index.to_string().into_bytes();
        let index = ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap();
        let mut found = Found::new();
        let entries = found.index["manifests"].as_array_mut().unwrap();
        entries[1] = listed(index.descriptor(), &[(KIND, "invocation")]);
        entries.remove(2);
        Self { found, index }
    }

    fn check(&self) -> Result<(), RegistryFormError> {
        let read = |media_type: &str, document: &Value| {
            let bytes = document.to_string().into_bytes();
            ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap()
        };
        let index = read(OCI_INDEX, &self.found.index);
        let config = read(OCI_MANIFEST, &self.found.config_manifest);
        let held = |digest: &Digest| [&config, &self.index].into_iter().find(|it| it.descriptor().digest == *digest);
        let bundle = Bundle::parse(BUNDLE_JSON).unwrap();
        check(&index, &bundle, (&self.found.config, BUNDLE_JSON), &images(), held)?;
        let Document::Index(index) = index.document() else { panic!("not an index") };
        let entries = image_entries(index, &bundle, held)?.unwrap();
        assert!(entries.iter().map(|entry| &entry.digest).eq(images().iter().map(|image| &image.digest)));
        Ok(())
    }
}

#[test]
fn invocation_images_may_have_an_index_of_their_own() {
    let plain =
        |image: &Descriptor| json!({ "mediaType": image.media_type, "digest": image.digest, "size": image.size });
    let [installer, other, api, _] = <[Descriptor; 4]>::try_from(images()).unwrap();
    let index = |manifests: Value| json!({ "schemaVersion": 2, "manifests": manifests });
    let right = index(json!([plain(&installer), plain(&other)]));
    Together::new(OCI_INDEX, &right).check().unwrap();
    let mut stated = right.clone();
    stated["mediaType"] = json!(DOCKER_INDEX);
    Together::new(DOCKER_INDEX, &stated).check().unwrap();

    let mut with_platform = plain(&other);
    with_platform["platform"] = json!({ "os": "windows", "architecture": "amd64" });
    let mut with_subject = right.clone();
    with_subject["subject"] = plain(&api);
    for (what, media_type, wrong) in [
        ("exchanged", OCI_INDEX, index(json!([plain(&other), plain(&installer)]))),
        ("one less", OCI_INDEX, index(json!([plain(&installer)]))),
        ("one more", OCI_INDEX, index(json!([plain(&installer), plain(&other), plain(&api)]))),
        ("another", OCI_INDEX, index(json!([plain(&installer), plain(&api)]))),
        ("a platform that nobody signed", OCI_INDEX, index(json!([plain(&installer), with_platform]))),
        ("a subject", OCI_INDEX, with_subject),
        ("Docker's list without its type", DOCKER_INDEX, right),
    ] {
        let error = Together::new(media_type, &wrong).check().unwrap_err();
        let refused = matches!(error, RegistryFormError::InvocationImages { .. } | RegistryFormError::Members { .. });
        assert!(refused, "{what}: {error}");
    }
}
