//! Archives that are written into a file, by any number of threads, and taken up where an earlier attempt stopped.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sealift_archive_format::{Digest, WriteError};
use sealift_core::authorization::Credentials;
use sealift_core::export::{ExportError, Prepared, TakenUp, Unfinished, UnfinishedError};
use sealift_core::http::{HttpClient, HttpSettings, OnRetry};
use sealift_core::oci::Descriptor;
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::progress::Unwatched;
use sealift_core::registry::{RegistryClient, RegistrySource};
use sealift_core::transfer::Workers;
use sealift_proof::signature::SigningKey;
use sealift_tests::crossing::Crossing;
use sealift_tests::hostile_source::HostileSource;
use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::registry::{Action, Fault, Registry};
use serde_json::json;

use super::WEB;
use super::failures::{INSTALLER, blob, lone_image, prepare, prepare_request};

fn key() -> [SigningKey; 1] {
    [exporter_key()]
}

fn write(prepared: &Prepared, output: &Path, workers: usize) -> Result<TakenUp, ExportError> {
    let unfinished = Unfinished::begin(output, prepared, false)?;
    prepared.write_file(unfinished, &Workers::connections(NonZeroUsize::new(workers).unwrap()), &Unwatched)
}

fn partial(output: &Path) -> PathBuf {
    Unfinished::path_of(output)
}

/// The digests of the layers and configurations, which come from the source when the archive is written.
fn fetched(prepared: &Prepared) -> Vec<Digest> {
    prepared.inventory().entries.iter().rev().take(3).map(|entry| entry.digest.clone()).collect()
}

/// Writes until one blob is missing, which is put back then.
fn interrupt(sides: &Crossing, prepared: &Prepared, output: &Path) {
    let missing = blob(sides, &fetched(prepared)[0]);
    let aside = missing.with_extension("aside");
    fs::rename(&missing, &aside).unwrap();
    // One at a time, so everything before it is complete.
    let refused = write(prepared, output, 1).unwrap_err();
    assert!(matches!(refused, ExportError::Source { .. }), "{refused:?}");
    fs::rename(&aside, &missing).unwrap();
    assert!(!output.exists() && partial(output).exists(), "what is unfinished has another name");
}

#[test]
fn an_archive_is_the_same_for_any_number_of_workers_and_through_a_pipe() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let piped = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap();
    for workers in [1, 2, 8, 32] {
        let output = sides.path(&format!("{workers}.sealift"));
        assert_eq!(write(&prepared, &output, workers).unwrap(), TakenUp::default());
        assert!(fs::read(&output).unwrap() == piped, "{workers}");
        assert!(!partial(&output).exists());
        let workers = Workers::connections(NonZeroUsize::new(workers).unwrap());
        assert!(prepared.write(Vec::new(), &workers, &Unwatched).unwrap() == piped);
    }
}

#[test]
fn what_is_whole_is_not_fetched_again_and_the_bytes_are_the_same() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let piped = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap();
    let output = sides.path("app.sealift");
    interrupt(&sides, &prepared, &output);
    // What the unfinished archive has is gone from the source.
    for digest in &fetched(&prepared)[1..] {
        fs::remove_file(blob(&sides, digest)).unwrap();
    }
    let taken_up = write(&prepared, &output, 8).unwrap();
    assert_eq!(taken_up.entries, prepared.inventory().entries.len() - 1);
    assert!(fs::read(&output).unwrap() == piped);
    assert!(!partial(&output).exists());
}

#[test]
fn what_was_damaged_meanwhile_is_fetched_again() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let piped = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap();
    let output = sides.path("app.sealift");
    interrupt(&sides, &prepared, &output);
    let mut bytes = fs::read(partial(&output)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(partial(&output), bytes).unwrap();
    write(&prepared, &output, 8).unwrap();
    assert!(fs::read(&output).unwrap() == piped);
}

