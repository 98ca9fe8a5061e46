//! Deltas: what is where an archive goes is left out, and proven there before anything gets a name.

use std::fs;
use std::path::PathBuf;

use jiff::SignedDuration;
use sealift_archive_format::inventory::{BaseRecord, EntryRecord};
use sealift_archive_format::{Digest, EntryName, Inventory, InventoryError, Reader};
use sealift_core::delivery_file::DeliveryForm;
use sealift_core::export::{AssumeError, Base, assume};
use sealift_core::import::{Destination, ImportError};
use sealift_core::layout::LayoutSink;
use sealift_core::report::AbsentSeen;
use sealift_core::verify::documents::DocumentError;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::Sample;
use sealift_tests::crossing::{Crossing, Refused};
use sealift_tests::folder_content::files;
use sealift_tests::malicious_exporter::{Consignment, archive, exporter_key};
use sealift_tests::weekly_image::{base_of, line_of, sent, weekly_image};

/// The error is one of these, and says so otherwise.
macro_rules! assert_error {
    ($found:expr, $expected:pat) => {
        let found = $found;
        assert!(matches!(found, $expected), "{found:?}");
    };
}

fn inventory(archive: &[u8]) -> Inventory {
    Inventory::parse(Reader::open(archive).unwrap().seal().statement()).unwrap()
}

/// A site after its first week, with the archive of that week.
fn first_week() -> (Crossing, Vec<u8>) {
    let sides = Crossing::of_images();
    sides.publish_image(&weekly_image(1), &[]);
    let archive = sides.archive();
    sides.far.import(&archive).unwrap();
    (sides, archive)
}

/// The archive of a later week, which leaves out what is in these.
fn week(sides: &mut Crossing, week: usize, before: &[&[u8]]) -> Vec<u8> {
    sides.wait(SignedDuration::from_hours(24));
    sides.publish_image(&weekly_image(week), &[]);
    let base = Base::of_archives(before.iter().map(|archive| sent(archive)).collect(), []);
    sides.delta(&sides.request(), &base)
}

/// The file of a blob where things are delivered.
fn blob(sides: &Crossing, digest: &Digest) -> PathBuf {
    sides.path("delivered/blobs/sha256").join(digest.hex())
}

