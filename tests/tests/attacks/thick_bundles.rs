//! Thick bundles that travel as they are: TUF vouches for the file, and the file is not what the rest of the archive says.

use flate2::write::GzEncoder;
use sealift_archive_format::inventory::{DescriptorRecord, ImageRole, ThickBundleRecord};
use sealift_archive_format::{Digest, DigestAlgorithm, Problem};
use sealift_core::import::ImportError;
use sealift_core::thick_bundle::ThickContentError;
use sealift_core::trust::JudgementError;
use sealift_core::verify::{DocumentError, HeadError, ReceiveError};
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::image_record;
use serde_json::json;

use super::*;

/// The files in a thick bundle, in order.
type Files = Vec<(String, Vec<u8>)>;

fn tgz(files: &Files) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn thick_bundle(file: &[u8]) -> ThickBundleRecord {
    let (digest, size) = (Digest::sha256(file), file.len() as u64);
    let descriptor = DescriptorRecord { digest, media_type: "application/gzip".to_owned(), size };
    ThickBundleRecord { descriptor, sha512: Digest::of(DigestAlgorithm::Sha512, file) }
}

fn is_layer(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// What a thick bundle of the sample holds.
fn files_of(consignment: &Consignment) -> Files {
    let name = |digest: &Digest| format!("artifacts/layout/blobs/sha256/{}", digest.hex());
    let mut files: Files = consignment.blobs.iter().map(|(digest, bytes)| (name(digest), bytes.clone())).collect();
    let bundle = &consignment.bundles[0].descriptor.digest;
    let (_, bundle) = consignment.blobs.iter().find(|(digest, _)| digest == bundle).unwrap();
    files.insert(0, ("bundle.json".to_owned(), bundle.clone()));
    files
}

/// An archive with this thick bundle, for which TUF vouches, in the place of what is in it.
fn consignment_with(file: &[u8]) -> (Sample, Consignment) {
    consignment_listed_by(&Digest::sha256(file), file)
}

/// The same, where TUF lists this digest alone.
fn consignment_listed_by(digest: &Digest, file: &[u8]) -> (Sample, Consignment) {
    let mut sample = sample();
    sample.release(BUNDLE, "bundle.tgz", digest, file.len() as u64);
    let mut consignment = consignment(&sample);
    consignment.blobs.retain(|(_, bytes)| !is_layer(bytes));
    consignment.blobs.push((Digest::sha256(file), file.to_vec()));
    consignment.bundles[0].thick_bundle = Some(thick_bundle(file));
    (sample, consignment)
}

fn refusal(sample: &Sample, consignment: &Consignment) -> Refused {
    FarSide::trusting(sample, hours(1)).refuses(&consignment.archive())
}

/// What is refused in a thick bundle with these files.
fn refused_content(change: impl FnOnce(&mut Files)) -> ThickContentError {
    let mut files = files_of(&consignment(&sample()));
    change(&mut files);
    let (sample, consignment) = consignment_with(&tgz(&files));
    content(refusal(&sample, &consignment))
}

fn content(refused: Refused) -> ThickContentError {
    match refused {
        Refused::Import(ImportError::Receive(ReceiveError::ThickBundle(error))) => error,
        other => panic!("not a matter of a thick bundle: {other:?}"),
    }
}

fn layer(files: &mut Files) -> &mut (String, Vec<u8>) {
    files.iter_mut().find(|(_, content)| is_layer(content)).unwrap()
}

#[test]
fn a_thick_bundle_that_is_right_is_accepted() {
    let (sample, consignment) = consignment_with(&tgz(&files_of(&consignment(&sample()))));
    let far = FarSide::trusting(&sample, hours(1));
    let delivered = far.accepts(&consignment.archive());
    assert_eq!(delivered.verified().judgement().findings().items[0].level().to_string(), "4");
    assert_eq!(far.tags().len(), 3, "the bundle and its images");
}

#[test]
fn a_thick_bundle_of_which_tuf_lists_the_sha512_alone_is_accepted_by_that() {
    let file = tgz(&files_of(&consignment(&sample())));
    let (sample, mut consignment) = consignment_listed_by(&Digest::of(DigestAlgorithm::Sha512, &file), &file);
    FarSide::trusting(&sample, hours(1)).accepts(&consignment.archive());
    consignment.bundles[0].thick_bundle.as_mut().unwrap().sha512 = Digest::of(DigestAlgorithm::Sha512, b"another");
    let error = refusal(&sample, &consignment).head();
    assert_error!(error, HeadError::Judgement(JudgementError::Binding { .. }));
}

#[test]
fn a_thick_bundle_with_another_bundle_json_is_refused() {
    let error = refused_content(|files| files[0].1 = br#"{"name":"other"}"#.to_vec());
    assert_error!(error, ThickContentError::OtherBundle { found, .. } if found == Digest::sha256(br#"{"name":"other"}"#));
    let error = refused_content(|files| {
        let second = ("bundle.cnab".to_owned(), files[0].1.clone());
        files.push(second);
    });
    assert_error!(error, ThickContentError::NotOneBundle { .. });
    let error = refused_content(|files| drop(files.remove(0)));
    assert_error!(error, ThickContentError::NotOneBundle { .. });
}

#[test]
fn a_thick_bundle_without_a_part_of_its_images_is_refused() {
    let error = refused_content(|files| layer(files).0.push_str("-not-here"));
    assert_error!(error, ThickContentError::Missing { .. });
}

#[test]
fn a_layer_in_a_thick_bundle_that_is_not_its_digest_is_refused() {
    let error = refused_content(|files| *layer(files).1.last_mut().unwrap() ^= 1);
    assert_error!(error, ThickContentError::Blob { .. });
    let error = refused_content(|files| layer(files).1.push(0));
    assert_error!(error, ThickContentError::Blob { .. });
}

#[test]
fn a_thick_bundle_with_two_files_of_one_name_is_refused() {
    let error = refused_content(|files| {
        let again = layer(files).clone();
        files.push(again);
    });
    assert_error!(error, ThickContentError::Tarball { .. });
}

#[test]
fn what_is_not_a_tar_file_is_not_a_thick_bundle() {
    let whole = tgz(&files_of(&consignment(&sample())));
    for file in [&b"neither compressed nor a tar file"[..], &whole[..whole.len() - 1], &[&whole[..], b"more"].concat()]
    {
        let (sample, consignment) = consignment_with(file);
        assert_error!(content(refusal(&sample, &consignment)), ThickContentError::Tarball { .. });
    }
}

/// A target may list SHA-512 alone, so what an archive says about that is held to the file.
#[test]
fn a_thick_bundle_with_another_sha512_than_was_stated_is_refused() {
    let (sample, mut consignment) = consignment_with(&tgz(&files_of(&consignment(&sample()))));
    let record = consignment.bundles[0].thick_bundle.as_mut().unwrap();
    record.sha512 = Digest::of(DigestAlgorithm::Sha512, b"something else");
    assert_error!(content(refusal(&sample, &consignment)), ThickContentError::Digest { .. });
}

#[test]
fn a_thick_bundle_for_which_nobody_vouches_is_refused() {
    let files = files_of(&consignment(&sample()));
    let (_, consignment) = consignment_with(&tgz(&files));
    let other = tgz(&files[..files.len() - 1].to_vec());
    let (sample, _) = consignment_with(&other);
    let refused =
        refusal(&sample, &Consignment { repositories: super::consignment(&sample).repositories, ..consignment });
    assert_error!(refused.head(), HeadError::Judgement(JudgementError::Binding { .. }));
}

/// Its makers vouch for the file: what they released as a thin bundle is not that, and the other way round.
#[test]
fn a_thin_bundle_in_the_place_of_a_thick_one_is_refused() {
    let (sample, mut consignment) = consignment_with(&tgz(&files_of(&consignment(&sample()))));
    consignment.blobs = super::consignment(&sample).blobs;
    consignment.bundles[0].thick_bundle = None;
    let refused = refusal(&sample, &consignment);
    assert_error!(refused.head(), HeadError::Judgement(JudgementError::Binding { .. }));
}

#[test]
fn a_layer_that_is_carried_twice_is_refused() {
    let (sample, mut consignment) = consignment_with(&tgz(&files_of(&consignment(&sample()))));
    let mut files = files_of(&super::consignment(&sample));
    let (_, bytes) = layer(&mut files).clone();
    let file = consignment.blobs.pop().unwrap();
    consignment.blobs.push((Digest::sha256(&bytes), bytes.clone()));
    consignment.blobs.push(file);
    let refused = refusal(&sample, &consignment);
    assert_error!(refused.head(), HeadError::Documents(DocumentError::Stray { digest }) if digest == Digest::sha256(&bytes));
}

/// Otherwise it would be read once as what it is, and once as what it holds.
#[test]
fn a_thick_bundle_that_is_something_else_besides_is_refused() {
    // As bundle.json.
    let mut sample = sample();
    let document = consignment(&sample).bundles[0].descriptor.clone();
    sample.release(BUNDLE, "bundle.tgz", &document.digest, document.size);
    let mut as_document = consignment(&sample);
    let (_, bytes) = as_document.blobs.iter().find(|(digest, _)| *digest == document.digest).unwrap();
    as_document.bundles[0].thick_bundle = Some(thick_bundle(bytes));
    as_document.blobs.retain(|(_, bytes)| !is_layer(bytes));
    assert_error!(
        refusal(&sample, &as_document).head(),
        HeadError::Documents(DocumentError::ThickBundleElsewhere { digest }) if digest == document.digest
    );
    // As the layer of an image.
    let file = tgz(&files_of(&consignment(&super::sample())));
    let (sample, _) = consignment_with(&file);
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": file.len(),
        "digest": Digest::sha256(&file).to_string(),
    });
    let config = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [layer],
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "size": config.len(),
            "digest": Digest::sha256(&config).to_string(),
        },
    });
    let manifest = manifest.to_string().into_bytes();
    let mut as_layer = consignment(&sample);
    as_layer.blobs.retain(|(_, bytes)| !is_layer(bytes));
    as_layer.bundles[0].thick_bundle = Some(thick_bundle(&file));
    let descriptor = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": manifest.len(),
        "digest": Digest::sha256(&manifest).to_string(),
    });
    let mut image = image_record("example.com/demo/other:1", &descriptor, ImageRole::StandAlone);
    image.platforms.clear();
    as_layer.images.push(image);
    // After the index of the bundle, which is on the same level.
    as_layer.blobs.insert(2, (Digest::sha256(&manifest), manifest));
    as_layer.blobs.push((Digest::sha256(&config), config));
    as_layer.blobs.push((Digest::sha256(&file), file.clone()));
    let far = FarSide::trusting(&sample, hours(1));
    far.policy("minimum_level = \"0\"\n");
    assert_error!(
        far.refuses(&as_layer.archive()).head(),
        HeadError::Documents(DocumentError::ThickBundleElsewhere { digest }) if digest == Digest::sha256(&file)
    );
}

#[test]
fn a_manifest_that_is_not_in_the_thick_bundle_is_refused() {
    let manifest = consignment(&sample()).bundles[0].images[0].descriptor.digest.clone();
    let error = refused_content(|files| files.retain(|(name, _)| !name.ends_with(manifest.hex())));
    assert_error!(error, ThickContentError::Missing { digest, .. } if digest == manifest);
}

/// What was damaged on the way is not the exporter's fault.
#[test]
fn a_bit_that_flips_in_a_thick_bundle_is_found_by_its_digest() {
    let file = tgz(&files_of(&consignment(&sample())));
    let (sample, consignment) = consignment_with(&file);
    let honest = consignment.archive();
    let begin = honest.windows(64).rposition(|window| window == &file[..64]).unwrap();
    for at in [20, file.len() / 2, file.len() - 3] {
        let mut archive = honest.clone();
        archive[begin + at] ^= 1;
        let problem = FarSide::trusting(&sample, hours(1)).refuses(&archive).format().problem;
        assert_error!(problem, Problem::Digest { listed, .. } if listed == Digest::sha256(&file));
    }
}
