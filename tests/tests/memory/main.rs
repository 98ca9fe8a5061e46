//! Endless data, by amplification: short documents that would take very much memory. Measured by an allocator that
//! counts, in bytes and not in seconds, so that each test gives the same figures everywhere.

// Test code outside of test functions.
#![allow(clippy::unwrap_used, clippy::panic)]

mod counting_allocator;
mod seal;
mod tarballs;
mod totals;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use counting_allocator::peak_of;
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, EnvelopeError};
use sealift_archive_format::strict_json::{self, JsonError, memory_for};
use sealift_proof::in_toto::{AttestationError, ReadAttestation, Signers, Work};
use sealift_proof::tuf::TufError;
use sealift_tests::tuf_repository::TufRepository;

const MEBIBYTE: usize = 1024 * 1024;
/// How long the documents here are, in bytes: so long that the patterns below differ from what honest documents take.
const LENGTH: usize = 3 * MEBIBYTE;

/// What a parser may hold beside the tree: one string, while its escapes are resolved.
const BESIDE: usize = MEBIBYTE;

/// A list of as many equal items as a document has room for.
fn list_of(item: &str) -> String {
    list_of_length(item, LENGTH)
}

fn list_of_length(item: &str, length: usize) -> String {
    let count = length / (item.len() + 1);
    format!("[{}]", vec![item; count].join(","))
}

/// An object of as many members as a document has room for, each with this value.
fn object_of(value: &str) -> String {
    let letters: Vec<char> = ('!'..='~').filter(|letter| !matches!(letter, '"' | '\\')).collect();
    let mut text = String::from("{");
    for first in &letters {
        for (second, third) in letters.iter().flat_map(|second| letters.iter().map(move |third| (second, third))) {
            if text.len() < LENGTH {
                write!(text, "\"{first}{second}{third}\":{value},").unwrap();
            }
        }
    }
    text.pop();
    text + "}"
}

#[test]
fn endless_data_amplification_no_tree_takes_more_memory_than_its_document_allows() {
    let nested = format!("{}{}", "[{\"\":".repeat(40) + "0", "}]".repeat(40));
    let lists =
        ["0", "[]", "{}", "\"\"", "\"a\"", "[0]", "[[[0]]]", "[0,0,0,0,0]", "{\"\":0}", "{\"\":{\"\":{}}}", &nested];
    let twelve = "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,\"l\":0}";
    let lists = lists.into_iter().chain([twelve]).map(list_of);
    let objects = ["0", "\"\"", "[]", "[0]", "{\"\":0}"].map(object_of);
    for document in lists.chain(objects) {
        let (parsed, peak) = peak_of(|| strict_json::parse(document.as_bytes()));
        let start: String = document.chars().take(32).collect();
        let (parsed, allowed) = (parsed.map(drop), memory_for(document.len()));
        println!("{start:32} {:>4} of {:>4} MiB: {parsed:?}", peak / MEBIBYTE, allowed / MEBIBYTE);
        assert!(peak < allowed + BESIDE, "{start}: {peak} bytes, {allowed} are allowed");
        assert!(matches!(parsed, Ok(()) | Err(JsonError::TooMuchMemory { .. })), "{start}: {parsed:?}");
    }
}

#[test]
fn endless_data_amplification_a_list_of_objects_is_refused() {
    let result = strict_json::parse(list_of("{\"\":0}").as_bytes());
    let Err(error @ JsonError::TooMuchMemory { limit }) = result else { panic!("{:?}", result.map(drop)) };
    assert_eq!(limit, memory_for(list_of("{\"\":0}").len()));
    assert_eq!(
        error.to_string(),
        format!("the document has so many small values that they would take more than {limit} bytes of memory")
    );
}

#[test]
fn endless_data_amplification_metadata_that_nobody_signed() {
    let mut repository = TufRepository::new();
    let document = format!("{{\"signatures\":[],\"signed\":{{\"x\":{}}}}}", list_of("{\"\":0}"));
    *repository.file("targets") = document.into_bytes();
    let (result, peak) = peak_of(|| repository.first_update());
    let Err(TufError::Signatures { .. }) = result else { panic!("{result:?}") };
    // The file, what would have been signed of it, and a little more.
    assert!(peak < 3 * LENGTH, "{peak} bytes");
}

#[test]
fn endless_data_amplification_a_seal_holds_nothing_but_its_payload_and_signatures() {
    let envelope = |more: &str, signature: &str| {
        format!("{{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{signature}]{more}}}")
    };
    let many = list_of("{\"\":0}");
    for document in
        [envelope(&format!(",\"x\":{many}"), "{\"sig\":\"\"}"), envelope("", &format!("{{\"sig\":\"\",\"x\":{many}}}"))]
    {
        let (result, peak) = peak_of(|| DsseEnvelope::parse(document.as_bytes()));
        assert_eq!(result.unwrap().signatures.len(), 1, "what is not known is passed over");
        assert!(peak < 16 * 1024, "{peak} bytes");
    }
    let document = envelope("", list_of("{\"sig\":\"\"}").trim_matches(['[', ']']));
    let (result, peak) = peak_of(|| DsseEnvelope::parse(document.as_bytes()));
    assert!(matches!(result, Err(EnvelopeError::TooManySignatures { count }) if count == LENGTH / 11), "{result:?}");
    assert!(peak < 16 * 1024, "{peak} bytes");
}

