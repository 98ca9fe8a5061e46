//! What hangs off images and off the index of a bundle: referrers, and what cosign's tags name. From registry to registry, and into
//! layouts.

use std::collections::BTreeSet;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_core::export::{ExportRequest, ItemOrigin, ItemRequest, PlanError, SourceReference};
use sealift_core::import::{AttachedOutcome, Delivered, Destination, ImportError, Naming};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::{CosignTag, Descriptor, ManifestBytes, Platforms, Reference, ReferrerKind, Repository};
use sealift_core::place::InnerName;
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::transfer::{Offer, Sink, SinkError, Source as _};
use sealift_core::trust_store::TagError;
use sealift_core::verify::Selection;
use sealift_tests::crossing::{BUNDLE, Crossing, IMAGE, Refused};
use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Fault, Registry};
use serde_json::json;

use super::client;

/// What cosign keeps under a tag: a manifest without a subject.
fn cosign(layer_type: &str, content: &[u8]) -> Image {
    let plain = Image::referrer(&Descriptor::of("a/b", b""), layer_type, content);
    let mut document: serde_json::Value = serde_json::from_slice(plain.root().bytes()).unwrap();
    document.as_object_mut().unwrap().remove("subject");
    document.as_object_mut().unwrap().remove("artifactType");
    plain.with_manifest(&document)
}

fn signature(text: &str) -> Image {
    cosign("application/vnd.dev.cosign.simplesigning.v1+json", text.as_bytes())
}

fn tags_of(image: &Digest) -> [String; 3] {
    ["att", "sbom", "sig"].map(|kind| format!("sha256-{}.{kind}", image.hex()))
}

fn reference(registry: &Registry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.domain()).parse().unwrap()
}

/// A registry with an image of two platforms, and signatures of all of it.
struct Near {
    registry: Registry,
    image: Image,
    /// The tags, with the digests that they resolve to.
    tags: Vec<(String, Digest)>,
}

impl Near {
    fn new() -> Self {
        let (registry, image) = (Registry::start(), Image::for_two_platforms("app"));
        let mut near = Self { registry, image, tags: Vec::new() };
        near.push("org/app:1", &near.image.clone());
        for at in 0..near.image.manifests.len() {
            let subject = near.image.manifests[at].descriptor().digest.clone();
            let [att, sbom, sig] = tags_of(&subject);
            near.attach(&att, &cosign("application/vnd.dsse.envelope.v1+json", b"{}"));
            near.attach(&sbom, &cosign("application/spdx+json", format!("sbom {at}").as_bytes()));
            near.attach(&sig, &signature(&format!("signature {at}")));
        }
        near
    }

    fn push(&self, name: &str, image: &Image) {
        image.push(&RegistrySink::new(client()), &reference(&self.registry, name)).unwrap();
    }

    fn attach(&mut self, tag: &str, image: &Image) {
        self.push(&format!("org/app:{tag}"), image);
        self.tags.push((tag.to_owned(), image.root().descriptor().digest.clone()));
    }

    fn request(&self, kinds: &[ReferrerKind]) -> ExportRequest {
        let source = Arc::new(RegistrySource::new(client()));
        let place = SourceReference { source, reference: reference(&self.registry, "org/app:1") };
        let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
        ExportRequest { referrers: kinds.iter().copied().collect(), ..ExportRequest::new(items) }
    }

    fn export(&self, crossing: &Crossing) -> Vec<u8> {
        let usual: Vec<ReferrerKind> = ReferrerKind::usual().into_iter().collect();
        crossing.export(&self.request(&usual)).unwrap()
    }
}

fn crossing() -> Crossing {
    let crossing = Crossing::of_images();
    drop(sealift_core::layout::LayoutSink::open(&crossing.path("layout")).unwrap());
    crossing
}

pub(super) fn deliver(crossing: &mut Crossing, archive: &[u8], far: &Registry) -> Result<Delivered, Refused> {
    deliver_to(crossing, archive, far.domain())
}

