use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::volume::{SetId, VolumeError, VolumeReader, VolumeShape};

use super::*;
use crate::progress::Unwatched;
use crate::report::Warning;

static ARCHIVE: [u8; 400_000] = [7; 400_000];
const FILES: Cut = Cut::Volumes { size: u64::MAX, parity: 1 };

fn cut(prefix: &Path) -> Vec<PathBuf> {
    let shape = VolumeShape::new(SetId::of(b"seal", 2, 1, 400_000), 2, 1, 400_000).unwrap();
    let mut volumes = NewVolumes::begin(FILES, prefix, shape).unwrap();
    volumes.write_all(&ARCHIVE).unwrap();
    assert_eq!(
        fs::read_dir(prefix.parent().unwrap())
            .unwrap()
            .filter(|it| it.as_ref().unwrap().path().extension().is_some())
            .count(),
        0
    );
    volumes.finish().unwrap()
}

fn read(given: &[PathBuf]) -> Vec<u8> {
    let found = FoundVolumes::open(given).unwrap().unwrap();
    let mut archive = Vec::new();
    VolumeReader::new(found.shared()).read_to_end(&mut archive).unwrap();
    archive
}

#[test]
fn volumes_are_found_by_their_folder_by_one_of_them_and_by_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let paths = cut(&folder.path().join("shop"));
    assert_eq!(paths.len(), 3);
    let renamed = folder.path().join("a disc");
    fs::rename(&paths[1], &renamed).unwrap();
    for given in [vec![folder.path().to_owned()], vec![paths[2].clone()], vec![renamed.clone(), paths[2].clone()]] {
        assert!(read(&given) == ARCHIVE);
    }
    let other = tempfile::tempdir().unwrap();
    assert!(FoundVolumes::open(&[other.path().to_owned()]).unwrap().is_none());
    assert!(FoundVolumes::open(&[]).unwrap().is_none());
    let gone = FoundVolumes::open(&[paths[0].clone(), paths[1].clone()]);
    assert!(matches!(gone, Err(VolumeSetError::Access { path, .. }) if path == paths[1]));
    let many = FoundVolumes::open(&vec![paths[0].clone(); 256]);
    assert!(matches!(many, Err(VolumeSetError::Volumes(VolumeError::TooManyFiles(256)))));
}

#[test]
fn nothing_is_written_over_and_what_is_damaged_is_replaced_when_the_new_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("shop");
    let paths = cut(&prefix);
    let whole: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let shape = VolumeShape::new(SetId::of(b"seal", 2, 1, 1), 2, 1, 1).unwrap();
    assert!(
        matches!(NewVolumes::begin(FILES, &prefix, shape), Err(VolumeSetError::Exists(there)) if there == paths[0])
    );
    let mut damaged = whole[0].clone();
    damaged[600] ^= 1;
    fs::write(&paths[0], &damaged).unwrap();
    let found = FoundVolumes::open(&[paths[1].clone()]).unwrap().unwrap();
    assert!(found.warnings().is_empty());
    let repaired = found.repair(None, &Unwatched).unwrap();
    let range = repaired.survey.damage.ranges();
    assert!(
        matches!(&*damage_warnings(&repaired.survey.damage), [Warning::VolumeDamaged { volume: 1, damaged }] if damaged == range)
    );
    assert_eq!(repaired.written.into_iter().collect::<Vec<_>>(), [(1, paths[0].clone())]);
    fs::remove_file(&paths[2]).unwrap();
    let found = FoundVolumes::open(&[folder.path().to_owned()]).unwrap().unwrap();
    assert_eq!(found.warnings(), [Warning::VolumeMissing { volume: 3 }]);
    fs::create_dir(&paths[2]).unwrap();
    assert!(matches!(found.repair(None, &Unwatched), Err(VolumeSetError::Exists(there)) if there == paths[2]));
    fs::remove_dir(&paths[2]).unwrap();
    found.repair(None, &Unwatched).unwrap();
    assert!(paths.iter().zip(&whole).all(|(path, bytes)| fs::read(path).unwrap() == *bytes));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn names_of_volumes_have_a_prefix_and_a_number() {
    let prefix = Path::new("discs/shop-1.4");
    assert_eq!(path_of(prefix, 7), Path::new("discs/shop-1.4.007.sealift-volume"));
    assert_eq!(prefix_of(&path_of(prefix, 255)), prefix);
    for (other, prefix) in
        [("discs/shop-1.4", "discs/shop-1.4"), ("a.12.sealift-volume", "a.12"), ("a.001.volume", "a.001.volume")]
    {
        assert_eq!(prefix_of(Path::new(other)), Path::new(prefix));
    }
}

