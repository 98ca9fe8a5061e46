//! What the trust store holds when the machine stops, after every step of every change.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::Path;

use super::super::disk::{Disk, LocalDisk};
use super::*;

/// A disk on which the machine stops after so many steps, in the middle of a write.
struct DyingDisk {
    steps_left: Cell<usize>,
}

impl DyingDisk {
    fn step(&self) -> io::Result<()> {
        let left = self.steps_left.get().checked_sub(1).ok_or_else(|| io::Error::other("the machine stopped"))?;
        self.steps_left.set(left);
        Ok(())
    }
}

impl Disk for DyingDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| LocalDisk.create_folder(path))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step().inspect_err(|_| fs::write(path, &bytes[..bytes.len() / 2]).unwrap())?;
        LocalDisk.write(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step().and_then(|()| LocalDisk.rename(from, to))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| LocalDisk.sync_folder(path))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| LocalDisk.remove_file(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| LocalDisk.remove_folder(path))
    }
}

/// Runs `change` on a disk that dies after 0, 1, 2, … steps, until it is not reached; after each death, `check`s what a
/// fresh reader finds, and that the change can be made by the next process.
fn die_after_every_step(
    change: impl Fn(&Update) -> Result<(), TrustStoreError>,
    check: impl Fn(&TrustStore, usize),
    prepare: impl Fn() -> (tempfile::TempDir, TrustStore),
) {
    for steps in 0.. {
        let (_folder, store) = prepare();
        let disk = Box::new(DyingDisk { steps_left: Cell::new(steps) });
        let update = Update::on(store.clone(), disk).unwrap();
        let result = change(&update);
        drop(update);
        check(&store, steps);
        if result.is_ok() {
            assert!(steps > 2, "the disk dies in the middle");
            return;
        }
        change(&store.update().unwrap()).unwrap();
    }
}

#[test]
fn a_commit_that_dies_at_any_step_leaves_the_old_or_the_new_state() {
    let (old, new) = (state(1, 2, 3, 4), state(2, 3, 4, 5));
    let seen_old = Cell::new(0);
    die_after_every_step(
        |update| update.commit(&one(new.clone())),
        |store, steps| {
            let found = store.state(&name("main")).unwrap_or_else(|error| panic!("after {steps} steps: {error}"));
            assert!(found == old || found == new, "after {steps} steps");
            seen_old.set(seen_old.get() + usize::from(found == old));
        },
        || {
            let (folder, store) = store();
            store.update().unwrap().commit(&one(old.clone())).unwrap();
            (folder, store)
        },
    );
    assert!(seen_old.get() > 3);
}

#[test]
fn a_commit_for_several_repositories_that_dies_leaves_each_old_or_new() {
    let (old, new) = (state(1, 2, 3, 4), state(2, 3, 4, 5));
    let both = |state: &TrustedState| [(name("main"), state.clone()), (name("second"), state.clone())].into();
    die_after_every_step(
        |update| update.commit(&both(&new)),
        |store, steps| {
            for repository in store.load().unwrap().repositories.values() {
                assert!(repository.state == old || repository.state == new, "after {steps} steps");
            }
        },
        || {
            let (folder, store) = store();
            let update = store.update().unwrap();
            update.pin_root(&name("second"), &root(1), None).unwrap();
            update.commit(&both(&old)).unwrap();
            drop(update);
            (folder, store)
        },
    );
}