/// Delivers to a registry, without the domains of the names.
pub(super) fn deliver_to(crossing: &mut Crossing, archive: &[u8], domain: String) -> Result<Delivered, Refused> {
    let (prefix, naming) = (String::new(), Naming::Flat);
    crossing.far.destination = Destination::Registry { domain, prefix, naming };
    crossing.far.import_from(&mut &*archive, &RegistrySink::new(client()))
}

/// What tags other than the names of images resolve to.
fn attached_in(registry: &Registry) -> Vec<(String, Digest)> {
    let state = registry.state();
    let tags = state.manifests.iter().filter(|((_, tag), _)| tag.starts_with("sha256-") && tag.contains('.'));
    tags.map(|((_, tag), (_, bytes))| (tag.clone(), Digest::sha256(bytes))).collect()
}

#[test]
fn cosigns_tags_cross_with_what_they_stand_for_on_top_and_per_platform() {
    let (near, far, mut crossing) = (Near::new(), Registry::start(), crossing());
    let archive = near.export(&crossing);
    let report = crossing.far.verify(&archive).report();
    let reported: Vec<_> = report.items[0].referrers.iter().map(|it| (it.tag.clone().unwrap(), it.kind)).collect();
    let mut expected = Vec::new();
    for manifest in &near.image.manifests {
        let kinds = [ReferrerKind::Attestation, ReferrerKind::Sbom, ReferrerKind::Signature];
        expected.extend(tags_of(&manifest.descriptor().digest).into_iter().zip(kinds));
    }
    assert_eq!(reported, expected, "listed by kind, in their order");
    let mut there = near.tags.clone();
    there.sort();
    for outcome in [AttachedOutcome::New, AttachedOutcome::AsItWas] {
        let delivered = deliver(&mut crossing, &archive, &far).unwrap();
        assert_eq!(delivered.attached.len(), near.tags.len());
        assert!(delivered.attached.iter().all(|attached| attached.outcome == outcome), "{:?}", delivered.attached);
        assert_eq!(attached_in(&far), there);
    }
    let deliveries = crossing.far.store().deliveries().unwrap();
    assert_eq!(deliveries.len(), 1, "only the name is remembered");
}

#[test]
fn what_is_tagged_for_a_signature_is_carried_too() {
    let (mut near, far, mut crossing) = (Near::new(), Registry::start(), crossing());
    let sbom = near.tags[1].1.clone();
    let [_, _, sig] = tags_of(&sbom);
    near.attach(&sig, &signature("of the SBOM"));
    let archive = near.export(&crossing);
    deliver(&mut crossing, &archive, &far).unwrap();
    assert!(attached_in(&far).iter().any(|(tag, _)| *tag == sig));
    // It is about a platform, by way of the SBOM, and goes with it.
    for (platform, goes) in [("linux/amd64", true), ("linux/arm64", false)] {
        let far = Registry::start();
        let platforms = Platforms::Only([platform.parse().unwrap()].into());
        crossing.far.selection = Selection { platforms, ..Selection::default() };
        let delivered = deliver(&mut crossing, &archive, &far).unwrap();
        assert_eq!(attached_in(&far).iter().any(|(tag, _)| *tag == sig), goes, "{platform}");
        // What was left here is told as what was left on export.
        let other = if goes { "linux/arm64" } else { "linux/amd64" };
        assert_eq!(delivered.tags[0].without, [other]);
    }
}

/// Two names of one image come to one repository, each with a signature of its own.
#[test]
fn two_contents_for_one_tag_are_told_apart_and_one_is_kept() {
    let (mut near, mut other, far, mut crossing) = (Near::new(), Near::new(), Registry::start(), crossing());
    let [_, _, sig] = tags_of(&near.image.root().descriptor().digest);
    near.attach(&sig, &signature("of one"));
    other.attach(&sig, &signature("of the other"));
    let usual: Vec<ReferrerKind> = ReferrerKind::usual().into_iter().collect();
    let mut request = near.request(&usual);
    let second = other.request(&usual).items.remove(0);
    let name = IMAGE.replacen("example.com", "other.example", 1);
    assert_ne!(name, IMAGE);
    request.items.push(ItemRequest { name, ..second });
    let archive = crossing.export(&request).unwrap();
    let delivered = deliver(&mut crossing, &archive, &far).unwrap();
    let told: Vec<_> = delivered.attached.iter().filter(|it| it.reference.ends_with(&sig)).collect();
    let [first, second] = told.as_slice() else { panic!("{told:?}") };
    let (set, kept) = if first.outcome == AttachedOutcome::New { (first, second) } else { (second, first) };
    assert_eq!(set.outcome, AttachedOutcome::New);
    assert_eq!(kept.outcome, AttachedOutcome::Kept { held: set.digest.clone() });
    assert!(attached_in(&far).contains(&(sig, set.digest.clone())));
}

