//! From a file to an archive, and from the archive to a file of the same kind: with equal digests.

use proptest::prelude::*;
use sealift_core::delivery_file::{DeliveryFile, DeliveryFileError, DeliveryForm};
use sealift_core::docker_archive::DockerArchiveSource;
use sealift_core::export::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use sealift_core::import::{self, DeliveryError, DeliveryWishes, Destination, ImportError};
use sealift_core::oci::{ManifestBytes, Platforms, Reference};
use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::thick_bundle::ThickBundle;
use sealift_core::transfer::Source;
use sealift_core::verify::Selection;
use sealift_tests::crossing::{BUNDLE, Crossing, IMAGE, Refused};
use sealift_tests::generated_bundle::bundles;
use serde_json::{Value, json};

use super::docker_archives::Saved;
use super::*;

/// Imports into a file.
fn import(
    crossing: &mut Crossing,
    archive: &[u8],
    form: DeliveryForm,
    name: &str,
) -> Result<PathBuf, DeliveryFileError> {
    let path = crossing.path(name);
    let sink = DeliveryFile::of(&path, form, &mut crossing.far.judge(archive).unwrap(), &Selection::default())?;
    let before = fs::read(crossing.path("far/deliveries.json")).ok();
    crossing.far.destination = Destination::File { form };
    crossing.far.import_from(&mut &*archive, &sink).unwrap();
    assert_eq!(fs::read(crossing.path("far/deliveries.json")).ok(), before, "a file sets no tag that is remembered");
    Ok(path)
}

fn request(name: &str, origin: ItemOrigin) -> ExportRequest {
    let items = vec![ItemRequest { name: name.to_owned(), origin }];
    ExportRequest::new(items)
}

fn open(path: &Path) -> SourceFile {
    SourceFile::open(path, None, &std::env::temp_dir(), &Unwatched).unwrap()
}

/// The request for the image in a file.
fn image_in(path: &Path) -> ExportRequest {
    let reference = IMAGE.parse().unwrap();
    let source: Arc<dyn Source> = match open(path) {
        SourceFile::Layout(layout) => Arc::new(layout),
        SourceFile::DockerArchive(archive) => Arc::new(archive),
        SourceFile::ThinBundle | SourceFile::ThickBundle(_) => panic!("not an image"),
    };
    request(IMAGE, ItemOrigin::Image(SourceReference { source, reference }))
}

/// The request for the bundle in a file.
fn bundle_in(path: &Path) -> ExportRequest {
    let SourceFile::ThickBundle(ThickBundle { bundle_json, images: Some(images) }) = open(path) else {
        panic!("not a thick bundle")
    };
    let images = ImagesFrom::TheirReferences(Arc::new(images));
    request(BUNDLE, ItemOrigin::ThinBundle { bundle_json, images })
}

