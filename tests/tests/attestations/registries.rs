//! Registries that list referrers, and registries that need a tag for that.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealift_core::authorization::Credentials;
use sealift_core::export::{ExportRequest, ItemOrigin, ItemRequest, PlanError, SourceReference};
use sealift_core::http::{HttpClient, HttpSettings, Retries};
use sealift_core::import::{Destination, Naming};
use sealift_core::registry::{RegistryClient, RegistrySink, RegistrySource};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_tests::crossing::{Crossing, IMAGE, Refused};
use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Fault, Registry};
use serde_json::Value;

use super::{reference, referrers};

fn client() -> RegistryClient {
    let retries = Retries { attempts: 1, ..HttpSettings::default().retries };
    let http = HttpClient::new(HttpSettings { retries, ..HttpSettings::default() }).unwrap();
    RegistryClient::new(http, Credentials::none())
}

/// Exports the image that a registry has under this name.
fn export_from(crossing: &Crossing, name: &str) -> Result<Vec<u8>, Refused> {
    let place = SourceReference { source: Arc::new(RegistrySource::new(client())), reference: reference(name) };
    let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
    crossing.export(&ExportRequest::new(items))
}

/// A registry with an interface for referrers, or without one.
fn registry(lists_referrers: bool) -> Registry {
    let registry = Registry::start();
    registry.state().referrers = lists_referrers.then(BTreeMap::new);
    registry
}

fn note(about: &Image, text: &str) -> Image {
    Image::referrer(about.root().descriptor(), "text/plain", text.as_bytes())
}

#[test]
fn referrers_cross_from_registry_to_registry_whatever_these_know_of_them() {
    for (near_lists, far_lists) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut crossing = Crossing::of_images();
        let (near, far) = (registry(near_lists), registry(far_lists));
        let image = Image::for_two_platforms("app");
        let notes = [note(&image, "one"), note(&image, "two")];
        let name = format!("{}/org/app:1", near.domain());
        let sink = RegistrySink::new(client());
        image.push(&sink, &reference(&name)).unwrap();
        for note in &notes {
            note.store(&sink, reference(&name).repository()).unwrap();
        }

        let archive = export_from(&crossing, &name).unwrap();
        crossing.far.destination =
            Destination::Registry { domain: far.domain(), prefix: String::new(), naming: Naming::Flat };
        for _ in 0..2 {
            crossing.far.import_from(&mut archive.as_slice(), &RegistrySink::new(client())).unwrap();
        }

        let there = format!("{}/org/app:1", far.domain());
        let subject = &image.root().descriptor().digest;
        let found = referrers(&RegistrySource::new(client()), &there, subject);
        let mut expected: Vec<_> = notes.iter().map(|note| note.root().descriptor().digest.clone()).collect();
        expected.sort();
        assert_eq!(found, expected, "{near_lists} {far_lists}");

        let tag = ("org/app".to_owned(), format!("sha256-{}", subject.hex()));
        let listed = far.state().manifests.get(&tag).cloned();
        assert_eq!(listed.is_none(), far_lists, "the tag is for registries that need it");
        if let Some((_, index)) = listed {
            let index: Value = serde_json::from_slice(&index).unwrap();
            assert_eq!(index["manifests"].as_array().unwrap().len(), 2, "importing again lists nothing twice");
            assert_eq!(index["manifests"][0]["artifactType"], "text/plain");
        }
        let state = far.state();
        let at = |digest: &sealift_archive_format::Digest| {
            let path = format!("/v2/org/app/manifests/{digest}");
            state.received.iter().position(|request| request.method == "PUT" && request.path == path).unwrap()
        };
        assert!(expected.iter().all(|note| at(subject) < at(note)), "subjects come first");
    }
}

#[test]
fn a_tag_that_is_no_list_is_not_overwritten() {
    let far = registry(false);
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let name = reference(&format!("{}/org/app:1", far.domain()));
    let sink = RegistrySink::new(client());
    image.push(&sink, &name).unwrap();
    let tag = format!("sha256-{}", image.root().descriptor().digest.hex());
    let other = Image::new("linux/amd64", &[("b", b"b")]);
    other.push(&sink, &reference(&format!("{}/org/app:{tag}", far.domain()))).unwrap();
    let before = far.state().manifests.clone();
    assert!(note(&image, "note").store(&sink, name.repository()).is_err());
    let key = ("org/app".to_owned(), tag);
    assert_eq!(far.state().manifests.get(&key), before.get(&key));
}

#[test]
fn a_registry_that_fails_to_list_is_an_error_and_not_a_registry_without_referrers() {
    let near = registry(true);
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let name = format!("{}/org/app:1", near.domain());
    image.push(&RegistrySink::new(client()), &reference(&name)).unwrap();
    near.inject(Fault::always("GET", "/referrers/", Action::status(500, &[])));
    let refused = export_from(&Crossing::of_images(), &name).unwrap_err();
    assert!(matches!(refused, Refused::Plan(PlanError::Referrers { .. })), "{refused:?}");
}

#[test]
fn a_referrer_that_is_listed_and_gone_is_named_as_such() {
    let near = registry(true);
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let name = format!("{}/org/app:1", near.domain());
    let sink = RegistrySink::new(client());
    image.push(&sink, &reference(&name)).unwrap();
    let note = note(&image, "gone");
    note.store(&sink, reference(&name).repository()).unwrap();
    let gone = note.root().descriptor().digest.clone();
    near.state().manifests.remove(&("org/app".to_owned(), gone.to_string()));
    let refused = export_from(&Crossing::of_images(), &name).unwrap_err();
    let Refused::Plan(error @ PlanError::ReferrerMissing { referrer, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!((referrer, error.remedy()), (&gone, Remedy::CorrectReferrers));
}

#[test]
fn a_registry_that_lists_what_refers_to_something_else_is_not_believed() {
    let near = registry(true);
    let (image, other) = (Image::new("linux/amd64", &[("a", b"a")]), Image::new("linux/amd64", &[("b", b"b")]));
    let name = format!("{}/org/app:1", near.domain());
    let sink = RegistrySink::new(client());
    image.push(&sink, &reference(&name)).unwrap();
    let note = note(&other, "about something else");
    note.store(&sink, reference(&name).repository()).unwrap();
    let listed = vec![note.root().descriptor().clone()];
    let key = ("org/app".to_owned(), image.root().descriptor().digest.to_string());
    near.state().referrers = Some(BTreeMap::from([(key, listed)]));
    let refused = export_from(&Crossing::of_images(), &name).unwrap_err();
    assert!(matches!(refused, Refused::Plan(PlanError::NotAReferrer { .. })), "{refused:?}");
}