#[test]
fn what_is_still_wanted_is_kept_when_something_else_is_exported() {
    let sides = Crossing::new();
    let output = sides.path("app.sealift");
    let first = prepare(&sides, "test", &[exporter_key()]).unwrap();
    interrupt(&sides, &first, &output);
    // Another image comes first, and every entry has another place.
    let mut request = sides.image_request(INSTALLER);
    request.items.extend(sides.image_request(WEB).items);
    let prepared = prepare_request(&sides, &request, "test", &key()).unwrap();
    let piped = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap();
    for digest in &fetched(&first)[1..] {
        fs::remove_file(blob(&sides, digest)).unwrap();
    }
    write(&prepared, &output, 8).unwrap();
    assert!(fs::read(&output).unwrap() == piped);
    let left = fs::read_dir(sides.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial"));
    assert_eq!(left.count(), 0, "nothing is left behind");
}

#[test]
fn starting_over_forgets_what_was_there() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let output = sides.path("app.sealift");
    interrupt(&sides, &prepared, &output);
    let unfinished = Unfinished::begin(&output, &prepared, true).unwrap();
    assert_eq!(prepared.write_file(unfinished, &Workers::default(), &Unwatched).unwrap(), TakenUp::default());
}

#[test]
fn nothing_that_was_there_before_is_written_over() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let begin = |output: &Path, afresh| Unfinished::begin(output, &prepared, afresh).unwrap_err();
    let path = |name: &str| sides.path(name);
    fs::write(path("taken"), "a file").unwrap();
    fs::write(path("text.partial"), "somebody's notes".repeat(100)).unwrap();
    fs::create_dir(path("folder.partial")).unwrap();
    symlink(path("taken"), path("link.partial")).unwrap();
    for afresh in [false, true] {
        assert!(matches!(begin(&path("taken"), afresh), UnfinishedError::Exists { .. }));
        for name in ["text", "folder", "link"] {
            let refused = begin(&path(name), afresh);
            assert!(matches!(refused, UnfinishedError::Foreign { .. }), "{name}: {refused:?}");
        }
        assert!(matches!(begin(&path("nowhere/app"), afresh), UnfinishedError::Access { .. }));
    }
    fs::write(path("linked"), "").unwrap();
    fs::hard_link(path("linked"), path("hard.partial")).unwrap();
    assert!(matches!(begin(&path("hard"), false), UnfinishedError::Foreign { .. }));
    let file = File::create(path("busy.partial")).unwrap();
    file.lock().unwrap();
    assert!(matches!(begin(&path("busy"), false), UnfinishedError::InUse { .. }));
    assert_eq!(fs::read(path("taken")).unwrap(), b"a file");
    // Somebody takes the name while it is written.
    let unfinished = Unfinished::begin(&path("late"), &prepared, false).unwrap();
    fs::write(path("late"), "somebody else's").unwrap();
    let refused = prepared.write_file(unfinished, &Workers::default(), &Unwatched).unwrap_err();
    assert!(matches!(refused, ExportError::Unfinished(UnfinishedError::Exists { .. })), "{refused:?}");
    assert_eq!(fs::read(path("late")).unwrap(), b"somebody else's");
}

#[test]
fn an_unfinished_archive_that_was_exchanged_does_not_get_the_name() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let output = sides.path("app.sealift");
    let unfinished = Unfinished::begin(&output, &prepared, false).unwrap();
    fs::remove_file(partial(&output)).unwrap();
    fs::write(partial(&output), "half of something else").unwrap();
    let refused = prepared.write_file(unfinished, &Workers::default(), &Unwatched).unwrap_err();
    assert!(matches!(refused, ExportError::Unfinished(UnfinishedError::InUse { .. })), "{refused:?}");
    assert!(!output.exists());
}

#[test]
fn an_unfinished_archive_that_was_cut_is_taken_up() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let piped = prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap();
    let output = sides.path("app.sealift");
    interrupt(&sides, &prepared, &output);
    let length = fs::metadata(partial(&output)).unwrap().len();
    for cut in [1, 100, 512, 1024, 4096, length / 2, length - 512] {
        let file = File::options().write(true).open(partial(&output)).unwrap();
        file.set_len(length.saturating_sub(cut)).unwrap();
        drop(file);
        write(&prepared, &output, 4).unwrap();
        assert!(fs::read(&output).unwrap() == piped, "{cut}");
        fs::rename(&output, partial(&output)).unwrap();
    }
}

