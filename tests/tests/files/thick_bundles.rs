//! Thick bundles as a source.

use sealift_core::layout::LayoutError;
use sealift_core::oci::Reference;
use sealift_core::thick_bundle::{ThickBundle, ThickBundleError};
use sealift_core::transfer::Source;
use serde_json::json;

use super::*;

fn open(tar: Tar) -> Result<ThickBundle, ThickBundleError> {
    ThickBundle::open(&Place::of(&gzip(&tar.bytes())).tarball()?)
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

#[test]
fn images_are_found_by_digest_and_by_both_kinds_of_names() {
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let digest = &image.root().descriptor().digest;
    let relocated = format!("r.example/far/app@{digest}");
    for (prefix, in_layout, mapping) in [
        ("", "example.com/org/app:1", None),
        ("./", "example.com/org/app:1", Some(json!({}))),
        ("", "r.example/far/app:x", Some(json!({ "example.com/org/app:1": "r.example/far/app:x" }))),
        ("./", relocated.as_str(), Some(json!({ "example.com/org/app:1": relocated }))),
    ] {
        for name in ["bundle.json", "bundle.cnab"] {
            let files = layout_files(&[(in_layout, &image)]);
            let mut tar = Tar::new()
                .raw("./", tar::EntryType::Directory, 0, b"")
                .raw(&format!("{prefix}{name}"), tar::EntryType::Regular, 2, b"{}")
                .files(&format!("{prefix}artifacts/layout/"), &files);
            if let Some(mapping) = &mapping {
                tar = tar.file("relocation-mapping.json", mapping.to_string().as_bytes());
            }
            let bundle = open(tar).unwrap();
            assert_eq!(bundle.bundle_json, b"{}");
            let images = bundle.images.unwrap();
            for asked in ["example.com/org/app:1".to_owned(), format!("example.com/org/app@{digest}")] {
                let found = images.resolve(&reference(&asked)).unwrap();
                assert_eq!(found.descriptor().digest, *digest, "{asked} for {in_layout}");
            }
            assert!(images.resolve(&reference("example.com/org/other:1")).is_err());
            let promised = reference("example.com/org/app:1").with_digest(super::digest(b"something else"));
            assert!(images.resolve(&promised).is_err(), "a digest is a promise");
        }
    }
}

#[test]
fn what_is_not_one_bundle_is_refused_for_its_reason() {
    let layout = || Tar::new().files("artifacts/layout/", &layout_files(&[("a/b:1", &Image::new("linux/amd64", &[]))]));
    assert!(matches!(open(layout()), Err(ThickBundleError::NotOne { .. })));
    let two = layout().file("bundle.json", b"{}").file("bundle.cnab", b"{}");
    assert!(matches!(open(two), Err(ThickBundleError::TwoBundles { .. })));
    let mapping = layout().file("bundle.json", b"{}").file("relocation-mapping.json", b"[]");
    assert!(matches!(open(mapping), Err(ThickBundleError::Mapping { .. })));
    let version = Tar::new().file("bundle.json", b"{}").file("artifacts/layout/oci-layout", b"{}");
    assert!(matches!(open(version), Err(ThickBundleError::Layout(LayoutError::Json { .. }))));
    let linked = Tar::new().file("elsewhere", b"{}").link("bundle.json", tar::EntryType::Symlink, "elsewhere");
    assert!(matches!(open(linked), Err(ThickBundleError::Tarball(TarballError::Link { .. }))));
    let saved =
        Tar::new().file("bundle.json", b"{}").file("artifacts/example.com-org-app-1.tar", b"docker save wrote this");
    match open(saved) {
        Err(ThickBundleError::NoLayout { entry, .. }) => assert_eq!(entry, "artifacts/example.com-org-app-1.tar"),
        other => panic!("{:?}", other.map(|bundle| bundle.bundle_json)),
    }
    let thin = open(Tar::new().file("bundle.json", b"{}")).unwrap();
    assert!(thin.images.is_none(), "a thin bundle in a tar file");
}
