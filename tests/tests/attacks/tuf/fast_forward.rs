//! Fast-forward: whoever has the keys of an online role pushes its version so far that honest ones look old. The
//! publisher recovers by rotating the keys of timestamp and snapshot (TUF 1.0.34 §5.3.11).

use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::TufError;
use sealift_tests::crossing::FarSide;

use super::*;

/// The largest version that JSON readers keep exactly.
const FAR_AHEAD: u64 = (1 << 53) - 1;

fn pushed_ahead(sample: &mut Sample, role: &str) -> FarSide {
    let repository = &mut sample.repository;
    let before = repository.timestamp.version;
    match role {
        "timestamp" => repository.timestamp.version = FAR_AHEAD,
        "snapshot" => repository.snapshot.version = FAR_AHEAD,
        _ => repository.releases.version = FAR_AHEAD,
    }
    let far = FarSide::trusting(sample, hours(4));
    far.accepts(&packed_at(sample, 0).archive());
    let repository = &mut sample.repository;
    repository.timestamp.version = before + 1;
    repository.snapshot.version = 2;
    repository.releases.version = 2;
    far
}

#[test]
fn fast_forward_is_ended_by_rotating_the_keys_and_by_nothing_else() {
    for role in ["timestamp", "snapshot", "targets/releases"] {
        let mut sample = sample();
        let far = pushed_ahead(&mut sample, role);
        // Honest versions are too old now: without new keys nobody can tell them from a rollback.
        let error = far.refuses(&packed_at(&sample, 1).archive()).tuf();
        assert_error!(error, TufError::Rollback { role: found, trusted: FAR_AHEAD, .. } if found.as_str() == role);
        // A root that rotates nothing does not help.
        sample.repository.renew_root();
        let error = far.refuses(&packed_at(&sample, 1).archive()).tuf();
        assert_error!(error, TufError::Rollback { .. });
        // New keys for timestamp and snapshot do.
        sample.repository.renew_root();
        sample.repository.timestamp.keys = vec![SigningKey::generate().unwrap()];
        sample.repository.snapshot.keys = vec![SigningKey::generate().unwrap()];
        far.accepts(&packed_at(&sample, 2).archive());
    }
}