#[test]
fn a_delivery_that_dies_at_any_step_leaves_its_tags_old_or_new_and_no_state_without_them() {
    let tags = |level: &str| {
        let mut deliveries = Deliveries::default();
        let digest = Digest::sha256(level.as_bytes());
        let tag = DeliveredTag {
            name: "a".to_owned(),
            digest,
            level: level.parse().unwrap(),
            time: at("2026-01-01T00:00:00Z"),
            exported_at: Some(at("2025-12-31T00:00:00Z")),
            before: None,
        };
        deliveries.set("r.inner/a:1".to_owned(), "", tag, Replacement::Refused).unwrap();
        deliveries
    };
    let (old, new) = (state(1, 2, 3, 4), state(2, 3, 4, 5));
    let (old_tags, new_tags) = (tags("2"), tags("4"));
    let seen_old = Cell::new(0);
    die_after_every_step(
        |update| update.begin_delivery(&one(new.clone()), &new_tags).and_then(Commit::finish),
        |store, steps| {
            let found = store.deliveries().unwrap_or_else(|error| panic!("after {steps} steps: {error}"));
            assert!(found == old_tags || found == new_tags, "after {steps} steps");
            assert!(found == new_tags || store.state(&name("main")).unwrap() == old, "after {steps} steps");
            seen_old.set(seen_old.get() + usize::from(found == old_tags));
        },
        || {
            let (folder, store) = store();
            store.update().unwrap().begin_delivery(&one(old.clone()), &old_tags).unwrap().finish().unwrap();
            (folder, store)
        },
    );
    assert!(seen_old.get() > 3);
}

#[test]
fn pinning_that_dies_at_any_step_pins_nothing_or_the_root() {
    die_after_every_step(
        |update| match update.pin_root(&name("second"), &root(1), None) {
            Ok(_) | Err(TrustStoreError::RepositoryExists { .. }) => Ok(()),
            Err(error) => Err(error),
        },
        |store, steps| {
            let trust = store.load().unwrap_or_else(|error| panic!("after {steps} steps: {error}"));
            if let Some(second) = trust.repositories.get(&name("second")) {
                assert_eq!(second.root.bytes, root(1));
            }
        },
        store,
    );
}

#[test]
fn replacing_a_root_that_dies_never_joins_a_root_to_another_ones_state() {
    let (old, new) = (root(1), root(2));
    die_after_every_step(
        |update| update.replace_root(&name("main"), &new, None).map(drop),
        |store, steps| match store.load() {
            Ok(trust) => {
                let main = &trust.repositories[&name("main")];
                let expected = if main.root.bytes == old { state(1, 2, 3, 4) } else { TrustedState::default() };
                assert_eq!(main.state, expected, "after {steps} steps");
            }
            Err(TrustStoreError::RootChanged { .. }) => {}
            Err(error) => panic!("after {steps} steps: {error}"),
        },
        || {
            let (folder, store) = store();
            store.update().unwrap().commit(&one(state(1, 2, 3, 4))).unwrap();
            (folder, store)
        },
    );
}

#[test]
fn removing_a_root_can_be_done_again_where_it_was_interrupted() {
    die_after_every_step(
        |update| match update.remove_root(&name("main")) {
            Ok(()) | Err(TrustStoreError::UnknownRepository { .. }) => Ok(()),
            Err(error) => Err(error),
        },
        |store, steps| match store.load() {
            Ok(_) | Err(TrustStoreError::RootLost { .. }) => {}
            Err(error) => panic!("after {steps} steps: {error}"),
        },
        accepting_store,
    );
}

#[test]
fn resetting_a_state_that_dies_at_any_step_forgets_all_or_nothing() {
    die_after_every_step(
        |update| update.reset_state(&name("main"), FloorAtReset::Forgotten).map(drop),
        |store, _| assert!([state(1, 2, 3, 4), TrustedState::default()].contains(&store.state(&name("main")).unwrap())),
        accepting_store,
    );
}

#[test]
fn a_store_whose_beginning_was_interrupted_can_be_begun_again() {
    for steps in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let store = TrustStore::at(folder.path().join("trust"));
        let disk = Box::new(DyingDisk { steps_left: Cell::new(steps) });
        let _ = Update::on_new(store.clone(), disk).map(drop);
        store.begin().unwrap().pin_root(&name("main"), &root(1), None).unwrap();
        store.load().unwrap();
        assert_eq!(store.deliveries().unwrap(), Deliveries::default(), "after {steps} steps");
    }
}