#[test]
fn a_layout_gets_the_tags_and_gives_them_back() {
    let (near, far, mut crossing) = (Near::new(), Registry::start(), crossing());
    let archive = near.export(&crossing);
    let delivered = crossing.far.import(&archive).unwrap();
    assert_eq!(delivered.attached.len(), near.tags.len());
    let Destination::Layout { folder } = crossing.far.destination.clone() else { panic!("not a layout") };
    let source = Arc::new(LayoutSource::open(&folder).unwrap());
    let repository: Reference = IMAGE.parse().unwrap();
    for (tag, digest) in &near.tags {
        let found = source.find(repository.repository(), &tag.parse().unwrap()).unwrap().unwrap();
        assert_eq!(found.descriptor().digest, *digest);
    }
    assert!(source.find(repository.repository(), &"2".parse().unwrap()).unwrap().is_none());
    let again = crossing.far.import(&archive).unwrap();
    assert!(again.attached.iter().all(|attached| attached.outcome == AttachedOutcome::AsItWas));
    // And from there on.
    let place = SourceReference { source, reference: repository };
    let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
    let request = ExportRequest::new(items);
    let archive = crossing.export(&request).unwrap();
    deliver(&mut crossing, &archive, &far).unwrap();
    let mut there = near.tags.clone();
    there.sort();
    assert_eq!(attached_in(&far), there);
}

#[test]
fn kinds_that_are_not_asked_for_are_named_with_their_tags() {
    let (near, crossing) = (Near::new(), crossing());
    let prepared = crossing.prepare(&near.request(&[ReferrerKind::Signature])).unwrap();
    let left_out: BTreeSet<(String, ReferrerKind)> =
        prepared.left_out().iter().map(|it| (it.tag.as_ref().unwrap().to_string(), it.kind)).collect();
    assert_eq!(left_out.len(), 2 * near.image.manifests.len());
    assert!(left_out.iter().all(|(_, kind)| *kind != ReferrerKind::Signature));
    let carried = prepared.inventory().all_images().next().unwrap().tagged.clone();
    assert!(carried.len() == near.image.manifests.len() && carried.iter().all(|it| it.tag.ends_with(".sig")));
    let none = crossing.prepare(&near.request(&[])).unwrap();
    assert!(none.inventory().all_images().next().unwrap().tagged.is_empty());
}

#[test]
fn a_tag_that_cannot_be_fetched_fails_the_export() {
    let (near, crossing) = (Near::new(), crossing());
    let usual: Vec<ReferrerKind> = ReferrerKind::usual().into_iter().collect();
    let [_, _, sig] = tags_of(&near.image.root().descriptor().digest);
    near.registry.state().faults = vec![Fault::always("GET", &sig, Action::status(403, &[]))];
    match crossing.export(&near.request(&usual)) {
        Err(Refused::Plan(PlanError::Referrers { reference, .. })) => assert_eq!(reference, IMAGE),
        other => panic!("{:?}", other.map(|archive| archive.len())),
    }
}

#[test]
fn what_has_a_tag_and_is_about_something_else_is_refused() {
    let (mut near, crossing) = (Near::new(), crossing());
    let elsewhere = Image::referrer(&Descriptor::of("a/b", b"something else"), "text/plain", b"a note");
    let [_, _, sig] = tags_of(&near.image.root().descriptor().digest);
    near.attach(&sig, &elsewhere);
    let usual: Vec<ReferrerKind> = ReferrerKind::usual().into_iter().collect();
    let export = crossing.export(&near.request(&usual));
    assert!(matches!(export, Err(Refused::Plan(PlanError::NotAReferrer { .. }))), "{:?}", export.map(|it| it.len()));
}

