//! `sealift sign`: nobody signs what he has not read.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::co_signing::CoSigningError;
use sealift_archive_format::{Problem, Reader};
use sealift_core::co_sign::CoSigner;
use sealift_core::seal::{self, ExporterKey, SealError, SignError};
use sealift_core::trust::Purpose;
use sealift_core::trust_store::TrustStoreError;
use sealift_core::verify::{self, Discard, HeadError, ReceiveError, Transport, VerifySettings};
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::{PublicKey, Scheme, SigningKey};
use sealift_sample_publisher::Sample;
use sealift_tests::archive_mutator;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Consignment, REPOSITORY, exporter_key};
use sealift_tests::sealift_command::sealift;

fn epoch() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn second() -> SigningKey {
    SigningKey::from_seed(&[8; 32])
}

/// Why the archive was not signed.
#[derive(Debug)]
enum Refused {
    Head(HeadError),
    Content(ReceiveError<std::convert::Infallible>),
    Sign(SignError),
}

/// Verifies and signs as the command does, with something that happens between the two; how many have signed it then.
fn sign(far: &FarSide, path: &Path, key: &SigningKey, meanwhile: fn(&FarSide)) -> Result<usize, Refused> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut signer = CoSigner::open(&mut file, key).map_err(Refused::Sign)?;
    let trust = signer.terms(&far.store().load().unwrap());
    let settings =
        VerifySettings { now: far.now, asked: None, purpose: Purpose::Acceptance, inspections: Inspections::NotRun };
    let judged =
        verify::open_sealed(signer.reader().map_err(Refused::Sign)?, &trust, &settings).map_err(Refused::Head)?;
    let verified = judged.receive(&Discard, &Transport::default()).map_err(Refused::Content)?;
    meanwhile(far);
    Ok(signer.sign_verified(&verified, &far.store()).map_err(Refused::Sign)?.signatures().len())
}

struct Rig {
    folder: tempfile::TempDir,
    far: FarSide,
    sample: Sample,
}

impl Rig {
    fn new() -> Self {
        let sample = Sample::new(epoch()).unwrap();
        let far = FarSide::trusting(&sample, epoch() + SignedDuration::from_hours(2));
        Self { folder: tempfile::tempdir().unwrap(), far, sample }
    }

    fn archive(&self) -> Vec<u8> {
        Consignment::of(&self.sample, epoch()).archive()
    }

    /// The archive in a file, which is signed; its bytes after that are given back.
    fn sign(&self, archive: &[u8], key: &SigningKey) -> (Result<usize, Refused>, Vec<u8>) {
        self.sign_while(archive, key, |_| ())
    }

    fn sign_while(
        &self,
        archive: &[u8],
        key: &SigningKey,
        meanwhile: fn(&FarSide),
    ) -> (Result<usize, Refused>, Vec<u8>) {
        let path = self.folder.path().join("x.sealift");
        fs::write(&path, archive).unwrap();
        (sign(&self.far, &path, key, meanwhile), fs::read(path).unwrap())
    }
}

#[test]
fn an_archive_is_signed_once_all_of_it_was_verified() {
    let rig = Rig::new();
    let archive = rig.archive();
    let (signed, after) = rig.sign(&archive, &second());
    assert_eq!(signed.unwrap(), 2);
    let seal = Reader::open(after.as_slice()).unwrap().seal().clone();
    assert_eq!(seal.statement(), Reader::open(archive.as_slice()).unwrap().seal().statement());
    rig.far.accepts(&after);
}

#[test]
fn a_trust_store_that_changes_while_an_archive_is_read_is_respected() {
    let changes: [fn(&FarSide); 3] = [
        |far| far.policy("minimum_level = \"4\"\n"),
        |far| far.store().update().unwrap().remove_exporter(&"carrier".parse().unwrap()).unwrap(),
        |far| far.store().update().unwrap().remove_root(&REPOSITORY.parse().unwrap()).unwrap(),
    ];
    for change in changes {
        let rig = Rig::new();
        let archive = rig.archive();
        let (refused, after) = rig.sign_while(&archive, &second(), change);
        assert!(
            matches!(&refused, Err(Refused::Sign(SignError::TrustStore(TrustStoreError::Changed { .. })))),
            "{refused:?}"
        );
        assert!(after == archive);
    }
    // What says nothing about it may change.
    let rig = Rig::new();
    let (signed, _) = rig.sign_while(&rig.archive(), &second(), |far| {
        far.store().update().unwrap().reset_deliveries(None).unwrap();
    });
    assert_eq!(signed.unwrap(), 2);
}

#[test]
fn what_is_refused_is_not_signed_and_not_touched() {
    let rig = Rig::new();
    let mut tampered = rig.archive();
    // In the padded content of the last layer, before the two blocks that end the archive.
    let last = tampered.len() - 1_024 - 512;
    tampered[last] ^= 1;
    let (refused, after) = rig.sign(&tampered, &second());
    assert!(
        matches!(&refused, Err(Refused::Content(ReceiveError::Archive(error))) if matches!(error.problem, Problem::Digest { .. })),
        "{refused:?}"
    );
    assert!(after == tampered);
    let mut longer = rig.archive();
    longer.push(0);
    let (refused, after) = rig.sign(&longer, &second());
    assert!(
        matches!(&refused, Err(Refused::Content(ReceiveError::Archive(error))) if matches!(error.problem, Problem::TrailingBytes)),
        "{refused:?}"
    );
    assert!(after == longer);
}

