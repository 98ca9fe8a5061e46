//! The TUF files of an export, fetched side by side.

use std::path::Path;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{self, ExportSettings, PrepareError, Prepared};
use sealift_core::transfer::Workers;
use sealift_core::trust::{Carrier, Extent};
use sealift_core::trust_store::RepositoryName;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_proof::in_toto::Inspections;
use sealift_proof::tuf::provider::target_file_path;
use sealift_proof::tuf::{Dialect, MetadataProvider, ProviderError, RoleName, TargetProvider, TrustAnchor};
use sealift_tests::crossing::Crossing;
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::notary_repository::{CertificateWish, NotaryKey, NotaryRepository, file_name};

const NAMES: [&str; 3] = ["demo", "second", "third"];

/// What was asked of the repositories.
#[derive(Default)]
struct Asked {
    /// How often each file was, by the repository's name and its own.
    files: Mutex<BTreeMap<String, usize>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// A repository that takes its time for each file.
#[derive(Clone)]
struct Slow {
    name: &'static str,
    folder: RepositoryFolder,
    asked: Arc<Asked>,
    /// A file that cannot be had.
    withheld: Option<&'static str>,
    has_twins: bool,
}

impl Asked {
    /// A file takes its time.
    fn wait_for(&self, file: String) {
        *self.files.lock().unwrap().entry(file).or_default() += 1;
        self.most_at_once.fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(10));
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }

    /// What was asked for more than once.
    fn more_than_once(&self) -> Vec<String> {
        let files = self.files.lock().unwrap();
        files.iter().filter(|(_, times)| **times > 1).map(|(file, _)| file.clone()).collect()
    }
}

impl Slow {
    fn answer<T>(
        &mut self,
        file: &str,
        answer: impl FnOnce(&mut RepositoryFolder) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        self.asked.wait_for(format!("{} {file}", self.name));
        if self.withheld.is_some_and(|withheld| file.ends_with(withheld)) {
            return Err(ProviderError::Unavailable { file_name: file.to_owned(), source: "withheld".into() });
        }
        answer(&mut self.folder)
    }
}

impl MetadataProvider for Slow {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        self.answer(&role.file_name(version), |folder| folder.metadata(role, version, limit))
    }

    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        self.has_twins.then(|| Box::new(self.clone()) as Box<dyn MetadataProvider>)
    }
}

impl TargetProvider for Slow {
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let file = target_file_path(path, digest_prefix);
        self.answer(&file, |folder| folder.target(path, digest_prefix, limit))
    }

    fn twin(&self) -> Option<Box<dyn TargetProvider>> {
        self.has_twins.then(|| Box::new(self.clone()) as Box<dyn TargetProvider>)
    }
}

/// Three repositories that say the same, all of which must.
struct ThreeRepositories {
    sides: Crossing,
    extent: Extent,
    withheld: Option<&'static str>,
    has_twins: bool,
}

impl ThreeRepositories {
    fn new(extent: Extent) -> Self {
        let sides = Crossing::new();
        let root = std::fs::read(sides.path("tuf/metadata/1.root.json")).unwrap();
        let update = sides.near().begin().unwrap();
        for name in &NAMES[1..] {
            update.pin_root(&name.parse().unwrap(), &root, None).unwrap();
        }
        let repositories: BTreeMap<&str, [&str; 0]> = NAMES.iter().map(|name| (*name, [])).collect();
        let mapping =
            [serde_json::json!({ "paths": ["*"], "repositories": NAMES, "threshold": 3, "terminating": true })];
        let map = serde_json::json!({ "repositories": repositories, "mapping": mapping });
        update.set_map(Path::new("map.json"), map.to_string().as_bytes()).unwrap();
        drop(update);
        Self { sides, extent, withheld: None, has_twins: true }
    }

    fn prepare(&self, workers: usize) -> (Result<Prepared, PrepareError>, Asked) {
        let asked = Arc::new(Asked::default());
        let folder = RepositoryFolder::new(self.sides.path("tuf/metadata"), self.sides.path("tuf/targets"));
        let Self { withheld, has_twins, .. } = *self;
        let slow =
            NAMES.map(|name| Slow { name, folder: folder.clone(), asked: Arc::clone(&asked), withheld, has_twins });
        let (mut metadata, mut targets) = (slow.clone(), slow);
        let live: BTreeMap<RepositoryName, Carrier<'_>> = metadata
            .iter_mut()
            .zip(&mut targets)
            .map(|(metadata, targets)| (metadata.name.parse().unwrap(), Carrier { metadata, targets }))
            .collect();
        let prepared = prepare(&self.sides, live, self.extent, workers);
        drop((metadata, targets));
        (prepared, Arc::into_inner(asked).unwrap())
    }
}

/// Prepares the export of what the sides have, over so many connections.
fn prepare(
    sides: &Crossing,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    extent: Extent,
    workers: usize,
) -> Result<Prepared, PrepareError> {
    let workers = Workers::connections(NonZeroUsize::new(workers).unwrap());
    let settings = ExportSettings {
        base: None,
        now: sides.now,
        exported_at: sides.now,
        exporter: Exporter { name: "test".to_owned(), version: "0".to_owned() },
        keys: &[exporter_key()],
        inspections: Inspections::NotRun,
        extent,
        workers,
    };
    let plan = export::plan(&sides.request(), &workers).unwrap();
    export::prepare(plan, &sides.near().load().unwrap(), live, &settings)
}

