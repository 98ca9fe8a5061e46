//! A supply chain that was made up.

use sealift_core::in_toto::{Trace, VerifiedSupplyChain};

fn main() {
    let _ = VerifiedSupplyChain {
        trace: Trace::default(),
        summary: Default::default(),
        expires: unreachable!(),
        not_run: Vec::new(),
    };
}
