//! A TUF target that no role has signed.

use sealift_core::tuf::VerifiedTarget;

fn main() {
    let _ = VerifiedTarget::new("example.com/shop:1.0", unreachable!(), Vec::new());
}
