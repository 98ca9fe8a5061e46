//! What refers to an image has one order, and ends after two levels.

use sealift_archive_format::inventory::{ImageRole, TaggedRecord};
use sealift_core::oci::ReferrerKind;
use sealift_core::trust::ReferrerRefusal;
use sealift_core::verify::HeadError;
use sealift_core::verify::documents::DocumentError;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{blobs, digest, document, image_record, record};
use serde_json::{Value, json};

use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image for two platforms, in a sample of its own.
fn image() -> (Sample, Value) {
    let mut sample = sample();
    let image = multi_platform_image(&mut sample.blobs, "app", b"app", &["amd64", "arm64"]).unwrap();
    (sample, image)
}

/// Something that refers to a manifest.
fn note(sample: &mut Sample, subject: &Value, text: &str) -> Value {
    let config = store(&mut sample.blobs, "application/vnd.oci.empty.v1+json", b"{}".to_vec());
    let layer = store(&mut sample.blobs, "text/plain", text.as_bytes().to_vec());
    let subject = json!({ "mediaType": subject["mediaType"], "digest": subject["digest"], "size": subject["size"] });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "text/plain", "config": config, "layers": [layer],
        "subject": subject,
    });
    store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes())
}

/// An image with these referrers, and nothing else.
fn packed(sample: &Sample, image: &Value, referrers: &[&Value]) -> Vec<u8> {
    let mut record_of_image = image_record("example.com/org/app:1", image, ImageRole::StandAlone);
    record_of_image.referrers = referrers.iter().map(|referrer| record(referrer)).collect();
    let mut consignment = Consignment::of_image(sample, 1, hours(0));
    consignment.images = vec![record_of_image];
    consignment.repositories.clear();
    let roots: Vec<&Value> = [image].into_iter().chain(referrers.iter().copied()).collect();
    consignment.blobs = blobs(&sample.blobs, &[], &roots);
    consignment.archive()
}

/// A far side that asks for nothing.
fn far() -> FarSide {
    let far = FarSide::trusting_nobody(hours(2));
    far.policy("minimum_level = \"0\"\n");
    far
}

fn permutations<'v>(of: &[&'v Value]) -> Vec<Vec<&'v Value>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for shorter in permutations(rest) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, *first);
            all.push(longer);
        }
    }
    all
}

#[test]
fn of_all_orders_one_is_accepted() {
    let (mut sample, image) = image();
    let platforms = document(&sample.blobs, &image)["manifests"].clone();
    let of_second = note(&mut sample, &platforms[1], "second platform");
    let mut of_first = [note(&mut sample, &platforms[0], "1"), note(&mut sample, &platforms[0], "2")];
    of_first.sort_by_key(digest);
    let of_index = note(&mut sample, &image, "index");
    let of_note = note(&mut sample, &of_first[0], "a note on a note");
    let right = [&of_first[0], &of_first[1], &of_second, &of_index, &of_note];
    let mut accepted = 0;
    for order in permutations(&right) {
        let archive = packed(&sample, &image, &order);
        if order == right {
            far().accepts(&archive);
            accepted += 1;
        } else {
            let at = (0..order.len()).find(|at| order[*at] != right[*at]).unwrap();
            assert_error!(
                far().refuses(&archive).documents(),
                DocumentError::ReferrerOrder { found, expected, .. }
                    if (&found, &expected) == (&digest(order[at]), &Some(digest(right[at])))
            );
        }
    }
    assert_eq!(accepted, 1);
}

#[test]
fn a_referrer_of_a_referrer_of_a_referrer() {
    let (mut sample, image) = image();
    let first = note(&mut sample, &image, "1");
    let second = note(&mut sample, &first, "2");
    let third = note(&mut sample, &second, "3");
    far().accepts(&packed(&sample, &image, &[&first, &second]));
    let error = far().refuses(&packed(&sample, &image, &[&first, &second, &third])).documents();
    assert_error!(error, DocumentError::ReferrerTooDeep { referrer, .. } if referrer == digest(&third));
}

#[test]
fn a_referrer_that_is_listed_twice() {
    let (mut sample, image) = image();
    let note = note(&mut sample, &image, "1");
    let error = far().refuses(&packed(&sample, &image, &[&note, &note])).documents();
    assert_error!(error, DocumentError::ReferrerOrder { found, expected: None, .. } if found == digest(&note));
}

