//! A seal that nobody has verified.

use sealift_archive_format::UnverifiedSeal;
use sealift_core::seal::VerifiedSeal;

fn forge(seal: &UnverifiedSeal) -> VerifiedSeal {
    VerifiedSeal {
        inventory: seal.inventory().clone(),
        statement_digest: seal.statement_digest(),
        signers: vec!["alice".to_owned()],
    }
}

fn main() {
    let _ = forge;
}