fn layers() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_docker_archive_comes_out_with_the_digests_that_it_went_in_with(contents in layers()) {
        let layers: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let mut crossing = Crossing::of_images();
        let saved = crossing.path("saved.tar");
        let tags = serde_json::json!([IMAGE]);
        fs::write(&saved, Saved { tags, ..Saved::image(&layers) }.tar().bytes()).unwrap();
        let first = crossing.export(&image_in(&saved)).unwrap();
        let out = import(&mut crossing, &first, DeliveryForm::DockerArchive, "out.tar").unwrap();
        let second = crossing.export(&image_in(&out)).unwrap();
        // What comes out is what went in. That the manifest was made by an export is sealed where it was made, and only there.
        let sealed = |archive: &[u8]| {
            let judged = crossing.far.judge(archive).unwrap();
            let inventory = judged.inventory();
            let entries = inventory.entries.iter().map(|entry| (entry.name.as_str().to_owned(), entry.digest.clone()));
            (entries.collect::<Vec<_>>(), inventory.all_images().next().unwrap().made_from.is_some())
        };
        let (entries, is_made) = sealed(&first);
        prop_assert_eq!(sealed(&second), (entries, false));
        prop_assert!(is_made);
        // Without the layout, what is left is a docker-archive as it was before Docker 25: the manifest is made again, the same.
        let files = contents_without_layout(&out);
        let place = Place::of(&files);
        let source = DockerArchiveSource::open(place.tarball().unwrap(), &Unwatched).unwrap();
        let made = source.resolve(&IMAGE.parse().unwrap()).unwrap();
        let carried = crossing.far.judge(&*first).unwrap().inventory().items[0].descriptor().digest.clone();
        prop_assert_eq!(&made.descriptor().digest, &carried);
    }

    #[test]
    fn a_bundle_comes_out_of_a_thick_bundle_with_the_digests_that_it_went_in_with(bundle in bundles()) {
        let mut crossing = Crossing::of_images();
        bundle.push_images(&LayoutSink::open(&crossing.path("layout")).unwrap()).unwrap();
        let (bundle_json, images) = (bundle.bundle_json.clone(), ImagesFrom::TheirReferences(crossing.layout()));
        let archive = crossing.export(&request(BUNDLE, ItemOrigin::ThinBundle { bundle_json, images })).unwrap();
        let first = import(&mut crossing, &archive, DeliveryForm::ThickBundle, "first.tgz").unwrap();
        let files = contents(&first);
        prop_assert!(files["bundle.json"] == bundle.bundle_json);
        for (name, image) in &bundle.images {
            let manifests = image.manifests.iter().map(|it| (&it.descriptor().digest, it.bytes()));
            let blobs = image.blobs.iter().map(|(digest, (_, content))| (digest, content.as_slice()));
            for (digest, content) in manifests.chain(blobs) {
                let path = format!("artifacts/layout/blobs/sha256/{}", digest.hex());
                prop_assert!(files.get(&path).is_some_and(|found| found == content), "{}: {}", name, digest);
            }
        }
        let again = crossing.export(&bundle_in(&first)).unwrap();
        prop_assert!(again == archive, "what comes out is what went in");
        let second = import(&mut crossing, &again, DeliveryForm::ThickBundle, "second.tgz").unwrap();
        prop_assert!(contents(&second) == files, "file by file");
    }

    #[test]
    fn a_layout_archive_comes_out_with_the_digests_that_it_went_in_with(contents in layers()) {
        let files: Vec<(String, Vec<u8>)> = contents.into_iter().enumerate().map(|(at, it)| (format!("f{at}"), it)).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let image = Image::index(&[Image::new("linux/amd64", &files), Image::new("linux/arm64", &files)]);
        let mut crossing = Crossing::of_images();
        let layout = layout_files(&[(IMAGE, &image)]);
        for bytes in [Tar::new().files("./", &layout).bytes(), gzip(&Tar::new().files("", &layout).bytes())] {
            fs::write(crossing.path("in.tar"), bytes).unwrap();
            let first = crossing.export(&image_in(&crossing.path("in.tar"))).unwrap();
            let out = import(&mut crossing, &first, DeliveryForm::LayoutArchive, "out.tar").unwrap();
            prop_assert!(first == crossing.export(&image_in(&out)).unwrap());
            prop_assert!(layout_of(&out) == layout_of(&crossing.path("in.tar")), "blob by blob");
            fs::remove_file(out).unwrap();
        }
    }
}

/// A docker-archive without what is a layout in it.
fn contents_without_layout(path: &Path) -> Vec<u8> {
    let files = contents(path).into_iter().filter(|(name, _)| name != "oci-layout" && name != "index.json");
    files.fold(Tar::new(), |tar, (name, content)| tar.file(&name, &content)).bytes()
}

/// The blobs of a layout archive.
fn layout_of(path: &Path) -> BTreeMap<String, Vec<u8>> {
    contents(path).into_iter().filter(|(name, _)| name.starts_with("blobs/")).collect()
}