#[test]
fn a_referrer_of_something_else() {
    let (mut sample, image) = image();
    let other = multi_platform_image(&mut sample.blobs, "app", b"other", &["amd64"]).unwrap();
    let stranger = note(&mut sample, &other, "1");
    let of_stranger = note(&mut sample, &stranger, "2");
    for (referrers, refused) in
        [(vec![&stranger], &stranger), (vec![&stranger, &of_stranger], &stranger), (vec![&of_stranger], &of_stranger)]
    {
        let error = far().refuses(&packed(&sample, &image, &referrers)).documents();
        assert_error!(error, DocumentError::NotAReferrer { referrer, .. } if referrer == digest(refused));
    }
}

#[test]
fn a_manifest_of_the_image_that_refers_to_another_one_of_it() {
    let (mut sample, image) = image();
    let mut index = document(&sample.blobs, &image);
    let platform = index["manifests"][0].clone();
    let note = note(&mut sample, &platform, "inside");
    index["manifests"].as_array_mut().unwrap().push(note.clone());
    let image = store(&mut sample.blobs, INDEX, index.to_string().into_bytes());
    far().accepts(&packed(&sample, &image, &[]));
    let error = far().refuses(&packed(&sample, &image, &[&note])).documents();
    assert_error!(error, DocumentError::NotAReferrer { referrer, .. } if referrer == digest(&note));
}

#[test]
fn more_referrers_than_are_carried() {
    let (mut sample, image) = image();
    let mut notes: Vec<Value> = (0..1001).map(|number| note(&mut sample, &image, &number.to_string())).collect();
    notes.sort_by_key(digest);
    let notes: Vec<&Value> = notes.iter().collect();
    far().accepts(&packed(&sample, &image, &notes[..1000]));
    let error = far().refuses(&packed(&sample, &image, &notes)).documents();
    assert_error!(error, DocumentError::TooManyReferrers { count: 1001, .. });
}

#[test]
fn a_bundle_json_that_is_an_attestation_too() {
    let mut sample = sample();
    let mut consignment = consignment(&sample);
    let bundle = consignment.bundles[0].descriptor.clone();
    let (web, web_record) = (sample.references[2].1.clone(), 1);
    let config = store(&mut sample.blobs, "application/vnd.oci.empty.v1+json", b"{}".to_vec());
    let subject = json!({ "mediaType": web["mediaType"], "digest": web["digest"], "size": web["size"] });
    let layer = json!({ "mediaType": "application/vnd.in-toto+json", "digest": bundle.digest, "size": bundle.size });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.in-toto+json", "config": config,
        "layers": [layer], "subject": subject,
    });
    let referrer = store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes());
    consignment.bundles[0].images[web_record].referrers = vec![record(&referrer)];
    let bundle_json = json!({ "digest": bundle.digest });
    consignment.blobs = blobs(&sample.blobs, &[&bundle_json], &[&sample.references[0].1, &referrer]);
    let far = FarSide::trusting(&sample, hours(2));
    let error = far.refuses(&consignment.archive()).documents();
    assert_error!(error, DocumentError::BundleAsAttestation { digest } if digest == bundle.digest);
}

/// What cosign keeps under a tag: a manifest without a subject.
fn signature(sample: &mut Sample, text: &str) -> Value {
    let config = store(&mut sample.blobs, "application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let layer_type = "application/vnd.dev.cosign.simplesigning.v1+json";
    let layer = store(&mut sample.blobs, layer_type, text.as_bytes().to_vec());
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes())
}

fn tag(subject: &Value, kind: &str) -> String {
    format!("sha256-{}.{kind}", digest(subject).hex())
}

/// An image with what is listed for its tags, and nothing else.
fn packed_tagged(sample: &Sample, image: &Value, tagged: &[(String, &Value)]) -> Vec<u8> {
    let mut record_of_image = image_record("example.com/org/app:1", image, ImageRole::StandAlone);
    let tagged_record =
        |(tag, descriptor): &(String, &Value)| TaggedRecord { descriptor: record(descriptor), tag: tag.clone() };
    record_of_image.tagged = tagged.iter().map(tagged_record).collect();
    let mut consignment = Consignment::of_image(sample, 1, hours(0));
    consignment.images = vec![record_of_image];
    consignment.repositories.clear();
    let roots: Vec<&Value> = [image].into_iter().chain(tagged.iter().map(|(_, descriptor)| *descriptor)).collect();
    consignment.blobs = blobs(&sample.blobs, &[], &roots);
    consignment.archive()
}