/// A collection of Notary that takes its time for each file.
#[derive(Clone)]
struct SlowCollection {
    files: BTreeMap<String, Vec<u8>>,
    asked: Arc<Asked>,
}

impl MetadataProvider for SlowCollection {
    fn metadata(&mut self, role: &RoleName, version: Option<u64>, _: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        let file = role.file_name(version);
        self.asked.wait_for(file.clone());
        Ok(self.files.get(&file).cloned())
    }

    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }
}

/// In Notary's dialect each role that can be reached is looked at, whether a search comes to it or not.
#[test]
fn delegated_roles_of_notary_are_fetched_side_by_side() {
    let sides = Crossing::of_images();
    let image = Image::for_two_platforms("app");
    sides.publish_image(&image, &[]);
    let gun = "example.com/org/app";
    let mut collection = NotaryRepository::with_root_key(NotaryKey::certified(&CertificateWish {
        common_names: &[gun],
        ..CertificateWish::default()
    }));
    for number in 0..6 {
        collection.delegate("targets", &format!("targets/{number}"), &[""]);
        collection.delegate(&format!("targets/{number}"), &format!("targets/{number}/below"), &[""]);
    }
    collection.add_tag("targets/5/below", "1", image.root().bytes());
    collection.expire_at("2027-01-01T00:00:00Z");
    collection.bump("targets");
    collection.publish_next();
    let dialect = Dialect::Notary(gun.parse().unwrap());
    let pinned = TrustAnchor { root: &collection.files["1.root.json"], dialect: &dialect };
    sides.near().begin().unwrap().pin_root(&"acme".parse().unwrap(), pinned, None).unwrap();
    let prepare = |files: &BTreeMap<String, Vec<u8>>, workers| {
        let asked = Arc::new(Asked::default());
        let mut metadata = SlowCollection { files: files.clone(), asked: Arc::clone(&asked) };
        let mut targets = RepositoryFolder::new(sides.path("nowhere"), sides.path("nowhere"));
        let carrier = Carrier { metadata: &mut metadata, targets: &mut targets };
        let live = BTreeMap::from([("acme".parse().unwrap(), carrier)]);
        let prepared = prepare(&sides, live, Extent::WhatIsNeeded, workers);
        drop(metadata);
        (prepared, Arc::into_inner(asked).unwrap())
    };
    let (in_turn, asked) = prepare(&collection.files, 1);
    let in_turn = in_turn.unwrap();
    assert_eq!((asked.more_than_once(), asked.most_at_once.into_inner()), (vec![], 1));
    let (side_by_side, asked) = prepare(&collection.files, 32);
    assert_eq!(side_by_side.unwrap().statement_digest(), in_turn.statement_digest());
    assert_eq!(asked.more_than_once(), Vec::<String>::new());
    let most = asked.most_at_once.into_inner();
    assert!((6..=16).contains(&most), "the six that one role delegates to: {most} at once");
    // What is missing is told as by one that asks in turn.
    let mut files = collection.files.clone();
    files.remove(&file_name("targets/3"));
    let [in_turn, side_by_side] = [1, 32].map(|workers| prepare(&files, workers).0.err().unwrap());
    assert_eq!(format!("{in_turn:?}"), format!("{side_by_side:?}"));
}

#[test]
fn each_file_is_asked_for_once_and_many_at_a_time_and_the_archive_is_the_same() {
    for extent in [Extent::WhatIsNeeded, Extent::EveryRole] {
        let mut three = ThreeRepositories::new(extent);
        let (in_turn, asked) = three.prepare(1);
        let in_turn = in_turn.unwrap().statement_digest();
        assert_eq!(asked.most_at_once.into_inner(), 1);
        let (side_by_side, asked) = three.prepare(32);
        assert_eq!(side_by_side.unwrap().statement_digest(), in_turn);
        // More than there are repositories: those of one are fetched side by side too.
        let most = asked.most_at_once.load(Ordering::SeqCst);
        assert!((NAMES.len() + 1..=16).contains(&most), "{most} at once");
        assert_eq!(asked.more_than_once(), Vec::<String>::new());
        let files = asked.files.into_inner().unwrap();
        assert!(files.keys().any(|file| file.ends_with(".layout")) && files.keys().any(|file| file.ends_with(".link")));
        // Where there is only one provider, it is asked for one file after the other.
        three.has_twins = false;
        let (alone, asked) = three.prepare(32);
        assert_eq!(alone.unwrap().statement_digest(), in_turn);
        assert_eq!(asked.most_at_once.into_inner(), NAMES.len(), "the chains of three repositories");
    }
}

#[test]
fn what_cannot_be_had_is_told_as_by_one_that_asks_in_turn() {
    let mut three = ThreeRepositories::new(Extent::WhatIsNeeded);
    for withheld in ["timestamp.json", ".layout", ".link"] {
        three.withheld = Some(withheld);
        let [in_turn, side_by_side] = [1, 32].map(|workers| three.prepare(workers).0.err().unwrap());
        assert_eq!(format!("{in_turn:?}"), format!("{side_by_side:?}"), "{withheld}");
    }
}
