//! A process that is killed while it remembers what it accepted.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use sealift_core::trust_store::{RepositoryName, TrustStore};
use sealift_proof::tuf::TrustedState;
use sealift_tests::tuf_repository::TufRepository;

/// Names the trust store to the process that is killed.
const STORE: &str = "SEALIFT_TESTS_STORE_OF_A_KILLED_PROCESS";

fn repository_name() -> RepositoryName {
    "main".parse().unwrap()
}

/// What is remembered of a repository whose timestamp has that version. The store looks at the version alone, and so
/// nothing takes time but writing it down.
fn accepted(version: u64) -> BTreeMap<RepositoryName, TrustedState> {
    static STATE: LazyLock<TrustedState> = LazyLock::new(|| TufRepository::new().accepted());
    let mut state = STATE.clone();
    let timestamp = format!(r#"{{"signatures": [], "signed": {{"_type": "timestamp", "version": {version}}}}}"#);
    state.metadata.insert("timestamp".to_owned(), timestamp.into_bytes());
    BTreeMap::from([(repository_name(), state)])
}

/// The process that is killed: it accepts one timestamp after the other, and says when it has.
#[test]
fn accepts_until_it_is_killed() {
    let Some(folder) = std::env::var_os(STORE) else { return };
    let store = TrustStore::at(PathBuf::from(folder));
    let last = store.versions(&repository_name()).unwrap()["timestamp"];
    for version in last + 1.. {
        store.update().unwrap().commit(&accepted(version)).unwrap();
        writeln!(std::io::stdout(), "accepted {version}").unwrap();
    }
}

#[test]
fn a_killed_process_leaves_the_trust_store_whole_and_unlocked() {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path());
    let update = store.begin().unwrap();
    update.pin_root(&repository_name(), &TufRepository::new().pinned_root(), None).unwrap();
    update.commit(&accepted(1)).unwrap();
    drop(update);
    for round in 0..40_u64 {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::accepts_until_it_is_killed", "--nocapture"])
            .env(STORE, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("accepted ") {
            said.clear();
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "the process ended by itself");
        }
        // Whatever it is doing by then.
        std::thread::sleep(Duration::from_micros(round * 1_237 % 50_000));
        process.kill().unwrap();
        process.wait().unwrap();
        // The last line may be half of one.
        let lines: Vec<String> = std::iter::once(said).chain(output.lines().map(Result::unwrap)).collect();
        let versions = lines.iter().filter_map(|line| line.trim().rsplit_once("accepted ")?.1.parse::<u64>().ok());
        let said = versions.max().unwrap();

        let remembered = store.versions(&repository_name()).unwrap()["timestamp"];
        assert!((said..=said + 1).contains(&remembered), "it had accepted {said}, and {remembered} is remembered");
        store.update().unwrap();
        store.load().unwrap();
    }
}
