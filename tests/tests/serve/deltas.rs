//! Deltas: what one archive leaves out is served from another one, and else nothing is served.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use sealift_archive_format::{Digest, Inventory, Reader};
use sealift_core::export::Base;
use sealift_core::layout::LayoutSink;
use sealift_core::progress::Unwatched;
use sealift_core::verify::{SelectedNames, Selection, SelectionError, Transport};
use sealift_serve::{ServeError, ServerLimits};
use sealift_tests::crossing::Crossing;
use sealift_tests::images::Image;
use sealift_tests::served::{ServedArchives, add, gathering};
use sealift_tests::weekly_image::{sent, weekly_image};

/// Weeks, each with an image of its own name.
struct Weeks {
    sides: Crossing,
    /// What is served of each week: the repository, the tag and the image.
    images: Vec<(String, String, Image)>,
    whole: Vec<PathBuf>,
    deltas: Vec<PathBuf>,
}

impl Weeks {
    /// The images are in one repository, or each in one of its own. Each delta rests on all archives before it.
    fn new(count: usize, repository: impl Fn(usize) -> String) -> Self {
        let mut sides = Crossing::of_images();
        let (mut images, mut whole, mut deltas) = (Vec::new(), Vec::new(), Vec::new());
        for week in 1..=count {
            sides.wait(SignedDuration::from_hours(24));
            let (repository, image) = (repository(week), weekly_image(week));
            let name = format!("{repository}:{week}");
            image.push(&LayoutSink::open(&sides.path("layout")).unwrap(), &name.parse().unwrap()).unwrap();
            let before = deltas.iter().map(|path: &PathBuf| sent(&fs::read(path).unwrap())).collect::<Vec<_>>();
            let request = sides.image_request(&name);
            let all = sides.export(&request).unwrap();
            let delta =
                if before.is_empty() { all.clone() } else { sides.delta(&request, &Base::of_archives(before, [])) };
            for (kind, archive, archives) in [("whole", all, &mut whole), ("delta", delta, &mut deltas)] {
                let path = sides.path(&format!("{kind}-{week}.sealift"));
                fs::write(&path, archive).unwrap();
                archives.push(path);
            }
            images.push((repository, week.to_string(), image));
        }
        Self { sides, images, whole, deltas }
    }

    fn served(&self, archives: &[PathBuf]) -> ServedArchives {
        let archives: Vec<&Path> = archives.iter().map(PathBuf::as_path).collect();
        ServedArchives::start(&self.sides.far, &archives, ServerLimits::default(), None)
    }
}

/// What an archive leaves out.
fn absent(archive: &Path) -> Vec<Digest> {
    let archive = fs::read(archive).unwrap();
    let inventory = Inventory::parse(Reader::open(&*archive).unwrap().seal().statement()).unwrap();
    inventory.absent().map(|entry| entry.digest.clone()).collect()
}

fn in_one_repository(_: usize) -> String {
    "example.com/org/app".to_owned()
}

#[test]
fn a_chain_of_five_deltas_serves_what_five_whole_archives_serve_in_any_order() {
    let weeks = Weeks::new(5, in_one_repository);
    assert!(weeks.deltas.iter().skip(1).all(|delta| absent(delta).len() == 2));
    let whole = weeks.served(&weeks.whole);
    let mut orders = vec![weeks.deltas.clone(); 3];
    orders[1].reverse();
    orders[2].swap(0, 2);
    for order in orders {
        let deltas = weeks.served(&order);
        let both = |target: &str| {
            let [one, other] = [&whole, &deltas].map(|it| it.get(target));
            assert!(one.status == 200 && one.content == other.content, "{target}: {}", other.status);
            one.content
        };
        both("/v2/_catalog");
        for (repository, tag, image) in &weeks.images {
            both(&format!("/v2/{repository}/tags/list"));
            assert_eq!(both(&format!("/v2/{repository}/manifests/{tag}")), image.root().bytes());
            for (digest, (_, content)) in &image.blobs {
                assert_eq!(both(&format!("/v2/{repository}/blobs/{digest}")), *content);
            }
        }
        let (repository, _, image) = &weeks.images[4];
        for digest in image.blobs.keys() {
            let part = deltas.ask("GET", &format!("/v2/{repository}/blobs/{digest}"), "Range: bytes=1-3\r\n");
            assert!(part.status == 206 && part.content.len() <= 3, "{}", part.status);
        }
    }
}

#[test]
fn a_layer_that_another_archive_brings_is_served_only_below_the_names_that_have_it() {
    let weeks = Weeks::new(2, |week| format!("example.com/org/app-{week}"));
    let served = weeks.served(&weeks.deltas);
    let [(first, _, one), (second, _, other)] = &weeks.images[..] else { panic!("two weeks") };
    let status = |repository: &str, digest: &Digest| served.get(&format!("/v2/{repository}/blobs/{digest}")).status;
    for digest in absent(&weeks.deltas[1]) {
        assert_eq!((status(first, &digest), status(second, &digest)), (200, 200));
    }
    for digest in one.blobs.keys().filter(|digest| !other.blobs.contains_key(*digest)) {
        assert_eq!((status(first, digest), status(second, digest)), (200, 404));
    }
}