#[test]
fn a_signed_bundle_comes_out_of_a_thick_bundle_as_it_went_in() {
    let mut crossing = Crossing::new();
    let signed = crossing.archive();
    let first = import(&mut crossing, &signed, DeliveryForm::ThickBundle, "first.tgz").unwrap();
    let files = contents(&first);
    let bundle = crossing.far.judge(&*signed).unwrap().inventory().items[0].descriptor().digest.clone();
    assert_eq!(digest(&files["bundle.json"]), bundle, "byte for byte what was signed");
    let mapping: BTreeMap<String, String> = serde_json::from_slice(&files["relocation-mapping.json"]).unwrap();
    let index: Value = serde_json::from_slice(&files["artifacts/layout/index.json"]).unwrap();
    let names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["annotations"]["org.opencontainers.image.ref.name"].as_str())
        .collect();
    assert!(!mapping.is_empty());
    for (original, relocated) in &mapping {
        assert!(
            names.contains(&original.as_str()) && names.contains(&relocated.as_str()),
            "{original}, {relocated}: {names:?}"
        );
    }
    // TUF vouches for bundle.json, so what is exported from the thick bundle is judged like what came from the registry.
    let again = crossing.export(&bundle_in(&first)).unwrap();
    let images = |archive: &[u8]| crossing.far.judge(archive).unwrap().inventory().items[0].parts().to_vec();
    let (before, after) = (images(&signed), images(&again));
    assert_eq!(
        before.iter().map(|it| &it.descriptor.digest).collect::<Vec<_>>(),
        after.iter().map(|it| &it.descriptor.digest).collect::<Vec<_>>()
    );
    let second = import(&mut crossing, &again, DeliveryForm::ThickBundle, "second.tgz").unwrap();
    assert!(contents(&first) == contents(&second), "file by file");
    let third = import(&mut crossing, &again, DeliveryForm::ThickBundle, "third.tgz").unwrap();
    assert!(fs::read(second).unwrap() == fs::read(third).unwrap(), "the same archive makes the same file");
}

#[test]
fn a_form_that_cannot_hold_an_archive_refuses_it_before_anything_is_written() {
    let mut crossing = Crossing::of_images();
    crossing.publish_image(&Image::for_two_platforms("app"), &[]);
    let archive = crossing.archive();
    let refused = import(&mut crossing, &archive, DeliveryForm::DockerArchive, "out.tar");
    assert!(matches!(refused, Err(DeliveryFileError::SeveralPlatforms { .. })));
    let refused = import(&mut crossing, &archive, DeliveryForm::ThickBundle, "out.tgz");
    assert!(matches!(refused, Err(DeliveryFileError::NotOneBundle { bundles: 0, images: 1 })));
    assert!(!crossing.path("out.tar").exists() && !crossing.path("out.tgz").exists());
    // One platform of it is an image that a docker-archive holds.
    let request =
        ExportRequest { platforms: Platforms::Only(vec!["linux/arm64".parse().unwrap()]), ..crossing.request() };
    let archive = crossing.export(&request).unwrap();
    let out = import(&mut crossing, &archive, DeliveryForm::DockerArchive, "out.tar").unwrap();
    let index: Value = serde_json::from_slice(&contents(&out)["index.json"]).unwrap();
    assert_eq!(
        index["manifests"][0]["mediaType"], "application/vnd.oci.image.manifest.v1+json",
        "not an index with holes"
    );
}

#[test]
fn a_thick_bundle_is_whole() {
    let mut crossing = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    crossing.publish_image(&image, &[]);
    let named = json!({"image": IMAGE, "imageType": "oci", "contentDigest": image.root().descriptor().digest});
    let bundle_json =
        json!({"schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", "invocationImages": [named]});
    let images = ImagesFrom::TheirReferences(crossing.layout());
    let origin = ItemOrigin::ThinBundle { bundle_json: bundle_json.to_string().into_bytes(), images };
    let whole = request(BUNDLE, origin);
    let one = Platforms::Only(vec!["linux/arm64".parse().unwrap()]);
    let part = crossing.export(&ExportRequest { platforms: one.clone(), ..whole.clone() }).unwrap();
    let whole = crossing.export(&whole).unwrap();
    for (archive, platforms) in [(&part, Platforms::All), (&whole, one)] {
        let selection = Selection { platforms, ..Selection::default() };
        let (path, mut judged) = (crossing.path("out.tgz"), crossing.far.judge(&**archive).unwrap());
        let refused = DeliveryFile::of(&path, DeliveryForm::ThickBundle, &mut judged, &selection).err();
        let Some(DeliveryFileError::NotWhole { name, left_out }) = &refused else { panic!("{refused:?}") };
        assert_eq!((name.as_str(), left_out.as_slice()), (IMAGE, &["linux/amd64".to_owned()][..]));
        assert!(!path.exists());
    }
    import(&mut crossing, &whole, DeliveryForm::ThickBundle, "out.tgz").unwrap();
}