fn lacking(refused: Refused) -> (Vec<Digest>, Vec<Digest>) {
    match refused {
        Refused::Import(ImportError::Lacking { blobs, unknown, .. }) => {
            (blobs.into_iter().map(|blob| blob.digest).collect(), unknown)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn five_deltas_by_receipt_give_what_five_whole_archives_give() {
    let (mut whole, mut deltas) = (Crossing::of_images(), Crossing::of_images());
    let (mut base, mut carried) = (None, 0);
    for week in 1..=5 {
        for sides in [&mut whole, &mut deltas] {
            sides.wait(SignedDuration::from_hours(24 * 7));
            sides.publish_image(&weekly_image(week), &[]);
        }
        let archive = whole.archive();
        whole.far.import(&archive).unwrap();
        let delta = match &base {
            None => deltas.archive(),
            Some(base) => deltas.delta(&deltas.request(), base),
        };
        let delivered = deltas.far.import(&delta).unwrap();
        let report = delivered.verified().report();
        assert!(report.warnings.iter().all(|it| !it.message.contains("left out")), "{:?}", report.warnings);
        let absent = report.content.absent.as_ref().map_or(0, |absent| absent.blobs);
        assert_eq!(absent, if week == 1 { 0 } else { 2 }, "all but the newest layer");
        assert!(report.content.absent.is_none_or(|absent| absent.seen == AbsentSeen::ReadBack));
        carried += delta.len();
        let there = base_of(&deltas.far.store(), &delivered, deltas.now);
        base = Some(there);
        let (one, other) = (files(&whole.path("delivered")), files(&deltas.path("delivered")));
        assert!(!one.is_empty());
        assert_eq!(one, other, "week {week}");
    }
    assert!(carried > 0);
}

#[test]
fn a_chain_by_what_was_sent_needs_no_way_back_and_names_what_was_lost_in_it() {
    let (mut sides, first) = first_week();
    let second = week(&mut sides, 2, &[&first]);
    let third = week(&mut sides, 3, &[&second]);
    let fourth = week(&mut sides, 4, &[&third]);
    sides.far.import(&second).unwrap();
    // The third is lost.
    let (blobs, unknown) = lacking(sides.far.import(&fourth).map(drop).unwrap_err());
    assert_eq!(unknown, [sent_statement(&third)]);
    let is_of_third = |digest: &Digest| inventory(&third).carried().any(|entry| entry.digest == *digest);
    assert!(blobs.len() == 1 && blobs.iter().all(is_of_third), "{blobs:?}");
    // What is lacking is sent, and nothing else: what came with the fourth is there.
    sides.wait(SignedDuration::from_hours(1));
    let base = Base::of_archives(vec![sent(&fourth)], blobs.clone());
    let repair = sides.delta(&sides.request(), &base);
    assert_eq!(inventory(&repair).absent().count(), 2);
    sides.far.import(&repair).unwrap();
}

fn sent_statement(archive: &[u8]) -> Digest {
    Reader::open(archive).unwrap().seal().statement_digest()
}

#[test]
fn a_layer_that_is_gone_or_damaged_in_the_target_is_found_before_a_tag_moves() {
    for damage in [None, Some(b"damaged".as_slice())] {
        let (mut sides, first) = first_week();
        let delta = week(&mut sides, 2, &[&first]);
        let absent = inventory(&delta).absent().next().unwrap().digest.clone();
        let path = blob(&sides, &absent);
        fs::remove_file(&path).unwrap();
        damage.map_or(Ok(()), |content| fs::write(&path, content)).unwrap();
        let (tags, state) = (sides.far.tags(), sides.far.trusted_state());
        let (blobs, unknown) = lacking(sides.far.import(&delta).map(drop).unwrap_err());
        assert_eq!((blobs, unknown), (vec![absent], Vec::new()));
        assert_eq!((sides.far.tags(), sides.far.trusted_state()), (tags, state));
    }
}

#[test]
fn a_new_place_has_nothing_that_a_delta_leaves_out() {
    let (mut sides, first) = first_week();
    let delta = week(&mut sides, 2, &[&first]);
    let destination = Destination::File { form: DeliveryForm::LayoutArchive };
    let sink = LayoutSink::begin(&sides.path("new")).unwrap();
    sides.far.destination = destination;
    match sides.far.import_from(&mut &*delta, &sink).map(drop) {
        Err(Refused::Import(ImportError::LeftOut { blobs })) => assert_eq!(blobs.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_delta_is_verified_without_a_target_and_says_what_it_did_not_see() {
    let (mut sides, first) = first_week();
    let delta = week(&mut sides, 2, &[&first]);
    assert!(delta.len() < sides.archive().len());
    let report = sides.far.verify(&delta).report();
    let absent = report.content.absent.as_ref().unwrap();
    assert_eq!((absent.blobs, absent.seen), (2, AbsentSeen::Nothing));
    assert_eq!(absent.base, BaseRecord::Archives(vec![sent_statement(&first)]));
    assert!(report.warnings.iter().any(|it| it.message.contains("nobody has looked here")));
}

#[test]
fn an_archive_that_others_sealed_or_that_is_none_is_not_assumed() {
    let (sides, _) = first_week();
    let exporters = |key: &SigningKey| {
        vec![sealift_core::seal::ExporterKey { name: "x".to_owned(), key: key.public_key().unwrap() }]
    };
    let archive = sides.archive();
    let other = assume(&archive[..], &exporters(&SigningKey::from_seed(&[9; 32])));
    assert_error!(other, Err(AssumeError::Seal(_)));
    assert_error!(assume(&b"no archive"[..], &exporters(&exporter_key())), Err(AssumeError::Format(_)));
}

#[test]
fn beside_a_receipt_only_what_it_confirms_is_assumed() {
    let (mut sides, first) = first_week();
    let line = line_of(&sides.far.store(), sides.now);
    assert_error!(Base::of_confirmed(&line, Vec::new(), []), Err(AssumeError::NothingAssumed { newest: Some(_), .. }));
    let layer = inventory(&first).entries.last().unwrap().digest.clone();
    let base = Base::of_confirmed(&line, vec![sent(&first)], []).unwrap();
    assert!(base.leaves_out(&layer));
    assert!(!Base::of_confirmed(&line, vec![sent(&first)], [layer.clone()]).unwrap().leaves_out(&layer));
    let other = week(&mut sides, 2, &[&first]);
    let unconfirmed = Base::of_confirmed(&line, vec![sent(&first), sent(&other)], []);
    assert_error!(unconfirmed, Err(AssumeError::Unconfirmed { .. }));
}

/// What a hostile exporter makes of the first week: a change of an honest inventory, with the contents of what it then carries.
fn hostile(change: impl FnOnce(&mut Inventory)) -> (Crossing, Result<Vec<u8>, InventoryError>) {
    let sides = Crossing::of_images();
    let sample = Sample::new(sides.now).unwrap();
    let (name, image) = &sample.references[1];
    let mut consignment = Consignment::of_images(&sample, &[(name, image)], sides.now);
    consignment.images[0].platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    let (mut inventory, contents) = consignment.pack();
    sides.far.import(&archive(inventory.clone(), contents.iter().map(Vec::as_slice), &[exporter_key()])).unwrap();
    let by_name: Vec<(EntryName, Vec<u8>)> = inventory.entries.iter().map(|it| it.name.clone()).zip(contents).collect();
    inventory.base = Some(BaseRecord::Archives(vec![Digest::sha256(b"before")]));
    change(&mut inventory);
    if let Err(error) = inventory.to_statement() {
        return (sides, Err(error));
    }
    let carried: Vec<&[u8]> = inventory
        .carried()
        .map(|entry| by_name.iter().find(|(name, _)| *name == entry.name).unwrap().1.as_slice())
        .collect();
    let sealed = archive(inventory.clone(), carried.into_iter(), &[exporter_key()]);
    (sides, Ok(sealed))
}

/// The places of the blobs in an inventory, from the first on.
fn leave_out(inventory: &mut Inventory, place: usize) {
    let mut blobs = inventory.entries.iter_mut().filter(|entry| entry.name.as_str().starts_with("blobs/"));
    blobs.nth(place).unwrap().absent = true;
}

#[test]
fn whatever_trust_needs_cannot_be_left_out() {
    let last = |inventory: &mut Inventory| inventory.entries.last_mut().unwrap().absent = true;
    let (sides, delta) = hostile(last);
    sides.far.import(&delta.unwrap()).unwrap();
    // The index, a manifest, and a configuration.
    for place in [0, 1, 3] {
        let (sides, delta) = hostile(|inventory| leave_out(inventory, place));
        let refused = sides.far.import(&delta.unwrap()).map(drop).unwrap_err().documents();
        assert_error!(refused, DocumentError::Absent { .. });
    }
}

#[test]
fn a_layer_is_absent_or_carried_and_its_size_is_the_one_in_its_manifest() {
    let (_, refused) = hostile(|inventory| {
        let carried = inventory.entries.last().unwrap().clone();
        inventory.entries.push(EntryRecord { absent: true, ..carried });
    });
    assert_error!(refused, Err(InventoryError::DuplicateEntry { .. }));
    let (sides, delta) = hostile(|inventory| {
        let last = inventory.entries.last_mut().unwrap();
        (last.absent, last.size) = (true, last.size + 1);
    });
    let refused = sides.far.import(&delta.unwrap()).map(drop).unwrap_err().documents();
    assert_error!(refused, DocumentError::Missing { .. });
    // One that nothing leads to.
    let (sides, delta) = hostile(|inventory| {
        inventory.entries.push(EntryRecord { absent: true, ..EntryRecord::blob(&Digest::sha256(b"stray"), 5) });
    });
    let refused = sides.far.import(&delta.unwrap()).map(drop).unwrap_err().documents();
    assert_error!(refused, DocumentError::Stray { .. });
}