#[test]
fn signatures_that_were_made_on_the_far_side_stay() {
    let (near, far, mut crossing) = (Near::new(), Registry::start(), crossing());
    let archive = near.export(&crossing);
    let [_, _, sig] = tags_of(&near.image.root().descriptor().digest);
    let (own, place) = (signature("made on the far side"), reference(&far, &format!("org/app:{sig}")));
    own.push(&RegistrySink::new(client()), &place).unwrap();
    let held = own.root().descriptor().digest.clone();
    let outcome = |delivered: &Delivered| {
        delivered.attached.iter().find(|it| it.reference == place.to_string()).unwrap().outcome.clone()
    };
    let delivered = deliver(&mut crossing, &archive, &far).unwrap();
    assert_eq!(outcome(&delivered), AttachedOutcome::Kept { held: held.clone() });
    assert_eq!(RegistrySink::new(client()).held(&place).unwrap(), Some(held.clone()));
    // What was carried is there all the same, under its digest, and under the tag if a person says so.
    crossing.far.replace = vec![place.clone().into()];
    let delivered = deliver(&mut crossing, &archive, &far).unwrap();
    assert_eq!(outcome(&delivered), AttachedOutcome::Moved { before: held });
}

#[test]
fn a_signature_never_takes_the_place_of_something_that_has_a_name() {
    let (near, far, mut crossing) = (Near::new(), Registry::start(), crossing());
    let archive = near.export(&crossing);
    let [_, _, sig] = tags_of(&near.image.root().descriptor().digest);
    // Somebody signs an image under this very name.
    let other = Image::new("linux/amd64", &[("a", b"named like a signature")]);
    near.push("org/other:1", &other);
    let source = Arc::new(RegistrySource::new(client()));
    let place = SourceReference { source, reference: reference(&near.registry, "org/other:1") };
    let named = ItemRequest { name: format!("example.com/org/app:{sig}"), origin: ItemOrigin::Image(place) };
    let request = |items| ExportRequest::new(items);
    let first = crossing.export(&request(vec![named.clone()])).unwrap();
    deliver(&mut crossing, &first, &far).unwrap();
    let tag = format!("{}/org/app:{sig}", far.domain());
    crossing.far.replace = vec![tag.parse().unwrap()];
    let both = crossing.export(&request(vec![near.request(&[]).items.remove(0), named])).unwrap();
    for archive in [&archive, &both] {
        match deliver(&mut crossing, archive, &far).err() {
            Some(Refused::Import(ImportError::Tag(TagError::NotAName { tag: found, .. }))) => assert_eq!(found, tag),
            other => panic!("{other:?}"),
        }
        let held = RegistrySink::new(client()).held(&tag.parse().unwrap()).unwrap();
        assert_eq!(held, Some(other.root().descriptor().digest.clone()));
    }
}