#[test]
fn a_file_of_a_pipe_is_that_of_the_archive_in_a_file() {
    let mut crossing = Crossing::of_images();
    let large = vec![7; 3 << 20];
    crossing.publish_image(&Image::new("linux/amd64", &[("a", b"small"), ("b", &large), ("c", b"small too")]), &[]);
    let archive = crossing.archive();
    let piped = import(&mut crossing, &archive, DeliveryForm::LayoutArchive, "piped.tar").unwrap();
    fs::write(crossing.path("archive"), &archive).unwrap();
    let file = fs::File::open(crossing.path("archive")).unwrap();
    let (path, form) = (crossing.path("filed.tar"), DeliveryForm::LayoutArchive);
    let mut judged = crossing.far.judge(&*archive).unwrap();
    let sink = DeliveryFile::of(&path, form, &mut judged, &Selection::default()).unwrap();
    let transport = sealift_core::verify::Transport { file: Some(&file), ..Default::default() };
    let (destination, store) = (Destination::File { form }, crossing.far.store());
    import::deliver(judged, &destination, &DeliveryWishes::default(), &store, &sink, &transport).unwrap();
    assert!(fs::read(piped).unwrap() == fs::read(path).unwrap());
}

/// What a delivery into a file leaves behind, by name.
fn left_behind(crossing: &mut Crossing, form: DeliveryForm, name: &str) -> Vec<(String, usize)> {
    let archive = crossing.archive();
    let mut judged = crossing.far.judge(&*archive).unwrap();
    let sink = DeliveryFile::of(&crossing.path(name), form, &mut judged, &Selection::default()).unwrap();
    crossing.far.destination = Destination::File { form };
    let delivered = crossing.far.import_from(&mut &*archive, &sink).unwrap();
    delivered.left_behind.into_iter().map(|it| (it.reference, it.count)).collect()
}

#[test]
fn what_hangs_off_something_and_has_no_place_in_a_file_is_said_to_be_left_behind() {
    let mut crossing = Crossing::new();
    let name: Reference = BUNDLE.parse().unwrap();
    let index = crossing.layout().resolve(&name).unwrap();
    let note = |subject: &ManifestBytes| Image::referrer(subject.descriptor(), "text/plain", b"a note");
    note(&index).store(&LayoutSink::open(&crossing.path("layout")).unwrap(), name.repository()).unwrap();
    assert_eq!(left_behind(&mut crossing, DeliveryForm::ThickBundle, "a.tgz"), [(BUNDLE.to_owned(), 1)]);
    assert_eq!(left_behind(&mut crossing, DeliveryForm::LayoutArchive, "a.tar"), []);
    let mut crossing = Crossing::of_images();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    crossing.publish_image(&image, &[note(image.root())]);
    assert_eq!(left_behind(&mut crossing, DeliveryForm::DockerArchive, "b.tar"), [(IMAGE.to_owned(), 1)]);
    assert_eq!(left_behind(&mut crossing, DeliveryForm::LayoutArchive, "c.tar"), []);
}

#[test]
fn a_file_that_cannot_be_written_is_what_the_remedy_is_about() {
    let mut crossing = Crossing::of_images();
    crossing.publish_image(&Image::new("linux/amd64", &[("a", b"a")]), &[]);
    let archive = crossing.archive();
    let (path, form) = (crossing.path("out.tar"), DeliveryForm::LayoutArchive);
    let sink =
        DeliveryFile::of(&path, form, &mut crossing.far.judge(&*archive).unwrap(), &Selection::default()).unwrap();
    fs::write(&path, "somebody was faster").unwrap();
    crossing.far.destination = Destination::File { form };
    let Err(Refused::Import(error)) = crossing.far.import_from(&mut &*archive, &sink) else { panic!("it is taken") };
    assert_eq!(error.remedy(), Remedy::DeliverUnderAnotherName { path });
}

#[test]
fn what_cannot_be_shown_at_the_end_is_not_remembered() {
    let mut crossing = Crossing::new();
    let archive = crossing.archive();
    let (path, form) = (crossing.path("out.tar"), DeliveryForm::LayoutArchive);
    let sink =
        DeliveryFile::of(&path, form, &mut crossing.far.judge(&*archive).unwrap(), &Selection::default()).unwrap();
    fs::write(&path, "somebody was faster").unwrap();
    crossing.far.destination = Destination::File { form };
    let accepted = crossing.far.accepted();
    let Err(Refused::Import(ImportError::Delivery(DeliveryError::Finish(error)))) =
        crossing.far.import_from(&mut &*archive, &sink)
    else {
        panic!("it has nowhere to go")
    };
    assert!(matches!(error.reason(), Some(DeliveryFileError::Exists { .. })), "{error:?}");
    assert_eq!(crossing.far.accepted(), accepted, "the trusted state has not moved");
}
