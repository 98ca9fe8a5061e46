//! A mirror for clients of Notary: what it has, under which names, and that it does not go back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_core::tuf_repository::NotaryRepository as NotaryFiles;
use sealift_core::tuf_repository::mirror::{Mirror, MirrorError};
use sealift_proof::tuf::{Dialect, Limits, TrustAnchor, TrustedState, update};
use sealift_tests::notary_repository::{GUN, NotaryRepository};
use sealift_tests::tuf_repository::now;

fn dialect() -> Dialect {
    Dialect::Notary(GUN.parse().unwrap())
}

fn files_of(mirror: &Path) -> PathBuf {
    mirror.join("v2").join(GUN).join("_trust/tuf")
}

/// The names of all files in a folder, with those of folders before them.
fn names(folder: &Path) -> BTreeSet<String> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|it| it.file_type().is_file());
    files.map(|it| it.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect()
}

/// A collection with two roots, and with tags in two roles.
fn collection() -> NotaryRepository {
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/releases", &[""]);
    repository.add_tag("targets", "1.0", b"one");
    repository.add_tag("targets/releases", "1.1", b"two");
    repository.bump("root");
    repository.publish_root();
    repository.bump("targets");
    repository.publish_next();
    repository
}

#[test]
fn a_mirror_has_each_file_under_every_name_that_clients_ask_for() {
    let (repository, folder) = (collection(), tempfile::tempdir().unwrap());
    Mirror::new(folder.path(), &dialect()).write_metadata(&repository.carried()).unwrap();
    let files = files_of(folder.path());
    let mut expected: BTreeSet<String> =
        ["1.root.json", "2.root.json", "root.json", "timestamp.json"].map(ToOwned::to_owned).into();
    for (role, carried) in [
        ("root", "2.root.json"),
        ("snapshot", "snapshot.json"),
        ("targets", "targets.json"),
        ("targets/releases", "targets%2Freleases.json"),
    ] {
        let bytes = &repository.files[carried];
        for name in [format!("{role}.json"), format!("{role}.{}.json", Digest::sha256(bytes).hex())] {
            assert_eq!(fs::read(files.join(&name)).unwrap(), *bytes, "{name}");
            expected.insert(name);
        }
    }
    assert_eq!(names(&files), expected);

    let dialect = dialect();
    let anchor = TrustAnchor { root: &repository.files["1.root.json"], dialect: &dialect };
    let mut served = NotaryFiles::in_folder(&files);
    let mut read = update(anchor, &TrustedState::default(), &mut served, now(), &Limits::default()).unwrap();
    for (tag, content) in [("1.0", b"one"), ("1.1", b"two")] {
        read.resolve(&mut served, tag).unwrap().unwrap().check(content).unwrap();
    }
}

#[test]
fn whoever_has_begun_to_read_the_collection_as_it_was_finds_the_rest_of_it() {
    let (mut repository, folder) = (collection(), tempfile::tempdir().unwrap());
    let mirror = Mirror::new(folder.path(), &dialect());
    mirror.write_metadata(&repository.carried()).unwrap();
    let before = names(&files_of(folder.path()));
    repository.add_tag("targets", "1.2", b"three");
    repository.bump("targets");
    repository.publish_next();
    mirror.write_metadata(&repository.carried()).unwrap();
    let after = names(&files_of(folder.path()));
    assert!(after.is_superset(&before) && after.len() > before.len(), "{after:?}");
}

#[test]
fn a_mirror_of_notary_does_not_go_back_and_stays_that_of_one_collection() {
    let (mut repository, folder) = (collection(), tempfile::tempdir().unwrap());
    let mirror = Mirror::new(folder.path(), &dialect());
    let first = repository.carried();
    repository.publish_next();
    mirror.write_metadata(&first).unwrap();
    mirror.write_metadata(&repository.carried()).unwrap();
    mirror.write_metadata(&repository.carried()).unwrap();
    let state = |folder: &Path| -> Vec<_> {
        let files = files_of(folder);
        names(&files).into_iter().map(|name| (fs::read(files.join(&name)).unwrap(), name)).collect()
    };
    let before = state(folder.path());
    let refused = mirror.write_metadata(&first).unwrap_err();
    assert!(
        matches!(&refused, MirrorError::Newer { there, offered, .. } if (there.timestamp, offered.timestamp) == (3, 2)),
        "{refused}"
    );
    let refused = mirror.write_metadata(&collection().carried()).unwrap_err();
    assert!(matches!(&refused, MirrorError::Other { root, .. } if root == "1.root.json"), "{refused}");
    assert!(before == state(folder.path()), "a refusal changed something");
}
