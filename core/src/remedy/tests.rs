use sealift_proof::tuf::TufError;
use sealift_proof::tuf::map::MapSearchError;
use serde_json::{Value, json};

use super::*;

fn as_json(remedy: &Remedy) -> Value {
    serde_json::to_value(remedy).unwrap()
}

#[test]
fn remedies_are_kinds_with_parts_in_json() {
    let room = Remedy::FreeRoom { bytes: 512, folder: "/srv/out".into() };
    assert_eq!(as_json(&room), json!({ "kind": "free-room", "bytes": 512, "folder": "/srv/out" }));
    let ask = Remedy::AskPublisher { about: PublisherMatter::OfflineKeys };
    assert_eq!(as_json(&ask), json!({ "kind": "ask-publisher", "about": "offline-keys" }));
    assert_eq!(as_json(&Remedy::CarryAgain), json!({ "kind": "carry-again" }));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_is_shown() {
    use std::os::unix::ffi::OsStrExt as _;

    let path = Path::new(std::ffi::OsStr::from_bytes(b"shop\xff")).to_owned();
    assert_eq!(as_json(&Remedy::CheckPath { path }), json!({ "kind": "check-path", "path": "shop\u{fffd}" }));
}

#[test]
fn a_refusal_within_a_repository_names_it() {
    let refused = || TufError::TrustedRoot { source: Box::new(TufError::TooManyRoots { limit: 1 }) };
    assert_eq!(refused().remedy(), Remedy::RestoreRoot { repository: None });
    let repository: RepositoryName = "shop".parse().unwrap();
    let source = Box::new(refused());
    let search = MapSearchError::Repository { repository: repository.clone(), target: "app".to_owned(), source };
    assert_eq!(search.remedy(), Remedy::RestoreRoot { repository: Some(repository) });
}
