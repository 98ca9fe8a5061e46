//! What `export` seals, the far side takes: over sources of every form, right and wrong.

use proptest::prelude::*;
use sealift_tests::crossing::FarSide;
use sealift_tests::generated_source::{self, POLICY};
use sealift_tests::malicious_exporter::exporter_key;

/// A side that trusts one exporter and asks for nothing else: exporter and importer in one.
fn side() -> FarSide {
    let far = FarSide::trusting_nobody("2026-06-01T12:00:00Z".parse().unwrap());
    far.policy(POLICY);
    far
}

/// Exports what the choices make; `None` where export refuses.
fn export(side: &FarSide, choices: &[u8]) -> Option<Vec<u8>> {
    generated_source::export(choices, &exporter_key(), &side.store().load().unwrap(), side.now)
}

proptest! {
    #[test]
    fn what_export_seals_is_verified_and_imported(choices in prop::collection::vec(any::<u8>(), 0..160)) {
        let side = side();
        if let Some(archive) = export(&side, &choices) {
            let delivered = side.import(&archive);
            prop_assert!(delivered.is_ok(), "{:?}", delivered.err());
        }
    }
}

/// The property says nothing if hardly anything is exported.
#[test]
fn much_of_what_is_generated_is_exported() {
    let side = side();
    let choices = |seed: u64| -> Vec<u8> {
        let next =
            |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        std::iter::successors(Some(seed), next).skip(1).take(120).map(|state| state.to_be_bytes()[0]).collect()
    };
    let exported = (0..200).filter(|seed| export(&side, &choices(*seed)).is_some()).count();
    println!("{exported} of 200 were exported");
    assert!((20..180).contains(&exported), "{exported} of 200 were exported");
}
