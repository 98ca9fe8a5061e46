//! Plain files: something else than what TUF vouches for, under a name that leads elsewhere, or in the place of another file.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::inventory::FileRecord;
use sealift_archive_format::{Digest, DigestAlgorithm, FileName, Problem};
use sealift_core::delivery_file::{DeliveryFileError, DeliveryForm};
use sealift_core::export::{self, ExportError, ExportRequest, ItemOrigin, ItemRequest, PlanError};
use sealift_core::import::{self, DeliveryError, DeliveryWishes, Destination, ImportError};
use sealift_core::measured_file::MeasuredFile;
use sealift_core::plain_file::{FileSource, FileSourceError, TargetFile};
use sealift_core::progress::Unwatched;
use sealift_core::transfer::Workers;
use sealift_core::trust::{self, Carrier, JudgementError, LookupError};
use sealift_core::trust_store::{NamePattern, RepositoryName, TagError, Trust, TrustStore};
use sealift_core::tuf_repository::mirror::MirrorError;
use sealift_core::tuf_repository::{RepositoryFolder, TargetFiles};
use sealift_core::verify::{DocumentError, Selection, Transport};
use sealift_proof::in_toto::Cause;
use sealift_proof::tuf::provider::target_file_path;
use sealift_proof::tuf::{Limits, ProviderError, TrustAnchor};
use sealift_tests::crossing::{Crossing, FarSide, Refused};
use sealift_tests::malicious_exporter::file_record;
use sealift_tests::tuf_repository::{TufRepository, now};

use super::*;

/// The path of the sample's file, and what it is.
const PATH: &str = "files/Shop Wheel-1.0.whl";
const CONTENT: &[u8] = b"a wheel";

/// A sample that lists a file with its supply chain, by this digest.
fn sample_with(digest: &Digest) -> Sample {
    let mut sample = sample();
    sample.repository.release_paths.push("files/*".to_owned());
    sample.release(PATH, "Shop Wheel-1.0.whl", digest, CONTENT.len() as u64);
    sample
}

fn honest() -> (Sample, Consignment) {
    let sample = sample_with(&Digest::sha256(CONTENT));
    let consignment = Consignment::of_file(&sample, PATH, CONTENT, hours(0));
    (sample, consignment)
}

fn refusal(sample: &Sample, consignment: &Consignment) -> Refused {
    let far = FarSide::trusting(sample, hours(1));
    let refused = far.refuses(&consignment.archive());
    let folder = tempfile::tempdir().unwrap();
    assert!(deliver(&far, &consignment.archive(), folder.path()).is_err());
    assert_eq!(files_in(folder.path()), Vec::<PathBuf>::new(), "nothing is delivered");
    refused
}

/// Delivers an archive's files to a folder, and remembers it.
fn deliver(far: &FarSide, archive: &[u8], folder: &Path) -> Result<Vec<(String, bool)>, Refused> {
    let mut judged = far.judge(archive)?;
    let (destination, sink) = Destination::files(folder, &mut judged, &Selection::default())
        .map_err(|error| ImportError::Delivery(DeliveryError::Begin(error.into())))?;
    let wishes = DeliveryWishes { replace: &far.replace, ..DeliveryWishes::default() };
    let delivered = import::deliver(judged, &destination, &wishes, &far.store(), &*sink, &Transport::default())?;
    Ok(delivered.tags.into_iter().map(|tag| (tag.reference, tag.before.is_some())).collect())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    sealift_tests::folder_content::files(folder).into_keys().collect()
}