#[test]
fn what_refers_to_the_index_of_a_bundle_crosses_with_it() {
    let mut crossing = Crossing::new();
    let (near, far) = (Registry::start(), Registry::start());
    // The sample's bundle, in a registry.
    let archive = crossing.archive();
    let bundle = deliver(&mut crossing, &archive, &near).unwrap().tags.remove(0);
    let name: Reference = bundle.reference.parse().unwrap();
    let source = RegistrySource::new(client());
    let index = source.resolve(&name).unwrap();
    let sink = RegistrySink::new(client());
    let attest = |about: &Descriptor| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p", "predicate": {},
            "subject": [{"name": "_", "digest": {"sha256": about.digest.hex()}}],
        });
        Image::referrer(about, "application/vnd.in-toto+json", statement.to_string().as_bytes())
    };
    let notation = Image::referrer(index.descriptor(), "application/jose+json", b"{\"payload\":\"\"}");
    let about_signature = attest(notation.root().descriptor());
    let about_index = attest(index.descriptor());
    for referrer in [&notation, &about_signature, &about_index] {
        referrer.store(&sink, name.repository()).unwrap();
    }
    let [_, _, sig] = tags_of(&index.descriptor().digest);
    let signed = signature("the bundle");
    signed.push(&sink, &format!("{}:{sig}", name.repository()).parse().unwrap()).unwrap();

    let place = SourceReference { source: Arc::new(source), reference: name };
    let items = vec![ItemRequest { name: BUNDLE.to_owned(), origin: ItemOrigin::Bundle { place, images: None } }];
    let request = ExportRequest::new(items);
    crossing.policy("");
    let archive = crossing.export(&request).unwrap();
    let report = crossing.far.verify(&archive).report();
    let item = &report.items[0];
    assert_eq!(item.referrers.len(), 4, "{:?}", item.referrers);
    assert_eq!(item.referrers[3].tag.as_ref(), Some(&sig));
    assert_eq!(item.attestations.len(), 2, "they are checked, and evidence about the bundle");

    deliver(&mut crossing, &archive, &far).unwrap();
    let there: Reference = bundle.reference.replace(&near.domain(), &far.domain()).parse().unwrap();
    let source = RegistrySource::new(client());
    let found = source.referrers(there.repository(), &index.descriptor().digest).unwrap();
    let found: BTreeSet<Digest> = found.into_iter().map(|found| found.digest).collect();
    assert_eq!(found, [&notation, &about_index].map(|it| it.root().descriptor().digest.clone()).into());
    let tagged = source.find(there.repository(), &sig.parse().unwrap()).unwrap().unwrap();
    assert_eq!(tagged.bytes(), signed.root().bytes());
}

