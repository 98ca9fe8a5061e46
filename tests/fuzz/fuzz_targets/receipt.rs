//! Whatever a pinned site signs: it is read as a receipt or refused, and what is read says the same when it is signed again, compressed or as one line.
//! What nobody signed is refused before it is read.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, pae};
use sealift_core::receipt::{self, BriefReceipt, Receipt, ReceiptError};
use sealift_core::trust_store::ReceiverKey;
use sealift_proof::signature::SigningKey;

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_seed(&[7; 32]);
    let public = key.public_key().expect("it has one");
    let receivers = BTreeMap::from([("plant".parse().expect("a name"), ReceiverKey(public.clone()))]);
    let _ = receipt::verify(bytes, &receivers, None);
    let signature = DsseSignature {
        key_id: public.fingerprint().expect("it has one").hex().to_owned(),
        bytes: key.sign(&pae(PAYLOAD_TYPE, bytes)),
    };
    let payload_type = PAYLOAD_TYPE.to_owned();
    let envelope = DsseEnvelope { payload_type, payload: bytes.to_vec(), signatures: vec![signature] }.encode();
    match receipt::verify(&envelope, &receivers, None) {
        Ok(read) => {
            let again = read.receipt().sign(&key).expect("what was read can be signed");
            let again = receipt::verify(&again, &receivers, None).expect("and read again");
            assert_eq!(again.receipt(), read.receipt());
            let Receipt { site, made_at, place, accepted, .. } = read.receipt().clone();
            let accepted = accepted.into_iter().next().expect("a receipt confirms an archive");
            let brief = BriefReceipt { site, made_at, place, accepted };
            let line = receipt::verify(brief.sign(&key).as_bytes(), &receivers, None).expect("its line is read");
            assert_eq!(*line.receipt(), brief.into());
        }
        Err(error) => assert!(
            !matches!(error, ReceiptError::Forged { .. } | ReceiptError::UnknownReceiver { .. }),
            "it is signed by the one who is pinned"
        ),
    }
});