#[test]
fn a_file_that_is_right_is_accepted_and_delivered_to_a_layout_and_to_a_folder() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let delivered = far.accepts(&consignment.archive());
    let finding = &delivered.verified().judgement().findings().items[0];
    assert_eq!(
        (finding.item.reference.as_str(), finding.level().to_string().as_str()),
        ("file:/files/Shop Wheel-1.0.whl", "4")
    );
    assert_eq!(far.tags().into_keys().collect::<Vec<_>>(), ["localhost/files/files:Shop_Wheel-1.0.whl"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join(PATH);
    let told = |was_there| vec![(path.display().to_string(), was_there)];
    assert_eq!(deliver(&far, &consignment.archive(), folder.path()).unwrap(), told(false));
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    assert_eq!(deliver(&far, &consignment.archive(), folder.path()).unwrap(), told(true));
    assert_eq!(files_in(folder.path()), [Path::new(PATH)]);
}

#[test]
fn a_file_with_another_byte_is_not_what_tuf_vouches_for() {
    let (sample, mut consignment) = honest();
    let other = b"a wheeL";
    consignment.blobs = vec![(Digest::sha256(other), other.to_vec())];
    consignment.files = vec![file_record(PATH, other)];
    assert_error!(refusal(&sample, &consignment).judgement(), JudgementError::Binding { .. });
}

#[test]
fn a_file_under_the_name_of_no_target_reaches_no_level() {
    let (sample, mut consignment) = honest();
    for name in ["files/Other.whl", "files/shop wheel-1.0.whl", "Files/Shop Wheel-1.0.whl"] {
        consignment.files[0].name = FileName::of_target(name).unwrap();
        consignment.repositories = Consignment::of_file(&sample, name, CONTENT, hours(0)).repositories;
        assert_error!(refusal(&sample, &consignment).judgement(), JudgementError::Level { .. });
    }
}

#[test]
fn a_file_that_has_only_one_of_two_digests_gets_no_name() {
    // The target lists a SHA-512 alone, and that is right; the SHA-256 is that of something else.
    let sample = sample_with(&Digest::of(DigestAlgorithm::Sha512, CONTENT));
    let honest = Consignment::of_file(&sample, PATH, CONTENT, hours(0));
    let evil = b"a vheel";
    let mut consignment = honest.clone();
    consignment.blobs = vec![(Digest::sha256(evil), evil.to_vec())];
    consignment.files[0].descriptor.digest = Digest::sha256(evil);
    let refused = refusal(&sample, &consignment);
    let found = Digest::of(DigestAlgorithm::Sha512, evil);
    // The supply chain is bound by the same two digests, so it can be satisfied by the stated SHA-512 alone.
    assert_error!(refused.problem(), Problem::Digest { found: it, .. } if it == found);
    // Without a SHA-512 there is nothing to compare with what the target lists.
    let mut without = honest;
    without.files[0].sha512 = None;
    assert_error!(refusal(&sample, &without).judgement(), JudgementError::Binding { .. });
}

#[test]
fn a_file_whose_supply_chain_made_another_product_is_refused() {
    let mut sample = sample_with(&Digest::sha256(CONTENT));
    // The links are about a file of another name, or about other content.
    for (product, made) in [("Shop.whl", CONTENT), ("Shop Wheel-1.0.whl", &b"another"[..])] {
        sample.release(PATH, product, &Digest::sha256(made), CONTENT.len() as u64);
        let target = sample.repository.released.get_mut(PATH).unwrap();
        target.digest = Digest::sha256(CONTENT);
        let consignment = Consignment::of_file(&sample, PATH, CONTENT, hours(0));
        let refused = refusal(&sample, &consignment).in_toto();
        assert_error!(*refused.cause, Cause::Product(_));
    }
}

#[test]
fn a_file_is_no_part_of_an_image_that_is_carried_with_it() {
    let mut sample = sample();
    sample.repository.release_paths.push("files/*".to_owned());
    let mut consignment = consignment(&sample);
    let (digest, layer) = consignment.blobs.last().unwrap().clone();
    sample.release("files/layer", "layer", &digest, layer.len() as u64);
    consignment.files = vec![file_record("files/layer", &layer)];
    let tuf = Consignment::of_file(&sample, "files/layer", &layer, hours(0)).repositories;
    let mut all = Consignment::of(&sample, hours(0)).repositories;
    all.get_mut("demo").unwrap().extend(tuf["demo"].clone());
    consignment.repositories = all;
    let refused = FarSide::trusting(&sample, hours(1)).refuses(&consignment.archive());
    assert_error!(refused.documents(), DocumentError::FileElsewhere { .. });
}

#[test]
fn a_name_never_leads_out_of_the_folder() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let [folder, outside] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    std::os::unix::fs::symlink(outside.path(), folder.path().join("files")).unwrap();
    assert!(deliver(&far, &consignment.archive(), folder.path()).is_err(), "a folder on the way is a link");
    fs::remove_file(folder.path().join("files")).unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("file"), folder.path().join(PATH)).unwrap();
    assert!(deliver(&far, &consignment.archive(), folder.path()).is_err(), "the file itself is a link");
    assert_eq!(files_in(outside.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_file_of_somebody_else_s_is_not_replaced_unless_it_is_named() {
    let (sample, consignment) = honest();
    let mut far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PATH);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "somebody else's").unwrap();
    let before = far.trusted_state();
    let refused = deliver(&far, &consignment.archive(), folder.path()).unwrap_err();
    let Refused::Import(ImportError::Delivery(DeliveryError::Begin(error))) = refused else { panic!("{refused:?}") };
    assert!(matches!(error.reason(), Some(DeliveryFileError::NotOurs { .. })), "{error:?}");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), far.trusted_state()), ("somebody else's", before));
    far.replace = vec![format!("file:/{PATH}").parse().unwrap()];
    deliver(&far, &consignment.archive(), folder.path()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
}

