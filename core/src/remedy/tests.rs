use sealift_archive_format::InventoryError;
use sealift_proof::tuf::TufError;
use sealift_proof::tuf::dialect::{DialectName, PinError};
use sealift_proof::tuf::map::MapSearchError;
use serde_json::{Value, json};

use super::*;
use crate::trust_store::TrustStoreError;

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

#[test]
fn an_archive_that_names_something_twice_is_its_exporters_matter() {
    let twice = || InventoryError::DuplicateReference { reference: "example.com/app:1".to_owned() };
    assert_eq!(twice().remedy(), Remedy::AskExporter { about: ExporterMatter::Archive });
    assert_eq!(crate::export::PrepareError::Inventory(twice()).remedy(), Remedy::NameOnce);
}

#[test]
fn the_page_names_every_member() {
    let page = include_str!("../../../docs/exit-codes.md");
    let (_, remedies) = include_str!("mod.rs").split_once("pub enum Remedy {").unwrap();
    let (remedies, _) = remedies.split_once("\n}\n").unwrap();
    let members = remedies.lines().filter_map(|line| line.strip_prefix("        ")?.split_once(": "));
    let mut count = 0;
    for (member, _) in members.filter(|(member, _)| member.chars().all(|it| it.is_ascii_lowercase() || it == '_')) {
        let mut words = member.split('_');
        let first = words.next().unwrap().to_owned();
        let in_json = words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..]);
        assert!(page.contains(&format!("`{in_json}`")), "{in_json}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_is_shown() {
    use std::os::unix::ffi::OsStrExt as _;

    let path = Path::new(std::ffi::OsStr::from_bytes(b"shop\xff")).to_owned();
    assert_eq!(
        as_json(&Remedy::CheckPath { path, meant: None }),
        json!({ "kind": "check-path", "path": "shop\u{fffd}" })
    );
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

#[test]
fn a_root_that_nothing_vouches_for_and_one_of_another_dialect_have_remedies_of_their_own() {
    let expected = "00".repeat(32).parse().unwrap();
    let source = PinError::OtherCertificate { expected, found: vec!["a key id".to_owned()] };
    let refused = TrustStoreError::NotVouchedFor { source };
    assert_eq!(refused.remedy(), Remedy::AskPublisher { about: PublisherMatter::Root });
    let of = |expected, found| TrustStoreError::RootOfOtherDialect { expected, found }.remedy();
    assert_eq!(of(DialectName::Tuf, DialectName::Notary), Remedy::PinAsNotary);
    assert_eq!(of(DialectName::Notary, DialectName::Tuf), Remedy::PinAsTuf);
}
