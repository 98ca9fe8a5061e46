//! The attacks that TUF's paper and specification (1.0.34 §1.5.2) list.

pub(crate) mod arbitrary_software;
mod downgrade;
mod endless_data;
mod extraneous_dependencies;
mod fast_forward;
mod freeze;
mod key_compromise;
mod mix_and_match;
mod notary;
mod rollback;
mod wrong_repository;

use sealift_sample_publisher::Sample;
use sealift_tests::malicious_exporter::Consignment;

use super::*;

/// The sample, its role published anew so many times. Roles above it follow, as publishers do it.
pub(super) fn published_again(sample: &mut Sample, role: &str, times: u64) {
    let repository = &mut sample.repository;
    repository.timestamp.version += times;
    if role != "timestamp" {
        repository.snapshot.version += times;
    }
    match role {
        "targets" => repository.targets.version += times,
        "targets/releases" => repository.releases.version += times,
        _ => {}
    }
}

/// What an honest exporter would have packed so many hours after the release.
fn packed_at(sample: &Sample, after: i64) -> Consignment {
    Consignment::of(sample, hours(after))
}