#[test]
fn an_unfinished_archive_of_other_things_is_not_written_over_unasked() {
    let sides = Crossing::new();
    let output = sides.path("app.sealift");
    interrupt(&sides, &prepare(&sides, "test", &[exporter_key()]).unwrap(), &output);
    let mut source = HostileSource::default();
    let root = source.image("other");
    source.serve(root);
    let other = prepare_request(&sides, &lone_image(Arc::new(source), "other.example/app:1"), "test", &key()).unwrap();
    let refused = Unfinished::begin(&output, &other, false).unwrap_err();
    assert!(matches!(&refused, UnfinishedError::OtherItems { items, .. } if items.len() == 1), "{refused:?}");
    assert!(Unfinished::begin(&output, &other, true).is_ok());
}

#[test]
fn an_archive_that_is_longer_than_the_room_is_not_begun() {
    let sides = Crossing::new();
    let mut source = HostileSource::default();
    let config = source.store("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let layer = Descriptor { size: 1 << 50, ..Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"a layer") };
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let root = source.store(OCI_MANIFEST, manifest.to_string().into_bytes());
    source.serve(root);
    let prepared = prepare_request(&sides, &lone_image(Arc::new(source), "e.example/a:1"), "test", &key()).unwrap();
    let refused = Unfinished::begin(&sides.path("app.sealift"), &prepared, false).unwrap_err();
    assert!(matches!(&refused, UnfinishedError::NoRoom(no_room) if no_room.needed > no_room.free), "{refused:?}");
}

#[test]
fn a_source_that_sends_something_else_leaves_no_archive() {
    let sides = Crossing::new();
    let prepared = prepare(&sides, "test", &[exporter_key()]).unwrap();
    let output = sides.path("app.sealift");
    fs::write(blob(&sides, &fetched(&prepared)[1]), b"something else").unwrap();
    let refused = write(&prepared, &output, 8).unwrap_err();
    let is_told = matches!(&refused, ExportError::Source { .. } | ExportError::Write(WriteError::Content { .. }));
    assert!(is_told && !output.exists(), "{refused:?}");
}

#[test]
fn a_failure_ends_the_waits_of_other_work() {
    let sides = Crossing::new();
    let registry = Registry::start();
    let layers = [b"one", b"two"].map(|content| registry.add_blob("app", content));
    let config = registry.add_blob("app", b"{}");
    let config = Descriptor { media_type: "application/vnd.oci.image.config.v1+json".to_owned(), ..config };
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers });
    registry.add_manifest("app", "1", OCI_MANIFEST, manifest.to_string().as_bytes());
    let (begins, waits) = channel();
    let on_retry = OnRetry::call(move |_| begins.send(()).unwrap_or_default());
    let http = HttpClient::new(HttpSettings { on_retry, ..HttpSettings::default() }).unwrap();
    let source = RegistrySource::new(RegistryClient::new(http, Credentials::none()));
    let name = format!("{}/app:1", registry.domain());
    let prepared = prepare_request(&sides, &lone_image(Arc::new(source), &name), "test", &key()).unwrap();
    // One layer is to be waited for. The other is missing, which shows while that one is waited for.
    let [busy, missing] = layers.map(|layer| layer.digest.to_string());
    registry.inject(Fault::always("GET", &busy, Action::status(503, &[("Retry-After", "50")])));
    let waits = Mutex::new(waits);
    registry.inject(Fault::always(
        "GET",
        &format!("blobs/{missing}"),
        Action::write(move |answer| {
            let _ = waits.lock().unwrap().recv();
            answer.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }),
    ));
    let begun = Instant::now();
    let into_a_file = write(&prepared, &sides.path("app.sealift"), 8).map(drop);
    let into_a_pipe = prepared.write(Vec::new(), &Workers::default(), &Unwatched).map(drop);
    for outcome in [into_a_file, into_a_pipe] {
        assert!(
            matches!(&outcome, Err(ExportError::Source { digest, .. }) if digest.to_string() == missing),
            "{outcome:?}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}