#[test]
fn a_file_is_replaced_by_its_next_version_but_not_by_one_that_is_proven_less_well() {
    let (mut sample, first) = honest();
    let far = FarSide::trusting(&sample, hours(4));
    let folder = tempfile::tempdir().unwrap();
    deliver(&far, &first.archive(), folder.path()).unwrap();
    let next = b"a later wheel";
    sample.release(PATH, "Shop Wheel-1.0.whl", &Digest::sha256(next), next.len() as u64);
    for role in [&mut sample.repository.releases, &mut sample.repository.snapshot, &mut sample.repository.timestamp] {
        role.version += 1;
    }
    deliver(&far, &Consignment::of_file(&sample, PATH, next, hours(1)).archive(), folder.path()).unwrap();
    assert_eq!(fs::read(folder.path().join(PATH)).unwrap(), next);
    let worse = b"a wheel without a supply chain";
    sample.release(PATH, "Shop Wheel-1.0.whl", &Digest::sha256(worse), worse.len() as u64);
    sample.repository.released.get_mut(PATH).unwrap().custom = None;
    for role in [&mut sample.repository.releases, &mut sample.repository.snapshot, &mut sample.repository.timestamp] {
        role.version += 1;
    }
    let archive = Consignment::of_file(&sample, PATH, worse, hours(2)).archive();
    let refused = deliver(&far, &archive, folder.path()).unwrap_err();
    assert_error!(refused, Refused::Import(ImportError::Tag(TagError::LowerLevel { .. })));
    assert_eq!(fs::read(folder.path().join(PATH)).unwrap(), next);
}