/// A layout with an image, and what else is pushed to it by name.
fn layout_with(image: &Image, others: &[(&str, &Image)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sink = LayoutSink::open(folder.path()).unwrap();
    image.push(&sink, &"near.x/app:1".parse().unwrap()).unwrap();
    others.iter().for_each(|(name, other)| other.push(&sink, &name.parse().unwrap()).unwrap());
    folder
}

/// What hangs off the first entry of a layout, when it is exported under another name.
fn carried_from(crossing: &Crossing, source: &Arc<LayoutSource>) -> Result<Vec<Digest>, PlanError> {
    let reference = source.reference_of(&IMAGE.parse().unwrap(), Some(&InnerName::Position(0))).unwrap();
    let place = SourceReference { source: Arc::clone(source) as _, reference };
    let items = vec![ItemRequest { name: IMAGE.to_owned(), origin: ItemOrigin::Image(place) }];
    let archive = match crossing.export(&ExportRequest::new(items)) {
        Ok(archive) => archive,
        Err(Refused::Plan(error)) => return Err(error),
        Err(other) => panic!("{other}"),
    };
    let report = crossing.far.verify(&archive).report();
    Ok(report.items[0].referrers.iter().map(|it| it.digest.clone()).collect())
}

#[test]
fn a_layout_gives_what_a_tag_of_a_digest_names_in_whatever_repository() {
    let (image, crossing) = (Image::for_two_platforms("app"), crossing());
    let [_, _, sig] = tags_of(&image.root().descriptor().digest);
    let (one, other) = (signature("one"), signature("other"));
    let digest = |image: &Image| image.root().descriptor().digest.clone();
    for repository in ["near.x/app", "near.x/bundle", "other.example/a/b"] {
        let folder = layout_with(&image, &[(&format!("{repository}:{sig}"), &one)]);
        let source = Arc::new(LayoutSource::open(folder.path()).unwrap());
        assert_eq!(carried_from(&crossing, &source).unwrap(), [digest(&one)], "{repository}");
        let elsewhere: Reference = "third.example/c".parse().unwrap();
        assert!(source.find(elsewhere.repository(), &sig.parse().unwrap()).unwrap().is_some(), "{repository}");
        assert!(
            source.find(elsewhere.repository(), &"1".parse().unwrap()).unwrap().is_none(),
            "any other tag is a name"
        );
    }
    // Of two contents, the one in the image's own repository is meant. Elsewhere there is no telling.
    let names = ["near.x/app", "other.example/a/b", "third.example/c"].map(|repository| format!("{repository}:{sig}"));
    let folder = layout_with(&image, &[(&names[1], &other), (&names[0], &one)]);
    let source = Arc::new(LayoutSource::open(folder.path()).unwrap());
    assert_eq!(carried_from(&crossing, &source).unwrap(), [digest(&one)]);
    let folder = layout_with(&image, &[(&names[1], &other), (&names[2], &one)]);
    let source = Arc::new(LayoutSource::open(folder.path()).unwrap());
    let error = carried_from(&crossing, &source).unwrap_err();
    assert_eq!(error.remedy(), Remedy::CorrectReferrers);
    let reason = std::error::Error::source(&error).unwrap().to_string();
    for told in [format!("@1 is {:?}", names[1]), format!("@2 is {:?}", names[2])] {
        assert!(reason.contains(&told), "{reason}");
    }
}

#[test]
fn a_layout_gives_the_referrers_that_an_index_lists_under_the_tag_of_their_subject() {
    let (image, crossing) = (Image::for_two_platforms("app"), crossing());
    let subject = image.root().descriptor();
    let notes = ["one", "two", "three"].map(|text| Image::referrer(subject, "application/jose+json", text.as_bytes()));
    let digest = |image: &Image| image.root().descriptor().digest.clone();
    let tag = format!("sha256-{}", subject.digest.hex());
    // Others list what is pushed with its list by the tag alone, or in some repository.
    let (lists, more) = (Image::index(&notes[..2]), Image::index(&notes[1..]));
    let folder =
        layout_with(&image, &[(&format!("other.example/a:{tag}"), &lists), (&format!("b.example/b:{tag}"), &more)]);
    let path = folder.path().join("index.json");
    let mut listed: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entries = listed["manifests"].as_array_mut().unwrap();
    entries.retain(|entry| entry["annotations"].is_object());
    assert_eq!(entries.len(), 3, "the image, and the two lists");
    entries[1]["annotations"]["org.opencontainers.image.ref.name"] = json!(tag);
    std::fs::write(&path, listed.to_string()).unwrap();
    let source = Arc::new(LayoutSource::open(folder.path()).unwrap());
    let mut expected = notes.each_ref().map(digest);
    expected.sort();
    assert_eq!(carried_from(&crossing, &source).unwrap(), expected, "those of both lists, each once");

    let wrong = Image::referrer(&Descriptor::of("a/b", b"another"), "application/jose+json", b"about another");
    let folder = layout_with(&image, &[(&format!("other.example/a:{tag}"), &Image::index(&[wrong]))]);
    let source = Arc::new(LayoutSource::open(folder.path()).unwrap());
    assert!(matches!(carried_from(&crossing, &source), Err(PlanError::NotAReferrer { .. })), "it is not about this");
}

#[test]
fn tags_are_those_of_a_digest() {
    let digest = Digest::sha256(b"an image");
    let tags: Vec<String> = CosignTag::all_of(&digest).map(|tag| tag.to_string()).collect();
    assert_eq!(tags, tags_of(&digest));
}

#[test]
fn a_thousand_images_share_their_layers() {
    let (near, far, mut crossing) = (Registry::start(), Registry::start(), crossing());
    let sink = RegistrySink::new(client());
    let source: Arc<dyn sealift_core::transfer::Source> = Arc::new(RegistrySource::new(client()));
    let (mut items, mut digests) = (Vec::new(), BTreeSet::new());
    for number in 0..1_000 {
        let image = Image::new("linux/amd64", &[("base", b"shared"), ("own", &[b'0' + number_of(number)])]);
        let name = format!("org/app{number}:1");
        image.push(&sink, &reference(&near, &name)).unwrap();
        digests.extend(image.blobs.keys().chain([&image.root().descriptor().digest]).cloned());
        let place = SourceReference { source: Arc::clone(&source), reference: reference(&near, &name) };
        items.push(ItemRequest { name: format!("example.com/{name}"), origin: ItemOrigin::Image(place) });
    }
    near.state().received.clear();
    let archive = crossing.export(&ExportRequest::new(items)).unwrap();
    let judged = crossing.far.judge(archive.as_slice()).unwrap();
    let blobs = judged.inventory().entries.iter().filter(|entry| entry.name.as_str().starts_with("blobs/"));
    assert_eq!(blobs.count(), digests.len(), "each is in the archive once");
    let fetched = near.state().received.iter().filter(|request| request.is("GET", "/blobs/")).count();
    let layers = digests.len() - 10;
    assert_eq!(fetched, layers, "and was fetched once");
    let delivered = deliver(&mut crossing, &archive, &far).unwrap();
    assert_eq!(delivered.tags.len(), 1_000);
    let sent = far.state().received.iter().filter(|request| request.is("PUT", "/blobs/uploads/")).count();
    assert_eq!(sent, layers, "and sent once: other repositories mount it");
}

/// Of a thousand images, there are ten different ones.
fn number_of(number: usize) -> u8 {
    u8::try_from(number % 10).unwrap()
}

/// Stores those manifests later that come first in the archive, where digests sort.
struct LateFirst(RegistrySink);

impl Sink for LateFirst {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        self.0.offer(repository, descriptor)
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let first = u64::from_str_radix(&manifest.descriptor().digest.hex()[..2], 16).unwrap();
        std::thread::sleep(std::time::Duration::from_millis((255 - first) / 4));
        self.0.put_manifest(repository, manifest)
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        self.0.held(reference)
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.0.tag(reference, manifest)
    }

    fn finish(&self) -> Result<(), SinkError> {
        self.0.finish()
    }
}

