//! Thick bundles that travel as they are, because their makers vouch for the file itself.

use sealift_core::delivery_file::DeliveryForm;
use sealift_core::export::{ExportRequest, ItemOrigin, ItemRequest, PrepareError};
use sealift_core::import::Destination;
use sealift_core::thick_bundle::{ThickBundle, ThickBundleFile, ThickContentError};
use sealift_core::trust::ItemKind;
use sealift_core::verify::Selection;
use sealift_sample_publisher::Sample;
use sealift_serve::ServeError;
use sealift_tests::crossing::{BUNDLE, Crossing, Refused};
use sealift_tests::served::{add, gathering};

use super::*;

/// A thick bundle of the sample, and a crossing on which its makers vouch for it.
fn released() -> (Crossing, PathBuf) {
    let mut crossing = Crossing::new();
    let archive = crossing.archive();
    let path = crossing.path("shop.tgz");
    deliver(&mut crossing, &archive, &path);
    let file = fs::read(&path).unwrap();
    let mut sample = Sample::new(crossing.now).unwrap();
    sample.release(BUNDLE, "bundle.tgz", &digest(&file), file.len() as u64);
    let released = Crossing::of(&sample, crossing.now);
    let path = released.path("shop.tgz");
    fs::write(&path, file).unwrap();
    (released, path)
}

/// Delivers the bundle into a file.
fn deliver(crossing: &mut Crossing, archive: &[u8], path: &Path) {
    let (mut judged, selection) = (crossing.far.judge(archive).unwrap(), Selection::default());
    let (destination, sink) = Destination::new_file(path, DeliveryForm::ThickBundle, &mut judged, &selection).unwrap();
    let before = std::mem::replace(&mut crossing.far.destination, destination);
    crossing.far.import_from(&mut &*archive, &*sink).unwrap();
    crossing.far.destination = before;
}

fn request(path: &Path) -> ExportRequest {
    let SourceFile::ThickBundle(ThickBundle { bundle_json, images: Some(images) }) =
        SourceFile::open(path, None, &std::env::temp_dir(), &Unwatched).unwrap()
    else {
        panic!("not a thick bundle")
    };
    let file = Arc::new(ThickBundleFile::measure(path, &Unwatched).unwrap());
    let origin = ItemOrigin::ThickBundle { bundle_json, images: Arc::new(images), file };
    ExportRequest::new(vec![ItemRequest { name: BUNDLE.to_owned(), origin }])
}

#[test]
fn a_thick_bundle_crosses_byte_for_byte_and_what_is_in_it_is_delivered() {
    let (mut crossing, path) = released();
    let file = fs::read(&path).unwrap();
    let archive = crossing.export(&request(&path)).unwrap();
    assert!((archive.len() as u64) < file.len() as u64 + (100 << 10), "nothing large is carried twice");
    // Into a layout: the bundle, its images, and every blob of them.
    let delivered = crossing.far.accepts(&archive);
    let finding = &delivered.verified().judgement().findings().items[0];
    assert_eq!((finding.item.kind, finding.item.digest.clone()), (ItemKind::ThickBundle, digest(&file)));
    assert_eq!(finding.level().to_string(), "4");
    assert_eq!(crossing.far.tags().len(), 3);
    let layout = folder_content::files(&crossing.path("delivered"));
    let in_bundle = contents(&path).into_iter().filter_map(|(name, content)| {
        Some((PathBuf::from(name.strip_prefix("artifacts/layout/")?), content))
            .filter(|(name, _)| name.starts_with("blobs"))
    });
    let mut blobs = 0;
    for (name, content) in in_bundle {
        assert!(layout[&name] == content, "{}", name.display());
        blobs += 1;
    }
    assert!(blobs > 5, "{blobs}");
    // Into a file: the very file. And by position, as well as through a pipe.
    let out = crossing.path("out.tgz");
    deliver(&mut crossing, &archive, &out);
    assert!(fs::read(&out).unwrap() == file);
    fs::write(crossing.path("archive"), &archive).unwrap();
    let by_position = fs::File::open(crossing.path("archive")).unwrap();
    let transport = sealift_core::verify::Transport { file: Some(&by_position), ..Default::default() };
    crossing.far.judge(&*archive).unwrap().receive(&sealift_core::verify::Discard, &transport).unwrap();
    // Its layers cannot be read by position, so they are not served.
    let refused = add(&mut gathering("localhost"), &crossing.far, &by_position).unwrap_err();
    assert!(matches!(refused, ServeError::Packed { .. }), "{refused:?}");
}

#[test]
fn a_thick_bundle_that_the_far_side_would_refuse_is_not_exported() {
    let (crossing, path) = released();
    let honest = request(&path);
    // The list of what is in the file is read, and then the file is another one.
    let files = contents(&path).into_iter().filter(|(name, _)| !name.ends_with("oci-layout"));
    let cut: Vec<_> = files
        .map(|(name, content)| (name, if content.starts_with(&[0x1f, 0x8b]) { b"x".to_vec() } else { content }))
        .collect();
    let cut = cut.into_iter().fold(Tar::new(), |tar, (name, content)| tar.file(&name, &content));
    let cut = gzip(&cut.bytes());
    let mut sample = Sample::new(crossing.now).unwrap();
    sample.release(BUNDLE, "bundle.tgz", &digest(&cut), cut.len() as u64);
    let crossing = Crossing::of(&sample, crossing.now);
    let path = crossing.path("cut.tgz");
    fs::write(&path, cut).unwrap();
    let file = Arc::new(ThickBundleFile::measure(&path, &Unwatched).unwrap());
    let ItemOrigin::ThickBundle { bundle_json, images, .. } = honest.items[0].origin.clone() else { unreachable!() };
    let origin = ItemOrigin::ThickBundle { bundle_json, images, file };
    let refused = crossing.export(&ExportRequest::new(vec![ItemRequest { name: BUNDLE.to_owned(), origin }]));
    let Err(Refused::Prepare(PrepareError::ThickBundle(error))) = refused else { panic!("it is not whole") };
    assert!(matches!(error, ThickContentError::Blob { .. }), "{error:?}");
}

#[test]
fn a_layer_that_another_item_needs_is_an_entry() {
    let (crossing, path) = released();
    let web = ItemRequest {
        name: "example.com/demo/web:1.0.0".to_owned(),
        origin: ItemOrigin::Image(crossing.place("example.com/demo/web:1.0.0")),
    };
    let mut both = request(&path);
    both.items.push(web);
    let archive = crossing.export(&both).unwrap();
    crossing.far.accepts(&archive);
    let alone = crossing.export(&request(&path)).unwrap();
    let entries = |archive: &[u8]| crossing.far.judge(archive).unwrap().inventory().entries.len();
    assert!(entries(&archive) > entries(&alone), "its layers are entries");
}