#[test]
fn a_form_without_a_place_for_files_is_refused_and_so_is_a_folder_for_anything_else() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    for form in [DeliveryForm::DockerArchive, DeliveryForm::ThickBundle] {
        let archive = consignment.archive();
        let mut judged = far.judge(archive.as_slice()).unwrap();
        let refused = Destination::new_file(&folder.path().join("new"), form, &mut judged, &Selection::default());
        assert_error!(refused.err().unwrap(), DeliveryFileError::HoldsNoFile { .. });
    }
    let archive = super::consignment(&sample).archive();
    let mut judged = far.judge(archive.as_slice()).unwrap();
    let refused = Destination::files(folder.path(), &mut judged, &Selection::default());
    assert_error!(refused.err().unwrap(), DeliveryFileError::NotAFile { .. });
    assert_eq!(files_in(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_is_asked_of_a_file_is_asked_of_its_own_name() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    // Patterns of images match no file.
    far.policy("minimum_level = \"4\"\n[[require]]\nnames = [\"*/*\", \"files/shop\"]\nlevel = \"0\"\n");
    drop(far.verify(&consignment.archive()));
    far.policy(
        "minimum_level = \"0\"\n[[require]]\nnames = [\"file:/files/*\"]\nlevel = \"2\"\nvouched_by = [\"other\"]\n",
    );
    assert_error!(far.refuses(&consignment.archive()).judgement(), JudgementError::NotVouchedFor { .. });
}

#[test]
fn who_speaks_for_files_speaks_for_no_image_and_who_speaks_for_images_for_no_file() {
    let (sample, file) = honest();
    let [image, file] = [consignment(&sample).archive(), file.archive()];
    // Whatever the other one speaks for is refused, because it is not carried.
    for (pattern, hides_image, hides_file) in [
        ("file:/*", false, false),
        ("file:/*/*", false, true),
        ("file:/*/*/*", false, false),
        ("file:/example.com/*/*", false, false),
        ("*/*", false, false),
        ("*/*/*", true, false),
    ] {
        let far = FarSide::trusting(&sample, hours(1));
        let pattern_of_wheels = NamePattern::new(pattern).unwrap();
        far.store().begin().unwrap().add_mapping(&pattern_of_wheels, &["wheels".parse().unwrap()]).unwrap();
        far.pin("wheels", &super::sample());
        for (archive, is_hidden) in [(&image, hides_image), (&file, hides_file)] {
            let judged = far.judge(archive.as_slice());
            assert_eq!(judged.is_err(), is_hidden, "{pattern}: {:?}", judged.err());
        }
    }
}

/// Delivers an archive's files, and does something once it was judged and the folder begun.
fn deliver_while(far: &FarSide, archive: &[u8], folder: &Path, meanwhile: impl FnOnce()) -> Result<(), Refused> {
    let mut judged = far.judge(archive)?;
    let (destination, sink) = Destination::files(folder, &mut judged, &Selection::default()).unwrap();
    meanwhile();
    let wishes = DeliveryWishes { replace: &far.replace, ..DeliveryWishes::default() };
    import::deliver(judged, &destination, &wishes, &far.store(), &*sink, &Transport::default())?;
    Ok(())
}

/// The consignment of another version of the file, which comes after those before.
fn next_version(sample: &mut Sample, content: &[u8], exported: Timestamp) -> Consignment {
    sample.release(PATH, "Shop Wheel-1.0.whl", &Digest::sha256(content), content.len() as u64);
    for role in [&mut sample.repository.releases, &mut sample.repository.snapshot, &mut sample.repository.timestamp] {
        role.version += 1;
    }
    Consignment::of_file(sample, PATH, content, exported)
}

#[test]
fn a_file_that_appears_during_a_delivery_is_not_replaced() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PATH);
    let refused = deliver_while(&far, &consignment.archive(), folder.path(), || {
        fs::create_dir(folder.path().join("files")).unwrap();
        fs::write(&path, "somebody else's").unwrap();
    });
    assert!(refused.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
    assert_eq!(files_in(folder.path()), [Path::new(PATH)], "nothing else is left");
}