#[test]
fn volumes_come_from_a_drive_one_after_another() {
    let (folder, drive, kept_in) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = cut(&folder.path().join("shop"));
    let mut volumes = DriveVolumes::new(drive.path(), CopiesPlace::Nameless(kept_in.path().to_owned()));
    let look = |volumes: &mut DriveVolumes, path: &Path| {
        let there = drive.path().join(path.file_name().unwrap());
        fs::copy(path, &there).unwrap();
        let findings = volumes.look(false, &Unwatched).unwrap();
        fs::remove_file(there).unwrap();
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(volumes.look(false, &Unwatched).unwrap().len(), 1);
    assert_eq!(volumes.wanted().unwrap().to_string(), "a first volume");
    assert_eq!(look(&mut volumes, &paths[2]), ["volume 3 was read"]);
    assert_eq!(look(&mut volumes, &paths[2]), ["volume 3 was read before"]);
    let wanted = volumes.wanted().unwrap();
    assert_eq!((wanted.volumes, wanted.needed), (vec![1, 2], 1));
    let too_few = {
        let mut volumes = DriveVolumes::new(drive.path(), CopiesPlace::Nameless(kept_in.path().to_owned()));
        look(&mut volumes, &paths[0]);
        volumes.into_found()
    };
    assert!(matches!(too_few, Err(VolumeSetError::StillWanted { wanted, .. }) if wanted.volumes == [2, 3]));
    assert_eq!(look(&mut volumes, &paths[1]), ["volume 2 was read"]);
    assert_eq!(volumes.wanted(), None);
    let found = volumes.into_found().unwrap();
    assert!(found.warnings().is_empty() && found.prefix().file_name() == Some("shop".as_ref()));
    let mut archive = Vec::new();
    VolumeReader::new(found.shared()).read_to_end(&mut archive).unwrap();
    assert!(archive == ARCHIVE && fs::read_dir(kept_in.path()).unwrap().count() == 0);
}

#[test]
fn volumes_that_are_kept_are_taken_up_by_one_command_at_a_time_and_nothing_else_is() {
    let [folder, drive, keep] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let paths = cut(&folder.path().join("shop"));
    let look = |path: &Path| {
        let mut volumes = DriveVolumes::new(drive.path(), CopiesPlace::Kept(keep.path().to_owned()));
        let there = drive.path().join(path.file_name().unwrap());
        fs::copy(path, &there).unwrap();
        let findings = volumes.look(false, &Unwatched);
        fs::remove_file(there).unwrap();
        findings.map(|findings| (volumes, findings.iter().map(ToString::to_string).collect::<Vec<_>>()))
    };
    let (first, found) = look(&paths[0]).unwrap();
    let kept = first.kept().unwrap().path().to_owned();
    assert_eq!(found, ["volume 1 was read"]);
    assert!(matches!(look(&paths[1]), Err(VolumeSetError::InUse(path)) if path == kept));
    drop(first);
    let copy = kept.join("001.sealift-volume");
    let refused = |expected: ForeignCopy| match look(&paths[1]).map(drop) {
        Err(VolumeSetError::Foreign { path, why }) => assert!(path == copy && why == expected, "{why}"),
        other => panic!("{other:?}"),
    };
    let bytes = fs::read(&copy).unwrap();
    fs::write(&copy, b"something else").unwrap();
    refused(ForeignCopy::Content);
    fs::hard_link(&copy, keep.path().join("another name")).unwrap();
    refused(ForeignCopy::Access);
    fs::remove_file(&copy).unwrap();
    fs::create_dir(&copy).unwrap();
    refused(ForeignCopy::Kind);
    fs::remove_dir(&copy).unwrap();
    fs::write(&copy, bytes).unwrap();
    let (second, found) = look(&paths[1]).unwrap();
    assert_eq!(found, ["volume 1 was read by an earlier command", "volume 2 was read"]);
    let kept_volumes = Arc::clone(second.kept().unwrap());
    let mut archive = Vec::new();
    VolumeReader::new(second.into_found().unwrap().shared()).read_to_end(&mut archive).unwrap();
    assert!(archive == ARCHIVE && kept_volumes.has_volumes() && kept_volumes.remove().unwrap() && !kept.exists());
}
