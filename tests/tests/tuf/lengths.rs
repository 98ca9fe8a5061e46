//! §5: how much of each file is read (W, X, Y and Z), whether a length is stated for it or not.

use sealift_proof::tuf::{
    Limits, MetadataProvider, ProviderError, RoleName, TrustedRepository, TrustedState, TufError, VerifiedTarget,
    update,
};
use sealift_tests::tuf_repository::{Delegated, TufRepository, now};
use serde_json::json;

/// A repository of two versions of root, and with a target in a delegated role.
fn repository() -> TufRepository {
    let mut repository = TufRepository::new();
    repository.publish(&["root"]);
    repository.delegate("targets", Delegated::paths("team", &["file"]));
    repository.add_target("team", "file", b"content");
    repository.publish_everything();
    repository
}

/// What a client makes of metadata from this provider that has never been here, and looks for the target.
fn resolve<P: MetadataProvider>(
    pinned: &[u8],
    provider: &mut P,
    limits: &Limits,
) -> Result<Option<VerifiedTarget>, TufError> {
    let mut trusted: TrustedRepository = update(pinned, &TrustedState::default(), provider, now(), limits)?;
    trusted.resolve(provider, "file")
}

/// The limit for a role's files.
fn limit_of<'a>(limits: &'a mut Limits, role: &str) -> &'a mut u64 {
    match role {
        "root" => &mut limits.root_length,
        "timestamp" => &mut limits.timestamp_length,
        "snapshot" => &mut limits.snapshot_length,
        _ => &mut limits.targets_length,
    }
}

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "team"];

#[test]
fn endless_data_is_cut_off_even_when_a_provider_forgets_to() {
    /// Hands out one role's file with more bytes than it was asked for.
    struct Endless(TufRepository, &'static str);
    impl MetadataProvider for Endless {
        fn metadata(
            &mut self,
            role: &RoleName,
            version: Option<u64>,
            limit: u64,
        ) -> Result<Option<Vec<u8>>, ProviderError> {
            let file = self.0.files.get(&role.file_name(version)).cloned();
            Ok(file.map(|mut bytes| {
                if role.as_str() == self.1 {
                    bytes.resize(usize::try_from(limit).unwrap() + 1, b' ');
                }
                bytes
            }))
        }
    }
    let repository = repository();
    let pinned = repository.pinned_root();
    let mut limits = Limits::default();
    assert!(resolve(&pinned, &mut Endless(repository.clone(), "none"), &limits).unwrap().is_some());
    for role in ROLES {
        let expected = *limit_of(&mut limits, role);
        let file = repository.file_name(role, repository.version(role));
        let result = resolve(&pinned, &mut Endless(repository.clone(), role), &limits);
        assert_refused!(result, TufError::Provider(ProviderError::TooLong { file_name, limit })
            if file_name == file && limit == expected);
    }
}

#[test]
fn endless_data_without_a_stated_length_no_more_is_read_than_the_limit_allows() {
    for role in ROLES {
        let mut repository = repository();
        assert!(!repository.describes_files);
        let pinned = repository.pinned_root();
        // Longer than the files of all other roles, and validly signed as it is.
        repository.file(role).extend([b' '; 10_000]);
        let length = repository.file(role).len() as u64;
        let mut limits = Limits::default();
        *limit_of(&mut limits, role) = length;
        assert!(resolve(&pinned, &mut repository, &limits).unwrap().is_some(), "{role}");
        *limit_of(&mut limits, role) = length - 1;
        let file = repository.file_name(role, repository.version(role));
        let result = resolve(&pinned, &mut repository, &limits);
        assert_refused!(result, TufError::Provider(ProviderError::TooLong { file_name, limit })
            if file_name == file && limit == length - 1);
    }
}

#[test]
fn endless_data_a_stated_length_above_the_limit_is_refused_and_the_file_not_asked_for() {
    for role in ["snapshot", "targets", "team"] {
        let mut repository = TufRepository::new();
        let pinned = repository.pinned_root();
        repository.describes_files = true;
        repository.delegate("targets", Delegated::paths("team", &["file"]));
        repository.add_target("team", "file", b"content");
        repository.role(role)["padding"] = json!("0".repeat(10_000));
        repository.publish_everything();
        let length = repository.file(role).len() as u64;
        let mut limits = Limits::default();
        *limit_of(&mut limits, role) = length;
        assert!(resolve(&pinned, &mut repository, &limits).unwrap().is_some(), "{role}");
        *limit_of(&mut limits, role) = length - 1;
        repository.requests.clear();
        let file = repository.file_name(role, repository.version(role));
        let result = resolve(&pinned, &mut repository, &limits);
        assert_refused!(result, TufError::Provider(ProviderError::TooLong { file_name, limit })
            if file_name == file && limit == length - 1);
        assert!(!repository.requests.contains(&file), "{role}: {:?}", repository.requests);
    }
}