#[test]
fn a_link_that_appears_during_a_delivery_leads_nowhere() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let [folder, outside] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let refused = deliver_while(&far, &consignment.archive(), folder.path(), || {
        std::os::unix::fs::symlink(outside.path(), folder.path().join("files")).unwrap();
    });
    assert!(refused.is_err());
    assert_eq!(files_in(outside.path()), Vec::<PathBuf>::new());
    // The folder itself is the one that was opened, whatever its path leads to now.
    let [inner, moved] = ["inner", "moved"].map(|name| folder.path().join(name));
    deliver_while(&far, &consignment.archive(), &inner, || {
        fs::rename(&inner, &moved).unwrap();
        std::os::unix::fs::symlink(outside.path(), &inner).unwrap();
    })
    .ok();
    assert_eq!(files_in(outside.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupted_replacement_can_be_tried_again() {
    let (mut sample, first) = honest();
    let far = FarSide::trusting(&sample, hours(4));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PATH);
    deliver(&far, &first.archive(), folder.path()).unwrap();
    let next = next_version(&mut sample, b"a later wheel", hours(1)).archive();
    // As it is when the process ends between remembering the new one and placing it.
    deliver(&far, &next, folder.path()).unwrap();
    fs::write(&path, CONTENT).unwrap();
    deliver(&far, &next, folder.path()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"a later wheel");
    // And so a later one, twice.
    fs::write(&path, CONTENT).unwrap();
    let last = next_version(&mut sample, b"the last wheel", hours(2)).archive();
    for _ in 0..2 {
        deliver(&far, &last, folder.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"the last wheel");
        fs::write(&path, CONTENT).unwrap();
    }
    fs::write(&path, "somebody else's").unwrap();
    assert!(deliver(&far, &last, folder.path()).is_err());
}

#[test]
fn two_names_of_one_content_are_both_delivered() {
    let mut sample = sample_with(&Digest::sha256(CONTENT));
    sample.release("files/b/Shop Wheel-1.0.whl", "Shop Wheel-1.0.whl", &Digest::sha256(CONTENT), CONTENT.len() as u64);
    sample.repository.release_paths.push("files/*/*".to_owned());
    let mut consignment = Consignment::of_file(&sample, PATH, CONTENT, hours(0));
    let second = Consignment::of_file(&sample, "files/b/Shop Wheel-1.0.whl", CONTENT, hours(0));
    consignment.files.push(FileRecord { sha512: None, ..second.files[0].clone() });
    consignment.tuf().extend(second.repositories["demo"].clone());
    let far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    deliver(&far, &consignment.archive(), folder.path()).unwrap();
    assert_eq!(files_in(folder.path()), [Path::new(PATH), Path::new("files/b/Shop Wheel-1.0.whl")]);
}

/// Target files of one folder, which may break off.
struct Served {
    folder: RepositoryFolder,
    is_cut: bool,
}

impl TargetFiles for Served {
    fn open(
        &self,
        path: &str,
        digest_prefix: Option<&Digest>,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>, ProviderError> {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
        }
        let found = TargetFiles::open(&self.folder, path, digest_prefix, length)?;
        Ok(found.map(|file| -> Box<dyn Read + Send> {
            if self.is_cut { Box::new(Broken) } else { file }
        }))
    }
}

#[test]
fn a_file_is_looked_up_and_found_only_as_its_metadata_lists_it() {
    let sample = sample_with(&Digest::of(DigestAlgorithm::Sha512, CONTENT));
    let crossing = Crossing::of(&sample, hours(1));
    let look_up = |name: &str, trust: &Trust| {
        let mut metadata = RepositoryFolder::new(crossing.path("tuf/metadata"), crossing.path("tuf/targets"));
        let mut targets = metadata.clone();
        let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
        let live = [("demo".parse().unwrap(), carrier)].into_iter().collect();
        trust::look_up(&[FileName::of_target(name).unwrap()], trust, live, hours(1))
    };
    let trust = crossing.near().load().unwrap();
    let listed = look_up(PATH, &trust).unwrap().remove(0);
    assert_error!(look_up("files/other", &trust).unwrap_err(), LookupError::NotListed { unlisted, .. } if unlisted.listed == ["Shop Wheel-1.0.whl"]);
    let mapped = |pattern: &str| {
        let map = format!(
            r#"{{"repositories":{{"demo":[]}},"mapping":[{{"paths":["{pattern}"],"repositories":["demo"],"threshold":1,"terminating":true}}]}}"#
        );
        crossing.near().begin().unwrap().set_map(Path::new("map.json"), map.as_bytes()).unwrap();
        look_up(PATH, &crossing.near().load().unwrap())
    };
    for pattern in ["file:/other/*", "files/*", "*/*", "file:/Files/*"] {
        assert_error!(mapped(pattern).unwrap_err(), LookupError::NoRepository { .. });
    }
    assert_eq!(mapped("file:/files/*").unwrap().remove(0), listed);
    let metadata = crossing.path("tuf/metadata/1.targets.json");
    fs::write(&metadata, fs::read_to_string(&metadata).unwrap().replacen("files/*", "files/?", 1)).unwrap();
    assert_error!(mapped("file:/files/*").unwrap_err(), LookupError::Judgement { .. });

    // Its content: not there, cut off, too short, too long, another one, and the right one.
    let folder = crossing.path("tuf/targets");
    let file = folder.join(target_file_path(PATH, Some(&listed.target.hashes()[0])));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let find = |is_cut| {
        let files: Arc<dyn TargetFiles> = Arc::new(Served { folder: RepositoryFolder::new(&folder, &folder), is_cut });
        TargetFile::find(&listed.target, listed.has_consistent_snapshots, &files, &Unwatched)
    };
    assert_error!(find(false).unwrap_err(), FileSourceError::Missing { .. });
    for content in [&b"short"[..], b"far too long", b"a vheel"] {
        fs::write(&file, content).unwrap();
        assert_error!(find(false).unwrap_err(), FileSourceError::Mismatch { .. });
    }
    fs::write(&file, CONTENT).unwrap();
    assert_error!(find(true).unwrap_err(), FileSourceError::Read { .. });
    let found = Arc::new(FileSource::Target(find(false).unwrap()));
    let request = |name: &str, source: &Arc<FileSource>| {
        ExportRequest::new(vec![ItemRequest { name: name.to_owned(), origin: ItemOrigin::File(Arc::clone(source)) }])
    };
    assert_error!(export::plan(&request(PATH, &found), &Workers::default()).unwrap_err(), PlanError::FileName(_));
    // A local file that is gone by the time it is carried.
    fs::write(crossing.path("local"), CONTENT).unwrap();
    let local = Arc::new(FileSource::Local(MeasuredFile::measure(&crossing.path("local"), &Unwatched).unwrap()));
    fs::remove_file(crossing.path("local")).unwrap();
    fs::write(&metadata, fs::read_to_string(&metadata).unwrap().replacen("files/?", "files/*", 1)).unwrap();
    let prepared = crossing.prepare(&request(&format!("file:/{PATH}"), &local)).unwrap();
    let written = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap_err();
    let ExportError::Source { source, .. } = written else { panic!("{written:?}") };
    assert!(matches!(source.reason(), Some(FileSourceError::Local { .. })), "{source:?}");
}

#[test]
fn a_file_of_a_repository_without_consistent_snapshots_has_its_plain_name() {
    for is_consistent in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut repository = TufRepository::new();
        repository.role("root")["consistent_snapshot"] = serde_json::json!(is_consistent);
        repository.files.clear();
        repository.add_target("targets", PATH, CONTENT);
        repository.publish(&["root", "targets", "snapshot", "timestamp"]);
        for (name, bytes) in repository.files.iter().chain(&repository.target_files) {
            let place = folder.path().join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, bytes).unwrap();
        }
        let metadata = RepositoryFolder::new(folder.path(), folder.path());
        let (mut first, mut second) = (metadata.clone(), metadata.clone());
        let carrier = Carrier { metadata: &mut first, targets: &mut second };
        let store = TrustStore::at(folder.path().join("trust"));
        let name: RepositoryName = "demo".parse().unwrap();
        let root = repository.file("root").clone();
        store.begin().unwrap().pin_root(&name, TrustAnchor::from(root.as_slice()), None).unwrap();
        let live = [(name, carrier)].into_iter().collect();
        let trust = store.load().unwrap();
        let listed = trust::look_up(&[FileName::of_target(PATH).unwrap()], &trust, live, now()).unwrap().remove(0);
        assert_eq!(listed.has_consistent_snapshots, is_consistent);
        let files: Arc<dyn TargetFiles> = Arc::new(metadata);
        TargetFile::find(&listed.target, listed.has_consistent_snapshots, &files, &Unwatched).unwrap();
    }
}