#[test]
fn nothing_is_served_while_a_layer_is_in_none_of_the_archives() {
    let weeks = Weeks::new(3, in_one_repository);
    let files: Vec<File> = weeks.deltas.iter().map(|path| File::open(path).unwrap()).collect();
    let mut gathering = gathering("localhost");
    for file in files.iter().skip(1) {
        add(&mut gathering, &weeks.sides.far, file).unwrap();
    }
    let refused = gathering.complete(&Unwatched).err().unwrap();
    let said = refused.to_string();
    let ServeError::Lacking { archives, blobs, unknown } = refused else { panic!("{refused:?}") };
    let first = fs::read(&weeks.deltas[0]).unwrap();
    let statement = Reader::open(&*first).unwrap().seal().statement_digest();
    assert_eq!((archives.len(), blobs.len(), &*unknown), (2, 2, &[statement.clone()][..]), "{said}");
    let carried = weeks.images[0].2.blobs.keys();
    assert!(blobs.iter().all(|blob| carried.clone().any(|digest| *digest == blob.digest)));
    for part in [
        "2 layers that the archive and the archive leave out are in none of the archives: sha256:",
        &format!("; they rest on archive {statement}, which is not among them"),
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn what_is_not_chosen_is_not_served_and_is_there_for_deltas_all_the_same() {
    let mut weeks = Weeks::new(3, in_one_repository);
    let (repository, tag, image) = weeks.images[2].clone();
    weeks.sides.far.selection = choose(&[&format!("{repository}:{tag}")]);
    let served = weeks.served(&weeks.deltas);
    assert_eq!(served.get(&format!("/v2/{repository}/tags/list")).json()["tags"], serde_json::json!([tag]));
    for (digest, (_, content)) in &image.blobs {
        assert_eq!(served.get(&format!("/v2/{repository}/blobs/{digest}")).content, *content);
    }
    let others = weeks.images[0].2.blobs.keys().filter(|digest| !image.blobs.contains_key(*digest));
    for digest in others {
        assert_eq!(served.get(&format!("/v2/{repository}/blobs/{digest}")).status, 404);
    }
}

#[test]
fn a_name_that_none_of_the_archives_has_is_refused_and_those_that_they_have_are_named() {
    let weeks = Weeks::new(2, in_one_repository);
    let judged = |paths: &[PathBuf]| -> Vec<_> {
        paths.iter().map(|path| weeks.sides.far.judge(File::open(path).unwrap()).unwrap()).collect()
    };
    let missing = choose(&["example.com/org/app:1", "example.com/org/app:9"]);
    match missing.shared_out(&judged(&weeks.deltas)) {
        Err(SelectionError::NameInNone { name, archives: 2, there }) => {
            assert_eq!(name.to_string(), "example.com/org/app:9");
            assert_eq!(there, ["example.com/org/app:1", "example.com/org/app:2"]);
        }
        other => panic!("{other:?}"),
    }
    let of_one = missing.shared_out(&judged(&weeks.deltas[..1]));
    assert!(matches!(of_one, Err(SelectionError::Name { .. })), "{of_one:?}");
}

#[test]
fn a_layer_that_has_changed_before_it_is_read_once_more_is_not_served() {
    let weeks = Weeks::new(2, in_one_repository);
    let (far, files) =
        (&weeks.sides.far, weeks.deltas.iter().map(|path| File::open(path).unwrap()).collect::<Vec<_>>());
    let mut gathering = gathering("localhost");
    let judged: Vec<_> = files.iter().map(|file| far.judge(file.try_clone().unwrap()).unwrap()).collect();
    let selections = choose(&["example.com/org/app:2"]).shared_out(&judged).unwrap();
    for ((file, judged), selection) in files.iter().zip(judged).zip(selections) {
        gathering.add(judged, ("it", file), selection, &Transport::default()).unwrap();
    }
    // The layers come last, and then 1,024 bytes that end the archive.
    let length = files[0].metadata().unwrap().len();
    let first = fs::OpenOptions::new().write(true).open(&weeks.deltas[0]).unwrap();
    first.write_all_at(&[1; 1_000], length - 2_500).unwrap();
    let refused = gathering.complete(&Unwatched).err().unwrap();
    assert!(matches!(refused, ServeError::Changed { .. } | ServeError::Format(_)), "{refused:?}");
}

fn choose(names: &[&str]) -> Selection {
    let names = SelectedNames::Only(names.iter().map(|name| name.parse().unwrap()).collect());
    Selection { names, ..Selection::default() }
}

#[test]
fn a_layer_of_another_length_than_is_sealed_does_not_stand_for_one_that_is_left_out() {
    let mut weeks = Weeks::new(1, in_one_repository);
    weeks.sides.wait(SignedDuration::from_hours(24));
    let image = weekly_image(1);
    let mut document: serde_json::Value = serde_json::from_slice(image.root().bytes()).unwrap();
    let size = document["layers"][0]["size"].as_u64().unwrap() + 1;
    document["layers"][0]["size"] = size.into();
    let name = "example.com/org/app:lie";
    let lie = image.with_manifest(&document);
    lie.push(&LayoutSink::open(&weeks.sides.path("layout")).unwrap(), &name.parse().unwrap()).unwrap();
    let base = Base::of_archives(vec![sent(&fs::read(&weeks.whole[0]).unwrap())], []);
    let path = weeks.sides.path("lie.sealift");
    fs::write(&path, weeks.sides.delta(&weeks.sides.image_request(name), &base)).unwrap();
    let files = [&weeks.whole[0], &path].map(|path| File::open(path).unwrap());
    let mut gathering = gathering("localhost");
    files.iter().for_each(|file| add(&mut gathering, &weeks.sides.far, file).unwrap());
    match gathering.complete(&Unwatched).err() {
        Some(ServeError::Lacking { blobs, .. }) => assert!(blobs.len() == 1 && blobs[0].size == size, "{blobs:?}"),
        other => panic!("{other:?}"),
    }
}