/// Honest documents in their densest form, each with what it may come to of what is allowed, in percent.
#[test]
fn honest_documents_stay_far_below_what_is_allowed() {
    let hash = "0123456789abcdef".repeat(4);
    let list = |count: usize, member: &dyn Fn(usize) -> String| (0..count).map(member).collect::<Vec<_>>().join(",");
    let target = |number| {
        format!("\"example.com/org/bundle-{number}:1.0\":{{\"hashes\":{{\"sha256\":\"{hash}\"}},\"length\":7}}")
    };
    let bin = |number| format!("\"bin-{number:04x}.json\":{{\"version\":1}}");
    let delegation = |number| {
        format!(
            "{{\"keyids\":[\"{hash}\"],\"name\":\"bin-{number:04x}\",\"path_hash_prefixes\":[\"0000\",\"0001\",\"0002\",\
             \"0003\"],\"terminating\":false,\"threshold\":1}}"
        )
    };
    let artifact = |number| format!("\"src/part-{number}.c\":{{\"sha256\":\"{hash}\"}}");
    let descriptor = |number| {
        format!(
            "{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:{hash}\",\
             \"size\":{number},\"platform\":{{\"architecture\":\"amd64\",\"os\":\"linux\"}}}}"
        )
    };
    for (what, document, percent) in [
        ("a role of 100,000 targets", format!("{{\"targets\":{{{}}}}}", list(100_000, &target)), 70),
        ("a snapshot of 16,384 bins", format!("{{\"meta\":{{{}}}}}", list(16_384, &bin)), 70),
        ("a snapshot of 65,536 bins", format!("{{\"meta\":{{{}}}}}", list(65_536, &bin)), 70),
        ("16,384 delegations", format!("{{\"roles\":[{}]}}", list(16_384, &delegation)), 30),
        ("a link of 50,000 artifacts", format!("{{\"products\":{{{}}}}}", list(50_000, &artifact)), 50),
        ("an index of 10,000 images", format!("{{\"manifests\":[{}]}}", list(10_000, &descriptor)), 30),
    ] {
        let (parsed, peak) = peak_of(|| strict_json::parse(document.as_bytes()));
        parsed.unwrap();
        let (length, allowed) = (document.len(), memory_for(document.len()));
        println!("{what}: {length} bytes, {} for each, {} % of what is allowed", peak / length, 100 * peak / allowed);
        assert!(100 * peak < percent * allowed, "{what}: {peak} of {allowed} bytes");
    }
}

/// An attestation of very many small values, or of one long list, takes little more than its own bytes and its envelope.
#[test]
fn endless_data_amplification_an_attestation_is_read_without_a_tree() {
    let image = sealift_archive_format::Digest::sha256(b"image");
    let long = 10 * MEBIBYTE;
    let statement = |subject: &str, predicate: &str| {
        let about = format!("{{\"digest\":{{\"sha256\":\"{}\"}}}}", image.hex());
        format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"https://spdx.dev/Document/v2.3\",\
             \"subject\":[{about}{subject}],\"predicate\":{predicate}}}"
        )
    };
    let more = |item: &str| list_of_length(item, long).replacen('[', ",", 1).trim_end_matches(']').to_owned();
    for (what, statement, accepted) in [
        ("small values", statement("", &format!("{{\"packages\":{}}}", list_of_length("{\"\":0}", long))), true),
        ("subjects", statement(&more("{}"), "{}"), false),
        ("hashes", statement(&more("{\"digest\":{\"a\":\"\"}}"), "{}"), false),
    ] {
        let payload = statement.into_bytes();
        let signatures = vec![DsseSignature { key_id: String::new(), bytes: vec![0; 64] }];
        let payload_type = "application/vnd.in-toto+json".to_owned();
        let envelope = DsseEnvelope { payload_type, payload: payload.clone(), signatures }.encode();
        for (wrapping, bytes) in [("bare", payload), ("envelope", envelope)] {
            let (checked, peak) = peak_of(|| -> Result<_, AttestationError> {
                let work = &mut Work::of_an_archive();
                let signers = Signers { pinned: &[], asked: &BTreeSet::new(), at: jiff::Timestamp::UNIX_EPOCH };
                let read = ReadAttestation::new(&bytes, signers, work)?;
                read.about(&image, std::slice::from_ref(&image), work)
            });
            println!("{what}, {wrapping}: {} bytes, {} KiB: {:?}", bytes.len(), peak / 1024, checked.as_ref().err());
            assert_eq!(checked.is_ok(), accepted, "{what}, {wrapping}");
            assert!(peak < 2 * bytes.len(), "{what}, {wrapping}: {peak} bytes for {}", bytes.len());
        }
    }
}

/// What the tree of a short document may take follows from its length, like that of a long one.
#[test]
fn endless_data_amplification_a_short_document_has_a_small_budget() {
    for length in [1_024, 64 * 1_024, MEBIBYTE] {
        let document = list_of_length("{\"\":0}", length);
        let (parsed, peak) = peak_of(|| strict_json::parse(document.as_bytes()));
        assert!(matches!(parsed, Err(JsonError::TooMuchMemory { .. })) || length == 1_024, "{length}");
        assert!(peak < 48 * length + 64 * 1_024, "{length}: {peak} bytes");
    }
}
