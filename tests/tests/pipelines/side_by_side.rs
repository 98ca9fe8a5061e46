//! The TUF files of an export, fetched side by side.

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
use sealift_proof::tuf::{MetadataProvider, ProviderError, RoleName, TargetProvider};
use sealift_tests::crossing::Crossing;
use sealift_tests::malicious_exporter::exporter_key;

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

impl Slow {
    fn answer<T>(
        &mut self,
        file: &str,
        answer: impl FnOnce(&mut RepositoryFolder) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        *self.asked.files.lock().unwrap().entry(format!("{} {file}", self.name)).or_default() += 1;
        self.asked.most_at_once.fetch_max(self.asked.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(10));
        self.asked.at_once.fetch_sub(1, Ordering::SeqCst);
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
        update.set_map(map.to_string().as_bytes()).unwrap();
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
        let workers = Workers::connections(NonZeroUsize::new(workers).unwrap());
        let settings = ExportSettings {
            now: self.sides.now,
            exported_at: self.sides.now,
            exporter: Exporter { name: "test".to_owned(), version: "0".to_owned() },
            keys: &[exporter_key()],
            inspections: Inspections::NotRun,
            extent: self.extent,
            workers,
        };
        let plan = export::plan(&self.sides.request(), &workers).unwrap();
        let trust = self.sides.near().load().unwrap();
        let prepared = export::prepare(plan, &trust, live, &settings);
        drop((metadata, targets));
        (prepared, Arc::into_inner(asked).unwrap())
    }
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
        let most = asked.most_at_once.into_inner();
        assert!((NAMES.len() + 1..=16).contains(&most), "{most} at once");
        let files = asked.files.into_inner().unwrap();
        let more_than_once: Vec<_> = files.iter().filter(|(_, times)| **times > 1).collect();
        assert!(more_than_once.is_empty(), "{more_than_once:?}");
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