/// Where a registry does not list referrers, a list of these is made under a tag, in whatever order they are stored.
#[test]
fn a_list_under_a_tag_has_the_order_of_the_archive_however_many_threads_there_are() {
    let (near, mut crossing) = (Near::new(), crossing());
    let subjects: Vec<Descriptor> = near.image.manifests.iter().map(|it| it.descriptor().clone()).collect();
    let note =
        |subject, number: usize| Image::referrer(subject, "application/jose+json", format!("note {number}").as_bytes());
    for subject in &subjects {
        for number in 0..16 {
            let sink = RegistrySink::new(client());
            note(subject, number).store(&sink, reference(&near.registry, "org/app").repository()).unwrap();
        }
    }
    let archive = near.export(&crossing);
    let list = |far: &Registry, subject: &Descriptor| -> Vec<Digest> {
        let index = format!("sha256-{}", subject.digest.hex());
        let state = far.state();
        let (_, bytes) = &state.manifests[&("org/app".to_owned(), index)];
        let index: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let listed = index["manifests"].as_array().unwrap().iter();
        listed.map(|entry| entry["digest"].as_str().unwrap().parse().unwrap()).collect()
    };
    for round in 0..2 {
        let far = Registry::start();
        // In the second registry, somebody has listed something before.
        let others: Vec<Image> = [41, 40].iter().map(|number| note(&subjects[0], *number)).collect();
        for other in others.iter().filter(|_| round == 1) {
            let repository = reference(&far, "org/app");
            other.store(&RegistrySink::new(client()), repository.repository()).unwrap();
        }
        let (domain, prefix, naming) = (far.domain(), String::new(), Naming::Flat);
        crossing.far.destination = Destination::Registry { domain, prefix, naming };
        crossing.far.import_from(&mut &*archive, &LateFirst(RegistrySink::new(client()))).unwrap();
        for (at, subject) in subjects.iter().enumerate() {
            let mut carried: Vec<Digest> =
                (0..16).map(|number| note(subject, number).root().descriptor().digest.clone()).collect();
            carried.sort();
            let before = others.iter().filter(|_| at == 0 && round == 1);
            let before = before.map(|other| other.root().descriptor().digest.clone());
            let expected: Vec<Digest> = before.chain(carried).collect();
            assert_eq!(list(&far, subject), expected, "round {round}, subject {at}");
        }
    }
}