#[test]
fn a_file_that_was_changed_while_it_was_kept_for_a_mirror_is_not_published() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    let archive = consignment.archive();
    let judged = far.judge(archive.as_slice()).unwrap();
    let wishes = DeliveryWishes { mirror: Some(folder.path()), ..DeliveryWishes::default() };
    let (sink, transport) = (far.sink(), Transport::default());
    let delivered = import::deliver(judged, &far.destination, &wishes, &far.store(), &sink, &transport).unwrap();
    let kept = files_in(folder.path());
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    let kept = folder.path().join(kept);
    let is_published = |path: &PathBuf| path.to_string_lossy().ends_with("Wheel-1.0.whl");
    for other in [&b"A wheel"[..], b"a wheel and more", b""] {
        fs::write(&kept, other).unwrap();
        let refused = delivered.publish_mirrors(folder.path(), &Limits::default()).unwrap_err();
        assert_error!(refused, MirrorError::Mismatch { path, .. } if path == PATH);
        assert!(!files_in(folder.path()).iter().any(is_published));
    }
    fs::write(&kept, CONTENT).unwrap();
    delivered.publish_mirrors(folder.path(), &Limits::default()).unwrap();
    assert!(files_in(folder.path()).iter().any(is_published));
}

#[test]
fn files_that_no_mirror_can_have_are_an_error_before_anything_has_a_name() {
    let (sample, consignment) = honest();
    let far = FarSide::trusting(&sample, hours(1));
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("file");
    fs::write(&mirror, "in the way").unwrap();
    let archive = consignment.archive();
    let judged = far.judge(archive.as_slice()).unwrap();
    let wishes = DeliveryWishes { mirror: Some(&mirror), ..DeliveryWishes::default() };
    let (sink, transport) = (far.sink(), Transport::default());
    let refused = import::deliver(judged, &far.destination, &wishes, &far.store(), &sink, &transport);
    assert_error!(refused.err().unwrap(), ImportError::Mirror { .. });
    assert!(far.tags().is_empty());
}
