//! The TUF repositories at `/tuf/NAME/`, as TUF clients use them.

use std::fs::{self, File};
use std::process::Command;

use sealift_archive_format::Digest;
use sealift_sample_publisher::Sample;
use sealift_serve::{ServeError, ServerLimits};
use sealift_tests::crossing::{BUNDLE, Crossing};
use sealift_tests::malicious_exporter::REPOSITORY;
use sealift_tests::outside_programs;
use sealift_tests::served::{ServedArchives, add, gathering};

#[test]
fn ngclient_downloads_straight_from_an_archive() {
    let Some(python) = outside_programs::python_with("tuf.ngclient") else { return };
    let crossing = Crossing::new();
    let archive = crossing.path("shop.sealift");
    fs::write(&archive, crossing.archive()).unwrap();
    let served = ServedArchives::start(&crossing.far, &[&archive], ServerLimits::default(), None);
    let root = crossing.path("tuf/metadata/1.root.json");
    let mirror = format!("http://{}/tuf/{REPOSITORY}", served.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tuf/ngclient.py");
    let mut ngclient = Command::new(python);
    ngclient.arg(script).arg(mirror).arg(root).arg(crossing.path("work")).arg(BUNDLE);
    let output = ngclient.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let judged = crossing.far.judge(File::open(&archive).unwrap()).unwrap();
    let bundle: &Digest = judged.closed().bundle_files.keys().next().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), bundle.hex());
}

#[test]
fn files_of_a_mirror_have_ranges_and_what_it_does_not_have_is_not_found() {
    let crossing = Crossing::new();
    let archive = crossing.path("shop.sealift");
    fs::write(&archive, crossing.archive()).unwrap();
    let served = ServedArchives::start(&crossing.far, &[&archive], ServerLimits::default(), None);
    let timestamp = fs::read(crossing.path("tuf/metadata/timestamp.json")).unwrap();
    let target = format!("/tuf/{REPOSITORY}/metadata/timestamp.json");
    let whole = served.get(&target);
    assert_eq!((whole.status, whole.field("content-type"), &whole.content), (200, "application/json", &timestamp));
    assert_eq!(served.ask("GET", &target, "Range: bytes=1-3\r\n").content, timestamp[1..4]);
    for target in [
        format!("/tuf/{REPOSITORY}/"),
        format!("/tuf/{REPOSITORY}/metadata"),
        "/tuf/other/metadata/timestamp.json".to_owned(),
        "/tuf/".to_owned(),
    ] {
        assert_eq!(served.get(&target).status, 404, "{target}");
    }
}

#[test]
fn of_two_archives_the_newer_metadata_is_served_whichever_comes_first() {
    let now = Crossing::new().now;
    let mut sample = Sample::new(now).unwrap();
    let crossing = Crossing::of(&sample, now);
    let [older, newer] = ["older.sealift", "newer.sealift"].map(|name| crossing.path(name));
    fs::write(&older, crossing.archive()).unwrap();
    for role in [&mut sample.repository.timestamp, &mut sample.repository.snapshot] {
        role.version += 1;
    }
    crossing.publish(&sample);
    fs::write(&newer, crossing.archive()).unwrap();
    let timestamp = fs::read(crossing.path("tuf/metadata/timestamp.json")).unwrap();
    for order in [[&*older, &*newer], [&*newer, &*older]] {
        let served = ServedArchives::start(&crossing.far, &order, ServerLimits::default(), None);
        let got = served.get(&format!("/tuf/{REPOSITORY}/metadata/timestamp.json"));
        assert_eq!(got.content, timestamp);
    }
}

#[test]
fn two_repositories_of_one_name_are_not_served_as_one() {
    let (one, other) = (Crossing::new(), Crossing::new());
    let [first, second] = [&one, &other].map(|crossing| {
        let path = crossing.path("shop.sealift");
        fs::write(&path, crossing.archive()).unwrap();
        File::open(path).unwrap()
    });
    let mut gathering = gathering("localhost");
    add(&mut gathering, &one.far, &first).unwrap();
    let refused = add(&mut gathering, &other.far, &second).unwrap_err();
    let ServeError::OtherRoot { repository, root } = refused else { panic!("{refused:?}") };
    assert_eq!((repository.as_str(), root.as_str()), (REPOSITORY, "1.root.json"));
}