#[test]
fn a_second_signer_need_not_be_there_before_himself() {
    let rig = Rig::new();
    rig.far.add_exporter("second", &second().public_key().unwrap());
    rig.far.policy("exporter_threshold = 2\n");
    // One of the two that this side asks for has signed, and the other one is signing.
    assert_eq!(rig.sign(&rig.archive(), &second()).0.unwrap(), 2);
    // Whoever is not asked for does not count.
    let (refused, _) = rig.sign(&rig.archive(), &SigningKey::from_seed(&[9; 32]));
    assert!(matches!(refused, Err(Refused::Head(HeadError::Seal(SealError::Threshold { .. })))), "{refused:?}");
}

#[test]
fn a_signer_does_not_vouch_for_a_stranger() {
    let rig = Rig::new();
    rig.far.add_exporter("second", &second().public_key().unwrap());
    let strangers = Consignment::of(&rig.sample, epoch()).sealed_by(&[SigningKey::from_seed(&[99; 32])]);
    let (refused, after) = rig.sign(&strangers, &second());
    assert!(matches!(refused, Err(Refused::Head(HeadError::Seal(SealError::UnknownExporter { .. })))), "{refused:?}");
    assert!(after == strangers);
    // Nor twice for himself.
    let own = Consignment::of(&rig.sample, epoch()).sealed_by(&[exporter_key()]);
    assert!(matches!(rig.sign(&own, &exporter_key()).0, Err(Refused::Sign(SignError::CoSigning(_)))));
}

#[test]
fn a_seal_that_a_signer_left_torn_is_repaired_by_signing_again() {
    let rig = Rig::new();
    let (signed, whole) = rig.sign(&rig.archive(), &second());
    signed.unwrap();
    let (mut torn, archive) = (whole.clone(), rig.archive());
    let changed: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != archive[at]).collect();
    let (half, end) = (changed[changed.len() / 2], changed.last().unwrap() + 1);
    torn[half..end].copy_from_slice(&archive[half..end]);
    assert!(Reader::open(torn.as_slice()).is_err());
    let (signed, after) = rig.sign(&torn, &second());
    assert_eq!(signed.unwrap(), 2);
    assert!(after == whole);
}

#[test]
fn the_command_signs_the_statement_that_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let sample = archive_mutator::Sample::default();
    fs::write(folder.path().join("x.sealift"), sample.bytes()).unwrap();
    fs::write(folder.path().join("bert.pem"), second().to_pem(None).unwrap().as_bytes()).unwrap();
    let run = |statement: &str| {
        let arguments =
            ["--json", "--trust", "none", "sign", "x.sealift", "--key", "bert.pem", "--statement", statement];
        let output = std::process::Command::new(sealift()).args(arguments).current_dir(folder.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let signers = || {
        let file = File::open(folder.path().join("x.sealift")).unwrap();
        Reader::open(file).unwrap().seal().signatures().len()
    };
    assert_eq!((run(&format!("sha256:{}", "0".repeat(64))).0, signers()), (11, 1));
    let (code, output) = run(&sample.seal().bytes().statement_digest().to_string());
    assert_eq!((code, signers()), (0, 2));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&output).unwrap()["verified"], false);
}

#[test]
fn only_ed25519_keys_can_seal() {
    let archive = Rig::new().archive();
    let seal = Reader::open(archive.as_slice()).unwrap();
    let exporter = |name: &str, key: PublicKey| ExporterKey { name: name.to_owned(), key };
    let carrier = exporter("carrier", exporter_key().public_key().unwrap());
    let one = std::num::NonZeroU32::MIN;
    assert_eq!(seal::verify(seal.seal(), std::slice::from_ref(&carrier), one).unwrap().signers(), ["carrier"]);
    let point = rcgen::KeyPair::generate().unwrap();
    let other = PublicKey::ecdsa_point(Scheme::EcdsaP256Sha256, point.public_key_raw()).unwrap();
    for exporters in [[carrier.clone(), exporter("other", other.clone())], [exporter("other", other), carrier]] {
        let refused = seal::verify(seal.seal(), &exporters, one).unwrap_err();
        assert!(
            matches!(&refused, SealError::NotEd25519 { exporter, scheme: Scheme::EcdsaP256Sha256 } if exporter == "other"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_written_is_not_signed() {
    let rig = Rig::new();
    let path = rig.folder.path().join("x.sealift");
    fs::write(&path, rig.archive()).unwrap();
    let mut file = File::open(&path).unwrap();
    let key = second();
    let mut signer = CoSigner::open(&mut file, &key).unwrap();
    let trust = signer.terms(&rig.far.store().load().unwrap());
    let settings = VerifySettings {
        now: rig.far.now,
        asked: None,
        purpose: Purpose::Acceptance,
        inspections: Inspections::NotRun,
    };
    let judged = verify::open_sealed(signer.reader().unwrap(), &trust, &settings).unwrap();
    let verified = judged.receive(&Discard, &Transport::default()).unwrap();
    let refused = signer.sign_verified(&verified, &rig.far.store()).err();
    assert!(matches!(&refused, Some(SignError::CoSigning(CoSigningError::Io(_)))), "{refused:?}");
}