#[test]
fn of_all_orders_of_tags_one_is_accepted() {
    let (mut sample, image) = image();
    let platform = document(&sample.blobs, &image)["manifests"][1].clone();
    let (one, two) = (signature(&mut sample, "1"), signature(&mut sample, "2"));
    let right = [
        (tag(&platform, "sig"), &one),
        (tag(&image, "att"), &one),
        (tag(&image, "sig"), &two),
        (tag(&two, "sig"), &one),
    ];
    let places: Vec<Value> = (0..right.len()).map(Value::from).collect();
    for order in permutations(&places.iter().collect::<Vec<_>>()) {
        let listed = |place: &&Value| right[usize::try_from(place.as_u64().unwrap()).unwrap()].clone();
        let order: Vec<(String, &Value)> = order.iter().map(listed).collect();
        let archive = packed_tagged(&sample, &image, &order);
        if order == right {
            far().accepts(&archive);
        } else {
            let wrong = order.iter().zip(&right).find(|(found, expected)| found != expected).unwrap().0;
            let error = far().refuses(&archive).documents();
            assert_error!(error, DocumentError::Tagged { tag, .. } if tag == wrong.0);
        }
    }
}

#[test]
fn a_tag_that_is_about_nothing_that_is_carried() {
    let (mut sample, image) = image();
    let other = multi_platform_image(&mut sample.blobs, "app", b"other", &["amd64"]).unwrap();
    let (one, two) = (signature(&mut sample, "1"), signature(&mut sample, "2"));
    let three = signature(&mut sample, "3");
    // What is tagged for something that is tagged for something that is tagged is too far away.
    let far_away = [(tag(&image, "sig"), &one), (tag(&one, "sig"), &two), (tag(&two, "sig"), &three)];
    let twice = [(tag(&image, "sig"), &one), (tag(&image, "sig"), &one)];
    for tagged in [&[(tag(&other, "sig"), &one)][..], &far_away, &twice] {
        let wrong = tagged.last().unwrap().0.clone();
        let error = far().refuses(&packed_tagged(&sample, &image, tagged)).documents();
        assert_error!(error, DocumentError::Tagged { tag, .. } if tag == wrong);
    }
}

#[test]
fn something_with_a_tag_that_refers_to_something_else() {
    let (mut sample, image) = image();
    let platform = document(&sample.blobs, &image)["manifests"][0].clone();
    let (right, wrong) = (note(&mut sample, &image, "right"), note(&mut sample, &platform, "wrong"));
    far().accepts(&packed_tagged(&sample, &image, &[(tag(&image, "sig"), &right)]));
    let error = far().refuses(&packed_tagged(&sample, &image, &[(tag(&image, "sig"), &wrong)])).documents();
    assert_error!(error, DocumentError::NotAReferrer { referrer, .. } if referrer == digest(&wrong));
}

#[test]
fn something_with_a_tag_is_held_to_the_policy_of_referrers() {
    let (mut sample, image) = image();
    let runnable = multi_platform_image(&mut sample.blobs, "app", b"other", &["amd64"]).unwrap();
    let runnable = document(&sample.blobs, &runnable)["manifests"][0].clone();
    let archive = packed_tagged(&sample, &image, &[(tag(&image, "sig"), &runnable)]);
    match far().refuses(&archive).head() {
        HeadError::Referrer(ReferrerRefusal::Kind { kind: ReferrerKind::Image, referrer, .. }) => {
            assert_eq!(referrer, digest(&runnable));
        }
        other => panic!("{other:?}"),
    }
    // An attestation, but without a `subject`: it is not checked, so it proves nothing.
    let config = store(&mut sample.blobs, "application/vnd.oci.empty.v1+json", b"{}".to_vec());
    let layer = store(&mut sample.blobs, "application/vnd.dsse.envelope.v1+json", b"{}".to_vec());
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let signed = store(&mut sample.blobs, MANIFEST, manifest.to_string().into_bytes());
    let strict = far();
    let key = SigningKey::from_seed(&[1; 32]).public_key().unwrap().to_pem().unwrap();
    strict.store().begin().unwrap().add_attester(&"builder".parse().unwrap(), key.as_bytes()).unwrap();
    let archive = packed_tagged(&sample, &image, &[(tag(&image, "sig"), &signed)]);
    match strict.refuses(&archive).head() {
        HeadError::Referrer(ReferrerRefusal::Unproven { referrer, .. }) => assert_eq!(referrer, digest(&signed)),
        other => panic!("{other:?}"),
    }
}
